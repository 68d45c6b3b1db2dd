//! Dispatch on data: which of many keys a packet has, without a branch that depends on it.
//!
//! Problem: a branch on which flow a packet belongs to costs 5 to 10 ns on mixed traffic, and a
//! new flow must not cost new code. Method: the varying fields of a shape are packed into one
//! compound key ([`KeyPlan`]), looked up in a [`Table`] whose slots hold key and result, and
//! verified; the emitted code selects with conditional moves. Sets of values in the structure are
//! tested by the cheapest of four means ([`SetTest`]). Rules with prefixes and ranges, which have
//! as many shapes as rules, are found together ([`Vectors`]).
//!
//! **Cost model** (Zen 4, ns, random traffic): a branch all traffic takes alike 0.2; a branch on
//! the flow 5 or more; a look-up 1.2 for one way and 2 for four, the first cache miss not counted;
//! a step of a branch-free binary search 1.5; a bit map 1. So one key is compared inline, from two
//! on a table is used, with one way while a seed without collision is found and two ways then.
//!
//! On a R3000 a branch costs two instructions whichever way it goes, a multiplication 12 cycles and
//! a conditional move three. So up to 64 keys are told apart by a few bits of the key itself, if
//! such a [`Window`] is found when the table is built, and the key is compared by branches.

mod hashed;
mod key;
mod layout;
mod machine;
mod memory;
mod set;
mod table;
#[cfg(test)]
mod tests;
mod vectors;
mod window;

pub use crate::shared::Shared;
pub use hashed::Hashed;
pub use key::{KeyPlan, Piece};
pub use layout::Layout;
pub use machine::{Alignment, Machine};
pub use memory::Memory;
pub use set::{MAX_BRANCHED_INTERVALS, SetTest};
pub(crate) use table::{Item, Placed};
pub use table::{MAX_ENTRY, MAX_RANK, Table};
pub(crate) use vectors::Axis;
pub use vectors::{AxisLayout, DE_BRUIJN, MAX_DIRECT, MAX_VECTOR_BYTES, Vectors, slot};
pub use window::{MAX_KEYS, Place, Window, Windowed};
