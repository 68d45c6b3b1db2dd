//! Images for the simulated machines, built for `mipsel-sony-psx`: MIPS-I, little-endian, o32.
//!
//! The target has no library to install, so `core` is built along with the image, from the sources
//! of the pinned compiler (the component `rust-src`, added where it is missing). Where rustup
//! cannot add it, Debian's compiler and its sources do. LLVM's filler of delay slots puts loads
//! where their use comes too early, so it is off.

use crate::mips1;
use crate::setup::{self, DEBIAN_CARGO, DEBIAN_LLD, DEBIAN_RUSTC, DEBIAN_SOURCES, Need};
use crate::shell::{output, root, run, succeeds};
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "mipsel-sony-psx";

/// Debian's compiler, where rustup's has no sources.
const DEBIAN: &[&Need] = &[&DEBIAN_RUSTC, &DEBIAN_CARGO, &DEBIAN_SOURCES, &DEBIAN_LLD];

/// A compiler with the sources of its library.
pub(crate) struct Toolchain {
    cargo: PathBuf,
    rustc: Option<PathBuf>,
    linker: PathBuf,
}

impl Toolchain {
    /// Whether it is the one that the project pins, whose code recorded counts are counts of.
    pub(crate) fn is_pinned(&self) -> bool {
        self.rustc.is_none()
    }
}

/// Builds the image of the package in `folder`, which is named `name`; its ELF file.
///
/// # Errors
///
/// When no compiler can be had, it fails, or what it made holds what a R3000 must not be given.
pub(crate) fn build(folder: &str, name: &str) -> Result<PathBuf> {
    build_with(folder, name, &With::default())
}

/// What a build can have besides.
#[derive(Default)]
pub(crate) struct With<'a> {
    /// More flags of rustc's.
    pub(crate) flags: &'a str,
    /// Variables of its environment.
    pub(crate) variables: &'a [(&'a str, &'a Path)],
    /// Features of the package.
    pub(crate) features: &'a str,
}

/// The same, with more.
///
/// # Errors
///
/// As [`build`].
pub(crate) fn build_with(folder: &str, name: &str, with: &With<'_>) -> Result<PathBuf> {
    let toolchain = toolchain()?;
    let script = root().join(folder).join("image.ld");
    let target = root().join("target/image");
    let mut command = Command::new(&toolchain.cargo);
    command
        .args(["build", "--release", "--quiet"])
        .args(["-Zbuild-std=core,alloc,compiler_builtins"])
        .args(["-Zbuild-std-features=compiler-builtins-mem"])
        .args(["--target", TARGET])
        .args(["--features", with.features])
        .arg("--manifest-path")
        .arg(root().join(folder).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_MIPSEL_SONY_PSX_LINKER", &toolchain.linker)
        .env("RUSTFLAGS", format!("{} {}", flags(&script), with.flags))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .envs(with.variables.iter().copied());
    if let Some(rustc) = &toolchain.rustc {
        command.env("RUSTC", rustc);
    }
    run(&mut command)?;
    let image = target
        .join(TARGET)
        .join("release")
        .join(format!("{name}.exe"));
    if !image.is_file() {
        bail!("the build left no {}", image.display());
    }
    mips1::run(&image.to_string_lossy(), true)?;
    Ok(image)
}

/// Where there is no script, the package's own build tells the linker one for each program.
fn flags(script: &Path) -> String {
    let flags = "-Clink-arg=--gc-sections -Cllvm-args=-disable-mips-delay-filler";
    if script.is_file() {
        format!("-Clink-arg=-T{} {flags}", script.display())
    } else {
        flags.to_owned()
    }
}

/// What images are built with, if it is there.
///
/// # Errors
///
/// When the compiler does not answer.
pub(crate) fn find() -> Result<Option<Toolchain>> {
    let sysroot = PathBuf::from(output("rustc", &["--print", "sysroot"])?.trim());
    let version = output("rustc", &["-vV"])?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc does not name its host")?;
    let linker = sysroot.join("lib/rustlib").join(host).join("bin/rust-lld");
    let sources = sysroot.join("lib/rustlib/src/rust/library/core");
    if sources.is_dir() && linker.is_file() {
        return Ok(Some(Toolchain {
            cargo: "cargo".into(),
            rustc: None,
            linker,
        }));
    }
    Ok(setup::present(DEBIAN).then(|| Toolchain {
        cargo: "/usr/bin/cargo".into(),
        rustc: Some("/usr/bin/rustc".into()),
        linker: "/usr/bin/rust-lld".into(),
    }))
}

/// What images are built with, installed where it is missing.
///
/// # Errors
///
/// When it can be neither found nor installed.
pub(crate) fn toolchain() -> Result<Toolchain> {
    if let Some(found) = find()? {
        return Ok(found);
    }
    eprintln!("setup: the sources of the library are missing; images are built with them");
    // Whether that helped is seen by what is there.
    succeeds("rustup", &["component", "add", "rust-src"]);
    if let Some(found) = find()? {
        return Ok(found);
    }
    setup::ensure(DEBIAN)?;
    find()?
        .context("no compiler with the sources of its library; run `rustup component add rust-src`")
}

/// Whether images can be built as they were for what is recorded; says what is skipped if not.
#[cfg(test)]
pub(crate) fn can_build(what: &str) -> bool {
    let found = find();
    if let Ok(Some(toolchain)) = &found
        && toolchain.is_pinned()
    {
        return true;
    }
    assert!(
        !crate::shell::in_ci(),
        "the gate may not skip {what}: {:?}",
        found.err()
    );
    eprintln!(
        "SKIPPED {what}: the pinned compiler has no sources of its library; \
         `rustup component add rust-src` installs them"
    );
    false
}
