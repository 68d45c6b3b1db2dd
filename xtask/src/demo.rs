//! `cargo xtask demo`: the main job on real input, with nothing but the repository.
//!
//! It makes a capture of mixed traffic, classifies it with the shipped filter file, shows what
//! the compiler made of that file, and Table 7 twice: as this machine times it, and as the simulated
//! DECstation counts it; then what the kernel costs there. It needs no network, no privilege and no
//! other data, where what images are built with is there; else the last tables say why they are left out.

use crate::{
    image,
    setup::{self, LINKER},
    shell::{command, in_ci, root, run as execute, stage},
    tables,
};
use anyhow::Result;
use std::process::Command;

/// The shipped filter file.
const FILTERS: &str = "testdata/filters/demo.dpf";

/// Runs the whole demonstration.
///
/// # Errors
///
/// When a step fails.
pub(crate) fn run() -> Result<()> {
    stage("build", || {
        setup::ensure(&[&LINKER])?;
        execute(&mut command(
            "cargo",
            &[
                "build",
                "--release",
                "--package",
                "dpf-cli",
                "--features",
                "bench",
            ],
        ))
    })?;
    let capture = root().join("target/demo.pcap");
    let capture = capture.to_string_lossy();
    stage("a capture of mixed traffic", || {
        execute(dpf().args(["demo-capture", "--force", &capture]))
    })?;
    stage("packets and bytes of each filter", || {
        execute(dpf().args(["classify", "-f", FILTERS, &capture]))
    })?;
    stage("the trie that the filters make", || {
        execute(dpf().args(["explain", "-f", FILTERS, "--as", "trie"]))
    })?;
    stage("the code of one filter", || {
        let filter = "ip.src == 192.12.69.1 && tcp.sport == 1234 && tcp.dport == 4321";
        execute(dpf().args(["explain", "-e", filter, "--as", "asm"]))
    })?;
    stage("Table 7 of the paper, on this machine", || {
        execute(dpf().args(["bench", "table7"]))
    })?;
    stage(
        "Table 7 of the paper, in cycles of the simulated DECstation 5000/200",
        || counted(&["7"]),
    )?;
    stage(
        "Tables 4, 5 and 6: the kernel, on the simulated DECstations of the paper",
        || counted(&["4", "5", "6"]),
    )
}

/// Tables that need an image to be built.
fn counted(tables: &[&str]) -> Result<()> {
    match image::toolchain() {
        Ok(_) => tables::run(tables),
        Err(reason) if in_ci() => Err(reason),
        Err(reason) => {
            eprintln!("demo: SKIPPED, no image can be built: {reason:#}");
            Ok(())
        }
    }
}

fn dpf() -> Command {
    command(&root().join("target/release/dpf").to_string_lossy(), &[])
}
