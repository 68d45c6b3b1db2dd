//! Labels: places in the code that branches go to, before or after they are known.
//!
//! Problem: one pass emits branches to places not yet emitted. Method: a label is an index into the
//! targets' table of positions; a branch leaves a [`Fixup`](crate::buffer::Fixup) that is patched when
//! the function ends. Left out: labels shared between functions.

/// A place in the function being emitted; made by [`Assembler::label`](crate::Assembler::label).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(u32);

impl Label {
    /// The label with this index; for implementors of [`crate::Target`].
    #[inline(always)]
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The index of the label in its function, from 0 in order of creation.
    #[inline(always)]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
