//! Link types: what the bytes of a packet start with, and which header of the language that is.
//!
//! The numbers are the registry at tcpdump.org (`LINKTYPE_…`). The headers are declared beside the
//! other standard protocols.

use core::fmt;

/// A link type, by its number in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);

    /// IPv4 or IPv6, without anything before it.
    pub const RAW_IP: Self = Self(101);

    /// The header of the language that the packets start with; nothing for the link types that
    /// are not supported.
    pub fn root(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "ether",
            0 | 108 => "null",
            113 => "sll",
            276 => "sll2",
            // 12 and 14 are what BSD systems wrote before 101 was assigned.
            12 | 14 | 101 | 228 | 229 => "raw",
            _ => return None,
        })
    }

    /// The name in the registry, for the commonest types.
    fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "NULL",
            1 => "ETHERNET",
            8 => "SLIP",
            9 => "PPP",
            10 => "FDDI",
            12 | 14 | 101 => "RAW",
            104 => "C_HDLC",
            105 => "IEEE802_11",
            107 => "FRELAY",
            108 => "LOOP",
            113 => "LINUX_SLL",
            127 => "IEEE802_11_RADIOTAP",
            187 => "BLUETOOTH_HCI_H4",
            195 => "IEEE802_15_4",
            220 => "USB_LINUX_MMAPPED",
            228 => "IPV4",
            229 => "IPV6",
            231 => "DBUS",
            239 => "NFLOG",
            249 => "USBPCAP",
            276 => "LINUX_SLL2",
            _ => return None,
        })
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(out, "{} ({name})", self.0),
            None => write!(out, "{}", self.0),
        }
    }
}
