//! Why a filter cannot be installed.

use core::fmt;

/// Why the set refused a filter. The set is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    given: u64,
    limit: u64,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Entry number `given`; the largest is `limit`.
    Entry,
    /// The entry `given` is installed already.
    EntryInUse,
    /// Rank `given`; the largest is `limit`.
    Rank,
    /// `given` different shapes; the set may have `limit`.
    Groups,
    /// `given` residual formulas in one build; `limit` are allowed.
    Formulas,
    /// `given` steps of the trie; `limit` are allowed.
    Steps,
    /// `given` tests, one after the other; `limit` are allowed.
    Decisions,
    /// `given` bases of headers in use at once; `limit` are allowed.
    Bases,
    /// Keys collide beyond `limit` look-ups, or there is no memory for `given` of them.
    Memory,
    /// `given` rules would stand in blocks; `limit` may.
    Listed,
    /// The rules of a block test `given` fields; `limit` are allowed.
    Axes,
    /// The blocks' vectors would take more than `given` bytes, or so many; `limit` are allowed.
    Vectors,
}

impl Error {
    pub(crate) const fn limit(kind: ErrorKind, given: u64, limit: u64) -> Self {
        Error { kind, given, limit }
    }

    /// What kind of error it is.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was given, in the unit of the kind.
    pub const fn given(&self) -> u64 {
        self.given
    }

    /// What is allowed, in the unit of the kind.
    pub const fn allowed(&self) -> u64 {
        self.limit
    }

    /// Whether a smaller trie for the same filters might pass.
    pub(super) const fn is_size(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Formulas | ErrorKind::Steps | ErrorKind::Decisions
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (given, limit) = (self.given, self.limit);
        match self.kind {
            ErrorKind::Entry => write!(f, "entry number {given}; the largest is {limit}"),
            ErrorKind::EntryInUse => write!(f, "entry {given} is installed already"),
            ErrorKind::Rank => write!(f, "rank {given}; the largest is {limit}"),
            ErrorKind::Groups => write!(f, "{given} shapes of filters; {limit} are allowed"),
            ErrorKind::Formulas => write!(f, "{given} residual formulas; {limit} are allowed"),
            ErrorKind::Steps => write!(f, "a trie of {given} steps; {limit} are allowed"),
            ErrorKind::Decisions => {
                write!(f, "{given} tests one after the other; {limit} are allowed")
            }
            ErrorKind::Bases => write!(
                f,
                "{given} header bases in use at once; {limit} are allowed"
            ),
            ErrorKind::Memory => write!(f, "no room for a table of {given} keys"),
            ErrorKind::Listed => write!(f, "{given} rules in blocks; {limit} are allowed"),
            ErrorKind::Axes => write!(f, "rules on {given} fields; {limit} are allowed"),
            ErrorKind::Vectors => write!(
                f,
                "{given} bytes and more of rule vectors; {limit} are allowed"
            ),
        }
    }
}

impl core::error::Error for Error {}
