//! Headers and filters over them: what is lowered accepts what the language means.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dpf::fuzzing::meaning::run(data));
