//! Images: ELF files for MIPS, their segments and symbols.
//!
//! The boot ROM of these machines puts an image where its program headers say and jumps to its
//! entry; so does [`Image::load`]. Physical addresses are the headers' own, of which the segment
//! bits are dropped, so that an image linked for kseg0 and a section linked for user space with a
//! load address both end where they should. Reading ELF is the `elf` crate's; this file knows what
//! an image for these machines must be.

use crate::memory::{Endian, Memory};
use core::fmt;
use elf::ElfBytes;
use elf::abi::{EM_MIPS, ET_EXEC, PT_LOAD, STT_FILE, STT_SECTION};
use elf::endian::{AnyEndian, EndianParse as _};
use elf::file::Class;
use std::collections::HashMap;

/// The most symbols that are kept; an image of the whole system has some thousands.
pub const MOST_SYMBOLS: usize = 1 << 20;

/// An image to load.
#[derive(Clone, Debug)]
pub struct Image {
    entry: u32,
    endian: Endian,
    segments: Vec<Segment>,
    symbols: Symbols,
}

/// A stretch of memory that the image fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it goes in physical memory.
    pub physical: u32,
    /// Where the program expects it.
    pub address: u32,
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// Its length; past the bytes it is zero.
    pub length: u32,
}

/// Names of addresses.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    by_name: HashMap<String, u32>,
    by_address: Vec<(u32, String)>,
}

/// Why a file is no image, or an image does not fit.
#[derive(Debug)]
pub enum Error {
    /// The file is not ELF, or damaged.
    Elf(elf::ParseError),
    /// The file is not a 32-bit executable for MIPS.
    NotMips,
    /// A segment does not lie in memory.
    OutsideMemory {
        /// Where it begins, physically.
        address: u32,
        /// How long it is.
        given: u32,
        /// Bytes of memory.
        limit: u32,
    },
    /// The image has too many symbols.
    TooManySymbols {
        /// How many.
        given: usize,
        /// How many are allowed.
        limit: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Elf(error) => write!(f, "not an ELF image: {error}"),
            Error::NotMips => f.write_str("not a 32-bit executable for MIPS"),
            Error::OutsideMemory {
                address,
                given,
                limit,
            } => write!(
                f,
                "a segment of {given} bytes at {address:#x} in a memory of {limit}"
            ),
            Error::TooManySymbols { given, limit } => {
                write!(f, "{given} symbols; at most {limit} are read")
            }
        }
    }
}

impl core::error::Error for Error {}

impl From<elf::ParseError> for Error {
    fn from(error: elf::ParseError) -> Error {
        Error::Elf(error)
    }
}

impl Image {
    /// Reads an executable.
    ///
    /// # Errors
    ///
    /// When the bytes are not one for these machines.
    pub fn parse(file: &[u8]) -> Result<Image, Error> {
        let elf = ElfBytes::<AnyEndian>::minimal_parse(file)?;
        let header = elf.ehdr;
        if header.class != Class::ELF32 || header.e_machine != EM_MIPS || header.e_type != ET_EXEC {
            return Err(Error::NotMips);
        }
        let mut segments = Vec::new();
        for header in elf.segments().into_iter().flat_map(|table| table.iter()) {
            if header.p_type != PT_LOAD || header.p_memsz == 0 {
                continue;
            }
            // A class of 32 bits holds no number of more; the cast loses nothing.
            segments.push(Segment {
                physical: header.p_paddr as u32 & 0x1fff_ffff,
                address: header.p_vaddr as u32,
                bytes: elf.segment_data(&header)?.to_vec(),
                length: header.p_memsz as u32,
            });
        }
        Ok(Image {
            entry: header.e_entry as u32,
            endian: if header.endianness.is_little() {
                Endian::Little
            } else {
                Endian::Big
            },
            segments,
            symbols: Symbols::read(&elf)?,
        })
    }

    /// The address of its first instruction.
    pub fn entry(&self) -> u32 {
        self.entry
    }

    /// Its order of bytes.
    pub fn endian(&self) -> Endian {
        self.endian
    }

    /// What it fills.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Its names.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// Puts the image into memory.
    ///
    /// # Errors
    ///
    /// When a segment does not lie in memory; then nothing is changed.
    pub fn load(&self, memory: &mut Memory) -> Result<(), Error> {
        let limit = memory.ram_bytes();
        for segment in &self.segments {
            let longest = segment.length.max(segment.bytes.len() as u32);
            let end = u64::from(segment.physical) + u64::from(longest);
            if end > u64::from(limit) {
                return Err(Error::OutsideMemory {
                    address: segment.physical,
                    given: longest,
                    limit,
                });
            }
        }
        for segment in &self.segments {
            let zeros = core::iter::repeat_n(&0, segment.length as usize);
            let rest = zeros.skip(segment.bytes.len());
            for (byte, at) in segment.bytes.iter().chain(rest).zip(segment.physical..) {
                memory.set_byte(at, *byte);
            }
        }
        Ok(())
    }
}

impl Symbols {
    fn read(elf: &ElfBytes<'_, AnyEndian>) -> Result<Symbols, Error> {
        let Some((table, names)) = elf.symbol_table()? else {
            return Ok(Symbols::default());
        };
        let given = table.len();
        if given > MOST_SYMBOLS {
            let limit = MOST_SYMBOLS;
            return Err(Error::TooManySymbols { given, limit });
        }
        let mut symbols = Symbols::default();
        for symbol in table.iter() {
            let unnamed = matches!(symbol.st_symtype(), STT_FILE | STT_SECTION);
            if symbol.is_undefined() || unnamed {
                continue;
            }
            // A name that is no text cannot be asked for.
            let name = names.get(symbol.st_name as usize).unwrap_or_default();
            if !name.is_empty() {
                symbols.add(name, symbol.st_value as u32);
            }
        }
        symbols.by_address.sort();
        Ok(symbols)
    }

    fn add(&mut self, name: &str, address: u32) {
        self.by_name.insert(name.to_owned(), address);
        self.by_address.push((address, name.to_owned()));
    }

    /// The address of a name.
    pub fn address(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// The lowest address whose name contains `part`, as the names that a compiler mangles do.
    pub fn containing(&self, part: &str) -> Option<u32> {
        let mut all = self.by_address.iter();
        all.find(|(_, name)| name.contains(part))
            .map(|(address, _)| *address)
    }

    /// The last name at or before an address, and how far the address lies past it.
    pub fn nearest(&self, address: u32) -> Option<(&str, u32)> {
        let after = self.by_address.partition_point(|(own, _)| *own <= address);
        let (own, name) = self.by_address.get(after.checked_sub(1)?)?;
        Some((name, address - own))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_address.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_address.is_empty()
    }
}

#[cfg(test)]
mod tests;
