//! What Table 7 measures, compiled for the R3000: the paper's baselines and vcode's emitter.
//!
//! The problem: cycles of a program are exact only on a machine whose every cycle is accounted for,
//! so the engines themselves must run there. The method: each engine is a function that sets it up
//! and a function that is measured, found by the host through their symbols; `measure.s` calls the
//! second in a loop and marks the two addresses between which the host counts.
//!
//! | symbol | arguments | result |
//! |---|---|---|
//! | `ENGINE_install` | number of filters, whether the IP header's length varies | the engine, or 0 |
//! | `ENGINE_classify` | packet, its length, the engine | the filter's number, or all ones |
//! | `emit_WHAT` | number of filters | machine instructions emitted, or 0 |
//!
//! The host is `cargo xtask tables 7`. Left out: everything that is not measured; there is no
//! console, and a panic hangs until the host's limit.

#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

extern crate alloc;

mod baselines;
mod emit;
mod heap;

core::arch::global_asm!(include_str!("measure.s"));

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
