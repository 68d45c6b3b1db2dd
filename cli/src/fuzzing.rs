//! The body of the fuzz target for capture readers, and its seeds.
//!
//! Any bytes may be read as a capture; what comes out is written, read again, and must be equal.

use std::io::Cursor;

use crate::{
    capture::{
        CaptureError, Format, Interface, LinkType, MAX_PACKET_BYTES, Packet, Reader, Resolution,
        Timestamp, Writer,
    },
    demo::Traffic,
};

/// Reads `bytes` as a capture, writes its packets, and reads them again.
///
/// # Panics
///
/// When the copy differs.
pub fn run(bytes: &[u8]) {
    let Some((copy, packets)) = copy(bytes) else {
        return;
    };
    let Some((again, same)) = self::copy(&copy) else {
        panic!("a written capture has no header")
    };
    assert_eq!(packets, same, "a written capture has the same packets");
    assert!(again == copy, "a copy of a copy is the same to the byte");
}

/// A few captures to begin with: every format, both byte orders.
pub fn seeds() -> Vec<Vec<u8>> {
    let micro = interface(LinkType::ETHERNET, Resolution::Micro);
    let nano = interface(LinkType::RAW_IP, Resolution::Nano);
    let mut seeds = Vec::new();
    for (format, interfaces) in [
        (Format::Pcap(micro.clone()), vec![micro.clone()]),
        (Format::Pcap(nano.clone()), vec![nano.clone()]),
        (Format::Ng, vec![micro, nano]),
    ] {
        let written = write(format, &interfaces);
        seeds.push(other_byte_order(&written));
        seeds.push(written);
    }
    seeds
}

/// The packets in the format they came in, and a line about each; nothing without a header.
fn copy(bytes: &[u8]) -> Option<(Vec<u8>, Vec<String>)> {
    let mut reader = Reader::new(Box::new(Cursor::new(bytes.to_vec()))).ok()?;
    let mut writer = Writer::new(Vec::new(), reader.format()).ok()?;
    let mut packets = Vec::new();
    loop {
        match reader.next_packet() {
            Ok(None) => break,
            Err(CaptureError::Damaged(damage)) => {
                assert!(
                    damage.at <= bytes.len() as u64,
                    "damage lies inside: {damage}"
                );
                break;
            }
            Err(CaptureError::Io(error)) => panic!("memory cannot fail: {error}"),
            Ok(Some(packet)) => {
                assert!(
                    packet.data.len() <= MAX_PACKET_BYTES as usize,
                    "the limit holds"
                );
                let link = packet.interface().link;
                packets.push(format!("{link} {} {:?}", packet.wire_len, packet.data));
                writer.write(&packet).ok()?;
            }
        }
    }
    assert!(
        matches!(reader.next_packet(), Ok(None)),
        "a reader that ended stays so"
    );
    Some((writer.into_inner(), packets))
}

fn interface(link: LinkType, resolution: Resolution) -> Interface {
    Interface {
        link,
        link_field: u32::from(link.0),
        snaplen: 65_535,
        resolution,
        name: Some("eth0".to_owned()),
    }
}

fn write(format: Format, interfaces: &[Interface]) -> Vec<u8> {
    let mut out = Vec::new();
    let Ok(mut writer) = Writer::new(&mut out, format) else {
        return out;
    };
    for (index, made) in Traffic::new()
        .filter(|made| made.captured < 80)
        .take(6)
        .enumerate()
    {
        let time = Timestamp {
            seconds: made.time.seconds,
            nanoseconds: made.time.nanoseconds,
        };
        let packet = Packet {
            interfaces,
            index: index % interfaces.len(),
            time,
            wire_len: made.frame.len() as u32,
            data: &made.frame[..made.captured],
        };
        // A vector takes everything.
        let _ = writer.write(&packet);
    }
    out
}

/// Turns the numbers round that the readers look at.
fn other_byte_order(capture: &[u8]) -> Vec<u8> {
    let mut out = capture.to_vec();
    let ng = out[..4] == [0x0a, 0x0d, 0x0d, 0x0a];
    let (head, mut at) = if ng { (0, 0) } else { (24, 24) };
    for word in out[..head].chunks_exact_mut(4) {
        word.reverse();
    }
    if !ng {
        // The version is two numbers.
        out[4..8].rotate_left(2);
    }
    while at + 12 <= out.len() {
        let length =
            u32::from_ne_bytes([out[at + 4], out[at + 5], out[at + 6], out[at + 7]]) as usize;
        let captured =
            u32::from_ne_bytes([out[at + 8], out[at + 9], out[at + 10], out[at + 11]]) as usize;
        let length = if ng { length } else { 16 + captured };
        let Some(record) = out.get_mut(at..at + length) else {
            break;
        };
        if ng {
            turn_block(record)
        } else {
            record[..16].chunks_exact_mut(4).for_each(<[u8]>::reverse)
        }
        at += length;
    }
    out
}

fn turn_block(block: &mut [u8]) {
    let kind = block[..4].to_vec();
    let numbers = match kind.first() {
        Some(6) => 28,
        Some(1) => 16,
        _ => block.len() - 4,
    };
    for word in block[..numbers].chunks_exact_mut(4) {
        word.reverse();
    }
    let end = block.len() - 4;
    block[end..].reverse();
    match kind.first() {
        // The link type, and the options: two numbers each, and values that are bytes.
        Some(1) => {
            block[8..12].rotate_left(2);
            let mut at = 16;
            while at < end {
                let length = usize::from(u16::from_ne_bytes([block[at + 2], block[at + 3]]));
                block[at..at + 2].reverse();
                block[at + 2..at + 4].reverse();
                at += 4 + length.next_multiple_of(4);
            }
        }
        Some(6) => {}
        _ => block[12..16].rotate_left(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `cargo fuzz run captures` does without end: 4,096 times from a fixed seed.
    #[test]
    fn captures_4096() {
        let seeds = seeds();
        let mut state = 1995u64;
        let mut next = move |limit: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % limit
        };
        for turn in 0..4096 {
            let mut bytes = seeds[turn % seeds.len()].clone();
            for _ in 0..next(8) {
                let at = next(bytes.len());
                match next(3) {
                    0 => bytes[at] = next(256) as u8,
                    1 => bytes.truncate(at.max(1)),
                    _ => {
                        let piece = bytes[at..(at + next(32)).min(bytes.len())].to_vec();
                        let to = next(bytes.len());
                        bytes.splice(to..to, piece);
                    }
                }
            }
            run(&bytes);
        }
    }

    #[test]
    fn the_seeds_are_whole() {
        for seed in seeds() {
            let (_, packets) = copy(&seed).unwrap();
            assert_eq!(packets.len(), 6, "{:02x?}", &seed[..16]);
        }
    }
}
