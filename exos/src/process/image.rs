//! A program file, checked: what goes to which page of its address space.
//!
//! Problem: a program file says where everything goes, and may lie. Method: the `elf` crate reads the
//! file; [`Image::parse`] accepts it only if every segment lies in the program's region below its
//! stack, no two share a page, none is both written and executed, and the trap page is there and is
//! this library's. What has passed is an [`Image`], and [`Image::pages`] cannot leave that region.
//! A wrong program can still only harm itself; the checks are there so that whoever starts it is told why it
//! would not run.
//!
//! Left out: relocation, and everything that is no segment.

use crate::layout::{PROGRAM, PROGRAM_END, TRAP, VECTORS_WORDS, Vectors};
use aegis_abi::layout::PAGE_BYTES;
use core::fmt;
use elf::ElfBytes;
use elf::abi::{EM_MIPS, ET_EXEC, PF_W, PF_X, PT_LOAD};
use elf::endian::LittleEndian;
use elf::file::Class;
use elf::segment::ProgramHeader;

/// Segments of a program, the trap page not counted, at most.
pub const MOST_SEGMENTS: usize = 8;

/// A program that can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    /// Where it begins.
    pub entry: u32,
    /// What the trap page holds.
    pub trap: &'a [u8],
    /// Where the trap page is entered.
    pub vectors: Vectors,
    segments: [Segment<'a>; MOST_SEGMENTS],
}

/// Memory that is one piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Segment<'a> {
    /// The address of its first byte.
    address: u32,
    /// Bytes in memory; what the file does not give is zero.
    bytes: u32,
    /// What the file gives.
    file: &'a [u8],
    /// PF_W and PF_X.
    flags: u32,
}

/// What a page of a program starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<'a> {
    /// Its address.
    pub address: u32,
    /// Where in it the file's bytes go.
    pub offset: u32,
    /// The file's bytes; the rest is zero.
    pub bytes: &'a [u8],
    /// Whether the program may write to it.
    pub writable: bool,
}

/// Why a file is no program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no ELF file, or ends too early.
    NotElf,
    /// It is not for this machine: 32 bits, little-endian, MIPS, linked to fixed addresses.
    Foreign,
    /// It has more segments than [`MOST_SEGMENTS`].
    Segments,
    /// A segment lies outside the program's region, at this address.
    Outside(u32),
    /// Two segments share the page of this address.
    Shared(u32),
    /// The segment at this address is to be written and executed.
    Writable(u32),
    /// The trap page is missing, is longer than a page, or is of another version.
    Trap,
    /// It begins at this address, where nothing is to be executed.
    Entry(u32),
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NotElf => to.write_str("it is no ELF file, or ends too early"),
            Fault::Foreign => to.write_str("it is not linked for this machine"),
            Fault::Segments => write!(to, "it has more than {MOST_SEGMENTS} segments"),
            Fault::Outside(at) => write!(
                to,
                "its segment at {at:#x} is not between {PROGRAM:#x} and {PROGRAM_END:#x}"
            ),
            Fault::Shared(at) => write!(to, "two of its segments share the page of {at:#x}"),
            Fault::Writable(at) => {
                write!(to, "its segment at {at:#x} is to be written and executed")
            }
            Fault::Trap => to.write_str("its trap page is not that of this library"),
            Fault::Entry(at) => write!(to, "it begins at {at:#x}, where nothing is to be executed"),
        }
    }
}

impl<'a> Image<'a> {
    /// Checks a file.
    ///
    /// # Errors
    ///
    /// When it is no program; see [`Fault`].
    pub fn parse(file: &'a [u8]) -> Result<Self, Fault> {
        let elf = ElfBytes::<LittleEndian>::minimal_parse(file).map_err(|_| Fault::NotElf)?;
        let header = elf.ehdr;
        if header.class != Class::ELF32 || header.e_type != ET_EXEC || header.e_machine != EM_MIPS {
            return Err(Fault::Foreign);
        }
        let mut segments = [Segment::default(); MOST_SEGMENTS];
        let mut free = segments.iter_mut();
        let mut trap = None;
        let headers = elf.segments().ok_or(Fault::NotElf)?;
        for header in headers.iter().filter(|header| header.p_type == PT_LOAD) {
            let file = elf.segment_data(&header).map_err(|_| Fault::NotElf)?;
            if header.p_vaddr == u64::from(TRAP) {
                trap = trap_page(&header, file);
                continue;
            }
            if header.p_memsz > 0 {
                *free.next().ok_or(Fault::Segments)? = Segment::checked(&header, file)?;
            }
        }
        segments.sort_unstable_by_key(|segment| segment.address);
        for pair in segments.windows(2) {
            if let [below, above] = pair
                && below.bytes > 0
                && below.last_page() >= above.first_page()
            {
                return Err(Fault::Shared(above.address));
            }
        }
        let (trap, vectors) = trap.ok_or(Fault::Trap)?;
        let entry = header.e_entry as u32;
        let code = segments.iter().find(|segment| segment.contains(entry));
        let runs = code.is_some_and(|segment| segment.flags & PF_X != 0);
        if u64::from(entry) != header.e_entry || !entry.is_multiple_of(4) || !runs {
            return Err(Fault::Entry(entry));
        }
        Ok(Image {
            entry,
            trap,
            vectors,
            segments,
        })
    }

    /// Every page that it starts with, in order.
    pub fn pages(&self) -> impl Iterator<Item = Page<'a>> {
        self.segments
            .into_iter()
            .filter(|segment| segment.bytes > 0)
            .flat_map(|segment| {
                let pages = segment.first_page()..=segment.last_page();
                pages
                    .step_by(PAGE_BYTES as usize)
                    .map(move |page| segment.page(page))
            })
    }
}

impl<'a> Segment<'a> {
    fn checked(header: &ProgramHeader, file: &'a [u8]) -> Result<Self, Fault> {
        let address = u32::try_from(header.p_vaddr).map_err(|_| Fault::Outside(u32::MAX))?;
        let end = header.p_vaddr.checked_add(header.p_memsz);
        let inside = address >= PROGRAM && end.is_some_and(|end| end <= u64::from(PROGRAM_END));
        if !inside {
            return Err(Fault::Outside(address));
        }
        if header.p_flags & (PF_W | PF_X) == PF_W | PF_X {
            return Err(Fault::Writable(address));
        }
        let bytes = header.p_memsz as u32;
        if file.len() > bytes as usize {
            return Err(Fault::NotElf);
        }
        Ok(Segment {
            address,
            bytes,
            file,
            flags: header.p_flags,
        })
    }

    fn first_page(&self) -> u32 {
        self.address & !(PAGE_BYTES - 1)
    }

    /// The page of its last byte. It has one.
    fn last_page(&self) -> u32 {
        (self.address + (self.bytes - 1)) & !(PAGE_BYTES - 1)
    }

    fn contains(&self, address: u32) -> bool {
        address
            .checked_sub(self.address)
            .is_some_and(|offset| offset < self.bytes)
    }

    fn page(&self, page: u32) -> Page<'a> {
        let offset = self.address.saturating_sub(page);
        let skipped = page.saturating_sub(self.address) as usize;
        let room = (PAGE_BYTES - offset) as usize;
        let rest = self.file.get(skipped..).unwrap_or_default();
        Page {
            address: page,
            offset,
            bytes: rest.get(..room).unwrap_or(rest),
            writable: self.flags & PF_W != 0,
        }
    }
}

fn trap_page<'a>(header: &ProgramHeader, file: &'a [u8]) -> Option<(&'a [u8], Vectors)> {
    let (words, _) = file.as_chunks::<4>();
    let words = words.first_chunk::<VECTORS_WORDS>()?;
    let vectors = Vectors::parse(words.map(u32::from_le_bytes))?;
    let fits = header.p_memsz <= u64::from(PAGE_BYTES) && file.len() <= PAGE_BYTES as usize;
    fits.then_some((file, vectors))
}
