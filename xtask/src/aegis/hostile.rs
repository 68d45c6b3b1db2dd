//! `cargo xtask hostile`: programs that mean harm, on the kernel that looks itself over.
//!
//! The application `hostile` has the table of attacks and says of each how it ended; this boots it on a machine
//! with the kernel's feature `audit`, and fails on a line that is wrong, missing or unexpected. MAME is the
//! judge of protection. What GXemul lets through by a defect of its own it is not asked; the table of
//! that is here.

use super::boot::{On, execute};
use super::screen::Screen;
use super::{AUDIT, Built, INIT, PROGRAMS, build_with_features, program};
use crate::setup::{self, GXEMUL, MAME};
use crate::shell::{in_ci, stage};
use anyhow::{Context as _, Result, bail, ensure};
use std::time::Instant;

const NAME: &str = "hostile";
/// Attacks, at least.
const LEAST: usize = 60;
/// Seconds of the emulated machine, at most.
const SECONDS: u64 = 300;
/// The same of GXemul, whose clock is another.
const GXEMUL_SECONDS: u64 = 100;
/// The key of capabilities: a run is the same each time.
const KEY: &str = "key=0123456789abcdeffedcba9876543210";

/// What GXemul is not asked, and the defect that lets it through.
const LET_THROUGH: &[(&str, &str)] = &[
    ("mfc0-status", MOVES),
    ("mfc0-epc", MOVES),
    ("mtc0-status", MOVES),
    ("mtc0-cause", MOVES),
    ("mtc0-epc", MOVES),
    ("mtc0-entryhi", MOVES),
    ("mtc0-entrylo", MOVES),
    ("mtc0-index", MOVES),
    ("mtc0-context", MOVES),
    ("cfc0", MOVES),
    ("ctc0", STOPS),
    ("bc0f", STOPS),
    ("cop0-nothing", STOPS),
    ("lwc2", STOPS),
    ("cop3", STOPS),
    ("lwc3", STOPS),
    ("swc2", STOPS),
    ("swc3", STOPS),
    ("overflow-addi", "ADDI never overflows"),
    (
        "jump-odd",
        "a jump to an odd address goes to the word that it is in",
    ),
    (
        "partial-word-of-kernel",
        "SWL to the kernel's memory is called a miss",
    ),
    ("handler-faults-at-once", LATE),
    ("handlers-fault-in-each-other", LATE),
    ("slice-end-calls-for-ever", LATE),
    ("requests-without-end", LATE),
];
/// What GXemul itself says on the console begins so.
const NOTE: &str = "[ WARNING";
const MOVES: &str = "user mode may move to and from coprocessor 0";
const LATE: &str =
    "an interrupt waits for the end of a chunk of instructions, never in user mode here";
const STOPS: &str = "the emulator stops at an instruction that it does not know";

/// Runs what the words of the command name.
///
/// # Errors
///
/// When something is wrong, or cannot be built or run.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let mut on = On::Simulator { kn01: false };
    let mut names = Vec::new();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "--on" => {
                on = match words.next() {
                    Some("sim") => On::Simulator { kn01: false },
                    Some("mame") => On::Mame,
                    Some("gxemul") => On::Gxemul,
                    other => bail!("--on of {other:?}; there are sim, mame and gxemul"),
                }
            }
            name => names.push(name),
        }
    }
    attack(&build()?, on, &names)
}

/// Every attack on every machine that is there.
///
/// # Errors
///
/// When something is wrong; in CI, when an emulator is missing.
pub(crate) fn everywhere() -> Result<()> {
    let built = build()?;
    for kn01 in [false, true] {
        attack(&built, On::Simulator { kn01 }, &[])?;
    }
    for (on, need) in [(On::Mame, &MAME), (On::Gxemul, &GXEMUL)] {
        if in_ci() || setup::present(&[need]) {
            stage(&format!("{on:?}"), || attack(&built, on, &[]))?;
        } else {
            eprintln!("hostile: SKIPPED {on:?}: it is not installed");
        }
    }
    Ok(())
}

fn build() -> Result<Built> {
    let modules = [
        program(PROGRAMS, INIT, true)?,
        program(PROGRAMS, NAME, false)?,
    ];
    build_with_features(NAME, &modules, AUDIT)
}

fn attack(built: &Built, on: On, names: &[&str]) -> Result<()> {
    let mut arguments = vec![KEY.to_owned(), NAME.to_owned()];
    if !names.is_empty() {
        arguments.push(format!("only={}", names.join(",")));
    }
    if on == On::Gxemul {
        arguments.insert(0, "forgetful".to_owned());
        if !LET_THROUGH.is_empty() {
            let skipped: Vec<&str> = LET_THROUGH.iter().map(|(name, _)| *name).collect();
            arguments.push(format!("skip={}", skipped.join(",")));
        }
    }
    let mut screen = Screen::new(built.image.symbols(), false);
    let start = Instant::now();
    let seconds = if on == On::Gxemul {
        GXEMUL_SECONDS
    } else {
        SECONDS
    };
    let status = execute(built, on, seconds, &arguments, &mut screen);
    let seconds = start.elapsed().as_secs_f64();
    let text = screen.text().lines();
    let own = text.filter(|line| on != On::Gxemul || !line.starts_with(NOTE));
    let read = read(&own.map(|line| format!("{line}\n")).collect::<String>());
    let judged = match (read, status) {
        (Ok(count), Ok(0)) => Ok(count),
        (Ok(_), Ok(status)) => bail!("{on:?}: status {status}\n{}", screen.text()),
        (Err(error), _) => Err(error),
        (Ok(_), Err(error)) => Err(error),
    };
    let count = judged.with_context(|| format!("{on:?}:\n{}", screen.text()))?;
    if names.is_empty() {
        ensure!(
            count >= LEAST,
            "{on:?}: {count} attacks, at least {LEAST} must be"
        );
    }
    for (name, defect) in LET_THROUGH.iter().filter(|_| on == On::Gxemul) {
        eprintln!("hostile: {on:?}: not asked {name}: {defect}");
    }
    eprintln!("hostile: {on:?}: {count} attacks were withstood, in {seconds:.1} s");
    Ok(())
}

/// How many attacks went as they must, if all did and nothing else was said.
fn read(text: &str) -> Result<usize> {
    let mut lines = text.lines();
    let first = lines.next().context("nothing was printed")?;
    let asked: usize = first
        .strip_prefix("hostile: ")
        .and_then(|rest| rest.split_once(" of "))
        .and_then(|(asked, _)| asked.parse().ok())
        .with_context(|| format!("`{first}` is not how it begins"))?;
    let mut last = 0;
    for count in 0..asked {
        let line = lines
            .next()
            .with_context(|| format!("{count} of {asked} attacks were carried out"))?;
        let number: Option<usize> = line
            .strip_prefix("hostile: ")
            .and_then(|rest| rest.strip_suffix(" ticks"))
            .and_then(|rest| rest.split_once(": ok, "))
            .and_then(|(rest, _)| rest.split_once(' '))
            .and_then(|(number, _)| number.parse().ok());
        match number {
            Some(number) if number > last => last = number,
            _ => bail!("`{line}` is wrong"),
        }
    }
    let end: Vec<&str> = lines.collect();
    ensure!(
        end == ["hostile: 0 went wrong", "init: hostile ended with 0"],
        "it ended with {end:?}"
    );
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: &str = "hostile: 0 went wrong\ninit: hostile ended with 0\n";

    #[test]
    fn lines_are_read_strictly() {
        let good = format!(
            "hostile: 2 of 9 attacks\nhostile: 3 a: ok, 7 ticks\nhostile: 5 b: ok, 8 ticks\n{END}"
        );
        assert_eq!(read(&good).unwrap(), 2);
        for (from, to) in [
            ("2 of", "3 of"),
            ("3 a: ok, 7 ticks", "3 a: WRONG"),
            ("hostile: 5 b: ok, 8 ticks\n", ""),
            ("hostile: 5 b", "hostile: 3 b"),
            ("hostile: 5 b", "exos: overflow\nhostile: 5 b"),
            ("ended with 0", "ended with 1"),
        ] {
            assert!(read(&good.replace(from, to)).is_err(), "{to}");
        }
        assert!(read("").is_err());
    }
}
