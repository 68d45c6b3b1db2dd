//! The data of the canonical form. Construction, simplification and checking are in `pool`.

use alloc::{boxed::Box, vec::Vec};

/// The index of a node in its [`Filter`] or pool. Children have smaller indices than parents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// One filter in canonical form: a graph of nodes, children before parents, without duplicates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    pub(crate) nodes: Box<[Node]>,
    pub(crate) root: NodeId,
}

impl Filter {
    /// The nodes, children before parents; every one is reachable from the root.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node whose truth at base 0 is the filter's.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// The node that `id` names.
    ///
    /// # Panics
    ///
    /// When `id` is of another filter.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// Accepts every packet.
    True,
    /// Accepts none.
    False,
    /// A condition on the packet.
    Test(Test),
    /// All hold. At least two children, ascending, no duplicate, none of them an `And` or a
    /// constant. Fixed bits of one base are merged into one `Test::Bits` for each run of
    /// consecutive bytes, cut every four bytes from its start (see `pool`).
    And(Box<[NodeId]>),
    /// At least one holds. At least two children, ascending, no duplicate, none of them an `Or`
    /// or a constant. Sets of one field are merged into one `Test::Bits`.
    Or(Box<[NodeId]>),
    /// `then` holds with the base moved forward by `by` bytes, which must not pass the end.
    Shift {
        /// The distance, evaluated at the old base.
        by: Expr,
        /// What must hold at the new base.
        then: NodeId,
    },
}

/// A condition on a packet. True only where all its loads lie inside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test {
    /// `base(depth) + end ≤ len`: so many bytes were captured.
    Captured {
        /// Which base.
        depth: u8,
        /// How many bytes from it.
        end: u32,
    },
    /// The field's value is in the set. The set is neither empty nor full.
    Bits {
        /// What is loaded.
        field: Field,
        /// The values accepted, right-justified as `Field` says.
        set: IntervalSet,
    },
    /// The captured length is in the set.
    Len(IntervalSet),
    /// The original length is in the set.
    WireLen(IntervalSet),
    /// Anything else: two expressions compared as unsigned 32-bit numbers.
    Compare {
        /// How.
        op: CompareOp,
        /// Left operand.
        left: Expr,
        /// Right operand.
        right: Expr,
    },
}

/// Up to four consecutive bytes, big-endian, under a mask. Its *value* is
/// `(bytes & mask) >> mask.trailing_zeros()`.
///
/// Canonical: the mask is not zero, and its first and last byte are not zero (a field is trimmed
/// to the bytes it tests; what else the source loaded becomes a [`Test::Captured`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field {
    /// Which base `offset` counts from.
    pub depth: u8,
    /// Bytes from the base to the first byte.
    pub offset: u32,
    /// How many bytes, 1 to 4.
    pub bytes: u8,
    /// Which of their bits count; within the low `8 * bytes` bits.
    pub mask: u32,
}

/// A load in an expression: `bytes` bytes, zero-extended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Load {
    /// Which base the address counts from.
    pub depth: u8,
    /// Where, in bytes from the base.
    pub at: Address,
    /// How many bytes, 1 to 4.
    pub bytes: u8,
    /// Little-endian instead of network order.
    pub little: bool,
}

/// Where a load is, in bytes from its base. The sum with the base is taken in 64 bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A constant offset.
    Fixed(u32),
    /// A computed one: the paper's indirect load.
    Computed(Box<Expr>),
}

/// An unsigned 32-bit expression; arithmetic wraps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expr {
    /// A number.
    Const(u32),
    /// Packet data.
    Load(Load),
    /// The captured length.
    Len,
    /// The original length.
    WireLen,
    /// Two operands. Constants stand on the right of commutative operators.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
}

/// Operators of expressions. A shift by 32 or more gives 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BinaryOp {
    /// Wrapping sum.
    Add,
    /// Wrapping difference.
    Sub,
    /// Wrapping product.
    Mul,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Shift left.
    Shl,
    /// Logical shift right.
    Shr,
}

/// How a [`Test::Compare`] compares. Closed under complement: `Eq`/`Ne`, `Lt`/`Ge`, `Le`/`Gt`;
/// canonical forms swap their operands so that only these four remain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompareOp {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

/// A set of 32-bit values: disjoint inclusive intervals, ascending, none adjacent to the next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct IntervalSet {
    pub(crate) intervals: Vec<(u32, u32)>,
}

impl IntervalSet {
    /// The inclusive intervals `(low, high)`, ascending, disjoint and not adjacent.
    pub fn intervals(&self) -> &[(u32, u32)] {
        &self.intervals
    }
}
