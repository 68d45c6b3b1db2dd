//! ClassBench sets on DPF and on `rte_acl`, judged by a linear scan.
//!
//! Packets are drawn inside the rules, half of them with one bit flipped, in an order that does not
//! repeat. Every answer of every engine is compared with the first rule that matches, before and
//! while it is timed.

use crate::{
    classbench::{self, Rule},
    flows::PACKET_BYTES,
    harness::Nanoseconds,
    peers::{NONE, Peer, RUN, dpf},
    table7::ratio,
    workload::Random,
};
use ::dpf::{
    codegen,
    runtime::{Demux, FilterId, Install, Native, Reader},
};
use std::{
    path::{Path, PathBuf},
    time::Instant,
};

/// Timed runs of each engine.
const ROUNDS: usize = 101;

/// What was measured on one set.
#[derive(Clone, Debug)]
pub struct Result1k {
    /// Rules that DPF has installed.
    pub rules: usize,
    /// Nanoseconds a packet of DPF.
    pub dpf: Nanoseconds,
    /// Nanoseconds a packet of `rte_acl`, one packet a call; nothing in a build without DPDK.
    pub acl: Option<Nanoseconds>,
    /// Nanoseconds a packet of the linear scan.
    pub linear: Nanoseconds,
    /// Seconds to install the whole set.
    pub install: f64,
    /// The most instructions for one packet.
    pub longest_path: u32,
    /// What emitted code takes and reads.
    pub memory: Memory,
}

/// Bytes that classifying touches: code, and the tables that code reads. What the writer keeps
/// besides is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Code of the function for the winner.
    pub best: u64,
    /// Code of the functions for every filter that accepts, one for each group.
    pub each: u64,
    /// Vectors of blocks of rules, with their bounds and results.
    pub vectors: u64,
    /// All tables, the vectors among them.
    pub tables: u64,
}

impl Memory {
    /// What a demultiplexer takes.
    pub fn of(demux: &Demux) -> Self {
        let mut code = demux.native().into_iter().flat_map(Native::functions);
        let bytes = |(_, bytes): (u64, &[u8])| bytes.len() as u64;
        let blocks = demux.trie().blocks().iter();
        let vectors = blocks.filter_map(|block| Some(block.vectors()?.memory().bytes()));
        let tables = codegen::tables(demux.trie());
        Self {
            best: code.next().map_or(0, bytes),
            each: code.map(bytes).sum(),
            vectors: vectors.sum(),
            tables: tables.iter().map(|table| table.memory.bytes()).sum(),
        }
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        self.best + self.each + self.tables
    }
}

/// The head of a table of [`Result1k::row`]s.
pub const HEADER: &str = "| set | rules | DPF ns | rte_acl single ns | ratio | linear scan ns | install ms | longest path | vectors, all tables, code for `first`, code for `all`, KiB |\n|---|---|---|---|---|---|---|---|---|";

impl Result1k {
    /// A line of a Markdown table.
    pub fn row(&self, name: &str) -> String {
        let (acl, factor) = match self.acl {
            Some(acl) => (
                format!("{:.0}", acl.median),
                format!("{:.2}", ratio(self.dpf, acl)),
            ),
            None => Default::default(),
        };
        let kibi = |bytes: u64| bytes.div_ceil(1024);
        let memory = &self.memory;
        format!(
            "| {name} | {} | {:.0} | {acl} | {factor} | {:.0} | {:.1} | {} | {}, {}, {}, {} |",
            self.rules,
            self.dpf.median,
            self.linear.median,
            self.install * 1e3,
            self.longest_path,
            kibi(memory.vectors),
            kibi(memory.tables),
            kibi(memory.best),
            kibi(memory.each),
        )
    }
}

/// The files of the rule sets, in order of their names.
///
/// # Errors
///
/// When there is no folder `classbench` in `data`.
pub fn files(data: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(data.join("classbench")).map_err(|error| error.to_string())?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    Ok(paths)
}

/// A demultiplexer that gives each packet to the first rule of the set.
///
/// # Errors
///
/// When a rule is refused.
pub fn install(rules: &[Rule]) -> Result<Demux, String> {
    let mut text = String::new();
    for (index, rule) in rules.iter().enumerate() {
        text += &format!("filter r{index} = {};\n", rule.filter());
    }
    let installs: Vec<Install> = dpf::lower(&text)?.into_iter().map(Install::from).collect();
    let mut demux = Demux::monitoring().map_err(|error| error.to_string())?;
    demux
        .install_all(&installs)
        .map_err(|refused| refused.to_string())?;
    Ok(demux)
}

/// Packets for a set of rules.
pub fn traffic(rules: &[Rule], count: usize, random: &mut Random) -> Vec<[u8; PACKET_BYTES]> {
    let mut packets = Vec::with_capacity(count);
    for _ in 0..count {
        let mut packet = rules[random.below(rules.len() as u32) as usize].packet(random);
        if random.below(2) == 0 {
            packet[12 + random.below(26) as usize] ^= 1 << random.below(8);
        }
        packets.push(packet);
    }
    packets
}

/// Checks and times the engines on one set.
///
/// # Errors
///
/// When a rule is refused or an answer is wrong.
pub fn measure(rules: &[Rule], random: &mut Random) -> Result<Result1k, String> {
    let start = Instant::now();
    let demux = install(rules)?;
    let install = start.elapsed().as_secs_f64();
    let memory = Memory::of(&demux);
    let mut engines: Vec<(&str, Box<dyn Peer>, Vec<f64>)> = vec![
        ("dpf", Box::new(First(demux.reader())), Vec::new()),
        ("linear", Box::new(Linear(rules.to_vec())), Vec::new()),
        #[cfg(feature = "dpdk")]
        (
            "rte_acl",
            Box::new(crate::peers::dpdk::Acl::new(rules)?),
            Vec::new(),
        ),
    ];
    for round in 0..ROUNDS {
        let packets = traffic(rules, RUN, random);
        let packets: Vec<&[u8]> = packets.iter().map(<[u8; PACKET_BYTES]>::as_slice).collect();
        let truth: Vec<u32> = packets
            .iter()
            .map(|packet| classbench::first(rules, packet).unwrap_or(NONE))
            .collect();
        let count = engines.len();
        for turn in 0..count {
            let (name, peer, samples) = &mut engines[(round + turn) % count];
            let mut answers = vec![NONE; packets.len()];
            let start = Instant::now();
            peer.each(&packets, &mut answers);
            samples.push(start.elapsed().as_nanos() as f64 / packets.len() as f64);
            if let Some(wrong) = answers
                .iter()
                .zip(&truth)
                .position(|(answer, truth)| answer != truth)
            {
                let (answer, truth, packet) = (answers[wrong], truth[wrong], packets[wrong]);
                return Err(format!(
                    "{name} answers {answer:#x} where {truth:#x} is right: {packet:02x?}"
                ));
            }
        }
    }
    let time = |wanted: &str| {
        let engine = engines.iter().find(|(name, ..)| *name == wanted);
        engine.map(|(_, _, samples)| Nanoseconds::of(samples.clone()))
    };
    let (Some(dpf), Some(linear)) = (time("dpf"), time("linear")) else {
        return Err("nothing was timed".into());
    };
    let longest_path = demux.longest_path();
    Ok(Result1k {
        rules: rules.len(),
        dpf,
        acl: time("rte_acl"),
        linear,
        install,
        longest_path,
        memory,
    })
}

struct First(Reader);

impl Peer for First {
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        for (packet, answer) in packets.iter().zip(answers) {
            *answer = self.0.classify(*packet).map_or(NONE, FilterId::entry);
        }
    }
}

struct Linear(Vec<Rule>);

impl Peer for Linear {
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        for (packet, answer) in packets.iter().zip(answers) {
            *answer = classbench::first(&self.0, packet).unwrap_or(NONE);
        }
    }
}
