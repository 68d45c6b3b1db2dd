# Time slices: their end, which saves what runs, and their beginning, which restores it; and the call
# that gives the rest of one away. The kernel delivers a slice's end like an exception whose save area is cause 0's, its beginning
# with empty registers.
#
# One word says which activity runs: `context` points to the memory that it is saved to. Another
# activity begins (transfer.S) and ends by a single store to that word. Where a slice may end matters here alone:
#
#   where                                   | then
#   restoring or yielding: all is saved     | nothing is saved
#   handing: registers are a message        | it is finished first; it leaves the environment by itself
#   arriving: registers are a message       | as if the arriving activity had begun
#   a sequence that must run as one         | begun again
#   elsewhere                               | saved; in this page, with the save page's volatile words

    .section .trap, "ax"

# Branches to \then if \first <= t0 < \last. Changes t1 and t2.
    .macro within first, last, then
    addiu $t1, $zero, %lo(\first)       # before the first?
    sltu  $t1, $t0, $t1
    addiu $t2, $zero, %lo(\last)        # before the last?
    sltu  $t2, $t0, $t2
    bne   $t1, $t2, \then               # before the last alone
    nop                                 # branch delay
    .endm

# If \first <= t0 < \last, then t0 = \first. Changes t1 and t2.
    .macro again first, last
    addiu $t1, $zero, %lo(\first)       # before the first?
    sltu  $t1, $t0, $t1
    addiu $t2, $zero, %lo(\last)        # before the last?
    sltu  $t2, $t0, $t2
    beq   $t1, $t2, 1f                  # both or neither: not in it
    nop                                 # branch delay
    addiu $t0, $zero, %lo(\first)       # begins again
1:
    .endm

    .globl exos_slice_end
exos_slice_end:
    addiu $t1, $t0, -{TRAP}             # did it end in this page?
    sltiu $t1, $t1, {PAGE_BYTES}
    bne   $t1, $zero, .Lended_here      # then it depends where
    nop                                 # branch delay
.Lkeep:
    lw    $t1, {CONTEXT}($zero)         # where to save to
    lw    $t2, {SAVE}($zero)            # t0 as it was
    sw    $t0, {CONTEXT_PC}($t1)        # where to go on
    sw    $t2, 4*8($t1)
    lw    $t0, {SAVE}+4($zero)          # t1
    lw    $t2, {SAVE}+8($zero)          # t2
    sw    $t0, 4*9($t1)
    sw    $t2, 4*10($t1)
    sw    $t3, 4*11($t1)
    sw    $sp, 4*29($t1)
    each  sw, $t1, 0                    # the others
    mfhi  $t2                           # what multiplications left
    mflo  $t3
    sw    $t2, {CONTEXT_HIGH}($t1)
    sw    $t3, {CONTEXT_LOW}($t1)
    lw    $t0, {CONTEXT_PC}($t1)        # where it goes on again
    addiu $t3, $zero, {VOLATILE}        # the volatile words, if it is in this page
    addiu $t2, $t0, -{TRAP}
    sltiu $t2, $t2, {PAGE_BYTES}
    beq   $t2, $zero, exos_yield_rest   # it is not: all is saved
    addiu $t4, $zero, {VOLATILE_END}
.Lkeep_word:
    lw    $t2, 0($t3)                   # one of them
    addiu $t3, $t3, 4                   # the next
    sw    $t2, {CONTEXT_VOLATILE}($t1)  # its copy
    bne   $t3, $t4, .Lkeep_word         # to the last
    addiu $t1, $t1, 4                   # the next copy

# Nothing is left to do in this slice. The next begins at exos_slice_start.
    .globl exos_yield_rest
exos_yield_rest:
    addiu $a0, $zero, -1                # to whoever is next
    ori   $v0, $zero, {YIELD_TO}
    syscall                             # does not return
    beq   $zero, $zero, exos_yield_rest # nor is there anything else to do
    nop                                 # branch delay
.Lyield_rest_end:

.Lended_here:
    within exos_slice_start, .Lslice_start_end, exos_yield_rest
    within exos_yield_rest, .Lyield_rest_end, exos_yield_rest
    within .Lrefuse, .Lrefuse_end, .Lfinish
    within .Lreplying, .Lreplying_end, .Lfinish
    within exos_revoke, .Lrevoked, .Lfinish
    within exos_transfer, .Ltransferred, .Larriving
    within .Larrived_awaited, .Lreplied, .Larriving
    again .Lrestart_load, .Lrestart_load_end
    again .Lrestart_store, .Lrestart_store_end
    again .Lrestart_other, .Lrestart_other_end
    again .Lawaiting, .Lawaiting_end
    again .Lcalling, .Lcalling_end
    again .Lsending, .Lsending_end
    again .Lyielding, .Lyielding_end
    beq   $zero, $zero, .Lkeep          # all else can stop anywhere
    nop                                 # branch delay

# Goes on at t0, although the slice has ended.
.Lfinish:
    sw    $t0, {END_PC}($zero)          # where to go on
    lw    $t0, {SAVE}($zero)            # as they were
    lw    $t1, {SAVE}+4($zero)
    lw    $t2, {SAVE}+8($zero)
    lw    $k0, {END_PC}($zero)          # no other slice end can come before this ends
    nop                                 # load delay
    jr    $k0                           # goes on
    nop                                 # branch delay

# A message has arrived but is not settled: decides as exos_transfer does, which has changed t8, t9 and
# sp alone and can begin again.
.Larriving:
    lw    $t8, {AWAITED}($zero)         # is a reply awaited?
    addiu $t0, $zero, %lo(exos_transfer) # begins again, if nothing better is found
    bne   $t8, $zero, .Larriving_awaited
    andi  $t1, $v1, {REPLY}             # is this one?
    bne   $t1, $zero, .Lfinish          # that nobody awaits: dropped there
    lw    $t8, {SERVING}($zero)         # are requests served?
    lw    $t9, {CONTEXT}($zero)         # what runs here
    beq   $t8, $zero, .Lfinish          # no: refused there
    addiu $t2, $zero, {MAIN}            # is none handled just now?
    bne   $t9, $t2, .Lfinish            # one is: refused there
    addiu $t8, $zero, {TRANSFER}        # the transfer's context
    ori   $sp, $zero, {TRANSFER_SP}     # its stack
    sw    $t8, {CONTEXT}($zero)         # it has begun
    beq   $zero, $zero, .Lkeep          # and is saved
    addiu $t0, $zero, %lo(.Ltransferred) # to go on there
.Larriving_awaited:
    andi  $t8, $t8, 0xff                # from whom
    bne   $t8, $v0, .Lfinish            # not from this one: refused there
    nop                                 # branch delay
    beq   $t1, $zero, .Lfinish          # a request: refused there
    lw    $sp, {AWAITING_SP}($zero)     # the caller's
    sw    $zero, {AWAITED}($zero)       # it has its reply
    beq   $zero, $zero, .Lkeep          # and is saved
    addiu $t0, $zero, %lo(.Lreplied)    # to go on there

# exos_yield(target) -> v0: gives the rest of the slice to an environment, or to whoever is next. Returns 0 in
# a later slice, or at once with an error.
    .globl exos_yield
exos_yield:
    lw    $t1, {CONTEXT}($zero)         # saves what a procedure keeps
    nop                                 # load delay
    sw    $s0, 4*16($t1)
    sw    $s1, 4*17($t1)
    sw    $s2, 4*18($t1)
    sw    $s3, 4*19($t1)
    sw    $s4, 4*20($t1)
    sw    $s5, 4*21($t1)
    sw    $s6, 4*22($t1)
    sw    $s7, 4*23($t1)
    sw    $gp, 4*28($t1)
    sw    $sp, 4*29($t1)
    sw    $fp, 4*30($t1)
    sw    $ra, 4*31($t1)
.Lyielding:                             # must run as one: else the return is lost, or comes twice
    lw    $t1, {CONTEXT}($zero)
    ori   $v0, $zero, {YIELD_TO}
    sw    $zero, 4*2($t1)               # returns 0
    sw    $ra, {CONTEXT_PC}($t1)        # to the caller
    syscall                             # a0 is the target
.Lyielding_end:
    jr    $ra                           # refused: v0 says why
    nop                                 # branch delay

# A slice begins: what ran last goes on. All there is is in its context until the last instruction.
    .globl exos_slice_start
exos_slice_start:
    lw    $t0, {CONTEXT}($zero)         # what ran last
    addiu $t3, $zero, {VOLATILE}        # the volatile words
    lw    $t1, {CONTEXT_PC}($t0)        # where it goes on
    addiu $t4, $zero, {VOLATILE_END}
    sw    $t1, {SLICE_PC}($zero)
    addiu $t1, $t1, -{TRAP}             # in this page?
    sltiu $t1, $t1, {PAGE_BYTES}
    beq   $t1, $zero, .Lrestore         # no: it needs no volatile words
    addu  $t1, $t0, $zero
.Lrestore_word:
    lw    $t2, {CONTEXT_VOLATILE}($t1)  # one of the copies
    addiu $t1, $t1, 4                   # the next
    sw    $t2, 0($t3)                   # the word
    addiu $t3, $t3, 4                   # the next
    bne   $t3, $t4, .Lrestore_word      # to the last
    nop                                 # branch delay
.Lrestore:
    lw    $t2, {CONTEXT_HIGH}($t0)      # what multiplications had left
    lw    $t3, {CONTEXT_LOW}($t0)
    mthi  $t2
    mtlo  $t3
    each  lw, $t0, 0                    # all but t0 to t3 and sp
    lw    $t1, 4*9($t0)
    lw    $t2, 4*10($t0)
    lw    $t3, 4*11($t0)
    lw    $sp, 4*29($t0)
    lw    $t0, 4*8($t0)
    lw    $k0, {SLICE_PC}($zero)        # where to go on
    nop                                 # load delay
    jr    $k0                           # goes on
    nop                                 # branch delay
.Lslice_start_end:
