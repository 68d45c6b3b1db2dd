//! Any bytes as calls, ticks and transfers: the kernel does what a plain model says.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    aegis::fuzzing::run(data);
});
