//! Headers around payloads, from the inside out: what the made-up traffic is built of.
//!
//! Lengths and checksums are right (RFC 791, 768, 9293, 792, 8200, 4443, 2784, 7348), so that other
//! tools show the capture without complaint.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) const ETHERTYPE_IPV4: u16 = 0x0800;
pub(super) const ETHERTYPE_ARP: u16 = 0x0806;
pub(super) const ETHERTYPE_IPV6: u16 = 0x86dd;

pub(super) const HOP_BY_HOP: u8 = 0;
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const FRAGMENT: u8 = 44;
pub(super) const GRE: u8 = 47;
pub(super) const ICMPV6: u8 = 58;
pub(super) const DESTINATION_OPTIONS: u8 = 60;

/// The two ends of a conversation, seen from the sender.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
}

impl Ends {
    pub(super) fn back(self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
        }
    }
}

/// Ethernet, with addresses made from the last bytes of `who`.
pub(super) fn ethernet(who: [u8; 2], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x02, 0, 0, 0, 0, who[1], 0x02, 0, 0, 0, 0, who[0]];
    out.extend_from_slice(&ethertype.to_be_bytes());
    out.extend_from_slice(payload);
    // The shortest frame has 60 bytes without its check sequence.
    out.resize(out.len().max(60), 0);
    out
}

/// An IP packet in an Ethernet frame, behind the given tags: pairs of tag protocol and VLAN.
pub(super) fn tagged(tags: &[(u16, u16)], packet: &[u8]) -> Vec<u8> {
    let ip = if packet[0] >> 4 == 4 {
        ETHERTYPE_IPV4
    } else {
        ETHERTYPE_IPV6
    };
    let mut payload = Vec::new();
    let inner = tags
        .iter()
        .skip(1)
        .map(|&(protocol, _)| protocol)
        .chain([ip]);
    for (&(_, vlan), next) in tags.iter().zip(inner) {
        payload.extend_from_slice(&vlan.to_be_bytes());
        payload.extend_from_slice(&next.to_be_bytes());
    }
    payload.extend_from_slice(packet);
    let ends = if ip == ETHERTYPE_IPV4 {
        [packet[15], packet[19]]
    } else {
        [packet[23], packet[39]]
    };
    ethernet(
        ends,
        tags.first().map_or(ip, |&(protocol, _)| protocol),
        &payload,
    )
}

/// An IP packet in an Ethernet frame.
pub(super) fn frame(packet: &[u8]) -> Vec<u8> {
    tagged(&[], packet)
}

pub(super) fn arp(request: bool, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut out = vec![0, 1, 8, 0, 6, 4, 0, if request { 1 } else { 2 }];
    for address in [sender, target] {
        out.extend_from_slice(&[0x02, 0, 0, 0, 0, address.octets()[3]]);
        out.extend_from_slice(&address.octets());
    }
    out
}

/// IP of either version. `id` identifies the datagram.
pub(super) fn ip(ends: Ends, protocol: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    match (ends.source, ends.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => ipv4(
            source,
            destination,
            protocol,
            Fragment {
                id,
                offset: 0,
                more: false,
            },
            payload,
        ),
        (source, destination) => ipv6(v6(source), v6(destination), protocol, payload),
    }
}

/// Which part of a datagram a packet carries.
#[derive(Clone, Copy)]
pub(super) struct Fragment {
    pub(super) id: u16,
    /// In bytes, a multiple of 8.
    pub(super) offset: u16,
    pub(super) more: bool,
}

pub(super) fn ipv4(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    part: Fragment,
    payload: &[u8],
) -> Vec<u8> {
    let mut out = vec![0x45, 0];
    out.extend_from_slice(&(20 + payload.len() as u16).to_be_bytes());
    out.extend_from_slice(&part.id.to_be_bytes());
    out.extend_from_slice(&((u16::from(part.more) << 13) | (part.offset / 8)).to_be_bytes());
    out.extend_from_slice(&[64, protocol, 0, 0]);
    out.extend_from_slice(&source.octets());
    out.extend_from_slice(&destination.octets());
    let sum = checksum(&[&out]);
    out[10..12].copy_from_slice(&sum);
    out.extend_from_slice(payload);
    out
}

pub(super) fn ipv6(source: Ipv6Addr, destination: Ipv6Addr, next: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x60, 0, 0, 0];
    out.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    out.extend_from_slice(&[next, 64]);
    out.extend_from_slice(&source.octets());
    out.extend_from_slice(&destination.octets());
    out.extend_from_slice(payload);
    out
}

/// An IPv6 extension header with nothing but padding in it.
pub(super) fn options(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![next, 0, 1, 4, 0, 0, 0, 0];
    out.extend_from_slice(payload);
    out
}

/// An IPv6 fragment header.
pub(super) fn fragment(next: u8, part: Fragment, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![next, 0];
    out.extend_from_slice(&(part.offset | u16::from(part.more)).to_be_bytes());
    out.extend_from_slice(&u32::from(part.id).to_be_bytes());
    out.extend_from_slice(payload);
    out
}

pub(super) fn udp(ends: Ends, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in [
        ends.source_port,
        ends.destination_port,
        8 + payload.len() as u16,
        0,
    ] {
        out.extend_from_slice(&field.to_be_bytes());
    }
    out.extend_from_slice(payload);
    let sum = transport_checksum(ends, UDP, &out);
    out[6..8].copy_from_slice(&sum);
    out
}

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

pub(super) fn tcp(
    ends: Ends,
    flags: u8,
    sequence: u32,
    acknowledged: u32,
    payload: &[u8],
) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&ends.source_port.to_be_bytes());
    out.extend_from_slice(&ends.destination_port.to_be_bytes());
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(&acknowledged.to_be_bytes());
    out.extend_from_slice(&[5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    out.extend_from_slice(payload);
    let sum = transport_checksum(ends, TCP, &out);
    out[16..18].copy_from_slice(&sum);
    out
}

/// ICMP or ICMPv6, as the addresses are.
pub(super) fn icmp(ends: Ends, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, 0, 0, 0];
    out.extend_from_slice(body);
    let sum = match ends.source {
        IpAddr::V4(_) => checksum(&[&out]),
        IpAddr::V6(_) => transport_checksum(ends, ICMPV6, &out),
    };
    out[2..4].copy_from_slice(&sum);
    out
}

pub(super) fn gre(packet: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0];
    out.extend_from_slice(&ETHERTYPE_IPV4.to_be_bytes());
    out.extend_from_slice(packet);
    out
}

pub(super) fn vxlan(network: u32, frame: &[u8]) -> Vec<u8> {
    let mut out = vec![0x08, 0, 0, 0];
    out.extend_from_slice(&(network << 8).to_be_bytes());
    out.extend_from_slice(frame);
    out
}

fn transport_checksum(ends: Ends, protocol: u8, segment: &[u8]) -> [u8; 2] {
    let length = (segment.len() as u32).to_be_bytes();
    let pseudo = match (ends.source, ends.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            [&source.octets()[..], &destination.octets()].concat()
        }
        (source, destination) => [v6(source).octets(), v6(destination).octets()].concat(),
    };
    match checksum(&[&pseudo, &length, &[0, protocol], segment]) {
        // In UDP, 0 means that there is none.
        [0, 0] => [0xff, 0xff],
        sum => sum,
    }
}

/// The Internet checksum. All parts but the last must have even lengths.
fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let pairs = parts.iter().flat_map(|part| part.chunks(2));
    let words =
        pairs.map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!sum as u16).to_be_bytes()
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}
