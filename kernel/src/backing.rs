//! Backing pages and the repossession vector: what force leaves an application (§3.4).
//!
//! Problem: when a page is taken its contents would be gone, and its owner would not know. Method: an
//! environment preloads pages of its own; contents are copied into one that holds none yet, and both are
//! written down in the vector, which lies in its memory. A backing page is pinned; one that holds contents
//! stays so until its owner gives it back or preloads it again, so that force does not take twice. Only when
//! nothing else is left are backing pages taken themselves.

use crate::{Answer, Kernel, env::Env, layout::Backing, machine::Machine, page::Page};
use aegis_abi::{
    EnvId, Error, PageNo,
    bookkeeping::{NO_PAGE, NOBODY},
    layout::{MOST_REPOSSESSED, REPOSSESSION_BYTES},
};

/// System calls.
impl<M: Machine> Kernel<M> {
    pub(crate) fn env_backing(&mut self, env: EnvId, page: PageNo) -> Answer {
        let env = self.controlled(env)?;
        let page = self.owned(env, page)?;
        let pins = self.state(page).pins;
        let backing = &mut self.env(env).state.backing;
        let number = page.number().0;
        if let Some(known) = backing.iter_mut().find(|known| known.page == number) {
            known.saved = 0;
        } else if pins != 0 {
            return Err(Error::Pinned);
        } else {
            let place = backing.iter_mut().find(|place| place.page == NO_PAGE);
            *place.ok_or(Error::Exhausted)? = Backing {
                page: number,
                saved: 0,
            };
            self.pin(page);
        }
        let backing = &self.env(env).state.backing;
        let count = backing.iter().filter(|place| place.page != NO_PAGE).count();
        Ok((count as u32, 0))
    }

    pub(crate) fn env_repossession(&mut self, env: EnvId, physical: u32) -> Answer {
        let env = self.controlled(env)?;
        if physical != 0 {
            let page = self.buffer(env, physical, REPOSSESSION_BYTES, REPOSSESSION_BYTES)?;
            self.pin(page);
        }
        let old = core::mem::replace(&mut self.env(env).state.repossession, physical);
        if old != 0 {
            self.unpin_at(old);
        }
        Ok((0, 0))
    }
}

impl<M: Machine> Kernel<M> {
    /// Takes a page off the list of backing pages. False if it was not on it.
    pub(crate) fn withdraw_backing(&mut self, env: Env, page: Page) -> bool {
        let mut backing = self.env(env).state.backing.iter_mut();
        let Some(place) = backing.find(|place| place.page == page.number().0) else {
            return false;
        };
        *place = Backing::NONE;
        self.unpin(page.number());
        true
    }

    /// Takes a page that nothing pins, the one it got last; a backing page if there is no other. False if
    /// everything is pinned.
    pub(crate) fn take_page(&mut self, env: Env) -> bool {
        let mut page = self.first_page(env);
        while let Some(candidate) = page {
            if self.state(candidate).pins == 0 {
                let place = self.save_contents(env, candidate);
                self.repossess(env, u32::from(candidate.number().0), place);
                self.hand(candidate, NOBODY);
                return true;
            }
            page = self.next_page(candidate);
        }
        let Some(page) = self.spare_backing(env) else {
            return false;
        };
        self.withdraw_backing(env, page);
        self.repossess(env, u32::from(page.number().0), u32::MAX);
        self.hand(page, NOBODY);
        true
    }

    /// Copies a page to a backing page: its number, or all ones if there is none.
    fn save_contents(&mut self, env: Env, page: Page) -> u32 {
        let mut backing = self.env(env).state.backing.iter_mut();
        let place = backing.find(|place| place.page != NO_PAGE && place.saved == 0);
        let Some(place) = place else {
            return u32::MAX;
        };
        place.saved = 1;
        let number = PageNo(place.page);
        self.machine.copy(page.number(), number);
        u32::from(number.0)
    }

    /// A backing page that nothing else pins, one that holds no contents if there is one.
    fn spare_backing(&mut self, env: Env) -> Option<Page> {
        let backing = self.env(env).state.backing;
        for saved in [0, 1] {
            for place in backing.iter().filter(|place| place.saved == saved) {
                if let Ok(page) = self.page(PageNo(place.page))
                    && self.state(page).pins == 1
                {
                    return Some(page);
                }
            }
        }
        None
    }

    /// Records in the repossession vector. Its count is the application's to write and not believed.
    pub(crate) fn repossess(&mut self, env: Env, what: u32, place: u32) {
        let vector = self.env(env).state.repossession;
        if vector == 0 {
            return;
        }
        let count = self.machine.load(vector);
        if count < MOST_REPOSSESSED {
            self.machine.store(vector + 4 + 8 * count, what);
            self.machine.store(vector + 8 + 8 * count, place);
        }
        self.machine.store(vector, count.saturating_add(1));
    }
}
