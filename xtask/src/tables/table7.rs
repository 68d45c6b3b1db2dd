//! Table 7: what it costs to find the owner of a packet, in cycles of the 5000/200.
//!
//! The paper's ten filters differ in their destination port. A packet is *expected* if it belongs
//! to the filter that matched last, *unexpected* otherwise: ten packets, one of each filter, each
//! repeated or in turn. The baselines read the length of the IP header from the packet: among the
//! figures of the DPF paper, the 1.5 µs that Table 7 prints beside theirs are those over a header of
//! variable length. Rows ending in `-fixed` know that it has 20 bytes. The emitter's rows are what
//! it costs to emit one machine instruction.
//!
//! An engine of the image is a row of [`ENGINES`]. One that makes code is measured the same way:
//! [`classify`] takes any address as the function of its [`Subject`].

use super::lab::{Call, Lab, Subject};
use super::{Options, Paper, Row, dpf, insertion, round};
use crate::image;
use anyhow::{Context as _, Result, bail};
use decstation::count::Counts;
use decstation::cycles::{Costs, DEC5000_200};
use decstation::elf::Image;
use dpf_benches::flows::Family;

/// The machine of the paper's Table 7.
const MACHINE: &Costs = &DEC5000_200;
/// The paper's number of filters.
pub(super) const FILTERS: u32 = 10;
/// Packets that `--million` classifies for each row.
const MILLION: u32 = 1_000_000;
/// Where packets begin, past a multiple of four: there the IP header is word-aligned.
pub(super) const PACKET_OFFSET: u32 = 2;
/// Filters of the emitter's rows.
const EMITTED: u32 = 10;

/// What is measured of a classifier.
struct Engine {
    /// The prefix of its functions in the image.
    name: &'static str,
    variable: bool,
    /// The row and its words, and the paper's microseconds.
    rows: &'static [(&'static str, &'static str, Order, Paper)],
}

/// In which order packets come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Each again and again.
    Expected,
    /// One of each filter in turn.
    Unexpected,
}

const ENGINES: &[Engine] = &[
    Engine {
        name: "bpf",
        variable: true,
        rows: &[(
            "bpf",
            "ten programs in turn",
            Order::Unexpected,
            Paper::Nothing,
        )],
    },
    Engine {
        name: "mpf",
        variable: true,
        rows: &[
            (
                "mpf-expected",
                "the filter that matched last",
                Order::Expected,
                Paper::Microseconds(35.0),
            ),
            (
                "mpf-unexpected",
                "another",
                Order::Unexpected,
                Paper::Microseconds(71.0),
            ),
        ],
    },
    Engine {
        name: "pathfinder",
        variable: true,
        rows: &[
            (
                "pathfinder-expected",
                "the pattern that matched last",
                Order::Expected,
                Paper::Microseconds(19.0),
            ),
            (
                "pathfinder-unexpected",
                "another",
                Order::Unexpected,
                Paper::Microseconds(39.0),
            ),
        ],
    },
    Engine {
        name: "bpf",
        variable: false,
        rows: &[(
            "bpf-fixed",
            "as bpf, IP header of 20 bytes",
            Order::Unexpected,
            Paper::Nothing,
        )],
    },
    Engine {
        name: "mpf",
        variable: false,
        rows: &[
            (
                "mpf-expected-fixed",
                "IP header of 20 bytes",
                Order::Expected,
                Paper::Nothing,
            ),
            (
                "mpf-unexpected-fixed",
                "IP header of 20 bytes",
                Order::Unexpected,
                Paper::Nothing,
            ),
        ],
    },
    Engine {
        name: "pathfinder",
        variable: false,
        rows: &[
            (
                "pathfinder-expected-fixed",
                "IP header of 20 bytes",
                Order::Expected,
                Paper::Nothing,
            ),
            (
                "pathfinder-unexpected-fixed",
                "IP header of 20 bytes",
                Order::Unexpected,
                Paper::Nothing,
            ),
        ],
    },
];

/// The emitter's rows: the function of the image, the row and its words.
const EMITTERS: &[(&str, &str, &str, Paper)] = &[
    (
        "emit_mix_known",
        "emit-per-instruction",
        "registers known at compile time",
        Paper::Words("5 instructions"),
    ),
    (
        "emit_mix_run_time",
        "emit-per-instruction-run-time",
        "registers known at run time",
        Paper::Words("6 to 10 instructions"),
    ),
    (
        "emit_paper_known",
        "emit-paper-known",
        "the paper's filter, registers known at compile time",
        Paper::Nothing,
    ),
    (
        "emit_paper_run_time",
        "emit-paper-run-time",
        "the paper's filter, registers known at run time",
        Paper::Nothing,
    ),
];

/// Measures every row, with what else `options` ask for on the way.
///
/// # Errors
///
/// When no image can be built, or an engine fails, answers wrongly or does not settle.
pub(super) fn measure(options: Options) -> Result<Vec<Row>> {
    let image = image()?;
    let mut rows = classifiers(&image, options)?;
    rows.extend(dpf::measure(&image, options)?);
    rows.extend(insertion::measure(options)?);
    rows.extend(emitters(&image)?);
    Ok(rows)
}

/// The image with everything that is measured.
pub(super) fn image() -> Result<Image> {
    let path = image::build("benches/mips", "table7")?;
    let file = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Image::parse(&file)?)
}

/// The rows of the engines that are compiled into the image. Each has a machine of its own, so that
/// no row depends on those before it.
fn classifiers(image: &Image, options: Options) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for engine in ENGINES {
        let mut lab = Lab::new(image)?;
        let packets: Vec<_> = (0..FILTERS)
            .map(|index| Family::Paper.packet(index).into())
            .collect();
        let packets = self::packets(&mut lab, &packets, PACKET_OFFSET)?;
        let install = format!("{}_install", engine.name);
        let (state, _) = lab.call(&install, &[FILTERS, engine.variable.into()])?;
        if state == 0 {
            bail!("`{install}` refused a filter");
        }
        let function = lab.address(&format!("{}_classify", engine.name))?;
        let subject = Subject { function, state };
        for (row, what, order, paper) in engine.rows {
            if options.profile {
                eprintln!(
                    "{row}: instructions a packet, those of them that are empty, by function"
                );
            }
            let counts = classify(&mut lab, subject, &packets, *order, options)
                .with_context(|| format!("row `{row}`"))?;
            rows.push(classified(row, what, *paper, &counts));
        }
    }
    Ok(rows)
}

/// The rows of the emitter.
fn emitters(image: &Image) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (function, row, what, paper) in EMITTERS {
        let mut lab = Lab::new(image)?;
        let measured = emit(&mut lab, function).with_context(|| format!("row `{row}`"))?;
        rows.push(emitted(row, what, *paper, measured));
    }
    Ok(rows)
}

/// Puts one packet of each filter into memory, `offset` bytes past a multiple of four: calls that
/// must find their owners.
pub(super) fn packets(lab: &mut Lab, packets: &[Vec<u8>], offset: u32) -> Result<Vec<Call>> {
    let memory = lab.address("packets")?;
    let calls = (0..).zip(packets).map(|(index, packet)| {
        let at = memory + index * 64 + offset;
        lab.put(at, packet);
        Call {
            arguments: [at, packet.len() as u32],
            result: index,
        }
    });
    Ok(calls.collect())
}

/// What each packet costs.
pub(super) fn classify(
    lab: &mut Lab,
    subject: Subject,
    packets: &[Call],
    order: Order,
    options: Options,
) -> Result<Vec<Counts>> {
    let lists: Vec<&[Call]> = match order {
        Order::Expected => packets.chunks(1).collect(),
        Order::Unexpected => vec![packets],
    };
    let turns = lists.len() as u32;
    let mut counts = Vec::new();
    for list in lists {
        let steady = lab.steady(subject, list)?;
        if options.million {
            lab.confirm(subject, list, &steady, MILLION / turns)?;
        }
        if options.profile && counts.is_empty() {
            lab.print_profile(subject, list, list.len())?;
        }
        counts.extend(steady);
    }
    if let Some(cold) = counts
        .iter()
        .find(|counts| counts.data_misses + counts.instruction_misses > 0)
    {
        bail!("caches that stay cold: {cold}");
    }
    Ok(counts)
}

/// The counts of emitting [`EMITTED`] filters, and the instructions emitted.
fn emit(lab: &mut Lab, function: &str) -> Result<(Counts, u32)> {
    let (emitted, _) = lab.call(function, &[EMITTED])?;
    if emitted == 0 {
        bail!("`{function}` emitted nothing");
    }
    let subject = Subject {
        function: lab.address(function)?,
        state: 0,
    };
    let call = Call {
        arguments: [EMITTED, 0],
        result: emitted,
    };
    let steady = lab.steady(subject, &[call])?;
    let counts = steady.first().copied().context("one call, one count")?;
    Ok((counts, emitted))
}

pub(super) fn classified(
    row: &'static str,
    what: &'static str,
    paper: Paper,
    counts: &[Counts],
) -> Row {
    let mean = |part: fn(&Counts) -> u64| {
        let sum: u64 = counts.iter().map(part).sum();
        round(sum as f64 / counts.len() as f64, 10.0)
    };
    let cycles = counts.iter().map(|counts| counts.cycles);
    Row {
        table: 7,
        row,
        what,
        machine: MACHINE,
        paper,
        cycles: mean(|counts| counts.cycles),
        instructions: mean(|counts| counts.instructions),
        loads: mean(|counts| counts.loads),
        stores: mean(|counts| counts.stores),
        range: (
            cycles.clone().min().unwrap_or_default(),
            cycles.max().unwrap_or_default(),
        ),
        code_bytes: None,
        operation: None,
    }
}

fn emitted(
    row: &'static str,
    what: &'static str,
    paper: Paper,
    (counts, emitted): (Counts, u32),
) -> Row {
    let each = |total: u64| round(total as f64 / f64::from(emitted), 100.0);
    Row {
        table: 7,
        row,
        what,
        machine: MACHINE,
        paper,
        cycles: each(counts.cycles),
        instructions: each(counts.instructions),
        loads: each(counts.loads),
        stores: each(counts.stores),
        range: (counts.cycles, counts.cycles),
        code_bytes: None,
        operation: None,
    }
}
