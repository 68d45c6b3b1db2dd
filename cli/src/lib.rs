//! The parts of the `dpf` command: captures in and out, and the commands themselves.
//!
//! Reading order: [`args`] is what the user can say, [`commands`] does it, [`capture`] is where
//! the packets come from, [`classifier`] is what asks the filters about them.

pub mod args;
pub mod capture;
pub mod classifier;
pub mod commands;
pub mod decode;
pub mod demo;
pub mod disassembly;
pub mod engine;
pub mod exit;
pub mod filters;
pub mod fragments;
#[doc(hidden)]
pub mod fuzzing;
pub mod interrupt;
pub mod outputs;
pub mod packet_line;
pub mod picture;
pub mod progress;
pub mod pump;
#[cfg(target_os = "linux")]
mod ring;
pub mod tally;
