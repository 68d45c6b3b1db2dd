//! Any words from any state: the processor agrees with a slow interpreter.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    decstation::fuzzing::processor::run(data);
});
