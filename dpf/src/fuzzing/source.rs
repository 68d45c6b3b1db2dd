//! Decisions drawn from bytes: the input of a fuzz body read as a sequence of small choices.
//!
//! When the bytes run out every choice is the first, so every input means something, and shorter
//! inputs mean simpler things.

/// A sequence of choices.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    bytes: &'a [u8],
}

impl<'a> Source<'a> {
    /// Choices made by these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Source { bytes }
    }

    /// The next byte, or 0 at the end.
    pub fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((&first, rest)) => {
                self.bytes = rest;
                first
            }
            None => 0,
        }
    }

    /// A number below `bound`, which is at most 256 and not 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        u32::from(self.byte()) % bound
    }

    /// A 32-bit number.
    pub fn word(&mut self) -> u32 {
        (0..4).fold(0, |word, _| word << 8 | u32::from(self.byte()))
    }

    /// One of several.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize]
    }

    /// Whether all bytes are used.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Pseudo-random bytes of a seed, for tests without a fuzzer (splitmix64).
#[cfg(test)]
pub(crate) fn random_bytes(seed: u64, count: usize) -> alloc::vec::Vec<u8> {
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
