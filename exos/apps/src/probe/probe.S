# Instructions that raise exceptions, each among instructions that fill all registers before and store
# all of them afterwards. See mod.rs.
#
# probe(a0 = what to put into the registers, a1 = where to store what is in them). Words by number; 0 is
# unused, 26 and 27 are HI and LO, 29 is sp, which stays. Memory at the end of the save page is reached without a
# register.
    .set noreorder
    .set noat

    .equ PROBE_SP, 0x1ff0
    .equ PROBE_T0, 0x1ff4
    .equ PROBE_AFTER, 0x1ff8

    .macro probe_each instruction, base
    \instruction $at, 4*1(\base)
    \instruction $v0, 4*2(\base)
    \instruction $v1, 4*3(\base)
    \instruction $a1, 4*5(\base)
    \instruction $a2, 4*6(\base)
    \instruction $a3, 4*7(\base)
    \instruction $t1, 4*9(\base)
    \instruction $t2, 4*10(\base)
    \instruction $t3, 4*11(\base)
    \instruction $t4, 4*12(\base)
    \instruction $t5, 4*13(\base)
    \instruction $t6, 4*14(\base)
    \instruction $t7, 4*15(\base)
    \instruction $s0, 4*16(\base)
    \instruction $s1, 4*17(\base)
    \instruction $s2, 4*18(\base)
    \instruction $s3, 4*19(\base)
    \instruction $s4, 4*20(\base)
    \instruction $s5, 4*21(\base)
    \instruction $s6, 4*22(\base)
    \instruction $s7, 4*23(\base)
    \instruction $t8, 4*24(\base)
    \instruction $t9, 4*25(\base)
    \instruction $gp, 4*28(\base)
    \instruction $fp, 4*30(\base)
    \instruction $ra, 4*31(\base)
    .endm

    .macro probe_begin
    addiu $sp, $sp, -56
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
    sw    $gp, 40($sp)
    lw    $t0, PROBE_SP($zero)          # of the probe whose handler runs this one, if it does
    lw    $t1, PROBE_AFTER($zero)
    sw    $t0, 44($sp)
    sw    $t1, 48($sp)
    sw    $sp, PROBE_SP($zero)
    sw    $a1, PROBE_AFTER($zero)
    lw    $t0, 4*26($a0)                # HI
    lw    $t1, 4*27($a0)                # LO
    mthi  $t0
    mtlo  $t1
    probe_each lw, $a0                  # all but a0, t0, sp
    lw    $t0, 4*8($a0)
    lw    $a0, 4*4($a0)
    nop                                 # load delay
    .endm

# What follows every probe: t0 is saved by the branch's delay slot.
    .section .text.probe, "ax"
probe_finish:
    lw    $t0, PROBE_AFTER($zero)       # where the registers go
    nop                                 # load delay
    probe_each sw, $t0                  # all but a0, t0, sp
    sw    $a0, 4*4($t0)
    lw    $t1, PROBE_T0($zero)
    mfhi  $t2
    mflo  $t3
    sw    $t1, 4*8($t0)
    sw    $t2, 4*26($t0)
    sw    $t3, 4*27($t0)
    lw    $sp, PROBE_SP($zero)
    nop                                 # load delay
    lw    $s0, 0($sp)                   # as they were
    lw    $s1, 4($sp)
    lw    $s2, 8($sp)
    lw    $s3, 12($sp)
    lw    $s4, 16($sp)
    lw    $s5, 20($sp)
    lw    $s6, 24($sp)
    lw    $s7, 28($sp)
    lw    $fp, 32($sp)
    lw    $ra, 36($sp)
    lw    $gp, 40($sp)
    lw    $t0, 44($sp)                  # of the other probe
    lw    $t1, 48($sp)
    sw    $t0, PROBE_SP($zero)
    sw    $t1, PROBE_AFTER($zero)
    jr    $ra
    addiu $sp, $sp, 56

# A probe of one instruction, and its row: the procedure, and the address of the instruction.
    .macro probe instruction:vararg
    .section .rodata.probes, "a"
    .word 1f, 2f
    .section .text.probe, "ax"
1:  probe_begin
2:  \instruction
    b     probe_finish
    sw    $t0, PROBE_T0($zero)
    .endm

    .section .rodata.probes, "a"
    .globl probe_table
probe_table:
    probe lw   $s0, 0($s1)              # LOAD
    probe sw   $s0, 0($s1)              # STORE
    probe break                         # BREAK

# RESERVED: an opcode of later machines. It stands where data do, so that whoever looks for instructions
# that the processor has not does not find it in code.
    .section .rodata.probes, "a"
    .word 1f, 2f
    .section .text.probe, "ax"
1:  probe_begin
    j     2f
    nop
    .section .rodata.reserved, "a"
2:  .word 0x7c000000
    j     probe_finish
    sw    $t0, PROBE_T0($zero)
    .section .rodata.probes, "a"

    probe .word 0x44100000              # mfc1 s0, f0: COPROCESSOR_1
    probe .word 0x48000000              # COPROCESSOR_2: mfc2 zero, 0
    probe add  $s0, $s1, $s2            # ADD
    probe sub  $s0, $s1, $s2            # SUB

# LOAD_IN_SLOT: a load in a branch's delay slot.
    .section .rodata.probes, "a"
    .word 1f, 2f
    .section .text.probe, "ax"
1:  probe_begin
2:  b     3f
    lw    $s0, 0($s1)
    break                               # must not be reached
3:  b     probe_finish
    sw    $t0, PROBE_T0($zero)

# SPIN: s1 times nothing, and then s1 is 0.
    .section .rodata.probes, "a"
    .word 1f, 2f
    .section .text.probe, "ax"
1:  probe_begin
2:  addiu $s1, $s1, -1
    bne   $s1, $zero, 2b
    nop
    b     probe_finish
    sw    $t0, PROBE_T0($zero)
