//! The end of a kernel that has gone wrong: what happened, through which procedures, and a status.
//!
//! Problem: the kernel carries no table to unwind its stack with. Method: a procedure of o32 that calls
//! others begins by making its frame and saving its return address in it, so those two instructions are
//! looked for backwards from where it stopped, and so on to the empty stack. Addresses are printed behind
//! `at`; `cargo xtask boot`, which has the image, prints the names behind them. For procedures that never
//! return the compiler must be told to do so too (`-Cforce-unwind-tables`).

use super::{assembly, control};
use crate::layout::Frame;
use crate::plat::decstation::{Board, Rom};
use core::cell::Cell;
use core::fmt::{self, Write};

/// The status of a machine whose kernel has stopped it.
const STATUS: u32 = 101;
/// Procedures that are printed, at most.
const MOST_FRAMES: usize = 32;
/// Instructions from a procedure's beginning to where it stopped, at most.
const MOST_INSTRUCTIONS: u32 = 4096;

/// The ROM that the machine was started by, for its end.
struct Last(Cell<Option<Rom>>);

// SAFETY: there is one processor; it is set before interrupts are on.
unsafe impl Sync for Last {}

static ROM: Last = Last(Cell::new(None));

/// Keeps what is needed to stop the machine without the kernel's state.
pub(super) fn prepare(rom: Option<Rom>) {
    ROM.0.set(rom);
}

/// What the kernel stops with when it panics.
pub fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let (pc, sp) = control::here();
    stop(format_args!("{info}"), pc, sp)
}

#[unsafe(no_mangle)]
extern "C" fn aegis_fatal(frame: &mut Frame) {
    let code = frame.cause >> 2 & 31;
    let (epc, bad, ra) = (frame.epc, frame.bad_address, frame.others[14]);
    stop(
        format_args!(
            "exception {code} of the kernel, BadVAddr {bad:#010x}\n  at {epc:#010x}, called at {ra:#010x}"
        ),
        epc,
        frame.others[13],
    )
}

fn stop(what: fmt::Arguments<'_>, pc: u32, sp: u32) -> ! {
    let mut board = Board::new(control::processor(), ROM.0.get());
    // The console takes every byte.
    let _ = writeln!(Console(&mut board), "\naegis: {what}");
    let (mut pc, mut sp) = (pc, sp);
    for _ in 0..MOST_FRAMES {
        let _ = writeln!(Console(&mut board), "  at {pc:#010x}");
        let Some(caller) = caller(pc, sp) else { break };
        (pc, sp) = caller;
    }
    board.halt(STATUS)
}

/// Where the procedure that runs at `pc` with this stack was called, and the stack there.
fn caller(pc: u32, sp: u32) -> Option<(u32, u32)> {
    let mut saved = None;
    for back in 1..MOST_INSTRUCTIONS {
        let word = code(pc.checked_sub(4 * back)?)?;
        let low = i32::from(word as i16);
        match word >> 16 {
            // sw ra, low(sp)
            0xafbf => saved = Some(low),
            // addiu sp, sp, low
            0x27bd if low < 0 => {
                let at = sp.checked_add_signed(saved?)?;
                let ra = on_stack(at)?;
                return Some((ra.checked_sub(8)?, sp.checked_add_signed(-low)?));
            }
            _ => {}
        }
    }
    None
}

/// A word of the kernel's code.
fn code(address: u32) -> Option<u32> {
    let start = &raw const assembly::vector_source as u32;
    let end = &raw const assembly::text_end as u32;
    let inside = (start..end).contains(&address) && address.is_multiple_of(4);
    // SAFETY: it is code of the image, which nothing changes.
    inside.then(|| unsafe { (address as *const u32).read() })
}

/// A word of the kernel's stacks.
fn on_stack(address: u32) -> Option<u32> {
    let end = &raw const assembly::stacks_end as u32;
    let inside = (end - STACKS..end).contains(&address) && address.is_multiple_of(4);
    // SAFETY: it is memory of the stacks; what it holds is only printed or compared.
    inside.then(|| unsafe { (address as *const u32).read() })
}

/// Bytes of both stacks, at least.
const STACKS: u32 = 8192 + 4096;

struct Console<'a>(&'a mut Board);

impl Write for Console<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0.put(byte);
        }
        Ok(())
    }
}
