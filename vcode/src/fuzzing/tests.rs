//! The fuzz target's body on a fixed sequence, on every `cargo test`.

use std::collections::HashSet;
use std::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};

use super::program;
use crate::Assembler;
use crate::interp::Interp;
use crate::op::LIST;

/// Where the fixed sequence starts.
const SEED: u64 = 0x5eed;
/// Executions from the fixed seed.
const EXECUTIONS: u64 = 4096;

#[test]
fn backends_agree_on_a_fixed_sequence_of_programs() {
    for n in 0..EXECUTIONS {
        super::agree(&super::bytes(SEED, n));
    }
}

#[test]
fn the_sequence_has_every_portable_instruction() {
    let mut asm = Assembler::new(Interp::<64>::new());
    let mut seen = HashSet::new();
    for n in 0..EXECUTIONS {
        let program = program::emit(&mut asm, &super::bytes(SEED, n), 0).expect("a program");
        seen.extend(program.code().forms());
    }
    let missing: Vec<_> = LIST
        .iter()
        .filter(|entry| !seen.contains(&entry.form))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_empty_program_runs() {
    super::agree(&[]);
    super::agree(&[1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn backends_agree_on_any_bytes(bytes in vec(any::<u8>(), 0..600)) {
        super::agree(&bytes);
    }
}
