//! A second reader of captures, to judge the first: slow, whole files, written from the drafts
//! alone, without any code in common. It gives the packets before the first thing that is wrong.

/// A packet: seconds, nanoseconds, length on the wire, bytes.
pub(crate) type Record = (u64, u64, u32, Vec<u8>);

/// The longest packet that is believed.
const LONGEST: usize = 262_144;

/// All packets, and whether the end was reached without damage.
pub(crate) fn read(bytes: &[u8]) -> (Vec<Record>, bool) {
    let mut records = Vec::new();
    let whole = match bytes.get(..4) {
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => pcapng(bytes, &mut records),
        Some([0xd4, 0xc3, 0xb2, 0xa1]) => pcap(bytes, false, 1000, &mut records),
        Some([0xa1, 0xb2, 0xc3, 0xd4]) => pcap(bytes, true, 1000, &mut records),
        Some([0x4d, 0x3c, 0xb2, 0xa1]) => pcap(bytes, false, 1, &mut records),
        Some([0xa1, 0xb2, 0x3c, 0x4d]) => pcap(bytes, true, 1, &mut records),
        _ => None,
    };
    (records, whole.is_some())
}

fn u16_at(bytes: &[u8], at: usize, big: bool) -> Option<u16> {
    let field = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(if big {
        u16::from_be_bytes(field)
    } else {
        u16::from_le_bytes(field)
    })
}

fn u32_at(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let field = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(if big {
        u32::from_be_bytes(field)
    } else {
        u32::from_le_bytes(field)
    })
}

fn pcap(bytes: &[u8], big: bool, unit: u64, records: &mut Vec<Record>) -> Option<()> {
    let version = (u16_at(bytes, 4, big)?, u16_at(bytes, 6, big)?);
    bytes
        .get(..24)
        .filter(|_| version == (2, 4) || version == (2, 3))?;
    let mut at = 24;
    while at < bytes.len() {
        let word = |index: usize| u32_at(bytes, at + 4 * index, big);
        let (seconds, fraction, captured, wire) = (word(0)?, word(1)?, word(2)? as usize, word(3)?);
        if captured > LONGEST {
            return None;
        }
        let data = bytes.get(at + 16..at + 16 + captured)?;
        records.push((
            seconds.into(),
            u64::from(fraction) * unit,
            wire,
            data.to_vec(),
        ));
        at += 16 + captured;
    }
    Some(())
}

struct Interface {
    snaplen: usize,
    power: (u128, u32),
    offset: i64,
}

fn pcapng(bytes: &[u8], records: &mut Vec<Record>) -> Option<()> {
    let (mut at, mut big) = (0, false);
    let mut interfaces: Vec<Interface> = Vec::new();
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.get(..4)? == [0x0a, 0x0d, 0x0d, 0x0a] {
            big = match rest.get(8..12)? {
                [0x1a, 0x2b, 0x3c, 0x4d] => true,
                [0x4d, 0x3c, 0x2b, 0x1a] => false,
                _ => return None,
            };
        }
        let length = u32_at(rest, 4, big)? as usize;
        if length < 12
            || !length.is_multiple_of(4)
            || u32_at(rest.get(..length)?, length - 4, big)? as usize != length
        {
            return None;
        }
        let kind = u32_at(rest, 0, big)?;
        let body = &rest[8..length - 4];
        match kind {
            0x0a0d_0d0a => {
                let version = (u16_at(body, 4, big)?, u16_at(body, 6, big)?);
                body.get(..16)
                    .filter(|_| version == (1, 0) || version == (1, 2))?;
                interfaces.clear();
            }
            1 => interfaces.push(interface(body, big)?),
            3 => {
                let wire = u32_at(body, 0, big)?;
                let snaplen = match interfaces.first()?.snaplen {
                    0 => usize::MAX,
                    snaplen => snaplen,
                };
                let captured = (wire as usize).min(snaplen).min(body.len() - 4);
                records.push((0, 0, wire, body.get(4..4 + captured)?.to_vec()));
            }
            2 | 6 => {
                let index = if kind == 6 {
                    u32_at(body, 0, big)? as usize
                } else {
                    u16_at(body, 0, big)?.into()
                };
                let units =
                    u64::from(u32_at(body, 4, big)?) << 32 | u64::from(u32_at(body, 8, big)?);
                let captured = u32_at(body, 12, big)? as usize;
                if captured > LONGEST {
                    return None;
                }
                let interface = interfaces.get(index)?;
                let whole = interface.power.0.pow(interface.power.1);
                let seconds = (u128::from(units) / whole) as i64 + interface.offset;
                let nanoseconds = u128::from(units) % whole * 1_000_000_000 / whole;
                let data = body.get(20..20 + captured)?.to_vec();
                records.push((
                    seconds as u64,
                    nanoseconds as u64,
                    u32_at(body, 16, big)?,
                    data,
                ));
            }
            _ => {}
        }
        at += length;
    }
    Some(())
}

fn interface(body: &[u8], big: bool) -> Option<Interface> {
    let snaplen = u32_at(body, 4, big)? as usize;
    let mut interface = Interface {
        snaplen,
        power: (10, 6),
        offset: 0,
    };
    let mut at = 8;
    while let (Some(code), Some(length)) = (u16_at(body, at, big), u16_at(body, at + 2, big)) {
        let Some(value) = body.get(at + 4..at + 4 + usize::from(length)) else {
            break;
        };
        match (code, value) {
            (0, _) => break,
            (9, &[power]) => {
                interface.power = (
                    if power & 0x80 == 0 { 10 } else { 2 },
                    u32::from(power & 0x7f),
                )
            }
            (14, value) if value.len() == 8 => {
                let mut bytes: [u8; 8] = value.try_into().ok()?;
                if !big {
                    bytes.reverse();
                }
                interface.offset = i64::from_be_bytes(bytes);
            }
            _ => {}
        }
        at += 4 + usize::from(length).next_multiple_of(4);
    }
    Some(interface)
}
