//! A packet that a filter accepts, guessed.
//!
//! Problem: whether a filter accepts anything at all is asked of each new shape, and nearly always the
//! first packet that one would think of shows it. Method: zeros, into which what the filter asks for is
//! written on one walk through the graph, the first of alternatives. Where an interpreter accepts the
//! result, the question is answered. Left out: every other packet, which a search must find.

use alloc::{vec, vec::Vec};

use crate::filter::{Address, Expr, Field, Filter, Node, NodeId, Test};
use crate::interp;

/// The longest packet that is guessed, in bytes.
const MAX_BYTES: usize = 2048;
/// The most nodes that are looked at, one counted each time.
const MAX_VISITS: u32 = 256;

/// Whether the filter is seen to accept a packet; if not, it may accept some all the same.
pub(super) fn accepts_one(filter: &Filter) -> bool {
    let mut guess = Guess {
        filter,
        bytes: Vec::new(),
        bases: vec![0],
        visits: MAX_VISITS,
    };
    guess.satisfy(filter.root()).is_some()
        && interp::accepts(filter, &guess.bytes, guess.bytes.len() as u32)
}

struct Guess<'f> {
    filter: &'f Filter,
    bytes: Vec<u8>,
    /// The bases from the root to the current one.
    bases: Vec<usize>,
    /// How many nodes more may be looked at.
    visits: u32,
}

impl Guess<'_> {
    /// Writes what a node asks for at the current base; nothing where it cannot be guessed.
    fn satisfy(&mut self, id: NodeId) -> Option<()> {
        self.visits = self.visits.checked_sub(1)?;
        match self.filter.node(id) {
            Node::True => Some(()),
            Node::Test(Test::Bits { field, set }) => self.write(field, set.intervals().first()?.0),
            Node::Test(Test::Captured { depth, end }) => self.bytes_of(*depth, *end, 0).map(|_| ()),
            Node::And(operands) => {
                // What shifts go by is written before they are taken.
                let filter = self.filter;
                let is_shift = |id: &&NodeId| matches!(filter.node(**id), Node::Shift { .. });
                let first = operands.iter().filter(|id| !is_shift(id));
                let all = first.chain(operands.iter().filter(is_shift));
                all.copied().try_for_each(|operand| self.satisfy(operand))
            }
            Node::Or(operands) => self.satisfy(*operands.first()?),
            Node::Shift { by, then } => {
                let base = self.bases.last()?.checked_add(self.value(by)? as usize)?;
                self.bases.push(base);
                let done = self.satisfy(*then);
                self.bases.pop();
                done
            }
            Node::False | Node::Test(_) => None,
        }
    }

    fn write(&mut self, field: &Field, value: u32) -> Option<()> {
        let bits = value << field.mask.trailing_zeros();
        let bytes = self.bytes_of(field.depth, field.offset, field.bytes)?;
        for (byte, shift) in bytes.iter_mut().rev().zip((0..).step_by(8)) {
            let (mask, bits) = ((field.mask >> shift) as u8, (bits >> shift) as u8);
            *byte = *byte & !mask | bits;
        }
        Some(())
    }

    /// So many bytes of the packet, which is made long enough.
    fn bytes_of(&mut self, depth: u8, offset: u32, count: u8) -> Option<&mut [u8]> {
        let base = self.bases.len().checked_sub(1 + usize::from(depth))?;
        let start = self.bases[base].checked_add(offset as usize)?;
        let end = start.checked_add(usize::from(count))?;
        if end > MAX_BYTES {
            return None;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes.get_mut(start..end)
    }

    /// The value of an expression in what was written so far.
    fn value(&mut self, expr: &Expr) -> Option<u32> {
        match expr {
            Expr::Const(value) => Some(*value),
            Expr::Load(load) if !load.little => {
                let Address::Fixed(offset) = load.at else {
                    return None;
                };
                let bytes = self.bytes_of(load.depth, offset, load.bytes)?;
                Some(
                    bytes
                        .iter()
                        .fold(0, |value, byte| value << 8 | u32::from(*byte)),
                )
            }
            Expr::Binary(op, left, right) => Some(op.apply(self.value(left)?, self.value(right)?)),
            Expr::Load(_) | Expr::Len | Expr::WireLen => None,
        }
    }
}
