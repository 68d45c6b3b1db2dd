//! The kernel's hot paths, counted on the simulator, and the end of a kernel that has gone wrong.
//!
//! The program `kernel/probe` goes through every path; meters count from the vector to where the path ends.
//! Counts of instructions are exact and asserted; cycles, which hold stalls of caches and the write
//! buffer, are printed for the best pass of each machine.

use super::boot::{On, execute};
use super::latency::Latency;
use super::protect;
use super::screen::Screen;
use super::simulator::{end_well, finish, machine, machines};
use super::{Built, with_program};
use anyhow::{Context as _, Result, ensure};
use decstation::board::{self, Config as Board};
use decstation::cpu::Register;
use decstation::cycles::{Costs, DEC3100};
use decstation::elf::Symbols;
use decstation::machine::{Machine, Stop};

const FOLDER: &str = "kernel/probe";
const NAME: &str = "probe";
/// Instructions that the whole run may take.
const LIMIT: u64 = 120_000_000;
/// What it prints, and how often.
const LINE: &str = "forty-eight bytes, the last of which ends a line";
const LINES: usize = 85;
/// Seconds that the emulators may take.
const EMULATED_SECONDS: u64 = 20;
/// The status of a kernel that has stopped itself.
const FATAL: u32 = 101;

/// A path: where it begins and ends, and how many instructions it may take.
struct Path {
    name: &'static str,
    from: &'static str,
    to: &'static str,
    instructions: Option<u64>,
    /// How many more there may be: one for each page that the TLB has too.
    more: u64,
}

const fn path(name: &'static str, from: &'static str, to: &'static str, instructions: u64) -> Path {
    Path {
        name,
        from,
        to,
        instructions: Some(instructions),
        more: 0,
    }
}

/// The paths; a goal of the project that each keeps stands in docs/kernel.md.
const PATHS: &[Path] = &[
    path("exception dispatch", "vector_general", "handler", 14),
    path("STLB hit", "vector_refill", "touch", 14),
    path("miss forwarded", "vector_refill", "handler", 27),
    path("null call", "vector_general", "after_env_self", 20),
    path("Scall", "vector_general", "called", 22),
    path("Scall back", "vector_general", "replied", 22),
    path("Acall", "vector_general", "lent", 29),
    path("call on the stack", "vector_general", "after_ticks", 45),
    path(
        "TLBwr, as it is bound",
        "vector_general",
        "after_protect",
        63,
    ),
    Path {
        name: "protect 100 pages",
        from: "call_tlb_protect",
        to: "after_change_many",
        instructions: Some(1272),
        more: 56,
    },
    Path {
        name: "unprotect 100 pages",
        from: "call_tlb_unprotect",
        to: "after_change_many",
        instructions: Some(1773),
        more: 56,
    },
    Path {
        name: "TLBwr",
        from: "bind",
        to: "after_bind",
        instructions: None,
        more: 0,
    },
];

/// Builds the probe and runs it on every machine.
///
/// # Errors
///
/// When it does not build, a check of its own fails, or a path is longer or shorter than it says.
pub(crate) fn run() -> Result<()> {
    let (built, own) = with_program(FOLDER, NAME)?;
    for (board, costs) in machines() {
        count(&built, own.symbols(), board, costs)?;
    }
    what_goes_wrong_in_the_kernel_stops_it(&built)?;
    protect::run()
}

/// Builds the probe and runs it on the emulators, on GXemul with the kernel's memory protected too.
///
/// # Errors
///
/// When it does not build, or a check of its own fails.
pub(crate) fn on_emulators() -> Result<()> {
    let built = build_probe()?;
    for (on, arguments) in [
        (On::Mame, &[][..]),
        (On::Gxemul, &[]),
        (On::Gxemul, &["forgetful".to_owned()]),
    ] {
        let mut screen = Screen::new(built.image.symbols(), true);
        let status = execute(&built, on, EMULATED_SECONDS, arguments, &mut screen)?;
        ensure!(
            status == 0,
            "{on:?} {arguments:?}: status {status}\n{}",
            screen.text()
        );
        printed(&screen)?;
        eprintln!("probe: {on:?} {arguments:?}: every path was gone through");
    }
    Ok(())
}

/// Whether the console has printed all that the probe printed, and nothing else.
fn printed(screen: &Screen<'_>) -> Result<()> {
    let right = format!("{LINE}\n").repeat(LINES);
    ensure!(screen.text() == right, "printed:\n{}", screen.text());
    Ok(())
}

/// The kernel with the probe as its only module.
///
/// # Errors
///
/// When it does not build.
pub(super) fn build_probe() -> Result<Built> {
    Ok(with_program(FOLDER, NAME)?.0)
}

fn count(built: &Built, own: &Symbols, board: Board, costs: &'static Costs) -> Result<()> {
    let mut machine = machine(built, board, costs, &[])?;
    let address = |name: &str| {
        let found = own
            .address(name)
            .or_else(|| built.image.symbols().address(name));
        found.with_context(|| format!("there is no `{name}`"))
    };
    for path in PATHS {
        machine.add_meter(address(path.from)?, address(path.to)?);
    }
    let latency = Latency::watch(&mut machine);
    let mut screen = Screen::new(built.image.symbols(), true);
    end_well(&mut machine, LIMIT, &mut screen).context(costs.name)?;
    printed(&screen)?;
    for (path, meter) in PATHS.iter().zip(machine.meters()) {
        let least = meter
            .least
            .with_context(|| format!("`{}` was never passed", path.name))?;
        eprintln!(
            "probe: {:<12} {:<21} {:>4} instructions, {:>4} cycles, of {} passes",
            costs.name, path.name, least.instructions, least.cycles, meter.passes
        );
        if let Some(instructions) = path.instructions {
            ensure!(
                (instructions..=instructions + path.more).contains(&least.instructions),
                "{}: {} instructions, {instructions} were promised",
                path.name,
                least.instructions
            );
        }
    }
    eprintln!(
        "probe: {:<12} interrupts off at most {}",
        costs.name,
        latency.worst().print(costs)
    );
    Ok(())
}

/// A pointer of the kernel's into an application's memory, as a clock tick comes: no handler of the
/// application's runs, the kernel says through which procedures it came there, and stops. So it does when
/// it panics.
fn what_goes_wrong_in_the_kernel_stops_it(built: &Built) -> Result<()> {
    for pointer in [0x0000_1000, 0x0050_0000, 0x7fff_f000, 0xc000_0000] {
        goes_wrong(
            built,
            |machine| {
                machine.core_mut().set_register(Register::A0, pointer);
            },
            // Within a frame of the pointer.
            &[
                "exception 2 of the kernel",
                &format!("BadVAddr {:#07x}", pointer >> 12),
                "aegis_interrupt",
            ],
        )?;
    }
    let symbols = built.image.symbols();
    let panic = symbols.containing("panic_bounds_check");
    let panic = panic.context("the kernel checks no bounds")?;
    let nowhere = address(built, "fatal_stack")? - 2048;
    goes_wrong(
        built,
        |machine| {
            let core = machine.core_mut();
            core.set_register(Register::A0, 7);
            core.set_register(Register::A1, 3);
            core.set_register(Register::A2, nowhere);
            core.set_pc(panic);
        },
        &["the len is 3 but the index is 7", "panic_bounds_check"],
    )?;
    eprintln!("probe: what goes wrong in the kernel stops it");
    Ok(())
}

/// Runs to the first clock tick, does something there, and looks for parts of what the kernel says then.
fn goes_wrong(built: &Built, wrong: impl Fn(&mut Machine), parts: &[&str]) -> Result<()> {
    let tick = address(built, "aegis_interrupt")?;
    let mut machine = machine(built, Board::DEC3100, &DEC3100, &[])?;
    machine.set_breakpoint(tick);
    let mut screen = Screen::new(built.image.symbols(), true);
    let stop = finish(&mut machine, LIMIT, &mut screen);
    ensure!(stop == Stop::Breakpoint(tick), "no clock tick: {stop}");
    machine.clear_breakpoint(tick);
    wrong(&mut machine);
    let stop = finish(&mut machine, LIMIT, &mut screen);
    let text = screen.text();
    ensure!(
        stop == Stop::Board(board::Stop::Halt(FATAL)),
        "{stop}\n{text}"
    );
    for part in parts {
        ensure!(text.contains(part), "no `{part}` in:\n{text}");
    }
    Ok(())
}

fn address(built: &Built, name: &str) -> Result<u32> {
    let found = built.image.symbols().address(name);
    found.with_context(|| format!("the kernel has no `{name}`"))
}
