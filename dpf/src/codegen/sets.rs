//! Is a value in a set? The code of `dispatch`'s set tests.

use vcode::op::Scale;
use vcode::{Reg, Target};

use super::Error;
use super::emit::Emitter;
use super::flow::Goal;
use crate::dispatch::SetTest;
use crate::filter::{Field, IntervalSet};

impl<T: Target> Emitter<'_, T> {
    /// Goes on by whether `value`, the field under its mask, is in the set. Destroys `value`.
    pub(super) fn member(
        &mut self,
        value: Reg,
        field: &Field,
        set: &IntervalSet,
        test: u32,
        goals: &[Goal],
        next: Goal,
    ) -> Result<(), Error> {
        let trie = self.trie;
        let shift = field.mask.trailing_zeros();
        match &trie.sets()[test as usize].test {
            SetTest::Branches => self.intervals(value, field, set, goals)?,
            SetTest::Map { memory, .. } => {
                if shift > 0 {
                    self.asm.rshu(value, value, shift);
                }
                self.map(value, (self.places)(memory), goals[1])?;
            }
            SetTest::Search {
                memory,
                bounds,
                even,
            } => {
                if shift > 0 {
                    self.asm.rshu(value, value, shift);
                }
                self.search(value, (self.places)(memory), (*bounds, *even), goals[1])?;
            }
        }
        self.go(goals[0], next);
        Ok(())
    }

    /// One comparison for each interval; the bounds are shifted instead of the value.
    fn intervals(
        &mut self,
        value: Reg,
        field: &Field,
        set: &IntervalSet,
        goals: &[Goal],
    ) -> Result<(), Error> {
        let shift = field.mask.trailing_zeros();
        let (yes, no) = (self.label(goals[0]), self.label(goals[1]));
        let Some((last, others)) = set.intervals().split_last() else {
            self.asm.jump(no);
            return Ok(());
        };
        let offset = self.register()?;
        for &(low, high) in others {
            let (low, high) = (low << shift, high << shift);
            match (low, high) {
                _ if low == high => self.asm.bequ(value, low, yes),
                (0, _) => self.asm.bleu(value, high, yes),
                _ => {
                    self.asm.subu(offset, value, low);
                    self.asm.bleu(offset, high - low, yes);
                }
            }
        }
        let (low, high) = (last.0 << shift, last.1 << shift);
        match (low, high) {
            _ if low == high => self.asm.bneu(value, low, no),
            (0, _) => self.asm.bgtu(value, high, no),
            _ if last.1 >= field.value_mask() => self.asm.bltu(value, low, no),
            _ => {
                self.asm.subu(offset, value, low);
                self.asm.bgtu(offset, high - low, no);
            }
        }
        self.free(offset)
    }

    /// On to `no` unless the value's bit is set.
    fn map(&mut self, value: Reg, address: u64, no: Goal) -> Result<(), Error> {
        let no = self.label(no);
        let (table, word) = (self.register()?, self.register()?);
        self.asm.setp(table, address as i64);
        self.asm.rshu(word, value, 5);
        self.asm.ldu(word, table, (word, Scale::X4, 0));
        self.asm.rshu(word, word, value);
        self.asm.andu(word, word, 1);
        self.asm.bequ(word, 0, no);
        self.free(word)?;
        self.free(table)
    }

    /// On to `no` unless an odd number of bounds, or an `even` one, is not above the value.
    fn search(
        &mut self,
        value: Reg,
        address: u64,
        (bounds, even): (u32, bool),
        no: Goal,
    ) -> Result<(), Error> {
        let no = self.label(no);
        let table = self.register()?;
        let at = self.register()?;
        self.asm.setp(table, address as i64);
        self.asm.setu(at, 0);
        self.halve(value, table, at, bounds)?;
        self.asm.andu(at, at, 1);
        self.asm.bequ(at, i32::from(even), no);
        self.free(at)?;
        self.free(table)
    }

    /// Adds to `at`, which is 0, the number of bounds not above the value: 64-bit bounds, as many as
    /// a power of two, the last above every value. No branch depends on the value. Bounds of 32 bits
    /// are one less, so that those below the value are counted.
    pub(super) fn halve(
        &mut self,
        value: Reg,
        table: Reg,
        at: Reg,
        bounds: u32,
    ) -> Result<(), Error> {
        let (bound, further) = (self.register()?, self.register()?);
        let mut step = bounds / 2;
        while step > 0 {
            let middle = step as i32 - 1;
            if self.machine.is_narrow() {
                self.asm.ldul(bound, table, (at, Scale::X4, 4 * middle));
                self.asm.addul(further, at, step);
                self.asm.cmovltul(at, further, bound, value);
            } else {
                self.asm.ldul(bound, table, (at, Scale::X8, 8 * middle));
                self.asm.addul(further, at, step);
                self.asm.cmovleul(at, further, bound, value);
            }
            step /= 2;
        }
        self.free(further)?;
        self.free(bound)
    }
}
