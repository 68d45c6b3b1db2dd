//! The processor judged by programs: words in, registers and memory out.
//!
//! The words were assembled by GNU as from the text beside them; what they should do is from the
//! manual, not from the simulator.

mod caches;
mod disassembly;
mod ethernet;
mod exceptions;
mod instructions;
mod machine;
mod strictness;
mod timing;
