//! Bit vectors: the first of many rules that holds, at one cost for all of them.
//!
//! Problem: rules with prefixes and ranges have as many shapes as rules, and a look-up for each
//! shape costs a few nanoseconds, one after the other. Method (T. V. Lakshman, D. Stiliadis,
//! *High-speed policy-based packet forwarding using efficient multi-dimensional range matching*,
//! SIGCOMM 1998): the ends of the rules' intervals cut each axis, a field or a length, into pieces
//! on which the same rules hold; each piece has a vector with a bit for each rule. A packet's value
//! on each axis is searched, without a branch, the vectors found are intersected, and the first
//! bit is the winner, the rules being in order of rank. Pieces with equal vectors share one. A bit
//! after the last rule is set everywhere and means that no rule holds.
//!
//! All of it is one [`Memory`], so that emitted code has one address. Left out: aggregated vectors
//! (F. Baboescu, G. Varghese, SIGCOMM 2001), whose false matches need a loop; changing a rule in
//! place.

use alloc::collections::BTreeMap;
use alloc::{boxed::Box, vec::Vec};

use super::{Memory, Shared};
use crate::filter::IntervalSet;

/// The most bytes of vectors and what belongs to them, over all blocks of rules of a trie.
pub const MAX_VECTOR_BYTES: u64 = 1 << 20;
/// The largest value of an axis whose pieces are found by the value itself.
pub const MAX_DIRECT: u32 = 255;
/// A power of two times this, in 64 bits, has a different number in its upper six bits for each
/// power (a de Bruijn sequence).
pub const DE_BRUIJN: u64 = 0x03f7_9d71_b4cb_0a89;

/// Bits of a word of a vector.
const BITS: usize = 64;
/// Bytes of a result: entry plus 1 and rank plus 1, or zeros.
const RESULT: usize = 8;

/// Vectors of a block of rules, in the memory that emitted code reads.
#[derive(Clone, Debug)]
pub struct Vectors {
    memory: Shared<Memory>,
    axes: Box<[AxisLayout]>,
    words: u32,
    last_vector: u32,
    results_at: u32,
}

/// Where an axis's vectors are found. Places are bytes from the start of the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxisLayout {
    /// Where the bounds are, 32 bits each, ascending.
    pub bounds_at: u32,
    /// How many bounds.
    pub bounds: u32,
    /// There are no bounds: the value itself is the number of the piece.
    pub direct: bool,
    /// Where the pieces' vectors are said, 32 bits each. A value's piece is the number of bounds
    /// not above it.
    pub pieces_at: u32,
}

/// What the rules demand on one axis.
#[derive(Clone, Debug)]
pub(crate) struct Axis<'a> {
    /// The largest value.
    pub(crate) top: u32,
    /// For each rule the values it accepts; nothing for all.
    pub(crate) sets: Vec<Option<&'a IntervalSet>>,
}

impl Vectors {
    /// Vectors for rules in order of rank, the winner's first, given by their results: entry and
    /// rank.
    ///
    /// # Errors
    ///
    /// The bytes that are needed, or more than which are needed, if they are more than `limit`.
    pub(crate) fn new(axes: &[Axis<'_>], results: &[(u32, u32)], limit: u64) -> Result<Self, u64> {
        let words = results.len() / BITS + 1;
        let mut cuts = Vec::with_capacity(axes.len());
        let mut bytes = (words * BITS * RESULT) as u64;
        for axis in axes {
            let cut = Cut::new(axis, words, limit)?;
            bytes += cut.bytes();
            cuts.push(cut);
        }
        if bytes > limit {
            return Err(bytes);
        }
        let memory = Shared::new(Memory::zeroed(bytes as usize / 4).ok_or(bytes)?);
        let mut fill = Fill {
            memory: &memory,
            at: 0,
        };
        // Vectors first: they are whole lines.
        let mut starts = Vec::with_capacity(axes.len());
        for cut in &cuts {
            starts.push(fill.at);
            cut.vectors.iter().for_each(|word| fill.pair(*word));
        }
        let last_vector = fill.at.saturating_sub(8 * words) as u32;
        let results_at = fill.at as u32;
        fill.results(words, results);
        let layouts = cuts
            .iter()
            .zip(starts)
            .map(|(cut, start)| fill.axis(cut, start, words))
            .collect();
        Ok(Vectors {
            axes: layouts,
            words: words as u32,
            last_vector,
            results_at,
            memory,
        })
    }

    /// The memory that emitted code reads.
    pub fn memory(&self) -> &Shared<Memory> {
        &self.memory
    }

    /// The axes, in the order given.
    pub fn axes(&self) -> &[AxisLayout] {
        &self.axes
    }

    /// Words of 64 bits of a vector.
    pub fn words(&self) -> u32 {
        self.words
    }

    /// Where the last vector is.
    pub fn last_vector(&self) -> u32 {
        self.last_vector
    }

    /// Where the results are: for each word 64 times entry plus 1 and rank plus 1, 32 bits each, the
    /// one for bit `b` at [`slot`]`(b)`.
    pub fn results_at(&self) -> u32 {
        self.results_at
    }
}

/// The place of a bit's result among those of its word.
pub fn slot(bit: u32) -> u32 {
    ((DE_BRUIJN << bit) >> 58) as u32
}

/// An axis cut into pieces.
struct Cut {
    /// The first value of each piece but the first.
    bounds: Vec<u32>,
    /// For each piece the number of its vector.
    pieces: Vec<u32>,
    /// Different vectors, one after the other.
    vectors: Vec<u64>,
    /// Pieces are by value: no bounds are stored.
    direct: bool,
}

impl Cut {
    fn new(axis: &Axis<'_>, words: usize, limit: u64) -> Result<Self, u64> {
        let mut vector = alloc::vec![0_u64; words];
        let flip = |vector: &mut [u64], rule: usize| vector[rule / BITS] ^= 1 << (rule % BITS);
        // Where a rule begins or ends to hold.
        let mut ends: Vec<(u32, u32)> = Vec::new();
        for (rule, set) in axis.sets.iter().enumerate() {
            match set {
                None => flip(&mut vector, rule),
                Some(set) => {
                    for &(low, high) in set.intervals() {
                        ends.push((low, rule as u32));
                        ends.extend((high < axis.top).then(|| (high + 1, rule as u32)));
                    }
                }
            }
        }
        flip(&mut vector, axis.sets.len());
        ends.sort_unstable();
        let mut cut = Cut {
            bounds: Vec::new(),
            pieces: Vec::new(),
            vectors: Vec::new(),
            direct: axis.top <= MAX_DIRECT,
        };
        let mut known: BTreeMap<Box<[u64]>, u32> = BTreeMap::new();
        let mut place = 0;
        let mut start = 0;
        loop {
            while let Some((_, rule)) = ends.get(place).filter(|(at, _)| *at == start) {
                flip(&mut vector, *rule as usize);
                place += 1;
            }
            let number = known.len() as u32;
            let number = *known.entry(vector.as_slice().into()).or_insert(number);
            if known.len() * words > cut.vectors.len() {
                cut.vectors.extend_from_slice(&vector);
            }
            if cut.pieces.last() != Some(&number) {
                cut.bounds.extend((start > 0).then_some(start));
                cut.pieces.push(number);
            }
            if cut.bytes() > limit {
                return Err(cut.bytes());
            }
            match ends.get(place) {
                Some((next, _)) => start = *next,
                None => break,
            }
        }
        if cut.direct {
            cut.spread(axis.top);
        }
        Ok(cut)
    }

    /// One piece for each value.
    fn spread(&mut self, top: u32) {
        let bounds = core::mem::take(&mut self.bounds);
        let pieces = (0..=top).map(|value| {
            let piece = bounds.partition_point(|bound| *bound <= value);
            self.pieces[piece]
        });
        self.pieces = pieces.collect();
    }

    fn bytes(&self) -> u64 {
        (8 * self.vectors.len() + 4 * (self.bounds.len() + self.pieces.len())) as u64
    }
}

/// Fills memory from its start.
struct Fill<'a> {
    memory: &'a Memory,
    /// Bytes filled.
    at: usize,
}

impl Fill<'_> {
    fn word(&mut self, word: u32) {
        self.memory.store(self.at / 4, word);
        self.at += 4;
    }

    fn pair(&mut self, pair: u64) {
        self.memory.store_pair(self.at / 4, pair);
        self.at += 8;
    }

    fn results(&mut self, words: usize, results: &[(u32, u32)]) {
        for (rule, (entry, rank)) in results.iter().enumerate() {
            let place = rule / BITS * BITS + slot((rule % BITS) as u32) as usize;
            let at = (self.at + RESULT * place) / 4;
            self.memory.store(at, entry + 1);
            self.memory.store(at + 1, rank + 1);
        }
        self.at += RESULT * BITS * words;
    }

    fn axis(&mut self, cut: &Cut, start: usize, words: usize) -> AxisLayout {
        let bounds_at = self.at as u32;
        cut.bounds.iter().for_each(|bound| self.word(*bound));
        let pieces_at = self.at as u32;
        for vector in &cut.pieces {
            self.word((start + 8 * words * *vector as usize) as u32);
        }
        AxisLayout {
            bounds_at,
            bounds: cut.bounds.len() as u32,
            direct: cut.direct,
            pieces_at,
        }
    }
}
