//! Random programs, and the check that every backend agrees with the oracle on them.
//!
//! Problem: backends differ in corners that nobody thinks of. Method: bytes are read as a program that is
//! safe by construction (`program`); it is emitted for every backend, run on each with the same memory
//! and the same calls, and results and memory must be equal (`engines`). The bodies are here; the fuzz target
//! and the tests only supply bytes. Left out: shrinking, which the fuzzer does.

mod engines;
#[cfg(feature = "mips")]
mod mips;
mod program;

#[cfg(test)]
mod tests;

pub(crate) use engines::Memory;
pub use engines::agree;
pub(crate) use program::Generated;

/// Bytes for program number `n` of the sequence that starts at `seed`.
#[must_use]
pub fn bytes(seed: u64, n: u64) -> alloc::vec::Vec<u8> {
    let mut state = seed ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words = 2 + next() % 62;
    (0..words).flat_map(|_| next().to_le_bytes()).collect()
}
