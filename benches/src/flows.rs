//! The two sets of filters that are compared, and packets whose right answer is known.
//!
//! [`Family::Paper`] is the set of Table 7: TCP over IPv4 from one address and port, to ten
//! destination ports, over an IP header of variable length. [`Family::FiveTuple`] is today's: TCP
//! connections to one server, every filter testing the Ethernet type, the IP version and header
//! length, the protocol, both addresses and both ports; any number of them.
//!
//! Flow *i* is computed from *i*, so a packet can be made without touching a table that would
//! compete with the engines for the caches. In each family the bits in which filters differ have
//! one parity over all flows. So a packet with one of these bits wrong, a *near miss*, is
//! certain to belong to no filter, at any number of filters.
//!
//! Left out: anything but TCP over IPv4 over Ethernet; overlapping filters.

use crate::filter::{Cell, Conjunction, Field, Header, Length};
use alloc::vec;

/// Bytes of every packet made here: the least that Ethernet carries.
pub const PACKET_BYTES: usize = 60;

/// The address of the server that all five-tuples share: 192.12.69.1.
pub const SERVER: u32 = 0xc00c_4501;

const ETHERNET_BYTES: usize = 14;
const IP_BYTES: usize = 20;
const PAPER_SOURCE: u32 = 0xc00c_4501;
const PAPER_SOURCE_PORT: u16 = 1234;
const PAPER_FIRST_PORT: u16 = 4321;
const SERVICES: [u16; 8] = [80, 443, 22, 25, 53, 993, 5432, 8080];

/// Which set of filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The paper's: they differ in the destination port only, and the IP header varies in length.
    Paper,
    /// Full five-tuples that share protocol and destination address, IP header of 20 bytes.
    FiveTuple,
}

/// Filter `index` of the paper's family over an IP header of 20 bytes, as in the paper's figure.
pub fn paper_fixed(index: u32) -> Conjunction {
    let mut filter = Family::Paper.filter(index);
    for header in &mut filter.headers {
        if header.length == Length::InternetHeader {
            header.length = Length::Fixed(IP_BYTES as u16);
        }
    }
    filter
}

/// What tells one filter of a family from another, and what its packets carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// IPv4 source address.
    pub source: u32,
    /// TCP source port.
    pub source_port: u16,
    /// TCP destination port.
    pub destination_port: u16,
}

impl Family {
    /// The flow of filter `index`; distinct for distinct indices below 2³² (paper: below 2¹⁴).
    pub fn flow(self, index: u32) -> Flow {
        match self {
            Self::Paper => Flow {
                source: PAPER_SOURCE,
                source_port: PAPER_SOURCE_PORT,
                destination_port: paper_port(index),
            },
            Self::FiveTuple => five_tuple(index),
        }
    }

    /// Filter `index` as a description for any engine.
    pub fn filter(self, index: u32) -> Conjunction {
        let flow = self.flow(index);
        let ethernet = Header {
            cells: vec![constant(12, 2, 0x0800)],
            length: Length::Fixed(ETHERNET_BYTES as u16),
        };
        let ports = vec![
            key(0, 2, u32::from(flow.source_port)),
            key(2, 2, u32::from(flow.destination_port)),
        ];
        let transport = Header {
            cells: ports,
            length: Length::Fixed(0),
        };
        let internet = match self {
            Self::Paper => Header {
                cells: vec![constant(9, 1, 6), key(12, 4, flow.source)],
                length: Length::InternetHeader,
            },
            Self::FiveTuple => Header {
                cells: vec![
                    constant(0, 1, 0x45),
                    constant(9, 1, 6),
                    key(12, 4, flow.source),
                    constant(16, 4, SERVER),
                ],
                length: Length::Fixed(IP_BYTES as u16),
            },
        };
        Conjunction {
            headers: vec![ethernet, internet, transport],
        }
    }

    /// A packet that filter `index` accepts, and no other of its family.
    pub fn packet(self, index: u32) -> [u8; PACKET_BYTES] {
        self.flow(index).packet()
    }

    /// A packet that no filter of the family accepts: that of filter `index` with one bit wrong in
    /// a field where filters differ. `choice` picks the bit.
    pub fn near_miss(self, index: u32, choice: u32) -> [u8; PACKET_BYTES] {
        let mut flow = self.flow(index);
        let bit = choice >> 8;
        match (self, choice % 3) {
            (Self::Paper, _) | (_, 0) => flow.destination_port ^= 1 << (bit % 16),
            (_, 1) => flow.source_port ^= 1 << (bit % 16),
            _ => flow.source ^= 1 << (bit % 32),
        }
        flow.packet()
    }

    /// A packet that no filter of the family accepts: that of filter `index` with one bit wrong in
    /// a field that all filters test alike. `choice` picks the bit.
    pub fn shared_miss(self, index: u32, choice: u32) -> [u8; PACKET_BYTES] {
        let mut packet = self.packet(index);
        let paper: &[usize] = &[12, 13, 23, 26, 27, 28, 29, 34, 35];
        let five_tuple: &[usize] = &[12, 13, 14, 23, 30, 31, 32, 33];
        let bytes = if self == Self::Paper {
            paper
        } else {
            five_tuple
        };
        packet[bytes[choice as usize % bytes.len()]] ^= 1 << (choice >> 8 & 7);
        packet
    }
}

impl Flow {
    /// The shortest Ethernet frame of this flow: TCP over IPv4 to [`SERVER`].
    pub fn packet(self) -> [u8; PACKET_BYTES] {
        let mut packet = TEMPLATE;
        packet[26..30].copy_from_slice(&self.source.to_be_bytes());
        packet[34..36].copy_from_slice(&self.source_port.to_be_bytes());
        packet[36..38].copy_from_slice(&self.destination_port.to_be_bytes());
        packet
    }
}

const TEMPLATE: [u8; PACKET_BYTES] = {
    let mut packet = [0; PACKET_BYTES];
    packet[5] = 2; // destination 00:00:00:00:00:02
    packet[11] = 1; // source 00:00:00:00:00:01
    packet[12] = 0x08; // IPv4
    packet[14] = 0x45;
    packet[17] = (PACKET_BYTES - ETHERNET_BYTES) as u8;
    packet[20] = 0x40; // do not fragment
    packet[22] = 64; // hops
    packet[23] = 6; // TCP
    let server = SERVER.to_be_bytes();
    packet[30] = server[0];
    packet[31] = server[1];
    packet[32] = server[2];
    packet[33] = server[3];
    packet[46] = 5 << 4; // TCP header of 20 bytes
    packet[47] = 0x10; // ACK
    packet
};

fn constant(offset: u16, bytes: u8, value: u32) -> Cell {
    Cell {
        field: Field { offset, bytes },
        value,
        key: false,
    }
}

fn key(offset: u16, bytes: u8, value: u32) -> Cell {
    Cell {
        field: Field { offset, bytes },
        value,
        key: true,
    }
}

/// Ports scattered over the whole range, the first that of the paper, all of odd parity.
fn paper_port(index: u32) -> u16 {
    // Fifteen bits run through all their values (an odd factor); the lowest sets the parity.
    let upper =
        (u32::from(PAPER_FIRST_PORT >> 1).wrapping_add(index.wrapping_mul(0x2a6d))) & 0x7fff;
    let port = (upper << 1) as u16;
    port | u16::from(port.count_ones().is_multiple_of(2))
}

/// Clients of 10.0.0.0/8, ephemeral source ports, well-known destination ports, of even parity.
fn five_tuple(index: u32) -> Flow {
    let unique = scramble(index);
    let rest = scramble(!index.rotate_left(16));
    let destination_port = SERVICES[rest as usize % SERVICES.len()];
    // The upper bits of `unique` are in the address, its lowest byte in the port: no two alike.
    let source = 10 << 24 | unique >> 8;
    let source_port = 0x8000 | ((unique & 0xff) << 7) as u16 | (rest >> 8 & 0x7e) as u16;
    let ones = source.count_ones() + source_port.count_ones() + destination_port.count_ones();
    Flow {
        source,
        source_port: source_port | (ones % 2) as u16,
        destination_port,
    }
}

/// A bijection of 32-bit numbers without visible pattern (multiplications by odd numbers and
/// exclusive ors with right shifts, each of which can be undone).
fn scramble(number: u32) -> u32 {
    let mixed = (number ^ number >> 16).wrapping_mul(0x7feb_352d);
    let mixed = (mixed ^ mixed >> 15).wrapping_mul(0x846c_a68b);
    mixed ^ mixed >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{collections::BTreeSet, vec::Vec};

    const NOBODY: [u32; 0] = [];

    #[test]
    fn flows_are_distinct_and_near_misses_belong_to_nobody() {
        for (family, count) in [(Family::Paper, 10_000), (Family::FiveTuple, 100_000)] {
            let packets: BTreeSet<_> = (0..count).map(|index| family.packet(index)).collect();
            assert_eq!(packets.len(), count as usize);
            for index in 0..count {
                let choice = scramble(index);
                assert!(!packets.contains(&family.near_miss(index, choice)));
            }
        }
    }

    #[test]
    fn descriptions_accept_their_own_packets_alone() {
        for family in [Family::Paper, Family::FiveTuple] {
            let filters: Vec<_> = (0..50).map(|index| family.filter(index)).collect();
            for index in 0..50 {
                let owners = |packet: &[u8]| -> Vec<u32> {
                    let mut owners = Vec::new();
                    for (owner, filter) in filters.iter().enumerate() {
                        if filter.accepts(packet) {
                            owners.push(owner as u32);
                        }
                    }
                    owners
                };
                assert_eq!(owners(&family.packet(index)), [index]);
                for choice in (0..500).map(scramble) {
                    assert_eq!(owners(&family.near_miss(index, choice)), NOBODY);
                    assert_eq!(owners(&family.shared_miss(index, choice)), NOBODY);
                }
                assert_eq!(owners(&family.packet(index)[..37]), NOBODY, "short");
            }
        }
    }
}
