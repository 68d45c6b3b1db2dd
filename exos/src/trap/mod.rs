//! Exceptions, time slices and messages, where the kernel delivers them.
//!
//! Problem: Aegis hands every exception to the application with three registers saved, tells it when its slice
//! begins and ends, and leaves all other state to it (paper, §5.1, §5.3, §5.4). Method: one page of
//! assembly that saves what must be saved, in three files: `entry.S` (exceptions, and the fast way of
//! translation misses), `slices.S` (slices) and `transfer.S` (messages). What is left to decide comes up to Rust
//! here, with a [`Frame`] that holds every register and may be changed: a handler that returns `true`
//! resumes what failed, without the kernel.
//!
//! Handlers run on a small stack that is always mapped, may fail themselves (frames nest), and may be
//! cut by the end of a slice like all else. Left out: coprocessor 1, whose registers nobody saves.

use crate::layout::{Context, Vectors};
use crate::sys::{self, Global, save_page};
use crate::{println, vm};
use aegis_abi::{Cause, EnvId};

#[cfg(target_arch = "mips")]
mod code;

/// Status of a program that ended because of an exception: this and the cause's code.
pub const STATUS_EXCEPTION: u32 = 0x80;
/// Status of a program whose handlers failed in each other until their stack was full.
pub const STATUS_OVERFLOW: u32 = 0x90;
/// Status of a program that was asked to give something back and did not know how.
pub const STATUS_REVOKED: u32 = 0x91;
/// Status of a program that the kernel refused something before its `main`: this and the error's place.
pub const STATUS_START: u32 = 0xa0;
/// Status of a program that panicked.
pub const STATUS_PANIC: u32 = 0x65;

/// All registers at an exception.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Frame {
    /// By number. 0, 26 and 27 (`k0` and `k1`, which belong to nobody) are not restored.
    pub registers: [u32; 32],
    /// HI.
    pub high: u32,
    /// LO.
    pub low: u32,
    /// Where it goes on: EPC.
    pub pc: u32,
    /// BadVAddr.
    pub bad_address: u32,
    /// Cause.
    pub cause: u32,
}

/// Handles an exception; `true` if the program is to go on as the frame says.
pub type Handler = fn(&mut Frame) -> bool;
/// Gives back what the kernel or a parent asks for: kind, how many, in how many ticks.
pub type Giver = fn(u32, u32, u32);

impl Frame {
    /// Which exception it is.
    pub fn exception(&self) -> Cause {
        Cause((self.cause >> 2 & 15) as u8)
    }

    /// Whether the instruction stands behind a branch, which `pc` then points to.
    pub fn in_slot(&self) -> bool {
        self.cause >> 31 != 0
    }

    /// The coprocessor that was used and must not be.
    pub fn coprocessor(&self) -> u32 {
        self.cause >> 28 & 3
    }

    /// Goes on behind the instruction; `false` if a branch in front of it decides where that is.
    pub fn skip(&mut self) -> bool {
        if self.in_slot() {
            return false;
        }
        self.pc = self.pc.wrapping_add(4);
        true
    }
}

/// Sets who handles an exception; who did before.
pub fn set_handler(cause: Cause, handler: Option<Handler>) -> Option<Handler> {
    let cell = HANDLERS.get(usize::from(cause.0))?;
    let before = cell.get();
    cell.set(handler);
    before
}

/// Sets who gives back what is asked for. Without one the program ends when it is asked.
///
/// # Errors
///
/// When there is no memory for the stack that it runs on.
pub fn set_giver(giver: Option<Giver>) -> Result<(), aegis_abi::Error> {
    if giver.is_some() {
        vm::guarantee_transfer_stack()?;
    }
    GIVER.set(giver);
    save_page().giving.set(u32::from(giver.is_some()));
    Ok(())
}

/// Makes the kernel deliver everything to the trap code that `vectors` describe, and save three registers
/// where it looks for them: in the page at the physical address `save_page`, of `env`'s.
///
/// # Errors
///
/// Those of the kernel.
pub fn install(env: EnvId, vectors: &Vectors, save_page: u32) -> Result<(), aegis_abi::Error> {
    for number in 0..Cause::COUNT as u8 {
        let cause = Cause(number);
        if cause == Cause::SYSCALL {
            continue;
        }
        sys::env_save_area(env, cause, save_page + 16 * u32::from(number))?;
        if cause != Cause::INTERRUPT {
            sys::env_handler(env, cause, vectors.handler(cause))?;
        }
    }
    for (entry, address) in (0..).zip(vectors.entries) {
        sys::env_entry(env, entry, address)?;
    }
    Ok(())
}

/// What the assembly calls with a frame.
#[cfg_attr(
    not(target_arch = "mips"),
    expect(dead_code, reason = "assembly calls it")
)]
fn handle(frame: &mut Frame) {
    let cause = frame.exception();
    let missed = matches!(cause, Cause::MISS_LOAD | Cause::MISS_STORE);
    let provided = if missed {
        vm::provide(frame.bad_address)
    } else {
        Ok(false)
    };
    if provided == Ok(true) {
        return;
    }
    let handler = HANDLERS.get(usize::from(cause.0)).and_then(Global::get);
    if !handler.is_some_and(|handler| handler(frame)) {
        report(frame);
        if let Err(error) = provided {
            println!("  the page that it demands: {}", error.about());
        }
        sys::exit(STATUS_EXCEPTION + u32::from(cause.0));
    }
}

/// What the assembly calls with a request to give back.
#[cfg_attr(
    not(target_arch = "mips"),
    expect(dead_code, reason = "assembly calls it")
)]
fn give(kind: u32, count: u32, ticks: u32) {
    if let Some(giver) = GIVER.get() {
        giver(kind, count, ticks);
    }
}

/// Prints what happened and all registers.
fn report(frame: &Frame) {
    let cause = frame.exception();
    let name = NAMES.get(usize::from(cause.0)).copied().unwrap_or("?");
    println!(
        "exos: {name} at {:#010x}, address {:#010x}, cause {:#010x}",
        frame.pc, frame.bad_address, frame.cause
    );
    for (number, row) in frame.registers.chunks_exact(4).enumerate() {
        let [a, b, c, d] = [0, 1, 2, 3].map(|column: usize| row[column]);
        println!("  ${:<2} {a:08x} {b:08x} {c:08x} {d:08x}", 4 * number);
    }
}

static HANDLERS: [Global<Option<Handler>>; Cause::COUNT] =
    [const { Global::new(None) }; Cause::COUNT];
static GIVER: Global<Option<Giver>> = Global::new(None);

const NAMES: [&str; Cause::COUNT] = [
    "interrupt",
    "store to a page that may not be written",
    "load of nothing mapped",
    "store to nothing mapped",
    "load at a wrong address",
    "store at a wrong address",
    "bus error of a fetch",
    "bus error",
    "system call",
    "breakpoint",
    "reserved instruction",
    "coprocessor not usable",
    "overflow",
    "exception 13",
    "exception 14",
    "exception 15",
];

/// Bytes of a context's registers: their offsets are the assembly's.
const _: () = assert!(core::mem::offset_of!(Context, registers) == 0);
const _: () = assert!(size_of::<Frame>() == 148);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_say_what_happened() {
        let mut frame = Frame {
            cause: 0xb000_002c,
            pc: 0x40_0000,
            ..Frame::default()
        };
        assert_eq!(frame.exception(), Cause::COPROCESSOR);
        assert_eq!(frame.coprocessor(), 3);
        assert!(frame.in_slot() && !frame.skip());
        assert_eq!(frame.pc, 0x40_0000);
        frame.cause = 0x30;
        assert!(frame.skip());
        assert_eq!((frame.exception(), frame.pc), (Cause::OVERFLOW, 0x40_0004));
    }

    /// The instructions of the assembly from a label to another, without their comments.
    fn instructions<'a>(from: &str, to: &str) -> Vec<&'a str> {
        let text = include_str!("entry.S");
        let lines = text.lines().skip_while(|line| *line != from);
        let code = lines.take_while(|line| *line != to).map(|line| {
            let code = line.split('#').next().unwrap_or_default();
            code.trim()
        });
        code.filter(|code| !code.is_empty() && !code.ends_with(':') && !code.starts_with('.'))
            .collect()
    }

    #[test]
    fn the_fast_ways_of_a_miss_are_as_long_as_promised_and_the_same() {
        let way = instructions("exos_miss_\\kind:", ".Lrestart_\\kind\\()_end:");
        assert_eq!(way.len(), 25);
        let made = |kind: &str| {
            let lines = include_str!("entry.S").lines().map(str::trim);
            let mut uses = lines.filter(|line| line.starts_with(&format!("miss  {kind},")));
            let only = uses.next();
            assert_eq!(uses.next(), None);
            only.expect("the macro is used for both")
        };
        let load = made("load");
        assert_eq!(
            load.replace("LOAD", "STORE").replace("load", "store"),
            made("store")
        );
    }

    #[test]
    fn handlers_replace_each_other() {
        fn one(_: &mut Frame) -> bool {
            true
        }
        assert!(set_handler(Cause::BREAKPOINT, Some(one)).is_none());
        assert!(set_handler(Cause::BREAKPOINT, None).is_some());
        assert!(set_handler(Cause(16), Some(one)).is_none());
    }
}
