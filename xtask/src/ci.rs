//! `cargo xtask ci`: the gate. The stages run in the order in which they fail fastest.

use crate::{
    demo, fuzz, judges, readme, setup,
    shell::{self, command, stage},
    test, tidy,
};
use anyhow::Result;

/// How long each fuzz target runs in the gate.
const FUZZ_SECONDS: u32 = 10;

/// Runs every stage.
///
/// # Errors
///
/// At the first stage that fails.
pub(crate) fn run() -> Result<()> {
    stage("setup", setup::everything)?;
    stage("format", || {
        shell::run(&mut command("cargo", &["fmt", "--all", "--check"]))
    })?;
    stage("tidy", tidy::run)?;
    let features = test::features(true);
    stage("clippy", || {
        let words = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--features",
            &features,
            "--",
            "-D",
            "warnings",
        ];
        shell::run(&mut command("cargo", &words))
    })?;
    stage("docs", || {
        let words = ["doc", "--workspace", "--no-deps", "--features", &features];
        shell::run(command("cargo", &words).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    // README's own words, so that what it promises is what is tested.
    stage("cargo xtask test", || {
        shell::run(&mut command("cargo", &["xtask", "test"]))
    })?;
    stage("miri", || {
        if !setup::ensure_miri()? {
            return Ok(());
        }
        let words = ["+nightly", "miri", "test", "--package", "aegis", "--lib"];
        // The logic is safe Rust, in which aliasing is the compiler's to check; without, it takes minutes.
        let flags = ("MIRIFLAGS", "-Zmiri-disable-stacked-borrows");
        shell::run(command("cargo", &words).env(flags.0, flags.1))
    })?;
    stage("judges", judges::run)?;
    stage("cargo xtask demo", demo::run)?;
    stage("README", readme::run)?;
    stage("fuzz", || fuzz::run(FUZZ_SECONDS))
}
