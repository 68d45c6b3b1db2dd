//! From nodes in a pool to one filter: constant shifts folded, nodes numbered by what they are.
//!
//! Node numbers in a pool follow the order of construction. A filter's follow its content: level
//! by level from the leaves, and within a level in the order of [`Node`]. So two filters that
//! mean the same node by node are equal as values, and as bytes.
//!
//! A `Shift` by a constant whose target is used nowhere else is folded into the offsets below it.
//! A target that several `Shift`s share keeps them, be it a single test: it is one header that
//! several paths reach, and what it must hold is one slot of the filter's shape.

use alloc::{vec, vec::Vec};

use super::{Error, Pool};
use crate::filter::{
    error::{ErrorKind, MAX_NODES, MAX_PATHS},
    types::{Expr, Filter, Node, NodeId, Test},
};

/// Passes of folding; one for each constant `Shift` that becomes foldable by another's folding.
const MAX_PASSES: usize = 64;

/// Intervals of a test that folding may copy although the test is used elsewhere.
const MAX_COPIED: usize = 16;

/// Nodes visited while counting paths.
const MAX_VISITS: usize = 1 << 24;

impl Pool {
    /// The filter with this root.
    ///
    /// # Errors
    ///
    /// When a load names a base outside the root, or a limit is passed.
    pub fn finish(&mut self, root: NodeId) -> Result<Filter, Error> {
        if self.depths(root) & !1 != 0 {
            return Err(Error::new(ErrorKind::UnboundBase));
        }
        let mut root = root;
        for _ in 0..MAX_PASSES {
            let folded = self.fold_shifts(root)?;
            if folded == root {
                let filter = self.number(root)?;
                check_paths(&filter)?;
                return Ok(filter);
            }
            root = folded;
        }
        Err(Error::limit(
            "passes of folding shifts",
            MAX_PASSES + 1,
            MAX_PASSES,
        ))
    }

    /// The nodes that `root` reaches, children before parents.
    pub(super) fn reachable(&self, root: NodeId) -> Vec<NodeId> {
        let mut seen = hashbrown::HashSet::with_hasher(self.hasher.clone());
        let (mut found, mut pending) = (Vec::new(), vec![root]);
        while let Some(id) = pending.pop() {
            if seen.insert(id) {
                found.push(id);
                pending.extend_from_slice(children(self.node(id)));
            }
        }
        found.sort_unstable();
        found
    }

    /// The root with every `Shift` folded that can be, in one pass from the leaves.
    fn fold_shifts(&mut self, root: NodeId) -> Result<NodeId, Error> {
        let nodes = self.reachable(root);
        let constant = |id: &NodeId| {
            matches!(
                self.node(*id),
                Node::Shift {
                    by: Expr::Const(_),
                    ..
                }
            )
        };
        if !nodes.iter().any(constant) {
            return Ok(root);
        }
        let at = |id: NodeId| nodes.binary_search(&id).unwrap_or(usize::MAX);
        let (mut uses, mut shifts) = (vec![0u32; nodes.len()], vec![0u32; nodes.len()]);
        for id in &nodes {
            for child in children(self.node(*id)) {
                uses[at(*child)] += 1;
            }
            if let Node::Shift { then, .. } = self.node(*id) {
                shifts[at(*then)] += 1;
            }
        }
        let used_once = |id: NodeId| uses[at(id)] <= 1;
        let shifted_once = |id: NodeId| shifts[at(id)] <= 1;
        let foldable: Vec<bool> = nodes
            .iter()
            .map(|id| constant(id) && self.is_private(*id, &used_once, &shifted_once))
            .collect();
        if !foldable.contains(&true) {
            return Ok(root);
        }
        let mut renamed: Vec<NodeId> = Vec::with_capacity(nodes.len());
        for (index, id) in nodes.iter().enumerate() {
            let rename = |child: &NodeId| renamed[at(*child)];
            let new = match self.node(*id).clone() {
                Node::And(operands) => {
                    let operands = operands.iter().map(rename).collect();
                    self.and(operands)?
                }
                Node::Or(operands) => {
                    let operands = operands.iter().map(rename).collect();
                    self.or(operands)?
                }
                Node::Shift {
                    by: Expr::Const(by),
                    then,
                } if foldable[index] => {
                    let then = rename(&then);
                    self.folded(by, then)?
                }
                Node::Shift { by, then } => {
                    let then = rename(&then);
                    self.shift(by, then)?
                }
                Node::True | Node::False | Node::Test(_) => *id,
            };
            renamed.push(new);
        }
        Ok(renamed.last().copied().unwrap_or(root))
    }

    /// Whether everything that folding this `Shift` would change is used by it alone, or is a small
    /// test that stands elsewhere too, but not behind another `Shift`.
    fn is_private(
        &self,
        shift: NodeId,
        used_once: &impl Fn(NodeId) -> bool,
        shifted_once: &impl Fn(NodeId) -> bool,
    ) -> bool {
        let Node::Shift { then, .. } = self.node(shift) else {
            return false;
        };
        if self.depths(*then) != 0 && !shifted_once(*then) {
            return false;
        }
        let mut pending = vec![(*then, 0u32)];
        while let Some((id, level)) = pending.pop() {
            if self.depths(id) >> level == 0 {
                continue;
            }
            if !used_once(id) && !self.is_small_test(id) {
                return false;
            }
            let inside = level + u32::from(matches!(self.node(id), Node::Shift { .. }));
            pending.extend(children(self.node(id)).iter().map(|child| (*child, inside)));
        }
        true
    }

    fn is_small_test(&self, id: NodeId) -> bool {
        match self.node(id) {
            Node::Test(Test::Bits { set, .. }) => set.intervals().len() <= MAX_COPIED,
            Node::Test(_) => true,
            _ => false,
        }
    }

    /// What a `Shift` by a constant comes to without it, or the `Shift` where that cannot be said.
    fn folded(&mut self, by: u32, then: NodeId) -> Result<NodeId, Error> {
        if by > crate::filter::error::MAX_OFFSET {
            return self.shift(Expr::Const(by), then);
        }
        match self.rebase(then, by)? {
            Some(moved) => {
                let captured = self.captured(0, by)?;
                self.and(vec![captured, moved])
            }
            None => self.shift(Expr::Const(by), then),
        }
    }

    /// The filter with its nodes in canonical order.
    fn number(&self, root: NodeId) -> Result<Filter, Error> {
        let nodes = self.reachable(root);
        if nodes.len() > MAX_NODES {
            return Err(Error::limit("nodes in a filter", nodes.len(), MAX_NODES));
        }
        let mut by_level: Vec<(u16, NodeId)> = nodes
            .iter()
            .map(|id| (self.facts(*id).height, *id))
            .collect();
        by_level.sort_unstable();
        let mut numbers =
            hashbrown::HashMap::with_capacity_and_hasher(nodes.len(), self.hasher.clone());
        let mut numbered: Vec<Node> = Vec::with_capacity(nodes.len());
        for level in by_level.chunk_by(|a, b| a.0 == b.0) {
            let mut named: Vec<(Node, NodeId)> = level
                .iter()
                .map(|(_, id)| (renumber(self.node(*id), &numbers), *id))
                .collect();
            named.sort_unstable();
            for (node, id) in named {
                numbers.insert(id, NodeId(numbered.len() as u32));
                numbered.push(node);
            }
        }
        let root = NodeId(numbered.len().saturating_sub(1) as u32);
        Ok(Filter {
            nodes: numbered.into_boxed_slice(),
            root,
        })
    }
}

fn renumber<S: core::hash::BuildHasher>(
    node: &Node,
    numbers: &hashbrown::HashMap<NodeId, NodeId, S>,
) -> Node {
    let number = |id: &NodeId| numbers.get(id).copied().unwrap_or(*id);
    let in_order = |operands: &[NodeId]| {
        let mut operands: Vec<NodeId> = operands.iter().map(number).collect();
        operands.sort_unstable();
        operands.into_boxed_slice()
    };
    match node {
        Node::And(operands) => Node::And(in_order(operands)),
        Node::Or(operands) => Node::Or(in_order(operands)),
        Node::Shift { by, then } => Node::Shift {
            by: by.clone(),
            then: number(then),
        },
        leaf => leaf.clone(),
    }
}

/// The nodes right below a node.
pub(in crate::filter) fn children(node: &Node) -> &[NodeId] {
    match node {
        Node::True | Node::False | Node::Test(_) => &[],
        Node::And(operands) | Node::Or(operands) => operands,
        Node::Shift { then, .. } => core::slice::from_ref(then),
    }
}

/// Refuses filters with more ways through their `Shift`s than the limit: each way is a place in
/// the packet where the same node may have to be evaluated.
fn check_paths(filter: &Filter) -> Result<(), Error> {
    let nodes = filter.nodes();
    let mut ways = vec![0u64; nodes.len()];
    let mut seen_from = vec![u32::MAX; nodes.len()];
    let (mut total, mut visits) = (0u64, 0usize);
    if let Some(last) = ways.last_mut() {
        *last = 1;
    }
    for entry in (0..nodes.len()).rev() {
        if ways[entry] == 0 {
            continue;
        }
        total = total.saturating_add(ways[entry]);
        if total > MAX_PATHS as u64 {
            return Err(Error::limit(
                "ways through the shifts of a filter",
                total as usize,
                MAX_PATHS,
            ));
        }
        let mut pending = vec![entry];
        while let Some(index) = pending.pop() {
            if core::mem::replace(&mut seen_from[index], entry as u32) == entry as u32 {
                continue;
            }
            visits += 1;
            if visits > MAX_VISITS {
                return Err(Error::limit(
                    "nodes below the shifts of a filter",
                    visits,
                    MAX_VISITS,
                ));
            }
            match &nodes[index] {
                Node::Shift { then, .. } => {
                    let target = then.0 as usize;
                    ways[target] = ways[target].saturating_add(ways[entry]);
                }
                node => pending.extend(children(node).iter().map(|child| child.0 as usize)),
            }
        }
    }
    Ok(())
}
