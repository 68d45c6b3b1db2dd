//! From shapes to residual formulas: bases become registers and offsets.
//!
//! Problem: a load names its base by depth; the trie names it by register. Method: a node is
//! instantiated under the stack of bases around it. Constant shifts become offsets at once, so one
//! body has an instance for each constant base; other shifts stay closed until they are taken.
//! Slots that vary leave only their bounds, and their place, the *frame*, for the probe; others
//! are tests for the group's constant. Left out: deciding which shift is taken when.

use alloc::{boxed::Box, vec::Vec};

use super::Error;
use super::build::Builder;
use super::facts;
use super::form::{Closure, FALSE, Form, FormId, TRUE};
use super::graph::{Base, Value};
use crate::dispatch::Shared;
use crate::filter::{Address, Expr, Field, IntervalSet, Load, Node, NodeId, Test};

/// Constant offsets from a base stay below this; a larger shift is computed at run time.
const MAX_ADD: u32 = 1 << 29;

impl Builder<'_> {
    /// The whole formula of a group.
    pub(super) fn group_form(&mut self, group: u32) -> Result<FormId, Error> {
        let shape = self.groups[group as usize].shape;
        let frames = alloc::vec![Base::default(); usize::from(shape.frames())];
        self.instance(Closure {
            group,
            node: shape.root(),
            stack: [Base::default()].into(),
            frames: frames.into(),
        })
    }

    /// The formula of a node under its bases.
    pub(super) fn instance(&mut self, at: Closure) -> Result<FormId, Error> {
        if let Some(&known) = self.instances.get(&at) {
            return Ok(known);
        }
        let shape = self.groups[at.group as usize].shape;
        let mut frames = at.frames.clone();
        self.enter(&at, at.node, &mut frames);
        let here = Closure {
            frames,
            ..at.clone()
        };
        let form = match &shape.nodes()[at.node.0 as usize] {
            Node::True => TRUE,
            Node::False => FALSE,
            Node::Test(test) => self.test(&here, test)?,
            Node::And(children) => self.conjunction(&here, children)?,
            Node::Or(children) => {
                let parts: Result<Vec<_>, _> = children
                    .iter()
                    .map(|&child| self.child(&here, child))
                    .collect();
                self.arena.or(parts?)?
            }
            Node::Shift { by, then } => self.shift(&here, by, *then)?,
        };
        let is_and = matches!(shape.nodes()[at.node.0 as usize], Node::And(_));
        let form = if at.node == shape.probe() && !is_and {
            let probe = self.arena.intern(Form::Probe {
                group: at.group,
                frames: here.frames,
            })?;
            self.arena.and([form, probe].into())?
        } else {
            form
        };
        self.instances.insert(at, form);
        Ok(form)
    }

    fn child(&mut self, at: &Closure, node: NodeId) -> Result<FormId, Error> {
        self.instance(Closure { node, ..at.clone() })
    }

    /// Notes where the frame of `node` is, if it is a slot.
    fn enter(&self, at: &Closure, node: NodeId, frames: &mut [Base]) {
        let slots = self.groups[at.group as usize].shape.slots();
        if let Ok(index) = slots.binary_search_by_key(&node, |slot| slot.node) {
            let base = at
                .stack
                .get(usize::from(slots[index].field.depth))
                .copied()
                .unwrap_or_default();
            frames[usize::from(slots[index].frame)] = base;
        }
    }

    fn conjunction(&mut self, at: &Closure, children: &[NodeId]) -> Result<FormId, Error> {
        let mut frames = at.frames.clone();
        children
            .iter()
            .for_each(|&child| self.enter(at, child, &mut frames));
        let inside = Closure {
            frames: frames.clone(),
            ..at.clone()
        };
        let mut parts = Vec::with_capacity(children.len());
        for &child in children {
            let part = self.child(&inside, child)?;
            parts.push(part);
        }
        let shape = self.groups[at.group as usize].shape;
        if at.node == shape.probe() {
            parts.push(self.arena.intern(Form::Probe {
                group: at.group,
                frames,
            })?);
        }
        self.arena.and(parts)
    }

    fn test(&mut self, at: &Closure, test: &Test) -> Result<FormId, Error> {
        match test {
            Test::Captured { depth, end } => self.captured(at.base(*depth), u64::from(*end)),
            Test::Bits { field, set } => self.bits(at, field, set),
            Test::Len(set) => self.arena.intern(Form::Length {
                wire: false,
                set: Shared::new(set.clone()),
            }),
            Test::WireLen(set) => self.arena.intern(Form::Length {
                wire: true,
                set: Shared::new(set.clone()),
            }),
            Test::Compare { op, left, right } => {
                let (left, right) = (resolve(at, left), resolve(at, right));
                let mut parts = Vec::new();
                self.loads_captured(&left, &mut parts)?;
                self.loads_captured(&right, &mut parts)?;
                parts.push(self.arena.intern(Form::Compare {
                    op: *op,
                    left,
                    right,
                })?);
                self.arena.and(parts)
            }
        }
    }

    /// A test of a field: its bounds, and its values unless they are a key.
    fn bits(&mut self, at: &Closure, field: &Field, set: &IntervalSet) -> Result<FormId, Error> {
        let base = at.base(field.depth);
        let bounds = self.captured(base, u64::from(field.end()))?;
        let group = &self.groups[at.group as usize];
        let set = match group
            .shape
            .slots()
            .binary_search_by_key(&at.node, |slot| slot.node)
        {
            Ok(slot) if group.varying >> slot & 1 != 0 => return Ok(bounds),
            Ok(slot) => IntervalSet::single(group.constants[slot]),
            Err(_) => set.clone(),
        };
        let field = Field {
            depth: base.var,
            offset: base.add.saturating_add(field.offset),
            ..*field
        };
        let bits = self.arena.intern(Form::Bits {
            field,
            set: Shared::new(set),
        })?;
        self.arena.and([bounds, bits].into())
    }

    fn captured(&mut self, base: Base, end: u64) -> Result<FormId, Error> {
        // No packet has 2^32 bytes.
        match u32::try_from(u64::from(base.add) + end) {
            Ok(0) => Ok(TRUE),
            Ok(end) => self.arena.intern(Form::Captured { var: base.var, end }),
            Err(_) => Ok(FALSE),
        }
    }

    /// Adds the bounds of the loads at constant offsets.
    fn loads_captured(&mut self, value: &Value, parts: &mut Vec<FormId>) -> Result<(), Error> {
        let mut needed = Vec::new();
        value.loads(&mut |load| {
            if let Value::Load {
                var,
                at,
                index: None,
                bytes,
                ..
            } = load
            {
                needed.push((
                    Base {
                        var: *var,
                        add: *at,
                    },
                    u64::from(*bytes),
                ));
            }
        });
        for (base, bytes) in needed {
            parts.push(self.captured(base, bytes)?);
        }
        Ok(())
    }

    fn shift(&mut self, at: &Closure, by: &Expr, then: NodeId) -> Result<FormId, Error> {
        let by = resolve(at, by);
        let base = at.base(0);
        let then = self.trimmed(at, then);
        if let Some(form) = self.constant_shift(base, &by, &then)? {
            return Ok(form);
        }
        let mut parts = Vec::new();
        self.loads_captured(&by, &mut parts)?;
        parts.push(self.arena.intern(Form::Shift {
            base,
            by,
            plain: false,
            then,
        })?);
        self.arena.and(parts)
    }

    /// `then` at a base known now: the bound and the body.
    pub(super) fn constant_shift(
        &mut self,
        base: Base,
        by: &Value,
        then: &Closure,
    ) -> Result<Option<FormId>, Error> {
        let Value::Const(by) = *by else {
            return Ok(None);
        };
        let Some(add) = base
            .add
            .checked_add(by)
            .filter(|add| *add <= MAX_ADD && self.specialise)
        else {
            return Ok(None);
        };
        let bound = self.captured(base, u64::from(by))?;
        let body = self.below(then, Base { var: base.var, add })?;
        self.arena.and([bound, body].into()).map(Some)
    }

    /// The body of a shift that has been taken to `base`.
    pub(super) fn below(&mut self, then: &Closure, base: Base) -> Result<FormId, Error> {
        let stack = core::iter::once(base)
            .chain(then.stack.iter().copied())
            .collect();
        self.instance(Closure {
            stack,
            ..then.clone()
        })
    }

    /// The closure of a node, with only those outer bases that it can mention.
    fn trimmed(&mut self, at: &Closure, node: NodeId) -> Closure {
        let mentioned = self.groups[at.group as usize].depths[node.0 as usize].saturating_sub(1);
        let stack: Box<[Base]> = at
            .stack
            .iter()
            .copied()
            .take(usize::from(mentioned))
            .collect();
        Closure {
            group: at.group,
            node,
            stack,
            frames: at.frames.clone(),
        }
    }

    /// Checks a shift that turned out to be by a constant.
    pub(super) fn reshift(
        &mut self,
        base: Base,
        by: Value,
        plain: bool,
        then: Closure,
    ) -> Result<FormId, Error> {
        match self.constant_shift(base, &by, &then)? {
            Some(form) => Ok(form),
            None => self.arena.intern(Form::Shift {
                base,
                by,
                plain,
                then,
            }),
        }
    }

    /// As [`facts::fold`], for a shift.
    pub(super) fn folded_shift(
        &mut self,
        shift: (Base, &Value, bool, &Closure),
        known: &facts::Cube,
    ) -> Result<FormId, Error> {
        let (base, by, plain, then) = shift;
        self.reshift(base, facts::fold(by, known), plain, then.clone())
    }
}

impl Closure {
    fn base(&self, depth: u8) -> Base {
        self.stack
            .get(usize::from(depth))
            .copied()
            .unwrap_or_default()
    }
}

/// The expression over registers instead of depths.
fn resolve(at: &Closure, expr: &Expr) -> Value {
    match expr {
        Expr::Const(number) => Value::Const(*number),
        Expr::Len => Value::Len,
        Expr::WireLen => Value::WireLen,
        Expr::Binary(op, left, right) => {
            Value::Binary(*op, resolve(at, left).into(), resolve(at, right).into())
        }
        Expr::Load(Load {
            depth,
            at: address,
            bytes,
            little,
        }) => {
            let base = at.base(*depth);
            let (offset, index) = match address {
                Address::Fixed(offset) => (*offset, None),
                Address::Computed(index) => (0, Some(resolve(at, index).into())),
            };
            Value::Load {
                var: base.var,
                at: base.add.saturating_add(offset),
                index,
                bytes: *bytes,
                little: *little,
            }
        }
    }
}

/// For each node of a shape, how many bases around it it can mention: 0 for a constant.
pub(super) fn depths(nodes: &[Node]) -> Vec<u8> {
    let mut depths: Vec<u8> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let depth = match node {
            Node::True | Node::False => 0,
            Node::Test(test) => test_depth(test),
            Node::And(children) | Node::Or(children) => children
                .iter()
                .map(|child| depths[child.0 as usize])
                .max()
                .unwrap_or(0),
            Node::Shift { by, then } => expr_depth(by)
                .max(depths[then.0 as usize].saturating_sub(1))
                .max(1),
        };
        depths.push(depth);
    }
    depths
}

fn test_depth(test: &Test) -> u8 {
    match test {
        Test::Captured { depth, .. } => depth.saturating_add(1),
        Test::Bits { field, .. } => field.depth.saturating_add(1),
        Test::Len(_) | Test::WireLen(_) => 0,
        Test::Compare { left, right, .. } => expr_depth(left).max(expr_depth(right)),
    }
}

fn expr_depth(expr: &Expr) -> u8 {
    match expr {
        Expr::Const(_) | Expr::Len | Expr::WireLen => 0,
        Expr::Binary(_, left, right) => expr_depth(left).max(expr_depth(right)),
        Expr::Load(load) => match &load.at {
            Address::Fixed(_) => load.depth.saturating_add(1),
            Address::Computed(index) => load.depth.saturating_add(1).max(expr_depth(index)),
        },
    }
}
