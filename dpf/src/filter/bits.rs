//! Masked fields in dense form: the algebra behind `Test::Bits`.
//!
//! A field with `n` bits in its mask has `2^n` values, which its mask may spread out. Here they
//! are *dense*, `0..2^n` in the same order, so that plain interval sets have their plain meaning,
//! and every question about one bit is a [`cofactor`](IntervalSet::cofactor).
//!
//! The canonical field of a condition has exactly the bits that the condition depends on, in the
//! fewest bytes; the canonical set has interval ends that the field can take, and no two intervals
//! with nothing that the field can take between them.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{
    set::low_mask,
    types::{Field, IntervalSet},
};

impl Field {
    /// How many bits the mask has.
    pub fn width(&self) -> u32 {
        self.mask.count_ones()
    }

    /// Bytes from the base to the end of the load.
    pub fn end(&self) -> u32 {
        self.offset.saturating_add(u32::from(self.bytes))
    }

    /// The mask, right-justified: every bit that a value of the field may have.
    pub fn value_mask(&self) -> u32 {
        if self.mask == 0 {
            0
        } else {
            self.mask >> self.mask.trailing_zeros()
        }
    }

    /// The field's value in `loaded`, its bytes as a big-endian number.
    pub fn value(&self, loaded: u32) -> u32 {
        if self.mask == 0 {
            0
        } else {
            (loaded & self.mask) >> self.mask.trailing_zeros()
        }
    }
}

/// What is left of a condition on a field when it has been reduced.
pub(super) enum Reduced {
    /// No value passes.
    Never,
    /// Every value passes: only the load remains.
    Always,
    /// Some do. The field is canonical, the set dense.
    Sometimes(Field, IntervalSet),
}

/// Reduces a field under a dense set to the bits and bytes that matter.
pub(super) fn reduce(field: Field, dense: IntervalSet) -> Reduced {
    let width = field.width();
    if dense.is_empty() {
        return Reduced::Never;
    }
    if dense.is_full(width) {
        return Reduced::Always;
    }
    let (mut mask, mut dense) = (field.mask, dense);
    for bit in (0..width).rev() {
        if !dense.depends_on(bit) {
            dense = dense.cofactor(bit, false);
            mask &= !nth_bit(mask, bit);
        }
    }
    Reduced::Sometimes(trim(Field { mask, ..field }), dense)
}

/// The field without leading and trailing bytes that its mask does not test.
fn trim(mut field: Field) -> Field {
    while field.bytes > 1 && field.mask >> (8 * (field.bytes - 1)) == 0 {
        field.bytes -= 1;
        field.offset += 1;
    }
    while field.bytes > 1 && field.mask & 0xff == 0 {
        field.bytes -= 1;
        field.mask >>= 8;
    }
    field
}

/// The `bit`th bit of `mask`, counted from its lowest; 0 when it has no such bit.
fn nth_bit(mask: u32, bit: u32) -> u32 {
    let mut rest = mask;
    for _ in 0..bit {
        rest &= rest.wrapping_sub(1);
    }
    rest & rest.wrapping_neg()
}

/// Values under a right-justified mask, made dense. Values outside the mask are ignored.
pub(super) fn compress(mask: u32, set: &IntervalSet) -> IntervalSet {
    if mask & mask.wrapping_add(1) == 0 {
        return set.intersect(&IntervalSet::full(mask.count_ones()));
    }
    IntervalSet::from_ranges(set.intervals().iter().filter_map(|&(low, high)| {
        let (low, end) = (rank(mask, u64::from(low)), rank(mask, u64::from(high) + 1));
        (low < end).then(|| (low as u32, (end - 1) as u32))
    }))
}

/// Dense values, spread out under a right-justified mask.
pub(super) fn expand(mask: u32, dense: &IntervalSet) -> IntervalSet {
    let intervals = dense
        .intervals()
        .iter()
        .map(|&(low, high)| (deposit(low, mask), deposit(high, mask)));
    IntervalSet {
        intervals: intervals.collect(),
    }
}

/// How many values under `mask` are below `x`.
fn rank(mask: u32, x: u64) -> u64 {
    let wide = u64::from(mask);
    let foreign = x & !wide;
    if foreign == 0 {
        return u64::from(extract(x as u32, mask));
    }
    // Above its highest foreign bit, `x` agrees with some value; all that share that part are below `x`.
    let bit = 63 - foreign.leading_zeros();
    let (above, below) = (wide >> bit >> 1, wide & ((1 << bit) - 1));
    (u64::from(extract((x >> bit >> 1) as u32, above as u32)) + 1) << below.count_ones()
}

/// Gathers the bits of `x` under `mask` at the low end.
pub(super) fn extract(x: u32, mask: u32) -> u32 {
    let (mut rest, mut out, mut at) = (mask, 0, 0);
    while rest != 0 {
        let bit = rest & rest.wrapping_neg();
        if x & bit != 0 {
            out |= 1 << at;
        }
        at += 1;
        rest ^= bit;
    }
    out
}

/// Scatters the low bits of `x` to the places of `mask`.
pub(super) fn deposit(x: u32, mask: u32) -> u32 {
    let (mut rest, mut out, mut at) = (mask, 0, 0);
    while rest != 0 {
        let bit = rest & rest.wrapping_neg();
        if x >> at & 1 != 0 {
            out |= bit;
        }
        at += 1;
        rest ^= bit;
    }
    out
}

/// Bits of the packet whose values are known: per base depth and byte, which and what.
#[derive(Clone, Debug, Default)]
pub(super) struct Cube {
    bytes: BTreeMap<(u8, u32), (u8, u8)>,
    /// Bytes of which more is known since `next_fresh` named them.
    fresh: Vec<(u8, u32)>,
}

impl Cube {
    /// Adds that `field` has the bits of `value` (of the loaded number, not justified) under
    /// `mask`. False when that contradicts what is known.
    pub(super) fn learn(&mut self, field: &Field, mask: u32, value: u32) -> bool {
        for index in 0..field.bytes {
            let shift = 8 * u32::from(field.bytes - 1 - index);
            let (mask, value) = ((mask >> shift) as u8, (value >> shift) as u8);
            if mask == 0 {
                continue;
            }
            let place = (field.depth, field.offset + u32::from(index));
            let known = self.bytes.entry(place).or_default();
            if (known.1 ^ value) & known.0 & mask != 0 {
                return false;
            }
            if mask & !known.0 != 0 {
                self.fresh.push(place);
            }
            *known = (known.0 | mask, known.1 | value & mask);
        }
        true
    }

    /// A byte of which more became known, each time once.
    pub(super) fn next_fresh(&mut self) -> Option<(u8, u32)> {
        self.fresh.pop()
    }

    /// What is known of the field's bytes as loaded: a mask and a value.
    pub(super) fn known(&self, field: &Field) -> (u32, u32) {
        let (mut mask, mut value) = (0, 0);
        for index in 0..field.bytes {
            let byte = self
                .bytes
                .get(&(field.depth, field.offset + u32::from(index)));
            let (byte_mask, byte_value) = byte.copied().unwrap_or_default();
            mask = mask << 8 | u32::from(byte_mask);
            value = value << 8 | u32::from(byte_value);
        }
        (mask, value)
    }

    /// The part of the field that is not known, and the dense set of what that part may be.
    pub(super) fn restrict(&self, field: &Field, dense: IntervalSet) -> (Field, IntervalSet) {
        let (known, value) = self.known(field);
        if known & field.mask == 0 {
            return (*field, dense);
        }
        let (mut mask, mut dense) = (field.mask, dense);
        for bit in (0..field.width()).rev() {
            let place = nth_bit(field.mask, bit);
            if known & place != 0 {
                dense = dense.cofactor(bit, value & place != 0);
                mask &= !place;
            }
        }
        (Field { mask, ..*field }, dense)
    }

    /// The known bits as fields and values (right-justified): runs of consecutive bytes, cut into
    /// at most four from their start.
    pub(super) fn fields(&self) -> impl Iterator<Item = (Field, u32)> + '_ {
        let mut bytes = self.bytes.iter().peekable();
        core::iter::from_fn(move || {
            let (&(depth, offset), &(mask, value)) = bytes.next()?;
            let (mut field, mut loaded) = (
                Field {
                    depth,
                    offset,
                    bytes: 1,
                    mask: u32::from(mask),
                },
                u32::from(value),
            );
            while field.bytes < 4 {
                let next = (depth, offset + u32::from(field.bytes));
                let Some((_, (mask, value))) = bytes.next_if(|(place, _)| **place == next) else {
                    break;
                };
                field.bytes += 1;
                field.mask = field.mask << 8 | u32::from(*mask);
                loaded = loaded << 8 | u32::from(*value);
            }
            Some((field, field.value(loaded)))
        })
    }
}

/// The bits that all values of a dense set under `mask` share: which (in `mask`), and what.
pub(super) fn common_bits(mask: u32, dense: &IntervalSet) -> (u32, u32) {
    let (mut same, Some(first)) = (u32::MAX, dense.min()) else {
        return (0, 0);
    };
    for &(low, high) in dense.intervals() {
        // Within one interval, everything below the highest differing bit varies.
        let varies = low ^ high;
        same &= !(low_mask(32 - varies.leading_zeros())) & !(low ^ first);
    }
    let width = low_mask(mask.count_ones());
    (
        deposit(same & width, mask),
        deposit(first & same & width, mask),
    )
}
