//! What each operation does to the abstract machine.

use super::decode::{Binary, Condition, Half, Kind, Operand, Operation, Product};
use super::machine::{Comparison, HI, Hilo, LO, MAX, Machine, RETURN_ADDRESS, SIGN, check_system};
use crate::check::domain::{Range, Residue, Sum, ZERO};
use crate::check::facts::{Facts, Relation};
use crate::check::report::Reason;
use crate::check::state::Value;

/// Cycles from the start of a multiplication or division to its result (R3000).
const MULTIPLY: u32 = 12;
const DIVIDE: u32 = 35;

/// What a branch tells: of each outcome up to two comparisons that hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    taken: [Option<Comparison>; 2],
    passed: [Option<Comparison>; 2],
}

/// Where execution goes after an operation and, but for the first, the one behind it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    Continue,
    /// So many words past the next instruction, or on.
    Branch(Told, i32),
    Return,
}

impl Operation {
    /// The general registers read.
    fn reads(&self) -> [u8; 3] {
        let right = match self.right {
            Operand::Register(register) => register,
            Operand::Constant(_) => 0,
        };
        // What `lwl` and `lwr` leave of their target they take from the load before, if need be.
        let stored = match self.kind {
            Kind::Store(_) => self.target,
            _ => 0,
        };
        [self.left, right, stored]
    }

    /// The general register written.
    fn writes(&self) -> u8 {
        match self.kind {
            Kind::Store(_) => 0,
            _ => self.target,
        }
    }

    fn hilo(&self) -> Hilo {
        let latency = match self.kind {
            Kind::From(_) => return Hilo::Read,
            Kind::To(_) => 1,
            Kind::Product(Product::Multiply { .. }) => MULTIPLY,
            Kind::Product(Product::Divide { .. }) => DIVIDE,
            _ => return Hilo::Unused,
        };
        Hilo::Written { latency }
    }
}

impl Machine<'_> {
    /// Does `operation`, if it is safe.
    pub(super) fn execute(&mut self, operation: &Operation) -> Result<Next, Reason> {
        let &Operation {
            kind, target, left, ..
        } = operation;
        if kind == Kind::Refused {
            return Err(Reason::NotAllowed);
        }
        for register in operation.reads() {
            self.check_read(register)?;
        }
        check_system(operation.writes())?;
        self.state.progress.advance(operation.hilo())?;
        let (a, b) = (self.held(left), self.operand(operation.right));
        match kind {
            Kind::Binary(op) => {
                let value = self.binary(op, a, b);
                self.set(target, value)?;
            }
            Kind::Product(product) => self.product(product, a, b),
            Kind::From(half) => {
                let value = self.held(register(half));
                self.set(target, value)?;
            }
            Kind::To(half) => self.put(register(half), a),
            Kind::Load(access) => {
                let address = self.address(a, operation.right);
                let value = self.load(address, access)?;
                self.set(target, value)?;
                self.state.progress.loading = 1 << target & !1;
            }
            Kind::Store(access) => {
                let (address, stored) = (self.address(a, operation.right), self.held(target));
                self.store(address, access, stored)?;
            }
            Kind::Branch(condition, words) => {
                return Ok(Next::Branch(self.told(condition, a, b), words));
            }
            Kind::JumpRegister => {
                return match a {
                    Value::Saved(RETURN_ADDRESS) => Ok(Next::Return),
                    _ => Err(Reason::UnboundedJump),
                };
            }
            Kind::Refused => return Err(Reason::NotAllowed),
        }
        Ok(Next::Continue)
    }

    /// Learns in `taken`, a copy of what is known, that the branch was, and here that it was not.
    pub(super) fn branch(&mut self, told: &Told, taken: &mut Facts) {
        for Comparison { relation, a, b } in told.taken.into_iter().flatten() {
            taken.assume(&mut self.numbers, relation, a, b);
        }
        for Comparison { relation, a, b } in told.passed.into_iter().flatten() {
            let facts = &mut self.state.facts;
            facts.assume(&mut self.numbers, relation, a, b);
        }
    }

    fn operand(&self, operand: Operand) -> Value {
        match operand {
            Operand::Register(register) => self.held(register),
            Operand::Constant(value) => Value::constant(value.into()),
        }
    }

    /// `base + offset`.
    fn address(&mut self, base: Value, offset: Operand) -> Value {
        let offset = self.operand(offset);
        self.add(base, offset)
    }

    fn binary(&mut self, op: Binary, a: Value, b: Value) -> Value {
        let zero = Value::constant(0);
        match op {
            Binary::Add => return self.add(a, b),
            Binary::Subtract => return self.subtract(a, b),
            // A move, of whatever it is.
            Binary::Or | Binary::Xor if b == zero => return a,
            Binary::Or | Binary::Xor if a == zero => return b,
            Binary::Less | Binary::LessSigned => {
                let comparison = self.less(op == Binary::LessSigned, a, b);
                return self.compare(comparison);
            }
            _ => {}
        }
        let (x, y) = (self.number(a), self.number(b));
        if let (Some(x), Some(y)) = (self.exact(x), self.exact(y)) {
            return Value::constant(folded(op, x, y).into());
        }
        match op {
            Binary::And => self.arithmetic().and(x, y),
            Binary::Or => self.arithmetic().or(x, y),
            Binary::Xor => self.exclusive_or(x, y),
            Binary::ShiftLeft => match self.exact(y) {
                Some(by) => self.arithmetic().shift_left(x, by & 31),
                None => self.arithmetic().any(),
            },
            Binary::ShiftRight | Binary::ShiftRightSigned => self.shift_right(op, x, y),
            _ => self.arithmetic().any(),
        }
    }

    fn add(&mut self, a: Value, b: Value) -> Value {
        match (a, b) {
            (Value::Number(x), Value::Number(y)) => match (self.exact(x), self.exact(y)) {
                (Some(x), Some(y)) => Value::constant(x.wrapping_add(y).into()),
                (_, Some(by)) => self.displace(a, by),
                (Some(by), _) => self.displace(b, by),
                _ => self.arithmetic().add(x, y),
            },
            // A move, of whatever it is.
            (value, zero) | (zero, value) if zero == Value::constant(0) => value,
            (pointer, Value::Number(by)) | (Value::Number(by), pointer) => match self.exact(by) {
                Some(by) => self.displace(pointer, by),
                None => self.arithmetic().advance(pointer, by),
            },
            _ => Value::Unknown,
        }
    }

    /// `value + by`. Read with its sign `by` may be taken away instead, which gives the same modulo
    /// 2³²; so it is, unless that passes 0 where the sum would not pass 2³².
    fn displace(&mut self, value: Value, by: u32) -> Value {
        let signed = i64::from(by.cast_signed());
        let by = match value {
            Value::Number(sum) => {
                let (low, high) = self.state.facts.distance(&self.numbers, sum);
                let passes_zero = low + i128::from(signed) < 0;
                let fits = high + i128::from(by) <= MAX.into();
                if passes_zero && fits {
                    by.into()
                } else {
                    signed
                }
            }
            _ => signed,
        };
        self.arithmetic().displace(value, by)
    }

    fn subtract(&mut self, a: Value, b: Value) -> Value {
        match (a, b) {
            (Value::Number(x), Value::Number(y)) => match (self.exact(x), self.exact(y)) {
                (Some(x), Some(y)) => Value::constant(x.wrapping_sub(y).into()),
                (_, Some(by)) => self.displace(a, by.wrapping_neg()),
                _ => self.arithmetic().difference(x, y),
            },
            (_, Value::Number(by)) if let Some(by) = self.exact(by) => {
                self.displace(a, by.wrapping_neg())
            }
            // The packet's address falls out.
            (Value::Packet(x), Value::Packet(y)) => self.arithmetic().difference(x, y),
            _ => self.arithmetic().any(),
        }
    }

    /// `a ^ b`; of a comparison and 1 it is the opposite.
    fn exclusive_or(&mut self, a: Sum, b: Sum) -> Value {
        match (self.comparison(a), self.exact(b)) {
            (Some(comparison), Some(1)) => self.compare(Some(Comparison {
                relation: comparison.relation.complement(),
                ..comparison
            })),
            _ => self.arithmetic().xor(a, b),
        }
    }

    fn shift_right(&mut self, op: Binary, value: Sum, by: Sum) -> Value {
        let Range { high, .. } = self.arithmetic().range(value);
        if op == Binary::ShiftRightSigned && high >= SIGN.cast_unsigned() {
            return self.arithmetic().any();
        }
        match self.exact(by) {
            Some(by) if by & 31 == 0 => Value::Number(value),
            Some(by) => self.arithmetic().shift_right(value, by & 31),
            // It does not make a number greater.
            None => self.arithmetic().within(Range::up_to(high), Residue::ANY),
        }
    }

    /// What of numbers it means that `a` is less than `b`.
    fn less(&mut self, signed: bool, a: Value, b: Value) -> Option<Comparison> {
        let (a, b) = self.comparable(a, b)?;
        let positive = |sum| self.state.facts.range(&self.numbers, sum).high < 1 << 31;
        if signed && !(positive(a) && positive(b)) {
            return None;
        }
        // The only number less than 1 is 0: a comparison's opposite.
        if let (Some(comparison), Some(1)) = (self.comparison(a), self.exact(b)) {
            return Some(Comparison {
                relation: comparison.relation.complement(),
                ..comparison
            });
        }
        // 0 is less than any other: what a comparison says itself.
        if let (Some(0), Some(comparison)) = (self.exact(a), self.comparison(b)) {
            return Some(comparison);
        }
        let relation = Relation::Less;
        Some(Comparison { relation, a, b })
    }

    /// What a branch on `a` and `b` tells.
    fn told(&mut self, condition: Condition, a: Value, b: Value) -> Told {
        match condition {
            Condition::Equal => self.told_of_equality(a, b),
            Condition::NotEqual => self.told_of_equality(a, b).opposite(),
            Condition::Negative => self.told_of_sign(a),
            Condition::NotNegative => self.told_of_sign(a).opposite(),
            Condition::NotPositive => self.told_of_positive(a).opposite(),
            Condition::Positive => self.told_of_positive(a),
        }
    }

    fn told_of_equality(&mut self, a: Value, b: Value) -> Told {
        let Some((a, b)) = self.comparable(a, b) else {
            return Told::default();
        };
        let equal = Comparison {
            relation: Relation::Equal,
            a,
            b,
        };
        let mut told = Told {
            taken: [Some(equal), None],
            passed: [Some(equal.opposite()), None],
        };
        let compared = match (self.exact(a), self.exact(b)) {
            (_, Some(value)) => self.comparison(a).zip(Some(value)),
            (Some(value), _) => self.comparison(b).zip(Some(value)),
            _ => None,
        };
        match compared {
            Some((comparison, 0)) => {
                told.taken[1] = Some(comparison.opposite());
                told.passed[1] = Some(comparison);
            }
            Some((comparison, 1)) => {
                told.taken[1] = Some(comparison);
                told.passed[1] = Some(comparison.opposite());
            }
            _ => {}
        }
        told
    }

    /// Of a branch if `a` is negative.
    fn told_of_sign(&mut self, a: Value) -> Told {
        let Value::Number(a) = a else {
            return Told::default();
        };
        let negative = Comparison {
            relation: Relation::GreaterEqual,
            a,
            b: Sum::constant(SIGN),
        };
        Told {
            taken: [Some(negative), None],
            passed: [Some(negative.opposite()), None],
        }
    }

    /// Of a branch if `a` is greater than 0.
    fn told_of_positive(&mut self, a: Value) -> Told {
        let Value::Number(sum) = a else {
            return Told::default();
        };
        let not_zero = Comparison {
            relation: Relation::NotEqual,
            a: sum,
            b: Sum::of(ZERO),
        };
        let [negative, _] = self.told_of_sign(a).taken;
        let positive = [Some(not_zero), negative.map(Comparison::opposite)];
        let comparison = self.comparison(sum);
        // What is not positive may be either; unless it cannot be negative.
        let passed = match self.arithmetic().range(sum).high {
            high if high < SIGN.cast_unsigned() => [
                Some(not_zero.opposite()),
                comparison.map(Comparison::opposite),
            ],
            _ => [None, None],
        };
        Told {
            taken: match comparison {
                Some(comparison) => [Some(not_zero), Some(comparison)],
                None => positive,
            },
            passed,
        }
    }

    fn product(&mut self, product: Product, a: Value, b: Value) {
        let (x, y) = (self.number(a), self.number(b));
        let (left, right) = (self.arithmetic().range(x), self.arithmetic().range(y));
        let positive = left.high < SIGN.cast_unsigned() && right.high < SIGN.cast_unsigned();
        let any = Range::up_to(MAX);
        let (high, low) = match product {
            Product::Multiply { signed } if !signed || positive => {
                let most = left.high.saturating_mul(right.high);
                let low = self.arithmetic().multiply(x, y);
                (Range::up_to(most >> 32), low)
            }
            // A division by zero gives anything.
            Product::Divide { signed } if (!signed || positive) && right.low > 0 => {
                let rest = Range::up_to(left.high.min(right.high - 1));
                let quotient = Range {
                    low: left.low / right.high,
                    high: left.high / right.low,
                };
                let low = self.arithmetic().within(quotient, Residue::ANY);
                (rest, low)
            }
            _ => (any, self.arithmetic().any()),
        };
        let high = self.arithmetic().within(high, Residue::ANY);
        self.put(HI, high);
        self.put(LO, low);
    }
}

impl Comparison {
    fn opposite(self) -> Self {
        Self {
            relation: self.relation.complement(),
            ..self
        }
    }
}

impl Told {
    /// Of a branch if the condition does not hold.
    fn opposite(self) -> Self {
        Self {
            taken: self.passed,
            passed: self.taken,
        }
    }
}

fn register(half: Half) -> u8 {
    match half {
        Half::High => HI,
        Half::Low => LO,
    }
}

/// The operation on constants.
fn folded(op: Binary, a: u32, b: u32) -> u32 {
    match op {
        Binary::Add => a.wrapping_add(b),
        Binary::Subtract => a.wrapping_sub(b),
        Binary::And => a & b,
        Binary::Or => a | b,
        Binary::Xor => a ^ b,
        Binary::Nor => !(a | b),
        Binary::LessSigned => (a.cast_signed() < b.cast_signed()).into(),
        Binary::Less => (a < b).into(),
        Binary::ShiftLeft => a << (b & 31),
        Binary::ShiftRight => a >> (b & 31),
        Binary::ShiftRightSigned => (a.cast_signed() >> (b & 31)).cast_unsigned(),
    }
}
