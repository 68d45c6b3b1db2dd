//! The trie against the oracle.

use crate::fuzzing::engines::{Tally, script};

#[test]
fn random_scripts_agree_with_the_oracle() {
    let mut tally = Tally::default();
    for seed in 0..200 {
        script(seed, &mut [], &mut tally);
    }
    assert!(tally.installed > 20 * tally.refused, "{tally:?}");
    assert!(tally.accepted * 8 > tally.pairs, "{tally:?}");
}
