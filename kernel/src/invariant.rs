//! What is always true of the kernel, written down so that it can be checked.
//!
//! [`Kernel::invariants`] is cheap and can follow every call; [`Kernel::all_invariants`] looks at every
//! page, environment and entry of the STLB. Neither changes anything. What only hardware can tell, that
//! the TLB holds nothing that the STLB does not, is the fake machine's and the simulator's to check.

use crate::{
    Kernel,
    env::Env,
    layout::ENV_ADDRESS,
    machine::{Label, Machine},
    page::Page,
    stlb::{EMPTY, NOTHING, PLACES, asid, hash, slot, tag},
};
use aegis_abi::{
    Cause, PageNo,
    bookkeeping::{
        BOUND_OFTEN, EnvPublic, KERNEL, NO_PAGE, NOBODY, NOT_DUE, PUBLIC, PageState, UNBOUND,
    },
    layout::{CONTEXTS, ENTRY_DIRTY, ENTRY_VALID, MOST_EXCESS, PAGE_BYTES, SLICES},
};

/// Which invariant is broken, in words.
pub type Broken = &'static str;

/// Says what is broken unless it is not.
fn holds(condition: bool, broken: Broken) -> Result<(), Broken> {
    if condition { Ok(()) } else { Err(broken) }
}

impl<M: Machine> Kernel<M> {
    /// Checks what can be checked after every call.
    ///
    /// # Errors
    ///
    /// What is broken.
    pub fn invariants(&mut self) -> Result<(), Broken> {
        let current = self.current();
        holds(self.lives(current), "who runs does not live")?;
        let page = self.env(current);
        let (high, low, status) = (page.high, page.low, page.state.status);
        let status = self.user_status | status;
        let scratch = self.machine.scratch();
        holds(
            // Of EntryHi the assembly needs the ASID alone.
            asid(scratch.current_high) == asid(high) && scratch.current_low == low && high != 0,
            "the scratch page does not have the current context",
        )?;
        holds(
            scratch.status == status,
            "the scratch page has another status",
        )?;
        let pinned = scratch.pinned;
        holds(
            pinned == 0 || Env::new(pinned - 1).is_some_and(|env| self.lives(env)),
            "the dead hold the slice that runs",
        )?;
        let first = self.page(PageNo(0)).map(|page| self.state(page).owner);
        holds(first == Ok(KERNEL), "page 0 is not the kernel's")?;
        let public = self.machine.public();
        let (position, ending, free) = (public.position, public.ending, public.free);
        let turn = public.turn;
        holds(
            usize::from(position) < SLICES,
            "the position is out of the vector",
        )?;
        holds(
            ending == NOBODY || Env::new(ending.into()).is_some_and(|env| self.lives(env)),
            "the dead exceed their slice",
        )?;
        holds(
            turn == NOBODY || Env::new(turn.into()).is_some_and(|env| self.lives(env)),
            "it is the turn of the dead",
        )?;
        if let Ok(page) = self.page(PageNo(free)) {
            holds(self.state(page).owner == NOBODY, "a free page is owned")?;
        }
        self.check_env(current)
    }

    /// Checks everything.
    ///
    /// # Errors
    ///
    /// What is broken.
    pub fn all_invariants(&mut self) -> Result<(), Broken> {
        self.invariants()?;
        self.check_lists()?;
        self.check_slices()?;
        self.check_stlb()?;
        for env in Env::all() {
            if self.lives(env) {
                self.check_env(env)?;
            } else {
                self.check_dead(env)?;
            }
        }
        for number in 0..self.machine.pages() {
            if let Ok(page) = self.page(PageNo(number)) {
                self.check_page(page)?;
            }
        }
        Ok(())
    }

    /// Whether the STLB has this very binding.
    pub fn binds(&mut self, tag: u32, low: u32) -> bool {
        self.bound(tag) == Some(low)
    }

    fn lives(&mut self, env: Env) -> bool {
        self.public(env).page != NO_PAGE
    }

    /// Every page that is not the kernel's is on the list of its owner, and on no other.
    fn check_lists(&mut self) -> Result<(), Broken> {
        let public = self.machine.public();
        let mut on_lists = 0_u32;
        let mut reserves = 0_u32;
        let (first, count) = (public.free, public.free_pages);
        on_lists += self.check_list(NOBODY, first, count)?;
        for env in Env::all() {
            let EnvPublic {
                first,
                pages,
                reserve,
                ..
            } = *self.public(env);
            on_lists += self.check_list(env.owner(), first, pages)?;
            reserves += u32::from(reserve);
        }
        let states = self.machine.page_states();
        let listed = states.iter().filter(|state| is_listed(state.owner));
        holds(
            listed.count() as u32 == on_lists,
            "a page is not on its owner's list",
        )?;
        holds(
            reserves <= u32::from(self.machine.pages()),
            "more is reserved than there is",
        )
    }

    fn check_list(&mut self, owner: u8, first: u16, count: u16) -> Result<u32, Broken> {
        let mut previous = NO_PAGE;
        let mut next = first;
        let mut found = 0_u32;
        while let Ok(page) = self.page(PageNo(next)) {
            let state = *self.state(page);
            holds(
                state.owner == owner && state.previous == previous,
                "a list goes astray",
            )?;
            previous = next;
            next = state.next;
            found += 1;
            holds(found <= u32::from(count), "a list is too long")?;
        }
        holds(
            next == NO_PAGE && found == u32::from(count),
            "a list is too short",
        )?;
        Ok(found)
    }

    fn check_slices(&mut self) -> Result<(), Broken> {
        for place in 0..SLICES {
            let slice = self.machine.public().slices[place];
            for name in [slice.owner, slice.holder] {
                let good = match Env::new(name.into()) {
                    Some(env) => self.lives(env),
                    None => slice.owner == NOBODY && slice.holder == NOBODY,
                };
                holds(good, "a slice is held by none that lives")?;
            }
        }
        Ok(())
    }

    /// Every binding is in its place, of a context that there is, to a page that its environment may map.
    fn check_stlb(&mut self) -> Result<(), Broken> {
        let mut bindings = [0_u16; 64];
        for at in 0..PLACES {
            let (tag, low) = self.binding(at);
            if tag & EMPTY != 0 {
                holds(low == NOTHING, "an entry that is none leads somewhere")?;
                continue;
            }
            bindings[usize::from(asid(tag)) % 64] += 1;
            let (first, _) = self.binding(slot(tag));
            let victims = self.machine.scratch().victims.iter();
            let others = victims.filter(|&&(victim, _)| victim == tag).count();
            holds(
                usize::from(first == tag) + others == 1,
                "a binding is out of its place, or twice there",
            )?;
            holds(Self::well_formed(low), "a binding has bits of its own")?;
            let Some((env, context)) = self.asids.holder(asid(tag)) else {
                return Err("a binding has the ASID of nobody");
            };
            holds(
                self.lives(env)
                    && self.env(env).state.asids[usize::from(context) % CONTEXTS] == asid(tag),
                "a binding has a stale ASID",
            )?;
            let page = PageNo::of(low).ok_or("a binding leads out of memory")?;
            let page = self
                .page(page)
                .map_err(|_| "a binding leads out of memory")?;
            self.may_map(env, page, low & ENTRY_DIRTY != 0)
                .map_err(|_| "a binding leads to a page that may not be mapped")?;
            let hint = self.state(page).binding;
            holds(
                hint == BOUND_OFTEN || usize::from(hint) == at,
                "a page does not know that it is bound",
            )?;
        }
        for number in 1..64 {
            holds(
                bindings[usize::from(number)] == self.asids.bindings(number),
                "an ASID's bindings are miscounted",
            )?;
            if let Some((env, context)) = self.asids.holder(number) {
                holds(
                    self.lives(env)
                        && self.env(env).state.asids[usize::from(context) % CONTEXTS] == number,
                    "an ASID is somebody's who does not know",
                )?;
            }
        }
        holds(self.asids.holder(0).is_none(), "somebody has ASID 0")
    }

    fn check_dead(&mut self, env: Env) -> Result<(), Broken> {
        let public = *self.public(env);
        let nothing = EnvPublic {
            epoch: public.epoch,
            death: public.death,
            ..EnvPublic::NONE
        };
        holds(public == nothing, "a dead environment has something")?;
        let dead = self.leads_to(Label::Dead);
        let records = self.machine.records();
        holds(
            records.synchronous[env.index()] == dead && records.asynchronous[env.index()] == dead,
            "a dead environment can be called",
        )
    }

    /// What an environment's page and records say is what they were derived from.
    fn check_env(&mut self, env: Env) -> Result<(), Broken> {
        let public = *self.public(env);
        let home = self
            .page(PageNo(public.page))
            .map_err(|_| "an environment is nowhere")?;
        holds(
            self.state(home).owner == KERNEL,
            "an environment's page is not the kernel's",
        )?;
        let parent = Env::new(public.parent.into());
        holds(
            parent.map_or(public.parent == NOBODY, |parent| self.lives(parent)),
            "the dead control an environment",
        )?;
        holds(
            u32::from(public.excess) <= MOST_EXCESS,
            "too much excess is tolerated",
        )?;
        for due in public.due {
            let known = self
                .deadline
                .is_some_and(|first| Self::reached(due.deadline, first));
            holds(
                due.target == NOT_DUE || known,
                "a deadline will not be noticed",
            )?;
        }
        let address = self.machine.stlb_address();
        let page = self.env(env);
        let number = page.state.asids[page.state.context as usize % CONTEXTS];
        let expected = match number {
            0 => 0,
            number => tag(ENV_ADDRESS, number),
        };
        holds(
            page.id == u32::from(env.owner()) && page.high == expected,
            "an environment's page has another's name",
        )?;
        holds(
            number == 0 || page.hash == address ^ hash(number),
            "a context has another's hash",
        )?;
        let asids = page.state.asids;
        for (context, asid) in (0..).zip(asids) {
            holds(
                asid == 0 || self.asids.holder(asid) == Some((env, context)),
                "a context has a stale ASID",
            )?;
        }
        let right = [self.record_of(env, true), self.record_of(env, false)];
        let records = self.machine.records();
        let found = [
            records.synchronous[env.index()],
            records.asynchronous[env.index()],
        ];
        holds(found == right, "a record is wrong")?;
        self.check_handlers(env)
    }

    fn check_handlers(&mut self, env: Env) -> Result<(), Broken> {
        let nowhere = self.machine.kernel_save();
        let labels = [Label::Unhandled, Label::Interrupt, Label::SystemCall]
            .map(|label| self.machine.label(label));
        for cause in 0..Cause::COUNT {
            let page = self.env(env);
            let (handler, save) = (page.handler[cause], page.save[cause]);
            if (handler as i32) < 0 {
                let kind = match cause {
                    0 => labels[1],
                    8 => labels[2],
                    _ => labels[0],
                };
                holds(
                    handler == kind,
                    "a cause goes to a wrong place of the kernel's",
                )?;
            } else {
                let guaranteed = self.guaranteed(env, handler).is_some() && handler % 4 == 0;
                holds(guaranteed, "a handler is not in a guaranteed mapping")?;
                holds(
                    save != nowhere && cause != 0 && cause != 8,
                    "a handler has no save area",
                )?;
            }
            let own = save == nowhere || self.buffer(env, save & 0x1fff_ffff, 16, 16).is_ok();
            holds(
                own && (save as i32) < 0,
                "a save area is not the environment's",
            )?;
        }
        for place in 0..self.env(env).state.entries.len() {
            let entry = self.env(env).state.entries[place];
            holds(
                entry == 0 || self.guaranteed(env, entry).is_some(),
                "an entry point is not in a guaranteed mapping",
            )?;
        }
        Ok(())
    }

    /// A page is pinned as often as its owner refers to it, and knows of a binding that there is.
    fn check_page(&mut self, page: Page) -> Result<(), Broken> {
        let PageState {
            owner,
            pins,
            binding,
            ..
        } = *self.state(page);
        let references = match Env::new(owner.into()) {
            Some(env) => {
                holds(self.lives(env), "the dead own a page")?;
                self.references(env, page)
            }
            None => {
                let known = [NOBODY, KERNEL, PUBLIC].contains(&owner);
                holds(known, "a page is owned by none")?;
                0
            }
        };
        holds(
            u32::from(pins) == references,
            "a page is pinned too often, or too little",
        )?;
        if binding != UNBOUND && binding != BOUND_OFTEN {
            let at = usize::from(binding);
            let (tag, low) = self.binding(at % PLACES);
            holds(
                tag & EMPTY == 0 && low >> 12 == u32::from(page.number().0),
                "a page thinks that it is bound",
            )?;
        }
        Ok(())
    }

    /// How often an environment refers to a page.
    fn references(&mut self, env: Env, page: Page) -> u32 {
        let nowhere = self.machine.kernel_save();
        let number = page.number();
        let is_in = |physical: u32| physical & 0x1fff_ffff & !(PAGE_BYTES - 1) == number.physical();
        let env = self.env(env);
        let state = &env.state;
        let saves = env
            .save
            .iter()
            .filter(|&&save| save != nowhere && is_in(save));
        let guaranteed = state
            .guaranteed
            .iter()
            .filter(|(_, low)| low & ENTRY_VALID != 0 && is_in(*low));
        let backing = state.backing.iter().filter(|place| place.page == number.0);
        let others = [state.slice_save, state.repossession]
            .into_iter()
            .filter(|&at| at != 0 && is_in(at));
        (saves.count() + guaranteed.count() + backing.count() + others.count()) as u32
    }
}

fn is_listed(owner: u8) -> bool {
    owner != KERNEL && owner != PUBLIC
}
