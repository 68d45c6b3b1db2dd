//! What the command prints: `tests/cmd/*.trycmd`, run and compared.
//!
//! `TRYCMD=overwrite cargo test -p dpf-cli --test commands` records anew.

#[test]
fn commands_print_what_is_recorded() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}
