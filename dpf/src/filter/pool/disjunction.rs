//! Disjunctions: what several conditions of which one holds come to.
//!
//! Tests of one field are one test of the union of their sets. Fields that end at the same byte
//! and of which one is the upper part of the other are one field for that purpose, so that a
//! prefix and a host, however they were written, make one set.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{Error, Pool, conjunction::MAX_EXAMINED};
use crate::filter::{
    bits::{Reduced, compress, reduce},
    types::{Field, IntervalSet, Node, NodeId, Test},
};

/// Rounds of joining sets whose fields became comparable by the round before.
const MAX_ROUNDS: usize = 64;

/// A disjunct that is a set of one field: where its load ends, and its mask as of the four bytes
/// (or eight, for early ones) before that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    depth: u8,
    end: u32,
}

impl Pool {
    pub(super) fn disjunction(&mut self, operands: Vec<NodeId>) -> Result<NodeId, Error> {
        let operands = self.flatten_or(operands);
        if operands.contains(&Self::TRUE) {
            return Ok(Self::TRUE);
        }
        match operands.as_slice() {
            [] => return Ok(Self::FALSE),
            [one] => return Ok(*one),
            _ => {}
        }
        let operands = self.join_shifts(operands, true)?;
        let operands = self.flatten_or(operands);
        let operands = self.join_lengths(operands)?;
        let operands = self.join_sets(operands)?;
        let operands = self.flatten_or(operands);
        if operands.contains(&Self::TRUE) {
            return Ok(Self::TRUE);
        }
        let operands = self.without_implying(operands);
        self.finish_operands(operands, Self::FALSE, Node::Or)
    }

    fn flatten_or(&self, operands: Vec<NodeId>) -> Vec<NodeId> {
        let mut flat = Vec::with_capacity(operands.len());
        for operand in operands {
            match self.node(operand) {
                Node::False => {}
                Node::Or(inner) => flat.extend_from_slice(inner),
                _ => flat.push(operand),
            }
        }
        flat.sort_unstable();
        flat.dedup();
        flat
    }

    /// One test for all tests of a length.
    fn join_lengths(&mut self, operands: Vec<NodeId>) -> Result<Vec<NodeId>, Error> {
        let (mut rest, mut captured, mut original) =
            (Vec::with_capacity(operands.len()), Vec::new(), Vec::new());
        for operand in operands {
            match self.node(operand) {
                Node::Test(Test::Len(set)) => captured.extend_from_slice(set.intervals()),
                Node::Test(Test::WireLen(set)) => original.extend_from_slice(set.intervals()),
                _ => rest.push(operand),
            }
        }
        for (ranges, test) in [
            (captured, Test::Len as fn(_) -> _),
            (original, Test::WireLen),
        ] {
            if !ranges.is_empty() {
                rest.push(self.length(IntervalSet::from_ranges(ranges), test)?);
            }
        }
        Ok(rest)
    }

    /// One test for all sets of comparable fields.
    fn join_sets(&mut self, operands: Vec<NodeId>) -> Result<Vec<NodeId>, Error> {
        let (mut rest, mut places) = (
            Vec::new(),
            BTreeMap::<Place, Vec<(Field, IntervalSet)>>::new(),
        );
        for operand in operands {
            match self.as_set(operand) {
                Some((place, field, set)) => places.entry(place).or_default().push((field, set)),
                None => rest.push(operand),
            }
        }
        for (place, sets) in places {
            for (field, dense) in join_place(place, sets)? {
                rest.push(self.dense(field, dense)?);
            }
        }
        Ok(rest)
    }

    /// An operand that is a set of one field, perhaps with a longer load: its field, widened to
    /// four bytes where there are so many, and its dense set.
    fn as_set(&self, operand: NodeId) -> Option<(Place, Field, IntervalSet)> {
        let (field, set, end) = match self.node(operand) {
            Node::Test(Test::Bits { field, set }) => (field, set, field.end()),
            Node::And(operands) => {
                let &[a, b] = &**operands else { return None };
                match (self.node(a), self.node(b)) {
                    (
                        Node::Test(Test::Bits { field, set }),
                        Node::Test(Test::Captured { depth, end }),
                    )
                    | (
                        Node::Test(Test::Captured { depth, end }),
                        Node::Test(Test::Bits { field, set }),
                    ) if *depth == field.depth => (field, set, *end),
                    _ => return None,
                }
            }
            _ => return None,
        };
        let place = Place {
            depth: field.depth,
            end,
        };
        let wide = widen(*field, end)?;
        Some((place, wide, compress(field.value_mask(), set)))
    }

    /// The operands without those that imply another one: that so many bytes were captured, or
    /// one conjunct alone.
    fn without_implying(&self, mut operands: Vec<NodeId>) -> Vec<NodeId> {
        let mut shortest = BTreeMap::<u8, u32>::new();
        for operand in &operands {
            if let Node::Test(Test::Captured { depth, end }) = self.node(*operand) {
                let least = shortest.entry(*depth).or_insert(*end);
                *least = (*least).min(*end);
            }
        }
        operands.sort_unstable();
        let implies_another = |operand: &NodeId| match self.node(*operand) {
            Node::Test(Test::Captured { depth, end }) => {
                shortest.get(depth).is_some_and(|least| least < end)
            }
            Node::And(conjuncts)
                if conjuncts.len() <= MAX_EXAMINED
                    && conjuncts
                        .iter()
                        .any(|one| operands.binary_search(one).is_ok()) =>
            {
                true
            }
            _ if shortest.is_empty() => false,
            _ => {
                let mut reach = BTreeMap::new();
                self.note_reach(&mut reach, *operand);
                reach
                    .iter()
                    .any(|(depth, end)| shortest.get(depth).is_some_and(|least| least <= end))
            }
        };
        operands
            .iter()
            .copied()
            .filter(|operand| !implies_another(operand))
            .collect()
    }
}

/// The field with its load widened to the last four bytes before `end`, or all there are.
fn widen(field: Field, end: u32) -> Option<Field> {
    let start = end.saturating_sub(4);
    if field.offset < start {
        return None;
    }
    let mask = field.mask << (8 * (end - field.end()));
    Some(Field {
        depth: field.depth,
        offset: start,
        bytes: (end - start) as u8,
        mask,
    })
}

/// Joins the sets at one place: each with the widest field that its own is the upper part of.
fn join_place(
    place: Place,
    sets: Vec<(Field, IntervalSet)>,
) -> Result<Vec<(Field, IntervalSet)>, Error> {
    let mut by_mask = BTreeMap::<u32, Vec<IntervalSet>>::new();
    let Some((template, _)) = sets.first() else {
        return Ok(sets);
    };
    let template = *template;
    for (field, set) in sets {
        by_mask.entry(field.mask).or_default().push(set);
    }
    for _ in 0..MAX_ROUNDS {
        by_mask = join_upper_parts(by_mask);
        let unions = by_mask.into_iter().map(|(mask, sets)| (mask, union(sets)));
        let mut changed = false;
        let mut reduced = BTreeMap::<u32, Vec<IntervalSet>>::new();
        for (mask, set) in unions {
            let (mask, set, smaller) = reduce_in_place(Field { mask, ..template }, place, set);
            changed |= smaller;
            reduced.entry(mask).or_default().push(set);
        }
        by_mask = reduced;
        // Every value of some field: all that is left is the load, which all the others make too.
        if let Some(all) = by_mask.remove(&0) {
            return Ok(alloc::vec![(
                Field {
                    mask: 0,
                    ..template
                },
                union(all)
            )]);
        }
        if !changed {
            let fields = by_mask.into_iter();
            return Ok(fields
                .map(|(mask, sets)| (Field { mask, ..template }, union(sets)))
                .collect());
        }
    }
    Err(Error::limit(
        "rounds of joining sets",
        MAX_ROUNDS + 1,
        MAX_ROUNDS,
    ))
}

/// The mask and set of the bits that matter, and whether they are fewer.
fn reduce_in_place(field: Field, place: Place, set: IntervalSet) -> (u32, IntervalSet, bool) {
    match reduce(field, set) {
        Reduced::Never => (0, IntervalSet::empty(), field.mask != 0),
        Reduced::Always => (0, IntervalSet::single(0), field.mask != 0),
        Reduced::Sometimes(reduced, set) => {
            let mask = reduced.mask << (8 * (place.end - reduced.end()));
            (mask, set, mask != field.mask)
        }
    }
}

/// Moves each set to the largest mask that its own is the upper part of.
fn join_upper_parts(by_mask: BTreeMap<u32, Vec<IntervalSet>>) -> BTreeMap<u32, Vec<IntervalSet>> {
    let masks: Vec<u32> = by_mask.keys().copied().collect();
    let mut joined = BTreeMap::<u32, Vec<IntervalSet>>::new();
    for (mask, sets) in by_mask {
        let wider = widest_below(&masks, mask);
        let more = wider.count_ones() - mask.count_ones();
        let target = joined.entry(wider).or_default();
        target.extend(
            sets.into_iter()
                .map(|set| if more == 0 { set } else { set.multiply(more) }),
        );
    }
    joined
}

/// The largest of the masks that `mask` is the upper part of; `masks` ascends and has `mask`.
fn widest_below(masks: &[u32], mask: u32) -> u32 {
    // Such masks are `mask` with lower bits filled in: a contiguous stretch, the largest last.
    let filled = if mask == 0 {
        u32::MAX
    } else {
        mask | ((mask & mask.wrapping_neg()) - 1)
    };
    let after = masks.partition_point(|other| *other <= filled);
    masks[..after].last().copied().unwrap_or(mask)
}

fn union(sets: Vec<IntervalSet>) -> IntervalSet {
    match <[IntervalSet; 1]>::try_from(sets) {
        Ok([one]) => one,
        Err(sets) => {
            IntervalSet::from_ranges(sets.iter().flat_map(|set| set.intervals().iter().copied()))
        }
    }
}
