# Exceptions, as Aegis delivers them: in user mode, interrupts on, with
#   t0 = EPC, t1 = BadVAddr, t2 = Cause; the t0, t1, t2 of before in the cause's save area;
# every other register is the interrupted code's, but k0 and k1 are nobody's.
#
# All of this is one page, guaranteed to be mapped, and touches only such pages; so nothing here causes an
# exception. What can come at any instruction is the end of the time slice (slices.S). It keeps
# registers and, for code here, the words of the save page from SaveArea 1 on (`volatile`). Only k0 it
# cannot keep: `lw k0; nop; jr k0` is begun again if it was cut in between.
#
# Interrupts that the kernel handles itself keep k0. A TLB refill does not, but can happen only at the `lw`, which
# then runs again: the three instructions lie in one page, which is in the TLB when the first is fetched.

    .set noreorder
    .set noat

# Does an instruction for all registers that a program has, but t0 to t3 and sp.
    .macro each instruction, base, offset
    \instruction $at, \offset+4*1(\base) # the assembler's
    \instruction $v0, \offset+4*2(\base) # results
    \instruction $v1, \offset+4*3(\base)
    \instruction $a0, \offset+4*4(\base) # arguments
    \instruction $a1, \offset+4*5(\base)
    \instruction $a2, \offset+4*6(\base)
    \instruction $a3, \offset+4*7(\base)
    \instruction $t4, \offset+4*12(\base) # temporaries
    \instruction $t5, \offset+4*13(\base)
    \instruction $t6, \offset+4*14(\base)
    \instruction $t7, \offset+4*15(\base)
    \instruction $s0, \offset+4*16(\base) # those that procedures keep
    \instruction $s1, \offset+4*17(\base)
    \instruction $s2, \offset+4*18(\base)
    \instruction $s3, \offset+4*19(\base)
    \instruction $s4, \offset+4*20(\base)
    \instruction $s5, \offset+4*21(\base)
    \instruction $s6, \offset+4*22(\base)
    \instruction $s7, \offset+4*23(\base)
    \instruction $t8, \offset+4*24(\base) # temporaries again
    \instruction $t9, \offset+4*25(\base)
    \instruction $gp, \offset+4*28(\base) # global pointer, as any other
    \instruction $fp, \offset+4*30(\base) # frame pointer
    \instruction $ra, \offset+4*31(\base) # return address
    .endm

# Where the entries are, for whoever prepares an environment: layout::Vectors.
    .section .vectors, "a"
    .globl exos_vectors
exos_vectors:
    .word {VECTORS_MAGIC}
    .word exos_miss_load, exos_miss_store, exos_other
    .word exos_transfer, exos_transfer, exos_slice_start, exos_slice_end, exos_revoke

    .section .trap, "ax"

# A load, fetch or store found no translation: the fast way. Looks the address up in the linear page table,
# and if the page is there, makes it known to the kernel and goes on. It ends where the slow way begins. Loads and stores
# have a save area each.
    .macro miss kind, area, pc, cause, v0
    .globl exos_miss_\kind
exos_miss_\kind:
    sw    $t0, \pc($zero)               # where to go on
    sw    $t2, \cause($zero)            # the slow way needs it
    sw    $v0, \v0($zero)               # the call's number goes there
    srl   $t0, $t1, 22                  # the region of 4 MB
    lbu   $t0, {REGIONS}($t0)           # has it a page of the page table?
    srl   $t2, $t1, 12                  # the page
    beq   $t0, $zero, .L\kind\()_slowly # no: reading the table would be a miss itself
    sll   $t2, $t2, 2                   # its word in the table
    lui   $t0, {TABLE_HIGH}             # the table's address
    addu  $t2, $t2, $t0                 # the word's
    lw    $t2, 0($t2)                   # EntryLo, if the page is there
    ori   $v0, $zero, {TLB_WRITE}       # TLBwr
    andi  $t0, $t2, {VALID}             # is it?
    beq   $t0, $zero, .L\kind\()_slowly # no
    nop                                 # branch delay
    syscall                             # binds t1 to t2; changes v0 alone
    bltz  $v0, .L\kind\()_slowly        # refused: the page is not ours any more
    lw    $v0, \v0($zero)               # as it was
    lw    $t0, \area($zero)             # as they were
    lw    $t1, \area+4($zero)
    lw    $t2, \area+8($zero)
.Lrestart_\kind:
    lw    $k0, \pc($zero)               # where to go on
    nop                                 # load delay
    jr    $k0                           # goes on
    nop                                 # branch delay
.Lrestart_\kind\()_end:

.L\kind\()_slowly:
    lw    $v0, \v0($zero)               # as it was
    lw    $t0, \pc($zero)               # as the exception came: EPC,
    lw    $t2, \cause($zero)            # Cause; BadVAddr is in t1 still
    .endm

    miss  load, {LOAD_AREA}, {LOAD_PC}, {LOAD_CAUSE}, {LOAD_V0}
    beq   $zero, $zero, exos_other      # like any other exception
    nop                                 # branch delay
    miss  store, {STORE_AREA}, {STORE_PC}, {STORE_CAUSE}, {STORE_V0}
                                        # and on, as any other exception

# Any exception, the slow way: everything into a frame on the handler stack, and up into Rust.
#
#   t3 -> room for the callee's four arguments            +0
#         Frame: registers by number                      +16
#                HI, LO, where to go on, BadVAddr, Cause  +144
#         one word to keep the stack aligned              +164
    .globl exos_other
exos_other:
    sw    $t3, {T3}($zero)              # one more register to work with
    addiu $t3, $sp, -{STACKS}           # is sp in one of the stacks of handlers?
    sltiu $t3, $t3, {STACKS_BYTES}
    bne   $t3, $zero, .Lnested          # yes: a handler has failed
    andi  $t3, $sp, {STACK_MASK}        # then: the room that is left there
    ori   $t3, $zero, {HANDLER_TOP}     # no: the frame goes to the top of the handler stack
.Lframed:
    addiu $t3, $t3, -{FRAME_BYTES}      # where the frame is
    each  sw, $t3, 16                   # all but t0 to t3 and sp
    sw    $sp, 16+4*29($t3)
    lw    $t4, {T3}($zero)              # t3 as it was
    andi  $t5, $t2, 0x3c                # the cause's code, times 4
    sll   $t5, $t5, 2                   # its save area
    sw    $t4, 16+4*11($t3)             # t3
    lw    $t4, {SAVE}($t5)              # t0 as it was
    lw    $t6, {SAVE}+4($t5)            # t1
    lw    $t7, {SAVE}+8($t5)            # t2
    sw    $t4, 16+4*8($t3)
    sw    $t6, 16+4*9($t3)
    sw    $t7, 16+4*10($t3)
    mfhi  $t4                           # what multiplications left
    mflo  $t6
    sw    $t4, 16+{FRAME_HIGH}($t3)
    sw    $t6, 16+{FRAME_LOW}($t3)
    sw    $t0, 16+{FRAME_PC}($t3)       # EPC
    sw    $t1, 16+{FRAME_BAD}($t3)      # BadVAddr
    sw    $t2, 16+{FRAME_CAUSE}($t3)    # Cause
    addu  $sp, $t3, $zero               # from here on exceptions may come, and nest
    jal   exos_trap                     # handles it, or does not return
    addiu $a0, $sp, 16                  # its argument: the frame
    lw    $t0, 16+{FRAME_HIGH}($sp)     # what multiplications had left
    lw    $t1, 16+{FRAME_LOW}($sp)
    lw    $t2, 16+{FRAME_PC}($sp)       # where to go on
    mthi  $t0
    mtlo  $t1
    sw    $t2, {PC}($zero)
    each  lw, $sp, 16                   # all but t0 to t3 and sp
    lw    $t0, 16+4*8($sp)
    lw    $t1, 16+4*9($sp)
    lw    $t2, 16+4*10($sp)
    lw    $t3, 16+4*11($sp)
    lw    $sp, 16+4*29($sp)             # the frame is gone
.Lrestart_other:
    lw    $k0, {PC}($zero)              # where to go on
    nop                                 # load delay
    jr    $k0                           # goes on
    nop                                 # branch delay
.Lrestart_other_end:

.Lnested:
    sltiu $t3, $t3, {ROOM}              # is there room for a frame and its handler?
    beq   $t3, $zero, .Lframed          # yes
    addu  $t3, $sp, $zero               # below what is there
    lw    $a0, {OWN}($zero)             # no: this environment
    ori   $a1, $zero, {STATUS_OVERFLOW} # ends with this status
    ori   $v0, $zero, {ENV_DESTROY}
    syscall                             # does not return
    beq   $zero, $zero, .Lnested        # nor is there anything else to do
    nop                                 # branch delay
