//! Readers on their own threads beside a writer that changes filters a thousand times a second.
//!
//! Each reader classifies random packets of installed filters and counts the time that this takes
//! by the clock: a reader that had to wait for the writer, or for another reader, would be seen to
//! classify fewer packets a second. Periods with one and with two readers take turns. Every answer
//! is checked: the packets' filters stay installed while others come and go.
//!
//! Left out: more readers than the machine has processors.

use crate::{
    flows::Family,
    harness::Nanoseconds,
    peers::{NONE, RUN, dpf},
    workload::{Random, Ring, Traffic, Workload},
};
use ::dpf::runtime::{Demux, FilterId, Reader};
use core::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::{thread, time::Instant};

/// Time between two changes.
pub const PACE: Duration = Duration::from_millis(1);

/// How long a period is.
pub const PERIOD: Duration = Duration::from_millis(150);

/// Filters that come and go.
const CHANGING: u32 = 1000;

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub struct Scaling {
    /// Million packets a second of one reader beside the writer.
    pub one: Nanoseconds,
    /// Million packets a second of two readers together beside the writer.
    pub two: Nanoseconds,
    /// Changes made in all.
    pub changes: u64,
    /// Seconds in which they were made.
    pub seconds: f64,
}

/// Measures `rounds` periods of each kind beside `count` filters.
///
/// # Errors
///
/// When a filter is refused, a change fails, or a reader gets a wrong answer.
pub fn measure(count: u32, rounds: usize) -> Result<Scaling, String> {
    let mut demux = dpf::install(Family::FiveTuple, count)?;
    let filters = dpf::filters(Family::FiveTuple, count, CHANGING)?;
    let reader = demux.reader();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let start = Instant::now();
        let writer = scope.spawn(|| write(&mut demux, &filters, &stop));
        let rates = periods(count, rounds, &reader);
        stop.store(true, Ordering::Relaxed);
        let changes = writer.join().map_err(|_| "the writer panicked")??;
        let (one, two) = rates?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(Scaling {
            one: Nanoseconds::of(one),
            two: Nanoseconds::of(two),
            changes,
            seconds,
        })
    })
}

/// Installs and removes filters of the known shape, one change each [`PACE`]; how many.
fn write(
    demux: &mut Demux,
    filters: &[::dpf::filter::Filter],
    stop: &AtomicBool,
) -> Result<u64, String> {
    let mut installed: Option<FilterId> = None;
    let (mut changes, start) = (0, Instant::now());
    while !stop.load(Ordering::Relaxed) {
        match installed.take() {
            Some(id) if demux.remove(id) => {}
            Some(id) => return Err(format!("{id} was not there")),
            None => {
                let filter = filters[changes as usize / 2 % filters.len()].clone();
                installed = Some(demux.install(filter).map_err(|error| error.to_string())?.id);
            }
        }
        changes += 1;
        thread::sleep((start + PACE * changes as u32).saturating_duration_since(Instant::now()));
    }
    Ok(changes)
}

/// The rates of one reader and of two, period by period.
fn periods(count: u32, rounds: usize, reader: &Reader) -> Result<(Vec<f64>, Vec<f64>), String> {
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for round in 0..rounds as u64 {
        one.push(read(reader.clone(), count, round * 3)?);
        let sum = thread::scope(|scope| {
            let threads = [1, 2].map(|number| {
                let reader = reader.clone();
                scope.spawn(move || read(reader, count, round * 3 + number))
            });
            let rates = threads.map(|thread| thread.join().map_err(|_| "a reader panicked")?);
            rates.into_iter().sum::<Result<f64, String>>()
        });
        two.push(sum?);
    }
    Ok((one, two))
}

/// Classifies for one [`PERIOD`]; million packets a second of the time spent classifying.
fn read(mut reader: Reader, count: u32, seed: u64) -> Result<f64, String> {
    let mut random = Random::new(seed << 32);
    let mut ring = Ring::new();
    let traffic = Traffic {
        family: Family::FiveTuple,
        count,
        workload: Workload::Random,
    };
    let (start, mut spent, mut packets) = (Instant::now(), Duration::ZERO, 0_usize);
    while start.elapsed() < PERIOD {
        ring.fill(traffic, RUN, &mut random);
        let mut answers = [NONE; RUN];
        let run = ring.packets();
        let begin = Instant::now();
        for (packet, answer) in run.iter().zip(&mut answers) {
            *answer = reader.classify(*packet).map_or(NONE, FilterId::entry);
        }
        spent += begin.elapsed();
        packets += RUN;
        if answers != ring.truth() {
            return Err("a reader beside the writer got a wrong answer".into());
        }
    }
    Ok(packets as f64 / spent.as_secs_f64() / 1e6)
}
