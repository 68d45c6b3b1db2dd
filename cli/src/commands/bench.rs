//! `dpf bench`: the measurements of the crate `dpf-benches`, where it was built in.

use anyhow::Result;

use crate::{
    args::{Bench, Measurement},
    exit::Exit,
};

/// Runs the command.
///
/// # Errors
///
/// When it was not built in, or a peer gives a wrong answer.
pub(super) fn run(args: &Bench) -> Result<Exit> {
    let Measurement::Table7 { json, plot } = &args.what;
    table7(*json, plot.as_deref())
}

#[cfg(not(feature = "bench"))]
fn table7(_: bool, _: Option<&std::path::Path>) -> Result<Exit> {
    anyhow::bail!(
        "this dpf was built without the feature `bench`: cargo install --path cli --features bench"
    )
}
