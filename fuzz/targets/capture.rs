//! Any bytes as a capture: packets, then perhaps one error.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dpf_cli::fuzzing::run(data));
