//! The real machine: calls as procedures of assembly, memory at fixed addresses.
#![expect(unsafe_code, reason = "the island: each block says what it rests on")]

use crate::layout::{SAVE, SavePage};
use aegis_abi::layout::{ENTRY_DIRTY, ENTRY_VALID};
use core::cell::UnsafeCell;

core::arch::global_asm!(
    include_str!("calls.S"),
    DIRTY = const ENTRY_DIRTY,
    VALID = const ENTRY_VALID,
);

/// A word that anybody may read and set. No references to it are handed out, and each access is made, for
/// a handler may come at any instruction.
#[derive(Debug)]
pub struct Global<T: Copy>(UnsafeCell<T>);

// SAFETY: there is one processor, and no thread but what interrupts (a fault's handler, a transfer's, a
// slice's end), which runs to its end or goes on later. `get` and `set` are one access each, because
// `new` accepts no type larger than a word.
unsafe impl<T: Copy> Sync for Global<T> {}

impl<T: Copy> Global<T> {
    /// A cell with this in it.
    pub const fn new(value: T) -> Self {
        const { assert!(size_of::<T>() <= 4, "a cell holds one word") }
        Global(UnsafeCell::new(value))
    }

    /// What is in it.
    pub fn get(&self) -> T {
        // SAFETY: there are no references to what is in it, and it is always a value.
        unsafe { self.0.get().read_volatile() }
    }

    /// Puts something else into it.
    pub fn set(&self, value: T) {
        // SAFETY: there are no references to what is in it.
        unsafe { self.0.get().write_volatile(value) }
    }
}

unsafe extern "C" {
    safe fn exos_stack_call(a0: u32, a1: u32, a2: u32, a3: u32, selector: u32) -> u64;
    safe fn exos_primitive(selector: u32, t1: u32, t2: u32) -> u32;
    safe fn exos_call(message: &mut [u32; 12], selector: u32, awaited: u32) -> u32;
    safe fn exos_send(message: &[u32; 12], selector: u32) -> u32;
    safe fn exos_yield(target: u32) -> u32;
    fn exos_protect(first: u32, end: u32) -> u32;
    fn exos_unprotect(first: u32, end: u32) -> u32;
}

pub(crate) fn stack_call([a0, a1, a2, a3]: [u32; 4], selector: u32) -> u64 {
    exos_stack_call(a0, a1, a2, a3, selector)
}

pub(crate) fn primitive(selector: u32, t1: u32, t2: u32) -> u32 {
    exos_primitive(selector, t1, t2)
}

pub(crate) fn call_message(message: &mut [u32; 12], selector: u32, awaited: u32) -> u32 {
    exos_call(message, selector, awaited)
}

pub(crate) fn send_message(message: &[u32; 12], selector: u32) -> u32 {
    exos_send(message, selector)
}

pub(crate) fn park(target: u32) -> u32 {
    exos_yield(target)
}

/// The page that this program shares with its trap code.
pub(crate) fn save_page() -> &'static SavePage {
    // SAFETY: whoever started the program mapped a page there before its first instruction (the first
    // program: before the first use), and it stays, since guaranteed mappings are pinned. All of its fields
    // are cells, and any word is a value of theirs.
    unsafe { &*(SAVE as *const SavePage) }
}

/// Does nothing until the slice ends, and on.
pub(crate) fn hang() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// A word of memory that `memory` has found to be none of Rust's.
pub(super) fn peek(address: u32) -> u32 {
    // SAFETY: `memory` gives aligned addresses in ranges where Rust has no object. What they are
    // mapped to is a page of words; if they are not, the load faults and the handler decides.
    unsafe { (address as *const u32).read_volatile() }
}

/// Sets such a word.
pub(super) fn poke(address: u32, word: u32) {
    // SAFETY: as for `peek`.
    unsafe { (address as *mut u32).write_volatile(word) }
}

/// Takes D from such words, or gives it to them, as long as there are four of which all have V; where that ends.
pub(super) fn change_dirty(first: u32, end: u32, dirty: bool) -> u32 {
    // SAFETY: as for `peek`; nothing else is touched.
    unsafe {
        if dirty {
            exos_unprotect(first, end)
        } else {
            exos_protect(first, end)
        }
    }
}

/// Sets such a byte.
pub(super) fn poke_byte(address: u32, byte: u8) {
    // SAFETY: as for `peek`.
    unsafe { (address as *mut u8).write_volatile(byte) }
}

/// Memory that `memory` has mapped for good and to read only.
pub(super) fn bytes(address: u32, length: usize) -> &'static [u8] {
    // SAFETY: `memory` gives ranges of the views that it has mapped to pages of the kernel's that never
    // change, and never unmaps them.
    unsafe { core::slice::from_raw_parts(address as *const u8, length) }
}
