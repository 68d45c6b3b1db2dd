//! Strict mode: where the program depends on what the hardware does not promise, stop.
//!
//! A R3000 runs on through a hazard with an old value, and an emulator without hazards runs on
//! through it with the new one; either way the bug stays hidden until the machine, the interrupt or
//! the compiler changes. So each check is on unless it is switched off, and a stop carries what is
//! needed to find the instruction: the registers and the last 32 instructions.
//!
//! Distances between writers and readers of coprocessor 0 are those of the constants below. The
//! manual asks for one instruction after `mtc0` and before the register's use; what a TLB write
//! changes may be fetched or loaded by the third instruction after it, as the chip's pipeline has
//! it. Real chips are more lenient in places; code that keeps these runs on all of them.

use super::disassemble::Disassembly;
use super::register::Register;
use core::fmt;

/// Instructions that must stand between a write of a coprocessor 0 register and its use.
pub const CONTROL_DISTANCE: u64 = 1;
/// Instructions that must stand between a TLB write, or a new address space in EntryHi, and the
/// first access that it translates.
pub const TRANSLATION_DISTANCE: u64 = 2;
/// Instructions that must stand between `mfhi` or `mflo` and the next write of HI or LO.
pub const HILO_DISTANCE: u64 = 2;
/// How many instructions a report goes back.
pub const HISTORY: usize = 32;

/// Which checks are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strict {
    /// Use of a register in the delay slot of its load.
    pub load_delay: bool,
    /// Use of a coprocessor 0 register, or of the TLB, too soon after its change.
    pub control: bool,
    /// A write of HI or LO less than two instructions after `mfhi` or `mflo`: an interrupt there
    /// would make the read wrong. Compilers break this rule (LLVM does), and without interrupts it
    /// does no harm, so programs from a compiler may need it off.
    pub hilo: bool,
    /// Executing a word that the instruction cache holds and memory no longer does, or cached code
    /// while the caches are swapped.
    pub stale_code: bool,
    /// Two entries of the TLB that match one address: the chip shuts its TLB down.
    pub double_match: bool,
    /// A word that is no instruction, in kernel mode.
    pub reserved_in_kernel: bool,
    /// A branch in a branch's delay slot.
    pub branch_in_slot: bool,
    /// A read of memory that nothing has written. Off by default: it is for hunting bugs.
    pub unwritten: bool,
}

impl Strict {
    /// Every check but that of unwritten memory.
    pub const ON: Strict = Strict {
        load_delay: true,
        control: true,
        hilo: true,
        stale_code: true,
        double_match: true,
        reserved_in_kernel: true,
        branch_in_slot: true,
        unwritten: false,
    };

    /// No check: what the chip does.
    pub const OFF: Strict = Strict {
        load_delay: false,
        control: false,
        hilo: false,
        stale_code: false,
        double_match: false,
        reserved_in_kernel: false,
        branch_in_slot: false,
        unwritten: false,
    };
}

impl Default for Strict {
    fn default() -> Strict {
        Strict::ON
    }
}

/// What strict mode stopped at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hazard {
    /// The register is used in the delay slot of its load.
    LoadDelay(Register),
    /// The coprocessor 0 register of this number was written less than
    /// [`CONTROL_DISTANCE`] instructions ago.
    Control(u8),
    /// The translation of this address changed less than [`TRANSLATION_DISTANCE`] instructions ago.
    Translation(u32),
    /// HI or LO is written less than [`HILO_DISTANCE`] instructions after it was read.
    HiLo,
    /// The instruction cache holds another word than memory does.
    StaleCode {
        /// What the cache holds.
        cached: u32,
        /// What memory holds.
        memory: u32,
    },
    /// Cached code is executed while the caches are swapped.
    SwappedFetch,
    /// Two entries of the TLB match this address.
    DoubleMatch(u32),
    /// In kernel mode, a word that is no instruction, or one for an absent coprocessor.
    Reserved(u32),
    /// A branch stands in the delay slot of a branch.
    BranchInSlot,
    /// This physical address is read and was never written.
    Unwritten(u32),
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hazard::LoadDelay(register) => write!(f, "{register} is used in its load's delay slot"),
            Hazard::Control(number) => {
                write!(
                    f,
                    "coprocessor 0 register {number} is used too soon after its change"
                )
            }
            Hazard::Translation(address) => {
                write!(
                    f,
                    "{address:#010x} is used too soon after its translation's change"
                )
            }
            Hazard::HiLo => f.write_str("HI or LO is written too soon after it was read"),
            Hazard::StaleCode { cached, memory } => write!(
                f,
                "the instruction cache holds {cached:#010x}, memory {memory:#010x}"
            ),
            Hazard::SwappedFetch => f.write_str("cached code runs while the caches are swapped"),
            Hazard::DoubleMatch(address) => {
                write!(f, "two entries of the TLB match {address:#010x}")
            }
            Hazard::Reserved(word) => write!(f, "{word:#010x} is no instruction"),
            Hazard::BranchInSlot => f.write_str("a branch stands in a branch's delay slot"),
            Hazard::Unwritten(address) => {
                write!(
                    f,
                    "{address:#010x} (physical) is read and was never written"
                )
            }
        }
    }
}

/// An instruction that was executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// Its address.
    pub pc: u32,
    /// Its word.
    pub word: u32,
}

/// The state of the processor where it stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The address of the instruction that did not complete.
    pub pc: u32,
    /// The general registers.
    pub registers: [u32; 32],
    /// HI.
    pub hi: u32,
    /// LO.
    pub lo: u32,
    /// Status.
    pub status: u32,
    /// Cause.
    pub cause: u32,
    /// EPC.
    pub epc: u32,
    /// BadVAddr.
    pub bad_address: u32,
    /// The instructions before, oldest first; the last is the one at `pc` if it was fetched.
    pub last: Vec<Past>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for past in &self.last {
            let mark = if past.pc == self.pc { '>' } else { ' ' };
            let line = Disassembly {
                word: past.word,
                address: past.pc,
            };
            writeln!(f, "{mark} {:08x}  {:08x}  {line}", past.pc, past.word)?;
        }
        writeln!(
            f,
            "pc {:08x}  status {:08x}  cause {:08x}  epc {:08x}  badvaddr {:08x}  hi {:08x}  lo {:08x}",
            self.pc, self.status, self.cause, self.epc, self.bad_address, self.hi, self.lo
        )?;
        for (registers, row) in self.registers.chunks(8).zip(0u32..) {
            for (value, column) in registers.iter().zip(0u32..) {
                let register = Register::of_field(row * 8 + column);
                write!(f, "{:>5} {value:08x}", register.name())?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
