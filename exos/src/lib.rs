//! ExOS, the library operating system: what a program needs to live on Aegis, linked into it.
//!
//! The kernel protects pages, time slices and environments, and abstracts nothing (SOSP'95 paper, §3). All that
//! makes a process of an environment is here, unprivileged, and each program may do otherwise: [`sys`] are
//! the system calls; [`trap`] is where the kernel delivers exceptions and time slices; [`vm`] is virtual
//! memory; [`transfer`] are messages; [`process`] starts programs and waits for them; [`module`] finds
//! them; [`mod@start`] runs `main`; [`console`] prints. [`layout`] says where everything lies.
//!
//! Read `layout`, then `trap/entry.S` from a miss to its return, then `process/spawn.rs`.
//!
//! On any target but the machine's, every system call is refused: logic is tested there.
#![cfg_attr(target_arch = "mips", no_std)]
#![cfg_attr(target_arch = "mips", feature(asm_experimental_arch))]

pub mod console;
pub mod layout;
pub mod module;
pub mod process;
pub mod start;
pub mod sys;
pub mod transfer;
pub mod trap;
pub mod vm;

pub use aegis_abi as abi;
