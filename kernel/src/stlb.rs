//! The software TLB, and the hardware's with it (§5.4): insert, remove, purge.
//!
//! Problem: when a right to a page ends, every binding made under it must go at once, from both; to search
//! 4096 entries each time would make freeing a page dear. Method: **the STLB includes the TLB**: nothing
//! is in the TLB that is not in the STLB, for both are written together, and what leaves the STLB is deleted
//! from the TLB by its tag. So only the STLB is ever searched, and mostly not even that: each page remembers
//! the one entry that leads to it, or that there are more; each ASID, how many are its.
//!
//! **Victims.** An instruction whose code and data have the same place in the STLB would never complete if each
//! binding deleted the other from the TLB. So what is displaced becomes a victim: it stays in the TLB, and
//! is searched and purged as if it were an entry, until [`VICTIMS`] later ones have been displaced, it is bound
//! again, or the time slice ends. More pages than one instruction and the way through its miss handlers need are not meant to share a place.
//!
//! Left out: the refill path, which is assembly and knows no victims, and what may be bound (`translate`).

use crate::{
    Kernel,
    env::Env,
    layout::{STLB_ENTRIES, VICTIMS},
    machine::Machine,
    page::Page,
};
use aegis_abi::{
    PageNo,
    bookkeeping::{BOUND_OFTEN, UNBOUND},
};

/// A tag with this bit is no entry: an address of the application's has it clear.
pub(crate) const EMPTY: u32 = 0x8000_0000;

/// EntryLo of no entry: it leads to page 0, which is always the kernel's and never bound.
pub(crate) const NOTHING: u32 = 0;

/// Slots that are looked at together.
const GROUP: usize = 16;

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

/// What tells the assembly, by its sign, that there may be victims.
const DISPLACED: u32 = 0x8000_0000;

/// Places of bindings: entries, then victims.
pub(crate) const PLACES: usize = STLB_ENTRIES + VICTIMS;

impl<M: Machine> Kernel<M> {
    /// The tag and EntryLo in a place.
    pub(crate) fn binding(&mut self, place: usize) -> (u32, u32) {
        match place.checked_sub(STLB_ENTRIES) {
            None => {
                let stlb = self.machine.stlb();
                (stlb.tags[place], stlb.entries[place])
            }
            Some(victim) => self.machine.scratch().victims[victim % VICTIMS],
        }
    }

    fn put(&mut self, place: usize, tag: u32, low: u32) {
        match place.checked_sub(STLB_ENTRIES) {
            None => {
                let stlb = self.machine.stlb();
                stlb.tags[place] = tag;
                stlb.entries[place] = low;
            }
            Some(victim) => self.machine.scratch().victims[victim % VICTIMS] = (tag, low),
        }
    }

    /// Where a tag is bound.
    fn place(&mut self, tag: u32) -> Option<usize> {
        let slot = slot(tag);
        if self.machine.stlb().tags[slot] == tag {
            return Some(slot);
        }
        let scratch = self.machine.scratch();
        if scratch.displaced == 0 {
            return None;
        }
        let mut victims = scratch.victims.iter();
        let found = victims.position(|&(victim, _)| victim == tag);
        found.map(|victim| STLB_ENTRIES + victim)
    }

    /// Binds a tag. What was where it must stand becomes a victim.
    pub(crate) fn insert(&mut self, tag: u32, low: u32) {
        let slot = slot(tag);
        match self.place(tag) {
            Some(place) if place == slot && self.binding(place).1 >> 12 == low >> 12 => {
                // Protection changes far more often than the page, and nobody keeps count of it.
                self.put(place, tag, low);
                self.machine.tlb_delete(tag);
                self.machine.tlb_write_random(tag, low);
                return;
            }
            Some(place) => self.evict(place),
            None => {}
        }
        self.displace(slot);
        self.put(slot, tag, low);
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

    /// Makes a victim of what is in a slot, in place of the one displaced longest ago.
    fn displace(&mut self, slot: usize) {
        let (tag, low) = self.binding(slot);
        if tag & EMPTY != 0 {
            return;
        }
        let scratch = self.machine.scratch();
        let victim = STLB_ENTRIES + scratch.victim as usize % VICTIMS;
        scratch.victim = (scratch.victim + 1) % VICTIMS as u32;
        scratch.displaced = DISPLACED;
        self.evict(victim);
        self.put(victim, tag, low);
        self.put(slot, EMPTY, NOTHING);
        if let Some(page) = self.page_bound(low) {
            let binding = &mut self.state(page).binding;
            if *binding == slot as u16 {
                *binding = victim as u16;
            }
        }
    }

    /// EntryLo of a tag, if it is bound.
    pub(crate) fn bound(&mut self, tag: u32) -> Option<u32> {
        self.place(tag).map(|place| self.binding(place).1)
    }

    /// Takes the binding of a tag away, if there is one.
    pub(crate) fn remove(&mut self, tag: u32) {
        if let Some(place) = self.place(tag) {
            self.evict(place);
        }
    }

    /// Takes away all bindings of an ASID.
    pub(crate) fn purge_asid(&mut self, gone: u8) {
        if self.asids.bindings(gone) == 0 {
            return;
        }
        self.each_binding(|kernel, place, tag| {
            if asid(tag) == gone {
                kernel.empty(place);
            }
            kernel.asids.bindings(gone) > 0
        });
        self.machine.tlb_forget();
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
        let number = u32::from(page.number().0);
        let mut left = UNBOUND;
        let mut look = |kernel: &mut Self, place: usize, tag: u32| {
            if kernel.binding(place).1 >> 12 == number {
                if goes(kernel.asids.env(asid(tag))) {
                    kernel.evict(place);
                } else {
                    left = match left {
                        UNBOUND => place as u16,
                        _ => BOUND_OFTEN,
                    };
                }
            }
            true
        };
        match self.state(page).binding {
            UNBOUND => return,
            BOUND_OFTEN => self.each_binding(look),
            place => {
                let place = usize::from(place);
                let (tag, _) = self.binding(place);
                look(self, place, tag);
            }
        }
        self.state(page).binding = left;
    }

    /// Takes away all bindings of an environment, and all to its pages, in one pass.
    pub(crate) fn purge_env(&mut self, env: Env) {
        self.each_binding(|kernel, place, tag| {
            let (_, low) = kernel.binding(place);
            let of_its_page = match kernel.page_bound(low) {
                Some(page) => kernel.state(page).owner == env.owner(),
                None => false,
            };
            if of_its_page || kernel.asids.env(asid(tag)) == Some(env) {
                kernel.empty(place);
            }
            true
        });
        self.machine.tlb_forget();
    }

    /// Goes through all bindings, place and tag, until that is enough. Most slots are empty: they are passed
    /// over in groups.
    fn each_binding(&mut self, mut visit: impl FnMut(&mut Self, usize, u32) -> bool) {
        for first in (0..STLB_ENTRIES).step_by(GROUP) {
            let tags = &self.machine.stlb().tags;
            let (groups, _) = tags.as_chunks::<GROUP>();
            let Some(group) = groups.get(first / GROUP) else {
                return;
            };
            if group.iter().fold(EMPTY, |all, tag| all & tag) != 0 {
                continue;
            }
            for slot in first..first + GROUP {
                let tag = self.machine.stlb().tags[slot % STLB_ENTRIES];
                if tag & EMPTY == 0 && !visit(self, slot, tag) {
                    return;
                }
            }
        }
        for place in STLB_ENTRIES..PLACES {
            let (tag, _) = self.binding(place);
            if tag & EMPTY == 0 && !visit(self, place, tag) {
                return;
            }
        }
    }

    /// Ends what victims there are. Whoever runs goes on at its slice-end handler.
    pub(crate) fn end_victims(&mut self) {
        if core::mem::take(&mut self.machine.scratch().displaced) != 0 {
            (STLB_ENTRIES..PLACES).for_each(|place| self.evict(place));
        }
    }

    /// Puts the page that an interrupted instruction is fetched from back into the TLB, whatever was purged
    /// meanwhile: an application may stand between the load of `k0` and the jump by it, where no miss may fall.
    pub(crate) fn keep_fetched(&mut self, address: u32) {
        let tag = tag(address, asid(self.machine.scratch().current_high));
        if let Some(low) = self.bound(tag) {
            self.machine.tlb_delete(tag);
            self.machine.tlb_write_random(tag, low);
        }
    }

    fn page_bound(&mut self, low: u32) -> Option<Page> {
        self.page(PageNo::of(low)?).ok()
    }

    /// Empties a place, and the TLB of what was in it.
    fn evict(&mut self, place: usize) {
        if let Some(tag) = self.empty(place) {
            self.machine.tlb_delete(tag);
        }
    }

    /// Empties a place; the tag that was in it, which the TLB may still have: where many go, it forgets all at once.
    fn empty(&mut self, place: usize) -> Option<u32> {
        let (tag, low) = self.binding(place);
        if tag & EMPTY != 0 {
            return None;
        }
        self.put(place, EMPTY, NOTHING);
        self.asids.unbound(asid(tag));
        if let Some(page) = self.page_bound(low) {
            let binding = &mut self.state(page).binding;
            if *binding == place as u16 {
                *binding = UNBOUND;
            }
        }
        Some(tag)
    }
}
