//! The Internet Protocol, version 4 (RFC 791).
//!
//! Options are parsed, so that malformed ones are refused, and then skipped; none is emitted. The
//! total length says where a datagram ends, whatever padding the frame carries behind it.

use super::{Malformed, bytes, checksum::Sum};
use core::net::Ipv4Addr;

/// Bytes of a header without options.
pub const HEADER: usize = 20;
/// Bytes of the longest header.
pub const LONGEST_HEADER: usize = 60;
/// The most a datagram may be long, header included.
pub const LONGEST: usize = 65_535;
/// What every link carries in one piece, header included (RFC 791 §3.1).
pub const SMALLEST_MTU: usize = 68;
/// Offsets and the lengths of all fragments but the last are multiples of so many bytes.
pub const UNIT: usize = 8;

/// What a datagram carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protocol(pub u8);

impl Protocol {
    /// RFC 792.
    pub const ICMP: Self = Self(1);
    /// RFC 768.
    pub const UDP: Self = Self(17);
}

/// A view of a datagram or fragment.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Header with options, then payload, without what the frame has behind it.
    bytes: &'a [u8],
    header: &'a [u8; HEADER],
    header_length: usize,
}

impl<'a> Packet<'a> {
    /// A view of `bytes`, which may go on after the datagram.
    ///
    /// # Errors
    ///
    /// [`Malformed::IpShort`], [`Malformed::IpVersion`], [`Malformed::IpLength`].
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or(Malformed::IpShort)?;
        if header[0] >> 4 != 4 {
            return Err(Malformed::IpVersion);
        }
        let header_length = usize::from(header[0] & 0xf) * 4;
        let length = usize::from(u16::from_be_bytes(bytes!(header, 2, 3)));
        if header_length < HEADER || length < header_length {
            return Err(Malformed::IpLength);
        }
        let bytes = bytes.get(..length).ok_or(Malformed::IpLength)?;
        Ok(Self {
            bytes,
            header,
            header_length,
        })
    }

    /// The header with its options.
    #[must_use]
    pub fn header(&self) -> &'a [u8] {
        self.bytes.split_at(self.header_length).0
    }

    /// What follows the header.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.split_at(self.header_length).1
    }

    /// The options, in order; after an error there are no more.
    #[must_use]
    pub fn options(&self) -> Options<'a> {
        Options {
            rest: self.header().split_at(HEADER).1,
        }
    }
}

/// A header without its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Type of service.
    pub service: u8,
    /// Bytes behind the header.
    pub payload_length: u16,
    /// What the fragments of a datagram have in common.
    pub identification: u16,
    /// Whether it must not be fragmented.
    pub dont_fragment: bool,
    /// Whether more fragments follow this one.
    pub more_fragments: bool,
    /// Where its payload belongs in the datagram's, in bytes: a multiple of 8.
    pub offset: u16,
    /// How many more routers may forward it.
    pub time_to_live: u8,
    /// What it carries.
    pub protocol: Protocol,
    /// From whom.
    pub source: Ipv4Addr,
    /// For whom.
    pub destination: Ipv4Addr,
}

impl Repr {
    /// What the header of `packet` means.
    ///
    /// # Errors
    ///
    /// [`Malformed::IpChecksum`], [`Malformed::IpOptions`].
    pub fn parse(packet: &Packet<'_>) -> Result<Self, Malformed> {
        let header = packet.header;
        if Sum::new().with(packet.header()).finish() != 0 {
            return Err(Malformed::IpChecksum);
        }
        for option in packet.options() {
            option?;
        }
        let fragment = u16::from_be_bytes(bytes!(header, 6, 7));
        Ok(Self {
            service: header[1],
            payload_length: packet.payload().len() as u16,
            identification: u16::from_be_bytes(bytes!(header, 4, 5)),
            dont_fragment: fragment & DONT_FRAGMENT != 0,
            more_fragments: fragment & MORE_FRAGMENTS != 0,
            // Thirteen bits are left, so nothing is lost.
            offset: fragment << 3,
            time_to_live: header[8],
            protocol: Protocol(header[9]),
            source: Ipv4Addr::from(bytes!(header, 12, 13, 14, 15)),
            destination: Ipv4Addr::from(bytes!(header, 16, 17, 18, 19)),
        })
    }

    /// The bytes of a header without options. A payload too long for the total length is stated
    /// as the longest; an offset is rounded down to a multiple of 8.
    #[must_use]
    pub fn emit(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let length = self.payload_length.saturating_add(HEADER as u16);
        let mut fragment = self.offset >> 3;
        if self.dont_fragment {
            fragment |= DONT_FRAGMENT;
        }
        if self.more_fragments {
            fragment |= MORE_FRAGMENTS;
        }
        header[0] = 0x45;
        header[1] = self.service;
        header[2..4].copy_from_slice(&length.to_be_bytes());
        header[4..6].copy_from_slice(&self.identification.to_be_bytes());
        header[6..8].copy_from_slice(&fragment.to_be_bytes());
        header[8] = self.time_to_live;
        header[9] = self.protocol.0;
        header[12..16].copy_from_slice(&self.source.octets());
        header[16..].copy_from_slice(&self.destination.octets());
        let checksum = Sum::new().with(&header).finish();
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        header
    }

    /// Whether it is a piece of a datagram.
    #[must_use]
    pub fn is_fragment(&self) -> bool {
        self.more_fragments || self.offset != 0
    }
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpOption<'a> {
    /// Its type: copied flag, class and number.
    pub kind: u8,
    /// Its data, without type and length.
    pub data: &'a [u8],
}

/// The options of a header that are not padding.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<IpOption<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = core::mem::take(&mut self.rest);
            match rest {
                [] | [END_OF_OPTIONS, ..] => return None,
                [NO_OPERATION, rest @ ..] => self.rest = rest,
                [kind, length, ..] => {
                    let Some((option, rest)) = rest.split_at_checked(usize::from(*length)) else {
                        return Some(Err(Malformed::IpOptions));
                    };
                    let Some(data) = option.get(2..) else {
                        return Some(Err(Malformed::IpOptions));
                    };
                    self.rest = rest;
                    return Some(Ok(IpOption { kind: *kind, data }));
                }
                [_] => return Some(Err(Malformed::IpOptions)),
            }
        }
    }
}

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;
