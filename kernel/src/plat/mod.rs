//! Boards: clock, console, memory, and how the machine is stopped.

pub mod decstation;
