//! Random filter sets on every engine: interp = walk = x86-64, and Cranelift on some.
//!
//! What the numbers ask for is asserted, so that a generator gone weak fails the test.
#![cfg(all(feature = "fuzzing", target_arch = "x86_64"))]

use dpf::fuzzing::{
    Random,
    engines::{Engine, Tally, script},
    native::Native,
};

/// Filter and packet pairs that one run compares.
const PAIRS: u64 = 10_000_000;
/// Filter sets that one run draws.
const SETS: u64 = 2_000;
/// Of all pairs, the percentage that is accepted, at least.
const ACCEPTED: u64 = 30;
/// Of all pairs, the percentage that is rejected one bit away from being accepted, at least.
const NEAR_MISSES: u64 = 30;
/// Of all pairs, the percentage that Cranelift's code is asked about, at least.
const CRANELIFT: u64 = 5;

#[test]
fn every_engine_gives_the_answer_of_the_oracle() {
    let mut native = Native::<vcode::x64::X64>::new(0);
    let mut cranelift = Native::<vcode::clif::Clif>::new(14);
    let (mut tally, mut random, mut sets) = (Tally::default(), Random::new(0xd1ff), 0);
    while tally.pairs < PAIRS || sets < SETS {
        let engines: &mut [&mut dyn Engine] = &mut [&mut native, &mut cranelift];
        script(random.bits(), engines, &mut tally);
        sets += 1;
    }
    let percent = |part: u64| part * 100 / tally.pairs;
    let (x64, clif) = (percent(native.pairs), percent(cranelift.pairs));
    println!("{sets} sets, {tally:?}; of the pairs {x64} % on x86-64, {clif} % on Cranelift");
    assert!(percent(tally.accepted) >= ACCEPTED, "{tally:?}");
    assert!(percent(tally.near_misses) >= NEAR_MISSES, "{tally:?}");
    assert!(clif >= CRANELIFT, "{clif} %");
    // All but what passes a limit of the code generator.
    assert!(x64 >= 95, "{x64} %");
}
