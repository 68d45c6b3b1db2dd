//! The oracle: one filter, one packet, the obvious way.
//!
//! It evaluates the graph of a [`Filter`] exactly as the documentation of `filter` defines it, and
//! shares no code with the engines that it judges: not their set operations, not their arithmetic.
//!
//! A node is evaluated at most once for each way of reaching it through `Shift`s, of which a
//! filter has at most `MAX_PATHS`; recursion is as deep as the graph, at most `MAX_HEIGHT` nodes
//! and `MAX_EXPR` levels of one expression. It leaves speed to others.

use alloc::{vec, vec::Vec};

use crate::filter::{
    Address, BinaryOp, CompareOp, Expr, Field, Filter, IntervalSet, Load, Node, NodeId, Test,
};

/// Whether the filter accepts the packet of these captured bytes and this original length.
pub fn accepts(filter: &Filter, packet: &[u8], wirelen: u32) -> bool {
    let len = u32::try_from(packet.len()).unwrap_or(u32::MAX);
    let mut run = Run {
        filter,
        packet,
        len,
        wirelen,
        bases: vec![0],
    };
    run.holds(filter.root(), &mut vec![None; filter.nodes().len()])
}

struct Run<'a> {
    filter: &'a Filter,
    packet: &'a [u8],
    len: u32,
    wirelen: u32,
    /// The bases from the root to the current one, in bytes from the start of the packet.
    bases: Vec<u64>,
}

impl Run<'_> {
    /// The node's truth at the current base; `seen` holds what is known at this base.
    fn holds(&mut self, id: NodeId, seen: &mut Vec<Option<bool>>) -> bool {
        if let Some(known) = seen[id.0 as usize] {
            return known;
        }
        let filter = self.filter;
        let value = match filter.node(id) {
            Node::True => true,
            Node::False => false,
            Node::Test(test) => self.test(test),
            Node::And(operands) => operands.iter().all(|operand| self.holds(*operand, seen)),
            Node::Or(operands) => operands.iter().any(|operand| self.holds(*operand, seen)),
            Node::Shift { by, then } => self.shifted(by, *then),
        };
        seen[id.0 as usize] = Some(value);
        value
    }

    fn shifted(&mut self, by: &Expr, then: NodeId) -> bool {
        let Some(by) = self.expr(by) else {
            return false;
        };
        let Some(current) = self.bases.last() else {
            return false;
        };
        let base = current + u64::from(by);
        if base > u64::from(self.len) {
            return false;
        }
        self.bases.push(base);
        // What is below has smaller numbers, and none of what is known here holds there.
        let value = self.holds(then, &mut vec![None; then.0 as usize + 1]);
        self.bases.pop();
        value
    }

    fn test(&self, test: &Test) -> bool {
        match test {
            Test::Captured { depth, end } => self
                .base(*depth)
                .is_some_and(|base| base + u64::from(*end) <= u64::from(self.len)),
            Test::Bits { field, set } => self.field(field).is_some_and(|value| member(set, value)),
            Test::Len(set) => member(set, self.len),
            Test::WireLen(set) => member(set, self.wirelen),
            Test::Compare { op, left, right } => match (self.expr(left), self.expr(right)) {
                (Some(left), Some(right)) => match op {
                    CompareOp::Eq => left == right,
                    CompareOp::Ne => left != right,
                    CompareOp::Lt => left < right,
                    CompareOp::Le => left <= right,
                },
                _ => false,
            },
        }
    }

    /// The masked, justified value; `None` where the load is not wholly inside.
    fn field(&self, field: &Field) -> Option<u32> {
        let loaded = self.bytes(
            self.base(field.depth)? + u64::from(field.offset),
            field.bytes,
        )?;
        let mut value = 0;
        for byte in loaded {
            value = value << 8 | u32::from(*byte);
        }
        Some(
            (value & field.mask)
                .checked_shr(field.mask.trailing_zeros())
                .unwrap_or(0),
        )
    }

    /// The expression's value; `None` where a load is not wholly inside.
    fn expr(&self, expr: &Expr) -> Option<u32> {
        Some(match expr {
            Expr::Const(value) => *value,
            Expr::Load(load) => self.load(load)?,
            Expr::Len => self.len,
            Expr::WireLen => self.wirelen,
            Expr::Binary(op, left, right) => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                match op {
                    BinaryOp::Add => left.wrapping_add(right),
                    BinaryOp::Sub => left.wrapping_sub(right),
                    BinaryOp::Mul => left.wrapping_mul(right),
                    BinaryOp::And => left & right,
                    BinaryOp::Or => left | right,
                    BinaryOp::Xor => left ^ right,
                    BinaryOp::Shl if right >= 32 => 0,
                    BinaryOp::Shl => left << right,
                    BinaryOp::Shr if right >= 32 => 0,
                    BinaryOp::Shr => left >> right,
                }
            }
        })
    }

    fn load(&self, load: &Load) -> Option<u32> {
        let offset = match &load.at {
            Address::Fixed(offset) => *offset,
            Address::Computed(at) => self.expr(at)?,
        };
        let loaded = self.bytes(self.base(load.depth)? + u64::from(offset), load.bytes)?;
        let mut value = 0;
        for index in 0..loaded.len() {
            let byte = if load.little {
                loaded[loaded.len() - 1 - index]
            } else {
                loaded[index]
            };
            value = value << 8 | u32::from(byte);
        }
        Some(value)
    }

    fn base(&self, depth: u8) -> Option<u64> {
        let index = self.bases.len().checked_sub(1 + usize::from(depth))?;
        self.bases.get(index).copied()
    }

    fn bytes(&self, start: u64, count: u8) -> Option<&[u8]> {
        let start = usize::try_from(start).ok()?;
        self.packet
            .get(start..start.checked_add(usize::from(count))?)
    }
}

fn member(set: &IntervalSet, value: u32) -> bool {
    set.intervals()
        .iter()
        .any(|(low, high)| *low <= value && value <= *high)
}
