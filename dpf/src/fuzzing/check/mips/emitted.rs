//! What the code generator makes of random and of written filters for the R3000, as samples.
//!
//! As for x86-64: the scripts of `engines` drive an engine that emits every function, proves it and runs
//! it in the emulator, so all real output is seen to be accepted, to behave, and to answer as the oracle does. Once
//! for each thing that may be known of where packets stand.

use alloc::boxed::Box;
use alloc::{vec, vec::Vec};

use vcode::Assembler;
use vcode::mips::Mips;

use super::super::emitted::{contents, crowd, entries, written_set};
use super::{Sample, listing};
use crate::check::mips::prove;
use crate::check::{Alignment, Policy, Table};
use crate::codegen::{self, Entry};
use crate::dispatch::{self, Machine, Memory};
use crate::fuzzing::engines::{Engine, Tally, script};
use crate::fuzzing::{Packet, Random, packet};
use crate::trie::{GroupId, Limits, Set, Trie};

/// Where the tables of samples stand: the first, and how far apart. Their lower halves are negative, as
/// offsets, where the number is odd.
const TABLES: u64 = 0x8100_0000;
const APART: u64 = 0x10_8000;
/// Words of the buffer to emit into: the most there may be.
const BUFFER: usize = 1 << 15;
/// The most packets a sample keeps.
const PACKETS: usize = 8;
/// Samples are of functions so long, in words, and have tables so long.
const LENGTHS: core::ops::Range<usize> = 10..500;
const MAX_TABLES: u64 = 1 << 16;
/// How many sets are drawn that are too much for the registers.
const CROWDED: u64 = 20;

/// What may be known of packets, as the generator and as the prover is told.
const ALIGNMENTS: [(dispatch::Alignment, Alignment); 3] = [
    (dispatch::Alignment::UNKNOWN, Alignment::Unknown),
    (dispatch::Alignment::WORD, Alignment::Word),
    (dispatch::Alignment::HALFWORD, Alignment::WordPlusTwo),
];

/// Samples of scripts with these seeds, at most so many of each, and of written filters.
///
/// # Panics
///
/// When real output is refused, misbehaves, or answers wrongly.
pub fn emitted(seeds: core::ops::Range<u64>, of_each: usize) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (told, packet) in ALIGNMENTS {
        let mut generator = Generator::new(told, packet);
        samples.extend(generator.written());
        samples.extend(generator.crowded());
        for seed in seeds.clone() {
            generator.kept.clear();
            script(seed, &mut [&mut generator], &mut Tally::default());
            samples.extend(generator.kept.drain(..).rev().take(of_each));
        }
    }
    samples
}

/// An engine whose code runs in the emulator.
struct Generator {
    machine: Machine,
    packet: Alignment,
    buffer: Box<[u32; BUFFER]>,
    /// The functions of the set loaded: the winner's, then each group's.
    loaded: Vec<Sample>,
    kept: Vec<Sample>,
}

impl Engine for Generator {
    fn machine(&self) -> Machine {
        self.machine
    }

    fn load(&mut self, set: &Set) -> bool {
        let trie = set.trie();
        self.loaded.clear();
        let groups = (0..trie.groups().len() as u32).map(|group| Entry::Group(GroupId(group)));
        for entry in core::iter::once(Entry::Best).chain(groups) {
            let Some(sample) = self.sample(trie, entry) else {
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
        let found = self.loaded[1..]
            .iter()
            .filter_map(|sample| answer(sample, packet));
        let mut all: Vec<u32> = found.collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Generator {
    fn new(told: dispatch::Alignment, packet: Alignment) -> Self {
        let Ok(buffer) = vec![0; BUFFER].try_into() else {
            unreachable!("a vector of the array's length")
        };
        Self {
            machine: Machine::r3000(told),
            packet,
            buffer,
            loaded: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// A function of the trie, not yet with packets. Nothing when the generator refuses.
    fn sample(&mut self, trie: &Trie, entry: Entry) -> Option<Sample> {
        let tables = codegen::tables(trie);
        if tables.iter().any(|table| table.memory.bytes() > APART) {
            return None;
        }
        let addresses = || (0..).map(|at| TABLES + APART * at);
        let places = |memory: &Memory| {
            let mut placed = tables.iter().zip(addresses());
            let found = placed.find(|(table, _)| core::ptr::eq(&*table.memory, memory));
            found.map_or(0, |(_, address)| address)
        };
        let mut assembler = Assembler::new(Mips::new(&mut self.buffer));
        let code = codegen::emit_at(trie, entry, &places, &mut assembler).ok()?;
        let code = code.words().collect();
        let placed = tables.iter().zip(addresses());
        let policy = Policy {
            tables: placed
                .map(|(table, address)| Table {
                    address,
                    ..Table::from(table)
                })
                .collect(),
            packet: self.packet,
            ..Policy::filter(&[])
        };
        let contents = tables.iter().map(|table| contents(&table.memory)).collect();
        Some(Sample {
            name: "emitted",
            code,
            policy,
            contents,
            packets: Vec::new(),
        })
    }

    /// Samples of sets so mixed that some numbers live in the frame.
    fn crowded(&mut self) -> Vec<Sample> {
        let mut samples = Vec::new();
        for seed in 0..CROWDED {
            let (set, filters, mut random) = crowd(self.machine, seed);
            let Some(mut sample) = self.sample(set.trie(), Entry::Best) else {
                continue;
            };
            let drawn = core::iter::repeat_with(|| packet(random.pick(&filters), &mut random));
            for drawn in drawn.take(PACKETS) {
                answer(&sample, &drawn);
                sample.packets.push((drawn.bytes, drawn.wirelen));
            }
            samples.push(sample);
        }
        samples
    }

    /// Samples of the written filters: of all together, and of each alone.
    fn written(&mut self) -> Vec<Sample> {
        let (set, filters) = written_set(self.machine, Limits::default());
        let mut random = Random::new(1);
        let mut samples: Vec<Sample> = entries(set.trie())
            .filter_map(|entry| self.sample(set.trie(), entry))
            .collect();
        for sample in &mut samples {
            for filter in &filters {
                let drawn = packet(filter, &mut random);
                answer(sample, &drawn);
                sample.packets.push((drawn.bytes, drawn.wirelen));
            }
        }
        samples
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
        .unwrap_or_else(|refusal| {
            let packet = sample.policy.packet;
            panic!("{packet:?}: {refusal}\n{}", listing(&sample.code))
        })
        .report();
    let asked = Sample {
        packets,
        ..sample.clone()
    };
    let outcome = asked.watch(&sample.code, report.longest_path);
    let outcome = outcome.unwrap_or_else(|seen| panic!("{seen:?}\n{}", listing(&sample.code)));
    outcome[0].result.checked_sub(1)
}
