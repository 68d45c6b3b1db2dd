//! Program files, right and wrong.

use super::image::{Fault, Image, MOST_SEGMENTS};
use crate::layout::{PROGRAM, PROGRAM_END, TRAP, VECTORS_MAGIC};
use proptest::prelude::*;

/// A segment of a made file.
#[derive(Clone, Debug)]
struct Part {
    address: u32,
    file: Vec<u8>,
    bytes: u32,
    flags: u32,
}

const READ: u32 = 4;
const WRITE: u32 = 6;
const EXECUTE: u32 = 5;

fn trap() -> Part {
    let mut file = vec![0; 64];
    file[..4].copy_from_slice(&VECTORS_MAGIC.to_le_bytes());
    file[4..8].copy_from_slice(&(TRAP + 0x40).to_le_bytes());
    Part {
        address: TRAP,
        bytes: 64,
        file,
        flags: EXECUTE,
    }
}

fn part(address: u32, file: &[u8], bytes: u32, flags: u32) -> Part {
    Part {
        address,
        file: file.to_vec(),
        bytes,
        flags,
    }
}

/// A file with these segments.
fn made(entry: u32, parts: &[Part]) -> Vec<u8> {
    let mut file = vec![0x7f, b'E', b'L', b'F', 1, 1, 1];
    file.resize(16, 0);
    for half in [2u16, 8] {
        file.extend(half.to_le_bytes());
    }
    for word in [1, entry, 52, 0, 0] {
        file.extend(word.to_le_bytes());
    }
    for half in [52, 32, parts.len() as u16, 40, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    let mut offset = 52 + 32 * parts.len() as u32;
    for part in parts {
        let length = part.file.len() as u32;
        for word in [
            1,
            offset,
            part.address,
            part.address,
            length,
            part.bytes,
            part.flags,
            4,
        ] {
            file.extend(word.to_le_bytes());
        }
        offset += length;
    }
    for part in parts {
        file.extend(&part.file);
    }
    file
}

fn fault(parts: &[Part]) -> Fault {
    Image::parse(&made(PROGRAM, parts)).unwrap_err()
}

#[test]
fn a_program_becomes_pages() {
    let code: Vec<u8> = (0..5000).map(|byte| byte as u8).collect();
    let parts = [
        part(PROGRAM + 0x3010, &[7; 8], 0x1800, WRITE),
        trap(),
        part(PROGRAM, &code, 5000, EXECUTE),
    ];
    let file = made(PROGRAM + 8, &parts);
    let image = Image::parse(&file).unwrap();
    assert_eq!(image.entry, PROGRAM + 8);
    assert_eq!(image.vectors.miss_load, TRAP + 0x40);
    assert_eq!(image.trap.len(), 64);
    let pages: Vec<_> = image.pages().collect();
    let places: Vec<_> = pages
        .iter()
        .map(|page| {
            (
                page.address - PROGRAM,
                page.offset,
                page.bytes.len(),
                page.writable,
            )
        })
        .collect();
    assert_eq!(
        places,
        [
            (0, 0, 4096, false),
            (0x1000, 0, 904, false),
            (0x3000, 0x10, 8, true),
            (0x4000, 0, 0, true)
        ]
    );
    assert_eq!(pages[1].bytes, &code[4096..]);
}

#[test]
fn wrong_programs_are_told_from_right_ones() {
    let code = part(PROGRAM, &[0; 8], 8, EXECUTE);
    assert_eq!(Image::parse(b"\x7fELF").unwrap_err(), Fault::NotElf);
    assert_eq!(fault(core::slice::from_ref(&code)), Fault::Trap);
    assert_eq!(fault(&[trap()]), Fault::Entry(PROGRAM));
    let read = Part {
        flags: READ,
        ..code.clone()
    };
    assert_eq!(fault(&[trap(), read]), Fault::Entry(PROGRAM));
    let both = part(PROGRAM, &[0; 8], 8, 7);
    assert_eq!(fault(&[trap(), both]), Fault::Writable(PROGRAM));
    for (address, bytes) in [
        (0x1000, 8),
        (TRAP + 4, 8),
        (PROGRAM - 4, 8),
        (PROGRAM_END - 4, 8),
        (PROGRAM, u32::MAX),
        (0xffff_fff0, 0x20),
        (0x8000_0000, 8),
    ] {
        let far = part(address, &[0; 8], bytes, READ);
        assert_eq!(fault(&[trap(), far]), Fault::Outside(address));
    }
    let near = part(PROGRAM + 0x800, &[0; 8], 8, READ);
    assert_eq!(
        fault(&[near, trap(), code.clone()]),
        Fault::Shared(PROGRAM + 0x800)
    );
    let more = part(PROGRAM, &[0; 9], 8, EXECUTE);
    assert_eq!(fault(&[trap(), more]), Fault::NotElf);
    let many: Vec<_> = (0..=MOST_SEGMENTS as u32)
        .map(|at| part(PROGRAM + 0x1000 * at, &[0; 8], 8, EXECUTE))
        .collect();
    assert_eq!(fault(&many), Fault::Segments);
    let mut old = trap();
    old.file[0] ^= 1;
    assert_eq!(fault(&[old, code.clone()]), Fault::Trap);
    let mut foreign = made(PROGRAM, &[trap(), code]);
    foreign[18] = 3;
    assert_eq!(Image::parse(&foreign).unwrap_err(), Fault::Foreign);
}

/// What must hold of any image: nobody's pages but the program's, each once, no byte that is not the file's.
fn is_sound(file: &[u8], image: &Image<'_>) {
    let mut next = PROGRAM;
    let mut given = 0;
    for page in image.pages() {
        assert!(page.address.is_multiple_of(4096) && page.address >= next);
        assert!(page.address < PROGRAM_END);
        assert!(page.offset as usize + page.bytes.len() <= 4096);
        next = page.address + 4096;
        given += page.bytes.len();
    }
    assert!(given <= file.len() * MOST_SEGMENTS);
    assert!(image.trap.len() <= 4096);
    assert!(image.entry.is_multiple_of(4));
}

fn any_part() -> impl Strategy<Value = Part> {
    let address = prop_oneof![
        Just(TRAP),
        Just(PROGRAM),
        (0u32..16).prop_map(|page| PROGRAM + page * 0x400),
        (0u32..16).prop_map(|page| PROGRAM_END.wrapping_sub(page * 0x400)),
        any::<u32>()
    ];
    let bytes = prop_oneof![0u32..0x3000, any::<u32>()];
    let file = proptest::collection::vec(any::<u8>(), 0..64);
    (address, file, bytes, 0u32..8).prop_map(|(address, file, bytes, flags)| Part {
        address,
        file,
        bytes,
        flags,
    })
}

proptest! {
    #[test]
    fn hostile_segments_do_no_harm(parts in proptest::collection::vec(any_part(), 0..12), entry: u32, right: bool) {
        let mut parts = parts;
        if right {
            parts.push(trap());
        }
        let file = made(entry, &parts);
        if let Ok(image) = Image::parse(&file) {
            is_sound(&file, &image);
        }
    }

    #[test]
    fn hostile_bytes_do_no_harm(changes in proptest::collection::vec((0usize..400, any::<u8>()), 0..8)) {
        let parts = [trap(), part(PROGRAM, &[0; 100], 0x2345, EXECUTE), part(PROGRAM + 0x4000, &[1; 40], 50, WRITE)];
        let mut file = made(PROGRAM, &parts);
        for (place, byte) in changes {
            if let Some(old) = file.get_mut(place) {
                *old = byte;
            }
        }
        if let Ok(image) = Image::parse(&file) {
            is_sound(&file, &image);
        }
    }

    #[test]
    fn a_file_cut_anywhere_does_no_harm(length in 0usize..400) {
        let file = made(PROGRAM, &[trap(), part(PROGRAM, &[0; 100], 200, EXECUTE)]);
        let cut = &file[..length.min(file.len())];
        if let Ok(image) = Image::parse(cut) {
            is_sound(cut, &image);
        }
    }
}
