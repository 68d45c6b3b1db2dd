//! The two caches: direct-mapped, physical, write-through, a tag for every word.
//!
//! The instruction cache holds words already decoded, so it is also what makes the simulator fast.
//! Each of its tags says whether memory still holds the same word: a store that changes a cached
//! word marks it stale, as the chip would go on executing the old one.

use crate::cpu::{Decoded, Op};

/// Tag bit: the word is valid.
pub(crate) const VALID: u32 = 1;
/// Tag bit, instead of [`VALID`]: valid, but memory holds another word.
pub(crate) const STALE: u32 = 2;

/// A word of the instruction cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The physical address of the word, and its state in the low bits.
    pub(crate) tag: u32,
    /// The word as it was fetched.
    pub(crate) word: u32,
    /// The word decoded.
    pub(crate) decoded: Decoded,
}

impl Line {
    const EMPTY: Line = Line {
        tag: 0,
        word: 0,
        decoded: Decoded {
            op: Op::Reserved,
            s: 0,
            t: 0,
            d: 0,
            immediate: 0,
        },
    };

    /// A valid line of `word` at a physical address.
    pub(crate) fn new(address: u32, word: u32) -> Line {
        Line {
            tag: address & !3 | VALID,
            word,
            decoded: Decoded::new(word),
        }
    }
}

/// The instruction cache.
#[derive(Clone, Debug)]
pub(crate) struct InstructionCache {
    lines: Box<[Line]>,
}

impl InstructionCache {
    pub(crate) fn new(bytes: u32) -> InstructionCache {
        InstructionCache {
            lines: vec![Line::EMPTY; (bytes / 4) as usize].into_boxed_slice(),
        }
    }

    /// Takes another's state over, in the space that is there.
    pub(crate) fn become_like(&mut self, other: &InstructionCache) {
        self.lines.clone_from(&other.lines);
    }

    #[inline]
    fn index(&self, address: u32) -> usize {
        // The length is a power of two; this form lets the compiler drop the bounds check.
        (address >> 2) as usize & (self.lines.len() - 1)
    }

    #[inline]
    pub(crate) fn line(&self, address: u32) -> &Line {
        &self.lines[self.index(address)]
    }

    pub(crate) fn fill(&mut self, line: Line) {
        self.lines[self.index(line.tag)] = line;
    }

    /// Memory at `address` now holds `word`: is a cached copy still right?
    #[inline]
    pub(crate) fn written(&mut self, address: u32, word: u32) {
        let index = self.index(address);
        let line = &mut self.lines[index];
        if (line.tag ^ address) & !3 == 0 && line.tag & 3 != 0 {
            let state = if line.word == word { VALID } else { STALE };
            line.tag = address & !3 | state;
        }
    }

    pub(crate) fn invalidate(&mut self, address: u32) {
        let index = self.index(address);
        self.lines[index].tag = 0;
    }

    pub(crate) fn invalidate_all(&mut self) {
        for line in &mut self.lines {
            line.tag = 0;
        }
    }
}

/// The data cache.
#[derive(Clone, Debug)]
pub(crate) struct DataCache {
    /// Tags and words.
    lines: Box<[(u32, u32)]>,
}

impl DataCache {
    pub(crate) fn new(bytes: u32) -> DataCache {
        DataCache {
            lines: vec![(0, 0); (bytes / 4) as usize].into_boxed_slice(),
        }
    }

    /// Takes another's state over, in the space that is there.
    pub(crate) fn become_like(&mut self, other: &DataCache) {
        self.lines.clone_from(&other.lines);
    }

    #[inline]
    fn index(&self, address: u32) -> usize {
        (address >> 2) as usize & (self.lines.len() - 1)
    }

    /// The word cached for `address`.
    #[inline]
    pub(crate) fn find(&self, address: u32) -> Option<u32> {
        let (tag, word) = self.lines[self.index(address)];
        (tag == address & !3 | VALID).then_some(word)
    }

    /// The word in the place of `address`, whatever its tag, and whether the tag is that of
    /// `address`: what a load finds while the cache is isolated.
    pub(crate) fn peek(&self, address: u32) -> (u32, bool) {
        let (tag, word) = self.lines[self.index(address)];
        (word, tag == address & !3 | VALID)
    }

    #[inline]
    pub(crate) fn fill(&mut self, address: u32, word: u32) {
        let index = self.index(address);
        self.lines[index] = (address & !3 | VALID, word);
    }

    pub(crate) fn invalidate(&mut self, address: u32) {
        let index = self.index(address);
        self.lines[index].0 = 0;
    }

    pub(crate) fn invalidate_all(&mut self) {
        for line in &mut self.lines {
            line.0 = 0;
        }
    }
}
