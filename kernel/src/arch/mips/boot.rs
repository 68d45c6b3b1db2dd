//! From the ROM's registers to the first environment.
//!
//! Two ways lead here. A boot ROM hands over counted arguments and a vector of calls, and tells which
//! pages there are. A host that has put the image into memory itself hands over how much there is and a
//! string. What both say is told from `a2`, which holds a magic number where there is a ROM.

use super::{Mips, assembly, control, entry, fatal, flush, physical};
use crate::boot::BootInfo;
use crate::layout::Stlb;
use crate::machine::Machine as _;
use crate::plat::decstation::{Board, Rom};
use aegis_abi::PageNo;
use aegis_abi::bookkeeping::{PageState, Public};
use aegis_abi::layout::{
    PAGE_BYTES, TABLE_ARGUMENTS, TABLE_MODULES, TABLE_PAGES, TABLE_PUBLIC, TABLE_STLB, TABLES,
};
use aegis_abi::module::{Module, ROW_WORDS};
use core::cell::UnsafeCell;
use core::mem::offset_of;

/// The argument that makes GXemul forget what the kernel touched, on every way to user mode.
const FORGETFUL: &[u8] = b"forgetful";
/// The argument that is the key of capabilities, and its digits.
const KEY: &[u8] = b"key=";
const KEY_DIGITS: usize = 32;
/// Pages from one that chance is looked for in to the next.
const CHANCE_STEP: usize = 16;
/// Bytes of the boot arguments, at most; a page of the kernel's, which others may read.
pub(super) const ARGUMENT_BYTES: usize = PAGE_BYTES as usize;

/// The boot arguments, words with a space between, a zero byte behind.
#[repr(C, align(4096))]
pub(super) struct Arguments(UnsafeCell<[u8; ARGUMENT_BYTES]>);

// SAFETY: it is written before there is anybody to read it.
unsafe impl Sync for Arguments {}

pub(super) static ARGUMENTS: Arguments = Arguments(UnsafeCell::new([0; ARGUMENT_BYTES]));

/// The start of Rust: the ROM's four words, nothing else in the machine set up.
#[unsafe(no_mangle)]
extern "C" fn aegis_boot(a0: u32, a1: u32, a2: u32, a3: u32) -> ! {
    let rom = Rom::new(a2, a3);
    let board = Board::new(control::processor(), rom);
    fatal::prepare(rom);
    // SAFETY: this is the only time that these words are used, as whoever wrote them means them.
    let memory = unsafe {
        match rom {
            Some(rom) => {
                from_rom(a0, a1);
                rom.memory()
            }
            None => {
                from_host(a1);
                a0
            }
        }
    };
    let pages = (memory / PAGE_BYTES).min(u32::from(u16::MAX)) as u16;
    let forgetful = take_word(|word| word == FORGETFUL);
    // SAFETY: this runs once, first, and memory has been measured.
    let machine = unsafe { Mips::new(board, pages, forgetful) };
    entry::start(machine)
}

/// Copies arguments behind the command's name and the image's.
unsafe fn from_rom(count: u32, arguments: u32) {
    let mut at = 0;
    for index in 2..count {
        // SAFETY: the ROM has as many pointers there as it counts.
        let text = unsafe { ((arguments + 4 * index) as *const u32).read() };
        if at > 0 {
            push(&mut at, b' ');
        }
        // SAFETY: each points to a string.
        unsafe { copy(&mut at, text) };
    }
}

unsafe fn from_host(text: u32) {
    if text != 0 {
        // SAFETY: the host put a string there.
        unsafe { copy(&mut 0, text) };
    }
}

/// Copies a string that ends in a zero.
unsafe fn copy(at: &mut usize, mut text: u32) {
    loop {
        // SAFETY: the string has not ended before this.
        let byte = unsafe { (text as *const u8).read() };
        if byte == 0 || *at == ARGUMENT_BYTES - 1 {
            return;
        }
        push(at, byte);
        text += 1;
    }
}

fn push(at: &mut usize, byte: u8) {
    if *at < ARGUMENT_BYTES - 1 {
        // SAFETY: nobody reads them yet.
        let bytes = unsafe { &mut *ARGUMENTS.0.get() };
        bytes[*at] = byte;
        *at += 1;
    }
}

/// Copies the vectors to where the processor looks for them; before that, makes every way to user mode
/// lead through code that makes GXemul forget, if it shall.
pub(super) fn install_vectors(forgetful: bool) {
    let start = &raw const assembly::vector_source as u32;
    let end = &raw const assembly::vector_source_end as u32;
    if forgetful {
        let text = start & !(PAGE_BYTES - 1);
        let first = &raw const assembly::exits as u32;
        let last = &raw const assembly::exits_end as u32;
        for place in (first..last).step_by(4) {
            // SAFETY: the table holds addresses of two instructions, of which the first is `jr k0` or
            // `jr k1`; nothing runs there yet, and the cache is told below.
            unsafe {
                let at = *(place as *const u32) as *mut u32;
                let by_k0 = at.read() >> 21 & 31 == 26;
                let way = if by_k0 {
                    &raw const assembly::forgetful_k0
                } else {
                    &raw const assembly::forgetful_k1
                };
                // j way; nop
                at.write_volatile(2 << 26 | (way as u32 >> 2 & 0x03ff_ffff));
                at.add(1).write_volatile(0);
            }
        }
        flush(text, &raw const assembly::text_end as u32 - text);
    }
    let words = (end - start) / 4;
    for word in 0..words {
        // SAFETY: the first page of memory is the kernel's.
        unsafe {
            let word_of_code = (start as *const u32).add(word as usize).read();
            (0x8000_0000 as *mut u32)
                .add(word as usize)
                .write_volatile(word_of_code);
        }
    }
    flush(0x8000_0000, 4 * words);
}

/// The first page behind the image, where the states of pages are.
pub(super) fn first_page() -> u32 {
    physical(&raw const assembly::image_end as u32).div_ceil(PAGE_BYTES)
}

/// Pages from one address of the image to another.
fn pages(start: u32, end: u32) -> (PageNo, u16) {
    let first = physical(start) / PAGE_BYTES;
    let count = physical(end).div_ceil(PAGE_BYTES) - first;
    (PageNo(first as u16), count as u16)
}

/// What the kernel is told of the machine.
pub(super) fn info(machine: &mut Mips, key: [u32; 4]) -> BootInfo {
    let memory = machine.pages();
    let states = (u32::from(memory) * size_of::<PageState>() as u32).div_ceil(PAGE_BYTES) as u16;
    let first = first_page() as u16;
    let modules = pages(
        &raw const assembly::modules as u32,
        &raw const assembly::modules_end as u32,
    );
    let stlb = machine.stlb_address();
    let public = machine.public() as *mut _ as u32;
    let arguments = ARGUMENTS.0.get() as u32;
    let mut tables = [(PageNo(0), 0); TABLES];
    tables[TABLE_PAGES as usize] = (PageNo(first), states);
    tables[TABLE_STLB as usize] = pages(stlb, stlb + size_of::<Stlb>() as u32);
    tables[TABLE_PUBLIC as usize] = pages(public, public + size_of::<Public>() as u32);
    tables[TABLE_MODULES as usize] = modules;
    tables[TABLE_ARGUMENTS as usize] = pages(arguments, arguments + PAGE_BYTES);
    let row = modules.0.physical() + 4 * ROW_WORDS as u32 + offset_of!(Module, offset) as u32;
    let offset = machine.load(row);
    BootInfo {
        first_free: PageNo(first + states),
        module: PageNo(modules.0.0 + (offset / PAGE_BYTES) as u16),
        tables,
        // KUp, IEp.
        user_status: 0x0c | machine.board().interrupts(),
        key,
    }
}

/// The key of capabilities: the host's, if it gives one; else what the clock and memory hold, which is the
/// most that these machines have of chance.
pub(super) fn key(machine: &mut Mips) -> [u32; 4] {
    let mut key = [0; 4];
    let given = take_word(|word| {
        let digits = word
            .strip_prefix(KEY)
            .filter(|digits| digits.len() == KEY_DIGITS);
        let Some(digits) = digits else { return false };
        for (place, digit) in digits.iter().enumerate() {
            let value = (*digit as char).to_digit(16).unwrap_or(0);
            key[place / 8] = key[place / 8] << 4 | value;
        }
        true
    });
    if given { key } else { chance(machine) }
}

/// Takes the first word that is meant out of the arguments, so that nobody else reads it; whether there was
/// one.
fn take_word(mut is_meant: impl FnMut(&[u8]) -> bool) -> bool {
    // SAFETY: nobody else reads or writes them yet.
    let bytes = unsafe { &mut *ARGUMENTS.0.get() };
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(ARGUMENT_BYTES - 1);
    let mut start = 0;
    while start < end {
        let length = bytes[start..end].iter().position(|byte| *byte == b' ');
        let next = start + length.unwrap_or(end - start);
        if is_meant(&bytes[start..next]) {
            // With the space behind it; zeros follow the arguments.
            let behind = (next + 1).min(ARGUMENT_BYTES);
            bytes.copy_within(behind.., start);
            bytes[ARGUMENT_BYTES - (behind - start)..].fill(0);
            return true;
        }
        start = next + 1;
    }
    false
}

fn chance(machine: &mut Mips) -> [u32; 4] {
    let mut key = [
        machine.board().time(),
        0x9e37_79b9,
        0x7f4a_7c15,
        0xf39c_c060,
    ];
    let first = first_page() as u16;
    for page in (first..machine.pages()).step_by(CHANCE_STEP) {
        for offset in (0..PAGE_BYTES).step_by(64) {
            let word = machine.load(PageNo(page).physical() + offset);
            let place = offset as usize / 64 % 4;
            key[place] = (key[place] ^ word).rotate_left(7).wrapping_mul(0x9e37_79b1);
        }
    }
    key
}
