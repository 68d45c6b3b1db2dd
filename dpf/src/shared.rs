//! How values are shared inside this crate: counted, atomically where the machine has atomic words.
//!
//! Problem: what readers on other threads see is counted with atomic words, which MIPS-I has not.
//! Method: one name for the counted pointer of either kind. Left out: anything else.

#[cfg(target_has_atomic = "ptr")]
pub use alloc::sync::Arc as Shared;

#[cfg(not(target_has_atomic = "ptr"))]
pub use alloc::rc::Rc as Shared;
