# What only the audit reads of coprocessor 0. Procedures of o32.
    .set noreorder
    .set noat
    .section .text.slow, "ax"

# read_status(): Status.
    .globl read_status
read_status:
    mfc0  $v0, $12                  # Status
    jr    $ra
    nop                             # v0 is on its way (slot)

# tlb_read(index << 8, where): EntryHi and EntryLo of an entry to where[0] and where[1]. Leaves EntryHi of
# ASID 0, which GXemul needs set after tlbr, and Index of entry 1.
    .globl tlb_read
tlb_read:
    mtc0  $a0, $0                   # Index
    addiu $t2, $zero, 0x100         # entry 1
    nop                             # Index changes
    tlbr
    nop                             # EntryHi and EntryLo change
    mfc0  $t0, $10                  # EntryHi
    mfc0  $t1, $2                   # EntryLo
    mtc0  $zero, $10                # ASID 0
    sw    $t0, 0($a1)
    sw    $t1, 4($a1)
    jr    $ra
    mtc0  $t2, $0                   # Index (slot)
