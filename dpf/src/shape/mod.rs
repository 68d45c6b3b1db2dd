//! Shapes: filters with their keyed constants taken out.
//!
//! Problem: ten thousand filters that differ only in addresses and ports must cost one test each
//! of what they share, one look-up, and no new code. Method: a filter is split into a [`Shape`],
//! its structure with *slots* where it demands fixed values, and the *keys* that fill the slots.
//! Filters of one shape are told apart by a look-up of their keys, made at the shape's *probe
//! node*, the place in the graph where every slot's base is known (`design.md`, "Shape and data").
//! Left out: which slots really differ between installed filters, which `trie` knows.

mod digest;
mod order;
mod required;
mod template;
#[cfg(test)]
mod tests;

use alloc::{boxed::Box, vec::Vec};
use core::fmt;
use core::hash::{Hash, Hasher};

pub(crate) use digest::digest;
pub(crate) use template::{Template, Templates};

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

/// The filter as one rule.
pub fn rule(filter: &Filter) -> Rule {
    analyse(filter).0
}

/// The filter as one rule, and the template that recognises others of its shape, if there can be one.
pub(crate) fn analyse(filter: &Filter) -> (Rule, Option<Template>) {
    let apart = order::apart(filter);
    let whole = apart.as_ref().map_or(filter, |apart| &apart.filter);
    let found = required::slots(whole);
    let (mut root, mut probe) = (whole.root(), found.probe);
    let mut nodes: Box<[Node]> = whole.nodes().into();
    let take = |slot: Slot| Keyed {
        from: slot.node,
        key: take_constant(&mut nodes[slot.node.0 as usize]),
        slot,
    };
    let mut keyed: Vec<Keyed> = found.slots.into_iter().map(take).collect();
    let renumbered = order::renumber(&mut nodes, apart.is_none());
    if let Some(numbers) = &renumbered {
        let rename = |id: NodeId| numbers[id.0 as usize];
        (root, probe) = (rename(root), rename(probe));
        for keyed in &mut keyed {
            keyed.slot.node = rename(keyed.slot.node);
        }
        keyed.sort_unstable_by_key(|keyed| keyed.slot.node);
        number_frames(&mut keyed, found.frames);
    }
    let from: Vec<NodeId> = keyed.iter().map(|keyed| keyed.from).collect();
    let template = if required::is_weighed(whole, &from) {
        None
    } else {
        let moved = apart.is_some() || renumbered.is_some();
        Template::of(filter, from, apart.map(|apart| apart.from), moved)
    };
    let digest = digest(&(&nodes, root, probe));
    let shape = Shape {
        nodes,
        root,
        probe,
        slots: keyed.iter().map(|keyed| keyed.slot).collect(),
        frames: found.frames,
        digest,
    };
    let keys = keyed.into_iter().map(|keyed| keyed.key).collect();
    (Rule { shape, keys }, template)
}

/// A slot on its way into a shape.
struct Keyed {
    slot: Slot,
    key: u32,
    /// The node before nodes are numbered again.
    from: NodeId,
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

    /// The filter of this shape with these keys, in the order of the slots. Its nodes are the shape's,
    /// so it is perhaps not the canonical filter of what it means.
    pub(crate) fn filled(&self, keys: &[u32]) -> Filter {
        let mut nodes = self.nodes.clone();
        for (slot, &key) in self.slots.iter().zip(keys) {
            if let Node::Test(Test::Bits { set, .. }) = &mut nodes[slot.node.0 as usize] {
                *set = IntervalSet::single(key);
            }
        }
        Filter {
            nodes,
            root: self.root,
        }
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

/// Numbers frames in the order in which the slots name them.
fn number_frames(keyed: &mut [Keyed], frames: u8) {
    let mut numbers = alloc::vec![None; usize::from(frames)];
    let mut next = 0;
    for Keyed { slot, .. } in keyed {
        let number = &mut numbers[usize::from(slot.frame)];
        slot.frame = *number.get_or_insert_with(|| {
            next += 1;
            next - 1
        });
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

/// Whether two conditions at one base exclude each other, as far as the bits show that each value of
/// theirs fixes; they are looked at if there are few.
pub(crate) fn disjoint(a: (&Field, &IntervalSet), b: (&Field, &IntervalSet)) -> bool {
    if a.0.depth != b.0.depth {
        return false;
    }
    if a.0 == b.0 {
        return a.1.is_disjoint(b.1);
    }
    let few = |set: &IntervalSet| set.count() <= MAX_COMPARED;
    if !few(a.1) || !few(b.1) {
        return false;
    }
    let (left, right) = match i64::from(b.0.end()) - i64::from(a.0.end()) {
        distance @ 0..=4 => (8 * distance, 0),
        distance @ -4..0 => (0, -8 * distance),
        _ => return false,
    };
    let placed = |field: &Field, value: u32, up: i64| {
        let value = u64::from(value) << field.mask.trailing_zeros();
        (u64::from(field.mask) << up, value << up)
    };
    a.1.values().all(|one| {
        let one = placed(a.0, one, left);
        b.1.values().all(|other| {
            let other = placed(b.0, other, right);
            (one.1 ^ other.1) & one.0 & other.0 != 0
        })
    })
}

/// The most values of a set that are compared one by one.
const MAX_COMPARED: u64 = 8;
