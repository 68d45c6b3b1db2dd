//! The captures of `DPF_TEST_DATA/tcpdump`, as libpcap reads them.

use crate::pairs::{Needs, Pair};
use pcap::{BpfProgram, Linktype};
use std::path::PathBuf;

/// A capture: as many packets as libpcap reads before it ends or complains.
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) link: Link,
    pub(crate) packets: Vec<Vec<u8>>,
}

/// A link type, by libpcap's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link(pub(crate) i32);

impl Link {
    pub(crate) const ETHERNET: Self = Self(1);

    /// The header that a packet of this link starts with, if the language has it.
    pub(crate) fn root(self) -> Option<&'static str> {
        match self.0 {
            1 => Some("ether"),
            0 | 108 => Some("null"),
            12 | 228 | 229 => Some("raw"),
            113 => Some("sll"),
            276 => Some("sll2"),
            _ => None,
        }
    }

    /// Whether the pair can be asked of this link's packets.
    pub(crate) fn takes(self, pair: &Pair) -> bool {
        match pair.needs {
            Needs::Length => true,
            // Behind a header of its own making, libpcap counts bytes from elsewhere.
            Needs::Bytes => !matches!(self.0, 117 | 119 | 127 | 163 | 192 | 226 | 230),
            Needs::Internet => self.root().is_some(),
            Needs::Ethernet => self == Self::ETHERNET,
        }
    }

    pub(crate) fn compile(self, expression: &str) -> BpfProgram {
        let handle = pcap::Capture::dead(Linktype(self.0)).expect("a handle without device");
        let compiled = handle.compile(expression, true);
        // A filter that rejects every packet is refused with that remark: it is false.
        let compiled =
            compiled.or_else(
                |error| match error.to_string().contains("rejects all packets") {
                    true => handle.compile("less 0", true),
                    false => Err(error),
                },
            );
        compiled.unwrap_or_else(|error| panic!("{expression} on link type {}: {error}", self.0))
    }
}

/// All captures in order of name, or nothing (with a remark) when there is no test data.
pub(crate) fn read() -> Option<Vec<Capture>> {
    let Some(data) = std::env::var_os("DPF_TEST_DATA") else {
        eprintln!("skipped: DPF_TEST_DATA is not set");
        return None;
    };
    let folder = PathBuf::from(data).join("tcpdump");
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    Some(paths.into_iter().filter_map(capture).collect())
}

/// One capture; nothing if libpcap does not open it.
fn capture(path: PathBuf) -> Option<Capture> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let mut file = match pcap::Capture::from_file(&path) {
        Ok(file) => file,
        Err(error) => {
            eprintln!("{name}: {error}");
            return None;
        }
    };
    let link = Link(file.get_datalink().0);
    let mut packets = Vec::new();
    while let Ok(packet) = file.next_packet() {
        packets.push(packet.data.to_vec());
    }
    Some(Capture {
        name,
        link,
        packets,
    })
}
