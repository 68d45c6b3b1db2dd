//! The first rule of a block that holds.
//!
//! Problem: hundreds of rules on the same fields, without a branch that depends on the packet.
//! Method: on each axis the value's piece is found by halving, with conditional moves, or is the
//! value itself; the piece says where its vector is. Then the words of all vectors are intersected,
//! the last word first, and the first that is not zero is kept. Its lowest bit, times a de Bruijn
//! constant, is the place of the result. What a table says is compared with the last vector's
//! place before it is used, by a branch that is never taken. Vectors' addresses are in registers
//! as long as there are some, and in the frame then. Left out: the vectors (`dispatch`).

use alloc::vec::Vec;
use vcode::op::Scale;
use vcode::{Local, Reg, Target, Ty};

use super::emit::Emitter;
use super::flow::Goal;
use super::home::Home;
use super::{Error, ErrorKind};
use crate::dispatch::{AxisLayout, DE_BRUIJN, Vectors};
use crate::trie::{Axis, Block};

/// Registers of the work on one axis, and then on one word.
struct Work {
    at: Reg,
    value: Reg,
    bound: Reg,
    further: Reg,
    table: Reg,
}

impl<T: Target> Emitter<'_, T> {
    /// Finds the first rule: returns, or keeps the better one.
    pub(super) fn block(&mut self, block: &Block, next: Goal) -> Result<(), Error> {
        let vectors = block.vectors().ok_or(Error::new(ErrorKind::NoVectors))?;
        if let (true, Some(rule)) = (block.axes().is_empty(), block.rules().first()) {
            return self.only(rule.entry, rule.rank);
        }
        let work = Work {
            at: self.register()?,
            value: self.register()?,
            bound: self.register()?,
            further: self.register()?,
            table: self.register()?,
        };
        let (mut homes, mut in_frame) = (Vec::with_capacity(block.axes().len()), 0);
        // Odd widths are loaded in two parts.
        let odd = |axis: &Axis| matches!(axis, Axis::Field(field) if field.bytes == 3);
        let reserve = block.axes().iter().any(odd);
        for (axis, layout) in block.axes().iter().zip(vectors.axes()) {
            self.vector(axis, layout, vectors, &work, next)?;
            if homes.len() + 1 == block.axes().len() {
                // The last axis leaves its vector where it is.
                homes.push(Home::Register(work.at));
                break;
            }
            homes.push(match self.spare(reserve)? {
                Some(reg) => {
                    self.asm.movul(reg, work.at);
                    Home::Register(reg)
                }
                None => {
                    let local = self.word_of_frame(in_frame)?;
                    in_frame += 1;
                    self.asm.store_local(Ty::Ul, work.at, local);
                    Home::Frame(local)
                }
            });
        }
        self.intersect(vectors, &homes, &work);
        for home in homes {
            match home {
                Home::Register(reg) if reg != work.at => self.free(reg)?,
                _ => {}
            }
        }
        self.result(vectors, &work)?;
        for reg in [work.table, work.further, work.bound, work.value, work.at] {
            self.free(reg)?;
        }
        Ok(())
    }

    /// Puts into `at` the address of the vector of the packet's value on an axis.
    fn vector(
        &mut self,
        axis: &Axis,
        layout: &AxisLayout,
        vectors: &Vectors,
        work: &Work,
        next: Goal,
    ) -> Result<(), Error> {
        self.axis_value(axis, work)?;
        self.asm
            .setp(work.table, (self.places)(vectors.memory()) as i64);
        if layout.direct {
            self.asm.movu(work.at, work.value);
        } else {
            self.count(layout, work);
        }
        let pieces = layout.pieces_at as i32;
        self.asm
            .ldu(work.at, work.table, (work.at, Scale::X4, pieces));
        let label = self.label(next);
        self.asm.bgtu(work.at, vectors.last_vector(), label);
        self.asm.addul(work.at, work.at, work.table);
        Ok(())
    }

    /// Puts into `at` the number of bounds that are not above the value.
    fn count(&mut self, layout: &AxisLayout, work: &Work) {
        let bounds = layout.bounds_at as i32;
        self.asm.setu(work.at, 0);
        let mut left = layout.bounds;
        while left > 0 {
            // The number is between `at` and `at + left`; the loads of one bound too.
            let half = left.div_ceil(2);
            let middle = bounds + 4 * (half as i32 - 1);
            self.asm
                .ldu(work.bound, work.table, (work.at, Scale::X4, middle));
            self.asm.addul(work.further, work.at, half);
            self.asm
                .cmovleu(work.at, work.further, work.bound, work.value);
            left -= half;
        }
    }

    /// Puts into `word` (which is `value`) the first word of the intersection that is not zero, and
    /// into `place` (which is `bound`) the offset of its results.
    fn intersect(&mut self, vectors: &Vectors, homes: &[Home], work: &Work) {
        let (word, place) = (work.value, work.bound);
        let (all, one) = (work.further, work.table);
        for number in (0..vectors.words()).rev() {
            let into = if number + 1 == vectors.words() {
                word
            } else {
                all
            };
            for (at, home) in homes.iter().enumerate() {
                let loaded = if at == 0 { into } else { one };
                let address = match home {
                    Home::Register(reg) => *reg,
                    Home::Frame(local) => {
                        self.asm.load_local(Ty::Ul, loaded, *local);
                        loaded
                    }
                };
                self.asm.ldul(loaded, address, 8 * number as i32);
                if at > 0 {
                    self.asm.andul(into, into, one);
                }
            }
            let results = i64::from(512 * number);
            if into == word {
                self.asm.setul(place, results);
            } else {
                self.asm.setul(one, results);
                self.asm.cmovneul(place, one, all, 0);
                self.asm.cmovneul(word, all, all, 0);
            }
        }
    }

    /// Returns or keeps the result of the lowest bit.
    fn result(&mut self, vectors: &Vectors, work: &Work) -> Result<(), Error> {
        let (word, place, table) = (work.value, work.bound, work.table);
        let (lowest, value) = (work.further, work.at);
        self.asm.negul(lowest, word);
        self.asm.andul(word, word, lowest);
        self.asm.setul(lowest, DE_BRUIJN as i64);
        self.asm.mulul(word, word, lowest);
        self.asm.rshul(word, word, 58);
        self.asm.lshul(word, word, 3);
        self.asm.addul(place, place, word);
        self.asm.setp(table, (self.places)(vectors.memory()) as i64);
        let results = vectors.results_at() as i32;
        self.asm.ldu(value, table, (place, results));
        if self.best.is_none() {
            self.asm.retu(value);
            return Ok(());
        }
        self.asm.ldu(word, table, (place, results + 4));
        self.keep(value, word)
    }

    fn axis_value(&mut self, axis: &Axis, work: &Work) -> Result<(), Error> {
        let field = match axis {
            Axis::Len => {
                self.length(work.value, false);
                return Ok(());
            }
            Axis::WireLen => {
                self.length(work.value, true);
                return Ok(());
            }
            Axis::Field(field) => field,
        };
        self.field_into(work.value, field)?;
        let shift = field.mask.trailing_zeros();
        if shift > 0 {
            self.asm.rshu(work.value, work.value, shift);
        }
        Ok(())
    }

    /// A word of the frame, the same for the same number.
    fn word_of_frame(&mut self, number: usize) -> Result<Local, Error> {
        if let Some(known) = self.frame.get(number) {
            return Ok(*known);
        }
        let local = self.asm.local(Ty::Ul)?;
        self.frame.push(local);
        Ok(local)
    }

    /// A free register, if there is one, and one more if so asked.
    fn spare(&mut self, reserve: bool) -> Result<Option<Reg>, Error> {
        let Ok(reg) = self.register() else {
            return Ok(None);
        };
        if reserve {
            let Ok(more) = self.register() else {
                self.free(reg)?;
                return Ok(None);
            };
            self.free(more)?;
        }
        Ok(Some(reg))
    }
}
