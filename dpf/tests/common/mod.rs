//! The suite of `testdata/suite`, read; shared by the tests of every engine.

use std::{collections::BTreeMap, fs, path::PathBuf};

/// A packet of the suite, perhaps cut.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub name: String,
    pub bytes: Vec<u8>,
    pub wirelen: u32,
}

/// One file of filters with what they are to accept.
#[derive(Debug)]
pub(crate) struct Case {
    pub path: PathBuf,
    pub source: String,
    pub packets: Vec<Packet>,
    /// For each filter, in order: its name and the packets it accepts.
    pub accepts: Vec<(String, Vec<String>)>,
    /// Packet and the filter that is first to accept it.
    pub first: Vec<(String, String)>,
}

pub(crate) fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

/// Every case of the suite.
pub(crate) fn cases() -> Vec<Case> {
    let folder = testdata().join("suite");
    let packets = packets(&fs::read_to_string(folder.join("packets.hex")).expect("packets.hex"));
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("suite")
        .map(|entry| entry.expect("entry").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "dpf"));
    paths.sort();
    paths.into_iter().map(|path| case(path, &packets)).collect()
}

fn packets(text: &str) -> BTreeMap<String, Vec<u8>> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (name, hex) = line.split_once(':').expect("name: bytes");
            (name.to_owned(), bytes(hex.trim()))
        })
        .collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("hexadecimal") as u8;
    hex.as_bytes()
        .chunks_exact(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

fn case(path: PathBuf, whole: &BTreeMap<String, Vec<u8>>) -> Case {
    let source = fs::read_to_string(&path).expect("a filter file");
    let mut packets: Vec<Packet> = whole
        .iter()
        .map(|(name, bytes)| packet(name, bytes, bytes.len()))
        .collect();
    let (mut accepts, mut first, mut pending) = (Vec::new(), Vec::new(), None::<Vec<String>>);
    for line in source.lines() {
        if let Some(cut) = line.strip_prefix("#~ cut:") {
            packets.extend(names(cut).map(|name| cut_packet(&name, whole)));
        } else if let Some(list) = line.strip_prefix("#~ accepts:") {
            pending.get_or_insert_default().extend(names(list));
        } else if let Some(rest) = line.strip_prefix("#~ first ") {
            let (packet, filter) = rest.split_once('=').expect("packet = filter");
            first.push((packet.trim().to_owned(), filter.trim().to_owned()));
        } else if let Some(rest) = line.strip_prefix("filter ") {
            let name = rest.split_whitespace().next().expect("a name").to_owned();
            accepts.push((
                name,
                pending.take().expect("an expectation above each filter"),
            ));
        }
    }
    Case {
        path,
        source,
        packets,
        accepts,
        first,
    }
}

fn names(list: &str) -> impl Iterator<Item = String> + '_ {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

fn cut_packet(name: &str, whole: &BTreeMap<String, Vec<u8>>) -> Packet {
    let (base, length) = name.split_once('@').expect("NAME@LENGTH");
    let bytes = &whole[base];
    Packet {
        name: name.to_owned(),
        ..packet(base, bytes, length.parse().expect("a length"))
    }
}

fn packet(name: &str, bytes: &[u8], captured: usize) -> Packet {
    Packet {
        name: name.to_owned(),
        bytes: bytes[..captured].to_vec(),
        wirelen: bytes.len() as u32,
    }
}
