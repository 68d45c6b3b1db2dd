//! Where a hashed table's keys stand: what emitted code and the table itself must agree on.
//!
//! The buckets come first, then the displacements, of two bytes each. A bucket is `ways` keys of 8
//! bytes, then `ways` values, then `ways` ranks of 4 bytes. The hash of a key names a displacement
//! by its low bits and a bucket by its high bits; the displacement, a multiple of a bucket's size,
//! is combined with the bucket's offset by exclusive or. Left out: how keys come to stand there,
//! which is `table`.

use super::Machine;

/// How far right a 64-bit hash is moved to give a bucket's offset: the bits that name the
/// displacement are gone by then.
const BUCKET_SHIFT: u32 = 27;

/// What emitted code must know of a table; fixed within a code version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Slots of a bucket: 1 or 2.
    pub ways: u32,
    /// Buckets, a power of two.
    pub buckets: u32,
    /// Displacements, a power of two, or 0 for a table that needs none.
    pub displacements: u32,
    /// The multiplier of the hash, a machine word: odd, and a secret where keys come from strangers.
    pub multiplier: u64,
    /// Whether words have 32 bits. Keys and hashes stand in 8 bytes all the same.
    narrow: bool,
    /// Words of a key. One: it stands in the slot, and the value is the entry plus 1. More: the
    /// slot holds the hash, and the value is the number of a record plus 1.
    pub words: u32,
    /// Records, a power of two; 0 for keys of one word. A record is the words of the key, the entry
    /// plus 1 and the rank plus 1, padded to a power of two.
    pub records: u32,
}

impl Layout {
    /// Buckets of one slot, no displacement.
    pub(super) fn perfect((machine, words): (Machine, usize), slots: usize, seed: u64) -> Self {
        Self::new((machine, words), slots, 1, 0, seed)
    }

    /// Buckets of two slots, with displacements.
    pub(super) fn displaced(
        key: (Machine, usize),
        slots: usize,
        displacements: usize,
        seed: u64,
    ) -> Self {
        Self::new(key, slots, 2, displacements, seed)
    }

    fn new(
        (machine, words): (Machine, usize),
        slots: usize,
        ways: u32,
        displacements: usize,
        seed: u64,
    ) -> Self {
        Layout {
            ways,
            buckets: slots as u32 / ways,
            displacements: displacements as u32,
            multiplier: seed & machine.greatest() | 1,
            narrow: machine.is_narrow(),
            words: words as u32,
            records: if words > 1 { slots as u32 } else { 0 },
        }
    }

    /// All slots.
    pub(super) fn slots(&self) -> usize {
        self.buckets as usize * self.ways as usize
    }

    /// Bytes of a bucket, a power of two.
    pub fn bucket_bytes(&self) -> u32 {
        16 * self.ways
    }

    /// How far right a hash is moved to give a bucket's offset, which is then masked. Of a short
    /// hash the highest bits name the bucket, so that few of them name the displacement too.
    pub fn bucket_shift(&self) -> u32 {
        if self.narrow {
            (self.buckets * self.bucket_bytes()).leading_zeros() + 1
        } else {
            BUCKET_SHIFT
        }
    }

    /// Selects a bucket's offset.
    pub fn bucket_mask(&self) -> u32 {
        (self.buckets - 1) * self.bucket_bytes()
    }

    /// Where the displacements begin, in bytes.
    pub fn displacements_at(&self) -> u32 {
        self.buckets * self.bucket_bytes()
    }

    /// Selects a displacement's offset.
    pub fn displacement_mask(&self) -> u32 {
        self.displacements.saturating_sub(1) * 2
    }

    /// Bytes of a record, a power of two.
    pub fn record_bytes(&self) -> u32 {
        (8 * self.words + 8).next_power_of_two()
    }

    /// The hash of a key.
    pub fn hash(&self, key: &[u64]) -> u64 {
        let fold = |hash, word| {
            if self.narrow {
                fold_narrow(hash ^ word, self.multiplier)
            } else {
                fold(hash ^ word, self.multiplier)
            }
        };
        key.iter().copied().fold(0, fold)
    }

    /// Which displacement a hash names.
    pub(super) fn displacement_of(&self, hash: u64) -> usize {
        (hash as u32 & self.displacement_mask()) as usize / 2
    }

    /// The bucket of a hash under a displacement.
    pub(super) fn bucket(&self, hash: u64, displacement: u16) -> u32 {
        let offset = (hash >> self.bucket_shift()) as u32 ^ u32::from(displacement);
        (offset & self.bucket_mask()) / self.bucket_bytes()
    }

    /// All displacements, from the one after `present` on; `present` is the last.
    pub(super) fn displacements_after(&self, present: u16) -> impl Iterator<Item = u16> {
        let (step, mask) = (self.bucket_bytes() as u16, self.bucket_mask() as u16);
        let count = u32::from(mask / step) + 1;
        (0..count).scan(present, move |last, _| {
            *last = last.wrapping_add(step) & mask;
            Some(*last)
        })
    }

    /// How many chains of slots the writer keeps.
    pub(super) fn chains(&self) -> usize {
        self.displacements.max(1) as usize
    }

    pub(super) fn key_word(&self, slot: u32) -> usize {
        let (bucket, way) = (slot / self.ways, slot % self.ways);
        (4 * self.ways * bucket + 2 * way) as usize
    }

    pub(super) fn value_word(&self, slot: u32) -> usize {
        let (bucket, way) = (slot / self.ways, slot % self.ways);
        (4 * self.ways * bucket + 2 * self.ways + way) as usize
    }

    pub(super) fn rank_word(&self, slot: u32) -> usize {
        self.value_word(slot) + self.ways as usize
    }
}

/// Low half of the 128-bit product, exclusive-or its high half.
fn fold(x: u64, multiplier: u64) -> u64 {
    let product = u128::from(x) * u128::from(multiplier);
    product as u64 ^ (product >> 64) as u64
}

/// The same of two 32-bit numbers and their 64-bit product.
fn fold_narrow(x: u64, multiplier: u64) -> u64 {
    let product = x.wrapping_mul(multiplier);
    (product ^ product >> 32) & 0xffff_ffff
}

/// The `n`th seed after `seed`.
pub(super) fn mix(seed: u64, n: u64) -> u64 {
    let x = (seed ^ n.wrapping_mul(0xbf58_476d_1ce4_e5b9)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb)
}
