//! `cargo xtask judges`: the simulator against two emulators of the same machines.
//!
//! The monitor image and a list of cases (`decstation::judge`) run on the simulator as KN01 and as
//! KN02, on MAME's ds3100 and on GXemul's 3max. Every record must agree, and the instructions of
//! every case must be as many as GXemul counts. Then the kernel goes through its hot paths there. The emulators are Debian packages, run without a
//! display, and installed where they are missing.

mod gxemul;
pub(crate) mod mame;

use crate::aegis::{probe, suite};
use crate::image;
use crate::setup::{self, GXEMUL, MAME};
use crate::shell::{root, stage};
use anyhow::{Context as _, Result, bail};
use core::time::Duration;
use decstation::board::Config as Board;
use decstation::cycles::{Costs, DEC3100, DEC5000_200};
use decstation::elf::Image;
use decstation::judge::compare::{counted, differences};
use decstation::judge::{Case, Judge, MOST_CASES, Record, Run, devices, program, simulate, table};
use decstation::machine::{Config, Machine};
use std::path::PathBuf;
use std::process::Child;
use std::time::Instant;

/// Random programs, and the seed they are drawn from.
const PROGRAMS: u32 = 400;
const SEED: u64 = 1995;
/// Instructions that the simulator may take for all cases.
const LIMIT: u64 = 200_000_000;
/// Differences that are printed of one comparison.
const MOST_LINES: usize = 40;

/// The monitor and the labels that its cases are counted between.
pub(crate) struct Monitor {
    path: PathBuf,
    image: Image,
    leave: u32,
    trap: u32,
}

/// Runs every case on every machine.
///
/// # Errors
///
/// When an emulator is missing under `CI=true`, does not run to the end, or disagrees.
pub(crate) fn run() -> Result<()> {
    let mut ready = false;
    stage("setup", || {
        ready = setup::ensure(&[&GXEMUL, &MAME])?;
        Ok(())
    })?;
    if !ready {
        eprintln!("judges: SKIPPED: the emulators are not installed");
        return Ok(());
    }
    let mut cases = table::cases();
    cases.extend(devices::cases());
    cases.extend(program::programs(SEED, PROGRAMS));
    if cases.len() > MOST_CASES {
        bail!("{} cases; at most {MOST_CASES} fit", cases.len());
    }
    let mut monitor = None;
    stage("monitor", || {
        monitor = Some(build()?);
        Ok(())
    })?;
    let monitor = monitor.context("there is no monitor")?;
    let of = |judge| -> Vec<&Case> { cases.iter().filter(|case| case.suits(judge)).collect() };
    let mut wrong = 0;
    stage("MAME ds3100", || {
        let cases = of(Judge::Mame);
        let own = on_simulator(&monitor, &cases, Board::DEC3100, &DEC3100)?;
        let its = mame::run(&monitor, &cases)?;
        wrong += disagreements(&cases, &own.records, Judge::Mame, &its)?;
        Ok(())
    })?;
    stage("GXemul 3max", || {
        let cases = of(Judge::Gxemul);
        let own = on_simulator(&monitor, &cases, Board::DEC5000_200, &DEC5000_200)?;
        let its = gxemul::run(&monitor, &cases)?;
        wrong += disagreements(&cases, &own.records, Judge::Gxemul, &its.records)?;
        let printed = gxemul::records(&own.console, cases.len())?;
        if printed != own.records {
            bail!("the simulated ROM printed other records than memory holds");
        }
        let counts = gxemul::count(&monitor, &cases)?;
        wrong += miscounts(&cases, &own, &its.records, &counts)?;
        Ok(())
    })?;
    if wrong > 0 {
        bail!("{wrong} cases disagree");
    }
    stage("the kernel on MAME and GXemul", probe::on_emulators)?;
    suite::on_emulators()
}

fn build() -> Result<Monitor> {
    let path = image::build("decstation/judge", "judge")?;
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let image = Image::parse(&bytes)?;
    let label = |name: &str| {
        let address = image.symbols().address(name);
        address.with_context(|| format!("the monitor has no `{name}`"))
    };
    let (leave, trap) = (label("leave")?, label("trap")?);
    Ok(Monitor {
        path,
        leave,
        trap,
        image,
    })
}

fn on_simulator(
    monitor: &Monitor,
    cases: &[&Case],
    board: Board,
    costs: &'static Costs,
) -> Result<Run> {
    let mut config = Config::new(board, costs);
    config.caches = true;
    // The cases execute what is no instruction, to see what comes of it.
    config.strict.reserved_in_kernel = false;
    let mut machine = Machine::new(&config)?;
    machine.boot(&monitor.image, &["boot", "judge"])?;
    let run = simulate(&mut machine, cases, monitor.leave, monitor.trap, LIMIT);
    let run = run.map_err(|stop| anyhow::anyhow!("the simulator: {stop}"))?;
    if run.instructions.len() != cases.len() {
        bail!(
            "the simulator ran {} of {} cases",
            run.instructions.len(),
            cases.len()
        );
    }
    Ok(run)
}

/// Prints where the records differ; how many cases do.
fn disagreements(cases: &[&Case], own: &[Record], judge: Judge, its: &[Record]) -> Result<usize> {
    if own.len() != cases.len() || its.len() != cases.len() {
        bail!(
            "{} cases, {} and {} records",
            cases.len(),
            own.len(),
            its.len()
        );
    }
    let (mut wrong, mut excused, mut printed) = (0, 0, 0);
    for ((case, own), its) in cases.iter().zip(own).zip(its) {
        let Some(lines) = differences(case, own, judge, its) else {
            excused += 1;
            continue;
        };
        wrong += usize::from(!lines.is_empty());
        for line in lines {
            if printed < MOST_LINES {
                eprintln!("judges: {}: {line}", case.name);
            }
            printed += 1;
        }
    }
    eprintln!(
        "judges: {judge:?}: {} cases, {wrong} disagree, {excused} where it is known to be wrong",
        cases.len()
    );
    Ok(wrong)
}

/// Prints where the counts differ; how many cases do. A case that GXemul gets wrong is not asked.
fn miscounts(cases: &[&Case], own: &Run, its: &[Record], counts: &[u64]) -> Result<usize> {
    if counts.len() != cases.len() {
        bail!("GXemul counted {} of {} cases", counts.len(), cases.len());
    }
    let (mut wrong, mut asked) = (0, 0);
    let all = cases
        .iter()
        .zip(&own.records)
        .zip(its)
        .zip(&own.instructions)
        .zip(counts);
    for ((((case, record), its), own), count) in all {
        if case.loose || differences(case, record, Judge::Gxemul, its).is_none() {
            continue;
        }
        asked += 1;
        let own = counted(record, *own);
        if own != *count {
            wrong += 1;
            eprintln!(
                "judges: {}: {own} instructions, GXemul counts {count}",
                case.name
            );
        }
    }
    eprintln!("judges: GXemul: {asked} counts of instructions, {wrong} disagree");
    Ok(wrong)
}

/// A folder for what a judge needs, empty.
fn folder(name: &str) -> Result<PathBuf> {
    let folder = root().join("target/judges").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {name}"))?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {name}"))?;
    Ok(folder)
}

/// Waits for an emulator, and ends it when it takes too long.
fn wait(child: &mut Child, most: Duration) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < most {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    bail!("not done after {} s", most.as_secs())
}
