//! How many instructions the simulator runs in a second, with and without the cache model, and
//! with a board whose clock ticks.
//!
//! The program walks an array: loads, stores, arithmetic and a branch in the proportions of
//! compiled code, one turn of eleven instructions for each word. Run with
//! `cargo bench -p decstation`; criterion's elements are simulated instructions.

use core::hint::black_box;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use decstation::bare::{BASE, Bare, Options};
use decstation::cpu::Register;
use decstation::cpu::strict::Strict;

/// `walk(from, to, times)`, assembled by GNU as from the text beside it.
const WALK: [u32; 19] = [
    0x0080_c825, // outer: move t9, a0
    0x2498_1000, //        addiu t8, a0, 4096
    0x00a0_7825, //        move t7, a1
    0x8f28_0000, // inner: lw t0, 0(t9)
    0x2739_0004, //        addiu t9, t9, 4
    0x0048_1021, //        addu v0, v0, t0
    0x0002_48c0, //        sll t1, v0, 3
    0x0049_1026, //        xor v0, v0, t1
    0x304a_0007, //        andi t2, v0, 7
    0x0148_582b, //        sltu t3, t2, t0
    0x004b_1021, //        addu v0, v0, t3
    0xade2_0000, //        sw v0, 0(t7)
    0x1738_fff6, //        bne t9, t8, inner
    0x25ef_0004, //        addiu t7, t7, 4
    0x24c6_ffff, //        addiu a2, a2, -1
    0x14c0_fff0, //        bne a2, zero, outer
    0x0000_0000, //        nop
    0x03e0_0008, //        jr ra
    0x0000_0000, //        nop
];
const TIMES: u32 = 100;
const LIMIT: u64 = 10_000_000;

fn speed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulated instructions");
    for (name, caches, unwritten) in [
        ("perfect caches", false, false),
        ("cache model", true, false),
        ("perfect caches, watched", false, true),
    ] {
        let mut machine = Bare::with(&Options {
            caches,
            strict: Strict {
                unwritten,
                ..Strict::ON
            },
            ..Options::default()
        });
        machine.load_words(BASE, &WALK);
        let (from, to) = (BASE + 0x1_0000, BASE + 0x2_0000);
        machine.load_words(from, &[0x1234_5678; 1024]);
        let mut walk = || match machine.call(BASE, &[from, to, TIMES], LIMIT) {
            Ok(counts) => {
                black_box(machine.register(Register::V0));
                counts.instructions
            }
            Err(stop) => panic!("{stop}"),
        };
        group.throughput(Throughput::Elements(walk()));
        group.bench_function(name, |bencher| bencher.iter(&mut walk));
    }
    group.finish();
}

criterion_group!(benches, speed);
criterion_main!(benches);
