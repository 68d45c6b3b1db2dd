//! Captures: reading pcap and pcapng as streams, in constant memory, and writing them.
//!
//! The formats are those of the IETF drafts `draft-ietf-opsawg-pcap` and
//! `draft-ietf-opsawg-pcapng`; the fields are decoded by the `pcap-parser` crate. What is added
//! here is a bounded window on the input (so that `-` and huge files cost the same), exact byte
//! positions for damage, and one [`Packet`] for all formats. Compressed captures are left to
//! `zcat FILE | dpf … -`.

mod error;
mod link;
mod ng;
mod pcap;
mod reader;
mod window;
mod writer;

pub use error::{CaptureError, Damage};
pub use link::LinkType;
pub use reader::Reader;
pub use window::{MAX_BLOCK_BYTES, MAX_PACKET_BYTES};
pub use writer::{Format, Writer};

/// The most interfaces that one capture may describe.
pub const MAX_INTERFACES: usize = 65_536;

/// How finely a capture's clock counts. Finer clocks are cut to nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Microseconds, or coarser.
    Micro,
    /// Nanoseconds, or finer.
    Nano,
}

impl Resolution {
    /// How many digits follow the point of a printed time.
    pub fn digits(self) -> usize {
        match self {
            Self::Micro => 6,
            Self::Nano => 9,
        }
    }

    /// Nanoseconds in one unit.
    pub fn unit(self) -> u64 {
        match self {
            Self::Micro => 1_000,
            Self::Nano => 1,
        }
    }
}

/// Where packets were captured: an interface of a pcapng capture, or a whole pcap file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// What the packets start with.
    pub link: LinkType,
    /// The header field that `link` came from, with the bits that pcap keeps above it.
    pub link_field: u32,
    /// The most bytes that were kept of a packet; 0 for no limit.
    pub snaplen: u32,
    /// The clock.
    pub resolution: Resolution,
    /// What it was called, where the capture says.
    pub name: Option<String>,
}

/// When a packet was captured, since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Whole seconds.
    pub seconds: i64,
    /// Nanoseconds beyond them. A damaged capture may give more than a second.
    pub nanoseconds: u64,
}

impl Timestamp {
    /// The whole time in nanoseconds, saturating.
    pub fn as_nanoseconds(self) -> u64 {
        u64::try_from(self.seconds)
            .unwrap_or(0)
            .saturating_mul(1_000_000_000)
            .saturating_add(self.nanoseconds)
    }

    /// The time as text, `seconds.fraction`.
    pub fn print(self, resolution: Resolution) -> String {
        let seconds = self
            .seconds
            .saturating_add((self.nanoseconds / 1_000_000_000) as i64);
        let fraction = self.nanoseconds % 1_000_000_000 / resolution.unit();
        format!("{seconds}.{fraction:0width$}", width = resolution.digits())
    }
}

/// One packet of a capture, as long as the reader stands on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The interfaces that the capture described until here.
    pub interfaces: &'a [Interface],
    /// Which of them it came from.
    pub index: usize,
    /// When.
    pub time: Timestamp,
    /// How long it was on the wire, in bytes.
    pub wire_len: u32,
    /// What was captured of it.
    pub data: &'a [u8],
}

impl<'a> Packet<'a> {
    /// The interface it came from.
    pub fn interface(&self) -> &'a Interface {
        &self.interfaces[self.index]
    }
}
