//! What was measured, as a table for people and as JSON for programs.
//!
//! The JSON has one object per row, `{"peer","n","workload","ns_median","ns_min","ns_max"}`, all
//! of the five-tuple sweep; the paper's ten filters are apart under `"table7"`, with `expected` and
//! `unexpected` in place of workloads, for they are other filters. Engines left out are under
//! `"skipped"` with the reason.

use crate::{
    harness::{Nanoseconds, Timing},
    table7::{self, PAPER_COUNT},
    workload::Workload,
};
use core::fmt::{self, Write as _};
use serde_json::{Value, json};

/// One measurement.
#[derive(Clone, Debug)]
pub struct Row {
    /// The engine.
    pub peer: &'static str,
    /// Filters installed.
    pub count: u32,
    /// The packets.
    pub workload: Workload,
    /// Time per packet.
    pub time: Nanoseconds,
}

/// All of one run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Processor, number of processors, kernel.
    pub machine: String,
    /// The sweep over five-tuples.
    pub rows: Vec<Row>,
    /// The paper's ten filters.
    pub table7: Vec<Row>,
    /// Engine, number of filters, reason.
    pub skipped: Vec<(&'static str, u32, String)>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            machine: machine(),
            rows: Vec::new(),
            table7: Vec::new(),
            skipped: Vec::new(),
        }
    }

    pub(crate) fn paper(&mut self, timings: &[Timing]) {
        self.table7.extend(rows(PAPER_COUNT, timings));
    }

    pub(crate) fn sweep(&mut self, count: u32, timings: &[Timing]) {
        self.rows.extend(rows(count, timings));
    }

    pub(crate) fn skip(&mut self, peer: &'static str, count: u32, reason: String) {
        self.skipped.push((peer, count, reason));
    }

    /// The measurement of one engine in the sweep.
    pub fn time(&self, peer: &str, count: u32, workload: Workload) -> Option<Nanoseconds> {
        let wanted =
            |row: &&Row| row.peer == peer && row.count == count && row.workload == workload;
        self.rows.iter().find(wanted).map(|row| row.time)
    }

    /// The engines, in the order measured.
    pub fn peers(&self) -> Vec<&'static str> {
        let mut peers = Vec::new();
        for row in self.table7.iter().chain(&self.rows) {
            if !peers.contains(&row.peer) {
                peers.push(row.peer);
            }
        }
        peers
    }

    /// One line of JSON.
    pub fn json(&self) -> String {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| object(row, row.workload.name()))
            .collect();
        let table7: Vec<Value> = self
            .table7
            .iter()
            .map(|row| object(row, column(row.workload)))
            .collect();
        let skip = |(peer, count, reason): &(&str, u32, String)| json!({ "peer": peer, "n": count, "reason": reason });
        let skipped: Vec<Value> = self.skipped.iter().map(skip).collect();
        let machine = &self.machine;
        json!({ "machine": machine, "rows": rows, "table7": table7, "skipped": skipped })
            .to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\n", self.machine)?;
        self.write_paper(out)?;
        for workload in table7::WORKLOADS {
            self.write_sweep(out, workload)?;
        }
        for (peer, count, reason) in &self.skipped {
            writeln!(out, "left out: {peer}, {count} filters: {reason}")?;
        }
        Ok(())
    }
}

impl Report {
    fn write_paper(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "Table 7: ten TCP/IP filters that differ in the destination port"
        )?;
        writeln!(
            out,
            "(median ns a packet [least to greatest of the slices]; paper: µs on a DECstation 5000/200)\n"
        )?;
        let (here, paper) = ("expected / unexpected", "paper");
        writeln!(out, "{:<14}{here:>44}{paper:>16}", "")?;
        let expected = self
            .table7
            .iter()
            .filter(|row| row.workload == Workload::Hot);
        for row in expected {
            let other =
                |other: &&Row| other.peer == row.peer && other.workload == Workload::Unexpected;
            let Some(unexpected) = self.table7.iter().find(other) else {
                continue;
            };
            let cell = format!("{} / {}", spread(row.time), spread(unexpected.time));
            let paper = table7::published(row.peer);
            let paper = paper.map_or(String::new(), |(hit, miss)| format!("{hit} / {miss}"));
            writeln!(out, "{:<14}{cell:>44}{paper:>16}", row.peer)?;
        }
        writeln!(out)
    }

    fn write_sweep(&self, out: &mut fmt::Formatter<'_>, workload: Workload) -> fmt::Result {
        let mut counts: Vec<u32> = self.rows.iter().map(|row| row.count).collect();
        counts.sort_unstable();
        counts.dedup();
        writeln!(
            out,
            "five-tuples, {} (median ns a packet)\n",
            workload.name()
        )?;
        let mut line = format!("{:<14}", "filters");
        for count in &counts {
            write!(line, "{count:>10}")?;
        }
        writeln!(out, "{line}")?;
        for peer in self.peers() {
            let mut line = format!("{peer:<14}");
            for count in &counts {
                match self.time(peer, *count, workload) {
                    Some(time) => write!(line, "{:>10}", short(time.median))?,
                    None => write!(line, "{:>10}", "")?,
                }
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        writeln!(out)
    }
}

fn rows(count: u32, timings: &[Timing]) -> impl Iterator<Item = Row> {
    timings.iter().map(move |timing| Row {
        peer: timing.name,
        count,
        workload: timing.workload,
        time: timing.time,
    })
}

fn object(row: &Row, workload: &str) -> Value {
    let rounded = |time: f64| (time * 100.0).round() / 100.0;
    json!({
        "peer": row.peer,
        "n": row.count,
        "workload": workload,
        "ns_median": rounded(row.time.median),
        "ns_min": rounded(row.time.min),
        "ns_max": rounded(row.time.max),
    })
}

/// The paper's word for a workload.
fn column(workload: Workload) -> &'static str {
    match workload {
        Workload::Hot => "expected",
        other => other.name(),
    }
}

fn spread(time: Nanoseconds) -> String {
    format!(
        "{} [{} to {}]",
        short(time.median),
        short(time.min),
        short(time.max)
    )
}

/// Three digits or so.
fn short(time: f64) -> String {
    match time {
        ..10.0 => format!("{time:.2}"),
        ..100.0 => format!("{time:.1}"),
        _ => format!("{time:.0}"),
    }
}

/// The processor's name, how many there are, and the kernel.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or(std::env::consts::ARCH, |(_, model)| model);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{model}, {processors} processors, {} {}",
        std::env::consts::OS,
        kernel.trim()
    )
}
