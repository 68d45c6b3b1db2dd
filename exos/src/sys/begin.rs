//! The way from the first instruction to `main`.
#![expect(
    unsafe_code,
    reason = "the island: what assembly calls, and the program's main"
)]

use super::exit;
use crate::layout::{VECTORS_WORDS, Vectors};
use crate::{start, trap};

core::arch::global_asm!(include_str!("begin.S"), ".text");

unsafe extern "C" {
    /// What [`crate::main!`] makes of the program's function.
    safe fn exos_main() -> u32;
    /// What trap code begins with.
    #[link_name = "exos_vectors"]
    static VECTORS: [u32; VECTORS_WORDS];
}

// SAFETY: `begin.S` alone calls it, once.
#[unsafe(no_mangle)]
extern "C" fn exos_begin() -> ! {
    finish(start::prepare())
}

// SAFETY: `begin.S` alone calls it, once.
#[unsafe(no_mangle)]
extern "C" fn exos_begin_first() -> ! {
    // SAFETY: the assembly of `trap` is these words, and nothing writes to them.
    let vectors = Vectors::parse(unsafe { VECTORS }).unwrap_or_default();
    finish(start::prepare_first(&vectors))
}

fn finish(prepared: Result<(), aegis_abi::Error>) -> ! {
    match prepared {
        Ok(()) => exit(exos_main()),
        Err(error) => exit(trap::STATUS_START + error as u32),
    }
}
