//! Running generated programs natively, for the tests and the fuzz targets.
#![expect(
    unsafe_code,
    reason = "running emitted code is outside what the compiler can check"
)]

use super::Executable;
use crate::fuzzing::{Generated, Memory};

/// Address of the function that generated programs may call.
pub(crate) fn callee() -> u64 {
    mix_words as extern "C" fn(u64, u64, u64, u64, u64, u64) -> u64 as usize as u64
}

/// What that function computes.
pub(crate) fn mix(words: &[u64]) -> u64 {
    let step = |hash: u64, &word: &u64| {
        (hash ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    };
    words.iter().fold(words.len() as u64, step)
}

extern "C" fn mix_words(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> u64 {
    mix(&[a, b, c, d, e, f])
}

/// Runs a generated program on the memory with two more words.
pub(crate) fn run(code: &Generated<Executable>, memory: &mut Memory, [x, y]: [u64; 2]) -> u64 {
    // SAFETY: a `Generated` is made only by `fuzzing::program`, whose programs are functions of a pointer and
    // two words, touch only the memory behind that pointer, here borrowed mutably and as long as they
    // assume, and call only `mix_words`.
    unsafe { code.code().call(&[memory.as_mut_ptr() as u64, x, y]) }
}
