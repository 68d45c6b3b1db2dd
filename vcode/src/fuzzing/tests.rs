//! The fuzz target's body on a fixed sequence, on every `cargo test`.

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};

/// Executions from the fixed seed.
const EXECUTIONS: u64 = 4096;

#[test]
fn backends_agree_on_a_fixed_sequence_of_programs() {
    for n in 0..EXECUTIONS {
        super::agree(&super::bytes(0x5eed, n));
    }
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
