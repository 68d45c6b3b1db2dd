//! Why no code was made.

use core::fmt;

/// Why no code was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The code would have `given` pieces; `limit` are allowed.
    Nodes {
        /// How many.
        given: u64,
        /// How many may be.
        limit: u64,
    },
    /// Registers of the target have `given` bits; the trie is for a machine with `limit`.
    Word {
        /// Bits of the target's registers.
        given: u64,
        /// Bits of the machine's.
        limit: u64,
    },
    /// The emitter refused: too many registers, too much code.
    Emitter(vcode::Error),
    /// There was no memory for the vectors of a block.
    NoVectors,
}

impl Error {
    pub(super) const fn nodes(given: usize, limit: usize) -> Self {
        Error {
            kind: ErrorKind::Nodes {
                given: given as u64,
                limit: limit as u64,
            },
        }
    }

    pub(super) const fn new(kind: ErrorKind) -> Self {
        Error { kind }
    }

    pub(super) const fn word(given: u32, limit: u32) -> Self {
        Error {
            kind: ErrorKind::Word {
                given: given as u64,
                limit: limit as u64,
            },
        }
    }

    /// Whether the machine has fewer registers than were asked for at once.
    pub(super) fn is_registers(&self) -> bool {
        matches!(self.kind, ErrorKind::Emitter(error) if error.kind() == vcode::ErrorKind::OutOfRegisters)
    }

    /// What went wrong.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl From<vcode::Error> for Error {
    fn from(error: vcode::Error) -> Self {
        Error {
            kind: ErrorKind::Emitter(error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Nodes { given, limit } => {
                write!(f, "code of {given} pieces; {limit} are allowed")
            }
            ErrorKind::Word { given, limit } => write!(
                f,
                "a target of {given}-bit registers; the tables are for one of {limit} bits"
            ),
            ErrorKind::Emitter(error) => write!(f, "{error}"),
            ErrorKind::NoVectors => write!(f, "no memory for the vectors of a block"),
        }
    }
}

impl core::error::Error for Error {}
