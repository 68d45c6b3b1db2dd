//! The processor as a linear vector of time slices (§5.1.1).
//!
//! Problem: to share time so that applications can plan with it, and to bound what they take of others'
//! without ever saving a register for them. Method: 64 slices of one clock tick, run round robin. At the end
//! of a slice the environment that runs is told and saves its own state; it is on its honour to yield, and
//! pays for every tick it does not: the tick is counted as excess, a later slice is forfeited for each, and
//! past `MOST_EXCESS` it is destroyed. Excess is charged to whom the end was delivered, wherever it sent
//! the processor since.
//!
//! **Whose the slice is** after transfers costs them nothing: it is settled at the tick. The environment
//! that runs then is the holder from now on, which is what a synchronous transfer donates; but if an
//! asynchronous one took place, `scratch.pinned` says whose it stays. A slice that began early, in what another
//! left of its own, lasts until the end of the next tick.

use crate::{Answer, Kernel, env::Env, layout::Frame, machine::Machine};
use aegis_abi::{
    EnvId, Error, Position,
    bookkeeping::{Death, NOBODY, Slice},
    layout::{ANY, DEATH_EXCESS, ENTRY_SLICE_END, MOST_EXCESS, REVOKE_SLICES, SLICES},
};

/// System calls.
impl<M: Machine> Kernel<M> {
    pub(crate) fn ticks(&mut self) -> Answer {
        Ok((self.machine.public().ticks & 0x7fff_ffff, 0))
    }

    pub(crate) fn slice_alloc(&mut self, position: u32) -> Answer {
        let caller = self.current();
        if self.is_over(caller, REVOKE_SLICES, 1) {
            return Err(Error::Exhausted);
        }
        let slices = &mut self.machine.public().slices;
        let (position, slice) = if position == ANY {
            let mut free = slices.iter_mut().enumerate();
            let found = free.find(|(_, slice)| slice.owner == NOBODY);
            found.ok_or(Error::Exhausted)?
        } else {
            let position = position as usize;
            (position, slices.get_mut(position).ok_or(Error::BadName)?)
        };
        if slice.owner != NOBODY {
            return Err(Error::Taken);
        }
        *slice = Slice {
            owner: caller.owner(),
            holder: caller.owner(),
        };
        self.keep_if_running(position, caller);
        Ok((position as u32, 0))
    }

    pub(crate) fn slice_free(&mut self, position: Position) -> Answer {
        *self.own_slice(position)? = Slice::FREE;
        Ok((0, 0))
    }

    pub(crate) fn slice_give(&mut self, position: Position, to: EnvId) -> Answer {
        let to = self.living(to)?;
        *self.own_slice(position)? = Slice {
            owner: to.owner(),
            holder: to.owner(),
        };
        self.keep_if_running(usize::from(position.0), to);
        Ok((0, 0))
    }

    pub(crate) fn yield_to(&mut self, target: u32) -> Answer {
        if target == ANY {
            self.settle();
            let public = self.machine.public();
            public.early = u16::from(public.ending == NOBODY);
            self.run_next();
            return Ok((0, 0));
        }
        let target = Env::new(target).ok_or(Error::BadName)?;
        if !self.can_begin(target) {
            return Err(Error::NoSuchCall);
        }
        let caller = self.current();
        let scratch = self.machine.scratch();
        if scratch.pinned == 0 {
            scratch.pinned = u32::from(caller.owner()) + 1;
        }
        // Whoever is late lends on its own account.
        let public = self.machine.public();
        if public.ending == NOBODY {
            public.turn = target.owner();
        }
        self.enter(target);
        Ok((0, 0))
    }
}

impl<M: Machine> Kernel<M> {
    /// A clock tick, in the environment whose registers are in the frame.
    pub fn tick(&mut self, frame: &mut Frame) {
        let public = self.machine.public();
        public.ticks = public.ticks.wrapping_add(1);
        self.settle();
        self.expire();
        if self.machine.scratch().fresh != 0 {
            return;
        }
        let running = self.current();
        let public = self.machine.public();
        if public.early != 0 {
            public.early = 0;
            self.keep_fetched(frame.epc);
            return;
        }
        let (told, turn) = (public.ending, public.turn);
        if told != NOBODY {
            self.charge(Env::new(u32::from(turn)).unwrap_or(running));
            if self.machine.scratch().fresh != 0 {
                return;
            }
            if told == running.owner() {
                self.keep_fetched(frame.epc);
                return;
            }
        }
        self.end_slice(running, frame);
    }

    /// Enters the holder of the next slice that begins; stops the machine if there is none.
    pub(crate) fn run_next(&mut self) {
        // Each round takes one from the excess of whoever has any, and nobody has more than the most.
        for _ in 0..SLICES * (MOST_EXCESS as usize + 2) {
            let public = self.machine.public();
            let position = (usize::from(public.position) + 1) % SLICES;
            public.position = position as u8;
            let holder = public.slices[position].holder;
            let Some(env) = Env::new(u32::from(holder)) else {
                continue;
            };
            if !self.can_begin(env) {
                continue;
            }
            let public = self.public(env);
            if public.excess > 0 {
                public.excess -= 1;
                continue;
            }
            let public = self.machine.public();
            public.ending = NOBODY;
            public.turn = env.owner();
            self.machine.scratch().pinned = 0;
            self.enter(env);
            return;
        }
        let status = self.machine.public().envs[0].death.status;
        self.machine.halt(status)
    }

    /// Whether an environment has so many slices of its own or more.
    pub(crate) fn slices_of(&mut self, env: Env) -> u32 {
        let slices = &self.machine.public().slices;
        let own = slices.iter().filter(|slice| slice.owner == env.owner());
        own.count() as u32
    }

    /// Records who holds the slice that runs.
    fn settle(&mut self) {
        let running = self.current().owner();
        // It stays: a slice that is over is settled again when whoever runs yields.
        let pinned = self.machine.scratch().pinned;
        let holder = match pinned {
            0 => running,
            pinned => pinned.wrapping_sub(1) as u8,
        };
        let public = self.machine.public();
        let slice = &mut public.slices[usize::from(public.position) % SLICES];
        if slice.owner != NOBODY {
            slice.holder = holder;
        }
    }

    /// A slice that changed hands while it runs stays with its new owner, whoever runs at its end.
    fn keep_if_running(&mut self, position: usize, owner: Env) {
        if usize::from(self.machine.public().position) == position {
            self.machine.scratch().pinned = u32::from(owner.owner()) + 1;
        }
    }

    fn charge(&mut self, late: Env) {
        let public = self.public(late);
        public.excess = public.excess.saturating_add(1);
        if u32::from(public.excess) > MOST_EXCESS {
            let cause = DEATH_EXCESS;
            self.destroy(
                late,
                Death {
                    cause,
                    ..Death::default()
                },
            );
        }
    }

    /// Tells an environment that its slice is over, as an exception. One that cannot be told has until
    /// its excess is too much.
    fn end_slice(&mut self, env: Env, frame: &mut Frame) {
        self.machine.public().ending = env.owner();
        let state = &self.env(env).state;
        let (save, entry) = (state.slice_save, state.entries[ENTRY_SLICE_END as usize]);
        if save == 0 || entry == 0 {
            self.keep_fetched(frame.epc);
            return;
        }
        self.end_victims();
        for (index, register) in (0..).zip(frame.t) {
            self.machine
                .store((save & 0x1fff_ffff) + 4 * index, register);
        }
        frame.t = [frame.epc, 0, frame.cause];
        frame.epc = entry;
    }

    fn own_slice(&mut self, position: Position) -> Result<&mut Slice, Error> {
        let caller = self.current().owner();
        let slices = &mut self.machine.public().slices;
        let slice = slices
            .get_mut(usize::from(position.0))
            .ok_or(Error::BadName)?;
        if slice.owner == caller {
            Ok(slice)
        } else {
            Err(Error::NotOwner)
        }
    }
}
