//! Aegis, the exokernel of the SOSP'95 paper: it protects, and leaves management to applications.
//!
//! Logic is generic over [`machine::Machine`]; `arch` and `plat` are the one real machine.
#![cfg_attr(target_arch = "mips", no_std)]

pub mod layout;
pub mod machine;
