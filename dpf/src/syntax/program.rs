//! A checked program: every name resolved, every constant expanded, every width respected.
//!
//! What has been checked has its own type. A [`Program`] is what `filter::lower` takes, and what
//! [`eval`](super::eval) gives meaning to. Its invariants, established by the checker:
//!
//! * every [`HeaderId`], [`SetId`] and [`PlaceId`] is in range, every field lies in its header;
//! * operands wider than 32 bits occur only in [`Cond::Wide`];
//! * constants fit the fields they are compared with; no set is empty;
//! * the `on` conditions of one parent are disjoint;
//! * expressions nest at most `limits::MAX_DEPTH` deep, shifts included.
//!
//! # What a name means
//!
//! A [`Place`] is one header instance, found by its own walk from the root. At header `h`, at base
//! `b`, with target `t`, the walk looks at the *candidate* edges of `h`: those whose child is `t`
//! or leads to `t` through further edges, and whose child has not yet occurred [`Header::max`]
//! times on the way. A candidate's `on` is evaluated at `b`.
//!
//! 1. One is true: its child starts at `b + size(h)`. If that passes the captured length the place
//!    is *short*. The child is there if its `where` holds and its `size` is at least the sum of
//!    its fields (a three-valued conjunction): false makes the place *absent*, short makes it
//!    *short*, true goes on from the child, or ends there if it is `t`.
//! 2. None is true and one is short: the place is *short*.
//! 3. All are false: the place is *absent*.
//!
//! The root stands at base 0 under the same `where` and `size`. A tunnel edge is a candidate only
//! for a step with [`Step::tunnel`], which crosses exactly one of them, somewhere on its way;
//! the counts of `max` start again behind it. Reachability ("leads to") ignores the counts.
//!
//! A comparison that names an absent place is false (`!=` too), else short if one it names is
//! short. Different places of one filter are independent: one may be absent and another short.

use alloc::{boxed::Box, string::String, vec::Vec};

use super::{
    error::Diagnostic,
    span::{Sources, Span},
};

/// The index of a header in [`Program::headers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderId(pub u16);

/// The index of a set in [`Program::sets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub u32);

/// The index of a place in [`Filter::places`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceId(pub u16);

impl PlaceId {
    /// In the expressions of a header declaration: the header itself, or, in an `on` condition,
    /// the parent. They name no other.
    pub const SELF: PlaceId = PlaceId(0);
}

/// Headers and filters, checked against each other.
#[derive(Clone, Debug)]
pub struct Program {
    /// The texts that the spans point into.
    pub sources: Sources,
    /// The headers, by [`HeaderId`].
    pub headers: Vec<Header>,
    /// Where a packet starts.
    pub root: HeaderId,
    /// Whether a file said `root NAME;`, so that a link type should not override it.
    pub root_declared: bool,
    /// The filters in order, of all sources one after the other.
    pub filters: Vec<Filter>,
    /// The sets, by [`SetId`].
    pub sets: Vec<ValueSet>,
    /// What is suspicious but not wrong.
    pub warnings: Vec<Diagnostic>,
}

/// A header declaration.
#[derive(Clone, Debug)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its fields in order, without those skipped.
    pub fields: Vec<Field>,
    /// The sum of all its fields, in whole bytes, rounded up.
    pub minimum: u32,
    /// How often it may occur between two tunnels.
    pub max: u8,
    /// Its length in bytes if not `minimum`. Smaller than `minimum`: the header is absent.
    /// Its loads are relative to the header's base, its fields the header's own.
    pub size: Option<Expr>,
    /// What must hold for it to be there (`where`), in the same terms.
    pub condition: Option<Cond>,
    /// The headers that may follow.
    pub edges: Vec<Edge>,
    /// Its name in its declaration.
    pub span: Span,
}

/// A header that may follow another.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The header that follows.
    pub child: HeaderId,
    /// When: a condition on the parent's fields and on loads relative to the parent's base.
    pub on: Cond,
    /// Whether only a path crosses.
    pub tunnel: bool,
    /// The `on` clause.
    pub span: Span,
}

/// A named field of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Bits from the header's start to the field's first, most significant bit.
    pub bit: u32,
    /// How many bits, 1 to 128.
    pub width: u8,
    /// How its values print.
    pub kind: FieldKind,
    /// Its declaration.
    pub span: Span,
}

/// How a field's values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// As numbers.
    Number,
    /// As Ethernet addresses.
    Mac,
    /// As IPv4 addresses.
    Ipv4,
    /// As IPv6 addresses.
    Ipv6,
}

/// A filter, checked.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Its name.
    pub name: String,
    /// Whose it is, if said.
    pub owner: Option<u32>,
    /// Default 0; a higher one wins.
    pub priority: i32,
    /// Whether it also claims the later fragments of datagrams whose first it matched.
    pub fragments: bool,
    /// The header instances that its condition names, without duplicates.
    pub places: Vec<Place>,
    /// What it accepts.
    pub condition: Cond,
    /// Its name in its declaration.
    pub span: Span,
}

/// One header instance of a packet, by the way from the root: for the name `tcp` one step, for
/// `gre/ip/tcp` three. The root itself may be the first step's header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The steps; at least one.
    pub steps: Box<[Step]>,
}

impl Place {
    /// The header that the last step finds.
    pub fn header(&self) -> HeaderId {
        self.steps[self.steps.len() - 1].header
    }
}

/// To the first header of this name behind the one before (which it is not, even if the names are
/// equal).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// The header looked for.
    pub header: HeaderId,
    /// Whether exactly one tunnel edge is crossed on the way (else none). It is when the header
    /// cannot be reached without one. Never for the first step.
    pub tunnel: bool,
}

/// A three-valued condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cond {
    /// The header is there.
    Present(PlaceId),
    /// Two 32-bit expressions compared as unsigned numbers.
    Compare {
        /// How.
        op: CompareOp,
        /// Left operand.
        left: Expr,
        /// Right operand.
        right: Expr,
    },
    /// The expression's value is in the set, or not in it (`negated`, from `!= PREFIX`; short and
    /// absent are as for any comparison).
    In {
        /// The value.
        value: Expr,
        /// The set.
        set: SetId,
        /// Whether the complement is meant.
        negated: bool,
    },
    /// A field wider than 32 bits, as an unsigned number.
    Wide {
        /// The field, 33 to 128 bits.
        field: FieldUse,
        /// What is asked of it.
        relation: WideRelation,
    },
    /// Negation: swaps true and false, keeps short.
    Not(Box<Cond>),
    /// False if any is false, else short if any is short. At least one.
    And(Vec<Cond>),
    /// True if any is true, else short if any is short. At least two.
    Or(Vec<Cond>),
    /// The value of `then` with the base of raw [`Expr::Load`]s moved forward by `by`, evaluated at
    /// the old base. If a load of `by` is short, or base + `by` (in 64 bits) passes the captured
    /// length, every comparison in `then` that makes a raw load is short; if `by` names an absent
    /// place, every such comparison is false. All other comparisons are untouched.
    Shift {
        /// The distance in bytes.
        by: Expr,
        /// What stands to the right in the same conjunction.
        then: Box<Cond>,
    },
}

/// What a wide field is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WideRelation {
    /// A constant.
    Value(CompareOp, u128),
    /// A field of the same width.
    Field(CompareOp, FieldUse),
    /// A set, or its complement.
    In {
        /// The set.
        set: SetId,
        /// Whether the complement is meant.
        negated: bool,
    },
}

/// How numbers are compared.
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
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

/// An unsigned 32-bit expression; arithmetic wraps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expr {
    /// A number.
    Number(u32),
    /// A field of at most 32 bits.
    Field(FieldUse),
    /// The paper's load: 1, 2 or 4 bytes at `offset` from the current base (in 64 bits).
    Load {
        /// Bytes from the base.
        offset: Box<Expr>,
        /// How many bytes.
        bytes: u8,
        /// Little-endian instead of network order.
        little: bool,
    },
    /// The captured length in bytes.
    Len,
    /// The original length in bytes.
    WireLen,
    /// Two operands.
    Binary(ArithmeticOp, Box<Expr>, Box<Expr>),
}

/// Operators on numbers. A shift by 32 or more gives 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArithmeticOp {
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

/// A field of a header instance. Its load covers the bytes its bits lie in, no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldUse {
    /// Which instance.
    pub place: PlaceId,
    /// Its header.
    pub header: HeaderId,
    /// The index in [`Header::fields`].
    pub index: u16,
    /// Bits from the header's base to its first, as in [`Field::bit`].
    pub bit: u32,
    /// How many bits, as in [`Field::width`].
    pub width: u8,
}

/// A set of values: inclusive intervals, ascending, disjoint, not adjacent; at least one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueSet {
    pub(crate) intervals: Vec<(u128, u128)>,
}

impl ValueSet {
    /// The inclusive intervals `(low, high)`, ascending.
    pub fn intervals(&self) -> &[(u128, u128)] {
        &self.intervals
    }

    /// Whether `value` is in the set.
    pub fn contains(&self, value: u128) -> bool {
        let after = self.intervals.partition_point(|&(low, _)| low <= value);
        after > 0 && value <= self.intervals[after - 1].1
    }
}

impl Program {
    /// The header called `name`.
    pub fn header(&self, name: &str) -> Option<HeaderId> {
        let index = self.headers.iter().position(|header| header.name == name)?;
        Some(HeaderId(index as u16))
    }

    /// The filter called `name`.
    pub fn filter(&self, name: &str) -> Option<&Filter> {
        self.filters.iter().find(|filter| filter.name == name)
    }

    /// The set that `id` names.
    ///
    /// # Panics
    ///
    /// When `id` is of another program.
    pub fn set(&self, id: SetId) -> &ValueSet {
        &self.sets[id.0 as usize]
    }
}

impl core::ops::Index<HeaderId> for Program {
    type Output = Header;

    /// # Panics
    ///
    /// When `id` is of another program.
    fn index(&self, id: HeaderId) -> &Header {
        &self.headers[usize::from(id.0)]
    }
}
