//! Filters that visibly share no packet: at one base, one must have this and the other that.
//!
//! Problem: most pairs of shapes differ in a protocol or another type, and an exact search for a packet
//! of both is dear. Method: from the two roots downwards, the tests that each conjunction demands of
//! the same base are compared pair by pair, and shifts by the same distance are followed in both. Left
//! out: alternatives, conditions of several fields, and whatever passes the limits: the search decides
//! those.

use super::generic::Pattern;
use crate::{
    filter::{Field, IntervalSet, Node, NodeId, Test},
    shape::disjoint,
};

/// The most tests of one filter at one base that are looked at.
const MAX_TESTS: usize = 32;
/// The most bases that are looked at.
const MAX_BASES: usize = 16;

/// Whether no packet can be accepted by a filter of each pattern, as far as constants show that are
/// not keys.
pub(super) fn visibly(a: Pattern, b: Pattern) -> bool {
    let (mut left, mut right) = (a.filter.root(), b.filter.root());
    for _ in 0..MAX_BASES {
        let excluded = tests(&a, left).take(MAX_TESTS).any(|one| {
            tests(&b, right)
                .take(MAX_TESTS)
                .any(|other| disjoint(one, other))
        });
        if excluded {
            return true;
        }
        let mut shifts = operands(&a, left).filter_map(|one| {
            let mut same = operands(&b, right).filter_map(|other| same_shift(&a, one, &b, other));
            same.next()
        });
        match shifts.next() {
            Some(next) => (left, right) = next,
            None => return false,
        }
    }
    false
}

/// What must hold at the base of a node, the node itself included.
fn operands<'f>(pattern: &Pattern<'f>, node: NodeId) -> impl Iterator<Item = NodeId> + use<'f> {
    let own = match pattern.filter.node(node) {
        Node::And(operands) => operands,
        _ => &[][..],
    };
    own.iter().copied().chain([node])
}

/// The fields that must have fixed values there, and which.
fn tests<'f>(
    pattern: &Pattern<'f>,
    node: NodeId,
) -> impl Iterator<Item = (&'f Field, &'f IntervalSet)> + use<'f> {
    let Pattern { filter, free } = *pattern;
    let fixed = operands(pattern, node).filter(move |id| !free.contains(id));
    fixed.filter_map(move |id| match filter.node(id) {
        Node::Test(Test::Bits { field, set }) => Some((field, set)),
        _ => None,
    })
}

/// What two shifts of the same distance lead to.
fn same_shift(a: &Pattern, one: NodeId, b: &Pattern, other: NodeId) -> Option<(NodeId, NodeId)> {
    match (a.filter.node(one), b.filter.node(other)) {
        (
            Node::Shift { by, then },
            Node::Shift {
                by: same,
                then: below,
            },
        ) if by == same => Some((*then, *below)),
        _ => None,
    }
}
