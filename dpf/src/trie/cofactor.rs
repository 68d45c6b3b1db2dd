//! What is left of a formula when a test has been decided.
//!
//! Problem: every branch of the trie leaves every open group a smaller formula. Method: one walk
//! over the shared graph of the formula, each node once, rebuilding what changed. Taking a shift
//! opens the bodies that wait for it. Left out: choosing the test (`pivot`).

use alloc::vec::Vec;

use crate::hashing::FixedState;
use hashbrown::HashMap;

use super::build::Builder;
use super::facts::{Cube, Fact, Left, bits_after_bits, fold, same_field};
use super::form::{FALSE, Form, FormId, TRUE, value_vars};
use super::graph::{Base, Value};
use super::{Error, pivot};
use crate::dispatch::Shared;
use crate::filter::IntervalSet;

/// Results of one walk.
pub(super) type Seen = HashMap<FormId, FormId, FixedState>;

impl Builder<'_> {
    /// What is left of `id` after `fact`. `seen` is for one fact only.
    pub(super) fn cofactor(
        &mut self,
        id: FormId,
        fact: &Fact,
        seen: &mut Seen,
    ) -> Result<FormId, Error> {
        let form = self.arena.shared(id);
        let (list, decided) = match &*form {
            Form::And(list) => (list, FALSE),
            Form::Or(list) => (list, TRUE),
            leaf => return self.leaf_after(id, leaf, fact),
        };
        if let Some(&known) = seen.get(&id) {
            return Ok(known);
        }
        let (mut parts, mut same) = (Vec::with_capacity(list.len()), true);
        for &part in list {
            let left = self.cofactor(part, fact, seen)?;
            same &= left == part;
            parts.push(left);
            if left == decided {
                break;
            }
        }
        let left = match &*form {
            _ if same => id,
            _ if parts.last() == Some(&decided) => decided,
            Form::And(_) => self.arena.and(parts)?,
            _ => self.arena.or(parts)?,
        };
        seen.insert(id, left);
        Ok(left)
    }

    fn leaf_after(&mut self, id: FormId, form: &Form, fact: &Fact) -> Result<FormId, Error> {
        let left = match (form, fact) {
            (
                Form::Captured { var, end },
                Fact::Captured {
                    var: known,
                    end: at,
                    holds,
                },
            ) if var == known => match holds {
                true if end <= at => Left::True,
                false if end >= at => Left::False,
                _ => Left::Same,
            },
            (
                Form::Bits { field, .. },
                Fact::Captured {
                    var,
                    end,
                    holds: false,
                },
            ) if field.depth == *var && field.end() >= *end => Left::False,
            (
                Form::Bits { field, set },
                Fact::Bits {
                    field: known,
                    set: values,
                    holds,
                },
            ) => bits_after_bits((known, values, *holds), (field, set)),
            (
                Form::Length { wire, set },
                Fact::Length {
                    wire: known,
                    set: values,
                    holds,
                },
            ) if wire == known => same_field(values, *holds, set),
            // Bytes captured from the start of the packet are its captured length.
            (
                Form::Captured { var: 0, end },
                Fact::Length {
                    wire: false,
                    set: values,
                    holds,
                },
            ) => match same_field(values, *holds, &at_least(*end)) {
                Left::False => Left::False,
                // The proof of the code needs the bound itself.
                _ => Left::Same,
            },
            (Form::Length { wire: false, set }, Fact::Captured { var: 0, end, holds }) => {
                same_field(&at_least(*end), *holds, set)
            }
            (Form::Compare { .. }, Fact::Compare { form, holds }) if *form == id => {
                if *holds {
                    Left::True
                } else {
                    Left::False
                }
            }
            (Form::Compare { .. } | Form::Shift { .. }, Fact::Bits { .. }) => {
                return self.expression_after(id, form, fact);
            }
            (
                Form::Shift { base, by, then, .. },
                Fact::Shift {
                    base: known,
                    by: distance,
                    to,
                },
            ) if base == known && by == distance => {
                return match *to {
                    Some(var) => self.below(then, Base { var, add: 0 }),
                    None => Ok(FALSE),
                };
            }
            _ => Left::Same,
        };
        match (left, form) {
            (Left::True, _) => Ok(TRUE),
            (Left::False, _) => Ok(FALSE),
            (Left::Narrower(set), Form::Bits { field, .. }) => self.arena.intern(Form::Bits {
                field: *field,
                set: Shared::new(set),
            }),
            (Left::Narrower(set), Form::Length { wire, .. }) => self.arena.intern(Form::Length {
                wire: *wire,
                set: Shared::new(set),
            }),
            _ => Ok(id),
        }
    }

    /// Puts known bits into expressions, and remembers that the common shift was asked for.
    fn expression_after(&mut self, id: FormId, form: &Form, fact: &Fact) -> Result<FormId, Error> {
        let Fact::Bits { field, set, holds } = fact else {
            return Ok(id);
        };
        let mentioned = match form {
            Form::Shift { by, .. } => value_vars(by),
            Form::Compare { left, right, .. } => value_vars(left) | value_vars(right),
            _ => 0,
        };
        if mentioned >> field.depth & 1 == 0 {
            return Ok(id);
        }
        let known = Cube::of(field, set).filter(|_| *holds);
        match (form, known) {
            (
                Form::Shift {
                    base,
                    by,
                    plain,
                    then,
                },
                Some(known),
            ) => self.folded_shift((*base, by, *plain, then), &known),
            (
                Form::Shift {
                    base,
                    by,
                    plain: false,
                    then,
                },
                None,
            ) if !*holds
                && pivot::common_case(*base, by)
                    .is_some_and(|case| case.0 == *field && case.1 == **set) =>
            {
                self.arena.intern(Form::Shift {
                    base: *base,
                    by: by.clone(),
                    plain: true,
                    then: then.clone(),
                })
            }
            (Form::Compare { op, left, right }, Some(known)) => {
                let (left, right) = (fold(left, &known), fold(right, &known));
                match (&left, &right) {
                    (Value::Const(a), Value::Const(b)) => {
                        Ok(if op.holds(*a, *b) { TRUE } else { FALSE })
                    }
                    _ => self.arena.intern(Form::Compare {
                        op: *op,
                        left,
                        right,
                    }),
                }
            }
            _ => Ok(id),
        }
    }

    /// The formula with base `from` called `to`.
    pub(super) fn rename(
        &mut self,
        id: FormId,
        from: u8,
        to: u8,
        seen: &mut Seen,
    ) -> Result<FormId, Error> {
        if self.arena.vars(id) >> from & 1 == 0 {
            return Ok(id);
        }
        if let Some(&known) = seen.get(&id) {
            return Ok(known);
        }
        let base = |base: &Base| {
            if base.var == from {
                Base { var: to, ..*base }
            } else {
                *base
            }
        };
        let renamed = match Form::clone(&self.arena.shared(id)) {
            Form::And(list) => {
                let mut parts = Vec::with_capacity(list.len());
                for &part in &list {
                    parts.push(self.rename(part, from, to, seen)?);
                }
                self.arena.and(parts)?
            }
            Form::Or(list) => {
                let mut parts = Vec::with_capacity(list.len());
                for &part in &list {
                    parts.push(self.rename(part, from, to, seen)?);
                }
                self.arena.or(parts)?
            }
            Form::Captured { var, end } => {
                let var = if var == from { to } else { var };
                self.arena.intern(Form::Captured { var, end })?
            }
            Form::Bits { mut field, set } => {
                field.depth = if field.depth == from { to } else { field.depth };
                self.arena.intern(Form::Bits { field, set })?
            }
            Form::Compare {
                op,
                mut left,
                mut right,
            } => {
                rename_value(&mut left, from, to);
                rename_value(&mut right, from, to);
                self.arena.intern(Form::Compare { op, left, right })?
            }
            Form::Shift {
                base: start,
                mut by,
                plain,
                mut then,
            } => {
                rename_value(&mut by, from, to);
                then.stack = then.stack.iter().map(base).collect();
                then.frames = then.frames.iter().map(base).collect();
                self.arena.intern(Form::Shift {
                    base: base(&start),
                    by,
                    plain,
                    then,
                })?
            }
            Form::Probe { group, frames } => {
                let frames = frames.iter().map(base).collect();
                self.arena.intern(Form::Probe { group, frames })?
            }
            Form::True | Form::False | Form::Length { .. } => id,
        };
        seen.insert(id, renamed);
        Ok(renamed)
    }

    /// The lowest base number that is not kept and that none of the formulas mentions.
    pub(super) fn free_var(&self, state: &[FormId], kept: u32) -> u8 {
        let used = state.iter().fold(1 | kept, |vars, id| {
            vars | self.arena.vars(*id) & !(1 << super::build::FRESH)
        });
        used.trailing_ones() as u8
    }
}

fn at_least(low: u32) -> IntervalSet {
    IntervalSet::range(low, u32::MAX)
}

fn rename_value(value: &mut Value, from: u8, to: u8) {
    match value {
        Value::Load { var, index, .. } => {
            if *var == from {
                *var = to;
            }
            if let Some(index) = index {
                rename_value(index, from, to);
            }
        }
        Value::Binary(_, left, right) => {
            rename_value(left, from, to);
            rename_value(right, from, to);
        }
        Value::Const(_) | Value::Len | Value::WireLen => {}
    }
}
