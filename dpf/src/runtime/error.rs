//! Why a `Demux` refused something. What was refused left no trace.

use super::{ClaimError, FilterId, Owner};
use crate::{check, codegen, overlap, trie};
use alloc::boxed::Box;
use core::fmt;

/// Why a filter was not installed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum InstallError {
    /// The claim does not exist or is somebody else's.
    Claim(ClaimError),
    /// The filter reaches beyond the claim it rests on.
    OutsideClaim {
        /// A packet that the filter accepts and the claim does not cover.
        witness: Box<overlap::Witness>,
    },
    /// The filter shares packets with an installed one, and neither is meant to win.
    Overlap {
        /// The installed filter.
        with: FilterId,
        /// Whose it is.
        owner: Owner,
        /// How the new filter relates to it.
        how: OverlapKind,
        /// A packet that both accept.
        witness: Box<overlap::Witness>,
    },
    /// Whether the filter overlaps another cannot be told within the budget.
    CannotTell(overlap::CannotTell),
    /// The priority is out of range.
    Priority {
        /// What was given.
        given: i32,
        /// The largest absolute value allowed.
        limit: i32,
    },
    /// Too many filters of one owner and priority, each inside the next.
    Levels {
        /// What was asked for.
        given: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Too many filters were ever installed; names are not reused.
    Filters {
        /// What was asked for.
        given: u64,
        /// What is allowed.
        limit: u64,
    },
    /// The merged trie has no room for it.
    Trie(trie::Error),
    /// Its code could not be made.
    Code(CodeError),
}

/// How a refused filter relates to the installed one it collides with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverlapKind {
    /// They accept the same packets.
    Equal,
    /// Each accepts packets that the other does not.
    Crossing,
    /// One contains the other, and they belong to different owners without a grant between them.
    Foreign,
}

/// Why no code could be made. The present code goes on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CodeError {
    /// The code generator passed a limit.
    Emit(codegen::Error),
    /// The proof of safety failed: a defect of the compiler, caught before it could do harm.
    Refused(check::Refusal),
    /// No executable memory.
    Memory(vcode::Error),
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(error) => error.fmt(f),
            Self::OutsideClaim { .. } => {
                f.write_str("the filter accepts packets outside its claim")
            }
            Self::Overlap {
                with, owner, how, ..
            } => {
                let how = match how {
                    OverlapKind::Equal => "accepts the same packets as",
                    OverlapKind::Crossing => "overlaps, without containing or being contained in,",
                    OverlapKind::Foreign => "shares packets without a grant with",
                };
                write!(f, "the filter {how} {with} of owner {}", owner.0)
            }
            Self::CannotTell(reason) => write!(f, "whether the filter overlaps another: {reason}"),
            Self::Priority { given, limit } => {
                write!(
                    f,
                    "priority {given}; priorities are from -{limit} to {limit}"
                )
            }
            Self::Levels { given, limit } => {
                write!(
                    f,
                    "{given} filters around one, each inside the next; {limit} are allowed"
                )
            }
            Self::Filters { given, limit } => {
                write!(f, "{given} filters were installed; {limit} are allowed")
            }
            Self::Trie(error) => error.fmt(f),
            Self::Code(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Emit(error) => error.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for InstallError {}
impl core::error::Error for CodeError {}

impl From<ClaimError> for InstallError {
    fn from(error: ClaimError) -> Self {
        Self::Claim(error)
    }
}

impl From<overlap::CannotTell> for InstallError {
    fn from(reason: overlap::CannotTell) -> Self {
        Self::CannotTell(reason)
    }
}

impl From<trie::Error> for InstallError {
    fn from(error: trie::Error) -> Self {
        Self::Trie(error)
    }
}

impl From<CodeError> for InstallError {
    fn from(error: CodeError) -> Self {
        Self::Code(error)
    }
}
