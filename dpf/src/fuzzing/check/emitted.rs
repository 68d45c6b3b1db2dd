//! What the code generator makes of random and of written filters, as samples.
//!
//! The scripts of `engines` drive an engine that emits every function, proves it and runs it in the
//! emulator: so all real output is seen to be accepted, to behave, and to answer as the oracle
//! does, which makes the emulator trustworthy too. What it emitted, with the packets it was asked
//! about, becomes samples to damage. Addresses of tables are replaced by fixed ones, so that a
//! failure repeats.

use alloc::{vec, vec::Vec};

use vcode::Assembler;
use vcode::x64::X64;

use super::{Sample, listing};
use crate::check::x64::prove;
use crate::check::{Policy, Table};
use crate::codegen::{self, Entry};
use crate::dispatch::{Machine, Memory};
use crate::filter::{Filter, lower};
use crate::fuzzing::engines::{Engine, Tally, script};
use crate::fuzzing::{Draw, Packet, Random, filter, packet};
use crate::syntax::Program;
use crate::trie::{GroupId, Limits, Set, Trie};

/// Where the tables of samples stand: the first, and how far apart.
const TABLES: u64 = 0x3000_0000_0000;
const APART: u64 = 0x10_0000_0000;
/// The most packets a sample keeps.
const PACKETS: usize = 8;
/// Samples are of functions so long, in bytes, and have tables so long.
const LENGTHS: core::ops::Range<usize> = 40..2000;
const MAX_TABLES: u64 = 1 << 16;
/// Of sets that are too much for the registers: how many are drawn, of how many structures, and the length
/// of their code.
const CROWDED: u64 = 40;
const SHAPES: u32 = 12;
const CROWDED_LENGTH: usize = 20_000;
/// Bytes of stack that saved registers take; what passes it is used for numbers.
const SAVED: u32 = 6 * 8;
/// Functions of a set that are looked at besides the first.
const GROUPS: usize = 24;

/// Written filters, most of which look like those of users.
const WRITTEN: &str = "
    filter ssh     = tcp.dport == 22 && ip.dst == 192.12.69.1;
    filter web     = tcp.dport in { 80, 443, 8080..8089 } && ip.src in 10.0.0.0/8;
    filter flow    = ip.src == 192.12.69.1 && tcp.sport == 1234 && tcp.dport == 4321;
    filter flow2   = ip.src == 192.12.69.1 && tcp.sport == 1235 && tcp.dport == 4321;
    filter flow3   = ip.src == 192.12.69.2 && tcp.sport == 1234 && tcp.dport == 4322;
    filter syn     = tcp && tcp.flags & 0x12 == 0x02;
    filter dns     = udp.dport == 53 || udp.sport == 53;
    filter hairpin = ip.src == ip.dst;
    filter tunnel  = gre/ip/tcp.dport == 80;
    filter big     = ether && len >= 1000;
    filter local   = ip && !(ip.dst in { 127.0.0.0/8, 10.0.0.0/8, 11.0.0.0/9, 12.4.0.0/16 });
    filter ports   = tcp.dport in { 1, 3, 5, 7, 9, 11, 13 };
    filter hosts   = ip.dst in { 1.1.1.1, 2.2.2.2, 3.3.3.3, 4.4.4.4, 5.5.5.5 };
    filter six     = ip6 && tcp.dport == 22;
    filter paper   = 12:16 == 0x0800 && shift(6+6+2) && 9:8 == 6 && 12:32 == 192.12.69.1
                     && shift((0:8 & 0xf) << 2) && 0:16 == 1234 && 2:16 == 4321;
";

/// Samples of scripts with these seeds, at most so many of each, and of written filters.
///
/// # Panics
///
/// When real output is refused, misbehaves, or answers wrongly.
pub fn emitted(seeds: core::ops::Range<u64>, of_each: usize) -> Vec<Sample> {
    let mut samples = written();
    samples.extend(crowded());
    for seed in seeds {
        let mut emulated = Emulated::default();
        script(seed, &mut [&mut emulated], &mut Tally::default());
        let few = emulated.kept.into_iter().rev().take(of_each);
        samples.extend(few);
    }
    samples
}

/// An engine whose code runs in the emulator.
#[derive(Debug, Default)]
struct Emulated {
    /// The functions of the set loaded: the winner's, then each group's.
    loaded: Vec<Sample>,
    kept: Vec<Sample>,
}

impl Engine for Emulated {
    fn load(&mut self, set: &Set) -> bool {
        let trie = set.trie();
        self.loaded.clear();
        let entries = (0..trie.groups().len() as u32).map(|group| Entry::Group(GroupId(group)));
        for entry in core::iter::once(Entry::Best).chain(entries) {
            let Some(sample) = sample(trie, entry) else {
                return false;
            };
            self.loaded.push(sample);
        }
        true
    }

    fn classify(&mut self, packet: &Packet) -> Option<u32> {
        let best = &mut self.loaded[0];
        if best.packets.len() < PACKETS {
            best.packets.push((packet.bytes.clone(), packet.wirelen));
        } else if best.is_handy() && self.kept.last().is_none_or(|last| last.code != best.code) {
            self.kept.push(best.clone());
        }
        answer(best, packet)
    }

    fn classify_all(&mut self, packet: &Packet) -> Vec<u32> {
        let mut all: Vec<u32> = self.loaded[1..]
            .iter()
            .filter_map(|sample| answer(sample, packet))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Sample {
    /// Whether it is worth damaging, and cheap to run.
    fn is_handy(&self) -> bool {
        let tables: u64 = self.policy.tables.iter().map(|table| table.length).sum();
        LENGTHS.contains(&self.code.len()) && tables <= MAX_TABLES
    }
}

/// The entry that a function finds.
fn answer(sample: &Sample, packet: &Packet) -> Option<u32> {
    let packets = vec![(packet.bytes.clone(), packet.wirelen)];
    let proved = prove(&sample.code, &sample.policy);
    let report = proved
        .unwrap_or_else(|refusal| panic!("{refusal}\n{}", listing(&sample.code)))
        .report();
    let asked = Sample {
        packets,
        ..sample.clone()
    };
    let outcome = asked.watch(&sample.code, report.longest_path);
    let outcome = outcome.unwrap_or_else(|seen| panic!("{seen:?}\n{}", listing(&sample.code)));
    outcome[0].result.checked_sub(1)
}

/// A function of the trie, not yet with packets. Nothing when the generator refuses.
fn sample(trie: &Trie, entry: Entry) -> Option<Sample> {
    let mut assembler = Assembler::new(X64::new());
    let mut code = codegen::emit(trie, entry, &mut assembler)
        .ok()?
        .bytes()
        .to_vec();
    let tables = codegen::tables(trie);
    let mut policy = Policy::filter(&tables);
    let contents = tables.iter().map(|table| contents(&table.memory)).collect();
    for (table, address) in policy
        .tables
        .iter_mut()
        .zip((0..).map(|at| TABLES + APART * at))
    {
        relocate(&mut code, table, address);
    }
    Some(Sample {
        name: "emitted",
        code,
        policy,
        contents,
        packets: Vec::new(),
    })
}

pub(super) fn contents(memory: &Memory) -> Vec<u8> {
    let words = 0..memory.bytes() as usize / 4;
    words
        .flat_map(|word| memory.load(word).to_ne_bytes())
        .collect()
}

/// Moves a table: code has its address as immediates of 64 bits.
fn relocate(code: &mut [u8], table: &mut Table, to: u64) {
    let old = table.address.to_le_bytes();
    for at in 0..code.len().saturating_sub(7) {
        if code[at..at + 8] == old {
            code[at..at + 8].copy_from_slice(&to.to_le_bytes());
        }
    }
    table.address = to;
}

/// Samples of sets so mixed that some numbers live in the frame.
fn crowded() -> Vec<Sample> {
    let mut samples = Vec::new();
    for seed in 0..CROWDED {
        let (set, filters, mut random) = crowd(Machine::HOST, seed);
        let crowded = sample(set.trie(), Entry::Best).filter(|sample| {
            sample.code.len() <= CROWDED_LENGTH
                && prove(&sample.code, &sample.policy)
                    .is_ok_and(|proved| proved.report().frame > SAVED)
        });
        samples.extend(crowded.map(|mut sample| {
            sample.packets.extend((0..PACKETS).map(|_| {
                let drawn = packet(random.pick(&filters), &mut random);
                (drawn.bytes, drawn.wirelen)
            }));
            sample
        }));
    }
    samples
}

/// A set of many structures, each twice, so that there are tables.
pub(super) fn crowd(machine: Machine, seed: u64) -> (Set, Vec<Filter>, Random) {
    let mut random = Random::new(0xc4_0ed + seed);
    let mut draw = Draw {
        structure: Random::new(random.bits()),
        constants: Random::new(random.bits()),
        depth: 3,
        expressions: seed.is_multiple_of(2),
        omissions: None,
    };
    let (mut set, mut filters) = (
        Set::on(machine, Limits::default(), seed),
        Vec::<Filter>::new(),
    );
    for entry in 0..2 * SHAPES {
        let before = draw.structure.clone();
        let Ok(drawn) = filter(&mut draw) else {
            continue;
        };
        if entry % 2 == 0 {
            draw.structure = before;
        }
        if set.insert(&drawn, entry, entry).is_ok() {
            filters.push(drawn);
        }
    }
    (set, filters, random)
}

/// Samples of the written filters, with blocks of rules and without: of all together, and of each
/// alone.
fn written() -> Vec<Sample> {
    let mut random = Random::new(1);
    let blocks = Limits {
        blocks_from: 1,
        ..Limits::default()
    };
    let mut written = Vec::new();
    for limits in [Limits::default(), blocks] {
        let (set, filters) = written_set(Machine::HOST, limits);
        let mut samples: Vec<Sample> = entries(set.trie())
            .filter_map(|entry| sample(set.trie(), entry))
            .collect();
        for sample in &mut samples {
            for filter in &filters {
                let drawn = packet(filter, &mut random);
                sample.packets.push((drawn.bytes, drawn.wirelen));
            }
        }
        written.append(&mut samples);
    }
    written
}

/// The functions of a trie that are looked at.
pub(super) fn entries(trie: &Trie) -> impl Iterator<Item = Entry> + use<> {
    let groups = 0..trie.groups().len().min(GROUPS) as u32;
    core::iter::once(Entry::Best).chain(groups.map(|group| Entry::Group(GroupId(group))))
}

/// The set of the written filters.
pub(super) fn written_set(machine: Machine, limits: Limits) -> (Set, Vec<Filter>) {
    let program = Program::parse(WRITTEN, "written", true)
        .unwrap_or_else(|errors| panic!("{}", errors.render(false)));
    let filters = lower(&program).unwrap_or_else(|error| panic!("{}", error.title()));
    let mut set = Set::on(machine, limits, 1);
    for (entry, lowered) in (0..).zip(&filters) {
        assert!(
            set.insert(&lowered.filter, entry, entry).is_ok(),
            "{} does not fit",
            lowered.name
        );
    }
    let filters = filters.into_iter().map(|lowered| lowered.filter);
    (set, filters.collect())
}
