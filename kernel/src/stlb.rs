//! The software TLB, and the hardware's with it (§5.4): insert, remove, purge.
//!
//! Problem: when a right to a page ends, every binding made under it must go at once, from both; to search
//! 4096 entries each time would make freeing a page dear. Method: **the STLB includes the TLB**: nothing
//! is in the TLB that is not in the STLB, for both are written together, and what leaves the STLB is deleted
//! from the TLB by its tag. So only the STLB is ever searched, and mostly not even that: each page remembers
//! the one entry that leads to it, or that there are more; each ASID, how many are its. Left out: the refill
//! path, which is assembly, and what may be bound (`translate`).

use crate::{Kernel, env::Env, layout::STLB_ENTRIES, machine::Machine, page::Page};
use aegis_abi::{
    PageNo,
    bookkeeping::{BOUND_OFTEN, UNBOUND},
};

/// A tag with this bit is no entry: an address of the application's has it clear.
pub(crate) const EMPTY: u32 = 0x8000_0000;

/// EntryLo of no entry: it leads to page 0, which is always the kernel's and never bound.
pub(crate) const NOTHING: u32 = 0;

/// The tag of a virtual address in the context of an ASID: EntryHi.
pub(crate) const fn tag(address: u32, asid: u8) -> u32 {
    address & 0xffff_f000 | (asid as u32 & 63) << 6
}

/// The ASID of a tag.
pub(crate) const fn asid(tag: u32) -> u8 {
    (tag >> 6) as u8 & 63
}

/// What `EnvPage::hash` of a context is, but for the STLB's address: 4 times the exclusive-or of indices.
pub(crate) const fn hash(asid: u8) -> u32 {
    (asid as u32 & 63) << 8
}

/// The only place where a tag can be. ASIDs differ in the upper half of the index, pages of one
/// segment in the lower: environments of one layout do not collide.
pub(crate) const fn slot(tag: u32) -> usize {
    ((tag >> 12 ^ hash(asid(tag)) >> 2) as usize) % STLB_ENTRIES
}

impl<M: Machine> Kernel<M> {
    /// Binds a tag, in place of what was where it must stand.
    pub(crate) fn insert(&mut self, tag: u32, low: u32) {
        let slot = slot(tag);
        self.evict(slot);
        let stlb = self.machine.stlb();
        stlb.tags[slot] = tag;
        stlb.entries[slot] = low;
        self.asids.bound(asid(tag));
        if let Some(page) = self.page_bound(low) {
            let binding = &mut self.state(page).binding;
            *binding = match *binding {
                UNBOUND => slot as u16,
                _ => BOUND_OFTEN,
            };
        }
        self.machine.tlb_write_random(tag, low);
    }

    /// Takes the binding of a tag away, if there is one.
    pub(crate) fn remove(&mut self, tag: u32) {
        let slot = slot(tag);
        if self.machine.stlb().tags[slot] == tag {
            self.evict(slot);
        }
    }

    /// Takes away all bindings of an ASID.
    pub(crate) fn purge_asid(&mut self, gone: u8) {
        for slot in 0..STLB_ENTRIES {
            if self.asids.bindings(gone) == 0 {
                return;
            }
            let tag = self.machine.stlb().tags[slot];
            if tag & EMPTY == 0 && asid(tag) == gone {
                self.evict(slot);
            }
        }
    }

    /// Takes away all bindings to a page, but those of `keep`.
    pub(crate) fn purge_page(&mut self, page: Page, keep: Option<Env>) {
        self.purge_page_where(page, |holder| holder != keep || keep.is_none());
    }

    /// Takes away an environment's bindings to a page.
    pub(crate) fn purge_page_of(&mut self, page: Page, env: Env) {
        self.purge_page_where(page, |holder| holder == Some(env));
    }

    fn purge_page_where(&mut self, page: Page, goes: impl Fn(Option<Env>) -> bool) {
        let slots = match self.state(page).binding {
            UNBOUND => 0..0,
            BOUND_OFTEN => 0..STLB_ENTRIES,
            slot => usize::from(slot)..usize::from(slot) + 1,
        };
        let mut left = UNBOUND;
        for slot in slots {
            let slot = slot % STLB_ENTRIES;
            if self.machine.stlb().entries[slot] >> 12 != u32::from(page.number().0) {
                continue;
            }
            let holder = self.asids.env(asid(self.machine.stlb().tags[slot]));
            if goes(holder) {
                self.evict(slot);
            } else {
                left = match left {
                    UNBOUND => slot as u16,
                    _ => BOUND_OFTEN,
                };
            }
        }
        self.state(page).binding = left;
    }

    /// Takes away all bindings of an environment, and all to its pages, in one pass.
    pub(crate) fn purge_env(&mut self, env: Env) {
        for slot in 0..STLB_ENTRIES {
            let stlb = self.machine.stlb();
            let (tag, low) = (stlb.tags[slot], stlb.entries[slot]);
            if tag & EMPTY != 0 {
                continue;
            }
            let of_its_page = match self.page_bound(low) {
                Some(page) => self.state(page).owner == env.owner(),
                None => false,
            };
            if of_its_page || self.asids.env(asid(tag)) == Some(env) {
                self.evict(slot);
            }
        }
    }

    fn page_bound(&mut self, low: u32) -> Option<Page> {
        self.page(PageNo::of(low)?).ok()
    }

    /// Empties a slot, and the TLB of what was in it.
    fn evict(&mut self, slot: usize) {
        let stlb = self.machine.stlb();
        let (tag, low) = (stlb.tags[slot], stlb.entries[slot]);
        if tag & EMPTY != 0 {
            return;
        }
        stlb.tags[slot] = EMPTY;
        stlb.entries[slot] = NOTHING;
        self.machine.tlb_delete(tag);
        self.asids.unbound(asid(tag));
        if let Some(page) = self.page_bound(low) {
            let binding = &mut self.state(page).binding;
            if *binding == slot as u16 {
                *binding = UNBOUND;
            }
        }
    }
}
