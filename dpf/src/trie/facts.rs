//! What one decided test says about others.
//!
//! Problem: tests implied by earlier ones must vanish, however they are cut into fields. Method:
//! a decided test is a [`Fact`]; another test is compared with it as a set of values if the fields
//! are equal, else by the bits that are fixed in each. Every rule is sound for short packets: a
//! test that failed may have failed for want of bytes, but then so does what implies it.
//! Left out: implications between expressions.

use super::graph::{Base, Value};
use crate::dispatch::Shared;
use crate::filter::{BinaryOp, Field, IntervalSet};

/// A decided test.
#[derive(Clone, Debug)]
pub(super) enum Fact {
    Captured {
        var: u8,
        end: u32,
        holds: bool,
    },
    Bits {
        field: Field,
        set: Shared<IntervalSet>,
        holds: bool,
    },
    Length {
        wire: bool,
        set: Shared<IntervalSet>,
        holds: bool,
    },
    /// The formula of a `Compare`.
    Compare {
        form: super::form::FormId,
        holds: bool,
    },
    /// Where the new base is, or that there is none.
    Shift {
        base: Base,
        by: Value,
        to: Option<u8>,
    },
}

/// What is left of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Left {
    True,
    False,
    Same,
    /// The same field with fewer values.
    Narrower(IntervalSet),
}

/// What a fact about a field leaves of a test of a field.
pub(super) fn bits_after_bits(
    fact: (&Field, &IntervalSet, bool),
    test: (&Field, &IntervalSet),
) -> Left {
    let (known, values, holds) = fact;
    if known == test.0 {
        return same_field(values, holds, test.1);
    }
    if known.depth != test.0.depth {
        return Left::Same;
    }
    if holds && let Some(cube) = Cube::of(known, values) {
        match cube.decides(test.0, test.1) {
            Some(true) => return Left::True,
            Some(false) => return Left::False,
            None => {}
        }
    }
    // What implies the opposite of the fact is false.
    let contradicts =
        Cube::of(test.0, test.1).and_then(|cube| cube.decides(known, values)) == Some(!holds);
    if contradicts { Left::False } else { Left::Same }
}

/// What a fact about a length leaves of a test of the same length.
pub(super) fn same_field(values: &IntervalSet, holds: bool, test: &IntervalSet) -> Left {
    if holds {
        return if values.is_subset(test) {
            Left::True
        } else if values.is_disjoint(test) {
            Left::False
        } else {
            Left::Narrower(test.intersect(values))
        };
    }
    if test.is_subset(values) {
        Left::False
    } else if values.is_disjoint(test) {
        Left::Same
    } else {
        Left::Narrower(test.difference(values))
    }
}

/// Bits of some consecutive bytes that are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cube {
    var: u8,
    offset: u32,
    bytes: u8,
    mask: u32,
    value: u32,
}

impl Cube {
    /// The bits that all values of the set share. Nothing if there are none.
    pub(super) fn of(field: &Field, set: &IntervalSet) -> Option<Self> {
        let (low, high) = (set.min()?, set.max()?);
        let varying = u32::MAX
            .checked_shr((low ^ high).leading_zeros())
            .unwrap_or(0);
        let shift = field.mask.trailing_zeros();
        let mask = (field.mask >> shift & !varying) << shift;
        let value = low << shift & mask;
        (mask != 0).then_some(Cube {
            var: field.depth,
            offset: field.offset,
            bytes: field.bytes,
            mask,
            value,
        })
    }

    fn byte(&self, var: u8, offset: u64) -> (u8, u8) {
        let Some(index) = offset
            .checked_sub(u64::from(self.offset))
            .filter(|index| *index < u64::from(self.bytes))
        else {
            return (0, 0);
        };
        if var != self.var {
            return (0, 0);
        }
        let shift = 8 * (u32::from(self.bytes) - 1 - index as u32);
        ((self.mask >> shift) as u8, (self.value >> shift) as u8)
    }

    /// The known bits of a load: mask and value.
    fn load(&self, var: u8, offset: u32, bytes: u8, little: bool) -> (u32, u32) {
        let (mut mask, mut value) = (0, 0);
        for index in 0..u32::from(bytes) {
            let (byte_mask, byte_value) = self.byte(var, u64::from(offset) + u64::from(index));
            let shift = 8 * if little {
                index
            } else {
                u32::from(bytes) - 1 - index
            };
            mask |= u32::from(byte_mask) << shift;
            value |= u32::from(byte_value) << shift;
        }
        (mask, value)
    }

    /// Whether a field's value is in a set, when the known bits say.
    fn decides(&self, field: &Field, set: &IntervalSet) -> Option<bool> {
        let (mask, value) = self.load(field.depth, field.offset, field.bytes, false);
        let known = mask & field.mask;
        if known == 0 {
            return None;
        }
        if known == field.mask {
            return Some(set.contains(field.value(value)));
        }
        let wanted = Cube::of(field, set)?;
        ((wanted.value ^ value) & wanted.mask & known != 0).then_some(false)
    }
}

/// The expression with what the known bits determine put in. Bounds of loads are tested elsewhere;
/// computed addresses stay.
pub(super) fn fold(value: &Value, known: &Cube) -> Value {
    if !value.is_indirect() {
        let (mask, bits) = bits(value, known);
        if mask == u32::MAX {
            return Value::Const(bits);
        }
    }
    match value {
        Value::Binary(op, left, right) => {
            Value::Binary(*op, fold(left, known).into(), fold(right, known).into())
        }
        other => other.clone(),
    }
}

/// The known bits of an expression: mask and value.
fn bits(value: &Value, known: &Cube) -> (u32, u32) {
    match value {
        Value::Const(number) => (u32::MAX, *number),
        Value::Load {
            var,
            at,
            index: None,
            bytes,
            little,
        } => {
            let (mask, value) = known.load(*var, *at, *bytes, *little);
            let above = u32::MAX.checked_shl(8 * u32::from(*bytes)).unwrap_or(0);
            (mask | above, value)
        }
        Value::Load { .. } | Value::Len | Value::WireLen => (0, 0),
        Value::Binary(op, left, right) => {
            let ((a_mask, a), (b_mask, b)) = (bits(left, known), bits(right, known));
            match op {
                BinaryOp::And => (a_mask & b_mask | a_mask & !a | b_mask & !b, a & b),
                BinaryOp::Or => (a_mask & b_mask | a_mask & a | b_mask & b, a | b),
                BinaryOp::Xor => (a_mask & b_mask, a ^ b),
                BinaryOp::Shl if b_mask == u32::MAX && b < 32 => {
                    (a_mask << b | ((1 << b) - 1), a << b)
                }
                BinaryOp::Shr if b_mask == u32::MAX && b < 32 => {
                    (a_mask >> b | !(u32::MAX >> b), a >> b)
                }
                _ if a_mask == u32::MAX && b_mask == u32::MAX => (u32::MAX, op.apply(a, b)),
                _ => (0, 0),
            }
        }
    }
}
