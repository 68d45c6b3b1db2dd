//! Conjunctions: what several conditions that all hold come to.
//!
//! Tests for one value are bits that are known; they are gathered byte by byte, so that it does
//! not matter how a filter cut them into fields, and cut again into runs of at most four bytes.
//! Known bits cut down the sets of the other tests, which may make more bits known, and so on to
//! the end. A bit becomes known once, so the work is bounded by 32 visits of each test.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{Error, Pool, check_set};
use crate::filter::{
    bits::{Cube, common_bits, compress, expand},
    types::{Address, Expr, Field, IntervalSet, Node, NodeId, Test},
};

/// Operands of a nested condition that are looked at when it may be implied by its neighbours:
/// many conditions may share one, so looking at all of them would not be linear.
pub(super) const MAX_EXAMINED: usize = 64;

/// The parts of a conjunction under construction.
#[derive(Default)]
struct Parts {
    /// Bits with one value.
    cube: Cube,
    /// Fields with more; the sets are dense.
    sets: BTreeMap<Field, IntervalSet>,
    /// Sets as they were given, until all of a field are met at once.
    given: BTreeMap<Field, Vec<IntervalSet>>,
    /// Per depth, how many bytes there must be.
    captured: BTreeMap<u8, u32>,
    length: Option<IntervalSet>,
    wire_length: Option<IntervalSet>,
    others: Vec<NodeId>,
}

impl Pool {
    pub(super) fn conjunction(&mut self, operands: Vec<NodeId>) -> Result<NodeId, Error> {
        let operands = self.flatten_and(operands);
        if operands.contains(&Self::FALSE) {
            return Ok(Self::FALSE);
        }
        match operands.as_slice() {
            [] => return Ok(Self::TRUE),
            [one] => return Ok(*one),
            _ => {}
        }
        let operands = self.join_shifts(operands, false)?;
        let operands = self.flatten_and(operands);
        if operands.contains(&Self::FALSE) {
            return Ok(Self::FALSE);
        }
        let mut parts = Parts::default();
        for operand in operands {
            if !self.sort_operand(&mut parts, operand) {
                return Ok(Self::FALSE);
            }
        }
        if !meet_given(&mut parts) || !settle(&mut parts) {
            return Ok(Self::FALSE);
        }
        let operands = self.gather(parts)?;
        let operands = self.without_implied_choices(operands);
        self.finish_operands(operands, Self::TRUE, Node::And)
    }

    /// The operands of an operator in order, or the one or none that is left.
    pub(super) fn finish_operands(
        &mut self,
        mut operands: Vec<NodeId>,
        none: NodeId,
        node: fn(alloc::boxed::Box<[NodeId]>) -> Node,
    ) -> Result<NodeId, Error> {
        operands.sort_unstable();
        operands.dedup();
        match operands.as_slice() {
            [] => Ok(none),
            [one] => Ok(*one),
            _ => self.intern(node(operands.into_boxed_slice())),
        }
    }

    fn flatten_and(&self, operands: Vec<NodeId>) -> Vec<NodeId> {
        let mut flat = Vec::with_capacity(operands.len());
        for operand in operands {
            match self.node(operand) {
                Node::True => {}
                Node::And(inner) => flat.extend_from_slice(inner),
                _ => flat.push(operand),
            }
        }
        flat.sort_unstable();
        flat.dedup();
        flat
    }

    /// One `Shift` for all operands that shift by the same distance.
    pub(super) fn join_shifts(
        &mut self,
        operands: Vec<NodeId>,
        any: bool,
    ) -> Result<Vec<NodeId>, Error> {
        let is_shift = |id: &NodeId| matches!(self.node(*id), Node::Shift { .. });
        if operands.iter().filter(|id| is_shift(id)).count() < 2 {
            return Ok(operands);
        }
        let (mut rest, mut by_distance) = (Vec::new(), BTreeMap::<Expr, Vec<NodeId>>::new());
        for operand in operands {
            match self.node(operand) {
                Node::Shift { by, then } => by_distance.entry(by.clone()).or_default().push(*then),
                _ => rest.push(operand),
            }
        }
        for (by, targets) in by_distance {
            let target = match targets.as_slice() {
                [one] => *one,
                _ if any => self.or(targets)?,
                _ => self.and(targets)?,
            };
            rest.push(self.shift(by, target)?);
        }
        Ok(rest)
    }

    /// Puts an operand where it belongs. False when it contradicts another.
    fn sort_operand(&self, parts: &mut Parts, operand: NodeId) -> bool {
        match self.node(operand) {
            Node::Test(Test::Captured { depth, end }) => {
                let known = parts.captured.entry(*depth).or_default();
                *known = (*known).max(*end);
            }
            Node::Test(Test::Bits { field, set }) => {
                let dense = compress(field.value_mask(), set);
                if dense.as_single().is_some() {
                    return meet(parts, *field, dense);
                }
                parts.given.entry(*field).or_default().push(dense);
            }
            Node::Test(Test::Len(set)) => intersect_into(&mut parts.length, set),
            Node::Test(Test::WireLen(set)) => intersect_into(&mut parts.wire_length, set),
            _ => parts.others.push(operand),
        }
        true
    }

    /// The operands that the parts come to, without what others imply.
    fn gather(&mut self, parts: Parts) -> Result<Vec<NodeId>, Error> {
        let Parts {
            cube,
            sets,
            given: _,
            mut captured,
            length,
            wire_length,
            others: mut operands,
        } = parts;
        let mut reach = BTreeMap::new();
        for operand in &operands {
            self.note_reach(&mut reach, *operand);
        }
        let known: Vec<_> = cube
            .fields()
            .map(|(field, value)| (field, IntervalSet::single(value)))
            .collect();
        let sets = sets
            .into_iter()
            .map(|(field, dense)| (field, expand(field.value_mask(), &dense)));
        for (field, set) in known.into_iter().chain(sets) {
            extend(&mut reach, field.depth, field.end());
            check_set(&set)?;
            operands.push(self.intern(Node::Test(Test::Bits { field, set }))?);
        }
        captured.retain(|depth, end| reach.get(depth).is_none_or(|reached| reached < end));
        for (depth, end) in captured {
            operands.push(self.captured(depth, end)?);
        }
        for (set, test) in [
            (length, Test::Len as fn(_) -> _),
            (wire_length, Test::WireLen),
        ] {
            if let Some(set) = set {
                operands.push(self.length(set, test)?);
            }
        }
        if operands.contains(&Self::FALSE) {
            return Ok(alloc::vec![Self::FALSE]);
        }
        Ok(operands)
    }

    /// Notes how far from each base the packet reaches where the operand holds.
    pub(super) fn note_reach(&self, reach: &mut BTreeMap<u8, u32>, operand: NodeId) {
        match self.node(operand) {
            Node::Test(Test::Captured { depth, end }) => extend(reach, *depth, *end),
            Node::Test(Test::Bits { field, .. }) => extend(reach, field.depth, field.end()),
            Node::Test(Test::Compare { left, right, .. }) => {
                note_loads(reach, left);
                note_loads(reach, right);
            }
            Node::Shift { by, .. } => {
                note_loads(reach, by);
                if let Expr::Const(by) = by {
                    extend(reach, 0, *by);
                }
            }
            Node::And(operands) if operands.len() <= MAX_EXAMINED => operands
                .iter()
                .for_each(|operand| self.note_reach(reach, *operand)),
            _ => {}
        }
    }

    /// The operands without each disjunction that has another operand as an alternative.
    fn without_implied_choices(&self, mut operands: Vec<NodeId>) -> Vec<NodeId> {
        operands.sort_unstable();
        let kept = operands
            .iter()
            .copied()
            .filter(|operand| match self.node(*operand) {
                Node::Or(alternatives) if alternatives.len() <= MAX_EXAMINED => !alternatives
                    .iter()
                    .any(|one| operands.binary_search(one).is_ok()),
                _ => true,
            });
        kept.collect()
    }
}

/// Meets all sets that were given of each field. False when nothing is left.
fn meet_given(parts: &mut Parts) -> bool {
    let given = core::mem::take(&mut parts.given);
    given
        .into_iter()
        .all(|(field, sets)| match <[IntervalSet; 1]>::try_from(sets) {
            Ok([one]) => meet(parts, field, one),
            Err(sets) => {
                let width = field.width();
                let outside = sets.iter().flat_map(|set| set.complement(width).intervals);
                let inside = IntervalSet::from_ranges(outside).complement(width);
                reinsert(parts, field, inside)
            }
        })
}

/// Adds that the field is in the set. False when nothing is left.
fn meet(parts: &mut Parts, field: Field, dense: IntervalSet) -> bool {
    if dense.is_empty() {
        return false;
    }
    if let Some(value) = dense.as_single() {
        let (mask, value) = common_bits(field.mask, &IntervalSet::single(value));
        return parts.cube.learn(&field, mask, value);
    }
    match parts.sets.remove(&field) {
        Some(before) => {
            let both = before.intersect(&dense);
            reinsert(parts, field, both)
        }
        None => {
            parts.sets.insert(field, dense);
            true
        }
    }
}

/// Puts a set that was cut down back where it belongs, reduced. False when it is empty.
fn reinsert(parts: &mut Parts, field: Field, dense: IntervalSet) -> bool {
    use crate::filter::bits::{Reduced, reduce};
    let (reduced, dense) = match reduce(field, dense) {
        Reduced::Never => return false,
        Reduced::Always => {
            extend(&mut parts.captured, field.depth, field.end());
            return true;
        }
        Reduced::Sometimes(reduced, dense) => (reduced, dense),
    };
    if reduced.end() < field.end() {
        extend(&mut parts.captured, field.depth, field.end());
    }
    meet(parts, reduced, dense)
}

/// Cuts sets down by known bits until nothing changes. False when nothing is left.
fn settle(parts: &mut Parts) -> bool {
    while let Some((depth, offset)) = parts.cube.next_fresh() {
        let place = |offset, bytes, mask| Field {
            depth,
            offset,
            bytes,
            mask,
        };
        let near = place(offset.saturating_sub(3), 0, 0)..=place(offset, u8::MAX, u32::MAX);
        let known = |field: &Field| parts.cube.known(field).0 & field.mask != 0;
        let affected: Vec<Field> = parts
            .sets
            .range(near)
            .map(|(field, _)| *field)
            .filter(known)
            .collect();
        for field in affected {
            let Some(dense) = parts.sets.remove(&field) else {
                continue;
            };
            let (rest, dense) = parts.cube.restrict(&field, dense);
            // The load of the whole field remains, whatever is left to test.
            extend(&mut parts.captured, field.depth, field.end());
            if !reinsert(parts, rest, dense) {
                return false;
            }
        }
    }
    true
}

fn note_loads(reach: &mut BTreeMap<u8, u32>, expr: &Expr) {
    for load in expr.loads() {
        if let Address::Fixed(offset) = load.at {
            extend(
                reach,
                load.depth,
                offset.saturating_add(u32::from(load.bytes)),
            );
        }
    }
}

fn extend(reach: &mut BTreeMap<u8, u32>, depth: u8, end: u32) {
    let reached = reach.entry(depth).or_default();
    *reached = (*reached).max(end);
}

fn intersect_into(known: &mut Option<IntervalSet>, set: &IntervalSet) {
    *known = Some(match known {
        Some(before) => before.intersect(set),
        None => set.clone(),
    });
}
