//! A program that does one thing at a time and then waits to be told the next: the environments of
//! `kernel/storm`.
//!
//! Problem: a host that tries system calls with any registers wants to set them all and see them all
//! afterwards, and to know by which way the kernel came back. Method: for each thing there is a label to
//! begin at, and for each way back one that ends at the simulator's return address with a register that tells
//! which it was. It is position-independent and uses no memory, so that each environment has a copy.

#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

use aegis_abi as _;

core::arch::global_asm!(include_str!("puppet.S"));

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
