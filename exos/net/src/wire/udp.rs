//! The User Datagram Protocol (RFC 768).
//!
//! The checksum covers the addresses too, so `parse` and `emit` take them. It is always emitted; a
//! sender may leave it out, which is a field of 0.

use super::{Malformed, bytes, checksum::Sum, ip::Protocol};
use core::net::Ipv4Addr;

/// Bytes of the header.
pub const HEADER: usize = 8;

/// A view of a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Header and payload, without what the IP datagram has behind them.
    bytes: &'a [u8],
    header: &'a [u8; HEADER],
}

impl<'a> Datagram<'a> {
    /// A view of `bytes`, which may go on after the datagram.
    ///
    /// # Errors
    ///
    /// [`Malformed::UdpShort`], [`Malformed::UdpLength`].
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or(Malformed::UdpShort)?;
        let length = usize::from(u16::from_be_bytes(bytes!(header, 4, 5)));
        if length < HEADER {
            return Err(Malformed::UdpLength);
        }
        let bytes = bytes.get(..length).ok_or(Malformed::UdpLength)?;
        Ok(Self { bytes, header })
    }

    /// What follows the header.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.split_at(HEADER).1
    }
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// From which port; 0 if none.
    pub source: u16,
    /// For which port.
    pub destination: u16,
}

impl Repr {
    /// What the header of `datagram` means, sent between these addresses.
    ///
    /// # Errors
    ///
    /// [`Malformed::UdpChecksum`].
    pub fn parse(
        datagram: &Datagram<'_>,
        source: Ipv4Addr,
        destination: Ipv4Addr,
    ) -> Result<Self, Malformed> {
        let header = datagram.header;
        let length = datagram.bytes.len() as u16;
        let sum = Sum::pseudo(source, destination, Protocol::UDP.0, length).with(datagram.bytes);
        if bytes!(header, 6, 7) != [0, 0] && sum.finish() != 0 {
            return Err(Malformed::UdpChecksum);
        }
        Ok(Self::ports(header))
    }

    /// The ports in the first bytes of a datagram, unchecked: what an ICMP error quotes.
    #[must_use]
    pub fn ports(header: &[u8; HEADER]) -> Self {
        Self {
            source: u16::from_be_bytes(bytes!(header, 0, 1)),
            destination: u16::from_be_bytes(bytes!(header, 2, 3)),
        }
    }

    /// The header's bytes in front of `payload`, between these addresses. A payload too long for
    /// the length field is stated as the longest.
    #[must_use]
    pub fn emit(&self, source: Ipv4Addr, destination: Ipv4Addr, payload: &[u8]) -> [u8; HEADER] {
        let length = u16::try_from(payload.len())
            .unwrap_or(u16::MAX)
            .saturating_add(HEADER as u16);
        let mut header = [0; HEADER];
        header[..2].copy_from_slice(&self.source.to_be_bytes());
        header[2..4].copy_from_slice(&self.destination.to_be_bytes());
        header[4..6].copy_from_slice(&length.to_be_bytes());
        let sum = Sum::pseudo(source, destination, Protocol::UDP.0, length);
        let checksum = match sum.with(&header).with(payload).finish() {
            // 0 would say that there is none.
            0 => 0xffff,
            checksum => checksum,
        };
        header[6..].copy_from_slice(&checksum.to_be_bytes());
        header
    }
}
