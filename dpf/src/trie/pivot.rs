//! Which test to ask next.
//!
//! Problem: the order of tests decides how much the groups share, how large the trie becomes and
//! how far bounds checks merge. Method: each open formula offers the tests it cannot do without,
//! or, if it is a choice, those of its smallest alternative, so that what was begun is finished
//! first. The field that most formulas offer wins; ties go to the lowest base and offset, which is
//! the order of headers. Bounds are asked before what they guard, at once for the most bytes that
//! every formula needs anyway. A shift waits until no test of a field is left; one by the length of
//! an IP header first asks for the common length. Left out: traffic statistics.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::build::Builder;
use super::facts::Fact;
use super::form::{Form, FormId, value_vars};
use super::graph::{Base, Value};
use crate::dispatch::Shared;
use crate::filter::{BinaryOp, Field, IntervalSet};

/// The usual length of an IP header, in units of four bytes (RFC 791).
const COMMON_LENGTH: u32 = 5;

/// A test that a formula offers, and the bounds that must be asked before: base and end.
#[derive(Clone, Debug)]
struct Candidate {
    fact: Fact,
    guard: Option<(u8, u32)>,
}

/// What candidates are counted by; the order breaks ties.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Bounds(u8),
    Field(u8, u32, u8, u32),
    Length(bool),
    Compare(FormId),
    Shift(FormId),
}

impl Builder<'_> {
    /// The test to ask next, as a fact that holds, and the formula that asked for it.
    pub(super) fn pivot(&self, state: &[FormId]) -> Option<(Fact, FormId)> {
        let mut counts: BTreeMap<Subject, (usize, Vec<(Candidate, FormId)>)> = BTreeMap::new();
        let mut offered = Vec::new();
        for &id in state {
            offered.clear();
            self.offer(id, None, &mut offered);
            for (subject, candidate) in offered.drain(..) {
                let entry = counts.entry(subject).or_default();
                if entry.1.last().is_none_or(|(_, last)| *last != id) {
                    entry.0 += 1;
                }
                entry.1.push((candidate, id));
            }
        }
        // Of the most offered the first: shifts and bounds alone only when there is nothing else.
        let late = |subject: &Subject| matches!(subject, Subject::Shift(_));
        let early = |subject: &Subject| !late(subject) && !matches!(subject, Subject::Bounds(_));
        let best = [
            &early as &dyn Fn(&Subject) -> bool,
            &late,
            &|_: &Subject| true,
        ]
        .into_iter()
        .find_map(|wanted| {
            let of = counts.iter().filter(|(subject, _)| wanted(subject));
            of.max_by(|a, b| a.1.0.cmp(&b.1.0).then(b.0.cmp(a.0)))
        })?;
        let (candidate, origin) = most_frequent(&best.1.1)?;
        Some((self.guarded(candidate, *origin, state), *origin))
    }

    /// The shift to take next, or what must be asked before it, if conjunctions wait for one.
    pub(super) fn shift_pivot(&self, state: &[FormId]) -> Option<Fact> {
        let mut counts: BTreeMap<Subject, Vec<(Candidate, FormId)>> = BTreeMap::new();
        for &id in state {
            let list: &[FormId] = match self.arena.form(id) {
                Form::And(list) => list,
                _ => core::slice::from_ref(&id),
            };
            let own: Vec<(u8, u32)> = list.iter().filter_map(|&part| self.bound(part)).collect();
            let guards = Guards {
                own: &own,
                outer: None,
            };
            for &part in list {
                let form = self.arena.form(part);
                if let Form::Shift { .. } = form
                    && let Some((subject, candidate)) = self.leaf(part, form, Some(&guards))
                {
                    counts.entry(subject).or_default().push((candidate, id));
                }
            }
        }
        let best = counts
            .iter()
            .max_by(|a, b| a.1.len().cmp(&b.1.len()).then(b.0.cmp(a.0)))?;
        let (candidate, origin) = most_frequent(best.1)?;
        Some(self.guarded(candidate, *origin, state))
    }

    /// Bounds first, as many as every formula that needs any needs.
    fn guarded(&self, candidate: &Candidate, origin: FormId, state: &[FormId]) -> Fact {
        let Some((var, end)) = candidate.guard else {
            return candidate.fact.clone();
        };
        let own = self.needed(origin, var);
        let end = match own {
            0 => end,
            _ => state
                .iter()
                .map(|&id| self.needed(id, var))
                .filter(|needed| *needed > 0)
                .min()
                .unwrap_or(own),
        };
        Fact::Captured {
            var,
            end,
            holds: true,
        }
    }

    /// How many bytes after a base the formula cannot be true without.
    fn needed(&self, id: FormId, var: u8) -> u32 {
        if self.arena.vars(id) >> var & 1 == 0 {
            return 0;
        }
        match self.arena.form(id) {
            Form::Captured { var: of, end } if *of == var => *end,
            Form::And(list) => list
                .iter()
                .map(|&part| self.needed(part, var))
                .max()
                .unwrap_or(0),
            Form::Or(list) => list
                .iter()
                .map(|&part| self.needed(part, var))
                .min()
                .unwrap_or(0),
            _ => 0,
        }
    }

    /// Adds the tests that the formula offers.
    fn offer(&self, id: FormId, guards: Option<&Guards<'_>>, out: &mut Vec<(Subject, Candidate)>) {
        match self.arena.form(id) {
            Form::And(list) => {
                let own: Vec<(u8, u32)> =
                    list.iter().filter_map(|&part| self.bound(part)).collect();
                let guards = Guards {
                    own: &own,
                    outer: guards,
                };
                let before = out.len();
                list.iter()
                    .filter(|&&part| self.is_test(part))
                    .for_each(|&part| self.offer(part, Some(&guards), out));
                if out.len() == before {
                    let ors = list
                        .iter()
                        .filter(|&&part| matches!(self.arena.form(part), Form::Or(_)));
                    if let Some(&smallest) = ors.min_by_key(|&&part| self.arena.size(part)) {
                        self.offer(smallest, Some(&guards), out);
                    }
                }
                if out.len() == before {
                    let shifts = list
                        .iter()
                        .filter(|&&part| matches!(self.arena.form(part), Form::Shift { .. }));
                    shifts.for_each(|&part| self.offer(part, Some(&guards), out));
                }
                if out.len() == before {
                    list.iter()
                        .filter(|&&part| self.bound(part).is_some())
                        .for_each(|&part| self.offer(part, None, out));
                }
            }
            Form::Or(list) => {
                let open = list
                    .iter()
                    .filter(|&&part| !matches!(self.arena.form(part), Form::Probe { .. }));
                if let Some(&smallest) = open.min_by_key(|&&part| self.arena.size(part)) {
                    self.offer(smallest, guards, out);
                }
            }
            form => out.extend(self.leaf(id, form, guards)),
        }
    }

    fn leaf(
        &self,
        id: FormId,
        form: &Form,
        guards: Option<&Guards<'_>>,
    ) -> Option<(Subject, Candidate)> {
        let guard = |vars: u32| guards.and_then(|guards| guards.of(vars));
        Some(match form {
            Form::Captured { var, end } => {
                let fact = Fact::Captured {
                    var: *var,
                    end: *end,
                    holds: true,
                };
                (
                    Subject::Bounds(*var),
                    Candidate {
                        fact,
                        guard: Some((*var, *end)),
                    },
                )
            }
            Form::Bits { field, set } => {
                let set = if self.specialise {
                    self.common_value(field, set)
                } else {
                    set.clone()
                };
                (
                    field_subject(field),
                    Candidate {
                        guard: guard(1 << field.depth),
                        fact: Fact::Bits {
                            field: *field,
                            set,
                            holds: true,
                        },
                    },
                )
            }
            Form::Length { wire, set } => {
                let fact = Fact::Length {
                    wire: *wire,
                    set: set.clone(),
                    holds: true,
                };
                (Subject::Length(*wire), Candidate { fact, guard: None })
            }
            Form::Compare { left, right, .. } => {
                let fact = Fact::Compare {
                    form: id,
                    holds: true,
                };
                (
                    Subject::Compare(id),
                    Candidate {
                        fact,
                        guard: guard(value_vars(left) | value_vars(right)),
                    },
                )
            }
            Form::Shift {
                base, by, plain, ..
            } => {
                let guard = guard(value_vars(by));
                match common_case(*base, by).filter(|_| self.specialise && !plain) {
                    Some((field, set)) => {
                        let fact = Fact::Bits {
                            field,
                            set: Shared::new(set),
                            holds: true,
                        };
                        (field_subject(&field), Candidate { fact, guard })
                    }
                    None => {
                        let fact = Fact::Shift {
                            base: *base,
                            by: by.clone(),
                            to: None,
                        };
                        (Subject::Shift(id), Candidate { fact, guard })
                    }
                }
            }
            _ => return None,
        })
    }

    /// The common header length instead of all lengths that are allowed.
    fn common_value(&self, field: &Field, set: &Shared<IntervalSet>) -> Shared<IntervalSet> {
        let is_length = field.bytes == 1 && field.mask == 0x0f && field.depth == 0;
        if is_length && set.as_single().is_none() && IntervalSet::min(set) == Some(COMMON_LENGTH) {
            return Shared::new(IntervalSet::single(COMMON_LENGTH));
        }
        set.clone()
    }

    fn bound(&self, id: FormId) -> Option<(u8, u32)> {
        match self.arena.form(id) {
            Form::Captured { var, end } => Some((*var, *end)),
            _ => None,
        }
    }

    fn is_test(&self, id: FormId) -> bool {
        matches!(
            self.arena.form(id),
            Form::Bits { .. } | Form::Length { .. } | Form::Compare { .. }
        )
    }
}

/// The bounds stated by the conjunctions around a formula, innermost first.
struct Guards<'a> {
    own: &'a [(u8, u32)],
    outer: Option<&'a Guards<'a>>,
}

impl Guards<'_> {
    /// A bound on one of the bases, the outermost.
    fn of(&self, vars: u32) -> Option<(u8, u32)> {
        let outer = self.outer.and_then(|outer| outer.of(vars));
        outer.or_else(|| {
            self.own
                .iter()
                .copied()
                .find(|(var, _)| vars >> var & 1 != 0)
        })
    }
}

/// The test for the common case of a shift by the length of an IP header, `(byte & 15) * 4`, from
/// a base known now.
pub(super) fn common_case(base: Base, by: &Value) -> Option<(Field, IntervalSet)> {
    let Value::Binary(op, inner, factor) = by else {
        return None;
    };
    let scaled = matches!(
        (op, factor.as_ref()),
        (BinaryOp::Shl, Value::Const(2)) | (BinaryOp::Mul, Value::Const(4))
    );
    let Value::Binary(BinaryOp::And, load, mask) = inner.as_ref() else {
        return None;
    };
    match (load.as_ref(), mask.as_ref()) {
        (
            Value::Load {
                var: 0,
                at,
                index: None,
                bytes: 1,
                ..
            },
            Value::Const(0x0f),
        ) if scaled && base.var == 0 => Some((
            Field {
                depth: 0,
                offset: *at,
                bytes: 1,
                mask: 0x0f,
            },
            IntervalSet::single(COMMON_LENGTH),
        )),
        _ => None,
    }
}

fn field_subject(field: &Field) -> Subject {
    Subject::Field(field.depth, field.offset, field.bytes, field.mask)
}

/// The candidate whose test is offered most often; the first among equals, but a single value
/// before a set.
fn most_frequent(candidates: &[(Candidate, FormId)]) -> Option<(&Candidate, &FormId)> {
    let mut counts: BTreeMap<Option<&IntervalSet>, (usize, usize)> = BTreeMap::new();
    for (at, (candidate, _)) in candidates.iter().enumerate() {
        let set = match &candidate.fact {
            Fact::Bits { set, .. } | Fact::Length { set, .. } => Some(set.as_ref()),
            _ => None,
        };
        counts.entry(set).or_insert((0, at)).0 += 1;
    }
    let rank = |set: &Option<&IntervalSet>, count: usize| {
        (set.is_some_and(|set| set.as_single().is_some()), count)
    };
    let best = counts.iter().max_by(|a, b| {
        rank(a.0, a.1.0)
            .cmp(&rank(b.0, b.1.0))
            .then(b.1.1.cmp(&a.1.1))
    })?;
    candidates
        .get(best.1.1)
        .map(|(candidate, origin)| (candidate, origin))
}
