//! The commands, one file each.

mod bench;
#[cfg(target_os = "linux")]
mod capture;
mod check;
mod classify;
mod demo_capture;
mod explain;
mod fmt;
mod manual;
mod split;

use std::io::{self, BufWriter, Write, stdout};

use anyhow::Result;

use crate::{
    args::{Cli, Command},
    exit::Exit,
};

/// Does what the user said.
///
/// # Errors
///
/// When something that the user named cannot be used.
pub fn run(cli: &Cli) -> Result<Exit> {
    match &cli.command {
        Command::Classify(args) => classify::run(args),
        Command::Split(args) => split::run(args),
        #[cfg(target_os = "linux")]
        Command::Capture(args) => capture::run(args),
        #[cfg(not(target_os = "linux"))]
        Command::Capture(_) => anyhow::bail!("live capture needs Linux"),
        Command::Bench(args) => bench::run(args),
        Command::Check(args) => check::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Fmt(args) => fmt::run(args),
        Command::DemoCapture(args) => demo_capture::run(args),
        Command::Manual(args) => manual::run(args),
    }
}

/// Prints to the standard output, all at once.
fn print_results(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    print(&mut out)?;
    out.flush()?;
    Ok(())
}
