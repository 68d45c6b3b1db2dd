//! Fields of more than 32 bits, or in more than four bytes: cut into chunks that fit one load,
//! compared from the most significant one on.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use super::literal::{Interval, bits};
use crate::{
    filter::{CompareOp, Error, Field, IntervalSet, NodeId, Pool, set::low_mask},
    syntax::{self, FieldUse},
};

/// Values of one chunk, inclusive, and the intervals left for those after it.
type Part = ((u32, u32), Vec<Interval>);

/// Some bits of a field that lie in at most four bytes.
#[derive(Clone, Copy)]
struct Chunk {
    /// From the base.
    bit: u32,
    width: u32,
}

/// The chunks of a field, most significant first. All but the first begin on a byte.
fn chunks(bit: u32, width: u32) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let (mut bit, mut left) = (bit, width);
    while left > 0 {
        let width = left.min(32 - bit % 8);
        chunks.push(Chunk { bit, width });
        (bit, left) = (bit + width, left - width);
    }
    chunks
}

/// The field, `width` bits from `bit`, as a number in one of the intervals, which ascend. What it
/// cannot be does not count.
pub(super) fn member(
    pool: &mut Pool,
    depth: u8,
    bit: u32,
    width: u32,
    intervals: &[(u128, u128)],
) -> Result<NodeId, Error> {
    let most = u128::MAX >> (128 - width.clamp(1, 128));
    let possible = intervals
        .iter()
        .filter(|(low, _)| *low <= most)
        .map(|(low, high)| (*low, *high.min(&most)));
    let possible: Vec<_> = possible.collect();
    let node = member_of_chunks(pool, depth, &chunks(bit, width), &possible)?;
    let captured = pool.captured(depth, (bit + width).div_ceil(8))?;
    pool.and(vec![node, captured])
}

fn member_of_chunks(
    pool: &mut Pool,
    depth: u8,
    chunks: &[Chunk],
    intervals: &[(u128, u128)],
) -> Result<NodeId, Error> {
    let Some((chunk, rest)) = chunks.split_first() else {
        return Ok(if intervals.is_empty() {
            Pool::FALSE
        } else {
            Pool::TRUE
        });
    };
    let below = rest.iter().map(|chunk| chunk.width).sum::<u32>();
    if intervals == [(0, u128::MAX >> (128 - below - chunk.width))] {
        return Ok(Pool::TRUE);
    }
    // Values of this chunk by what they leave to be tested in the others.
    let mut by_rest = BTreeMap::<NodeId, Vec<(u32, u32)>>::new();
    for (values, left) in split(intervals, below) {
        let node = member_of_chunks(pool, depth, rest, &left)?;
        by_rest.entry(node).or_default().push(values);
    }
    let mut ways = Vec::with_capacity(by_rest.len());
    for (left, values) in by_rest {
        let test = chunk_in(pool, depth, *chunk, IntervalSet::from_ranges(values))?;
        ways.push(pool.and(vec![test, left])?);
    }
    pool.or(ways)
}

/// Intervals of numbers whose low `below` bits are the other chunks': for each stretch of values
/// of the first chunk, the intervals left for the others.
fn split(intervals: &[Interval], below: u32) -> Vec<Part> {
    let ones = if below == 0 {
        0
    } else {
        u128::MAX >> (128 - below)
    };
    let top = |number: u128| number.checked_shr(below).unwrap_or(0) as u32;
    let mut parts: Vec<Part> = Vec::new();
    let mut add = |value: u32, left: (u128, u128)| match parts.last_mut() {
        Some(((low, high), lefts)) if *low == value && *high == value => lefts.push(left),
        _ => parts.push(((value, value), vec![left])),
    };
    let mut whole = Vec::new();
    for &(low, high) in intervals {
        let (first, last) = (top(low), top(high));
        if first == last {
            add(first, (low & ones, high & ones));
            continue;
        }
        add(first, (low & ones, ones));
        if last - first > 1 {
            whole.push(((first + 1, last - 1), vec![(0, ones)]));
        }
        add(last, (0, high & ones));
    }
    parts.extend(whole);
    parts
}

/// A chunk's value in a set of its values.
fn chunk_in(pool: &mut Pool, depth: u8, chunk: Chunk, set: IntervalSet) -> Result<NodeId, Error> {
    let (skipped, bytes) = (chunk.bit % 8, (chunk.bit % 8 + chunk.width).div_ceil(8));
    let behind = 8 * bytes - skipped - chunk.width;
    let mask = low_mask(chunk.width) << behind;
    pool.bits(
        Field {
            depth,
            offset: chunk.bit / 8,
            bytes: bytes as u8,
            mask,
        },
        set,
    )
}

/// Two fields of one width, compared as numbers.
pub(super) fn compare(
    pool: &mut Pool,
    op: syntax::CompareOp,
    left: (u8, &FieldUse),
    right: (u8, &FieldUse),
) -> Result<NodeId, Error> {
    use syntax::CompareOp as Op;
    let (op, (a_depth, a), (b_depth, b)) = match op {
        Op::Eq => (CompareOp::Eq, left, right),
        Op::Ne => (CompareOp::Ne, left, right),
        Op::Lt => (CompareOp::Lt, left, right),
        Op::Le => (CompareOp::Le, left, right),
        Op::Gt => (CompareOp::Lt, right, left),
        Op::Ge => (CompareOp::Le, right, left),
    };
    let mut node = None;
    for chunk in chunks(a.bit, u32::from(a.width)).into_iter().rev() {
        let sides = || {
            let other = b.bit + (chunk.bit - a.bit);
            (
                bits(a_depth, chunk.bit, chunk.width),
                bits(b_depth, other, chunk.width),
            )
        };
        let mut test = |op| {
            let (left, right) = sides();
            pool.compare(op, left, right)
        };
        node = Some(match (op, node) {
            (op, None) => test(op)?,
            (CompareOp::Eq, Some(rest)) => {
                let equal = test(CompareOp::Eq)?;
                pool.and(vec![equal, rest])?
            }
            (CompareOp::Ne, Some(rest)) => {
                let different = test(CompareOp::Ne)?;
                pool.or(vec![different, rest])?
            }
            (CompareOp::Lt | CompareOp::Le, Some(rest)) => {
                let (less, equal) = (test(CompareOp::Lt)?, test(CompareOp::Eq)?);
                let undecided = pool.and(vec![equal, rest])?;
                pool.or(vec![less, undecided])?
            }
        });
    }
    let mut parts: Vec<NodeId> = node.into_iter().collect();
    for (depth, field) in [(a_depth, a), (b_depth, b)] {
        parts.push(pool.captured(depth, (field.bit + u32::from(field.width)).div_ceil(8))?);
    }
    pool.and(parts)
}
