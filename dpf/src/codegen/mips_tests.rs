//! Code for the R3000: what it answers, how it looks, and what it costs.

use alloc::{format, string::String, vec::Vec};

use expect_test::expect_file;

use crate::dispatch::Alignment;
use crate::filter::{Filter, lower};
use crate::fuzzing::{
    Packet,
    engines::{Tally, script},
    mips::{Function, Simulated},
};
use crate::syntax::Program;
use crate::trie::{Limits, Set};

/// Where packets may be.
const ALIGNMENTS: [Alignment; 3] = [Alignment::HALFWORD, Alignment::WORD, Alignment::UNKNOWN];
/// The simulator's call and its delay slot, which a caller would execute.
const CALL: u64 = 2;

#[test]
fn code_agrees_with_the_oracle() {
    let mut tally = Tally::default();
    for alignment in ALIGNMENTS {
        let mut simulated = Simulated::new(alignment);
        for seed in 0..120 {
            script(seed, &mut [&mut simulated], &mut tally);
        }
        assert!(simulated.refused < 4, "{} refused", simulated.refused);
        assert!(simulated.packets > 10_000, "{} packets", simulated.packets);
    }
    assert!(tally.accepted * 8 > tally.pairs, "{tally:?}");
}

/// The filters of Table 7: Ethernet, IPv4 of 20 bytes, TCP, one source, a destination port each.
fn paper(count: u32) -> Vec<Filter> {
    let text: String = (0..count)
        .map(|at| {
            format!(
                "filter f{at} = 12:16 == 0x0800 && shift(14) && 9:8 == 6 && 12:32 == 192.12.69.1
                     && shift(20) && 0:16 == 1234 && 2:16 == {};\n",
                port(at)
            )
        })
        .collect();
    lowered(&text)
}

fn port(at: u32) -> u32 {
    let upper = (2160 + at * 0x2a6d) & 0x7fff;
    upper << 1 | u32::from(upper.count_ones().is_multiple_of(2))
}

fn lowered(text: &str) -> Vec<Filter> {
    let program =
        Program::parse(text, "test", true).unwrap_or_else(|e| panic!("{}", e.render(false)));
    let lowered = lower(&program).unwrap();
    lowered.into_iter().map(|lowered| lowered.filter).collect()
}

fn set_of(simulated: &Simulated, filters: &[Filter]) -> Set {
    let mut set = Set::on(simulated.target(), Limits::default(), 5);
    let ranked = (0u32..).zip(filters);
    let list: Vec<_> = ranked
        .map(|(entry, filter)| (filter, entry, filters.len() as u32 - entry))
        .collect();
    let _ = set.insert_many(&list).unwrap();
    set
}

/// The code for the filters, its listing, and the machine that runs it.
fn compiled(alignment: Alignment, filters: &[Filter]) -> (Simulated, Function, String) {
    let mut simulated = Simulated::new(alignment);
    let set = set_of(&simulated, filters);
    let mut listing = String::new();
    let function = simulated.load_best(set.trie(), &mut |code| listing = format!("{code}"));
    let function = function.unwrap_or_else(|error| panic!("{error}\n{}", set.trie()));
    (simulated, function, listing)
}

fn tcp(port: u32) -> Packet {
    let mut bytes: Vec<u8> = (0..60).map(|_| 0).collect();
    bytes[12] = 8;
    bytes[14] = 0x45;
    bytes[23] = 6;
    bytes[26..30].copy_from_slice(&[0xc0, 0x0c, 0x45, 0x01]);
    bytes[34..36].copy_from_slice(&1234_u16.to_be_bytes());
    bytes[36..38].copy_from_slice(&(port as u16).to_be_bytes());
    Packet { bytes, wirelen: 60 }
}

/// Cycles of a call that accepts, the same for every filter.
fn cycles(alignment: Alignment, count: u32) -> (u64, String) {
    let filters = paper(count);
    let (mut simulated, function, listing) = compiled(alignment, &filters);
    let mut all = Vec::new();
    for at in 0..count {
        let (entry, counts) = simulated.call(function, &tcp(port(at)));
        assert_eq!(entry, at + 1, "{listing}");
        all.push(counts.cycles + CALL);
    }
    all.dedup();
    assert_eq!(all.len(), 1, "{all:?}\n{listing}");
    assert_eq!(simulated.call(function, &tcp(7)).0, 0);
    (all[0], listing)
}

#[test]
fn table_7_in_cycles() {
    let mut lines = String::new();
    for (name, alignment) in [("2 mod 4", ALIGNMENTS[0]), ("0 mod 4", ALIGNMENTS[1])] {
        for count in [1, 2, 10] {
            let (cycles, listing) = cycles(alignment, count);
            lines += &format!(
                "# Filters: {count}; packet at {name}; cycles with the call: {cycles}\n\n{listing}\n"
            );
        }
    }
    expect_file!["../../../testdata/dpf/mips-table7.txt"].assert_eq(&lines);
}
