//! Whether a graph of nodes is the canonical form of what it means.
//!
//! A graph is canonical when the pool makes of it, node by node, exactly what it is, and numbers
//! it as it is numbered. So the check is the construction, stopped at the first node that comes
//! out different; there is no second list of rules to keep in step.

use alloc::{boxed::Box, vec::Vec};

use super::{
    Error, ErrorKind, MAX_NODES, Pool,
    types::{Filter, Node, NodeId},
};

impl Filter {
    /// The filter with these nodes, children before parents, the last one the root.
    ///
    /// # Errors
    ///
    /// When they are not exactly the canonical form of what they mean, or a limit is passed.
    pub fn from_nodes(nodes: Vec<Node>) -> Result<Filter, Error> {
        if nodes.len() > MAX_NODES {
            return Err(Error::limit("nodes in a filter", nodes.len(), MAX_NODES));
        }
        let Some(last) = nodes.len().checked_sub(1) else {
            return Err(Error::new(ErrorKind::Malformed));
        };
        let filter = Filter {
            nodes: nodes.into_boxed_slice(),
            root: NodeId(last as u32),
        };
        filter.verify()?;
        Ok(filter)
    }

    /// Checks every invariant of the canonical form.
    ///
    /// # Errors
    ///
    /// When one does not hold, or a limit is passed.
    pub fn verify(&self) -> Result<(), Error> {
        let mut pool = Pool::new();
        let mut here: Vec<NodeId> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let expected = renamed(node, &here).ok_or(Error::new(ErrorKind::NotCanonical))?;
            let made = make(&mut pool, expected.clone())?;
            if *pool.node(made) != expected {
                return Err(Error::new(ErrorKind::NotCanonical));
            }
            here.push(made);
        }
        let root = here
            .get(self.root.0 as usize)
            .ok_or(Error::new(ErrorKind::Malformed))?;
        if pool.finish(*root)? == *self {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::NotCanonical))
        }
    }
}

/// The node with the pool's ids of its operands, in the pool's order; `None` when an operand does
/// not come before it, or operands are too few, repeated or of the wrong kind for their order to
/// matter to the pool.
fn renamed(node: &Node, here: &[NodeId]) -> Option<Node> {
    let at = |id: &NodeId| here.get(id.0 as usize).copied();
    let all = |operands: &[NodeId]| {
        let ascending = operands.windows(2).all(|pair| pair[0] < pair[1]);
        let mut operands = operands.iter().map(at).collect::<Option<Box<[NodeId]>>>()?;
        operands.sort_unstable();
        (ascending && operands.len() >= 2).then_some(operands)
    };
    Some(match node {
        Node::And(operands) => Node::And(all(operands)?),
        Node::Or(operands) => Node::Or(all(operands)?),
        Node::Shift { by, then } => Node::Shift {
            by: by.clone(),
            then: at(then)?,
        },
        leaf => leaf.clone(),
    })
}

fn make(pool: &mut Pool, node: Node) -> Result<NodeId, Error> {
    let is_inner = |pool: &Pool, id: &NodeId, and: bool| match pool.node(*id) {
        Node::True | Node::False => true,
        Node::And(_) => and,
        Node::Or(_) => !and,
        _ => false,
    };
    match node {
        Node::True => Ok(Pool::TRUE),
        Node::False => Ok(Pool::FALSE),
        Node::Test(test) => pool.test(test),
        // Refused before the pool would flatten them, which costs as much as there is to flatten.
        Node::And(operands) | Node::Or(operands) if operands.is_empty() => {
            Err(Error::new(ErrorKind::NotCanonical))
        }
        Node::And(operands) if operands.iter().any(|id| is_inner(pool, id, true)) => {
            Err(Error::new(ErrorKind::NotCanonical))
        }
        Node::Or(operands) if operands.iter().any(|id| is_inner(pool, id, false)) => {
            Err(Error::new(ErrorKind::NotCanonical))
        }
        Node::And(operands) => pool.and(operands.into_vec()),
        Node::Or(operands) => pool.or(operands.into_vec()),
        Node::Shift { by, then } => pool.shift(by, then),
    }
}
