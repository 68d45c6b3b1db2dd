//! Coprocessor 0: the registers of system control, as numbers with the bits that can be written.

use super::exception::{Cause, Exception};

/// Numbers of the registers.
pub mod number {
    /// Index of `tlbwi`, `tlbr` and `tlbp`.
    pub const INDEX: u8 = 0;
    /// Index of `tlbwr`.
    pub const RANDOM: u8 = 1;
    /// Frame and bits of a TLB entry.
    pub const ENTRY_LOW: u8 = 2;
    /// Where the page table's entry of a missed page would be.
    pub const CONTEXT: u8 = 4;
    /// The address that went wrong.
    pub const BAD_ADDRESS: u8 = 8;
    /// Page and address space of a TLB entry.
    pub const ENTRY_HIGH: u8 = 10;
    /// Modes, masks and enables.
    pub const STATUS: u8 = 12;
    /// Why an exception was taken, and pending interrupts.
    pub const CAUSE: u8 = 13;
    /// Where an exception was taken.
    pub const EPC: u8 = 14;
    /// The processor's implementation and revision.
    pub const PROCESSOR: u8 = 15;
}

/// Bits of Status.
pub mod status {
    /// Interrupts are enabled.
    pub const INTERRUPTS: u32 = 1;
    /// User mode.
    pub const USER: u32 = 2;
    /// The stack of mode and enable: current, previous and old.
    pub const STACK: u32 = 0x3f;
    /// Masks of the eight interrupts.
    pub const MASKS: u32 = 0xff00;
    /// Loads and stores stay in the cache.
    pub const ISOLATE: u32 = 1 << 16;
    /// The caches change places.
    pub const SWAP: u32 = 1 << 17;
    /// The last load of an isolated cache missed.
    pub const CACHE_MISS: u32 = 1 << 19;
    /// A cache parity error; writing 1 clears it. It never occurs here.
    pub const PARITY_ERROR: u32 = 1 << 20;
    /// The TLB shut down because two entries matched.
    pub const TLB_SHUTDOWN: u32 = 1 << 21;
    /// Exception vectors are in the boot ROM.
    pub const BOOT_VECTORS: u32 = 1 << 22;
    /// The bit that enables coprocessor 0 in user mode; those of 1 to 3 follow.
    pub const COPROCESSOR_0: u32 = 1 << 28;
    /// What `mtc0` can write.
    pub const WRITABLE: u32 = 0xf047_ff3f;
}

/// Cause: the exception was in a branch's delay slot.
pub const IN_SLOT: u32 = 1 << 31;
/// Cause: the two interrupts that software raises.
pub const SOFTWARE_INTERRUPTS: u32 = 0x0300;
/// Cause: the six interrupts of the board.
pub const HARDWARE_INTERRUPTS: u32 = 0xfc00;
/// Index: `tlbp` found nothing.
pub const PROBE_FAILED: u32 = 1 << 31;

const INDEX_BITS: u32 = 0x3f00;
const ENTRY_HIGH_BITS: u32 = 0xffff_ffc0;
const ENTRY_LOW_BITS: u32 = 0xffff_ff00;
const TABLE_BASE: u32 = 0xffe0_0000;

/// The registers.
#[derive(Clone, Debug)]
pub struct Control {
    /// Index.
    pub index: u32,
    /// EntryLo.
    pub entry_low: u32,
    /// Context.
    pub context: u32,
    /// BadVAddr.
    pub bad_address: u32,
    /// EntryHi.
    pub entry_high: u32,
    /// Status.
    pub status: u32,
    /// Cause, hardware interrupts included.
    pub cause: u32,
    /// EPC.
    pub epc: u32,
    /// PRId.
    pub processor: u32,
}

impl Control {
    /// The registers after reset.
    pub(crate) fn new(processor: u32) -> Control {
        Control {
            index: 0,
            entry_low: 0,
            context: 0,
            bad_address: 0,
            entry_high: 0,
            status: status::BOOT_VECTORS,
            cause: 0,
            epc: 0,
            processor,
        }
    }

    /// Whether the processor is in user mode.
    #[inline]
    pub fn is_user(&self) -> bool {
        self.status & status::USER != 0
    }

    /// Whether an interrupt is pending, not masked and enabled.
    #[inline]
    pub fn is_interrupted(&self) -> bool {
        self.status & status::INTERRUPTS != 0 && self.status & self.cause & status::MASKS != 0
    }

    /// What `mfc0` of register `number` reads at cycle `now`; registers the chip lacks read as 0.
    pub fn read(&self, number: u8, now: u64) -> u32 {
        match number {
            number::INDEX => self.index,
            number::RANDOM => random(now) << 8,
            number::ENTRY_LOW => self.entry_low,
            number::CONTEXT => self.context,
            number::BAD_ADDRESS => self.bad_address,
            number::ENTRY_HIGH => self.entry_high,
            number::STATUS => self.status,
            number::CAUSE => self.cause,
            number::EPC => self.epc,
            number::PROCESSOR => self.processor,
            _ => 0,
        }
    }

    /// What `mtc0` of register `number` does: bits that cannot be written keep their value.
    pub fn write(&mut self, number: u8, value: u32) {
        let put = |register: &mut u32, mask: u32| *register = *register & !mask | value & mask;
        match number {
            number::INDEX => put(&mut self.index, INDEX_BITS),
            number::ENTRY_LOW => put(&mut self.entry_low, ENTRY_LOW_BITS),
            number::CONTEXT => put(&mut self.context, TABLE_BASE),
            number::ENTRY_HIGH => put(&mut self.entry_high, ENTRY_HIGH_BITS),
            number::STATUS => {
                put(&mut self.status, status::WRITABLE);
                self.status &= !(value & status::PARITY_ERROR);
            }
            number::CAUSE => put(&mut self.cause, SOFTWARE_INTERRUPTS),
            _ => {}
        }
    }

    /// Latches `exception` of the instruction at `pc`, and returns the vector to go to.
    pub(crate) fn enter(&mut self, exception: &Exception, pc: u32, in_slot: bool) -> u32 {
        self.epc = if in_slot { pc.wrapping_sub(4) } else { pc };
        self.cause = self.cause & status::MASKS
            | if in_slot { IN_SLOT } else { 0 }
            | u32::from(exception.coprocessor) << 28
            | (exception.cause as u32) << 2;
        if let Some(address) = exception.address {
            self.bad_address = address;
            if exception.is_of_translation() {
                self.entry_high = address & 0xffff_f000 | self.entry_high & 0xfc0;
                self.context = self.context & TABLE_BASE | address >> 10 & 0x001f_fffc;
            }
        }
        self.status = self.status & !status::STACK | self.status << 2 & status::STACK;
        match (self.status & status::BOOT_VECTORS != 0, exception.refill) {
            (false, true) => 0x8000_0000,
            (false, false) => 0x8000_0080,
            (true, true) => 0xbfc0_0100,
            (true, false) => 0xbfc0_0180,
        }
    }

    /// What `rfe` does: previous and old mode become current and previous.
    pub(crate) fn restore(&mut self) {
        self.status = self.status & !0xf | self.status >> 2 & 0xf;
    }

    /// Whether coprocessor `number` may be used.
    ///
    /// # Errors
    ///
    /// The exception that its use raises, when it may not.
    #[inline]
    pub(crate) fn usable(&self, number: u8) -> Result<(), Exception> {
        let kernel = number == 0 && !self.is_user();
        if kernel || self.status & status::COPROCESSOR_0 << number != 0 {
            return Ok(());
        }
        Err(Exception {
            coprocessor: number,
            ..Exception::bare(Cause::CoprocessorUnusable)
        })
    }
}

/// Random at cycle `now`: it counts down from 63 to 8, once a cycle (MAME's `mips1.cpp`).
pub(crate) fn random(now: u64) -> u32 {
    63 - (now % 56) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_of_modes_shifts_and_comes_back() {
        let mut control = Control::new(0);
        control.write(number::STATUS, 0x8000_ff1b);
        assert_eq!(
            control.status, 0x8000_ff1b,
            "all of it can be written, BEV too"
        );
        let vector = control.enter(&Exception::bare(Cause::Syscall), 0x0040_0004, true);
        assert_eq!(vector, 0x8000_0080);
        assert_eq!(control.status, 0x8000_ff2c);
        assert_eq!(control.cause, IN_SLOT | 8 << 2);
        assert_eq!(control.epc, 0x0040_0000);
        control.restore();
        assert_eq!(control.status, 0x8000_ff2b, "old mode stays");
    }

    #[test]
    fn context_and_entry_high_hold_the_page() {
        let mut control = Control::new(0);
        control.write(number::CONTEXT, 0xffff_ffff);
        control.write(number::ENTRY_HIGH, 0xffff_ffff);
        let miss = Exception {
            refill: true,
            ..Exception::at(Cause::TlbStore, 0x1234_5678)
        };
        assert_eq!(control.enter(&miss, 0, false), 0xbfc0_0100);
        assert_eq!(control.entry_high, 0x1234_5fc0);
        assert_eq!(control.context, 0xffe0_0000 | 0x12345 << 2);
        assert_eq!(control.bad_address, 0x1234_5678);
    }

    #[test]
    fn an_address_error_leaves_entry_high_alone() {
        let mut control = Control::new(0);
        control.write(number::ENTRY_HIGH, 0x0000_1040);
        control.enter(&Exception::at(Cause::AddressLoad, 0x8000_0001), 0, false);
        assert_eq!(control.entry_high, 0x0000_1040);
        assert_eq!(control.context, 0);
    }

    #[test]
    fn random_counts_from_63_down_to_8() {
        let values: Vec<u32> = (0..57).map(random).collect();
        assert_eq!((values[0], values[55], values[56]), (63, 8, 63));
    }
}
