//! Tables 4, 5 and 6: what calls, exceptions and protected control transfers cost an application.
//!
//! The problem: the paper's times are those of a loop in an application that repeats one operation, counter
//! and branch included, on warm caches. The method: the program `benches/aegis` has such loops and runs on
//! the kernel; the machine stops at the beginning of each turn, which costs nothing, and its totals are read,
//! until many turns in a row were the same in every total. What the loop costs from there to its last turn,
//! clock ticks and all, must be nearly that in the mean. Meters count the kernel's part beside it, from the vector to the
//! application's next instruction.
//!
//! An operation is a row of [`ROWS`], a figure of the paper's for each of its three machines.

use super::{Paper, Row};
use crate::aegis::screen::Screen;
use crate::aegis::simulator::{TABLE_1, end_well, finish, machine};
use crate::aegis::{self, Built};
use anyhow::{Context as _, Result, ensure};
use core::fmt::Write as _;
use decstation::board::Config as Board;
use decstation::count::Counts;
use decstation::cpu::Register;
use decstation::cycles::{Costs, DEC5000_125};
use decstation::elf::Symbols;
use decstation::machine::{Machine, Stop};
use serde_json::Value;

const FOLDER: &str = "benches/aegis";
const NAME: &str = "base-costs";
/// Turns in a row that must be the same, and those within which they must be found.
const STEADY: u32 = 64;
const MOST_TURNS: u32 = 4096;
/// The most that a turn may cost in the mean over a loop, to one in steady state: ticks of the clock come
/// between, misses of the TLB, and of the cache where 1024 tags pass through it.
const MOST_MEAN: f64 = 1.05;
/// Instructions from one stop to the next, at most.
const LIMIT: u64 = 20_000_000;
const GENERAL: &str = "vector_general";
const REFILL: &str = "vector_refill";

/// What is said of an operation besides its cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Operation {
    /// What Ultrix took, in microseconds.
    ultrix_us: Option<f64>,
    /// What L3 took, scaled by the paper to its machine.
    l3_us: Option<f64>,
    /// The kernel's part: from the vector's first instruction to the application's.
    kernel_instructions: f64,
    kernel_cycles: f64,
}

/// A loop, and what the paper says of it.
struct Loop {
    table: u32,
    row: &'static str,
    what: &'static str,
    /// Exceptions of a turn; each is one way through the kernel, from `vector` to the label beside.
    ways: &'static [(&'static str, &'static str)],
    /// Microseconds of Aegis on each machine.
    aegis: [Paper; 3],
    /// And of Ultrix.
    ultrix: [Option<f64>; 3],
}

const fn us(each: [f64; 3]) -> [Paper; 3] {
    let [a, b, c] = each;
    [
        Paper::Microseconds(a),
        Paper::Microseconds(b),
        Paper::Microseconds(c),
    ]
}

const NONE: [Option<f64>; 3] = [None; 3];
/// L3's transfer, which the paper scales to the 5000/125 alone.
const L3: f64 = 9.3;

#[rustfmt::skip]
const ROWS: &[Loop] = &[
    Loop { table: 4, row: "procedure-call", what: "call of an empty procedure", ways: &[],
        aegis: us([0.56, 0.42, 0.28]), ultrix: [Some(0.57), Some(0.42), Some(0.28)] },
    Loop { table: 4, row: "syscall-no-stack", what: "`env_self`; Ultrix: `getpid`", ways: &[(GENERAL, "after_syscall_no_stack")],
        aegis: us([3.2, 2.9, 1.6]), ultrix: [Some(32.2), Some(33.7), Some(21.3)] },
    Loop { table: 4, row: "syscall-stack", what: "`ticks`", ways: &[(GENERAL, "after_syscall_stack")],
        aegis: us([4.7, 3.5, 2.3]), ultrix: [Some(32.2), Some(33.7), Some(21.3)] },
    Loop { table: 5, row: "exception-unalign", what: "load at an odd address", ways: &[(GENERAL, "handler_unalign")],
        aegis: us([2.8, 2.1, 1.5]), ultrix: NONE },
    Loop { table: 5, row: "exception-overflow", what: "`add` past 32 bits", ways: &[(GENERAL, "handler_overflow")],
        aegis: us([2.8, 2.1, 1.5]), ultrix: [Some(208.0), Some(151.0), Some(130.0)] },
    Loop { table: 5, row: "exception-coproc", what: "coprocessor 1, not usable", ways: &[(GENERAL, "handler_coproc")],
        aegis: us([2.8, 2.1, 1.5]), ultrix: NONE },
    Loop { table: 5, row: "exception-prot", what: "store to a page mapped to be read", ways: &[(GENERAL, "handler_prot")],
        aegis: us([3.0, 2.3, 1.5]), ultrix: [Some(238.0), Some(177.0), Some(154.0)] },
    Loop { table: 5, row: "stlb-hit", what: "load that misses the TLB, not the STLB", ways: &[(REFILL, "missed")],
        aegis: [Paper::Words("18 instructions, 1 to 2 µs"); 3], ultrix: NONE },
    Loop { table: 6, row: "pct-sync", what: "half a call and reply by Scall", ways: &[(GENERAL, "called"), (GENERAL, "replied")],
        aegis: us([2.9, 2.2, 1.4]), ultrix: NONE },
    Loop { table: 6, row: "pct-async", what: "half a call and reply by Acall", ways: &[(GENERAL, "lent"), (GENERAL, "returned")],
        aegis: us([2.9, 2.2, 1.4]), ultrix: NONE },
];

/// What a turn costs in steady state, and the kernel's part of it.
struct Turn {
    whole: Counts,
    kernel: [u64; 2],
}

/// Measures every loop on every machine: rows by loop, then by machine.
///
/// # Errors
///
/// When the program does not build, fails a check of its own, or does not settle.
pub(super) fn measure() -> Result<Vec<Row>> {
    let (built, own) = aegis::with_program(FOLDER, NAME)?;
    let mut rows = Vec::new();
    for (place, (board, costs)) in TABLE_1.into_iter().enumerate() {
        let mut lab = Lab::new(&built, own.symbols(), board, costs)?;
        for each in ROWS {
            let turn = lab
                .turn(each)
                .with_context(|| format!("row `{}` on the {}", each.row, costs.name))?;
            rows.push(each.row(&turn, place, costs));
        }
        lab.end()?;
    }
    // Stable: the machines of a row stay in their order.
    rows.sort_by_key(|row| ROWS.iter().position(|each| each.row == row.row));
    Ok(rows)
}

/// The rows for people to read.
pub(super) fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut table = 0;
    for row in rows {
        if row.table != table {
            table = row.table;
            let title = match table {
                4 => "Table 4: null procedure and system calls",
                5 => "Table 5: exceptions, through the application's handler and back",
                _ => "Table 6: protected control transfer, one way",
            };
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{title}, on the simulated machines\n\
                 {:<19} {:<12} {:>9} {:>9} {:>7} {:>6} {:>9} {:>7} {:>13}   {:<22} what",
                "",
                "",
                "Ultrix µs",
                "Aegis µs",
                "here µs",
                "ratio",
                "Aegis cyc",
                "cycles",
                "instructions",
                "kernel instr., cycles"
            );
        }
        let _ = writeln!(text, "{}", line(row));
    }
    text
}

fn line(row: &Row) -> String {
    let cell = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
    };
    let paper = row.paper_us();
    let cycles = paper.map(|us| us * 1000.0 / f64::from(row.machine.cycle_ns));
    let operation = row.operation;
    let kernel = match operation {
        Some(part) if part.kernel_instructions > 0.0 => {
            format!("{}, {}", part.kernel_instructions, part.kernel_cycles)
        }
        _ => "–".to_owned(),
    };
    let mut line = format!(
        "{:<19} {:<12} {:>9} {:>9} {:>7.2} {:>6} {:>9} {:>7} {:>13}   {kernel:<22} {}",
        row.row,
        row.machine.name,
        cell(operation.and_then(|operation| operation.ultrix_us), 2),
        cell(paper, 2),
        row.us(),
        cell(paper.map(|us| row.us() / us), 2),
        cell(cycles, 1),
        row.cycles,
        row.instructions,
        row.what
    );
    if let Paper::Words(words) = row.paper {
        line += &format!(" (paper: {words})");
    }
    if let Some(us) = operation.and_then(|operation| operation.l3_us) {
        line += &format!(" (L3: {us} µs)");
    }
    line
}

impl Operation {
    /// Adds what there is to a row for programs.
    pub(super) fn add_to(&self, row: &mut Value) {
        row["ultrix_us"] = self.ultrix_us.into();
        row["l3_us"] = self.l3_us.into();
        row["kernel_instructions"] = self.kernel_instructions.into();
        row["kernel_cycles"] = self.kernel_cycles.into();
    }
}

impl Loop {
    /// How many operations a turn has: a call and its reply are two.
    fn operations(&self) -> f64 {
        self.ways.len().max(1) as f64
    }

    /// The label of the loop: `turn_` or `end_` and its name.
    fn label(&self, which: &str) -> String {
        format!("{which}_{}", self.row.replace('-', "_"))
    }

    fn row(&self, turn: &Turn, place: usize, machine: &'static Costs) -> Row {
        let each = |total: u64| total as f64 / self.operations();
        let [instructions, cycles] = turn.kernel;
        Row {
            table: self.table,
            row: self.row,
            what: self.what,
            machine,
            paper: self.aegis[place],
            cycles: each(turn.whole.cycles),
            instructions: each(turn.whole.instructions),
            loads: each(turn.whole.loads),
            stores: each(turn.whole.stores),
            range: (turn.whole.cycles, turn.whole.cycles),
            code_bytes: None,
            operation: Some(Operation {
                ultrix_us: self.ultrix[place],
                l3_us: (self.table == 6 && machine.name == DEC5000_125.name).then_some(L3),
                kernel_instructions: each(instructions),
                kernel_cycles: each(cycles),
            }),
        }
    }
}

/// A machine on which the program runs.
struct Lab<'a> {
    machine: Machine,
    built: &'a Built,
    own: &'a Symbols,
    screen: Screen<'a>,
}

impl<'a> Lab<'a> {
    fn new(
        built: &'a Built,
        own: &'a Symbols,
        board: Board,
        costs: &'static Costs,
    ) -> Result<Lab<'a>> {
        Ok(Lab {
            machine: machine(built, board, costs, &[])?,
            built,
            own,
            screen: Screen::new(built.image.symbols(), true),
        })
    }

    /// Goes through a loop from its beginning to its end.
    fn turn(&mut self, each: &Loop) -> Result<Turn> {
        let (turn, end) = (
            self.address(&each.label("turn"))?,
            self.address(&each.label("end"))?,
        );
        let first = self.machine.meters().len();
        for (from, to) in each.ways {
            let (from, to) = (self.address(from)?, self.address(to)?);
            self.machine.add_meter(from, to);
        }
        self.run_to(turn)?;
        let found = self.settle(turn, each.ways.len() as u64, first)?;
        let turns = self.machine.core().register(Register::S1);
        let begun = self.machine.counts();
        self.run_to(end)?;
        let all = self.machine.counts() - begun;
        let mean = all.cycles as f64 / f64::from(turns);
        let steady = found.whole.cycles as f64;
        ensure!(
            (steady..steady * MOST_MEAN).contains(&mean),
            "{turns} turns of {steady} cycles in steady state took {mean} each"
        );
        Ok(found)
    }

    /// Goes on turn by turn until so many were the same. Those with other exceptions than their own, a clock
    /// tick or a miss of the code's own page, are none of them.
    fn settle(&mut self, turn: u32, exceptions: u64, first: usize) -> Result<Turn> {
        let (mut before, mut same) = (None, 0);
        for _ in 0..MOST_TURNS {
            let begun = self.machine.counts();
            self.run_to(turn)?;
            let whole = self.machine.counts() - begun;
            if whole.exceptions != exceptions {
                continue;
            }
            let ways = || self.machine.meters().iter().skip(first);
            let kernel = [
                ways().map(|way| way.last.instructions).sum(),
                ways().map(|way| way.last.cycles).sum(),
            ];
            let now = Some((whole, kernel));
            same = if now == before { same + 1 } else { 1 };
            before = now;
            if same == STEADY {
                ensure!(
                    whole.instruction_misses + whole.data_misses == 0,
                    "caches that stay cold, because two of its pages share lines: {whole}"
                );
                return Ok(Turn { whole, kernel });
            }
        }
        anyhow::bail!("{MOST_TURNS} turns, and no {STEADY} in a row cost the same: {before:?}");
    }

    /// Runs to the program's end, which must say that all its checks held.
    fn end(&mut self) -> Result<()> {
        end_well(&mut self.machine, LIMIT, &mut self.screen)
    }

    fn run_to(&mut self, address: u32) -> Result<()> {
        self.machine.set_breakpoint(address);
        let stop = finish(&mut self.machine, LIMIT, &mut self.screen);
        self.machine.clear_breakpoint(address);
        let arrived = stop == Stop::Breakpoint(address);
        ensure!(arrived, "{stop}\n{}", self.screen.text());
        Ok(())
    }

    fn address(&self, name: &str) -> Result<u32> {
        let found = self.own.address(name);
        let found = found.or_else(|| self.built.image.symbols().address(name));
        found.with_context(|| format!("there is no `{name}`"))
    }
}
