//! `cargo xtask test`: every test, in one optimised build with debug assertions on.
//!
//! Tests on real captures find them through `DPF_TEST_DATA`; unset, they say so and are skipped,
//! but under `CI=true` that is a failure. DPDK is a peer of the benchmarks only and never needed.

use crate::{
    aegis, image, onboard,
    setup::{self, IPROUTE, LIBPCAP, LINKER, STRANGERS},
    shell::{self, command, in_ci, stage},
};
use anyhow::{Result, bail};

/// Runs every test; `rest` goes to `cargo test`.
///
/// # Errors
///
/// When something that must be there is not, or a test fails.
pub(crate) fn run(rest: &[&str]) -> Result<()> {
    let mut libpcap = false;
    stage("setup", || {
        setup::ensure(&[&LINKER, &IPROUTE])?;
        setup::ensure(&STRANGERS.each_ref())?;
        libpcap = setup::ensure(&[&LIBPCAP])?;
        if let Err(reason) = image::toolchain() {
            if in_ci() {
                return Err(reason);
            }
            eprintln!("test: SKIPPED what is compiled for the simulated DECstation: {reason:#}");
        }
        Ok(())
    })?;
    announce_data()?;
    stage("tests", || {
        let mut test = command(
            "cargo",
            &["test", "--workspace", "--features", &features(libpcap)],
        );
        shell::run(test.args(rest))
    })?;
    if image::toolchain().is_ok() {
        stage("filters compiled on the simulated machine", onboard::run)?;
        stage("the kernel on the simulated machines", aegis::probe::run)?;
        stage(
            "applications on the simulated machines",
            aegis::suite::on_simulator,
        )?;
        stage("hostile programs", aegis::hostile::everywhere)?;
        stage("a million system calls", || {
            aegis::storm::run(aegis::storm::DEFAULT_CALLS)
        })?;
    }
    stage("tests without std", || {
        shell::run(&mut command(
            "cargo",
            &[
                "check",
                "--package",
                "vcode",
                "--package",
                "dpf",
                "--package",
                "exos-net",
                "--no-default-features",
                "--features",
                "vcode/mips,exos-net/filter",
            ],
        ))
    })
}

/// Blesses recorded outputs again.
///
/// # Errors
///
/// When a test fails for another reason.
pub(crate) fn bless() -> Result<()> {
    let libpcap = setup::ensure(&[&LIBPCAP])?;
    let mut test = command(
        "cargo",
        &["test", "--workspace", "--features", &features(libpcap)],
    );
    shell::run(test.env("UPDATE_EXPECT", "1").env("TRYCMD", "overwrite"))
}

/// The features of a full build, but those that need what is not there.
pub(crate) fn features(libpcap: bool) -> String {
    let always = [
        "vcode/clif",
        "vcode/fuzzing",
        "dpf/clif",
        "dpf/fuzzing",
        "exos-net/filter",
        "exos-net/fuzzing",
    ];
    let with_libpcap: &[&str] = if libpcap {
        &[
            "dpf-benches/libpcap",
            "dpf-benches/oracle",
            "dpf-cli/libpcap",
        ]
    } else {
        &[]
    };
    if !libpcap {
        eprintln!("test: SKIPPED the comparison with libpcap: libpcap-dev is not installed");
    }
    always
        .iter()
        .chain(with_libpcap)
        .copied()
        .collect::<Vec<_>>()
        .join(",")
}

fn announce_data() -> Result<()> {
    match std::env::var_os("DPF_TEST_DATA") {
        Some(path) if std::path::Path::new(&path).is_dir() => Ok(()),
        Some(path) => bail!(
            "DPF_TEST_DATA names `{}`, which is not a folder",
            path.display()
        ),
        None if in_ci() => {
            bail!("DPF_TEST_DATA is not set, and CI may not skip the tests on captures")
        }
        None => {
            eprintln!("test: SKIPPED the tests on real captures: DPF_TEST_DATA is not set");
            Ok(())
        }
    }
}
