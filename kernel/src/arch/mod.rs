//! Processors. There is one; what is not assembly of it stands behind [`crate::machine::Machine`].

pub mod mips;
