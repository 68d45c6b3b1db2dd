//! Arithmetic on numbers and pointers, at one width: a result keeps its name if it provably does
//! not wrap, and is anything so wide otherwise.
//!
//! Both machines share this; which registers an operation reads, and how wide it is, is theirs to
//! say. Pointers are only moved. Left out: comparisons, and whatever ends in memory.

use super::domain::{LEN, Numbers, Range, Residue, Sum, Var, ZERO};
use super::facts::Facts;
use super::state::Value;

/// Distances from a pointer that are tracked.
const MAX_DISTANCE: i128 = 1 << 40;

/// What is known of numbers at one place, and the width of an operation there.
pub(crate) struct Arithmetic<'a> {
    pub(crate) numbers: &'a mut Numbers,
    pub(crate) facts: &'a mut Facts,
    /// The greatest number so wide: ones.
    pub(crate) max: u64,
}

impl Arithmetic<'_> {
    /// Any number so wide.
    pub(crate) fn any(&mut self) -> Value {
        self.within(Range::up_to(self.max), Residue::ANY)
    }

    /// A number of which only this is known.
    pub(crate) fn within(&mut self, range: Range, residue: Residue) -> Value {
        Value::Number(Sum::of(self.numbers.fresh(range, residue)))
    }

    pub(crate) fn constant(&mut self, value: u64) -> Value {
        match i64::try_from(value) {
            Ok(value) => Value::constant(value),
            Err(_) => self.within(Range::only(value), Residue::ANY),
        }
    }

    pub(crate) fn range(&self, sum: Sum) -> Range {
        self.facts.range(self.numbers, sum)
    }

    /// `a + b`.
    pub(crate) fn add(&mut self, a: Sum, b: Sum) -> Value {
        match self.sum(a, b) {
            Some(sum) => self.checked(sum),
            None => self.any(),
        }
    }

    /// `pointer + by`.
    pub(crate) fn advance(&mut self, pointer: Value, by: Sum) -> Value {
        let (Value::Packet(sum) | Value::Frame(sum) | Value::Code(sum)) = pointer else {
            return Value::Unknown;
        };
        self.sum(sum, by)
            .map_or(Value::Unknown, |sum| self.near(pointer, sum))
    }

    /// `value + constant`.
    pub(crate) fn displace(&mut self, value: Value, by: i64) -> Value {
        let moved = |sum: Sum| {
            Some(Sum {
                offset: sum.offset.checked_add(by)?,
                ..sum
            })
        };
        match value {
            Value::Number(sum) if sum.var == LEN && (i64::MIN + 1..0).contains(&by) => {
                self.difference(sum, Sum::constant(-by))
            }
            Value::Number(sum) => match moved(sum) {
                Some(sum) => self.checked(sum),
                None => self.any(),
            },
            Value::Packet(sum) | Value::Frame(sum) | Value::Code(sum) => {
                moved(sum).map_or(Value::Unknown, |sum| self.near(value, sum))
            }
            _ => Value::Unknown,
        }
    }

    /// `a - b`; neither is negative.
    pub(crate) fn difference(&mut self, a: Sum, b: Sum) -> Value {
        if a.var == b.var || b.var == ZERO && a.var != LEN {
            return match a.offset.checked_sub(b.offset) {
                Some(offset) => {
                    let var = if a.var == b.var { ZERO } else { a.var };
                    self.checked(Sum { var, offset })
                }
                None => self.any(),
            };
        }
        let (left, right) = (self.range(a), self.range(b));
        if a.var == LEN
            && let Some(offset) = b.offset.checked_sub(a.offset)
        {
            return self.remaining(Sum { var: b.var, offset });
        }
        match left.low.checked_sub(right.high) {
            Some(low) if left.high - right.low <= self.max => self.within(
                Range {
                    low,
                    high: left.high - right.low,
                },
                Residue::ANY,
            ),
            _ => self.any(),
        }
    }

    /// `sum << by`; `by` is less than the width.
    pub(crate) fn shift_left(&mut self, sum: Sum, by: u32) -> Value {
        if by == 0 {
            return Value::Number(sum);
        }
        let Range { low, high } = self.range(sum);
        if high > self.max >> by {
            return self.any();
        }
        let range = Range {
            low: low << by,
            high: high << by,
        };
        let offset = sum.offset.checked_mul(1 << by.min(62));
        match (self.numbers.scaled(sum.var, by), offset) {
            _ if sum.var == ZERO => self.constant(range.low),
            (Some(var), Some(offset)) => {
                let scaled = Sum { var, offset };
                self.facts.assume_range(self.numbers, scaled, range);
                Value::Number(scaled)
            }
            _ => self.within(range, Residue::multiple_of(1 << by.min(2))),
        }
    }

    /// `sum >> by`; `by` is less than the width.
    pub(crate) fn shift_right(&mut self, sum: Sum, by: u32) -> Value {
        let Range { low, high } = self.range(sum);
        self.within(
            Range {
                low: low >> by,
                high: high >> by,
            },
            Residue::ANY,
        )
    }

    /// `a × b`, the low half.
    pub(crate) fn multiply(&mut self, a: Sum, b: Sum) -> Value {
        let (left, right) = (self.range(a), self.range(b));
        match left.high.checked_mul(right.high) {
            Some(high) if high <= self.max => {
                let low = left.low.saturating_mul(right.low);
                self.within(Range { low, high }, Residue::ANY)
            }
            _ => self.any(),
        }
    }

    /// `a & b`.
    pub(crate) fn and(&mut self, a: Sum, b: Sum) -> Value {
        let (a, b) = ((a, self.range(a)), (b, self.range(b)));
        let ((value, range), mask) = match (a.1.low == a.1.high, b.1.low == b.1.high) {
            (_, true) => (a, b.1.high),
            (true, _) => (b, a.1.high),
            _ => return self.within(Range::up_to(a.1.high.min(b.1.high)), Residue::ANY),
        };
        if mask & mask.wrapping_add(1) == 0 && range.high <= mask {
            return Value::Number(value);
        }
        let multiple = 1 << mask.trailing_zeros().min(2);
        self.within(
            Range::up_to(range.high.min(mask)),
            Residue::multiple_of(multiple),
        )
    }

    /// `a | b`.
    pub(crate) fn or(&mut self, a: Sum, b: Sum) -> Value {
        let (left, right) = (self.range(a), self.range(b));
        let range = Range {
            low: left.low.max(right.low),
            high: ones(left.high | right.high),
        };
        self.within(range, Residue::ANY)
    }

    /// `a ^ b`.
    pub(crate) fn xor(&mut self, a: Sum, b: Sum) -> Value {
        let high = ones(self.range(a).high | self.range(b).high);
        self.within(Range::up_to(high), Residue::ANY)
    }

    /// `sum`, if it is a number of this width, else any.
    fn checked(&mut self, sum: Sum) -> Value {
        let (low, high) = self.facts.distance(self.numbers, sum);
        if low < 0 || high > self.max.into() {
            self.any()
        } else {
            Value::Number(sum)
        }
    }

    /// The sum of two numbers by name, if it has one.
    fn sum(&mut self, a: Sum, b: Sum) -> Option<Sum> {
        let offset = a.offset.checked_add(b.offset)?;
        let var = match (a.var, b.var) {
            (ZERO, var) | (var, ZERO) => return Some(Sum { var, offset }),
            (a, b) => self.numbers.added(a, b)?,
        };
        let range = |of: Var| self.range(Sum::of(of));
        let (left, right) = (range(a.var), range(b.var));
        let range = Range {
            low: left.low + right.low,
            high: left.high + right.high,
        };
        self.facts.narrow(self.numbers, var, range);
        Some(Sum { var, offset })
    }

    /// `len - taken`, which wraps at the width unless `taken ≤ len`.
    fn remaining(&mut self, taken: Sum) -> Value {
        let (low, _) = self.facts.distance(self.numbers, taken);
        if low < 0 {
            return self.any();
        }
        let exact = self.facts.slack(self.numbers, taken) >= Some(0);
        if exact && taken.var == ZERO {
            return Value::Number(Sum {
                var: LEN,
                offset: -taken.offset,
            });
        }
        let var = self.numbers.len_minus(taken, Range::up_to(self.max));
        if exact {
            let high = self.range(Sum::of(LEN)).high;
            self.facts.narrow(self.numbers, var, Range::up_to(high));
        }
        Value::Number(Sum::of(var))
    }

    /// A pointer like `pointer`, at `sum`, if that is not absurdly far away.
    fn near(&self, pointer: Value, sum: Sum) -> Value {
        let (low, high) = self.facts.distance(self.numbers, sum);
        if low <= -MAX_DISTANCE || high >= MAX_DISTANCE {
            return Value::Unknown;
        }
        match pointer {
            // Before the packet there may be the end of the address space.
            Value::Packet(_) if low >= 0 => Value::Packet(sum),
            Value::Frame(_) => Value::Frame(sum),
            Value::Code(_) => Value::Code(sum),
            _ => Value::Unknown,
        }
    }
}

/// The least number of ones that is not less.
fn ones(high: u64) -> u64 {
    u64::MAX.checked_shr(high.leading_zeros()).unwrap_or(0)
}
