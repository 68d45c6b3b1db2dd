//! Asking for one's own address (RFC 903): what a machine without a disk does first.
//!
//! Requests are broadcast until a server answers, at intervals that double from one second to 32
//! (RFC 903 leaves them open; this is what keeps a segment calm when power comes back). RARP tells
//! no network mask, so that of the address's class is taken.

use crate::{
    link::Millis,
    wire::{
        Mac,
        arp::{Operation, Repr},
    },
};
use core::net::Ipv4Addr;

/// The first interval between requests.
pub const FIRST_INTERVAL: Millis = 1_000;
/// The longest.
pub const LONGEST_INTERVAL: Millis = 32_000;

/// A question under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asking {
    next: Millis,
    interval: Millis,
}

impl Asking {
    /// The first request is due at `now`.
    #[must_use]
    pub fn new(now: Millis) -> Self {
        Self {
            next: now,
            interval: FIRST_INTERVAL,
        }
    }

    /// The request to broadcast now, if it is time.
    pub fn due(&mut self, mac: Mac, now: Millis) -> Option<Repr> {
        if now < self.next {
            return None;
        }
        self.next = now + self.interval;
        self.interval = (self.interval * 2).min(LONGEST_INTERVAL);
        Some(Repr {
            operation: Operation::REVERSE_REQUEST,
            source_mac: mac,
            source: Ipv4Addr::UNSPECIFIED,
            target_mac: mac,
            target: Ipv4Addr::UNSPECIFIED,
        })
    }

    /// When the next request is due.
    #[must_use]
    pub fn deadline(&self) -> Millis {
        self.next
    }
}

/// The address that `packet` says `mac` has; `None` if it says nothing of that.
#[must_use]
pub fn answer(packet: &Repr, mac: Mac) -> Option<Ipv4Addr> {
    let ours = packet.operation == Operation::REVERSE_REPLY && packet.target_mac == mac;
    (ours && crate::interface::is_host(packet.target)).then_some(packet.target)
}

/// The length of the network's prefix by the class of an address (RFC 791 §2.3).
#[must_use]
pub fn class_prefix(address: Ipv4Addr) -> u8 {
    match address.octets()[0] {
        0..128 => 8,
        128..192 => 16,
        192.. => 24,
    }
}
