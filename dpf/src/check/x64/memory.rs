//! Addresses, loads and stores: where the proof obligations of x86-64 code arise.

use super::decode::{Base, Memory, Width};
use super::machine::{JumpTable, Machine, STACK_POINTER};
use crate::check::domain::{Range, Residue, Sum, ZERO};
use crate::check::report::Reason;
use crate::check::state::Value;

/// Bytes below the stack pointer that signal handlers leave alone (System V ABI, 3.2.2).
const RED_ZONE: i64 = 128;
/// Bytes of a push and of an aligned word of the frame.
const WORD: i64 = 8;

impl Machine<'_> {
    /// What `memory` points to, or so many low bits of that.
    pub(super) fn address(&mut self, memory: Memory, width: Width) -> Value {
        let start = match memory.base {
            Base::None => Value::constant(0),
            Base::Register(register) => self.register(register, width),
            Base::Code if width == Width::W64 => Value::Code(Sum::constant(0)),
            Base::Code => self.any(width),
        };
        let start = match memory.index {
            None => start,
            Some(index) => {
                let index = self.register(index, width);
                let scaled = self.shift_left(index, memory.scale, width);
                self.add(start, scaled, width)
            }
        };
        self.displace(start, memory.displacement, width)
    }

    /// The value that a load of `width` gives, if the load is safe.
    pub(super) fn load(&mut self, memory: Memory, width: Width) -> Result<Value, Reason> {
        let bytes = width.bytes();
        match self.address(memory, Width::W64) {
            Value::Packet(sum) => {
                let (low, high) = self.state.facts.distance(&self.numbers, sum);
                let slack = self.state.facts.slack(&self.numbers, sum);
                if low < 0 || slack < Some(bytes.into()) {
                    return Err(Reason::PacketLoad { bytes, low, high });
                }
                Ok(self.any(width))
            }
            Value::Number(sum) => {
                let Range { low, high } = self.state.facts.range(&self.numbers, sum);
                if !self.tables.hold(low, high, bytes) {
                    return Err(Reason::TableLoad { bytes, low, high });
                }
                Ok(self.any(width))
            }
            Value::Frame(sum) => self.load_frame(sum, width),
            _ => Err(Reason::Load { bytes }),
        }
    }

    /// A load of 32 bits, sign-extended to 64: from a table of jumps, or anything.
    pub(super) fn load_signed(&mut self, memory: Memory) -> Result<Value, Reason> {
        let Value::Code(sum) = self.address(memory, Width::W64) else {
            self.load(memory, Width::W32)?;
            return Ok(self.any(Width::W64));
        };
        let refused = Err(Reason::Load { bytes: 4 });
        let (low, high) = self.state.facts.distance(&self.numbers, sum);
        let (Ok(low), Ok(high)) = (usize::try_from(low), usize::try_from(high)) else {
            return refused;
        };
        let aligned = self.numbers.residue(sum) == Residue::exact(sum_residue(low));
        if !aligned || high.saturating_add(4) > self.code.len() {
            return refused;
        }
        self.jump_tables.push(JumpTable {
            first: low,
            last: high,
            origin: 0,
        });
        Ok(Value::JumpDistance(self.jump_tables.len() as u32 - 1))
    }

    /// Stores into the frame; anywhere else is refused.
    pub(super) fn store(
        &mut self,
        memory: Memory,
        width: Width,
        value: Value,
    ) -> Result<(), Reason> {
        let Value::Frame(sum) = self.address(memory, Width::W64) else {
            return Err(Reason::Store);
        };
        let offset = self.frame_offset(sum, width)?;
        let [(first, low), (last, high)] = places(offset, width);
        self.state.set_slot(last, Value::Unknown, high);
        let held = match (width, value) {
            _ if offset % WORD != 0 => Value::Unknown,
            (Width::W64, value) => value,
            (Width::W32, Value::Number(sum)) => Value::Low32(sum),
            _ => Value::Unknown,
        };
        self.state.set_slot(first, held, low);
        Ok(())
    }

    pub(super) fn push(&mut self, value: Value) -> Result<(), Reason> {
        self.move_stack_pointer(-WORD)?;
        self.store(TOP, Width::W64, value)
    }

    pub(super) fn pop(&mut self) -> Result<Value, Reason> {
        let value = self.load(TOP, Width::W64)?;
        self.move_stack_pointer(WORD)?;
        Ok(value)
    }

    /// Takes `value` for the stack pointer, if it points into the frame or to its top.
    pub(super) fn set_stack_pointer(&mut self, value: Value) -> Result<(), Reason> {
        let Value::Frame(Sum { var: ZERO, offset }) = value else {
            return Err(Reason::StackPointer);
        };
        let size = self.policy.frame;
        if offset > 0 || offset < -i64::from(size) {
            return Err(Reason::Frame {
                offset: offset.into(),
                size,
            });
        }
        // What lies below the red zone may be overwritten at any time.
        let kept = ((RED_ZONE - offset) / WORD) as usize;
        self.state.frame.truncate(kept);
        self.deepest = self.deepest.min(offset);
        self.state.registers[usize::from(STACK_POINTER)] = value;
        Ok(())
    }

    fn move_stack_pointer(&mut self, by: i64) -> Result<(), Reason> {
        let old = self.register(STACK_POINTER, Width::W64);
        let new = self.displace(old, by, Width::W64);
        self.set_stack_pointer(new)
    }

    fn load_frame(&mut self, sum: Sum, width: Width) -> Result<Value, Reason> {
        let offset = self.frame_offset(sum, width)?;
        let [(first, low), (last, high)] = places(offset, width);
        let missing = |at, bytes: u8| bytes & !self.state.slot(at).written != 0;
        if missing(first, low) || missing(last, high) {
            return Err(Reason::Unwritten { offset });
        }
        let held = self.state.slot(first).held;
        Ok(match (width, held) {
            (Width::W64, Value::Unknown) => self.any(width),
            (Width::W64, held) if offset % WORD == 0 => held,
            (Width::W32, held) if offset % WORD == 0 => self.low(held, width),
            _ => self.any(width),
        })
    }

    /// The offset of an access to the frame, all of whose bytes are the frame's.
    fn frame_offset(&mut self, sum: Sum, width: Width) -> Result<i64, Reason> {
        let (low, high) = self.state.facts.distance(&self.numbers, sum);
        let size = self.policy.frame;
        let refused = Reason::Frame { offset: low, size };
        let stack = match self.state.registers[usize::from(STACK_POINTER)] {
            Value::Frame(stack) => stack.offset,
            _ => return Err(Reason::StackPointer),
        };
        let least = (stack - RED_ZONE).max(-i64::from(size));
        let offset = i64::try_from(low).map_err(|_| refused)?;
        if low != high || offset < least || offset > -i64::from(width.bytes()) {
            return Err(refused);
        }
        self.deepest = self.deepest.min(offset);
        Ok(offset)
    }
}

/// The memory that the stack pointer points to.
const TOP: Memory = Memory {
    base: Base::Register(STACK_POINTER),
    index: None,
    scale: 0,
    displacement: 0,
};

/// The number of the word of the frame that holds the byte at `offset`, which is below 0.
fn slot(offset: i64) -> usize {
    ((-1 - offset) / WORD) as usize
}

/// The words that an access touches, which may be the same one, and which bytes of each.
fn places(offset: i64, width: Width) -> [(usize, u8); 2] {
    let touched = (u16::MAX >> (16 - width.bytes())) << offset.rem_euclid(WORD);
    let end = offset + i64::from(width.bytes()) - 1;
    let [low, high] = touched.to_le_bytes();
    if slot(offset) == slot(end) {
        [(slot(offset), low); 2]
    } else {
        [(slot(offset), low), (slot(end), high)]
    }
}

fn sum_residue(low: usize) -> i64 {
    (low & 3) as i64
}
