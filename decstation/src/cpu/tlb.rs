//! The translation buffer: 64 entries, all compared at once, each a page of 4 KB.
//!
//! An entry is held as the two registers it is written from, EntryHi and EntryLo. A search of 64
//! entries for every access would be slow, so the last translations are kept in a small table in
//! front (`Recent`); whatever could change a translation empties it.

/// Entries of the TLB.
pub const ENTRIES: usize = 64;
/// Entries that `tlbwr` never writes.
pub const WIRED: u32 = 8;

/// EntryLo: the page is not cached.
pub const NOT_CACHED: u32 = 0x800;
/// EntryLo: the page may be written.
pub const DIRTY: u32 = 0x400;
/// EntryLo: the entry is valid.
pub const VALID: u32 = 0x200;
/// EntryLo: the entry matches in every address space.
pub const GLOBAL: u32 = 0x100;
/// EntryHi and EntryLo: the number of the page or frame.
pub const PAGE: u32 = 0xffff_f000;
/// EntryHi: the address space.
pub const ASID: u32 = 0xfc0;

/// An entry, as the registers it was written from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The page and its address space.
    pub high: u32,
    /// The frame and its bits.
    pub low: u32,
}

impl Entry {
    /// Whether it translates `address` in the address space of `high`.
    pub fn matches(self, address: u32, high: u32) -> bool {
        (self.high ^ address) & PAGE == 0
            && (self.low & GLOBAL != 0 || (self.high ^ high) & ASID == 0)
    }
}

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    One(usize),
    /// More than one; the first.
    More(usize),
}

/// The translation buffer.
#[derive(Clone, Debug)]
pub struct Tlb {
    entries: [Entry; ENTRIES],
}

impl Tlb {
    /// Its state at power-on, which the chip leaves undefined: here no entry matches a mapped
    /// address, so that a program which forgets to initialise it finds misses, not matches.
    pub(crate) fn new() -> Tlb {
        let mut entries = [Entry::default(); ENTRIES];
        for (entry, number) in entries.iter_mut().zip(0u32..) {
            entry.high = 0x8000_0000 + number * 0x1000;
        }
        Tlb { entries }
    }

    /// The entries.
    pub fn entries(&self) -> &[Entry; ENTRIES] {
        &self.entries
    }

    /// Entry `index`, of which the low six bits count.
    pub fn entry(&self, index: u32) -> Entry {
        self.entries[index as usize % ENTRIES]
    }

    /// Writes entry `index`, of which the low six bits count.
    pub fn write(&mut self, index: u32, entry: Entry) {
        self.entries[index as usize % ENTRIES] = entry;
    }

    /// Compares every entry with `address` in the address space of `high`.
    pub(crate) fn search(&self, address: u32, high: u32) -> Found {
        let mut matching = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.matches(address, high));
        match (matching.next(), matching.next()) {
            (None, _) => Found::Nothing,
            (Some((index, _)), None) => Found::One(index),
            (Some((index, _)), Some(_)) => Found::More(index),
        }
    }
}

/// Slots of the table of recent translations.
const RECENT: usize = 32;
/// A tag that no page has.
const NO_PAGE: u32 = 1;

/// The last translations, so that most accesses need no search. Its bits are those of EntryLo.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    slots: [(u32, u32); RECENT],
}

impl Recent {
    pub(crate) fn new() -> Recent {
        Recent {
            slots: [(NO_PAGE, 0); RECENT],
        }
    }

    /// The frame and bits of `address`, if its page was translated lately.
    #[inline]
    pub(crate) fn find(&self, address: u32) -> Option<u32> {
        let (page, low) = self.slots[slot(address)];
        (page == address & PAGE).then_some(low)
    }

    pub(crate) fn keep(&mut self, address: u32, low: u32) {
        self.slots[slot(address)] = (address & PAGE, low);
    }

    pub(crate) fn forget(&mut self) {
        self.slots = [(NO_PAGE, 0); RECENT];
    }
}

#[inline]
fn slot(address: u32) -> usize {
    (address >> 12) as usize % RECENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_matches_its_page_in_its_space() {
        let entry = Entry {
            high: 0x0040_0080,
            low: VALID,
        };
        assert!(entry.matches(0x0040_0fff, 0x80));
        assert!(!entry.matches(0x0040_1000, 0x80));
        assert!(!entry.matches(0x0040_0000, 0xc0));
        let global = Entry {
            low: VALID | GLOBAL,
            ..entry
        };
        assert!(global.matches(0x0040_0000, 0xc0));
    }

    #[test]
    fn two_matches_are_noticed() {
        let mut tlb = Tlb::new();
        assert_eq!(tlb.search(0x0040_0000, 0), Found::Nothing);
        tlb.write(
            5,
            Entry {
                high: 0x0040_0000,
                low: VALID,
            },
        );
        assert_eq!(tlb.search(0x0040_0000, 0), Found::One(5));
        tlb.write(
            9,
            Entry {
                high: 0x0040_0000,
                low: GLOBAL,
            },
        );
        assert_eq!(tlb.search(0x0040_0000, 0), Found::More(5));
        assert_eq!(tlb.search(0x0040_0000, 0x40), Found::One(9));
    }
}
