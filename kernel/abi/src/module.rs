//! Boot modules: programs and files that stand behind the kernel in its image.
//!
//! The image builder writes them, the kernel starts the first, applications read the others, so all
//! three expand this layout. The modules begin with a page that is their table; each of them begins
//! on a page of its own. The first is the program of environment 0, a flat image ([`Flat`]) that the
//! kernel can start without knowing a file format; what the others are is between applications.

use crate::layout::{GUARANTEED_END, PAGE_BYTES};

/// The first word of the table of modules.
pub const TABLE_MAGIC: u32 = u32::from_le_bytes(*b"AEGM");
/// The first word of a flat image.
pub const FLAT_MAGIC: u32 = u32::from_le_bytes(*b"AEG0");
/// Bytes of a module's name, at most; the rest of the field is zero.
pub const NAME_BYTES: usize = 24;
/// Modules that fit into the table.
pub const MOST_MODULES: usize = 127;
/// Words of a row, and of what stands before the first: the magic, the count, zeros.
pub const ROW_WORDS: usize = 8;

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Module {
    /// Its name.
    pub name: [u8; NAME_BYTES],
    /// Where it begins, in bytes from the table; a whole number of pages.
    pub offset: u32,
    /// Its length in bytes.
    pub bytes: u32,
}

const _: () = assert!(size_of::<Module>() == 4 * ROW_WORDS);

/// The header of a flat image. The program goes to `base`, header included; its `bss` begins behind
/// its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Flat {
    /// [`FLAT_MAGIC`].
    pub magic: u32,
    /// Where it is mapped: a page in the guaranteed segment.
    pub base: u32,
    /// Where it begins to run.
    pub entry: u32,
    /// Bytes of the image, this header included.
    pub bytes: u32,
    /// Bytes behind them that start as zeros.
    pub bss: u32,
}

impl Flat {
    /// Words of the header.
    pub const WORDS: usize = 5;

    /// The header in the first words of a module of `length` bytes, if that is a flat image.
    pub fn parse(words: [u32; Flat::WORDS], length: u32) -> Option<Flat> {
        let [magic, base, entry, bytes, bss] = words;
        let flat = Flat {
            magic,
            base,
            entry,
            bytes,
            bss,
        };
        let end = base.checked_add(flat.memory()?)?;
        let right = magic == FLAT_MAGIC
            && base.is_multiple_of(PAGE_BYTES)
            && bytes <= length
            && end <= GUARANTEED_END
            && entry.is_multiple_of(4)
            && (base..end).contains(&entry);
        right.then_some(flat)
    }

    /// Bytes of memory that it takes.
    pub fn memory(&self) -> Option<u32> {
        self.bytes.checked_add(self.bss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_looked_at() {
        let right = [FLAT_MAGIC, 0x1000, 0x1014, 100, 5000];
        let flat = Flat::parse(right, 100).unwrap();
        assert_eq!(flat.memory(), Some(5100));
        let wrong: [(usize, u32); 7] = [
            (0, TABLE_MAGIC),
            (1, 0x1004),
            (1, GUARANTEED_END),
            (2, 0x1016),
            (2, 0x9000),
            (3, 101),
            (4, u32::MAX),
        ];
        for (place, word) in wrong {
            let mut words = right;
            words[place] = word;
            assert_eq!(Flat::parse(words, 100), None, "{place} {word:#x}");
        }
    }
}
