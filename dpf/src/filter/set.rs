//! Sets of 32-bit values as interval lists, and the algebra the simplifier needs.
//!
//! Every operation is linear in the intervals of its operands (plus a sort where values come in
//! any order), so a set of ten thousand hosts costs what ten thousand words cost.
//!
//! The bit operations ([`cofactor`](IntervalSet::cofactor) and friends) take a set of *dense*
//! values, `0..2^n`; how a masked field becomes dense is in `bits`.

use alloc::vec::Vec;

pub(super) use super::types::IntervalSet;

impl IntervalSet {
    /// The set without values.
    pub const fn empty() -> Self {
        IntervalSet {
            intervals: Vec::new(),
        }
    }

    /// The set of one value.
    pub fn single(value: u32) -> Self {
        Self::range(value, value)
    }

    /// The values `low..=high`; empty when `low > high`.
    pub fn range(low: u32, high: u32) -> Self {
        let mut intervals = Vec::new();
        if low <= high {
            intervals.push((low, high));
        }
        IntervalSet { intervals }
    }

    /// All values of `bits` bits. More than 32 bits count as 32.
    pub fn full(bits: u32) -> Self {
        Self::range(0, low_mask(bits))
    }

    /// The set of these values, which may come in any order and more than once.
    pub fn from_values(values: impl IntoIterator<Item = u32>) -> Self {
        Self::from_ranges(values.into_iter().map(|value| (value, value)))
    }

    /// The union of inclusive ranges, which may overlap and come in any order. A range whose low
    /// end is above its high end is empty.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut intervals: Vec<_> = ranges
            .into_iter()
            .filter(|(low, high)| low <= high)
            .collect();
        intervals.sort_unstable();
        let mut joined = Joiner::default();
        intervals
            .into_iter()
            .for_each(|interval| joined.push(interval));
        joined.finish()
    }

    /// Whether no value is in the set.
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// Whether every value of `bits` bits is in the set.
    pub fn is_full(&self, bits: u32) -> bool {
        matches!(self.intervals.as_slice(), [(0, high)] if *high >= low_mask(bits))
    }

    /// The number of values.
    pub fn count(&self) -> u64 {
        self.intervals
            .iter()
            .map(|(low, high)| u64::from(high - low) + 1)
            .sum()
    }

    /// The value of a set of one.
    pub fn as_single(&self) -> Option<u32> {
        match self.intervals.as_slice() {
            [(low, high)] if low == high => Some(*low),
            _ => None,
        }
    }

    /// The smallest value.
    pub fn min(&self) -> Option<u32> {
        self.intervals.first().map(|interval| interval.0)
    }

    /// The largest value.
    pub fn max(&self) -> Option<u32> {
        self.intervals.last().map(|interval| interval.1)
    }

    /// Whether `value` is in the set: a binary search.
    pub fn contains(&self, value: u32) -> bool {
        let after = self
            .intervals
            .partition_point(|interval| interval.0 <= value);
        after > 0 && value <= self.intervals[after - 1].1
    }

    /// The values, ascending.
    pub fn values(&self) -> impl Iterator<Item = u32> + '_ {
        self.intervals.iter().flat_map(|(low, high)| *low..=*high)
    }

    /// The values in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (mut left, mut right) = (
            self.intervals.iter().peekable(),
            other.intervals.iter().peekable(),
        );
        let mut joined = Joiner::default();
        loop {
            let from_left = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => a <= b,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => return joined.finish(),
            };
            let next = if from_left { left.next() } else { right.next() };
            next.into_iter().for_each(|interval| joined.push(*interval));
        }
    }

    /// The values in both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let (mut i, mut j) = (0, 0);
        let mut joined = Joiner::default();
        while let (Some(a), Some(b)) = (self.intervals.get(i), other.intervals.get(j)) {
            let (low, high) = (a.0.max(b.0), a.1.min(b.1));
            if low <= high {
                joined.push((low, high));
            }
            if a.1 < b.1 {
                i += 1;
            } else {
                j += 1;
            }
        }
        joined.finish()
    }

    /// The values of `bits` bits that are not in the set.
    #[must_use]
    pub fn complement(&self, bits: u32) -> Self {
        let mut intervals = Vec::with_capacity(self.intervals.len() + 1);
        let (mut next, top) = (0u64, u64::from(low_mask(bits)));
        for &(low, high) in &self.intervals {
            if u64::from(low) > top {
                break;
            }
            if u64::from(low) > next {
                intervals.push((next as u32, low - 1));
            }
            next = u64::from(high) + 1;
        }
        if next <= top {
            intervals.push((next as u32, top as u32));
        }
        IntervalSet { intervals }
    }

    /// The values that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.intersect(&other.complement(32))
    }

    /// Whether every value is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.intervals.iter().all(|&(low, high)| {
            let after = other
                .intervals
                .partition_point(|interval| interval.0 <= low);
            after > 0 && high <= other.intervals[after - 1].1
        })
    }

    /// Whether no value is in both.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let (mut i, mut j) = (0, 0);
        while let (Some(a), Some(b)) = (self.intervals.get(i), other.intervals.get(j)) {
            if a.0.max(b.0) <= a.1.min(b.1) {
                return false;
            }
            if a.1 < b.1 {
                i += 1;
            } else {
                j += 1;
            }
        }
        true
    }

    /// `{ v + by }`, wrapping at 32 bits.
    #[must_use]
    pub fn rotate(&self, by: u32) -> Self {
        Self::from_ranges(self.intervals.iter().flat_map(|&(low, high)| {
            let (low, high) = (low.wrapping_add(by), high.wrapping_add(by));
            if low <= high {
                [(low, high), (1, 0)]
            } else {
                [(low, u32::MAX), (0, high)]
            }
        }))
    }

    /// `{ from - v }`, wrapping at 32 bits.
    #[must_use]
    pub fn reflect(&self, from: u32) -> Self {
        let negated = self
            .intervals
            .iter()
            .rev()
            .map(|&(low, high)| (!high, !low));
        Self::from_ranges(negated).rotate(from.wrapping_add(1))
    }

    /// `{ x : x << by ∈ self }` over the numbers (no bit is lost): the inverse of scaling up.
    #[must_use]
    pub fn divide(&self, by: u32) -> Self {
        let unit = 1u64 << by.min(32);
        let mut joined = Joiner::default();
        for &(low, high) in &self.intervals {
            let (low, high) = (u64::from(low).div_ceil(unit), u64::from(high) / unit);
            if low <= high {
                joined.push((low as u32, high as u32));
            }
        }
        joined.finish()
    }

    /// `{ x : x >> by ∈ self }`, as far as 32 bits reach.
    #[must_use]
    pub fn multiply(&self, by: u32) -> Self {
        let unit = 1u64 << by.min(32);
        let mut joined = Joiner::default();
        for &(low, high) in &self.intervals {
            let (low, high) = (u64::from(low) * unit, u64::from(high) * unit + (unit - 1));
            if low <= u64::from(u32::MAX) {
                joined.push((low as u32, high.min(u64::from(u32::MAX)) as u32));
            }
        }
        joined.finish()
    }

    /// The values whose bit `bit` is `value`, with that bit removed (higher bits move down).
    #[must_use]
    pub(super) fn cofactor(&self, bit: u32, value: bool) -> Self {
        let half = 1u64 << bit;
        // How many of the values below `x` have the bit as wanted: monotone, so intervals map to intervals.
        let rank = |x: u64| {
            let inside = x % (2 * half);
            (x / (2 * half)) * half
                + if value {
                    inside.saturating_sub(half)
                } else {
                    inside.min(half)
                }
        };
        let mut joined = Joiner::default();
        for &(low, high) in &self.intervals {
            let (low, end) = (rank(u64::from(low)), rank(u64::from(high) + 1));
            if low < end {
                joined.push((low as u32, (end - 1) as u32));
            }
        }
        joined.finish()
    }

    /// Whether membership depends on bit `bit`.
    pub(super) fn depends_on(&self, bit: u32) -> bool {
        // Where membership changes, the other values must change with it: most bits fail here.
        let differs = |value: u32| self.contains(value) != self.contains(value ^ (1 << bit));
        let edges = self.intervals.iter().take(4).any(|(low, high)| {
            differs(*low) || differs(*high) || high.checked_add(1).is_some_and(differs)
        });
        edges || self.cofactor(bit, false) != self.cofactor(bit, true)
    }
}

/// The largest value of `bits` bits; more than 32 count as 32.
pub(super) const fn low_mask(bits: u32) -> u32 {
    if bits >= 32 {
        u32::MAX
    } else {
        (1 << bits) - 1
    }
}

/// Collects intervals that ascend by their low end and joins those that touch.
#[derive(Default)]
struct Joiner {
    intervals: Vec<(u32, u32)>,
}

impl Joiner {
    fn push(&mut self, (low, high): (u32, u32)) {
        match self.intervals.last_mut() {
            Some(last) if u64::from(low) <= u64::from(last.1) + 1 => last.1 = last.1.max(high),
            _ => self.intervals.push((low, high)),
        }
    }

    fn finish(self) -> IntervalSet {
        IntervalSet {
            intervals: self.intervals,
        }
    }
}
