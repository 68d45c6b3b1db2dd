//! One instruction: fetched, checked for load delays, executed; and the entry into an exception.

use super::control::status;
use super::exception::{Cause, Done, Exception, Trap};
use super::register::Register;
use super::strict::{HISTORY, Hazard, Past};
use super::{Core, Decoded, NOWHERE};
use crate::memory::{Line, Memory, Mode, STALE, VALID};
use core::marker::PhantomData;

/// The processor at work on one instruction.
pub(crate) struct Step<'m, M> {
    pub(crate) core: &'m mut Core,
    pub(crate) memory: &'m mut Memory,
    mode: PhantomData<M>,
}

/// The operands of an instruction as the table sees them.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    /// The value of the first register read.
    pub(crate) s: u32,
    /// The value of the second register read.
    pub(crate) t: u32,
    /// The number of the register written.
    pub(crate) d: u8,
    /// The immediate.
    pub(crate) i: u32,
}

impl<'m, M: Mode> Step<'m, M> {
    pub(crate) fn new(core: &'m mut Core, memory: &'m mut Memory) -> Step<'m, M> {
        Step {
            core,
            memory,
            mode: PhantomData,
        }
    }

    /// Runs the next instruction.
    #[inline]
    pub(crate) fn run(&mut self) -> Done {
        let core = &mut *self.core;
        core.current = core.pc;
        core.in_slot = core.branched;
        core.branched = false;
        core.counts.instructions += 1;
        core.counts.cycles += 1;
        let (word, decoded) = match self.fetch() {
            Ok(fetched) => fetched,
            Err(trap) => {
                // Nothing was fetched, so nothing is remembered.
                self.core.remember(NOWHERE, 0);
                return Err(trap);
            }
        };

        let core = &mut *self.core;
        core.remember(core.current, word);
        core.pc = core.next_pc;
        core.next_pc = core.pc.wrapping_add(4);
        let Decoded {
            op,
            s,
            t,
            d,
            immediate,
        } = decoded;
        let operands = Operands {
            s: core.registers[usize::from(s & 31)],
            t: core.registers[usize::from(t & 31)],
            d,
            i: immediate,
        };
        if core.delayed != 0 {
            if core.strict.load_delay && (s == core.delayed || t == core.delayed) {
                let register = Register::of_field(core.delayed.into());
                return Err(Trap::Hazard(Hazard::LoadDelay(register)));
            }
            core.settle();
        }
        self.execute(op, operands)
    }

    /// The instruction at `pc`.
    #[inline]
    fn fetch(&mut self) -> Result<(u32, Decoded), Trap> {
        let core = &*self.core;
        let pc = core.pc;
        // The low two bits compare too: the page's are zero, so an odd pc is never found here.
        if (pc ^ core.fetch_page) & 0xffff_f003 == 0 {
            let address = core.fetch_frame | pc & 0xffc;
            let line = self.memory.instructions.line(address);
            if line.tag == address | VALID {
                return Ok((line.word, line.decoded));
            }
        }
        self.fetch_slowly()
    }

    #[cold]
    #[inline(never)]
    fn fetch_slowly(&mut self) -> Result<(u32, Decoded), Trap> {
        let pc = self.core.pc;
        if pc & 3 != 0 {
            return Err(Exception::at(Cause::AddressLoad, pc).into());
        }
        if pc == self.core.return_address {
            return Err(Trap::Returned);
        }
        let (address, cached) = self.translate(pc, false)?;
        if cached && self.core.control.status & status::SWAP != 0 {
            if self.core.strict.stale_code {
                return Err(Trap::Hazard(Hazard::SwappedFetch));
            }
            return self.fetch_uncached(address);
        }
        if !cached || self.memory.word(address).is_none() {
            return self.fetch_uncached(address);
        }
        self.core.fetch_page = pc & !0xfff;
        self.core.fetch_frame = address & !0xfff;
        let line = *self.memory.instructions.line(address);
        if line.tag == address | VALID {
            return Ok((line.word, line.decoded));
        }
        if line.tag == address | STALE {
            return self.fetch_stale(address, line);
        }
        let counts = &mut self.core.counts;
        match self.memory.fetch_block::<M>(address, counts) {
            Some(line) => Ok((line.word, line.decoded)),
            None => Err(Exception::bare(Cause::BusFetch).into()),
        }
    }

    fn fetch_stale(&mut self, address: u32, line: Line) -> Result<(u32, Decoded), Trap> {
        if self.core.strict.stale_code {
            return Err(Trap::Hazard(Hazard::StaleCode {
                cached: line.word,
                memory: self.memory.word(address).unwrap_or_default(),
            }));
        }
        Ok((line.word, line.decoded))
    }

    fn fetch_uncached(&mut self, address: u32) -> Result<(u32, Decoded), Trap> {
        use crate::device::Width;
        let counts = &mut self.core.counts;
        let word = match self.memory.fetch_uncached::<M>(address, counts) {
            Some(word) => word,
            None => {
                let word = self
                    .memory
                    .device_read::<M>(address, Width::Word, counts)
                    .map_err(|_| Exception::bare(Cause::BusFetch))?;
                self.core.attention = 0;
                word
            }
        };
        Ok((word, Decoded::new(word)))
    }
}

impl Core {
    /// Puts the instruction that did not complete before the machine again. What was counted of it
    /// stays counted, and a load that arrived during it has arrived.
    pub(crate) fn step_back(&mut self) {
        // A fetch that failed has not moved on.
        if self.last().is_some() {
            self.next_pc = self.pc;
            self.pc = self.current;
        }
        self.branched = self.in_slot;
    }

    #[inline]
    fn remember(&mut self, pc: u32, word: u32) {
        self.history[self.counts.instructions as usize % HISTORY] = Past { pc, word };
    }
}

/// Enters `exception` of the current instruction.
pub(crate) fn take(core: &mut Core, memory: &Memory, exception: &Exception) {
    core.settle();
    let vector = core.control.enter(exception, core.current, core.in_slot);
    core.set_pc(vector);
    core.forget_fetch_page();
    core.counts.cycles += memory.costs.exception_entry;
    core.counts.exceptions += 1;
    // The handler may read what the chip has just latched: nothing of it is a hazard.
    core.control_written = [0; 16];
}

/// Takes an interrupt before the next instruction.
pub(crate) fn interrupt(core: &mut Core, memory: &Memory) {
    core.current = core.pc;
    core.in_slot = core.branched;
    take(core, memory, &Exception::bare(Cause::Interrupt));
}
