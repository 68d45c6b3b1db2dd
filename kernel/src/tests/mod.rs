//! The kernel on a machine in plain memory: a bench that unit tests drive it with.

mod model;
mod processor;

use crate::{
    Kernel,
    fake::{Fake, Halted, LOAD, MODULE},
    layout::Frame,
    machine::Machine as _,
};
use aegis_abi::{Error, Syscall};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A machine that has booted; environment 0 runs.
pub(crate) fn booted(pages: u16) -> Kernel<Fake> {
    let fake = Fake::new(pages);
    let boot = fake.boot_info();
    let mut kernel = Kernel::new(fake, &boot);
    kernel.start(MODULE);
    assert_eq!(kernel.machine.scratch().epc, LOAD + 64);
    begin(&mut kernel);
    kernel
}

/// What the assembly does when an environment begins; true if one does.
pub(crate) fn begin(kernel: &mut Kernel<Fake>) -> bool {
    core::mem::take(&mut kernel.machine.scratch().fresh) != 0
}

/// A call on the stack, as an application sees it, and everything checked after it.
pub(crate) fn call(kernel: &mut Kernel<Fake>, call: Syscall, words: &[u32]) -> Result<u32, Error> {
    both(kernel, call, words).map(|(v0, _)| v0)
}

/// The same, with `v1`.
pub(crate) fn both(
    kernel: &mut Kernel<Fake>,
    call: Syscall,
    words: &[u32],
) -> Result<(u32, u32), Error> {
    let mut registers = [0; 4];
    registers[..words.len()].copy_from_slice(words);
    let (v0, v1) = kernel.stack_call(call, registers);
    begin(kernel);
    check(kernel);
    match Error::from_word(v0) {
        Some(error) => Err(error),
        None => Ok((v0, v1)),
    }
}

/// A primitive.
pub(crate) fn primitive(
    kernel: &mut Kernel<Fake>,
    call: Syscall,
    t1: u32,
    t2: u32,
) -> Result<(), Error> {
    let answer = kernel.primitive(call, t1, t2);
    check(kernel);
    answer
}

/// A clock tick. Whether an environment begins.
pub(crate) fn tick(kernel: &mut Kernel<Fake>, frame: &mut Frame) -> bool {
    kernel.tick(frame);
    let fresh = begin(kernel);
    check(kernel);
    fresh
}

/// The status that the machine stops with.
pub(crate) fn halts(run: impl FnOnce()) -> Option<u32> {
    let unwound = catch_unwind(AssertUnwindSafe(run)).err()?;
    Some(unwound.downcast_ref::<Halted>()?.0)
}

pub(crate) fn check(kernel: &mut Kernel<Fake>) {
    assert_eq!(kernel.all_invariants(), Ok(()));
    kernel.machine.check_inclusion();
}
