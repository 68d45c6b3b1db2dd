//! A program in environment 0 that goes once through every hot path, and a child that it transfers to.
//!
//! `cargo xtask test` runs it on the simulator and counts from the vectors to its labels, and on nothing
//! else: its own answer is a status, 0 or the number of the first check that failed. It is assembly, for
//! what a register holds afterwards is what it checks.

#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

use aegis_abi::layout::{
    ANY, ENTRY_ASYNCHRONOUS, ENTRY_DIRTY, ENTRY_SYNCHRONOUS, ENTRY_VALID, acall_selector, scall_selector,
};
use aegis_abi::{Error, Syscall};

core::arch::global_asm!(
    include_str!("probe.S"),
    ANY = const ANY as i32,
    ENV_SELF = const Syscall::env_self.selector(),
    TICKS = const Syscall::ticks.selector(),
    PAGE_ALLOC = const Syscall::page_alloc.selector(),
    PAGE_GIVE = const Syscall::page_give.selector(),
    TLB_WRITE = const Syscall::tlb_write.selector(),
    CONTEXT_SWITCH = const Syscall::context_switch.selector(),
    FPU_MODIFY = const Syscall::fpu_modify.selector(),
    ENV_CREATE = const Syscall::env_create.selector(),
    ENV_HANDLER = const Syscall::env_handler.selector(),
    ENV_SAVE_AREA = const Syscall::env_save_area.selector(),
    ENV_ENTRY = const Syscall::env_entry.selector(),
    ENV_GUARANTEE = const Syscall::env_guarantee.selector(),
    HALT = const Syscall::halt.selector(),
    NO_CALL = const 63 << 4,
    SYNCHRONOUS = const ENTRY_SYNCHRONOUS,
    ASYNCHRONOUS = const ENTRY_ASYNCHRONOUS,
    VALID = const ENTRY_VALID,
    WRITABLE = const ENTRY_VALID | ENTRY_DIRTY,
    SCALL_PARENT = const scall_selector(0),
    SCALL_CHILD = const scall_selector(1),
    SCALL_NOBODY = const scall_selector(95),
    ACALL_PARENT = const acall_selector(0),
    ACALL_CHILD = const acall_selector(1),
    NO_SUCH_CALL = const Error::NoSuchCall.word() as i32,
    IN_SLOT = const Error::InSlot.word() as i32,
    BAD_NAME = const Error::BadName.word() as i32,
    BAD_VALUE = const Error::BadValue.word() as i32,
);

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
