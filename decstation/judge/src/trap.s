# The way into a case and back out of it through an exception.
#
# A record holds, in words: 0-31 the registers (those of k0 and k1 are not kept), 32 HI, 33 LO,
# 34 Status, 35 Cause, 36 EPC, 37 BadVAddr, 38 EntryHi, 39 Context, 40 the vector (1 is the UTLB
# miss's, 2 the general one).
# A case holds: 0 Status, 1 the address to start at, 8-39 the registers, 40 HI, 41 LO.
    .set noreorder
    .set noat

    .section .text.start, "ax"
    .globl start
start:                              # a0-a3: as the ROM hands them over
    lui   $8, %hi(boot)
    addiu $8, $8, %lo(boot)
    sw    $4, 0($8)
    sw    $5, 4($8)
    sw    $6, 8($8)
    sw    $7, 12($8)
    lui   $29, %hi(stack_top)
    addiu $29, $29, %lo(stack_top)
    j     main
    addiu $29, $29, -32             # room for the callee's argument registers

    .text
# Copied to the vectors: four instructions each.
    .globl vector_utlb
vector_utlb:
    lui   $26, %hi(trap)
    addiu $26, $26, %lo(trap)
    jr    $26
    addiu $27, $0, 1
    .globl vector_general
vector_general:
    lui   $26, %hi(trap)
    addiu $26, $26, %lo(trap)
    jr    $26
    addiu $27, $0, 2

# The end of a case: everything into the record, and back to where `enter` was called.
    .globl trap
trap:
    lui   $26, %hi(current)
    lw    $26, %lo(current)($26)
    nop
    sw    $0, 0($26)
    sw    $1, 4($26)
    sw    $2, 8($26)
    sw    $3, 12($26)
    sw    $4, 16($26)
    sw    $5, 20($26)
    sw    $6, 24($26)
    sw    $7, 28($26)
    sw    $8, 32($26)
    sw    $9, 36($26)
    sw    $10, 40($26)
    sw    $11, 44($26)
    sw    $12, 48($26)
    sw    $13, 52($26)
    sw    $14, 56($26)
    sw    $15, 60($26)
    sw    $16, 64($26)
    sw    $17, 68($26)
    sw    $18, 72($26)
    sw    $19, 76($26)
    sw    $20, 80($26)
    sw    $21, 84($26)
    sw    $22, 88($26)
    sw    $23, 92($26)
    sw    $24, 96($26)
    sw    $25, 100($26)
    sw    $28, 112($26)
    sw    $29, 116($26)
    sw    $30, 120($26)
    sw    $31, 124($26)
    sw    $27, 160($26)
    mfhi  $8
    mflo  $9
    sw    $8, 128($26)
    sw    $9, 132($26)
    mfc0  $8, $12
    mfc0  $9, $13
    mfc0  $10, $14
    mfc0  $11, $8
    mfc0  $12, $10
    mfc0  $13, $4
    nop
    sw    $8, 136($26)
    sw    $9, 140($26)
    sw    $10, 144($26)
    sw    $11, 148($26)
    sw    $12, 152($26)
    sw    $13, 156($26)
    mtc0  $0, $12                   # kernel mode, interrupts off, caches joined
    lui   $8, %hi(saved)
    lw    $29, %lo(saved)($8)
    nop
    lw    $16, 16($29)
    lw    $17, 20($29)
    lw    $18, 24($29)
    lw    $19, 28($29)
    lw    $20, 32($29)
    lw    $21, 36($29)
    lw    $22, 40($29)
    lw    $23, 44($29)
    lw    $30, 48($29)
    lw    $31, 52($29)
    addiu $29, $29, 64
    jr    $31
    nop

# enter(case, record): runs a case; returns when it has raised an exception.
    .globl enter
enter:
    addiu $29, $29, -64
    sw    $16, 16($29)
    sw    $17, 20($29)
    sw    $18, 24($29)
    sw    $19, 28($29)
    sw    $20, 32($29)
    sw    $21, 36($29)
    sw    $22, 40($29)
    sw    $23, 44($29)
    sw    $30, 48($29)
    sw    $31, 52($29)
    lui   $8, %hi(saved)
    sw    $29, %lo(saved)($8)
    lui   $8, %hi(current)
    sw    $5, %lo(current)($8)
    addu  $27, $4, $0
    lw    $8, 0($27)
    lw    $9, 160($27)
    lw    $10, 164($27)
    mtc0  $8, $12
    mthi  $9
    mtlo  $10
    lw    $2, 40($27)
    lw    $3, 44($27)
    lw    $4, 48($27)
    lw    $5, 52($27)
    lw    $6, 56($27)
    lw    $7, 60($27)
    lw    $8, 64($27)
    lw    $9, 68($27)
    lw    $10, 72($27)
    lw    $11, 76($27)
    lw    $12, 80($27)
    lw    $13, 84($27)
    lw    $14, 88($27)
    lw    $15, 92($27)
    lw    $16, 96($27)
    lw    $17, 100($27)
    lw    $18, 104($27)
    lw    $19, 108($27)
    lw    $20, 112($27)
    lw    $21, 116($27)
    lw    $22, 120($27)
    lw    $23, 124($27)
    lw    $24, 128($27)
    lw    $25, 132($27)
    lw    $28, 144($27)
    lw    $29, 148($27)
    lw    $30, 152($27)
    lw    $31, 156($27)
    lw    $27, 4($27)
# From here to `trap` instructions are counted. Isolating the cache for a moment changes nothing on
# hardware; it makes GXemul forget translations that it would let user code use. `at` is left at
# 0x10000 in every case.
    .globl leave
leave:
    lui   $1, 1
    mfc0  $26, $12
    nop
    or    $26, $26, $1
    mtc0  $26, $12
    nop
    nop
    nop
    xor   $26, $26, $1
    mtc0  $26, $12
    nop
    nop
    nop
    jr    $27
    .word 0x42000010                # rfe, which the assembler does not know

# flush(address, words): the instruction cache forgets words. Runs uncached, for the caches are
# swapped meanwhile.
    .globl flush
flush:
    mfc0  $8, $12
    lui   $9, 3
    or    $9, $9, $8
    mtc0  $9, $12
    nop
    nop
    nop
1:  sb    $0, 0($4)
    addiu $5, $5, -1
    bne   $5, $0, 1b
    addiu $4, $4, 4
    nop
    mtc0  $8, $12
    nop
    nop
    nop
    jr    $31
    nop

# write_entry(index, high, low): an entry of the TLB.
    .globl write_entry
write_entry:
    sll   $4, $4, 8
    mtc0  $4, $0
    mtc0  $5, $10
    mtc0  $6, $2
    nop
    nop
    tlbwi
    nop
    nop
    jr    $31
    nop

# set_entry_high(high): the address space.
    .globl set_entry_high
set_entry_high:
    mtc0  $4, $10
    nop
    nop
    jr    $31
    mtc0  $0, $4                    # Context begins at 0

    .bss
    .align 4
    .globl boot
boot:    .space 16
saved:   .space 4
current: .space 4
    .align 4
    .space 16384
stack_top:
