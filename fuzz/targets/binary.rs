//! Any bytes: refused or a canonical filter that encodes to the same bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dpf::fuzzing::binary::run(data));
