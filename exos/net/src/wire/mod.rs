//! What stands on the wire: each protocol as a view of bytes and as a value.
//!
//! A *view* (`Frame`, `Packet`, `Datagram`, `Message`) is made by `new_checked`, which establishes
//! that the header is whole and that the lengths it states lie inside the bytes; whoever holds a
//! view can read every field. A *value* (`Repr`) is what a header means: `parse` makes it of a view
//! and checks what is left to check, above all checksums; `emit` makes the header's bytes of it.
//! What `emit` makes, `parse` takes back. Headers are fixed arrays, so that no access can fail.
//!
//! What is malformed is named by its cause ([`Malformed`]). IPv6, 802.2 and VLAN tags are left out.

pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod icmp;
pub mod ip;
pub mod udp;

use core::fmt;

/// Why bytes are not what they claim to be; everything else about a packet is taken as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Malformed {
    /// A frame without a whole Ethernet header.
    EthernetShort,
    /// A frame longer than Ethernet carries.
    EthernetLong,
    /// An ARP or RARP packet that is cut off.
    ArpShort,
    /// An ARP or RARP packet of other hardware or protocol, or from no single station.
    ArpForeign,
    /// A datagram without a whole IP header.
    IpShort,
    /// A version other than 4.
    IpVersion,
    /// A header length below five words, or a total length that the frame or header contradicts.
    IpLength,
    /// A wrong header checksum.
    IpChecksum,
    /// Options that leave the header.
    IpOptions,
    /// A message without a whole ICMP header.
    IcmpShort,
    /// A wrong ICMP checksum.
    IcmpChecksum,
    /// A datagram without a whole UDP header.
    UdpShort,
    /// A UDP length below the header's or beyond the IP payload.
    UdpLength,
    /// A wrong UDP checksum.
    UdpChecksum,
}

/// The address of a station on Ethernet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// All stations.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// No station: the target of an ARP request.
    pub const ZERO: Self = Self([0; 6]);

    /// Whether it is the address of several stations: the broadcast address is.
    #[must_use]
    pub fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether it can be the address of one station.
    #[must_use]
    pub fn is_station(self) -> bool {
        !self.is_group() && self != Self::ZERO
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(out, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// `N` bytes of a header, beginning at a constant place: both are checked by the compiler.
macro_rules! bytes {
    ($header:expr, $($at:literal),+) => {
        [$($header[$at]),+]
    };
}
pub(crate) use bytes;
