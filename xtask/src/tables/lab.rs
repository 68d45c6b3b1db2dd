//! An image on a bare machine, and counts of one function of it in steady state.
//!
//! The problem: the first pass of a program pays for empty caches, and a loop around it costs time
//! of its own. The method: the image calls the function in a loop and marks the addresses right
//! before the call and right after it (`called`, `returned`); the machine stops there, which costs
//! nothing, and its totals are read. Rounds over a list of arguments are run until two in a row
//! cost the same, argument by argument, in every total; what does not settle is an error.

use super::round;
use anyhow::{Context as _, Result, bail};
use core::cell::RefCell;
use decstation::bare::{Bare, Options};
use decstation::count::Counts;
use decstation::cpu::strict::{Past, Strict};
use decstation::cpu::{Core, Register, tlb};
use decstation::elf::Image;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The rounds within which a function must settle.
const MOST_ROUNDS: u32 = 32;
/// Rounds that are counted of a function that allocates.
const ROUNDS: u32 = 16;
/// The most instructions from one marker to the next, and of a call.
const LIMIT: u64 = 50_000_000;
/// Bytes of an entry of the list: two arguments and a result.
const ENTRY: u32 = 12;
/// Bytes of the list, as `measure.s` reserves them, and the entries it has room for.
const LIST: u32 = 4096;
/// Bytes of a page, and the bits of a physical address.
const PAGE_BYTES: u32 = 4096;
const PHYSICAL: u32 = 0x1fff_ffff;

/// A machine that has the image.
pub(super) struct Lab {
    machine: Bare,
    image: Image,
}

/// What a function is called with, and what it must return.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) arguments: [u32; 2],
    pub(super) result: u32,
}

/// What a call spends in one function of the image.
#[derive(Clone, Debug)]
struct Spent {
    function: String,
    instructions: f64,
    /// Those of them that do nothing: delay slots that the compiler left empty.
    empty: f64,
}

/// A function that is ready to be measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    /// Its address.
    pub(super) function: u32,
    /// Its third argument.
    pub(super) state: u32,
}

impl Lab {
    /// A 5000/200 with caches and every strict check, the image in its memory.
    pub(super) fn new(image: &Image) -> Result<Lab> {
        Lab::strict(image, Strict::ON)
    }

    /// The same, but that HI and LO may be written soon after they were read. The compiler's own code
    /// does that; it is harmless where no interrupt comes between.
    pub(super) fn with_hilo(image: &Image) -> Result<Lab> {
        let strict = Strict {
            hilo: false,
            ..Strict::ON
        };
        Lab::strict(image, strict)
    }

    fn strict(image: &Image, strict: Strict) -> Result<Lab> {
        let options = Options {
            caches: true,
            strict,
            ..Options::default()
        };
        let mut machine = Bare::with(&options);
        image.load(machine.machine_mut().memory_mut())?;
        let mut lab = Lab {
            machine,
            image: image.clone(),
        };
        let stack = lab.address("stack_top")?;
        lab.machine.set_register(Register::SP, stack);
        Ok(lab)
    }

    /// The address of a name in the image.
    pub(super) fn address(&self, symbol: &str) -> Result<u32> {
        let address = self.image.symbols().address(symbol);
        address.with_context(|| format!("the image has no `{symbol}`"))
    }

    /// Calls a function of the image by name: its result and its cost.
    pub(super) fn call(&mut self, symbol: &str, arguments: &[u32]) -> Result<(u32, Counts)> {
        let entry = self.address(symbol)?;
        self.call_at(entry, arguments)
            .with_context(|| format!("in `{symbol}`"))
    }

    /// Calls a function at an address: its result and its cost.
    pub(super) fn call_at(&mut self, entry: u32, arguments: &[u32]) -> Result<(u32, Counts)> {
        let counts = self.machine.call(entry, arguments, LIMIT)?;
        Ok((self.machine.register(Register::V0), counts))
    }

    /// Puts bytes into memory.
    pub(super) fn put(&mut self, address: u32, bytes: &[u8]) {
        self.machine.load_bytes(address, bytes);
    }

    /// Puts words into memory.
    pub(super) fn put_words(&mut self, address: u32, words: &[u32]) {
        self.machine.load_words(address, words);
    }

    /// Makes so many bytes of memory appear at another address as well, from the first wired page on.
    pub(super) fn map(&mut self, from: u32, to: u32, bytes: u32) {
        let pages = self.machine.machine_mut().core_mut().tlb_mut();
        for number in 0..bytes.div_ceil(PAGE_BYTES) {
            let at = number * PAGE_BYTES;
            let entry = tlb::Entry {
                high: from + at,
                low: (to + at) & PHYSICAL | tlb::GLOBAL | tlb::VALID,
            };
            pages.write(number, entry);
        }
    }

    /// What each call costs in steady state: from the instruction that calls to the one after its
    /// delay slot.
    pub(super) fn steady(&mut self, subject: Subject, calls: &[Call]) -> Result<Vec<Counts>> {
        self.plan(subject, calls, MOST_ROUNDS)?;
        let mut before = Vec::new();
        for _ in 0..MOST_ROUNDS {
            let round = self.round(calls.len())?;
            self.check(calls)?;
            if round == before {
                return Ok(round);
            }
            before = round;
        }
        bail!("{MOST_ROUNDS} rounds, and no two in a row cost the same");
    }

    /// What the first call costs in each of [`ROUNDS`] rounds over all of them, after as many. For
    /// what allocates: it executes the same instructions in every round, or that is an error, but on
    /// memory that may lie elsewhere, so that its cache misses differ.
    pub(super) fn warm(&mut self, subject: Subject, calls: &[Call]) -> Result<Vec<Counts>> {
        self.plan(subject, calls, 2 * ROUNDS)?;
        let mut all = Vec::new();
        for number in 0..2 * ROUNDS {
            let round = self.round(calls.len())?;
            self.check(calls)?;
            if number >= ROUNDS {
                all.extend(round.first().copied());
            }
        }
        let executed = |counts: &Counts| (counts.instructions, counts.loads, counts.stores);
        if let Some(two) = all
            .windows(2)
            .find(|two| executed(&two[0]) != executed(&two[1]))
        {
            bail!("one round takes {}, the next {}", two[0], two[1]);
        }
        Ok(all)
    }

    /// Runs so many calls without stopping, and checks that none of them cost less than the
    /// cheapest or more than the dearest of `steady`.
    pub(super) fn confirm(
        &mut self,
        subject: Subject,
        calls: &[Call],
        steady: &[Counts],
        count: u32,
    ) -> Result<()> {
        // What the caches hold after the last measurement is not what they hold in this one.
        self.steady(subject, calls)?;
        let turns = count / calls.len() as u32;
        self.plan(subject, calls, turns)?;
        let (from, to) = (self.address("called")?, self.address("returned")?);
        // The loop's beginning, outside what is counted, may still disturb the first turn.
        for _ in 0..calls.len() {
            self.pass()?;
        }
        let machine = self.machine.machine_mut();
        let number = machine.add_meter(from, to);
        let end = decstation::machine::Stop::Returned;
        let stop = machine.run(u64::from(count) * 100_000);
        if stop != end {
            return Err(stop.into());
        }
        self.check(calls)?;
        let machine = self.machine.machine_mut();
        let meter = machine
            .meters()
            .get(number)
            .cloned()
            .context("the meter is gone")?;
        let cycles = steady.iter().map(|counts| counts.cycles);
        let expected = (cycles.clone().min(), cycles.max());
        let measured = (
            meter.least.map(|counts| counts.cycles),
            meter.most.map(|counts| counts.cycles),
        );
        if measured != expected {
            bail!(
                "{} passes of {measured:?} cycles, where {expected:?} were measured",
                meter.passes
            );
        }
        eprintln!(
            "tables: {} passes, none cheaper or dearer",
            meter.passes + calls.len() as u64
        );
        Ok(())
    }

    /// Prints where the first `traced` calls of a round spend their instructions.
    pub(super) fn print_profile(
        &mut self,
        subject: Subject,
        calls: &[Call],
        traced: usize,
    ) -> Result<()> {
        for spent in self.profile(subject, calls, traced)? {
            let Spent {
                function,
                instructions,
                empty,
            } = spent;
            eprintln!("{instructions:>8} {empty:>8}  {function}");
        }
        Ok(())
    }

    /// Where the first calls of a round spend their instructions when warm, the most first: means over
    /// them. What the compiler inlined counts where it was put.
    fn profile(&mut self, subject: Subject, calls: &[Call], traced: usize) -> Result<Vec<Spent>> {
        self.warm(subject, calls)?;
        self.plan(subject, calls, 1)?;
        let (called, returned) = (self.address("called")?, self.address("returned")?);
        let totals = Rc::new(RefCell::new(BTreeMap::<String, [u64; 2]>::new()));
        for number in 0..calls.len() {
            self.machine.run_to(called, LIMIT)?;
            let (totals, symbols) = (Rc::clone(&totals), self.image.symbols().clone());
            let count = move |_: &Core, Past { pc, word }| {
                let name = symbols.nearest(pc).map_or("", |(name, _)| name);
                let mut totals = totals.borrow_mut();
                let total = totals.entry(name.to_owned()).or_default();
                total[0] += 1;
                total[1] += u64::from(word == 0);
            };
            let machine = self.machine.machine_mut();
            machine.set_trace((number < traced).then(|| Box::new(count) as _));
            let stop = self.machine.run_to(returned, LIMIT);
            self.machine.machine_mut().set_trace(None);
            stop?;
        }
        let totals = totals.borrow();
        let each = |total: u64| round(total as f64 / traced as f64, 10.0);
        let mut spent: Vec<Spent> = totals
            .iter()
            .map(|(name, [all, empty])| Spent {
                function: format!("{:#}", rustc_demangle::demangle(name)),
                instructions: each(*all),
                empty: each(*empty),
            })
            .collect();
        spent.sort_by(|one, other| other.instructions.total_cmp(&one.instructions));
        Ok(spent)
    }

    /// Writes down what to measure and goes to the beginning of the loop.
    fn plan(&mut self, subject: Subject, calls: &[Call], turns: u32) -> Result<()> {
        let (plan, list) = (self.address("plan")?, self.address("list")?);
        let length = ENTRY * calls.len() as u32;
        if calls.is_empty() || length > LIST || turns == 0 {
            bail!("{} calls, {turns} times over", calls.len());
        }
        let words = [list, list + length, subject.function, subject.state, turns];
        self.machine.load_words(plan, &words);
        for (call, at) in calls.iter().zip((list..).step_by(ENTRY as usize)) {
            self.machine
                .load_words(at, &[call.arguments[0], call.arguments[1], !call.result]);
        }
        let measure = self.address("measure")?;
        self.machine
            .set_register(Register::RA, decstation::bare::RETURN);
        self.machine.set_pc(measure);
        Ok(())
    }

    fn round(&mut self, calls: usize) -> Result<Vec<Counts>> {
        (0..calls).map(|_| self.pass()).collect()
    }

    fn pass(&mut self) -> Result<Counts> {
        let (called, returned) = (self.address("called")?, self.address("returned")?);
        self.machine.run_to(called, LIMIT)?;
        Ok(self.machine.run_to(returned, LIMIT)?)
    }

    /// That the results in the list are those expected. The last is still in its register.
    fn check(&mut self, calls: &[Call]) -> Result<()> {
        let list = self.address("list")?;
        let last = calls.len() - 1;
        for (index, call) in calls.iter().enumerate() {
            let at = list + ENTRY * index as u32 + 8;
            let in_register = index == last && self.machine.pc() == self.address("returned")?;
            let result = if in_register {
                self.machine.register(Register::V0)
            } else {
                self.machine.word(at)
            };
            if result != call.result {
                bail!("call {index} returned {result:#x}, not {:#x}", call.result);
            }
        }
        Ok(())
    }
}
