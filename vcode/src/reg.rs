//! Registers and their two classes.
//!
//! Problem: clients choose registers at run time, and backends must not look them up. Method: a
//! [`Reg`] is the target's own number for a register, handed out by the target; it means nothing to
//! another target. Left out: spilling; a client that runs out is told so.

/// A register of the target that issued it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reg(u8);

impl Reg {
    /// The register that a target numbers `number`; for implementors of [`crate::Target`].
    #[inline(always)]
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// The target's number for this register.
    #[inline(always)]
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// What becomes of a register across a call (VCODE's two classes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Lost at every call; free to use.
    Temporary,
    /// Kept across calls; the function saves and restores it.
    Persistent,
}
