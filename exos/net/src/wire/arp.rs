//! ARP (RFC 826) and RARP (RFC 903), which share one format, for Ethernet and IPv4.
//!
//! A packet for other hardware or another protocol is [`Malformed::ArpForeign`], and so is one whose
//! sender claims to be no station or several: nothing may be learned from it.

use super::{Mac, Malformed, bytes};
use core::net::Ipv4Addr;

/// Bytes of a packet.
pub const LENGTH: usize = 28;

/// What is asked or answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operation(pub u16);

impl Operation {
    /// Who has this protocol address?
    pub const REQUEST: Self = Self(1);
    /// I have.
    pub const REPLY: Self = Self(2);
    /// Which protocol address has this station? (RARP)
    pub const REVERSE_REQUEST: Self = Self(3);
    /// It has this one. (RARP)
    pub const REVERSE_REPLY: Self = Self(4);
}

/// A view of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    fields: &'a [u8; LENGTH],
}

impl<'a> Packet<'a> {
    /// A view of `bytes`, which may go on after the packet.
    ///
    /// # Errors
    ///
    /// [`Malformed::ArpShort`], [`Malformed::ArpForeign`].
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let fields = bytes.first_chunk().ok_or(Malformed::ArpShort)?;
        if bytes!(fields, 0, 1, 2, 3, 4, 5) != PREFIX {
            return Err(Malformed::ArpForeign);
        }
        Ok(Self { fields })
    }
}

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// What is asked or answered.
    pub operation: Operation,
    /// The sender's hardware address.
    pub source_mac: Mac,
    /// The sender's protocol address; 0.0.0.0 in a probe (RFC 5227).
    pub source: Ipv4Addr,
    /// The target's hardware address; anything in an ARP request.
    pub target_mac: Mac,
    /// The target's protocol address.
    pub target: Ipv4Addr,
}

impl Repr {
    /// What `packet` means.
    ///
    /// # Errors
    ///
    /// [`Malformed::ArpForeign`] if the sender is not one station with at most one address.
    pub fn parse(packet: &Packet<'_>) -> Result<Self, Malformed> {
        let fields = packet.fields;
        let repr = Self {
            operation: Operation(u16::from_be_bytes(bytes!(fields, 6, 7))),
            source_mac: Mac(bytes!(fields, 8, 9, 10, 11, 12, 13)),
            source: Ipv4Addr::from(bytes!(fields, 14, 15, 16, 17)),
            target_mac: Mac(bytes!(fields, 18, 19, 20, 21, 22, 23)),
            target: Ipv4Addr::from(bytes!(fields, 24, 25, 26, 27)),
        };
        let several = repr.source.is_broadcast() || repr.source.is_multicast();
        if !repr.source_mac.is_station() || several {
            return Err(Malformed::ArpForeign);
        }
        Ok(repr)
    }

    /// The packet's bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; LENGTH] {
        let mut fields = [0; LENGTH];
        fields[..6].copy_from_slice(&PREFIX);
        fields[6..8].copy_from_slice(&self.operation.0.to_be_bytes());
        fields[8..14].copy_from_slice(&self.source_mac.0);
        fields[14..18].copy_from_slice(&self.source.octets());
        fields[18..24].copy_from_slice(&self.target_mac.0);
        fields[24..].copy_from_slice(&self.target.octets());
        fields
    }
}

/// Ethernet, IPv4, and the lengths of their addresses.
const PREFIX: [u8; 6] = [0, 1, 0x08, 0x00, 6, 4];
