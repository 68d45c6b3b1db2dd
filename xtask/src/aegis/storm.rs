//! `cargo xtask storm`: a million system calls of any kind on the simulated machine, or as many as asked for.
//!
//! The kernel that looks itself over is built with `kernel/puppet` as its only module; `aegis_storm` makes bytes
//! into calls and judges what comes back. Here the bytes are random, from fixed seeds, and two machines run
//! side by side; the fuzz target of the name is given the same images. A call that is never complied with, or
//! never refused, fails: what is never reached is not tested.

use super::{AUDIT, build_with_features, program};
use crate::shell::root;
use aegis_abi::Syscall;
use aegis_storm::{Report, Storm};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The fuzz target of the same body.
pub(crate) const TARGET: &str = "storm";
/// Calls of a run that is not told otherwise.
pub(crate) const DEFAULT_CALLS: u64 = 1_000_000;
/// Machines side by side.
const MACHINES: u32 = 2;
/// Bytes of an input.
const INPUT_BYTES: usize = 4096;
/// Calls that cannot be refused.
const NEVER_REFUSED: [Syscall; 2] = [Syscall::env_self, Syscall::ticks];

/// Builds the images; the folder that they are in.
///
/// # Errors
///
/// When they cannot be built.
pub(crate) fn images() -> Result<PathBuf> {
    let module = program("kernel/puppet", "puppet", true)?;
    build_with_features("storm", &[module], AUDIT)?;
    let folder = root().join("target/aegis");
    let puppet = crate::image::build("kernel/puppet", "puppet")?;
    std::fs::copy(&puppet, folder.join("puppet.elf"))?;
    Ok(folder)
}

/// Makes at least so many calls.
///
/// # Errors
///
/// When the kernel does what it must not, or a call is not tried both ways.
pub(crate) fn run(calls: u64) -> Result<()> {
    let folder = images()?;
    let start = Instant::now();
    let each = calls.div_ceil(u64::from(MACHINES));
    let reports: Vec<Result<Report>> = std::thread::scope(|scope| {
        let folder = &folder;
        let machines: Vec<_> = (0..MACHINES)
            .map(|number| scope.spawn(move || on_one(folder, number, each)))
            .collect();
        machines
            .into_iter()
            .map(|machine| machine.join().map_err(|_| anyhow!("a machine was lost"))?)
            .collect()
    });
    let mut total = Report::NOTHING;
    for report in reports {
        total.add(&report?);
    }
    print(&total, start.elapsed().as_secs_f64());
    if calls >= DEFAULT_CALLS {
        both_ways(&total)?;
    }
    Ok(())
}

fn on_one(folder: &Path, number: u32, calls: u64) -> Result<Report> {
    let mut storm = Storm::boot(folder).map_err(|error| anyhow!(error))?;
    for path in kept()? {
        let done = storm.input(&std::fs::read(&path)?);
        done.map_err(|broken| anyhow!(broken))
            .with_context(|| format!("{}", path.display()))?;
    }
    let mut seed = number;
    while storm.report().calls < calls {
        seed += MACHINES;
        let done = storm.input(&bytes(seed));
        done.map_err(|broken| anyhow!(broken))
            .with_context(|| format!("input of seed {seed}"))?;
    }
    Ok(storm.report().clone())
}

/// What is kept for the fuzz target: what it begins with, and what once failed.
fn kept() -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for kind in ["seeds", "regressions"] {
        let folder = root().join("fuzz").join(kind).join(TARGET);
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            paths.push(entry?.path());
        }
    }
    paths.sort();
    ensure!(!paths.is_empty(), "there are no seeds of `{TARGET}`");
    Ok(paths)
}

/// Bytes from a seed, by xorshift.
fn bytes(seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8
    };
    core::iter::repeat_with(next).take(INPUT_BYTES).collect()
}

fn print(report: &Report, seconds: f64) {
    for &call in Syscall::ALL {
        let [complied, refused] = report.answers[call as usize];
        eprintln!(
            "storm: {:20} {complied:>7} complied with, {refused:>7} refused",
            call.name()
        );
    }
    let [began, ended, asked] = report.slices;
    let [inputs, halted, astray] = report.inputs;
    eprintln!(
        "storm: {} transfers, {} in delay slots, {} exceptions; {began} slices began, {ended} ended, {asked} requests",
        report.transfers, report.in_slots, report.faults
    );
    let deaths = report.deaths.iter().enumerate();
    let deaths: Vec<String> = deaths
        .filter(|(_, count)| **count > 0)
        .map(|(cause, count)| format!("{count} of cause {cause}"))
        .collect();
    eprintln!("storm: environments ended: {}", deaths.join(", "));
    eprintln!(
        "storm: {inputs} inputs, {halted} to the machine's end, {astray} to a program's that ran no code"
    );
    eprintln!(
        "storm: {} calls, {} million instructions, {seconds:.1} s: no violation",
        report.calls,
        report.instructions / 1_000_000
    );
}

fn both_ways(report: &Report) -> Result<()> {
    for &call in Syscall::ALL {
        let [complied, refused] = report.answers[call as usize];
        ensure!(complied > 0, "{call:?} was never complied with");
        if NEVER_REFUSED.contains(&call) {
            ensure!(refused == 0, "{call:?} was refused");
        } else if refused == 0 {
            bail!("{call:?} was never refused");
        }
    }
    Ok(())
}
