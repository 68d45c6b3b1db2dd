//! The formatter: what it makes, that it loses nothing, and that it is done when it is done.

use expect_test::{Expect, expect};

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "how expect-test is used")]
fn formats(text: &str, expected: Expect) {
    let once = format(text, "test.dpf").unwrap_or_else(|errors| panic!("{errors}"));
    expected.assert_eq(&once);
    assert_eq!(
        format(&once, "test.dpf").unwrap(),
        once,
        "formatting again changes something"
    );
}

#[test]
fn spacing_is_normal() {
    formats(
        "filter   a=tcp.dport==22&&! (ip.ttl<5||ip.ttl>200 ) ;const X={1 ,2,3..5,};root ether;",
        expect![[r#"
        filter a = tcp.dport == 22 && !(ip.ttl < 5 || ip.ttl > 200);
        const X = { 1, 2, 3..5 };
        root ether;
    "#]],
    );
}

#[test]
fn comments_stay() {
    formats(
        "# first
// second

/* third */ filter a = tcp; # behind a
# before b
filter b = # why
   tcp.dport == 22 /* ssh */ && # and
   # from home
   ip.src == 10.0.0.1
   ; # done

header x {
  a: 8, # first
  # then
  b: 8
} # behind the body
  # before the place
  on ether.type == 0x1234 # behind the place
const S = { 1, # one
  2 /* two */ };
filter c = 12 /* in an atom */ : 16 == 5;


# last
",
        expect![[r#"
            # first
            // second

            /* third */
            filter a = tcp; # behind a
            # before b
            filter b =
                # why
                tcp.dport == 22 /* ssh */
                # and
                # from home
                && ip.src == 10.0.0.1; # done

            header x {
                a: 8, # first
                # then
                b: 8,
            }
                # behind the body
                # before the place
                on ether.type == 0x1234 # behind the place
            const S = {
                1, # one
                2, /* two */
            };
            filter c = 12:16 == 5; /* in an atom */

            # last
        "#]],
    );
}

#[test]
fn long_lines_break() {
    formats(
        "filter long = ip.src == 192.12.69.1 && ip.dst == 192.12.69.2 && (tcp.sport == 1234 || tcp.dport == 4321 || udp.sport == 1234 || udp.dport == 4321 || ip.ttl == 255) && ip.src in { 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, 10.0.0.8, 10.0.0.9, 10.0.0.10, 10.0.0.11 };
filter either = ip.src == 192.12.69.1 && ip.dst == 192.12.69.2 || ip.src == 192.12.69.2 && ip.dst == 192.12.69.1 || arp;
header ip on x.type == 5;
header y { a_field_with_a_name: 16, another_field_with_a_name: 16, a_third_field_with_a_name: 16, a_fourth: 16 } where a_fourth == 1 size 8 on ether.type == 5 tunnel;
header z max 3 {}",
        expect![[r#"
            filter long =
                ip.src == 192.12.69.1
                && ip.dst == 192.12.69.2
                && (
                    tcp.sport == 1234
                    || tcp.dport == 4321
                    || udp.sport == 1234
                    || udp.dport == 4321
                    || ip.ttl == 255
                )
                && ip.src in {
                    10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, 10.0.0.8, 10.0.0.9,
                    10.0.0.10, 10.0.0.11,
                };
            filter either =
                ip.src == 192.12.69.1 && ip.dst == 192.12.69.2
                || ip.src == 192.12.69.2 && ip.dst == 192.12.69.1
                || arp;
            header ip on x.type == 5;
            header y {
                a_field_with_a_name: 16, another_field_with_a_name: 16, a_third_field_with_a_name: 16,
                a_fourth: 16,
            }
                size 8
                where a_fourth == 1
                on ether.type == 5 tunnel
            header z max 3 {}
        "#]],
    );
}
