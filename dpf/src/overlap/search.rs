//! Is there a packet that these filters accept and those reject? A tableau with propagation.
//!
//! Conjunctions are taken apart and their literals assumed; disjunctions stay open until all but
//! one of their alternatives are refuted, or one holds; when nothing more follows, the open
//! disjunction with the fewest alternatives is branched on, each branch assuming the complements of the literals
//! tried before it, so that no packet is looked for twice. A branch without open disjunctions is a
//! leaf, which `ground` turns into a packet or refutes. "No" is only said when every branch was
//! refuted; the stack is explicit, and every unit of work is charged to the budget.

use alloc::vec::Vec;
use core::mem;

use super::{
    Budget, CannotTell, Reason,
    facts::{Conflict, Facts, Mark},
    terms::{Formula, FormulaId, Terms},
};

/// How many choices one branch may consist of.
pub(super) const MAX_CHOICES: usize = 4096;
/// How deep a formula is looked into before it is assumed.
const LOOKAHEAD: u32 = 3;

/// A formula that must hold, or must fail.
pub(super) type Goal = (FormulaId, bool);

/// A disjunction being tried.
struct Choice {
    open: Vec<Goal>,
    alternatives: Vec<Goal>,
    next: usize,
    mark: Mark,
}

enum Step {
    Refuted,
    Leaf,
    Branch(Vec<Goal>),
}

/// One search over the formulas of `terms`.
pub(super) struct Search<'s, 'f> {
    terms: &'s mut Terms<'f>,
    budget: &'s mut Budget,
    facts: Facts,
    todo: Vec<Goal>,
    open: Vec<Goal>,
    choices: Vec<Choice>,
}

impl<'s, 'f> Search<'s, 'f> {
    pub(super) fn new(terms: &'s mut Terms<'f>, budget: &'s mut Budget, goals: Vec<Goal>) -> Self {
        Search {
            terms,
            budget,
            facts: Facts::default(),
            todo: goals,
            open: Vec::new(),
            choices: Vec::new(),
        }
    }

    /// What `leaf` makes of the first branch that has something, or none if none has.
    pub(super) fn run<T>(
        mut self,
        mut leaf: impl FnMut(&Terms, &Facts, &mut Budget) -> Result<Option<T>, CannotTell>,
    ) -> Result<Option<T>, CannotTell> {
        let mut doubt = None;
        loop {
            match self.propagate()? {
                Step::Refuted => {}
                Step::Branch(alternatives) => self.branch(alternatives)?,
                Step::Leaf => match leaf(self.terms, &self.facts, self.budget) {
                    Ok(Some(found)) => return Ok(Some(found)),
                    Ok(None) => {}
                    Err(cannot) if cannot.reason == Reason::Steps => return Err(cannot),
                    Err(cannot) => doubt = Some(cannot),
                },
            }
            if !self.next_alternative()? {
                return doubt.map_or(Ok(None), Err);
            }
        }
    }

    fn branch(&mut self, alternatives: Vec<Goal>) -> Result<(), CannotTell> {
        if self.choices.len() == MAX_CHOICES {
            let limit = MAX_CHOICES as u64;
            return Err(CannotTell {
                reason: Reason::Choices,
                given: limit + 1,
                limit,
            });
        }
        let open = mem::take(&mut self.open);
        self.choices.push(Choice {
            open,
            alternatives,
            next: 0,
            mark: self.facts.mark(),
        });
        Ok(())
    }

    /// Leaves the current branch for the next; false when there is none.
    fn next_alternative(&mut self) -> Result<bool, CannotTell> {
        self.todo.clear();
        while let Some(choice) = self.choices.last_mut() {
            self.facts.undo_to(choice.mark);
            let at = choice.next;
            if at == choice.alternatives.len() {
                self.choices.pop();
                continue;
            }
            choice.next += 1;
            if choice.next == choice.alternatives.len() {
                self.open = mem::take(&mut choice.open);
            } else {
                self.open.clone_from(&choice.open);
            }
            self.todo.push(choice.alternatives[at]);
            for &(formula, sign) in &choice.alternatives[..at] {
                if let Formula::Literal(..) = self.terms.formula(formula)? {
                    self.todo.push((formula, !sign));
                }
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Draws consequences until none follow.
    fn propagate(&mut self) -> Result<Step, CannotTell> {
        loop {
            if self.assume()? == Err(Conflict) || self.facts.settle(self.terms) == Err(Conflict) {
                return Ok(Step::Refuted);
            }
            let mut fewest: Option<(usize, Vec<Goal>)> = None;
            let (mut at, mut changed) = (0, false);
            while at < self.open.len() {
                let Some(left) = self.alternatives(self.open[at])? else {
                    self.open.swap_remove(at);
                    continue;
                };
                match left.len() {
                    0 => return Ok(Step::Refuted),
                    1 => {
                        self.todo.extend(left);
                        self.open.swap_remove(at);
                        if self.assume()? == Err(Conflict) {
                            return Ok(Step::Refuted);
                        }
                        changed = true;
                    }
                    count => {
                        if fewest
                            .as_ref()
                            .is_none_or(|(_, fewest)| count < fewest.len())
                        {
                            fewest = Some((at, left));
                        }
                        at += 1;
                    }
                }
            }
            if changed {
                continue;
            }
            let Some((at, alternatives)) = fewest else {
                return Ok(Step::Leaf);
            };
            self.open.swap_remove(at);
            return Ok(Step::Branch(alternatives));
        }
    }

    /// Takes what is to do apart; literals become facts, disjunctions open.
    fn assume(&mut self) -> Result<Result<(), Conflict>, CannotTell> {
        while let Some((id, sign)) = self.todo.pop() {
            self.budget.step()?;
            match self.terms.formula(id)? {
                Formula::True if sign => {}
                Formula::False if !sign => {}
                Formula::True | Formula::False => return Ok(Err(Conflict)),
                Formula::Literal(literal, holds) => {
                    if self
                        .facts
                        .assume(self.terms, literal, holds == sign)
                        .is_err()
                    {
                        return Ok(Err(Conflict));
                    }
                }
                Formula::And(start, end) if sign => self.take(start, end, sign),
                Formula::Or(start, end) if !sign => self.take(start, end, sign),
                _ => self.open.push((id, sign)),
            }
        }
        Ok(Ok(()))
    }

    fn take(&mut self, start: usize, end: usize, sign: bool) {
        for at in (start..end).rev() {
            self.todo.push((self.terms.child(at), sign));
        }
    }

    /// The alternatives of a disjunction that are not refuted; `None` when one of them holds.
    fn alternatives(&mut self, (id, sign): Goal) -> Result<Option<Vec<Goal>>, CannotTell> {
        let (Formula::And(start, end) | Formula::Or(start, end)) = self.terms.formula(id)? else {
            return Ok(Some(Vec::from([(id, sign)])));
        };
        let mut left = Vec::new();
        for at in start..end {
            let child = self.terms.child(at);
            match self.truth(child, LOOKAHEAD)? {
                Some(truth) if truth == sign => return Ok(None),
                Some(_) => {}
                None => left.push((child, sign)),
            }
        }
        Ok(Some(left))
    }

    /// Whether a formula follows from the facts, or its complement does, as far as is looked.
    fn truth(&mut self, id: FormulaId, depth: u32) -> Result<Option<bool>, CannotTell> {
        self.budget.step()?;
        let (start, end, neutral) = match self.terms.formula(id)? {
            Formula::True => return Ok(Some(true)),
            Formula::False => return Ok(Some(false)),
            Formula::Literal(literal, sign) => {
                return Ok(self.facts.status(self.terms, literal, sign));
            }
            Formula::And(start, end) => (start, end, true),
            Formula::Or(start, end) => (start, end, false),
            Formula::Folded(..) => return Ok(None),
        };
        if depth == 0 {
            return Ok(None);
        }
        let mut truth = Some(neutral);
        for at in start..end {
            match self.truth(self.terms.child(at), depth - 1)? {
                Some(value) if value == neutral => {}
                Some(value) => return Ok(Some(value)),
                None => truth = None,
            }
        }
        Ok(truth)
    }
}
