//! Many filters, one trie.
//!
//! Problem: install and remove filters in any order, always have one graph that finds the winner,
//! and change it as little as possible. Method: filters of one shape form a *group*; the graph
//! ([`Step`]) decides the structure of all groups together, and ends at look-ups of keys. A filter
//! of a known shape is a table entry ([`Change::Data`]); a new shape, a slot that begins to vary, or
//! a table in new memory makes a new graph or new tables ([`Change::Code`]). What a [`Trie`] says
//! depends only on what is installed, not on the order. Equal filters are told apart by putting
//! each into a group of its own. Where many groups are small conjunctions, their members become rules
//! of a [`Block`], and a change of one makes new code; see `docs/decisions/0007-rule-sets.md`. Left out: who wins between overlapping filters, which the caller
//! says by ranks.

mod block;
mod build;
mod cofactor;
mod error;
mod facts;
mod form;
mod graph;
mod group;
mod instantiate;
mod listed;
mod pivot;
mod print;
mod set;
#[cfg(test)]
mod tests;

pub use block::{Axis, Block, BlockRule};
pub use build::{MAX_BASES, MAX_DECISIONS, MAX_SPECIALISED_STEPS, MAX_STEPS};
pub use error::{Error, ErrorKind};
pub use form::MAX_FORMS;
pub use graph::{Base, GroupId, SetUse, Step, StepId, Value};
pub use group::{Lookup, TrieGroup};
pub use listed::{MAX_AXES, MAX_LISTED, MAX_MEMBERS, MIN_GROUPS};
pub use print::Dot;
pub use set::{Change, Limits, Set, Trie};
