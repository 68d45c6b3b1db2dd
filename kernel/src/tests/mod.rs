//! The kernel on a machine in plain memory: a bench that unit tests drive it with.

mod bindings;
mod lives;
mod model;
mod pages;
mod processor;
mod revocation;

use crate::{
    Kernel,
    fake::{Fake, Halted, LOAD, MODULE},
    layout::Frame,
    machine::Machine as _,
};
use aegis_abi::{Error, Syscall};
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

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

/// All ones.
pub(crate) const ANY: u32 = u32::MAX;
/// Where [`child`] maps its first page.
pub(crate) const HOME: u32 = 0x2000;

/// A page for the caller.
pub(crate) fn page(kernel: &mut Kernel<Fake>) -> u32 {
    call(kernel, Syscall::page_alloc, &[ANY]).expect("a page")
}

/// An environment that can be entered in every way and has two pages of its own: the first guaranteed at
/// [`HOME`], where entry point n is 16 times n, and save areas in the second.
pub(crate) fn child(kernel: &mut Kernel<Fake>) -> u32 {
    let home = page(kernel);
    let env = call(kernel, Syscall::env_create, &[home]).expect("an environment");
    let [code, saves] = [page(kernel), page(kernel)];
    for given in [code, saves] {
        call(kernel, Syscall::page_give, &[given, env]).expect("it is given");
    }
    let entry = code << 12 | 0x600;
    call(kernel, Syscall::env_guarantee, &[env, HOME, entry]).expect("it is guaranteed");
    for kind in 0..5 {
        let at = HOME + 16 * kind;
        call(kernel, Syscall::env_entry, &[env, kind, at]).expect("it is guaranteed");
    }
    call(kernel, Syscall::env_save_area, &[env, 0, saves << 12]).expect("it has the page");
    env
}

/// The pages that an environment owns, in the order of their numbers.
pub(crate) fn pages_of(kernel: &mut Kernel<Fake>, env: u32) -> Vec<u32> {
    let states = kernel.machine.page_states();
    let own = (0..)
        .zip(states)
        .filter(|(_, state)| u32::from(state.owner) == env);
    own.map(|(page, _)| page).collect()
}

/// Who runs.
pub(crate) fn running(kernel: &mut Kernel<Fake>) -> u32 {
    kernel.current().index() as u32
}

/// Yields to an environment by name, or to the next slice.
pub(crate) fn yield_to(kernel: &mut Kernel<Fake>, target: u32) {
    call(kernel, Syscall::yield_to, &[target]).expect("it can begin");
}

/// A transfer as the assembly makes it: where it leads, if anywhere.
pub(crate) fn transfer(kernel: &mut Kernel<Fake>, to: u32, synchronous: bool) -> Option<u32> {
    let entered = crate::fuzzing::transfer(kernel, to, synchronous);
    check(kernel);
    entered
}

pub(crate) fn check(kernel: &mut Kernel<Fake>) {
    if cfg!(miri) {
        // All of them, after every call, would take hours; here they are not what is looked for.
        assert_eq!(kernel.invariants(), Ok(()));
        return;
    }
    assert_eq!(kernel.all_invariants(), Ok(()));
    kernel.machine.check_inclusion();
}
