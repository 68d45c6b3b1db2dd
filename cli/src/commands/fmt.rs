//! `dpf fmt`: filter files in the usual form, their comments kept.

use std::{
    fs,
    io::{IsTerminal, stderr},
    path::Path,
};

use anyhow::{Context, Result};
use dpf::syntax;

use super::print_results;
use crate::{
    args::Fmt,
    exit::Exit,
    filters::{Refused, read_text},
};

/// Runs the command.
///
/// # Errors
///
/// When a file cannot be read or written, or does not follow the grammar.
pub(super) fn run(args: &Fmt) -> Result<Exit> {
    let mut exit = Exit::Done;
    for path in &args.files {
        let text = read_text(path)?;
        let name = path.display().to_string();
        let formatted = match syntax::format(&text, &name) {
            Ok(formatted) => formatted,
            Err(errors) => return Err(Refused(errors.render(stderr().is_terminal())).into()),
        };
        if args.check {
            if formatted != text {
                exit = Exit::Found;
                print_results(|out| writeln!(out, "{name}"))?;
            }
        } else if args.write && path != Path::new("-") {
            if formatted != text {
                fs::write(path, formatted).with_context(|| format!("cannot write {name}"))?;
            }
        } else {
            print_results(|out| out.write_all(formatted.as_bytes()))?;
        }
    }
    Ok(exit)
}
