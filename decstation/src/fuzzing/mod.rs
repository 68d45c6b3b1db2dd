//! The bodies of the fuzz targets.
//!
//! A body takes any bytes, makes an input of them and panics when a property fails; `cargo fuzz`
//! drives it, and so does a test with a fixed seed.

pub mod devices;
pub mod processor;
mod slow;
mod source;

pub use source::Source;

/// Pseudo-random bytes of a seed, for tests without a fuzzer (splitmix64).
#[cfg(test)]
pub(crate) fn random_bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed;
    let word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    core::iter::repeat_with(word)
        .flat_map(u64::to_le_bytes)
        .take(count)
        .collect()
}
