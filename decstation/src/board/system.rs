//! The system's own registers: control and status, the error latch, and from them the interrupt
//! lines.
//!
//! On the KN01 every device has a line of its own. On the KN02 the serial controller and the
//! TURBOchannel share `IP2` through the pending and enable bits of the CSR. An error line stays
//! asserted until the program acknowledges: on the KN01 by writing one to MEMERR, on the KN02 by
//! any write to the error address register.

use super::Model;

/// Bits of Cause.
const IP2: u32 = 1 << 10;
const IP3: u32 = 1 << 11;
const IP4: u32 = 1 << 12;
const IP5: u32 = 1 << 13;
const IP6: u32 = 1 << 14;

/// KN01: a monochrome frame buffer, or none.
const KN01_MONO: u32 = 0x0800;
/// KN01: a write was not answered; writing one acknowledges.
const KN01_MEMERR: u32 = 0x0400;
/// KN01: PARDIS, STATUS and TXDIS, which keep what is written.
const KN01_KEPT: u32 = 0x6100;

/// KN02: what the register reads after reset, the manufacturing jumper open.
const KN02_RESET: u32 = 0x0100_0000;
/// KN02: the interrupt enables and the control bits, which keep what is written.
const KN02_KEPT: u32 = 0x00ff_ff00;
/// KN02: pending bits, in the order of the enables 16 bits above.
const KN02_DZ: u32 = 0x80;
const KN02_LANCE: u32 = 0x40;

/// KN02 error address: an error is latched.
const VALID: u32 = 1 << 31;
/// KN02 error address: the processor made the access, as it does all here.
const CPU: u32 = 1 << 30;
/// KN02 error address: the access was a write.
const WRITE: u32 = 1 << 29;

/// The devices' interrupt lines.
pub(super) struct Lines {
    pub(super) dz: bool,
    pub(super) rtc: bool,
    pub(super) lance: bool,
}

/// The registers.
#[derive(Clone, Debug)]
pub(super) struct System {
    model: Model,
    control: u32,
    error: Option<u32>,
}

impl System {
    pub(super) fn new(model: Model) -> System {
        System {
            model,
            control: match model {
                Model::Kn01 => KN01_MONO,
                Model::Kn02 => KN02_RESET,
            },
            error: None,
        }
    }

    /// The control and status register.
    pub(super) fn read(&self, lines: &Lines) -> u32 {
        match self.model {
            Model::Kn01 if self.error.is_some() => self.control | KN01_MEMERR,
            Model::Kn01 => self.control,
            Model::Kn02 => self.control | pending(lines),
        }
    }

    pub(super) fn write(&mut self, value: u32, mask: u32) {
        let kept = match self.model {
            Model::Kn01 => KN01_KEPT,
            Model::Kn02 => KN02_KEPT,
        } & mask;
        self.control = self.control & !kept | value & kept;
        if self.model == Model::Kn01 && value & KN01_MEMERR != 0 {
            self.error = None;
        }
    }

    pub(super) fn error_address(&self) -> u32 {
        self.error.unwrap_or(0)
    }

    pub(super) fn clear_error(&mut self) {
        if self.model == Model::Kn02 {
            self.error = None;
        }
    }

    /// Latches a read that nothing answered; the KN01 tells of it by the exception alone.
    pub(super) fn read_failed(&mut self, physical: u32) {
        if self.model == Model::Kn02 {
            self.error.get_or_insert(VALID | CPU | physical >> 2);
        }
    }

    /// Latches a write that nothing answered.
    pub(super) fn write_failed(&mut self, physical: u32) {
        let entry = match self.model {
            Model::Kn01 => physical & 0x07ff_ffff,
            Model::Kn02 => VALID | CPU | WRITE | physical >> 2,
        };
        self.error.get_or_insert(entry);
    }

    /// The lines of Cause.
    pub(super) fn interrupts(&self, lines: &Lines) -> u32 {
        let line = |asserted: bool, bit: u32| if asserted { bit } else { 0 };
        let error = self.error.is_some();
        match self.model {
            Model::Kn01 => {
                let devices = line(lines.lance, IP3) | line(lines.dz, IP4) | line(lines.rtc, IP5);
                devices | line(error, IP6)
            }
            Model::Kn02 => {
                let shared = pending(lines) & self.control >> 16;
                line(shared != 0, IP2) | line(lines.rtc, IP3) | line(error, IP5)
            }
        }
    }
}

fn pending(lines: &Lines) -> u32 {
    let line = |asserted: bool, bit: u32| if asserted { bit } else { 0 };
    line(lines.dz, KN02_DZ) | line(lines.lance, KN02_LANCE)
}
