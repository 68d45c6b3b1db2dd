//! Which equalities of a filter every accepted packet must meet, exactly once.
//!
//! Problem: a constant may become a key only if the filter is "structure and this field equals
//! this key", however many paths lead there. Method: bottom up over the graph, the set of nodes
//! that acceptance *requires*: the union over an `And`, the intersection over an `Or`. A node that
//! two operands of one `And` can reach might be needed at two bases at once, and one that two
//! operands of an `Or` reach might be tried at two bases: the first is dropped, the second too
//! unless the operands visibly exclude each other by constants that then stay structure. So a probe happens at most once per packet.
//! Of constants it looks only at those that may tell alternatives apart ([`is_weighed`]).
//! Left out: equalities hidden in wider conditions.

use alloc::{vec, vec::Vec};

use super::{MAX_SLOTS, MAX_SLOTTED_NODES, Slot, disjoint, order::children};
use crate::filter::{Field, Filter, IntervalSet, Node, NodeId, Test};

/// The most operands of an `Or` that are compared pairwise.
const MAX_ALTERNATIVES: usize = 24;

/// The slots of a filter and where they are looked up.
pub(super) struct Found {
    pub(super) probe: NodeId,
    pub(super) slots: Vec<Slot>,
    pub(super) frames: u8,
}

/// Finds the probe node with the most slots above it.
pub(super) fn slots(filter: &Filter) -> Found {
    let none = Found {
        probe: filter.root(),
        slots: Vec::new(),
        frames: 0,
    };
    if filter.nodes().len() > MAX_SLOTTED_NODES {
        return none;
    }
    let graph = Required::of(filter);
    let parents = parents(filter);
    let root = filter.root();
    let equalities: Vec<NodeId> = ids(filter)
        .filter(|&id| graph.requires(root, id) && equality(filter.node(id)).is_some())
        .filter(|id| !graph.pinned.contains(id))
        .collect();
    let mut best: (NodeId, Vec<NodeId>) = (none.probe, Vec::new());
    for probe in ids(filter).filter(|&id| graph.requires(root, id)) {
        if !matches!(filter.node(probe), Node::And(_) | Node::Test(_)) {
            continue;
        }
        let above = |id: &NodeId| {
            *id == probe
                || parents[id.0 as usize]
                    .iter()
                    .all(|&parent| is_and(filter, parent) && graph.requires(parent, probe))
                    && !parents[id.0 as usize].is_empty()
        };
        let mut chosen: Vec<NodeId> = equalities.iter().copied().filter(above).collect();
        chosen.truncate(MAX_SLOTS);
        if chosen.len() > best.1.len() {
            best = (probe, chosen);
        }
    }
    let mut frames: Vec<(u8, &[NodeId])> = Vec::new();
    let slots = best.1.iter().filter_map(|&node| {
        let (field, _) = equality(filter.node(node))?;
        let frame = (field.depth, parents[node.0 as usize].as_slice());
        let at = frames
            .iter()
            .position(|known| *known == frame)
            .unwrap_or_else(|| {
                frames.push(frame);
                frames.len() - 1
            });
        Some(Slot {
            node,
            field: *field,
            frame: at as u8,
        })
    });
    let slots = slots.collect();
    Found {
        probe: best.0,
        slots,
        frames: frames.len() as u8,
    }
}

/// For each node, the nodes it requires and those it reaches, as bit sets.
struct Required {
    words: usize,
    /// Tests that tell alternatives apart: their constants are structure.
    pinned: Vec<NodeId>,
    required: Vec<u64>,
    reached: Vec<u64>,
}

impl Required {
    fn of(filter: &Filter) -> Self {
        let count = filter.nodes().len();
        let words = count.div_ceil(64);
        let mut graph = Required {
            words,
            pinned: Vec::new(),
            required: vec![0; count * words],
            reached: vec![0; count * words],
        };
        for (at, node) in filter.nodes().iter().enumerate() {
            match node {
                Node::And(children) => graph.conjunction(at, children),
                Node::Or(children) => graph.disjunction(filter, at, children),
                Node::Shift { then, .. } => graph.conjunction(at, core::slice::from_ref(then)),
                Node::True | Node::False | Node::Test(_) => {}
            }
            let bit = 1 << (at % 64);
            graph.required[at * words + at / 64] |= bit;
            graph.reached[at * words + at / 64] |= bit;
        }
        graph
    }

    fn requires(&self, node: NodeId, what: NodeId) -> bool {
        let (node, what) = (node.0 as usize, what.0 as usize);
        self.required[node * self.words + what / 64] >> (what % 64) & 1 != 0
    }

    fn conjunction(&mut self, at: usize, children: &[NodeId]) {
        for word in 0..self.words {
            let (mut seen, mut twice, mut all) = (0u64, 0u64, 0u64);
            for child in children {
                let from = child.0 as usize * self.words + word;
                twice |= seen & self.reached[from];
                seen |= self.reached[from];
                all |= self.required[from];
            }
            self.required[at * self.words + word] = all & !twice;
            self.reached[at * self.words + word] = seen;
        }
    }

    fn disjunction(&mut self, filter: &Filter, at: usize, children: &[NodeId]) {
        let mut common = vec![u64::MAX; self.words];
        for (word, common) in common.iter_mut().enumerate() {
            let mut seen = 0;
            for child in children {
                let from = child.0 as usize * self.words + word;
                *common &= self.required[from];
                seen |= self.reached[from];
            }
            self.reached[at * self.words + word] = seen;
        }
        if common.iter().any(|word| *word != 0)
            && let Some(pinned) = exclusive(filter, children, &common)
        {
            self.pinned.extend(pinned);
            self.required[at * self.words..][..self.words].copy_from_slice(&common);
        }
    }
}

/// Whether no packet meets two of the nodes, as their fixed bits show; if so, the tests that show
/// it and are in `common`, which must keep their constants.
fn exclusive(filter: &Filter, children: &[NodeId], common: &[u64]) -> Option<Vec<NodeId>> {
    if children.len() > MAX_ALTERNATIVES {
        return None;
    }
    let is_common = |id: NodeId| common[id.0 as usize / 64] >> (id.0 % 64) & 1 != 0;
    let mut pinned = Vec::new();
    for (at, &left) in children.iter().enumerate() {
        for &right in &children[..at] {
            let pairs = own_tests(filter, left)
                .flat_map(|a| own_tests(filter, right).map(move |b| (a, b)))
                .filter(|(a, b)| disjoint((a.1, a.2), (b.1, b.2)));
            let cost = |id| usize::from(is_common(id));
            let (a, b) = pairs.min_by_key(|(a, b)| cost(a.0) + cost(b.0))?;
            pinned.extend([a.0, b.0].into_iter().filter(|&id| is_common(id)));
        }
    }
    Some(pinned)
}

fn own_tests(
    filter: &Filter,
    node: NodeId,
) -> impl Iterator<Item = (NodeId, &Field, &IntervalSet)> {
    let own = match filter.node(node) {
        Node::And(children) => children,
        _ => &[][..],
    };
    let tests = own.iter().copied().chain([node]);
    tests.filter_map(|id| bits(filter.node(id)).map(|(field, set)| (id, field, set)))
}

fn bits(node: &Node) -> Option<(&Field, &IntervalSet)> {
    match node {
        Node::Test(Test::Bits { field, set }) => Some((field, set)),
        _ => None,
    }
}

/// The field and the value of a test for one value.
pub(super) fn equality(node: &Node) -> Option<(&Field, u32)> {
    let (field, set) = bits(node)?;
    Some((field, set.as_single()?))
}

/// Whether the constant of one of these tests may be looked at to tell alternatives apart.
pub(super) fn is_weighed(filter: &Filter, tests: &[NodeId]) -> bool {
    let alternatives = filter.nodes().iter().filter_map(|node| match node {
        Node::Or(children) => Some(children),
        _ => None,
    });
    let own = |child: &NodeId| own_tests(filter, *child);
    alternatives
        .flatten()
        .flat_map(own)
        .any(|(id, _, _)| tests.contains(&id))
}

fn is_and(filter: &Filter, id: NodeId) -> bool {
    matches!(filter.node(id), Node::And(_))
}

fn ids(filter: &Filter) -> impl Iterator<Item = NodeId> {
    (0..filter.nodes().len() as u32).map(NodeId)
}

fn parents(filter: &Filter) -> Vec<Vec<NodeId>> {
    let mut parents = vec![Vec::new(); filter.nodes().len()];
    for (id, node) in ids(filter).zip(filter.nodes()) {
        children(node)
            .iter()
            .for_each(|child| parents[child.0 as usize].push(id));
    }
    parents
}
