//! The bodies of the fuzz targets, and what they generate their inputs with.
//!
//! A body takes any bytes, makes an input of them and panics when a property fails; `cargo fuzz`
//! drives it, and so does a test with a fixed seed.

pub mod overlap;
mod source;

pub use source::Source;
