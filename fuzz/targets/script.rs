//! Any script of installs and removes: every engine gives the same answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dpf::fuzzing::script::run(data));
