//! The MIPS-I half: [`prove`].
//!
//! Little-endian code for the R2000 and R3000 under the o32 convention, without position: it may
//! stand wherever it is put. An instruction behind a branch is executed before the branch's
//! condition tells anything; what a load fetches is not there for the next instruction; memory must be
//! aligned. Addresses are 32 bits wide, and additions wrap; a pointer into the packet is the
//! packet's address plus a number, modulo 2³².
//!
//! Nothing aborts for want of memory, and the work is bounded ([`MAX_CODE`], [`MAX_NUMBERS`],
//! [`MAX_WORK`]): a kernel can prove what a stranger gives it.

mod decode;
#[cfg(any(test, feature = "fuzzing"))]
pub mod emulator;
mod flow;
mod machine;
mod memory;
mod transfer;

#[cfg(test)]
mod soundness;
#[cfg(test)]
mod tests;

pub use decode::Disassembly;
pub use flow::{MAX_CODE, MAX_NUMBERS, MAX_WORK};
pub use machine::MAX_PACKET;

use super::{Policy, Refusal, Report};

/// Code that was proved safe under its policy.
#[derive(Clone, Copy, Debug)]
pub struct Proved<'c> {
    code: &'c [u32],
    report: Report,
}

impl<'c> Proved<'c> {
    /// The code. It may stand at any address, as it is.
    pub fn code(&self) -> &'c [u32] {
        self.code
    }

    /// What it costs.
    pub fn report(&self) -> Report {
        self.report
    }
}

/// Proves that `code` is safe to call at each entry of `policy`, at whatever address it stands,
/// as long as the tables of `policy` stay where they are.
///
/// # Errors
///
/// The first instruction that may do harm, or is not understood; or a limit.
///
/// ```
/// use dpf::check::{Alignment, Policy, mips::prove};
///
/// // Is the packet, which stands like packets of Ethernet, of IP?
/// let code = [
///     0x2ca1_000e, // sltiu at, a1, 14
///     0x1420_0004, // bne   at, zero, short
///     0x0000_1021, // move  v0, zero
///     0x9481_000c, // lhu   at, 12(a0)
///     0x0000_0000, // nop
///     0x3822_0008, // xori  v0, at, 8
///     0x03e0_0008, // short: jr ra
///     0x2c42_0001, // sltiu v0, v0, 1
/// ];
/// let policy = Policy {
///     entries: vec![0],
///     longest_path: 100,
///     packet: Alignment::WordPlusTwo,
///     ..Policy::default()
/// };
/// assert_eq!(prove(&code, &policy)?.report().longest_path, 8);
///
/// let anywhere = Policy { packet: Alignment::Unknown, ..policy };
/// assert_eq!(
///     prove(&code, &anywhere).unwrap_err().to_string(),
///     "emitted code refused at byte 12, `lhu at,12(a0)`: \
///      address of 2 bytes is not proved to be a multiple of 2"
/// );
/// # Ok::<(), dpf::check::Refusal>(())
/// ```
pub fn prove<'c>(code: &'c [u32], policy: &Policy) -> Result<Proved<'c>, Refusal> {
    let report = flow::prove(code, policy)?;
    Ok(Proved { code, report })
}
