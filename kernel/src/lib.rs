//! Aegis, the exokernel of the SOSP'95 paper: it protects, and leaves management to applications.
//!
//! **Principles.** *Nothing is allocated behind an application's back*: what the kernel keeps for one
//! lies in a page that somebody gave up for it, so nobody exhausts another. *Everything has a physical
//! name*: pages are numbers, slices are positions. *Everything that is no secret is visible*: page table,
//! STLB, slice vector and the state of environments can be mapped by anybody, to read. *A binding is
//! checked when it is made*, and every one is found and broken when the right to it ends; so the paths
//! that use bindings check nothing. *A call changes everything it says or nothing*; what an application
//! gets wrong is an [`Error`](aegis_abi::Error) for it, and what it does to itself destroys it alone.
//!
//! **Method.** The logic is generic over [`machine::Machine`], so that it runs on the host under tests,
//! checkers and fuzzers; `arch` and `plat` are the one real machine. It has no heap, no lock (there is one
//! processor, and interrupts are off in the kernel) and no unsafe code. It takes no virtual address to read
//! or write at, so it takes no translation miss. It does not panic: indices are types that only checks
//! make ([`page::Page`], [`env::Env`]), and what is left is in docs/kernel-expects.md.
//!
//! **Order of reading**: `page` and `capability` (who owns what, how rights travel), `grant`, `stlb` and
//! `translate` (secure bindings), `asid`, `env`, `configure` (environments), `transfer` and `slice` (the
//! processor), `revoke` and `backing`, then `call`, which is the way in, and `boot`. `invariant` says what is always true.
#![cfg_attr(not(any(test, feature = "fuzzing")), no_std)]
#![cfg_attr(target_arch = "mips", feature(asm_experimental_arch))]

#[cfg(target_arch = "mips")]
pub mod arch;
mod asid;
mod backing;
pub mod boot;
mod call;
mod capability;
mod configure;
mod console;
pub mod env;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fake;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod grant;
pub mod invariant;
pub mod layout;
pub mod machine;
pub mod page;
#[cfg(target_arch = "mips")]
pub mod plat;
mod revoke;
mod slice;
mod stlb;
#[cfg(test)]
mod tests;
mod transfer;
mod translate;

use aegis_abi::{Error, PageNo, layout::TABLES};
use machine::Machine;

/// The kernel: a machine, and the little that applications may not see.
pub struct Kernel<M> {
    /// The machine.
    pub machine: M,
    mac: capability::Mac,
    asids: asid::Asids,
    /// The earliest deadline of a request to give back, if there is one.
    deadline: Option<u32>,
    /// Status of an environment without coprocessors.
    user_status: u32,
    tables: [(PageNo, u16); TABLES],
}

/// What a call returns: `v0` and `v1`.
type Answer = Result<(u32, u32), Error>;

impl<M: Machine> Kernel<M> {
    /// Whether tick `a` is not before tick `b`; the count wraps.
    fn reached(a: u32, b: u32) -> bool {
        a.wrapping_sub(b) as i32 >= 0
    }
}
