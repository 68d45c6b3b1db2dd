//! What the table's instructions do: the words in which [`super::table`] is written.

use super::Op;
use super::control::{self, number, status};
use super::exception::{Cause, Done, Exception, Trap};
use super::step::{Operands, Step};
use super::strict::{CONTROL_DISTANCE, HILO_DISTANCE, HISTORY, Hazard};
use super::table::for_each_instruction;
use super::tlb::{ASID, Entry, Found};
use crate::device::Width;
use crate::memory::Mode;

macro_rules! define {
    ($($op:ident $text:literal $space:ident $code:literal $format:ident |$c:ident, $x:ident| $do:expr;)*) => {
        impl<M: Mode> Step<'_, M> {
            /// Does what the table says of `op`.
            #[inline]
            pub(super) fn execute(&mut self, op: Op, operands: Operands) -> Done {
                match op {
                    $(Op::$op => { let ($c, $x) = (self, operands); $do })*
                    Op::Reserved => self.reserved(),
                }
            }
        }
    };
}
for_each_instruction!(define);

/// HI and LO of a signed product.
fn product_signed(s: u32, t: u32) -> u64 {
    (i64::from(s as i32) * i64::from(t as i32)) as u64
}

/// Remainder and quotient, as HI and LO. A zero divisor leaves the dividend in HI and all ones (or
/// one, for a negative dividend) in LO, which is what the chip's division loop arrives at; the
/// manual leaves both undefined.
fn quotient_signed(s: u32, t: u32) -> (u32, u32) {
    let (dividend, divisor) = (s as i32, t as i32);
    if divisor == 0 {
        return (s, if dividend < 0 { 1 } else { u32::MAX });
    }
    let remainder = dividend.wrapping_rem(divisor);
    let quotient = dividend.wrapping_div(divisor);
    (remainder as u32, quotient as u32)
}

/// Remainder and quotient, as HI and LO; by zero, as the signed division has it.
fn quotient_unsigned(s: u32, t: u32) -> (u32, u32) {
    match (s.checked_rem(t), s.checked_div(t)) {
        (Some(remainder), Some(quotient)) => (remainder, quotient),
        _ => (s, u32::MAX),
    }
}

// Registers and exceptions.
impl<M: Mode> Step<'_, M> {
    /// Writes a register.
    #[inline]
    pub(super) fn set(&mut self, register: u8, value: u32) -> Done {
        self.core.registers[usize::from(register & 31)] = value;
        self.core.registers[0] = 0;
        Ok(())
    }

    /// Writes a register after the next instruction.
    #[inline]
    pub(super) fn delay(&mut self, register: u8, value: u32) -> Done {
        self.core.delayed = register;
        self.core.delayed_value = value;
        Ok(())
    }

    #[inline]
    fn set_unless_overflow(&mut self, register: u8, value: Option<i32>) -> Done {
        match value {
            Some(value) => self.set(register, value as u32),
            None => self.raise(Cause::Overflow),
        }
    }

    #[cold]
    fn raise(&mut self, cause: Cause) -> Done {
        Err(Exception::bare(cause).into())
    }

    #[cold]
    fn reserved(&mut self) -> Done {
        let core = &*self.core;
        // What belongs to coprocessor 0 asks first whether it may be used.
        let word = core.history[core.counts.instructions as usize % HISTORY].word;
        if word >> 26 == 0x10 {
            core.control.usable(0)?;
        }
        if core.strict.reserved_in_kernel && !core.control.is_user() {
            return Err(Trap::Hazard(Hazard::Reserved(word)));
        }
        self.raise(Cause::ReservedInstruction)
    }

    /// An instruction of a coprocessor that is not there.
    #[cold]
    fn coprocessor(&mut self, number: u8) -> Done {
        self.core.control.usable(number)?;
        self.reserved()
    }
}

// Branches and jumps.
impl<M: Mode> Step<'_, M> {
    #[inline]
    fn leave(&mut self, target: u32) -> Done {
        if self.core.in_slot && self.core.strict.branch_in_slot {
            return Err(Trap::Hazard(Hazard::BranchInSlot));
        }
        self.core.branched = true;
        self.core.next_pc = target;
        Ok(())
    }

    #[inline]
    fn branch(&mut self, taken: bool, displacement: u32) -> Done {
        let core = &*self.core;
        let target = if taken {
            core.current.wrapping_add(4).wrapping_add(displacement)
        } else {
            core.next_pc
        };
        self.leave(target)
    }

    #[inline]
    fn jump(&mut self, target: u32) -> Done {
        self.leave(target)
    }

    #[inline]
    fn jump_in_region(&mut self, target: u32) -> Done {
        let slot = self.core.current.wrapping_add(4);
        self.leave(slot & 0xf000_0000 | target)
    }

    /// The address after the delay slot.
    fn after_slot(&self) -> u32 {
        self.core.current.wrapping_add(8)
    }

    #[inline]
    fn branch_and_link(&mut self, taken: bool, displacement: u32) -> Done {
        self.branch(taken, displacement)?;
        self.set(31, self.after_slot())
    }

    #[inline]
    fn jump_and_link(&mut self, target: u32, register: u8) -> Done {
        self.leave(target)?;
        self.set(register, self.after_slot())
    }

    #[inline]
    fn jump_in_region_and_link(&mut self, target: u32) -> Done {
        self.jump_in_region(target)?;
        self.set(31, self.after_slot())
    }

    /// Branches by the condition input of coprocessor 0, to which the boards wire "the write
    /// buffer is empty".
    fn branch_on_buffer(&mut self, sense: bool, displacement: u32) -> Done {
        self.core.control.usable(0)?;
        let empty = !M::CACHES || self.memory.buffer_is_empty(self.core.counts.cycles);
        self.branch(empty == sense, displacement)
    }
}

// Multiplication and division.
impl<M: Mode> Step<'_, M> {
    /// Waits until HI and LO are ready.
    #[inline]
    fn await_hilo(&mut self) {
        let core = &mut *self.core;
        let begun = core.counts.cycles - 1;
        let stall = core.hilo_ready.saturating_sub(begun);
        core.counts.cycles += stall;
        core.counts.multiply_stalls += stall;
    }

    fn read_hilo(&mut self) {
        self.await_hilo();
        self.core.hilo_read = self.core.counts.instructions;
    }

    fn write_hilo(&mut self, hi: u32, lo: u32, latency: u64) -> Done {
        self.check_hilo()?;
        self.await_hilo();
        let core = &mut *self.core;
        (core.hi, core.lo) = (hi, lo);
        core.hilo_ready = core.counts.cycles - 1 + latency;
        Ok(())
    }

    fn check_hilo(&self) -> Done {
        let core = &*self.core;
        if core.strict.hilo && core.is_soon(core.hilo_read, HILO_DISTANCE) {
            return Err(Trap::Hazard(Hazard::HiLo));
        }
        Ok(())
    }

    fn multiply(&mut self, product: u64) -> Done {
        let latency = self.memory.costs.multiply;
        self.write_hilo((product >> 32) as u32, product as u32, latency)
    }

    fn divide(&mut self, (remainder, quotient): (u32, u32)) -> Done {
        let latency = self.memory.costs.divide;
        self.write_hilo(remainder, quotient, latency)
    }

    fn move_from_hi(&mut self, register: u8) -> Done {
        self.read_hilo();
        self.set(register, self.core.hi)
    }

    fn move_from_lo(&mut self, register: u8) -> Done {
        self.read_hilo();
        self.set(register, self.core.lo)
    }

    fn move_to_hi(&mut self, value: u32) -> Done {
        self.write_hilo(value, self.core.lo, 1)
    }

    fn move_to_lo(&mut self, value: u32) -> Done {
        self.write_hilo(self.core.hi, value, 1)
    }
}

// Coprocessor 0 and the TLB.
impl<M: Mode> Step<'_, M> {
    /// Stops if register `number` changed too lately to be used.
    pub(super) fn check_control(&self, number: u8) -> Done {
        let core = &*self.core;
        let written = core.control_written[usize::from(number & 15)];
        if core.strict.control && core.is_soon(written, CONTROL_DISTANCE) {
            return Err(Trap::Hazard(Hazard::Control(number)));
        }
        Ok(())
    }

    fn mark_control(&mut self, number: u8) {
        self.core.control_written[usize::from(number & 15)] = self.core.counts.instructions;
    }

    fn move_from_control(&mut self, register: u8, number: u32) -> Done {
        self.core.control.usable(0)?;
        let number = number as u8;
        self.check_control(number)?;
        let value = self.core.control.read(number, self.core.counts.cycles);
        self.delay(register, value)
    }

    fn move_to_control(&mut self, value: u32, number: u32) -> Done {
        self.core.control.usable(0)?;
        let number = number as u8;
        let before = (self.core.control.entry_high, self.core.control.status);
        self.core.control.write(number, value);
        self.mark_control(number);
        match number {
            number::ENTRY_HIGH => self.note_space(before.0),
            number::STATUS => self.note_status(before.1),
            number::CAUSE => self.core.attention = 0,
            _ => {}
        }
        Ok(())
    }

    /// EntryHi changed: translations of another address space are forgotten.
    fn note_space(&mut self, before: u32) {
        let core = &mut *self.core;
        if (core.control.entry_high ^ before) & ASID != 0 {
            core.space_changed = core.counts.instructions;
            core.forget_translations();
        }
    }

    fn note_status(&mut self, before: u32) {
        let core = &mut *self.core;
        core.attention = 0;
        core.forget_fetch_page();
        if core.control.status & status::ISOLATE != 0 {
            core.isolated_until = u64::MAX;
        } else if before & status::ISOLATE != 0 {
            core.isolated_until = core.counts.instructions + CONTROL_DISTANCE;
        }
    }

    fn tlb_read(&mut self) -> Done {
        self.core.control.usable(0)?;
        self.check_control(number::INDEX)?;
        let before = self.core.control.entry_high;
        let entry = self.core.tlb.entry(self.core.control.index >> 8);
        self.core.control.entry_high = entry.high;
        self.core.control.entry_low = entry.low;
        self.mark_control(number::ENTRY_HIGH);
        self.mark_control(number::ENTRY_LOW);
        self.note_space(before);
        Ok(())
    }

    fn tlb_write_indexed(&mut self) -> Done {
        self.core.control.usable(0)?;
        self.check_control(number::INDEX)?;
        self.tlb_write(self.core.control.index >> 8 & 63)
    }

    fn tlb_write_random(&mut self) -> Done {
        self.core.control.usable(0)?;
        self.tlb_write(control::random(self.core.counts.cycles))
    }

    fn tlb_write(&mut self, index: u32) -> Done {
        self.check_control(number::ENTRY_HIGH)?;
        self.check_control(number::ENTRY_LOW)?;
        let core = &mut *self.core;
        let entry = Entry {
            high: core.control.entry_high,
            low: core.control.entry_low,
        };
        core.tlb.write(index, entry);
        core.forget_translations();
        core.entry = index as usize;
        core.entry_written = core.counts.instructions;
        Ok(())
    }

    fn tlb_probe(&mut self) -> Done {
        self.core.control.usable(0)?;
        self.check_control(number::ENTRY_HIGH)?;
        let core = &mut *self.core;
        let high = core.control.entry_high;
        core.control.index = match core.tlb.search(high, high) {
            Found::Nothing => control::PROBE_FAILED,
            Found::More(_) if core.strict.double_match => {
                return Err(Trap::Hazard(Hazard::DoubleMatch(high & !0xfff)));
            }
            Found::One(index) => (index as u32) << 8,
            Found::More(index) => {
                core.control.status |= status::TLB_SHUTDOWN;
                (index as u32) << 8
            }
        };
        self.mark_control(number::INDEX);
        Ok(())
    }

    fn restore_from_exception(&mut self) -> Done {
        self.core.control.usable(0)?;
        self.check_control(number::STATUS)?;
        self.core.control.restore();
        self.core.attention = 0;
        self.core.forget_fetch_page();
        Ok(())
    }
}
