//! Writing captures: pcap for pcap, pcapng for pcapng, with the times as finely as they came.
//!
//! A pcap file has the byte order of this machine (as libpcap writes it), and the link type,
//! snapshot length and clock of the capture it was made from, so a record that is copied is equal
//! to the byte where the byte order is. A pcapng file gets one section, and a description of each
//! interface before its first packet; blocks that are not packets are not copied.

use std::io::{self, Write};

use super::{Interface, Packet, Resolution};

const PCAP_MICRO: u32 = 0xa1b2_c3d4;
const PCAP_NANO: u32 = 0xa1b2_3c4d;
const NG_SECTION: u32 = 0x0a0d_0d0a;
const NG_BYTE_ORDER: u32 = 0x1a2b_3c4d;
const NG_INTERFACE: u32 = 1;
const NG_ENHANCED_PACKET: u32 = 6;
/// Option codes of an interface description.
const OPTION_END: u16 = 0;
const OPTION_NAME: u16 = 2;
const OPTION_RESOLUTION: u16 = 9;

/// A format to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// pcap, which has a single interface.
    Pcap(Interface),
    /// pcapng.
    Ng,
}

impl Format {
    /// The usual suffix of such a file's name, without the dot.
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Pcap(_) => "pcap",
            Self::Ng => "pcapng",
        }
    }
}

/// Writes one capture.
pub struct Writer<W: Write> {
    output: W,
    format: Format,
    /// How many interfaces are described already.
    described: usize,
    scratch: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Starts a capture: writes its header.
    ///
    /// # Errors
    ///
    /// When the output refuses it.
    pub fn new(mut output: W, format: Format) -> io::Result<Self> {
        let mut header = Vec::new();
        match &format {
            Format::Pcap(interface) => pcap_header(&mut header, interface),
            Format::Ng => {
                let version = u32::from_ne_bytes(join(1u16.to_ne_bytes(), 0u16.to_ne_bytes()));
                // The section's length is not known.
                block(&mut header, NG_SECTION, |body| {
                    words(body, &[NG_BYTE_ORDER, version, u32::MAX, u32::MAX])
                });
            }
        }
        output.write_all(&header)?;
        Ok(Self {
            output,
            format,
            described: 0,
            scratch: Vec::new(),
        })
    }

    /// Goes on with a capture that was started before: `described` as [`Writer::described`] said.
    pub fn resume(output: W, format: Format, described: usize) -> Self {
        Self {
            output,
            format,
            described,
            scratch: Vec::new(),
        }
    }

    /// How many interfaces this capture describes until now.
    pub fn described(&self) -> usize {
        self.described
    }

    /// Writes a packet. All packets of one capture must come from one capture.
    ///
    /// # Errors
    ///
    /// When the output refuses it.
    pub fn write(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        self.scratch.clear();
        match &self.format {
            Format::Pcap(interface) => pcap_record(&mut self.scratch, interface, packet),
            Format::Ng => {
                while self.described <= packet.index {
                    ng_interface(&mut self.scratch, &packet.interfaces[self.described]);
                    self.described += 1;
                }
                ng_packet(&mut self.scratch, packet);
            }
        }
        self.output.write_all(&self.scratch)
    }

    /// Hands everything to the output.
    ///
    /// # Errors
    ///
    /// When the output refuses it.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// The output.
    pub fn into_inner(self) -> W {
        self.output
    }
}

fn pcap_header(out: &mut Vec<u8>, interface: &Interface) {
    let magic = match interface.resolution {
        Resolution::Micro => PCAP_MICRO,
        Resolution::Nano => PCAP_NANO,
    };
    words(out, &[magic]);
    out.extend_from_slice(&2u16.to_ne_bytes());
    out.extend_from_slice(&4u16.to_ne_bytes());
    words(out, &[0, 0, interface.snaplen, interface.link_field]);
}

fn pcap_record(out: &mut Vec<u8>, interface: &Interface, packet: &Packet<'_>) {
    let fraction = packet.time.nanoseconds / interface.resolution.unit();
    words(
        out,
        &[
            packet.time.seconds as u32,
            fraction as u32,
            packet.data.len() as u32,
            packet.wire_len,
        ],
    );
    out.extend_from_slice(packet.data);
}

fn ng_interface(out: &mut Vec<u8>, interface: &Interface) {
    block(out, NG_INTERFACE, |body| {
        body.extend_from_slice(&interface.link.0.to_ne_bytes());
        body.extend_from_slice(&0u16.to_ne_bytes());
        words(body, &[interface.snaplen]);
        if let Some(name) = &interface.name {
            option(body, OPTION_NAME, name.as_bytes());
        }
        option(
            body,
            OPTION_RESOLUTION,
            &[interface.resolution.digits() as u8],
        );
        option(body, OPTION_END, &[]);
    });
}

fn ng_packet(out: &mut Vec<u8>, packet: &Packet<'_>) {
    let units = packet.time.as_nanoseconds() / packet.interface().resolution.unit();
    block(out, NG_ENHANCED_PACKET, |body| {
        let length = packet.data.len() as u32;
        words(
            body,
            &[
                packet.index as u32,
                (units >> 32) as u32,
                units as u32,
                length,
                packet.wire_len,
            ],
        );
        body.extend_from_slice(packet.data);
        pad(body);
    });
}

/// A pcapng block: its type, its length around `fill`'s body.
fn block(out: &mut Vec<u8>, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    words(out, &[kind, 0]);
    fill(out);
    let length = ((out.len() - start + 4) as u32).to_ne_bytes();
    out.extend_from_slice(&length);
    out[start + 4..start + 8].copy_from_slice(&length);
}

/// A pcapng option. A value longer than its length field can say is left out.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let Ok(length) = u16::try_from(value.len()) else {
        return;
    };
    body.extend_from_slice(&code.to_ne_bytes());
    body.extend_from_slice(&length.to_ne_bytes());
    body.extend_from_slice(value);
    pad(body);
}

/// Pads with zeros; every block starts at a multiple of 4 of the scratch buffer.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

fn words(out: &mut Vec<u8>, values: &[u32]) {
    for value in values {
        out.extend_from_slice(&value.to_ne_bytes());
    }
}

fn join(a: [u8; 2], b: [u8; 2]) -> [u8; 4] {
    [a[0], a[1], b[0], b[1]]
}
