//! Emitted machine code → proof that it may run.
//!
//! The compiler is not trusted: what it emitted is decoded again and proved harmless before a
//! processor may execute it. Every load lies in the packet or in a named table; nothing is stored
//! outside the frame; every branch goes forward to an instruction, so that every call ends, after
//! at most so many instructions; what the caller needs is as it was. (Paper, section 5.3: safety
//! of application code by sandboxing and verification.)
//!
//! The method is abstract interpretation in one pass from the first byte to the last: since all
//! branches go forward, all ways to an instruction are known when it is reached. `domain` and
//! `facts` say what is known of numbers, `state` what is known of a machine; each machine has a folder that
//! decodes its code and says what each instruction does; `arithmetic` they share. No judge shares code with what it judges:
//! this module knows nothing of the assembler.
//!
//! Not proved: that the answer is right (differential tests are for that).

mod arithmetic;
mod domain;
mod facts;
pub mod mips;
mod policy;
#[cfg_attr(
    not(feature = "std"),
    expect(dead_code, reason = "some is for x86-64 alone")
)]
mod report;
#[cfg_attr(
    not(feature = "std"),
    expect(dead_code, reason = "some is for x86-64 alone")
)]
mod state;
#[cfg(feature = "std")]
pub mod x64;

pub use policy::{Alignment, FILTER_FRAME, FILTER_PATH, Policy, Table};
pub use report::{Refusal, Report};
