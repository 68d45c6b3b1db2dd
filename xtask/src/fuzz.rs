//! `cargo xtask fuzz`: every fuzz target, built once, run for a bounded time each.
//!
//! The targets are shells of a few lines; their bodies live in each crate's `fuzzing` module,
//! where `cargo test` runs them too: 4,096 times from a fixed seed, and on what `fuzz/seeds` and
//! `fuzz/regressions` keep. An input that fails here is left in `fuzz/artifacts`; with the repair it
//! is committed to `fuzz/regressions`. The target `storm` is given images of the kernel, built here; what is
//! kept of it is replayed by `cargo xtask storm`.

use crate::{
    aegis::storm,
    image, setup,
    shell::{self, command, in_ci, output, root},
};
use anyhow::{Context as _, Result, bail};
use std::path::Path;

/// How long each target runs unless told otherwise.
pub(crate) const DEFAULT_SECONDS: u32 = 20;

/// Nearly all of the code is safe Rust, whose own checks are on; without a sanitizer it runs many
/// times as often.
const SANITIZER: &str = "--sanitizer=none";

/// Builds and runs every target.
///
/// # Errors
///
/// When a target does not build or finds a failure.
pub(crate) fn run(seconds: u32) -> Result<()> {
    if !setup::ensure_fuzz()? {
        return Ok(());
    }
    shell::run(&mut command(
        "cargo",
        &["+nightly", "fuzz", "build", SANITIZER],
    ))?;
    let list = output("cargo", &["+nightly", "fuzz", "list"])?;
    let targets: Vec<&str> = list
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    if targets.is_empty() {
        bail!("there is no fuzz target");
    }
    let images = match image::toolchain() {
        Ok(_) => Some(storm::images()?),
        Err(reason) if in_ci() => return Err(reason),
        Err(reason) => {
            eprintln!("fuzz: SKIPPED `{}`: {reason:#}", storm::TARGET);
            None
        }
    };
    for target in targets {
        if target == storm::TARGET && images.is_none() {
            continue;
        }
        fuzz_one(target, seconds, images.as_deref())
            .with_context(|| format!("fuzz target `{target}`"))?;
    }
    Ok(())
}

fn fuzz_one(target: &str, seconds: u32, images: Option<&Path>) -> Result<()> {
    let corpus = root().join("fuzz/corpus").join(target);
    let kept = ["seeds", "regressions"].map(|kind| root().join("fuzz").join(kind).join(target));
    std::fs::create_dir_all(&corpus)
        .with_context(|| format!("cannot make {}", corpus.display()))?;
    let mut fuzz = command("cargo", &["+nightly", "fuzz", "run", SANITIZER, target]);
    fuzz.arg(&corpus);
    fuzz.envs(images.map(|folder| (aegis_storm::FOLDER, folder)));
    fuzz.args(kept.iter().filter(|folder| folder.is_dir()));
    let limit = format!("-max_total_time={seconds}");
    shell::run(fuzz.args([
        "--",
        &limit,
        "-rss_limit_mb=4096",
        "-timeout=120",
        "-max_len=4096",
        "-print_final_stats=1",
    ]))
}
