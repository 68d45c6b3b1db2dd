//! Any text: errors with spans, no panic; what parses prints and parses back.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dpf::fuzzing::text::run(data));
