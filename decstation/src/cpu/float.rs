//! Coprocessor 1 as far as an operating system deals with it: its registers, moved, loaded and
//! stored. Arithmetic is left out; its instructions are reserved.
//!
//! This is what it takes to give the unit to one environment at a time: own it, be refused it,
//! save it and restore it.

use super::exception::Done;
use super::step::{Operands, Step};
use crate::device::Width;
use crate::memory::Mode;

/// The number of the register of implementation and revision.
const IMPLEMENTATION: u32 = 0;
/// The number of the register of control and status.
const STATUS: u32 = 31;
/// Implementation 3 of the manual's list, the R3010; the revision is none of a real chip.
const R3010: u32 = 0x0300;
/// The bits of control and status that exist.
const STATUS_BITS: u32 = 0x0083_ffff;

/// The registers.
#[derive(Clone, Debug)]
pub(super) struct Float {
    pub(super) registers: [u32; 32],
    status: u32,
}

impl Float {
    pub(super) fn new() -> Float {
        Float {
            registers: [0; 32],
            status: 0,
        }
    }
}

impl<M: Mode> Step<'_, M> {
    pub(super) fn move_from_float(&mut self, register: u8, number: u32) -> Done {
        self.core.control.usable(1)?;
        let value = self.core.float.registers[number as usize & 31];
        self.delay(register, value)
    }

    pub(super) fn move_to_float(&mut self, value: u32, number: u32) -> Done {
        self.core.control.usable(1)?;
        self.core.float.registers[number as usize & 31] = value;
        Ok(())
    }

    /// `cfc1`: control registers other than the two read as 0.
    pub(super) fn move_from_float_control(&mut self, register: u8, number: u32) -> Done {
        self.core.control.usable(1)?;
        let value = match number {
            IMPLEMENTATION => R3010,
            STATUS => self.core.float.status,
            _ => 0,
        };
        self.delay(register, value)
    }

    /// `ctc1`: what is no register is not written.
    pub(super) fn move_to_float_control(&mut self, value: u32, number: u32) -> Done {
        self.core.control.usable(1)?;
        if number == STATUS {
            self.core.float.status = value & STATUS_BITS;
        }
        Ok(())
    }

    /// `lwc1`, whose register the decoder gives as the destination.
    pub(super) fn load_float(&mut self, x: Operands) -> Done {
        self.core.control.usable(1)?;
        let value = self.load_value(x, Width::Word)?;
        self.core.float.registers[usize::from(x.d & 31)] = value;
        Ok(())
    }

    /// `swc1`, whose register the decoder gives as the destination.
    pub(super) fn store_float(&mut self, x: Operands) -> Done {
        self.core.control.usable(1)?;
        let t = self.core.float.registers[usize::from(x.d & 31)];
        self.store(Operands { t, ..x }, Width::Word)
    }
}
