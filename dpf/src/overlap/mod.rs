//! Which packets do filters share? Exact answers, with packets that prove them.
//!
//! Two filters are *related* by their sets of packets: disjoint, equal, one inside the other, or
//! crossing. An exclusive `Demux` refuses filters that are equal or cross, and lets the inner of
//! two nested ones win; so the answer must be right, and one that cannot be had within a named
//! budget is [`CannotTell`], never a guess.
//!
//! **Method.** The question "is there a packet in A and not in B" is put as a formula of two
//! values (`terms`), searched by a tableau (`search`) over what each branch assumes (`facts`),
//! and each consistent branch is turned into a packet (`ground`). "Yes" is a packet that the
//! reference interpreter has confirmed; "no" means that every branch was refuted.
//!
//! **Universe.** All pairs of a byte string shorter than 2^32 and a 32-bit original length. The
//! two lengths are independent: a damaged capture may claim anything, and classifiers take what
//! they are given. Witnesses prefer an original length that is not below the captured one.
//!
//! **Exact for** masked fields against constants, ranges and sets, however they overlap; fields
//! against fields; `len` and `wirelen`; and bases behind computed shifts, which are compared by
//! how they are computed and, where that does not decide, by trying the operand's values. Other
//! arithmetic is searched with bounds on its value, up to [`MAX_COMPARE_STEPS`].

mod bounds;
mod exclude;
mod facts;
mod generic;
mod ground;
mod guess;
mod index;
mod order;
mod search;
mod sets;
mod terms;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::fmt;

pub use ground::{MAX_COMPARE_STEPS, MAX_WITNESS};
pub use index::{Finding, How, Index, MAX_SHAPES, Member, Stale, Survey};
use search::{Goal, Search};
use terms::Terms;

use crate::{filter::Filter, interp};

/// Steps of the default [`Budget`]: about a tenth of a second.
pub const DEFAULT_STEPS: u64 = 1 << 20;

/// Steps for relating a filter to a whole [`Index`], which asks up to four questions of each shape
/// when the filter's own is new: a second or two.
pub const SURVEY_STEPS: u64 = 1 << 24;

/// How much work one question may take, in steps: a formula looked at, a bit tried.
#[derive(Clone, Debug)]
pub struct Budget {
    left: u64,
    limit: u64,
}

impl Budget {
    /// A budget of so many steps; a step takes some tens of nanoseconds.
    pub fn new(steps: u64) -> Self {
        Budget {
            left: steps,
            limit: steps,
        }
    }

    /// The steps not used yet.
    pub fn left(&self) -> u64 {
        self.left
    }

    fn step(&mut self) -> Result<(), CannotTell> {
        let exhausted = CannotTell {
            reason: Reason::Steps,
            given: self.limit.saturating_add(1),
            limit: self.limit,
        };
        self.left = self.left.checked_sub(1).ok_or(exhausted)?;
        Ok(())
    }
}

impl Default for Budget {
    fn default() -> Self {
        Budget::new(DEFAULT_STEPS)
    }
}

/// Why a question was not answered, with what it would have taken and what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotTell {
    /// Which limit.
    pub reason: Reason,
    /// How much was asked for, at least.
    pub given: u64,
    /// How much is allowed.
    pub limit: u64,
}

/// The limits of the decision procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The steps of the [`Budget`].
    Steps,
    /// Nested choices of one branch.
    Choices,
    /// Steps for expressions compared with each other, [`MAX_COMPARE_STEPS`].
    Compare,
    /// Bytes of a witness, [`MAX_WITNESS`].
    WitnessLength,
    /// Nesting of an expression.
    ExpressionDepth,
    /// Bases that computed shifts reach.
    Bases,
    /// A load from a base that is not there: given is its depth, the limit how many there are.
    Malformed,
    /// Shapes in one [`Index`], [`MAX_SHAPES`].
    Shapes,
    /// The answer depends on the values of keys; never seen outside the engine.
    Keys,
    /// The interpreter does not accept what was found: a defect of this engine.
    Unconfirmed,
}

impl fmt::Display for CannotTell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CannotTell {
            reason,
            given,
            limit,
        } = self;
        let what = match reason {
            Reason::Steps => "steps of the overlap budget",
            Reason::Choices => "nested choices",
            Reason::Compare => "steps for compared expressions",
            Reason::WitnessLength => "bytes in a witness packet",
            Reason::ExpressionDepth => "levels of an expression",
            Reason::Bases => "bases behind computed shifts",
            Reason::Malformed => "bases around a load",
            Reason::Shapes => "shapes of filters",
            Reason::Keys => "keys that matter",
            Reason::Unconfirmed => "bytes in a witness that the interpreter rejects",
        };
        write!(f, "cannot tell: {given} {what}, of {limit} allowed")
    }
}

impl core::error::Error for CannotTell {}

/// A packet that proves an answer; the interpreter has confirmed what it proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The captured bytes.
    pub bytes: Vec<u8>,
    /// The original length, in bytes.
    pub wirelen: u32,
}

/// How the packet sets of two filters A and B relate. An empty set is disjoint from every set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// No packet is in both.
    Disjoint,
    /// The same packets.
    Equal {
        /// A packet in both.
        both: Witness,
    },
    /// Every packet of A is in B, and B has more.
    AInB {
        /// A packet in both.
        both: Witness,
        /// A packet of B that A rejects.
        only_b: Witness,
    },
    /// Every packet of B is in A, and A has more.
    BInA {
        /// A packet in both.
        both: Witness,
        /// A packet of A that B rejects.
        only_a: Witness,
    },
    /// Each has packets that the other rejects, and some are in both.
    Crossing {
        /// A packet in both.
        both: Witness,
        /// A packet of A that B rejects.
        only_a: Witness,
        /// A packet of B that A rejects.
        only_b: Witness,
    },
    /// Not decided within the limits.
    CannotTell(CannotTell),
}

/// Whether a statement about all packets holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// For every packet.
    Holds,
    /// Not for this one.
    Fails(Witness),
}

/// How `a` and `b` relate.
pub fn relate(a: &Filter, b: &Filter, budget: &mut Budget) -> Relation {
    match Question::new(&[a, b], budget).relate() {
        Ok(relation) => relation,
        Err(cannot) => Relation::CannotTell(cannot),
    }
}

/// A packet that `filter` accepts; none means that it is dead.
///
/// # Errors
///
/// [`CannotTell`] when a limit was reached first.
pub fn satisfiable(filter: &Filter, budget: &mut Budget) -> Result<Option<Witness>, CannotTell> {
    Question::new(&[filter], budget).find(&[(0, true)])
}

/// A packet that both filters accept, if there is one.
///
/// # Errors
///
/// [`CannotTell`] when a limit was reached first.
pub fn intersects(
    a: &Filter,
    b: &Filter,
    budget: &mut Budget,
) -> Result<Option<Witness>, CannotTell> {
    Question::new(&[a, b], budget).find(&[(0, true), (1, true)])
}

/// Whether `outer` accepts every packet that `inner` does; else one that it does not.
///
/// # Errors
///
/// [`CannotTell`] when a limit was reached first.
pub fn contains(
    outer: &Filter,
    inner: &Filter,
    budget: &mut Budget,
) -> Result<Verdict, CannotTell> {
    covered_by(inner, &[outer], budget)
}

/// Whether every packet of `filter` is accepted by one of `others`; else one that none accepts.
/// A filter whose `others` are all of higher rank is then wholly shadowed.
///
/// # Errors
///
/// [`CannotTell`] when a limit was reached first.
pub fn covered_by(
    filter: &Filter,
    others: &[&Filter],
    budget: &mut Budget,
) -> Result<Verdict, CannotTell> {
    let mut filters = Vec::from([filter]);
    filters.extend_from_slice(others);
    let goals: Vec<_> = (0..filters.len())
        .map(|index| (index, index == 0))
        .collect();
    let uncovered = Question::new(&filters, budget).find(&goals)?;
    Ok(uncovered.map_or(Verdict::Holds, Verdict::Fails))
}

/// Questions about a few filters, which share what was unfolded.
struct Question<'f, 'b> {
    filters: Vec<&'f Filter>,
    terms: Terms<'f>,
    budget: &'b mut Budget,
}

impl<'f, 'b> Question<'f, 'b> {
    fn new(filters: &[&'f Filter], budget: &'b mut Budget) -> Self {
        Question {
            filters: filters.to_vec(),
            terms: Terms::new(filters.to_vec()),
            budget,
        }
    }

    fn relate(&mut self) -> Result<Relation, CannotTell> {
        let Some(both) = self.find(&[(0, true), (1, true)])? else {
            return Ok(Relation::Disjoint);
        };
        let same = self.filters[0] == self.filters[1];
        let only_a = if same {
            None
        } else {
            self.find(&[(0, true), (1, false)])?
        };
        let only_b = if same {
            None
        } else {
            self.find(&[(1, true), (0, false)])?
        };
        Ok(match (only_a, only_b) {
            (None, None) => Relation::Equal { both },
            (None, Some(only_b)) => Relation::AInB { both, only_b },
            (Some(only_a), None) => Relation::BInA { both, only_a },
            (Some(only_a), Some(only_b)) => Relation::Crossing {
                both,
                only_a,
                only_b,
            },
        })
    }

    /// A packet that each filter named accepts or rejects, as said.
    fn find(&mut self, goals: &[(usize, bool)]) -> Result<Option<Witness>, CannotTell> {
        let filters = &self.filters;
        let confirmed = |witness: &Witness| {
            goals.iter().all(|&(filter, accepted)| {
                interp::accepts(filters[filter], &witness.bytes, witness.wirelen) == accepted
            })
        };
        let roots: Vec<Goal> = goals
            .iter()
            .map(|&(filter, sign)| (self.terms.root(filter), sign))
            .collect();
        Search::new(&mut self.terms, self.budget, roots).run(|terms, facts, budget| {
            let witness = ground::solve(terms, facts, budget)?;
            match witness {
                Some(witness) if !confirmed(&witness) => {
                    let given = witness.bytes.len() as u64;
                    Err(CannotTell {
                        reason: Reason::Unconfirmed,
                        given,
                        limit: 0,
                    })
                }
                witness => Ok(witness),
            }
        })
    }
}
