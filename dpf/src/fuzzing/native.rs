//! Engines that run the code they make: x86-64, and Cranelift as the second opinion.
//!
//! x86-64 code is proved before it runs; Cranelift's is not of the subset that `check` knows, so it
//! runs on the strength of Cranelift alone, in tests only. Packets stand at the very end of a page,
//! and the page after it cannot be accessed: code that reads a byte too far does not live to tell.
#![expect(unsafe_code, reason = "the tests run the code they made")]

use alloc::vec::Vec;

use vcode::{
    Assembler, Target,
    exec::{Arena, Executable, Writable},
};

use super::{Packet, engines::Engine};
use crate::{
    check::{Policy, x64::prove},
    codegen::{self, Entry},
    trie::{GroupId, Set, Trie},
};

/// A backend whose output is code for this host.
pub trait Backend: Target {
    /// A new one.
    ///
    /// # Panics
    ///
    /// When this host has none.
    fn new() -> Self;

    /// The bytes of one function; nothing if the code generator passed a limit.
    ///
    /// # Panics
    ///
    /// When code that must be provable is not.
    fn bytes(trie: &Trie, entry: Entry, assembler: &mut Assembler<Self>) -> Option<Vec<u8>>
    where
        Self: Sized;
}

impl Backend for vcode::x64::X64 {
    fn new() -> Self {
        Self::new()
    }

    fn bytes(trie: &Trie, entry: Entry, assembler: &mut Assembler<Self>) -> Option<Vec<u8>> {
        let code = codegen::emit(trie, entry, assembler).ok()?;
        let policy = Policy::filter(&codegen::tables(trie));
        let proved =
            prove(code.bytes(), &policy).unwrap_or_else(|refusal| panic!("{refusal}\n{trie}"));
        Some(proved.code().into())
    }
}

#[cfg(feature = "clif")]
impl Backend for vcode::clif::Clif {
    fn new() -> Self {
        Self::host().unwrap_or_else(|error| panic!("{error}"))
    }

    fn bytes(trie: &Trie, entry: Entry, assembler: &mut Assembler<Self>) -> Option<Vec<u8>> {
        codegen::emit(trie, entry, assembler).ok()
    }
}

/// Runs the code of one backend.
#[derive(Debug)]
pub struct Native<B> {
    assembler: Assembler<B>,
    arena: Arena,
    packet: Guarded,
    best: Option<Executable>,
    each: Vec<Executable>,
    /// Filters of the set that is loaded.
    filters: u64,
    /// Loads to do without this engine, for each that is done with it: 0 for none.
    skip: u32,
    loads: u32,
    /// Packets classified.
    pub packets: u64,
    /// Pairs of a filter and a packet that were asked about.
    pub pairs: u64,
    /// Tries that passed a limit of the code generator.
    pub refused: u64,
}

impl<B: Backend> Native<B> {
    /// An engine that does without `skip` tries after each that it takes.
    ///
    /// # Panics
    ///
    /// When there is no memory for code.
    pub fn new(skip: u32) -> Self {
        let arena = Arena::reserve(256 << 20).unwrap_or_else(|error| panic!("{error}"));
        let assembler = Assembler::new(B::new());
        Self {
            assembler,
            arena,
            packet: Guarded::new(),
            best: None,
            each: Vec::new(),
            filters: 0,
            skip,
            loads: 0,
            packets: 0,
            pairs: 0,
            refused: 0,
        }
    }

    fn compile(&mut self, trie: &Trie, entry: Entry) -> Option<Executable> {
        let Some(bytes) = B::bytes(trie, entry, &mut self.assembler) else {
            self.refused += 1;
            return None;
        };
        Some(
            self.arena
                .publish(&bytes)
                .unwrap_or_else(|error| panic!("{error}")),
        )
    }
}

impl<B: Backend> Engine for Native<B> {
    fn load(&mut self, set: &Set) -> bool {
        self.loads += 1;
        if !self.loads.is_multiple_of(self.skip + 1) {
            return false;
        }
        self.each.clear();
        self.filters = set.len() as u64;
        self.best = self.compile(set.trie(), Entry::Best);
        for group in 0..set.trie().groups().len() as u32 {
            let Some(code) = self.compile(set.trie(), Entry::Group(GroupId(group))) else {
                return false;
            };
            self.each.push(code);
        }
        self.best.is_some()
    }

    fn classify(&mut self, packet: &Packet) -> Option<u32> {
        self.packets += 1;
        self.pairs += self.filters;
        let address = self.packet.place(&packet.bytes);
        call(self.best.as_ref()?, address, packet)
    }

    fn classify_all(&mut self, packet: &Packet) -> Vec<u32> {
        let address = self.packet.place(&packet.bytes);
        let mut all: Vec<u32> = self
            .each
            .iter()
            .filter_map(|code| call(code, address, packet))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Pages for one packet, which ends where they end; what follows them is not accessible.
#[derive(Debug)]
struct Guarded(Writable);

impl Guarded {
    /// The longest packet, in bytes: the longest that captures hold.
    const MOST: usize = 1 << 18;

    fn new() -> Self {
        // An arena hands out its first pages first; those after them stay as they were reserved.
        let arena = Arena::reserve(2 * Self::MOST);
        let pages = arena.and_then(|arena| arena.writable(Self::MOST));
        Guarded(pages.unwrap_or_else(|error| panic!("{error}")))
    }

    /// Copies the packet to the end; its address.
    fn place(&mut self, packet: &[u8]) -> *const u8 {
        let pages = self.0.bytes_mut();
        let at = pages.len().checked_sub(packet.len());
        let room = &mut pages[at.unwrap_or_else(|| panic!("a packet of {} bytes", packet.len()))..];
        room.copy_from_slice(packet);
        room.as_ptr()
    }
}

/// Calls the code on the packet, whose bytes stand at `address`.
fn call(code: &Executable, address: *const u8, packet: &Packet) -> Option<u32> {
    // The upper halves of 32-bit arguments may hold anything.
    let len = packet.bytes.len() as u64 | 0xdead << 32;
    let arguments = [
        address as u64,
        len,
        u64::from(packet.wirelen) | 0xbeef << 32,
    ];
    // SAFETY: the code is a C function of a packet and two lengths, whose tables the set that it was
    // loaded from keeps; x86-64 code was proved, and Cranelift's is what the same trie says.
    let found = unsafe { code.call(&arguments) } as u32;
    found.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the system says of the byte after the packet.
    #[test]
    fn the_byte_after_a_packet_is_not_accessible() {
        let mut guarded = Guarded::new();
        for packet in [&[7; 60][..], &[], &[1; Guarded::MOST]] {
            let address = guarded.place(packet) as usize;
            assert_eq!(protection(address + packet.len()), "---p");
            assert!(packet.is_empty() || protection(address + packet.len() - 1) == "rw-p");
        }
    }

    fn protection(address: usize) -> std::string::String {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let range = |line: &str| {
            let (range, rest) = line.split_once(' ')?;
            let (from, to) = range.split_once('-')?;
            let number = |text| usize::from_str_radix(text, 16).ok();
            let holds = (number(from)?..number(to)?).contains(&address);
            holds.then(|| rest.chars().take(4).collect())
        };
        maps.lines().find_map(range).unwrap_or_default()
    }
}
