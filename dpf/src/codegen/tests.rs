//! Code against the oracle, and that there is code.

use alloc::{format, string::String, vec::Vec};

use vcode::{Assembler, x64::X64};

use super::{Entry, emit, tables};
use crate::check::{Policy, x64::prove};
use crate::filter::{BinaryOp, CompareOp, Expr, Filter, Pool, Test, lower};
use crate::fuzzing::{
    Draw, Packet, Random,
    engines::{Engine, Tally, script},
    filter,
    native::Native,
    packet,
};
use crate::interp;
use crate::syntax::Program;
use crate::trie::{GroupId, Limits, Set};

/// Packets that each large set is asked about.
const PACKETS: usize = 400;

#[test]
fn code_agrees_with_the_oracle() {
    let (mut native, mut tally) = (Native::<X64>::new(0), Tally::default());
    for seed in 0..200 {
        script(seed, &mut [&mut native], &mut tally);
    }
    assert_eq!(native.refused, 0, "of {}", tally.installed);
}

/// The filters of every file that is shipped.
fn shipped() -> Vec<Filter> {
    let files = [
        include_str!("../../../testdata/filters/demo.dpf"),
        include_str!("../../../testdata/filters/intrusion.dpf"),
        include_str!("../../../testdata/filters/language.dpf"),
        include_str!("../../../testdata/filters/mpls.dpf"),
        include_str!("../../../testdata/filters/pppoe.dpf"),
        include_str!("../../../testdata/filters/server.dpf"),
    ];
    let lowered = files.iter().flat_map(|text| {
        let program = Program::parse(text, "shipped", true).unwrap();
        lower(&program).unwrap()
    });
    lowered.map(|lowered| lowered.filter).collect()
}

/// A set of the filters, the first of which wins.
fn set_of(filters: &[Filter]) -> Set {
    let ranked = filters
        .iter()
        .zip((0u32..).map(|entry| (entry, filters.len() as u32 - entry)));
    let list: Vec<_> = ranked
        .map(|(filter, (entry, rank))| (filter, entry, rank))
        .collect();
    let mut set = Set::new(Limits::default(), 5);
    let _ = set.insert_many(&list).unwrap();
    set
}

/// Makes code of everything in the set, and asks it about packets drawn towards the filters.
fn compiles(filters: &[Filter], set: &Set, seed: u64) {
    let mut native = Native::<X64>::new(0);
    assert!(native.load(set), "no code: {}", set.trie());
    let mut random = Random::new(seed);
    for _ in 0..PACKETS {
        let Packet { bytes, wirelen } = packet(random.pick(filters), &mut random);
        let accepting = (0u32..).zip(filters);
        let all: Vec<u32> = accepting
            .filter(|(_, filter)| interp::accepts(filter, &bytes, wirelen))
            .map(|(entry, _)| entry)
            .collect();
        let packet = Packet { bytes, wirelen };
        assert_eq!(native.classify(&packet), all.first().copied(), "{packet:?}");
        assert_eq!(native.classify_all(&packet), all, "{packet:?}");
    }
}

/// How many bytes of frame the function for the winner has.
fn frame(set: &Set) -> u32 {
    let mut assembler = Assembler::new(X64::new());
    let code = emit(set.trie(), Entry::Best, &mut assembler).unwrap();
    let policy = Policy::filter(&tables(set.trie()));
    prove(code.bytes(), &policy).unwrap().report().frame
}

#[test]
fn all_shipped_filters_together_are_compiled() {
    let filters = shipped();
    let set = set_of(&filters);
    compiles(&filters, &set, 11);
}

/// Random structures, twenty to eighty of them at once.
#[test]
fn large_mixed_sets_are_compiled() {
    let (mut spilled, mut largest) = (0, 0);
    for seed in 0..60 {
        let mut random = Random::new(0x1a46e + seed);
        let mut draw = Draw {
            structure: Random::new(random.bits()),
            constants: Random::new(random.bits()),
            depth: 2 + random.below(3),
            expressions: random.one_in(2),
            omissions: None,
        };
        let (mut set, mut filters) = (Set::new(Limits::default(), seed), Vec::new());
        let count = 20 + random.below(60);
        while (filters.len() as u32) < count {
            let before = draw.structure.clone();
            let Ok(drawn) = filter(&mut draw) else {
                continue;
            };
            if random.one_in(3) {
                draw.structure = before;
            }
            let entry = filters.len() as u32;
            // Limits of the trie are the trie's to test.
            if set.insert(&drawn, entry, count - entry).is_err() {
                break;
            }
            filters.push(drawn);
        }
        largest = largest.max(filters.len());
        spilled += u32::from(frame(&set) > 6 * 8);
        compiles(&filters, &set, seed);
    }
    std::println!("{spilled} of 60 sets of up to {largest} filters have numbers in the frame");
    assert!(spilled > 0 && largest >= 60, "{spilled}, {largest}");
}

/// Several headers deep, with look-ups of many keys beside the original length.
#[test]
fn what_registers_do_not_hold_is_in_the_frame() {
    let mut text = String::new();
    for at in 0..40 {
        text += &format!(
            "filter a{at} = gre/ip/tcp.dport == {at} && ip.src == 10.0.0.{at} && gre/ip.dst == 10.1.0.{at};
             filter b{at} = udp.dport == {at} && wirelen >= {} && ip.ttl == {at};
             filter c{at} = ip6.src == fe80::{at} && gre/ip6.dst == fe80::{at} && gre/ip6/tcp.sport == {at};
             filter d{at} = vxlan/ether/ip.src == 10.2.0.{at} && vxlan.vni == {at} && ip.dst == 10.0.0.{at};\n",
            60 + at
        );
    }
    let program = Program::parse(&text, "test", true).unwrap();
    let filters: Vec<Filter> = lower(&program)
        .unwrap()
        .into_iter()
        .map(|lowered| lowered.filter)
        .collect();
    let set = set_of(&filters);
    assert!(
        frame(&set) > 6 * 8,
        "nothing is in the frame: {}",
        set.trie()
    );
    compiles(&filters, &set, 3);
}

/// `count` leaves, in halves: what takes most registers.
fn balanced(count: u32, leaf: &mut impl FnMut() -> Expr) -> Expr {
    if count == 1 {
        return leaf();
    }
    let (left, right) = (balanced(count / 2, leaf), balanced(count - count / 2, leaf));
    let op = [BinaryOp::Sub, BinaryOp::Xor, BinaryOp::Mul][count as usize % 3];
    Expr::binary(op, left, right)
}

/// `count` leaves, each to the right of the one before.
fn rightward(count: u32, leaf: &mut impl FnMut() -> Expr) -> Expr {
    let last = leaf();
    (1..count).fold(last, |right, _| Expr::binary(BinaryOp::Sub, leaf(), right))
}

#[test]
fn expressions_of_any_form_have_registers() {
    let mut at = 0;
    let mut leaf = || {
        at += 1;
        Expr::load(at % 7, 1 + (at % 4) as u8)
    };
    let operands = [
        balanced(31, &mut leaf),
        rightward(31, &mut leaf),
        balanced(16, &mut leaf),
    ];
    let mut filters = Vec::new();
    for (left, right) in [(0, 2), (1, 2), (2, 0), (2, 1)] {
        let mut pool = Pool::new();
        let test = Test::Compare {
            op: CompareOp::Lt,
            left: operands[left].clone(),
            right: operands[right].clone(),
        };
        let root = pool.test(test).unwrap();
        filters.push(pool.finish(root).unwrap());
    }
    let set = set_of(&filters);
    for group in 0..set.trie().groups().len() as u32 {
        let mut assembler = Assembler::new(X64::new());
        assert!(emit(set.trie(), Entry::Group(GroupId(group)), &mut assembler).is_ok());
    }
    compiles(&filters, &set, 1);
}
