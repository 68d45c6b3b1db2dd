//! What the branches passed so far tell of numbers.
//!
//! Two kinds of knowledge: a range narrower than the definition's, and a *slack*, the greatest `k`
//! for which `v + k ≤ len` is known, `len` being the captured length. It belongs to a place in the
//! code; where paths meet only what holds on all of them is kept. A comparison with what remains
//! of the packet (`len - v`) is one of a sum with the length, once `v ≤ len` is known.

use alloc::vec::Vec;

use super::domain::{LEN, Numbers, Origin, Range, Sum, Var, ZERO};

/// The most numbers of which something is remembered at one place.
pub(crate) const MAX_FACTS: usize = 4096;

/// How two numbers compare, unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Relation {
    /// What holds where `self` does not.
    pub(crate) fn complement(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterEqual,
            Self::LessEqual => Self::Greater,
            Self::Greater => Self::LessEqual,
            Self::GreaterEqual => Self::Less,
        }
    }
}

/// What the branches passed so far tell of one variable.
#[derive(Clone, Copy, Debug)]
struct Fact {
    var: Var,
    range: Range,
    slack: Option<i64>,
}

/// What the branches passed so far tell.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    items: Vec<Fact>,
    /// They contradict each other: no run gets here.
    impossible: bool,
    /// Some had to be forgotten for want of memory.
    forgetful: bool,
}

impl Clone for Facts {
    fn clone(&self) -> Self {
        let mut facts = Self::default();
        facts.clone_from(self);
        facts
    }

    fn clone_from(&mut self, source: &Self) {
        self.impossible = source.impossible;
        self.forgetful = source.forgetful;
        self.items.clear();
        if self.items.try_reserve(source.items.len()).is_ok() {
            self.items.extend_from_slice(&source.items);
        } else {
            self.forget();
        }
    }
}

impl Facts {
    /// Whether a run can get here.
    pub(crate) fn possible(&self) -> bool {
        !self.impossible
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Notes that something had to be forgotten for want of memory.
    pub(crate) fn forget(&mut self) {
        self.forgetful = true;
    }

    /// Whether memory sufficed for all that was learnt.
    pub(crate) fn is_complete(&self) -> bool {
        !self.forgetful
    }

    /// The values that `sum` can have here; never empty.
    pub(crate) fn range(&self, numbers: &Numbers, sum: Sum) -> Range {
        let Range { low, high } = self.var_range(numbers, sum.var);
        let clamp = |bound: u64| {
            (i128::from(bound) + i128::from(sum.offset)).clamp(0, u64::MAX.into()) as u64
        };
        Range {
            low: clamp(low),
            high: clamp(high),
        }
    }

    /// Like [`Self::range`], but signed and not cut at zero: for distances from a pointer.
    pub(crate) fn distance(&self, numbers: &Numbers, sum: Sum) -> (i128, i128) {
        let Range { low, high } = self.var_range(numbers, sum.var);
        (
            i128::from(low) + i128::from(sum.offset),
            i128::from(high) + i128::from(sum.offset),
        )
    }

    /// The greatest known `k` for which `sum + k ≤ len`.
    pub(crate) fn slack(&self, numbers: &Numbers, sum: Sum) -> Option<i64> {
        self.var_slack(numbers, sum.var)?.checked_sub(sum.offset)
    }

    /// Learns that `a relation b`.
    pub(crate) fn assume(&mut self, numbers: &mut Numbers, relation: Relation, a: Sum, b: Sum) {
        match relation {
            Relation::Equal => {
                self.assume_order(numbers, a, b, 0);
                self.assume_order(numbers, b, a, 0);
            }
            Relation::NotEqual => self.assume_different(numbers, a, b),
            Relation::Less => self.assume_order(numbers, a, b, 1),
            Relation::LessEqual => self.assume_order(numbers, a, b, 0),
            Relation::Greater => self.assume_order(numbers, b, a, 1),
            Relation::GreaterEqual => self.assume_order(numbers, b, a, 0),
        }
    }

    /// Learns that `var` lies in `range`.
    pub(crate) fn narrow(&mut self, numbers: &Numbers, var: Var, range: Range) {
        let known = self.var_range(numbers, var);
        let narrowed = known.narrowed(range.low.into(), range.high.into());
        self.set_range(numbers, var, narrowed, known);
    }

    /// Learns that `sum` lies in `range`.
    pub(crate) fn assume_range(&mut self, numbers: &Numbers, sum: Sum, range: Range) {
        let shift = |bound: u64| u64::try_from(i128::from(bound) - i128::from(sum.offset));
        if let (Ok(low), Ok(high)) = (shift(range.low), shift(range.high)) {
            self.narrow(numbers, sum.var, Range { low, high });
        }
    }

    /// Learns that `var + slack ≤ len`.
    pub(crate) fn learn_slack(&mut self, numbers: &Numbers, var: Var, slack: Option<i64>) {
        if var != ZERO
            && slack > self.var_slack(numbers, var)
            && let Some(fact) = self.entry(numbers, var)
        {
            fact.slack = slack;
        }
    }

    /// Keeps what is known on this path and on `other`, of the length, of variables that are
    /// `live` and of sums of them.
    pub(crate) fn intersect(
        &mut self,
        numbers: &Numbers,
        other: &Self,
        live: impl Fn(Var) -> bool,
    ) {
        // The old facts are needed until the last new one is made.
        let mine = core::mem::take(&mut self.items);
        let mine = Self {
            items: mine,
            ..Self::default()
        };
        self.forgetful |= other.forgetful;
        let least = mine
            .var_range(numbers, LEN)
            .low
            .min(other.var_range(numbers, LEN).low);
        for fact in mine.items.iter().chain(&other.items) {
            let var = fact.var;
            if !is_relevant(numbers, var, &live) || self.find(var).is_some() {
                continue;
            }
            let range = mine
                .var_range(numbers, var)
                .union(other.var_range(numbers, var));
            let implied = i64::try_from(i128::from(least) - i128::from(range.high)).ok();
            let slack = mine
                .var_slack(numbers, var)
                .min(other.var_slack(numbers, var));
            let slack = slack.filter(|_| slack > implied && var != LEN);
            if slack.is_some() || range != numbers.definition(var).range {
                self.push(Fact { var, range, slack });
            }
        }
    }

    /// Forgets all variables but the length, those that are `live` and sums of them.
    pub(crate) fn retain(&mut self, numbers: &Numbers, live: impl Fn(Var) -> bool) {
        self.items
            .retain(|fact| is_relevant(numbers, fact.var, &live));
    }

    /// `a + by ≤ b` holds.
    fn assume_order(&mut self, numbers: &mut Numbers, a: Sum, b: Sum, by: i64) {
        let Some(gap) = a
            .offset
            .checked_sub(b.offset)
            .and_then(|gap| gap.checked_add(by))
        else {
            return;
        };
        if a.var == b.var {
            self.impossible |= gap > 0;
            return;
        }
        // a.var + gap ≤ b.var
        let wide = i128::from(gap);
        let (left, right) = (
            self.var_range(numbers, a.var),
            self.var_range(numbers, b.var),
        );
        let high = i128::from(right.high) - wide;
        let low = i128::from(left.low) + wide;
        if high < i128::from(left.low) || low > i128::from(right.high) {
            self.impossible = true;
            return;
        }
        self.set_range(numbers, a.var, left.narrowed(0, high), left);
        self.set_range(
            numbers,
            b.var,
            right.narrowed(low.max(0), u64::MAX.into()),
            right,
        );
        if b.var == LEN {
            self.learn_slack(numbers, a.var, Some(gap));
        }
        if let Origin::LenMinus(taken) = numbers.definition(b.var).origin {
            self.assume_remaining(numbers, a.var, gap, taken);
        }
    }

    /// `var + gap ≤ len - taken` holds, if that difference did not wrap.
    fn assume_remaining(&mut self, numbers: &mut Numbers, var: Var, gap: i64, taken: Sum) {
        let exact = self.slack(numbers, taken).is_some_and(|slack| slack >= 0);
        let Some(slack) = gap.checked_add(taken.offset).filter(|_| exact) else {
            return;
        };
        if var == ZERO {
            self.learn_slack(numbers, taken.var, Some(slack));
        } else if taken.var == ZERO {
            self.learn_slack(numbers, var, Some(slack));
        } else if let Some(sum) = numbers.added(var, taken.var) {
            self.learn_slack(numbers, sum, Some(slack));
        }
    }

    fn assume_different(&mut self, numbers: &Numbers, a: Sum, b: Sum) {
        self.impossible |= a == b;
        for (this, other) in [(a, b), (b, a)] {
            let (low, high) = self.distance(numbers, other);
            if low != high || this.var == ZERO {
                continue;
            }
            let value = low - i128::from(this.offset);
            let known = self.var_range(numbers, this.var);
            if known.low == known.high {
                self.impossible |= value == known.low.into();
            } else {
                let low = i128::from(known.low) + i128::from(value == known.low.into());
                let high = i128::from(known.high) - i128::from(value == known.high.into());
                self.set_range(numbers, this.var, known.narrowed(low, high), known);
            }
        }
    }

    fn set_range(&mut self, numbers: &Numbers, var: Var, range: Range, known: Range) {
        if range != known
            && var != ZERO
            && let Some(fact) = self.entry(numbers, var)
        {
            fact.range = range;
        }
    }

    fn var_range(&self, numbers: &Numbers, var: Var) -> Range {
        let defined = numbers.definition(var).range;
        let Some(fact) = self.find(var) else {
            return defined;
        };
        let Some(slack) = fact.slack else {
            return fact.range;
        };
        let most = self.find(LEN).map_or(u32::MAX.into(), |len| len.range.high);
        fact.range.narrowed(0, i128::from(most) - i128::from(slack))
    }

    fn var_slack(&self, numbers: &Numbers, var: Var) -> Option<i64> {
        if var == LEN {
            return Some(0);
        }
        let fact = self.find(var);
        let high = fact
            .map_or_else(|| numbers.definition(var).range, |fact| fact.range)
            .high;
        let least = self.find(LEN).map_or(0, |len| len.range.low);
        let implied = i64::try_from(i128::from(least) - i128::from(high)).ok();
        fact.and_then(|fact| fact.slack).max(implied)
    }

    fn find(&self, var: Var) -> Option<&Fact> {
        self.items.iter().find(|fact| fact.var == var)
    }

    /// What is known of `var`, to be changed; nothing where memory does not suffice.
    fn entry(&mut self, numbers: &Numbers, var: Var) -> Option<&mut Fact> {
        match self.items.iter().position(|fact| fact.var == var) {
            Some(at) => self.items.get_mut(at),
            None => {
                let range = numbers.definition(var).range;
                self.push(Fact {
                    var,
                    range,
                    slack: None,
                })
            }
        }
    }

    fn push(&mut self, fact: Fact) -> Option<&mut Fact> {
        if self.items.len() >= MAX_FACTS || self.items.try_reserve(1).is_err() {
            self.forget();
            return None;
        }
        self.items.push(fact);
        self.items.last_mut()
    }
}

fn is_relevant(numbers: &Numbers, var: Var, live: impl Fn(Var) -> bool) -> bool {
    let both_live =
        || matches!(numbers.definition(var).origin, Origin::Added(a, b) if live(a) && live(b));
    var == LEN || live(var) || both_live()
}
