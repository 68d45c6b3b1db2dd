//! One conjunctive filter, described once for every engine.
//!
//! The engines compared here speak different languages. So that they do the same work, each
//! translates the same description: headers one after the other, cells to test in each, and how
//! long each header is. [`Conjunction::accepts`] is what the description means, done the obvious
//! way; every engine is checked against it.
//!
//! Left out: disjunctions, ranges and negation, which the older engines cannot say.

use alloc::vec::Vec;
use core::fmt;

/// A filter: the cells of every header must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conjunction {
    /// The headers, outermost first.
    pub headers: Vec<Header>,
}

/// One header of a [`Conjunction`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What is tested in it.
    pub cells: Vec<Cell>,
    /// How far the next header is from this one.
    pub length: Length,
}

/// A field that must have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The field.
    pub field: Field,
    /// What the field must be.
    pub value: u32,
    /// Whether filters of this kind differ in this value, which makes the field a key.
    pub key: bool,
}

/// Consecutive bytes of a header, big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Bytes from the header's start.
    pub offset: u16,
    /// 1, 2 or 4 bytes.
    pub bytes: u8,
}

/// The distance from a header to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many bytes.
    Fixed(u16),
    /// Four times the low four bits of the header's first byte, as in IPv4.
    InternetHeader,
}

impl Conjunction {
    /// Whether the packet satisfies every cell; a cell outside the packet does not hold.
    pub fn accepts(&self, packet: &[u8]) -> bool {
        let mut base = 0;
        for header in &self.headers {
            let holds = |cell: &Cell| cell.field.load(packet, base) == Some(cell.value);
            if !header.cells.iter().all(holds) {
                return false;
            }
            match header.length.of(packet, base) {
                Some(length) => base += length,
                None => return false,
            }
        }
        true
    }
}

/// In the paper's notation, which is also that of the `dpf` language.
impl fmt::Display for Conjunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (index, header) in self.headers.iter().enumerate() {
            for Cell { field, value, .. } in &header.cells {
                let Field { offset, bytes } = field;
                write!(f, "{separator}{offset}:{} == {value}", 8 * bytes)?;
                separator = " && ";
            }
            if index + 1 < self.headers.len() {
                match header.length {
                    Length::Fixed(length) => write!(f, "{separator}shift({length})")?,
                    Length::InternetHeader => write!(f, "{separator}shift((0:8 & 0xf) << 2)")?,
                }
                separator = " && ";
            }
        }
        Ok(())
    }
}

impl Field {
    /// The field's value in the header at `base`, or nothing if it is not wholly captured.
    pub fn load(self, packet: &[u8], base: usize) -> Option<u32> {
        let start = base + usize::from(self.offset);
        let bytes = packet.get(start..start + usize::from(self.bytes))?;
        Some(
            bytes
                .iter()
                .fold(0, |value, byte| value << 8 | u32::from(*byte)),
        )
    }
}

impl Length {
    /// The length in bytes of the header at `base`, or nothing if its first byte is missing.
    pub fn of(self, packet: &[u8], base: usize) -> Option<usize> {
        match self {
            Self::Fixed(length) => Some(usize::from(length)),
            Self::InternetHeader => packet.get(base).map(|byte| usize::from(byte & 0xf) * 4),
        }
    }
}
