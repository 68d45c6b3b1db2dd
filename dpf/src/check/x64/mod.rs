//! The x86-64 half: [`prove`].

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

pub use flow::MAX_CODE;

use super::{Policy, Refusal, Report};

/// Code that was proved safe under its policy: what alone may become executable.
#[derive(Clone, Copy, Debug)]
pub struct Proved<'c> {
    code: &'c [u8],
    report: Report,
}

impl<'c> Proved<'c> {
    /// The code. It may stand at any address, as it is.
    pub fn code(&self) -> &'c [u8] {
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
/// The first instruction that may do harm, or is not understood.
pub fn prove<'c>(code: &'c [u8], policy: &Policy) -> Result<Proved<'c>, Refusal> {
    let report = flow::prove(code, policy)?;
    Ok(Proved { code, report })
}
