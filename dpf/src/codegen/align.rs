//! What is known of addresses and numbers before any packet is seen.
//!
//! Problem: where a machine loads words from multiples of four only, each load must know where it
//! is; where registers have 32 bits, sums of lengths may wrap. Method: the packet's alignment is
//! given; a base is as many bytes further as the shifts that set it say, and a header length is a
//! multiple of four by its form, `ihl << 2`. Largest values of expressions follow from their forms
//! too. Left out: what tests on the way to a load say.

use super::flow::{Act, Flow};
use crate::dispatch::{Alignment, Machine};
use crate::filter::BinaryOp;
use crate::trie::{Base, MAX_BASES, Step, Value};

/// Where bases can be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alignments {
    packet: Alignment,
    /// Of the offsets of bases; nothing for one that no shift sets.
    bases: [Option<Alignment>; MAX_BASES as usize + 1],
}

impl Alignments {
    /// Of a function without code.
    pub(super) const NONE: Self = Alignments {
        packet: Alignment::UNKNOWN,
        bases: [None; MAX_BASES as usize + 1],
    };

    pub(super) fn new(machine: Machine, flow: &Flow<'_>) -> Self {
        let mut known = Alignments {
            packet: machine.packet(),
            bases: [None; MAX_BASES as usize + 1],
        };
        // Each round knows less, and there is little to know.
        while known.pass(flow) {}
        known
    }

    fn pass(&mut self, flow: &Flow<'_>) -> bool {
        let before = self.bases;
        for node in &flow.nodes {
            if let Act::Step(Step::Shift { base, by, var, .. }) = &node.act {
                let moved = self.offset(*base).plus(multiple(by));
                if let Some(known) = self.bases.get_mut(usize::from(*var)) {
                    *known = Some(known.map_or(moved, |known| known.or(moved)));
                }
            }
        }
        before != self.bases
    }

    fn offset(&self, base: Base) -> Alignment {
        let start = match base.var {
            0 => Alignment::WORD,
            var => self
                .bases
                .get(usize::from(var))
                .copied()
                .flatten()
                .unwrap_or(Alignment::WORD),
        };
        start.plus(Alignment::of(4, base.add))
    }

    /// Of the address of a place in the packet.
    pub(super) fn address(&self, base: Base) -> Alignment {
        self.packet.plus(self.offset(base))
    }
}

/// What is known of a number. As deep as the expression.
fn multiple(value: &Value) -> Alignment {
    let of_factor = |factor: u32| Alignment::of(factor & factor.wrapping_neg(), 0);
    match value {
        Value::Const(number) => Alignment::of(4, *number),
        Value::Binary(op, left, right) => match (op, &**right) {
            (BinaryOp::Shl, Value::Const(count @ ..32)) => of_factor(1 << count),
            (BinaryOp::Mul | BinaryOp::And, Value::Const(factor @ 1..)) => of_factor(*factor),
            (BinaryOp::Add, right) => multiple(left).plus(multiple(right)),
            _ => Alignment::UNKNOWN,
        },
        Value::Load { .. } | Value::Len | Value::WireLen => Alignment::UNKNOWN,
    }
}

/// The largest number that an expression may be. As deep as the expression.
pub(super) fn most(value: &Value) -> u32 {
    match value {
        Value::Const(number) => *number,
        Value::Load { bytes, .. } => u32::MAX >> (32 - 8 * u32::from(*bytes)),
        Value::Len | Value::WireLen => u32::MAX,
        Value::Binary(op, left, right) => {
            let (left, right) = (most(left), &**right);
            let bits = |number: u32| u32::MAX.checked_shr(number.leading_zeros()).unwrap_or(0);
            match (op, right) {
                (BinaryOp::And, right) => left.min(most(right)),
                (BinaryOp::Or | BinaryOp::Xor, right) => bits(left) | bits(most(right)),
                (BinaryOp::Shr, Value::Const(count)) => left.checked_shr(*count).unwrap_or(0),
                (BinaryOp::Shr, _) => left,
                (BinaryOp::Shl, Value::Const(count @ ..32)) => left.saturating_mul(1 << count),
                (BinaryOp::Shl, Value::Const(_)) => 0,
                (BinaryOp::Mul, right) => left.saturating_mul(most(right)),
                (BinaryOp::Add, right) => left.saturating_add(most(right)),
                (BinaryOp::Shl | BinaryOp::Sub, _) => u32::MAX,
            }
        }
    }
}
