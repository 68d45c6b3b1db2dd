//! Residual formulas: what is still open about each group at one point of the trie.
//!
//! Problem: the builder asks over and over what is left of a formula once a test is known, and
//! meets the same rest on many paths. Method: formulas are hash-consed in an [`Arena`], so a rest
//! is a number and equal rests are equal numbers. Bases are resolved to registers, constants to
//! offsets; what lies below a `Shift` that is not yet taken stays closed over its bases. Loads are
//! explicit about what they need: a test stands beside the [`Form::Captured`] that covers it.

use alloc::{boxed::Box, vec::Vec};

use hashbrown::HashTable;

use super::graph::{Base, Value};
use super::{Error, ErrorKind};
use crate::dispatch::Shared;
use crate::filter::{CompareOp, Field, IntervalSet, NodeId};
use crate::hashing::hash;

/// The most formulas of one build.
pub const MAX_FORMS: usize = 1 << 19;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FormId(pub(super) u32);

pub(super) const FALSE: FormId = FormId(0);
pub(super) const TRUE: FormId = FormId(1);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    False,
    True,
    /// `var + end ≤ len`.
    Captured {
        var: u8,
        end: u32,
    },
    /// The field, whose depth is the number of a base, has a value in the set.
    Bits {
        field: Field,
        set: Shared<IntervalSet>,
    },
    Length {
        wire: bool,
        set: Shared<IntervalSet>,
    },
    Compare {
        op: CompareOp,
        left: Value,
        right: Value,
    },
    And(Box<[FormId]>),
    Or(Box<[FormId]>),
    /// A base not yet computed. `plain`: the common case has been split off already.
    Shift {
        base: Base,
        by: Value,
        plain: bool,
        then: Closure,
    },
    /// The group's keys are looked up here. Never an operand of a conjunction for long.
    Probe {
        group: u32,
        frames: Box<[Base]>,
    },
}

/// A node of a shape with the bases around it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Closure {
    pub(super) group: u32,
    pub(super) node: NodeId,
    /// Innermost first.
    pub(super) stack: Box<[Base]>,
    pub(super) frames: Box<[Base]>,
}

#[derive(Debug)]
pub(super) struct Arena {
    forms: Vec<Known>,
    index: HashTable<FormId>,
}

#[derive(Debug)]
struct Known {
    form: Shared<Form>,
    /// The digest of the form.
    digest: u64,
    /// How many leaves, a shared one counted each time.
    size: u32,
    /// The bases that it mentions.
    vars: u32,
}

impl Arena {
    pub(super) fn new() -> Self {
        let mut arena = Arena {
            forms: Vec::new(),
            index: HashTable::new(),
        };
        // The first two are FALSE and TRUE; there is room for them.
        let _ = arena.intern(Form::False);
        let _ = arena.intern(Form::True);
        arena
    }

    pub(super) fn form(&self, id: FormId) -> &Form {
        &self.forms[id.0 as usize].form
    }

    /// The form, to be looked at while others are made.
    pub(super) fn shared(&self, id: FormId) -> Shared<Form> {
        self.forms[id.0 as usize].form.clone()
    }

    pub(super) fn size(&self, id: FormId) -> u32 {
        self.forms[id.0 as usize].size
    }

    pub(super) fn vars(&self, id: FormId) -> u32 {
        self.forms[id.0 as usize].vars
    }

    pub(super) fn intern(&mut self, form: Form) -> Result<FormId, Error> {
        let digest = hash(&form);
        if let Some(&known) = self.index.find(digest, |id| *self.form(*id) == form) {
            return Ok(known);
        }
        if self.forms.len() >= MAX_FORMS {
            return Err(Error::limit(
                ErrorKind::Formulas,
                self.forms.len() as u64 + 1,
                MAX_FORMS as u64,
            ));
        }
        let id = FormId(self.forms.len() as u32);
        let (size, vars) = self.measure(&form);
        let form = Shared::new(form);
        self.forms.push(Known {
            form,
            digest,
            size,
            vars,
        });
        let forms = &self.forms;
        self.index
            .insert_unique(digest, id, |id| forms[id.0 as usize].digest);
        Ok(id)
    }

    /// All hold.
    pub(super) fn and(&mut self, operands: Vec<FormId>) -> Result<FormId, Error> {
        let mut flat = Vec::with_capacity(operands.len());
        for id in operands {
            match self.form(id) {
                Form::And(inner) => flat.extend_from_slice(inner),
                Form::True => {}
                Form::False => return Ok(FALSE),
                _ => flat.push(id),
            }
        }
        self.merge_captured(&mut flat, u32::max)?;
        if self.merge_bits(&mut flat)? {
            return Ok(FALSE);
        }
        match flat.as_slice() {
            [] => Ok(TRUE),
            [one] => Ok(*one),
            _ => self.intern(Form::And(flat.into())),
        }
    }

    /// One holds.
    pub(super) fn or(&mut self, operands: Vec<FormId>) -> Result<FormId, Error> {
        let mut flat = Vec::with_capacity(operands.len());
        for id in operands {
            match self.form(id) {
                Form::Or(inner) => flat.extend_from_slice(inner),
                Form::False => {}
                Form::True => return Ok(TRUE),
                _ => flat.push(id),
            }
        }
        self.merge_captured(&mut flat, u32::min)?;
        match flat.as_slice() {
            [] => Ok(FALSE),
            [one] => Ok(*one),
            _ => self.intern(Form::Or(flat.into())),
        }
    }

    /// Sorts, drops duplicates and leaves one `Captured` for each base.
    fn merge_captured(
        &mut self,
        flat: &mut Vec<FormId>,
        choose: fn(u32, u32) -> u32,
    ) -> Result<(), Error> {
        flat.sort_unstable();
        flat.dedup();
        let mut ends: Vec<(u8, u32)> = Vec::new();
        let mut count = 0;
        for &id in flat.iter() {
            let Form::Captured { var, end } = *self.form(id) else {
                continue;
            };
            count += 1;
            match ends.iter_mut().find(|known| known.0 == var) {
                Some(known) => known.1 = choose(known.1, end),
                None => ends.push((var, end)),
            }
        }
        if count == ends.len() {
            return Ok(());
        }
        flat.retain(|&id| !matches!(self.form(id), Form::Captured { .. }));
        for (var, end) in ends {
            let id = self.intern(Form::Captured { var, end })?;
            flat.push(id);
        }
        flat.sort_unstable();
        Ok(())
    }

    /// Intersects the sets of one field. True when nothing is left.
    fn merge_bits(&mut self, flat: &mut Vec<FormId>) -> Result<bool, Error> {
        let mut fields: Vec<Field> = flat
            .iter()
            .filter_map(|&id| match self.form(id) {
                Form::Bits { field, .. } => Some(*field),
                _ => None,
            })
            .collect();
        fields.sort_unstable();
        let mut doubled: Vec<Field> = fields
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .map(|pair| pair[0])
            .collect();
        doubled.dedup();
        for field in doubled {
            let (mut both, mut rest) = (None, Vec::with_capacity(flat.len()));
            for &id in flat.iter() {
                match self.form(id) {
                    Form::Bits { field: of, set } if *of == field => {
                        both = Some(match both {
                            None => IntervalSet::clone(set),
                            Some(others) => set.intersect(&others),
                        });
                    }
                    _ => rest.push(id),
                }
            }
            let set = Shared::new(both.unwrap_or_default());
            if set.is_empty() {
                return Ok(true);
            }
            rest.push(self.intern(Form::Bits { field, set })?);
            rest.sort_unstable();
            rest.dedup();
            *flat = rest;
        }
        Ok(false)
    }

    fn measure(&self, form: &Form) -> (u32, u32) {
        match form {
            Form::False | Form::True => (0, 0),
            Form::Length { .. } => (1, 0),
            Form::Captured { var, .. } => (1, 1 << var),
            Form::Bits { field, .. } => (1, 1 << field.depth),
            Form::Compare { left, right, .. } => (1, value_vars(left) | value_vars(right)),
            Form::And(list) | Form::Or(list) => list.iter().fold((0, 0), |(size, vars), id| {
                (self.size(*id).saturating_add(size), vars | self.vars(*id))
            }),
            Form::Shift { base, by, then, .. } => (
                4,
                1 << base.var | value_vars(by) | base_vars(&then.stack) | base_vars(&then.frames),
            ),
            Form::Probe { frames, .. } => (1, base_vars(frames)),
        }
    }
}

pub(super) fn base_vars(bases: &[Base]) -> u32 {
    bases.iter().fold(0, |vars, base| vars | 1 << base.var)
}

pub(super) fn value_vars(value: &Value) -> u32 {
    let mut vars = 0;
    value.loads(&mut |load| {
        if let Value::Load { var, .. } = load {
            vars |= 1 << var;
        }
    });
    vars
}
