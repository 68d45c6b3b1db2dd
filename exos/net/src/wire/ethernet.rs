//! Ethernet II framing (RFC 894): two addresses and a type.
//!
//! The frame check sequence belongs to the controller. Frames of 802.3, whose type is a length,
//! parse as frames of a type that nobody here speaks.

use super::{Mac, Malformed, bytes};

/// Bytes of the header.
pub const HEADER: usize = 14;
/// The shortest frame without its check sequence; shorter ones are padded with zeros.
pub const SHORTEST: usize = 60;
/// The longest frame without its check sequence.
pub const LONGEST: usize = HEADER + MTU;
/// The most a frame carries.
pub const MTU: usize = 1500;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// RFC 894.
    pub const IP: Self = Self(0x0800);
    /// RFC 826.
    pub const ARP: Self = Self(0x0806);
    /// RFC 903.
    pub const RARP: Self = Self(0x8035);
}

/// A view of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    header: &'a [u8; HEADER],
    payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// A view of `bytes`.
    ///
    /// # Errors
    ///
    /// [`Malformed::EthernetShort`], [`Malformed::EthernetLong`].
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() > LONGEST {
            return Err(Malformed::EthernetLong);
        }
        let (header, payload) = bytes.split_first_chunk().ok_or(Malformed::EthernetShort)?;
        Ok(Self { header, payload })
    }

    /// What follows the header, padding included.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// An Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// For whom.
    pub destination: Mac,
    /// From whom.
    pub source: Mac,
    /// What it carries.
    pub kind: EtherType,
}

impl Repr {
    /// What the header of `frame` means.
    #[must_use]
    pub fn parse(frame: &Frame<'_>) -> Self {
        let header = frame.header;
        Self {
            destination: Mac(bytes!(header, 0, 1, 2, 3, 4, 5)),
            source: Mac(bytes!(header, 6, 7, 8, 9, 10, 11)),
            kind: EtherType(u16::from_be_bytes(bytes!(header, 12, 13))),
        }
    }

    /// The header's bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..6].copy_from_slice(&self.destination.0);
        header[6..12].copy_from_slice(&self.source.0);
        header[12..].copy_from_slice(&self.kind.0.to_be_bytes());
        header
    }
}
