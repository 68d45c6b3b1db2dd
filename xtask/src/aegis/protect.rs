//! What it takes an application to protect 100 pages and to lift that again: table 10 of the paper.
//!
//! The program `protect` does it some times with `exos`, page table and all; meters count from its functions'
//! first instructions to where they are done. The paper's times are beside them; what Ultrix took for
//! protecting is the most that it may cost.

use super::screen::Screen;
use super::simulator::{TABLE_1, end_well, machine};
use super::{INIT, PROGRAMS, build, program};
use anyhow::{Context as _, Result, ensure};
use decstation::elf::Image;

const NAME: &str = "protect";
const LIMIT: u64 = 50_000_000;

/// A row: the program's function, and microseconds of Ultrix and of the paper's ExOS on each machine.
struct Row {
    name: &'static str,
    function: &'static str,
    paper: Option<([f64; 3], [f64; 3])>,
    /// Whether it must be faster than Ultrix was.
    bound: bool,
}

const ROWS: [Row; 3] = [
    Row {
        name: "prot100",
        function: "7prot100",
        paper: Some(([175.0, 133.0, 102.0], [213.0, 156.0, 109.0])),
        bound: true,
    },
    Row {
        name: "unprot100",
        function: "9unprot100",
        paper: Some(([175.0, 133.0, 102.0], [275.0, 206.0, 143.0])),
        bound: false,
    },
    Row {
        name: "prot100, reading too",
        function: "11prot100_all",
        paper: None,
        bound: false,
    },
];

/// Counts each row on each machine of the paper's.
///
/// # Errors
///
/// When it does not build or does not end well, or protecting costs more than Ultrix took.
pub(super) fn run() -> Result<()> {
    let modules = [
        program(PROGRAMS, INIT, true)?,
        program(PROGRAMS, NAME, false)?,
    ];
    let own = Image::parse(&modules[1].bytes)?;
    let address = |part: &str| {
        let found = own.symbols().containing(part);
        found.with_context(|| format!("the program has no `{part}`"))
    };
    let built = build(NAME, &modules)?;
    for (place, (board, costs)) in TABLE_1.into_iter().enumerate() {
        let mut machine = machine(&built, board, costs, &[NAME.to_owned()])?;
        for row in &ROWS {
            machine.add_meter(address(row.function)?, address("8measured")?);
        }
        let mut screen = Screen::new(built.image.symbols(), true);
        end_well(&mut machine, LIMIT, &mut screen).context(costs.name)?;
        for (row, meter) in ROWS.iter().zip(machine.meters()) {
            let least = meter
                .least
                .with_context(|| format!("`{}` was never passed", row.name))?;
            let us = costs.microseconds(least.cycles);
            let paper = row.paper.map(|(ultrix, exos)| (ultrix[place], exos[place]));
            let beside = paper.map_or(String::new(), |(ultrix, exos)| {
                format!("; the paper: Ultrix {ultrix} us, ExOS {exos} us")
            });
            eprintln!(
                "probe: {:<12} {:<21} {:>4} instructions, {:>4} cycles, {us:.1} us{beside}",
                costs.name, row.name, least.instructions, least.cycles
            );
            if let Some((ultrix, _)) = paper.filter(|_| row.bound) {
                ensure!(us < ultrix, "{} is slower than Ultrix was", row.name);
            }
        }
    }
    Ok(())
}
