//! Captures that strangers made, on every engine, each packet cut at every length up to its
//! headers' end: interp = walk = x86-64, and Cranelift on Ethernet.
//!
//! Native code reads the packets from the end of a page that an inaccessible one follows. What is
//! left out of the headers' many forms by captures, random filters and packets have:
//! `dpf/tests/differential.rs`.
#![cfg(target_arch = "x86_64")]

mod common;

use core::hash::{Hash, Hasher};

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    hash::DefaultHasher,
    path::Path,
};

use common::{captures, test_data};
use dpf::{
    filter::lower,
    fuzzing::{
        Packet,
        engines::{Engine, Installed, agree},
        native::Native,
    },
    syntax::Program,
    trie::{Limits, Set},
};
use dpf_cli::capture::Reader;
use vcode::{clif::Clif, x64::X64};

/// Packets are cut at every length up to this: Ethernet, two tags, IPv6 with an extension header,
/// and TCP without options end here.
const HEADERS_END: usize = 128;
/// The packets that Cranelift's code is asked about too; it takes its time to make it.
const CRANELIFT: &str = "ether";
/// Packets that are made over into Linux cooked ones.
const COOKED: usize = 2_000;
/// What packets start with, in the language and in order.
const ROOTS: [&str; 5] = ["ether", "null", "raw", "sll", "sll2"];

/// What the shipped files leave out: loads from the end, little endian, comparisons of fields,
/// negations of what may be short, and headers behind many others.
const MORE: &str = "
    filter last     = (len - 1):8 == 0;
    filter last_two = (len - 2):16 != wirelen & 0xffff;
    filter indirect = (0:8 & 0x3f):32 > 0x10000;
    filter little   = 2:16 le < 4:16 le;
    filter cut      = len < wirelen;
    filter swapped  = ip.src > ip.dst || ip6.src > ip6.dst;
    filter options  = ip.ihl > 5 && tcp;
    filter no_tcp   = !(tcp.flags & 0x10 == 0x10);
    filter neither  = !(ip.proto == 17) && !(ip6.next == 17);
    filter behind   = ip6frag.offset == 0 || ip6.next == 0 && udp.dport > 1023;
    filter either   = (tcp.sport == 179 || tcp.dport == 179) && !(ip.ttl == 255);
    filter ranges   = udp.length in { 0..7, 9..20, 26, 28, 30, 32..64, 100..1000 };
";

/// One filter file for one kind of packet, loaded everywhere.
struct Bench {
    set: Set,
    installed: Vec<Installed>,
    native: Native<X64>,
    cranelift: Native<Clif>,
    /// Whether Cranelift is asked too.
    with_cranelift: bool,
    seen: HashSet<u64>,
    packets: u64,
    pairs: u64,
    accepted: u64,
}

impl Bench {
    fn new(name: &str, text: &str, root: &str) -> Self {
        let mut program =
            Program::parse(text, name, true).unwrap_or_else(|errors| panic!("{errors}"));
        program.root = program.header(root).unwrap();
        let lowered = lower(&program).unwrap_or_else(|error| panic!("{name}: {}", error.title()));
        let count = lowered.len() as u32;
        let installed: Vec<Installed> = lowered
            .into_iter()
            .zip(0..)
            .map(|(lowered, entry)| (entry, count - entry, lowered.filter))
            .collect();
        let mut set = Set::new(Limits::default(), 5);
        let entries: Vec<_> = installed.iter().map(|(e, r, f)| (f, *e, *r)).collect();
        let _ = set
            .insert_many(&entries)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let (mut native, mut cranelift) = (Native::new(0), Native::new(0));
        assert!(native.load(&set), "{name} on {root}");
        let with_cranelift = root == CRANELIFT;
        assert!(!with_cranelift || cranelift.load(&set), "{name}");
        Self {
            set,
            installed,
            native,
            cranelift,
            with_cranelift,
            seen: HashSet::new(),
            packets: 0,
            pairs: 0,
            accepted: 0,
        }
    }

    /// Compares every engine on the packet, whole and cut.
    fn judge(&mut self, whole: &[u8], wirelen: u32) {
        let mut packet = Packet {
            bytes: whole.to_vec(),
            wirelen,
        };
        self.compare(&packet);
        for len in (0..=whole.len().min(HEADERS_END)).rev() {
            packet.bytes.truncate(len);
            self.compare(&packet);
        }
    }

    fn compare(&mut self, packet: &Packet) {
        let mut hasher = DefaultHasher::new();
        (&packet.bytes, packet.wirelen).hash(&mut hasher);
        // The same packet cut to the same bytes is the same.
        if !self.seen.insert(hasher.finish()) {
            return;
        }
        let engines: &mut [&mut dyn Engine] = &mut [&mut self.native, &mut self.cranelift];
        let engines = &mut engines[..1 + usize::from(self.with_cranelift)];
        let accepting = agree(&self.set, &self.installed, engines, packet);
        self.packets += 1;
        self.pairs += self.installed.len() as u64;
        self.accepted += accepting.len() as u64;
    }
}

/// The packets of all captures, by what they start with.
fn packets(folder: &Path) -> BTreeMap<&'static str, Vec<(Vec<u8>, u32)>> {
    let mut packets: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    let mut add = |mut reader: Reader| {
        while let Ok(Some(packet)) = reader.next_packet() {
            if let Some(root) = packet.interface().link.root() {
                let found = (packet.data.to_vec(), packet.wire_len);
                packets.entry(root).or_default().push(found);
            }
        }
    };
    captures(folder)
        .iter()
        .filter_map(|path| Reader::open(path).ok())
        .for_each(&mut add);
    // Of Linux cooked v2 there is no capture.
    let ethernet = packets["ether"].iter();
    let cooked = ethernet.filter_map(|(frame, wirelen)| Some((cooked(frame)?, wirelen + 6)));
    let cooked = cooked.take(COOKED).collect();
    packets.insert("sll2", cooked);
    packets
}

/// What Linux makes of an Ethernet frame on the interface `any`.
fn cooked(frame: &[u8]) -> Option<Vec<u8>> {
    let (addresses, rest) = frame.split_first_chunk::<12>()?;
    let (kind, payload) = rest.split_first_chunk::<2>()?;
    // Reserved; interface 2; Ethernet; for us; six bytes of address.
    let between = [0, 0, 0, 0, 0, 2, 0, 1, 0, 6];
    Some([kind, &between[..], &addresses[6..], &[0, 0], payload].concat())
}

#[test]
fn every_packet_of_strangers_at_every_length() {
    let Some(data) = test_data() else { return };
    let packets = packets(&data);
    assert!(packets.keys().eq(&ROOTS), "{:?}", packets.keys());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/filters");
    let mut texts: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.display().to_string(),
                fs::read_to_string(path).unwrap(),
            )
        })
        .collect();
    texts.push(("more".to_owned(), MORE.to_owned()));
    let (mut compared, mut pairs, mut accepted) = (0, 0, 0);
    for (root, packets) in &packets {
        for (name, text) in &texts {
            let mut bench = Bench::new(name, text, root);
            for (whole, wirelen) in packets {
                bench.judge(whole, *wirelen);
            }
            compared += bench.packets;
            pairs += bench.pairs;
            accepted += bench.accepted;
        }
    }
    eprintln!("{compared} packets, {pairs} pairs, {accepted} accepted");
    assert!(compared > 2_000_000 && accepted > 1_000_000);
}
