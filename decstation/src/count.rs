//! Counting without disturbing what is counted.
//!
//! The machine counts everything always; a count of a stretch of program is the difference of two
//! readings. A [`Meter`] takes the readings when the program comes to two addresses.

use core::fmt;
use core::ops::Sub;

/// Running totals since the machine was switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Instructions begun: completed or ended by an exception of their own.
    pub instructions: u64,
    /// Cycles of the processor's clock.
    pub cycles: u64,
    /// Loads.
    pub loads: u64,
    /// Stores.
    pub stores: u64,
    /// Misses of the instruction cache.
    pub instruction_misses: u64,
    /// Misses of the data cache, by loads.
    pub data_misses: u64,
    /// Cycles stalled because the write buffer was full.
    pub write_stalls: u64,
    /// Cycles stalled for HI and LO.
    pub multiply_stalls: u64,
    /// Exceptions taken, interrupts included.
    pub exceptions: u64,
}

impl Sub for Counts {
    type Output = Counts;

    fn sub(self, earlier: Counts) -> Counts {
        Counts {
            instructions: self.instructions - earlier.instructions,
            cycles: self.cycles - earlier.cycles,
            loads: self.loads - earlier.loads,
            stores: self.stores - earlier.stores,
            instruction_misses: self.instruction_misses - earlier.instruction_misses,
            data_misses: self.data_misses - earlier.data_misses,
            write_stalls: self.write_stalls - earlier.write_stalls,
            multiply_stalls: self.multiply_stalls - earlier.multiply_stalls,
            exceptions: self.exceptions - earlier.exceptions,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} instructions, {} cycles, {} loads, {} stores, {} + {} misses, {} + {} stalled, {} exceptions",
            self.instructions,
            self.cycles,
            self.loads,
            self.stores,
            self.instruction_misses,
            self.data_misses,
            self.write_stalls,
            self.multiply_stalls,
            self.exceptions
        )
    }
}

/// Counts the passes of a program from one address to another.
///
/// A pass begins when the instruction at `from` is about to run and ends when the one at `to` is;
/// so the count includes the first and not the last. Coming to `from` again begins anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// Where a pass begins.
    pub from: u32,
    /// Where it ends; it may be the same address, which measures one turn of a loop.
    pub to: u32,
    /// Passes completed.
    pub passes: u64,
    /// The last completed pass.
    pub last: Counts,
    /// The completed pass of fewest cycles.
    pub least: Option<Counts>,
    /// The completed pass of most cycles.
    pub most: Option<Counts>,
    begun: Option<Counts>,
}

impl Meter {
    /// A meter between two addresses.
    pub fn new(from: u32, to: u32) -> Meter {
        Meter {
            from,
            to,
            passes: 0,
            last: Counts::default(),
            least: None,
            most: None,
            begun: None,
        }
    }

    /// The program is about to run the instruction at `pc`.
    pub(crate) fn pass(&mut self, pc: u32, now: &Counts) {
        if pc == self.to
            && let Some(begun) = self.begun.take()
        {
            let pass = *now - begun;
            self.passes += 1;
            self.last = pass;
            if self.least.is_none_or(|least| pass.cycles < least.cycles) {
                self.least = Some(pass);
            }
            if self.most.is_none_or(|most| pass.cycles > most.cycles) {
                self.most = Some(pass);
            }
        }
        if pc == self.from {
            self.begun = Some(*now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_keeps_the_extremes_of_its_passes() {
        let at = |cycles| Counts {
            cycles,
            ..Counts::default()
        };
        let mut turns = Meter::new(8, 8);
        for cycles in [10, 15, 18, 30] {
            turns.pass(8, &at(cycles));
            turns.pass(12, &at(cycles + 1));
        }
        assert_eq!(turns.passes, 3);
        assert_eq!(turns.least, Some(at(3)));
        assert_eq!(turns.most, Some(at(12)));
        assert_eq!(turns.last, at(12));
    }
}
