# From the boot ROM to Rust, and what Rust cannot say: coprocessor 0, the TLB, the caches.
# Procedures of o32: in a0 to a3, out v0, destroyed t0 to t3.

    .section .text.start, "ax"
# In: a0 to a3 as the ROM or the host hands them over. Interrupts are off.
    .globl start
start:
    mtc0  $zero, $12                # kernel mode, interrupts off, vectors in memory
    mtc0  $zero, $13                # no software interrupts
    lui   $sp, %hi(boot_stack)
    addiu $sp, $sp, %lo(boot_stack)
    j     aegis_boot                # with the four words
    addu  $ra, $zero, $zero         # and nobody to return to (slot)

    .section .text.slow, "ax"
# tlb_write(index << 8, high, low). Leaves EntryHi of ASID 0 and Index of entry 1.
    .globl tlb_write
tlb_write:
    mtc0  $a0, $0                   # Index
    mtc0  $a1, $10                  # EntryHi
    mtc0  $a2, $2                   # EntryLo
    addiu $t0, $zero, 0x100         # entry 1
    tlbwi
    nop                             # it writes
    mtc0  $zero, $10                # ASID 0
    jr    $ra
    mtc0  $t0, $0                   # Index (slot)

# tlb_write_random(high, low). Leaves EntryHi of ASID 0.
    .globl tlb_write_random
tlb_write_random:
    mtc0  $a0, $10                  # EntryHi
    mtc0  $a1, $2                   # EntryLo
    nop                             # they change
    tlbwr
    nop                             # it writes
    jr    $ra
    mtc0  $zero, $10                # ASID 0 (slot)

# tlb_delete(high): the entry that matches, if any, then matches nothing: its EntryHi becomes a page of
# kseg0 of its own. Leaves EntryHi of ASID 0 and Index of entry 1.
    .globl tlb_delete
tlb_delete:
    mtc0  $a0, $10                  # EntryHi
    addiu $t1, $zero, 0x100         # entry 1
    tlbp
    nop                             # Index changes
    mfc0  $t0, $0                   # where it is, or negative
    nop                             # it is on its way
    bltz  $t0, 1f                   # nowhere
    sll   $t0, $t0, 4               # index << 12 (slot)
    lui   $t2, 0x8000
    or    $t0, $t0, $t2             # a page that no TLB is asked for
    mtc0  $t0, $10                  # EntryHi
    mtc0  $zero, $2                 # EntryLo: not valid
    nop                             # they change
    tlbwi
    nop                             # it writes
1:  mtc0  $zero, $10                # ASID 0
    jr    $ra
    mtc0  $t1, $0                   # Index (slot)

# read_processor(): PRId.
    .globl read_processor
read_processor:
    mfc0  $v0, $15                  # PRId
    jr    $ra
    nop                             # v0 is on its way (slot)

# where_am_i(): sp of the caller in v0, and where it goes on in v1.
    .globl where_am_i
where_am_i:
    addu  $v0, $sp, $zero
    jr    $ra
    addu  $v1, $ra, $zero           # (slot)

# Offsets of 16 words.
    .macro sixteen what
    .irp offset, 0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60
    \what \offset                  # one of them
    .endr
    .endm

# flush_code(address, blocks): the instruction cache forgets so many blocks of 16 words of kseg0. Must be
# called at its address in kseg1, for the caches change places meanwhile.
    .globl flush_code
flush_code:
    mfc0  $t0, $12                  # Status
    lui   $t1, 3                    # isolate, swap
    or    $t1, $t1, $t0
    nop                             # stores before this are on their way
    mtc0  $t1, $12
    nop                             # the pipeline empties
    nop
    nop
    .macro forget offset
    sb    $zero, \offset($a0)       # a part of a word: the line is no longer valid
    .endm
1:  sixteen forget
    addiu $a1, $a1, -1
    bne   $a1, $zero, 1b
    addiu $a0, $a0, 64              # (slot)
    nop                             # the last store ends
    nop
    mtc0  $t0, $12                  # the caches as they were
    nop                             # the pipeline empties
    nop
    nop
    jr    $ra
    nop                             # (slot)

# clear_page(address), copy_page(from, to).
    .globl clear_page
clear_page:
    .macro clear offset
    sw    $zero, \offset($a0)
    .endm
    addiu $a1, $a0, 4096            # the end
1:  sixteen clear
    addiu $a0, $a0, 64
    bne   $a0, $a1, 1b
    nop                             # (slot)
    jr    $ra
    nop                             # (slot)
    .globl copy_page
copy_page:
    .macro copy offset
    lw    $t0, \offset($a0)
    nop                             # it is on its way
    sw    $t0, \offset($a1)
    .endm
    addiu $a2, $a0, 4096            # the end
1:  sixteen copy
    addiu $a0, $a0, 64
    bne   $a0, $a2, 1b
    addiu $a1, $a1, 64              # (slot)
    jr    $ra
    nop                             # (slot)

# For GXemul alone, whose user mode may use what the kernel has just touched: isolating the cache makes it
# forget. They replace the two ways out, by k0 and by k1; EntryLo is destroyed, and k1 by the first.
    .macro forgetful target, other  # 12 instructions
    mfc0  \other, $12               # Status
    nop                             # it is on its way
    mtc0  \other, $2                # keep its upper bits in EntryLo
    lui   \other, 1                 # isolate
    mtc0  \other, $12
    nop                             # now it forgets
    nop
    mfc0  \other, $2                # the upper bits
    nop                             # they are on their way
    ori   \other, \other, 0x0c      # to user mode, interrupts on
    mtc0  \other, $12
    nop                             # Status changes
    .endm
    .globl forgetful_k0
forgetful_k0:
    forgetful $k0, $k1
    jr    $k0
    .word 0x42000010                # rfe (slot)
# After an interrupt k0 is the application's: it is read once more, from a page that holds nothing live.
    .globl forgetful_k1
forgetful_k1:
    forgetful $k1, $k0
    lui   $k0, %hi(kernel_stack + {FRAME} + {F_K0})
    lw    $k0, %lo(kernel_stack + {FRAME} + {F_K0})($k0)
    jr    $k1
    .word 0x42000010                # rfe (slot)

    .section .bss.stacks, "aw", @nobits
    .align 4
    .space 8192                     # of Rust
    .globl kernel_stack
kernel_stack:                       # empty: room for arguments and the frame above
    .space {FRAME_END}
    .align 4
    .space 4096                     # of a panic's first words
    .globl fatal_stack
fatal_stack:
    .space {FRAME_END}
    .globl boot_stack
    .equ boot_stack, kernel_stack
    .globl stacks_end
stacks_end:
