//! Virtual memory, as this library does it: a linear page table and pages of zeros on demand.
//!
//! Problem: the kernel translates nothing by itself but guaranteed mappings (paper, §5.4); what a miss means is the
//! application's to say. Method: a linear page table of 2 MB, of which a page is there for each 4 MB
//! that is in use; these pages are guaranteed mappings, so that the fast way of a miss (`trap/entry.S`)
//! reads its word without a miss of its own. What that way does not find comes here
//! (`provide`). Programs map what they like in the arena, where Rust has no object.
//!
//! Left out: a replacement policy, and sharing a page table between activities.

mod entry;

pub use entry::{Access, Entry, State};

use crate::layout::{ARENA, REGION_BYTES, STACK_BYTES, STACKS, TABLE, TRANSFER_TOP, VIEWS};
use crate::sys::{self, Global, memory, save_page};
use aegis_abi::layout::{ANY, ENTRY_DIRTY, ENTRY_VALID, MOST_BATCH, PAGE_BYTES, USER_END};
use aegis_abi::{EnvId, Error, PageNo};

/// Allocates a physical page of zeros.
///
/// # Errors
///
/// Those of the kernel.
pub fn allocate() -> Result<PageNo, Error> {
    let words = sys::page_alloc(ANY)?;
    Ok(PageNo(words.0 as u16))
}

/// What the page of an address is.
pub fn entry(address: u32) -> Entry {
    if address < USER_END && has_table(address) {
        Entry::of(memory::table_word(address))
    } else {
        Entry::UNMAPPED
    }
}

/// Maps a page of the arena to a physical page, or to zeros on demand, or to nothing.
///
/// # Errors
///
/// If the address is not in the arena; those of the kernel.
pub fn map(address: u32, entry: Entry) -> Result<(), Error> {
    check(address, 1)?;
    set(address, entry)
}

/// Makes pages of the arena zeros on demand. What was mapped there stays allocated.
///
/// # Errors
///
/// As [`map`].
pub fn demand(address: u32, pages: u32) -> Result<(), Error> {
    check(address, pages)?;
    for page in 0..pages {
        set(address + page * PAGE_BYTES, Entry::DEMANDED)?;
    }
    Ok(())
}

/// Takes the mappings of pages of the arena away. What they led to stays allocated.
///
/// # Errors
///
/// As [`map`].
pub fn unmap(address: u32, pages: u32) -> Result<(), Error> {
    check(address, pages)?;
    for page in 0..pages {
        let address = address + page * PAGE_BYTES;
        if has_table(address) {
            memory::set_table_word(address, Entry::UNMAPPED.word());
        }
    }
    forget(address, pages)
}

/// Frees pages of the arena: mappings and memory.
///
/// # Errors
///
/// As [`map`].
pub fn free(address: u32, pages: u32) -> Result<(), Error> {
    check(address, pages)?;
    for page in 0..pages {
        let address = address + page * PAGE_BYTES;
        let state = entry(address).state();
        if has_table(address) {
            memory::set_table_word(address, Entry::UNMAPPED.word());
        }
        if let State::Mapped(page, _) = state {
            // The kernel breaks every binding of it.
            sys::page_free(page)?;
        }
    }
    Ok(())
}

/// Changes what may be done to pages of the arena, all with a few calls. A page of another's that may not be
/// written to stays as it is to the kernel: a store to it is a fault.
///
/// # Errors
///
/// As [`map`], but that one page alone is refused what the kernel does not allow.
pub fn protect(address: u32, pages: u32, access: Access) -> Result<(), Error> {
    check(address, pages)?;
    if pages == 1 {
        let entry = entry(address).with(access);
        return set(address, entry);
    }
    let dirty = match access {
        Access::None => None,
        Access::Read => Some(false),
        Access::Write => Some(true),
    };
    let mut done = 0;
    while done < pages {
        let address = address + done * PAGE_BYTES;
        let count = (pages - done).min((REGION_BYTES - address % REGION_BYTES) / PAGE_BYTES);
        if has_table(address) {
            memory::change_table(address, count, dirty, |word| {
                Entry::of(word).with(access).word()
            });
        }
        done += count;
    }
    // What is not bound stays so until it is touched.
    match access {
        Access::None => in_batches(address, pages, sys::tlb_delete_many),
        Access::Read => in_batches(address, pages, sys::tlb_protect),
        Access::Write => in_batches(address, pages, sys::tlb_unprotect),
    }
}

/// The word at an aligned address of the arena.
///
/// # Errors
///
/// If the address is not one.
pub fn load(address: u32) -> Result<u32, Error> {
    memory::load(address).ok_or(Error::BadAddress)
}

/// Sets the word at an aligned address of the arena.
///
/// # Errors
///
/// If the address is not one.
pub fn store(address: u32, word: u32) -> Result<(), Error> {
    if memory::store(address, word) {
        Ok(())
    } else {
        Err(Error::BadAddress)
    }
}

/// Makes the page of an address usable, if it is one of zeros on demand or was only unknown to the kernel;
/// whether it is. It runs where nothing else may fail, so it touches the page table and the save page alone.
///
/// # Errors
///
/// Those of the kernel, which may have no page to give.
pub(crate) fn provide(address: u32) -> Result<bool, Error> {
    let mut found = entry(address);
    if found.state() == State::Demanded {
        found = Entry::mapped(allocate()?, Access::Write);
        memory::set_table_word(address, found.word());
    }
    if found.is_valid() {
        sys::tlb_write(address, found.word())?;
    }
    Ok(found.is_valid())
}

/// A page that is mapped to be filled, and then given away or mapped elsewhere.
#[derive(Debug)]
pub struct Window {
    page: PageNo,
    place: usize,
}

impl Window {
    /// Opens a window on a page that the program owns.
    ///
    /// # Errors
    ///
    /// [`Error::Exhausted`] if all windows are open; those of the kernel.
    pub fn open(page: PageNo) -> Result<Self, Error> {
        let place = WINDOWS.iter().position(|open| !open.get());
        let window = Window {
            page,
            place: place.ok_or(Error::Exhausted)?,
        };
        set(window.address(), Entry::mapped(page, Access::Write))?;
        WINDOWS[window.place].set(true);
        Ok(window)
    }

    /// The page behind it.
    pub fn page(&self) -> PageNo {
        self.page
    }

    /// Copies bytes into the page, as far as it goes.
    pub fn write(&self, offset: u32, bytes: &[u8]) {
        memory::to_window(self.address(), offset, bytes);
    }

    /// Sets a word of the page, by its number.
    pub fn set(&self, word: usize, value: u32) {
        self.write(word as u32 * 4, &value.to_le_bytes());
    }

    fn address(&self) -> u32 {
        VIEWS + self.place as u32 * PAGE_BYTES
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        WINDOWS[self.place].set(false);
        memory::set_table_word(self.address(), Entry::UNMAPPED.word());
        // It could only be refused for its address.
        let _ = sys::tlb_delete(self.address());
    }
}

/// Maps pages of the kernel's, to read, from the `number`th megabyte of views on. The kernel hears of them as
/// they are read.
///
/// # Errors
///
/// If there are too many; those of the kernel.
pub(crate) fn view(number: u32, first: PageNo, pages: u32) -> Result<u32, Error> {
    let address = VIEWS + number * VIEW_BYTES;
    if pages > (USER_END - address) / PAGE_BYTES {
        return Err(Error::Exhausted);
    }
    for page in 0..pages {
        let entry = Entry::mapped(PageNo(first.0.wrapping_add(page as u16)), Access::Read);
        let address = address + page * PAGE_BYTES;
        provide_table(address)?;
        memory::set_table_word(address, entry.word());
    }
    Ok(address)
}

/// Makes a page of zeros a guaranteed mapping of this program's, to write.
pub(crate) fn guarantee_own(address: u32) -> Result<PageNo, Error> {
    let page = allocate()?;
    let own = EnvId(save_page().own.get() as u8);
    let entry = page.physical() | ENTRY_DIRTY | ENTRY_VALID;
    sys::env_guarantee(own, address, entry)?;
    Ok(page)
}

/// Makes sure of the stack that requests are handled on.
pub(crate) fn guarantee_transfer_stack() -> Result<(), Error> {
    if TRANSFER_STACK.get() {
        return Ok(());
    }
    for address in (STACKS + STACK_BYTES..TRANSFER_TOP).step_by(PAGE_BYTES as usize) {
        guarantee_own(address)?;
    }
    TRANSFER_STACK.set(true);
    Ok(())
}

/// Sets the entry of an address, and makes the kernel know.
fn set(address: u32, entry: Entry) -> Result<(), Error> {
    provide_table(address)?;
    memory::set_table_word(address, entry.word());
    if entry.is_valid() {
        sys::tlb_write(address, entry.word())
    } else {
        sys::tlb_delete(address)
    }
}

/// Makes the kernel forget the bindings of pages.
fn forget(address: u32, pages: u32) -> Result<(), Error> {
    in_batches(address, pages, sys::tlb_delete_many)
}

/// Does something to pages, as many at once as the kernel takes.
fn in_batches(
    address: u32,
    pages: u32,
    call: impl Fn(u32, u32) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut done = 0;
    while done < pages {
        let count = (pages - done).min(MOST_BATCH);
        call(address + done * PAGE_BYTES, count)?;
        done += count;
    }
    Ok(())
}

/// Makes sure that the region of an address has a page of the page table.
fn provide_table(address: u32) -> Result<(), Error> {
    if has_table(address) {
        return Ok(());
    }
    let region = address / REGION_BYTES;
    guarantee_own(TABLE + region * PAGE_BYTES)?;
    if let Some(there) = save_page().regions.get(region as usize) {
        there.set(1);
    }
    Ok(())
}

fn has_table(address: u32) -> bool {
    let region = (address / REGION_BYTES) as usize;
    let there = save_page().regions.get(region);
    there.is_some_and(|there| there.get() != 0)
}

/// Whether pages lie in the arena.
fn check(address: u32, pages: u32) -> Result<(), Error> {
    let aligned = address.is_multiple_of(PAGE_BYTES);
    let room = VIEWS.saturating_sub(address) / PAGE_BYTES;
    if aligned && address >= ARENA && pages <= room {
        Ok(())
    } else {
        Err(Error::BadAddress)
    }
}

/// Bytes of a view that another follows.
const VIEW_BYTES: u32 = 0x0010_0000;

static WINDOWS: [Global<bool>; 2] = [const { Global::new(false) }; 2];
static TRANSFER_STACK: Global<bool> = Global::new(false);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_arena_is_the_programs_to_map() {
        for (address, pages) in [
            (0x40_0000, 1),
            (ARENA - PAGE_BYTES, 1),
            (ARENA + 4, 1),
            (VIEWS, 1),
            (VIEWS - PAGE_BYTES, 2),
            (ARENA, u32::MAX),
            (u32::MAX - 4095, 1),
        ] {
            assert_eq!(
                check(address, pages),
                Err(Error::BadAddress),
                "{address:#x}"
            );
            assert_eq!(unmap(address, pages), Err(Error::BadAddress));
            assert_eq!(demand(address, pages), Err(Error::BadAddress));
        }
        assert_eq!(check(ARENA, (VIEWS - ARENA) / PAGE_BYTES), Ok(()));
        assert_eq!(check(VIEWS - PAGE_BYTES, 1), Ok(()));
    }

    #[test]
    fn without_a_kernel_nothing_is_mapped() {
        assert_eq!(
            map(ARENA, Entry::DEMANDED),
            Err(Error::NoSuchCall),
            "there is no page for the page table"
        );
        assert_eq!(entry(ARENA), Entry::UNMAPPED);
        for address in [ARENA, 0, 0xffff_f000] {
            assert_eq!(provide(address), Ok(false));
        }
    }

    #[test]
    fn a_region_with_a_table_has_entries() {
        save_page().regions[(ARENA / REGION_BYTES) as usize].set(1);
        memory::set_table_word(ARENA + 0x5000, Entry::DEMANDED.word());
        assert_eq!(entry(ARENA + 0x5abc).state(), State::Demanded);
        assert_eq!(entry(ARENA + 0x6000).state(), State::Unmapped);
        assert_eq!(provide(ARENA + 0x5000), Err(Error::NoSuchCall));
        assert_eq!(
            protect(ARENA + 0x5000, 1, Access::Read),
            Err(Error::NoSuchCall)
        );
    }
}
