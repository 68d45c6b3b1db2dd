//! Aegis, the exokernel of the SOSP'95 paper: it protects, and leaves management to applications.
//!
//! Logic is generic over [`machine::Machine`]; `arch` and `plat` are the one real machine.
#![cfg_attr(target_arch = "mips", no_std, feature(asm_experimental_arch))]

#[cfg(target_arch = "mips")]
#[expect(unsafe_code, reason = "it is the processor that the safe part is about")]
pub mod arch;
#[cfg(target_arch = "mips")]
mod kernel;
pub mod layout;
pub mod machine;
#[cfg(target_arch = "mips")]
#[expect(unsafe_code, reason = "registers of devices are addresses")]
pub mod plat;
