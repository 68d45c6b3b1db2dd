//! Canonical filters as text, and back.

use alloc::format;

use expect_test::expect;

use crate::{
    filter::{Filter, lower},
    syntax::Program,
};

fn lowered(text: &str) -> Filter {
    let program = Program::parse(text, "test", true).unwrap();
    lower(&program).unwrap().remove(0).filter
}

#[test]
fn the_paper_s_filter_prints_as_the_paper_writes_it() {
    let filter = lowered(
        "filter paper = 12:16 == 0x0800 && shift(6+6+2) && 9:8 == 6 && 12:32 == 192.12.69.1
             && shift((0:8 & 0xf) << 2) && 0:16 == 1234 && 2:16 == 4321;",
    );
    let want = expect![
        "12:16 == 0x0800 && 23:8 == 6 && 26:32 == 0xc00c4501 && shift(((14:8 & 15) << 2) + 14) && 0:32 == 0x04d210e1"
    ];
    want.assert_eq(&format!("{filter}"));
}

#[test]
fn a_header_that_several_paths_reach_is_printed_once() {
    let filter = lowered("filter host = ip.src == 192.12.69.1;");
    let want = expect![[r#"
        @0 = 0:8 & 0xf >= 5 && 0:8 >> 4 == 4 && 12:32 == 0xc00c4501;
        @1 = 2:16 == 0x0800 && shift(4) && @0;
        12:16 == 0x0800 && shift(14) && @0 || 12:16 in { 0x8100, 0x88a8 } && shift(14) && (@1 || 2:16 in { 0x8100, 0x88a8 } && shift(4) && @1)"#]];
    want.assert_eq(&format!("{filter}"));
}

#[test]
fn text_means_what_its_canonical_form_means() {
    let same = [
        ("12:8 == 8 && 13:8 == 0", "12:16 == 0x0800"),
        ("0:8 & 0xf0 == 0x40", "0:8 >> 4 == 4"),
        ("0:8 == 1 || 0:8 == 2 || 0:8 == 3", "0:8 in 1..3"),
        ("!(0:8 in { 0..3, 9 })", "0:8 in { 4..8, 10..255 }"),
        ("shift(14) && 9:8 == 6", "23:8 == 6"),
        ("0:16 le == 0x0008", "0:16 == 0x0800"),
        ("true && (false || len < 10)", "len <= 9"),
        (
            "@0 = 1:8 == 1; shift(0:8) && @0 || shift(1:8) && @0",
            "shift(1:8) && 1:8 == 1 || shift(0:8) && 1:8 == 1",
        ),
    ];
    for (left, right) in same {
        assert_eq!(left.parse::<Filter>(), right.parse::<Filter>(), "{left}");
        assert!(left.parse::<Filter>().is_ok(), "{left}");
    }
}

#[test]
fn wrong_text_is_refused_where_it_is_wrong() {
    for (text, want) in [
        (
            "12:16",
            expect!["filter text, byte 0: expected a condition"],
        ),
        (
            "12:13 == 1",
            expect!["filter text, byte 5: expected 8, 16, 24 or 32 bits before this"],
        ),
        ("(0:8 == 1", expect!["filter text, byte 9: expected `)`"]),
        (
            "0:8 == 1 && ^0:8 == 1",
            expect!["a load names a base outside the filter"],
        ),
        (
            "0:8 == 4294967296",
            expect!["filter text, byte 7: expected a number of 32 bits"],
        ),
        (
            "@0",
            expect!["filter text, byte 2: expected a name defined before"],
        ),
    ] {
        want.assert_eq(&format!("{}", text.parse::<Filter>().unwrap_err()));
    }
    assert!("(".repeat(100_000).parse::<Filter>().is_err());
    assert!(
        format!("0:8 == 1{}", " + 0:8".repeat(100_000))
            .parse::<Filter>()
            .is_err()
    );
}
