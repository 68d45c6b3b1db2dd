# Protected control transfer, with the registers as message. Twelve words travel in a0 to a3 and t0 to t7; v0 is
# the sender, whom the kernel names; v1 is the tag: REPLY, REFUSED, ONE_WAY, or 0 of a request that awaits a
# reply. at, t8 and t9 are free to use; the rest is what the sender left there.
#
# A request is handled on the transfer stack, as an activity of its own: what ran before is in its
# context and goes on afterwards. While one is handled, or a reply awaited, others are refused: a
# message has no place to wait in.

    .section .trap, "ax"

# Does an instruction for all words of a message but the first.
    .macro message instruction, base, offset
    \instruction $a1, \offset+4(\base)
    \instruction $a2, \offset+8(\base)
    \instruction $a3, \offset+12(\base)
    \instruction $t0, \offset+16(\base)
    \instruction $t1, \offset+20(\base)
    \instruction $t2, \offset+24(\base)
    \instruction $t3, \offset+28(\base)
    \instruction $t4, \offset+32(\base)
    \instruction $t5, \offset+36(\base)
    \instruction $t6, \offset+40(\base)
    \instruction $t7, \offset+44(\base)
    .endm

# A message arrives. Its words, v0 and v1 must last until it is stored, sent back or handed to the
# caller: only t8, t9 and, when it is settled, sp change until then.
    .globl exos_transfer
exos_transfer:
    lw    $t8, {AWAITED}($zero)         # is a reply awaited?
    lw    $t9, {CONTEXT}($zero)         # what runs here
    bne   $t8, $zero, .Larrived_awaited
    andi  $t8, $v1, {REPLY}             # is this one?
    bne   $t8, $zero, exos_yield_rest   # that nobody awaits: dropped, with the slice
    lw    $t8, {SERVING}($zero)         # are requests served?
    nop                                 # load delay
    beq   $t8, $zero, .Lrefuse          # no
    addiu $t8, $zero, {MAIN}            # is none handled just now?
    bne   $t8, $t9, .Lrefuse            # one is
    addiu $t8, $zero, {TRANSFER}        # the transfer's context
    ori   $sp, $zero, {TRANSFER_SP}     # room for arguments, message, sender, tag
    sw    $t8, {CONTEXT}($zero)         # it has begun
.Ltransferred:
    sw    $a0, 16($sp)                  # the message
    message sw, $sp, 16
    sw    $v0, 64($sp)                  # the sender
    sw    $v1, 68($sp)                  # the tag
    addiu $a0, $sp, 16                  # arguments: the message,
    jal   exos_serve                    # handled in Rust, which leaves the reply in its place
    addu  $a1, $v0, $zero               # the sender
    lw    $v1, 68($sp)                  # the tag
    lw    $v0, 64($sp)                  # the sender
    andi  $v1, $v1, {ONE_WAY}           # does it await a reply?
    bne   $v1, $zero, .Lserved          # it does not
    addiu $t8, $zero, {MAIN}            # what goes on here
    addiu $v0, $v0, {SCALL_RECORDS}     # the selector of the transfer back
    sll   $v0, $v0, 4
    ori   $v1, $zero, {REPLY}           # the tag
    lw    $a0, 16($sp)                  # the reply
    message lw, $sp, 16
    sw    $t8, {CONTEXT}($zero)         # it has ended
.Lreplying:
    syscall                             # the sender has the slice again
    beq   $zero, $zero, exos_yield_rest # it does not live
    nop                                 # branch delay
.Lreplying_end:
.Lserved:
    beq   $zero, $zero, exos_slice_start # what was interrupted goes on
    sw    $t8, {CONTEXT}($zero)         # it has ended

.Larrived_awaited:
    lw    $t8, {AWAITED}($zero)         # from whom
    nop                                 # load delay
    andi  $t8, $t8, 0xff
    bne   $t8, $v0, .Lrefuse            # not from this one
    andi  $t8, $v1, {REPLY}             # is this one?
    beq   $t8, $zero, .Lrefuse          # no
    lw    $sp, {AWAITING_SP}($zero)     # the caller's
    sw    $zero, {AWAITED}($zero)       # it has its reply
.Lreplied:
    lw    $t8, 40($sp)                  # where the message goes
    andi  $v0, $v1, {REFUSED}           # returns 0, if it was taken
    sw    $a0, 0($t8)
    message sw, $t8, 0
.Lcalled:
    lw    $s0, 0($sp)                   # as a procedure must
    lw    $s1, 4($sp)
    lw    $s2, 8($sp)
    lw    $s3, 12($sp)
    lw    $s4, 16($sp)
    lw    $s5, 20($sp)
    lw    $s6, 24($sp)
    lw    $s7, 28($sp)
    lw    $fp, 32($sp)
    lw    $ra, 36($sp)
    lw    $gp, 44($sp)
    jr    $ra                           # to the caller
    addiu $sp, $sp, 48

# The message is not taken: sent back, if its sender awaits something, or dropped.
.Lrefuse:
    andi  $t8, $v1, {REPLY}|{ONE_WAY}
    bne   $t8, $zero, exos_yield_rest   # dropped, with the slice
    ori   $v1, $zero, {REPLY}|{REFUSED} # the tag
    addiu $v0, $v0, {SCALL_RECORDS}     # the selector of the transfer back
    sll   $v0, $v0, 4
    syscall                             # the sender has the slice again
    beq   $zero, $zero, exos_yield_rest # it does not live
    nop                                 # branch delay
.Lrefuse_end:

# exos_call(message, selector, awaited) -> v0: a synchronous transfer, and its reply in the message's place.
# Returns 0, or REFUSED, or an error if the callee does not live or dies.
#
#   sp -> s0 to s7, fp, ra                                +0
#         where the message is                            +40
#         gp                                              +44
    .globl exos_call
exos_call:
    addiu $sp, $sp, -48
    sw    $s0, 0($sp)                   # what a procedure keeps
    sw    $s1, 4($sp)
    sw    $s2, 8($sp)
    sw    $s3, 12($sp)
    sw    $s4, 16($sp)
    sw    $s5, 20($sp)
    sw    $s6, 24($sp)
    sw    $s7, 28($sp)
    sw    $fp, 32($sp)
    sw    $ra, 36($sp)
    sw    $a0, 40($sp)                  # where the reply goes
    sw    $gp, 44($sp)
    sw    $sp, {AWAITING_SP}($zero)     # where the reply finds all that
    sw    $a2, {AWAITED}($zero)         # from now on requests are refused
    addu  $t8, $a0, $zero
    addu  $v0, $a1, $zero               # the selector
    addu  $v1, $zero, $zero             # the tag: a request
    message lw, $t8, 0                  # the message
    lw    $a0, 0($t8)
.Lcalling:                              # must run as one: else the request goes out twice
    addiu $t8, $zero, %lo(.Lawaiting)   # what slices are for until the reply is there
    lw    $t9, {CONTEXT}($zero)
    nop                                 # load delay
    sw    $t8, {CONTEXT_PC}($t9)
    syscall                             # the reply arrives at exos_transfer
.Lcalling_end:
    beq   $zero, $zero, .Lcalled        # the callee does not live: v0 says so
    sw    $zero, {AWAITED}($zero)       # no reply comes

# A slice of a caller's: it is the callee's that lets it go on.
.Lawaiting:                             # must run as one: no register is kept
    lw    $a0, {AWAITED}($zero)         # whom
    ori   $v0, $zero, {YIELD_TO}
    andi  $a0, $a0, 0xff
    syscall                             # does not return
.Lawaiting_end:
    lw    $sp, {AWAITING_SP}($zero)     # but if it does not live: v0 says so
    beq   $zero, $zero, .Lcalled
    sw    $zero, {AWAITED}($zero)       # no reply comes

# exos_send(message, selector) -> v0: an asynchronous transfer, which takes the rest of this slice.
# Returns 0 in a later slice, or at once with an error.
    .globl exos_send
exos_send:
    lw    $t9, {CONTEXT}($zero)         # saves what a procedure keeps
    addu  $t8, $a0, $zero               # where the message is
    sw    $s0, 4*16($t9)
    sw    $s1, 4*17($t9)
    sw    $s2, 4*18($t9)
    sw    $s3, 4*19($t9)
    sw    $s4, 4*20($t9)
    sw    $s5, 4*21($t9)
    sw    $s6, 4*22($t9)
    sw    $s7, 4*23($t9)
    sw    $gp, 4*28($t9)
    sw    $sp, 4*29($t9)
    sw    $fp, 4*30($t9)
    sw    $ra, 4*31($t9)
    addu  $v0, $a1, $zero               # the selector
    ori   $v1, $zero, {ONE_WAY}         # the tag
    message lw, $t8, 0                  # the message
    lw    $a0, 0($t8)
.Lsending:                              # must run as one: else the message is lost, or goes out twice
    lw    $t9, {CONTEXT}($zero)
    nop                                 # load delay
    sw    $zero, 4*2($t9)               # returns 0
    sw    $ra, {CONTEXT_PC}($t9)        # to the caller
    syscall
.Lsending_end:
    jr    $ra                           # the receiver does not live: v0 says so
    nop                                 # branch delay

# A request to give something back comes in place of a slice's beginning: a0 kind, a1 how many, a2 in how
# many ticks. It is handled as an activity of its own on the transfer stack, below what is in use there.
    .globl exos_revoke
exos_revoke:
    lw    $t8, {GIVING}($zero)          # is anybody there to handle it?
    lw    $t9, {CONTEXT}($zero)         # what ran last
    beq   $t8, $zero, .Lunable          # no
    addiu $t8, $zero, {REVOKE}          # the request's context
    beq   $t8, $t9, exos_slice_start    # the handler of the last request is not done: it will see
    addiu $t0, $zero, {MAIN}            # is the transfer stack in use?
    ori   $t1, $zero, {TRANSFER_TOP}    # then from its top
    beq   $t9, $t0, .Lstack_known
    sw    $t9, {REVOKE_BELOW}($zero)    # what goes on afterwards
    lw    $t1, 4*29($t9)                # yes: below what is there
    nop                                 # load delay
    addiu $t1, $t1, -{FRAME_BYTES}      # and below a frame that may be half made
.Lstack_known:
    addiu $sp, $t1, -24                 # room for arguments
    sw    $t8, {CONTEXT}($zero)         # it has begun
.Lrevoked:
    jal   exos_give                     # handled in Rust
    nop                                 # branch delay
    lw    $t9, {REVOKE_BELOW}($zero)    # what goes on, in the next slice
    beq   $zero, $zero, exos_yield_rest
    sw    $t9, {CONTEXT}($zero)         # it has ended
.Lunable:
    lw    $a0, {OWN}($zero)             # this environment
    ori   $a1, $zero, {STATUS_REVOKED}  # ends with this status
    ori   $v0, $zero, {ENV_DESTROY}
    syscall                             # does not return
    beq   $zero, $zero, .Lunable        # nor is there anything else to do
    nop                                 # branch delay

# Other assembly may be assembled with this one.
    .purgem each
    .purgem message
    .purgem within
    .purgem again
