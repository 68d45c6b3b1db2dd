//! The suite in `testdata/suite` on every engine.

mod common;

use common::{Case, Packet};
use dpf::syntax::{
    Program,
    eval::{Evaluator, Truth},
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
