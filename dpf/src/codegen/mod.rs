//! From the trie to code, through the portable emitter.
//!
//! Problem: a few nanoseconds, or two dozen cycles of a R3000, for a packet, whatever the number of filters, and code that can be
//! proved harmless. Method: the steps of the trie in an order in which every branch goes forward,
//! each a load, a test against immediates in the packet's own byte order, and a branch that most
//! traffic takes alike; look-ups of keys select by conditional moves. Tests of neighbouring fields
//! become one, and chains of tests of one field load it once (`flow`). Every load from the packet
//! stands behind a comparison of the captured length; every index into a table is masked first.
//! Where branches have delay slots, straight runs of tests are scheduled (`run`). The target's word
//! and order of bytes are those of the trie's [`Machine`](crate::dispatch::Machine).
//!
//! The function made is `extern "C" fn(packet: *const u8, len: u32, wirelen: u32) -> u32`: the
//! entry plus 1, or 0. It loads from the packet and the [`tables`] only. Where words have 32 bits, a
//! packet is at most [`MAX_NARROW_PACKET`] bytes long. Left out: pages, proof
//! and publication, which are `runtime`'s.

mod align;
mod block;
mod emit;
mod error;
mod expr;
mod flow;
mod home;
#[cfg(test)]
mod mips_tests;
mod probe;
mod run;
mod schedule;
mod sets;
#[cfg(all(test, feature = "std", target_arch = "x86_64"))]
mod tests;

use alloc::{string::String, vec::Vec};

use vcode::{Assembler, Signature, Target, Ty};

pub use error::{Error, ErrorKind};
pub use flow::MAX_NODES;

use crate::dispatch::{Memory, Shared};
use crate::trie::{GroupId, Lookup, StepId, Trie};

/// The signature of every function made: packet, captured length, original length; entry plus 1.
pub const SIGNATURE: Signature<'static> = Signature {
    params: &[Ty::P, Ty::U, Ty::U],
    result: Some(Ty::U),
    leaf: true,
};

/// The longest packet that code for 32-bit machines is given, in bytes.
pub const MAX_NARROW_PACKET: u32 = 1 << 29;

/// Which function to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// Finds the winner over all groups.
    Best,
    /// Finds the member of one group that accepts the packet.
    Group(GroupId),
}

/// A table that code reads. Code may run as long as its tables live.
#[derive(Clone, Debug)]
pub struct Table {
    /// What it is, for listings.
    pub name: String,
    /// Where it is and how long, and what keeps it alive.
    pub memory: Shared<Memory>,
}

/// Emits one function.
///
/// # Errors
///
/// When the emitter refuses, or the code would pass a limit.
pub fn emit<'a, T: Target>(
    trie: &Trie,
    entry: Entry,
    asm: &'a mut Assembler<T>,
) -> Result<T::Output<'a>, Error> {
    emit_at(trie, entry, &Memory::address, asm)
}

/// Emits one function for a machine that has the tables elsewhere: where `places` says.
///
/// # Errors
///
/// As [`emit`].
pub fn emit_at<'a, T: Target>(
    trie: &Trie,
    entry: Entry,
    places: &dyn Fn(&Memory) -> u64,
    asm: &'a mut Assembler<T>,
) -> Result<T::Output<'a>, Error> {
    let word_bits = trie.machine().word_bits();
    if word_bits != T::WORD_BITS {
        return Err(Error::word(T::WORD_BITS, word_bits));
    }
    emit::function(trie, root(trie, entry), places, asm)?;
    asm.end().map_err(Error::from)
}

/// Every table that the functions of this trie may read.
pub fn tables(trie: &Trie) -> Vec<Table> {
    let mut tables = Vec::new();
    for (number, group) in trie.groups().iter().enumerate() {
        if let Lookup::Table(table) = &group.lookup {
            tables.extend(table.memories().map(|(part, memory)| Table {
                name: alloc::format!("group {number}{part}"),
                memory: memory.clone(),
            }));
        }
    }
    for (number, block) in trie.blocks().iter().enumerate() {
        let vectors = block.vectors();
        tables.extend(vectors.map(|vectors| Table {
            name: alloc::format!("block {number}"),
            memory: vectors.memory().clone(),
        }));
    }
    for (number, set) in trie.sets().iter().enumerate() {
        let memory = set.test.memory().cloned();
        tables.extend(memory.map(|memory| Table {
            name: alloc::format!("set {number}"),
            memory,
        }));
    }
    tables
}

fn root(trie: &Trie, entry: Entry) -> StepId {
    match entry {
        Entry::Best => trie.best(),
        Entry::Group(group) => trie
            .each()
            .get(group.0 as usize)
            .copied()
            .unwrap_or(trie.best()),
    }
}
