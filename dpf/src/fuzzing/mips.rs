//! The engine on the simulated R3000: code for it, run on a bare machine in strict mode.
//!
//! Problem: code for MIPS must give the oracle's answers, wherever packets lie, and read no byte
//! beyond them. Method: the set has its tables in this process; their words are copied to the
//! simulated memory before each packet whose set changed, and code reads them there. A packet
//! ends where the simulated memory ends, unless the alignment that code was made for puts it up to
//! three bytes before: a read of a whole word too far stops the machine. Left out: time; whoever
//! wants cycles asks [`Simulated::call`].

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use decstation::bare::{BASE, Bare, Options};
use decstation::count::Counts;
use decstation::cpu::Register;
use decstation::cpu::tlb::{self, Entry as Page};
use vcode::Assembler;
use vcode::mips::Mips;

use super::Packet;
use super::engines::Engine;
use crate::codegen::{self, Entry};
use crate::dispatch::{Alignment, Machine, Memory, Shared};
use crate::trie::{GroupId, Set, Trie};

/// Words of the buffer to emit into: the most there may be.
const BUFFER: usize = 1 << 15;
/// Memory of the machine.
const RAM: u32 = 8 << 20;
/// Where tables, code and the stack begin or end; packets end at the end of memory.
const TABLES: u32 = BASE + 0x1_0000;
/// Where near tables are: four pages, the first that a load reaches from zero.
const NEAR: u32 = 0xffff_8000;
const CODE: u32 = BASE + (3 << 20);
const STACK: u32 = BASE + (7 << 20);
/// The most instructions of a call.
const FUEL: u64 = 1 << 22;

/// A function in the simulated memory.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its address.
    pub address: u32,
    /// How many words it has.
    pub words: u32,
}

/// A simulated machine with the code of one set.
#[derive(Debug)]
pub struct Simulated {
    machine: Bare,
    packet: Alignment,
    /// Where tables are for the code, and where for the host.
    tables_at: (u32, u32),
    buffer: Box<[u32; BUFFER]>,
    tables: Vec<(Shared<Memory>, u32)>,
    next: u32,
    best: Option<Function>,
    each: Vec<Function>,
    /// Packets classified.
    pub packets: u64,
    /// Tries that passed a limit.
    pub refused: u64,
}

impl Simulated {
    /// A machine that has tables at the upper end of the addresses, up to 16 KB of them, as a kernel
    /// may: a load reaches them without a base.
    pub fn with_near_tables(packet: Alignment) -> Self {
        let mut simulated = Self::new(packet);
        simulated.tables_at.0 = NEAR;
        let pages = simulated.machine.machine_mut().core_mut().tlb_mut();
        for page in 0..4 {
            let (from, to) = (NEAR + (page << 12), (TABLES & 0x1fff_ffff) + (page << 12));
            let low = to | tlb::GLOBAL | tlb::VALID;
            pages.write(page, Page { high: from, low });
        }
        simulated
    }

    /// A machine; packets are where `packet` says.
    pub fn new(packet: Alignment) -> Self {
        let options = Options {
            ram_bytes: RAM,
            ..Options::default()
        };
        let Ok(buffer) = vec![0; BUFFER].try_into() else {
            unreachable!("a vector of the array's length")
        };
        Self {
            machine: Bare::with(&options),
            packet,
            tables_at: (TABLES, TABLES),
            buffer,
            tables: Vec::new(),
            next: CODE,
            best: None,
            each: Vec::new(),
            packets: 0,
            refused: 0,
        }
    }

    /// The machine that tries must be laid out for.
    pub fn target(&self) -> Machine {
        Machine::r3000(self.packet)
    }

    /// Forgets the last set and takes a trie's tables; where each is. Nothing when they do not fit.
    fn take_tables(&mut self, trie: &Trie) -> Option<()> {
        self.tables.clear();
        (self.best, self.next) = (None, CODE);
        self.each.clear();
        let mut at = self.tables_at.0;
        for table in codegen::tables(trie) {
            let end = u64::from(at) + table.memory.bytes();
            if end - u64::from(self.tables_at.0) > u64::from(self.most_tables()) {
                return None;
            }
            self.tables.push((table.memory, at));
            at = end as u32;
        }
        self.refresh();
        Some(())
    }

    /// Bytes of tables that there is room for.
    fn most_tables(&self) -> u32 {
        if self.tables_at.0 == NEAR {
            4 << 12
        } else {
            CODE - TABLES
        }
    }

    /// Copies the tables as they are now.
    pub fn refresh(&mut self) {
        for (memory, at) in &self.tables {
            let words: Vec<u32> = (0..memory.bytes() as usize / 4)
                .map(|word| memory.load(word))
                .collect();
            let (code, host) = self.tables_at;
            self.machine.load_words(at - code + host, &words);
        }
    }

    /// Puts the code for one function into memory; its listing is given to `show`.
    ///
    /// # Errors
    ///
    /// As [`codegen::emit`].
    ///
    /// # Panics
    ///
    /// When simulated memory is full.
    pub fn compile(
        &mut self,
        trie: &Trie,
        entry: Entry,
        show: &mut dyn FnMut(&vcode::mips::Code<'_>),
    ) -> Result<Function, codegen::Error> {
        let tables = &self.tables;
        let places = |memory: &Memory| -> u64 {
            let of = |known: &&(Shared<Memory>, u32)| core::ptr::eq(&*known.0, memory);
            tables.iter().find(of).map_or(0, |known| known.1.into())
        };
        let mut asm = Assembler::new(Mips::new(&mut self.buffer));
        let code = codegen::emit_at(trie, entry, &places, &mut asm)?;
        show(&code);
        let words: Vec<u32> = code.words().collect();
        let function = Function {
            address: self.next,
            words: words.len() as u32,
        };
        self.machine.load_words(self.next, &words);
        self.next += 4 * words.len() as u32;
        assert!(self.next < STACK - (1 << 16), "no room for code");
        Ok(function)
    }

    /// Takes a set's tables, and makes the function for the winner.
    ///
    /// # Errors
    ///
    /// As [`codegen::emit`].
    ///
    /// # Panics
    ///
    /// When tables do not fit simulated memory.
    pub fn load_best(
        &mut self,
        trie: &Trie,
        show: &mut dyn FnMut(&vcode::mips::Code<'_>),
    ) -> Result<Function, codegen::Error> {
        assert!(self.take_tables(trie).is_some(), "no room for tables");
        self.compile(trie, Entry::Best, show)
    }

    /// Calls a function on a packet: what it returned, and what that cost from its first instruction
    /// to the return.
    ///
    /// # Panics
    ///
    /// When the machine stops for anything but the return.
    pub fn call(&mut self, function: Function, packet: &Packet) -> (u32, Counts) {
        let length = packet.bytes.len() as u32;
        let mut at = BASE + RAM - length;
        while !self.packet.holds(at) {
            at -= 1;
        }
        self.machine.load_bytes(at, &packet.bytes);
        self.machine.set_register(Register::SP, STACK);
        let arguments = [at, length, packet.wirelen];
        match self.machine.call(function.address, &arguments, FUEL) {
            Ok(counts) => (self.machine.register(Register::V0), counts),
            Err(stop) => panic!("{stop}\n{packet:?}"),
        }
    }
}

impl Engine for Simulated {
    fn machine(&self) -> Machine {
        self.target()
    }

    fn load(&mut self, set: &Set) -> bool {
        if self.take_tables(set.trie()).is_none() {
            self.refused += 1;
            return false;
        }
        let groups = 0..set.trie().groups().len() as u32;
        let entries = groups.map(|group| Entry::Group(GroupId(group)));
        for entry in core::iter::once(Entry::Best).chain(entries) {
            let Ok(function) = self.compile(set.trie(), entry, &mut |_| {}) else {
                self.refused += 1;
                return false;
            };
            match entry {
                Entry::Best => self.best = Some(function),
                Entry::Group(_) => self.each.push(function),
            }
        }
        true
    }

    fn classify(&mut self, packet: &Packet) -> Option<u32> {
        self.packets += 1;
        let best = self.best?;
        self.call(best, packet).0.checked_sub(1)
    }

    fn classify_all(&mut self, packet: &Packet) -> Vec<u32> {
        let each = self.each.clone();
        let found = each.iter().map(|function| self.call(*function, packet).0);
        let mut all: Vec<u32> = found.filter_map(|entry| entry.checked_sub(1)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}
