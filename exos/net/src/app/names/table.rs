//! Names and their values, in a table of fixed size.
//!
//! Found by looking at each: a server's table is small, and a comparison of lengths rules out most.

use super::wire::{LONGEST_NAME, LONGEST_VALUE};

/// Up to `ENTRIES` names and their values.
#[derive(Clone, Debug)]
pub struct Table<const ENTRIES: usize> {
    entries: [Option<Entry>; ENTRIES],
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    name: Text<LONGEST_NAME>,
    value: Text<LONGEST_VALUE>,
}

/// Up to `N` bytes.
#[derive(Clone, Copy, Debug)]
struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const ENTRIES: usize> Table<ENTRIES> {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: [None; ENTRIES],
        }
    }

    /// The value of a name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&[u8]> {
        let mut entries = self.entries.iter().flatten();
        let entry = entries.find(|entry| entry.name.bytes() == name);
        entry.map(|entry| entry.value.bytes())
    }

    /// Gives a name a value; tells whether there was room.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        let (Some(name), Some(value)) = (Text::new(name), Text::new(value)) else {
            return false;
        };
        let own = self.place(name.bytes());
        let free = || self.entries.iter().position(Option::is_none);
        let Some(place) = own.or_else(free) else {
            return false;
        };
        self.entries[place] = Some(Entry { name, value });
        true
    }

    /// Forgets a name; tells whether it was there.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        match self.place(name) {
            Some(place) => self.entries[place].take().is_some(),
            None => false,
        }
    }

    fn place(&self, name: &[u8]) -> Option<usize> {
        let named = |entry: &Option<Entry>| entry.as_ref().is_some_and(|e| e.name.bytes() == name);
        self.entries.iter().position(named)
    }
}

impl<const ENTRIES: usize> Default for Table<ENTRIES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Text<N> {
    fn new(from: &[u8]) -> Option<Self> {
        let mut bytes = [0; N];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        Some(Self {
            bytes,
            length: from.len(),
        })
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
