//! What a R2000 or R3000 must not be given, looked for in code without running it.
//!
//! Problem: emulators run through a load-delay hazard with the new value and the chip with the old one, so
//! no test on an emulator shows it, and the simulator's strict mode only where control comes. Method: every
//! word of every executable section is decoded ([`Instruction`]'s decoder shares no code with an emitter or with the
//! simulator) and the instructions that may follow it are looked at ([`check`]). It is held against GNU `objdump`.

mod check;
mod decode;
mod image;
#[cfg(test)]
mod tests;

pub use check::{Code, Fault, Kind, NotWords, check};
pub use decode::{Effect, Instruction, decode};
pub use image::{Error, Image};
