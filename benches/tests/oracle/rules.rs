//! The five reasons for which a verdict may differ, each recognised from the packet alone.
//!
//! * *tagged*: libpcap looks at the outermost Ethernet type unless told `vlan`; the language sees
//!   through up to two tags.
//! * *malformed*: a header whose version or length field cannot be right is absent here; libpcap
//!   reads on, and believes a link type for IPv4 alone more than the packet's version.
//! * *extension*: the language finds what is behind up to four IPv6 extension headers; libpcap
//!   looks at the first next-header field, and in part behind a fragment header.
//! * *truncated*: a comparison that is short decides only where its value counts; libpcap's
//!   program ends at the first load outside the packet, wherever the optimiser put it.
//! * *family*: on loopback links libpcap knows the address family numbers of its own system.
//!
//! This walk over the headers is the test's own.

use crate::captures::Link;

/// The name of the first rule that applies to the packet.
pub(crate) fn explain(link: Link, packet: &[u8]) -> Option<&'static str> {
    walk(link, packet).err()
}

/// Walks to the transport header; stops with the rule that applies where one does.
fn walk(link: Link, packet: &[u8]) -> Result<(), &'static str> {
    let half = |at: usize| {
        Ok(u16::from_be_bytes(
            *packet
                .get(at..)
                .and_then(|b| b.first_chunk())
                .ok_or("truncated")?,
        ))
    };
    let needs = |end: usize| {
        if packet.len() < end {
            Err("truncated")
        } else {
            Ok(())
        }
    };
    let (kind, base) = match link.root() {
        Some("ether") => (half(12)?, 14),
        Some("sll") => (half(14)?, 16),
        Some("sll2") => (half(0)?, 20),
        Some("null") => {
            needs(4)?;
            let family = [packet[0], packet[3]];
            match family {
                [2, 0] => (0x0800, 4),
                [0, 2] if link.0 == 108 => (0x0800, 4),
                _ => return Err("family"),
            }
        }
        Some("raw") => match (link.0, packet.first().ok_or("truncated")? >> 4) {
            (12 | 228, 4) => (0x0800, 0),
            (12 | 229, 6) => (0x86dd, 0),
            _ => return Err("malformed"),
        },
        _ => return needs(20),
    };
    match kind {
        0x8100 | 0x88a8 | 0x9100 => Err("tagged"),
        0x0800 => internet(packet, base),
        0x86dd => internet6(packet, base),
        0x0806 | 0x8035 => needs(base + 28),
        _ => needs(base + 4),
    }
}

fn internet(packet: &[u8], base: usize) -> Result<(), &'static str> {
    let first = *packet.get(base).ok_or("truncated")?;
    if first >> 4 != 4 || first & 0xf < 5 {
        return Err("malformed");
    }
    let header = packet.get(base..base + 20).ok_or("truncated")?;
    let fragment = header[6] & 0x1f != 0 || header[7] != 0;
    match fragment {
        true => Ok(()),
        false => transport(packet, base + usize::from(first & 0xf) * 4, header[9]),
    }
}

fn internet6(packet: &[u8], base: usize) -> Result<(), &'static str> {
    if packet.get(base).ok_or("truncated")? >> 4 != 6 {
        return Err("malformed");
    }
    let header = packet.get(base..base + 40).ok_or("truncated")?;
    match header[6] {
        0 | 43 | 44 | 60 | 135 | 139 | 140 => Err("extension"),
        protocol => transport(packet, base + 40, protocol),
    }
}

fn transport(packet: &[u8], base: usize, protocol: u8) -> Result<(), &'static str> {
    let least = match protocol {
        6 => 20,
        1 | 17 | 58 => 8,
        132 => 12,
        _ => 4,
    };
    let header = packet.get(base..base + least).ok_or("truncated")?;
    if protocol == 6 && header[12] >> 4 < 5 {
        Err("malformed")
    } else {
        Ok(())
    }
}
