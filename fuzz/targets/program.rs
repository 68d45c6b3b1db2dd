//! Any portable program: every backend computes the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vcode::fuzzing::agree(data));
