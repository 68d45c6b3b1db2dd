//! The types of values and of memory accesses.
//!
//! Problem: one instruction list for 32-bit and 64-bit machines. Method: VCODE's types, named after
//! C's, with C's `long` meaning the machine word. A register always holds a word; an operation of a
//! 32-bit type reads the low 32 bits of its operands and clears the rest of its result. Left out:
//! `f` and `d`, which no client needs.

/// The type an instruction works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ty {
    /// Signed 8 bits; in memory only.
    C,
    /// Unsigned 8 bits; in memory only.
    Uc,
    /// Signed 16 bits; in memory only.
    S,
    /// Unsigned 16 bits; in memory only.
    Us,
    /// Signed 32 bits.
    I,
    /// Unsigned 32 bits.
    U,
    /// Signed machine word.
    L,
    /// Unsigned machine word.
    Ul,
    /// An address: an unsigned machine word.
    P,
}

impl Ty {
    /// Bytes that a value of this type takes in memory on a machine of `word_bits` bits.
    #[inline(always)]
    #[must_use]
    pub const fn bytes(self, word_bits: u32) -> u32 {
        match self {
            Self::C | Self::Uc => 1,
            Self::S | Self::Us => 2,
            Self::I | Self::U => 4,
            Self::L | Self::Ul | Self::P => word_bits / 8,
        }
    }

    /// Whether order, division, right shift and extension treat the top bit as a sign.
    #[inline(always)]
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::C | Self::S | Self::I | Self::L)
    }

    /// Whether the type is as wide as the machine word whatever the machine.
    #[inline(always)]
    #[must_use]
    pub const fn is_word(self) -> bool {
        matches!(self, Self::L | Self::Ul | Self::P)
    }
}
