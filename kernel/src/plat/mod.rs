//! Boards: clock, console, memory, and how the machine is stopped.
#![expect(unsafe_code, reason = "registers of devices are addresses")]

pub mod decstation;
