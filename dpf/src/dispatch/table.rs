//! The table of one shape: compound key to entry and rank.
//!
//! Problem: few keys and many keys are best found by different means, and insertion must say
//! whether code made before still finds everything. Method: on a machine of 32-bit words a
//! [`Windowed`] table while one is found, else a [`Hashed`] one. A table that finds no room makes
//! another in new memory, perhaps of the other kind. Left out: choosing the moment of publication
//! of a rebuilt table, which is a new code version.

use alloc::vec::Vec;

use super::{Hashed, Machine, Memory, Shared, Windowed};

/// The largest entry number.
pub const MAX_ENTRY: u32 = u32::MAX - 2;
/// The largest rank.
pub const MAX_RANK: u32 = u32::MAX - 1;

/// Keys of one shape with their entries and ranks.
#[derive(Clone, Debug)]
pub enum Table {
    /// Found by a few bits of the key.
    Window(Windowed),
    /// Found by a hash of the key.
    Hash(Hashed),
}

/// What became of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// Readers of the present memory see it.
    InPlace,
    /// The table is in new memory, which readers must be given.
    Rebuilt,
    /// There is no room, or no memory. Nothing changed.
    Full,
}

/// A key, its entry and its rank.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) key: Vec<u64>,
    pub(crate) entry: u32,
    pub(crate) rank: u32,
}

impl Table {
    /// A table of these items for a machine, whose keys are different and of `words` words. Nothing
    /// when they do not fit.
    pub(crate) fn new(machine: Machine, words: usize, items: &[Item], seed: u64) -> Option<Self> {
        if machine.is_narrow()
            && let Some(found) = Windowed::new(machine, words, items, seed)
        {
            return Some(Table::Window(found));
        }
        Hashed::new((machine, words), items, seed).map(Table::Hash)
    }

    /// What emitted code reads, by name.
    pub fn memories(&self) -> impl Iterator<Item = (&'static str, &Shared<Memory>)> {
        let (table, records) = match self {
            Table::Window(table) => (table.memory(), None),
            Table::Hash(table) => (table.memory(), table.records()),
        };
        let records = records.map(|memory| (", records", memory));
        core::iter::once(("", table)).chain(records)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        match self {
            Table::Window(table) => table.len(),
            Table::Hash(table) => table.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry and rank of a key.
    pub fn lookup(&self, key: &[u64]) -> Option<(u32, u32)> {
        match self {
            Table::Window(table) => table.lookup(key),
            Table::Hash(table) => table.lookup(key),
        }
    }

    /// Adds a key that is not there.
    pub(crate) fn insert(&mut self, item: &Item) -> Placed {
        let table = match self {
            Table::Hash(table) => return table.insert(item),
            Table::Window(table) => table,
        };
        if table.place(item) {
            return Placed::InPlace;
        }
        let mut items = table.items();
        items.push(item.clone());
        let (machine, seed) = table.origin();
        match Self::new(machine, item.key.len(), &items, seed) {
            Some(table) => {
                *self = table;
                Placed::Rebuilt
            }
            None => Placed::Full,
        }
    }

    /// Removes a key. False when it is not there.
    pub(crate) fn remove(&mut self, key: &[u64]) -> bool {
        match self {
            Table::Window(table) => table.remove(key),
            Table::Hash(table) => table.remove(key),
        }
    }

    /// Gives a key another rank, in place: readers see it. False when the key is not there.
    pub(crate) fn set_rank(&mut self, key: &[u64], rank: u32) -> bool {
        match self {
            Table::Window(table) => table.set_rank(key, rank),
            Table::Hash(table) => table.set_rank(key, rank),
        }
    }

    /// All keys, in no order.
    #[cfg(test)]
    pub(crate) fn items(&self) -> Vec<Item> {
        match self {
            Table::Window(table) => table.items(),
            Table::Hash(table) => table.items(),
        }
    }
}
