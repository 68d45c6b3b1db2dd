//! What each operation does to the abstract machine.

use super::decode::{Binary, Condition, Kind, Operation, Place, Shift, Width};
use super::machine::{ACCUMULATOR, DATA, Flags, JumpTable, Machine};
use crate::check::domain::{Range, Residue, Sum};
use crate::check::facts::Relation;
use crate::check::report::Reason;
use crate::check::state::{State, Value, either};

/// Where execution goes after an operation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    Continue,
    Jump(u64),
    /// To this offset under the condition, else on.
    Branch(Condition, u64),
    Table(JumpTable),
    Return,
}

impl Machine<'_> {
    /// Does `operation`, if it is safe.
    pub(super) fn execute(&mut self, operation: &Operation) -> Result<Next, Reason> {
        let &Operation {
            kind,
            width,
            target,
            source,
        } = operation;
        match kind {
            Kind::Nop => {}
            Kind::Move => {
                let value = match (source, width) {
                    (Place::Register(register), Width::W64) => self.held(register),
                    _ => self.read(source, width)?,
                };
                self.write(target, width, value)?;
            }
            Kind::ZeroExtend(from) => {
                let value = self.read(source, from)?;
                self.write(target, width, value)?;
            }
            Kind::SignExtend(from) => self.sign_extend(target, width, source, from)?,
            Kind::Address => {
                let Place::Memory(memory) = source else {
                    return Err(Reason::NotAllowed);
                };
                let value = self.address(memory, width);
                self.write(target, width, value)?;
            }
            Kind::Binary(op) => self.binary(op, operation)?,
            Kind::MultiplyBy(factor) => {
                let value = self.read(source, width)?;
                let factor = self.immediate(factor, width);
                let product = self.multiply(value, factor, width);
                self.write(target, width, product)?;
                self.flags = Flags::Unknown;
            }
            Kind::Compare => {
                let (a, b) = (self.read(target, width)?, self.read(source, width)?);
                self.flags = Flags::Compared(a, b, width);
            }
            Kind::Test => self.test(target, source, width)?,
            Kind::Shift(shift) => self.shift(shift, operation)?,
            Kind::Unary => {
                self.read(target, width)?;
                let value = self.any(width);
                self.write(target, width, value)?;
                self.flags = Flags::Unknown;
            }
            Kind::Step(by) => {
                let value = self.read(target, width)?;
                let value = self.displace(value, by, width);
                self.write(target, width, value)?;
                self.flags = Flags::Zero(value);
            }
            Kind::WideMultiply => self.wide_multiply(target, width)?,
            Kind::BitScan => self.bit_scan(target, source, width)?,
            Kind::PopulationCount => {
                self.read(source, width)?;
                let value = self.within(Range::up_to(width.bits().into()), Residue::ANY);
                self.write(target, width, value)?;
                self.flags = Flags::Unknown;
            }
            Kind::Set(_) => {
                let value = self.within(Range::up_to(1), Residue::ANY);
                self.write(target, Width::W8, value)?;
            }
            Kind::Select(condition) => self.select(condition, target, source, width)?,
            Kind::Exchange => self.exchange(target, source, width)?,
            Kind::Push | Kind::Pop => self.stack(kind, target, width)?,
            Kind::Jump(to) => return Ok(Next::Jump(to)),
            Kind::Branch(condition, to) => return Ok(Next::Branch(condition, to)),
            Kind::JumpIndirect => return self.jump_indirect(target),
            Kind::Return => return self.may_return().map(|()| Next::Return),
        }
        Ok(Next::Continue)
    }

    /// Learns in `taken`, a copy of the state, that the condition holds, and here that it does not.
    pub(super) fn branch(&mut self, condition: Condition, taken: &mut State<16>) {
        if let Some((relation, a, b)) = self.compared(condition) {
            taken.facts.assume(&mut self.numbers, relation, a, b);
            self.state
                .facts
                .assume(&mut self.numbers, relation.complement(), a, b);
        }
    }

    fn read(&mut self, place: Place, width: Width) -> Result<Value, Reason> {
        match place {
            Place::Register(register) => Ok(self.register(register, width)),
            Place::Memory(memory) => self.load(memory, width),
            Place::Immediate(value) => Ok(self.immediate(value, width)),
            Place::None => Err(Reason::NotAllowed),
        }
    }

    fn write(&mut self, place: Place, width: Width, value: Value) -> Result<(), Reason> {
        match place {
            Place::Register(register) => self.set_register(register, width, value),
            Place::Memory(memory) => self.store(memory, width, value),
            Place::Immediate(_) | Place::None => Err(Reason::NotAllowed),
        }
    }

    fn immediate(&mut self, value: i64, width: Width) -> Value {
        self.constant(value.cast_unsigned() & width.max())
    }

    fn sign_extend(
        &mut self,
        target: Place,
        width: Width,
        source: Place,
        from: Width,
    ) -> Result<(), Reason> {
        let value = match source {
            Place::Memory(memory) if (width, from) == (Width::W64, Width::W32) => {
                self.load_signed(memory)?
            }
            _ => {
                let narrow = self.read(source, from)?;
                let sum = self.number(narrow, from);
                if self.range(sum).high <= from.max() / 2 {
                    Value::Number(sum)
                } else {
                    self.any(width)
                }
            }
        };
        self.write(target, width, value)
    }

    fn binary(&mut self, op: Binary, operation: &Operation) -> Result<(), Reason> {
        let &Operation {
            width,
            target,
            source,
            ..
        } = operation;
        let (a, b) = (self.read(target, width)?, self.read(source, width)?);
        let zero = Value::constant(0);
        let same = matches!(target, Place::Register(_)) && target == source;
        let (result, flags) = match op {
            Binary::Subtract if same => (zero, Flags::Compared(zero, zero, width)),
            Binary::Xor if same => (zero, Flags::Compared(zero, zero, width)),
            Binary::And if same => (a, Flags::Compared(a, zero, width)),
            Binary::Or if same => (a, Flags::Compared(a, zero, width)),
            Binary::Subtract => (self.subtract(a, b, width), Flags::Compared(a, b, width)),
            Binary::Add => {
                let sum = self.sum_or_difference(a, b, source, width);
                (sum, Flags::Zero(sum))
            }
            Binary::Carried => (self.any(width), Flags::Unknown),
            Binary::Multiply => (self.multiply(a, b, width), Flags::Unknown),
            Binary::And | Binary::Or | Binary::Xor => {
                let value = self.bitwise(op, a, b, width);
                (value, Flags::Compared(value, zero, width))
            }
        };
        self.write(target, width, result)?;
        self.flags = flags;
        Ok(())
    }

    /// `a + b`; a negative constant is taken away instead.
    fn sum_or_difference(&mut self, a: Value, b: Value, source: Place, width: Width) -> Value {
        let unused = 64 - width.bits();
        match source {
            Place::Immediate(by) => self.displace(a, by << unused >> unused, width),
            _ => self.add(a, b, width),
        }
    }

    fn bitwise(&mut self, op: Binary, a: Value, b: Value, width: Width) -> Value {
        let (x, y) = (self.number(a, width), self.number(b, width));
        let mut at = self.at(width);
        match op {
            Binary::And => at.and(x, y),
            Binary::Or => at.or(x, y),
            _ => at.xor(x, y),
        }
    }

    fn multiply(&mut self, a: Value, b: Value, width: Width) -> Value {
        let (x, y) = (self.number(a, width), self.number(b, width));
        self.at(width).multiply(x, y)
    }

    fn test(&mut self, target: Place, source: Place, width: Width) -> Result<(), Reason> {
        let (a, b) = (self.read(target, width)?, self.read(source, width)?);
        let tested = match (target, source) {
            (Place::Register(a_name), Place::Register(b_name)) if a_name == b_name => a,
            _ => self.bitwise(Binary::And, a, b, width),
        };
        self.flags = Flags::Compared(tested, Value::constant(0), width);
        Ok(())
    }

    fn shift(&mut self, shift: Shift, operation: &Operation) -> Result<(), Reason> {
        let &Operation {
            width,
            target,
            source,
            ..
        } = operation;
        let value = self.read(target, width)?;
        let result = match self.shift_count(source, width) {
            Some(0) => return self.write(target, width, value),
            Some(by) if by < width.bits() => match shift {
                Shift::Left => self.shift_left(value, by, width),
                Shift::Right => {
                    let sum = self.number(value, width);
                    self.at(width).shift_right(sum, by)
                }
                Shift::Other => self.any(width),
            },
            // Right shifts do not make a number greater.
            _ if shift == Shift::Right => {
                let sum = self.number(value, width);
                let high = self.range(sum).high;
                self.within(Range::up_to(high), Residue::ANY)
            }
            _ => self.any(width),
        };
        self.write(target, width, result)?;
        self.flags = Flags::Unknown;
        Ok(())
    }

    /// A constant count, cut as the processor does.
    fn shift_count(&self, source: Place, width: Width) -> Option<u32> {
        match source {
            Place::Immediate(count) if width == Width::W64 => Some(count as u32 & 63),
            Place::Immediate(count) => Some(count as u32 & 31),
            _ => None,
        }
    }

    fn wide_multiply(&mut self, factor: Place, width: Width) -> Result<(), Reason> {
        if width < Width::W32 {
            return Err(Reason::NotAllowed);
        }
        self.read(factor, width)?;
        for register in [ACCUMULATOR, DATA] {
            let half = self.any(width);
            self.set_register(register, width, half)?;
        }
        self.flags = Flags::Unknown;
        Ok(())
    }

    fn bit_scan(&mut self, target: Place, source: Place, width: Width) -> Result<(), Reason> {
        if width < Width::W32 {
            return Err(Reason::NotAllowed);
        }
        let value = self.read(source, width)?;
        let sum = self.number(value, width);
        // Without a set bit the target keeps what it held, or gets the width.
        let found = match self.range(sum).low {
            0 => self.any(Width::W64),
            _ => self.within(Range::up_to((width.bits() - 1).into()), Residue::ANY),
        };
        self.write(target, Width::W64, found)?;
        self.flags = Flags::Unknown;
        Ok(())
    }

    fn select(
        &mut self,
        condition: Condition,
        target: Place,
        source: Place,
        width: Width,
    ) -> Result<(), Reason> {
        let (old, new) = (self.read(target, width)?, self.read(source, width)?);
        let value = match (old, new) {
            _ if old == new => old,
            (Value::Number(old), Value::Number(new)) => {
                Value::Number(self.outcome(condition, old, new))
            }
            (Value::Packet(old), Value::Packet(new)) => {
                Value::Packet(self.outcome(condition, old, new))
            }
            _ => Value::Unknown,
        };
        self.write(target, width, value)
    }

    /// `new` if the condition holds, else `old`, with what the condition tells of each.
    fn outcome(&mut self, condition: Condition, old: Sum, new: Sum) -> Sum {
        let (mut chosen, mut kept) = core::mem::take(&mut self.outcomes);
        chosen.clone_from(&self.state.facts);
        kept.clone_from(&self.state.facts);
        if let Some((relation, a, b)) = self.compared(condition) {
            chosen.assume(&mut self.numbers, relation, a, b);
            kept.assume(&mut self.numbers, Relation::complement(relation), a, b);
        }
        let result = match (chosen.possible(), kept.possible()) {
            (true, false) => new,
            (false, true) => old,
            _ => {
                let (var, slack) = either(&mut self.numbers, (&chosen, new), (&kept, old));
                self.state.facts.learn_slack(&self.numbers, var, slack);
                Sum::of(var)
            }
        };
        self.outcomes = (chosen, kept);
        result
    }

    fn exchange(&mut self, target: Place, source: Place, width: Width) -> Result<(), Reason> {
        let (Place::Register(_), Place::Register(_)) = (target, source) else {
            return Err(Reason::NotAllowed); // In memory it would lock the bus.
        };
        let (a, b) = (self.read(target, width)?, self.read(source, width)?);
        self.write(target, width, b)?;
        self.write(source, width, a)
    }

    fn stack(&mut self, kind: Kind, place: Place, width: Width) -> Result<(), Reason> {
        let (Width::W64, Place::Register(register)) = (width, place) else {
            return Err(Reason::NotAllowed);
        };
        if kind == Kind::Push {
            let value = self.held(register);
            return self.push(value);
        }
        let value = self.pop()?;
        self.write(place, width, value)
    }

    fn jump_indirect(&mut self, target: Place) -> Result<Next, Reason> {
        let Place::Register(register) = target else {
            return Err(Reason::UnboundedJump);
        };
        match self.register(register, Width::W64) {
            Value::JumpTarget(table) => Ok(Next::Table(self.jump_tables[table as usize])),
            _ => Err(Reason::UnboundedJump),
        }
    }
}
