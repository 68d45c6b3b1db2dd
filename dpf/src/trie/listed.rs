//! Which rules go into blocks, and when the builder forms one.
//!
//! Problem: rules that are hundreds of shapes should be found together, but after the tests that
//! all of them share, which are free. Method: where many groups are small conjunctions of tests,
//! their members are *listed*: each is a formula of its own. The builder goes on asking tests as
//! long as each divides the listed rules wholly, at least half of them to one side. Then what is
//! left of them is a [`Block`]; before that, bounds that some of them still need are asked, the
//! largest first, and shifts are taken, so that every rule is tests of known places.
//!
//! **Cost model** (ns, random traffic; estimated, not measured apart): a look-up in turn 2 to 4; a block 15 for its searches and
//! 0.04 for each rule. So from [`MIN_GROUPS`] groups on a block is used, and a group of more than
//! [`MAX_MEMBERS`] members is looked up beside it. Machines of 32-bit words never list. Left out: alternatives within a rule, and
//! comparisons of fields; such groups are looked up beside the block.

use alloc::vec::Vec;

use super::block::{Axis, Block, Conjunction};
use super::build::Builder;
use super::cofactor::Seen;
use super::facts::Fact;
use super::form::{FALSE, Form, FormId};
use super::graph::{Step, StepId};
use super::{Error, ErrorKind};
use crate::dispatch::MAX_VECTOR_BYTES;
use crate::filter::{Node, Test};
use crate::shape::Shape;

/// From so many groups on whose members may be listed, they are.
pub const MIN_GROUPS: usize = 16;
/// The most members of a group that is listed.
pub const MAX_MEMBERS: usize = 64;
/// The most rules that are listed.
pub const MAX_LISTED: usize = 1 << 12;
/// The most axes of a block: what registers and the frame carry.
pub const MAX_AXES: usize = 16;
/// The most nodes of a shape whose members are listed.
const MAX_NODES: usize = 64;

/// Whether a filter of this shape can be a rule of a block: a conjunction of tests.
pub(super) fn is_conjunction(shape: &Shape) -> bool {
    let plain = |node: &Node| match node {
        Node::True | Node::And(_) | Node::Shift { .. } => true,
        Node::Test(test) => !matches!(test, Test::Compare { .. }),
        Node::False | Node::Or(_) => false,
    };
    shape.nodes().len() <= MAX_NODES && shape.nodes().iter().all(plain)
}

impl Builder<'_> {
    /// Whether the formula is what is left of a listed rule.
    pub(super) fn is_listed(&self, id: FormId) -> bool {
        self.rule_of(id).is_some()
    }

    /// Whether asking the test leaves every listed rule on one side, and at least half of them on
    /// the same.
    pub(super) fn divides(&mut self, open: &[FormId], fact: &Fact) -> Result<bool, Error> {
        let (holds, fails) = super::build::sides(fact);
        let (mut seen_yes, mut seen_no) = (Seen::default(), Seen::default());
        let (mut sides, mut rules) = ([0, 0], 0);
        for &id in open {
            if !self.is_listed(id) || matches!(self.arena.form(id), Form::Probe { .. }) {
                continue;
            }
            rules += 1;
            let left = self.cofactor(id, &holds, &mut seen_yes)?;
            if left == FALSE {
                sides[1] += 1;
                continue;
            }
            if self.cofactor(id, &fails, &mut seen_no)? != FALSE {
                return Ok(false);
            }
            sides[0] += 1;
        }
        Ok(rules > 0 && 2 * sides[0].max(sides[1]) >= rules)
    }

    /// The step for listed rules alone: a block, or a test that must be asked before it.
    pub(super) fn listed(
        &mut self,
        open: Vec<FormId>,
        kept: u32,
        depth: usize,
    ) -> Result<StepId, Error> {
        let Some(fact) = self.before_block(&open) else {
            return self.block(open);
        };
        let (holds, fails) = super::build::sides(&fact);
        let (mut seen_yes, mut seen_no) = (Seen::default(), Seen::default());
        let (mut yes, mut no) = (Vec::new(), Vec::new());
        for id in open {
            yes.push(self.cofactor(id, &holds, &mut seen_yes)?);
            no.push(self.cofactor(id, &fails, &mut seen_no)?);
        }
        self.decision(fact, (yes, no), kept, depth)
    }

    /// A shift that is not taken, or a bound that is not known; bounds the largest first.
    fn before_block(&self, open: &[FormId]) -> Option<Fact> {
        if let Some(fact) = self.shift_pivot(open) {
            return Some(fact);
        }
        let bounds = open.iter().flat_map(|&id| self.leaves(id));
        let bounds = bounds.filter_map(|leaf| match self.arena.form(leaf) {
            Form::Captured { var, end } => Some((core::cmp::Reverse(*var), *end)),
            _ => None,
        });
        let (core::cmp::Reverse(var), end) = bounds.max()?;
        Some(Fact::Captured {
            var,
            end,
            holds: true,
        })
    }

    fn block(&mut self, open: Vec<FormId>) -> Result<StepId, Error> {
        let place = open.into_boxed_slice();
        let block = match self.block_index.get(&place) {
            Some(&known) => known,
            None => {
                let mut rules = Vec::with_capacity(place.len());
                for &id in &place {
                    rules.push(self.conjunction_of(id)?);
                }
                let limit = MAX_VECTOR_BYTES.saturating_sub(self.block_bytes);
                let made = Block::new(&rules, limit).map_err(|bytes| {
                    let given = self.block_bytes.saturating_add(bytes);
                    Error::limit(ErrorKind::Vectors, given, MAX_VECTOR_BYTES)
                })?;
                let axes = made.axes().len();
                if axes > MAX_AXES {
                    let limit = MAX_AXES as u64;
                    return Err(Error::limit(ErrorKind::Axes, axes as u64, limit));
                }
                self.block_bytes += made.vectors().map_or(0, |vectors| vectors.memory().bytes());
                let number = self.blocks.len() as u32;
                self.blocks.push(made);
                self.block_index.insert(place, number);
                number
            }
        };
        self.step(Step::Block {
            block,
            next: StepId(0),
        })
    }

    fn conjunction_of(&self, id: FormId) -> Result<Conjunction, Error> {
        let mut rule = Conjunction {
            entry: 0,
            rank: 0,
            tests: Vec::new(),
        };
        (rule.entry, rule.rank) =
            self.rule_of(id)
                .ok_or(Error::limit(ErrorKind::Formulas, u64::from(id.0), 0))?;
        for leaf in self.leaves(id) {
            let test = match self.arena.form(leaf) {
                Form::Bits { field, set } => (Axis::Field(*field), set.clone()),
                Form::Length { wire: false, set } => (Axis::Len, set.clone()),
                Form::Length { wire: true, set } => (Axis::WireLen, set.clone()),
                _ => continue,
            };
            rule.tests.push(test);
        }
        Ok(rule)
    }

    /// Entry and rank of the rule that a formula is left of.
    fn rule_of(&self, id: FormId) -> Option<(u32, u32)> {
        self.leaves(id).find_map(|leaf| {
            let group = match self.arena.form(leaf) {
                Form::Probe { group, .. } => *group,
                Form::Shift { then, .. } => then.group,
                _ => return None,
            };
            self.groups[group as usize].listed
        })
    }

    /// The operands of a conjunction, or the formula itself.
    fn leaves(&self, id: FormId) -> impl Iterator<Item = FormId> + '_ {
        let (list, own): (&[FormId], _) = match self.arena.form(id) {
            Form::And(list) => (list, None),
            _ => (&[], Some(id)),
        };
        list.iter().copied().chain(own)
    }
}
