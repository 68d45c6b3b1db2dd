//! The caches as a program finds them: sizes, isolation, swapping, and what goes stale.

use decstation::bare::{BASE, Bare, Options};
use decstation::cpu::Register;
use decstation::cycles::{Costs, DEC3100, DEC5000_200};

const DATA: u32 = BASE + 0x2000;
/// What makes an address of kseg0 one of kseg1.
const UNCACHED: u32 = 0x2000_0000;

fn machine(costs: &'static Costs, words: &[u32]) -> Bare {
    let mut machine = Bare::with(&Options {
        caches: true,
        costs,
        ..Options::default()
    });
    machine.load_words(BASE, words);
    machine
}

#[test]
fn an_uncached_store_leaves_the_data_cache_stale() {
    let mut machine = machine(
        &DEC5000_200,
        &[
            0x8c82_0000, // lw v0, 0(a0)
            0xaca0_0000, // sw zero, 0(a1)
            0x8c82_0000, // lw v0, 0(a0)
            0x8ca3_0000, // lw v1, 0(a1)
            0x03e0_0008, // jr ra
            0x0000_0000, // nop
        ],
    );
    machine.load_words(DATA, &[7]);
    machine.call(BASE, &[DATA, DATA + UNCACHED], 100).unwrap();
    assert_eq!(machine.register(Register::V0), 7);
    assert_eq!(machine.register(Register::V1), 0);
}

/// The manual's way to find the size of a cache: isolate it, mark its start, and look where the
/// mark appears again.
#[test]
fn a_program_finds_the_size_of_the_data_cache() {
    let mut machine = machine(
        &DEC5000_200,
        &[
            0x3c08_0001, // lui t0, 1: isolate
            0x4088_6000, // mtc0 t0, status
            0x0000_0000, // nop
            0x0000_0000, // nop
            0x2409_1000, // li t1, 4096
            0x0089_5021, // loop: addu t2, a0, t1
            0xad40_0000, // sw zero, 0(t2)
            0x0009_4840, // sll t1, t1, 1
            0x0125_502b, // sltu t2, t1, a1
            0x1540_fffb, // bne t2, zero, loop
            0x0000_0000, // nop
            0x240a_0055, // li t2, 0x55
            0xac8a_0000, // sw t2, 0(a0)
            0x2402_1000, // li v0, 4096
            0x0082_5021, // search: addu t2, a0, v0
            0x8d4b_0000, // lw t3, 0(t2)
            0x0000_0000, // nop
            0x1560_0003, // bne t3, zero, found
            0x0000_0000, // nop
            0x1000_fffa, // b search
            0x0002_1040, // sll v0, v0, 1
            0x4080_6000, // found: mtc0 zero, status
            0x0000_0000, // nop
            0x0000_0000, // nop
            0x03e0_0008, // jr ra
            0x0000_0000, // nop
        ],
    );
    machine.call(BASE, &[BASE, 512 << 10], 1000).unwrap();
    assert_eq!(machine.register(Register::V0), DEC5000_200.data_cache);
    assert_eq!(machine.word(BASE), 0x3c08_0001, "nothing reached memory");
}

#[test]
fn an_isolated_load_says_whether_it_missed() {
    let mut machine = machine(
        &DEC5000_200,
        &[
            0x8c82_0000, // lw v0, 0(a0)
            0x3c08_0001, // lui t0, 1: isolate
            0x4088_6000, // mtc0 t0, status
            0x0000_0000, // nop
            0x8c82_0000, // lw v0, 0(a0)
            0x4009_6000, // mfc0 t1, status
            0x8ca2_0000, // lw v0, 0(a1)
            0x400a_6000, // mfc0 t2, status
            0xa080_0000, // sb zero, 0(a0): less than a word invalidates
            0x8c82_0000, // lw v0, 0(a0)
            0x400b_6000, // mfc0 t3, status
            0x4080_6000, // mtc0 zero, status
            0x0000_0000, // nop
            0x03e0_0008, // jr ra
            0x0000_0000, // nop
        ],
    );
    machine.call(BASE, &[DATA, DATA + 0x1_0000], 100).unwrap();
    let missed = |register| machine.register(register) & 0x8_0000 != 0;
    assert!(!missed(Register::T1));
    assert!(missed(Register::T2));
    assert!(missed(Register::T3));
}

#[test]
fn misses_are_counted_by_the_block() {
    // sum(from, to): a loop over words.
    let words = [
        0x8c88_0000, // loop: lw t0, 0(a0)
        0x2484_0004, // addiu a0, a0, 4
        0x1485_fffd, // bne a0, a1, loop
        0x0048_1021, // addu v0, v0, t0
        0x03e0_0008, // jr ra
        0x0000_0000, // nop
    ];
    for (costs, code, data) in [(&DEC3100, 6, 64), (&DEC5000_200, 2, 16)] {
        let mut machine = machine(costs, &words);
        let cold = machine.call(BASE, &[DATA, DATA + 256], 1000).unwrap();
        assert_eq!(cold.instruction_misses, code, "{}", costs.name);
        assert_eq!(cold.data_misses, data, "{}", costs.name);
        let stalls = (code + data) * costs.miss;
        assert_eq!(cold.cycles, cold.instructions + stalls, "{}", costs.name);
        let warm = machine.call(BASE, &[DATA, DATA + 256], 1000).unwrap();
        assert_eq!((warm.instruction_misses, warm.data_misses), (0, 0));
        assert_eq!(warm.cycles, warm.instructions);
        assert_eq!(warm.loads, 64);
    }
}

#[test]
fn addresses_a_cache_apart_take_each_others_place() {
    let words = [
        0x8c82_0000, // lw v0, 0(a0)
        0x8ca2_0000, // lw v0, 0(a1)
        0x8c82_0000, // lw v0, 0(a0)
        0x03e0_0008, // jr ra
        0x0000_0000, // nop
    ];
    let mut machine = machine(&DEC3100, &words);
    let counts = machine.call(BASE, &[DATA, DATA + 0x1_0000], 100).unwrap();
    assert_eq!(counts.data_misses, 3);
    let counts = machine.call(BASE, &[DATA, DATA + 0x1_0004], 100).unwrap();
    assert_eq!(counts.data_misses, 1);
}
