//! Coprocessor 0 as Rust uses it: the TLB, and which processor there is.
//!
//! Each function is a few instructions, put where it is called, and leaves Index at entry 1 and EntryHi at
//! ASID 0, which is how Rust found them. Distances between them are those that the R2000 asks for: one
//! instruction from the change of a register to its use.

use core::arch::asm;

/// Index of entry 1.
const OWN: u32 = 1 << 8;
/// An address that no TLB is asked for, of a page of kseg0; entry n has the nth.
pub(super) const NOWHERE: u32 = 0x8000_0000;

/// Writes the entry of a number.
///
/// # Safety
///
/// The entry is what the kernel means to be there, and no other matches its addresses.
pub(super) unsafe fn tlb_write(number: u32, high: u32, low: u32) {
    // SAFETY: as the caller says; no memory that Rust knows is translated.
    unsafe {
        asm!(
            ".set noat",
            "mtc0 {index}, $0", // Index
            "mtc0 {high}, $10", // EntryHi
            "mtc0 {low}, $2",   // EntryLo
            "nop",              // they change
            "tlbwi",
            "nop", // it writes
            "mtc0 $zero, $10",
            "mtc0 {own}, $0",
            index = in(reg) number << 8,
            high = in(reg) high,
            low = in(reg) low,
            own = in(reg) OWN,
            options(nostack, preserves_flags),
        );
    }
}

/// Writes an entry that is not wired.
///
/// # Safety
///
/// As for [`tlb_write`].
pub(super) unsafe fn tlb_write_random(high: u32, low: u32) {
    // SAFETY: as for `tlb_write`.
    unsafe {
        asm!(
            ".set noat",
            "mtc0 {high}, $10", // EntryHi
            "mtc0 {low}, $2",   // EntryLo
            "nop",              // they change
            "tlbwr",
            "nop", // it writes
            "mtc0 $zero, $10",
            high = in(reg) high,
            low = in(reg) low,
            options(nostack, preserves_flags),
        );
    }
}

/// Makes the entry that matches `high`, if there is one, match nothing.
///
/// # Safety
///
/// It is not a wired entry.
pub(super) unsafe fn tlb_delete(high: u32) {
    // SAFETY: as for `tlb_write`.
    unsafe {
        asm!(
            ".set noat",
            ".set noreorder",
            "mtc0 {high}, $10", // EntryHi
            "nop",              // it changes
            "tlbp",
            "nop",              // Index changes
            "mfc0 {index}, $0", // where it is, or negative
            "nop",              // it is on its way
            "bltz {index}, 2f", // nowhere
            "sll {index}, {index}, 4", // index << 12 (slot)
            "or {index}, {index}, {nowhere}",
            "mtc0 {index}, $10", // EntryHi
            "mtc0 $zero, $2",    // EntryLo: not valid
            "nop",               // they change
            "tlbwi",
            "nop", // it writes
            "2:",
            "mtc0 $zero, $10",
            "mtc0 {own}, $0",
            high = in(reg) high,
            index = out(reg) _,
            nowhere = in(reg) NOWHERE,
            own = in(reg) OWN,
            options(nostack, preserves_flags),
        );
    }
}

/// PRId: which processor it is.
pub(super) fn processor() -> u32 {
    let number;
    // SAFETY: reading it changes nothing.
    unsafe {
        asm!(".set noat", "mfc0 {0}, $15", "nop", out(reg) number, options(nomem, nostack, preserves_flags))
    };
    number
}

/// Where the processor is, and its stack.
pub(super) fn here() -> (u32, u32) {
    let (pc, sp);
    // SAFETY: as for `processor`.
    unsafe {
        asm!(
            ".set noat",
            "lui {pc}, %hi(2f)",
            "addiu {pc}, {pc}, %lo(2f)",
            "2:",
            "addu {sp}, $sp, $zero",
            pc = out(reg) pc,
            sp = out(reg) sp,
            options(nomem, nostack, preserves_flags),
        );
    }
    (pc, sp)
}
