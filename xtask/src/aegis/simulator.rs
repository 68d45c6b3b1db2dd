//! The image on the simulator: every strict check but that of HI and LO, which rustc's code breaks.

use super::Built;
use super::screen::Screen;
use anyhow::{Result, bail, ensure};
use decstation::board;
use decstation::board::Config as Board;
use decstation::cycles::{Costs, DEC2100, DEC3100, DEC5000_125, DEC5000_200};
use decstation::machine::{Config, Machine, Stop};

/// Instructions between two looks at the console.
const CHUNK: u64 = 200_000;

/// The machines of the paper's Table 1.
pub(crate) const TABLE_1: [(Board, &Costs); 3] = [
    (Board::DEC2100, &DEC2100),
    (Board::DEC3100, &DEC3100),
    (Board::DEC5000_125, &DEC5000_125),
];
/// And that of its Table 7.
pub(crate) const TABLE_7: (Board, &Costs) = (Board::DEC5000_200, &DEC5000_200);

/// Every machine.
pub(crate) fn machines() -> impl Iterator<Item = (Board, &'static Costs)> {
    TABLE_1.into_iter().chain([TABLE_7])
}

/// A machine with the image in it, started.
///
/// # Errors
///
/// When the image does not fit.
pub(crate) fn machine(
    built: &Built,
    board: Board,
    costs: &'static Costs,
    arguments: &[String],
) -> Result<Machine> {
    let mut config = Config::new(board, costs);
    // LLVM writes HI and LO right after reading them; interrupts never come in the kernel.
    config.strict.hilo = false;
    let mut machine = Machine::new(&config)?;
    let words = ["boot", "aegis"].into_iter();
    let arguments: Vec<&str> = words.chain(arguments.iter().map(String::as_str)).collect();
    machine.boot(&built.image, &arguments)?;
    Ok(machine)
}

/// Runs the image to its end; its status.
///
/// # Errors
///
/// When it does not end by itself within `limit` instructions.
pub(super) fn run(
    built: &Built,
    kn01: bool,
    arguments: &[String],
    limit: u64,
    screen: &mut Screen<'_>,
) -> Result<u32> {
    let (board, costs) = if kn01 {
        (Board::DEC3100, &DEC3100)
    } else {
        (Board::DEC5000_200, &DEC5000_200)
    };
    let mut machine = machine(built, board, costs, arguments)?;
    let stop = finish(&mut machine, limit, screen);
    let counts = machine.counts();
    eprintln!("boot: {}: {counts}", costs.name);
    match stop {
        Stop::Board(board::Stop::Halt(status)) => Ok(status),
        Stop::Limit => bail!("not done after {limit} instructions"),
        other => bail!("{other}"),
    }
}

/// Runs to a halt with status 0.
///
/// # Errors
///
/// When anything else stops the machine, or nothing does within so many instructions.
pub(crate) fn end_well(machine: &mut Machine, limit: u64, screen: &mut Screen<'_>) -> Result<()> {
    let stop = finish(machine, limit, screen);
    let halted = stop == Stop::Board(board::Stop::Halt(0));
    ensure!(halted, "{stop}\n{}", screen.text());
    Ok(())
}

/// Runs until something stops the machine, or so many instructions.
pub(crate) fn finish(machine: &mut Machine, limit: u64, screen: &mut Screen<'_>) -> Stop {
    let end = machine.counts().instructions.saturating_add(limit);
    loop {
        let left = end.saturating_sub(machine.counts().instructions);
        let stop = machine.run(left.min(CHUNK));
        screen.take(&machine.board_mut().take_console());
        if stop != Stop::Limit || left <= CHUNK {
            screen.finish();
            return stop;
        }
    }
}
