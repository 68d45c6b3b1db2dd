//! Simulator of the DECstations of the paper: the 2100 and 3100 (board KN01), the 5000/200 and
//! 5000/125 (board KN02).
//!
//! The figures of a MIPS program are worth what the machine that made them is worth. This one
//! counts cycles by a documented table, repeats every run to the bit, and stops where real
//! hardware would go on with a wrong value. It loads images as the hardware would and shares no
//! code with what it judges.
//!
//! Left out: floating-point arithmetic, SCSI and the frame buffer; no program here uses them.

pub mod bare;
pub mod board;
pub mod count;
pub mod cpu;
pub mod cycles;
pub mod device;
pub mod elf;
pub mod ethernet;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
#[cfg(any(test, feature = "judge"))]
pub mod judge;
pub mod machine;
pub mod memory;
pub mod mips1;
