//! Grants: what is left of a capability once it has been checked (secure bindings, §3.2).
//!
//! Problem: TLBwr comes far too often to check a keyed code each time. Method: a capability is presented
//! once and becomes a grant in the presenter's own page: the rights, and the epochs they hold in. To map
//! a page costs a comparison of owners, or of epochs. A grant whose epochs have passed is no grant, and its
//! place is free; nobody has to look for it. Left out: what is mapped (`stlb`).

use crate::{
    Answer, Kernel,
    env::Env,
    layout::{Grant, MOST_GRANTS},
    machine::Machine,
    page::Page,
};
use aegis_abi::{
    Error, Kind, PageNo, Rights,
    bookkeeping::{KERNEL, NOBODY, PUBLIC, PageState},
};

/// System calls.
impl<M: Machine> Kernel<M> {
    pub(crate) fn page_bind(&mut self, name: u32, high: u32, low: u32) -> Answer {
        let (rights, number) = self.present(Kind::Page, name, high, low)?;
        let caller = self.current();
        let page = self.page(PageNo(number))?;
        let place = self.grant_place(caller, page).ok_or(Error::Exhausted)?;
        let state = *self.state(page);
        let grant = &mut self.env(caller).state.grants[place % MOST_GRANTS];
        let before = good_rights(grant, page, &state);
        *grant = Grant {
            page: page.number().0,
            rights: u16::from(before.0 | rights.0),
            read_epoch: state.read_epoch,
            write_epoch: state.write_epoch,
        };
        Ok((place as u32, 0))
    }

    pub(crate) fn page_unbind(&mut self, page: PageNo) -> Answer {
        let caller = self.current();
        let page = self.page(page)?;
        let state = *self.state(page);
        let mut grants = self.env(caller).state.grants.iter_mut();
        let found = grants.find(|grant| good_rights(grant, page, &state) != Rights(0));
        *found.ok_or(Error::NotOwner)? = Grant::default();
        if self.state(page).owner != caller.owner() {
            self.purge_page_of(page, caller);
        }
        Ok((0, 0))
    }
}

impl<M: Machine> Kernel<M> {
    /// Whether an environment may map a page, and to write it.
    pub(crate) fn may_map(&mut self, env: Env, page: Page, write: bool) -> Result<(), Error> {
        let state = *self.state(page);
        match state.owner {
            owner if owner == env.owner() => Ok(()),
            PUBLIC if write => Err(Error::Rights),
            PUBLIC => Ok(()),
            KERNEL | NOBODY => Err(Error::NotOwner),
            _ => {
                let grants = &self.env(env).state.grants;
                let rights = grants
                    .iter()
                    .find(|grant| grant.rights != 0 && grant.page == page.number().0)
                    .map_or(Rights(0), |grant| good_rights(grant, page, &state));
                let wanted = if write { Rights::ALL } else { Rights::READ };
                match rights {
                    Rights(0) => Err(Error::NotOwner),
                    rights if rights.contains(wanted) => Ok(()),
                    _ => Err(Error::Rights),
                }
            }
        }
    }

    /// Where a grant of a page is, or a place for one: free, or of a grant that is none any more.
    fn grant_place(&mut self, env: Env, page: Page) -> Option<usize> {
        let mut free = None;
        for place in 0..MOST_GRANTS {
            let grant = self.env(env).state.grants[place];
            if grant.rights != 0 && grant.page == page.number().0 {
                return Some(place);
            }
            if free.is_none() && self.is_dead(&grant) {
                free = Some(place);
            }
        }
        free
    }

    fn is_dead(&mut self, grant: &Grant) -> bool {
        match self.page(PageNo(grant.page)) {
            Ok(page) => good_rights(grant, page, self.state(page)) == Rights(0),
            Err(_) => true,
        }
    }
}

/// The rights to a page that are left of a grant.
pub(crate) fn good_rights(grant: &Grant, page: Page, state: &PageState) -> Rights {
    let mut rights = Rights(0);
    if grant.page == page.number().0 {
        if grant.read_epoch == state.read_epoch {
            rights.0 |= grant.rights as u8 & Rights::READ.0;
        }
        if grant.write_epoch == state.write_epoch {
            rights.0 |= grant.rights as u8 & Rights::WRITE.0;
        }
    }
    rights
}
