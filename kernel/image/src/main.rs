//! The kernel's image: the library linked for the DECstation, with the boot modules behind it.
//!
//! Everything that runs is in `aegis`, `start` in its `boot.S` first; the modules are the file that
//! `cargo xtask image` packed and names by `AEGIS_MODULES`.
#![no_std]
#![no_main]

use aegis as _;

/// Bytes on a page of their own.
#[repr(C, align(4096))]
struct Pages<T: ?Sized>(T);

#[used]
#[unsafe(link_section = ".modules")]
static MODULES: Pages<[u8; include_bytes!(env!("AEGIS_MODULES")).len()]> =
    Pages(*include_bytes!(env!("AEGIS_MODULES")));

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    aegis::arch::mips::panic(info)
}
