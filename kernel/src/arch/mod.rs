//! Processors. There is one; what is not assembly of it stands behind [`crate::machine::Machine`].
#![expect(
    unsafe_code,
    reason = "it is the processor that the safe part is about"
)]

pub mod mips;
