//! No machine: every call is refused, and memory is a map of words that each thread has for itself.

use crate::layout::SavePage;
use aegis_abi::Error;
use aegis_abi::layout::{ENTRY_DIRTY, ENTRY_VALID};
use core::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A word that anybody may read and set.
#[derive(Debug)]
pub struct Global<T: Copy>(Mutex<T>);

impl<T: Copy> Global<T> {
    /// A cell with this in it.
    pub const fn new(value: T) -> Self {
        Global(Mutex::new(value))
    }

    /// What is in it.
    pub fn get(&self) -> T {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something else into it.
    pub fn set(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

thread_local! {
    static MEMORY: RefCell<BTreeMap<u32, u32>> = const { RefCell::new(BTreeMap::new()) };
    static SAVE_PAGE: &'static SavePage = Box::leak(Box::new(SavePage::unprepared()));
}

pub(crate) fn stack_call(_arguments: [u32; 4], _selector: u32) -> u64 {
    u64::from(Error::NoSuchCall.word())
}

pub(crate) fn primitive(_selector: u32, _t1: u32, _t2: u32) -> u32 {
    Error::NoSuchCall.word()
}

pub(crate) fn call_message(_message: &mut [u32; 12], _selector: u32, _from: u32) -> u32 {
    Error::NoSuchCall.word()
}

pub(crate) fn send_message(_message: &[u32; 12], _selector: u32) -> u32 {
    Error::NoSuchCall.word()
}

pub(crate) fn park(_target: u32) -> u32 {
    Error::NoSuchCall.word()
}

pub(crate) fn save_page() -> &'static SavePage {
    SAVE_PAGE.with(|page| *page)
}

pub(crate) fn hang() -> ! {
    panic!("no kernel took the program back");
}

pub(super) fn peek(address: u32) -> u32 {
    MEMORY.with_borrow(|memory| memory.get(&address).copied().unwrap_or_default())
}

pub(super) fn poke(address: u32, word: u32) {
    MEMORY.with_borrow_mut(|memory| memory.insert(address, word));
}

pub(super) fn change_dirty(first: u32, end: u32, dirty: bool) -> u32 {
    let mut at = first;
    while end - at >= 16 {
        let four = [0, 4, 8, 12].map(|offset| at + offset);
        if four.iter().any(|word| peek(*word) & ENTRY_VALID == 0) {
            break;
        }
        for word in four {
            poke(
                word,
                peek(word) & !ENTRY_DIRTY | if dirty { ENTRY_DIRTY } else { 0 },
            );
        }
        at += 16;
    }
    at
}

pub(super) fn poke_byte(address: u32, byte: u8) {
    let shift = address % 4 * 8;
    let word = peek(address & !3);
    poke(
        address & !3,
        word & !(0xff << shift) | u32::from(byte) << shift,
    );
}

pub(super) fn bytes(_address: u32, _length: usize) -> &'static [u8] {
    &[]
}
