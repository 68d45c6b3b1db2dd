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
