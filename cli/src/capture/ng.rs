//! The pcapng format: sections of blocks, each section with its interfaces and byte order.
//!
//! Enhanced, simple and the obsolete packet blocks give packets; section headers and interface
//! descriptions are kept; every other block is passed over. Interfaces are numbered through the
//! whole capture, not section by section, so that a packet's interface has one meaning.

use pcap_parser::{
    Block, InterfaceDescriptionBlock, OptionCode, SectionHeaderBlock, nom,
    pcapng::{parse_block_be, parse_block_le},
    traits::PcapNGPacketBlock,
};

use super::{
    CaptureError, Interface, LinkType, MAX_BLOCK_BYTES, MAX_INTERFACES, MAX_PACKET_BYTES,
    Resolution, Timestamp,
    reader::{Record, cut_off},
    window::Window,
};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const OBSOLETE_PACKET: u32 = 2;
const BYTE_ORDER_MAGIC: [u8; 4] = [0x1a, 0x2b, 0x3c, 0x4d];
/// Type and length, and the length again at the end.
const FRAME_BYTES: u32 = 12;
/// Where the data of an enhanced (and obsolete) packet block starts in it.
const PACKET_DATA_OFFSET: usize = 28;
/// Where the data of a simple packet block starts in it.
const SIMPLE_DATA_OFFSET: usize = 12;
/// Where the captured length stands in an enhanced (and obsolete) packet block.
const CAPLEN_OFFSET: u64 = 20;

/// The state that blocks build up.
#[derive(Default)]
pub(super) struct NgReader {
    big_endian: bool,
    interfaces: Vec<Interface>,
    /// For each of `interfaces`: the clock.
    clocks: Vec<Clock>,
    /// The first interface of the current section.
    section: usize,
}

/// How an interface counts time.
#[derive(Clone, Copy)]
struct Clock {
    units_per_second: u128,
    offset_seconds: i64,
}

/// A packet block, whichever of the three.
struct PacketBlock {
    interface: u32,
    units: Option<u64>,
    captured: u32,
    wire_len: u32,
    data_offset: usize,
}

impl NgReader {
    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Reads the first block, which must be a section header.
    pub(super) fn read_first_section(&mut self, window: &mut Window) -> Result<(), CaptureError> {
        match self.next_block(window)? {
            Some((length, _)) => window.advance(length),
            None => return Err(CaptureError::damaged(0, "the capture is empty")),
        }
        Ok(())
    }

    pub(super) fn next(&mut self, window: &mut Window) -> Result<Option<Record>, CaptureError> {
        loop {
            let at = window.position();
            match self.next_block(window)? {
                None => return Ok(None),
                Some((length, Some(packet))) => return self.record(at, length, &packet).map(Some),
                Some((length, None)) => window.advance(length),
            }
        }
    }

    /// The length of the next block, and the packet in it, if it is a packet block.
    fn next_block(
        &mut self,
        window: &mut Window,
    ) -> Result<Option<(usize, Option<PacketBlock>)>, CaptureError> {
        let at = window.position();
        let head = window.fill(FRAME_BYTES as usize)?;
        if head.is_empty() {
            return Ok(None);
        }
        if head.len() < FRAME_BYTES as usize {
            return Err(cut_off(at, "a block", FRAME_BYTES as usize, head.len()));
        }
        self.take_byte_order(at, head)?;
        let length = self.block_length(at, head)?;
        let block = window.fill(length)?;
        if block.len() < length {
            return Err(cut_off(at, "a block", length, block.len()));
        }
        let trailer = self.number(block, length - 4);
        if trailer as usize != length {
            let what = format!("a block's second length is {trailer}, its first is {length}");
            return Err(CaptureError::damaged(at + length as u64 - 4, what));
        }
        let parse = if self.big_endian {
            parse_block_be
        } else {
            parse_block_le
        };
        let block = match parse(block) {
            Ok((_, parsed)) => self.take_block(at, block, parsed)?,
            Err(error) => return Err(malformed(at, self.number(block, 0), error)),
        };
        Ok(Some((length, block)))
    }

    /// A section header says in which byte order it and what follows is written.
    fn take_byte_order(&mut self, at: u64, head: &[u8]) -> Result<(), CaptureError> {
        if self.number(head, 0) != SECTION_HEADER {
            return Ok(());
        }
        let mut magic = [head[8], head[9], head[10], head[11]];
        self.big_endian = magic == BYTE_ORDER_MAGIC;
        magic.reverse();
        if !self.big_endian && magic != BYTE_ORDER_MAGIC {
            return Err(CaptureError::damaged(
                at + 8,
                "a section header without a byte-order magic",
            ));
        }
        Ok(())
    }

    fn block_length(&self, at: u64, head: &[u8]) -> Result<usize, CaptureError> {
        let length = self.number(head, 4);
        let what = match length {
            ..FRAME_BYTES => format!("a block of {length} bytes; the shortest has {FRAME_BYTES}"),
            _ if !length.is_multiple_of(4) => {
                format!("a block of {length} bytes, which is not a multiple of 4")
            }
            _ if length > MAX_BLOCK_BYTES => {
                format!("a block of {length} bytes; the limit is {MAX_BLOCK_BYTES}")
            }
            _ => return Ok(length as usize),
        };
        Err(CaptureError::damaged(at + 4, what))
    }

    fn take_block(
        &mut self,
        at: u64,
        raw: &[u8],
        block: Block<'_>,
    ) -> Result<Option<PacketBlock>, CaptureError> {
        match block {
            Block::SectionHeader(header) => self.take_section(at, &header).map(|()| None),
            Block::InterfaceDescription(description) => {
                self.take_interface(at, &description).map(|()| None)
            }
            Block::EnhancedPacket(packet) => Ok(Some(PacketBlock {
                interface: packet.if_id,
                units: Some(u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low)),
                captured: packet.caplen,
                wire_len: packet.orig_len(),
                data_offset: PACKET_DATA_OFFSET,
            })),
            Block::SimplePacket(packet) => Ok(Some(
                self.simple_packet(packet.orig_len(), packet.data.len()),
            )),
            Block::Unknown(_) if self.number(raw, 0) == OBSOLETE_PACKET => {
                self.obsolete_packet(at, raw).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn take_section(
        &mut self,
        at: u64,
        header: &SectionHeaderBlock<'_>,
    ) -> Result<(), CaptureError> {
        // libpcap accepts minor version 2 as well, for some writers mean 1.0 by it.
        if !matches!((header.major_version, header.minor_version), (1, 0 | 2)) {
            let (major, minor) = (header.major_version, header.minor_version);
            let what = format!("version {major}.{minor} of the pcapng format is not known; 1.0 is");
            return Err(CaptureError::damaged(at + 12, what));
        }
        self.section = self.interfaces.len();
        Ok(())
    }

    fn take_interface(
        &mut self,
        at: u64,
        description: &InterfaceDescriptionBlock<'_>,
    ) -> Result<(), CaptureError> {
        let given = self.interfaces.len() + 1;
        if given > MAX_INTERFACES {
            return Err(CaptureError::damaged(
                at,
                format!("{given} interfaces; the limit is {MAX_INTERFACES}"),
            ));
        }
        let clock = self.clock(at, description)?;
        let link_field = description.linktype.0 as u32;
        self.interfaces.push(Interface {
            link: LinkType(link_field as u16),
            link_field,
            snaplen: description.snaplen,
            resolution: if clock.units_per_second > 1_000_000 {
                Resolution::Nano
            } else {
                Resolution::Micro
            },
            name: description
                .if_name()
                .and_then(Result::ok)
                .map(str::to_owned),
        });
        self.clocks.push(clock);
        Ok(())
    }

    fn clock(
        &self,
        at: u64,
        description: &InterfaceDescriptionBlock<'_>,
    ) -> Result<Clock, CaptureError> {
        let mut clock = Clock {
            units_per_second: 1_000_000,
            offset_seconds: 0,
        };
        for option in &description.options {
            let value = option.as_bytes().unwrap_or_default();
            match (option.code, value) {
                (OptionCode::EndOfOpt, _) => break,
                (OptionCode::IfTsresol, &[resolution]) => {
                    clock.units_per_second = units_per_second(at, resolution)?
                }
                (OptionCode::IfTsoffset, &[a, b, c, d, e, f, g, h]) => {
                    let bytes = [a, b, c, d, e, f, g, h];
                    let read = if self.big_endian {
                        i64::from_be_bytes
                    } else {
                        i64::from_le_bytes
                    };
                    clock.offset_seconds = read(bytes);
                }
                _ => {}
            }
        }
        Ok(clock)
    }

    fn simple_packet(&self, wire_len: u32, room: usize) -> PacketBlock {
        let snaplen = match self
            .interfaces
            .get(self.section)
            .map(|interface| interface.snaplen)
        {
            None | Some(0) => u32::MAX,
            Some(snaplen) => snaplen,
        };
        let captured = wire_len.min(snaplen).min(room as u32);
        PacketBlock {
            interface: 0,
            units: None,
            captured,
            wire_len,
            data_offset: SIMPLE_DATA_OFFSET,
        }
    }

    fn obsolete_packet(&self, at: u64, raw: &[u8]) -> Result<PacketBlock, CaptureError> {
        if raw.len() < PACKET_DATA_OFFSET + 4 {
            return Err(CaptureError::damaged(
                at,
                format!("a packet block of only {} bytes", raw.len()),
            ));
        }
        let read = if self.big_endian {
            u16::from_be_bytes
        } else {
            u16::from_le_bytes
        };
        Ok(PacketBlock {
            interface: u32::from(read([raw[8], raw[9]])),
            units: Some(u64::from(self.number(raw, 12)) << 32 | u64::from(self.number(raw, 16))),
            captured: self.number(raw, CAPLEN_OFFSET as usize),
            wire_len: self.number(raw, 24),
            data_offset: PACKET_DATA_OFFSET,
        })
    }

    fn record(&self, at: u64, length: usize, packet: &PacketBlock) -> Result<Record, CaptureError> {
        let interface = self.section + packet.interface as usize;
        let Some(clock) = self.clocks.get(interface) else {
            let (given, there) = (packet.interface, self.clocks.len() - self.section);
            let what =
                format!("a packet of interface {given}, but this section describes {there} so far");
            return Err(CaptureError::damaged(at, what));
        };
        if packet.captured > MAX_PACKET_BYTES {
            let what = format!(
                "a packet of {} captured bytes; the limit is {MAX_PACKET_BYTES}",
                packet.captured
            );
            return Err(CaptureError::damaged(at + CAPLEN_OFFSET, what));
        }
        let end = packet.data_offset + packet.captured as usize;
        if end > length - 4 {
            let what = format!(
                "a packet of {} captured bytes in a block of {length}",
                packet.captured
            );
            return Err(CaptureError::damaged(at + CAPLEN_OFFSET, what));
        }
        Ok(Record {
            interface,
            time: clock.time(packet.units),
            wire_len: packet.wire_len,
            data: packet.data_offset..end,
            length,
        })
    }

    fn number(&self, bytes: &[u8], offset: usize) -> u32 {
        let mut field = [0; 4];
        field.copy_from_slice(&bytes[offset..offset + 4]);
        if self.big_endian {
            u32::from_be_bytes(field)
        } else {
            u32::from_le_bytes(field)
        }
    }
}

impl Clock {
    /// The time of a packet block; a simple one has none, and gets 0.
    fn time(self, units: Option<u64>) -> Timestamp {
        let Some(units) = units else {
            return Timestamp::default();
        };
        let units = u128::from(units);
        let seconds = i64::try_from(units / self.units_per_second).unwrap_or(i64::MAX);
        Timestamp {
            seconds: seconds.saturating_add(self.offset_seconds),
            nanoseconds: ((units % self.units_per_second) * 1_000_000_000 / self.units_per_second)
                as u64,
        }
    }
}

/// The option `if_tsresol`: a negative power of 10, or of 2 with the highest bit set.
fn units_per_second(at: u64, resolution: u8) -> Result<u128, CaptureError> {
    let (base, power) = (
        if resolution & 0x80 == 0 { 10u128 } else { 2 },
        u32::from(resolution & 0x7f),
    );
    // So that a remainder times 10⁹ stays below 2¹²⁸.
    match base.checked_pow(power) {
        Some(units) if units < 1 << 96 => Ok(units),
        _ => {
            let what =
                format!("an interface that counts {base}^-{power} seconds, which is too fine");
            Err(CaptureError::damaged(at, what))
        }
    }
}

fn malformed(at: u64, kind: u32, error: nom::Err<pcap_parser::PcapError<&[u8]>>) -> CaptureError {
    let why = match error {
        nom::Err::Incomplete(_) => "it is shorter than its fields",
        nom::Err::Error(_) | nom::Err::Failure(_) => "its fields contradict each other",
    };
    CaptureError::damaged(at, format!("a block of type {kind} is malformed: {why}"))
}
