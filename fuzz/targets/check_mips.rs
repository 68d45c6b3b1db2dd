//! Any words as MIPS-I code: what is accepted never leaves its memory.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dpf::fuzzing::check::mips::run(data));
