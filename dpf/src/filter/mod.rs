//! The canonical form of one filter: what every front end makes and every engine takes.
//!
//! A [`Filter`] is a directed acyclic graph in negation normal form. Its leaves are [`Test`]s on a
//! packet; inner nodes are conjunction, disjunction and [`Node::Shift`], which moves the base that
//! the loads below it are relative to (the `SHIFT` of DPF, SIGCOMM'96 §2). There is no negation:
//! a comparison is negated by complementing its set or its operator.
//!
//! **Meaning.** A packet is `len` captured bytes and `wirelen`, its original length. The value of
//! a node is a plain truth value, taken at a *base*, a byte offset into the packet, 0 at the root:
//!
//! * a test is true when every load it makes lies wholly inside the packet and its condition
//!   holds; the complement of a test makes the same loads, so on a packet too short for them a
//!   test and its complement are both false: *short is false in negation normal form*;
//! * `Shift { by, then }` is true when every load of `by` lies inside the packet,
//!   `base + by ≤ len` (in 64 bits), and `then` is true at `base + by`;
//! * `And` and `Or` are what they say, and the order of their children never matters.
//!
//! A load names its base by *depth*: 0 is the current base, 1 the base outside the nearest `Shift`
//! around it, and so on. A depth that passes the root is malformed, and refused by every decoder.
//!
//! A graph, not a tree: a header that several paths reach (IPv4 after Ethernet, after one tag,
//! after two) is one node below several `Shift`s, and engines share its code.

mod bits;
mod encode;
mod error;
mod expr;
mod lower;
mod pool;
mod print;
mod set;
mod types;
mod verify;

pub use encode::MAGIC;
pub use error::{
    Error, ErrorKind, MAX_EXPR, MAX_HEIGHT, MAX_INTERVALS, MAX_NODES, MAX_OFFSET, MAX_PATHS,
    MAX_POOL_NODES, MAX_SHIFTS, MAX_WIDTH,
};
pub use lower::{Lowered, Lowering, lower};
pub use pool::Pool;
pub use types::{
    Address, BinaryOp, CompareOp, Expr, Field, Filter, IntervalSet, Load, Node, NodeId, Test,
};
