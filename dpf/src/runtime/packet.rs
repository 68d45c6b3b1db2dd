//! What is classified, and the names of what it is classified by.

use alloc::vec::Vec;
use core::{fmt, num::NonZeroU32};

/// The name of an installed filter; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilterId(NonZeroU32);

impl FilterId {
    /// The filter whose entry in the tables is `entry`.
    pub(crate) fn of_entry(entry: u32) -> Option<Self> {
        Self::of_result(entry.checked_add(1)?)
    }

    /// What emitted code returned: the entry and 1, or 0 for none.
    pub(crate) fn of_result(result: u32) -> Option<Self> {
        NonZeroU32::new(result).map(Self)
    }

    /// The entry in the tables; filters are numbered from 0 in the order of their installation.
    pub fn entry(self) -> u32 {
        self.0.get() - 1
    }
}

impl fmt::Display for FilterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "filter {}", self.entry())
    }
}

/// A packet as it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The bytes captured.
    pub bytes: &'a [u8],
    /// How many bytes it had on the wire.
    pub wire_len: u32,
}

impl<'a> Packet<'a> {
    /// A packet of which `bytes` were captured of `wire_len`.
    pub fn new(bytes: &'a [u8], wire_len: u32) -> Self {
        Self { bytes, wire_len }
    }
}

impl<'a> From<&'a [u8]> for Packet<'a> {
    /// A packet captured whole.
    fn from(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            wire_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        }
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Packet<'a> {
    /// A packet captured whole.
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::from(bytes.as_slice())
    }
}

impl<'a> From<&'a Vec<u8>> for Packet<'a> {
    /// A packet captured whole.
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::from(bytes.as_slice())
    }
}

/// Where the packet is and how many bytes of it count: all, up to what 32 bits can say.
#[inline]
pub(crate) fn captured(bytes: &[u8]) -> (*const u8, u32) {
    (
        bytes.as_ptr(),
        u32::try_from(bytes.len()).unwrap_or(u32::MAX),
    )
}
