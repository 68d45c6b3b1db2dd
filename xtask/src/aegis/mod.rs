//! `cargo xtask image` and `cargo xtask boot`: the kernel with its programs, built and run.
//!
//! [`pack`] makes the modules that stand behind the kernel, [`boot`] runs the image on the simulator and
//! on the emulators, [`screen`] reads what comes over the console, [`probe`] counts the hot paths,
//! [`protect`] what protection costs an application.

pub(crate) mod boot;
mod gxemul;
pub(crate) mod hostile;
pub(crate) mod latency;
mod mame;
mod pack;
pub(crate) mod probe;
mod protect;
pub(crate) mod screen;
pub(crate) mod simulator;
pub(crate) mod storm;
pub(crate) mod suite;

use crate::image;
use crate::shell::root;
use anyhow::{Context as _, Result, bail};
use decstation::elf::Image;
use pack::Module;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Programs, one of each file in the package's `src/bin`: `init` for module 0, each other one for a module
/// of its name.
const PROGRAMS: &str = "exos/apps";
/// The program of environment 0.
const INIT: &str = "init";

/// Without this, procedures that never return do not save where they were called, and a panic would not
/// tell how it came about.
const TRACEABLE: &str = "-Cforce-unwind-tables=yes";

/// The kernel's feature of checking its invariants after every call.
const AUDIT: &str = "audit";

/// An image: where it is, and what is in it.
pub(crate) struct Built {
    path: PathBuf,
    pub(crate) image: Image,
}

/// Builds the kernel with every application, and says where the image is.
///
/// # Errors
///
/// When something cannot be built.
pub(crate) fn run() -> Result<()> {
    let built = with_applications()?;
    println!("{}", built.path.display());
    Ok(())
}

/// The kernel with `init` as module 0 and every other application behind it.
///
/// # Errors
///
/// When something cannot be built, or there is no `init`.
fn with_applications() -> Result<Built> {
    let mut names = Vec::new();
    let folder = root().join(PROGRAMS).join("src/bin");
    for entry in std::fs::read_dir(&folder).context("there are no applications")? {
        let path = entry?.path();
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    if !names.iter().any(|name| name == INIT) {
        bail!("{PROGRAMS} has no `{INIT}`");
    }
    names.retain(|name| name != INIT);
    let mut modules = vec![program(PROGRAMS, INIT, true)?];
    for name in &names {
        modules.push(program(PROGRAMS, name, false)?);
    }
    build("aegis", &modules)
}

/// The kernel with one program as its only module, and the program's own names.
///
/// # Errors
///
/// When it cannot be built.
pub(crate) fn with_program(folder: &str, name: &str) -> Result<(Built, Image)> {
    let built = build(name, &[program(folder, name, true)?])?;
    let file = std::fs::read(image::build(folder, name)?)?;
    Ok((built, Image::parse(&file)?))
}

/// The module of a program: flat, or the ELF file as it is.
fn program(folder: &str, name: &str, flat: bool) -> Result<Module> {
    let path = image::build(folder, name)?;
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let bytes = if flat { pack::flat(&bytes)? } else { bytes };
    Ok(Module {
        name: name.to_owned(),
        bytes,
    })
}

/// The kernel with these modules, as `NAME.elf` in the folder of images.
///
/// # Errors
///
/// When it cannot be built.
fn build(name: &str, modules: &[Module]) -> Result<Built> {
    build_with_features(name, modules, "")
}

/// The same, with features of the kernel.
///
/// # Errors
///
/// When it cannot be built.
fn build_with_features(name: &str, modules: &[Module], features: &str) -> Result<Built> {
    // Tests run side by side, and all images have one folder.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _building = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = root().join("target/aegis");
    std::fs::create_dir_all(&folder)?;
    let packed = folder.join("modules.bin");
    write_if_new(&packed, &pack::modules(modules)?)?;
    let variables = [("AEGIS_MODULES", packed.as_path())];
    let with = image::With {
        flags: TRACEABLE,
        variables: &variables,
        features,
    };
    let built = image::build_with("kernel/image", "aegis-image", &with)?;
    let path = folder.join(format!("{name}.elf"));
    std::fs::copy(&built, &path)?;
    let image = Image::parse(&std::fs::read(&path)?)?;
    Ok(Built { path, image })
}

/// Leaves a file that is right as old as it is, so that nothing is built again for it.
fn write_if_new(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).ok().as_deref() != Some(bytes) {
        std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
