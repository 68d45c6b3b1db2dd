//! Choices out of a fuzzer's bytes; what the bytes do not say is zero.

use crate::{
    Mac,
    wire::{
        arp,
        ethernet::{self, EtherType},
        icmp,
        ip::{self, Protocol},
        udp,
    },
};
use core::net::Ipv4Addr;

/// The bytes that are left.
#[derive(Debug)]
pub struct Source<'d>(&'d [u8]);

impl<'d> Source<'d> {
    /// All of them.
    #[must_use]
    pub fn new(data: &'d [u8]) -> Self {
        Self(data)
    }

    /// Whether none is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// The next two bytes.
    pub fn half(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// A number below `bound`, which is at most 256.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// Up to `most` bytes, as they are.
    pub fn bytes(&mut self, most: usize) -> &'d [u8] {
        let (bytes, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// One of the items.
    pub fn pick<T: Copy, const N: usize>(&mut self, items: [T; N]) -> T {
        items[self.below(N)]
    }

    /// A frame that is nearly right: mostly to `mac` and `address`.
    pub fn frame(&mut self, mac: Mac, address: Ipv4Addr) -> Vec<u8> {
        let destination = self.pick([mac, mac, mac, mac, Mac::BROADCAST, Mac([2; 6])]);
        let kind = self.below(8);
        let (kind, mut body) = match kind {
            0 => (EtherType::ARP, self.arp(mac, address)),
            1 => (EtherType::RARP, self.arp(mac, address)),
            2 => (EtherType(self.half()), self.bytes(64).to_vec()),
            _ => (EtherType::IP, self.datagram(address)),
        };
        for _ in 0..self.below(16).saturating_sub(11) {
            let at = usize::from(self.half()) % body.len().max(1);
            let value = self.byte();
            if let Some(byte) = body.get_mut(at) {
                *byte = value;
            }
        }
        let header = ethernet::Repr {
            destination,
            source: Mac([2, 0, 0, 0, 0, self.byte()]),
            kind,
        };
        [&header.emit()[..], &body].concat()
    }

    /// An address near `address`, mostly.
    fn address(&mut self, address: Ipv4Addr) -> Ipv4Addr {
        let [a, b, c, _] = address.octets();
        let near = Ipv4Addr::new(a, b, c, self.byte() % 8);
        let any = [self.byte(), self.byte(), self.byte(), self.byte()];
        self.pick([
            near,
            near,
            near,
            near,
            address,
            any.into(),
            Ipv4Addr::UNSPECIFIED,
        ])
    }

    fn arp(&mut self, mac: Mac, address: Ipv4Addr) -> Vec<u8> {
        let repr = arp::Repr {
            operation: arp::Operation(u16::from(self.byte() % 6)),
            source_mac: Mac([2, 0, 0, 0, 0, self.byte()]),
            source: self.address(address),
            target_mac: self.pick([mac, Mac::ZERO]),
            target: self.pick([address, address, Ipv4Addr::new(10, 0, 0, 9)]),
        };
        repr.emit().to_vec()
    }

    /// A datagram or a fragment; sometimes with options.
    fn datagram(&mut self, address: Ipv4Addr) -> Vec<u8> {
        let source = self.address(address);
        let [a, b, c, _] = address.octets();
        let all = Ipv4Addr::new(a, b, c, 255);
        let destination = self.pick([address, address, address, all, Ipv4Addr::BROADCAST]);
        let (protocol, payload) = match self.below(8) {
            0 => (Protocol(self.byte()), self.bytes(40).to_vec()),
            1..=3 => (Protocol::UDP, self.udp(source, destination)),
            _ => (Protocol::ICMP, self.icmp(address)),
        };
        let fragment = self.below(3) == 0;
        let mut repr = ip::Repr {
            service: 0,
            payload_length: payload.len() as u16,
            identification: u16::from(self.byte() % 4),
            dont_fragment: self.below(2) == 0,
            more_fragments: fragment && self.below(3) > 0,
            offset: 0,
            time_to_live: self.byte(),
            protocol,
            source,
            destination,
        };
        if fragment {
            repr.offset = u16::from(self.byte() % 32) * 8;
            if self.below(8) == 0 {
                repr.offset = self.half() & 0xfff8;
            }
        }
        let mut datagram = [&repr.emit()[..], &payload].concat();
        if self.below(6) == 0 {
            let options = self.bytes(4 * self.0.len().min(10)).to_vec();
            datagram = with_options(&datagram, &options[..options.len().min(40) / 4 * 4]);
        }
        datagram
    }

    fn udp(&mut self, source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
        let length = usize::from(self.byte());
        let payload = self.payload(length);
        let repr = udp::Repr {
            source: u16::from(self.byte() % 8),
            destination: u16::from(self.byte() % 8),
        };
        [&repr.emit(source, destination, &payload)[..], &payload].concat()
    }

    fn icmp(&mut self, address: Ipv4Addr) -> Vec<u8> {
        let (identifier, sequence) = (u16::from(self.byte() % 4), u16::from(self.byte() % 4));
        let repr = match self.below(5) {
            0 | 1 => icmp::Repr::EchoRequest {
                identifier,
                sequence,
            },
            2 => icmp::Repr::EchoReply {
                identifier,
                sequence,
            },
            3 => icmp::Repr::Error(icmp::Error::Unreachable(icmp::Unreachable(self.byte() % 6))),
            _ => icmp::Repr::Other(self.byte()),
        };
        let payload = match repr {
            icmp::Repr::Error(_) => self.quotation(address),
            _ => {
                let length = usize::from(self.byte());
                self.payload(length)
            }
        };
        [&repr.emit(&payload)[..], &payload].concat()
    }

    /// What an error quotes of a datagram from this host's port 1 to port 7 of another.
    fn quotation(&mut self, address: Ipv4Addr) -> Vec<u8> {
        let destination = self.address(address);
        let repr = ip::Repr {
            service: 0,
            payload_length: 8,
            identification: 1,
            dont_fragment: false,
            more_fragments: false,
            offset: 0,
            time_to_live: 64,
            protocol: Protocol::UDP,
            source: address,
            destination,
        };
        let ports = udp::Repr {
            source: u16::from(self.byte() % 8),
            destination: u16::from(self.byte() % 8),
        };
        let header = ports.emit(address, destination, &[]);
        [&repr.emit()[..], &header].concat()
    }

    /// `length` bytes that repeat a few, so that fragments agree now and then.
    fn payload(&mut self, length: usize) -> Vec<u8> {
        let byte = self.byte() % 3;
        vec![byte; length]
    }
}

/// The datagram with options, its header's lengths and checksum set right.
#[must_use]
pub fn with_options(datagram: &[u8], options: &[u8]) -> Vec<u8> {
    let (header, payload) = datagram.split_at(ip::HEADER);
    let mut header = [header, options].concat();
    header[0] = 0x40 | (header.len() / 4) as u8;
    let length = (header.len() + payload.len()) as u16;
    header[2..4].copy_from_slice(&length.to_be_bytes());
    header[10..12].fill(0);
    let sum = crate::wire::checksum::Sum::new().with(&header).finish();
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    [&header[..], payload].concat()
}
