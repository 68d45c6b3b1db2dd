//! Packet filters that are merged into one trie and compiled to native code.
//!
//! The stages, each a module that imports only those before it: [`filter`] is the canonical form
//! of one filter and the meeting point of every front end and every engine.
#![cfg_attr(not(feature = "std"), no_std)]
extern crate alloc;

pub mod check;
pub mod codegen;
pub mod dispatch;
pub mod filter;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod hashing;
pub mod interp;
pub mod overlap;
#[cfg(feature = "std")]
pub mod runtime;
pub mod shape;
mod shared;
pub mod syntax;
pub mod trie;
pub mod walk;
