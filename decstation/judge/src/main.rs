//! The monitor: runs cases that lie in memory and leaves what became of each in memory.
//!
//! The simulator and the emulators that judge it must see the same program. So this image knows
//! nothing of what is judged: a case is code, data, registers and TLB entries, all written by the
//! host; it runs in kernel or user mode until it raises an exception, and its record holds the
//! registers, coprocessor 0 and the data then. The layout of both is that of `trap.s` and of
//! `decstation::judge`.
//!
//! It is started by a DECstation's ROM, then it prints every record and halts, or by anything
//! else, then it stores to an address that the host watches.

#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

use core::ptr::{read_volatile, write_volatile};

core::arch::global_asm!(include_str!("trap.s"));

/// Cases: a count, then `CASE` words each from the next kilobyte on.
const CASES: u32 = 0x8020_0000;
const CASE: u32 = 256;
/// Records: `RECORD` words each.
const RECORDS: u32 = 0x8040_0000;
const RECORD: u32 = 128;
/// The page that code is copied to, and the page of data.
const CODE: u32 = 0x8030_0000;
const DATA: u32 = 0x8030_2000;
/// Where user mode sees them; behind the data a page that is read-only and one that is not valid.
const USER_CODE: u32 = 0x0040_0000;
const USER_DATA: u32 = 0x0050_0000;
/// Parts of a case, in words.
const CASE_SPACE: u32 = 2;
const CASE_CODE_WORDS: u32 = 3;
const CASE_ENTRIES: u32 = 42;
const CASE_CODE: u32 = 64;
const CASE_CODE_MOST: u32 = 128;
const CASE_DATA: u32 = 192;
const DATA_WORDS: u32 = 64;
/// Where the data stands in a record.
const RECORD_DATA: u32 = 64;

/// Bits of EntryLo.
const DIRTY: u32 = 0x400;
const VALID: u32 = 0x200;

/// What `a2` holds when the ROM's calls are there, and the calls.
const ROM: u32 = 0x3046_4354;
const ROM_PRINTF: u32 = 0x30;
const ROM_HALT: u32 = 0x9c;
/// Where a host without a ROM watches for the end.
const FINISHED: u32 = 0xbf00_0004;

unsafe extern "C" {
    static boot: [u32; 4];
    static vector_utlb: [u32; 4];
    static vector_general: [u32; 4];
    fn enter(case: u32, record: u32);
    fn flush(address: u32, words: u32);
    fn write_entry(index: u32, high: u32, low: u32);
    fn set_entry_high(high: u32);
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    // SAFETY: the image owns the whole machine; every address below is memory of it that nothing
    // else uses, or a register of it.
    unsafe {
        copy(&raw const vector_utlb as u32, 0x8000_0000, 4);
        copy(&raw const vector_general as u32, 0x8000_0080, 4);
        forget_code(0x8000_0000, 36);
        let count = load(CASES);
        for index in 0..count {
            let case = CASES + 4 * CASE * (index + 1);
            let record = RECORDS + 4 * RECORD * index;
            prepare(case);
            enter(case, record);
            copy(DATA, record + 4 * RECORD_DATA, DATA_WORDS);
        }
        finish(count)
    }
}

/// Puts a case's code, data and translations in place.
unsafe fn prepare(case: u32) {
    // SAFETY: as in `main`.
    unsafe {
        let words = load(case + 4 * CASE_CODE_WORDS).min(CASE_CODE_MOST);
        copy(case + 4 * CASE_CODE, CODE, words);
        forget_code(CODE, CASE_CODE_MOST);
        copy(case + 4 * CASE_DATA, DATA, DATA_WORDS);
        // Memory that nothing has written differs from machine to machine.
        copy(case + 4 * CASE_DATA, DATA + 0x1000, DATA_WORDS);
        for index in 0..64 {
            // Addresses that no translation is asked for.
            write_entry(index, 0x8000_0000 + (index << 12), 0);
        }
        let space = load(case + 4 * CASE_SPACE);
        let own = space & 0xfc0;
        write_entry(0, USER_CODE | own, physical(CODE) | VALID);
        write_entry(1, USER_DATA | own, physical(DATA) | VALID | DIRTY);
        write_entry(
            2,
            (USER_DATA + 0x1000) | own,
            (physical(DATA) + 0x1000) | VALID,
        );
        write_entry(3, (USER_DATA + 0x2000) | own, physical(DATA));
        let entries = load(case + 4 * CASE_ENTRIES);
        for entry in 0..entries.min(7) {
            let at = case + 4 * (CASE_ENTRIES + 1 + 3 * entry);
            write_entry(load(at), load(at + 4), load(at + 8));
        }
        set_entry_high(space);
    }
}

/// Prints the records and halts, or tells the host that they are there.
unsafe fn finish(count: u32) -> ! {
    // SAFETY: as in `main`; the ROM's vector holds the addresses of its calls.
    unsafe {
        let arguments = read_volatile(&raw const boot);
        if arguments[2] != ROM {
            loop {
                store(FINISHED, count);
            }
        }
        let printf: extern "C" fn(*const u8, u32) -> u32 =
            core::mem::transmute(load(arguments[3] + ROM_PRINTF) as usize);
        let halt: extern "C" fn(u32) -> u32 =
            core::mem::transmute(load(arguments[3] + ROM_HALT) as usize);
        printf(c"records %x\n".as_ptr().cast(), count);
        for word in 0..count * RECORD {
            printf(c"%x\n".as_ptr().cast(), load(RECORDS + 4 * word));
        }
        printf(c"end %x\n".as_ptr().cast(), count);
        loop {
            halt(0);
        }
    }
}

unsafe fn forget_code(address: u32, words: u32) {
    let uncached = (flush as *const () as usize | 0x2000_0000) as *const ();
    // SAFETY: the same function, at its address past the caches.
    unsafe {
        let flush: unsafe extern "C" fn(u32, u32) = core::mem::transmute(uncached);
        flush(address, words);
    }
}

unsafe fn copy(from: u32, to: u32, words: u32) {
    for word in 0..words {
        // SAFETY: the caller's ranges are memory.
        unsafe { store(to + 4 * word, load(from + 4 * word)) };
    }
}

unsafe fn load(address: u32) -> u32 {
    // SAFETY: the caller's address is memory or a register.
    unsafe { read_volatile(address as *const u32) }
}

unsafe fn store(address: u32, value: u32) {
    // SAFETY: the caller's address is memory or a register.
    unsafe { write_volatile(address as *mut u32, value) }
}

const fn physical(address: u32) -> u32 {
    address & 0x1fff_ffff
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
