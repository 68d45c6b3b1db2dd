//! Shapes: filters with their keyed constants taken out.
//!
//! Problem: ten thousand filters that differ only in addresses and ports must cost one test each
//! of what they share, one look-up, and no new code. Method: a filter is split into a [`Shape`],
//! its structure with *slots* where it demands fixed values, and the *keys* that fill the slots.
//! Filters of one shape are told apart by a look-up of their keys, made at the shape's *probe
//! node*, the place in the graph where every slot's base is known (`design.md`, "Shape and data").
//! Left out: which slots really differ between installed filters, which `trie` knows.

mod digest;
mod required;
#[cfg(test)]
mod tests;

use alloc::{boxed::Box, vec::Vec};
use core::fmt;
use core::hash::{Hash, Hasher};

pub(crate) use digest::digest;

use crate::filter::{Field, Filter, IntervalSet, Node, NodeId, Test};

/// The most slots of a shape; further equalities stay structure.
pub const MAX_SLOTS: usize = 24;
/// The most nodes of a filter in which slots are looked for; larger ones are all structure.
pub const MAX_SLOTTED_NODES: usize = 1024;

/// A place in a shape for a constant: every packet that is accepted has a fixed value there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The node of the shape that tests it.
    pub node: NodeId,
    /// What is compared with the key.
    pub field: Field,
    /// Slots with equal frames count their offsets from the same base.
    pub frame: u8,
}

/// The structure of a filter. A slot's test has the empty set in place of its constant.
///
/// Equal shapes compare equal whatever filters they came from.
#[derive(Clone, Debug)]
pub struct Shape {
    nodes: Box<[Node]>,
    root: NodeId,
    probe: NodeId,
    slots: Box<[Slot]>,
    frames: u8,
    digest: u64,
}

/// A filter as shape and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The structure.
    pub shape: Shape,
    /// The constants of the shape's slots, right-justified as `Field` says, in order of the slots.
    pub keys: Box<[u32]>,
}

/// Splits a filter into the rules that together accept what it accepts. Today always one.
pub fn split(filter: &Filter) -> Vec<Rule> {
    alloc::vec![rule(filter)]
}

/// The filter as one rule.
pub fn rule(filter: &Filter) -> Rule {
    let found = required::slots(filter);
    let mut nodes: Box<[Node]> = filter.nodes().into();
    let keys = found
        .slots
        .iter()
        .map(|slot| take_constant(&mut nodes[slot.node.0 as usize]))
        .collect();
    let digest = digest(&(&nodes, filter.root(), found.probe));
    let shape = Shape {
        nodes,
        root: filter.root(),
        probe: found.probe,
        slots: found.slots.into(),
        frames: found.frames,
        digest,
    };
    Rule { shape, keys }
}

impl Shape {
    /// The nodes, children before parents.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node whose truth at base 0 is the shape's.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// Where the keys are looked up: a conjunction or a test that every accepted packet meets once.
    pub fn probe(&self) -> NodeId {
        self.probe
    }

    /// The slots, in ascending order of their nodes.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// How many different frames the slots name; frames are `0..frames()`.
    pub fn frames(&self) -> u8 {
        self.frames
    }

    /// A 64-bit digest; equal for equal shapes.
    pub fn digest(&self) -> u64 {
        self.digest
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
            && self.root == other.root
            && self.probe == other.probe
            && self.slots == other.slots
            && self.nodes == other.nodes
    }
}

impl Eq for Shape {}

impl Hash for Shape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest);
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "shape {:016x}: {} nodes, {} slots",
            self.digest,
            self.nodes.len(),
            self.slots.len()
        )
    }
}

/// Takes the constant out of a slot's test, leaving the empty set.
fn take_constant(node: &mut Node) -> u32 {
    match node {
        Node::Test(Test::Bits { set, .. }) => {
            IntervalSet::min(&core::mem::take(set)).unwrap_or_default()
        }
        _ => 0,
    }
}

/// Whether two conditions at one base exclude each other, as far as their fixed bits show.
pub(crate) fn disjoint(a: (&Field, &IntervalSet), b: (&Field, &IntervalSet)) -> bool {
    if a.0.depth != b.0.depth {
        return false;
    }
    if a.0 == b.0 {
        return a.1.is_disjoint(b.1);
    }
    let (Some(left), Some(right)) = (placed(a.0, a.1), placed(b.0, b.1)) else {
        return false;
    };
    let Some(distance) = i64::from(b.0.end()).checked_sub(i64::from(a.0.end())) else {
        return false;
    };
    let (left, right) = match distance {
        0..=4 => ((left.0 << (8 * distance), left.1 << (8 * distance)), right),
        -4..0 => (
            left,
            (right.0 << (-8 * distance), right.1 << (-8 * distance)),
        ),
        _ => return false,
    };
    (left.1 ^ right.1) & left.0 & right.0 != 0
}

/// The fixed bits of a test for one value, as loaded: mask and value.
fn placed(field: &Field, set: &IntervalSet) -> Option<(u64, u64)> {
    let value = set.as_single()?;
    Some((
        u64::from(field.mask),
        u64::from(value) << field.mask.trailing_zeros(),
    ))
}
