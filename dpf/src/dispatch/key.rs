//! Compound keys: which loads make the key of a shape's varying slots, and how keys are packed.
//!
//! Problem: a flow's addresses and ports should cost as few loads as their bytes allow and no byte
//! swaps. Method: fields of one frame that lie within eight bytes are loaded together, in pieces of
//! 1, 2, 4 or 8 bytes, in the machine's own byte order; pieces are packed into 64-bit words, first
//! fit. Keys are packed the same way when they are installed. Left out: bits are not packed, only
//! bytes.

use alloc::{boxed::Box, vec::Vec};

use crate::shape::Slot;

/// How a shape's varying slots become words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlan {
    pieces: Box<[Piece]>,
    terms: Box<[Term]>,
    words: usize,
}

/// One load of a compound key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The frame that `offset` counts from.
    pub frame: u8,
    /// Bytes from the frame's base.
    pub offset: u32,
    /// 1, 2, 4 or 8.
    pub bytes: u8,
    /// The bits that count, of the piece as a big-endian number.
    pub mask: u64,
    /// Which word of the key it goes to.
    pub word: u8,
    /// How far left, in bits.
    pub shift: u8,
}

/// What a slot gives to a piece: its loaded bits, moved left (right if negative).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Term {
    slot: u8,
    piece: u8,
    shift: i16,
    field_shift: u8,
}

impl Piece {
    /// `value`, the piece as a big-endian number, as this machine loads it.
    pub fn native(&self, value: u64) -> u64 {
        if cfg!(target_endian = "little") {
            value.swap_bytes() >> (64 - 8 * u32::from(self.bytes))
        } else {
            value
        }
    }

    /// Whether all bits count.
    pub fn is_full(&self) -> bool {
        self.mask == u64::MAX >> (64 - 8 * u32::from(self.bytes))
    }
}

impl KeyPlan {
    /// A plan for the slots that `varying` selects, bit `i` for slot `i`.
    pub fn new(slots: &[Slot], varying: u32) -> Self {
        let mut chosen: Vec<(usize, &Slot)> = slots
            .iter()
            .enumerate()
            .filter(|(at, _)| varying >> at & 1 != 0)
            .collect();
        chosen.sort_by_key(|(_, slot)| (slot.frame, slot.field.offset, slot.field.bytes));
        let mut plan = Pieces::default();
        let mut rest = chosen.as_slice();
        while let Some((_, first)) = rest.first() {
            let start = first.field.offset;
            let inside = |(_, slot): &&(usize, &Slot)| {
                slot.frame == first.frame && slot.field.end() - start <= 8
            };
            let count = rest.iter().take_while(inside).count().max(1);
            let end = rest[..count]
                .iter()
                .map(|(_, slot)| slot.field.end())
                .max()
                .unwrap_or(start);
            plan.window(first.frame, start, end, &rest[..count]);
            rest = &rest[count..];
        }
        plan.finish()
    }

    /// The loads, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// How many 64-bit words the key has; 0 when nothing varies.
    pub fn words(&self) -> usize {
        self.words
    }

    /// Packs the constants of a rule, one for each slot of the shape.
    pub fn pack(&self, keys: &[u32]) -> Vec<u64> {
        let mut words = alloc::vec![0; self.words];
        for term in &self.terms {
            let piece = &self.pieces[usize::from(term.piece)];
            let loaded = u64::from(keys[usize::from(term.slot)]) << term.field_shift;
            let value = if term.shift >= 0 {
                loaded << term.shift
            } else {
                loaded >> -term.shift
            };
            words[usize::from(piece.word)] |= piece.native(value & piece.mask) << piece.shift;
        }
        words
    }
}

#[derive(Default)]
struct Pieces {
    pieces: Vec<Piece>,
    terms: Vec<Term>,
}

impl Pieces {
    /// Cuts the bytes `start..end` into loads.
    fn window(&mut self, frame: u8, start: u32, end: u32, slots: &[(usize, &Slot)]) {
        let mut at = start;
        while at < end {
            let bytes = 1 << (end - at).min(8).ilog2();
            let mut piece = Piece {
                frame,
                offset: at,
                bytes: bytes as u8,
                mask: 0,
                word: 0,
                shift: 0,
            };
            let whole = u64::MAX >> (64 - 8 * bytes);
            for (index, slot) in slots {
                let shift = 8 * (i64::from(at + bytes) - i64::from(slot.field.end()));
                let mask = u64::from(slot.field.mask);
                let mask = whole
                    & if shift >= 0 {
                        mask << shift
                    } else {
                        mask >> -shift
                    };
                if mask != 0 {
                    piece.mask |= mask;
                    self.terms.push(Term {
                        slot: *index as u8,
                        piece: self.pieces.len() as u8,
                        shift: shift as i16,
                        field_shift: slot.field.mask.trailing_zeros() as u8,
                    });
                }
            }
            if piece.mask != 0 {
                self.pieces.push(piece);
            }
            at += bytes;
        }
    }

    /// Packs the pieces, the largest first, each into the first word with room.
    fn finish(mut self) -> KeyPlan {
        let mut order: Vec<usize> = (0..self.pieces.len()).collect();
        order.sort_by_key(|&at| core::cmp::Reverse(self.pieces[at].bytes));
        let mut filled: Vec<u8> = Vec::new();
        for at in order {
            let piece = &mut self.pieces[at];
            let word = filled
                .iter()
                .position(|used| used + piece.bytes <= 8)
                .unwrap_or_else(|| {
                    filled.push(0);
                    filled.len() - 1
                });
            (piece.word, piece.shift) = (word as u8, 8 * filled[word]);
            filled[word] += piece.bytes;
        }
        KeyPlan {
            pieces: self.pieces.into(),
            terms: self.terms.into(),
            words: filled.len(),
        }
    }
}
