//! The builder of the merged trie.
//!
//! Problem: many groups, one graph, in which shared tests are asked once, implied tests never, and
//! groups that have nothing to do with each other do not multiply. Method: a *state* is the set of
//! formulas still open. Ask one test (`pivot`), split into the state after yes and after no, and
//! remember the step of every state met before: the result is a decision diagram. Formulas that the
//! test does not help (what is left of them on both sides is more than there was) are put off to
//! a state of their own that follows, [`Step::Seq`]. A formula that has come down to its probe is
//! looked up. Bases are renamed to the lowest free register when they are set, so that states
//! reached by different paths meet. If the diagram is too large with constant bases told apart, it
//! is built again with all of them in registers. Left out: the tables (`mod`, `dispatch`).

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

use crate::hashing::{FixedState, hash};
use hashbrown::{HashMap, HashTable};

use super::block::Block;
use super::cofactor::Seen;
use super::facts::Fact;
use super::form::{Arena, Closure, FALSE, Form, FormId, TRUE};
use super::graph::{Base, GroupId, SetUse, Step, StepId};
use super::{Error, ErrorKind};
use crate::dispatch::{Machine, SetTest, Shared};
use crate::filter::{Field, IntervalSet};
use crate::shape::Shape;

/// The most steps of a trie.
pub const MAX_STEPS: usize = 1 << 17;
/// The most steps with constant bases told apart.
pub const MAX_SPECIALISED_STEPS: usize = 1 << 14;
/// The most tests on a path of one group.
pub const MAX_DECISIONS: usize = 400;
/// The most bases that are in use at once, the packet's start not counted: what the registers of
/// x86-64 carry beside a look-up. Groups that need more together are searched one part after the
/// other.
pub const MAX_BASES: u8 = 4;
/// The number of a base that has no register yet.
pub(super) const FRESH: u8 = 31;

/// A group as the builder sees it.
pub(super) struct Source<'a> {
    pub(super) shape: &'a Shape,
    /// A constant for each slot that does not vary.
    pub(super) constants: &'a [u32],
    /// Bit `i`: slot `i` varies.
    pub(super) varying: u32,
    /// As [`super::instantiate::depths`].
    pub(super) depths: &'a [u8],
    /// Entry and rank of the one member, if it shall be a rule of a block.
    pub(super) listed: Option<(u32, u32)>,
}

pub(super) struct Builder<'a> {
    machine: Machine,
    pub(super) groups: &'a [Source<'a>],
    pub(super) arena: Arena,
    pub(super) instances: HashMap<Closure, FormId, FixedState>,
    /// Tell constant bases apart, and split off the common header length.
    pub(super) specialise: bool,
    /// How many groups come before the listed rules.
    count: usize,
    steps: Vec<Step>,
    /// The digests of the steps.
    digests: Vec<u64>,
    index: HashTable<StepId>,
    states: HashMap<(u32, Box<[FormId]>), StepId, FixedState>,
    sets: Vec<SetUse>,
    set_index: BTreeMap<(Field, Shared<IntervalSet>), u32>,
    pub(super) blocks: Vec<Block>,
    pub(super) block_index: BTreeMap<Box<[FormId]>, u32>,
    pub(super) block_bytes: u64,
}

/// What a build gives: the steps, the set tests, a root for all groups together and one for each.
pub(super) struct Built {
    pub(super) steps: Vec<Step>,
    pub(super) sets: Vec<SetUse>,
    pub(super) blocks: Vec<Block>,
    pub(super) best: StepId,
    pub(super) each: Vec<StepId>,
}

/// A group whose structure holds, and where its frames are.
type Ready = (u32, Box<[Base]>);

const END: StepId = StepId(0);

/// Builds the trie: of those `together`, and of each of the first `count` alone.
pub(super) fn build(
    machine: Machine,
    groups: &[Source<'_>],
    together: &[u32],
    count: usize,
) -> Result<Built, Error> {
    let builder = |specialise| Builder::new(machine, groups, specialise, count);
    match builder(true).run(together) {
        Err(error) if error.is_size() => builder(false).run(together),
        other => other,
    }
}

impl<'a> Builder<'a> {
    fn new(machine: Machine, groups: &'a [Source<'a>], specialise: bool, count: usize) -> Self {
        Builder {
            machine,
            groups,
            arena: Arena::new(),
            instances: HashMap::default(),
            specialise,
            count,
            steps: alloc::vec![Step::End],
            digests: alloc::vec![0],
            index: HashTable::new(),
            states: HashMap::default(),
            sets: Vec::new(),
            set_index: BTreeMap::new(),
            blocks: Vec::new(),
            block_index: BTreeMap::new(),
            block_bytes: 0,
        }
    }

    fn run(mut self, together: &[u32]) -> Result<Built, Error> {
        let mut forms = Vec::with_capacity(self.groups.len());
        for group in 0..self.groups.len() as u32 {
            forms.push(self.group_form(group)?);
        }
        let all = together
            .iter()
            .map(|&group| forms[group as usize])
            .collect();
        let best = self.together(all)?;
        let mut each = Vec::with_capacity(forms.len());
        for &form in forms.iter().take(self.count) {
            each.push(self.state([form].into(), 0, 0)?);
        }
        Ok(Built {
            steps: self.steps,
            sets: self.sets,
            blocks: self.blocks,
            best,
            each,
        })
    }

    /// The step for all formulas together; where too many headers would be open at once, or too
    /// many tests follow one another, for two halves of them, one after the other.
    fn together(&mut self, open: Vec<FormId>) -> Result<StepId, Error> {
        match self.state(open.clone(), 0, 0) {
            Err(error) if open.len() > 1 && self.parts_may_pass(error.kind()) => {
                let (left, right) = open.split_at(open.len() / 2);
                let parts = [self.together(left.into())?, self.together(right.into())?];
                self.step(Step::Seq(parts.into()))
            }
            other => other,
        }
    }

    /// Whether fewer groups might pass where this error is.
    fn parts_may_pass(&self, kind: ErrorKind) -> bool {
        kind == ErrorKind::Bases || (kind == ErrorKind::Decisions && !self.specialise)
    }

    /// The step for a set of open formulas. The bases in `kept` are used by what follows.
    fn state(&mut self, mut open: Vec<FormId>, kept: u32, depth: usize) -> Result<StepId, Error> {
        open.retain(|id| *id != FALSE && *id != TRUE);
        open.sort_unstable();
        open.dedup();
        if open.is_empty() {
            return Ok(END);
        }
        let key: (u32, Box<[FormId]>) = (kept, open.as_slice().into());
        if let Some(&known) = self.states.get(&key) {
            return Ok(known);
        }
        if depth > MAX_DECISIONS {
            return Err(Error::limit(
                ErrorKind::Decisions,
                depth as u64,
                MAX_DECISIONS as u64,
            ));
        }
        let step = match self.take_probe(&mut open)? {
            Some((group, frames)) => {
                let next = self.state(open, kept, depth + 1)?;
                self.step(Step::Probe {
                    group: GroupId(group),
                    frames,
                    next,
                })?
            }
            None => self.sequence(open, kept, depth)?,
        };
        self.states.insert(key, step);
        Ok(step)
    }

    /// Takes one formula that has come down to a probe out of the state.
    fn take_probe(&mut self, open: &mut Vec<FormId>) -> Result<Option<Ready>, Error> {
        for at in 0..open.len() {
            match &*self.arena.shared(open[at]) {
                Form::Probe { group, .. } if self.groups[*group as usize].listed.is_some() => {}
                Form::Probe { group, frames } => {
                    open.remove(at);
                    return Ok(Some((*group, frames.clone())));
                }
                Form::Or(list) => {
                    let probe = list
                        .iter()
                        .position(|&part| matches!(self.arena.form(part), Form::Probe { .. }));
                    let Some(Form::Probe { group, frames }) =
                        probe.map(|part| self.arena.form(list[part]).clone())
                    else {
                        continue;
                    };
                    let rest = list
                        .iter()
                        .enumerate()
                        .filter(|(part, _)| Some(*part) != probe)
                        .map(|(_, id)| *id)
                        .collect();
                    open[at] = self.arena.or(rest)?;
                    return Ok(Some((group, frames)));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// Asks about the state, putting off what a test does not help.
    fn sequence(
        &mut self,
        mut open: Vec<FormId>,
        kept: u32,
        depth: usize,
    ) -> Result<StepId, Error> {
        let mut parts = Vec::new();
        while !open.is_empty() {
            let pivot = self.pivot(&open);
            if self.groups.len() > self.count && open.iter().any(|&id| self.is_listed(id)) {
                let goes_on = match &pivot {
                    Some((fact, _)) => self.divides(&open, fact)?,
                    None => false,
                };
                if !goes_on {
                    let (listed, rest) = open.into_iter().partition(|&id| self.is_listed(id));
                    open = rest;
                    let after = self.kept(kept, &open);
                    parts.push(self.listed(listed, after, depth)?);
                    continue;
                }
            }
            let Some((fact, origin)) = pivot else {
                // A formula without a test is a probe or a constant; neither is here.
                return Err(Error::limit(ErrorKind::Formulas, open.len() as u64, 0));
            };
            let (mut yes, mut no, mut later) = (Vec::new(), Vec::new(), Vec::new());
            let (mut seen_yes, mut seen_no) = (Seen::default(), Seen::default());
            let (holds, fails) = sides(&fact);
            for id in open {
                let left = self.cofactor(id, &holds, &mut seen_yes)?;
                let right = self.cofactor(id, &fails, &mut seen_no)?;
                let sum = self.arena.size(left).saturating_add(self.arena.size(right));
                if id == origin
                    || (sum <= self.arena.size(id) && (left != id || right != id))
                    || left == FALSE
                    || right == FALSE
                {
                    yes.push(left);
                    no.push(right);
                } else {
                    later.push(id);
                }
            }
            let after = self.kept(kept, &later);
            parts.push(self.decision(fact, (yes, no), after, depth)?);
            open = later;
        }
        parts.retain(|part| *part != END);
        match parts.as_slice() {
            [] => Ok(END),
            [one] => Ok(*one),
            _ => self.step(Step::Seq(parts.into())),
        }
    }

    /// The bases that `later` uses, besides those kept already.
    fn kept(&self, kept: u32, later: &[FormId]) -> u32 {
        later
            .iter()
            .fold(kept, |vars, id| vars | self.arena.vars(*id))
            & !1
    }

    pub(super) fn decision(
        &mut self,
        fact: Fact,
        (yes, no): (Vec<FormId>, Vec<FormId>),
        kept: u32,
        depth: usize,
    ) -> Result<StepId, Error> {
        if let Fact::Shift { base, by, .. } = fact {
            let var = self.free_var(&yes, kept);
            if var > MAX_BASES {
                return Err(Error::limit(
                    ErrorKind::Bases,
                    u64::from(var),
                    u64::from(MAX_BASES),
                ));
            }
            let mut seen = Seen::default();
            let mut renamed = Vec::with_capacity(yes.len());
            for id in yes {
                renamed.push(self.rename(id, FRESH, var, &mut seen)?);
            }
            let (yes, no) = (
                self.state(renamed, kept, depth + 1)?,
                self.state(no, kept, depth + 1)?,
            );
            return if yes == no {
                Ok(yes)
            } else {
                self.step(Step::Shift {
                    base,
                    by,
                    var,
                    yes,
                    no,
                })
            };
        }
        let (yes, no) = (
            self.state(yes, kept, depth + 1)?,
            self.state(no, kept, depth + 1)?,
        );
        if yes == no {
            return Ok(yes);
        }
        match fact {
            Fact::Captured { var, end, .. } => self.step(Step::Captured { var, end, yes, no }),
            Fact::Bits { field, set, .. } => {
                let test = self.set_test(field, &set)?;
                self.step(Step::Bits {
                    field,
                    set,
                    test,
                    yes,
                    no,
                })
            }
            Fact::Length { wire, set, .. } => {
                let test = self.set_test(
                    Field {
                        depth: 0,
                        offset: 0,
                        bytes: 4,
                        mask: u32::MAX,
                    },
                    &set,
                )?;
                self.step(Step::Length {
                    wire,
                    set,
                    test,
                    yes,
                    no,
                })
            }
            Fact::Compare { form, .. } => match self.arena.form(form).clone() {
                Form::Compare { op, left, right } => self.step(Step::Compare {
                    op,
                    left,
                    right,
                    yes,
                    no,
                }),
                _ => Ok(no),
            },
            Fact::Shift { .. } => Ok(no),
        }
    }

    fn set_test(&mut self, field: Field, set: &Shared<IntervalSet>) -> Result<u32, Error> {
        let key = (
            Field {
                depth: 0,
                offset: 0,
                ..field
            },
            set.clone(),
        );
        if let Some(&known) = self.set_index.get(&key) {
            return Ok(known);
        }
        let test = SetTest::choose(self.machine, &field, set).ok_or(Error::limit(
            ErrorKind::Memory,
            set.intervals().len() as u64,
            0,
        ))?;
        let at = self.sets.len() as u32;
        self.sets.push(SetUse { test });
        self.set_index.insert(key, at);
        Ok(at)
    }

    pub(super) fn step(&mut self, step: Step) -> Result<StepId, Error> {
        let digest = hash(&step);
        let steps = &self.steps;
        if let Some(&known) = self.index.find(digest, |id| steps[id.0 as usize] == step) {
            return Ok(known);
        }
        let limit = if self.specialise {
            MAX_SPECIALISED_STEPS
        } else {
            MAX_STEPS
        };
        if self.steps.len() >= limit {
            return Err(Error::limit(
                ErrorKind::Steps,
                self.steps.len() as u64 + 1,
                limit as u64,
            ));
        }
        let id = StepId(self.steps.len() as u32);
        self.steps.push(step);
        self.digests.push(digest);
        let digests = &self.digests;
        self.index
            .insert_unique(digest, id, |id| digests[id.0 as usize]);
        Ok(id)
    }
}

/// A test as two facts: it holds, it fails.
pub(super) fn sides(fact: &Fact) -> (Fact, Fact) {
    let (mut yes, mut no) = (fact.clone(), fact.clone());
    match &mut no {
        Fact::Captured { holds, .. }
        | Fact::Bits { holds, .. }
        | Fact::Length { holds, .. }
        | Fact::Compare { holds, .. } => {
            *holds = false;
        }
        Fact::Shift { .. } => {}
    }
    if let Fact::Shift { to, .. } = &mut yes {
        *to = Some(FRESH);
    }
    (yes, no)
}
