//! Runs of packets whose right answers are known, in orders that do not repeat.
//!
//! A predictor learns a short cycle of packets by heart: a binary search over a hundred filters
//! takes 7 ns on a cycle of 4,096 and 25 ns on an order without one. So every run is filled anew
//! from one generator that does not come back to a state within any measurement. Packets are
//! copied into one small ring before each run, as a network card would leave them, so that no
//! engine is charged for fetching them from memory.
//!
//! Left out: skewed popularity; *hot* and *random* are its two ends.

use crate::{
    flows::{Family, PACKET_BYTES},
    peers::{NONE, RUN},
};

/// What the packets of a run are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Workload {
    /// One packet again and again, another in every run.
    Hot,
    /// Each packet of a filter chosen evenly.
    Random,
    /// The same, but never the same filter twice in a row: what a one-entry cache fears.
    Unexpected,
    /// Near misses: one bit wrong in a field where filters differ.
    Reject,
    /// As [`Random`](Self::Random), through the batch interface.
    Batch32,
}

impl Workload {
    /// Its name in every result.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Random => "random",
            Self::Unexpected => "unexpected",
            Self::Reject => "reject",
            Self::Batch32 => "batch32",
        }
    }
}

/// Numbers without pattern: a counter, scrambled (Steele, Lea, Flood: SplitMix64). Its states
/// repeat after 2⁶⁴ numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator; equal seeds give equal numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) >> 32) as u32
    }

    /// A number below `bound`, which is not zero; even but for one part in 2³² ÷ `bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.number()) * u64::from(bound)) >> 32) as u32
    }
}

/// Whose packets, and in which order.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// The filters' family.
    pub family: Family,
    /// How many of them there are; not 0.
    pub count: u32,
    /// The order.
    pub workload: Workload,
}

/// At most [`RUN`] packets, and which filter each belongs to.
pub struct Ring {
    slots: Vec<Slot>,
    /// The filter that accepts the packet in each slot, or [`NONE`].
    truth: Vec<u32>,
}

/// A packet at the start of a cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Slot {
    bytes: [u8; PACKET_BYTES],
    length: u32,
}

impl Ring {
    /// An empty ring, with room for a whole run.
    pub fn new() -> Self {
        Self {
            slots: Vec::with_capacity(RUN),
            truth: Vec::with_capacity(RUN),
        }
    }

    /// Replaces the packets by `packets` ones of the first `count` filters.
    ///
    /// # Panics
    ///
    /// When `packets` is more than [`RUN`], or `count` is 0.
    pub fn fill(&mut self, traffic: Traffic, packets: usize, random: &mut Random) {
        let Traffic {
            family,
            count,
            workload,
        } = traffic;
        assert!(
            packets <= RUN && count > 0,
            "{packets} packets of {count} filters"
        );
        self.clear();
        let mut last = random.below(count);
        for _ in 0..packets {
            last = match workload {
                Workload::Hot => last,
                Workload::Unexpected if count > 1 => (last + 1 + random.below(count - 1)) % count,
                _ => random.below(count),
            };
            match workload {
                Workload::Reject => self.push(&family.near_miss(last, random.number()), NONE),
                _ => self.push(&family.packet(last), last),
            }
        }
    }

    /// Replaces the packets by a run to check answers with: packets of filters, near misses,
    /// packets wrong in a field that all filters share, and packets cut off before their ports.
    pub fn fill_mixed(&mut self, family: Family, count: u32, random: &mut Random) {
        self.clear();
        for _ in 0..RUN {
            let index = random.below(count);
            let choice = random.number();
            match random.below(8) {
                0..4 => self.push(&family.packet(index), index),
                4 | 5 => self.push(&family.near_miss(index, choice), NONE),
                6 => self.push(&family.shared_miss(index, choice), NONE),
                _ => self.push(&family.packet(index)[..14 + choice as usize % 24], NONE),
            }
        }
    }

    /// The packets.
    pub fn packets(&self) -> Vec<&[u8]> {
        self.slots
            .iter()
            .map(|slot| &slot.bytes[..slot.length as usize])
            .collect()
    }

    /// The right answers.
    pub fn truth(&self) -> &[u32] {
        &self.truth
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.truth.clear();
    }

    fn push(&mut self, packet: &[u8], truth: u32) {
        let mut bytes = [0; PACKET_BYTES];
        bytes[..packet.len()].copy_from_slice(packet);
        self.slots.push(Slot {
            bytes,
            length: packet.len() as u32,
        });
        self.truth.push(truth);
    }
}

impl Default for Ring {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_stretch_of_the_order_comes_back() {
        // Twenty picks among ten filters are 66 bits: two equal stretches would be a repetition.
        let mut random = Random::new(1);
        let picks: Vec<u32> = (0..1 << 18).map(|_| random.below(10)).collect();
        let stretches: HashSet<&[u32]> = picks.windows(20).collect();
        assert_eq!(stretches.len(), picks.len() - 19);
    }

    #[test]
    fn runs_follow_each_other_without_repeating() {
        let mut random = Random::new(2);
        let mut seen = HashSet::new();
        let mut ring = Ring::new();
        let traffic = Traffic {
            family: Family::FiveTuple,
            count: 100,
            workload: Workload::Random,
        };
        for _ in 0..200 {
            ring.fill(traffic, 64, &mut random);
            assert!(seen.insert(ring.truth().to_vec()));
        }
    }

    #[test]
    fn the_answers_are_those_of_the_descriptions() {
        let mut random = Random::new(3);
        for family in [Family::Paper, Family::FiveTuple] {
            let filters: Vec<_> = (0..20).map(|index| family.filter(index)).collect();
            let check = |ring: &Ring| {
                for (packet, truth) in ring.packets().iter().zip(ring.truth()) {
                    let owner = filters.iter().position(|filter| filter.accepts(packet));
                    assert_eq!(owner.map_or(NONE, |owner| owner as u32), *truth);
                }
            };
            use Workload::{Batch32, Hot, Random as Even, Reject, Unexpected};
            let mut ring = Ring::new();
            for workload in [Hot, Even, Unexpected, Reject, Batch32] {
                ring.fill(
                    Traffic {
                        family,
                        count: 20,
                        workload,
                    },
                    RUN,
                    &mut random,
                );
                check(&ring);
            }
            ring.fill_mixed(family, 20, &mut random);
            check(&ring);
        }
    }

    #[test]
    fn unexpected_packets_never_follow_their_like() {
        let mut random = Random::new(4);
        let mut ring = Ring::new();
        let traffic = Traffic {
            family: Family::Paper,
            count: 10,
            workload: Workload::Unexpected,
        };
        ring.fill(traffic, RUN, &mut random);
        assert!(ring.truth().windows(2).all(|pair| pair[0] != pair[1]));
    }
}
