# From the boot ROM to Rust, the caches, and the stacks.
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
# Does \what to 64 words from a0 on.
    .macro words what
    .set  offset, 0                 # of the first
    .rept 64
    \what $zero, offset($a0)        # one of them
    .set  offset, offset + 4        # the next
    .endr
    .endm

# flush_code(address, blocks): the instruction cache forgets so many blocks of 64 words of kseg0. Must be
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
1:  words sb                        # a part of a word: the line is no longer valid
    addiu $a1, $a1, -1
    bne   $a1, $zero, 1b
    addiu $a0, $a0, 256             # (slot)
    nop                             # the last store ends
    nop
    mtc0  $t0, $12                  # the caches as they were
    nop                             # the pipeline empties
    nop
    nop
    jr    $ra
    nop                             # (slot)

# clear_page(address).
    .globl clear_page
clear_page:
    addiu $a1, $a0, 4096            # the end
1:  words sw                        # zeros
    addiu $a0, $a0, 256
    bne   $a0, $a1, 1b
    nop                             # (slot)
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
    lui   $k0, %hi(kernel_stack + {F_K0})
    lw    $k0, %lo(kernel_stack + {F_K0})($k0)
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
