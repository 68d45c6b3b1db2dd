//! Images made by hand, whole, damaged and too large.

use super::*;
use crate::board::{self, Board};
use crate::cycles::DEC5000_200;

/// A little-endian executable: one segment of a word and three words of zeros at 0x80001000, and
/// the symbols `start` and `end`.
fn image() -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(b"\x7fELF\x01\x01\x01");
    file.resize(16, 0);
    let half = |file: &mut Vec<u8>, value: u16| file.extend(value.to_le_bytes());
    let word = |file: &mut Vec<u8>, value: u32| file.extend(value.to_le_bytes());
    half(&mut file, ET_EXEC);
    half(&mut file, EM_MIPS);
    word(&mut file, 1);
    word(&mut file, 0x8000_1000);
    word(&mut file, 52);
    word(&mut file, 160);
    word(&mut file, 0x1000);
    for value in [52, 32, 1, 40, 3, 0] {
        half(&mut file, value);
    }
    // The program header: load, offset 84, virtual and physical address, lengths, flags, alignment.
    for value in [1, 84, 0x8000_1000, 0x8000_1000, 4, 16, 5, 4] {
        word(&mut file, value);
    }
    word(&mut file, 0x2402_002a);
    // Symbols at 88: none, start, end; their names at 136.
    for (name, value, info, section) in
        [(0, 0, 0, 0), (1, 0x8000_1000, 2, 1), (7, 0x8000_1010, 0, 1)]
    {
        word(&mut file, name);
        word(&mut file, value);
        word(&mut file, 0);
        file.extend([info, 0]);
        half(&mut file, section);
    }
    file.extend(b"\0start\0end\0");
    file.resize(160, 0);
    // Section headers: none, the symbol table, its names.
    for _ in 0..10 {
        word(&mut file, 0);
    }
    for value in [0, 2, 0, 0, 88, 48, 2, 1, 4, 16] {
        word(&mut file, value);
    }
    for value in [0, 3, 0, 0, 136, 11, 0, 0, 1, 0] {
        word(&mut file, value);
    }
    file
}

fn memory() -> Memory {
    let mut config = board::Config::DEC5000_200;
    config.memory = 1 << 16;
    let board = Board::new(config).unwrap();
    Memory::new(board, false, &DEC5000_200, Endian::Little)
}

#[test]
fn an_image_is_put_where_it_says() {
    let image = Image::parse(&image()).unwrap();
    assert_eq!(image.entry(), 0x8000_1000);
    assert_eq!(image.endian(), Endian::Little);
    let mut memory = memory();
    assert!(memory.set_word(0x1004, 1));
    assert!(memory.set_word(0x1010, 2));
    image.load(&mut memory).unwrap();
    let words: Vec<_> = (0x1000..0x1014)
        .step_by(4)
        .map(|at| memory.word(at))
        .collect();
    assert_eq!(
        words,
        [Some(0x2402_002a), Some(0), Some(0), Some(0), Some(2)]
    );
}

#[test]
fn symbols_name_addresses_and_what_follows_them() {
    let image = Image::parse(&image()).unwrap();
    let symbols = image.symbols();
    assert_eq!(symbols.len(), 2);
    assert_eq!(symbols.address("start"), Some(0x8000_1000));
    assert_eq!(symbols.address("nowhere"), None);
    assert_eq!(symbols.nearest(0x8000_100f), Some(("start", 15)));
    assert_eq!(symbols.nearest(0x8000_1010), Some(("end", 0)));
    assert_eq!(symbols.nearest(0x8000_0fff), None);
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let mut file = image();
    // The length in memory.
    file[72..76].copy_from_slice(&0xffff_ffffu32.to_le_bytes());
    let image = Image::parse(&file).unwrap();
    let mut memory = memory();
    let error = image.load(&mut memory).unwrap_err();
    assert!(
        matches!(
            error,
            Error::OutsideMemory {
                given: u32::MAX,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(memory.word(0x1000), Some(0));
}

#[test]
fn damaged_files_are_refused_or_read_but_never_panic() {
    let whole = image();
    assert!(matches!(Image::parse(b"no image"), Err(Error::Elf(_))));
    for length in 0..whole.len() {
        let _ = Image::parse(&whole[..length]);
    }
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut file = whole.clone();
            file[at] = value;
            if let Ok(image) = Image::parse(&file) {
                let _ = image.load(&mut memory());
            }
        }
    }
    let mut other = whole;
    other[18] = 3;
    assert!(matches!(Image::parse(&other), Err(Error::NotMips)));
}
