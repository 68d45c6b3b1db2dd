//! The abstract x86-64 machine: reading and writing registers, and arithmetic on values.
//!
//! An operation narrower than 64 bits reads a number only if it fits that width, else it reads
//! anything so wide. A sum or difference keeps its name if it provably does not wrap at the
//! width; otherwise it is anything so wide. Pointers exist at 64 bits only.

use alloc::{boxed::Box, vec::Vec};

use super::decode::Width;
use crate::check::domain::{LEN, Numbers, Range, Residue, Sum, ZERO};
use crate::check::facts::{Facts, Relation};
use crate::check::policy::{Policy, Tables};
use crate::check::report::Reason;
use crate::check::state::{State, Value};

pub(super) const ACCUMULATOR: u8 = 0;
pub(super) const DATA: u8 = 2;
pub(super) const STACK_POINTER: u8 = 4;
const SOURCE_INDEX: u8 = 6;
const DESTINATION_INDEX: u8 = 7;

/// Registers that a function leaves as they were (System V ABI, 3.2.1), but the stack pointer.
const SAVED: [(u8, &str); 6] = [
    (3, "rbx"),
    (5, "rbp"),
    (12, "r12"),
    (13, "r13"),
    (14, "r14"),
    (15, "r15"),
];

/// Distances from a pointer that are tracked; below, addresses do not wrap.
const MAX_DISTANCE: i128 = 1 << 40;

/// What is known when an instruction is about to be executed, and what everything refers to.
pub(super) struct Machine<'a> {
    pub(super) code: &'a [u8],
    pub(super) policy: &'a Policy,
    pub(super) tables: Tables,
    pub(super) numbers: Numbers,
    pub(super) state: Box<State<16>>,
    pub(super) flags: Flags,
    pub(super) jump_tables: Vec<JumpTable>,
    /// The lowest stack offset that is used.
    pub(super) deepest: i64,
    /// Facts of the two outcomes of a conditional move.
    pub(super) outcomes: (Facts, Facts),
}

/// What the flags tell.
#[derive(Clone, Copy, Debug)]
pub(super) enum Flags {
    Unknown,
    /// The two were compared, at this width.
    Compared(Value, Value, Width),
    /// Only whether this is zero.
    Zero(Value),
}

/// A table of jumps in the code: 32-bit distances from `origin` at `first`, `first + 4`, …, `last`.
#[derive(Clone, Copy, Debug)]
pub(super) struct JumpTable {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) origin: i64,
}

impl<'a> Machine<'a> {
    pub(super) fn new(code: &'a [u8], policy: &'a Policy) -> Self {
        Self {
            code,
            policy,
            tables: Tables::new(&policy.tables),
            numbers: Numbers::new(),
            state: Box::new(State::new()),
            flags: Flags::Unknown,
            jump_tables: Vec::new(),
            deepest: 0,
            outcomes: Default::default(),
        }
    }

    /// What is known when a function is called.
    pub(super) fn entry(&mut self) -> State<16> {
        let mut state = State::new();
        for (register, _) in SAVED {
            state.registers[usize::from(register)] = Value::Saved(register);
        }
        // The upper halves of 32-bit arguments are unspecified.
        let wirelen = self.anything(Width::W32);
        state.registers[usize::from(DESTINATION_INDEX)] = Value::Packet(Sum::constant(0));
        state.registers[usize::from(SOURCE_INDEX)] = Value::Low32(Sum::of(LEN));
        state.registers[usize::from(DATA)] = Value::Low32(wirelen);
        state.registers[usize::from(STACK_POINTER)] = Value::Frame(Sum::constant(0));
        state
    }

    /// Whether the caller finds everything as it was.
    pub(super) fn may_return(&self) -> Result<(), Reason> {
        let registers = &self.state.registers;
        if registers[usize::from(STACK_POINTER)] != Value::Frame(Sum::constant(0)) {
            return Err(Reason::UnbalancedReturn);
        }
        let lost = SAVED
            .iter()
            .find(|&&(n, _)| registers[usize::from(n)] != Value::Saved(n));
        lost.map_or(Ok(()), |&(_, register)| Err(Reason::Clobbered { register }))
    }

    /// What is in a register.
    pub(super) fn held(&self, register: u8) -> Value {
        self.state.registers[usize::from(register)]
    }

    /// What an operation of this width reads from a register.
    pub(super) fn register(&mut self, register: u8, width: Width) -> Value {
        self.low(self.held(register), width)
    }

    /// The low part of a value.
    pub(super) fn low(&mut self, value: Value, width: Width) -> Value {
        match value {
            Value::Number(sum) if self.fits(sum, width) => value,
            Value::Low32(sum)
                if width == Width::W32 || width < Width::W32 && self.fits(sum, width) =>
            {
                Value::Number(sum)
            }
            Value::Low32(_) | Value::Number(_) => self.any(width),
            _ if width == Width::W64 => value,
            _ => self.any(width),
        }
    }

    /// Writes a register, as an operation of this width does.
    pub(super) fn set_register(
        &mut self,
        register: u8,
        width: Width,
        value: Value,
    ) -> Result<(), Reason> {
        let value = match width {
            Width::W64 => value,
            // Clears the upper half.
            Width::W32 => self.low(value, width),
            Width::W8 | Width::W16 => self.inserted(register, width, value),
        };
        if register == STACK_POINTER {
            return self.set_stack_pointer(value);
        }
        self.state.registers[usize::from(register)] = value;
        Ok(())
    }

    /// A register whose low part alone is overwritten.
    fn inserted(&mut self, register: u8, width: Width, value: Value) -> Value {
        let Value::Number(old) = self.state.registers[usize::from(register)] else {
            return Value::Unknown;
        };
        let Range { high, .. } = self.range(old);
        if high <= width.max() {
            return self.low(value, width);
        }
        self.within(Range::up_to(high | width.max()), Residue::ANY)
    }

    /// Any number of this width.
    pub(super) fn any(&mut self, width: Width) -> Value {
        Value::Number(self.anything(width))
    }

    /// A number of which only this is known.
    pub(super) fn within(&mut self, range: Range, residue: Residue) -> Value {
        Value::Number(Sum::of(self.numbers.fresh(range, residue)))
    }

    pub(super) fn constant(&mut self, value: u64) -> Value {
        match i64::try_from(value) {
            Ok(value) => Value::constant(value),
            Err(_) => self.within(Range::only(value), Residue::ANY),
        }
    }

    /// The number that a value is.
    pub(super) fn number(&mut self, value: Value, width: Width) -> Sum {
        match self.low(value, width) {
            Value::Number(sum) => sum,
            _ => self.anything(width),
        }
    }

    pub(super) fn range(&self, sum: Sum) -> Range {
        self.state.facts.range(&self.numbers, sum)
    }

    /// `a + b`.
    pub(super) fn add(&mut self, a: Value, b: Value, width: Width) -> Value {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => match self.sum(a, b) {
                Some(sum) => self.checked(sum, width),
                None => self.any(width),
            },
            (Value::Code(Sum { var: ZERO, offset }), Value::JumpDistance(table))
            | (Value::JumpDistance(table), Value::Code(Sum { var: ZERO, offset })) => {
                let table = self.jump_tables[table as usize];
                self.jump_tables.push(JumpTable {
                    origin: offset,
                    ..table
                });
                Value::JumpTarget(self.jump_tables.len() as u32 - 1)
            }
            (pointer, Value::Number(distance)) | (Value::Number(distance), pointer) => {
                self.advanced(pointer, distance)
            }
            _ => Value::Unknown,
        }
    }

    /// `value + constant`.
    pub(super) fn displace(&mut self, value: Value, by: i64, width: Width) -> Value {
        let moved = |sum: Sum| {
            Some(Sum {
                offset: sum.offset.checked_add(by)?,
                ..sum
            })
        };
        match value {
            Value::Number(sum) if sum.var == LEN && (i64::MIN + 1..0).contains(&by) => {
                self.difference(sum, Sum::constant(-by), width)
            }
            Value::Number(sum) => match moved(sum) {
                Some(sum) => self.checked(sum, width),
                None => self.any(width),
            },
            Value::Packet(sum) | Value::Frame(sum) | Value::Code(sum) => {
                moved(sum).map_or(Value::Unknown, |sum| self.near(value, sum))
            }
            _ => Value::Unknown,
        }
    }

    /// `a - b`.
    pub(super) fn subtract(&mut self, a: Value, b: Value, width: Width) -> Value {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => self.difference(a, b, width),
            (_, Value::Number(Sum { var: ZERO, offset })) => self.displace(a, -offset, width),
            _ => self.any(width),
        }
    }

    /// `value << by`; `by` is less than the width.
    pub(super) fn shift_left(&mut self, value: Value, by: u32, width: Width) -> Value {
        if by == 0 {
            return value;
        }
        let sum = self.number(value, width);
        let Range { low, high } = self.range(sum);
        if high > width.max() >> by {
            return self.any(width);
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
                self.state.facts.assume_range(&self.numbers, scaled, range);
                Value::Number(scaled)
            }
            _ => self.within(range, Residue::multiple_of(1 << by.min(2))),
        }
    }

    /// What of a comparison the flags tell under a condition.
    pub(super) fn compared(
        &self,
        condition: super::decode::Condition,
    ) -> Option<(Relation, Sum, Sum)> {
        use super::decode::Condition as C;
        let (relation, a, b) = match (self.flags, condition) {
            (Flags::Compared(a, b, _), C::Unsigned(relation)) => (relation, a, b),
            (Flags::Compared(a, b, width), C::Signed(relation)) => {
                let positive = |value| match value {
                    Value::Number(sum) => self.range(sum).high <= width.max() / 2,
                    _ => false,
                };
                (positive(a) && positive(b)).then_some((relation, a, b))?
            }
            (Flags::Zero(a), C::Unsigned(relation @ (Relation::Equal | Relation::NotEqual))) => {
                (relation, a, Value::constant(0))
            }
            _ => return None,
        };
        match (a, b) {
            (Value::Number(a), Value::Number(b)) | (Value::Packet(a), Value::Packet(b)) => {
                Some((relation, a, b))
            }
            _ => None,
        }
    }

    fn anything(&mut self, width: Width) -> Sum {
        Sum::of(self.numbers.fresh(Range::up_to(width.max()), Residue::ANY))
    }

    fn fits(&self, sum: Sum, width: Width) -> bool {
        width == Width::W64 || self.range(sum).high <= width.max()
    }

    /// `sum`, if it is a number of this width, else any.
    fn checked(&mut self, sum: Sum, width: Width) -> Value {
        let (low, high) = self.state.facts.distance(&self.numbers, sum);
        if low < 0 || high > width.max().into() {
            self.any(width)
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
        let range = |of| self.state.facts.range(&self.numbers, Sum::of(of));
        let (left, right) = (range(a.var), range(b.var));
        let range = Range {
            low: left.low + right.low,
            high: left.high + right.high,
        };
        self.state.facts.narrow(&self.numbers, var, range);
        Some(Sum { var, offset })
    }

    fn difference(&mut self, a: Sum, b: Sum, width: Width) -> Value {
        if a.var == b.var || b.var == ZERO && a.var != LEN {
            return match a.offset.checked_sub(b.offset) {
                Some(offset) => {
                    let var = if a.var == b.var { ZERO } else { a.var };
                    self.checked(Sum { var, offset }, width)
                }
                None => self.any(width),
            };
        }
        let (left, right) = (self.range(a), self.range(b));
        if a.var == LEN
            && let Some(offset) = b.offset.checked_sub(a.offset)
        {
            return self.remaining(Sum { var: b.var, offset }, width);
        }
        match left.low.checked_sub(right.high) {
            Some(low) => self.within(
                Range {
                    low,
                    high: left.high - right.low,
                },
                Residue::ANY,
            ),
            None => self.any(width),
        }
    }

    /// `len - taken`, which wraps at the width unless `taken ≤ len`.
    fn remaining(&mut self, taken: Sum, width: Width) -> Value {
        let (low, _) = self.state.facts.distance(&self.numbers, taken);
        if low < 0 {
            return self.any(width);
        }
        let exact = self.state.facts.slack(&self.numbers, taken) >= Some(0);
        if exact && taken.var == ZERO {
            return Value::Number(Sum {
                var: LEN,
                offset: -taken.offset,
            });
        }
        let var = self.numbers.len_minus(taken, Range::up_to(width.max()));
        if exact {
            let high = self.range(Sum::of(LEN)).high;
            self.state
                .facts
                .narrow(&self.numbers, var, Range::up_to(high));
        }
        Value::Number(Sum::of(var))
    }

    fn advanced(&mut self, pointer: Value, by: Sum) -> Value {
        let (Value::Packet(sum) | Value::Frame(sum) | Value::Code(sum)) = pointer else {
            return Value::Unknown;
        };
        self.sum(sum, by)
            .map_or(Value::Unknown, |sum| self.near(pointer, sum))
    }

    /// A pointer like `pointer`, at `sum`, if that is not absurdly far away.
    fn near(&self, pointer: Value, sum: Sum) -> Value {
        let (low, high) = self.state.facts.distance(&self.numbers, sum);
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
