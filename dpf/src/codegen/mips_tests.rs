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
        for seed in 0..200 {
            script(seed, &mut [&mut simulated], &mut tally);
        }
        assert!(simulated.refused < 4, "{} refused", simulated.refused);
        assert!(simulated.packets > 10_000, "{} packets", simulated.packets);
    }
    assert!(tally.accepted * 8 > tally.pairs, "{tally:?}");
}

/// The filters of Table 7: Ethernet, IPv4, TCP, one source, a destination port each. `length` is the
/// IP header's.
fn paper(count: u32, length: &str) -> Vec<Filter> {
    let text: String = (0..count)
        .map(|at| {
            format!(
                "filter f{at} = 12:16 == 0x0800 && shift(14) && 9:8 == 6 && 12:32 == 192.12.69.1
                     && shift({length}) && 0:16 == 1234 && 2:16 == {};\n",
                port(at)
            )
        })
        .collect();
    lowered(&text)
}

/// IP headers: of 20 bytes, and of as many as they say.
const FIXED: &str = "20";
const VARIABLE: &str = "(0:8 & 0xf) << 2";

/// A filter of so many headers of eight bytes, in each of which two fields are tested.
fn levels(count: u32) -> Vec<Filter> {
    let level = |at| format!("0:16 == {} && 5:8 == {}", 0x800 + at, 6 + at);
    let levels: Vec<String> = (0..count).map(level).collect();
    lowered(&format!(
        "filter deep = {};",
        levels.join(" && shift(8) && ")
    ))
}

fn of_levels(count: u32) -> Packet {
    let mut bytes = alloc::vec![0; 8 * count as usize];
    for (at, header) in (0..).zip(bytes.chunks_exact_mut(8)) {
        header[..2].copy_from_slice(&(0x800 + at as u16).to_be_bytes());
        header[5] = 6 + at;
    }
    let wirelen = bytes.len() as u32;
    Packet { bytes, wirelen }
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

/// The code for the filters, and its listing.
fn compiled(simulated: &mut Simulated, filters: &[Filter]) -> (Function, String) {
    let set = set_of(simulated, filters);
    let mut listing = String::new();
    let function = simulated.load_best(set.trie(), &mut |code| listing = format!("{code}"));
    let function = function.unwrap_or_else(|error| panic!("{error}\n{}", set.trie()));
    (function, listing)
}

/// A packet of the filters; `options` words of IP options.
fn tcp(port: u32, options: usize) -> Packet {
    let mut bytes = alloc::vec![0; 60 + 4 * options];
    bytes[12] = 8;
    bytes[14] = 0x45 + options as u8;
    bytes[23] = 6;
    bytes[26..30].copy_from_slice(&[0xc0, 0x0c, 0x45, 0x01]);
    let ports = &mut bytes[34 + 4 * options..][..4];
    ports[..2].copy_from_slice(&1234_u16.to_be_bytes());
    ports[2..].copy_from_slice(&(port as u16).to_be_bytes());
    let wirelen = bytes.len() as u32;
    Packet { bytes, wirelen }
}

/// Cycles of a call that accepts, which are the same for every filter, and the listing.
fn cycles(simulated: &mut Simulated, filters: &[Filter], options: usize) -> (u64, String) {
    let (function, listing) = compiled(simulated, filters);
    let mut all = Vec::new();
    for at in 0..filters.len() as u32 {
        let (entry, counts) = simulated.call(function, &tcp(port(at), options));
        assert_eq!(entry, at + 1, "{listing}");
        all.push(counts.cycles + CALL);
    }
    all.dedup();
    assert_eq!(all.len(), 1, "{all:?}\n{listing}");
    assert_eq!(simulated.call(function, &tcp(7, options)).0, 0);
    (all[0], listing)
}

#[test]
fn table_7_in_cycles() {
    let (mut rows, mut listings) = (String::new(), String::new());
    for (name, alignment) in [
        ("2 mod 4", ALIGNMENTS[0]),
        ("0 mod 4", ALIGNMENTS[1]),
        ("unknown", ALIGNMENTS[2]),
    ] {
        let mut simulated = Simulated::new(alignment);
        let mut near = Simulated::with_near_tables(alignment);
        for count in [1, 2, 10] {
            let fixed = paper(count, FIXED);
            let (far_cycles, listing) = cycles(&mut simulated, &fixed, 0);
            let (near_cycles, near_listing) = cycles(&mut near, &fixed, 0);
            let variable = paper(count, VARIABLE);
            let (common, _) = cycles(&mut simulated, &variable, 0);
            let (options, _) = cycles(&mut simulated, &variable, 3);
            rows += &format!(
                "packet {name}, {count} filters: {far_cycles}, near tables {near_cycles}; variable IP header: {common}, with options {options}\n"
            );
            if alignment == Alignment::UNKNOWN {
                continue;
            }
            listings +=
                &format!("# packet {name}, {count} filters: {far_cycles} cycles\n\n{listing}\n");
            if count == 10 {
                listings += &format!(
                    "# packet {name}, {count} filters, near tables: {near_cycles} cycles\n\n{near_listing}\n"
                );
            }
        }
        let deep: Vec<u64> = (1..=7)
            .map(|count| {
                let (function, listing) = compiled(&mut simulated, &levels(count));
                let (entry, counts) = simulated.call(function, &of_levels(count));
                assert_eq!(entry, 1, "{listing}");
                counts.cycles + CALL
            })
            .collect();
        rows += &format!("packet {name}, one filter of 1 to 7 levels of two atoms: {deep:?}\n");
    }
    expect_file!["../../../testdata/dpf/mips-cycles.txt"].assert_eq(&rows);
    expect_file!["../../../testdata/dpf/mips-table7.txt"].assert_eq(&listings);
}
