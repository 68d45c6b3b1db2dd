//! Sets of 32-bit values met with partly known bits.
//!
//! The engine asks one question over and over: is there a value in these intervals whose known
//! bits read so? It is answered per interval by the successor of a number among those that match
//! a bit pattern, so no set is ever enumerated.

use alloc::vec::Vec;

/// Disjoint inclusive intervals, ascending.
pub(super) type Intervals = [(u32, u32)];

/// Every value.
pub(super) const FULL: &Intervals = &[(0, u32::MAX)];

/// What is known of a number: the bits of `mask` read as in `value`, which has no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) mask: u32,
    pub(super) value: u32,
}

impl Pattern {
    /// Nothing is known.
    pub(super) const ANY: Pattern = Pattern { mask: 0, value: 0 };

    /// The least number ≥ `low` that matches.
    pub(super) fn least_from(self, low: u32) -> Option<u32> {
        let candidate = (low & !self.mask) | self.value;
        let differ = candidate ^ low;
        if differ == 0 {
            return Some(low);
        }
        let top = 31 - differ.leading_zeros();
        let below = bits_below(top);
        if candidate >> top & 1 == 1 {
            // The known bit lifts the number: all free bits under it may be zero.
            return Some((low & !below) | (1 << top) | (self.value & below));
        }
        // The known bit lowers it: the lowest free zero above must be raised instead.
        let raisable = !self.mask & !low & !below & !(1 << top);
        if raisable == 0 {
            return None;
        }
        let raised = raisable.trailing_zeros();
        let under = bits_below(raised);
        Some((low & !under) | (1 << raised) | (self.value & under))
    }

    /// The greatest number ≤ `high` that matches.
    pub(super) fn greatest_to(self, high: u32) -> Option<u32> {
        let mirrored = Pattern {
            mask: self.mask,
            value: !self.value & self.mask,
        };
        mirrored.least_from(!high).map(|value| !value)
    }
}

/// The least member that matches.
pub(super) fn least(set: &Intervals, pattern: Pattern) -> Option<u32> {
    if pattern.mask == u32::MAX {
        return contains(set, pattern.value).then_some(pattern.value);
    }
    set.iter()
        .find_map(|&(low, high)| pattern.least_from(low).filter(|&value| value <= high))
}

/// The greatest member that matches.
pub(super) fn greatest(set: &Intervals, pattern: Pattern) -> Option<u32> {
    if pattern.mask == u32::MAX {
        return contains(set, pattern.value).then_some(pattern.value);
    }
    set.iter()
        .rev()
        .find_map(|&(low, high)| pattern.greatest_to(high).filter(|&value| value >= low))
}

/// The least member ≥ `from` that matches.
pub(super) fn least_from(set: &Intervals, from: u32, pattern: Pattern) -> Option<u32> {
    let start = set.partition_point(|&(_, high)| high < from);
    set[start..].iter().find_map(|&(low, high)| {
        pattern
            .least_from(low.max(from))
            .filter(|&value| value <= high)
    })
}

/// Whether both sets share a member that matches.
pub(super) fn meet(a: &Intervals, b: &Intervals, pattern: Pattern) -> bool {
    if pattern.mask == u32::MAX {
        return contains(a, pattern.value) && contains(b, pattern.value);
    }
    let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    few.iter().any(|&(low, high)| {
        let start = many.partition_point(|&(_, end)| end < low);
        many[start..]
            .iter()
            .take_while(|&&(begin, _)| begin <= high)
            .any(|&(begin, end)| {
                pattern
                    .least_from(low.max(begin))
                    .is_some_and(|value| value <= high.min(end))
            })
    })
}

/// Whether `value` is a member.
pub(super) fn contains(set: &Intervals, value: u32) -> bool {
    let at = set.partition_point(|&(_, high)| high < value);
    set.get(at).is_some_and(|&(low, _)| low <= value)
}

/// The members of both.
pub(super) fn intersection(a: &Intervals, b: &Intervals) -> Vec<(u32, u32)> {
    let (mut i, mut j) = (0, 0);
    let mut both = Vec::new();
    while i < a.len() && j < b.len() {
        let (low, high) = (a[i].0.max(b[j].0), a[i].1.min(b[j].1));
        if low <= high {
            both.push((low, high));
        }
        if a[i].1 < b[j].1 {
            i += 1;
        } else {
            j += 1;
        }
    }
    both
}

/// The numbers that are not members.
pub(super) fn complement(set: &Intervals) -> Vec<(u32, u32)> {
    let mut rest = Vec::with_capacity(set.len() + 1);
    let mut next = Some(0);
    for &(low, high) in set {
        if let Some(start) = next
            && start < low
        {
            rest.push((start, low - 1));
        }
        next = high.checked_add(1);
    }
    if let Some(start) = next {
        rest.push((start, u32::MAX));
    }
    rest
}

fn bits_below(bit: u32) -> u32 {
    (1 << bit) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successors_equal_a_scan_of_all_six_bit_numbers() {
        for mask in 0..64u32 {
            for value in (0..64).filter(|value| value & !mask == 0) {
                // The bits above the six are known to be zero.
                let pattern = Pattern {
                    mask: mask | !63,
                    value,
                };
                for from in 0..64 {
                    let up = (from..64).find(|number| number & mask == value);
                    let down = (0..=from).rev().find(|number| number & mask == value);
                    assert_eq!(pattern.least_from(from), up, "{mask:b} {value:b} {from}");
                    assert_eq!(pattern.greatest_to(from), down, "{mask:b} {value:b} {from}");
                }
            }
        }
    }

    #[test]
    fn complements_and_intersections_agree_with_membership() {
        let sets: [&Intervals; 5] = [
            &[],
            FULL,
            &[(0, 3), (9, 9)],
            &[(2, 5), (7, u32::MAX)],
            &[(4, 4), (6, 8), (10, 12)],
        ];
        for a in sets {
            for b in sets {
                let both = intersection(a, b);
                let not = complement(a);
                for value in (0..16).chain([u32::MAX]) {
                    assert_eq!(
                        contains(&both, value),
                        contains(a, value) && contains(b, value)
                    );
                    assert_ne!(contains(&not, value), contains(a, value));
                }
                assert_eq!(meet(a, b, Pattern::ANY), !both.is_empty());
            }
        }
    }
}
