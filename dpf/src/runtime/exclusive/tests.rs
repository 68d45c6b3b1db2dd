//! Ranks against containment, pair by pair.

use alloc::vec::Vec;

use super::{Exclusive, MOST_LEVEL};
use crate::filter::{Filter, lower};
use crate::fuzzing::{
    Random, Source,
    overlap::{small_filter, variant},
};
use crate::overlap::{Budget, Relation, relate};
use crate::runtime::{Install, InstallError, OverlapKind, Owner};
use crate::syntax::Program;

/// Whether the inner of every two nested filters has the higher rank.
fn inner_wins(policy: &Exclusive) -> bool {
    let ranked = || {
        policy
            .members
            .values()
            .map(|member| (&member.filter, member.class.rank(member.level)))
    };
    ranked().all(|(inner, high)| {
        ranked().all(|(outer, low)| {
            !matches!(
                relate(inner, outer, &mut Budget::default()),
                Relation::AInB { .. }
            ) || high > low
        })
    })
}

/// Whether the filter is equal to an installed one or crosses it.
fn collides(policy: &Exclusive, filter: &Filter) -> bool {
    policy.members.values().any(|member| {
        matches!(
            relate(filter, &member.filter, &mut Budget::default()),
            Relation::Equal { .. } | Relation::Crossing { .. }
        )
    })
}

/// Two shapes, the one of which is inside the other with 1, and around it with 0: behind the shift,
/// a byte that is odd must be the second, for the first would have to be even to be looked at.
const BOTH_WAYS: [&str; 4] = [
    "2:8 == 0 && 0:8 & 1 == 0 && len <= 4",
    "2:8 == 0 && shift(0:8 & 1) && 0:8 & 1 == 0 && len <= 4",
    "2:8 == 1 && 0:8 & 1 == 1 && len <= 4",
    "2:8 == 1 && shift(0:8 & 1) && 0:8 & 1 == 1 && len <= 4",
];

/// What levels of shapes instead of filters would refuse.
#[test]
fn two_shapes_may_be_nested_both_ways() {
    let filters = filters(&BOTH_WAYS);
    let mut policy = Exclusive::new(Owner::default());
    for (entry, filter) in (0..).zip(&filters) {
        policy
            .admit(entry, &Install::from(filter.clone()))
            .unwrap_or_else(|error| panic!("filter {entry}: {error}"));
    }
    let mut ways = Vec::new();
    note_nesting(&policy, &mut ways);
    assert!(ways.iter().any(|(a, b)| ways.contains(&(*b, *a))));
    assert!(inner_wins(&policy));
}

/// Filters of few shapes, so that of two shapes each may have filters inside the other's. What is
/// refused is refused for a pair; an order of all that are in is always found.
#[test]
fn containment_never_goes_in_a_circle() {
    let (mut nested, mut both_ways) = (0, 0);
    for seed in 0..400 {
        let mut random = Random::new(0x0c1c1e + seed);
        let bytes: Vec<u8> = (0..400).map(|_| random.bits() as u8).collect();
        let mut source = Source::new(&bytes);
        let mut shapes: Vec<Filter> = (0..3).filter_map(|_| small_filter(&mut source)).collect();
        if seed % 4 == 0 {
            shapes.splice(0..2.min(shapes.len()), filters(&BOTH_WAYS[..2]));
        }
        let mut policy = Exclusive::new(Owner::default());
        let mut ways = Vec::new();
        for entry in 0..16 {
            if random.one_in(5) {
                policy.remove(random.below(entry + 1));
                assert!(inner_wins(&policy), "seed {seed}");
            }
            let Some(shape) = shapes.get(random.below(3) as usize) else {
                continue;
            };
            let filter = variant(shape, &mut source);
            let expected = collides(&policy, &filter);
            match policy.admit(entry, &Install::from(filter)) {
                Ok(admission) => {
                    assert!(!expected, "seed {seed}");
                    nested += admission.raised.len();
                }
                Err(InstallError::Overlap { how, .. }) => {
                    assert!(expected && how != OverlapKind::Foreign, "seed {seed}");
                }
                Err(other) => panic!("seed {seed}: {other}"),
            }
            assert!(inner_wins(&policy), "seed {seed}");
            note_nesting(&policy, &mut ways);
        }
        both_ways += usize::from(ways.iter().any(|(a, b)| ways.contains(&(*b, *a))));
    }
    std::println!("{nested} filters rose; in {both_ways} sets two shapes were nested both ways");
    assert!(nested > 50 && both_ways > 0, "{nested}, {both_ways}");
}

/// Adds the pairs of different shapes of which a filter of the first is inside one of the second.
fn note_nesting(policy: &Exclusive, ways: &mut Vec<(u64, u64)>) {
    for inner in policy.members.values() {
        for outer in policy.members.values() {
            let relation = relate(&inner.filter, &outer.filter, &mut Budget::default());
            let shape = |filter| crate::shape::rule(filter).shape.digest();
            let pair = (shape(&inner.filter), shape(&outer.filter));
            if pair.0 != pair.1 && matches!(relation, Relation::AInB { .. }) {
                ways.push(pair);
            }
        }
    }
}

fn filters(conditions: &[&str]) -> Vec<Filter> {
    let conditions = conditions.iter().enumerate();
    let text: Vec<_> = conditions
        .map(|(at, condition)| alloc::format!("filter f{at} = {condition};"))
        .collect();
    let program = Program::parse(&text.join("\n"), "test", true).unwrap();
    let lowered = lower(&program).unwrap();
    lowered.into_iter().map(|lowered| lowered.filter).collect()
}

#[test]
fn levels_that_are_used_up_are_closed_ranks_first() {
    let mut policy = Exclusive::new(Owner::default());
    let chain = filters(&[
        "ip.dst in 10.1.1.0/24",
        "ip.dst in 10.1.0.0/16",
        "ip.dst in 10.0.0.0/8",
        "ip",
    ]);
    for (entry, filter) in (0..).zip(&chain[..3]) {
        assert!(policy.admit(entry, &Install::from(filter.clone())).is_ok());
    }
    // As after many installs and removals.
    policy.set_level(0, u32::from(MOST_LEVEL));
    policy.set_level(1, u32::from(MOST_LEVEL) - 7);
    let admission = policy.admit(3, &Install::from(chain[3].clone())).unwrap();
    assert!(inner_wins(&policy));
    assert!(policy.members[&0].level == 3 && policy.members[&3].level == 0);
    policy.dismiss(&admission);
    assert_eq!(policy.members[&0].level, MOST_LEVEL);
    assert!(inner_wins(&policy));
}

#[test]
fn the_highest_level_is_a_limit() {
    let nested = super::Nested {
        outer: [1].into(),
        inner: [2].into(),
    };
    let levels =
        |outer: u16, inner: u16| nested.levels(|entry| if entry == 1 { outer } else { inner });
    assert_eq!(levels(0, 1), Ok((1, [(2, 2)].into())));
    assert_eq!(levels(0, 2), Ok((1, [].into())));
    assert_eq!(
        levels(MOST_LEVEL, MOST_LEVEL),
        Err(u64::from(MOST_LEVEL) + 1)
    );
}
