//! Lowering against the meaning of the language, over headers that nobody would declare.
//!
//! The standard protocols show lowering a few kinds of headers. Here a program is drawn with its
//! own: fields that straddle bytes, computed sizes, `where` conditions, repetition, tunnels that
//! lead back, places told apart by two fields. Filters name them by any path, and short packets of
//! small numbers walk far into them.

use alloc::{format, string::String, vec::Vec};

use super::Source;
use crate::{
    filter::Lowering,
    interp,
    syntax::{
        Cond, Program,
        eval::{Evaluator, Truth},
    },
};

/// Draws a program and packets, and compares what is lowered with what is meant.
///
/// # Panics
///
/// When they differ.
pub fn run(data: &[u8]) {
    let mut source = Source::new(data);
    let text = program(&mut source);
    if let Ok(program) = Program::parse(&text, "fuzz.dpf", false) {
        compare(&program, &text, &mut source);
    }
}

/// Every filter and its negation, on packets drawn from what is left.
fn compare(program: &Program, text: &str, source: &mut Source<'_>) {
    let evaluator = Evaluator::new(program);
    let mut lowering = Lowering::new(program);
    for filter in &program.filters {
        let mut negated = filter.clone();
        negated.condition = Cond::Not(filter.condition.clone().into());
        let Ok(straight) = lowering.filter(filter) else {
            continue;
        };
        let Ok(inverse) = lowering.filter(&negated) else {
            continue;
        };
        for packet in packets(source) {
            let meant = evaluator.evaluate(filter, &packet, 9);
            let lowered = (
                interp::accepts(&straight.filter, &packet, 9),
                interp::accepts(&inverse.filter, &packet, 9),
            );
            assert_eq!(
                lowered,
                (meant == Truth::True, meant == Truth::False),
                "{} is {meant:?} for {packet:?}\n{text}\n{:?}",
                filter.name,
                straight.filter
            );
        }
    }
}

/// Packets of small numbers, each also cut short.
fn packets(source: &mut Source<'_>) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for _ in 0..12 {
        let len = source.below(16) as usize;
        let packet: Vec<u8> = (0..len)
            .map(|_| source.pick(&[0, 1, 1, 2, 2, 3, 0x11, 0x12, 0x21, 0x83]))
            .collect();
        packets.extend((0..4).map(|cut| packet[..len.saturating_sub(cut)].to_vec()));
    }
    packets
}

/// Headers `a` to `e`, the root `a`, and filters over them.
fn program(source: &mut Source<'_>) -> String {
    let count = 2 + source.below(4) as usize;
    let mut text = String::from("root a;\n");
    // The values of a parent's `k` not yet spoken for: disjoint by construction.
    let mut free: Vec<u32> = (0..count).map(|_| 0).collect();
    for name in &NAMES[..count] {
        text.push_str(&header(source, name));
        for _ in 0..1 + source.below(2) {
            let parent = source.below(count as u32) as usize;
            let value = free[parent];
            free[parent] += 1;
            if value < 4 {
                text.push_str(&place(source, NAMES[parent], value));
            }
        }
        text.push('\n');
    }
    for index in 0..3 {
        text.push_str(&format!(
            "filter f{index} = {};\n",
            condition(source, &NAMES[..count], 3)
        ));
    }
    text
}

fn header(source: &mut Source<'_>, name: &str) -> String {
    let max = 1 + source.below(3);
    // A kind of two bits somewhere, a length of two, and one field over a byte's edge.
    let fields = source.pick(&[
        "{ k: 2, n: 2, w: 4 }",
        "{ n: 2, w: 4, k: 2 }",
        "{ w: 6, k: 2, n: 8 }",
        "{ _: 6, w: 4, n: 2, _: 2, k: 2 }",
        "{ k: 8, n: 4, w: 36 }",
    ]);
    let size = source.pick(&[
        "",
        "",
        "size 1 + n",
        "size n",
        "size (n << 1) + 1",
        "size 1 + (1:8 & 1)",
        "size 0 * k + 3",
    ]);
    let condition = source.pick(&[
        "",
        "",
        "",
        "where n != 3",
        "where w < 8 || n == 1",
        "where 0:8 & 0x80 == 0",
        "where len > 3",
    ]);
    format!("header {name} max {max} {fields} {size} {condition}")
}

fn place(source: &mut Source<'_>, parent: &str, value: u32) -> String {
    let more = source.pick(&[
        "",
        "",
        "",
        "&& P.n < 3",
        "&& P.w != 0",
        "&& 2:8 > 0",
        "&& (P.n == 1 || P.w == 2)",
    ]);
    let tunnel = source.pick(&["", "", "", " tunnel"]);
    format!(
        " on {parent}.k == {value} {}{tunnel}",
        more.replace('P', parent)
    )
}

fn condition(source: &mut Source<'_>, names: &[&str], height: u32) -> String {
    if height == 0 {
        return comparison(source, names);
    }
    let mut below = || condition(source, names, height - 1);
    let (a, b) = (below(), below());
    match source.below(8) {
        0 | 1 => format!("({a} && {b})"),
        2 | 3 => format!("({a} || {b})"),
        4 => format!("!({a})"),
        5 => format!(
            "(shift({}) && {b} && 0:8 != 1)",
            source.pick(&["1", "2", "0:8 & 3", "1 + (a.n << 1)", "b.n"])
        ),
        _ => comparison(source, names),
    }
}

fn comparison(source: &mut Source<'_>, names: &[&str]) -> String {
    let mut path = String::from(names[source.below(names.len() as u32) as usize]);
    // A source that has run dry says 0 for ever.
    for _ in 0..8 {
        if source.below(4) != 0 {
            break;
        }
        path = format!(
            "{path}/{}",
            names[source.below(names.len() as u32) as usize]
        );
    }
    let value = source.below(4);
    match source.below(12) {
        0 | 1 => path,
        2 => format!("{path}.n {} {value}", source.pick(&["==", "!=", "<", ">="])),
        3 => format!("{path}.w in {{ {value}, 8..15 }}"),
        4 => format!("{path}.n + a.k == {value}"),
        5 => format!("{path}.w {} a.w", source.pick(&["==", "!=", "<="])),
        6 => format!(
            "{}:8 == {value}",
            source.pick(&["0", "3", "(0:8 & 3)", "a.n"])
        ),
        7 => format!(
            "{}:16{} in 1..258",
            source.below(4),
            source.pick(&["", " le"])
        ),
        8 => format!("len {} {}", source.pick(&["<", ">"]), value + 3),
        _ => format!("{path}.k {} {value}", source.pick(&["==", "!="])),
    }
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::source::random_bytes;

    #[test]
    fn four_thousand_executions() {
        for seed in 0..4096_u64 {
            run(&random_bytes(seed.wrapping_mul(6151), 500));
        }
    }

    /// A root that cannot be told to be there leaves what needs no header true.
    #[test]
    fn the_root_may_be_short() {
        let text = "root a; header a { k: 8, n: 8 } size n filter f = len < 3 || a;";
        let program =
            Program::parse(text, "fuzz.dpf", false).unwrap_or_else(|errors| panic!("{errors}"));
        let lowered = Lowering::new(&program).filter(&program.filters[0]).unwrap();
        assert!(interp::accepts(&lowered.filter, &[1], 1));
        compare(&program, text, &mut Source::new(&[3; 400]));
    }

    /// The files that the project ships pass every limit of lowering, and mean what they say.
    #[test]
    fn shipped_files_lower() {
        let files = [
            include_str!("../../../testdata/filters/demo.dpf"),
            include_str!("../../../testdata/filters/intrusion.dpf"),
            include_str!("../../../testdata/filters/language.dpf"),
            include_str!("../../../testdata/filters/mpls.dpf"),
            include_str!("../../../testdata/filters/pppoe.dpf"),
            include_str!("../../../testdata/filters/server.dpf"),
        ];
        for text in files {
            let program = Program::parse(text, "shipped.dpf", true)
                .unwrap_or_else(|errors| panic!("{errors}"));
            match crate::filter::lower(&program) {
                Ok(lowered) => assert_eq!(lowered.len(), program.filters.len()),
                Err(error) => panic!("{}", program.sources.render(&error)),
            }
            compare(&program, text, &mut Source::new(&random_bytes(7, 20_000)));
        }
    }

    /// Many programs are accepted, and filters are true, false and short often enough to tell.
    #[test]
    fn programs_say_something() {
        let (mut programs, mut truths) = (0, [0; 3]);
        for seed in 0..512_u64 {
            let bytes = random_bytes(seed.wrapping_mul(12_289), 500);
            let mut source = Source::new(&bytes);
            let Ok(program) = Program::parse(&program(&mut source), "fuzz.dpf", false) else {
                continue;
            };
            programs += 1;
            let evaluator = Evaluator::new(&program);
            for packet in packets(&mut source) {
                truths[evaluator.evaluate(&program.filters[0], &packet, 9) as usize] += 1;
            }
        }
        assert!(
            programs > 100 && truths.iter().all(|&count| count > 1000),
            "{programs} {truths:?}"
        );
    }
}
