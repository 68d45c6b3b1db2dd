//! How long interrupts are off at most: from an exception to the first instruction of an application after.
//!
//! Problem: a system call that works long makes every clock tick late, and which one is worst shows only
//! in a run. Method: every instruction is looked at; a stretch is what lies between two in user mode, and
//! the longest is kept with what it began with. The start of the machine is none.

use core::cell::Cell;
use decstation::cpu::Core;
use decstation::cpu::Register;
use decstation::machine::Machine;
use std::rc::Rc;

/// A stretch without interrupts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Cycles.
    pub(super) cycles: u64,
    /// Code of the exception that it began with.
    pub(super) cause: u32,
    /// `v0` then: the selector, if it is a system call.
    pub(super) selector: u32,
    /// Where.
    pub(super) epc: u32,
}

/// The longest stretch so far.
#[derive(Clone, Default)]
pub(super) struct Latency {
    worst: Rc<Cell<Stretch>>,
}

impl Latency {
    /// Begins to watch a machine. Nothing that it counts changes.
    pub(super) fn watch(machine: &mut Machine) -> Latency {
        let latency = Latency::default();
        let worst = latency.worst.clone();
        let mut user: Option<u64> = None;
        let mut began = None;
        machine.set_trace(Some(Box::new(move |core, _| {
            if core.control().is_user() {
                let now = core.counts().cycles;
                if let (Some(last), Some(stretch)) = (user, began.take()) {
                    let stretch = Stretch {
                        cycles: now - last,
                        ..stretch
                    };
                    if stretch.cycles > worst.get().cycles {
                        worst.set(stretch);
                    }
                }
                user = Some(now);
            } else if user.is_some() && began.is_none() {
                began = Some(beginning(core));
            }
        })));
        latency
    }

    /// The longest.
    pub(super) fn worst(&self) -> Stretch {
        self.worst.get()
    }
}

fn beginning(core: &Core) -> Stretch {
    Stretch {
        cycles: 0,
        cause: core.control().cause >> 2 & 31,
        selector: core.register(Register::V0),
        epc: core.control().epc,
    }
}
