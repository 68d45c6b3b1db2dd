//! Memory at fixed addresses that Rust has no object in: the page table, the arena, windows, views.
//!
//! Problem: `vm` and `process` write page tables, other programs' pages and buffers for the kernel, none of
//! which Rust's types can name. Method: functions that accept only addresses of the ranges in
//! [`layout`](crate::layout) where the program has no object, so whatever they do there, no reference sees it. A
//! word that is not mapped faults, and the program's handlers decide, as for any access.

use super::raw;
use crate::layout::{ARENA, CONSOLE, TABLE, VIEWS};
use aegis_abi::layout::{PAGE_BYTES, USER_END};

/// The word of the page table for an address. Its region must have a page.
pub(crate) fn table_word(address: u32) -> u32 {
    raw::peek(table_address(address))
}

/// Sets the word of the page table for an address. Its region must have a page.
pub(crate) fn set_table_word(address: u32, word: u32) {
    raw::poke(table_address(address), word);
}

/// Changes the words of the page table for pages that follow each other, whose regions must have pages. Where D
/// is to be set or cleared, words with V are changed four at a time; every other by itself.
pub(crate) fn change_table(
    address: u32,
    pages: u32,
    dirty: Option<bool>,
    other: impl Fn(u32) -> u32,
) {
    let mut at = table_address(address);
    let end = at + pages * 4;
    while at < end {
        if let Some(dirty) = dirty {
            at = raw::change_dirty(at, end, dirty);
        }
        if at < end {
            raw::poke(at, other(raw::peek(at)));
            at += 4;
        }
    }
}

/// Copies bytes to where they are printed from, as far as the page goes.
pub(crate) fn to_console(offset: u32, bytes: &[u8]) {
    for (offset, &byte) in (offset..PAGE_BYTES).zip(bytes) {
        raw::poke_byte(CONSOLE + offset, byte);
    }
}

/// The word at an aligned address of the arena, if it is one.
pub(crate) fn load(address: u32) -> Option<u32> {
    is_arena(address).then(|| raw::peek(address))
}

/// Sets the word at an aligned address of the arena; `false` if it is none.
pub(crate) fn store(address: u32, word: u32) -> bool {
    let good = is_arena(address);
    if good {
        raw::poke(address, word);
    }
    good
}

/// Copies bytes to a place in the window that begins at `window`, as far as its page goes.
pub(crate) fn to_window(window: u32, offset: u32, bytes: &[u8]) {
    if !is_view(window) {
        return;
    }
    let room = PAGE_BYTES.saturating_sub(offset) as usize;
    let bytes = bytes.get(..room).unwrap_or(bytes);
    let mut at = window + offset;
    let (words, rest) = bytes.as_chunks::<4>();
    if at.is_multiple_of(4) {
        for word in words {
            raw::poke(at, u32::from_le_bytes(*word));
            at += 4;
        }
    } else {
        for &byte in words.as_flattened() {
            raw::poke_byte(at, byte);
            at += 1;
        }
    }
    for &byte in rest {
        raw::poke_byte(at, byte);
        at += 1;
    }
}

/// The word at an aligned offset in a view.
pub(crate) fn view_word(view: u32, offset: u32) -> u32 {
    let address = view.wrapping_add(offset) & !3;
    if is_view(address) {
        raw::peek(address)
    } else {
        0
    }
}

/// Memory of a view that is mapped for good, to pages that nobody changes.
pub(crate) fn view_bytes(view: u32, length: u32) -> &'static [u8] {
    let fits = view
        .checked_add(length)
        .is_some_and(|end| is_view(view) && end <= USER_END);
    if fits {
        raw::bytes(view, length as usize)
    } else {
        &[]
    }
}

fn table_address(address: u32) -> u32 {
    TABLE + (address % USER_END / PAGE_BYTES) * 4
}

fn is_arena(address: u32) -> bool {
    address.is_multiple_of(4) && (ARENA..VIEWS).contains(&address)
}

fn is_view(address: u32) -> bool {
    (VIEWS..USER_END).contains(&address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_rust_does_not_know_is_reached() {
        assert!(store(ARENA, 7) && store(VIEWS - 4, 8));
        assert_eq!((load(ARENA), load(VIEWS - 4)), (Some(7), Some(8)));
        for address in [0, ARENA - 4, ARENA + 2, VIEWS, 0x40_0000] {
            assert!(!store(address, 1));
            assert_eq!(load(address), None);
        }
    }

    #[test]
    fn windows_end_with_their_page() {
        let window = VIEWS + PAGE_BYTES;
        to_window(window, PAGE_BYTES - 5, &[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(view_word(window, PAGE_BYTES - 4), 0x0504_0302);
        assert_eq!(view_word(window, PAGE_BYTES), 0);
        to_window(window, 8, &[1, 2, 3, 4, 5]);
        assert_eq!(
            (view_word(window, 8), view_word(window, 12)),
            (0x0403_0201, 5)
        );
    }

    #[test]
    fn words_of_the_table_change_alone_and_in_fours() {
        const V: u32 = aegis_abi::layout::ENTRY_VALID;
        const D: u32 = aegis_abi::layout::ENTRY_DIRTY;
        let first = ARENA + 0x7000;
        // The sixth is another kind of word.
        let before = |page: u32| page << 12 | if page == 5 { 1 } else { V };
        for pages in 1..10 {
            for dirty in [None, Some(true), Some(false)] {
                for page in 0..10 {
                    set_table_word(first + page * PAGE_BYTES, before(page) | D & page << 10);
                }
                change_table(first, pages, dirty, |word| match dirty {
                    Some(true) if word & V != 0 => word | D,
                    Some(false) if word & V != 0 => word & !D,
                    _ => word + 2,
                });
                for page in 0..10 {
                    let word = before(page) | D & page << 10;
                    let changed = match dirty {
                        _ if page >= pages => word,
                        Some(true) if page != 5 => word | D,
                        Some(false) if page != 5 => word & !D,
                        _ => word + 2,
                    };
                    assert_eq!(table_word(first + page * PAGE_BYTES), changed);
                }
            }
        }
    }

    #[test]
    fn the_table_has_a_word_for_every_page() {
        set_table_word(0x7fff_f000, 5);
        assert_eq!(table_word(0x7fff_ffff), 5);
        assert_eq!(table_address(0x7fff_f000), 0x3f_fffc);
        assert_eq!(table_address(0x40_0000), 0x20_1000);
    }
}
