//! `cargo xtask tables N`: a table of the paper, measured on the simulated machines.
//!
//! The problem: a figure in cycles is a claim about a program, a machine and a way of counting.
//! The method: the programs are an image built for the machine ([`crate::image`]), the machine is
//! `decstation` with the cost table of the one that the paper measured on, and what is counted is
//! the same to the last instruction in every run; so the rows are a snapshot in
//! `benches/results`, and a test fails when one changes without being blessed again.
//!
//! Left out: wall time, which belongs to `dpf bench`.

mod base;
mod dpf;
mod insertion;
mod lab;
mod table7;
#[cfg(test)]
mod tests;

use crate::image;
use anyhow::{Result, bail};
use core::fmt::Write as _;
use decstation::cycles::Costs;
use serde_json::{Value, json};

/// One line of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// The number of the paper's table.
    table: u32,
    /// What was measured, in a word.
    row: &'static str,
    /// What was measured, in a few.
    what: &'static str,
    machine: &'static Costs,
    paper: Paper,
    /// Means over the packets, to a tenth; of emitting, per instruction, to a hundredth.
    cycles: f64,
    instructions: f64,
    loads: f64,
    stores: f64,
    /// The cheapest and the dearest packet.
    range: (u64, u64),
    /// How long the code is that was made, in bytes.
    code_bytes: Option<u32>,
    /// What else there is to say of an operation of the kernel's.
    operation: Option<base::Operation>,
}

/// What the paper has to say.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Paper {
    /// So many microseconds.
    Microseconds(f64),
    /// No microseconds, but this.
    Words(&'static str),
    Nothing,
}

impl Row {
    fn us(&self) -> f64 {
        self.cycles * f64::from(self.machine.cycle_ns) / 1000.0
    }

    fn paper_us(&self) -> Option<f64> {
        match self.paper {
            Paper::Microseconds(us) => Some(us),
            Paper::Words(_) | Paper::Nothing => None,
        }
    }

    /// Whether it stands for what the paper compared with, and must be as fast as that was.
    #[cfg(test)]
    fn is_baseline(&self) -> bool {
        ["mpf-", "pathfinder-"]
            .iter()
            .any(|name| self.row.starts_with(name))
    }

    fn json(&self) -> Value {
        let mut row = json!({
            "table": self.table,
            "row": self.row,
            "machine": self.machine.name,
            "paper_us": self.paper_us(),
            "us": round(self.us(), 1000.0),
            "cycles": self.cycles,
            "instructions": self.instructions,
        });
        if let Some(bytes) = self.code_bytes {
            row["code_bytes"] = bytes.into();
        }
        if let Some(operation) = &self.operation {
            operation.add_to(&mut row);
        }
        row
    }
}

/// What is asked for besides the table.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    /// The rows for programs.
    json: bool,
    /// Each classifier's row confirmed on a million packets.
    million: bool,
    /// Where each classifier spends its instructions.
    profile: bool,
}

/// Measures tables and prints them.
///
/// # Errors
///
/// When there is no such table, no image can be built, or a measurement fails.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let mut numbers = Vec::new();
    let mut chosen = Options::default();
    for word in words {
        match *word {
            "4" | "5" | "6" | "7" => numbers.push(word.parse::<u32>()?),
            "--json" => chosen.json = true,
            "--million" => chosen.million = true,
            "--profile" => chosen.profile = true,
            _ => bail!(
                "there is no table or option `{word}`; there are 4, 5, 6, 7, --json, --million, --profile"
            ),
        }
    }
    if numbers.is_empty() {
        bail!("which table? There are 4, 5, 6, 7");
    }
    if !image::toolchain()?.is_pinned() {
        eprintln!("tables: not the pinned compiler; the recorded counts are not those of its code");
    }
    let mut rows = Vec::new();
    if numbers.iter().any(|number| *number < 7) {
        rows.extend(base::measure()?);
        rows.retain(|row| numbers.contains(&row.table));
        if !chosen.json {
            print!("{}", base::text(&rows));
        }
    }
    if numbers.contains(&7) {
        let more = table7::measure(chosen)?;
        if !chosen.json {
            print!("{}", text(&more));
        }
        rows.extend(more);
    }
    if chosen.json {
        print!("{}", json(&rows));
    }
    Ok(())
}

/// The rows for programs to read, one a line.
fn json(rows: &[Row]) -> String {
    let lines: Vec<String> = rows.iter().map(|row| row.json().to_string()).collect();
    format!("{{\"rows\":[\n{}\n]}}\n", lines.join(",\n"))
}

/// The rows for people to read.
fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    let machine = rows.first().map_or("", |row| row.machine.name);
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{:<31} {:>9} {:>9} {:>9} {:>9} {:>8} {:>13} {:>8} {:>8}   on the simulated {machine}",
        "", "paper µs", "µs", "paper", "cycles", "ratio", "instructions", "loads", "stores"
    );
    for row in rows {
        let paper = row.paper_us();
        let cell = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
        };
        let paper_cycles = paper.map(|us| us * 1000.0 / f64::from(row.machine.cycle_ns));
        let _ = write!(
            text,
            "{:<31} {:>9} {:>9} {:>9} {:>9} {:>8} {:>13} {:>8} {:>8}   {}",
            row.row,
            cell(paper, 2),
            cell(Some(row.us()), 2),
            cell(paper_cycles, 1),
            row.cycles,
            cell(paper_cycles.map(|paper| row.cycles / paper), 2),
            row.instructions,
            row.loads,
            row.stores,
            row.what
        );
        if row.range.0 != row.range.1 {
            let _ = write!(text, ", {} to {}", row.range.0, row.range.1);
        }
        if let Some(bytes) = row.code_bytes {
            let _ = write!(text, ", {bytes} bytes of code");
        }
        if let Paper::Words(words) = row.paper {
            let _ = write!(text, " (paper: {words})");
        }
        text.push('\n');
    }
    text
}

/// To so many parts of one.
fn round(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}
