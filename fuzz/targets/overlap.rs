//! Any two filters: witnesses are real, relations symmetric.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dpf::fuzzing::overlap::run(data));
