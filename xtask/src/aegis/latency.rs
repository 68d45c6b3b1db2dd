//! How long interrupts are off at most: from an exception to the first instruction of an application after.
//!
//! Problem: a system call that works long makes every clock tick late, and which one is worst shows only
//! in a run. Method: every instruction is looked at; a stretch is what lies between two in user mode, where
//! interrupts are on always. The longest of each way into the kernel is kept, with where it spent its time. The
//! start of the machine is none. `cargo xtask latency` runs the suite of programs so, on every machine;
//! a test holds the most that docs/kernel.md says.

use super::screen::Screen;
use super::simulator::{end_well, machine, machines};
use super::suite::PROGRAMS;
use super::{Built, with_applications};
use aegis_abi::Syscall;
use aegis_abi::layout::{ACALL_RECORDS, MOST_ENVS, SCALL_RECORDS};
use anyhow::{Context as _, Result, ensure};
use core::cell::RefCell;
use decstation::board::Config as Board;
use decstation::cpu::Register;
use decstation::cycles::Costs;
use decstation::elf::Symbols;
use decstation::machine::Machine;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Cycles for which interrupts are off, at most: half of what lies between two clock ticks on the slowest
/// machine, so none is lost. docs/kernel.md states it.
const MOST: u64 = 100_000;
/// Instructions that the suite may take.
const LIMIT: u64 = 2_000_000_000;
/// Ways into the kernel that are printed for each machine, and procedures of the longest.
const SHOWN: usize = 8;

/// A way into the kernel: the code of an exception, and of a system call its selector's record.
type Way = (u32, u32);
/// Where each instruction stood, and how many cycles it took.
type Path = Vec<(u32, u32)>;

/// A stretch without interrupts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Cycles.
    pub(super) cycles: u64,
    /// How it began, and at which instruction of the application's.
    way: Way,
    epc: u32,
    /// Where the cycles went.
    path: Path,
}

#[derive(Default)]
struct Watch {
    /// The longest of each way.
    longest: BTreeMap<Way, Stretch>,
    /// The one that is under way: not yet begun if it has no instruction.
    now: Stretch,
    /// The cycle at which an application's instruction ended last.
    user: Option<u64>,
    /// The cycle at which any did.
    last: u64,
}

/// The longest stretches so far.
pub(super) struct Latency {
    watch: Rc<RefCell<Watch>>,
}

/// Runs the suite on every machine, and prints for how long it had interrupts off, and where.
///
/// # Errors
///
/// When a program does not build or fails, or interrupts were off for longer than is promised.
pub(crate) fn run() -> Result<()> {
    let built = with_applications()?;
    for (board, costs) in machines() {
        let latency = suite(&built, board, costs)?;
        let worst = latency.worst();
        println!("{}: interrupts are off for at most", costs.name);
        for stretch in latency.longest().iter().take(SHOWN) {
            println!("  {}", stretch.print(costs));
        }
        println!("  of the longest of them");
        for (name, cycles) in worst.spent(built.image.symbols()) {
            println!("  {cycles:>8} cycles in {name}");
        }
        ensure!(worst.cycles <= MOST, "more than {MOST} cycles");
    }
    Ok(())
}

/// Runs the suite on a machine.
fn suite(built: &Built, board: Board, costs: &'static Costs) -> Result<Latency> {
    let arguments: Vec<String> = PROGRAMS.iter().map(|&name| name.to_owned()).collect();
    let mut machine = machine(built, board, costs, &arguments)?;
    let latency = Latency::watch(&mut machine);
    let mut screen = Screen::new(built.image.symbols(), true);
    end_well(&mut machine, LIMIT, &mut screen).context(costs.name)?;
    Ok(latency)
}

impl Latency {
    /// Begins to watch a machine. Nothing that it counts changes.
    pub(super) fn watch(machine: &mut Machine) -> Latency {
        let watch = Rc::new(RefCell::new(Watch::default()));
        let shared = watch.clone();
        machine.set_trace(Some(Box::new(move |core, past| {
            let watch = &mut *shared.borrow_mut();
            let now = core.counts().cycles;
            // What raised an exception is the application's still, and the first in the kernel.
            if core.control().is_user() {
                watch.user(now);
            } else if watch.user.is_some() {
                if watch.now.path.is_empty() {
                    let control = core.control();
                    let cause = control.cause >> 2 & 31;
                    let record = core.register(Register::V0) >> 4 & 0xff;
                    watch.now.way = (cause, if cause == SYSCALL { record } else { 0 });
                    watch.now.epc = control.epc;
                }
                watch.now.path.push((past.pc, (now - watch.last) as u32));
            }
            watch.last = now;
        })));
        Latency { watch }
    }

    /// The longest.
    pub(super) fn worst(&self) -> Stretch {
        self.longest().into_iter().next().unwrap_or_default()
    }

    /// The longest of each way, the worst first.
    fn longest(&self) -> Vec<Stretch> {
        let mut all: Vec<Stretch> = self.watch.borrow().longest.values().cloned().collect();
        all.sort_by_key(|stretch| core::cmp::Reverse(stretch.cycles));
        all
    }
}

impl Watch {
    /// An application's instruction has ended.
    fn user(&mut self, now: u64) {
        if let Some(before) = self.user
            && !self.now.path.is_empty()
        {
            self.now.cycles = now - before;
            let longest = self.longest.entry(self.now.way).or_default();
            if self.now.cycles > longest.cycles {
                core::mem::swap(longest, &mut self.now);
            }
            self.now.path.clear();
        }
        self.user = Some(now);
    }
}

/// The code of system calls.
const SYSCALL: u32 = 8;

impl Stretch {
    /// In a line.
    pub(super) fn print(&self, costs: &Costs) -> String {
        format!(
            "{:>8} cycles, {:>7.1} µs: {} at {:#x}",
            self.cycles,
            self.cycles as f64 * f64::from(costs.cycle_ns) / 1000.0,
            self.what(),
            self.epc
        )
    }

    /// What it began with.
    fn what(&self) -> String {
        let (cause, record) = self.way;
        let transfers = SCALL_RECORDS..ACALL_RECORDS + MOST_ENVS as u32;
        match cause {
            0 => "an interrupt".to_owned(),
            1 => "a store to a clean page".to_owned(),
            2 => "a miss of a load or fetch".to_owned(),
            3 => "a miss of a store".to_owned(),
            SYSCALL if transfers.contains(&record) => "a transfer".to_owned(),
            SYSCALL => match Syscall::ALL.get(record as usize) {
                Some(call) => format!("the call `{}`", call.name()),
                None => "a call that does not exist".to_owned(),
            },
            _ => format!("cause {cause}"),
        }
    }

    /// The procedures in which it spent most cycles.
    fn spent(&self, symbols: &Symbols) -> Vec<(String, u64)> {
        let mut totals = BTreeMap::new();
        for (pc, cycles) in &self.path {
            let name = symbols
                .nearest(*pc)
                .map_or_else(|| "?".to_owned(), |(name, _)| name.to_owned());
            *totals.entry(name).or_insert(0) += u64::from(*cycles);
        }
        let mut spent: Vec<(String, u64)> = totals
            .into_iter()
            .map(|(name, cycles)| (format!("{:#}", rustc_demangle::demangle(&name)), cycles))
            .collect();
        spent.sort_by_key(|(_, cycles)| core::cmp::Reverse(*cycles));
        spent.truncate(SHOWN);
        spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::can_build;
    use decstation::cycles::{DEC3100, DEC5000_125};

    #[test]
    fn interrupts_are_never_off_for_longer_than_is_promised() {
        if can_build("how long interrupts are off") {
            let built = with_applications().unwrap();
            // A 2100 takes the cycles of a 3100, a 5000/200 fewer than a 5000/125.
            for (board, costs) in [
                (Board::DEC3100, &DEC3100),
                (Board::DEC5000_125, &DEC5000_125),
            ] {
                let worst = suite(&built, board, costs).unwrap().worst();
                let line = worst.print(costs);
                assert!(worst.cycles <= MOST, "{}: {line}", costs.name);
                // A purge takes as long as it takes; a shorter worst has not seen one.
                assert!(worst.cycles > MOST / 4, "{}: {line}", costs.name);
            }
        }
    }
}
