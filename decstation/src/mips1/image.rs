//! The code in a file, and what its addresses are called.

use super::check::{Code, NotWords};
use core::fmt;
use elf::endian::AnyEndian;
use elf::{ElfBytes, ParseError, abi};

/// Why a file holds nothing to check.
#[derive(Debug)]
pub enum Error {
    /// It is not the ELF file that its first bytes say.
    Elf(ParseError),
    /// It is no 32-bit image of this processor.
    NotMips,
    /// It has no sections.
    NoSections,
    /// A section is no whole number of words.
    NotWords(NotWords),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Elf(error) => write!(f, "{error}"),
            Error::NotMips => write!(f, "not a 32-bit MIPS image"),
            Error::NoSections => write!(f, "the image has no sections"),
            Error::NotWords(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        Error::Elf(error)
    }
}

impl From<NotWords> for Error {
    fn from(error: NotWords) -> Self {
        Error::NotWords(error)
    }
}

/// What there is to check in a file.
#[derive(Debug, Default)]
pub struct Image {
    /// Its executable sections.
    pub sections: Vec<Code>,
    /// Functions and labels by address, in ascending order.
    symbols: Vec<(u32, String)>,
}

impl Image {
    /// Reads an ELF image; a file that is none is taken as little-endian words at address 0.
    ///
    /// # Errors
    ///
    /// When there is nothing in it to check.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        if !bytes.starts_with(&abi::ELFMAGIC) {
            let code = Code::new(0, bytes, u32::from_le_bytes)?;
            return Ok(Self {
                sections: vec![code],
                symbols: Vec::new(),
            });
        }
        let file = ElfBytes::<AnyEndian>::minimal_parse(bytes)?;
        if file.ehdr.e_machine != abi::EM_MIPS || file.ehdr.class != elf::file::Class::ELF32 {
            return Err(Error::NotMips);
        }
        let word = match file.ehdr.endianness {
            AnyEndian::Little => u32::from_le_bytes,
            AnyEndian::Big => u32::from_be_bytes,
        };
        let mut image = Self::default();
        for section in file.section_headers().ok_or(Error::NoSections)?.iter() {
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
    pub fn name(&self, address: u32) -> String {
        let after = self.symbols.partition_point(|(at, _)| *at <= address);
        match after.checked_sub(1).map(|at| &self.symbols[at]) {
            Some((at, name)) => format!("<{name}+{:#x}>", address - at),
            None => String::new(),
        }
    }
}
