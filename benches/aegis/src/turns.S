# The loops of Tables 4 to 6. A turn begins at `turn_NAME`; the loop is over at `end_NAME`. s1 counts turns, s8
# holds the number of the check that is next.
    .set noreorder
    .set noat
    .set nomacro
    .section .text.turns, "ax"

    .equ DATA, 0x4000               # a guaranteed page: save areas by cause, 16 bytes each
    .equ SAVED, DATA + 0x100        # registers between two time slices
    .equ WHERE, SAVED + 0x80        # and where it goes on
    .equ COPY, 0x5000               # a guaranteed page while the child is made
    .equ PAGES, 1024                # bindings, from here:
    .equ MAPPED, 0x0080             # upper half of their first address; the last is below 0x00c00000

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
    addiu $t8, $zero, \value
    bne   $t8, \register, failed
    nop
    .endm
    .macro handle cause, label      # sets the handler of a cause and its save area
    addu  $a0, $zero, $zero
    addiu $a1, $zero, \cause
    addiu $a2, $s0, 16*\cause
    call  {ENV_SAVE_AREA}
    expect $v0, 0
    addu  $a0, $zero, $zero
    addiu $a1, $zero, \cause
    addiu $a2, $zero, %lo(\label)
    call  {ENV_HANDLER}
    expect $v0, 0
    .endm
    .macro enter env, entry, label  # sets an entry point
    addiu $a0, $zero, \env
    addiu $a1, $zero, \entry
    addiu $a2, $zero, %lo(\label)
    call  {ENV_ENTRY}
    expect $v0, 0
    .endm

    .macro turns name               # a loop begins
    ori   $s1, $zero, {TURNS}
    .globl turn_\name
turn_\name:
    .endm
    .macro again name               # 3 instructions: the counter and the branch
    addiu $s1, $s1, -1
    bne   $s1, $zero, turn_\name
    nop
    .globl end_\name
end_\name:
    .endm

# Goes behind the instruction that raised the exception. In: t0 = EPC. Everything that it touches lies in one
# page, and so does it: docs/kernel.md says why k0 survives from the `lw` to the `jr`, and that the end of a
# time slice in between begins again at the `lw`. 8 instructions, and nothing between one handler and the next.
    .macro skip name, cause
    .globl handler_\name
handler_\name:
    addiu $t0, $t0, 4               # behind it
    sw    $t0, DATA+16*\cause+12($zero)
    lw    $t0, DATA+16*\cause($zero)
    lw    $t1, DATA+16*\cause+4($zero)
    lw    $k0, DATA+16*\cause+12($zero)
    lw    $t2, DATA+16*\cause+8($zero)
    jr    $k0                       # the kernel has no part in it
    nop
    .endm

    .globl start
start:
    addu  $s8, $zero, $zero
# A page of data with save areas, that of cause 0 for the end of a time slice.
    addiu $a0, $zero, {ANY}
    call  {PAGE_ALLOC}
    succeed                         # 1
    sll   $s0, $v0, 12              # s0 = its physical address
    addu  $a0, $zero, $zero
    addiu $a1, $zero, DATA
    ori   $a2, $s0, {WRITABLE}
    call  {ENV_GUARANTEE}
    expect $v0, 0                   # 2
    handle 1, handler_prot          # 3, 4
    handle 4, handler_unalign       # 5, 6
    handle 11, handler_coproc       # 7, 8
    handle 12, handler_overflow     # 9, 10
    addu  $a0, $zero, $zero
    addu  $a1, $zero, $zero
    addu  $a2, $s0, $zero
    call  {ENV_SAVE_AREA}
    expect $v0, 0                   # 11
    enter 0, {SLICE_START}, slice_start # 12
    enter 0, {SLICE_END}, slice_end # 13

# A slice that ended before there was anybody to tell is over once this program yields.
    b     slice_end
    addiu $t0, $zero, %lo(tables)
tables:

# ---- Table 4.
    turns procedure_call            # 7 instructions
    jal   nothing
    nop
    again procedure_call

    addiu $t0, $zero, 101
    addiu $t1, $zero, 102
    turns syscall_no_stack
    call  {ENV_SELF}
    .globl after_syscall_no_stack
after_syscall_no_stack:
    again syscall_no_stack
    expect $v0, 0                   # 14
    expect $t0, 101                 # 15
    expect $t1, 102                 # 16

    turns syscall_stack
    call  {TICKS}
    .globl after_syscall_stack
after_syscall_stack:
    again syscall_stack
    succeed                         # 17

# ---- Table 5.
# Addresses that are bound to that page, to be read only: more than the TLB holds.
    addiu $s3, $zero, PAGES
    lui   $t1, MAPPED
    ori   $t2, $s0, {VALID}
1:  call  {TLB_WRITE}
    bne   $v0, $zero, failed
    addiu $s3, $s3, -1
    bne   $s3, $zero, 1b
    addiu $t1, $t1, 4096

    addiu $t0, $zero, 103
    addiu $t1, $zero, 104
    addiu $t2, $zero, 105
    addiu $t3, $zero, 106
    turns exception_unalign
    lw    $t3, DATA+1($zero)
    again exception_unalign
    lui   $s2, 0x7fff
    turns exception_overflow
    add   $t3, $s2, $s2
    again exception_overflow
    turns exception_coproc
    .word 0x440b2000                # mfc1 t3, f4
    again exception_coproc
    lui   $s4, MAPPED
    turns exception_prot
    sw    $t3, 0($s4)
    again exception_prot
    expect $t0, 103                 # 18
    expect $t1, 104                 # 19
    expect $t2, 105                 # 20
    expect $t3, 106                 # 21

# The STLB: a page after the other, so that each is out of the TLB when its turn comes again.
    addiu $t3, $zero, 107
    sw    $t3, DATA+0xf00($zero)
    lui   $s5, 0xffbf
    ori   $s5, $s5, 0xffff          # behind the last comes the first
    turns stlb_hit
    addiu $s4, $s4, 4096
    and   $s4, $s4, $s5
    .globl missed
missed:
    lw    $t3, 0xf00($s4)           # misses, and again
    again stlb_hit
    expect $t3, 107                 # 22

# ---- Table 6. A child with a copy of this very page.
    addiu $a0, $zero, {ANY}
    call  {PAGE_ALLOC}
    succeed                         # 23
    addu  $a0, $v0, $zero
    call  {ENV_CREATE}
    expect $v0, 1                   # 24
    addiu $a0, $zero, {ANY}
    call  {PAGE_ALLOC}
    succeed                         # 25
    addu  $s5, $v0, $zero           # s5 = the page
    sll   $s6, $v0, 12              # s6 = its address
    addu  $a0, $zero, $zero
    addiu $a1, $zero, COPY
    ori   $a2, $s6, {WRITABLE}
    call  {ENV_GUARANTEE}
    expect $v0, 0                   # 26
    addiu $t0, $zero, 0x1000
    addiu $t2, $zero, 0x2000
1:  lw    $t1, 0($t0)
    addiu $t0, $t0, 4
    bne   $t0, $t2, 1b
    sw    $t1, COPY-0x1004($t0)
    addu  $a0, $zero, $zero
    addiu $a1, $zero, COPY
    addu  $a2, $zero, $zero
    call  {ENV_GUARANTEE}
    expect $v0, 0                   # 27
    addu  $a0, $s5, $zero
    addiu $a1, $zero, 1
    call  {PAGE_GIVE}
    expect $v0, 0                   # 28
    addiu $a0, $zero, 1
    addiu $a1, $zero, 0x1000
    ori   $a2, $s6, {VALID}
    call  {ENV_GUARANTEE}
    expect $v0, 0                   # 29
    enter 0, {SYNCHRONOUS}, replied # 30
    enter 0, {ASYNCHRONOUS}, returned # 31
    enter 1, {SYNCHRONOUS}, called  # 32
    enter 1, {ASYNCHRONOUS}, lent   # 33

    addiu $t0, $zero, 108
    addiu $t9, $zero, 109
    turns pct_sync
    call  {SCALL_CHILD}             # goes on at `replied`
    b     failed
    nop
    .globl called
called:                             # in the child
    call  {SCALL_PARENT}
    b     failed
    nop
    .globl replied
replied:
    again pct_sync
    expect $v0, 1                   # 34
    turns pct_async
    call  {ACALL_CHILD}             # goes on at `returned`
    b     failed
    nop
    .globl lent
lent:                               # in the child
    call  {ACALL_PARENT}
    b     failed
    nop
    .globl returned
returned:
    again pct_async
    expect $v0, 1                   # 35
    expect $t0, 108                 # 36
    expect $t9, 109                 # 37

    addu  $s8, $zero, $zero
failed:                             # s8 = the status
    addu  $a0, $s8, $zero
    call  {HALT}
    break                           # only environment 0 may: the child ends here

nothing:
    jr    $ra
    nop

# The end of a time slice, in environment 0: t0 = EPC, and t0, t1, t2 are in the save area. Keeps what this
# program uses, and yields.
    .macro each instruction         # does it for all registers in use
    \instruction $v0, SAVED($zero)
    \instruction $a0, SAVED+4($zero)
    \instruction $a1, SAVED+8($zero)
    \instruction $a2, SAVED+12($zero)
    \instruction $t3, SAVED+16($zero)
    \instruction $s0, SAVED+20($zero)
    \instruction $s1, SAVED+24($zero)
    \instruction $s2, SAVED+28($zero)
    \instruction $s3, SAVED+32($zero)
    \instruction $s4, SAVED+36($zero)
    \instruction $s5, SAVED+40($zero)
    \instruction $s6, SAVED+44($zero)
    \instruction $s8, SAVED+48($zero)
    \instruction $t9, SAVED+52($zero)
    \instruction $t8, SAVED+56($zero)
    \instruction $ra, SAVED+60($zero)
    .endm
slice_end:
    each  sw
    addiu $t1, $zero, %lo(handlers)
    subu  $t1, $t0, $t1
    sltiu $t1, $t1, 4*32            # so long are they
    beq   $t1, $zero, 1f            # not in a handler below
    andi  $t1, $t0, 31              # where in it
    sltiu $t1, $t1, 17
    bne   $t1, $zero, 1f            # not behind `lw k0`
    srl   $t1, $t0, 5
    sll   $t1, $t1, 5
    addiu $t0, $t1, 16              # there again, for k0 is lost
1:  sw    $t0, WHERE($zero)
    addiu $a0, $zero, {ANY}
    call  {YIELD_TO}                # goes on at `slice_start`, all registers clear
slice_start:
    each  lw
    lw    $t0, DATA($zero)
    lw    $t1, DATA+4($zero)
    lw    $t2, DATA+8($zero)
    lw    $k0, WHERE($zero)
    nop
    jr    $k0
    nop

    .align 5
handlers:
    skip prot, 1
    skip unalign, 4
    skip coproc, 11
    skip overflow, 12
