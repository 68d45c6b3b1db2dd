//! What Tables 4 to 6 measure, as the paper did: loops in user mode that repeat one operation.
//!
//! A program in environment 0, and a child that it transfers to. Each loop takes [`TURNS`] turns and ends in
//! a counter and a branch, as the paper's do; `cargo xtask tables 4 5 6` reads the simulator's totals at the
//! labels. What the program checks itself is that calls answer and that registers are as they were; its status
//! is 0, or the number of the check that failed. It is assembly, for each instruction of a turn counts.

#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

use aegis_abi::layout::{
    ANY, ENTRY_ASYNCHRONOUS, ENTRY_DIRTY, ENTRY_SLICE_END, ENTRY_SLICE_START, ENTRY_SYNCHRONOUS, ENTRY_VALID, acall_selector, scall_selector,
};
use aegis_abi::Syscall;

/// Turns of each loop. Clock ticks come between; those that come in the child, which knows nothing of time slices,
/// must stay below the excess that destroys it.
const TURNS: u32 = 0x2000;

core::arch::global_asm!(
    include_str!("turns.S"),
    TURNS = const TURNS,
    ANY = const ANY as i32,
    ENV_SELF = const Syscall::env_self.selector(),
    TICKS = const Syscall::ticks.selector(),
    PAGE_ALLOC = const Syscall::page_alloc.selector(),
    PAGE_GIVE = const Syscall::page_give.selector(),
    TLB_WRITE = const Syscall::tlb_write.selector(),
    ENV_CREATE = const Syscall::env_create.selector(),
    ENV_HANDLER = const Syscall::env_handler.selector(),
    ENV_SAVE_AREA = const Syscall::env_save_area.selector(),
    ENV_ENTRY = const Syscall::env_entry.selector(),
    ENV_GUARANTEE = const Syscall::env_guarantee.selector(),
    YIELD_TO = const Syscall::yield_to.selector(),
    HALT = const Syscall::halt.selector(),
    SYNCHRONOUS = const ENTRY_SYNCHRONOUS,
    ASYNCHRONOUS = const ENTRY_ASYNCHRONOUS,
    SLICE_START = const ENTRY_SLICE_START,
    SLICE_END = const ENTRY_SLICE_END,
    VALID = const ENTRY_VALID,
    WRITABLE = const ENTRY_VALID | ENTRY_DIRTY,
    SCALL_PARENT = const scall_selector(0),
    SCALL_CHILD = const scall_selector(1),
    ACALL_PARENT = const acall_selector(0),
    ACALL_CHILD = const acall_selector(1),
);

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
