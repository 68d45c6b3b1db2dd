//! The merged trie: a graph of decisions, and what its nodes say.
//!
//! Problem: one structure that a walker, a code generator and a printer can follow. Method: nodes
//! are [`Step`]s in one vector, children before parents, equal nodes shared. Bases are numbered
//! registers: base 0 is the start of the packet, others are set by [`Step::Shift`] and hold a byte
//! offset that has been checked against the captured length. A load in a test or an expression is
//! inside the packet on every path that reaches it, by [`Step::Captured`] above it, except where
//! an expression computes an address. A `Field`'s or load's `depth` is the number of a base here.
//! Left out: how keys are found, which is `dispatch`.

use alloc::boxed::Box;

use crate::dispatch::SetTest;
use crate::dispatch::Shared;
use crate::filter::{BinaryOp, CompareOp, Field, IntervalSet};

/// The index of a [`Step`] in its trie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub u32);

/// The index of a group in its trie: the installed filters of one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// A place in the packet: `add` bytes after base `var`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Base {
    /// Number of the base; 0 is the start of the packet.
    pub var: u8,
    /// Bytes after it.
    pub add: u32,
}

/// A node of the trie. `yes` and `no` are where to go on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Nothing more to decide.
    End,
    /// Is `var + end ≤ len`?
    Captured {
        /// Which base.
        var: u8,
        /// Bytes after it.
        end: u32,
        /// If so.
        yes: StepId,
        /// If not.
        no: StepId,
    },
    /// Is the field's value in the set? Its `depth` is the number of a base.
    Bits {
        /// What is loaded.
        field: Field,
        /// The values.
        set: Shared<IntervalSet>,
        /// How membership is tested: index into the trie's set tests.
        test: u32,
        /// If so.
        yes: StepId,
        /// If not.
        no: StepId,
    },
    /// Is a length in the set?
    Length {
        /// The original length instead of the captured one.
        wire: bool,
        /// The values.
        set: Shared<IntervalSet>,
        /// How membership is tested: index into the trie's set tests.
        test: u32,
        /// If so.
        yes: StepId,
        /// If not.
        no: StepId,
    },
    /// Does the comparison hold, all its loads being inside the packet?
    Compare {
        /// How.
        op: CompareOp,
        /// Left operand.
        left: Value,
        /// Right operand.
        right: Value,
        /// If so.
        yes: StepId,
        /// If not.
        no: StepId,
    },
    /// Set base `var` to `base + by`, if the loads of `by` and the result lie inside the packet.
    Shift {
        /// From where.
        base: Base,
        /// How far.
        by: Value,
        /// The base that is set.
        var: u8,
        /// If so.
        yes: StepId,
        /// If not; no base is set.
        no: StepId,
    },
    /// Look the packet up in a group's table, its frames being at these places, and go on.
    Probe {
        /// Which group.
        group: GroupId,
        /// Where the frames of its shape are.
        frames: Box<[Base]>,
        /// Then.
        next: StepId,
    },
    /// Find the first rule of a block that holds, and go on.
    Block {
        /// Index into the trie's blocks.
        block: u32,
        /// Then.
        next: StepId,
    },
    /// One after the other.
    Seq(Box<[StepId]>),
}

/// An unsigned 32-bit expression over bases; arithmetic wraps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A number.
    Const(u32),
    /// `bytes` bytes at `var + at + index`, the sum taken in 64 bits.
    Load {
        /// Which base.
        var: u8,
        /// Constant part of the offset.
        at: u32,
        /// Computed part.
        index: Option<Box<Value>>,
        /// How many bytes, 1 to 4.
        bytes: u8,
        /// Little-endian instead of network order.
        little: bool,
    },
    /// The captured length.
    Len,
    /// The original length.
    WireLen,
    /// Two operands.
    Binary(BinaryOp, Box<Value>, Box<Value>),
}

impl Step {
    /// The steps that may follow directly.
    pub fn successors(&self) -> impl Iterator<Item = StepId> + '_ {
        let (pair, list): ([Option<StepId>; 2], &[StepId]) = match self {
            Step::End => ([None, None], &[]),
            Step::Captured { yes, no, .. }
            | Step::Bits { yes, no, .. }
            | Step::Length { yes, no, .. }
            | Step::Compare { yes, no, .. }
            | Step::Shift { yes, no, .. } => ([Some(*yes), Some(*no)], &[]),
            Step::Probe { next, .. } | Step::Block { next, .. } => ([Some(*next), None], &[]),
            Step::Seq(parts) => ([None, None], parts),
        };
        pair.into_iter().flatten().chain(list.iter().copied())
    }
}

impl Value {
    /// Calls `visit` with every load.
    pub fn loads(&self, visit: &mut dyn FnMut(&Value)) {
        match self {
            Value::Load { index, .. } => {
                visit(self);
                if let Some(index) = index {
                    index.loads(visit);
                }
            }
            Value::Binary(_, left, right) => {
                left.loads(visit);
                right.loads(visit);
            }
            Value::Const(_) | Value::Len | Value::WireLen => {}
        }
    }

    /// Whether the original length is asked for. As deep as the expression.
    pub fn mentions_wirelen(&self) -> bool {
        match self {
            Value::WireLen => true,
            Value::Binary(_, left, right) => left.mentions_wirelen() || right.mentions_wirelen(),
            Value::Load {
                index: Some(index), ..
            } => index.mentions_wirelen(),
            Value::Load { .. } | Value::Const(_) | Value::Len => false,
        }
    }

    /// Whether some address is computed.
    pub fn is_indirect(&self) -> bool {
        let mut found = false;
        self.loads(&mut |load| found |= matches!(load, Value::Load { index: Some(_), .. }));
        found
    }
}

/// The test of a set, as the trie keeps it.
#[derive(Clone, Debug)]
pub struct SetUse {
    /// How membership is tested.
    pub test: SetTest,
}
