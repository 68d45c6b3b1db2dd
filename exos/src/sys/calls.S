# System calls as procedures of o32, and a loop over words of the page table. See sys/mod.rs for what they promise.
#
# Of the registers that a procedure of o32 keeps, no call changes any; HI and LO count as lost, which is
# why these are procedures and not instructions in the midst of compiled code.
    .set noreorder
    .set noat
    .section .text.exos_calls, "ax"

# exos_stack_call(a0, a1, a2, a3, selector) -> v0, v1. Fast calls too: they look at no argument.
    .globl exos_stack_call
exos_stack_call:
    lw    $v0, 16($sp)                  # the fifth argument: which call
    nop                                 # load delay
    syscall                             # v0, v1: what came of it
    jr    $ra                           # back to Rust
    nop                                 # branch delay

# exos_primitive(selector, t1, t2) -> v0.
    .globl exos_primitive
exos_primitive:
    addu  $v0, $a0, $zero               # which call
    addu  $t1, $a1, $zero               # its arguments
    addu  $t2, $a2, $zero
    syscall                             # v0: 0, or why not
    jr    $ra                           # back to Rust
    nop                                 # branch delay

# exos_protect(first, end) and exos_unprotect: words of the page table, four in a turn, lose or get D. They stop at the
# first four that are not all valid, or when fewer are left. Out: v0, where. Stores come as evenly as
# they can, for the write buffer is short.
    .macro change name, what, operand
    .globl \name
\name:
    addiu $a1, $a1, -16                 # the last four
    sltu  $t6, $a1, $a0                 # fewer are left?
    bne   $t6, $zero, 2f
    addiu $t8, $zero, ~{DIRTY}          # all but D (slot)
1:  lw    $t0, 0($a0)                   # four words
    lw    $t1, 4($a0)
    lw    $t2, 8($a0)
    lw    $t3, 12($a0)
    and   $t4, $t0, $t1                 # what all have
    and   $t5, $t2, $t3
    and   $t4, $t4, $t5
    andi  $t4, $t4, {VALID}             # V among it?
    beq   $t4, $zero, 2f
    \what $t0, $t0, \operand             # (slot)
    sw    $t0, 0($a0)
    \what $t1, $t1, \operand
    sw    $t1, 4($a0)
    \what $t2, $t2, \operand
    sw    $t2, 8($a0)
    \what $t3, $t3, \operand
    addiu $a0, $a0, 16                  # behind these
    sltu  $t6, $a1, $a0                 # fewer are left?
    beq   $t6, $zero, 1b
    sw    $t3, -4($a0)                  # the fourth (slot)
2:  jr    $ra                           # back to Rust
    addu  $v0, $a0, $zero               # where it stopped (slot)
    .endm
    change exos_protect, and, $t8
    change exos_unprotect, ori, {DIRTY}
