//! Times engines beside each other: checked first, then in short slices that take turns.
//!
//! A machine that others share is fast in one second and slow in the next. So no engine is timed
//! for long: every round gives every engine one slice, the engines in an order drawn anew, and what
//! is reported is the median over all slices' runs, with the least and the greatest. A slice starts
//! with as many packets as there are filters, untimed, so that the engine finds the caches as it
//! would leave them itself; only engines that would need too long for that get fewer. An engine
//! that gives one wrong answer is not timed at all.

use crate::{
    flows::Family,
    peers::{BATCH, NONE, Peer, RUN},
    workload::{Random, Ring, Traffic, Workload},
};
use core::time::Duration;
use std::time::Instant;

/// How long a timed run may take: short enough that hundreds fit in a second, long enough that
/// reading the clock (some 50 ns) does not count.
const RUN_TIME: Duration = Duration::from_micros(40);

/// How long an engine may run before its timed runs.
const WARM_TIME: Duration = Duration::from_millis(6);

/// Timed runs in a slice.
const RUNS: usize = 5;

/// Nanoseconds a packet, over the rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nanoseconds {
    /// The median.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Nanoseconds {
    /// Of samples, of which there is at least one.
    ///
    /// # Panics
    ///
    /// When there are no samples.
    pub fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (samples.first(), samples.last()) else {
            panic!("a measurement without samples");
        };
        Self {
            median: samples[samples.len() / 2],
            min: *min,
            max: *max,
        }
    }
}

/// An engine taking part, by name.
pub struct Entrant {
    /// Its name in every result.
    pub name: &'static str,
    /// The engine with its filters installed.
    pub peer: Box<dyn Peer>,
}

/// One result.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The engine.
    pub name: &'static str,
    /// What it was given.
    pub workload: Workload,
    /// How long it took.
    pub time: Nanoseconds,
}

/// What is measured, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The filters.
    pub family: Family,
    /// How many of them.
    pub count: u32,
    /// The packets.
    pub workloads: &'a [Workload],
    /// Slices of each engine on each workload; each has five timed runs.
    pub rounds: usize,
}

/// Checks the engines' answers, then times them.
///
/// # Errors
///
/// The engine, packet and answer, when one is wrong.
pub fn compare(
    plan: &Plan<'_>,
    entrants: &mut [Entrant],
    random: &mut Random,
) -> Result<Vec<Timing>, String> {
    for entrant in entrants.iter_mut() {
        check(plan, entrant, random)?;
    }
    let mut ring = Ring::new();
    let mut samples = vec![vec![Vec::new(); plan.workloads.len()]; entrants.len()];
    for _ in 0..plan.rounds {
        for (which, workload) in plan.workloads.iter().enumerate() {
            let traffic = Traffic {
                family: plan.family,
                count: plan.count,
                workload: *workload,
            };
            for index in shuffled(entrants.len(), random) {
                let times = slice(&mut entrants[index], traffic, &mut ring, random);
                samples[index][which].extend(times);
            }
        }
    }
    let mut timings = Vec::new();
    for (entrant, samples) in entrants.iter().zip(samples) {
        for (workload, samples) in plan.workloads.iter().zip(samples) {
            let time = Nanoseconds::of(samples);
            timings.push(Timing {
                name: entrant.name,
                workload: *workload,
                time,
            });
        }
    }
    Ok(timings)
}

/// That the engine's answers are right, singly and in batches.
///
/// # Errors
///
/// The engine, the packet and the answer.
pub fn check(plan: &Plan<'_>, entrant: &mut Entrant, random: &mut Random) -> Result<(), String> {
    let mut ring = Ring::new();
    for batches in [false, true] {
        ring.fill_mixed(plan.family, plan.count, random);
        let packets = ring.packets();
        let mut answers = vec![NONE; packets.len()];
        entrant.peer.prepare(&packets);
        match batches {
            false => entrant.peer.each(&packets, &mut answers),
            true => entrant.peer.batches(&packets, &mut answers),
        }
        for ((packet, truth), answer) in packets.iter().zip(ring.truth()).zip(&answers) {
            let right = match entrant.name {
                // It does not look.
                "empty" => true,
                // One program for all filters says whether, not which.
                "libpcap-or" => (*answer == NONE) == (*truth == NONE),
                _ => answer == truth,
            };
            if !right {
                let (name, count) = (entrant.name, plan.count);
                return Err(format!(
                    "{name} with {count} filters answers {answer:#x} where {truth:#x} is right, \
                     for {packet:02x?}"
                ));
            }
        }
    }
    Ok(())
}

/// Warms the engine up, then times [`RUNS`] runs: nanoseconds per packet of each.
fn slice(
    entrant: &mut Entrant,
    traffic: Traffic,
    ring: &mut Ring,
    random: &mut Random,
) -> [f64; RUNS] {
    let start = Instant::now();
    let (mut warm, mut length) = (0, BATCH);
    let enough = RUN.max(traffic.count as usize);
    while warm < enough && start.elapsed() < WARM_TIME {
        ring.fill(traffic, length, random);
        let time = run(&mut *entrant.peer, traffic.workload, &ring.packets());
        warm += length;
        // The first run, on cold caches, says little: grow step by step.
        length = fitting(length, time).min(4 * length);
    }
    // The kernel's engine has a fixed cost per call: always the longest run, as in its use.
    if entrant.name == "ebpf-map" {
        length = RUN;
    }
    [(); RUNS].map(|()| {
        ring.fill(traffic, length, random);
        run(&mut *entrant.peer, traffic.workload, &ring.packets()).as_nanos() as f64 / length as f64
    })
}

/// How many packets fit in a run, a multiple of [`BATCH`], when `packets` took `time`.
fn fitting(packets: usize, time: Duration) -> usize {
    let fitting = RUN_TIME.as_nanos() as usize * packets / time.as_nanos().max(1) as usize;
    (fitting / BATCH * BATCH).clamp(BATCH, RUN)
}

fn run(peer: &mut dyn Peer, workload: Workload, packets: &[&[u8]]) -> Duration {
    let mut answers = [NONE; RUN];
    let answers = &mut answers[..packets.len()];
    peer.prepare(packets);
    let start = Instant::now();
    match workload {
        Workload::Batch32 => peer.batches(packets, answers),
        _ => peer.each(packets, answers),
    }
    let time = start.elapsed();
    core::hint::black_box(answers);
    time
}

/// The indices below `count` in random order (Fisher and Yates).
fn shuffled(count: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random.below(last as u32 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::contenders;

    #[test]
    fn every_engine_that_can_be_built_gives_right_answers() {
        let mut random = Random::new(5);
        for family in [Family::Paper, Family::FiveTuple] {
            for count in [1, 10, 60] {
                let plan = Plan {
                    family,
                    count,
                    workloads: &[],
                    rounds: 0,
                };
                for contender in contenders() {
                    match (contender.build)(family, count) {
                        Ok(peer) => {
                            let mut entrant = Entrant {
                                name: contender.name,
                                peer,
                            };
                            check(&plan, &mut entrant, &mut random).expect("right answers");
                        }
                        // What the machine or its rights do not offer takes no part.
                        Err(reason) => eprintln!("{} skipped: {reason}", contender.name),
                    }
                }
            }
        }
    }

    #[test]
    fn an_engine_with_a_wrong_answer_is_not_timed() {
        let plan = Plan {
            family: Family::FiveTuple,
            count: 3,
            workloads: &[Workload::Hot],
            rounds: 1,
        };
        let peer = crate::peers::hand::hashbrown(Family::FiveTuple, 2).expect("two flows");
        let mut entrants = [Entrant {
            name: "hashbrown",
            peer,
        }];
        let error =
            compare(&plan, &mut entrants, &mut Random::new(6)).expect_err("a missing filter");
        assert!(
            error.contains("hashbrown with 3 filters answers"),
            "{error}"
        );
    }

    #[test]
    fn a_median_is_of_sorted_samples() {
        let time = Nanoseconds::of(vec![3.0, 1.0, 9.0]);
        assert_eq!((time.median, time.min, time.max), (3.0, 1.0, 9.0));
    }
}
