//! What the other commands rest on, found or installed.
//!
//! Debian packages are installed by `apt-get` when this runs as root or `sudo` asks for no
//! password; otherwise the one command to run is printed, and what needs the package is skipped
//! with that reason — but under `CI=true`, where nothing may be skipped, it is an error.

use crate::image;
use crate::shell::{in_ci, output, run, succeeds};
use anyhow::{Result, bail};
use std::process::Command;

/// Something a test needs beyond the toolchain.
pub(crate) struct Need {
    /// The Debian package.
    package: &'static str,
    /// What it is for.
    purpose: &'static str,
}

/// A C compiler's linker, for every build.
pub(crate) const LINKER: Need = Need {
    package: "gcc",
    purpose: "linking",
};
/// libpcap, the oracle and a peer of the benchmarks.
pub(crate) const LIBPCAP: Need = Need {
    package: "libpcap-dev",
    purpose: "the libpcap oracle and peer",
};
/// `ip`, for the tests on network interfaces.
pub(crate) const IPROUTE: Need = Need {
    package: "iproute2",
    purpose: "tests in network namespaces",
};
/// Programs of Linux's that judge the protocols of ExOS.
pub(crate) const STRANGERS: [Need; 3] = [
    Need {
        package: "iputils-ping",
        purpose: "Linux judging our ICMP",
    },
    Need {
        package: "iputils-arping",
        purpose: "Linux judging our ARP",
    },
    Need {
        package: "rarpd",
        purpose: "Linux judging our RARP",
    },
];
/// The emulator of the 5000/200 that counts instructions.
pub(crate) const GXEMUL: Need = Need {
    package: "gxemul",
    purpose: "judging the simulator",
};
/// The emulator of the 3100.
pub(crate) const MAME: Need = Need {
    package: "mame",
    purpose: "judging the simulator",
};
/// Debian's compiler, where rustup's has no sources of its library.
pub(crate) const DEBIAN_RUSTC: Need = Need {
    package: "rustc-web",
    purpose: "images for MIPS",
};
/// Debian's cargo, with it.
pub(crate) const DEBIAN_CARGO: Need = Need {
    package: "cargo-web",
    purpose: "images for MIPS",
};
/// The sources of its library.
pub(crate) const DEBIAN_SOURCES: Need = Need {
    package: "rust-web-src",
    purpose: "images for MIPS",
};
/// A linker for them.
pub(crate) const DEBIAN_LLD: Need = Need {
    package: "lld-22",
    purpose: "images for MIPS",
};

impl Need {
    fn present(&self) -> bool {
        output("dpkg-query", &["-W", "-f=${Status}", self.package])
            .is_ok_and(|status| status.ends_with("ok installed"))
    }
}

/// Whether all `needs` are there.
pub(crate) fn present(needs: &[&Need]) -> bool {
    needs.iter().all(|need| need.present())
}

/// Makes sure of all `needs`; returns whether they are there.
///
/// # Errors
///
/// When an installation fails, or something is missing under `CI=true`.
pub(crate) fn ensure(needs: &[&Need]) -> Result<bool> {
    let missing: Vec<&&Need> = needs.iter().filter(|need| !need.present()).collect();
    if missing.is_empty() {
        return Ok(true);
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    for need in &missing {
        eprintln!(
            "setup: {} is missing; it is needed for {}",
            need.package, need.purpose
        );
    }
    let Some(prefix) = privilege() else {
        let line = format!("apt-get install --yes {}", packages.join(" "));
        if in_ci() {
            bail!("cannot install as this user; run `{line}` as root");
        }
        eprintln!("setup: cannot install as this user; to have them, run:\n  sudo {line}");
        return Ok(false);
    };
    run(apt(prefix).arg("update").arg("-qq"))?;
    run(apt(prefix)
        .args(["install", "--yes", "-qq", "--no-install-recommends"])
        .args(&packages))?;
    Ok(true)
}

/// Makes sure of a nightly compiler, for `purpose`; returns whether it is there.
fn ensure_nightly(purpose: &str) -> Result<bool> {
    if !succeeds("rustup", &["run", "nightly", "rustc", "--version"]) {
        eprintln!("setup: the nightly compiler is missing; {purpose} needs it");
        let installed = run(Command::new("rustup").args([
            "toolchain",
            "install",
            "nightly",
            "--profile",
            "minimal",
        ]));
        if let Err(error) = installed {
            if in_ci() {
                return Err(error);
            }
            eprintln!("setup: {error:#}; {purpose} is skipped");
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes sure of Miri; returns whether it is there.
///
/// # Errors
///
/// When it is missing under `CI=true`.
pub(crate) fn ensure_miri() -> Result<bool> {
    if !ensure_nightly("Miri")? {
        return Ok(false);
    }
    if succeeds("cargo", &["+nightly", "miri", "--version"]) {
        return Ok(true);
    }
    eprintln!("setup: Miri is missing; adding it");
    // With the library's sources, which it is built from again.
    let words = [
        "component",
        "add",
        "--toolchain",
        "nightly",
        "miri",
        "rust-src",
    ];
    match run(Command::new("rustup").args(words)) {
        Ok(()) => Ok(true),
        Err(error) if in_ci() => Err(error),
        Err(error) => {
            eprintln!("setup: {error:#}; Miri is skipped");
            Ok(false)
        }
    }
}

/// Makes sure of cargo-fuzz and a nightly compiler; returns whether both are there.
///
/// # Errors
///
/// When the installation fails, or the compiler is missing under `CI=true`.
pub(crate) fn ensure_fuzz() -> Result<bool> {
    if !ensure_nightly("cargo-fuzz")? {
        return Ok(false);
    }
    if !succeeds("cargo", &["fuzz", "--version"]) {
        eprintln!("setup: cargo-fuzz is missing; installing it");
        run(Command::new("cargo").args([
            "install",
            "--locked",
            "cargo-fuzz",
            "--version",
            "^0.13",
        ]))?;
    }
    Ok(true)
}

/// Everything that any command needs.
///
/// # Errors
///
/// As the parts.
pub(crate) fn everything() -> Result<()> {
    ensure(&[&LINKER, &LIBPCAP, &IPROUTE, &GXEMUL, &MAME])?;
    ensure(&STRANGERS.each_ref())?;
    image::toolchain()?;
    ensure_fuzz()?;
    ensure_miri()?;
    eprintln!("setup: done");
    Ok(())
}

/// The words before `apt-get` with which it may install, or `None`.
fn privilege() -> Option<&'static [&'static str]> {
    if !succeeds("apt-get", &["--version"]) {
        return None;
    }
    let root = output("id", &["-u"]).is_ok_and(|id| id.trim() == "0");
    if root {
        Some(&[])
    } else if succeeds("sudo", &["-n", "true"]) {
        Some(&["sudo", "-n"])
    } else {
        None
    }
}

fn apt(prefix: &[&str]) -> Command {
    let words: Vec<&str> = prefix
        .iter()
        .copied()
        .chain(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}
