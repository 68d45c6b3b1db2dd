//! The trie against the oracle.

use alloc::{string::String, vec::Vec};

use super::{Change, ErrorKind, Limits, Set};
use crate::dispatch::Shared;
use crate::filter::lower;
use crate::fuzzing::engines::{Tally, script};
use crate::syntax::Program;

#[test]
fn random_scripts_agree_with_the_oracle() {
    let mut tally = Tally::default();
    for seed in 0..200 {
        script(seed, &mut [], &mut tally);
    }
    assert!(tally.installed > 20 * tally.refused, "{tally:?}");
    assert!(tally.accepted * 8 > tally.pairs, "{tally:?}");
}

/// The filters of a text, as a monitoring set.
fn set_of(text: &str) -> Set {
    let program = Program::parse(text, "test", true).unwrap();
    let filters = lower(&program).unwrap();
    let list: Vec<_> = filters
        .iter()
        .enumerate()
        .map(|(at, lowered)| (&lowered.filter, at as u32, (filters.len() - at) as u32))
        .collect();
    let mut set = Set::new(Limits::default(), 3);
    assert_eq!(set.insert_many(&list).unwrap(), Change::Code);
    set
}

#[test]
fn flows_by_name_make_one_group() {
    let flow = |at: u32| {
        alloc::format!(
            "filter f{at} = ip.src == 10.0.{}.{} && ip.dst == 192.12.69.1 && tcp.sport == {} && tcp.dport == 80;\n",
            at / 250,
            1 + at % 250,
            1024 + at
        )
    };
    let text: String = (0..300).map(flow).collect();
    let mut set = set_of(&text);
    assert_eq!(set.groups(), 1);
    assert!(set.trie().steps().len() < 200, "{}", set.trie());
    assert_eq!(set.remove(7), Some(Change::Data));
    assert_eq!(set.remove(7), None);
}

#[test]
fn the_examples_of_the_language_make_a_small_trie() {
    let set = set_of(include_str!("../../../testdata/filters/language.dpf"));
    assert!(
        set.trie().steps().len() < 8000,
        "{} steps",
        set.trie().steps().len()
    );
}

#[test]
fn what_a_limit_refuses_changes_nothing() {
    let mut set = Set::new(Limits { groups: 1 }, 3);
    let program =
        Program::parse("filter a = len >= 60; filter b = len >= 70;", "test", true).unwrap();
    let filters = lower(&program).unwrap();
    assert_eq!(set.insert(&filters[0].filter, 0, 0).unwrap(), Change::Code);
    let before = set.trie().clone();
    let error = set.insert(&filters[1].filter, 1, 0).unwrap_err();
    assert_eq!(
        (error.kind(), error.given(), error.allowed()),
        (ErrorKind::Groups, 2, 1)
    );
    assert!(Shared::ptr_eq(&before, set.trie()));
    assert_eq!(set.len(), 1);
}

/// Filters of one form, each with another number.
fn numbered(form: &str, count: u32) -> Vec<crate::filter::Filter> {
    let text: String = (0..count)
        .map(|at| {
            let address = alloc::format!("10.1.{}.{}", at >> 8, at & 255);
            let condition = form
                .replace("PORT", &alloc::format!("{}", 1024 + at))
                .replace("ADDRESS", &address);
            alloc::format!("filter f{at} = {condition};\n")
        })
        .collect();
    let program = Program::parse(&text, "test", true).unwrap();
    let lowered = lower(&program).unwrap();
    lowered.into_iter().map(|lowered| lowered.filter).collect()
}

/// A port is one header's field however many headers lead to it: IPv4, IPv6, its extensions.
#[test]
fn fields_behind_several_parents_are_keys() {
    const COUNT: u32 = 1000;
    for form in [
        "udp.dport == PORT",
        "udp.sport == PORT",
        "ip && udp.dport == PORT",
        "ip6 && udp.dport == PORT",
        "udp.sport == 53 && udp.dport == PORT",
        "tcp.dport == PORT",
        "ip && tcp.dport == PORT",
        "tcp.dport == PORT && tcp.flags & 0x12 == 0x02",
        "icmp.id == PORT",
        "icmp6.id == PORT",
        "arp.tpa == ADDRESS",
        "gre/ip/udp.dport == PORT",
    ] {
        let mut set = Set::new(Limits::default(), 3);
        let mut code = 0;
        for (at, filter) in (0..).zip(numbered(form, COUNT)) {
            let change = set.insert(&filter, at, COUNT - at).unwrap();
            code += u32::from(change == Change::Code);
            assert_eq!(set.groups(), 1, "{form}: number {at}");
        }
        // The first, the second, whose key differs, and each new table as they grow.
        assert!(code <= 2 * COUNT.ilog2(), "{form}: new code {code} times");
        let steps = set.trie().steps().len();
        assert!(steps <= 600, "{form}: {steps} steps\n{}", set.trie());
    }
}
