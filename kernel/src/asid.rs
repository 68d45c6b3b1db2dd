//! Address space identifiers: 63, shared out among contexts, taken back invisibly (§3.3).
//!
//! Problem: the hardware tells 64 contexts apart, and there may be 96 environments with four each. Method:
//! a context gets an ASID when it is about to run; when all are in use the next in turn loses its own,
//! with all that is bound under it. It never notices but by the misses; its records become `Asleep`
//! until somebody calls it. ASID 0 is nobody's: the kernel's own, and none. The context that runs keeps its.

use crate::{
    Kernel,
    env::Env,
    layout::ENV_ADDRESS,
    machine::Machine,
    stlb::{asid, hash, tag},
};
use aegis_abi::layout::CONTEXTS;

/// ASIDs, 0 among them.
const ASIDS: usize = 64;

/// Who has each ASID, and how much is bound under it.
pub(crate) struct Asids {
    holders: [Option<(Env, u8)>; ASIDS],
    bindings: [u16; ASIDS],
    next: u8,
}

impl Asids {
    pub(crate) const NEW: Asids = Asids {
        holders: [None; ASIDS],
        bindings: [0; ASIDS],
        next: 1,
    };

    /// Whose an ASID is.
    pub(crate) fn env(&self, asid: u8) -> Option<Env> {
        self.holder(asid).map(|(env, _)| env)
    }

    /// Whose an ASID is, and for which context.
    pub(crate) fn holder(&self, asid: u8) -> Option<(Env, u8)> {
        self.holders[usize::from(asid) % ASIDS]
    }

    /// How many entries of the STLB have it.
    pub(crate) fn bindings(&self, asid: u8) -> u16 {
        self.bindings[usize::from(asid) % ASIDS]
    }

    pub(crate) fn bound(&mut self, asid: u8) {
        let count = &mut self.bindings[usize::from(asid) % ASIDS];
        *count = count.wrapping_add(1);
    }

    pub(crate) fn unbound(&mut self, asid: u8) {
        let count = &mut self.bindings[usize::from(asid) % ASIDS];
        *count = count.wrapping_sub(1);
    }
}

impl<M: Machine> Kernel<M> {
    /// Makes an environment ready to be entered: its current context has an ASID, its page and records
    /// say so, and the scratch page if it is the one that runs.
    pub(crate) fn refresh(&mut self, env: Env) {
        let state = &self.env(env).state;
        let context = state.context as usize % CONTEXTS;
        let mut asid = state.asids[context];
        if asid == 0 {
            asid = self.take_turn();
            self.asids.holders[usize::from(asid) % ASIDS] = Some((env, context as u8));
            self.env(env).state.asids[context] = asid;
        }
        let address = self.machine.stlb_address();
        let page = self.env(env);
        page.hash = address ^ hash(asid);
        page.high = tag(ENV_ADDRESS, asid);
        self.write_records(env);
        if self.current() == env {
            self.show_current(env);
        }
    }

    /// An ASID that nobody has: the next in turn, taken away if need be.
    fn take_turn(&mut self) -> u8 {
        let running = asid(self.machine.scratch().current_high);
        // Of two in turn at least one is not the one that runs.
        let mut free = None;
        for asid in 1..ASIDS as u8 {
            if self.asids.holder(asid).is_none() {
                free = Some(asid);
                break;
            }
        }
        let taken = free.unwrap_or_else(|| {
            let mut turn = self.asids.next;
            if turn == running {
                turn = after(turn);
            }
            self.asids.next = after(turn);
            turn
        });
        self.drop_asid(taken);
        taken
    }

    /// Takes an ASID from whoever has it.
    pub(crate) fn drop_asid(&mut self, asid: u8) {
        let Some((env, context)) = self.asids.holder(asid) else {
            return;
        };
        self.purge_asid(asid);
        self.asids.holders[usize::from(asid) % ASIDS] = None;
        let page = self.env(env);
        page.state.asids[usize::from(context) % CONTEXTS] = 0;
        if page.state.context == u32::from(context) {
            page.high = 0;
            self.write_records(env);
        }
    }
}

/// The next ASID in turn.
fn after(asid: u8) -> u8 {
    if usize::from(asid) + 1 < ASIDS {
        asid + 1
    } else {
        1
    }
}
