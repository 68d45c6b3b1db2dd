//! The bodies of the fuzz targets, and what they generate their inputs with.
//!
//! A body takes any bytes, makes an input of them and panics when a property fails; `cargo fuzz`
//! drives it, and so do tests: with a fixed seed, and with what `fuzz/seeds` and
//! `fuzz/regressions` keep.
//!
//! Random filters are drawn with one source of randomness for structure and one for constants, so
//! that many of a set share a shape, and one for what is left out of it, so that many contain each
//! other; packets are drawn by walking down a filter and writing what its tests ask for, then
//! flipping a bit or cutting the end.

pub mod binary;
#[cfg(feature = "std")]
pub mod check;
pub mod engines;
mod filters;
pub mod meaning;
pub mod mips;
#[cfg(all(feature = "std", target_arch = "x86_64"))]
pub mod native;
pub mod overlap;
mod packets;
mod random;
#[cfg(all(feature = "std", target_arch = "x86_64"))]
pub mod script;
mod source;
pub mod text;

pub use filters::{Draw, filter};
pub use packets::{Packet, Witness, packet, witness};
pub use random::Random;
pub use source::Source;
