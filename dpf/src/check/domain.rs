//! Value numbers: the names of the numbers of a run, and what is true of them everywhere.
//!
//! A [`Var`] stands for one number of a run. Code under proof has no loops, so every definition is
//! executed at most once and a variable has at most one value: what was once learnt of it stays
//! true until the run ends. Its definition gives a range and a residue modulo four (addresses of
//! words must be aligned on MIPS; tables of jumps everywhere). What branches tell is in `facts`.
//!
//! Left out on purpose: relations between two variables other than through the captured length,
//! and bit-level knowledge.

use alloc::vec::Vec;

/// The name of one number of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Var(u32);

/// The number 0: constants are this plus an offset.
pub(crate) const ZERO: Var = Var(0);
/// The captured length, a 32-bit number.
pub(crate) const LEN: Var = Var(1);

/// A variable plus a constant, exactly: neither wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) var: Var,
    pub(crate) offset: i64,
}

#[cfg(test)]
impl Var {
    /// A number that tells variables apart.
    pub(crate) fn number(self) -> usize {
        self.0 as usize
    }
}

impl Sum {
    pub(crate) const fn of(var: Var) -> Self {
        Self { var, offset: 0 }
    }

    pub(crate) const fn constant(offset: i64) -> Self {
        Self { var: ZERO, offset }
    }
}

/// An inclusive range of unsigned numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) low: u64,
    pub(crate) high: u64,
}

impl Range {
    pub(crate) const fn up_to(high: u64) -> Self {
        Self { low: 0, high }
    }

    pub(crate) const fn only(value: u64) -> Self {
        Self {
            low: value,
            high: value,
        }
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
        }
    }

    /// The numbers in both; `self` where there are none.
    pub(super) fn narrowed(self, low: i128, high: i128) -> Self {
        let narrowed = Self {
            low: u64::try_from(low).map_or(self.low, |low| low.max(self.low)),
            high: u64::try_from(high).map_or(self.high, |high| high.min(self.high)),
        };
        if narrowed.low <= narrowed.high {
            narrowed
        } else {
            self
        }
    }
}

/// What is known of a number modulo four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Residue {
    /// 1, 2 or 4: what divides the difference of any two values.
    modulus: u8,
    /// The remainder of every value.
    remainder: u8,
}

impl Residue {
    pub(crate) const ANY: Self = Self {
        modulus: 1,
        remainder: 0,
    };

    pub(crate) const fn exact(value: i64) -> Self {
        Self {
            modulus: 4,
            remainder: (value & 3) as u8,
        }
    }

    /// Multiples of 1, 2 or 4.
    pub(crate) const fn multiple_of(modulus: u8) -> Self {
        Self {
            modulus,
            remainder: 0,
        }
    }

    /// Whether `value` has it.
    #[cfg(test)]
    pub(crate) fn holds(self, value: u64) -> bool {
        value % u64::from(self.modulus) == u64::from(self.remainder)
    }

    /// That of a sum.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self::reduced(
            self.modulus.min(other.modulus),
            self.remainder + other.remainder,
        )
    }

    /// How far a number may be above a multiple of four: the least, and the greatest, below four.
    pub(crate) fn above_four(self) -> (u8, u8) {
        (self.remainder, self.remainder + 4 - self.modulus)
    }

    /// Whether all are multiples of `factor`, which is 1, 2 or 4.
    pub(crate) fn divides(self, factor: u32) -> bool {
        u32::from(self.modulus) >= factor && u32::from(self.remainder).is_multiple_of(factor)
    }

    fn shifted(self, by: u32) -> Self {
        let modulus = (u32::from(self.modulus) << by.min(2)).min(4) as u8;
        Self::reduced(modulus, self.remainder << by.min(2))
    }

    pub(crate) fn union(self, other: Self) -> Self {
        let mut modulus = self.modulus.min(other.modulus);
        while self.remainder % modulus != other.remainder % modulus {
            modulus /= 2;
        }
        Self::reduced(modulus, self.remainder)
    }

    fn reduced(modulus: u8, remainder: u8) -> Self {
        Self {
            modulus,
            remainder: remainder % modulus,
        }
    }
}

/// How a variable came about, where that matters later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Anything.
    Opaque,
    /// The sum of two variables.
    Added(Var, Var),
    /// A variable times a power of two.
    Scaled(Var, u32),
    /// `len - sum`, modulo a power of two that passes every length: exact wherever `sum ≤ len` is known.
    LenMinus(Sum),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Definition {
    pub(super) range: Range,
    pub(super) residue: Residue,
    pub(super) origin: Origin,
}

/// All variables of one proof, with what is true of them everywhere.
#[derive(Debug)]
pub(crate) struct Numbers {
    definitions: Vec<Definition>,
    /// Sums and multiples met lately, so that one computed twice gets one name.
    recent: [(Origin, Var); RECENT],
    next: usize,
    /// How many there may be.
    limit: usize,
    /// There should have been more: names mean nothing any more.
    exhausted: bool,
}

/// How many sums and multiples are remembered.
const RECENT: usize = 8;

impl Numbers {
    /// Room for `limit` names.
    pub(crate) fn new(limit: usize) -> Self {
        let mut numbers = Self {
            definitions: Vec::new(),
            recent: [(Origin::Opaque, ZERO); RECENT],
            next: 0,
            limit,
            exhausted: false,
        };
        numbers.reset();
        numbers
    }

    /// Whether every number that needed a name got one. If not, nothing is proved.
    pub(crate) fn is_complete(&self) -> bool {
        !self.exhausted
    }

    /// Forgets everything but [`ZERO`] and [`LEN`].
    pub(crate) fn reset(&mut self) {
        self.definitions.clear();
        self.recent = [(Origin::Opaque, ZERO); RECENT];
        let zero = Definition {
            range: Range::only(0),
            residue: Residue::exact(0),
            origin: Origin::Opaque,
        };
        self.define(zero);
        self.fresh(Range::up_to(u32::MAX.into()), Residue::ANY);
    }

    /// A new variable of which only this is known, at the one place that defines it.
    pub(crate) fn fresh(&mut self, range: Range, residue: Residue) -> Var {
        self.define(Definition {
            range,
            residue,
            origin: Origin::Opaque,
        })
    }

    /// `len - sum`, cut to `range`, which contains every length.
    pub(crate) fn len_minus(&mut self, sum: Sum, range: Range) -> Var {
        self.define(Definition {
            range,
            residue: Residue::ANY,
            origin: Origin::LenMinus(sum),
        })
    }

    /// `a + b`, unless it may pass 2⁶⁴.
    pub(crate) fn added(&mut self, a: Var, b: Var) -> Option<Var> {
        let (a, b) = if a.0 <= b.0 { (a, b) } else { (b, a) };
        let (left, right) = (self.definition(a), self.definition(b));
        let range = Range {
            low: left.range.low.checked_add(right.range.low)?,
            high: left.range.high.checked_add(right.range.high)?,
        };
        let residue = left.residue.plus(right.residue);
        Some(self.shared(Definition {
            range,
            residue,
            origin: Origin::Added(a, b),
        }))
    }

    /// `a << by`, unless it may pass 2⁶⁴.
    pub(crate) fn scaled(&mut self, a: Var, by: u32) -> Option<Var> {
        let of = self.definition(a);
        if by >= 64 || of.range.high.leading_zeros() < by {
            return None;
        }
        let range = Range {
            low: of.range.low << by,
            high: of.range.high << by,
        };
        let residue = of.residue.shifted(by);
        Some(self.shared(Definition {
            range,
            residue,
            origin: Origin::Scaled(a, by),
        }))
    }

    /// What is known of `sum` modulo four.
    pub(crate) fn residue(&self, sum: Sum) -> Residue {
        self.definition(sum.var)
            .residue
            .plus(Residue::exact(sum.offset))
    }

    fn shared(&mut self, definition: Definition) -> Var {
        let known = self
            .recent
            .iter()
            .find(|(origin, _)| *origin == definition.origin);
        if let Some(&(_, var)) = known {
            return var;
        }
        let var = self.define(definition);
        self.recent[self.next] = (definition.origin, var);
        self.next = (self.next + 1) % RECENT;
        var
    }

    fn define(&mut self, definition: Definition) -> Var {
        let room = self.definitions.len() < self.limit;
        if !room || self.definitions.try_reserve(1).is_err() {
            self.exhausted = true;
            return ZERO;
        }
        // Fewer than 2^32: an instruction defines a handful, and code size is limited.
        let var = Var(self.definitions.len() as u32);
        self.definitions.push(definition);
        var
    }

    pub(super) fn definition(&self, var: Var) -> Definition {
        const NOTHING_KNOWN: Definition = Definition {
            range: Range::up_to(u64::MAX),
            residue: Residue::ANY,
            origin: Origin::Opaque,
        };
        let found = self.definitions.get(var.0 as usize);
        found.copied().unwrap_or(NOTHING_KNOWN)
    }
}
