//! A 64-bit digest of anything that hashes, the same on every machine.
//!
//! Problem: hash-consing without a standard library. Method: rotate, exclusive-or, multiply. It is
//! not keyed: whoever uses it compares for equality as well.

use core::hash::{Hash, Hasher};

/// The digest of a value.
pub(crate) fn digest<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut state = Digest(0x9e37_79b9_7f4a_7c15);
    value.hash(&mut state);
    state.finish()
}

struct Digest(u64);

impl Digest {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0xf135_7aea_2e62_a9c5);
    }
}

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.mix(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.mix(value as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}
