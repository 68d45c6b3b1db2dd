//! Sets of values in the structure, and the cheapest test for each.
//!
//! Problem: "port in this list", "host in these thousand". Method, by the cost model of the module:
//! a few intervals are compared one by one, the branches being alike for most traffic; a field of
//! at most 16 bits gets a bit map; else the interval bounds are searched by halving, without
//! branches. Left out: hashing of large sets, which the search beats up to some thousand members
//! in memory touched.

use super::{Machine, Memory, Shared};
use crate::filter::{Field, IntervalSet};

/// The most intervals that are compared one by one.
pub const MAX_BRANCHED_INTERVALS: usize = 3;
/// The widest field with a bit map.
const MAX_MAP_BITS: u32 = 16;

/// How membership is tested.
#[derive(Clone, Debug)]
pub enum SetTest {
    /// One comparison for each interval.
    Branches,
    /// A bit for each value; bit `v % 32` of word `v / 32`.
    Map {
        /// The bits.
        memory: Shared<Memory>,
        /// How many words, a power of two.
        words: u32,
    },
    /// The number of bounds not above the value is odd. Bounds are 64-bit, padded with the largest.
    /// Where a word has 32 bits, they are that and one less: the number of those below the value is
    /// odd, or even if the least value is in the set, whose bound is left out.
    Search {
        /// The bounds.
        memory: Shared<Memory>,
        /// How many, padding included: a power of two.
        bounds: u32,
        /// Whether it is an even number that says the value is in the set.
        even: bool,
    },
}

impl SetTest {
    /// The test for a set of values of a field, on a machine. Nothing when there is no memory for it.
    pub fn choose(machine: Machine, field: &Field, set: &IntervalSet) -> Option<Self> {
        let top = field.value_mask();
        if set.intervals().len() <= MAX_BRANCHED_INTERVALS {
            return Some(Self::Branches);
        }
        if top < 1 << MAX_MAP_BITS {
            return Self::map(top, set);
        }
        let count = (2 * set.intervals().len() + 1).next_power_of_two();
        if machine.is_narrow() {
            return Self::search_narrow(count, set);
        }
        let memory = Memory::zeroed(2 * count)?;
        let bounds = set
            .intervals()
            .iter()
            .flat_map(|&(low, high)| [u64::from(low), u64::from(high) + 1]);
        let padded = bounds.chain(core::iter::repeat(u64::MAX)).take(count);
        padded
            .enumerate()
            .for_each(|(at, bound)| memory.store_pair(2 * at, bound));
        Some(Self::Search {
            memory: Shared::new(memory),
            bounds: count as u32,
            even: false,
        })
    }

    fn search_narrow(count: usize, set: &IntervalSet) -> Option<Self> {
        let memory = Memory::zeroed(count)?;
        let bounds = set
            .intervals()
            .iter()
            .flat_map(|&(low, high)| [low.checked_sub(1), Some(high)])
            .flatten();
        let padded = bounds.chain(core::iter::repeat(u32::MAX)).take(count);
        padded
            .enumerate()
            .for_each(|(at, bound)| memory.store(at, bound));
        Some(Self::Search {
            memory: Shared::new(memory),
            bounds: count as u32,
            even: set.min() == Some(0),
        })
    }

    fn map(top: u32, set: &IntervalSet) -> Option<Self> {
        let words = (top / 32 + 1).next_power_of_two();
        let memory = Memory::zeroed(words as usize)?;
        for &(low, high) in set.intervals() {
            for value in low..=high.min(top) {
                let at = value as usize / 32;
                memory.store(at, memory.load(at) | 1 << (value % 32));
            }
        }
        Some(Self::Map {
            memory: Shared::new(memory),
            words,
        })
    }

    /// The memory that emitted code reads.
    pub fn memory(&self) -> Option<&Shared<Memory>> {
        match self {
            Self::Branches => None,
            Self::Map { memory, .. } | Self::Search { memory, .. } => Some(memory),
        }
    }
}
