//! One reader for every format of capture.

use core::ops::Range;
use std::{fs::File, io::Read, path::Path};

use super::{
    CaptureError, Format, Interface, Packet, Timestamp, ng::NgReader, pcap::PcapReader,
    window::Window,
};

/// A capture being read, packet by packet.
pub struct Reader {
    window: Window,
    format: FormatReader,
    finished: bool,
}

enum FormatReader {
    Pcap(PcapReader),
    Ng(NgReader),
}

/// A packet found at the start of the window, by offsets into it.
pub(super) struct Record {
    pub(super) interface: usize,
    pub(super) time: Timestamp,
    pub(super) wire_len: u32,
    pub(super) data: Range<usize>,
    /// How far the next record is.
    pub(super) length: usize,
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// When it cannot be opened or read, or is no capture.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        Self::new(Box::new(File::open(path)?))
    }

    /// Reads from any input; its header at once.
    ///
    /// # Errors
    ///
    /// When the input fails or is no capture.
    pub fn new(input: Box<dyn Read + Send>) -> Result<Self, CaptureError> {
        let mut window = Window::new(input);
        let magic = window.fill(4)?;
        let format = match magic {
            [] => {
                return Err(CaptureError::damaged(
                    0,
                    "the capture is empty: there is no file header",
                ));
            }
            [0x0a, 0x0d, 0x0d, 0x0a] => FormatReader::Ng(NgReader::default()),
            _ => FormatReader::Pcap(PcapReader::new(&mut window)?),
        };
        let mut reader = Self {
            window,
            format,
            finished: false,
        };
        if let FormatReader::Ng(ng) = &mut reader.format {
            ng.read_first_section(&mut reader.window)?;
        }
        Ok(reader)
    }

    /// The format, as a writer needs it to write the like.
    pub fn format(&self) -> Format {
        match &self.format {
            FormatReader::Pcap(reader) => Format::Pcap(reader.interface().clone()),
            FormatReader::Ng(_) => Format::Ng,
        }
    }

    /// The interfaces seen until now. In a pcapng capture more may follow.
    pub fn interfaces(&self) -> &[Interface] {
        match &self.format {
            FormatReader::Pcap(reader) => core::slice::from_ref(reader.interface()),
            FormatReader::Ng(reader) => reader.interfaces(),
        }
    }

    /// How many bytes of the input have been read as good.
    pub fn position(&self) -> u64 {
        self.window.position()
    }

    /// The next packet, none at the end.
    ///
    /// # Errors
    ///
    /// When the input fails or is damaged here; every later call then gives none.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        if self.finished {
            return Ok(None);
        }
        let next = match &mut self.format {
            FormatReader::Pcap(reader) => reader.next(&mut self.window),
            FormatReader::Ng(reader) => reader.next(&mut self.window),
        };
        self.finished = !matches!(next, Ok(Some(_)));
        let Some(record) = next? else { return Ok(None) };
        let interfaces = match &self.format {
            FormatReader::Pcap(reader) => core::slice::from_ref(reader.interface()),
            FormatReader::Ng(reader) => reader.interfaces(),
        };
        // The bytes stay in the window until it is filled again.
        let bytes = self.window.take(record.length);
        Ok(Some(Packet {
            interfaces,
            index: record.interface,
            time: record.time,
            wire_len: record.wire_len,
            data: &bytes[record.data],
        }))
    }
}

/// The error for an input that ends too early.
pub(super) fn cut_off(at: u64, what: &str, wanted: usize, there: usize) -> CaptureError {
    CaptureError::damaged(
        at,
        format!("{what} needs {wanted} bytes, but the capture ends after {there}"),
    )
}
