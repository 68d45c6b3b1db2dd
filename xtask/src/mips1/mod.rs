//! `cargo xtask mips1check FILE`: what a R2000 or R3000 must not be given, looked for in an image.
//!
//! Emulators run through a load-delay hazard with the new value and the chip with the old one, so no
//! test on an emulator shows it. Here every word of every executable section is decoded ([`decode`],
//! which shares no code with the emitter or the simulator) and the instructions that may follow it are
//! looked at ([`check`]). A file that is no ELF image is taken as little-endian words.

mod check;
mod decode;
#[cfg(test)]
mod tests;

use anyhow::{Context as _, Result, bail};
use check::{Code, Fault, Kind};
use elf::{ElfBytes, abi, endian::AnyEndian};

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
        let found = check::check(code).into_iter();
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

/// What there is to check in a file.
#[derive(Debug, Default)]
struct Image {
    sections: Vec<Code>,
    /// Functions and labels by address, in ascending order.
    symbols: Vec<(u32, String)>,
}

impl Image {
    fn read(bytes: &[u8]) -> Result<Self> {
        if !bytes.starts_with(&abi::ELFMAGIC) {
            let code = Code::new(0, bytes, u32::from_le_bytes)?;
            return Ok(Self {
                sections: vec![code],
                symbols: Vec::new(),
            });
        }
        let file = ElfBytes::<AnyEndian>::minimal_parse(bytes)?;
        if file.ehdr.e_machine != abi::EM_MIPS || file.ehdr.class != elf::file::Class::ELF32 {
            bail!("not a 32-bit MIPS image");
        }
        let word = match file.ehdr.endianness {
            AnyEndian::Little => u32::from_le_bytes,
            AnyEndian::Big => u32::from_be_bytes,
        };
        let mut image = Self::default();
        for section in file.section_headers().context("it has no sections")?.iter() {
            let executable = section.sh_flags & u64::from(abi::SHF_EXECINSTR) != 0;
            if !executable || section.sh_type != abi::SHT_PROGBITS {
                continue;
            }
            let (bytes, _) = file.section_data(&section)?;
            image
                .sections
                .push(Code::new(section.sh_addr as u32, bytes, word)?);
        }
        if let Some((symbols, names)) = file.symbol_table()? {
            let named = symbols.iter().filter(|symbol| {
                matches!(symbol.st_symtype(), abi::STT_FUNC | abi::STT_NOTYPE)
                    && symbol.st_shndx != abi::SHN_UNDEF
            });
            for symbol in named {
                let name = names.get(symbol.st_name as usize).unwrap_or_default();
                image
                    .symbols
                    .push((symbol.st_value as u32, name.to_owned()));
            }
            image.symbols.sort();
        }
        Ok(image)
    }

    /// The symbol at or before the address, and the distance from it.
    fn name(&self, address: u32) -> String {
        let after = self.symbols.partition_point(|(at, _)| *at <= address);
        match after.checked_sub(1).map(|at| &self.symbols[at]) {
            Some((at, name)) => format!("<{name}+{:#x}>", address - at),
            None => String::new(),
        }
    }
}
