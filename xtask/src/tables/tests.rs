//! The rows as they were blessed.

use super::{json, table7};
use crate::{image, shell::in_ci};
use expect_test::expect_file;

#[test]
fn every_count_is_the_one_that_was_blessed() {
    if let Err(reason) = image::toolchain() {
        assert!(!in_ci(), "{reason:#}");
        eprintln!("SKIPPED the counts of Table 7: {reason:#}");
        return;
    }
    let rows = table7::measure(false).unwrap();
    expect_file!["../../../benches/results/table7-mips.json"].assert_eq(&json(&rows));
}
