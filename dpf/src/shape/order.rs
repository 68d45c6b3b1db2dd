//! What the nodes of a shape are, and their order, whatever the keys.
//!
//! Problem: in a filter equal tests are one node, and nodes are numbered by what they are. So a
//! port that happens to be the type of an inner header (`udp.dport == 0x0800` beside
//! `vlan.type == 0x0800`, both two bytes at offset 2) is one node with the test of that header, and
//! whether it stands before or after that test depends on the port: filters that differ only in
//! keys would be of several shapes. Method: a test for one value is one node for each *region*, the
//! part of the graph below one `Shift`; when the keys are taken out, nodes are numbered again by
//! what is left. Left out: two slots of one shape whose fields are the same at different bases,
//! which keep the order of their keys.

use alloc::{boxed::Box, collections::BTreeMap, vec, vec::Vec};

use super::required::equality;
use crate::filter::{Filter, Node, NodeId};

/// The `Shift` targets, or the root, that lead to a node without another `Shift`; ascending.
type Region = Vec<u32>;

/// A filter whose nodes are those of another, some of them more than once.
pub(super) struct Apart {
    pub(super) filter: Filter,
    /// For each node, the node of the other that it is.
    pub(super) from: Vec<NodeId>,
}

/// The filter with tests for one value apart that stand in different regions; nothing if none does.
pub(super) fn apart(filter: &Filter) -> Option<Apart> {
    let nodes = filter.nodes();
    let mut parents = vec![0u32; nodes.len()];
    for child in nodes.iter().flat_map(children) {
        parents[child.0 as usize] += 1;
    }
    let in_doubt = |id: &NodeId| parents[id.0 as usize] > 1 && equality(filter.node(*id)).is_some();
    if !(0..nodes.len() as u32).any(|at| in_doubt(&NodeId(at))) {
        return None;
    }
    let regions = regions(nodes, filter.root());
    let (mut copies, mut from) = (Vec::<Node>::new(), Vec::new());
    // The first region of a test keeps it, the others get copies: their numbers.
    let mut places = BTreeMap::<NodeId, Vec<(Region, Option<u32>)>>::new();
    let mut copied: Vec<Vec<Option<u32>>> = Vec::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        let mut of = |child: &NodeId| {
            if !in_doubt(child) {
                return None;
            }
            let region = match node {
                Node::Shift { .. } => vec![child.0],
                _ => regions[at].clone(),
            };
            let known = places.entry(*child).or_default();
            if let Some((_, copy)) = known.iter().find(|(other, _)| *other == region) {
                return *copy;
            }
            let copy = (!known.is_empty()).then(|| {
                copies.push(filter.node(*child).clone());
                from.push(*child);
                copies.len() as u32 - 1
            });
            known.push((region, copy));
            copy
        };
        copied.push(children(node).iter().map(&mut of).collect());
    }
    if copies.is_empty() {
        return None;
    }
    // Copies first: they are leaves.
    let shift = copies.len() as u32;
    let moved = nodes.iter().zip(&copied).map(|(node, copied)| {
        let mut copied = copied.iter();
        with_children(node, |child| {
            NodeId(copied.next().copied().flatten().unwrap_or(child.0 + shift))
        })
    });
    let moved: Vec<Node> = moved.collect();
    copies.extend(moved);
    from.extend((0..nodes.len() as u32).map(NodeId));
    Some(Apart {
        filter: Filter {
            nodes: copies.into(),
            root: NodeId(filter.root().0 + shift),
        },
        from,
    })
}

/// Numbers nodes whose keys were taken out by what they are now: the new numbers, by the old ones;
/// nothing if they stand in that order already, as `canonical` nodes do unless leaves changed places.
pub(super) fn renumber(nodes: &mut Box<[Node]>, canonical: bool) -> Option<Vec<NodeId>> {
    let leaves = nodes
        .iter()
        .take_while(|node| children(node).is_empty())
        .count();
    if canonical && nodes[..leaves].is_sorted() {
        return None;
    }
    let mut levels: Vec<(u32, usize)> = Vec::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        let below = children(node)
            .iter()
            .map(|child| levels[child.0 as usize].0 + 1);
        levels.push((below.max().unwrap_or(0), at));
    }
    levels.sort_unstable();
    let mut numbers = vec![NodeId(0); nodes.len()];
    let mut ordered: Vec<Node> = Vec::with_capacity(nodes.len());
    for level in levels.chunk_by(|a, b| a.0 == b.0) {
        let renumbered = level
            .iter()
            .map(|&(_, at)| (renumbered(&nodes[at], &numbers), at));
        let mut named: Vec<(Node, usize)> = renumbered.collect();
        named.sort();
        for (node, at) in named {
            numbers[at] = NodeId(ordered.len() as u32);
            ordered.push(node);
        }
    }
    *nodes = ordered.into();
    Some(numbers)
}

/// The nodes right below a node.
pub(super) fn children(node: &Node) -> &[NodeId] {
    match node {
        Node::True | Node::False | Node::Test(_) => &[],
        Node::And(operands) | Node::Or(operands) => operands,
        Node::Shift { then, .. } => core::slice::from_ref(then),
    }
}

/// For each node, its region.
fn regions(nodes: &[Node], root: NodeId) -> Vec<Region> {
    let mut regions: Vec<Region> = vec![Vec::new(); nodes.len()];
    let enter = |region: &mut Region, id: u32| {
        if let Err(at) = region.binary_search(&id) {
            region.insert(at, id);
        }
    };
    if let Some(region) = regions.get_mut(root.0 as usize) {
        enter(region, root.0);
    }
    for (at, node) in nodes.iter().enumerate().rev() {
        if let Node::Shift { then, .. } = node {
            enter(&mut regions[then.0 as usize], then.0);
            continue;
        }
        let own = core::mem::take(&mut regions[at]);
        for child in children(node) {
            own.iter()
                .for_each(|&id| enter(&mut regions[child.0 as usize], id));
        }
        regions[at] = own;
    }
    regions
}

fn renumbered(node: &Node, numbers: &[NodeId]) -> Node {
    let mut node = with_children(node, |child| numbers[child.0 as usize]);
    if let Node::And(operands) | Node::Or(operands) = &mut node {
        operands.sort_unstable();
    }
    node
}

fn with_children(node: &Node, mut rename: impl FnMut(NodeId) -> NodeId) -> Node {
    let mut all = |operands: &[NodeId]| operands.iter().map(|&child| rename(child)).collect();
    match node {
        Node::And(operands) => Node::And(all(operands)),
        Node::Or(operands) => Node::Or(all(operands)),
        Node::Shift { by, then } => Node::Shift {
            by: by.clone(),
            then: rename(*then),
        },
        leaf => leaf.clone(),
    }
}
