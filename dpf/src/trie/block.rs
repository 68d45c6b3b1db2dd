//! Blocks: rules that are conjunctions of tests of the same fields, found together.
//!
//! Problem: each shape is a look-up of its own, and a set of prefixes and ranges has hundreds of
//! shapes. Method: a block lists rules in order of rank, each with the values it demands on some
//! of the block's *axes*, fields and lengths; of the rules that hold the first wins. Emitted code
//! finds it by [`Vectors`], the walker by trying one after the other. A block is made new when its
//! rules change: what they say is not changed in place. Left out: which rules go into blocks
//! (`listed`).

use alloc::{boxed::Box, vec::Vec};
use core::cmp::Reverse;

use crate::dispatch::{self, Shared, Vectors};
use crate::filter::{Field, IntervalSet};

/// Rules of which the first that holds is found at once.
#[derive(Clone, Debug)]
pub struct Block {
    axes: Shared<[Axis]>,
    rules: Box<[BlockRule]>,
    vectors: Option<Vectors>,
}

/// What a block's rules test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Axis {
    /// A field, whose `depth` is the number of a base.
    Field(Field),
    /// The captured length.
    Len,
    /// The original length.
    WireLen,
}

/// A rule of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRule {
    /// The filter.
    pub entry: u32,
    /// Its rank.
    pub rank: u32,
    /// By axis, what it demands there: index of the axis, and values.
    pub tests: Shared<[(u32, Shared<IntervalSet>)]>,
}

impl Axis {
    /// The largest value.
    pub fn top(&self) -> u32 {
        match self {
            Axis::Field(field) => field.value_mask(),
            Axis::Len | Axis::WireLen => u32::MAX,
        }
    }
}

impl Block {
    /// A block of rules, each with its tests as the formulas have them.
    ///
    /// # Errors
    ///
    /// The bytes needed when they are more than `limit`.
    pub(super) fn new(rules: &[Conjunction], limit: u64) -> Result<Self, u64> {
        let axes = axes(rules);
        let place = |axis: &Axis| axes.binary_search(axis).ok().map(|at| at as u32);
        let rules = rules.iter().map(|rule| {
            let tests = rule.tests.iter().filter_map(|(axis, set)| {
                let onto = containing(&axes, axis);
                Some((place(&onto)?, widened(set, axis, &onto)))
            });
            BlockRule {
                entry: rule.entry,
                rank: rule.rank,
                tests: joined(tests.collect()).into(),
            }
        });
        let rules: Vec<BlockRule> = rules.collect();
        let mut block = Block {
            axes: axes.into(),
            rules: rules.into(),
            vectors: None,
        };
        block.vectors = Some(block.arranged(limit)?);
        Ok(block)
    }

    /// What the rules test.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// The rules, of which the first that holds wins.
    pub fn rules(&self) -> &[BlockRule] {
        &self.rules
    }

    /// Where emitted code finds the first rule; nothing when there was no memory for it, and the
    /// trie must be walked.
    pub fn vectors(&self) -> Option<&Vectors> {
        self.vectors.as_ref()
    }

    /// The same rules with other ranks, or without those that have none: smaller vectors, or as
    /// large.
    pub(super) fn changed(&self, rank: impl Fn(&BlockRule) -> Option<u32>) -> Self {
        let rules = self.rules.iter().filter_map(|rule| {
            let rank = rank(rule)?;
            Some(BlockRule {
                rank,
                ..rule.clone()
            })
        });
        let mut block = Block {
            axes: self.axes.clone(),
            rules: rules.collect(),
            vectors: None,
        };
        block.vectors = block.arranged(u64::MAX).ok();
        block
    }

    /// Puts the rules into order and makes vectors of them.
    fn arranged(&mut self, limit: u64) -> Result<Vectors, u64> {
        self.rules
            .sort_unstable_by_key(|rule| (Reverse(rule.rank), rule.entry));
        let mut axes: Vec<dispatch::Axis<'_>> = self
            .axes
            .iter()
            .map(|axis| dispatch::Axis {
                top: axis.top(),
                sets: alloc::vec![None; self.rules.len()],
            })
            .collect();
        for (at, rule) in self.rules.iter().enumerate() {
            for (axis, set) in rule.tests.iter() {
                axes[*axis as usize].sets[at] = Some(set);
            }
        }
        let results: Vec<(u32, u32)> = self
            .rules
            .iter()
            .map(|rule| (rule.entry, rule.rank))
            .collect();
        Vectors::new(&axes, &results, limit)
    }
}

/// A rule as its formula says it: several tests may concern the same bits.
#[derive(Clone, Debug)]
pub(super) struct Conjunction {
    pub(super) entry: u32,
    pub(super) rank: u32,
    pub(super) tests: Vec<(Axis, Shared<IntervalSet>)>,
}

/// The axes for these rules: of fields that begin at one bit the longest stands for all, so that
/// prefixes of an address are intervals of it.
fn axes(rules: &[Conjunction]) -> Vec<Axis> {
    let mut all: Vec<Axis> = rules
        .iter()
        .flat_map(|rule| rule.tests.iter().map(|(axis, _)| *axis))
        .collect();
    all.sort_unstable();
    all.dedup();
    let mut longest: Vec<Axis> = all.iter().map(|axis| containing(&all, axis)).collect();
    longest.sort_unstable();
    longest.dedup();
    longest
}

/// The longest of the axes that begins where this one does.
fn containing(axes: &[Axis], axis: &Axis) -> Axis {
    let Some((start, _)) = span(axis) else {
        return *axis;
    };
    let same = axes
        .iter()
        .filter_map(|other| Some((span(other)?, *other)))
        .filter(|(other, _)| other.0 == start);
    same.max_by_key(|((_, bits), other)| (*bits, Reverse(*other)))
        .map_or(*axis, |(_, other)| other)
}

/// Where a field of contiguous bits begins, base and bit, and how many bits it has.
fn span(axis: &Axis) -> Option<((u8, u64), u32)> {
    let Axis::Field(field) = axis else {
        return None;
    };
    let mask = field.value_mask();
    if mask & mask.wrapping_add(1) != 0 {
        return None;
    }
    let end = 8 * u64::from(field.end()) - u64::from(field.mask.trailing_zeros());
    let bits = mask.count_ones();
    Some(((field.depth, end - u64::from(bits)), bits))
}

/// A set of values of a field as one of a longer field that begins where it does.
fn widened(set: &Shared<IntervalSet>, from: &Axis, to: &Axis) -> Shared<IntervalSet> {
    let more = match (span(from), span(to)) {
        (Some((_, few)), Some((_, many))) if many > few => many - few,
        _ => return set.clone(),
    };
    let low = |value: u32| value.checked_shl(more).unwrap_or(0);
    let ranges = set
        .intervals()
        .iter()
        .map(|&(first, last)| (low(first), low(last) | ((1_u64 << more) - 1) as u32));
    Shared::new(IntervalSet::from_ranges(ranges))
}

/// One set for each axis, in order.
fn joined(mut tests: Vec<(u32, Shared<IntervalSet>)>) -> Vec<(u32, Shared<IntervalSet>)> {
    tests.sort_by_key(|(axis, _)| *axis);
    tests.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = Shared::new(kept.1.intersect(&next.1));
        }
        same
    });
    tests
}
