//! Inputs on which a fuzz body once failed: the empty one, on which a generator never ended.
#![cfg(all(feature = "fuzzing", target_arch = "x86_64"))]

use dpf::fuzzing::{binary, check, meaning, overlap, script, text};

#[test]
fn every_body_ends_on_an_input_that_ends_at_once() {
    for body in [
        binary::run,
        check::run,
        meaning::run,
        overlap::run,
        script::run,
        text::run,
    ] {
        body(&[]);
        body(&[0]);
    }
}
