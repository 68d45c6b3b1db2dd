# What it checks is numbered; s8 holds the number of the check that is next.
    .set noreorder
    .set noat
    .set nomacro
    .section .text.probe, "ax"

    .equ DATA, 0x4000               # a guaranteed page: save areas by cause, then:
    .equ RESUME, DATA + 0x100       # where a handler goes on
    .equ COPY, 0x5000               # a guaranteed page while the child is made
    .equ MAPPED, 0x0050             # upper half of the first address that is bound
    .equ UNMAPPED, 0x0060           # upper half of an address that is not

    .macro call selector            # a system call
    addiu $v0, $zero, \selector
    syscall
    .endm
    .macro succeed                  # v0 is no error
    addiu $s8, $s8, 1
    bltz  $v0, failed
    nop
    .endm
    .macro expect register, value   # the register holds a small value
    addiu $s8, $s8, 1
    addiu $k1, $zero, \value
    bne   $k1, \register, failed
    nop
    .endm

    .globl start
start:                              # 1-4: a page of data, with save areas
    addu  $s8, $zero, $zero
    addiu $a0, $zero, {ANY}
    call  {PAGE_ALLOC}
    succeed                         # 1
    sll   $s0, $v0, 12              # s0 = its physical address
    addu  $a0, $zero, $zero
    addiu $a1, $zero, DATA
    ori   $a2, $s0, {WRITABLE}
    call  {ENV_GUARANTEE}
    expect $v0, 0                   # 2
    addiu $s1, $zero, 1             # s1 = cause
1:  addiu $t0, $zero, 8             # not of system calls
    beq   $s1, $t0, 2f
    addu  $a0, $zero, $zero
    addu  $a1, $s1, $zero
    sll   $t0, $s1, 4
    addu  $a2, $s0, $t0
    call  {ENV_SAVE_AREA}
    bltz  $v0, failed
    addu  $a0, $zero, $zero
    addu  $a1, $s1, $zero
    addiu $a2, $zero, %lo(handler)
    call  {ENV_HANDLER}
    bltz  $v0, failed
    nop
2:  addiu $s1, $s1, 1
    addiu $t0, $zero, 13
    bne   $s1, $t0, 1b
    nop
    addu  $a0, $zero, $zero
    addiu $a1, $zero, {SYNCHRONOUS}
    addiu $a2, $zero, %lo(replied)
    call  {ENV_ENTRY}
    expect $v0, 0                   # 3
    addu  $a0, $zero, $zero
    addiu $a1, $zero, {ASYNCHRONOUS}
    addiu $a2, $zero, %lo(returned)
    call  {ENV_ENTRY}
    expect $v0, 0                   # 4

# The null call: nothing changes but v0. Thrice, so that all is in the caches.
    addiu $s1, $zero, 3
1:  addiu $t0, $zero, 101
    addiu $t1, $zero, 102
    call  {ENV_SELF}
    .globl after_env_self
after_env_self:
    addiu $s1, $s1, -1
    bne   $s1, $zero, 1b
    nop
    expect $v0, 0                   # 5
    expect $t0, 101                 # 6
    expect $t1, 102                 # 7
    addiu $s1, $zero, 3
1:  call  {TICKS}
    .globl after_ticks
after_ticks:
    addiu $s1, $s1, -1
    bne   $s1, $zero, 1b
    nop
    succeed                         # 8
    call  {NO_CALL}
    expect $v0, {NO_SUCH_CALL}      # 9
    call  {SCALL_NOBODY}
    expect $v0, {NO_SUCH_CALL}      # 10
    addiu $v0, $zero, {PAGE_ALLOC}  # in a delay slot
    b     failed
    syscall
    expect $v0, {IN_SLOT}           # 11

# An exception: the handler skips the instruction, and nothing changes.
    addiu $t0, $zero, 103
    addiu $t1, $zero, 104
    addiu $t2, $zero, 105
    lui   $s2, 0x7fff
    addiu $s1, $zero, 3
1:
    .globl overflow
overflow:
    add   $s3, $s2, $s2
    addiu $s1, $s1, -1
    bne   $s1, $zero, 1b
    nop
    expect $t0, 103                 # 12
    expect $t1, 104                 # 13
    expect $t2, 105                 # 14

# Bindings: 100 pages of addresses to one page, more than the TLB holds.
    addiu $s3, $zero, 100
    lui   $s4, MAPPED
1:  addu  $t1, $s4, $zero
    ori   $t2, $s0, {WRITABLE}
    addiu $t3, $zero, 106
    .globl bind
bind:
    call  {TLB_WRITE}
    .globl after_bind
after_bind:
    bne   $v0, $zero, failed
    addiu $k1, $zero, 106
    bne   $t3, $k1, failed
    nop
    addiu $s3, $s3, -1
    bne   $s3, $zero, 1b
    addiu $s4, $s4, 4096
    addiu $s8, $s8, 1               # 15
    lui   $t1, MAPPED
    ori   $t2, $s0, 0x700           # global: refused
    call  {TLB_WRITE}
    expect $v0, {BAD_VALUE}         # 16
    addiu $s3, $zero, 100
    lui   $s4, MAPPED
    addiu $t0, $zero, 107
    sw    $t0, 0x200+DATA($zero)
1:
    .globl touch
touch:
    lw    $t0, 0x200($s4)
    addiu $k1, $zero, 107
    bne   $t0, $k1, failed
    addiu $s3, $s3, -1
    bne   $s3, $zero, 1b
    addiu $s4, $s4, 4096
    addiu $s8, $s8, 1               # 17

# A miss that is the application's to handle: skipped as any exception.
    addiu $t0, $zero, 108
    lui   $s4, UNMAPPED
    addiu $s1, $zero, 3
1:
    .globl missed
missed:
    lw    $t9, 0($s4)
    addiu $s1, $s1, -1
    bne   $s1, $zero, 1b
    nop
    expect $t0, 108                 # 18

# Contexts: the bindings of one are not the other's; guaranteed mappings are everywhere.
    addiu $t1, $zero, 1
    call  {CONTEXT_SWITCH}
    expect $v0, 0                   # 19
    lui   $s4, MAPPED
    addiu $t9, $zero, 121
    lw    $t9, 0x200($s4)           # skipped
    expect $t9, 121                 # 20
    addu  $t1, $zero, $zero
    call  {CONTEXT_SWITCH}
    expect $v0, 0                   # 21
    lw    $t9, 0x200($s4)
    expect $t9, 107                 # 22
    addiu $t1, $zero, 4
    call  {CONTEXT_SWITCH}
    expect $v0, {BAD_NAME}          # 23
    addiu $t1, $zero, 1             # a primitive in a delay slot: refused
    addiu $v0, $zero, {CONTEXT_SWITCH}
    b     failed
    syscall
    expect $v0, {IN_SLOT}           # 24
    expect $t1, 1                   # 25

# Coprocessor 1: not usable, usable, not usable.
    addiu $t9, $zero, 122
    .word 0x44192000                # mfc1 t9, f4: skipped
    nop
    expect $t9, 122                 # 26
    addiu $t1, $zero, 1
    call  {FPU_MODIFY}
    expect $v0, 0                   # 27
    addiu $t0, $zero, 123
    .word 0x44882000                # mtc1 t0, f4
    nop
    .word 0x44192000                # mfc1 t9, f4
    nop
    expect $t9, 123                 # 28
    call  {TICKS}                   # it stays so over a call
    .word 0x44192000                # mfc1 t9, f4
    nop
    expect $t9, 123                 # 29
    addu  $t1, $zero, $zero
    call  {FPU_MODIFY}
    expect $v0, 0                   # 30
    addiu $t9, $zero, 124
    .word 0x44192000                # mfc1 t9, f4: skipped
    nop
    expect $t9, 124                 # 31

# A child with this very page.
    addiu $a0, $zero, {ANY}
    call  {PAGE_ALLOC}
    succeed                         # 32
    addu  $a0, $v0, $zero
    call  {ENV_CREATE}
    expect $v0, 1                   # 33
    addiu $a0, $zero, {ANY}
    call  {PAGE_ALLOC}
    succeed                         # 34
    addu  $s5, $v0, $zero           # s5 = the page
    sll   $s6, $v0, 12              # s6 = its address
    addu  $a0, $zero, $zero
    addiu $a1, $zero, COPY
    ori   $a2, $s6, {WRITABLE}
    call  {ENV_GUARANTEE}
    expect $v0, 0                   # 35
    addiu $t0, $zero, 0x1000
1:  lw    $t1, 0($t0)
    addiu $t0, $t0, 4
    sw    $t1, COPY-0x1004($t0)
    addiu $t2, $zero, 0x2000
    bne   $t0, $t2, 1b
    nop
    addu  $a0, $zero, $zero
    addiu $a1, $zero, COPY
    addu  $a2, $zero, $zero
    call  {ENV_GUARANTEE}
    expect $v0, 0                   # 36
    addu  $a0, $s5, $zero
    addiu $a1, $zero, 1
    call  {PAGE_GIVE}
    expect $v0, 0                   # 37
    addiu $a0, $zero, 1
    addiu $a1, $zero, 0x1000
    ori   $a2, $s6, {VALID}
    call  {ENV_GUARANTEE}
    expect $v0, 0                   # 38
    addiu $a0, $zero, 1
    addiu $a1, $zero, {SYNCHRONOUS}
    addiu $a2, $zero, %lo(called)
    call  {ENV_ENTRY}
    expect $v0, 0                   # 39
    addiu $a0, $zero, 1
    addiu $a1, $zero, {ASYNCHRONOUS}
    addiu $a2, $zero, %lo(lent)
    call  {ENV_ENTRY}
    expect $v0, 0                   # 40

# Transfers: there and back, thrice each way, so that everything is in caches and TLB. s8 tells the child who calls.
    addiu $s7, $zero, 3
    addiu $t0, $zero, 109
    addiu $t9, $zero, 110
1:  call  {SCALL_CHILD}
    b     failed                    # it does not come back here
    nop
    .globl called
called:                             # in the child
    bne   $v0, $zero, failed        # called by environment 0
    nop
    call  {SCALL_PARENT}
    b     failed
    nop
    .globl replied
replied:                            # in the parent
    addiu $k1, $zero, 1
    bne   $v0, $k1, failed          # called by environment 1
    addiu $s7, $s7, -1
    bne   $s7, $zero, 1b
    nop
    expect $t0, 109                 # 41
    expect $t9, 110                 # 42
    addiu $s7, $zero, 3
1:  call  {ACALL_CHILD}
    b     failed
    nop
    .globl lent
lent:                               # in the child
    bne   $v0, $zero, failed        # called by environment 0
    nop
    call  {ACALL_PARENT}
    b     failed
    nop
    .globl returned
returned:                           # in the parent
    addiu $k1, $zero, 1
    bne   $v0, $k1, failed          # called by environment 1
    addiu $s7, $s7, -1
    bne   $s7, $zero, 1b
    nop
    expect $t0, 109                 # 43
    expect $t9, 110                 # 44

# Two clock ticks: no register changes, HI and LO neither.
    call  {TICKS}
    succeed                         # 45
    addiu $s1, $v0, 2
    addiu $s2, $zero, 3000          # turns in which they come, on the slowest clock
2:  addiu $s8, $zero, 45
    addiu $t0, $zero, 111
    addiu $t1, $zero, 112
    addiu $a0, $zero, 113
    addiu $at, $zero, 114
    addiu $t9, $zero, 115
    addiu $ra, $zero, 116
    addiu $sp, $zero, 117
    addiu $v1, $zero, 118
    mult  $t0, $t1
    ori   $s3, $zero, 0x8000
1:  addiu $k0, $zero, 119           # the kernel keeps k0
    addiu $k0, $k0, 1
    addiu $s3, $s3, -1
    bne   $s3, $zero, 1b
    addiu $k0, $k0, -120
    bne   $k0, $zero, failed
    nop
    expect $t0, 111                 # 46
    expect $t1, 112                 # 47
    expect $a0, 113                 # 48
    expect $at, 114                 # 49
    expect $t9, 115                 # 50
    expect $ra, 116                 # 51
    expect $sp, 117                 # 52
    expect $v1, 118                 # 53
    mflo  $t0
    mfhi  $t1
    expect $t0, 12432               # 54
    expect $t1, 0                   # 55
    call  {TICKS}
    addiu $s8, $s8, 1               # 56
    addiu $s2, $s2, -1
    beq   $s2, $zero, failed
    subu  $t0, $v0, $s1
    bltz  $t0, 2b
    nop
    addu  $s8, $zero, $zero
failed:                             # s8 = the status
    addu  $a0, $s8, $zero
    call  {HALT}
    break                           # only environment 0 may: the child ends here

# Exceptions: skips the instruction. In: t0 = EPC, t2 = Cause.
    .globl handler
handler:
    addiu $t0, $t0, 4
    sw    $t0, RESUME($zero)
    andi  $t1, $t2, 0x3c
    sll   $t1, $t1, 2               # 16 bytes of save area each
    lw    $t0, DATA($t1)
    lw    $t2, DATA+8($t1)
    lw    $t1, DATA+4($t1)
    lw    $k0, RESUME($zero)        # this and the jump stand in one page
    nop
    jr    $k0
    nop
