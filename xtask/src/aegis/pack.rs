//! Boot modules: a table, then each module on pages of its own (`aegis_abi::module`).
//!
//! The kernel knows no file format, so the program of environment 0 is made flat here: its segments laid
//! out as in memory, with the header that the kernel reads in front. The program's linker script leaves
//! room for that header at its lowest address.

use aegis_abi::layout::{FLAT_MAGIC, GUARANTEED_END, MOST_GUARANTEED, PAGE_BYTES};
use aegis_abi::module::{MOST_MODULES, NAME_BYTES, TABLE_MAGIC};
use anyhow::{Context as _, Result, ensure};
use decstation::elf::Image;

/// A module to be packed.
pub(super) struct Module {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The modules as they stand in memory.
///
/// # Errors
///
/// When there are too many, or a name is too long.
pub(super) fn modules(modules: &[Module]) -> Result<Vec<u8>> {
    ensure!(
        modules.len() <= MOST_MODULES,
        "{} modules; at most {MOST_MODULES} fit",
        modules.len()
    );
    let page = PAGE_BYTES as usize;
    let mut table = Vec::new();
    let mut body = Vec::new();
    for word in [TABLE_MAGIC, modules.len() as u32, 0, 0, 0, 0, 0, 0] {
        table.extend(word.to_le_bytes());
    }
    for Module { name, bytes } in modules {
        ensure!(
            name.len() <= NAME_BYTES,
            "`{name}` is longer than {NAME_BYTES} bytes"
        );
        let mut field = name.clone().into_bytes();
        field.resize(NAME_BYTES, 0);
        table.extend(field);
        table.extend(((page + body.len()) as u32).to_le_bytes());
        table.extend((bytes.len() as u32).to_le_bytes());
        body.extend(bytes);
        body.resize(body.len().next_multiple_of(page), 0);
    }
    table.resize(page, 0);
    table.extend(body);
    Ok(table)
}

/// A program as a flat image.
///
/// # Errors
///
/// When it is no program for these machines, or leaves no room for the header.
pub(super) fn flat(file: &[u8]) -> Result<Vec<u8>> {
    let image = Image::parse(file)?;
    let segments = image.segments();
    let start = segments.iter().map(|segment| segment.address).min();
    let base = start.context("it has no segments")? & !(PAGE_BYTES - 1);
    let end = |length: fn(&decstation::elf::Segment) -> u32| {
        let ends = segments.iter().map(|own| own.address + length(own));
        ends.max().unwrap_or(base) - base
    };
    let filled = end(|segment| segment.bytes.len() as u32);
    let whole = end(|segment| segment.length);
    ensure!(whole < 16 << 20, "{whole} bytes are no guaranteed segment");
    let mut bytes = vec![0; filled as usize];
    for segment in segments {
        let at = (segment.address - base) as usize;
        bytes[at..at + segment.bytes.len()].copy_from_slice(&segment.bytes);
    }
    let header = [FLAT_MAGIC, base, image.entry(), filled, whole - filled];
    let pages = whole.div_ceil(PAGE_BYTES) as usize;
    ensure!(
        pages <= MOST_GUARANTEED && base + whole <= GUARANTEED_END,
        "{pages} pages at {base:#x} are no guaranteed mappings, of which there are {MOST_GUARANTEED}"
    );
    let room = bytes.get_mut(..4 * header.len()).context("it is empty")?;
    ensure!(
        room.iter().all(|byte| *byte == 0),
        "there is no room for the header at {base:#x}"
    );
    for (place, word) in room.chunks_exact_mut(4).zip(header) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_begin_on_pages() {
        let module = |name: &str, bytes: usize| Module {
            name: name.to_owned(),
            bytes: vec![7; bytes],
        };
        let packed = modules(&[module("a", 4097), module("b", 3)]).unwrap();
        assert_eq!(packed.len(), 4 * 4096);
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| packed[at + byte]));
        assert_eq!((word(0), word(4)), (TABLE_MAGIC, 2));
        assert_eq!((packed[32], packed[33]), (b'a', 0));
        assert_eq!((word(56), word(60)), (4096, 4097));
        assert_eq!((word(88), word(92)), (3 * 4096, 3));
        assert_eq!((packed[8192], packed[8193], packed[12288]), (7, 0, 7));
        assert!(modules(&[module("a name of more than 24 bytes", 1)]).is_err());
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert!(flat(b"nothing").is_err());
    }
}
