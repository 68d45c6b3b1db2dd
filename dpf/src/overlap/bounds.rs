//! What is known of an expression's value when its loads are partly known.
//!
//! A value is bounded below and above, and some of its bits are known; each tightens the other.
//! Sound for every operator, and exact when all bits that matter are known, so a search that
//! decides bits one by one ends with the truth.

use super::{
    sets::Pattern,
    terms::{FieldId, Place, Term, TermId, Terms},
};
use crate::filter::BinaryOp;

/// One side of a comparison is less than the other.
pub(super) const LESS: u8 = 1;
/// Both sides are equal.
pub(super) const EQUAL: u8 = 2;
/// One side is more than the other.
pub(super) const MORE: u8 = 4;

/// A number between two others, some of whose bits are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) least: u32,
    pub(super) most: u32,
    pub(super) known: Pattern,
}

/// Where the values of loads come from.
pub(super) trait Knowledge {
    /// The value of a field.
    fn field(&self, field: FieldId) -> Bounds;
    /// The known bits of so many bytes, big-endian, and what they are.
    fn bytes(&self, at: Place, bytes: u8) -> (u32, u32);
}

impl Bounds {
    fn exactly(value: u32) -> Self {
        Bounds {
            least: value,
            most: value,
            known: Pattern {
                mask: u32::MAX,
                value,
            },
        }
    }

    /// Tightened; bounds that contradict each other are widened again.
    pub(super) fn new(least: u32, most: u32, known: Pattern) -> Self {
        let (Some(least), Some(most)) = (known.least_from(least), known.greatest_to(most)) else {
            return Bounds { least, most, known };
        };
        if least == most {
            return Bounds::exactly(least);
        }
        let same = (least ^ most).leading_zeros();
        let common = u32::MAX.checked_shl(32 - same).unwrap_or(0);
        Bounds {
            least,
            most,
            known: Pattern {
                mask: known.mask | common,
                value: known.value | (least & common),
            },
        }
    }

    /// Tightened by bounds of the value without its lowest bits.
    pub(super) fn under(self, top: Bounds, below: u32) -> Self {
        let ones = (1 << below) - 1;
        let least = self.least.max(top.least << below);
        Bounds::new(least, self.most.min(top.most << below | ones), self.known)
    }

    fn known(known: Pattern) -> Self {
        Bounds::new(0, u32::MAX, known)
    }

    /// The value shifted left by less than 32, which loses no bits.
    pub(super) fn raised(self, by: u32) -> Self {
        let Bounds { least, most, known } = self;
        let known = Pattern {
            mask: known.mask << by | ((1 << by) - 1),
            value: known.value << by,
        };
        Bounds {
            least: least << by,
            most: most << by,
            known,
        }
    }

    /// How the value may compare with another.
    pub(super) fn comparisons(self, other: Bounds) -> u8 {
        let mut possible = 0;
        if self.least < other.most {
            possible |= LESS;
        }
        let differ = (self.known.value ^ other.known.value) & self.known.mask & other.known.mask;
        if self.least <= other.most && other.least <= self.most && differ == 0 {
            possible |= EQUAL;
        }
        if self.most > other.least {
            possible |= MORE;
        }
        possible
    }
}

/// The same comparison with its sides exchanged.
pub(super) fn mirrored(left_is: u8) -> u8 {
    let less = if left_is & LESS != 0 { MORE } else { 0 };
    let more = if left_is & MORE != 0 { LESS } else { 0 };
    (left_is & EQUAL) | less | more
}

/// What is known of a term.
pub(super) fn bounds(terms: &Terms, knowledge: &impl Knowledge, term: TermId) -> Bounds {
    if let Some((field, shift)) = terms.wired[term] {
        return knowledge.field(field).raised(shift);
    }
    match terms.terms[term] {
        Term::Const(value) => Bounds::exactly(value),
        Term::Len | Term::WireLen => Bounds::known(Pattern::ANY),
        Term::Load { at, bytes, .. } => {
            // Only little-endian loads are not fields: their first byte is the least.
            let (mask, value) = knowledge.bytes(at, bytes);
            let unused = 32 - 8 * u32::from(bytes);
            let turned = |word: u32| word.swap_bytes() >> unused;
            Bounds::known(Pattern {
                mask: turned(mask) | !(u32::MAX >> unused),
                value: turned(value),
            })
        }
        Term::Binary(op, left, right) => binary(
            op,
            bounds(terms, knowledge, left),
            bounds(terms, knowledge, right),
        ),
    }
}

/// What is known of an operator's value.
fn binary(op: BinaryOp, left: Bounds, right: Bounds) -> Bounds {
    if left.least == left.most && right.least == right.most {
        return Bounds::exactly(op.apply(left.least, right.least));
    }
    let (least, most) = range(op, left, right).unwrap_or((0, u32::MAX));
    Bounds::new(least, most, pattern(op, left.known, right.known))
}

/// Bounds where the operator does not wrap.
fn range(op: BinaryOp, left: Bounds, right: Bounds) -> Option<(u32, u32)> {
    let amount = (right.least == right.most).then_some(right.least);
    match op {
        BinaryOp::Add => Some((
            left.least.checked_add(right.least)?,
            left.most.checked_add(right.most)?,
        )),
        BinaryOp::Sub => Some((
            left.least.checked_sub(right.most)?,
            left.most.checked_sub(right.least)?,
        )),
        BinaryOp::Mul => Some((
            left.least.checked_mul(right.least)?,
            left.most.checked_mul(right.most)?,
        )),
        BinaryOp::And => Some((0, left.most.min(right.most))),
        BinaryOp::Or => Some((left.least.max(right.least), u32::MAX)),
        BinaryOp::Xor => None,
        BinaryOp::Shl => {
            let fits = amount? <= left.most.leading_zeros();
            fits.then(|| {
                (
                    op.apply(left.least, right.least),
                    op.apply(left.most, right.least),
                )
            })
        }
        BinaryOp::Shr => match amount {
            Some(amount) => Some((op.apply(left.least, amount), op.apply(left.most, amount))),
            None => Some((0, left.most)),
        },
    }
}

/// The known bits of an operator's value.
fn pattern(op: BinaryOp, left: Pattern, right: Pattern) -> Pattern {
    let zeros = |known: Pattern| known.mask & !known.value;
    match op {
        BinaryOp::And => {
            let value = left.value & right.value;
            Pattern {
                mask: value | zeros(left) | zeros(right),
                value,
            }
        }
        BinaryOp::Or => {
            let value = left.value | right.value;
            Pattern {
                mask: value | (zeros(left) & zeros(right)),
                value,
            }
        }
        BinaryOp::Xor => {
            let mask = left.mask & right.mask;
            Pattern {
                mask,
                value: (left.value ^ right.value) & mask,
            }
        }
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul => {
            // The low bits of the result are those of the operands' low bits.
            let mask = low_ones(left.mask & right.mask);
            Pattern {
                mask,
                value: op.apply(left.value, right.value) & mask,
            }
        }
        BinaryOp::Shl | BinaryOp::Shr if right.mask == u32::MAX => {
            let moved = op.apply(u32::MAX, right.value);
            let mask = op.apply(left.mask, right.value) | !moved;
            Pattern {
                mask,
                value: op.apply(left.value, right.value),
            }
        }
        BinaryOp::Shl | BinaryOp::Shr => Pattern::ANY,
    }
}

/// The run of ones at the low end.
fn low_ones(mask: u32) -> u32 {
    let count = mask.trailing_ones();
    u32::MAX.checked_shr(32 - count).unwrap_or(0)
}

/// Calls `visit` with each load of a term and those of its bits, as loaded, that can matter to
/// the bits of `mask` of the term's value.
pub(super) fn for_each_read(terms: &Terms, term: TermId, mask: u32, visit: &mut impl FnMut(Read)) {
    if let Some((field, _)) = terms.wired[term] {
        return visit(Read::Field(field));
    }
    match terms.terms[term] {
        Term::Load { at, bytes, .. } => {
            let mask = mask.swap_bytes() >> (32 - 8 * u32::from(bytes));
            visit(Read::Bytes { at, bytes, mask });
        }
        Term::Binary(op, left, right) => {
            let (left_mask, right_mask) = needed(terms, op, right, mask);
            for_each_read(terms, left, left_mask, visit);
            for_each_read(terms, right, right_mask, visit);
        }
        Term::Const(_) | Term::Len | Term::WireLen => {}
    }
}

/// Bits that a term reads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Read {
    Field(FieldId),
    Bytes { at: Place, bytes: u8, mask: u32 },
}

/// Which bits of the operands matter to those of `mask` of the value.
fn needed(terms: &Terms, op: BinaryOp, right: TermId, mask: u32) -> (u32, u32) {
    let constant = match terms.terms[right] {
        Term::Const(value) => Some(value),
        _ => None,
    };
    match (op, constant) {
        (BinaryOp::And, Some(value)) => (mask & value, mask),
        (BinaryOp::Or, Some(value)) => (mask & !value, mask),
        (BinaryOp::And | BinaryOp::Or | BinaryOp::Xor, _) => (mask, mask),
        (BinaryOp::Shl, Some(by)) => (BinaryOp::Shr.apply(mask, by), u32::MAX),
        (BinaryOp::Shr, Some(by)) => (BinaryOp::Shl.apply(mask, by), u32::MAX),
        (BinaryOp::Shl | BinaryOp::Shr, None) => (u32::MAX, u32::MAX),
        (BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul, _) => {
            let below = u32::MAX.checked_shr(mask.leading_zeros()).unwrap_or(0);
            (below, below)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPS: [BinaryOp; 8] = [
        BinaryOp::Add,
        BinaryOp::Sub,
        BinaryOp::Mul,
        BinaryOp::And,
        BinaryOp::Or,
        BinaryOp::Xor,
        BinaryOp::Shl,
        BinaryOp::Shr,
    ];

    /// Every way of knowing some bits of a number below 8.
    fn patterns() -> impl Iterator<Item = Pattern> {
        (0..8u32).flat_map(|mask| {
            let values = (0..8).filter(move |value| value & !mask == 0);
            values.map(move |value| Pattern {
                mask: mask | !7,
                value,
            })
        })
    }

    #[test]
    fn bounds_hold_for_every_value_they_stand_for() {
        for op in OPS {
            for left in patterns() {
                for right in patterns() {
                    let result = binary(op, Bounds::known(left), Bounds::known(right));
                    let values = |known: Pattern| {
                        (0..8).filter(move |value| value & known.mask == known.value)
                    };
                    for a in values(left) {
                        for b in values(right) {
                            let value = op.apply(a, b);
                            assert!(
                                result.least <= value && value <= result.most,
                                "{op:?} {a} {b}: {result:?}"
                            );
                            assert_eq!(
                                value & result.known.mask,
                                result.known.value,
                                "{op:?} {a} {b}: {result:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}
