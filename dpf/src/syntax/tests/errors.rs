//! Every mistake, and the diagram it is answered with.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use expect_test::{Expect, expect};

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "how expect-test is used")]
fn refused(text: &str, expected: Expect) {
    let Err(errors) = Program::parse(text, "test.dpf", true) else {
        panic!("accepted: {text}")
    };
    expected.assert_eq(&errors.to_string());
}

#[test]
fn unknown_field() {
    refused(
        "filter a = tcp.dprot == 22;",
        expect![[r#"
            error: `tcp` has no field called `dprot`
               --> protocols.dpf:123:8
                |
            123 | header tcp {
                |        --- the header is declared here
                |
               ::: test.dpf:1:16
                |
              1 | filter a = tcp.dprot == 22;
                |                ^^^^^ unknown field
                |
                = help: did you mean `dport`?"#]],
    );
}

#[test]
fn unknown_header() {
    refused(
        "filter a = tpc.dport == 22;",
        expect![[r#"
        error: no header is called `tpc`
         --> test.dpf:1:12
          |
        1 | filter a = tpc.dport == 22;
          |            ^^^ expected the name of a header
          |
          = help: did you mean `tcp`?"#]],
    );
}

#[test]
fn unknown_name() {
    refused(
        "const WEB = 80;\nfilter a = tcp.dport == WBE;",
        expect![[r#"
        error: nothing is called `WBE`
         --> test.dpf:2:25
          |
        2 | filter a = tcp.dport == WBE;
          |                         ^^^ expected a header or a constant
          |
          = help: did you mean `WEB`?"#]],
    );
}

#[test]
fn unknown_in_path() {
    refused(
        "filter a = gre/pi.src == 1.2.3.4;",
        expect![[r#"
        error: no header is called `pi`
         --> test.dpf:1:16
          |
        1 | filter a = gre/pi.src == 1.2.3.4;
          |                ^^ expected the name of a header
          |
          = help: did you mean `ip`?"#]],
    );
}

#[test]
fn nothing_near() {
    refused(
        "filter a = zebra;",
        expect![[r#"
        error: nothing is called `zebra`
         --> test.dpf:1:12
          |
        1 | filter a = zebra;
          |            ^^^^^ expected a header or a constant"#]],
    );
}

#[test]
fn value_too_wide() {
    refused(
        "filter a = tcp.dport == 70000;",
        expect![[r#"
        error: a value that does not fit `tcp.dport`, which has 16 bits
         --> test.dpf:1:25
          |
        1 | filter a = tcp.dport == 70000;
          |                         ^^^^^ at most 65535"#]],
    );
}

#[test]
fn value_too_wide_in_a_set() {
    refused(
        "filter a = tcp.dport in { 80, 65536, 1..2 };",
        expect![[r#"
        error: a value that does not fit `tcp.dport`, which has 16 bits
         --> test.dpf:1:31
          |
        1 | filter a = tcp.dport in { 80, 65536, 1..2 };
          |                               ^^^^^ at most 65535"#]],
    );
}

#[test]
fn value_too_wide_in_a_constant() {
    refused(
        "const PORTS = { 80, 70000 };\nfilter a = tcp.dport in PORTS;",
        expect![[r#"
        error: a value that does not fit `tcp.dport`, which has 16 bits
         --> test.dpf:2:25
          |
        1 | const PORTS = { 80, 70000 };
          |       ----- the set is declared here
        2 | filter a = tcp.dport in PORTS;
          |                         ^^^^^ at most 65535"#]],
    );
}

#[test]
fn value_too_wide_for_a_load() {
    refused(
        "filter a = 12:8 == 0x800;",
        expect![[r#"
        error: a value that does not fit the load, which has 8 bits
         --> test.dpf:1:20
          |
        1 | filter a = 12:8 == 0x800;
          |                    ^^^^^ at most 255"#]],
    );
}

#[test]
fn value_too_wide_for_arithmetic() {
    refused(
        "filter a = tcp.seq + 0x100000000 == 5;",
        expect![[r#"
        error: a value of more than 32 bits
         --> test.dpf:1:22
          |
        1 | filter a = tcp.seq + 0x100000000 == 5;
          |                      ^^^^^^^^^^^ only fields wider than 32 bits are compared with such values"#]],
    );
}

#[test]
fn address_in_a_port() {
    refused(
        "filter a = tcp.dport == 10.0.0.1;",
        expect![[r#"
        error: a value that does not fit `tcp.dport`, which has 16 bits
         --> test.dpf:1:25
          |
        1 | filter a = tcp.dport == 10.0.0.1;
          |                         ^^^^^^^^ an IPv4 address has 32 bits"#]],
    );
}

#[test]
fn address_of_another_family() {
    refused(
        "filter a = ip6.src == 10.0.0.1;",
        expect![[r#"
        error: a value that does not fit `ip6.src`, which has 128 bits
         --> test.dpf:1:23
          |
        1 | filter a = ip6.src == 10.0.0.1;
          |                       ^^^^^^^^ an IPv4 address has 32 bits"#]],
    );
}

#[test]
fn mixed_set() {
    refused(
        "filter a = ether.src in { 00:11:22:33:44:55, 10.0.0.1 };",
        expect![[r#"
        error: a value that does not fit `ether.src`, which has 48 bits
         --> test.dpf:1:46
          |
        1 | filter a = ether.src in { 00:11:22:33:44:55, 10.0.0.1 };
          |                                              ^^^^^^^^ an IPv4 address has 32 bits"#]],
    );
}

#[test]
fn empty_range() {
    refused(
        "filter a = tcp.dport in 90..80;",
        expect![[r#"
        error: an empty range
         --> test.dpf:1:25
          |
        1 | filter a = tcp.dport in 90..80;
          |                         ^^^^^^ the first value is the larger
          |
          = help: write the smaller value first; both ends are included"#]],
    );
}

#[test]
fn empty_set() {
    refused(
        "filter a = tcp.dport in {};",
        expect![[r#"
        error: an empty set
         --> test.dpf:1:25
          |
        1 | filter a = tcp.dport in {};
          |                         ^^ nothing is in it"#]],
    );
}

#[test]
fn host_bits() {
    refused(
        "filter a = ip.src in 10.1.2.3/8;",
        expect![[r#"
        error: a prefix with host bits set
         --> test.dpf:1:22
          |
        1 | filter a = ip.src in 10.1.2.3/8;
          |                      ^^^^^^^^^^ bits behind the prefix are not zero
          |
          = help: the network is `10.0.0.0/8`"#]],
    );
}

#[test]
fn host_bits_ipv6() {
    refused(
        "filter a = ip6.src in 2001:db8::1/32;",
        expect![[r#"
        error: a prefix with host bits set
         --> test.dpf:1:23
          |
        1 | filter a = ip6.src in 2001:db8::1/32;
          |                       ^^^^^^^^^^^^^^ bits behind the prefix are not zero
          |
          = help: the network is `2001:db8::/32`"#]],
    );
}

#[test]
fn prefix_too_long() {
    refused(
        "filter a = ip.src in 10.0.0.0/33;",
        expect![[r#"
        error: an IPv4 address has 32 bits
         --> test.dpf:1:31
          |
        1 | filter a = ip.src in 10.0.0.0/33;
          |                               ^^ the prefix is longer"#]],
    );
}

#[test]
fn shift_backwards() {
    refused(
        "filter a = shift((0:8 & 0xf) - 5) && 0:8 == 1;",
        expect![[r#"
        error: a shift that can run backwards
         --> test.dpf:1:18
          |
        1 | filter a = shift((0:8 & 0xf) - 5) && 0:8 == 1;
          |                  ^^^^^^^^^^^^^^^ this difference can be negative
          |
          = help: the base only moves forward: subtract no more than the least value, or test the value without `shift`"#]],
    );
}

#[test]
fn shift_backwards_constant() {
    refused(
        "filter a = shift(4 - 8) && 0:8 == 1;",
        expect![[r#"
        error: a shift that can run backwards
         --> test.dpf:1:18
          |
        1 | filter a = shift(4 - 8) && 0:8 == 1;
          |                  ^^^^^ this difference can be negative
          |
          = help: the base only moves forward: subtract no more than the least value, or test the value without `shift`"#]],
    );
}

#[test]
fn shift_without_a_load() {
    refused(
        "filter a = 12:16 == 0x800 && shift(14) && tcp.dport == 22;",
        expect![[r#"
        error: a shift after which nothing is loaded
         --> test.dpf:1:30
          |
        1 | filter a = 12:16 == 0x800 && shift(14) && tcp.dport == 22;
          |                              ^^^^^^^^^ its scope ends with the innermost parenthesis, `||` or `!`"#]],
    );
}

#[test]
fn shift_scope_ends_with_a_parenthesis() {
    refused(
        "filter a = (shift(14)) && 0:8 == 0x45;",
        expect![[r#"
        error: a shift after which nothing is loaded
         --> test.dpf:1:13
          |
        1 | filter a = (shift(14)) && 0:8 == 0x45;
          |             ^^^^^^^^^ its scope ends with the innermost parenthesis, `||` or `!`"#]],
    );
}

#[test]
fn shift_scope_ends_with_an_or() {
    refused(
        "filter a = shift(14) || 0:8 == 0x45;",
        expect![[r#"
        error: a shift after which nothing is loaded
         --> test.dpf:1:12
          |
        1 | filter a = shift(14) || 0:8 == 0x45;
          |            ^^^^^^^^^ its scope ends with the innermost parenthesis, `||` or `!`"#]],
    );
}

#[test]
fn shift_scope_ends_with_a_not() {
    refused(
        "filter a = !shift(14) && 0:8 == 0x45;",
        expect![[r#"
        error: a shift after which nothing is loaded
         --> test.dpf:1:13
          |
        1 | filter a = !shift(14) && 0:8 == 0x45;
          |             ^^^^^^^^^ its scope ends with the innermost parenthesis, `||` or `!`"#]],
    );
}

#[test]
fn shift_in_a_header() {
    refused(
        "header x { a: 8 } size shift(4)\n    on ether.type == 0x1234;",
        expect![[r#"
        error: expected a number, found a shift
         --> test.dpf:1:24
          |
        1 | header x { a: 8 } size shift(4)
          |                        ^^^^^^^^ expected a number"#]],
    );
}

#[test]
fn load_of_odd_width() {
    refused(
        "filter a = 12:24 == 5;",
        expect![[r#"
        error: a load of 24 bits
         --> test.dpf:1:15
          |
        1 | filter a = 12:24 == 5;
          |               ^^ expected 8, 16 or 32"#]],
    );
}

#[test]
fn wide_field_in_arithmetic() {
    refused(
        "filter a = ether.src + 1 == 5;",
        expect![[r#"
        error: a field of 48 bits in arithmetic
         --> test.dpf:1:12
          |
        1 | filter a = ether.src + 1 == 5;
          |            ^^^^^^^^^ fields wider than 32 bits take `==`, `!=`, `in` and ordering only"#]],
    );
}

#[test]
fn wide_field_with_a_narrow_one() {
    refused(
        "filter a = ether.src == ip.src;",
        expect![[r#"
        error: a field of 48 bits compared with one of 32
         --> test.dpf:1:25
          |
        1 | filter a = ether.src == ip.src;
          |                         ^^^^^^ fields wider than 32 bits compare with constants and with fields as wide"#]],
    );
}

#[test]
fn wide_fields_of_two_widths() {
    refused(
        "filter a = ether.src == ip6.src;",
        expect![[r#"
        error: a field of 48 bits compared with one of 128
         --> test.dpf:1:25
          |
        1 | filter a = ether.src == ip6.src;
          |                         ^^^^^^^ fields wider than 32 bits compare with constants and with fields as wide"#]],
    );
}

#[test]
fn field_is_no_condition() {
    refused(
        "filter a = tcp.dport;",
        expect![[r#"
        error: expected a condition, found a number
         --> test.dpf:1:12
          |
        1 | filter a = tcp.dport;
          |            ^^^^^^^^^ expected a comparison or a header's name"#]],
    );
}

#[test]
fn header_is_no_number() {
    refused(
        "filter a = tcp == 6;",
        expect![[r#"
        error: expected a number, found a header
         --> test.dpf:1:12
          |
        1 | filter a = tcp == 6;
          |            ^^^ expected a number"#]],
    );
}

#[test]
fn constant_is_no_condition() {
    refused(
        "const P = 80;\nfilter a = P;",
        expect![[r#"
        error: expected a condition, found a number
         --> test.dpf:2:12
          |
        2 | filter a = P;
          |            ^ a constant"#]],
    );
}

#[test]
fn number_is_no_condition() {
    refused(
        "filter a = tcp && 1;",
        expect![[r#"
        error: expected a condition, found a number
         --> test.dpf:1:19
          |
        1 | filter a = tcp && 1;
          |                   ^ expected a comparison or a header's name"#]],
    );
}

#[test]
fn condition_is_no_number() {
    refused(
        "filter a = (tcp && udp) + 1 == 2;",
        expect![[r#"
        error: expected a number, found a condition
         --> test.dpf:1:13
          |
        1 | filter a = (tcp && udp) + 1 == 2;
          |             ^^^^^^^^^^ expected a number"#]],
    );
}

#[test]
fn set_is_no_number() {
    refused(
        "const WEB = { 80, 443 };\nfilter a = tcp.dport == WEB;",
        expect![[r#"
        error: expected a number, found a set
         --> test.dpf:2:25
          |
        2 | filter a = tcp.dport == WEB;
          |                         ^^^ expected a number
          |
          = help: membership is written `in`"#]],
    );
}

#[test]
fn not_binds_tightly() {
    refused(
        "filter a = !tcp.dport == 22;",
        expect![[r#"
        error: expected a number, found a condition
         --> test.dpf:1:12
          |
        1 | filter a = !tcp.dport == 22;
          |            ^^^^^^^^^^ `!` negates a condition
          |
          = help: to negate a comparison, put it in parentheses: `!(a == b)`"#]],
    );
}

#[test]
fn comparisons_do_not_chain() {
    refused(
        "filter a = 1 < tcp.dport < 1024;",
        expect![[r#"
        error: comparisons do not chain
         --> test.dpf:1:26
          |
        1 | filter a = 1 < tcp.dport < 1024;
          |                          ^ expected `&&`, `||` or the end of the condition
          |
          = help: write both comparisons, joined by `&&`"#]],
    );
}

#[test]
fn missing_semicolon() {
    refused(
        "filter a = tcp\nfilter b = udp;",
        expect![[r#"
        error: expected an operator or `;`, found `filter`
         --> test.dpf:2:1
          |
        2 | filter b = udp;
          | ^^^^^^ expected an operator or `;`"#]],
    );
}

#[test]
fn missing_operand() {
    refused(
        "filter a = tcp && ;",
        expect![[r#"
        error: expected an expression, found `;`
         --> test.dpf:1:19
          |
        1 | filter a = tcp && ;
          |                   ^ expected an expression"#]],
    );
}

#[test]
fn missing_parenthesis() {
    refused(
        "filter a = (tcp || udp;",
        expect![[r#"
        error: expected an operator or `)`, found `;`
         --> test.dpf:1:23
          |
        1 | filter a = (tcp || udp;
          |                       ^ expected an operator or `)`"#]],
    );
}

#[test]
fn missing_field_name() {
    refused(
        "filter a = tcp. == 5;",
        expect![[r#"
        error: expected a field's name, found `==`
         --> test.dpf:1:17
          |
        1 | filter a = tcp. == 5;
          |                 ^^ expected a field's name"#]],
    );
}

#[test]
fn missing_bits() {
    refused(
        "filter a = 12: == 5;",
        expect![[r#"
        error: expected how many bits to load: 8, 16 or 32, found `==`
         --> test.dpf:1:16
          |
        1 | filter a = 12: == 5;
          |                ^^ expected how many bits to load: 8, 16 or 32"#]],
    );
}

#[test]
fn missing_end() {
    refused(
        "filter a = tcp &&",
        expect![[r#"
        error: expected an expression, found the end of the text
         --> test.dpf:1:18
          |
        1 | filter a = tcp &&
          |                  ^ expected an expression"#]],
    );
}

#[test]
fn missing_comment_end() {
    refused(
        "filter a = tcp; /* and then",
        expect![[r#"
        error: expected `*/` after the comment, found none
         --> test.dpf:1:17
          |
        1 | filter a = tcp; /* and then
          |                 ^^ expected `*/` after the comment"#]],
    );
}

#[test]
fn single_equals() {
    refused(
        "filter a = tcp.dport = 22;",
        expect![[r#"
        error: expected an operator or `;`, found `=`
         --> test.dpf:1:22
          |
        1 | filter a = tcp.dport = 22;
          |                      ^ expected an operator or `;`
          |
          = help: this is written `==` here"#]],
    );
}

#[test]
fn unknown_item() {
    refused(
        "fliter a = tcp;",
        expect![[r#"
        error: expected `header`, `const`, `root` or `filter`, found `fliter`
         --> test.dpf:1:1
          |
        1 | fliter a = tcp;
          | ^^^^^^ no declaration
          |
          = help: did you mean `filter`?"#]],
    );
}

#[test]
fn keyword_as_name() {
    refused(
        "filter len = tcp;",
        expect![[r#"
        error: expected the filter's name, found the keyword `len`
         --> test.dpf:1:8
          |
        1 | filter len = tcp;
          |        ^^^ a keyword is no name"#]],
    );
}

#[test]
fn bad_ipv4() {
    refused(
        "filter a = ip.src == 10.0.0.256;",
        expect![[r#"
        error: `10.0.0.256` is not an address
         --> test.dpf:1:22
          |
        1 | filter a = ip.src == 10.0.0.256;
          |                      ^^^^^^^^^^ an IPv4 address is four numbers from 0 to 255"#]],
    );
}

#[test]
fn bad_ipv6() {
    refused(
        "filter a = ip6.src == 1::2::3;",
        expect![[r#"
        error: `1::2::3` is not an address
         --> test.dpf:1:23
          |
        1 | filter a = ip6.src == 1::2::3;
          |                       ^^^^^^^ neither an IPv6 address nor six pairs of a MAC address"#]],
    );
}

#[test]
fn bad_number() {
    refused(
        "filter a = tcp.dport == 22x;",
        expect![[r#"
        error: expected a number, found `22x`
         --> test.dpf:1:25
          |
        1 | filter a = tcp.dport == 22x;
          |                         ^^^ expected a number"#]],
    );
}

#[test]
fn number_too_large() {
    refused(
        "filter a = tcp.dport == 0x123456789012345678901234567890123;",
        expect![[r#"
        error: a number of more than 128 bits
         --> test.dpf:1:25
          |
        1 | filter a = tcp.dport == 0x123456789012345678901234567890123;
          |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ no field is as wide"#]],
    );
}

#[test]
fn stray_character() {
    refused(
        "filter a = tcp @ udp;",
        expect![[r#"
        error: expected an operator or `;`, found `@`
         --> test.dpf:1:16
          |
        1 | filter a = tcp @ udp;
          |                ^ expected an operator or `;`"#]],
    );
}

#[test]
fn clause_twice() {
    refused(
        "filter a owner 1 owner 2 = tcp;",
        expect![[r#"
        error: a clause twice
         --> test.dpf:1:18
          |
        1 | filter a owner 1 owner 2 = tcp;
          |                  ^^^^^ given already"#]],
    );
}

#[test]
fn owner_too_large() {
    refused(
        "filter a owner 4294967296 = tcp;",
        expect![[r#"
        error: an owner has 32 bits
         --> test.dpf:1:16
          |
        1 | filter a owner 4294967296 = tcp;
          |                ^^^^^^^^^^ too large"#]],
    );
}

#[test]
fn priority_too_large() {
    refused(
        "filter a priority -3000000000 = tcp;",
        expect![[r#"
        error: a priority has 31 bits and a sign
         --> test.dpf:1:20
          |
        1 | filter a priority -3000000000 = tcp;
          |                    ^^^^^^^^^^ too large"#]],
    );
}

#[test]
fn filter_twice() {
    refused(
        "filter a = tcp;\nfilter a = udp;",
        expect![[r#"
        error: a second filter called `a`
         --> test.dpf:2:8
          |
        1 | filter a = tcp;
          |        - declared first
        2 | filter a = udp;
          |        ^ declared again"#]],
    );
}

#[test]
fn header_twice() {
    refused(
        "header tcp { a: 8 } on ip.proto == 200",
        expect![[r#"
            error: a second header called `tcp`
               --> protocols.dpf:123:8
                |
            123 | header tcp {
                |        --- declared first
                |
               ::: test.dpf:1:8
                |
              1 | header tcp { a: 8 } on ip.proto == 200
                |        ^^^ declared again
                |
                = help: to add places where it may follow, leave the body out: `header NAME on …;`"#]],
    );
}

#[test]
fn constant_twice() {
    refused(
        "const A = 1;\nconst A = 2;",
        expect![[r#"
        error: a second header or constant called `A`
         --> test.dpf:2:7
          |
        1 | const A = 1;
          |       - declared first
        2 | const A = 2;
          |       ^ declared again"#]],
    );
}

#[test]
fn constant_called_as_a_header() {
    refused(
        "const tcp = 6;",
        expect![[r#"
            error: a second header or constant called `tcp`
               --> protocols.dpf:123:8
                |
            123 | header tcp {
                |        --- declared first
                |
               ::: test.dpf:1:7
                |
              1 | const tcp = 6;
                |       ^^^ declared again"#]],
    );
}

#[test]
fn constant_before_its_declaration() {
    refused(
        "const A = B;\nconst B = 1;",
        expect![[r#"
        error: nothing is called `B`
         --> test.dpf:1:11
          |
        1 | const A = B;
          |           ^ expected a header or a constant"#]],
    );
}

#[test]
fn constant_of_a_field() {
    refused(
        "const A = tcp.dport;",
        expect![[r#"
        error: not a constant
         --> test.dpf:1:11
          |
        1 | const A = tcp.dport;
          |           ^^^^^^^^^ expected a constant"#]],
    );
}

#[test]
fn constant_of_a_load() {
    refused(
        "const A = 0:8 + 1;",
        expect![[r#"
        error: not a constant
         --> test.dpf:1:11
          |
        1 | const A = 0:8 + 1;
          |           ^^^ expected a constant"#]],
    );
}

#[test]
fn field_twice() {
    refused(
        "header x { a: 8, a: 8 } on ether.type == 0x1234",
        expect![[r#"
        error: a second field called `a`
         --> test.dpf:1:18
          |
        1 | header x { a: 8, a: 8 } on ether.type == 0x1234
          |            -     ^ declared again
          |            |
          |            declared first"#]],
    );
}

#[test]
fn header_of_odd_width() {
    refused(
        "header x { a: 12 } on ether.type == 0x1234",
        expect![[r#"
        error: `x` has 12 bits, not a whole number of bytes
         --> test.dpf:1:8
          |
        1 | header x { a: 12 } on ether.type == 0x1234
          |        ^ what follows would begin inside a byte
          |
          = help: skip the rest with `_: 4`, or give its `size` in bytes"#]],
    );
}

#[test]
fn field_too_wide() {
    refused(
        "header x { a: 129 } on ether.type == 0x1234",
        expect![[r#"
        error: too many bits in a named field: 129 given, 128 allowed
         --> test.dpf:1:15
          |
        1 | header x { a: 129 } on ether.type == 0x1234
          |               ^^^ the limit is MAX_FIELD_BITS"#]],
    );
}

#[test]
fn field_of_no_bits() {
    refused(
        "header x { a: 0 } on ether.type == 0x1234",
        expect![[r#"
        error: a field of no bits
         --> test.dpf:1:15
          |
        1 | header x { a: 0 } on ether.type == 0x1234
          |               ^ expected at least 1"#]],
    );
}

#[test]
fn max_zero() {
    refused(
        "header x max 0 { a: 8 } on ether.type == 0x1234",
        expect![[r#"
        error: `max 0` is no header at all
         --> test.dpf:1:14
          |
        1 | header x max 0 { a: 8 } on ether.type == 0x1234
          |              ^ expected at least 1"#]],
    );
}

#[test]
fn max_too_large() {
    refused(
        "header x max 17 { a: 8 } on ether.type == 0x1234",
        expect![[r#"
        error: too many repetitions: 17 given, 16 allowed
         --> test.dpf:1:14
          |
        1 | header x max 17 { a: 8 } on ether.type == 0x1234
          |              ^^ the limit is MAX_REPETITION"#]],
    );
}

#[test]
fn size_too_small() {
    refused(
        "header x { a: 32 } size 3 on ether.type == 0x1234",
        expect![[r#"
        error: `x` can never be there: its fields take 4 bytes
         --> test.dpf:1:25
          |
        1 | header x { a: 32 } size 3 on ether.type == 0x1234
          |                         ^ smaller than the sum of its fields"#]],
    );
}

#[test]
fn size_of_another_header() {
    refused(
        "header x { a: 32 } size ip.ihl << 2 on ether.type == 0x1234",
        expect![[r#"
        error: expected a field of `x`
         --> test.dpf:1:25
          |
        1 | header x { a: 32 } size ip.ihl << 2 on ether.type == 0x1234
          |                         ^^^^^^ `size` and `where` speak of the header's own fields"#]],
    );
}

#[test]
fn on_two_headers() {
    refused(
        "header x { a: 8 } on ether.type == 0x1234 || vlan.type == 0x1234",
        expect![[r#"
        error: expected a field of `ether`
         --> test.dpf:1:46
          |
        1 | header x { a: 8 } on ether.type == 0x1234 || vlan.type == 0x1234
          |                                              ^^^^^^^^^ an `on` clause speaks of one header
          |
          = help: write one `on` clause for each header it may follow"#]],
    );
}

#[test]
fn on_no_header() {
    refused(
        "header x { a: 8 } on len > 5",
        expect![[r#"
        error: an `on` clause that names no header
         --> test.dpf:1:22
          |
        1 | header x { a: 8 } on len > 5
          |                      ^^^^^^^ expected a condition on the header before"#]],
    );
}

#[test]
fn body_clause_without_a_body() {
    refused(
        "header ip size 20 on ether.type == 0x1234;",
        expect![[r#"
        error: a clause without the header's body
         --> test.dpf:1:16
          |
        1 | header ip size 20 on ether.type == 0x1234;
          |                ^^ belongs to the header's declaration"#]],
    );
}

#[test]
fn siblings_overlap() {
    refused(
        "header x { a: 8 } on ether.type in 0x0700..0x0900",
        expect![[r#"
        error: `arp` and `x` may both follow `ether`
          --> protocols.dpf:40:5
           |
        40 |     on ether.type == 0x0806
           |     ----------------------- `arp` follows here
           |
          ::: test.dpf:1:19
           |
         1 | header x { a: 8 } on ether.type in 0x0700..0x0900
           |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `x` follows here
           |
           = help: both hold when `ether.type` = 0x806"#]],
    );
}

#[test]
fn siblings_overlap_on_two_fields() {
    refused(
        "header x { a: 8 } on ip.proto == 6 && ip.ttl == 1",
        expect![[r#"
            error: `tcp` and `x` may both follow `ip`
               --> protocols.dpf:129:5
                |
            129 |     on ip.proto == 6 && ip.frag == 0
                |     -------------------------------- `tcp` follows here
                |
               ::: test.dpf:1:19
                |
              1 | header x { a: 8 } on ip.proto == 6 && ip.ttl == 1
                |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `x` follows here
                |
                = help: both hold when `ip.frag` = 0, `ip.ttl` = 1, `ip.proto` = 6"#]],
    );
}

#[test]
fn siblings_overlap_always() {
    refused(
        "header x { a: 8 } on gre",
        expect![[r#"
        error: `ether` and `x` may both follow `gre`
          --> protocols.dpf:11:5
           |
        11 |     on gre.proto == 0x6558 && gre.r == 0 tunnel
           |     ------------------------------------------- `ether` follows here
           |
          ::: test.dpf:1:19
           |
         1 | header x { a: 8 } on gre
           |                   ^^^^^^ `x` follows here
           |
           = help: both hold when `gre.r` = 0, `gre.proto` = 0x6558"#]],
    );
}

#[test]
fn siblings_not_told_apart() {
    refused(
        "header x { a: 8 } on ether && 12:16 == 0x1234",
        expect![[r#"
        error: `vlan` and `x` are not seen to exclude each other behind `ether`
          --> protocols.dpf:30:5
           |
        30 |     on ether.type in { 0x8100, 0x88a8 }
           |     ----------------------------------- `vlan` follows here
           |
          ::: test.dpf:1:19
           |
         1 | header x { a: 8 } on ether && 12:16 == 0x1234
           |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^ `x` follows here
           |
           = help: conditions on fields against constants and sets can be told apart"#]],
    );
}

#[test]
fn never_follows() {
    refused(
        "filter a = arp/tcp.dport == 22;",
        expect![[r#"
        error: `tcp` never follows `arp`
         --> test.dpf:1:16
          |
        1 | filter a = arp/tcp.dport == 22;
          |                ^^^ no `on` clauses lead there through at most one tunnel"#]],
    );
}

#[test]
fn two_roots() {
    refused(
        "root ether;\nroot raw;",
        expect![[r#"
        error: two roots
         --> test.dpf:2:1
          |
        1 | root ether;
          | ----------- the first root
        2 | root raw;
          | ^^^^^^^^^ a second root"#]],
    );
}

#[test]
fn unknown_root() {
    refused(
        "root eth;",
        expect![[r#"
        error: no header is called `eth`
         --> test.dpf:1:6
          |
        1 | root eth;
          |      ^^^ expected the name of a header
          |
          = help: did you mean `ether`?"#]],
    );
}

#[test]
fn several_errors() {
    refused(
        "filter a = tcp.dprot == 1;\nfilter b = ip.scr == 1.2.3.4;\nfilter c = udp.dport in 9..1;",
        expect![[r#"
            error: `tcp` has no field called `dprot`
               --> protocols.dpf:123:8
                |
            123 | header tcp {
                |        --- the header is declared here
                |
               ::: test.dpf:1:16
                |
              1 | filter a = tcp.dprot == 1;
                |                ^^^^^ unknown field
                |
                = help: did you mean `dport`?

            error: `ip` has no field called `scr`
              --> protocols.dpf:58:8
               |
            58 | header ip {
               |        -- the header is declared here
               |
              ::: test.dpf:2:15
               |
             2 | filter b = ip.scr == 1.2.3.4;
               |               ^^^ unknown field
               |
               = help: did you mean `src`?

            error: an empty range
             --> test.dpf:3:25
              |
            3 | filter c = udp.dport in 9..1;
              |                         ^^^^ the first value is the larger
              |
              = help: write the smaller value first; both ends are included"#]],
    );
}

#[test]
fn mixed_constant() {
    refused(
        "const X = { 00:11:22:33:44:55, 10.0.0.1 };",
        expect![[r#"
        error: an IPv4 address beside a MAC address
         --> test.dpf:1:32
          |
        1 | const X = { 00:11:22:33:44:55, 10.0.0.1 };
          |                                ^^^^^^^^ a set has elements of one kind"#]],
    );
}

#[test]
fn shift_in_where() {
    refused(
        "header x { a: 8 } where shift(1) && 0:8 == 4\n    on ether.type == 0x1234",
        expect![[r#"
        error: a shift in a header's declaration
         --> test.dpf:1:25
          |
        1 | header x { a: 8 } where shift(1) && 0:8 == 4
          |                         ^^^^^^^^ give the header's `size` instead"#]],
    );
}

#[test]
fn words_for_operators() {
    refused(
        "filter a = tcp and udp;",
        expect![[r#"
        error: expected an operator or `;`, found `and`
         --> test.dpf:1:16
          |
        1 | filter a = tcp and udp;
          |                ^^^ expected an operator or `;`
          |
          = help: this is written `&&` here"#]],
    );
}

#[test]
fn nested_set() {
    refused(
        "const X = { 1, { 2 } };",
        expect![[r#"
        error: expected an expression, found `{`
         --> test.dpf:1:16
          |
        1 | const X = { 1, { 2 } };
          |                ^ expected an expression"#]],
    );
}

#[test]
fn depth() {
    refused(
        "filter a = ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((tcp))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))));",
        expect![[r#"
        error: too many levels in one expression: 65 given, 64 allowed
         --> test.dpf:1:77
          |
        1 | filter a = ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((tcp)))))))))))))))))))))))))))))))))))))))))))))))))))...
          |                                                                             ^ the limit is MAX_DEPTH"#]],
    );
}

#[test]
fn abbreviated_field() {
    refused(
        "filter a = ip.protocol == 6;",
        expect![[r#"
        error: `ip` has no field called `protocol`
          --> protocols.dpf:58:8
           |
        58 | header ip {
           |        -- the header is declared here
           |
          ::: test.dpf:1:15
           |
         1 | filter a = ip.protocol == 6;
           |               ^^^^^^^^ unknown field
           |
           = help: did you mean `proto`?"#]],
    );
}

/// A limit says its name, what was given and what is allowed, and every one bites.
#[test]
fn limits_bite() {
    let long = "x".repeat(300);
    let many = |count: usize, piece: &str, separator: &str| vec![piece; count].join(separator);
    let numbered =
        |count: usize, item: fn(usize) -> String| (0..count).map(item).collect::<String>();
    let cases = [
        ("MAX_NAME_BYTES", format!("filter {long} = tcp;")),
        (
            "MAX_DEPTH",
            format!("filter a = {}1 == 1;", many(70, "1 + ", "")),
        ),
        (
            "MAX_DEPTH",
            format!("filter a = {}(tcp);", "!".repeat(100_000)),
        ),
        ("MAX_DEPTH", format!("filter a = {}", "(".repeat(100_000))),
        (
            "MAX_DEPTH",
            format!("filter a = {}0:8 == 1;", "shift(1) && ".repeat(65)),
        ),
        (
            "MAX_OPERANDS",
            format!("filter a = {};", many(65_537, "tcp", "||")),
        ),
        (
            "MAX_HEADERS",
            numbered(256, |n| format!("header h{n} {{}} ")),
        ),
        (
            "MAX_FIELDS",
            format!("header h {{ {} }}", many(257, "_: 8", ",")),
        ),
        ("MAX_FIELD_BITS", "header h { a: 200 }".to_string()),
        ("MAX_HEADER_BYTES", "header h { _: 524288 }".to_string()),
        ("MAX_REPETITION", "header h max 99 {}".to_string()),
        (
            "MAX_EDGES",
            format!("header h {{}} {}", many(257, "on gre.proto == 1", " ")),
        ),
        (
            "MAX_CONSTANTS",
            numbered(65_537, |n| format!("const C{n} = 1;")),
        ),
        (
            "MAX_FILTERS",
            numbered(262_145, |n| format!("filter f{n}=tcp;")),
        ),
        (
            "MAX_PATH_STEPS",
            format!("filter a = {};", many(17, "ip", "/")),
        ),
        (
            "MAX_PLACES",
            format!(
                "filter a = {};",
                (1..17)
                    .flat_map(|n| ["tcp", "udp", "icmp", "gre", "ip6"].map(|last| vec![
                        "ip";
                        n.min(15)
                    ]
                    .join("/")
                        + "/"
                        + last))
                    .collect::<Vec<_>>()
                    .join("||")
            ),
        ),
        (
            "MAX_SET_ELEMENTS",
            format!(
                "const S = {{ {} }}; const T = {{ {} }};",
                numbered(60_000, |n| format!("{},", 2 * n)),
                many(20, "S", ",")
            ),
        ),
        ("MAX_SOURCE_BYTES", " ".repeat((32 << 20) + 1)),
    ];
    for (name, text) in cases {
        let Err(errors) = Program::parse(&text, "test.dpf", true) else {
            panic!("{name}: accepted")
        };
        let passed = errors.list()[0]
            .passed()
            .unwrap_or_else(|| panic!("{name}: {}", errors.list()[0].title()));
        assert_eq!(passed.name, name);
        assert!(passed.given > passed.limit, "{passed:?}");
    }
    let sources = vec![Source::expression("e", "tcp"); 4_097];
    let errors = Program::load(sources, false).expect_err("MAX_SOURCES");
    assert_eq!(
        errors.list()[0].passed().map(|limit| limit.name),
        Some("MAX_SOURCES")
    );
}

/// Only the first errors are kept, and the rest counted.
#[test]
fn many_errors() {
    let text = "filter a = tcp.x == 1;".repeat(100);
    let errors = Program::parse(&text, "test.dpf", true).expect_err("accepted");
    assert_eq!(errors.list().len(), limits::MAX_ERRORS);
    assert!(errors.to_string().ends_with("more errors"), "{errors}");
}

/// A diagram shows what is near the mistake, however long the text or the line.
#[test]
fn diagrams_of_large_texts_are_small() {
    let far = format!(
        "{}filter a = tcp.dport == 70000;",
        "# comment\n".repeat(100_000)
    );
    let Err(errors) = Program::parse(&far, "test.dpf", true) else {
        panic!("accepted")
    };
    expect![[r#"
        error: a value that does not fit `tcp.dport`, which has 16 bits
              --> test.dpf:100001:25
               |
        100001 | filter a = tcp.dport == 70000;
               |                         ^^^^^ at most 65535"#]]
    .assert_eq(&errors.to_string());
    let wide = format!("filter a = {}tcp.dport == 70000;", " ".repeat(1_000_000));
    let Err(errors) = Program::parse(&wide, "test.dpf", true) else {
        panic!("accepted")
    };
    expect![[r#"
        error: a value that does not fit `tcp.dport`, which has 16 bits
         --> test.dpf:1:61
          |
        1 | ...                   tcp.dport == 70000;
          |                                    ^^^^^ at most 65535"#]]
    .assert_eq(&errors.to_string());
    let apart = format!("filter a = tcp;{}filter a = tcp;", "\n".repeat(100_000));
    let Err(errors) = Program::parse(&apart, "test.dpf", true) else {
        panic!("accepted")
    };
    expect![[r#"
        error: a second filter called `a`
              --> test.dpf:100001:8
               |
        100001 | filter a = tcp;
               |        ^ declared again
               |
              ::: test.dpf:1:8
               |
             1 | filter a = tcp;
               |        - declared first"#]]
    .assert_eq(&errors.to_string());
}
