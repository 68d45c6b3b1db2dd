# System calls as procedures of o32. See sys/mod.rs for what they promise.
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
