# measure(): calls one function on every entry of a list, so many times over.
#
# An entry of the list is three words: the first two go to the function in a0 and a1, its result
# comes back into the third. What is counted is from `called` to `returned`: the call, its delay
# slot, the function and its return, and nothing of the loop around them.
    .set noreorder
    .set noat

    .section .text.measure, "ax"
    .globl measure
measure:
    addiu $29, $29, -48             # 16 bytes for the callee's arguments, then what is saved
    sw    $16, 16($29)
    sw    $17, 20($29)
    sw    $18, 24($29)
    sw    $19, 28($29)
    sw    $20, 32($29)
    sw    $21, 36($29)
    sw    $31, 40($29)
    lui   $8, %hi(plan)
    addiu $8, $8, %lo(plan)
    lw    $18, 8($8)                # s2: the function
    lw    $19, 12($8)               # s3: its third argument
    lw    $20, 16($8)               # s4: turns left
    lw    $21, 4($8)                # s5: the end of the list
    lw    $17, 0($8)                # s1: its beginning
turn:
    nop                             # s1 may have just been loaded
    addu  $16, $17, $0              # s0: the entry
entry:
    lw    $4, 0($16)
    lw    $5, 4($16)
    addu  $6, $19, $0
    .globl called
called:
    jalr  $18
    nop                             # the call's delay slot
    .globl returned
returned:
    sw    $2, 8($16)
    addiu $16, $16, 12
    bne   $16, $21, entry
    nop
    addiu $20, $20, -1
    bne   $20, $0, turn
    nop
    lw    $16, 16($29)
    lw    $17, 20($29)
    lw    $18, 24($29)
    lw    $19, 28($29)
    lw    $20, 32($29)
    lw    $21, 36($29)
    lw    $31, 40($29)
    addiu $29, $29, 48
    jr    $31
    nop

# What to measure, written by the host: the list's beginning and end, the function, its third
# argument, and how many times over.
    .bss
    .align 4
    .globl plan
plan: .space 20
# The list, and room for packets that its entries point at.
    .globl list
list: .space 4096
    .globl packets
packets: .space 4096
# Near everything else, so that a direct-mapped cache holds both.
    .align 4
    .space 16384
    .globl stack_top
stack_top: .space 64                # the arguments that o32 has room for
