//! Visible revocation: ask, wait, then take by force and say what was taken (§3.3, §3.4).
//!
//! Problem: resources must come back from applications that manage them themselves, so they choose which;
//! and from those that do not answer. Method: a request is how many an environment may keep, and a deadline; it
//! is delivered in place of the beginning of a slice. While it holds more it gets no more. At the deadline the
//! abort protocol takes what it did not give (`backing` tells how), never below its reserve. What is asked of the reserve itself is the emergency: the environment saves itself
//! elsewhere, and is destroyed. The kernel asks by itself when no page is free and the caller has fewer
//! than its reserve: then somebody has more. Left out: context identifiers, revoked invisibly (`asid`).

use crate::{Answer, Kernel, env::Env, machine::Machine};
use aegis_abi::{
    EnvId, Error,
    bookkeeping::{Death, Due, NOT_DUE, Slice},
    layout::{
        DEATH_REVOKED, ENTRY_REVOKE, MOST_REVOKE_TICKS, REVOKE_ALL, REVOKE_KINDS, REVOKE_PAGES,
        REVOKE_PAGES_AT_ONCE, REVOKE_SLICES, REVOKE_TICKS,
    },
};

/// Pages taken at one tick, at most, of whomever: it bounds how long interrupts are off.
pub(crate) const MOST_TAKEN_AT_ONCE: u32 = 2;

/// System calls.
impl<M: Machine> Kernel<M> {
    pub(crate) fn revoke(&mut self, env: EnvId, kind: u32, count: u32, ticks: u32) -> Answer {
        let env = self.controlled(env)?;
        if kind as usize >= REVOKE_KINDS || ticks == 0 || ticks > MOST_REVOKE_TICKS {
            return Err(Error::BadValue);
        }
        // The emergency leaves nothing, however many were asked for.
        let keep = match kind {
            REVOKE_ALL => 0,
            _ => self.held(env, kind).saturating_sub(count),
        };
        self.request(env, kind, keep, ticks);
        Ok((0, 0))
    }

    pub(crate) fn env_reserve(&mut self, env: EnvId, pages: u32) -> Answer {
        let env = self.controlled(env)?;
        let own = u32::from(self.public(env).reserve);
        let caller = self.current();
        let from = if env == caller {
            // Its own it can only lower: what it does not keep is its parent's.
            if pages > own {
                return Err(Error::Exhausted);
            }
            Env::new(u32::from(self.public(env).parent))
        } else {
            Some(caller)
        };
        let theirs = from.map_or(0, |from| u32::from(self.public(from).reserve));
        let left = (own + theirs).checked_sub(pages).ok_or(Error::Exhausted)?;
        self.public(env).reserve = pages as u16;
        if let Some(from) = from {
            self.public(from).reserve = u16::try_from(left).unwrap_or(u16::MAX);
        }
        Ok((0, 0))
    }
}

impl<M: Machine> Kernel<M> {
    /// Asks whoever has most above its reserve for pages, if the caller has fewer than its own.
    pub(crate) fn ask_for_pages(&mut self, caller: Env) {
        let short = |public: &aegis_abi::bookkeeping::EnvPublic| {
            i32::from(public.reserve) - i32::from(public.pages)
        };
        let wanted = short(self.public(caller));
        let victim = Env::all()
            .map(|env| (-short(self.public(env)), env))
            .max_by_key(|&(surplus, _)| surplus);
        let Some((surplus, victim)) = victim else {
            return;
        };
        if wanted <= 0 || surplus <= 0 || self.due(victim, REVOKE_PAGES).target != NOT_DUE {
            return;
        }
        let count = wanted.min(surplus).min(REVOKE_PAGES_AT_ONCE as i32) as u32;
        let keep = self.held(victim, REVOKE_PAGES).saturating_sub(count);
        self.request(victim, REVOKE_PAGES, keep, REVOKE_TICKS);
    }

    /// Whether an environment that was asked to give back would have too many with so many more.
    pub(crate) fn is_over(&mut self, env: Env, kind: u32, more: u32) -> bool {
        let due = self.due(env, kind);
        due.target != NOT_DUE && self.held(env, kind) + more > u32::from(due.target)
    }

    /// A request that an environment has not been told and that it can hear: the arguments. It has been told
    /// then.
    pub(crate) fn untold_request(&mut self, env: Env) -> Option<[u32; 3]> {
        if self.env(env).state.entries[ENTRY_REVOKE as usize] == 0 {
            return None;
        }
        let now = self.machine.public().ticks;
        for kind in 0..REVOKE_KINDS as u32 {
            let due = self.due(env, kind);
            let more = self.held(env, kind).saturating_sub(u32::from(due.target));
            if due.target != NOT_DUE && due.told == 0 && more > 0 {
                self.set_due(env, kind, Due { told: 1, ..due });
                return Some([kind, more, due.deadline.wrapping_sub(now)]);
            }
        }
        None
    }

    /// Carries out what the deadlines of requests have passed for.
    pub(crate) fn expire(&mut self) {
        let now = self.machine.public().ticks;
        if !self.deadline.is_some_and(|first| Self::reached(now, first)) {
            return;
        }
        let mut next: Option<u32> = None;
        let mut budget = MOST_TAKEN_AT_ONCE;
        for env in Env::all() {
            for kind in 0..REVOKE_KINDS as u32 {
                let due = self.due(env, kind);
                if due.target != NOT_DUE && Self::reached(now, due.deadline) {
                    self.abort(env, kind, due, &mut budget);
                }
                let due = self.due(env, kind);
                if due.target != NOT_DUE
                    && next.is_none_or(|first| Self::reached(first, due.deadline))
                {
                    next = Some(due.deadline);
                }
            }
        }
        self.deadline = next;
    }

    /// The abort protocol; `budget` is how many pages may still be taken now.
    fn abort(&mut self, env: Env, kind: u32, due: Due, budget: &mut u32) {
        match kind {
            REVOKE_PAGES => {
                let limit = u32::from(due.target.max(self.public(env).reserve));
                while *budget > 0 {
                    if self.held(env, REVOKE_PAGES) <= limit || !self.take_page(env) {
                        self.set_due(env, kind, Due::NONE);
                        return;
                    }
                    *budget -= 1;
                }
            }
            REVOKE_SLICES => {
                while self.held(env, REVOKE_SLICES) > u32::from(due.target.max(1)) {
                    self.take_slice(env);
                }
                self.set_due(env, kind, Due::NONE);
            }
            _ => self.destroy(
                env,
                Death {
                    cause: DEATH_REVOKED,
                    ..Death::default()
                },
            ),
        }
    }

    fn take_slice(&mut self, env: Env) {
        let slices = &mut self.machine.public().slices;
        let mut own = slices.iter_mut().enumerate().rev();
        if let Some((position, slice)) = own.find(|(_, slice)| slice.owner == env.owner()) {
            *slice = Slice::FREE;
            self.repossess(env, 0x8000_0000 | position as u32, u32::MAX);
        }
    }

    /// How many of a kind an environment has.
    fn held(&mut self, env: Env, kind: u32) -> u32 {
        match kind {
            REVOKE_PAGES => u32::from(self.public(env).pages),
            REVOKE_SLICES => self.slices_of(env),
            REVOKE_ALL => 1,
            _ => 0,
        }
    }

    /// Asks, or asks for more or sooner than before.
    fn request(&mut self, env: Env, kind: u32, keep: u32, ticks: u32) {
        let before = self.due(env, kind);
        let mut deadline = self.machine.public().ticks.wrapping_add(ticks);
        if before.target != NOT_DUE && Self::reached(deadline, before.deadline) {
            deadline = before.deadline;
        }
        let target = u16::try_from(keep).unwrap_or(NOT_DUE).min(before.target);
        let due = Due {
            target,
            told: 0,
            deadline,
        };
        self.set_due(env, kind, due);
        if self
            .deadline
            .is_none_or(|first| Self::reached(first, deadline))
        {
            self.deadline = Some(deadline);
        }
    }

    /// What an environment was asked for and still has to give; a request that was met is none.
    fn due(&mut self, env: Env, kind: u32) -> Due {
        let due = self.public(env).due;
        due.get(kind as usize).copied().unwrap_or(Due::NONE)
    }

    fn set_due(&mut self, env: Env, kind: u32, due: Due) {
        if let Some(place) = self.public(env).due.get_mut(kind as usize) {
            *place = due;
        }
    }
}
