//! The machine with the kernel and its puppets: told to do one thing, it says by which way it came back.

use crate::view::{Tables, View};
use aegis::layout::{EnvPage, EnvState};
use aegis_abi::bookkeeping::PageState;
use aegis_abi::layout::{
    ANY, ENTRIES, ENTRY_DIRTY, ENTRY_SLICE_START, ENTRY_VALID, FLAT_MAGIC, TABLE_PAGES,
    TABLE_PUBLIC,
};
use aegis_abi::{Cause, Syscall};
use core::fmt::Display;
use core::mem::offset_of;
use core::num::NonZeroU32;
use decstation::board::{self, Config as Board};
use decstation::cpu::Register;
use decstation::cpu::strict::Hazard;
use decstation::cycles::DEC5000_200;
use decstation::device::Clock;
use decstation::elf::Image;
use decstation::machine::{Config, Machine, Snapshot, Stop};
use std::path::Path;

/// Bytes of memory: little, so that pages run out and going back is cheap.
const MEMORY: u32 = 1 << 20;
/// Nanoseconds of a cycle: so slow that a clock tick comes every few calls.
const PERIOD: NonZeroU32 = NonZeroU32::new(1000).unwrap();
/// Where a puppet says that it is done: `k0` in its `mark`.
const MARK: u32 = 0x7fff_0000;
/// Bytes of a `mark` up to what `k1` holds.
const MARK_BYTES: u32 = 12;
/// Instructions between two marks, at most: the longest call prints a page, a byte in a millisecond.
const MOST_INSTRUCTIONS: u64 = 8_000_000;
/// Where a puppet's code and its page of save areas are mapped.
pub(crate) const CODE: u32 = 0x1000;
pub(crate) const DATA: u32 = 0x2000;
/// Bytes of code: what is behind them in the page does nothing.
pub(crate) const CODE_BYTES: u32 = 0x200;
/// Bytes that an exception saves.
const SAVED: u32 = 12;
/// Pages that an environment has for no purpose, and pages that are never taken of a child.
const SPARE_PAGES: u32 = 6;
const RESERVE: u32 = 4;
/// The boot argument: each run has the same key.
const KEY: &str = "key=0123456789abcdeffedcba9876543210";

macro_rules! labels {
    ($($variant:ident $name:literal $about:literal;)*) => {
        /// A label of the puppet's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Label {
            $(#[doc = $about] $variant,)*
        }

        impl Label {
            pub(crate) const ALL: &[Label] = &[$(Label::$variant),*];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Label::$variant => $name),* }
            }
        }
    };
}
labels! {
    Call "call" "A system call.";
    Slot "slot" "One in a delay slot.";
    Touch "touch" "Memory at `a0`, left as it is.";
    Jump "jump" "To `a0`.";
    Spin "spin" "For ever.";
    Trap "trap" "Instructions that raise exceptions.";
    Returned "returned" "Behind a call.";
    Refused "refused" "Behind one in a delay slot.";
    Taken "taken" "Where its branch leads.";
    Touched "touched" "Behind the touch.";
    Jumped "jumped" "Behind the jump.";
    Trapped "trapped" "Behind all of the instructions.";
    Started "started" "A slice begins.";
    Ended "ended" "A slice ends.";
    Asked "asked" "Something shall be given back.";
    Synced "synced" "A synchronous transfer.";
    Lent "lent" "An asynchronous one.";
    Faulted "faulted" "An exception.";
}

/// The entry points of a puppet, in the order of `layout::ENTRY_*`.
pub(crate) const WAYS_IN: [Label; ENTRIES] = [
    Label::Synced,
    Label::Lent,
    Label::Started,
    Label::Ended,
    Label::Asked,
];

/// How a run ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// At a mark, in an environment.
    Mark(Label, u8),
    /// The machine stopped itself.
    Halted(u32),
    /// A program did what it alone is to blame for.
    Astray,
    /// The kernel did what it must not.
    Violation(String),
}

/// The machine.
pub(crate) struct Puppets {
    machine: Machine,
    labels: Vec<u32>,
    code: Vec<u32>,
    /// The word that makes the kernel look at everything, and the value that does.
    full_look: u32,
    tables: Tables,
    beginning: Snapshot,
}

impl Puppets {
    /// Boots the image in `folder`, makes two children, and keeps that state to go back to.
    ///
    /// # Errors
    ///
    /// When the folder lacks something, or the kernel does not start.
    pub(crate) fn boot(folder: &Path) -> Result<Puppets, String> {
        let read = |name: &str| {
            let path = folder.join(name);
            let bytes = std::fs::read(&path).map_err(|error| say(&path.display(), &error))?;
            Image::parse(&bytes).map_err(|error| say(&path.display(), &error))
        };
        let (kernel, puppet) = (read("storm.elf")?, read("puppet.elf")?);
        let address = |image: &Image, name: &str| {
            let found = image.symbols().address(name);
            found.ok_or_else(|| format!("there is no `{name}`"))
        };
        let labels: Result<Vec<u32>, String> = Label::ALL
            .iter()
            .map(|label| address(&puppet, label.name()))
            .collect();
        let board = Board {
            clock: Clock::of_period(PERIOD),
            memory: MEMORY,
            ..Board::DEC5000_200
        };
        let mut config = Config::new(board, &DEC5000_200);
        config.caches = false;
        // The compiler writes HI and LO right after reading them; interrupts never come in the kernel.
        config.strict.hilo = false;
        let mut machine = Machine::new(&config).map_err(|error| error.to_string())?;
        machine.set_return_address(MARK);
        machine
            .boot(&kernel, &["boot", "aegis", KEY])
            .map_err(|error| error.to_string())?;
        let beginning = machine.snapshot();
        let mut puppets = Puppets {
            machine,
            labels: labels?,
            code: Vec::new(),
            full_look: address(&kernel, "audit_times")? & 0x1fff_ffff,
            tables: Tables::default(),
            beginning,
        };
        puppets.set_up()?;
        puppets.beginning = puppets.machine.snapshot();
        Ok(puppets)
    }

    /// Goes back to the beginning.
    pub(crate) fn restore(&mut self) {
        self.machine.restore(&self.beginning);
    }

    /// The kernel's tables.
    pub(crate) fn view(&self) -> View<'_> {
        View {
            memory: self.machine.memory(),
            tables: self.tables,
        }
    }

    /// The address of a label.
    pub(crate) fn label(&self, label: Label) -> u32 {
        self.labels[label as usize]
    }

    /// The label for an entry point, or for the handler of exceptions.
    pub(crate) fn way_in(&self, call: Syscall, entry: u32) -> u32 {
        let way = WAYS_IN.get(entry as usize);
        match (call, way) {
            (Syscall::env_entry, Some(label)) => self.label(*label),
            _ => self.label(Label::Faulted),
        }
    }

    /// Whether a page holds a puppet's code: the header of its image comes first.
    pub(crate) fn is_code(&self, page: u16) -> bool {
        self.machine.memory().word(u32::from(page) << 12) == Some(FLAT_MAGIC)
    }

    /// A register.
    pub(crate) fn register(&self, register: Register) -> u32 {
        self.machine.core().register(register)
    }

    /// HI and LO.
    pub(crate) fn hi_lo(&self) -> (u32, u32) {
        self.machine.core().hi_lo()
    }

    /// Sets a register.
    pub(crate) fn set(&mut self, register: Register, value: u32) {
        self.machine.core_mut().set_register(register, value);
    }

    /// Sets HI and LO.
    pub(crate) fn set_hi_lo(&mut self, hi: u32, lo: u32) {
        self.machine.core_mut().set_hi_lo(hi, lo);
    }

    /// Writes a word of memory, as its owner might.
    pub(crate) fn store(&mut self, physical: u32, word: u32) {
        self.machine.memory_mut().set_word(physical, word);
    }

    /// Instructions that have run.
    pub(crate) fn instructions(&self) -> u64 {
        self.machine.counts().instructions
    }

    /// What the kernel printed.
    pub(crate) fn console(&self) -> String {
        String::from_utf8_lossy(self.machine.board().console()).into_owned()
    }

    /// Whether an environment that lives has a beginning: the entry for slices in its page.
    pub(crate) fn can_begin(&self, env: u8) -> bool {
        let home = self.view().home(env).map(|page| u32::from(page) << 12);
        let field = offset_of!(EnvPage, state) + offset_of!(EnvState, entries);
        let field = field as u32 + 4 * ENTRY_SLICE_START;
        let entry = home.and_then(|page| self.machine.memory().word(page + field));
        entry.is_some_and(|entry| entry != 0)
    }

    /// Makes the next look of the kernel's at itself a full one.
    pub(crate) fn look_at_everything(&mut self) {
        self.store(self.full_look, u32::MAX / 2);
    }

    /// The environment that runs.
    pub(crate) fn current(&self) -> Option<u8> {
        let page = self.machine.core().tlb().entry(1).low & !0xfff;
        let number = self
            .machine
            .memory()
            .word(page + offset_of!(EnvPage, id) as u32)?;
        u8::try_from(number).ok()
    }

    /// Lets the environment that runs go on at an address, until it is done.
    pub(crate) fn run(&mut self, address: u32) -> End {
        self.machine.core_mut().set_pc(address);
        let stop = self.machine.run(MOST_INSTRUCTIONS);
        let is_user = self.machine.core().control().is_user();
        match stop {
            Stop::Returned => {
                let at = self.register(Register::K1).wrapping_sub(MARK_BYTES);
                let label = Label::ALL.iter().find(|label| self.label(**label) == at);
                match (label, self.current()) {
                    (_, None) => End::Violation("nobody runs".to_owned()),
                    // It jumped there by another way.
                    (None, _) => End::Astray,
                    (Some(label), Some(env)) => End::Mark(*label, env),
                }
            }
            Stop::Board(board::Stop::Halt(status)) => End::Halted(status),
            Stop::Limit if is_user => End::Astray,
            Stop::Hazard(hazard, _) if is_user && self.is_its_own(hazard) => End::Astray,
            stop => End::Violation(stop.to_string()),
        }
    }

    /// Whether the program that runs is to blame for a hazard in it: it runs what is no code, or where it had
    /// registers saved. All else that is in a page that is new to it is zero, for the cache too.
    fn is_its_own(&self, hazard: Hazard) -> bool {
        match hazard {
            Hazard::LoadDelay(_) | Hazard::HiLo | Hazard::BranchInSlot => true,
            Hazard::StaleCode { memory: 1.., .. } => true,
            Hazard::StaleCode { .. } => {
                let core = self.machine.core();
                let high = core.control().entry_high;
                let mut entries = core.tlb().entries().iter();
                let Some(entry) = entries.find(|entry| entry.matches(core.pc(), high)) else {
                    return false;
                };
                let at = entry.low & !0xfff | core.pc() & 0xfff;
                let page = core.tlb().entry(1).low & !0xfff;
                let slices = offset_of!(EnvPage, state) + offset_of!(EnvState, slice_save);
                let causes = (0..16).map(|cause| offset_of!(EnvPage, save) + 4 * cause);
                causes.chain([slices]).any(|field| {
                    let save = self.machine.memory().word(page + field as u32);
                    save.is_some_and(|save| at.wrapping_sub(save & 0x1fff_ffff) < SAVED)
                })
            }
            _ => false,
        }
    }

    /// A system call while the machine is set up, which must be complied with. A slice is long enough for it.
    fn ask(&mut self, call: Syscall, arguments: &[u32]) -> Result<u32, String> {
        self.yield_all()?;
        let registers = [Register::A0, Register::A1, Register::A2, Register::A3];
        for (register, &value) in registers.into_iter().zip(arguments) {
            self.set(register, value);
        }
        self.set(Register::V0, call.selector());
        let end = self.run(self.label(Label::Call));
        let value = self.register(Register::V0);
        match end {
            End::Mark(Label::Returned, 0) if value.cast_signed() >= 0 => Ok(value),
            _ => Err(format!(
                "{call:?} {arguments:x?}: {value:#x}, {end:?}\n{}",
                self.console()
            )),
        }
    }

    /// Everybody yields until environment 0 begins a slice.
    fn yield_all(&mut self) -> Result<(), String> {
        loop {
            self.set(Register::V0, Syscall::yield_to.selector());
            self.set(Register::A0, ANY);
            match self.run(self.label(Label::Call)) {
                End::Mark(Label::Started, 0) => return Ok(()),
                // A clock tick at the mark itself loses `k1`, which says where that is.
                End::Mark(Label::Started, _) | End::Astray => {}
                end => return Err(format!("yield: {end:?}\n{}", self.console())),
            }
        }
    }

    fn set_up(&mut self) -> Result<(), String> {
        let start = self.label(Label::Started);
        let begun = self.machine.run(MOST_INSTRUCTIONS);
        if begun != Stop::Returned {
            return Err(format!("{begun}\n{}", self.console()));
        }
        self.tables = Tables {
            public: self.ask(Syscall::bookkeeping, &[TABLE_PUBLIC])? << 12,
            pages: self.ask(Syscall::bookkeeping, &[TABLE_PAGES])? << 12,
            count: (MEMORY >> 12) as u16,
        };
        debug_assert_eq!(size_of::<PageState>(), 16, "as the view reads it");
        // So far it has no other page.
        let own = self.view().page_of(0, 0);
        let page = u32::from(own.ok_or("the puppet has no page")?) << 12;
        self.code = (0..CODE_BYTES)
            .step_by(4)
            .filter_map(|at| self.machine.memory().word(page + at))
            .collect();
        if self.code.get((start as usize & 0xfff) / 4).is_none() {
            return Err("the puppet is longer than was thought".to_owned());
        }
        self.dress(0)?;
        for _ in 0..2 {
            self.spawn()?;
        }
        Ok(())
    }

    /// Makes a child of environment 0's, with a slice.
    fn spawn(&mut self) -> Result<(), String> {
        let page = self.ask(Syscall::page_alloc, &[ANY])?;
        let child = self.ask(Syscall::env_create, &[page])?;
        let code = self.ask(Syscall::page_alloc, &[ANY])?;
        for (at, word) in (code << 12..).step_by(4).zip(self.code.clone()) {
            self.store(at, word);
        }
        self.ask(Syscall::page_give, &[code, child])?;
        let entry = code << 12 | ENTRY_VALID;
        self.ask(Syscall::env_guarantee, &[child, CODE, entry])?;
        self.dress(child)?;
        let slice = self.ask(Syscall::slice_alloc, &[ANY])?;
        self.ask(Syscall::slice_give, &[slice, child])?;
        self.ask(Syscall::env_reserve, &[child, RESERVE])?;
        Ok(())
    }

    /// Gives an environment what it needs to be entered: save areas, handlers, entry points.
    fn dress(&mut self, env: u32) -> Result<(), String> {
        let page = self.ask(Syscall::page_alloc, &[ANY])?;
        if env != 0 {
            self.ask(Syscall::page_give, &[page, env])?;
        }
        for _ in 0..SPARE_PAGES {
            let spare = self.ask(Syscall::page_alloc, &[ANY])?;
            if env != 0 {
                self.ask(Syscall::page_give, &[spare, env])?;
            }
        }
        let data = page << 12;
        let entry = data | ENTRY_VALID | ENTRY_DIRTY;
        self.ask(Syscall::env_guarantee, &[env, DATA, entry])?;
        for cause in (0..=12).filter(|cause| *cause != u32::from(Cause::SYSCALL.0)) {
            self.ask(Syscall::env_save_area, &[env, cause, data + 16 * cause])?;
            if cause != u32::from(Cause::INTERRUPT.0) {
                let handler = self.label(Label::Faulted);
                self.ask(Syscall::env_handler, &[env, cause, handler])?;
            }
        }
        for (number, label) in (0..).zip(WAYS_IN) {
            let address = self.label(label);
            self.ask(Syscall::env_entry, &[env, number, address])?;
        }
        Ok(())
    }
}

fn say(what: &dyn Display, error: &dyn Display) -> String {
    format!("{what}: {error}")
}
