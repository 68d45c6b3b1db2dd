//! The machine: processor, memory and board, run until something stops it.
//!
//! The loop runs instructions until the processor's clock reaches `attention`, the next moment at
//! which anything but the program can matter: a device's event, an interrupt, the limit. Between
//! those moments nothing is asked. What is watched (addresses, meters, a trace) is a second copy
//! of the loop, so a program that is not watched does not pay for it.

use crate::board::{self, Board};
use crate::count::{Counts, Meter};
use crate::cpu::exception::{Exception, Trap};
use crate::cpu::strict::{Hazard, Past, Report, Strict};
use crate::cpu::{Core, Register, Step, interrupt, take};
use crate::cycles::Costs;
use crate::elf::{self, Image};
use crate::ethernet::Station;
use crate::ethernet::port::Port;
use crate::memory::{Endian, Memory, Mode};
use core::fmt;
use core::ops::ControlFlow;
use std::collections::BTreeSet;

/// How a machine is built.
#[derive(Clone, Debug)]
pub struct Config {
    /// The board; its clock should be that of the costs.
    pub board: board::Config,
    /// Whether the board's devices answer, or there is RAM and nothing else.
    pub devices: bool,
    /// What everything costs.
    pub costs: &'static Costs,
    /// Whether caches and the write buffer cost time; if not, every access takes no time of its
    /// own, and the data cache holds nothing.
    pub caches: bool,
    /// The order of bytes.
    pub endian: Endian,
    /// Where to stop though the hardware would go on.
    pub strict: Strict,
    /// Whether exceptions stop the machine instead of going to their vectors.
    pub stop_at_exceptions: bool,
}

impl Config {
    /// A machine with its board, devices, caches and every strict check.
    pub fn new(board: board::Config, costs: &'static Costs) -> Config {
        Config {
            board,
            devices: true,
            costs,
            caches: true,
            endian: Endian::Little,
            strict: Strict::ON,
            stop_at_exceptions: false,
        }
    }
}

/// Why the machine stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// So many instructions have run as were allowed.
    Limit,
    /// The instruction at this address is next, and it is a breakpoint.
    Breakpoint(u32),
    /// The program jumped to the return address.
    Returned,
    /// The program told the ROM to stop.
    Board(board::Stop),
    /// An exception, where those stop the machine. The instruction that raised it is next.
    Exception(Exception, Box<Report>),
    /// Strict mode found the program at fault. The instruction is next: with the check off, it
    /// would do what the chip does.
    Hazard(Hazard, Box<Report>),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Limit => f.write_str("the limit of instructions is reached"),
            Stop::Breakpoint(address) => write!(f, "breakpoint at {address:#010x}"),
            Stop::Returned => f.write_str("returned"),
            Stop::Board(stop) => write!(f, "stopped by the program: {stop:?}"),
            Stop::Exception(exception, report) => {
                writeln!(f, "exception at {:#010x}: {exception}\n{report}", report.pc)
            }
            Stop::Hazard(hazard, report) => {
                writeln!(f, "strict mode at {:#010x}: {hazard}\n{report}", report.pc)
            }
        }
    }
}

impl core::error::Error for Stop {}

/// Where a run ends.
#[derive(Clone, Copy)]
struct Last {
    instruction: u64,
    cycle: u64,
}

/// What sees every instruction after it ran: the processor then, and the instruction.
pub type Trace = Box<dyn FnMut(&Core, Past)>;

/// What is watched.
#[derive(Default)]
struct Watch {
    breakpoints: BTreeSet<u32>,
    meters: Vec<Meter>,
    trace: Option<Trace>,
}

/// The state of a machine at one moment: [`Machine::snapshot`] takes it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    core: Core,
    memory: Memory,
}

/// A processor, its memory and its board.
pub struct Machine {
    core: Core,
    memory: Memory,
    watch: Watch,
    caches: bool,
    stop_at_exceptions: bool,
    last_stop: Option<Stop>,
}

impl Machine {
    /// A machine at reset.
    ///
    /// # Errors
    ///
    /// When the configuration asks for more memory than the board takes.
    pub fn new(config: &Config) -> Result<Machine, board::TooMuchMemory> {
        let board = Board::new(config.board)?;
        Ok(Machine {
            core: Core::new(config.costs.processor, config.strict),
            memory: Memory::new(board, config.devices, config.costs, config.endian),
            watch: Watch::default(),
            caches: config.caches,
            stop_at_exceptions: config.stop_at_exceptions,
            last_stop: None,
        })
    }

    /// The processor.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// The processor, to set from outside.
    pub fn core_mut(&mut self) -> &mut Core {
        &mut self.core
    }

    /// Memory.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Memory, to set from outside.
    pub fn memory_mut(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// The board.
    pub fn board(&self) -> &Board {
        &self.memory.board
    }

    /// The board, to type, plug and boot. RAM is set through [`Machine::memory_mut`], so that the
    /// caches know.
    pub fn board_mut(&mut self) -> &mut Board {
        self.core.attention = 0;
        &mut self.memory.board
    }

    /// Totals since the machine was switched on.
    pub fn counts(&self) -> Counts {
        self.core.counts
    }

    /// Empties both caches.
    pub fn empty_caches(&mut self) {
        self.memory.invalidate();
    }

    /// Switches a strict check on or off.
    pub fn strict_mut(&mut self) -> &mut Strict {
        &mut self.core.strict
    }

    /// Why the machine stopped while it ran on an Ethernet with others.
    pub fn last_stop(&self) -> Option<&Stop> {
        self.last_stop.as_ref()
    }

    /// Makes a jump to `address` end the run with [`Stop::Returned`]. It costs nothing, but the
    /// address must hold no code: it is compared only where a fetch finds nothing in the cache.
    pub fn set_return_address(&mut self, address: u32) {
        self.core.return_address = address;
    }

    /// Stops whenever the instruction at `address` is next.
    pub fn set_breakpoint(&mut self, address: u32) {
        self.watch.breakpoints.insert(address);
    }

    /// Takes a breakpoint away.
    pub fn clear_breakpoint(&mut self, address: u32) {
        self.watch.breakpoints.remove(&address);
    }

    /// Counts passes from one address to another; the answer is the meter's number.
    pub fn add_meter(&mut self, from: u32, to: u32) -> usize {
        self.watch.meters.push(Meter::new(from, to));
        self.watch.meters.len() - 1
    }

    /// The meters, by number.
    pub fn meters(&self) -> &[Meter] {
        &self.watch.meters
    }

    /// Shows every instruction to `trace` after it ran, or to none.
    pub fn set_trace(&mut self, trace: Option<Trace>) {
        self.watch.trace = trace;
    }

    /// The state of everything but what is watched.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            core: self.core.clone(),
            memory: self.memory.clone(),
        }
    }

    /// Goes back to a state of this machine, or of one built alike. It takes the time of copying
    /// RAM and caches, so a machine that does this often has little RAM.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        self.core.clone_from(&snapshot.core);
        self.memory.become_like(&snapshot.memory);
        self.last_stop = None;
    }

    /// Puts an image into memory and starts it as the boot ROM would, with `arguments`.
    ///
    /// # Errors
    ///
    /// When the image does not fit into memory.
    pub fn boot(&mut self, image: &Image, arguments: &[&str]) -> Result<(), elf::Error> {
        image.load(&mut self.memory)?;
        let boot = self.board_mut().boot(arguments);
        let registers = [Register::A0, Register::A1, Register::A2, Register::A3];
        for (register, value) in registers.into_iter().zip(boot.arguments) {
            self.core.set_register(register, value);
        }
        self.core.set_register(Register::SP, boot.sp);
        self.core.control_mut().status = boot.status;
        self.core.set_pc(image.entry());
        Ok(())
    }

    /// Runs at most `limit` instructions.
    pub fn run(&mut self, limit: u64) -> Stop {
        self.run_within(limit, u64::MAX)
    }

    /// Runs until the first instruction boundary at or after cycle `cycle`, which ends in
    /// [`Stop::Limit`].
    pub fn run_until(&mut self, cycle: u64) -> Stop {
        self.run_within(u64::MAX, cycle)
    }

    fn run_within(&mut self, limit: u64, cycle: u64) -> Stop {
        let last = Last {
            instruction: self.core.counts.instructions.saturating_add(limit),
            cycle,
        };
        let watched = !self.watch.breakpoints.is_empty()
            || !self.watch.meters.is_empty()
            || self.watch.trace.is_some()
            || self.core.strict.unwritten;
        self.core.attention = 0;
        match (self.caches, watched) {
            (false, false) => self.run_as::<Perfect>(last),
            (true, false) => self.run_as::<Modelled>(last),
            (false, true) => self.run_as::<PerfectWatched>(last),
            (true, true) => self.run_as::<ModelledWatched>(last),
        }
    }

    fn run_as<M: Mode>(&mut self, last: Last) -> Stop {
        let begun = self.core.pc;
        let mut first = true;
        loop {
            if self.core.counts.cycles >= self.core.attention
                && let Some(stop) = self.attend(last)
            {
                return stop;
            }
            if M::WATCH
                && let Some(stop) = self.look(first && self.core.pc == begun)
            {
                return stop;
            }
            first = false;
            let done = Step::<M>::new(&mut self.core, &mut self.memory).run();
            if M::WATCH
                && let Some(trace) = &mut self.watch.trace
                && let Some(past) = self.core.last()
            {
                trace(&self.core, past);
            }
            if let Err(trap) = done
                && let Some(stop) = self.trapped(trap)
            {
                return stop;
            }
        }
    }

    /// Does what is due: devices, the limit, interrupts.
    #[cold]
    #[inline(never)]
    fn attend(&mut self, last: Last) -> Option<Stop> {
        use crate::cpu::control::HARDWARE_INTERRUPTS;
        let core = &mut self.core;
        let board = &mut self.memory.board;
        let now = core.counts.cycles;
        core.note_isolation();
        if board.next_event().is_some_and(|event| event <= now) {
            board.advance(now);
        }
        if let Some(stop) = board.stopped() {
            return Some(Stop::Board(stop.clone()));
        }
        let left = last.instruction.saturating_sub(core.counts.instructions);
        if left == 0 || now >= last.cycle {
            return Some(Stop::Limit);
        }
        let lines = board.interrupts() & HARDWARE_INTERRUPTS;
        core.control.cause = core.control.cause & !HARDWARE_INTERRUPTS | lines;
        // An instruction takes a cycle at least, so the limit is not reached before this.
        core.attention = board
            .next_event()
            .unwrap_or(u64::MAX)
            .min(now.saturating_add(left))
            .min(last.cycle);
        if core.control.is_interrupted() {
            let exception = Exception::bare(crate::cpu::exception::Cause::Interrupt);
            if self.stop_at_exceptions {
                return Some(Stop::Exception(exception, Box::new(core.report())));
            }
            interrupt(core, &self.memory);
        }
        None
    }

    /// Looks at what is watched before the next instruction.
    fn look(&mut self, first: bool) -> Option<Stop> {
        let pc = self.core.pc;
        // Going on from a breakpoint runs its instruction.
        if !first && self.watch.breakpoints.contains(&pc) {
            return Some(Stop::Breakpoint(pc));
        }
        for meter in &mut self.watch.meters {
            meter.pass(pc, &self.core.counts);
        }
        None
    }

    #[cold]
    #[inline(never)]
    fn trapped(&mut self, trap: Trap) -> Option<Stop> {
        match trap {
            Trap::Returned => {
                // Nothing was fetched there.
                self.core.counts.instructions -= 1;
                self.core.counts.cycles -= 1;
                self.core.settle();
                Some(Stop::Returned)
            }
            Trap::Hazard(hazard) => {
                self.core.step_back();
                Some(Stop::Hazard(hazard, Box::new(self.core.report())))
            }
            Trap::Exception(exception) if self.stop_at_exceptions => {
                self.core.step_back();
                Some(Stop::Exception(exception, Box::new(self.core.report())))
            }
            Trap::Exception(exception) => {
                take(&mut self.core, &self.memory, &exception);
                None
            }
        }
    }
}

impl Station for Machine {
    fn port(&mut self) -> &mut Port {
        self.memory.board.lance_mut().port()
    }

    fn run_until(&mut self, nanoseconds: u64) -> ControlFlow<()> {
        let cycle = self.memory.board.config().clock.cycles(nanoseconds);
        match Machine::run_until(self, cycle) {
            Stop::Limit => ControlFlow::Continue(()),
            other => {
                self.last_stop = Some(other);
                ControlFlow::Break(())
            }
        }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("pc", &self.core.pc)
            .field("counts", &self.core.counts)
            .finish_non_exhaustive()
    }
}

macro_rules! modes {
    ($($name:ident $caches:literal $watch:literal)*) => {
        $(enum $name {}
        impl Mode for $name {
            const CACHES: bool = $caches;
            const WATCH: bool = $watch;
        })*
    };
}
modes! {
    Perfect false false
    Modelled true false
    PerfectWatched false true
    ModelledWatched true true
}
