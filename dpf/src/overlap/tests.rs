//! Filters as users write them, related by hand.

use alloc::{format, string::String, vec::Vec};

use super::*;
use crate::{
    filter::{Node, NodeId, Test, lower},
    fuzzing::{Draw, Random, filter, overlap::check_witnesses},
    syntax::Program,
};

fn filters(conditions: &[&str]) -> Vec<Filter> {
    let lines: Vec<String> = conditions
        .iter()
        .enumerate()
        .map(|(at, text)| format!("filter f{at} = {text};"))
        .collect();
    let program = match Program::parse(&lines.join("\n"), "test", true) {
        Ok(program) => program,
        Err(errors) => panic!("{errors}"),
    };
    match lower(&program) {
        Ok(lowered) => lowered.into_iter().map(|lowered| lowered.filter).collect(),
        Err(error) => panic!("{error:?}"),
    }
}

/// `=` equal, `<` the first inside the second, `>` around it, `x` crossing, `|` disjoint.
fn sign(relation: &Relation) -> char {
    match relation {
        Relation::Disjoint => '|',
        Relation::Equal { .. } => '=',
        Relation::AInB { .. } => '<',
        Relation::BInA { .. } => '>',
        Relation::Crossing { .. } => 'x',
        Relation::CannotTell(_) => '?',
    }
}

const PAIRS: &[(&str, char, &str)] = &[
    ("tcp.dport == 22", '|', "tcp.dport == 80"),
    ("tcp.dport == 22", '|', "udp.dport == 53"),
    ("tcp.dport == 22", '<', "tcp"),
    ("tcp.dport == 22", '<', "tcp.dport in 1..100"),
    ("tcp.dport == 22", 'x', "tcp.sport == 22"),
    (
        "tcp.dport == 22",
        'x',
        "ip.dst in 10.0.0.0/8 && tcp.dport == 22 || udp.dport == 5",
    ),
    (
        "tcp.dport == 22",
        '>',
        "ip.dst in 10.0.0.0/8 && tcp.dport == 22",
    ),
    ("tcp.dport == 22", '|', "!(tcp.dport == 22)"),
    ("tcp.dport == 22", '|', "tcp.dport != 22"),
    ("udp", '<', "!(tcp.dport == 22)"),
    ("tcp.dport != 22", '<', "!(tcp.dport == 22)"),
    ("tcp", 'x', "!(tcp.dport == 22)"),
    ("ip.dst in 10.0.0.0/8", '>', "ip.dst in 10.1.0.0/16"),
    ("ip.dst in 10.0.0.0/8", '|', "ip.dst in 11.0.0.0/8"),
    (
        "ip.dst in {10.0.0.0/8, 127.0.0.0/8}",
        '>',
        "ip.dst == 127.0.0.1",
    ),
    ("ip", '|', "ip6"),
    ("ip", '|', "arp"),
    ("vlan", 'x', "ip"),
    ("vlan.vid == 7", 'x', "tcp.dport == 22"),
    ("vlan.vid == 7", '|', "vlan.vid == 8"),
    ("ip.src == ip.dst", '<', "ip"),
    ("ip.src == ip.dst", 'x', "ip.src == 10.0.0.1"),
    (
        "ip.src == ip.dst",
        '|',
        "ip.src == 10.0.0.1 && ip.dst == 10.0.0.2",
    ),
    (
        "ip.src == ip.dst",
        '|',
        "ip.src in 10.0.0.0/8 && ip.dst in 192.168.0.0/16",
    ),
    ("ip.src < ip.dst", '|', "ip.src == ip.dst"),
    ("ip.src < ip.dst", '|', "ip.src > ip.dst"),
    ("ip.src < ip.dst", '<', "ip.src != ip.dst"),
    (
        "ip.src < ip.dst && ip.dst < 10.0.0.0",
        '<',
        "ip.src < 10.0.0.0",
    ),
    (
        "tcp.flags & 0x12 == 0x02",
        'x',
        "tcp.flags & 0x10 == 0x10 || tcp.dport == 1",
    ),
    ("tcp.flags & 0x12 == 0x02", '>', "tcp.flags == 0x02"),
    ("len >= 1000", 'x', "tcp.dport == 22"),
    ("len >= 1000", '|', "len < 1000"),
    ("ether && len < 14", '<', "ether"),
    ("udp.dport == 53 || udp.sport == 53", '>', "udp.sport == 53"),
    ("udp.dport == 53 || udp.sport == 53", '<', "udp"),
    ("gre/ip/tcp.dport == 80", 'x', "ip.src == 10.0.0.1"),
    ("gre/ip/tcp.dport == 80", '<', "gre"),
    ("gre/ip/tcp.dport == 80", '|', "tcp.dport == 80"),
    ("ip6.src == 2001:db8::1", '|', "ip6.src == 2001:db8::2"),
    ("ip6.src == 2001:db8::1", '<', "ip6.src in 2001:db8::/32"),
    ("ip6.src == ip6.dst", '<', "ip6"),
    (
        "ether.dst == 00:11:22:33:44:55",
        'x',
        "ether.src == 00:11:22:33:44:55",
    ),
    ("icmp.type == 8", '<', "icmp"),
    ("ip.ttl - 1 == 4", '=', "ip.ttl == 5"),
    ("ip.length + 14 == len", '<', "ip"),
    (
        "12:16 == 0x800 && 14:8 == 0x45 && 23:8 == 6 && 20:16 & 0x1fff == 0 && 46:8 >= 0x50 && 36:16 == 22 && len >= 38",
        '<',
        "tcp.dport == 22",
    ),
    (
        "12:16 == 0x800 && 14:8 == 0x45 && 23:8 == 6 && 20:16 & 0x1fff == 0 && 46:8 >= 0x50 && 36:16 == 22 && len >= 54 && 46:8 < 0x60",
        '<',
        "tcp.dport == 22",
    ),
];

#[test]
fn relations_are_those_worked_out_by_hand() {
    for (left, expected, right) in PAIRS {
        let both = filters(&[left, right]);
        let relation = relate(&both[0], &both[1], &mut Budget::default());
        assert_eq!(
            sign(&relation),
            *expected,
            "{left} and {right}: {relation:?}"
        );
        check_witnesses(&both[0], &both[1], &relation);
        let mirrored = match sign(&relation) {
            '<' => '>',
            '>' => '<',
            same => same,
        };
        assert_eq!(
            sign(&relate(&both[1], &both[0], &mut Budget::default())),
            mirrored,
            "{right} and {left}"
        );
    }
}

fn pattern(filter: &Filter) -> generic::Pattern<'_> {
    let free = &[];
    generic::Pattern { filter, free }
}

#[test]
fn protocols_and_constants_exclude_each_other_at_a_glance_but_keys_do_not() {
    let all = filters(&[
        "12:16 == 2048 && shift(14) && 9:8 == 6 && shift(20) && 2:16 == 80",
        "12:16 == 2048 && shift(14) && 9:8 == 17 && shift(20) && 2:16 == 80",
        "12:16 == 2048 && shift(14) && 9:8 == 6 && shift(20) && 2:16 == 81",
        "12:16 == 2048 && shift(14) && 9:8 == 6 && shift((0:8 & 15) << 2) && 2:16 == 80",
        "12:16 == 2048 && shift(14) && 9:8 == 6 && shift((0:8 & 15) << 2) && 2:16 == 81",
    ]);
    let excluded = |a: usize, b: usize| exclude::visibly(pattern(&all[a]), pattern(&all[b]));
    assert!(excluded(0, 1) && excluded(1, 0));
    assert!(excluded(0, 2) && excluded(3, 4));
    // At different bases, so that the search must say.
    assert!(!excluded(0, 4) && !excluded(0, 3));
    for (at, filter) in all.iter().enumerate() {
        assert!(!excluded(at, at), "{filter}");
    }
    let is_port = |node: &Node| match node {
        Node::Test(Test::Bits { set, .. }) => set.as_single() == Some(81),
        _ => false,
    };
    let port = all[2].nodes().iter().position(is_port).unwrap();
    let keyed = [NodeId(port as u32)];
    let free = generic::Pattern {
        filter: &all[2],
        free: &keyed,
    };
    assert!(!exclude::visibly(pattern(&all[0]), free));
}

/// Random filters that exclude each other at a glance are disjoint, and one of which a packet was
/// guessed is not disjoint to itself.
#[test]
fn glances_and_guesses_agree_with_the_search() {
    let (mut excluded, mut guessed) = (0, 0);
    let draw = |seed: u64| {
        let mut draw = Draw {
            structure: Random::new(seed),
            constants: Random::new(seed),
            omissions: None,
            depth: 2,
            expressions: false,
        };
        filter(&mut draw).ok()
    };
    for seed in 0..4000 {
        let (Some(a), Some(b)) = (draw(seed), draw(seed + 100_000)) else {
            continue;
        };
        let related = |a, b| relate(a, b, &mut Budget::new(DEFAULT_STEPS));
        if exclude::visibly(pattern(&a), pattern(&b)) {
            excluded += 1;
            let relation = related(&a, &b);
            assert!(
                matches!(relation, Relation::Disjoint | Relation::CannotTell(_)),
                "{a}\n{b}\n{relation:?}"
            );
        }
        if guess::accepts_one(&a) {
            guessed += 1;
            assert!(!matches!(related(&a, &a), Relation::Disjoint), "{a}");
        }
    }
    assert!(excluded > 50 && guessed > 1000, "{excluded}, {guessed}");
}
