//! The trie against the oracle.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Change, ErrorKind, Limits, Set};
use crate::dispatch::Shared;
use crate::filter::{Filter, lower};
use crate::fuzzing::engines::{Tally, script};
use crate::fuzzing::{Random, packet};
use crate::syntax::Program;
use crate::{interp, walk};

#[test]
fn random_scripts_agree_with_the_oracle() {
    let mut tally = Tally::default();
    for seed in 0..200 {
        script(seed, &mut [], &mut tally);
    }
    assert!(tally.installed > 20 * tally.refused, "{tally:?}");
    assert!(tally.accepted * 8 > tally.pairs, "{tally:?}");
    assert!(tally.blocks > 1000, "{tally:?}");
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
    let mut set = Set::new(
        Limits {
            groups: 1,
            ..Limits::default()
        },
        3,
    );
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
        "vlan && udp.dport == PORT",
        "vlan.vid == 5 && ip && tcp.dport == PORT",
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

/// A rule of an address prefix, a range of ports and, for some, a protocol.
fn rule(at: u32, random: &mut Random) -> String {
    let mut text = alloc::format!("filter r{at} = 12:16 == 0x0800 && 14:8 == 0x45");
    for place in [26, 30] {
        let length = 4 + random.below(29);
        let address = random.bits() as u32 & (u32::MAX << (32 - length));
        let address = core::net::Ipv4Addr::from(address);
        text += &alloc::format!(" && {place}:32 in {address}/{length}");
    }
    let port = random.below(60_000);
    if !random.one_in(3) {
        text += &alloc::format!(" && 36:16 in {port}..{}", port + random.below(5000));
    }
    if !random.one_in(3) {
        text += &alloc::format!(" && 23:8 == {}", [6, 17, 1][random.below(3) as usize]);
    }
    text + ";\n"
}

fn rules(count: u32, seed: u64) -> String {
    let mut random = Random::new(seed);
    (0..count).map(|at| rule(at, &mut random)).collect()
}

#[test]
fn rules_of_many_shapes_are_one_block_behind_what_all_share() {
    let set = set_of(&rules(200, 1));
    let trie = set.trie();
    assert!(set.groups() > 100 && trie.unlisted().is_none());
    // Ports end at 38, other rules need less: a block for each.
    let [all, fewer] = trie.blocks() else {
        panic!("{trie}")
    };
    assert_eq!(all.rules().len(), 200, "{trie}");
    assert!(fewer.rules().len() < 200, "{trie}");
    assert_eq!(all.axes().len(), 4, "{trie}");
    assert!(
        trie.to_string()
            .contains("first of 200 rules by 23:8 26:32 30:32 36:16"),
        "{trie}"
    );
}

#[test]
fn few_shapes_and_large_groups_are_looked_up() {
    let mut set = set_of(&rules(15, 2));
    assert!(set.trie().blocks().is_empty(), "{}", set.trie());
    let flow = |at: u32| alloc::format!("filter f{at} = 12:16 == 0x86dd && 20:32 == {at};\n");
    let more: String = (0..70).map(flow).collect();
    let program = Program::parse(&more, "test", true).unwrap();
    for (at, lowered) in (0..).zip(&lower(&program).unwrap()) {
        let change = set.insert(&lowered.filter, 100 + at, 1).unwrap();
        let blocks = set.trie().blocks().len();
        // With its first member there are sixteen groups; at the 65th it is too large again.
        assert_eq!(blocks > 0, at < 64, "{at}: {}", set.trie());
        if at > 64 {
            assert_eq!(change, Change::Data, "{at}");
        }
    }
    for at in (10..70).rev() {
        assert!(set.remove(100 + at).is_some());
        assert_eq!(set.trie().blocks().is_empty(), at > 64, "{at}");
    }
}

#[test]
fn the_blocks_do_not_depend_on_the_order() {
    let text = rules(60, 3);
    let program = Program::parse(&text, "test", true).unwrap();
    let filters = lower(&program).unwrap();
    let shown = |order: &mut dyn Iterator<Item = u32>, extra: bool| {
        let mut set = Set::new(Limits::default(), 3);
        for at in order {
            let _ = set
                .insert(&filters[at as usize].filter, at, 1000 - at)
                .unwrap();
        }
        if extra {
            for at in 50..60 {
                assert!(set.remove(at).is_some());
            }
        }
        let blocks = set.trie().blocks().iter();
        let mut blocks: Vec<_> = blocks
            .map(|block| (block.axes().to_vec(), block.rules().to_vec()))
            .collect();
        blocks.sort_by_key(|(_, rules)| rules.len());
        blocks
    };
    let forwards = shown(&mut (0..50), false);
    assert_eq!(forwards, shown(&mut (0..50).rev(), false));
    assert_eq!(forwards, shown(&mut (0..60).rev(), true));
}

#[test]
fn what_passes_the_limit_of_vectors_is_looked_up_and_says_so() {
    let text = rules(2500, 4);
    let set = set_of(&text);
    let trie = set.trie();
    let why = trie.unlisted().expect("too much for blocks");
    assert_eq!(why.kind(), ErrorKind::Vectors);
    assert!(why.given() > why.allowed());
    assert!(trie.blocks().is_empty());
    assert!(trie.to_string().starts_with("group by group: "));
    let program = Program::parse(&text, "test", true).unwrap();
    let filters = lower(&program).unwrap();
    let mut random = Random::new(9);
    for _ in 0..200 {
        let towards = &random.pick(&filters).filter;
        let packet = packet(towards, &mut random);
        let accepts = |filter: &Filter| interp::accepts(filter, &packet.bytes, packet.wirelen);
        let first = filters.iter().position(|lowered| accepts(&lowered.filter));
        let winner = walk::classify(trie, &packet.bytes, packet.wirelen);
        assert_eq!(winner, first.map(|at| at as u32), "{packet:?}");
    }
}
