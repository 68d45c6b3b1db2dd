//! Physical pages: who owns each, what pins it, how it changes hands (§3.1).
//!
//! Problem: any page, named by its number, must be found free or owned at once, and a page that changes
//! hands must take no old right with it. Method: one table that is also the lists: every page that can be
//! allocated is on the list of its owner, the free ones on nobody's, linked both ways, so that *this* page
//! leaves any list in a few steps and an environment's pages are found without a search. [`Kernel::hand`] is
//! the only way from one owner to another: it breaks every binding to the page and begins new epochs, so
//! that capabilities and grants made before are none. Left out: contents; they are cleared when a page is
//! allocated. The colour of a page is its number's low bits: whoever cares asks for it by name.

use crate::{Answer, Kernel, env::Env, machine::Machine};
use aegis_abi::{
    EnvId, Error, PageNo,
    bookkeeping::{KERNEL, NO_PAGE, NOBODY, PageState, UNBOUND},
    layout::{ANY, PAGE_BYTES, REVOKE_PAGES},
};

/// A page that is there: its number is below the machine's pages. Only [`Kernel::page`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page(u16);

impl Page {
    /// Its name.
    pub fn number(self) -> PageNo {
        PageNo(self.0)
    }
}

/// System calls.
impl<M: Machine> Kernel<M> {
    pub(crate) fn page_alloc(&mut self, name: u32) -> Answer {
        let caller = self.current();
        let page = if name == ANY {
            PageNo(self.machine.public().free)
        } else {
            PageNo(u16::try_from(name).map_err(|_| Error::BadName)?)
        };
        if self.is_over(caller, REVOKE_PAGES, 1) {
            return Err(Error::Exhausted);
        }
        let Ok(page) = self.page(page) else {
            if name != ANY {
                return Err(Error::BadName);
            }
            self.ask_for_pages(caller);
            return Err(Error::Exhausted);
        };
        if self.state(page).owner != NOBODY {
            return Err(Error::Taken);
        }
        self.hand(page, caller.owner());
        self.machine.clear(page.number());
        self.machine.forget_code(page.number());
        Ok((u32::from(page.0), 0))
    }

    pub(crate) fn page_free(&mut self, page: PageNo) -> Answer {
        let page = self.releasable(page)?;
        self.hand(page, NOBODY);
        Ok((0, 0))
    }

    pub(crate) fn page_give(&mut self, page: PageNo, to: EnvId) -> Answer {
        let to = self.living(to)?;
        let page = self.releasable(page)?;
        self.hand(page, to.owner());
        Ok((0, 0))
    }

    pub(crate) fn page_code(&mut self, page: PageNo) -> Answer {
        let caller = self.current();
        let page = self.owned(caller, page)?;
        self.machine.forget_code(page.number());
        Ok((0, 0))
    }
}

/// What the rest of the kernel asks of pages.
impl<M: Machine> Kernel<M> {
    /// The page of a number, if it is there.
    pub(crate) fn page(&mut self, number: PageNo) -> Result<Page, Error> {
        if usize::from(number.0) < self.machine.page_states().len() {
            Ok(Page(number.0))
        } else {
            Err(Error::BadName)
        }
    }

    /// What the table says of a page.
    pub(crate) fn state(&mut self, page: Page) -> &mut PageState {
        &mut self.machine.page_states()[usize::from(page.0)]
    }

    /// The page of a number, if it is this environment's.
    pub(crate) fn owned(&mut self, env: Env, number: PageNo) -> Result<Page, Error> {
        let page = self.page(number)?;
        if self.state(page).owner == env.owner() {
            Ok(page)
        } else {
            Err(Error::NotOwner)
        }
    }

    /// The page that bytes at a physical address are in, if they are all in one of the environment's.
    pub(crate) fn buffer(
        &mut self,
        env: Env,
        physical: u32,
        bytes: u32,
        alignment: u32,
    ) -> Result<Page, Error> {
        if !physical.is_multiple_of(alignment) {
            return Err(Error::BadAddress);
        }
        let number = PageNo::of(physical).ok_or(Error::BadAddress)?;
        if bytes > PAGE_BYTES - physical % PAGE_BYTES {
            return Err(Error::BadAddress);
        }
        self.owned(env, number)
    }

    /// One of the caller's pages that nothing pins. A backing page is no longer one then.
    pub(crate) fn releasable(&mut self, number: PageNo) -> Result<Page, Error> {
        let caller = self.current();
        let page = self.owned(caller, number)?;
        let pins = self.state(page).pins;
        if pins == 0 || pins == 1 && self.withdraw_backing(caller, page) {
            Ok(page)
        } else {
            Err(Error::Pinned)
        }
    }

    /// One more reason why a page must stay. There are fewer than 255: an environment has 16 save
    /// areas, 32 guaranteed mappings, a repossession vector, and each page is a backing page once.
    pub(crate) fn pin(&mut self, page: Page) {
        let pins = &mut self.state(page).pins;
        *pins = pins.saturating_add(1);
    }

    /// One reason less.
    pub(crate) fn unpin(&mut self, number: PageNo) {
        if let Ok(page) = self.page(number) {
            let pins = &mut self.state(page).pins;
            *pins = pins.saturating_sub(1);
        }
    }

    /// Gives a page to another owner: no binding, capability or grant of it is left.
    pub(crate) fn hand(&mut self, page: Page, owner: u8) {
        self.purge_page(page, None);
        self.pass(page, owner);
    }

    /// As [`Kernel::hand`], of a page that nothing is bound to.
    pub(crate) fn pass(&mut self, page: Page, owner: u8) {
        self.unlink(page);
        change_owner(self.state(page), owner);
        self.link(page);
    }

    /// Makes all pages of an environment free, nothing being bound to any. As [`Kernel::pass`] of each, but
    /// the list goes over whole.
    pub(crate) fn pass_all(&mut self, env: Env) {
        let public = self.public(env);
        let first = core::mem::replace(&mut public.first, NO_PAGE);
        let count = core::mem::take(&mut public.pages);
        let public = self.machine.public();
        let free = public.free;
        if count != 0 {
            public.free = first;
            public.free_pages = public.free_pages.wrapping_add(count);
        }
        let states = self.machine.page_states();
        let (mut next, mut last) = (first, NO_PAGE);
        while let Some(state) = states.get_mut(usize::from(next)) {
            change_owner(state, NOBODY);
            last = next;
            next = state.next;
        }
        if let Some(state) = states.get_mut(usize::from(last)) {
            state.next = free;
        }
        if let Some(state) = states.get_mut(usize::from(free)) {
            state.previous = last;
        }
    }

    /// Puts a page on its owner's list. The kernel has none.
    pub(crate) fn link(&mut self, page: Page) {
        let owner = self.state(page).owner;
        let Some((first, count)) = self.list(owner) else {
            return;
        };
        let next = *first;
        *first = page.0;
        *count = count.wrapping_add(1);
        if let Some(after) = self.machine.page_states().get_mut(usize::from(next)) {
            after.previous = page.0;
        }
        self.state(page).next = next;
    }

    fn unlink(&mut self, page: Page) {
        let PageState {
            owner,
            next,
            previous,
            ..
        } = *self.state(page);
        let Some((first, count)) = self.list(owner) else {
            return;
        };
        *count = count.wrapping_sub(1);
        if *first == page.0 {
            *first = next;
        }
        let states = self.machine.page_states();
        if let Some(before) = states.get_mut(usize::from(previous)) {
            before.next = next;
        }
        if let Some(after) = states.get_mut(usize::from(next)) {
            after.previous = previous;
        }
        let state = self.state(page);
        state.next = NO_PAGE;
        state.previous = NO_PAGE;
    }

    /// Where an owner's list begins, and how long it is.
    fn list(&mut self, owner: u8) -> Option<(&mut u16, &mut u16)> {
        let public = self.machine.public();
        if owner == NOBODY {
            return Some((&mut public.free, &mut public.free_pages));
        }
        let env = public.envs.get_mut(usize::from(owner))?;
        Some((&mut env.first, &mut env.pages))
    }

    /// The first page of an environment's list.
    pub(crate) fn first_page(&mut self, env: Env) -> Option<Page> {
        let first = self.public(env).first;
        self.page(PageNo(first)).ok()
    }

    /// The page behind another in its owner's list.
    pub(crate) fn next_page(&mut self, page: Page) -> Option<Page> {
        let next = self.state(page).next;
        self.page(PageNo(next)).ok()
    }
}

/// What changes with the owner, but the list: no reason to stay is left, no capability and no grant.
fn change_owner(state: &mut PageState, owner: u8) {
    state.owner = owner;
    state.pins = 0;
    state.binding = UNBOUND;
    state.read_epoch = state.read_epoch.saturating_add(1);
    state.write_epoch = state.write_epoch.saturating_add(1);
}

/// The state of a page at boot, before it is on a list.
pub(crate) const AT_BOOT: PageState = PageState {
    owner: KERNEL,
    pins: 0,
    next: NO_PAGE,
    previous: NO_PAGE,
    binding: UNBOUND,
    read_epoch: 0,
    write_epoch: 0,
};
