//! Words that emitted code reads while one writer changes them.
//!
//! Problem: a reader must see an entry wholly or not at all, and never wait. Method: the writer
//! fills an entry with plain stores and publishes it by one release store; nothing published is
//! moved or reused, only cleared. Readers load the published word first. Where the machine has no
//! atomic words (MIPS-I) there is one thread, and a word is a cell. Left out: more than one writer.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// 32-bit words in whole cache lines, all zero at first, at an address that does not change.
#[derive(Debug)]
pub struct Memory {
    lines: Box<[Line]>,
}

/// How many words share a cache line.
const LINE: usize = 16;

#[repr(align(64))]
#[derive(Debug, Default)]
struct Line([Word; LINE]);

impl Memory {
    /// At least `words` words of zero; nothing when there is no memory for them.
    pub fn zeroed(words: usize) -> Option<Self> {
        let count = words.div_ceil(LINE).max(1);
        let mut lines = Vec::new();
        lines.try_reserve_exact(count).ok()?;
        lines.resize_with(count, Line::default);
        Some(Memory {
            lines: lines.into_boxed_slice(),
        })
    }

    /// The words given, and zeros up to a whole line.
    pub fn holding(words: &[u32]) -> Option<Self> {
        let memory = Self::zeroed(words.len())?;
        words
            .iter()
            .enumerate()
            .for_each(|(at, word)| memory.store(at, *word));
        Some(memory)
    }

    /// Where the words are, for emitted code.
    pub fn address(&self) -> u64 {
        self.lines.as_ptr() as usize as u64
    }

    /// How many bytes there are.
    pub fn bytes(&self) -> u64 {
        core::mem::size_of_val::<[Line]>(&self.lines) as u64
    }

    /// The word at `at`, and with it all that was stored before it was published.
    ///
    /// # Panics
    ///
    /// When there is no such word.
    pub fn load(&self, at: usize) -> u32 {
        self.lines[at / LINE].0[at % LINE].load()
    }

    /// Two words as one number, the first its low half.
    ///
    /// # Panics
    ///
    /// When there are no such words.
    pub fn load_pair(&self, at: usize) -> u64 {
        let (first, second) = (u64::from(self.load(at)), u64::from(self.load(at + 1)));
        if cfg!(target_endian = "little") {
            first | second << 32
        } else {
            second | first << 32
        }
    }

    /// The `at`th 16-bit number, and with it all that was stored before it was published.
    ///
    /// # Panics
    ///
    /// When there is no such number.
    pub fn load_half(&self, at: usize) -> u16 {
        (self.load(at / 2) >> Self::half_shift(at)) as u16
    }

    /// Publishes a 16-bit number so that emitted code can load it; its neighbour stays.
    ///
    /// # Panics
    ///
    /// When there is no such number.
    pub fn publish_half(&self, at: usize, half: u16) {
        let shift = Self::half_shift(at);
        let kept = self.load(at / 2) & !(0xffff << shift);
        self.publish(at / 2, kept | u32::from(half) << shift);
    }

    fn half_shift(at: usize) -> u32 {
        let second = (at % 2 == 1) == cfg!(target_endian = "little");
        if second { 16 } else { 0 }
    }

    /// Stores a word that no reader looks at yet.
    ///
    /// # Panics
    ///
    /// When there is no such word.
    pub fn store(&self, at: usize, word: u32) {
        self.lines[at / LINE].0[at % LINE].store(word);
    }

    /// Stores a 64-bit number so that emitted code can load it whole; as [`Memory::store`].
    ///
    /// # Panics
    ///
    /// When there are no such words.
    pub fn store_pair(&self, at: usize, value: u64) {
        let (low, high) = (value as u32, (value >> 32) as u32);
        let (first, second) = if cfg!(target_endian = "little") {
            (low, high)
        } else {
            (high, low)
        };
        self.store(at, first);
        self.store(at + 1, second);
    }

    /// Stores a word; whoever sees it sees everything stored before.
    ///
    /// # Panics
    ///
    /// When there is no such word.
    pub fn publish(&self, at: usize, word: u32) {
        self.lines[at / LINE].0[at % LINE].publish(word);
    }
}

#[cfg(target_has_atomic = "32")]
mod word {
    use core::sync::atomic::{AtomicU32, Ordering};

    #[derive(Debug, Default)]
    pub(super) struct Word(AtomicU32);

    impl Word {
        pub(super) fn load(&self) -> u32 {
            self.0.load(Ordering::Acquire)
        }

        pub(super) fn store(&self, word: u32) {
            self.0.store(word, Ordering::Relaxed);
        }

        pub(super) fn publish(&self, word: u32) {
            self.0.store(word, Ordering::Release);
        }
    }
}

#[cfg(not(target_has_atomic = "32"))]
mod word {
    use core::cell::Cell;

    #[derive(Debug, Default)]
    pub(super) struct Word(Cell<u32>);

    impl Word {
        pub(super) fn load(&self) -> u32 {
            self.0.get()
        }

        pub(super) fn store(&self, word: u32) {
            self.0.set(word);
        }

        pub(super) fn publish(&self, word: u32) {
            self.0.set(word);
        }
    }
}

use word::Word;
