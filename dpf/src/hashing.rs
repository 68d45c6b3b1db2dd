//! How maps inside this crate hash.
//!
//! Problem: `foldhash` is the fastest hash there is for them and can be seeded, but it needs atomic
//! words to exist, which MIPS-I has not. Method: there, a hash of the same interface: a sum of words
//! with powers of 31 as weights, started from the seed, and one multiplication at the end, since they
//! are dear. Left out: one as hard to collide on
//! purpose; a machine without atomic words bounds its filters by their size.

use core::hash::{BuildHasher as _, Hash};

#[cfg(target_has_atomic = "ptr")]
pub(crate) use foldhash::fast::FixedState;

#[cfg(not(target_has_atomic = "ptr"))]
pub(crate) use narrow::FixedState;

/// The hash of a value.
pub(crate) fn hash<T: Hash + ?Sized>(value: &T) -> u64 {
    FixedState::default().hash_one(value)
}

#[cfg(any(test, not(target_has_atomic = "ptr")))]
mod narrow {
    use core::hash::{BuildHasher, Hasher};

    /// Odd, and without pattern: the golden ratio.
    const FACTOR: u32 = 0x9e37_79b9;

    /// Makes hashers that start from a seed.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct FixedState {
        seed: u32,
    }

    impl FixedState {
        /// From this seed.
        pub(crate) fn with_seed(seed: u64) -> Self {
            FixedState {
                seed: (seed ^ seed >> 32) as u32,
            }
        }
    }

    impl BuildHasher for FixedState {
        type Hasher = Mix;

        fn build_hasher(&self) -> Mix {
            Mix(self.seed)
        }
    }

    pub(crate) struct Mix(u32);

    impl Hasher for Mix {
        fn write(&mut self, bytes: &[u8]) {
            for chunk in bytes.chunks(4) {
                let mut word = [0; 4];
                word[..chunk.len()].copy_from_slice(chunk);
                self.write_u32(u32::from_le_bytes(word));
            }
        }

        fn write_u8(&mut self, value: u8) {
            self.write_u32(value.into());
        }

        fn write_u16(&mut self, value: u16) {
            self.write_u32(value.into());
        }

        fn write_u32(&mut self, value: u32) {
            self.0 = (self.0 << 5).wrapping_sub(self.0).wrapping_add(value);
        }

        fn write_u64(&mut self, value: u64) {
            self.write_u32(value as u32);
            self.write_u32((value >> 32) as u32);
        }

        fn write_usize(&mut self, value: usize) {
            self.write_u32(value as u32);
        }

        fn write_isize(&mut self, value: isize) {
            self.write_u32(value as u32);
        }

        /// The high bits are the best; a table takes its bucket from the low ones and a tag from
        /// the highest.
        fn finish(&self) -> u64 {
            let mixed = self.0.wrapping_mul(FACTOR);
            let low = mixed ^ mixed >> 15;
            u64::from(low) | u64::from(low) << 32
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use core::hash::BuildHasher;

    use super::narrow::FixedState;

    /// How many of `of` buckets the first as many numbers find.
    fn buckets(seed: u64, of: u32) -> usize {
        let state = FixedState::with_seed(seed);
        let found: BTreeSet<u64> = (0..of)
            .map(|number| state.hash_one((number, 7_u8)) % u64::from(of))
            .collect();
        found.len()
    }

    #[test]
    fn small_numbers_are_spread_over_buckets() {
        for seed in [0, 1, 0x1234_5678_9abc_def0] {
            // At random it would be 1 − 1/e of them.
            assert!(buckets(seed, 1 << 12) > 2300, "{}", buckets(seed, 1 << 12));
        }
    }
}
