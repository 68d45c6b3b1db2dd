# The first instructions of a program. See start.rs.
    .set noreorder
    .set noat

# A program that its parent built: every register is 0 but sp, which has room for arguments above it.
    .section .text.exos_start, "ax"
    .globl exos_start
exos_start:
    jal   exos_begin                    # does not return
    nop                                 # branch delay

# The first program: every register is 0.
    .section .text.exos_start_first, "ax"
    .globl exos_start_first
exos_start_first:
    lui   $sp, %hi(exos_first_stack)    # the end of its stack, which its linker script makes
    addiu $sp, $sp, %lo(exos_first_stack)
    jal   exos_begin_first              # does not return
    addiu $sp, $sp, -16                 # room for the callee's arguments

# Room for the header of a flat image, which whoever packs the first program writes.
    .section .flat, "a"
    .globl exos_flat
exos_flat:
    .space 20
