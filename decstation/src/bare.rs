//! A bare machine: a processor and RAM, for running code that was just made.
//!
//! A test of an emitter wants to put words at an address, set registers, call, and read what came
//! out and what it cost; it wants neither a board nor an operating system. So here the processor
//! is in kernel mode, addresses are those of kseg0 ([`BASE`] up), every exception and every
//! hazard stops the run with a report, and a run ends when the code returns.
//!
//! ```
//! use decstation::bare::{BASE, Bare};
//! use decstation::cpu::Register;
//!
//! let mut machine = Bare::new();
//! // addu v0, a0, a1 in the delay slot of the return.
//! machine.load_words(BASE, &[0x03e0_0008, 0x0085_1021]);
//! let call = machine.call(BASE, &[40, 2], 100).unwrap();
//! assert_eq!(machine.register(Register::V0), 42);
//! assert_eq!((call.instructions, call.cycles), (2, 2));
//! ```

use crate::board;
use crate::count::Counts;
use crate::cpu::Register;
use crate::cpu::strict::Strict;
use crate::cycles::{Costs, DEC5000_200};
use crate::machine::{Config, Machine, Stop};
use crate::memory::Endian;

/// The first address of RAM, through the caches.
pub const BASE: u32 = 0x8000_0000;
/// The address that a called function returns to. No RAM is there.
pub const RETURN: u32 = 0x9fff_f000;

/// How a bare machine is built.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of RAM, at most 256 MB.
    pub ram_bytes: u32,
    /// The machine whose costs are charged.
    pub costs: &'static Costs,
    /// Whether caches and the write buffer cost time. Without, an instruction takes one cycle, and
    /// only HI and LO make it wait.
    pub caches: bool,
    /// The order of bytes.
    pub endian: Endian,
    /// The strict checks.
    pub strict: Strict,
}

impl Default for Options {
    /// A little-endian 5000/200 with perfect caches, 16 MB of RAM and every strict check.
    fn default() -> Options {
        Options {
            ram_bytes: 16 << 20,
            costs: &DEC5000_200,
            caches: false,
            endian: Endian::Little,
            strict: Strict::ON,
        }
    }
}

/// A processor and RAM.
///
/// The whole state is kept from one call to the next: memory, registers, caches, counts.
#[derive(Debug)]
pub struct Bare {
    machine: Machine,
}

impl Default for Bare {
    fn default() -> Bare {
        Bare::new()
    }
}

impl Bare {
    /// A machine with [`Options::default`].
    pub fn new() -> Bare {
        Bare::with(&Options::default())
    }

    /// A machine as `options` say.
    ///
    /// # Panics
    ///
    /// When they ask for more RAM than 256 MB.
    pub fn with(options: &Options) -> Bare {
        let mut board = board::Config::DEC5000_200;
        board.memory = options.ram_bytes;
        assert!(options.ram_bytes <= 256 << 20, "at most 256 MB of RAM");
        let config = Config {
            devices: false,
            caches: options.caches,
            endian: options.endian,
            strict: options.strict,
            stop_at_exceptions: true,
            ..Config::new(board, options.costs)
        };
        #[expect(
            clippy::expect_used,
            reason = "the board takes more than what was just asserted"
        )]
        let mut machine = Machine::new(&config).expect("256 MB fit");
        machine.set_return_address(RETURN);
        let mut bare = Bare { machine };
        bare.set_pc(BASE);
        let top = BASE + options.ram_bytes;
        bare.set_register(Register::SP, top - 64);
        bare
    }

    /// Puts `words` at `address`, which is an address of kseg0 or kseg1. Caches forget what they
    /// held of it, so code may be put over code.
    ///
    /// # Panics
    ///
    /// When a word lies outside RAM or the address is not aligned.
    pub fn load_words(&mut self, address: u32, words: &[u32]) {
        assert!(address.is_multiple_of(4), "{address:#x} is not aligned");
        for (word, at) in words.iter().zip((address..).step_by(4)) {
            let inside = self.machine.memory_mut().set_word(physical(at), *word);
            assert!(inside, "{at:#x} is outside RAM");
        }
    }

    /// The word at `address`.
    ///
    /// # Panics
    ///
    /// When it lies outside RAM or is not aligned.
    pub fn word(&self, address: u32) -> u32 {
        assert!(address.is_multiple_of(4), "{address:#x} is not aligned");
        let word = self.machine.memory().word(physical(address));
        match word {
            Some(word) => word,
            None => panic!("{address:#x} is outside RAM"),
        }
    }

    /// Puts `bytes` at `address`.
    ///
    /// # Panics
    ///
    /// When a byte lies outside RAM.
    pub fn load_bytes(&mut self, address: u32, bytes: &[u8]) {
        for (byte, at) in bytes.iter().zip(address..) {
            let inside = self.machine.memory_mut().set_byte(physical(at), *byte);
            assert!(inside, "{at:#x} is outside RAM");
        }
    }

    /// `length` bytes from `address` on.
    ///
    /// # Panics
    ///
    /// When one of them lies outside RAM.
    pub fn bytes(&self, address: u32, length: usize) -> Vec<u8> {
        let memory = self.machine.memory();
        (address..)
            .take(length)
            .map(|at| match memory.byte(physical(at)) {
                Some(byte) => byte,
                None => panic!("{at:#x} is outside RAM"),
            })
            .collect()
    }

    /// The value of `register`.
    pub fn register(&self, register: Register) -> u32 {
        self.machine.core().register(register)
    }

    /// Sets `register`.
    pub fn set_register(&mut self, register: Register, value: u32) {
        self.machine.core_mut().set_register(register, value);
    }

    /// The address of the next instruction.
    pub fn pc(&self) -> u32 {
        self.machine.core().pc()
    }

    /// Goes to `pc`.
    pub fn set_pc(&mut self, pc: u32) {
        self.machine.core_mut().set_pc(pc);
    }

    /// Calls the function at `entry` with up to four words in `a0` to `a3`, and returns what the
    /// call cost, from its first instruction to the delay slot of its return. Its result is in
    /// `v0`. The stack pointer is left as it is.
    ///
    /// # Errors
    ///
    /// What stopped it before it returned: `limit` instructions, an exception or a hazard.
    ///
    /// # Panics
    ///
    /// When there are more than four arguments.
    pub fn call(&mut self, entry: u32, arguments: &[u32], limit: u64) -> Result<Counts, Stop> {
        let registers = [Register::A0, Register::A1, Register::A2, Register::A3];
        assert!(arguments.len() <= 4, "the rest would go to the stack");
        for (register, value) in registers.into_iter().zip(arguments) {
            self.set_register(register, *value);
        }
        self.set_register(Register::RA, RETURN);
        self.set_pc(entry);
        let before = self.counts();
        match self.run(limit) {
            Stop::Returned => Ok(self.counts() - before),
            other => Err(other),
        }
    }

    /// Runs from [`Bare::pc`] until something stops it: at most `limit` instructions.
    pub fn run(&mut self, limit: u64) -> Stop {
        self.machine.run(limit)
    }

    /// Runs until the instruction at `address` is next, and returns what that cost.
    ///
    /// # Errors
    ///
    /// What stopped it before it came there.
    pub fn run_to(&mut self, address: u32, limit: u64) -> Result<Counts, Stop> {
        let before = self.counts();
        self.machine.set_breakpoint(address);
        let stop = self.run(limit);
        self.machine.clear_breakpoint(address);
        match stop {
            Stop::Breakpoint(_) => Ok(self.counts() - before),
            other => Err(other),
        }
    }

    /// Totals since the machine was made.
    pub fn counts(&self) -> Counts {
        self.machine.counts()
    }

    /// The machine itself, for meters, traces and coprocessor 0.
    pub fn machine_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }
}

fn physical(address: u32) -> u32 {
    address & 0x1fff_ffff
}
