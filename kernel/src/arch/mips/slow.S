# The way into the kernel's Rust and back: calls on the stack, and everything that must leave no trace in
# the registers.
#
# While Rust runs, EntryHi holds ASID 0, under which the environment's address shows the kernel's own page:
# all its handlers are `fatal`, so no fault of the kernel reaches an application's handler. EPC, Cause and
# BadVAddr keep what they hold, for nothing raises an exception meanwhile.

# ---- Calls on the stack. In: k0 = EPC, k1 = complement of the procedure's address, a0 to a3. Out: v0, v1.
    .section .text.hot, "ax"
# Of the registers that a procedure of o32 keeps, gp is none: without position-independent code the compiler takes it
# for one more temporary. So it is kept here, and cannot tell what it held.
    .macro enter_stack who          # 11 instructions, 27 with those before; 13 and 29 if it asks who calls
    mfc0  $v0, $13                  # Cause: bit 31 tells of a delay slot
    nor   $k1, $k1, $zero           # the procedure
    bltz  $v0, in_slot              # refused there
    mfc0  $v0, $10                  # EntryHi, for its ASID (slot)
    sw    $sp, {SP}($zero)          # the caller's stack
    sw    $ra, {RA}($zero)          # and return address
    sw    $gp, {GP}($zero)          # and global pointer
    sw    $v0, {CURRENT_HIGH}($zero) # whose ASID it was
    .if \who
    lw    $v0, {OWN_LOW}($zero)     # whose page it is
    .endif
    lw    $sp, {STACK}($zero)       # ours is empty
    .if \who
    sw    $v0, {CURRENT_LOW}($zero) # for the logic
    .endif
    jalr  $k1                       # the procedure
    mtc0  $zero, $10                # ASID 0: the kernel's page (slot)
    .endm

    .macro leave_stack              # 9 instructions
    mfc0  $k0, $14                  # EPC
    lw    $gp, {GP}($zero)          # the caller's global pointer
    lw    $t0, {CURRENT_HIGH}($zero) # whose ASID it is
    lw    $ra, {RA}($zero)          # the caller's return address
    mtc0  $t0, $10                  # EntryHi: its ASID, its page
    lw    $sp, {SP}($zero)          # and stack
    addiu $k0, $k0, 4               # behind the call
    leave $k0                       # there
    .endm

# For procedures that leave nothing in registers that their caller may not know, and do not ask who it is.
    .globl call_plain
call_plain:
    enter_stack 0                   # 17 to 27
    leave_stack                     # the last 9

# For all others: registers that procedures need not keep are cleared.
    .globl call_clear
call_clear:
    enter_stack 1                   # 17 to 29
    mtlo  $zero                     # HI and LO first: Rust may have
    mthi  $zero                     # begun a product
    .irp  register, $at, $a0, $a1, $a2, $a3, $t1, $t2, $t3, $t4, $t5, $t6, $t7, $t8, $t9
    addu  \register, $zero, $zero  # t0 will hold the caller's own EntryHi
    .endr
    leave_stack                     # the last 9

# A call in a delay slot: refused, the branch is not taken. In: k0 = EPC, the branch.
    .section .text.slow, "ax"
in_slot:
    addiu $k0, $k0, 8               # behind the slot
    addiu $v0, $zero, {IN_SLOT}     # the error
    leave $k0                       # there

# Moves the registers of a frame's `others`, but HI and LO.
    .macro others what
    .set  offset, {F_OTHERS}        # of the first
    .irp  register, $at, $v1, $a0, $a1, $a2, $a3, $t3, $t4, $t5, $t6, $t7, $t8, $t9, $sp, $ra
    \what \register, offset($k0)   # one of them
    .set  offset, offset + 4        # the next
    .endr
    .endm

# ---- Everything that saves a whole frame. In: k1 = a procedure of (frame), all registers but k0 and v0 the
# application's. Out: all of them as the frame then says, k0 too.
save_all:
    lw    $k0, {STACK}($zero)       # room for arguments, then the frame
save_all_at:                        # in: k0 = the stack
    nop                             # k0 is on its way
    sw    $v0, {F_V0}($k0)
    sw    $t0, {F_T}($k0)
    sw    $t1, {F_T}+4($k0)
    sw    $t2, {F_T}+8($k0)
    others sw                       # the frame's others
    sw    $gp, {F_OTHERS}+68($k0)
    mfhi  $t0                       # HI, once it is ready
    mflo  $t1                       # LO
    sw    $t0, {F_OTHERS}+60($k0)
    sw    $t1, {F_OTHERS}+64($k0)
    mfc0  $t0, $14                  # EPC
    mfc0  $t1, $13                  # Cause
    sw    $t0, {F_EPC}($k0)
    sw    $t1, {F_CAUSE}($k0)
    mfc0  $t0, $8                   # BadVAddr
    lw    $t1, {K0}($zero)          # k0, as the vector found it
    sw    $t0, {F_BAD}($k0)
    sw    $t1, {F_K0}($k0)
    sw    $zero, {F_FORWARD}($k0)
    mfc0  $t0, $10                  # EntryHi, for its ASID
    lw    $t1, {OWN_LOW}($zero)     # EntryLo of the page that is there now
    sw    $t0, {CURRENT_HIGH}($zero)
    mfc0  $t0, $12                  # Status
    sw    $t1, {CURRENT_LOW}($zero)
    sw    $t0, {SCRATCH_STATUS}($zero)
    addu  $sp, $k0, $zero           # the kernel's stack
    addiu $a0, $k0, {FRAME}         # the frame
    jalr  $k1                       # the procedure
    mtc0  $zero, $10                # ASID 0: the kernel's page (slot)
    addu  $k0, $sp, $zero           # the frame again
    lw    $t0, {F_OTHERS}+60($k0)
    lw    $t1, {F_OTHERS}+64($k0)
    mthi  $t0                       # HI
    mtlo  $t1                       # LO
    lw    $t0, {CURRENT_HIGH}($zero)
    lw    $t1, {SCRATCH_STATUS}($zero)
    mtc0  $t0, $10                  # EntryHi: whose ASID it is
    mtc0  $t1, $12                  # Status
    lw    $v0, {F_V0}($k0)
    lw    $t0, {F_T}($k0)
    lw    $t1, {F_T}+4($k0)
    lw    $t2, {F_T}+8($k0)
    lw    $gp, {F_OTHERS}+68($k0)
    lw    $k1, {F_FORWARD}($k0)
    others lw                       # sp and ra among them
    bne   $k1, $zero, 1f            # the application's to handle
    lw    $k1, {F_EPC}($k0)         # where it goes on (slot)
    lw    $k0, {F_K0}($k0)          # and its k0
    leave $k1                       # there
1:  lw    $k1, {F_CAUSE}($k0)       # as the vector had it
    lui   $k0, %hi(vector_dispatch) # in the copy at the vectors
    addiu $k0, $k0, %lo(vector_dispatch)
    jr    $k0                       # dispatch
    andi  $k1, $k1, 0x3c            # 4 times the code (slot)

# A primitive. In: k1 = complement of its procedure.
    .globl call_primitive
call_primitive:
    j     save_all                  # all registers are kept
    nor   $k1, $k1, $zero           # the procedure (slot)

# A transfer to an environment without an ASID. In: k1 = offset of the record, which is the selector.
    .globl asleep
asleep:
    addu  $v0, $k1, $zero           # the selector again, for the second try
    lui   $k1, %hi(aegis_asleep)
    j     save_all
    addiu $k1, $k1, %lo(aegis_asleep) # (slot)

# An interrupt.
    .globl interrupt
interrupt:
    lui   $k1, %hi(aegis_interrupt)
    j     save_all
    addiu $k1, $k1, %lo(aegis_interrupt) # (slot)

# An exception without a handler.
    .globl unhandled
unhandled:
    lui   $k1, %hi(aegis_unhandled)
    j     save_all
    addiu $k1, $k1, %lo(aegis_unhandled) # (slot)

# A miss in the guaranteed segment, from the refill vector. k0 is lost.
    .globl guaranteed
guaranteed:
    mfc0  $k1, $12                  # Status
    nop                             # it is on its way
    andi  $k1, $k1, 0x8             # KUp: user mode before
    beq   $k1, $zero, fatal         # a null pointer of the kernel's
    lui   $k1, %hi(aegis_guaranteed) # (slot)
    j     save_all
    addiu $k1, $k1, %lo(aegis_guaranteed) # (slot)

# An exception in the kernel: on a stack of its own, so that the other can be read.
    .globl fatal
fatal:
    lui   $k0, %hi(fatal_stack)
    addiu $k0, $k0, %lo(fatal_stack)
    lui   $k1, %hi(aegis_fatal)
    j     save_all_at
    addiu $k1, $k1, %lo(aegis_fatal) # (slot)

# Enters an environment afresh, as scratch says: wired entry 1, Status, where, and a0 to a2. Nothing of
# anyone else is left in a register. Does not return.
    .globl enter_fresh
enter_fresh:
    lw    $t0, {CURRENT_HIGH}($zero)
    lw    $t1, {CURRENT_LOW}($zero)
    lw    $t2, {SCRATCH_STATUS}($zero)
    mtc0  $t0, $10                  # EntryHi
    mtc0  $t1, $2                   # EntryLo
    lw    $k0, {EPC}($zero)         # where it begins
    tlbwi                           # entry 1
    mtc0  $t2, $12                  # Status
    sw    $zero, {FRESH}($zero)     # done
    lw    $a0, {ARGUMENTS}($zero)
    lw    $a1, {ARGUMENTS}+4($zero)
    lw    $a2, {ARGUMENTS}+8($zero)
    mtlo  $zero
    mthi  $zero
    .irp  register, $at, $v0, $v1, $a3, $t0, $t1, $t2, $t3, $t4, $t5, $t6, $t7, $t8, $t9
    addu  \register, $zero, $zero
    .endr
    .irp  register, $s0, $s1, $s2, $s3, $s4, $s5, $s6, $s7, $k1, $gp, $sp, $fp, $ra
    addu  \register, $zero, $zero
    .endr
    leave $k0                       # there
