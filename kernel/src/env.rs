//! Environments: made of a page, controlled by one parent, destroyed without a trace (§5.1.2).
//!
//! Problem: an environment is what resources are accounted to, so when it ends, everything it held must
//! come free and every right through it must end, whatever state it was in. Method: it is one page that
//! its creator gave up; what is no secret of it stands in the public table. `Kernel::destroy` breaks
//! its bindings and those to its pages in one pass over the STLB, then walks its own list of pages. Its
//! children go to its parent. Left out: what an environment says of itself (`configure`) and how it is
//! entered (`transfer`, `slice`).

use crate::{
    Answer, Kernel,
    layout::{Backing, EnvPage},
    machine::{Label, Machine},
};
use aegis_abi::{
    Cause, EnvId, Error, PageNo,
    bookkeeping::{Death, EnvPublic, KERNEL, NO_PAGE, NOBODY, Slice},
    layout::{CONTEXTS, DEATH_CALL, ENTRY_DIRTY, ENTRY_VALID, MOST_ENVS},
};

/// The number of an environment, below [`MOST_ENVS`]. Only `Env::new` makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Env(u8);

impl Env {
    /// The environment of a number, if there can be one.
    pub(crate) fn new(number: u32) -> Option<Env> {
        ((number as usize) < MOST_ENVS).then_some(Env(number as u8))
    }

    /// All that there can be.
    pub(crate) fn all() -> impl Iterator<Item = Env> {
        (0..MOST_ENVS as u8).map(Env)
    }

    /// Its place in tables.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Its name.
    pub fn id(self) -> EnvId {
        EnvId(self.0)
    }

    /// What the page table calls it.
    pub(crate) fn owner(self) -> u8 {
        self.0
    }
}

/// System calls.
impl<M: Machine> Kernel<M> {
    pub(crate) fn env_self(&mut self) -> Answer {
        Ok((u32::from(self.current().0), 0))
    }

    pub(crate) fn env_create(&mut self, page: PageNo) -> Answer {
        let caller = self.current();
        let page = self.releasable(page)?;
        // The number used least, so that how an environment ended can be read for long.
        let free = Env::all().filter_map(|env| {
            let public = self.public(env);
            (public.page == NO_PAGE).then_some((public.epoch, env))
        });
        let (_, env) = free
            .min_by_key(|(epoch, _)| *epoch)
            .ok_or(Error::Exhausted)?;
        self.hand(page, KERNEL);
        self.begin(env, page.number(), caller.owner());
        Ok((u32::from(env.0), 0))
    }

    pub(crate) fn env_destroy(&mut self, env: EnvId, status: u32) -> Answer {
        let env = self.controlled(env)?;
        self.destroy(
            env,
            Death {
                cause: DEATH_CALL,
                status,
                ..Death::default()
            },
        );
        Ok((0, 0))
    }
}

impl<M: Machine> Kernel<M> {
    /// The environment that runs: the one whose page the assembly left in the scratch page.
    pub fn current(&mut self) -> Env {
        let page = self.machine.scratch().current_low >> 12;
        let id = self.machine.env(PageNo(page as u16)).id;
        Env(id as u8 % MOST_ENVS as u8)
    }

    /// What anybody may know of an environment.
    pub(crate) fn public(&mut self, env: Env) -> &mut EnvPublic {
        &mut self.machine.public().envs[env.index()]
    }

    /// The page of an environment that lives.
    pub(crate) fn env(&mut self, env: Env) -> &mut EnvPage {
        let page = self.public(env).page;
        self.machine.env(PageNo(page))
    }

    /// The environment of a number, if it lives.
    pub(crate) fn living(&mut self, id: EnvId) -> Result<Env, Error> {
        let env = Env::new(u32::from(id.0)).ok_or(Error::BadName)?;
        if self.public(env).page == NO_PAGE {
            return Err(Error::BadName);
        }
        Ok(env)
    }

    /// The environment of a number, if it is the caller or the caller controls it.
    pub(crate) fn controlled(&mut self, id: EnvId) -> Result<Env, Error> {
        let env = self.living(id)?;
        let caller = self.current();
        if env == caller || self.public(env).parent == caller.owner() {
            Ok(env)
        } else {
            Err(Error::NotOwner)
        }
    }

    /// An exception that the environment that runs has no handler for: it is destroyed, and another is
    /// entered.
    pub fn unhandled(&mut self, cause: Cause, epc: u32, bad_address: u32) {
        let caller = self.current();
        self.destroy(
            caller,
            Death {
                cause: u32::from(cause.0),
                epc,
                bad_address,
                status: 0,
            },
        );
    }

    /// Makes an environment in a page that is the kernel's.
    pub(crate) fn begin(&mut self, env: Env, page: PageNo, parent: u8) {
        self.machine.make_env(page);
        let kernel = self.machine.kernel_save();
        let unhandled = self.machine.label(Label::Unhandled);
        let interrupt = self.machine.label(Label::Interrupt);
        let call = self.machine.label(Label::SystemCall);
        let fresh = self.machine.env(page);
        fresh.save = [kernel; Cause::COUNT];
        fresh.handler = [unhandled; Cause::COUNT];
        fresh.handler[usize::from(Cause::INTERRUPT.0)] = interrupt;
        fresh.handler[usize::from(Cause::SYSCALL.0)] = call;
        fresh.id = u32::from(env.0);
        fresh.low = page.physical() | ENTRY_DIRTY | ENTRY_VALID;
        fresh.state.backing.fill(Backing::NONE);
        let public = self.public(env);
        public.page = page.0;
        public.parent = parent;
        self.write_records(env);
    }

    /// Ends an environment: all it held is free, all through it is broken, another runs if it did.
    pub(crate) fn destroy(&mut self, env: Env, death: Death) {
        let was_running = self.current() == env;
        self.purge_env(env);
        for context in 0..CONTEXTS {
            let asid = self.env(env).state.asids[context];
            self.drop_asid(asid);
        }
        self.free_slices(env);
        self.pass_all(env);
        let EnvPublic {
            page,
            parent,
            reserve,
            ..
        } = *self.public(env);
        for child in Env::all() {
            let orphan = self.public(child);
            if orphan.parent == env.owner() {
                // Two can have adopted each other; nobody controls the one that is left.
                let itself = parent == child.owner();
                orphan.parent = if itself { NOBODY } else { parent };
            }
        }
        if let Some(heir) = Env::new(u32::from(parent)) {
            let heir = self.public(heir);
            heir.reserve = heir.reserve.saturating_add(reserve);
        }
        let public = self.public(env);
        *public = EnvPublic {
            epoch: public.epoch.saturating_add(1),
            death,
            ..EnvPublic::NONE
        };
        self.bury_records(env);
        self.machine.clear(PageNo(page));
        if let Ok(page) = self.page(PageNo(page)) {
            self.pass(page, NOBODY);
        }
        if was_running {
            self.run_next();
        }
    }

    /// Takes an environment's slices; those it only held go back to their owners.
    fn free_slices(&mut self, env: Env) {
        let public = self.machine.public();
        for slice in &mut public.slices {
            if slice.owner == env.owner() {
                *slice = Slice::FREE;
            } else if slice.holder == env.owner() {
                slice.holder = slice.owner;
            }
        }
        if public.ending == env.owner() {
            public.ending = NOBODY;
        }
        if public.turn == env.owner() {
            public.turn = NOBODY;
        }
        let running = public.slices[usize::from(public.position) % public.slices.len()];
        let scratch = self.machine.scratch();
        if scratch.pinned == u32::from(env.owner()) + 1 {
            scratch.pinned = match running.owner {
                NOBODY => 0,
                owner => u32::from(owner) + 1,
            };
        }
    }
}
