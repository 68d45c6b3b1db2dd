//! The `dpf` command: see `dpf --help`.

use std::{io, process::ExitCode};

use clap::{Parser, error::ErrorKind};
use dpf_cli::{args::Cli, commands, exit::FAILED, filters::Refused};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain_usage(&error),
    };
    match commands::run(&cli) {
        Ok(exit) => exit.into(),
        // Who closes a pipe has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            match error.downcast_ref::<Refused>() {
                Some(refused) => eprintln!("{refused}"),
                None => eprintln!("dpf: {error:#}"),
            }
            ExitCode::from(FAILED)
        }
    }
}

/// clap's own exit code for a wrong command line is 2, which here means a damaged capture.
fn explain_usage(error: &clap::Error) -> ExitCode {
    // Nothing is left to say if even this cannot be printed.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(FAILED),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| match cause.downcast_ref::<io::Error>() {
            Some(error) => error.kind() == io::ErrorKind::BrokenPipe,
            None => cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind() == Some(io::ErrorKind::BrokenPipe)),
        })
}
