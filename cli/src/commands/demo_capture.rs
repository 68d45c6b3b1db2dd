//! `dpf demo-capture`: made-up traffic for `cargo xtask demo` and for trying filters out.

use std::{
    fs,
    io::{BufWriter, stdout},
    path::Path,
};

use anyhow::{Context, Result};

use crate::{args::DemoCapture, demo, exit::Exit, outputs::create_file};

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
        if let Some(folder) = args.file.parent() {
            fs::create_dir_all(folder).with_context(context)?;
        }
        let file = create_file(&args.file, args.force)?;
        demo::write(BufWriter::new(file), args.packets).with_context(context)?;
    }
    Ok(Exit::Done)
}
