//! What a proof says: what the code costs, or why it may not run.

use alloc::string::String;
use core::fmt;

/// What was proved of some code, besides that it is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The most instructions that one call executes, its return included.
    pub longest_path: u32,
    /// How many instructions can be reached.
    pub instructions: u32,
    /// How many bytes of stack are used.
    pub frame: u32,
    /// The most cycles that one call takes when every access finds its word in a cache and no store
    /// waits; unknown where the processor orders its work itself.
    pub cycles: Option<u32>,
}

/// Why code may not run: the first instruction that was not proved harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub(crate) offset: usize,
    pub(crate) instruction: String,
    pub(crate) reason: Reason,
}

impl Refusal {
    /// Where it stands in the code, in bytes from the start.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What stands there, disassembled; empty where there is no instruction.
    pub fn instruction(&self) -> &str {
        &self.instruction
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offset,
            instruction,
            reason,
        } = self;
        match instruction.as_str() {
            "" => write!(f, "emitted code refused at byte {offset}: {reason}"),
            _ => write!(
                f,
                "emitted code refused at byte {offset}, `{instruction}`: {reason}"
            ),
        }
    }
}

impl core::error::Error for Refusal {}

/// What could not be proved, or is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No instruction at all, or one cut off by the end of the code.
    NotAnInstruction,
    /// One that emitted code does not consist of.
    NotAllowed,
    /// A load from the packet; so many bytes from `low` to `high` past its start.
    PacketLoad { bytes: u32, low: i128, high: i128 },
    /// A load from an absolute address in this range.
    TableLoad { bytes: u32, low: u64, high: u64 },
    /// A load from elsewhere.
    Load { bytes: u32 },
    /// A store that is not into the frame.
    Store,
    /// Use of stack that is not the frame's, at this distance from its top.
    Frame { offset: i128, size: u32 },
    /// A load from the frame of bytes that not every path has written, at this distance from its top.
    Unwritten { offset: i64 },
    /// A stack pointer that is not known.
    StackPointer,
    /// A return that does not leave the stack pointer as it was.
    UnbalancedReturn,
    /// A return that does not restore what the caller had in this register.
    Clobbered { register: &'static str },
    /// A branch that does not go forward.
    Backward { target: i64 },
    /// A branch, or the end of the code, that leads out of the code.
    LeavesCode { target: u64 },
    /// A branch into this instruction.
    BranchInto { target: usize },
    /// A jump through a register or memory that is not a bounded table of jumps.
    UnboundedJump,
    /// A path with too many instructions.
    LongestPath { given: u32, limit: u32 },
    /// Too many bytes of code or entries.
    CodeSize { given: usize, limit: usize },
    /// An access of so many bytes whose address is not proved to be a multiple of that.
    Misaligned { bytes: u32 },
    /// A branch in the slot behind a branch.
    BranchInSlot,
    /// A branch that leads into the slot behind a branch.
    BranchIntoSlot,
    /// Use of what the instruction before loads.
    LoadDelay { register: &'static str },
    /// A return just behind a load.
    LoadOutlivesCall { register: &'static str },
    /// A write of HI or LO too soon after a move from them.
    HiLoDelay,
    /// Use of a register that is the operating system's.
    SystemRegister { register: &'static str },
    /// An entry that is not the address of an instruction.
    Entry { offset: usize },
    /// A proof that takes too many steps.
    Work { limit: u64 },
    /// A proof that needs more memory than there is or than it may use.
    Memory,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotAnInstruction => write!(f, "not a whole instruction"),
            Self::NotAllowed => write!(f, "not an instruction that emitted code consists of"),
            Self::PacketLoad { bytes, low, high } => write!(
                f,
                "load of {bytes} bytes at packet + {low}..={high} is not proved to lie inside"
            ),
            Self::TableLoad { bytes, low, high } => write!(
                f,
                "load of {bytes} bytes at {low:#x}..={high:#x} is not proved to lie in one table"
            ),
            Self::Load { bytes } => write!(
                f,
                "load of {bytes} bytes from an address that is neither packet, table nor frame"
            ),
            Self::Store => write!(f, "store outside the frame"),
            Self::Frame { offset, size } => {
                write!(
                    f,
                    "stack at {offset} bytes from the entry is outside the frame of {size}"
                )
            }
            Self::Unwritten { offset } => write!(
                f,
                "load of stack at {offset} bytes from the entry, which was not written before"
            ),
            Self::StackPointer => write!(f, "stack pointer lost"),
            Self::UnbalancedReturn => write!(f, "return with a moved stack pointer"),
            Self::Clobbered { register } => write!(f, "return with {register} not restored"),
            Self::Backward { target } => write!(f, "branch back to byte {target}"),
            Self::LeavesCode { target } => write!(f, "leads out of the code, to byte {target}"),
            Self::BranchInto { target } => write!(f, "a branch leads into it, to byte {target}"),
            Self::UnboundedJump => write!(f, "jump that is not through a bounded table"),
            Self::LongestPath { given, limit } => {
                write!(
                    f,
                    "{given} instructions on a path; at most {limit} are allowed"
                )
            }
            Self::CodeSize { given, limit } => {
                write!(f, "{given} bytes of code; at most {limit} are allowed")
            }
            Self::Misaligned { bytes } => write!(
                f,
                "address of {bytes} bytes is not proved to be a multiple of {bytes}"
            ),
            Self::BranchInSlot => write!(f, "branch in a delay slot"),
            Self::BranchIntoSlot => write!(f, "a branch leads into the delay slot of another"),
            Self::LoadDelay { register } => {
                write!(f, "{register} is used in the delay slot of its load")
            }
            Self::LoadOutlivesCall { register } => {
                write!(f, "return while {register} is being loaded")
            }
            Self::HiLoDelay => write!(f, "HI or LO written too soon after it was read"),
            Self::SystemRegister { register } => {
                write!(f, "{register} belongs to the operating system")
            }
            Self::Entry { offset } => write!(f, "no instruction begins at entry {offset}"),
            Self::Work { limit } => write!(f, "proof takes more than {limit} steps"),
            Self::Memory => write!(f, "too little memory for the proof"),
        }
    }
}
