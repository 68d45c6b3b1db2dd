//! Any bytes as system calls, transfers and accesses on the simulated machine: the kernel keeps its promises.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aegis_storm::run(data));
