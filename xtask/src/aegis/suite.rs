//! The applications that check the kernel and the library from within, on every machine.
//!
//! Each of `exos/apps` but `init` prints a line for each of its checks and ends with the number of those
//! that failed. They run one behind another and then at once, which must make no difference.

use super::boot::{On, execute};
use super::screen::Screen;
use super::{Built, with_applications};
use crate::shell::stage;
use anyhow::{Result, ensure};

/// The programs of the suite.
pub(super) const PROGRAMS: [&str; 6] = ["hello", "faults", "pages", "transfer", "slices", "revoke"];
/// Seconds of the emulated machine, at most.
const SECONDS: u64 = 60;

/// Runs the suite on both boards of the simulator.
///
/// # Errors
///
/// When it cannot be built, or a check fails.
pub(crate) fn on_simulator() -> Result<()> {
    let built = with_applications()?;
    for kn01 in [true, false] {
        run(&built, On::Simulator { kn01 }, &[])?;
    }
    Ok(())
}

/// Runs the suite on MAME and on GXemul.
///
/// # Errors
///
/// When it cannot be built, or a check fails.
pub(crate) fn on_emulators() -> Result<()> {
    let built = with_applications()?;
    stage("the suite on MAME ds3100", || run(&built, On::Mame, &[]))?;
    // Without this GXemul lets programs read what the kernel has just touched.
    stage("the suite on GXemul 3max", || {
        run(&built, On::Gxemul, &["forgetful"])
    })
}

fn run(built: &Built, on: On, options: &[&str]) -> Result<()> {
    let together = PROGRAMS.join("+");
    for programs in [&PROGRAMS[..], &[together.as_str()]] {
        let words: Vec<String> = options
            .iter()
            .chain(programs)
            .map(|word| (*word).to_owned())
            .collect();
        let mut screen = Screen::new(built.image.symbols(), true);
        let status = execute(built, on, SECONDS, &words, &mut screen)?;
        let text = screen.text();
        ensure!(status == 0, "{words:?} on {on:?}: status {status}\n{text}");
        let lines = text.lines().count();
        eprintln!(
            "suite: {on:?}: {}: {lines} lines, status 0",
            words.join(" ")
        );
    }
    Ok(())
}
