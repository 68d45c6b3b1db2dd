//! Why a call must be refused: every reason there is.

use super::model::{Model, Owner, Why, page_of};
use aegis_abi::{
    Error, Syscall,
    layout::{
        ANY, CONTEXTS, ENTRIES, GUARANTEED_END, MOST_BATCH, MOST_ENVS, MOST_GUARANTEED,
        MOST_REVOKE_TICKS, PAGE_BYTES, REVOKE_PAGES, REVOKE_SLICES, SLICES, TABLES, USER_END,
    },
};
use std::vec::Vec;

impl Model {
    /// Every reason to refuse a call.
    pub(super) fn reasons(&self, call: Syscall, a: [u32; 4], pairs: &[(u32, u32)]) -> Vec<Error> {
        let me = u32::from(self.current);
        let life = &self.envs[&self.current];
        let mut why = Why::default();
        match call {
            Syscall::env_self | Syscall::ticks => {}
            Syscall::page_alloc => {
                let free = self.count(Owner::Free);
                why.when(self.over(self.current, REVOKE_PAGES), Error::Exhausted);
                why.when(a[0] == ANY && free == 0, Error::Exhausted);
                let found = self.owner(a[0]);
                why.when(a[0] != ANY && found.is_none(), Error::BadName);
                why.when(
                    found.is_some_and(|owner| owner != Owner::Free),
                    Error::Taken,
                );
            }
            Syscall::page_free => why.extend(self.release(a[0])),
            Syscall::page_give => {
                why.when(!self.lives(a[1]), Error::BadName);
                why.extend(self.release(a[0]));
            }
            Syscall::page_capability | Syscall::page_revoke => {
                why.when(a[1] == 0 || a[1] > 3, Error::BadValue);
                why.when(a[1] > 255, Error::BadName);
                why.extend(self.possession(me, a[0]));
            }
            Syscall::page_bind => {
                let full = life.grants.len() == crate::layout::MOST_GRANTS;
                let page = a[0] & 0xffff;
                why.when(full && !life.grants.contains_key(&page), Error::Exhausted);
                why.extend(self.presented(&a, 0));
            }
            Syscall::page_unbind => {
                why.when(self.owner(a[0]).is_none(), Error::BadName);
                why.when(!life.grants.contains_key(&a[0]), Error::NotOwner);
            }
            Syscall::page_code => why.extend(self.possession(me, a[0])),
            Syscall::tlb_write => why.extend(self.binding(a[0], a[1])),
            Syscall::tlb_delete => why.when(a[0] >= USER_END, Error::BadAddress),
            // The pairs are in memory: `judge` looks at them.
            Syscall::tlb_write_many => {
                why.when(a[1] > MOST_BATCH, Error::BadValue);
                why.extend(self.buffer(me, a[0], a[1].saturating_mul(8), 4));
                if why.0.is_empty() {
                    let mut refused = pairs.iter().map(|&(at, entry)| self.binding(at, entry));
                    why.extend(refused.find(|why| !why.is_empty()).unwrap_or_default());
                }
            }
            Syscall::tlb_delete_many => {
                why.when(a[1] > MOST_BATCH, Error::BadValue);
                let end =
                    u64::from(a[0] & !(PAGE_BYTES - 1)) + u64::from(a[1]) * u64::from(PAGE_BYTES);
                why.when(
                    a[0] >= USER_END || end > u64::from(USER_END),
                    Error::BadAddress,
                );
            }
            Syscall::fpu_modify => why.when(a[0] > 1, Error::BadValue),
            Syscall::context_switch => why.when(a[0] >= CONTEXTS as u32, Error::BadName),
            Syscall::slice_alloc => {
                why.when(self.over(self.current, REVOKE_SLICES), Error::Exhausted);
                let full = self.slices.iter().all(Option::is_some);
                why.when(a[0] == ANY && full, Error::Exhausted);
                why.when(a[0] != ANY && a[0] >= SLICES as u32, Error::BadName);
                let taken = self.slices.get(a[0] as usize).is_some_and(Option::is_some);
                why.when(taken, Error::Taken);
            }
            Syscall::slice_free | Syscall::slice_give => {
                why.when(
                    call == Syscall::slice_give && !self.lives(a[1]),
                    Error::BadName,
                );
                match self.slices.get(a[0] as usize) {
                    None => why.when(true, Error::BadName),
                    Some(slice) => {
                        let own = slice.is_some_and(|(owner, _)| owner == self.current);
                        why.when(!own, Error::NotOwner);
                    }
                }
            }
            Syscall::yield_to => {
                why.when(a[0] != ANY && a[0] >= MOST_ENVS as u32, Error::BadName);
                let begins = self.lives(a[0]) && self.can_begin(a[0] as u8);
                why.when(a[0] != ANY && !begins, Error::NoSuchCall);
            }
            Syscall::env_create => {
                why.when(self.envs.len() == MOST_ENVS, Error::Exhausted);
                why.extend(self.release(a[0]));
            }
            Syscall::env_destroy | Syscall::env_capability => why.extend(self.control(a[0])),
            Syscall::env_adopt => {
                why.when(a[0] & 0xffff == me, Error::BadName);
                why.extend(self.presented(&a, 1));
            }
            Syscall::env_handler => {
                why.extend(self.control(a[0]));
                why.when(a[1] >= 16 || a[1] == 0 || a[1] == 8, Error::BadName);
                if a[2] != 0 {
                    let saves =
                        self.lives(a[0]) && self.envs[&(a[0] as u8)].saves.contains_key(&a[1]);
                    why.when(!saves, Error::BadAddress);
                    why.extend(self.entered_at(a[0], a[2]));
                }
            }
            Syscall::env_save_area => {
                why.extend(self.control(a[0]));
                if a[1] >= 16 || a[1] == 8 {
                    why.when(true, Error::BadName);
                }
                if a[2] == 0 {
                    let handled =
                        self.lives(a[0]) && self.envs[&(a[0] as u8)].handlers.contains_key(&a[1]);
                    if handled {
                        why.when(true, Error::Pinned);
                    }
                } else {
                    why.extend(self.buffer(a[0], a[2], 16, 16));
                }
            }
            Syscall::env_entry => {
                why.extend(self.control(a[0]));
                if a[1] >= ENTRIES as u32 {
                    why.when(true, Error::BadName);
                }
                if a[2] != 0 {
                    why.extend(self.entered_at(a[0], a[2]));
                }
            }
            Syscall::env_guarantee => why.extend(self.guarantee_reasons(a)),
            Syscall::env_backing => {
                why.extend(self.control(a[0]));
                why.extend(self.possession(a[0], a[1]));
                if self.owns(a[0], a[1]) {
                    let env = a[0] as u8;
                    let life = &self.envs[&env];
                    if !life.backing.contains_key(&a[1]) {
                        if self.pins(env, a[1]) != 0 {
                            why.when(true, Error::Pinned);
                        }
                        if life.backing.len() == crate::layout::MOST_BACKING {
                            why.when(true, Error::Exhausted);
                        }
                    }
                }
            }
            Syscall::env_repossession => {
                why.extend(self.control(a[0]));
                if a[1] != 0 {
                    why.extend(self.buffer(a[0], a[1], 1024, 1024));
                }
            }
            Syscall::env_reserve => {
                why.extend(self.control(a[0]));
                if self.lives(a[0]) {
                    let own = self.envs[&(a[0] as u8)].reserve;
                    let most = if a[0] == me { own } else { own + life.reserve };
                    if a[1] > most {
                        why.when(true, Error::Exhausted);
                    }
                }
            }
            Syscall::revoke => {
                why.extend(self.control(a[0]));
                if a[1] > 2 || a[3] == 0 || a[3] > MOST_REVOKE_TICKS {
                    why.when(true, Error::BadValue);
                }
            }
            Syscall::console_write => {
                why.when(!life.console, Error::NotOwner);
                why.when(a[1] > PAGE_BYTES, Error::BadValue);
                why.extend(self.buffer(me, a[0], a[1], 1));
            }
            Syscall::console_read | Syscall::console_capability => {
                why.when(!life.console, Error::NotOwner);
            }
            Syscall::console_bind => why.extend(self.presented(&a, 2)),
            Syscall::bookkeeping => why.when(a[0] >= TABLES as u32, Error::BadName),
            Syscall::halt => why.when(me != 0, Error::NotOwner),
        }
        why.0
    }

    fn guarantee_reasons(&self, a: [u32; 4]) -> Vec<Error> {
        let mut why = self.control(a[0]);
        if a[1] >= GUARANTEED_END || !a[1].is_multiple_of(PAGE_BYTES) {
            why.push(Error::BadAddress);
        }
        if !self.lives(a[0]) {
            return why;
        }
        let life = &self.envs[&(a[0] as u8)];
        let here = life.guaranteed.contains_key(&a[1]);
        if a[2] & 0x200 == 0 {
            let inside = |at: &u32| *at != 0 && *at & !(PAGE_BYTES - 1) == a[1];
            if life.handlers.values().chain(&life.entries).any(inside) {
                why.push(Error::Pinned);
            }
        } else {
            if a[2] & 0x1ff != 0 {
                why.push(Error::BadValue);
            }
            why.extend(self.possession(a[0], page_of(a[2])));
            if !here && life.guaranteed.len() == MOST_GUARANTEED {
                why.push(Error::Exhausted);
            }
        }
        why
    }
}
