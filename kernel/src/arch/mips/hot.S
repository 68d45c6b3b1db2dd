# The hot paths: what runs on every miss, exception, transfer and small system call.
#
# Everything is reached as offset(zero): the record page, the scratch page and the page of the
# environment that runs are wired at the top of kseg2 (layout.rs). Counts are of instructions from the
# vector to the delay slot that leaves; tests assert them. Interrupts are off throughout.
#
# Every way back to user mode ends in `jr k0` or `jr k1` with `rfe` in its slot, in the macro `leave`,
# which records where: for GXemul those two words are replaced when the machine starts (boot.S).

    .set noreorder
    .set noat
    .set nomacro

    .macro leave register           # 2 instructions: to user mode, at \register
    .pushsection .exits, "a"        # note the place
    .word 9f                        # whose register field tells \register
    .popsection                     # back to the code
9:  jr    \register                 # go
    .word 0x42000010                # rfe: the modes that were before (slot)
    .endm

# ---- The two vectors. This is copied to 0x80000000, so inside it only relative branches lead about.
    .section .text.vectors, "ax"
    .globl vector_source
vector_source:

# A miss of kuseg. In: nothing. Destroyed: k0, k1. STLB hit: 14 instructions.
    mfc0  $k1, $4                   # 1  Context: page number times 4
    lw    $k0, {HASH}($zero)        # 2  STLB's address, mixed with the context's hash
    andi  $k1, $k1, 0x3ffc          # 3  its low bits choose the slot
    xor   $k1, $k1, $k0             # 4  address of the slot's tag
    lw    $k0, {ENTRIES}($k1)       # 5  EntryLo, 16 KB behind the tag
    lw    $k1, 0($k1)               # 6  tag
    mtc0  $k0, $2                   # 7  EntryLo, used if the tag is right
    mfc0  $k0, $10                  # 8  EntryHi: page and ASID that missed
    nop                             # 9  k0 is on its way
    bne   $k0, $k1, 1f              # 10 another page's slot
    mfc0  $k1, $14                  # 11 EPC (slot)
    tlbwr                           # 12 in the TLB
    leave $k1                       # 13, 14 try again
# Not in the STLB: 13 more to the application's handler, 27 in all.
1:  srl   $k0, $k0, 22              # 12 which 4 MB
    beq   $k0, $zero, 2f            # 13 the guaranteed segment
    mfc0  $k1, $13                  # 14 Cause (slot)
    b     dispatch                  # 15 as any exception; k0 is lost to the miss anyhow
    andi  $k1, $k1, 0x3c            # 16 4 times its code (slot)
2:  j     guaranteed                # 15 the kernel knows those mappings
    nop                             # 16 (slot)

# All other exceptions. Out, at the application's handler: t0 = EPC, t1 = BadVAddr, t2 = Cause, and what
# they held at 0, 4 and 8 in the save area of the cause. Destroyed: k1. 14 instructions.
    .org vector_source + 0x80
    mfc0  $k1, $13                  # 1  Cause
    sw    $k0, {K0}($zero)          # 2  for what comes back to the instruction
    andi  $k1, $k1, 0x3c            # 3  4 times its code
    .globl dispatch
dispatch:
    lw    $k0, {SAVE}($k1)          # 4  save area of this cause
    lw    $k1, {HANDLER}($k1)       # 5  handler of this cause
    sw    $t0, 0($k0)               # 6
    bltz  $k1, 1f                   # 7  the kernel's own
    sw    $t1, 4($k0)               # 8  (slot)
    sw    $t2, 8($k0)               # 9
    mfc0  $t0, $14                  # 10 EPC
    mfc0  $t1, $8                   # 11 BadVAddr
    mfc0  $t2, $13                  # 12 Cause
    leave $k1                       # 13, 14 to the handler
1:  jr    $k1                       # 9  a label below, or in slow.S
    andi  $k0, $v0, 0xff0           # 10 the selector, if it is a system call (slot)
    .globl vector_source_end
vector_source_end:

# ---- System calls: the record that the selector names says what to do.
    .section .text.hot, "ax"
# In: k0 = offset of the record, all registers the caller's but k1. 10 instructions have run.
# A record of an environment is entered at once. Out: v0 = the caller's identifier, nothing else is
# changed. Synchronous transfer: 22 instructions.
    .globl system_call
system_call:
    lw    $k1, {HIGH}($k0)          # 11 EntryHi, or a call's parameter
    lw    $v0, {LOW}($k0)           # 12 EntryLo, or a call's address
    bgez  $k1, 1f                   # 13 a call
    mtc0  $v0, $2                   # 14 EntryLo; a call does not mind (slot)
    lw    $v0, {ID}($zero)          # 15 who calls
    mtc0  $k1, $10                  # 16 EntryHi: the callee's ASID
    lw    $k1, {STATUS}($k0)        # 17 the callee's Status
    tlbwi                           # 18 its page, handlers, save areas, hash: entry 1
    lw    $k0, {ENTRY}($k0)         # 19 its protected entry
    mtc0  $k1, $12                  # 20 Status
    leave $k0                       # 21, 22 there
1:  jr    $v0                       # 15 the call's assembly
    mfc0  $k0, $14                  # 16 EPC (slot)

# The null system call. In: k0 = EPC. Out: v0. 20 instructions.
    .globl call_env_self
call_env_self:
    lw    $v0, {ID}($zero)          # 17 who calls
    addiu $k0, $k0, 4               # 18 behind the call
    leave $k0                       # 19, 20 there

# No such call. In: k0 = EPC. Out: v0. 20 instructions.
    .globl dead
dead:
    addiu $v0, $zero, {NO_SUCH_CALL} # 17
    addiu $k0, $k0, 4               # 18 behind the call
    leave $k0                       # 19, 20 there

# Asynchronous transfer. In: k1 = offset of the callee's synchronous record. Out: v0 = the caller's
# identifier. The environment that lends first since the last tick keeps the time slice: 33
# instructions, 29 where that is noted already.
    .globl asynchronous
asynchronous:
    lw    $v0, {PINNED}($zero)      # 17 who keeps the slice, plus 1
    lw    $k0, {LOW}($k1)           # 18 EntryLo
    bne   $v0, $zero, 1f            # 19 noted already
    mtc0  $k0, $2                   # 20 EntryLo (slot)
    lw    $k0, {ID}($zero)          # -  who calls
    nop                             # -  k0 is on its way
    addiu $k0, $k0, 1               # -
    sw    $k0, {PINNED}($zero)      # -  the caller keeps it
1:  lw    $k0, {HIGH}($k1)          # 21 EntryHi
    lw    $v0, {ID}($zero)          # 22 who calls, while its page is there
    mtc0  $k0, $10                  # 23 EntryHi
    lw    $k0, {STATUS}($k1)        # 24 the callee's Status
    tlbwi                           # 25 entry 1
    lw    $k1, {ASYNC_ENTRY}($k1)   # 26 its entry for these transfers
    mtc0  $k0, $12                  # 27 Status
    leave $k1                       # 28, 29 there

# TLBwr of the caller's own page at an address that is bound to this page already: what changes is whether it
# may be written, or is cached. In: t1 = address, t2 = EntryLo, k1 for `call_primitive`, which does what this
# does not. Out: v0 = 0. 62 instructions, 63 where the TLB has the address too.
    .globl call_tlb_write
call_tlb_write:
    mfc0  $v0, $13                  # 17 Cause: bit 31 tells of a delay slot
    mfc0  $k0, $10                  # 18 EntryHi, for its ASID
    bltz  $v0, by_rust              # 19
    andi  $t0, $t2, 0x3ff           # 20 V, G and bits that must be clear (slot)
    bltz  $t1, by_rust              # 21 no application's address
    addiu $v0, $zero, 0x200         # 22 V alone (slot)
    bne   $t0, $v0, by_rust         # 23
    srl   $t0, $t2, 12              # 24 the page (slot)
    lw    $v0, {PAGES}($zero)       # 25 how many there are
    andi  $k0, $k0, 0xfc0           # 26 ASID
    sltu  $v0, $t0, $v0             # 27
    beq   $v0, $zero, by_rust       # 28 no such page
    lw    $v0, {STATES}($zero)      # 29 what is known of pages (slot)
    sll   $t0, $t0, 4               # 30 16 bytes of each
    addu  $v0, $v0, $t0             # 31
    lbu   $v0, {OWNER}($v0)         # 32 whose this one is
    lw    $t0, {ID}($zero)          # 33 who calls
    srl   $t1, $t1, 12              # 34 the address's page
    bne   $v0, $t0, by_rust_again   # 35 not its own
    sll   $t0, $t1, 12              # 36 (slot)
    or    $k0, $k0, $t0             # 37 the tag
    lw    $v0, {HASH}($zero)        # 38 as a refill finds the slot
    sll   $t1, $t1, 2               # 39
    andi  $t1, $t1, 0x3ffc          # 40
    xor   $t1, $t1, $v0             # 41 its address
    lw    $v0, 0($t1)               # 42 the tag there
    mtc0  $k0, $10                  # 43 EntryHi; its ASID is what it was
    bne   $v0, $k0, by_rust_again   # 44 another's, or none
    lw    $v0, {ENTRIES}($t1)       # 45 EntryLo there (slot)
    mtc0  $t2, $2                   # 46 EntryLo
    xor   $v0, $v0, $t2             # 47
    srl   $v0, $v0, 12              # 48
    bne   $v0, $zero, by_rust_again # 49 another page
    tlbp                            # 50 Index (slot)
    sw    $t2, {ENTRIES}($t1)       # 51 the STLB has it
    mfc0  $v0, $0                   # 52 where in the TLB
    addiu $t0, $zero, 0x100         # 53 entry 1
    bltz  $v0, done                 # 54 nowhere
    mfc0  $k0, $14                  # 55 EPC (slot)
    tlbwi                           # -  the TLB has it
done:                               # in: k0 = EPC, t0 = 0x100
    lw    $t1, {T1}($zero)          # 56
    mtc0  $t0, $0                   # 57 Index, as it must be
    lw    $t0, {T0}($zero)          # 58
    addiu $k0, $k0, 4               # 59 behind the call
    addu  $v0, $zero, $zero         # 60
    leave $k0                       # 61, 62 there
by_rust_again:                      # t1 is not the application's any more
    addiu $t0, $zero, 0x100         # entry 1
    mtc0  $t0, $0                   # Index, which tlbp may have changed
    lw    $t1, {T1}($zero)
by_rust:
    j     call_primitive
    lw    $t0, {T0}($zero)          # (slot)

# Contiguous pages lose the right to be written to, or get it. In: t1 = address, t2 = count, k1 for
# `call_primitive`, which does what this does not. Out: v0 = 0. Meanwhile t1 is the tag of the next page,
# t2 the tag behind the last, v0 the next slot of the STLB, k1 the slot behind the last of those that follow
# each other, t3 what is done to an EntryLo; for the right to write, t3 the states of pages and t4 who calls.
    .macro kept what                # registers that nobody has saved
    \what $t2, {KEPT}($zero)
    \what $t3, {KEPT}+4($zero)
    \what $t4, {KEPT}+8($zero)
    \what $t5, {KEPT}+12($zero)
    .endm

    .macro page gives, offset       # 11 instructions, 10 if it is not in the TLB; 6 more to look whose it is
    lw    $k0, \offset($v0)         # the tag there
    lw    $t0, {ENTRIES}+\offset($v0) # EntryLo there
    mtc0  $t1, $10                  # EntryHi; its ASID is what it was
    bne   $k0, $t1, 9f              # another's, or none
    tlbp                            # Index (slot)
    .if \gives
    srl   $t5, $t0, 12              # the page
    sll   $t5, $t5, 4               # 16 bytes of each
    addu  $t5, $t5, $t3             # what is known of it
    lbu   $t5, {OWNER}($t5)         # whose it is
    ori   $t0, $t0, {DIRTY}         # it may be written
    bne   $t5, $t4, 8f              # by grant, if at all
    .else
    and   $t0, $t0, $t3             # it may not be written
    .endif
    mfc0  $k0, $0                   # where in the TLB (slot)
    mtc0  $t0, $2                   # EntryLo
    bltz  $k0, 9f                   # nowhere
    sw    $t0, {ENTRIES}+\offset($v0) # the STLB has it (slot)
    tlbwi                           # the TLB has it
9:
    .endm

    .macro change_rights gives
    addiu $t0, $t2, -1
    sltiu $t0, $t0, {MOST_BATCH}    # so many at once
    beq   $t0, $zero, by_rust       # none, or too many
    mfc0  $v0, $13                  # Cause: bit 31 tells of a delay slot (slot)
    lw    $k0, {DISPLACED}($zero)   # bit 31 tells of victims, which Rust knows
    srl   $t0, $t1, 12
    or    $v0, $v0, $t1             # bit 31 tells of no application's address
    or    $v0, $v0, $k0
    sll   $t1, $t0, 12              # the first page
    addu  $t0, $t0, $t2
    sll   $t0, $t0, 12              # behind the last
    addiu $t0, $t0, -1
    or    $v0, $v0, $t0
    bltz  $v0, by_rust_again        # any of these
    mfc0  $k0, $10                  # EntryHi, for its ASID (slot)
    kept  sw
    andi  $k0, $k0, 0xfc0           # ASID
    or    $t1, $t1, $k0             # the first tag
    sll   $t2, $t2, 12
    addu  $t2, $t2, $t1             # the tag behind the last
    .if \gives
    lw    $t3, {STATES}($zero)
    lw    $t4, {ID}($zero)
    .else
    addiu $t3, $zero, ~{DIRTY}
    .endif
1:  srl   $v0, $t1, 10              # as a refill finds the slot
    lw    $t0, {HASH}($zero)
    andi  $v0, $v0, 0x3ffc
    xor   $v0, $v0, $t0             # its address
    subu  $t0, $t2, $t1             # what is left
    srl   $t0, $t0, 10
    addu  $t0, $t0, $v0             # behind it, if slots follow each other
    ori   $k1, $v0, 0xfc
    addiu $k1, $k1, 4               # which those of 64 pages do
    sltu  $k0, $t0, $k1
    beq   $k0, $zero, 2f            # the pages go on behind them
    nop                             # (slot)
    addu  $k1, $t0, $zero           # or end among them
2:  xor   $k0, $k1, $v0
    andi  $k0, $k0, 4               # an odd number?
    beq   $k0, $zero, 3f
    page  \gives, 0                 # the first, whose tag is loaded in vain otherwise (slot)
    addiu $v0, $v0, 4
    beq   $v0, $k1, 4f
    addiu $t1, $t1, 4096            # the next page (slot)
3:  page  \gives, 0                 # two in a turn
    addiu $t1, $t1, 4096
    page  \gives, 4
    addiu $v0, $v0, 8
    bne   $v0, $k1, 3b
    addiu $t1, $t1, 4096            # (slot)
4:  bne   $t1, $t2, 1b
    addiu $t0, $zero, 0x100         # entry 1 (slot)
    kept  lw
    j     done
    mfc0  $k0, $14                  # EPC (slot)
    .endm

    .globl call_tlb_protect
call_tlb_protect:
    change_rights 0
    .globl call_tlb_unprotect
call_tlb_unprotect:
    change_rights 1
8:  kept  lw
    lw    $k1, {HIGH}+{TLB_UNPROTECT}($zero) # for `call_primitive`
    j     by_rust_again
    nop                             # (slot)
