//! The suite in `testdata/suite` on every engine.

mod common;

use common::{Case, Packet};
use dpf::{
    filter::lower,
    interp,
    runtime::Demux,
    syntax::{
        Program,
        eval::{Evaluator, Truth},
    },
    trie::{Limits, Set},
    walk,
};

fn program(case: &Case) -> Program {
    Program::parse(&case.source, &case.path.display().to_string(), true)
        .unwrap_or_else(|errors| panic!("{}", errors.render(false)))
}

/// Compares what an engine accepts with what the file says, for every filter and packet.
fn judge(case: &Case, engine: &str, mut accepts: impl FnMut(usize, &Packet) -> bool) {
    for (index, (name, expected)) in case.accepts.iter().enumerate() {
        for packet in &case.packets {
            let wanted = expected.contains(&packet.name);
            let got = accepts(index, packet);
            assert_eq!(
                got,
                wanted,
                "{}: {engine}: filter `{name}`, packet `{}`",
                case.path.display(),
                packet.name
            );
        }
    }
}

#[test]
fn expectations_name_packets_and_filters_that_exist() {
    for case in common::cases() {
        let packet = |name: &String| case.packets.iter().any(|packet| packet.name == *name);
        for (filter, expected) in &case.accepts {
            assert!(
                expected.iter().all(packet),
                "{}: `{filter}` expects an unknown packet",
                case.path.display()
            );
        }
        assert!(
            case.first.iter().all(|(name, _)| packet(name)),
            "{}",
            case.path.display()
        );
        let program = program(&case);
        let names: Vec<&String> = program.filters.iter().map(|filter| &filter.name).collect();
        assert_eq!(
            names,
            case.accepts
                .iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        );
    }
}

#[test]
fn eval() {
    for case in common::cases() {
        let program = program(&case);
        let evaluator = Evaluator::new(&program);
        judge(&case, "eval", |index, packet| {
            evaluator.evaluate(&program.filters[index], &packet.bytes, packet.wirelen)
                == Truth::True
        });
    }
}

#[test]
fn interp() {
    for case in common::cases() {
        let lowered = lower(&program(&case)).expect("lowered");
        judge(&case, "interp", |index, packet| {
            interp::accepts(&lowered[index].filter, &packet.bytes, packet.wirelen)
        });
    }
}

/// All filters of a file in one set, so that merging is judged too.
#[test]
fn walk() {
    for case in common::cases() {
        let limits = Limits {
            groups: 1 << 10,
            ..Limits::default()
        };
        let mut set = Set::new(limits, 1);
        for (entry, filter) in lower(&program(&case)).expect("lowered").iter().enumerate() {
            let _ = set
                .insert(&filter.filter, entry as u32, 1000 - entry as u32)
                .expect("inserted");
        }
        judge(&case, "walk", |index, packet| {
            walk::classify_all(set.trie(), &packet.bytes, packet.wirelen).contains(&(index as u32))
        });
    }
}

/// The same on the simulated R3000, wherever packets are; the filters of a file in several sets,
/// since branches reach 2^15 instructions.
#[cfg(feature = "fuzzing")]
#[test]
fn mips() {
    use dpf::dispatch::Alignment;
    use dpf::fuzzing::{self, engines::Engine, mips::Simulated};
    for alignment in [Alignment::HALFWORD, Alignment::WORD, Alignment::UNKNOWN] {
        let mut simulated = Simulated::new(alignment);
        for case in common::cases() {
            let lowered = lower(&program(&case)).expect("lowered");
            let numbered: Vec<_> = (0u32..).zip(&lowered).collect();
            let mut answers = vec![Vec::new(); case.packets.len()];
            let mut winners = vec![None; case.packets.len()];
            for part in numbered.chunks(10) {
                let mut set = Set::on(simulated.target(), Limits::default(), 1);
                for (entry, filter) in part {
                    let _ = set
                        .insert(&filter.filter, *entry, 1000 - entry)
                        .expect("inserted");
                }
                assert!(simulated.load(&set), "{}", case.path.display());
                for (at, packet) in case.packets.iter().enumerate() {
                    let packet = fuzzing::Packet {
                        bytes: packet.bytes.clone(),
                        wirelen: packet.wirelen,
                    };
                    answers[at].extend(simulated.classify_all(&packet));
                    winners[at] = winners[at].or(simulated.classify(&packet));
                }
            }
            let number = |name: &String| {
                let at = case.packets.iter().position(|packet| packet.name == *name);
                at.expect("a packet")
            };
            judge(&case, "mips", |index, packet| {
                answers[number(&packet.name)].contains(&(index as u32))
            });
            for (name, expected) in &case.first {
                let winner = winners[number(name)].expect("a winner") as usize;
                assert_eq!(case.accepts[winner].0, *expected, "{name}");
            }
        }
    }
}

/// The same in native code, and who is first.
#[test]
fn native() {
    for case in common::cases() {
        let mut demux = Demux::monitoring().expect("a Demux");
        for filter in lower(&program(&case)).expect("lowered") {
            demux.install(filter.filter).expect("installed");
        }
        let mut all = Vec::new();
        judge(&case, "native", |index, packet| {
            demux.classify_all(
                dpf::runtime::Packet::new(&packet.bytes, packet.wirelen),
                &mut all,
            );
            all.iter().any(|id| id.entry() as usize == index)
        });
        for (name, expected) in &case.first {
            let packet = case
                .packets
                .iter()
                .find(|packet| packet.name == *name)
                .expect("a packet");
            let winner = demux
                .classify(dpf::runtime::Packet::new(&packet.bytes, packet.wirelen))
                .expect("a winner");
            assert_eq!(
                case.accepts[winner.entry() as usize].0,
                *expected,
                "{}: {name}",
                case.path.display()
            );
        }
    }
}
