//! `cargo xtask mips1check FILE`: [`decstation::mips1`] from a terminal. A file that is no ELF image is
//! taken as little-endian words.

use anyhow::{Context as _, Result, bail};
use decstation::mips1::{Fault, Image, Kind, check};

/// Faults shown before the rest is only counted.
const MOST_SHOWN: usize = 40;

/// Checks the file and prints every fault.
///
/// # Errors
///
/// When the file cannot be read or has a fault. With `allow_hilo`, HI or LO written too early is
/// none: LLVM does it, and without interrupts between it does no harm.
pub(crate) fn run(path: &str, allow_hilo: bool) -> Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {path}"))?;
    let image = Image::read(&bytes).with_context(|| format!("in {path}"))?;
    let mut faults: Vec<(Fault, String)> = Vec::new();
    for code in &image.sections {
        let found = check(code).into_iter();
        let counted = found.filter(|fault| !(allow_hilo && fault.kind == Kind::HiLo));
        faults.extend(counted.map(|fault| (fault, image.name(fault.address))));
    }
    let words: usize = image.sections.iter().map(|code| code.words.len()).sum();
    for (fault, name) in faults.iter().take(MOST_SHOWN) {
        println!("{fault}  {name}");
    }
    if !faults.is_empty() {
        bail!("{} faults in {words} words of {path}", faults.len());
    }
    eprintln!("mips1check: {words} words of {path}, no fault");
    Ok(())
}
