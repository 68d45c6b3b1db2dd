//! Why a filter was refused, and the limits that refuse it.

use core::fmt;

/// Nodes of one finished filter.
pub const MAX_NODES: usize = 1 << 18;
/// Nodes of one pool, which may hold the work of many filters.
pub const MAX_POOL_NODES: usize = 1 << 24;
/// Operands of one `And` or `Or`.
pub const MAX_WIDTH: usize = 1 << 17;
/// Intervals of one set.
pub const MAX_INTERVALS: usize = 1 << 17;
/// Levels of nodes, one above the other.
pub const MAX_HEIGHT: usize = 256;
/// `Shift`s, one inside the other; also the largest depth of a load, and one more.
pub const MAX_SHIFTS: usize = 48;
/// Different ways through the `Shift`s of one filter, counted with everything they reach.
pub const MAX_PATHS: usize = 1 << 20;
/// Operators and operands of one expression.
pub const MAX_EXPR: usize = 64;
/// Constant offset of a load, and end of a captured region, in bytes.
pub const MAX_OFFSET: u32 = (1 << 24) - 1;

/// Why a filter cannot be built, decoded or parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind) -> Self {
        Error { kind }
    }

    pub(crate) fn limit(what: &'static str, given: usize, limit: usize) -> Self {
        Error {
            kind: ErrorKind::Limit {
                what,
                given: given as u64,
                limit: limit as u64,
            },
        }
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// The ways in which a filter can be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Something is larger than a named limit.
    Limit {
        /// What was counted.
        what: &'static str,
        /// How much of it there was, or how much had been seen when counting stopped.
        given: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// A load names a base outside the root.
    UnboundBase,
    /// A value of a type that has no meaning: a load of no or more than four bytes, a mask wider than its field.
    Malformed,
    /// A binary filter is damaged.
    Encoding {
        /// The byte at which the decoder stopped.
        at: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// A binary filter, or nodes given as a filter, mean something but are not the canonical form of it.
    NotCanonical,
    /// The text of a canonical filter is wrong.
    Text {
        /// The byte at which the parser stopped.
        at: usize,
        /// What was expected there.
        expected: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Limit { what, given, limit } => {
                write!(f, "too many {what}: {given} given, {limit} allowed")
            }
            ErrorKind::UnboundBase => f.write_str("a load names a base outside the filter"),
            ErrorKind::Malformed => f.write_str("a load or mask has no meaning"),
            ErrorKind::Encoding { at, expected } => {
                write!(f, "binary filter, byte {at}: expected {expected}")
            }
            ErrorKind::NotCanonical => f.write_str("the filter is not in canonical form"),
            ErrorKind::Text { at, expected } => {
                write!(f, "filter text, byte {at}: expected {expected}")
            }
        }
    }
}

impl core::error::Error for Error {}
