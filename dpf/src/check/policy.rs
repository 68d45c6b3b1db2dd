//! What code may do: the tables it may read, the stack it may use, how long it may run.

use alloc::{string::String, vec, vec::Vec};

use crate::codegen;

/// What emitted code is proved against.
///
/// Every entry point is a function `(packet, len, wirelen) → u32` in the C convention of the
/// machine. Its caller promises that `len` bytes can be read at `packet`, and that no address
/// between them, nor up to 2⁴⁰ bytes beyond (on MIPS: 2²⁴), wraps. On MIPS it also promises that
/// packets are no longer than [`mips::MAX_PACKET`](super::mips::MAX_PACKET), and that
/// the aligned words of which a packet or table has but a part may be read: where memory is
/// protected by pages, nothing else is possible.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Offsets of the functions in the code.
    pub entries: Vec<usize>,
    /// Memory besides the packet that the code may read.
    pub tables: Vec<Table>,
    /// Bytes of stack below the return address that the code may use.
    pub frame: u32,
    /// The most instructions that a call may execute.
    pub longest_path: u32,
    /// How packets stand in memory. Machines that load from any address do not ask.
    pub packet: Alignment,
}

/// What the caller promises of every packet's address, modulo four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alignment {
    /// Nothing.
    #[default]
    Unknown,
    /// It is a multiple of four.
    Word,
    /// It is two more than a multiple of four: behind an Ethernet header stands an aligned word.
    WordPlusTwo,
}

/// Bytes of stack that a filter function may use: room for every preserved register, and some.
pub const FILTER_FRAME: u32 = 256;
/// The most instructions that one call of a filter function may execute.
pub const FILTER_PATH: u32 = 1 << 20;

impl Policy {
    /// What a filter function, at the start of its code, is proved against.
    pub fn filter(tables: &[codegen::Table]) -> Self {
        Self {
            entries: vec![0],
            tables: tables.iter().map(Table::from).collect(),
            frame: FILTER_FRAME,
            longest_path: FILTER_PATH,
            packet: Alignment::Unknown,
        }
    }
}

/// Memory that code may read, at an address that stays valid as long as the code can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// For reports.
    pub name: String,
    /// Where it starts.
    pub address: u64,
    /// How many bytes.
    pub length: u64,
}

impl From<&codegen::Table> for Table {
    fn from(table: &codegen::Table) -> Self {
        Self {
            name: table.name.clone(),
            address: table.memory.address(),
            length: table.memory.bytes(),
        }
    }
}

/// The memory that a proof may lean on, in order of addresses.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// First byte and one past the last.
    ranges: Vec<(u64, u64)>,
}

impl Tables {
    /// Nothing where memory does not suffice.
    pub(crate) fn new(tables: &[Table]) -> Option<Self> {
        let end = |table: &Table| table.address.saturating_add(table.length);
        let mut ranges = Vec::new();
        ranges.try_reserve_exact(tables.len()).ok()?;
        ranges.extend(tables.iter().map(|table| (table.address, end(table))));
        ranges.sort_unstable();
        Some(Self { ranges })
    }

    /// Whether `bytes` bytes at every address from `low` to `high` are of one table.
    pub(crate) fn hold(&self, low: u64, high: u64, bytes: u32) -> bool {
        let Some(end) = high.checked_add(bytes.into()) else {
            return false;
        };
        let candidates = self.ranges.partition_point(|&(start, _)| start <= low);
        self.ranges[..candidates]
            .last()
            .is_some_and(|&(_, last)| end <= last)
    }
}
