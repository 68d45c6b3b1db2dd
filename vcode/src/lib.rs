//! A portable one-pass code emitter, after VCODE (Engler, PLDI'96).
//!
//! A client writes instructions of one idealised load-store machine; each becomes native code in place,
//! at once, with no intermediate form. Emission costs a few nanoseconds an instruction, so code can be made
//! for a single packet filter, and made again when the filter changes.
//!
//! # Writing a function
//!
//! An [`Assembler`] emits one function at a time into memory that it reuses. [`Assembler::begin`] takes
//! the signature and says where the parameters are; [`Assembler::getreg`] hands out registers of two
//! [classes](Class); every portable instruction of the [list](op) is a method; [`Assembler::end`] gives the
//! code. Instructions cannot fail one by one: the first mistake is kept, and `end` returns it.
//!
//! The last operand of an instruction is a register or a constant. Types are VCODE's: `addu` adds 32 bits, `addul`
//! machine words ([`Ty`]).
//!
//! ```
//! # #[cfg(all(feature = "x64", feature = "exec", target_arch = "x86_64"))] {
//! use vcode::{Assembler, Class, Signature, Ty, exec::Arena, x64::X64};
//!
//! # fn main() -> Result<(), vcode::Error> {
//! let mut asm = Assembler::new(X64::new());
//!
//! // fn is_ipv4(frame: *const u8, len: u32) -> u32
//! let signature = Signature { params: &[Ty::P, Ty::U], result: Some(Ty::U), leaf: true };
//! let [frame, len] = asm.begin(&signature)?;
//! let kind = asm.getreg(Class::Temporary)?;
//! let reject = asm.label();
//! asm.bltu(len, 14, reject);
//! asm.uldus(kind, frame, 12);
//! asm.bneu(kind, 0x0008, reject); // 0x0800 in network order
//! asm.retu(1);
//! asm.bind(reject);
//! asm.retu(0);
//! let code = asm.end()?;
//!
//! // Code is copied to pages that are executable and not writable.
//! let arena = Arena::reserve(1 << 20)?;
//! let is_ipv4 = arena.publish(code.bytes())?;
//! let mut packet = [0_u8; 60];
//! packet[12..14].copy_from_slice(&[8, 0]);
//! let call = |len: u64| {
//!     // SAFETY: the code is a C function of two words that reads only the first `len` bytes of the packet.
//!     unsafe { is_ipv4.call(&[packet.as_ptr() as u64, len]) as u32 }
//! };
//! assert_eq!(call(60), 1);
//! assert_eq!(call(13), 0);
//! # Ok(()) }
//! # main().unwrap();
//! # }
//! ```
#![cfg_attr(not(feature = "std"), no_std)]
extern crate alloc;

mod assembler;
pub mod buffer;
#[cfg(feature = "clif")]
pub mod clif;
mod error;
#[cfg(feature = "exec")]
pub mod exec;
#[cfg(all(
    any(test, feature = "fuzzing"),
    feature = "exec",
    feature = "x64",
    target_arch = "x86_64"
))]
pub mod fuzzing;
pub mod interp;
mod label;
mod listing;
#[cfg(feature = "mips")]
pub mod mips;
pub mod op;
mod pool;
mod record;
mod reg;
mod target;
mod ty;
#[cfg(feature = "x64")]
pub mod x64;

pub use assembler::{Assembler, Local, MAX_LOCALS};
pub use error::{Error, ErrorKind};
pub use label::Label;
pub use listing::{Lister, Listing};
pub use record::{MAX_STEPS, Recorded, Recorder};
pub use reg::{Class, Reg};
pub use target::{Frame, Signature, Target};
pub use ty::Ty;
