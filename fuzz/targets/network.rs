//! Any frames, calls and times: a protocol stack keeps its promises.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| exos_net::fuzzing::run(data));
