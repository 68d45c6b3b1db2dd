//! The processor: registers, the table of instructions, control, translation and caches.
//!
//! Read `table` first: a line for each instruction and what it does. `execute` holds the words
//! that the table is written in, `step` runs one instruction with its branch and load delays,
//! `access` takes an address to memory.
//!
//! The pipeline is not simulated stage by stage. What of it a program can see is: the instruction
//! after a branch runs before its target; a loaded value arrives after the next instruction; HI and
//! LO make their reader wait. Where real hardware promises nothing, [`strict`] stops.

mod access;
pub mod control;
mod decode;
mod disassemble;
pub mod exception;
mod execute;
mod float;
mod register;
mod step;
pub mod strict;
mod table;
pub mod tlb;

pub use decode::{Decoded, Format, Op};
pub use disassemble::Disassembly;
pub use register::Register;

use crate::count::Counts;
use control::{Control, status};
use float::Float;
pub(crate) use step::{Step, interrupt, take};
use strict::{HISTORY, Past, Report, Strict};
use tlb::{Recent, Tlb};

/// An address that no fetch has: it is not aligned.
const NOWHERE: u32 = 1;

/// The address at which the processor starts after reset.
pub const RESET: u32 = 0xbfc0_0000;

/// The state of the processor.
#[derive(Clone, Debug)]
pub struct Core {
    pub(crate) registers: [u32; 32],
    pub(crate) hi: u32,
    pub(crate) lo: u32,
    /// The address of the next instruction, and of the one after it.
    pub(crate) pc: u32,
    pub(crate) next_pc: u32,
    /// The address of the current instruction, and whether it stands in a branch's delay slot.
    pub(crate) current: u32,
    pub(crate) in_slot: bool,
    /// Whether the current instruction is a branch, so that the next stands in its slot.
    pub(crate) branched: bool,
    /// The register whose load has not arrived (0 if none), and its value.
    pub(crate) delayed: u8,
    pub(crate) delayed_value: u32,
    /// Coprocessor 0.
    pub(crate) control: Control,
    pub(crate) tlb: Tlb,
    pub(crate) counts: Counts,
    pub(crate) strict: Strict,
    /// The address that ends a run when the program jumps to it.
    pub(crate) return_address: u32,
    /// When the run loop must look up: at a device's event, the limit, a change of interrupts.
    pub(crate) attention: u64,

    float: Float,
    recent: Recent,
    /// The page that instructions come from, through the cache, and its frame.
    fetch_page: u32,
    fetch_frame: u32,
    /// The cycle at which HI and LO are ready, and the instruction that last read them.
    hilo_ready: u64,
    hilo_read: u64,
    /// The instruction that last wrote each register of coprocessor 0; 0 is none.
    control_written: [u64; 16],
    /// The instruction that last wrote the TLB, and the entry.
    entry_written: u64,
    entry: usize,
    /// The instruction that last changed the address space.
    space_changed: u64,
    /// The last instruction whose loads and stores may find the cache isolated.
    isolated_until: u64,
    history: [Past; HISTORY],
}

impl Core {
    pub(crate) fn new(processor: u32, strict: Strict) -> Core {
        Core {
            registers: [0; 32],
            hi: 0,
            lo: 0,
            pc: RESET,
            next_pc: RESET + 4,
            current: RESET,
            in_slot: false,
            branched: false,
            delayed: 0,
            delayed_value: 0,
            control: Control::new(processor),
            tlb: Tlb::new(),
            counts: Counts::default(),
            strict,
            return_address: NOWHERE,
            attention: 0,
            float: Float::new(),
            recent: Recent::new(),
            fetch_page: NOWHERE,
            fetch_frame: 0,
            hilo_ready: 0,
            hilo_read: 0,
            control_written: [0; 16],
            entry_written: 0,
            entry: 0,
            space_changed: 0,
            isolated_until: 0,
            history: [Past::default(); HISTORY],
        }
    }

    /// The value of `register`, a load that is on its way included.
    pub fn register(&self, register: Register) -> u32 {
        if self.delayed != 0 && register.number() == self.delayed {
            self.delayed_value
        } else {
            self.registers[usize::from(register.number())]
        }
    }

    /// Sets `register`; a load on its way to it is dropped. Register `zero` stays 0.
    pub fn set_register(&mut self, register: Register, value: u32) {
        if self.delayed == register.number() {
            self.delayed = 0;
        }
        self.registers[usize::from(register.number())] = value;
        self.registers[0] = 0;
    }

    /// The address of the next instruction.
    pub fn pc(&self) -> u32 {
        self.pc
    }

    /// Goes to `pc`, out of any delay slot.
    pub fn set_pc(&mut self, pc: u32) {
        self.pc = pc;
        self.next_pc = pc.wrapping_add(4);
        self.current = pc;
        self.branched = false;
        self.in_slot = false;
    }

    /// HI and LO.
    pub fn hi_lo(&self) -> (u32, u32) {
        (self.hi, self.lo)
    }

    /// Sets HI and LO.
    pub fn set_hi_lo(&mut self, hi: u32, lo: u32) {
        (self.hi, self.lo) = (hi, lo);
    }

    /// Register `number` of coprocessor 1, of which the low five bits count.
    pub fn float(&self, number: u8) -> u32 {
        self.float.registers[usize::from(number & 31)]
    }

    /// Coprocessor 0.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Coprocessor 0, to set from outside.
    pub fn control_mut(&mut self) -> &mut Control {
        self.forget_translations();
        self.attention = 0;
        &mut self.control
    }

    /// The TLB.
    pub fn tlb(&self) -> &Tlb {
        &self.tlb
    }

    /// The TLB, to set from outside.
    pub fn tlb_mut(&mut self) -> &mut Tlb {
        self.forget_translations();
        &mut self.tlb
    }

    /// Totals so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The state and the last instructions, for a report.
    pub fn report(&self) -> Report {
        let done = self.counts.instructions;
        let first = done.saturating_sub(HISTORY as u64 - 1).max(1);
        Report {
            pc: self.current,
            registers: core::array::from_fn(|number| {
                self.register(Register::of_field(number as u32))
            }),
            hi: self.hi,
            lo: self.lo,
            status: self.control.status,
            cause: self.control.cause,
            epc: self.control.epc,
            bad_address: self.control.bad_address,
            last: (first..=done)
                .map(|at| self.history[at as usize % HISTORY])
                .filter(|past| past.pc != NOWHERE)
                .collect(),
        }
    }

    /// The last instruction that was fetched, if the last fetch was answered.
    pub fn last(&self) -> Option<Past> {
        let past = self.history[self.counts.instructions as usize % HISTORY];
        (past.pc != NOWHERE && self.counts.instructions > 0).then_some(past)
    }

    fn forget_translations(&mut self) {
        self.recent.forget();
        self.forget_fetch_page();
    }

    fn forget_fetch_page(&mut self) {
        self.fetch_page = NOWHERE;
    }

    /// Isolation of the caches that came from outside, not by `mtc0`, begins or ends at once.
    pub(crate) fn note_isolation(&mut self) {
        if self.control.status & status::ISOLATE != 0 {
            self.isolated_until = u64::MAX;
        } else if self.isolated_until == u64::MAX {
            self.isolated_until = 0;
        }
    }

    /// A load on its way arrives.
    pub(crate) fn settle(&mut self) {
        self.registers[usize::from(self.delayed & 31)] = self.delayed_value;
        self.registers[0] = 0;
        self.delayed = 0;
    }

    /// Whether fewer than `distance` instructions stand between number `then` and the current one.
    fn is_soon(&self, then: u64, distance: u64) -> bool {
        then != 0 && self.counts.instructions <= then + distance
    }
}
