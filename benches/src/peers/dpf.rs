//! DPF: a `Demux`, its filters written in the language, its reader in the loop.
//!
//! The `Demux` is a monitoring one. No two of the filters compared here overlap, so it gives the
//! same answers by the same code as an exclusive one, whose installation also decides overlaps.

use super::{BATCH, NONE, Peer};
use crate::flows::Family;
use core::fmt::Write as _;
use dpf::{
    filter::{Filter, Lowering},
    runtime::{Demux, FilterId, Install, Packet, Reader},
    syntax::Program,
};

/// Filters parsed and lowered at a time.
const CHUNK: u32 = 1000;

/// A demultiplexer with the first filters of a family.
///
/// # Errors
///
/// When it refuses one.
pub fn demux(family: Family, count: u32) -> Result<Box<dyn Peer>, String> {
    let demux = install(family, count)?;
    let reader = demux.reader();
    Ok(Box::new(Dpf {
        reader,
        winners: Vec::with_capacity(BATCH),
        _demux: demux,
    }))
}

/// The demultiplexer itself; filter `i` of the family is the one with entry `i`.
///
/// # Errors
///
/// When it refuses one.
pub fn install(family: Family, count: u32) -> Result<Demux, String> {
    let mut demux = Demux::monitoring().map_err(|error| error.to_string())?;
    for first in (0..count).step_by(CHUNK as usize) {
        let filters = filters(family, first, CHUNK.min(count - first))?;
        let installs: Vec<Install> = filters.into_iter().map(Install::from).collect();
        demux
            .install_all(&installs)
            .map_err(|refused| refused.to_string())?;
    }
    Ok(demux)
}

/// So many filters of a family from the `first` on, in canonical form.
///
/// # Errors
///
/// When the language refuses one.
pub fn filters(family: Family, first: u32, count: u32) -> Result<Vec<Filter>, String> {
    let mut filters = Vec::with_capacity(count as usize);
    for start in (first..first + count).step_by(CHUNK as usize) {
        let mut text = String::new();
        for index in start..(start + CHUNK).min(first + count) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "filter f{index} = {};", family.filter(index));
        }
        filters.extend(lower(&text)?);
    }
    Ok(filters)
}

/// The filters of a text, in canonical form.
///
/// # Errors
///
/// The compiler's messages.
pub fn lower(text: &str) -> Result<Vec<Filter>, String> {
    let program =
        Program::parse(text, "filters.dpf", true).map_err(|errors| errors.render(false))?;
    let mut lowering = Lowering::new(&program);
    let lowered = program
        .filters
        .iter()
        .map(|filter| lowering.filter(filter).map(|lowered| lowered.filter));
    lowered
        .collect::<Result<_, _>>()
        .map_err(|error| error.title().to_owned())
}

struct Dpf {
    reader: Reader,
    winners: Vec<Option<FilterId>>,
    _demux: Demux,
}

impl Peer for Dpf {
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        for (packet, answer) in packets.iter().zip(answers) {
            *answer = self.reader.classify(*packet).map_or(NONE, FilterId::entry);
        }
    }

    fn batches(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        for (packets, answers) in packets.chunks(BATCH).zip(answers.chunks_mut(BATCH)) {
            let mut batch = [Packet::from([].as_slice()); BATCH];
            for (slot, packet) in batch.iter_mut().zip(packets) {
                *slot = Packet::from(*packet);
            }
            self.reader
                .classify_batch(&batch[..packets.len()], &mut self.winners);
            for (answer, winner) in answers.iter_mut().zip(&self.winners) {
                *answer = winner.map_or(NONE, FilterId::entry);
            }
        }
    }
}
