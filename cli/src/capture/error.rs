//! What can go wrong with a capture: the input fails, or its bytes are not a capture.

use core::fmt;
use std::io;

/// A place where the bytes stop being a capture. Packets before it are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The byte, counted from the start of the input.
    pub at: u64,
    /// What is wrong there, in one line.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "damaged at byte {}: {}", self.at, self.what)
    }
}

/// Why a capture gives no more packets.
#[derive(Debug)]
pub enum CaptureError {
    /// The input could not be read.
    Io(io::Error),
    /// The input is not a capture from here on.
    Damaged(Damage),
}

impl CaptureError {
    /// Damage at byte `at`.
    pub(super) fn damaged(at: u64, what: impl Into<String>) -> Self {
        Self::Damaged(Damage {
            at,
            what: what.into(),
        })
    }
}

impl fmt::Display for CaptureError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(out),
            Self::Damaged(damage) => damage.fmt(out),
        }
    }
}

impl core::error::Error for CaptureError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Damaged(_) => None,
        }
    }
}

impl From<io::Error> for CaptureError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
