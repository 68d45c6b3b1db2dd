//! The index on filters as users write them, against pairwise answers.

use alloc::{format, string::String, vec::Vec};

use super::*;
use crate::overlap::SURVEY_STEPS;
use crate::{filter::lower, fuzzing::overlap::Script, syntax::Program};

fn filters(conditions: &[String]) -> Vec<Filter> {
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

fn flow(at: u32) -> String {
    let (source, port) = (at % 7, at % 5);
    format!(
        "ip.src == 10.0.0.{source} && ip.dst == 10.1.{}.1 && tcp.sport == {at} && tcp.dport == {port}",
        at % 3
    )
}

#[test]
fn flows_listeners_and_regions_are_related_as_pairs_are() {
    let mut conditions: Vec<String> = (0..12).map(flow).collect();
    conditions.extend((0..4).map(|port| format!("tcp.dport == {port}")));
    conditions.extend((0..3).map(|port| format!("ip.dst == 10.1.1.1 && tcp.dport == {port}")));
    conditions.extend(
        [
            "tcp",
            "ip.dst in 10.0.0.0/8",
            "ip.dst in 10.1.0.0/16",
            "ip",
            "udp.dport == 53",
        ]
        .map(String::from),
    );
    conditions.extend(
        [
            "tcp.dport in 2..1024",
            "ip.src == ip.dst",
            "ip.src in 10.0.0.0/30",
        ]
        .map(String::from),
    );
    let filters = filters(&conditions);
    for turn in [1, 5, 13] {
        let mut script = Script::default();
        for at in 0..filters.len() {
            script.install(&filters[at * turn % filters.len()]);
        }
        assert_eq!(script.installed.len(), filters.len());
        while !script.installed.is_empty() {
            script.remove((script.installed.len() * turn) % 3 % script.installed.len());
        }
        assert_eq!(script.index.shapes(), 0);
    }
}

#[test]
fn a_filter_of_a_known_shape_asks_the_engine_nothing() {
    let mut conditions = Vec::from(["tcp", "ip.dst in 10.0.0.0/8", "ip"].map(String::from));
    conditions.extend((0..40).map(flow));
    let mut script = Script::default();
    let steps: Vec<Option<u64>> = filters(&conditions)
        .iter()
        .map(|filter| script.install(filter))
        .collect();
    assert_eq!(script.index.shapes(), 4);
    // The first flows settle which of their constants are keys.
    assert!(steps[3..12].iter().any(|steps| *steps > Some(0)));
    assert!(
        steps[12..].iter().all(|steps| *steps == Some(0)),
        "{steps:?}"
    );
}

#[test]
fn shapes_are_limited_and_refusals_change_nothing() {
    let conditions: Vec<String> = (0..=MAX_SHAPES)
        .map(|at| format!("0:8 == {at} && len >= {} && 1:8 < 9", at + 10))
        .collect();
    let mut index = Index::new();
    for (at, filter) in filters(&conditions).iter().enumerate() {
        match index.survey(filter, &mut Budget::new(SURVEY_STEPS)) {
            Ok(survey) => drop(index.insert(survey, at)),
            Err(cannot) => {
                let limit = MAX_SHAPES as u64;
                assert_eq!(
                    cannot,
                    CannotTell {
                        reason: Reason::Shapes,
                        given: limit + 1,
                        limit
                    }
                );
            }
        }
    }
    assert_eq!((index.shapes(), index.len()), (MAX_SHAPES, MAX_SHAPES));
}

#[test]
fn a_survey_is_stale_once_the_index_has_changed() {
    let both = filters(&["tcp", "udp"].map(String::from));
    let mut index = Index::new();
    let surveys: Vec<Survey> = both
        .iter()
        .filter_map(|filter| index.survey(filter, &mut Budget::new(SURVEY_STEPS)).ok())
        .collect();
    let inserted: Vec<bool> = surveys
        .into_iter()
        .map(|survey| index.insert(survey, ()).is_ok())
        .collect();
    assert_eq!(inserted, [true, false]);
    assert_eq!(index.len(), 1);
}
