//! Code against the oracle.

use vcode::x64::X64;

use crate::fuzzing::{
    engines::{Tally, script},
    native::Native,
};

#[test]
fn code_agrees_with_the_oracle() {
    let (mut native, mut tally) = (Native::<X64>::new(0), Tally::default());
    for seed in 0..200 {
        script(seed, &mut [&mut native], &mut tally);
    }
    assert!(
        native.refused * 20 < tally.installed,
        "{} refused",
        native.refused
    );
}
