//! Table 7 of the paper, measured here and now, and the same comparison at today's sizes.
//!
//! The paper's ten filters differ only in their destination port; its columns are a packet of the
//! filter that matched last (*expected*) and of another (*unexpected*). Beside it stand full
//! five-tuples, from one filter to a hundred thousand, under four workloads. The whole takes less
//! than a minute, most of which other people's compilers need to take up their filters.

use crate::{
    flows::Family,
    harness::{self, Entrant, Nanoseconds, Plan, Timing},
    peers::{Contender, contenders},
    report::Report,
    workload::{Random, Workload},
};

/// The numbers of five-tuple filters measured.
pub const COUNTS: [u32; 6] = [1, 10, 100, 1000, 10_000, 100_000];

/// The paper's number of filters.
pub const PAPER_COUNT: u32 = 10;

/// The workloads of the sweep.
pub const WORKLOADS: [Workload; 4] = [
    Workload::Hot,
    Workload::Random,
    Workload::Reject,
    Workload::Batch32,
];

/// The paper's columns.
pub const PAPER_WORKLOADS: [Workload; 2] = [Workload::Hot, Workload::Unexpected];

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Filters in the sweep, ascending.
    pub counts: Vec<u32>,
    /// Slices per engine, number of filters and workload.
    pub rounds: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            counts: COUNTS.to_vec(),
            rounds: 31,
        }
    }
}

/// Measures every engine of this build. `progress` is told what is being measured, and which
/// engines are left out and why.
///
/// # Errors
///
/// An engine that gave a wrong answer: which, and to what packet.
pub fn measure(options: &Options, mut progress: impl FnMut(&str)) -> Result<Report, String> {
    let mut random = Random::new(0x1995);
    let mut report = Report::new();
    let paper = Plan {
        family: Family::Paper,
        count: PAPER_COUNT,
        workloads: &PAPER_WORKLOADS,
        rounds: options.rounds,
    };
    progress("the paper's ten filters");
    let timings = run(&paper, &mut report, &mut random, &mut progress)?;
    report.paper(&timings);
    for count in &options.counts {
        progress(&format!("{count} five-tuples"));
        let plan = Plan {
            family: Family::FiveTuple,
            count: *count,
            workloads: &WORKLOADS,
            rounds: options.rounds,
        };
        let timings = run(&plan, &mut report, &mut random, &mut progress)?;
        report.sweep(*count, &timings);
    }
    Ok(report)
}

fn run(
    plan: &Plan<'_>,
    report: &mut Report,
    random: &mut Random,
    progress: &mut impl FnMut(&str),
) -> Result<Vec<Timing>, String> {
    let mut entrants = Vec::new();
    for Contender { name, limit, build } in contenders() {
        if plan.count > limit {
            continue;
        }
        match build(plan.family, plan.count) {
            Ok(peer) => entrants.push(Entrant { name, peer }),
            Err(reason) => {
                progress(&format!("without {name}: {reason}"));
                report.skip(name, plan.count, reason);
            }
        }
    }
    harness::compare(plan, &mut entrants, random)
}

/// The paper's figures on its DECstation 5000/200 in microseconds, expected and unexpected.
pub fn published(peer: &str) -> Option<(f64, f64)> {
    match peer {
        "mpf" => Some((35.0, 71.0)),
        "pathfinder" => Some((19.0, 39.0)),
        "dpf" => Some((1.5, 1.5)),
        _ => None,
    }
}

/// How many times longer `peer` takes than `reference`, by their medians.
pub fn ratio(peer: Nanoseconds, reference: Nanoseconds) -> f64 {
    peer.median / reference.median
}
