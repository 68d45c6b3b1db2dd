//! `dpf bench`: the measurements of the crate `dpf-benches`, where it was built in.

use std::path::Path;

use anyhow::Result;

use crate::{
    args::{Bench, Measurement},
    exit::Exit,
};

/// Runs the command.
///
/// # Errors
///
/// When it was not built in, a peer gives a wrong answer, or the plot cannot be written.
pub(super) fn run(args: &Bench) -> Result<Exit> {
    let Measurement::Table7 { json, plot } = &args.what;
    table7(*json, plot.as_deref())?;
    Ok(Exit::Done)
}

#[cfg(feature = "bench")]
fn table7(json: bool, plot: Option<&Path>) -> Result<()> {
    use anyhow::Error;
    use dpf_benches::table7::{Options, measure};

    use crate::progress::spinner;

    let progress = spinner();
    let report = measure(&Options::default(), |stage| {
        progress.set_message(stage.to_owned())
    });
    progress.finish_and_clear();
    let report = report.map_err(Error::msg)?;
    if let Some(path) = plot {
        dpf_benches::plot::write(&report, path).map_err(Error::msg)?;
    }
    super::print_results(|out| {
        if json {
            writeln!(out, "{}", report.json())
        } else {
            write!(out, "{report}")
        }
    })
}

#[cfg(not(feature = "bench"))]
fn table7(_: bool, _: Option<&Path>) -> Result<()> {
    anyhow::bail!("this dpf was built without the feature `bench`")
}
