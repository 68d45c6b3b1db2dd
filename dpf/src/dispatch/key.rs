//! Compound keys: which loads make the key of a shape's varying slots, and how keys are packed.
//!
//! Problem: a flow's addresses and ports should cost as few loads as their bytes allow and no byte
//! swaps. Method: fields of one frame that lie within a machine word are loaded together, in pieces
//! of 1, 2, 4 or 8 bytes, in the machine's own byte order; pieces are packed into words, first fit.
//! Keys are packed the same way when they are installed. Where a word is 32 bits, a slot that does
//! not vary but lies beside one that does is keyed too, if that takes no further load: it need not
//! be tested then. Left out: bits are not packed, only bytes.

use alloc::{boxed::Box, vec::Vec};

use super::Machine;
use crate::shape::Slot;

/// How a shape's varying slots become words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlan {
    machine: Machine,
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
    /// Whether all bits count.
    pub fn is_full(&self) -> bool {
        self.mask == u64::MAX >> (64 - 8 * u32::from(self.bytes))
    }
}

impl KeyPlan {
    /// A plan for the slots that `varying` selects, bit `i` for slot `i`, on a machine.
    pub fn new(machine: Machine, slots: &[Slot], varying: u32) -> Self {
        let mut chosen: Vec<(usize, &Slot)> = slots
            .iter()
            .enumerate()
            .filter(|(at, _)| varying >> at & 1 != 0)
            .collect();
        chosen.sort_by_key(|(_, slot)| (slot.frame, slot.field.offset, slot.field.bytes));
        let word = machine.word_bytes();
        let mut plan = Pieces::default();
        let mut rest = chosen.as_slice();
        while let Some((_, first)) = rest.first() {
            let start = first.field.offset;
            let inside = |(_, slot): &&(usize, &Slot)| {
                slot.frame == first.frame && slot.field.end() - start <= word
            };
            let count = rest.iter().take_while(inside).count().max(1);
            let end = rest[..count]
                .iter()
                .map(|(_, slot)| slot.field.end())
                .max()
                .unwrap_or(start);
            plan.window(word, first.frame, (start, end), &rest[..count]);
            rest = &rest[count..];
        }
        plan.finish(machine)
    }

    /// The slots to key beside those that vary, those included: what costs no further load.
    pub(crate) fn widened(machine: Machine, slots: &[Slot], varying: u32) -> u32 {
        if !machine.is_narrow() {
            return varying;
        }
        let whole = |plan: &Self| plan.pieces.iter().filter(|piece| piece.is_full()).count();
        let mut plan = Self::new(machine, slots, varying);
        let mut keyed = varying;
        for (at, slot) in slots.iter().enumerate() {
            let beside = |other: &Slot| other.frame == slot.frame;
            let mut chosen = slots.iter().enumerate();
            if keyed >> at & 1 != 0
                || !chosen.any(|(at, other)| keyed >> at & 1 != 0 && beside(other))
            {
                continue;
            }
            let wider = Self::new(machine, slots, keyed | 1 << at);
            let costs_nothing = wider.pieces.len() <= plan.pieces.len()
                && wider.words <= plan.words
                && whole(&wider) >= whole(&plan);
            if costs_nothing {
                (keyed, plan) = (keyed | 1 << at, wider);
            }
        }
        keyed
    }

    /// The loads, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// How many machine words the key has; 0 when nothing varies.
    pub fn words(&self) -> usize {
        self.words
    }

    /// Packs the constants of a rule, one for each slot of the shape.
    #[expect(
        clippy::slow_vector_initialization,
        reason = "most keys have a word or two, and a call to clear them would cost more than they do"
    )]
    pub fn pack(&self, keys: &[u32]) -> Vec<u64> {
        let mut words = Vec::with_capacity(self.words);
        words.resize(self.words, 0);
        for term in &self.terms {
            let piece = &self.pieces[usize::from(term.piece)];
            let key = keys[usize::from(term.slot)];
            words[usize::from(piece.word)] |= if self.machine.is_narrow() {
                self.narrow(term, piece, key).into()
            } else {
                let loaded = u64::from(key) << term.field_shift;
                let value = if term.shift >= 0 {
                    loaded << term.shift
                } else {
                    loaded >> -term.shift
                };
                self.loaded(piece, value)
            };
        }
        words
    }

    /// What a key gives to its word where that has 32 bits, in arithmetic of as many.
    fn narrow(&self, term: &Term, piece: &Piece, key: u32) -> u32 {
        let loaded = key << term.field_shift;
        let value = if term.shift >= 0 {
            loaded << term.shift
        } else {
            loaded >> -term.shift
        };
        let bits = value & piece.mask as u32;
        let native = if self.machine.is_little() {
            bits.swap_bytes() >> (32 - 8 * u32::from(piece.bytes))
        } else {
            bits
        };
        native << piece.shift
    }

    /// What a piece gives to its word: the bits of `value`, the piece as a big-endian number, that
    /// count.
    pub fn loaded(&self, piece: &Piece, value: u64) -> u64 {
        self.native_mask(piece, value & piece.mask) << piece.shift
    }

    /// `bits` of a piece as a big-endian number, as the machine loads them.
    pub fn native_mask(&self, piece: &Piece, bits: u64) -> u64 {
        self.machine.native(bits, u32::from(piece.bytes))
    }
}

#[derive(Default)]
struct Pieces {
    pieces: Vec<Piece>,
    terms: Vec<Term>,
}

impl Pieces {
    /// Cuts the bytes `start..end` into loads.
    fn window(&mut self, word: u32, frame: u8, (start, end): (u32, u32), slots: &[(usize, &Slot)]) {
        let mut at = start;
        while at < end {
            let bytes = 1 << (end - at).min(word).ilog2();
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
    fn finish(mut self, machine: Machine) -> KeyPlan {
        let word_bytes = machine.word_bytes() as u8;
        let mut order: Vec<usize> = (0..self.pieces.len()).collect();
        order.sort_by_key(|&at| core::cmp::Reverse(self.pieces[at].bytes));
        let mut filled: Vec<u8> = Vec::new();
        for at in order {
            let piece = &mut self.pieces[at];
            let word = filled
                .iter()
                .position(|used| used + piece.bytes <= word_bytes)
                .unwrap_or_else(|| {
                    filled.push(0);
                    filled.len() - 1
                });
            (piece.word, piece.shift) = (word as u8, 8 * filled[word]);
            filled[word] += piece.bytes;
        }
        KeyPlan {
            machine,
            pieces: self.pieces.into(),
            terms: self.terms.into(),
            words: filled.len(),
        }
    }
}
