//! `dpf manual`: the man pages and the shells' completions, made from the same declarations that
//! the command line is parsed by.

use std::fs;

use anyhow::{Context, Result};
use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;

use crate::{
    args::{Cli, Manual},
    exit::Exit,
};

/// Runs the command.
///
/// # Errors
///
/// When the folder cannot be written.
pub(super) fn run(args: &Manual) -> Result<Exit> {
    let folder = &args.output;
    let context = || format!("cannot write to {}", folder.display());
    fs::create_dir_all(folder).with_context(context)?;
    clap_mangen::generate_to(Cli::command(), folder).with_context(context)?;
    for &shell in Shell::value_variants() {
        clap_complete::generate_to(shell, &mut Cli::command(), "dpf", folder)
            .with_context(context)?;
    }
    Ok(Exit::Done)
}
