//! What can go wrong while code is made, and by how much.
//!
//! Problem: a client must learn what it gave and what would have been allowed. Method: one opaque
//! [`Error`]: a kind, the value given and the limit it broke. Instructions do not return it one by
//! one: the first error is kept, nothing after it counts, and
//! [`Assembler::end`](crate::Assembler::end) returns it.

use core::fmt;

/// Why no code was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    given: u64,
    limit: u64,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No register of the class is free; `given` registers asked for, `limit` exist.
    OutOfRegisters,
    /// A register was put back that is not in use; `given` is its number.
    RegisterNotInUse,
    /// A label was used and never bound; `given` is its index, `limit` the labels bound.
    UnboundLabel,
    /// A label was bound twice; `given` is its index.
    LabelBoundTwice,
    /// A label of another function; `given` is its index, `limit` the labels of this function.
    ForeignLabel,
    /// A branch or table reaches `given` bytes; the encoding allows `limit`.
    DisplacementRange,
    /// The code needs at least `given` bytes; the buffer may have `limit`.
    BufferLimit,
    /// The frame needs `given` bytes; it may have `limit`.
    FrameLimit,
    /// `given` parameters or arguments; the target takes `limit`.
    TooManyArguments,
    /// A jump table of `given` labels; it may have `limit`.
    TableLimit,
    /// A function with `given` labels; it may have `limit`.
    LabelLimit,
    /// A call in a function that was declared a leaf.
    CallInLeaf,
    /// An instruction outside `begin` … `end`, or a `begin` inside.
    NotInFunction,
    /// The code falls off its end: `given` is the last position.
    NoReturn,
    /// The instruction is not in the list of portable instructions.
    NotInList,
    /// The instruction in a delay slot writes register `given`, which its branch reads.
    DelayHazard,
    /// The instruction may not stand in a delay slot.
    NotDelayable,
    /// The compiler behind the target refused; see its documentation.
    Backend,
    /// The code refers to `given` addresses to be filled in later; `limit` may.
    Relocations,
    /// The operating system refused memory; `given` bytes asked for, `limit` reserved.
    Memory,
}

impl Error {
    /// An error of this kind; for implementors of [`crate::Target`].
    #[must_use]
    pub const fn new(kind: ErrorKind, given: u64, limit: u64) -> Self {
        Self { kind, given, limit }
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was given, in the unit of the kind.
    #[must_use]
    pub const fn given(&self) -> u64 {
        self.given
    }

    /// What is allowed, in the unit of the kind.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (given, limit) = (self.given, self.limit);
        match self.kind {
            ErrorKind::OutOfRegisters => write!(
                f,
                "out of registers: {given} asked for, the class has {limit}"
            ),
            ErrorKind::RegisterNotInUse => {
                write!(f, "register {given} was put back but is not in use")
            }
            ErrorKind::UnboundLabel => write!(
                f,
                "label {given} is used but not bound ({limit} labels are)"
            ),
            ErrorKind::LabelBoundTwice => write!(f, "label {given} is bound twice"),
            ErrorKind::ForeignLabel => write!(
                f,
                "label {given} is not of this function, which has {limit}"
            ),
            ErrorKind::DisplacementRange => write!(
                f,
                "displacement of {given} bytes, the encoding reaches {limit}"
            ),
            ErrorKind::BufferLimit => {
                write!(f, "code of at least {given} bytes, the limit is {limit}")
            }
            ErrorKind::FrameLimit => write!(f, "frame of {given} bytes, the limit is {limit}"),
            ErrorKind::TooManyArguments => write!(f, "{given} arguments, the target takes {limit}"),
            ErrorKind::TableLimit => {
                write!(f, "jump table of {given} labels, the limit is {limit}")
            }
            ErrorKind::LabelLimit => write!(f, "{given} labels, the limit is {limit}"),
            ErrorKind::CallInLeaf => write!(f, "call in a leaf function"),
            ErrorKind::NotInFunction => write!(
                f,
                "instruction outside a function, or a function inside another"
            ),
            ErrorKind::NoReturn => {
                write!(f, "control falls off the end of the code, after {given}")
            }
            ErrorKind::NotInList => write!(f, "not a portable instruction"),
            ErrorKind::DelayHazard => write!(
                f,
                "delay slot writes register {given}, which its branch reads"
            ),
            ErrorKind::NotDelayable => write!(f, "instruction cannot stand in a delay slot"),
            ErrorKind::Backend => write!(f, "the compiler behind the target refused the code"),
            ErrorKind::Relocations => write!(f, "{given} relocations, the limit is {limit}"),
            ErrorKind::Memory => write!(
                f,
                "no executable memory: {given} bytes asked for, {limit} reserved"
            ),
        }
    }
}

impl core::error::Error for Error {}
