//! Tables in which a few bits of a key name its slot.
//!
//! Problem: where a multiplication costs a dozen cycles, a hash is dearer than all the rest of a
//! look-up. Method: the keys are known when a table is built, so one looks for a *window*, some
//! adjacent bits of one word of the key, in which no two keys are alike; `srl`, `andi` and the
//! slot is found. Ports of servers nearly always have one. If there is none, a word folded on
//! itself by exclusive or is tried, and the exclusive or of all words. A key that comes later fits
//! while its slot was never used. Slots are written, published and cleared as in [`Hashed`] tables.
//! Left out: more than [`MAX_KEYS`] keys, and keys chosen so that no window is found, which are
//! hashed.
//!
//! The table is arrays of `slots` words: one for each word of the key, then values (the entry plus
//! 1, or 0), then ranks (plus 1).
//!
//! [`Hashed`]: super::Hashed

use alloc::vec::Vec;

use super::{Item, Machine, Memory, Shared};

/// The most keys of such a table.
pub const MAX_KEYS: usize = 64;
/// The most words of a key of such a table.
const MAX_WORDS: usize = 4;
/// The fewest slots: room for keys to come.
const FEWEST_SLOTS: usize = 64;
/// Slots for each key, at least, and at most in a search.
const SPACE: (usize, usize) = (2, 16);

/// Which bits of a key name its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Words of a key.
    pub words: u32,
    /// Slots, a power of two.
    pub slots: u32,
    /// What the bits are taken from.
    pub source: Place,
    /// The source is combined with itself so far to the right by exclusive or, unless 0.
    pub fold: u32,
    /// Then moved right, or left if negative, to give an offset in bytes, which is masked.
    pub shift: i32,
}

/// What a window is cut from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// One word of the key.
    Word(u32),
    /// The exclusive or of all words.
    All,
}

impl Window {
    /// A window in which the keys differ: the cheapest, then the smallest.
    fn search(words: usize, keys: &[&[u64]]) -> Option<Self> {
        let least = (SPACE.0 * keys.len()).next_power_of_two().max(FEWEST_SLOTS);
        let most = (SPACE.1 * keys.len()).max(FEWEST_SLOTS);
        let sizes = || {
            core::iter::successors(Some(least), |slots| Some(2 * slots))
                .take_while(move |slots| *slots <= most)
        };
        let sources = (0..words as u32).map(Place::Word);
        let all = (words > 1).then_some(Place::All);
        let mut taken = Vec::new();
        for source in sources.chain(all) {
            let plain = (-2..30).map(|shift| (0, shift));
            let folded = (1..32).map(|fold| (fold, 0));
            for (fold, shift) in plain.chain(folded) {
                for slots in sizes() {
                    let window = Window {
                        words: words as u32,
                        slots: slots as u32,
                        source,
                        fold,
                        shift,
                    };
                    if window.is_injective(keys, &mut taken) {
                        return Some(window);
                    }
                }
            }
        }
        None
    }

    fn is_injective(&self, keys: &[&[u64]], taken: &mut Vec<bool>) -> bool {
        taken.clear();
        taken.resize(self.slots as usize, false);
        keys.iter()
            .all(|key| !core::mem::replace(&mut taken[self.slot(key)], true))
    }

    /// Selects a slot's offset in an array.
    pub fn mask(&self) -> u32 {
        4 * (self.slots - 1)
    }

    fn slot(&self, key: &[u64]) -> usize {
        let source = match self.source {
            Place::Word(word) => key.get(word as usize).copied().unwrap_or_default(),
            Place::All => key.iter().fold(0, |all, word| all ^ word),
        } as u32;
        let folded = match self.fold {
            0 => source,
            fold => source ^ source >> fold,
        };
        let moved = match self.shift {
            left @ ..0 => folded << left.unsigned_abs(),
            right => folded >> right,
        };
        (moved & self.mask()) as usize / 4
    }

    /// Where the array of a word of the keys begins, in bytes.
    pub fn keys_at(&self, word: u32) -> u32 {
        4 * self.slots * word
    }

    /// Where the values begin, in bytes.
    pub fn values_at(&self) -> u32 {
        self.keys_at(self.words)
    }

    /// Where the ranks begin, in bytes.
    pub fn ranks_at(&self) -> u32 {
        self.values_at() + 4 * self.slots
    }

    /// Bytes of a table.
    pub fn bytes(&self) -> u32 {
        self.keys_at(self.words + 2)
    }
}

/// Few keys of one shape with their entries and ranks.
#[derive(Clone, Debug)]
pub struct Windowed {
    machine: Machine,
    /// Of the hash, if there must be one.
    seed: u64,
    window: Window,
    memory: Shared<Memory>,
    /// For the writer alone: 1 for each slot that was ever used.
    used: Shared<Memory>,
    live: usize,
}

impl Windowed {
    /// A table of these items. Nothing when there are too many, or no window, or no memory.
    pub(super) fn new(machine: Machine, words: usize, items: &[Item], seed: u64) -> Option<Self> {
        if items.len() > MAX_KEYS || words == 0 || words > MAX_WORDS {
            return None;
        }
        let keys: Vec<&[u64]> = items.iter().map(|item| item.key.as_slice()).collect();
        let window = Window::search(words, &keys)?;
        let mut table = Windowed {
            machine,
            seed,
            window,
            memory: Shared::new(Memory::zeroed(window.bytes() as usize / 4)?),
            used: Shared::new(Memory::zeroed(window.slots as usize)?),
            live: 0,
        };
        items.iter().all(|item| table.place(item)).then_some(table)
    }

    /// What another table in place of this one is made with.
    pub(super) fn origin(&self) -> (Machine, u64) {
        (self.machine, self.seed)
    }

    /// What emitted code must know.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// What emitted code reads.
    pub fn memory(&self) -> &Shared<Memory> {
        &self.memory
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// The entry and rank of a key.
    pub(super) fn lookup(&self, key: &[u64]) -> Option<(u32, u32)> {
        let slot = self.window.slot(key);
        let value = self.memory.load(self.word(self.window.values_at(), slot));
        let entry = value.checked_sub(1).filter(|_| self.holds(slot, key))?;
        let rank = self.memory.load(self.word(self.window.ranks_at(), slot));
        Some((entry, rank.saturating_sub(1)))
    }

    /// Writes an item and publishes it. False, with nothing changed, when its slot is taken.
    pub(super) fn place(&mut self, item: &Item) -> bool {
        let slot = self.window.slot(&item.key);
        if self.live >= MAX_KEYS || self.used.load(slot) != 0 && !self.holds(slot, &item.key) {
            return false;
        }
        self.used.store(slot, 1);
        // The arrays follow one another: words of keys, values, ranks.
        let (bytes, mut at) = (4 * self.window.slots, 0);
        for value in &item.key {
            self.memory.store(self.word(at, slot), *value as u32);
            at += bytes;
        }
        self.memory
            .store(self.word(at + bytes, slot), item.rank + 1);
        self.memory.publish(self.word(at, slot), item.entry + 1);
        self.live += 1;
        true
    }

    /// Removes a key. False when it is not there.
    pub(super) fn remove(&mut self, key: &[u64]) -> bool {
        if self.lookup(key).is_none() {
            return false;
        }
        let slot = self.window.slot(key);
        self.memory
            .publish(self.word(self.window.values_at(), slot), 0);
        // The key stays, and code that compares ranks would find it.
        self.memory
            .publish(self.word(self.window.ranks_at(), slot), 0);
        self.live -= 1;
        true
    }

    /// Gives a key another rank, in place. False when the key is not there.
    pub(super) fn set_rank(&mut self, key: &[u64], rank: u32) -> bool {
        if self.lookup(key).is_none() {
            return false;
        }
        let slot = self.window.slot(key);
        self.memory
            .publish(self.word(self.window.ranks_at(), slot), rank + 1);
        true
    }

    /// All keys, in no order.
    pub(super) fn items(&self) -> Vec<Item> {
        let slots = 0..self.window.slots as usize;
        let items = slots.filter_map(|slot| {
            let words = 0..self.window.words;
            let key: Vec<u64> = words.map(|word| self.key_word(word, slot)).collect();
            let (entry, rank) = self.lookup(&key)?;
            (self.window.slot(&key) == slot).then_some(Item { key, entry, rank })
        });
        items.collect()
    }

    fn holds(&self, slot: usize, key: &[u64]) -> bool {
        (0..)
            .zip(key)
            .all(|(word, value)| self.key_word(word, slot) == *value)
    }

    fn key_word(&self, word: u32, slot: usize) -> u64 {
        self.memory
            .load(self.word(self.window.keys_at(word), slot))
            .into()
    }

    /// The number of the word of a slot in the array at `at`.
    fn word(&self, at: u32, slot: usize) -> usize {
        at as usize / 4 + slot
    }
}
