//! DPF's rows of Table 7: classifiers that are made here, proved, and run on the machine.
//!
//! The problem: what a filter costs depends on where packets and tables lie, and code is only
//! worth a row if the system would run it. The method: a set is laid out for the R3000 and for
//! where packets lie, its function is emitted for where its table will be, and the prover of
//! `dpf::check` must accept it; only then it is put into the machine of the other classifiers,
//! counted as they are, and asked about packets that belong to nobody. A row's cycles must not pass
//! what the prover says of the longest path.
//!
//! Packets lie two bytes past a multiple of four, where the kernel puts them so that the IP header
//! is aligned; rows ending in `-base-0` have them at a multiple of four. Left out: the compiler's own
//! cost on that machine (`insertion`).

use super::lab::{Call, Lab, Subject};
use super::table7;
use super::{Options, Paper, Row, round};
use anyhow::{Context as _, Result, bail, ensure};
use core::fmt::Write as _;
use decstation::bare::BASE;
use decstation::elf::Image;
use dpf::check::{self, Policy, mips::prove};
use dpf::codegen::{self, Entry};
use dpf::dispatch::{Alignment, Machine, Memory};
use dpf::filter::{Filter, lower};
use dpf::syntax::Program;
use dpf::trie::{Limits, Set};
use dpf_benches::flows::{Family, paper_fixed};
use vcode::Assembler;
use vcode::mips::Mips;

/// Where code is put, and tables: beyond the image, and in lines of the caches that neither its loop
/// nor its packets are in.
const CODE: u32 = BASE + 0x20_8000;
const TABLES: u32 = BASE + 0x28_4000;
/// Where near tables are: the first address that a load reaches from register zero.
const NEAR: u32 = 0xffff_8000;
/// Words of the buffer to emit into.
const BUFFER: usize = 1 << 12;
/// What an exclusive `Demux` would draw at random.
const SEED: u64 = 1;
/// The call and its delay slot, which the prover does not see.
const CALL: u64 = 2;
/// Packets that belong to nobody, for each filter.
const MISSES: u32 = 40;
/// The most levels of the paper's experiment.
const LEVELS: usize = 7;
/// What the paper says of one to seven levels of two atoms, in microseconds.
const PAPER_LEVELS: [f64; LEVELS] = [0.55, 0.83, 1.11, 1.39, 1.68, 1.96, 2.24];
/// The paper's difference from one level to the next: seven cycles.
const PAPER_SLOPE: f64 = 0.28;

/// Where packets and tables are.
#[derive(Clone, Copy)]
struct Place {
    /// A packet's address modulo four: 0 or 2.
    packet: u32,
    /// Whether a load reaches the tables without a base.
    near: bool,
}

const KERNEL: Place = Place {
    packet: 2,
    near: false,
};
const ALIGNED: Place = Place {
    packet: 0,
    near: false,
};
const NEAR_TABLES: Place = Place {
    packet: 2,
    near: true,
};

/// A row: some of the paper's filters over an IP header of fixed or variable length.
struct Classifier {
    row: &'static str,
    what: &'static str,
    filters: u32,
    variable: bool,
    place: Place,
    paper: Paper,
}

#[rustfmt::skip]
const CLASSIFIERS: &[Classifier] = &[
    Classifier { row: "dpf-1", what: "one filter, IP header of 20 bytes", filters: 1, variable: false, place: KERNEL, paper: Paper::Microseconds(1.14) },
    Classifier { row: "dpf-2", what: "two filters", filters: 2, variable: false, place: KERNEL, paper: Paper::Microseconds(1.23) },
    Classifier { row: "dpf-10", what: "ten filters", filters: 10, variable: false, place: KERNEL, paper: Paper::Microseconds(1.39) },
    Classifier { row: "dpf-10-near", what: "ten filters, table reached without a base", filters: 10, variable: false, place: NEAR_TABLES, paper: Paper::Nothing },
    Classifier { row: "dpf-1-variable", what: "one filter, IP header of any length", filters: 1, variable: true, place: KERNEL, paper: Paper::Microseconds(1.27) },
    Classifier { row: "dpf-2-variable", what: "two filters", filters: 2, variable: true, place: KERNEL, paper: Paper::Microseconds(1.35) },
    Classifier { row: "dpf-10-variable", what: "ten filters", filters: 10, variable: true, place: KERNEL, paper: Paper::Microseconds(1.5) },
    Classifier { row: "dpf-1-base-0", what: "packets at a multiple of four", filters: 1, variable: false, place: ALIGNED, paper: Paper::Nothing },
    Classifier { row: "dpf-2-base-0", what: "packets at a multiple of four", filters: 2, variable: false, place: ALIGNED, paper: Paper::Nothing },
    Classifier { row: "dpf-10-base-0", what: "packets at a multiple of four", filters: 10, variable: false, place: ALIGNED, paper: Paper::Nothing },
    Classifier { row: "dpf-10-variable-base-0", what: "packets at a multiple of four", filters: 10, variable: true, place: ALIGNED, paper: Paper::Nothing },
];

const DEPTHS: [&str; LEVELS] = [
    "dpf-depth-1",
    "dpf-depth-2",
    "dpf-depth-3",
    "dpf-depth-4",
    "dpf-depth-5",
    "dpf-depth-6",
    "dpf-depth-7",
];

/// Measures every row.
///
/// # Errors
///
/// When code is refused by emitter or prover, answers wrongly, or does not settle.
pub(super) fn measure(image: &Image, options: Options) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for classifier in CLASSIFIERS {
        let measured = classifier.measure(image, options);
        rows.push(measured.with_context(|| format!("row `{}`", classifier.row))?);
    }
    let depths = levels(image, KERNEL, options)?;
    let slope = slope("slope-per-level", "a level of two atoms", &depths)?;
    rows.extend(depths);
    rows.push(slope);
    let aligned = levels(image, ALIGNED, options)?;
    let what = "packets at a multiple of four";
    let mut slope = self::slope("slope-per-level-base-0", what, &aligned)?;
    slope.paper = Paper::Nothing;
    rows.push(slope);
    Ok(rows)
}

impl Classifier {
    fn measure(&self, image: &Image, options: Options) -> Result<Row> {
        let filters = paper_filters(self.filters, self.variable)?;
        let mut loaded = Loaded::new(image, &filters, self.place)?;
        let packets: Vec<Vec<u8>> = (0..self.filters)
            .map(|index| Family::Paper.packet(index).into())
            .collect();
        loaded.check_misses(self.filters)?;
        loaded.row((self.row, self.what, self.paper), &packets, options)
    }
}

/// The rows of one filter of one to seven levels.
fn levels(image: &Image, place: Place, options: Options) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (depth, (row, paper)) in (1..).zip(DEPTHS.into_iter().zip(PAPER_LEVELS)) {
        let filters = lowered(&format!("filter deep = {};\n", deep(depth)))?;
        let mut loaded = Loaded::new(image, &filters, place)?;
        let packet = deep_packet(depth);
        for byte in 0..packet.len() {
            let mut missed = packet.clone();
            missed[byte] ^= 1;
            let is_tested = matches!(byte % LEVEL, 0 | 1 | 5);
            loaded.ask(&missed, u32::from(!is_tested))?;
        }
        let name = (row, "levels of two atoms", Paper::Microseconds(paper));
        rows.push(loaded.row(name, &[packet], options)?);
    }
    Ok(rows)
}

/// What a level costs, from the first to the last.
fn slope(row: &'static str, what: &'static str, rows: &[Row]) -> Result<Row> {
    let (first, last) = rows.first().zip(rows.last()).context("there are levels")?;
    let steps = (rows.len() - 1) as f64;
    let each = |part: fn(&Row) -> f64| round((part(last) - part(first)) / steps, 100.0);
    Ok(Row {
        row,
        what,
        paper: Paper::Microseconds(PAPER_SLOPE),
        cycles: each(|row| row.cycles),
        instructions: each(|row| row.instructions),
        loads: each(|row| row.loads),
        stores: 0.0,
        range: (0, 0),
        code_bytes: None,
        ..first.clone()
    })
}

/// A machine with the code of a set.
struct Loaded {
    lab: Lab,
    place: Place,
    code_bytes: u32,
    /// The most cycles of a call, as proved.
    most: u64,
}

impl Loaded {
    /// Lays the filters out, makes their code, has it proved and puts it into a machine.
    fn new(image: &Image, filters: &[Filter], place: Place) -> Result<Loaded> {
        let (told, promised) = match place.packet {
            0 => (Alignment::WORD, check::Alignment::Word),
            _ => (Alignment::HALFWORD, check::Alignment::WordPlusTwo),
        };
        let set = set(Machine::r3000(told), filters)?;
        let tables = codegen::tables(set.trie());
        let start = if place.near { NEAR } else { TABLES };
        let mut placed = Vec::new();
        let mut end = u64::from(start);
        for table in &tables {
            let length = table.memory.bytes();
            placed.push(check::Table {
                name: table.name.clone(),
                address: end,
                length,
            });
            end += length;
        }
        let places = |memory: &Memory| {
            let mut both = tables.iter().zip(&placed);
            let found = both.find(|(table, _)| core::ptr::eq(&*table.memory, memory));
            found.map_or(0, |(_, placed)| placed.address)
        };
        let mut buffer = Box::new([0; BUFFER]);
        let mut assembler = Assembler::new(Mips::new(&mut buffer));
        let words: Vec<u32> = codegen::emit_at(set.trie(), Entry::Best, &places, &mut assembler)?
            .words()
            .collect();
        let policy = Policy {
            tables: placed.clone(),
            packet: promised,
            ..Policy::filter(&[])
        };
        let proved = prove(&words, &policy).map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
        let most = proved.report().cycles.context("cycles are known")?;
        let mut lab = Lab::new(image)?;
        for (table, placed) in tables.iter().zip(&placed) {
            let mut at = placed.address as u32;
            if place.near {
                at = at - NEAR + TABLES;
            }
            let contents = (0..table.memory.bytes() as usize / 4).map(|at| table.memory.load(at));
            lab.put_words(at, &contents.collect::<Vec<u32>>());
        }
        if place.near {
            lab.map(NEAR, TABLES, (end - u64::from(NEAR)) as u32);
        }
        lab.put_words(CODE, proved.code());
        Ok(Loaded {
            lab,
            place,
            code_bytes: 4 * words.len() as u32,
            most: u64::from(most) + CALL,
        })
    }

    /// What calls on these packets cost, in turn; packet `i` belongs to entry `i`.
    fn row(
        &mut self,
        (row, what, paper): (&'static str, &'static str, Paper),
        packets: &[Vec<u8>],
        options: Options,
    ) -> Result<Row> {
        let calls = table7::packets(&mut self.lab, packets, self.place.packet)?;
        let calls: Vec<Call> = calls
            .into_iter()
            .map(|call| Call {
                result: call.result + 1,
                ..call
            })
            .collect();
        let subject = Subject {
            function: CODE,
            state: packets.first().map_or(0, |packet| packet.len() as u32),
        };
        let order = table7::Order::Unexpected;
        let counts = table7::classify(&mut self.lab, subject, &calls, order, options)?;
        if let Some(dear) = counts.iter().find(|counts| counts.cycles > self.most) {
            bail!("{dear}, where at most {} cycles were proved", self.most);
        }
        Ok(Row {
            code_bytes: Some(self.code_bytes),
            ..table7::classified(row, what, paper, &counts)
        })
    }

    /// That packets of no filter have no owner: one bit wrong, or cut short.
    fn check_misses(&mut self, filters: u32) -> Result<()> {
        for index in 0..filters {
            for choice in 0..MISSES {
                let choice = choice.wrapping_mul(0x9e37_79b1) >> 8;
                self.ask(&Family::Paper.near_miss(index, choice), 0)?;
                self.ask(&Family::Paper.shared_miss(index, choice), 0)?;
            }
            let packet = Family::Paper.packet(index);
            for length in 0..38 {
                self.ask(&packet[..length], 0)?;
            }
        }
        Ok(())
    }

    /// That a packet's answer is this.
    fn ask(&mut self, packet: &[u8], expected: u32) -> Result<()> {
        let at = self.lab.address("packets")? + self.place.packet;
        self.lab.put(at, packet);
        let length = packet.len() as u32;
        let (found, _) = self.lab.call_at(CODE, &[at, length, length])?;
        ensure!(
            found == expected,
            "{found} for {packet:02x?}, not {expected}"
        );
        Ok(())
    }
}

/// The first of the paper's filters in canonical form.
pub(super) fn paper_filters(count: u32, variable: bool) -> Result<Vec<Filter>> {
    let mut text = String::new();
    for index in 0..count {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "filter f{index} = {};", paper_text(index, variable));
    }
    lowered(&text)
}

/// One of the paper's filters in the language.
pub(super) fn paper_text(index: u32, variable: bool) -> String {
    let filter = if variable {
        Family::Paper.filter(index)
    } else {
        paper_fixed(index)
    };
    filter.to_string()
}

fn lowered(text: &str) -> Result<Vec<Filter>> {
    let program = Program::parse(text, "table 7", true)
        .map_err(|errors| anyhow::anyhow!(errors.render(false)))?;
    let lowered = lower(&program).map_err(|error| anyhow::anyhow!(error.title().to_owned()))?;
    Ok(lowered.into_iter().map(|lowered| lowered.filter).collect())
}

/// A set of these filters; none overlap, so their ranks do not matter.
fn set(machine: Machine, filters: &[Filter]) -> Result<Set> {
    let mut set = Set::on(machine, Limits::default(), SEED);
    let ranked: Vec<_> = (0..)
        .zip(filters)
        .map(|(entry, filter)| (filter, entry, entry))
        .collect();
    let _ = set
        .insert_many(&ranked)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(set)
}

/// Bytes of a header of the paper's experiment with levels.
const LEVEL: usize = 8;

/// A filter of so many headers, in each of which two fields are tested.
fn deep(levels: usize) -> String {
    let level = |at| format!("0:16 == {} && 5:8 == {}", 0x800 + at, 6 + at);
    let levels: Vec<String> = (0..levels).map(level).collect();
    levels.join(" && shift(8) && ")
}

fn deep_packet(levels: usize) -> Vec<u8> {
    let mut bytes = vec![0; LEVEL * levels];
    for (at, header) in (0_u8..).zip(bytes.chunks_exact_mut(LEVEL)) {
        header[..2].copy_from_slice(&[8, at]);
        header[5] = 6 + at;
    }
    bytes
}
