# What an environment does between two words of the host. All lies in one page.
    .set noreorder
    .set noat
    .set nomacro
    .section .text.puppet, "ax"

    .macro mark name                # the host is told: k1 = behind this
    .globl \name
\name:
    lui   $k0, 0x7fff               # where no code is: the kernel keeps k0 over a tick
    jalr  $k1, $k0                  # the simulator stops there
    nop
    .endm

# ---- Things to do.
    .globl call
call:                               # a system call, as the registers say
    syscall
    mark  returned
    .globl slot
slot:                               # one in a delay slot
    b     taken
    syscall
    mark  refused
    mark  taken                     # the branch must not be taken
    .globl touch
touch:                              # memory at a0: read, and written as it was
    lw    $t0, 0($a0)
    nop
    sw    $t0, 0($a0)
    mark  touched
    .globl jump
jump:                               # to a0
    jr    $a0
    nop
    mark  jumped
    .globl spin
spin:                               # until somebody interrupts
    b     spin
    nop
    .globl trap
trap:                               # exceptions, one word apart
    break
    add   $t0, $a0, $a0             # overflow, if a0 says so
    mfc0  $t0, $12                  # coprocessor 0 is the kernel's
    .word 0x44082000                # mfc1 t0, f4: perhaps usable
    .word 0x42000010                # rfe
    tlbwr                           # as rfe, not usable
    mark  trapped

# ---- Ways in.
    .globl start
start:
    mark  started                   # a slice begins
    mark  ended                     # a slice ends
    mark  asked                     # something shall be given back
    mark  synced                    # transfers
    mark  lent
    mark  faulted                   # an exception
