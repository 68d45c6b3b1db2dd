//! Any sequence of accesses to a board, with time and frames between them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| decstation::fuzzing::devices::run(data));
