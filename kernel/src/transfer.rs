//! The records that protected control transfers go by, and the other way into an environment (§5.5).
//!
//! Problem: a transfer is two dozen instructions of assembly and asks nobody. Method: all it needs stands
//! ready in a record, 16 bytes per environment and kind, and is true at every moment: whoever changes an
//! environment's ASID, status, entry points or life writes its records here. A record is *dead* (an error
//! for the caller), *asleep* (the assembly calls [`Kernel::wake`] and tries again) or enters. Slices begin
//! the other way: [`Kernel::enter`] tells the assembly in the scratch page whom to begin, with every
//! register clear, so that nothing leaks from whoever ran before. Left out: who gets the time (`slice`).

use crate::{
    Kernel,
    env::Env,
    layout::Record,
    machine::{Label, Machine},
};
use aegis_abi::{
    EnvId,
    bookkeeping::NO_PAGE,
    layout::{
        ENTRY_ASYNCHRONOUS, ENTRY_REVOKE, ENTRY_SLICE_START, ENTRY_SYNCHRONOUS, acall_selector,
        scall_selector,
    },
};

impl<M: Machine> Kernel<M> {
    /// Makes an environment ready for a transfer that found its record asleep. Whether it lives.
    pub fn wake(&mut self, env: EnvId) -> bool {
        match self.living(env) {
            Ok(env) => {
                self.refresh(env);
                true
            }
            Err(_) => false,
        }
    }

    /// Writes both records of an environment, from its page.
    pub(crate) fn write_records(&mut self, env: Env) {
        let synchronous = self.record_of(env, true);
        let asynchronous = self.record_of(env, false);
        let records = self.machine.records();
        records.synchronous[env.index()] = synchronous;
        records.asynchronous[env.index()] = asynchronous;
    }

    /// Makes the records of an environment dead.
    pub(crate) fn bury_records(&mut self, env: Env) {
        let dead = self.leads_to(Label::Dead);
        let records = self.machine.records();
        records.synchronous[env.index()] = dead;
        records.asynchronous[env.index()] = dead;
    }

    /// What a record of a living environment must be.
    pub(crate) fn record_of(&mut self, env: Env, synchronous: bool) -> Record {
        let page = self.env(env);
        let (high, low, status) = (page.high, page.low, page.state.status);
        let [to_synchronous, to_asynchronous] =
            [ENTRY_SYNCHRONOUS, ENTRY_ASYNCHRONOUS].map(|entry| page.state.entries[entry as usize]);
        if to_synchronous == 0 || to_asynchronous == 0 {
            return self.leads_to(Label::Dead);
        }
        if high == 0 {
            let id = u32::from(env.id().0);
            return Record {
                high: if synchronous {
                    scall_selector(id)
                } else {
                    acall_selector(id)
                },
                ..self.leads_to(Label::Asleep)
            };
        }
        let status = self.user_status | status;
        if synchronous {
            Record {
                high,
                low,
                status,
                entry: to_synchronous,
            }
        } else {
            Record {
                high: scall_selector(u32::from(env.id().0)),
                low: self.machine.label(Label::Asynchronous),
                status,
                entry: to_asynchronous,
            }
        }
    }

    /// A record whose only matter is where the assembly goes.
    pub(crate) fn leads_to(&self, label: Label) -> Record {
        Record {
            low: self.machine.label(label),
            ..Record::default()
        }
    }

    /// Whether a slice can begin for an environment.
    pub(crate) fn can_begin(&mut self, env: Env) -> bool {
        self.public(env).page != NO_PAGE
            && self.env(env).state.entries[ENTRY_SLICE_START as usize] != 0
    }

    /// Lets an environment run next, from its slice-start handler, or from the one that hears requests if
    /// one is due that it has not been told.
    pub(crate) fn enter(&mut self, env: Env) {
        self.machine.scratch().current_low = self.env(env).low;
        self.refresh(env);
        let request = self.untold_request(env);
        let entries = &self.env(env).state.entries;
        let (entry, arguments) = match request {
            Some(arguments) => (entries[ENTRY_REVOKE as usize], arguments),
            None => (entries[ENTRY_SLICE_START as usize], [0; 3]),
        };
        self.show_current(env);
        let scratch = self.machine.scratch();
        scratch.epc = entry;
        scratch.arguments = arguments;
        scratch.fresh = 1;
    }

    /// Puts what the assembly needs of the environment that runs into the scratch page.
    pub(crate) fn show_current(&mut self, env: Env) {
        let page = self.env(env);
        let (high, low, status) = (page.high, page.low, page.state.status);
        let status = self.user_status | status;
        let scratch = self.machine.scratch();
        scratch.current_high = high;
        scratch.current_low = low;
        scratch.status = status;
    }
}
