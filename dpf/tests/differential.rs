//! Random filter sets on every engine: interp = walk = x86-64, and Cranelift on one try in twenty.
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

#[test]
fn every_engine_gives_the_answer_of_the_oracle() {
    let mut native = Native::<vcode::x64::X64>::new(0);
    let mut cranelift = Native::<vcode::clif::Clif>::new(19);
    let (mut tally, mut random, mut sets) = (Tally::default(), Random::new(0xd1ff), 0);
    while tally.pairs < PAIRS || sets < SETS {
        let engines: &mut [&mut dyn Engine] = &mut [&mut native, &mut cranelift];
        script(random.bits(), engines, &mut tally);
        sets += 1;
    }
    println!(
        "{sets} sets, {tally:?}, {} packets on Cranelift",
        cranelift.packets
    );
    assert!(
        cranelift.packets * 20 >= native.packets / 2,
        "{} of {}",
        cranelift.packets,
        native.packets
    );
}
