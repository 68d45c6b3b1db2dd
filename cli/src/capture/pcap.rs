//! The pcap format: one header of 24 bytes, then records of 16 bytes and a packet each.
//!
//! Both byte orders, microseconds and nanoseconds, and the variant with longer record headers
//! that Linux kernels of the nineties needed.

use pcap_parser::{LegacyPcapBlock, PcapError, PcapHeader, pcap as format};

use super::{
    CaptureError, Interface, LinkType, MAX_PACKET_BYTES, Resolution, Timestamp,
    reader::{Record, cut_off},
    window::Window,
};

const HEADER_BYTES: usize = 24;
/// Where the version stands in the header.
const VERSION_OFFSET: u64 = 4;
/// Where the captured length stands in a record.
const CAPLEN_OFFSET: usize = 8;

type ParseRecord =
    fn(&[u8]) -> pcap_parser::nom::IResult<&[u8], LegacyPcapBlock<'_>, PcapError<&[u8]>>;

/// What the file header said.
pub(super) struct PcapReader {
    interface: Interface,
    big_endian: bool,
    record_bytes: usize,
    parse: ParseRecord,
}

impl PcapReader {
    pub(super) fn new(window: &mut Window) -> Result<Self, CaptureError> {
        let header = window.fill(HEADER_BYTES)?;
        let (there, parsed) = (header.len(), format::parse_pcap_header(header));
        let header = match parsed {
            Ok((_, header)) => header,
            Err(pcap_parser::nom::Err::Incomplete(_)) => {
                return Err(cut_off(0, "the file header", HEADER_BYTES, there));
            }
            Err(_) => return Err(CaptureError::damaged(0, "neither a pcap nor a pcapng file")),
        };
        check_version(&header)?;
        window.advance(HEADER_BYTES);
        let (record_bytes, parse): (usize, ParseRecord) =
            match (header.is_modified_format(), header.is_bigendian()) {
                (true, _) => (24, format::parse_pcap_frame_modified),
                (false, true) => (16, format::parse_pcap_frame_be),
                (false, false) => (16, format::parse_pcap_frame),
            };
        Ok(Self {
            interface: interface(&header),
            big_endian: header.is_bigendian(),
            record_bytes,
            parse,
        })
    }

    pub(super) fn interface(&self) -> &Interface {
        &self.interface
    }

    pub(super) fn next(&mut self, window: &mut Window) -> Result<Option<Record>, CaptureError> {
        let at = window.position();
        let header = window.fill(self.record_bytes)?;
        if header.is_empty() {
            return Ok(None);
        }
        if header.len() < self.record_bytes {
            return Err(cut_off(
                at,
                "a packet's header",
                self.record_bytes,
                header.len(),
            ));
        }
        let captured = self.captured_len(header);
        if captured > MAX_PACKET_BYTES {
            let what =
                format!("a packet of {captured} captured bytes; the limit is {MAX_PACKET_BYTES}");
            return Err(CaptureError::damaged(at + CAPLEN_OFFSET as u64, what));
        }
        let length = self.record_bytes + captured as usize;
        let bytes = window.fill(length)?;
        let there = bytes.len();
        let Ok((_, block)) = (self.parse)(bytes) else {
            return Err(cut_off(at, "a packet with its header", length, there));
        };
        Ok(Some(self.record(&block, length)))
    }

    fn record(&self, block: &LegacyPcapBlock<'_>, length: usize) -> Record {
        Record {
            interface: 0,
            time: Timestamp {
                seconds: i64::from(block.ts_sec),
                nanoseconds: u64::from(block.ts_usec) * self.interface.resolution.unit(),
            },
            wire_len: block.origlen,
            data: self.record_bytes..length,
            length,
        }
    }

    fn captured_len(&self, header: &[u8]) -> u32 {
        let mut field = [0; 4];
        field.copy_from_slice(&header[CAPLEN_OFFSET..CAPLEN_OFFSET + 4]);
        if self.big_endian {
            u32::from_be_bytes(field)
        } else {
            u32::from_le_bytes(field)
        }
    }
}

/// Accepts 2.3 and 2.4. Versions before them, of before 1993, had the two lengths the other way round.
fn check_version(header: &PcapHeader) -> Result<(), CaptureError> {
    match (header.version_major, header.version_minor) {
        (2, 3..=4) => Ok(()),
        (major, minor) => {
            let what = format!("version {major}.{minor} of the pcap format is not known; 2.4 is");
            Err(CaptureError::damaged(VERSION_OFFSET, what))
        }
    }
}

fn interface(header: &PcapHeader) -> Interface {
    let link_field = header.network.0 as u32;
    Interface {
        // The upper half holds the length of the frame check sequence, and reserved bits.
        link: LinkType(link_field as u16),
        link_field,
        snaplen: header.snaplen,
        resolution: if header.is_nanosecond_precision() {
            Resolution::Nano
        } else {
            Resolution::Micro
        },
        name: None,
    }
}
