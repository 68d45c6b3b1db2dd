//! Random sequences of calls against the plain model: the fuzz body from fixed seeds.

use crate::fuzzing::{self, Report};
use aegis_abi::Syscall;

/// Sequences, and bytes of each.
const SEQUENCES: u32 = if cfg!(miri) { 2 } else { 200 };
const BYTES: usize = if cfg!(miri) { 400 } else { 4096 };

/// Calls that cannot be refused.
const NEVER_REFUSED: [Syscall; 2] = [Syscall::env_self, Syscall::ticks];

#[test]
fn the_kernel_does_what_the_model_says() {
    let mut total = Report::NOTHING;
    for seed in 1..=SEQUENCES {
        total.add(&fuzzing::run(&bytes(seed)));
    }
    if cfg!(miri) {
        return;
    }
    // What is never reached is not tested.
    for &call in Syscall::ALL {
        let [complied, refused] = total.calls[call as usize];
        println!("{:20} {complied:6} {refused:6}", call.name());
        assert!(complied > 0, "{call:?} was never complied with");
        let may_be_refused = !NEVER_REFUSED.contains(&call);
        assert_eq!(
            refused > 0,
            may_be_refused,
            "{call:?} refused {refused} times"
        );
    }
    println!("{total:?}");
    assert!(
        total.steps >= 50_000
            && total.transfers >= 100
            && total.taken >= 100
            && total.destroyed >= 100
    );
}

/// Bytes from a seed, by xorshift.
fn bytes(seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8
    };
    std::iter::repeat_with(next).take(BYTES).collect()
}
