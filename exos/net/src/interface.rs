//! A host's place in the network: its address, its network, its gateway (RFC 950, RFC 1122 §3.3.1).
//!
//! One interface, one network, at most one gateway: the whole routing table of a host. On networks of
//! one or two addresses (prefixes 31 and 32, RFC 3021) there is no directed broadcast.

use crate::wire::Mac;
use core::net::Ipv4Addr;

/// The host's address and those around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interface {
    /// The host's own address.
    pub address: Ipv4Addr,
    /// How many bits of it are the network's: at most 32.
    pub prefix: u8,
    /// Who forwards to other networks.
    pub gateway: Option<Ipv4Addr>,
}

/// Where a datagram goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// To the station with this address, which ARP knows.
    Station(Ipv4Addr),
    /// To all stations, or a group of them.
    Group(Mac),
}

impl Interface {
    /// A host on a network without gateway.
    #[must_use]
    pub const fn new(address: Ipv4Addr, prefix: u8) -> Self {
        Self {
            address,
            prefix,
            gateway: None,
        }
    }

    /// All hosts of the network.
    #[must_use]
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        let host = self.host_bits();
        (host > 1).then(|| Ipv4Addr::from_bits(self.address.to_bits() | host))
    }

    /// Whether `address` means all hosts here.
    #[must_use]
    pub fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        address.is_broadcast() || self.broadcast() == Some(address)
    }

    /// Whether `address` can be another host of this network.
    #[must_use]
    pub fn is_neighbour(&self, address: Ipv4Addr) -> bool {
        self.has(address) && address != self.address && !self.is_edge(address)
    }

    /// Whether `address` can be a host's, here or elsewhere, as far as this host can tell.
    #[must_use]
    pub fn is_host(&self, address: Ipv4Addr) -> bool {
        is_host(address) && !(self.has(address) && self.is_edge(address))
    }

    /// Where a datagram for `destination` goes next; `None` if nothing leads there.
    #[must_use]
    pub fn next_hop(&self, destination: Ipv4Addr) -> Option<Hop> {
        if self.is_broadcast(destination) {
            return Some(Hop::Group(Mac::BROADCAST));
        }
        if destination.is_multicast() {
            // RFC 1112 §6.4.
            let [_, b, c, d] = destination.octets();
            return Some(Hop::Group(Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d])));
        }
        if self.is_neighbour(destination) {
            return Some(Hop::Station(destination));
        }
        if !self.is_host(destination) || destination == self.address {
            return None;
        }
        let gateway = self.gateway.filter(|gateway| self.is_neighbour(*gateway));
        gateway.map(Hop::Station)
    }

    fn host_bits(&self) -> u32 {
        u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0)
    }

    /// Whether the network has `address`.
    fn has(&self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.address.to_bits()) & !self.host_bits() == 0
    }

    /// Whether the host's part of `address` is all zeros or all ones.
    fn is_edge(&self, address: Ipv4Addr) -> bool {
        let bits = self.host_bits();
        let host = address.to_bits() & bits;
        bits > 1 && (host == 0 || host == bits)
    }
}

/// Whether `address` can be that of one host on a wire: not this host's, no group, not class E,
/// and not of network 0 or 127.
#[must_use]
pub fn is_host(address: Ipv4Addr) -> bool {
    !matches!(address.octets()[0], 0 | 127 | 224..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Ipv4Addr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_of_254() {
        let mut here = Interface::new(ip("10.0.0.2"), 24);
        assert_eq!(here.broadcast(), Some(ip("10.0.0.255")));
        assert_eq!(
            here.next_hop(ip("10.0.0.9")),
            Some(Hop::Station(ip("10.0.0.9")))
        );
        assert_eq!(
            here.next_hop(ip("10.0.0.255")),
            Some(Hop::Group(Mac::BROADCAST))
        );
        for nowhere in [
            "10.0.1.1",
            "10.0.0.2",
            "10.0.0.0",
            "127.0.0.1",
            "0.0.0.0",
            "240.0.0.1",
        ] {
            assert_eq!(here.next_hop(ip(nowhere)), None, "{nowhere}");
        }
        here.gateway = Some(ip("10.0.0.1"));
        assert_eq!(
            here.next_hop(ip("10.0.1.1")),
            Some(Hop::Station(ip("10.0.0.1")))
        );
        assert_eq!(here.next_hop(ip("127.0.0.1")), None);
        here.gateway = Some(ip("10.0.1.1"));
        assert_eq!(
            here.next_hop(ip("10.0.2.1")),
            None,
            "a gateway must be near"
        );
        let group = Hop::Group(Mac([1, 0, 0x5e, 0x01, 0x02, 0x03]));
        assert_eq!(here.next_hop(ip("239.129.2.3")), Some(group));
    }

    #[test]
    fn networks_of_two_and_one() {
        let here = Interface::new(ip("10.0.0.2"), 31);
        assert_eq!(here.broadcast(), None);
        assert_eq!(
            here.next_hop(ip("10.0.0.3")),
            Some(Hop::Station(ip("10.0.0.3")))
        );
        assert_eq!(here.next_hop(ip("10.0.0.4")), None);
        let here = Interface::new(ip("10.0.0.2"), 32);
        assert_eq!(here.next_hop(ip("10.0.0.3")), None);
        let here = Interface::new(ip("10.0.0.2"), 0);
        assert_eq!(here.broadcast(), Some(Ipv4Addr::BROADCAST));
    }
}
