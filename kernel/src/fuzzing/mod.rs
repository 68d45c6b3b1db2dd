//! Calls from any bytes, on a machine in plain memory, beside a plain model of what they do.
//!
//! [`run`] is the body of the fuzz target and of the model test: it makes a sequence of calls, ticks,
//! transfers, misses and exceptions of bytes, carries it out and panics when the kernel's answer or
//! state is not the model's, or an invariant is broken. Arguments are drawn so that most are nearly right:
//! pages of the caller's or of others, capabilities that were made, sometimes with a bit flipped.

mod draw;
mod effects;
mod model;
mod reasons;

use crate::{
    Kernel,
    fake::{Fake, Halted, MODULE},
    layout::Frame,
    machine::{Label, Machine as _},
};
use aegis_abi::{Cause, EnvId, Error, Syscall, layout};
use core::panic::AssertUnwindSafe;
use draw::{Draw, Step};
use model::Model;
use std::panic::{catch_unwind, resume_unwind};

/// Pages of the machine: few, so that they run out.
const PAGES: u16 = 96;
/// Steps between looks at the bindings, and at everything.
const BINDINGS_EVERY: u32 = 16;
const EVERYTHING_EVERY: u32 = 64;

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Calls, ticks, transfers, misses, exceptions and stores.
    pub steps: u32,
    /// Calls complied with and calls refused, by number.
    pub calls: [[u32; 2]; 64],
    /// Transfers that took place.
    pub transfers: u32,
    /// Pages taken by force.
    pub taken: u32,
    /// Environments destroyed.
    pub destroyed: u32,
}

impl Report {
    /// Of a run that did nothing.
    pub const NOTHING: Report = Report {
        steps: 0,
        calls: [[0; 2]; 64],
        transfers: 0,
        taken: 0,
        destroyed: 0,
    };

    /// Adds what another run did.
    pub fn add(&mut self, other: &Report) {
        self.steps += other.steps;
        self.transfers += other.transfers;
        self.taken += other.taken;
        self.destroyed += other.destroyed;
        for (sum, more) in self.calls.iter_mut().zip(other.calls) {
            *sum = [sum[0] + more[0], sum[1] + more[1]];
        }
    }
}

/// Carries out what the bytes say.
///
/// # Panics
///
/// When the kernel does what it must not.
pub fn run(bytes: &[u8]) -> Report {
    let fake = Fake::new(PAGES);
    let boot = fake.boot_info();
    let mut kernel = Kernel::new(fake, &boot);
    kernel.start(MODULE);
    assert!(begins(&mut kernel));
    let mut model = Model::new(&mut kernel.machine);
    let mut draw = Draw::new(bytes);
    while let Some(step) = draw.step(&model) {
        let halted = carry_out(&mut kernel, &mut model, step);
        if halted.is_none() && begins(&mut kernel) {
            model.compare_beginning(&mut kernel.machine);
        }
        model.report.steps += 1;
        let steps = model.report.steps;
        assert_eq!(halted, model.halted, "{step:x?}: stopped, or did not");
        if halted.is_some() {
            break;
        }
        assert_eq!(kernel.invariants(), Ok(()), "after {step:x?}");
        model.compare(&mut kernel.machine);
        if steps.is_multiple_of(BINDINGS_EVERY) {
            model.compare_bindings(&mut kernel);
        }
        if steps.is_multiple_of(EVERYTHING_EVERY) {
            assert_eq!(kernel.all_invariants(), Ok(()), "after {step:x?}");
        }
    }
    if model.halted.is_none() {
        model.compare_bindings(&mut kernel);
        assert_eq!(kernel.all_invariants(), Ok(()), "at the end");
    }
    model.report
}

/// Carries out a step on both. The status that the machine stopped with, if it did.
fn carry_out(kernel: &mut Kernel<Fake>, model: &mut Model, step: Step) -> Option<u32> {
    match step {
        Step::Call(call, words) => {
            let mut reply = Ok((0, 0));
            let halted = halts(|| reply = ask(kernel, call, words));
            model.judge(call, words, reply, &mut kernel.machine);
            halted
        }
        Step::Tick => {
            let before = Frame {
                t: [1, 2, 3],
                epc: 0x40_0000,
                cause: 0x2000,
                ..Frame::default()
            };
            let mut after = before.clone();
            let halted = halts(|| kernel.tick(&mut after));
            model.tick(&before, &after, &mut kernel.machine);
            halted
        }
        Step::Transfer(to, synchronous) => {
            let entered = transfer(kernel, to, synchronous);
            assert_eq!(entered, model.transfer(to, synchronous), "{step:?}");
            None
        }
        Step::Miss(address) => {
            let found = kernel.guaranteed_miss(address);
            model.miss(address, found, &kernel.machine);
            None
        }
        Step::Unhandled => {
            let halted = halts(|| kernel.unhandled(Cause::RESERVED, 0x1000, 0));
            model.unhandled();
            halted
        }
        Step::Store(at, word) => {
            kernel.machine.store(at, word);
            None
        }
    }
}

/// A call by either way in.
fn ask(kernel: &mut Kernel<Fake>, call: Syscall, words: [u32; 4]) -> Result<(u32, u32), Error> {
    let (v0, v1) = kernel.stack_call(call, words);
    match Error::from_word(v0) {
        Some(Error::NoSuchCall) if is_primitive(call) => {
            kernel.primitive(call, words[0], words[1]).map(|()| (0, 0))
        }
        Some(error) => Err(error),
        None => Ok((v0, v1)),
    }
}

fn is_primitive(call: Syscall) -> bool {
    matches!(
        call,
        Syscall::tlb_write
            | Syscall::tlb_delete
            | Syscall::tlb_write_many
            | Syscall::tlb_delete_many
            | Syscall::fpu_modify
            | Syscall::context_switch
    )
}

/// What the assembly does with a transfer: where it enters, if it does.
pub(crate) fn transfer(kernel: &mut Kernel<Fake>, to: u32, synchronous: bool) -> Option<u32> {
    let place = to as usize;
    let mut record = kernel.machine.records().synchronous.get(place).copied()?;
    let asynchronous = kernel.machine.records().asynchronous[place];
    let asleep = kernel.machine.label(Label::Asleep);
    if record.low == asleep {
        assert_eq!(asynchronous.low, asleep, "half asleep");
        assert!(kernel.wake(EnvId(to as u8)), "asleep, but dead");
        record = kernel.machine.records().synchronous[place];
    }
    if (record.high as i32) >= 0 {
        assert_eq!(record.low, kernel.machine.label(Label::Dead));
        return None;
    }
    let mut entry = record.entry;
    if !synchronous {
        let asynchronous = kernel.machine.records().asynchronous[place];
        assert_eq!(asynchronous.high, layout::scall_selector(to));
        assert_eq!(asynchronous.low, kernel.machine.label(Label::Asynchronous));
        entry = asynchronous.entry;
    }
    let caller = kernel.current();
    let scratch = kernel.machine.scratch();
    if !synchronous && scratch.pinned == 0 {
        scratch.pinned = caller.index() as u32 + 1;
    }
    scratch.current_high = record.high;
    scratch.current_low = record.low;
    scratch.status = record.status;
    Some(entry)
}

/// What the assembly does when an environment begins; whether one does.
fn begins(kernel: &mut Kernel<Fake>) -> bool {
    core::mem::take(&mut kernel.machine.scratch().fresh) != 0
}

/// The status that the machine stops with, if it does.
fn halts(run: impl FnOnce()) -> Option<u32> {
    let unwound = catch_unwind(AssertUnwindSafe(run)).err()?;
    match unwound.downcast_ref::<Halted>() {
        Some(halted) => Some(halted.0),
        None => resume_unwind(unwound),
    }
}
