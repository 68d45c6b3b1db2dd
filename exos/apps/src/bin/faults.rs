//! Every exception that a program can raise, handled and resumed without the kernel.
//!
//! For each: the handler is told which it is, where and at what address, finds every register as it was,
//! and goes on; afterwards every register is still what it was. Then handlers that fail themselves, misses that
//! the page table answers, and a program that nobody handles. Left out: bus errors, which a program cannot
//! raise, for the kernel maps nothing that is not there; and what GXemul does not raise (jumps to
//! odd addresses, coprocessor 0), which the hostile programs try.
#![no_std]
#![no_main]

use apps::probe::{self, FIRST, Probe, Registers, TARGET};
use apps::{ROOM, Suite};
use exos::abi::Cause;
use exos::layout::{ARENA, TRAP};
use exos::sys::{self, Global};
use exos::trap::{self, Frame};
use exos::{process, vm};

exos::main!(run);

/// What the handler saw last.
static CAUSE: Global<u32> = Global::new(0);
static PC: Global<u32> = Global::new(0);
static BAD_ADDRESS: Global<u32> = Global::new(0);
static SUM: Global<u32> = Global::new(0);
static TIMES: Global<u32> = Global::new(0);
static INNER: Global<u32> = Global::new(0);

/// An instruction, its operands, and the exception that must come.
struct Case {
    what: &'static str,
    probe: Probe,
    operands: (u32, u32),
    cause: Cause,
    /// BadVAddr, where there must be one.
    address: Option<u32>,
    coprocessor: u32,
}

const fn case(what: &'static str, probe: Probe, operands: (u32, u32), cause: Cause) -> Case {
    let address = match cause {
        Cause::BREAKPOINT | Cause::RESERVED | Cause::COPROCESSOR | Cause::OVERFLOW => None,
        _ => Some(operands.0),
    };
    Case {
        what,
        probe,
        operands,
        cause,
        address,
        coprocessor: 0,
    }
}

const CASES: &[Case] = &[
    case(
        "load of a word at an odd address",
        Probe::Load,
        (TRAP + 1, 0),
        Cause::ADDRESS_LOAD,
    ),
    case(
        "load of the kernel's memory",
        Probe::Load,
        (0x8000_0000, 0),
        Cause::ADDRESS_LOAD,
    ),
    case(
        "load of kernel memory uncached",
        Probe::Load,
        (0xa000_0000, 0),
        Cause::ADDRESS_LOAD,
    ),
    case(
        "load of the kernel's mapped memory",
        Probe::Load,
        (0xffff_f000, 0),
        Cause::ADDRESS_LOAD,
    ),
    case(
        "store at an odd address",
        Probe::Store,
        (TRAP + 2, 0),
        Cause::ADDRESS_STORE,
    ),
    case(
        "store to the kernel's memory",
        Probe::Store,
        (0x8000_0080, 0),
        Cause::ADDRESS_STORE,
    ),
    case(
        "store to a page that is not to be written",
        Probe::Store,
        (TRAP, 0),
        Cause::MODIFIED,
    ),
    case("load of page 0", Probe::Load, (16, 0), Cause::MISS_LOAD),
    case("store to page 0", Probe::Store, (20, 0), Cause::MISS_STORE),
    case(
        "load of nothing mapped",
        Probe::Load,
        (ARENA + 0x123_4000, 0),
        Cause::MISS_LOAD,
    ),
    case(
        "store to nothing mapped",
        Probe::Store,
        (0x7fff_fff0, 0),
        Cause::MISS_STORE,
    ),
    case("breakpoint", Probe::Break, (0, 0), Cause::BREAKPOINT),
    case(
        "reserved instruction",
        Probe::Reserved,
        (0, 0),
        Cause::RESERVED,
    ),
    Case {
        coprocessor: 1,
        ..case(
            "coprocessor 1",
            Probe::Coprocessor1,
            (0, 0),
            Cause::COPROCESSOR,
        )
    },
    Case {
        coprocessor: 2,
        ..case(
            "coprocessor 2",
            Probe::Coprocessor2,
            (0, 0),
            Cause::COPROCESSOR,
        )
    },
    case(
        "overflow of an addition",
        Probe::Add,
        (0x7fff_ffff, 1),
        Cause::OVERFLOW,
    ),
    case(
        "overflow of a subtraction",
        Probe::Subtract,
        (0x8000_0000, 1),
        Cause::OVERFLOW,
    ),
];

fn run() -> u32 {
    let mut room = [0; ROOM];
    let mut suite = Suite::new("faults");
    match process::arguments(&mut room) {
        "faults unhandled" => return unhandled(),
        "faults nested for ever" => return nested_for_ever(),
        _ => {}
    }
    for case in CASES {
        raise(&mut suite, case);
    }
    in_slot(&mut suite);
    nested(&mut suite);
    misses(&mut suite);
    let child = suite.start("faults unhandled");
    let status = trap::STATUS_EXCEPTION + u32::from(Cause::OVERFLOW.0);
    suite.ended(
        "a fault that nobody handles ends the program alone",
        child,
        status,
    );
    let child = suite.start("faults nested for ever");
    suite.ended(
        "handlers that fail for ever end",
        child,
        trap::STATUS_OVERFLOW,
    );
    suite.finish()
}

fn raise(suite: &mut Suite, case: &Case) {
    let before = probe::filled(case.operands.0, case.operands.1);
    TIMES.set(0);
    trap::set_handler(case.cause, Some(skip));
    let after = probe::run(case.probe, &before);
    trap::set_handler(case.cause, None);
    let frame = Frame {
        cause: CAUSE.get(),
        ..Frame::default()
    };
    let told = TIMES.get() == 1
        && frame.exception() == case.cause
        && !frame.in_slot()
        && (case.cause != Cause::COPROCESSOR || frame.coprocessor() == case.coprocessor)
        && case
            .address
            .is_none_or(|address| BAD_ADDRESS.get() == address)
        && PC.get() == probe::address(case.probe);
    let seen = SUM.get() == sum(&before);
    if !(told && seen) {
        exos::println!(
            "  {} times, cause {:x}, pc {:x}, must be {:x}, address {:x}, registers seen {seen}",
            TIMES.get(),
            CAUSE.get(),
            PC.get(),
            probe::address(case.probe),
            BAD_ADDRESS.get()
        );
    }
    suite.check(case.what, told && seen && probe::same(&before, &after, &[]));
}

/// Notes what the frame says, and goes on behind the instruction.
fn skip(frame: &mut Frame) -> bool {
    note(frame);
    frame.skip()
}

fn note(frame: &Frame) {
    TIMES.set(TIMES.get() + 1);
    CAUSE.set(frame.cause);
    PC.set(frame.pc);
    BAD_ADDRESS.set(frame.bad_address);
    SUM.set(sum(&probe::of_frame(frame)));
}

/// Says of registers whether they are the same, nearly always.
fn sum(registers: &Registers) -> u32 {
    let looked_at = (1..32).filter(|number| *number != 29);
    looked_at.fold(0, |sum: u32, number| sum.rotate_left(5) ^ registers[number])
}

/// A fault behind a branch: the handler mends what was wrong, and the branch runs again.
fn in_slot(suite: &mut Suite) {
    fn mend(frame: &mut Frame) -> bool {
        note(frame);
        frame.registers[FIRST] = TRAP;
        frame.in_slot()
    }
    let before = probe::filled(TRAP + 1, 0);
    TIMES.set(0);
    trap::set_handler(Cause::ADDRESS_LOAD, Some(mend));
    let after = probe::run(Probe::LoadInSlot, &before);
    trap::set_handler(Cause::ADDRESS_LOAD, None);
    let good = TIMES.get() == 1
        && PC.get() == probe::address(Probe::LoadInSlot)
        && after[TARGET] == exos::layout::VECTORS_MAGIC
        && after[FIRST] == TRAP
        && probe::same(&before, &after, &[TARGET, FIRST]);
    suite.check("fault in a branch's slot, mended", good);
}

/// A handler that fails itself, in another way.
fn nested(suite: &mut Suite) {
    fn outer(frame: &mut Frame) -> bool {
        INNER.set(INNER.get() + 1);
        let before = probe::filled(1, 0);
        let after = probe::run(Probe::Load, &before);
        probe::same(&before, &after, &[]) && frame.skip()
    }
    trap::set_handler(Cause::OVERFLOW, Some(outer));
    trap::set_handler(Cause::ADDRESS_LOAD, Some(skip));
    TIMES.set(0);
    let before = probe::filled(0x7fff_ffff, 5);
    let after = probe::run(Probe::Add, &before);
    let kept = probe::same(&before, &after, &[]);
    trap::set_handler(Cause::OVERFLOW, None);
    trap::set_handler(Cause::ADDRESS_LOAD, None);
    suite.equal(
        "a fault in a handler",
        (kept, TIMES.get(), INNER.get()),
        (true, 1, 1),
    );
}

/// Misses that the page table answers.
fn misses(suite: &mut Suite) {
    let page = ARENA + 0x40_0000;
    let before = probe::filled(page + 0x10, 0);
    let demanded = vm::demand(page, 1).is_ok();
    let after = probe::run(Probe::Load, &before);
    let good = demanded && after[TARGET] == 0 && probe::same(&before, &after, &[TARGET]);
    suite.check("a page of zeros on demand, by a load", good);

    let demanded = vm::demand(page + 0x1000, 1).is_ok();
    let before = probe::filled(page + 0x1010, 0);
    let after = probe::run(Probe::Store, &before);
    let good = demanded
        && probe::same(&before, &after, &[])
        && vm::load(page + 0x1010) == Ok(before[TARGET]);
    suite.check("a page of zeros on demand, by a store", good);

    let before = probe::filled(page + 0x1010, 0);
    let mut good = sys::tlb_delete(page + 0x1010).is_ok();
    let after = probe::run(Probe::Load, &before);
    good &= after[TARGET] == before[TARGET] && probe::same(&before, &after, &[]);
    suite.check("a miss of a load that the page table answers", good);

    let mut good = sys::tlb_delete(page + 0x1010).is_ok();
    let before = probe::filled(page + 0x1020, 0);
    let after = probe::run(Probe::Store, &before);
    good &= probe::same(&before, &after, &[]) && vm::load(page + 0x1020) == Ok(before[TARGET]);
    suite.check("a miss of a store that the page table answers", good);
    suite.equal("freeing them", vm::free(page, 2), Ok(()));
}

/// Ends by an exception that nobody handles.
fn unhandled() -> u32 {
    let before = probe::filled(0x7fff_ffff, 1);
    probe::run(Probe::Add, &before);
    0
}

/// Ends by handlers that fail in each other.
fn nested_for_ever() -> u32 {
    fn fail(_: &mut Frame) -> bool {
        probe::run(Probe::Break, &probe::filled(0, 0));
        true
    }
    trap::set_handler(Cause::BREAKPOINT, Some(fail));
    probe::run(Probe::Break, &probe::filled(0, 0));
    0
}
