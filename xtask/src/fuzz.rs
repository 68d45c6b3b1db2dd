//! `cargo xtask fuzz`: every fuzz target, built once, run for a bounded time each.
//!
//! The targets are shells of a few lines; their bodies live in each crate's `fuzzing` module,
//! where `cargo test` runs them too: 4,096 times from a fixed seed, and on what `fuzz/seeds` and
//! `fuzz/regressions` keep. An input that fails here is left in `fuzz/artifacts`; with the repair it
//! is committed to `fuzz/regressions`.

use crate::{
    setup,
    shell::{self, command, output, root},
};
use anyhow::{Context as _, Result, bail};

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
    for target in targets {
        fuzz_one(target, seconds).with_context(|| format!("fuzz target `{target}`"))?;
    }
    Ok(())
}

fn fuzz_one(target: &str, seconds: u32) -> Result<()> {
    let corpus = root().join("fuzz/corpus").join(target);
    let kept = ["seeds", "regressions"].map(|kind| root().join("fuzz").join(kind).join(target));
    std::fs::create_dir_all(&corpus)
        .with_context(|| format!("cannot make {}", corpus.display()))?;
    let mut fuzz = command("cargo", &["+nightly", "fuzz", "run", SANITIZER, target]);
    fuzz.arg(&corpus);
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
