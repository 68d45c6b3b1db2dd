# memcpy(a0 to, a1 from, a2 bytes) -> v0 to, for the R3000. Destroys a0 to a2 and t0 to t7.
#
# The compiler moves whole values by calling it. That of its library takes eight instructions a
# word; this one takes two and a half, in blocks of eight words. What is not aligned goes by bytes.

    .set noreorder
    .set noat
    .section .text.memcpy, "ax", @progbits
    .globl memcpy
    .type memcpy, @function
    .ent memcpy
memcpy:
    or      $8, $4, $5
    andi    $8, $8, 3
    bnez    $8, 3f                  # not both multiples of four
    move    $2, $4
    sltiu   $8, $6, 32
    bnez    $8, 2f
    sltiu   $8, $6, 4
1:  lw      $8, 0($5)               # eight words
    lw      $9, 4($5)
    lw      $10, 8($5)
    lw      $11, 12($5)
    lw      $12, 16($5)
    lw      $13, 20($5)
    lw      $14, 24($5)
    lw      $15, 28($5)
    sw      $8, 0($4)
    sw      $9, 4($4)
    sw      $10, 8($4)
    sw      $11, 12($4)
    sw      $12, 16($4)
    sw      $13, 20($4)
    sw      $14, 24($4)
    sw      $15, 28($4)
    addiu   $6, $6, -32
    sltiu   $8, $6, 32
    addiu   $5, $5, 32
    beqz    $8, 1b
    addiu   $4, $4, 32
    sltiu   $8, $6, 4
2:  bnez    $8, 3f                  # less than a word is left
    nop
    lw      $9, 0($5)               # a word
    addiu   $6, $6, -4
    addiu   $5, $5, 4
    sw      $9, 0($4)
    sltiu   $8, $6, 4
    b       2b
    addiu   $4, $4, 4
3:  beqz    $6, 4f
    nop
    lbu     $9, 0($5)               # a byte
    addiu   $6, $6, -1
    addiu   $5, $5, 1
    sb      $9, 0($4)
    b       3b
    addiu   $4, $4, 1
4:  jr      $31
    nop
    .end memcpy
    .size memcpy, . - memcpy
    .set at
    .set reorder
