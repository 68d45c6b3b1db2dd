//! The abstract x86-64 machine: reading and writing registers, and arithmetic on values.
//!
//! An operation narrower than 64 bits reads a number only if it fits that width, else it reads
//! anything so wide. A sum or difference keeps its name if it provably does not wrap at the
//! width; otherwise it is anything so wide. Pointers exist at 64 bits only.

use alloc::{boxed::Box, vec::Vec};

use super::decode::Width;
use crate::check::arithmetic::Arithmetic;
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
            tables: Tables::new(&policy.tables).unwrap_or_default(),
            numbers: Numbers::new(u32::MAX as usize),
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

    /// Arithmetic at this width.
    pub(super) fn at(&mut self, width: Width) -> Arithmetic<'_> {
        Arithmetic {
            numbers: &mut self.numbers,
            facts: &mut self.state.facts,
            max: width.max(),
        }
    }

    /// Any number of this width.
    pub(super) fn any(&mut self, width: Width) -> Value {
        self.at(width).any()
    }

    /// A number of which only this is known.
    pub(super) fn within(&mut self, range: Range, residue: Residue) -> Value {
        self.at(Width::W64).within(range, residue)
    }

    pub(super) fn constant(&mut self, value: u64) -> Value {
        self.at(Width::W64).constant(value)
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
            (Value::Number(a), Value::Number(b)) => self.at(width).add(a, b),
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
                self.at(width).advance(pointer, distance)
            }
            _ => Value::Unknown,
        }
    }

    /// `value + constant`.
    pub(super) fn displace(&mut self, value: Value, by: i64, width: Width) -> Value {
        self.at(width).displace(value, by)
    }

    /// `a - b`.
    pub(super) fn subtract(&mut self, a: Value, b: Value, width: Width) -> Value {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => self.at(width).difference(a, b),
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
        self.at(width).shift_left(sum, by)
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
}
