//! Moving nodes between bases: the same condition, said from another place.

use alloc::vec::Vec;

use hashbrown::HashMap;

use super::{Error, Pool};
use crate::filter::{
    error::{ErrorKind, MAX_OFFSET},
    expr::map_loads,
    types::{Address, BinaryOp, Expr, Field, Node, NodeId, Test},
};

/// How loads change, seen from the base at which a node is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Move {
    /// The current base is given up for the next outer one, `by` bytes before it.
    Onto { by: u32 },
    /// The current base is not used; what is outside it becomes one nearer.
    Out,
    /// One more base comes between.
    In,
}

type Memo = HashMap<(NodeId, u8), Option<NodeId>, crate::hashing::FixedState>;

impl Pool {
    /// `then`, said from the base `by` bytes before its own, the next outer one: what
    /// `Shift { by: Const(by), then }` means once `by` bytes are known to be there.
    ///
    /// `None` where an address may wrap, or would pass the largest offset.
    ///
    /// # Errors
    ///
    /// When a limit of the pool is passed.
    pub fn rebase(&mut self, then: NodeId, by: u32) -> Result<Option<NodeId>, Error> {
        self.moved(
            then,
            0,
            Move::Onto { by },
            &mut Memo::with_hasher(self.hasher.clone()),
        )
    }

    /// The same condition without its current base, which it must not depend on.
    ///
    /// # Errors
    ///
    /// When it does depend on it, or a limit of the pool is passed.
    pub fn hoist(&mut self, node: NodeId) -> Result<NodeId, Error> {
        if self.depths(node) & 1 != 0 {
            return Err(Error::new(ErrorKind::UnboundBase));
        }
        let moved = self.moved(
            node,
            0,
            Move::Out,
            &mut Memo::with_hasher(self.hasher.clone()),
        )?;
        moved.ok_or(Error::new(ErrorKind::Malformed))
    }

    /// The same condition inside one more `Shift`: for nodes without `Shift`s of their own, which
    /// start from whatever base is the current one.
    ///
    /// # Errors
    ///
    /// When there is a `Shift` in the node, or a limit is passed.
    pub fn sink(&mut self, node: NodeId) -> Result<NodeId, Error> {
        let moved = self.moved(
            node,
            0,
            Move::In,
            &mut Memo::with_hasher(self.hasher.clone()),
        )?;
        moved.ok_or(Error::new(ErrorKind::Malformed))
    }

    /// The node `level` bases below where the move is.
    fn moved(
        &mut self,
        id: NodeId,
        level: u8,
        how: Move,
        memo: &mut Memo,
    ) -> Result<Option<NodeId>, Error> {
        if self.depths(id) >> level == 0 {
            return Ok(Some(id));
        }
        if let Some(done) = memo.get(&(id, level)) {
            return Ok(*done);
        }
        let moved = match self.node(id).clone() {
            Node::True | Node::False => Some(id),
            Node::Test(test) => match move_test(&test, level, how) {
                Some(test) => Some(self.test(test)?),
                None => None,
            },
            Node::And(operands) => match self.moved_all(&operands, level, how, memo)? {
                Some(operands) => Some(self.and(operands)?),
                None => None,
            },
            Node::Or(operands) => match self.moved_all(&operands, level, how, memo)? {
                Some(operands) => Some(self.or(operands)?),
                None => None,
            },
            Node::Shift { by, then } => self.moved_shift(&by, then, level, how, memo)?,
        };
        memo.insert((id, level), moved);
        Ok(moved)
    }

    fn moved_all(
        &mut self,
        operands: &[NodeId],
        level: u8,
        how: Move,
        memo: &mut Memo,
    ) -> Result<Option<Vec<NodeId>>, Error> {
        let mut all = Vec::with_capacity(operands.len());
        for operand in operands {
            match self.moved(*operand, level, how, memo)? {
                Some(moved) => all.push(moved),
                None => return Ok(None),
            }
        }
        Ok(Some(all))
    }

    fn moved_shift(
        &mut self,
        by: &Expr,
        then: NodeId,
        level: u8,
        how: Move,
        memo: &mut Memo,
    ) -> Result<Option<NodeId>, Error> {
        let Some(mut distance) = move_expr(by, level, how) else {
            return Ok(None);
        };
        if level == 0 && how == Move::In {
            return Ok(None);
        }
        if let (0, Move::Onto { by: more }) = (level, how) {
            let Some(further) = add(distance, more) else {
                return Ok(None);
            };
            distance = further;
        }
        match self.moved(then, level + 1, how, memo)? {
            Some(then) => Ok(Some(self.shift(distance, then)?)),
            None => Ok(None),
        }
    }
}

fn move_test(test: &Test, level: u8, how: Move) -> Option<Test> {
    Some(match test {
        Test::Captured { depth, end } => {
            let (depth, end) = place(*depth, *end, level, how)?;
            Test::Captured { depth, end }
        }
        Test::Bits { field, set } => {
            let (depth, offset) = place(field.depth, field.offset, level, how)?;
            Test::Bits {
                field: Field {
                    depth,
                    offset,
                    ..*field
                },
                set: set.clone(),
            }
        }
        Test::Compare { op, left, right } => Test::Compare {
            op: *op,
            left: move_expr(left, level, how)?,
            right: move_expr(right, level, how)?,
        },
        lengths => lengths.clone(),
    })
}

fn move_expr(expr: &Expr, level: u8, how: Move) -> Option<Expr> {
    map_loads(expr, &|depth, at| match at {
        Address::Fixed(offset) => {
            let (depth, offset) = place(depth, *offset, level, how)?;
            Some((depth, Address::Fixed(offset)))
        }
        Address::Computed(at) => {
            let (moved, more) = place(depth, 0, level, how)?;
            Some((
                moved,
                Address::Computed(alloc::boxed::Box::new(add((**at).clone(), more)?)),
            ))
        }
    })
}

/// Where `offset` bytes from the base at `depth` are after the move.
fn place(depth: u8, offset: u32, level: u8, how: Move) -> Option<(u8, u32)> {
    match how {
        _ if depth < level => Some((depth, offset)),
        Move::Onto { by } if depth == level => {
            let moved = offset.checked_add(by)?;
            (moved <= MAX_OFFSET - 4).then_some((depth, moved))
        }
        Move::Onto { .. } => Some((depth - 1, offset)),
        Move::Out => Some((depth.checked_sub(1)?, offset)),
        Move::In => Some((depth.checked_add(1)?, offset)),
    }
}

/// `expr + more` where that cannot wrap.
fn add(expr: Expr, more: u32) -> Option<Expr> {
    if more == 0 {
        return Some(expr);
    }
    expr.upper_bound().checked_add(more)?;
    // A bound of all ones says that the expression itself may have wrapped.
    (expr.upper_bound() != u32::MAX).then(|| Expr::binary(BinaryOp::Add, expr, Expr::Const(more)))
}
