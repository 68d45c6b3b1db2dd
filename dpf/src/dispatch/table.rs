//! The hash table of one shape: compound key to entry and rank.
//!
//! Problem: one cache line, no data-dependent branch, insertion beside running readers. Method:
//! buckets of one or four slots; a slot holds a key of one word, or a 64-bit hash of a longer one,
//! with its value and rank in the same line. The index comes from a keyed folded multiply. Longer
//! keys are verified in a record beside. An entry is written in full and published by one release
//! store of its value; removal clears the value; slots and records are never moved or reused. When
//! a bucket overflows into the next its last value carries a flag, so nearly every look-up ends at
//! the first line. A full table is rebuilt, reseeded and if need be doubled, in new memory beside.
//! Left out: choosing the moment of publication of a rebuilt table, which is a new code version.

use alloc::vec::Vec;

use super::{Memory, Shared};

/// The multiplier of the hash.
pub const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
/// Set in the value of a bucket's last slot when the bucket has overflowed.
pub const OVERFLOW: u32 = 1 << 31;
/// The largest entry number.
pub const MAX_ENTRY: u32 = OVERFLOW - 2;
/// The largest rank.
pub const MAX_RANK: u32 = u32::MAX - 1;

/// The most keys for which a seed without any collision is searched.
const MAX_PERFECT: usize = 16;
/// Seeds tried before a table is doubled.
const SEEDS: u64 = 4;
/// Seeds tried for a small table without collisions.
const PERFECT_SEEDS: u64 = 64;
/// The most buckets a look-up visits.
const PROBES: u32 = 6;
/// How far apart, in buckets, those that one look-up visits are: odd, so that it visits different
/// ones, and not small, so that full buckets do not make their neighbours full.
pub const STRIDE: u32 = 0x5bd1;
/// A table is rebuilt when this part of its slots has been used: numerator, denominator. At
/// one key for a bucket of four, one look-up in fifty meets a bucket that overflowed, and with it a
/// mispredicted branch; at two keys, one in seven.
const FULL: (usize, usize) = (1, 4);
/// Keys tried for slots without value; each fits most buckets.
const POISONS: u64 = 256;
/// The most buckets of a table.
const MAX_BUCKETS: usize = 1 << 24;

/// What emitted code must know of a table; fixed within a code version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Slots of a bucket: 1 or 4. A bucket is `ways` keys of 8 bytes, then `ways` values, then
    /// `ways` ranks of 4 bytes.
    pub ways: u32,
    /// Buckets, a power of two.
    pub buckets: u32,
    /// The most buckets a look-up visits, [`STRIDE`] apart, the first after the last.
    pub probes: u32,
    /// Starts the hash.
    pub seed: u64,
    /// Words of a key. One: it stands in the slot, and the value is the entry plus 1. More: the
    /// slot holds the hash, and the value is the number of a record plus 1.
    pub words: u32,
    /// Records, a power of two; 0 for keys of one word. A record is the words of the key, the entry
    /// plus 1 and the rank plus 1, padded to a power of two.
    pub records: u32,
}

impl Layout {
    /// Bytes of a bucket, a power of two.
    pub fn bucket_bytes(&self) -> u32 {
        16 * self.ways
    }

    /// Bytes of a record, a power of two.
    pub fn record_bytes(&self) -> u32 {
        (8 * self.words + 8).next_power_of_two()
    }

    /// The hash of a key.
    pub fn hash(&self, key: &[u64]) -> u64 {
        key.iter().fold(self.seed, |hash, word| fold(hash ^ word))
    }

    fn bucket_word(&self, hash: u64, step: u32) -> usize {
        let index = (hash >> self.bucket_bytes().trailing_zeros())
            .wrapping_add(u64::from(step) * u64::from(STRIDE))
            & u64::from(self.buckets - 1);
        index as usize * 4 * self.ways as usize
    }
}

/// Keys of one shape with their entries and ranks.
#[derive(Clone, Debug)]
pub struct Table {
    layout: Layout,
    memory: Shared<Memory>,
    records: Option<Shared<Memory>>,
    live: usize,
    used: usize,
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
    /// A table of these items, whose keys are different and of `words` words. Nothing when they
    /// do not fit.
    pub(crate) fn new(words: usize, items: &[Item], seed: u64) -> Option<Self> {
        let count = items.len().max(1);
        if count <= MAX_PERFECT {
            let buckets = (4 * count).next_power_of_two();
            let found = (0..PERFECT_SEEDS)
                .find_map(|n| Self::fill(words, items, 1, buckets, 1, mix(seed, n)));
            if found.is_some() {
                return found;
            }
        }
        let mut buckets = count.next_power_of_two().max(16);
        if count <= 512 {
            let found =
                (0..SEEDS).find_map(|n| Self::fill(words, items, 4, buckets, 1, mix(seed, n)));
            if found.is_some() {
                return found;
            }
        }
        while buckets <= MAX_BUCKETS {
            let found =
                (0..SEEDS).find_map(|n| Self::fill(words, items, 4, buckets, PROBES, mix(seed, n)));
            if found.is_some() {
                return found;
            }
            buckets *= 2;
        }
        None
    }

    fn fill(
        words: usize,
        items: &[Item],
        ways: u32,
        buckets: usize,
        probes: u32,
        seed: u64,
    ) -> Option<Self> {
        let slots = buckets * ways as usize;
        let mut layout = Layout {
            ways,
            buckets: buckets as u32,
            probes,
            seed,
            words: words as u32,
            records: 0,
        };
        let mut records = None;
        if words > 1 {
            layout.records = slots as u32;
            records = Some(Shared::new(Memory::zeroed(
                slots * layout.record_bytes() as usize / 4,
            )?));
        }
        let memory = Shared::new(Memory::zeroed(slots * 4)?);
        let mut table = Table {
            layout,
            memory,
            records,
            live: 0,
            used: 0,
        };
        table.poison_all();
        items.iter().all(|item| table.place(item)).then_some(table)
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
    pub fn lookup(&self, key: &[u64]) -> Option<(u32, u32)> {
        let slot = self.find(key)?;
        match &self.records {
            None => Some((slot.value - 1, self.memory.load(slot.rank_at) - 1)),
            Some(records) => {
                let at = self.record_word(slot.value - 1) + 2 * key.len();
                Some((records.load(at) - 1, records.load(at + 1) - 1))
            }
        }
    }

    /// Adds a key that is not there.
    pub(crate) fn insert(&mut self, item: &Item) -> Placed {
        let slots = self.layout.buckets as usize * self.layout.ways as usize;
        if self.used < slots * FULL.0 / FULL.1 && self.place(item) {
            return Placed::InPlace;
        }
        let mut items = self.items();
        items.push(item.clone());
        match Self::new(
            self.layout.words as usize,
            &items,
            mix(self.layout.seed, 77),
        ) {
            Some(table) => {
                *self = table;
                Placed::Rebuilt
            }
            None => Placed::Full,
        }
    }

    /// Removes a key. False when it is not there.
    pub(crate) fn remove(&mut self, key: &[u64]) -> bool {
        let Some(slot) = self.find(key) else {
            return false;
        };
        let flag = self.memory.load(slot.value_at) & OVERFLOW;
        self.memory.publish(slot.value_at, flag);
        // Readers load the value before the key, so whoever still sees the value sees it removed.
        self.memory
            .store_pair(slot.key_at, self.poison(slot.bucket));
        self.live -= 1;
        true
    }

    /// Gives a key another rank, in place. True always: readers see it.
    pub(crate) fn set_rank(&mut self, key: &[u64], rank: u32) -> bool {
        if let Some(slot) = self.find(key) {
            match &self.records {
                None => self.memory.publish(slot.rank_at, rank + 1),
                Some(records) => records.publish(
                    self.record_word(slot.value - 1) + 2 * key.len() + 1,
                    rank + 1,
                ),
            }
        }
        true
    }

    /// All keys, in no order.
    pub(crate) fn items(&self) -> Vec<Item> {
        let ways = self.layout.ways as usize;
        let words = self.layout.words as usize;
        let mut items = Vec::with_capacity(self.live + 1);
        for slot in 0..self.layout.buckets as usize * ways {
            let (bucket, way) = (slot / ways * 4 * ways, slot % ways);
            let value = self.memory.load(bucket + 2 * ways + way) & !OVERFLOW;
            if value == 0 {
                continue;
            }
            items.push(match &self.records {
                None => Item {
                    key: alloc::vec![self.memory.load_pair(bucket + 2 * way)],
                    entry: value - 1,
                    rank: self.memory.load(bucket + 3 * ways + way) - 1,
                },
                Some(records) => {
                    let at = self.record_word(value - 1);
                    Item {
                        key: (0..words)
                            .map(|word| records.load_pair(at + 2 * word))
                            .collect(),
                        entry: records.load(at + 2 * words) - 1,
                        rank: records.load(at + 2 * words + 1) - 1,
                    }
                }
            });
        }
        items
    }

    /// Writes an entry and publishes it. False when its buckets are full; then only flags changed.
    fn place(&mut self, item: &Item) -> bool {
        let ways = self.layout.ways as usize;
        let hash = self.layout.hash(&item.key);
        let tag = if self.records.is_some() {
            hash
        } else {
            item.key.first().copied().unwrap_or_default()
        };
        for step in 0..self.layout.probes {
            let bucket = self.layout.bucket_word(hash, step);
            // A rank is never zero in a slot that was ever used.
            let free = (0..ways).find(|way| self.memory.load(bucket + 3 * ways + way) == 0);
            if let Some(way) = free {
                if self.records.is_some() && self.tag_taken(hash) {
                    return false;
                }
                let value = self.write_record(item).unwrap_or(item.entry + 1);
                self.memory.store_pair(bucket + 2 * way, tag);
                self.memory.store(bucket + 3 * ways + way, item.rank + 1);
                self.memory.publish(bucket + 2 * ways + way, value);
                (self.live, self.used) = (self.live + 1, self.used + 1);
                return true;
            }
            if step + 1 < self.layout.probes {
                let last = bucket + 3 * ways - 1;
                self.memory.publish(last, self.memory.load(last) | OVERFLOW);
            }
        }
        false
    }

    /// Gives every slot a key that no look-up finds.
    fn poison_all(&self) {
        let ways = self.layout.ways as usize;
        for index in 0..self.layout.buckets as usize {
            let (bucket, poison) = (4 * ways * index, self.poison(4 * ways * index));
            (0..ways).for_each(|way| self.memory.store_pair(bucket + 2 * way, poison));
        }
    }

    /// A key, or a hash of one, whose look-up does not visit this bucket: what a slot without value
    /// holds, so that a matching key means a value.
    fn poison(&self, bucket: usize) -> u64 {
        let layout = &self.layout;
        let avoids = |tag: &u64| {
            let hash = if self.records.is_some() {
                *tag
            } else {
                layout.hash(&[*tag])
            };
            (0..layout.probes).all(|step| layout.bucket_word(hash, step) != bucket)
        };
        let candidates = (0..POISONS).map(|n| mix(!layout.seed, n));
        candidates.clone().find(avoids).unwrap_or(!layout.seed)
    }

    fn write_record(&self, item: &Item) -> Option<u32> {
        let records = self.records.as_ref()?;
        let (number, words) = (self.used as u32, item.key.len());
        let at = self.record_word(number);
        item.key
            .iter()
            .enumerate()
            .for_each(|(word, value)| records.store_pair(at + 2 * word, *value));
        records.store(at + 2 * words, item.entry + 1);
        records.store(at + 2 * words + 1, item.rank + 1);
        Some(number + 1)
    }

    fn record_word(&self, number: u32) -> usize {
        (number & (self.layout.records - 1)) as usize * self.layout.record_bytes() as usize / 4
    }

    /// Whether another key in use has this hash.
    fn tag_taken(&self, hash: u64) -> bool {
        self.slots_of(hash).any(|slot| slot.tag == hash)
    }

    fn find(&self, key: &[u64]) -> Option<Found> {
        let hash = self.layout.hash(key);
        match &self.records {
            None => self
                .slots_of(hash)
                .find(|slot| slot.tag == *key.first().unwrap_or(&0)),
            Some(records) => self.slots_of(hash).find(|slot| {
                let at = self.record_word(slot.value - 1);
                slot.tag == hash
                    && key
                        .iter()
                        .enumerate()
                        .all(|(word, value)| records.load_pair(at + 2 * word) == *value)
            }),
        }
    }

    /// The slots in use that a look-up with this hash visits.
    fn slots_of(&self, hash: u64) -> impl Iterator<Item = Found> + '_ {
        let ways = self.layout.ways as usize;
        let mut open = true;
        let visited = (0..self.layout.probes).map_while(move |step| {
            let bucket = self.layout.bucket_word(hash, step);
            let visit = core::mem::replace(
                &mut open,
                self.memory.load(bucket + 3 * ways - 1) & OVERFLOW != 0,
            );
            visit.then_some(bucket)
        });
        visited.flat_map(move |bucket| {
            (0..ways).filter_map(move |way| {
                let value_at = bucket + 2 * ways + way;
                let value = self.memory.load(value_at) & !OVERFLOW;
                let found = Found {
                    value,
                    value_at,
                    key_at: bucket + 2 * way,
                    bucket,
                    rank_at: bucket + 3 * ways + way,
                    tag: self.memory.load_pair(bucket + 2 * way),
                };
                (value != 0).then_some(found)
            })
        })
    }
}

struct Found {
    value: u32,
    value_at: usize,
    key_at: usize,
    bucket: usize,
    rank_at: usize,
    tag: u64,
}

/// Low half of the 128-bit product, exclusive-or its high half.
fn fold(x: u64) -> u64 {
    let product = u128::from(x) * u128::from(MULTIPLIER);
    product as u64 ^ (product >> 64) as u64
}

/// The `n`th seed after `seed`.
fn mix(seed: u64, n: u64) -> u64 {
    let x = (seed ^ n.wrapping_mul(0xbf58_476d_1ce4_e5b9)).wrapping_add(MULTIPLIER);
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb)
}
