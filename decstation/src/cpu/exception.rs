//! The exceptions of the R2000 and R3000, and what interrupts an instruction besides them.

use super::strict::Hazard;
use core::fmt;

/// Why an exception is taken: the code in bits 6:2 of Cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cause {
    /// A pending interrupt is enabled.
    Interrupt = 0,
    /// A store to a page whose entry is not dirty.
    Modified = 1,
    /// A load or fetch through no entry, or an invalid one.
    TlbLoad = 2,
    /// A store through no entry, or an invalid one.
    TlbStore = 3,
    /// A load or fetch that is not aligned, or of the kernel's space in user mode.
    AddressLoad = 4,
    /// A store that is not aligned, or to the kernel's space in user mode.
    AddressStore = 5,
    /// Nothing answered a fetch.
    BusFetch = 6,
    /// Nothing answered a load or store.
    BusData = 7,
    /// `syscall`.
    Syscall = 8,
    /// `break`.
    Breakpoint = 9,
    /// A word that is no instruction.
    ReservedInstruction = 10,
    /// A coprocessor that Status does not enable.
    CoprocessorUnusable = 11,
    /// A signed sum or difference past 32 bits.
    Overflow = 12,
}

/// An exception with what the chip latches of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Why.
    pub cause: Cause,
    /// What goes to BadVAddr, for the causes that set it.
    pub address: Option<u32>,
    /// Whether it is a miss of a kuseg address, which has a vector of its own.
    pub refill: bool,
    /// The coprocessor, for [`Cause::CoprocessorUnusable`].
    pub coprocessor: u8,
}

impl Exception {
    /// One that latches nothing but its cause.
    pub(crate) const fn bare(cause: Cause) -> Exception {
        Exception {
            cause,
            address: None,
            refill: false,
            coprocessor: 0,
        }
    }

    /// One about an address.
    pub(crate) const fn at(cause: Cause, address: u32) -> Exception {
        Exception {
            address: Some(address),
            ..Exception::bare(cause)
        }
    }

    /// Whether EntryHi and Context are loaded with the page.
    pub(crate) fn is_of_translation(&self) -> bool {
        matches!(
            self.cause,
            Cause::Modified | Cause::TlbLoad | Cause::TlbStore
        )
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.cause {
            Cause::Interrupt => "interrupt",
            Cause::Modified => "store to a clean page",
            Cause::TlbLoad if self.refill => "TLB refill on a load",
            Cause::TlbLoad => "TLB miss on a load",
            Cause::TlbStore if self.refill => "TLB refill on a store",
            Cause::TlbStore => "TLB miss on a store",
            Cause::AddressLoad => "address error on a load or fetch",
            Cause::AddressStore => "address error on a store",
            Cause::BusFetch => "bus error on a fetch",
            Cause::BusData => "bus error on data",
            Cause::Syscall => "system call",
            Cause::Breakpoint => "breakpoint",
            Cause::ReservedInstruction => "reserved instruction",
            Cause::CoprocessorUnusable => "coprocessor unusable",
            Cause::Overflow => "overflow",
        };
        f.write_str(text)?;
        if let Some(address) = self.address {
            write!(f, " at {address:#010x}")?;
        }
        if self.cause == Cause::CoprocessorUnusable {
            write!(f, " ({})", self.coprocessor)?;
        }
        Ok(())
    }
}

/// What keeps an instruction from completing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trap {
    /// The chip takes an exception.
    Exception(Exception),
    /// Strict mode stops the simulation.
    Hazard(Hazard),
    /// The program jumped to the address that means it is done.
    Returned,
}

impl From<Exception> for Trap {
    fn from(exception: Exception) -> Trap {
        Trap::Exception(exception)
    }
}

/// What becomes of an instruction.
pub(crate) type Done = Result<(), Trap>;
