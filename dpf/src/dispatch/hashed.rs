//! The hash table of many keys: compound key to entry and rank.
//!
//! Problem: one look-up, one cache line, no branch that depends on the key, little memory, and
//! insertion beside running readers. Method: hash and displace (after Belazzougui, Botelho and
//! Dietzfelbinger 2009, there for fixed sets). A folded multiply by a secret names a *displacement*,
//! one of an array of small numbers, and a bucket of two slots; the displacement moves the bucket of
//! all keys that share it. So every key is in the one bucket that its look-up reads, at loads of up
//! to four fifths, without probing further.
//!
//! A slot holds a key of one word, or a 64-bit hash of a longer one, with its value and rank.
//! Longer keys are verified in a record beside. Slots and records are written once, published by a
//! release store of the value, and only ever cleared. Where a new key finds its bucket full, another
//! displacement is looked for under which all its keys fit; they are *copied* to their new buckets
//! and then the displacement is published: a reader finds every key under either. The copies left
//! behind stay until the table is rebuilt, in new memory beside; removal clears them too. Tables of
//! few keys need no displacement: a seed without collisions is searched.
//!
//! Left out: choosing the moment of publication of a rebuilt table, which is a new code version.

use alloc::vec::Vec;

use super::{Item, Layout, Machine, Memory, Placed, Shared, layout::mix};

/// The most keys for which a seed without any collision is searched.
const MAX_PERFECT: usize = 16;
/// Slots for each key of such a table: one seed in nine does for sixteen keys.
const PERFECT_SPACE: usize = 4;
/// Seeds tried for it.
const PERFECT_SEEDS: u64 = 64;
/// Seeds tried before a table is doubled.
const SEEDS: u64 = 4;
/// Slots for each displacement.
const SLOTS_PER_DISPLACEMENT: usize = 2;
/// The most keys that one displacement may carry.
const MAX_SHARING: usize = 32;
/// A table is doubled, not only rebuilt, when it holds keys in this part of its slots: numerator,
/// denominator.
const FULL: (usize, usize) = (77, 100);
/// The most slots of a table.
const MAX_SLOTS: usize = 1 << 24;

/// A slot that was never used.
const FREE: u32 = 0;
/// The last slot of a chain.
const END: u32 = 1;

/// Keys of one shape with their entries and ranks, hashed.
#[derive(Clone, Debug)]
pub struct Hashed {
    machine: Machine,
    layout: Layout,
    memory: Shared<Memory>,
    records: Option<Shared<Memory>>,
    /// For the writer alone: for each displacement the slots used under it, as a chain. A word for
    /// each displacement, its first slot, and a word for each slot, the next: plus 2, or [`END`].
    chains: Shared<Memory>,
    live: usize,
    used: usize,
}

/// What a slot holds.
#[derive(Clone, Copy)]
struct Slot {
    tag: u64,
    value: u32,
    rank: u32,
}

impl Hashed {
    /// A table of these items, whose keys are different and of `words` words. Nothing when they
    /// do not fit.
    pub(super) fn new(key: (Machine, usize), items: &[Item], seed: u64) -> Option<Self> {
        Self::of_at_least(key, items, seed, 0)
    }

    fn of_at_least(key: (Machine, usize), items: &[Item], seed: u64, least: usize) -> Option<Self> {
        let count = items.len().max(1);
        if count <= MAX_PERFECT {
            let slots = (PERFECT_SPACE * count).next_power_of_two();
            let found = (0..PERFECT_SEEDS)
                .find_map(|n| Self::fill(key.0, Layout::perfect(key, slots, mix(seed, n)), items));
            if found.is_some() {
                return found;
            }
        }
        let mut slots = (count * FULL.1 / FULL.0 + 1)
            .next_power_of_two()
            .max(2 * MAX_PERFECT)
            .max(least);
        while slots <= MAX_SLOTS {
            let displacements = slots / SLOTS_PER_DISPLACEMENT;
            let found = (0..SEEDS).find_map(|n| {
                let layout = Layout::displaced(key, slots, displacements, mix(seed, n));
                Self::fill(key.0, layout, items)
            });
            if found.is_some() {
                return found;
            }
            slots *= 2;
        }
        None
    }

    fn fill(machine: Machine, layout: Layout, items: &[Item]) -> Option<Self> {
        let (slots, chains) = (layout.slots(), layout.chains());
        let words = slots * 4 + layout.displacements.div_ceil(2) as usize;
        let records = match layout.records {
            0 => None,
            count => {
                let words = count as usize * layout.record_bytes() as usize / 4;
                Some(Shared::new(Memory::zeroed(words)?))
            }
        };
        let mut table = Hashed {
            machine,
            memory: Shared::new(Memory::zeroed(words)?),
            records,
            chains: Shared::new(Memory::zeroed(chains + slots)?),
            live: 0,
            used: 0,
            layout,
        };
        table.fill_all(items).then_some(table)
    }

    /// Places items in an empty table, those that share a displacement together, the most first.
    fn fill_all(&mut self, items: &[Item]) -> bool {
        let class = |item: &Item| self.layout.displacement_of(self.layout.hash(&item.key));
        let mut classes: Vec<(usize, &Item)> =
            items.iter().map(|item| (class(item), item)).collect();
        classes.sort_unstable_by_key(|(class, _)| *class);
        let mut classes: Vec<&[(usize, &Item)]> =
            classes.chunk_by(|one, other| one.0 == other.0).collect();
        classes.sort_by_key(|class| core::cmp::Reverse(class.len()));
        let mut hashes = Vec::new();
        classes.iter().all(|class| {
            hashes.clear();
            hashes.extend(class.iter().map(|(_, item)| self.layout.hash(&item.key)));
            if let Some((displacement, _)) = self.room(&hashes, &[]) {
                self.set_displacement(hashes[0], displacement);
            }
            class.iter().all(|(_, item)| self.place(item))
        })
    }

    /// What emitted code must know.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The buckets.
    pub fn memory(&self) -> &Shared<Memory> {
        &self.memory
    }

    /// The records of keys longer than a word.
    pub fn records(&self) -> Option<&Shared<Memory>> {
        self.records.as_ref()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The entry and rank of a key.
    #[inline(never)]
    pub fn lookup(&self, key: &[u64]) -> Option<(u32, u32)> {
        let slot = self.find(key)?;
        match &self.records {
            None => Some((slot.value - 1, slot.rank - 1)),
            Some(records) => {
                let at = self.record_word(slot.value - 1) + 2 * key.len();
                Some((records.load(at) - 1, records.load(at + 1) - 1))
            }
        }
    }

    /// Adds a key that is not there.
    #[inline(never)]
    pub(super) fn insert(&mut self, item: &Item) -> Placed {
        if self.place(item) {
            return Placed::InPlace;
        }
        let mut items = self.items();
        items.push(item.clone());
        // What removal and displacement left behind goes; a table that is full of keys is doubled.
        let slots = self.layout.slots();
        let least = match items.len() * FULL.1 / FULL.0 {
            needed if needed > slots => 2 * slots,
            needed if 8 * needed > slots => slots,
            _ => 0,
        };
        let seed = mix(self.layout.multiplier, 77);
        match Self::of_at_least(
            (self.machine, self.layout.words as usize),
            &items,
            seed,
            least,
        ) {
            Some(table) => {
                *self = table;
                Placed::Rebuilt
            }
            None => Placed::Full,
        }
    }

    /// Removes a key. False when it is not there.
    pub(super) fn remove(&mut self, key: &[u64]) -> bool {
        let Some(found) = self.find(key) else {
            return false;
        };
        let copies = self.chain(self.layout.hash(key));
        for slot in copies.filter(|slot| self.slot(*slot).tag == found.tag) {
            self.memory.publish(self.layout.value_word(slot), 0);
        }
        self.live -= 1;
        true
    }

    /// Gives a key another rank, in place: readers see it. False when the key is not there.
    pub(super) fn set_rank(&mut self, key: &[u64], rank: u32) -> bool {
        let Some(found) = self.find(key) else {
            return false;
        };
        if let Some(records) = &self.records {
            let at = self.record_word(found.value - 1) + 2 * key.len() + 1;
            records.publish(at, rank + 1);
            return true;
        }
        let copies = self.chain(self.layout.hash(key));
        for slot in copies.filter(|slot| self.slot(*slot).tag == found.tag) {
            self.memory.publish(self.layout.rank_word(slot), rank + 1);
        }
        true
    }

    /// All keys, in no order.
    pub(super) fn items(&self) -> Vec<Item> {
        let words = self.layout.words as usize;
        let mut items = Vec::with_capacity(self.live + 1);
        for index in 0..self.layout.slots() as u32 {
            let slot = self.slot(index);
            let bucket = self.bucket(self.hash_of(slot.tag));
            // A copy left behind is not in its key's bucket.
            if slot.value == 0 || bucket != index / self.layout.ways {
                continue;
            }
            items.push(match &self.records {
                None => Item {
                    key: alloc::vec![slot.tag],
                    entry: slot.value - 1,
                    rank: slot.rank - 1,
                },
                Some(records) => {
                    let at = self.record_word(slot.value - 1);
                    let key = (0..words).map(|word| records.load_pair(at + 2 * word));
                    Item {
                        key: key.collect(),
                        entry: records.load(at + 2 * words) - 1,
                        rank: records.load(at + 2 * words + 1) - 1,
                    }
                }
            });
        }
        items
    }

    /// Writes an entry and publishes it. False, with nothing changed, when there is no room.
    fn place(&mut self, item: &Item) -> bool {
        let hash = self.layout.hash(&item.key);
        let tag = match &self.records {
            None => item.key.first().copied().unwrap_or_default(),
            // Two keys with one hash cannot be told apart by it.
            Some(_) if self.slots_of(hash).any(|slot| slot.tag == hash) => return false,
            Some(_) => hash,
        };
        let free = self.free_slot(self.bucket(hash), &[]);
        let Some(at) = free.or_else(|| self.displace(hash)) else {
            return false;
        };
        let value = self.write_record(item).unwrap_or(item.entry + 1);
        let rank = item.rank + 1;
        self.write(hash, at, Slot { tag, value, rank });
        self.live += 1;
        true
    }

    /// Finds a displacement under which the keys that share `hash`'s, and one more with that hash,
    /// have room; moves them. The slot for the new key.
    fn displace(&mut self, hash: u64) -> Option<u32> {
        let members: Vec<Slot> = self
            .chain(hash)
            .filter(|at| self.bucket(self.hash_of(self.slot(*at).tag)) == at / self.layout.ways)
            .map(|at| self.slot(at))
            .filter(|slot| slot.value != 0)
            .collect();
        let mut hashes: Vec<u64> = members.iter().map(|slot| self.hash_of(slot.tag)).collect();
        hashes.push(hash);
        let (displacement, places) = self.room(&hashes, &members)?;
        for (slot, at) in members.iter().zip(&places) {
            self.write(self.hash_of(slot.tag), *at, *slot);
        }
        self.set_displacement(hash, displacement);
        places.last().copied()
    }

    /// A displacement, and free slots for keys of these hashes, which share it, under it. None of
    /// the buckets of `members`, the first of the keys, holds a copy of them: one left behind must
    /// not come back to life.
    fn room(&self, hashes: &[u64], members: &[Slot]) -> Option<(u16, Vec<u32>)> {
        let layout = self.layout;
        if layout.displacements == 0 || hashes.len() > MAX_SHARING {
            return None;
        }
        let mut places: Vec<u32> = Vec::with_capacity(hashes.len());
        let displacement = layout
            .displacements_after(self.displacement(hashes[0]))
            .find(|displacement| {
                places.clear();
                hashes.iter().enumerate().all(|(number, hash)| {
                    let bucket = layout.bucket(*hash, *displacement);
                    let mut ways = (0..layout.ways).map(|way| bucket * layout.ways + way);
                    let left = members
                        .get(number)
                        .is_some_and(|member| ways.any(|at| self.slot(at).tag == member.tag));
                    let free = self.free_slot(bucket, &places).filter(|_| !left);
                    places.extend(free);
                    free.is_some()
                })
            })?;
        Some((displacement, places))
    }

    /// Fills a free slot, links it into its chain, and publishes it.
    fn write(&mut self, hash: u64, at: u32, slot: Slot) {
        let (layout, memory) = (&self.layout, &self.memory);
        memory.store_pair(layout.key_word(at), slot.tag);
        memory.store(layout.rank_word(at), slot.rank);
        memory.publish(layout.value_word(at), slot.value);
        let head = layout.displacement_of(hash);
        let first = self.chains.load(head).max(END);
        self.chains.store(layout.chains() + at as usize, first);
        self.chains.store(head, at + 2);
        self.used += 1;
    }

    fn write_record(&mut self, item: &Item) -> Option<u32> {
        let records = self.records.as_ref()?;
        // Each key uses a slot, so there are as many records; copies use a slot more.
        let (number, words) = (self.used as u32, item.key.len());
        let at = self.record_word(number);
        for (word, value) in item.key.iter().enumerate() {
            records.store_pair(at + 2 * word, *value);
        }
        records.store(at + 2 * words, item.entry + 1);
        records.store(at + 2 * words + 1, item.rank + 1);
        Some(number + 1)
    }

    fn record_word(&self, number: u32) -> usize {
        (number & (self.layout.records - 1)) as usize * self.layout.record_bytes() as usize / 4
    }

    fn find(&self, key: &[u64]) -> Option<Slot> {
        let hash = self.layout.hash(key);
        let same = |slot: &Slot| match &self.records {
            None => Some(&slot.tag) == key.first(),
            Some(records) => {
                let at = self.record_word(slot.value - 1);
                let mut words = key.iter().enumerate();
                slot.tag == hash
                    && words.all(|(word, value)| records.load_pair(at + 2 * word) == *value)
            }
        };
        self.slots_of(hash).find(same)
    }

    /// The slots with a value that a look-up with this hash reads.
    fn slots_of(&self, hash: u64) -> impl Iterator<Item = Slot> + '_ {
        let first = self.bucket(hash) * self.layout.ways;
        (first..first + self.layout.ways)
            .map(|at| self.slot(at))
            .filter(|slot| slot.value != 0)
    }

    /// The value is read before the key, as emitted code does: a value seen means a whole key.
    fn slot(&self, at: u32) -> Slot {
        let value = self.memory.load(self.layout.value_word(at));
        Slot {
            value,
            tag: self.memory.load_pair(self.layout.key_word(at)),
            rank: self.memory.load(self.layout.rank_word(at)),
        }
    }

    /// A slot of the bucket that was never used and is not among `taken`.
    fn free_slot(&self, bucket: u32, taken: &[u32]) -> Option<u32> {
        let next = self.layout.chains();
        let first = bucket * self.layout.ways;
        (first..first + self.layout.ways)
            .find(|at| self.chains.load(next + *at as usize) == FREE && !taken.contains(at))
    }

    /// The slots that were ever used under the displacement of a hash.
    fn chain(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let first = self.chains.load(self.layout.displacement_of(hash));
        let next = self.layout.chains();
        core::iter::successors(first.checked_sub(2), move |at| {
            self.chains.load(next + *at as usize).checked_sub(2)
        })
    }

    fn bucket(&self, hash: u64) -> u32 {
        self.layout.bucket(hash, self.displacement(hash))
    }

    fn displacement(&self, hash: u64) -> u16 {
        match self.layout.displacements {
            0 => 0,
            _ => self.memory.load_half(self.displacement_half(hash)),
        }
    }

    fn set_displacement(&mut self, hash: u64, displacement: u16) {
        self.memory
            .publish_half(self.displacement_half(hash), displacement);
    }

    /// Which half-word of the memory holds a hash's displacement.
    fn displacement_half(&self, hash: u64) -> usize {
        self.layout.displacements_at() as usize / 2 + self.layout.displacement_of(hash)
    }

    /// The hash of the key whose tag this is.
    fn hash_of(&self, tag: u64) -> u64 {
        match self.records {
            None => self.layout.hash(&[tag]),
            Some(_) => tag,
        }
    }
}
