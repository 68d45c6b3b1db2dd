//! `dpf demo-capture`: made-up traffic for `cargo xtask demo` and for trying filters out.

use std::{
    fs::File,
    io::{BufWriter, stdout},
    path::Path,
};

use anyhow::{Context, Result};

use crate::{args::DemoCapture, demo, exit::Exit};

/// Runs the command.
///
/// # Errors
///
/// When the file cannot be written.
pub(super) fn run(args: &DemoCapture) -> Result<Exit> {
    if args.file == Path::new("-") {
        demo::write(BufWriter::new(stdout().lock()), args.packets)?;
    } else {
        let context = || format!("cannot write {}", args.file.display());
        let file = File::create(&args.file).with_context(context)?;
        demo::write(BufWriter::new(file), args.packets).with_context(context)?;
    }
    Ok(Exit::Done)
}
