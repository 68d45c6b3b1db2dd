//! Any bytes as code: what is accepted never leaves its memory.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dpf::fuzzing::check::run(data));
