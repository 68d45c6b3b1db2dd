//! What a device is to the processor: registers, one interrupt line, and the next moment at which
//! it does something by itself.
//!
//! Asking every device after every instruction would cost more than the instructions. So a device
//! says when it will next act ([`Device::next_event`]); until then nothing about it changes unless
//! the program touches it, and the core runs undisturbed.
//!
//! Time is in cycles of the processor since the machine was switched on. Offsets are in bytes from
//! the device's first register, and a register wider than the access is seen by byte lanes, little
//! end first. What lies outside a device's registers answers with [`BusError`].

pub mod dz;
pub mod lance;
pub mod rtc;

use core::fmt;
use core::num::NonZeroU32;

/// A device on the bus.
pub trait Device {
    /// Reads what the register at `offset` drives on the lanes of `width`.
    ///
    /// # Errors
    ///
    /// When nothing answers at `offset` with this width.
    fn read(&mut self, offset: u32, width: Width, now: u64) -> Result<u32, BusError>;

    /// Writes the low bytes of `value` to the register at `offset`.
    ///
    /// # Errors
    ///
    /// When nothing answers at `offset` with this width.
    fn write(&mut self, offset: u32, width: Width, value: u32, now: u64) -> Result<(), BusError>;

    /// The level of the interrupt line: whether it is asserted.
    fn interrupt(&self) -> bool;

    /// When the device will next do something by itself, or `None` if not before it is touched.
    fn next_event(&self) -> Option<u64>;

    /// Does everything that is due by `now`.
    fn advance(&mut self, now: u64);
}

/// How many bytes an access moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// One byte.
    Byte,
    /// Two bytes.
    Half,
    /// Four bytes.
    Word,
}

impl Width {
    /// Every width, narrowest first.
    pub const ALL: [Width; 3] = [Width::Byte, Width::Half, Width::Word];

    /// The number of bytes.
    pub const fn bytes(self) -> u32 {
        match self {
            Width::Byte => 1,
            Width::Half => 2,
            Width::Word => 4,
        }
    }

    /// The bits of a register that an access of this width carries.
    pub const fn mask(self) -> u32 {
        match self {
            Width::Byte => 0xff,
            Width::Half => 0xffff,
            Width::Word => 0xffff_ffff,
        }
    }
}

/// Nothing answered on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusError {
    /// The address: from a device its offset, from a board the physical address.
    pub address: u32,
    /// The width of the access.
    pub width: Width,
}

impl fmt::Display for BusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.width.bytes();
        write!(f, "no answer at {:#010x} to {bytes} bytes", self.address)
    }
}

impl core::error::Error for BusError {}

/// The processor's clock, by which devices turn their own time into cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    period: NonZeroU32,
}

impl Clock {
    /// A clock whose cycle lasts `nanoseconds`: 80 on the 2100 (12.5 MHz), 60 on the 3100
    /// (16.67 MHz), 40 on both 5000s (25 MHz).
    pub const fn of_period(nanoseconds: NonZeroU32) -> Clock {
        Clock {
            period: nanoseconds,
        }
    }

    /// The length of a cycle in nanoseconds.
    pub const fn period(self) -> u32 {
        self.period.get()
    }

    /// The first cycle that begins at or after `nanoseconds`.
    pub const fn cycles(self, nanoseconds: u64) -> u64 {
        nanoseconds.div_ceil(self.period.get() as u64)
    }

    /// The nanosecond at which cycle number `cycles` begins.
    pub const fn nanoseconds(self, cycles: u64) -> u64 {
        cycles.saturating_mul(self.period.get() as u64)
    }
}

/// What an access of `width` at byte address `offset` sees of the register `value`.
pub(crate) const fn lanes(value: u32, offset: u32, width: Width) -> u32 {
    (value >> (8 * (offset & 3))) & width.mask()
}

/// The register bits that a write of `width` at byte address `offset` drives: value and mask.
pub(crate) const fn driven(value: u32, offset: u32, width: Width) -> (u32, u32) {
    let shift = 8 * (offset & 3);
    ((value & width.mask()) << shift, width.mask() << shift)
}

/// Whether an access of `width` at `offset` stays inside its own word, as every bus cycle does.
pub(crate) const fn aligned(offset: u32, width: Width) -> bool {
    offset.is_multiple_of(width.bytes())
}

/// The earliest of two events that may never come.
pub(crate) fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
