//! Conditions on their way down the parse: negation normal form over headers yet to be found.
//!
//! Forms are hash-consed like nodes, for the same reason: two paths that bring the same form to
//! the same header share everything below.

use alloc::{boxed::Box, collections::BTreeMap, rc::Rc, vec::Vec};

use hashbrown::HashMap;

use super::literal::{Context, Interval, Literal, constant_field, joint_values};
use crate::{
    filter::{Error, NodeId, Pool},
    syntax::{self, Cond, Expr, PlaceId, Program, WideRelation},
};

/// The index of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FormId(u32);

/// A condition, some of whose headers are still to be found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Form {
    /// Found out: a node at the current base.
    Node(NodeId),
    /// The place is absent.
    Absent(PlaceId),
    /// The literal, which names no place but shifts, holds, seen from so many bases further in.
    /// It becomes a node as late as possible, because a node with `Shift`s cannot be moved.
    Raw(u32, u8),
    /// The literal holds; where the places found so far are, as depths. The last depth is that of
    /// the packet's start, if the literal makes raw loads.
    Waits(u32, Box<[Option<u8>]>),
    /// All hold.
    And(Box<[FormId]>),
    /// At least one holds.
    Or(Box<[FormId]>),
}

/// Leaves of forms that the lowering of one filter may rewrite: bounds its time.
const MAX_STEPS: usize = 1 << 25;

/// The forms of one filter.
pub(super) struct Forms<'f> {
    pub(super) filter: &'f syntax::Filter,
    forms: Vec<Form>,
    /// A bit for each place that the form waits for.
    waiting: Vec<u64>,
    index: HashMap<Form, FormId, crate::hashing::FixedState>,
    literals: Rc<Vec<(Literal<'f>, Box<[PlaceId]>)>>,
    steps: usize,
}

/// What becomes of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes on.
    Waits,
    /// It is at the current base.
    Here,
    /// It is absent exactly where the node holds, and otherwise short.
    Gone {
        /// The node.
        absent: NodeId,
    },
}

impl<'f> Forms<'f> {
    pub(super) fn new(filter: &'f syntax::Filter) -> Self {
        let (forms, waiting, literals) = (Vec::new(), Vec::new(), Rc::default());
        Forms {
            filter,
            forms,
            waiting,
            index: HashMap::default(),
            literals,
            steps: 0,
        }
    }

    pub(super) fn form(&self, id: FormId) -> &Form {
        &self.forms[id.0 as usize]
    }

    /// A bit for each place that the form waits for.
    pub(super) fn waiting(&self, id: FormId) -> u64 {
        self.waiting[id.0 as usize]
    }

    /// The form that says that the condition is `truth`, at the start of the packet.
    pub(super) fn of_condition(
        &mut self,
        condition: &'f Cond,
        truth: bool,
        pool: &mut Pool,
        program: &Program,
    ) -> Result<FormId, Error> {
        self.shifted(condition, truth, &mut Vec::new(), pool, program)
    }

    fn shifted(
        &mut self,
        condition: &'f Cond,
        truth: bool,
        shifts: &mut Vec<&'f Expr>,
        pool: &mut Pool,
        program: &Program,
    ) -> Result<FormId, Error> {
        match condition {
            Cond::Not(inner) => self.shifted(inner, !truth, shifts, pool, program),
            Cond::And(list) | Cond::Or(list) => {
                let all = matches!(condition, Cond::And(_)) == truth;
                let mut parts = Vec::with_capacity(list.len());
                let mut by_field = BTreeMap::<_, Vec<&'f Cond>>::new();
                for part in list {
                    match constant_field(part) {
                        Some(field) => by_field.entry(field).or_default().push(part),
                        None => parts.push(self.shifted(part, truth, shifts, pool, program)?),
                    }
                }
                let conjunction = matches!(condition, Cond::And(_));
                for comparisons in by_field.into_values() {
                    // Several comparisons of one field with constants are one, with a set.
                    let instead = (comparisons.len() > 1)
                        .then(|| joint_values(&comparisons, conjunction, program));
                    if let Some(first) = comparisons.first() {
                        parts.push(self.literal(first, instead, truth, shifts, pool, program)?);
                    }
                }
                if all {
                    self.and(parts, pool)
                } else {
                    self.or(parts, pool)
                }
            }
            Cond::Shift { by, then } => {
                shifts.push(by);
                let form = self.shifted(then, truth, shifts, pool, program);
                shifts.pop();
                form
            }
            comparison => self.literal(comparison, None, truth, shifts, pool, program),
        }
    }

    fn literal(
        &mut self,
        comparison: &'f Cond,
        instead: Option<Rc<[Interval]>>,
        truth: bool,
        shifts: &[&'f Expr],
        pool: &mut Pool,
        program: &Program,
    ) -> Result<FormId, Error> {
        let mut names = Names::default();
        names.comparison(comparison);
        let shifts = if names.raw { shifts } else { &[] };
        shifts.iter().for_each(|by| names.number(by));
        let literal = Literal {
            comparison,
            truth,
            shifts: shifts.into(),
            instead,
        };
        let mut places = names.places;
        places.sort_unstable();
        places.dedup();
        if places.is_empty() && literal.shifts.is_empty() {
            let context = Context {
                depth: &|_| None,
                raw: 0,
                flat: false,
            };
            let node = literal.lower(pool, program, &context)?;
            return Ok(self.intern(Form::Node(node)));
        }
        let number = self.literals.len() as u32;
        if places.is_empty() {
            Rc::make_mut(&mut self.literals).push((literal, places.into()));
            return Ok(self.intern(Form::Raw(number, 0)));
        }
        let start = names.raw.then_some(0);
        let depths = core::iter::repeat_n(None, places.len())
            .chain([start])
            .collect();
        let absent: Vec<PlaceId> = if truth { Vec::new() } else { places.clone() };
        // That a header is not there at all has no other way of being so.
        let only_absent = !truth && matches!(comparison, Cond::Present(_));
        Rc::make_mut(&mut self.literals).push((literal, places.into()));
        let mut ways: Vec<FormId> = absent
            .into_iter()
            .map(|place| self.intern(Form::Absent(place)))
            .collect();
        if !only_absent {
            ways.push(self.intern(Form::Waits(number, depths)));
        }
        self.or(ways, pool)
    }

    /// All hold.
    pub(super) fn and(&mut self, parts: Vec<FormId>, pool: &mut Pool) -> Result<FormId, Error> {
        self.join(parts, pool, true)
    }

    /// At least one holds.
    pub(super) fn or(&mut self, parts: Vec<FormId>, pool: &mut Pool) -> Result<FormId, Error> {
        self.join(parts, pool, false)
    }

    fn join(&mut self, parts: Vec<FormId>, pool: &mut Pool, all: bool) -> Result<FormId, Error> {
        let (neutral, decisive) = if all {
            (Pool::TRUE, Pool::FALSE)
        } else {
            (Pool::FALSE, Pool::TRUE)
        };
        let (mut nodes, mut rest) = (Vec::new(), Vec::with_capacity(parts.len()));
        for part in parts {
            match (self.form(part), all) {
                (Form::Node(node), _) => nodes.push(*node),
                (Form::And(inner), true) | (Form::Or(inner), false) => {
                    for id in inner {
                        match self.form(*id) {
                            Form::Node(node) => nodes.push(*node),
                            _ => rest.push(*id),
                        }
                    }
                }
                _ => rest.push(part),
            }
        }
        let node = if all {
            pool.and(nodes)?
        } else {
            pool.or(nodes)?
        };
        if node == decisive {
            return Ok(self.intern(Form::Node(node)));
        }
        if node != neutral || rest.is_empty() {
            rest.push(self.intern(Form::Node(node)));
        }
        rest.sort_unstable();
        rest.dedup();
        Ok(match rest.as_slice() {
            [one] => *one,
            _ if all => self.intern(Form::And(rest.into())),
            _ => self.intern(Form::Or(rest.into())),
        })
    }

    /// The form one `Shift` further in.
    pub(super) fn sink(&mut self, id: FormId, pool: &mut Pool) -> Result<FormId, Error> {
        self.rewrite(
            id,
            pool,
            &mut HashMap::default(),
            &mut |form, pool| match form {
                Form::Node(node) => Ok(Form::Node(pool.sink(*node)?)),
                Form::Raw(number, depth) => Ok(Form::Raw(*number, depth.saturating_add(1))),
                Form::Waits(number, depths) => Ok(Form::Waits(
                    *number,
                    depths
                        .iter()
                        .map(|depth| depth.map(|depth| depth.saturating_add(1)))
                        .collect(),
                )),
                other => Ok(other.clone()),
            },
        )
    }

    /// The node of a form that waits for nothing.
    pub(super) fn resolved(
        &mut self,
        id: FormId,
        pool: &mut Pool,
        program: &Program,
    ) -> Result<NodeId, Error> {
        let literals = Rc::clone(&self.literals);
        let form = self.rewrite(
            id,
            pool,
            &mut HashMap::default(),
            &mut |form, pool| match form {
                Form::Raw(number, depth) => {
                    let context = Context {
                        depth: &|_| None,
                        raw: *depth,
                        flat: *depth > 0,
                    };
                    Ok(Form::Node(
                        literals[*number as usize]
                            .0
                            .lower(pool, program, &context)?,
                    ))
                }
                other => Ok(other.clone()),
            },
        )?;
        match self.form(form) {
            Form::Node(node) => Ok(*node),
            _ => Err(Error::new(crate::filter::ErrorKind::Malformed)),
        }
    }

    /// The form when places have met their fates.
    pub(super) fn settle(
        &mut self,
        id: FormId,
        pool: &mut Pool,
        program: &Program,
        fate: &dyn Fn(PlaceId) -> Fate,
    ) -> Result<FormId, Error> {
        let literals = Rc::clone(&self.literals);
        self.rewrite(
            id,
            pool,
            &mut HashMap::default(),
            &mut |form, pool| match form {
                Form::Absent(place) => Ok(match fate(*place) {
                    Fate::Waits => form.clone(),
                    Fate::Here => Form::Node(Pool::FALSE),
                    Fate::Gone { absent } => Form::Node(absent),
                }),
                Form::Waits(number, depths) => {
                    let (literal, places) = &literals[*number as usize];
                    settle_literal(*number, literal, places, depths, pool, program, fate)
                }
                other => Ok(other.clone()),
            },
        )
    }

    /// Rebuilds a form with other leaves.
    fn rewrite(
        &mut self,
        id: FormId,
        pool: &mut Pool,
        done: &mut HashMap<FormId, FormId, crate::hashing::FixedState>,
        leaf: &mut dyn FnMut(&Form, &mut Pool) -> Result<Form, Error>,
    ) -> Result<FormId, Error> {
        if let Some(new) = done.get(&id) {
            return Ok(*new);
        }
        let new = match self.form(id).clone() {
            Form::And(parts) => {
                let parts = parts
                    .iter()
                    .map(|part| self.rewrite(*part, pool, done, leaf));
                let parts = parts.collect::<Result<_, _>>()?;
                self.and(parts, pool)?
            }
            Form::Or(parts) => {
                let parts = parts
                    .iter()
                    .map(|part| self.rewrite(*part, pool, done, leaf));
                let parts = parts.collect::<Result<_, _>>()?;
                self.or(parts, pool)?
            }
            form => {
                self.steps += 1;
                if self.steps > MAX_STEPS {
                    return Err(Error::limit("steps of lowering", self.steps, MAX_STEPS));
                }
                let form = leaf(&form, pool)?;
                self.intern(form)
            }
        };
        done.insert(id, new);
        Ok(new)
    }

    fn intern(&mut self, form: Form) -> FormId {
        if let Some(id) = self.index.get(&form) {
            return *id;
        }
        let id = FormId(self.forms.len() as u32);
        let waiting = match &form {
            Form::Node(_) | Form::Raw(..) => 0,
            Form::Absent(place) => place_bit(*place),
            Form::Waits(number, depths) => {
                let places = &self.literals[*number as usize].1;
                let awaited = places
                    .iter()
                    .zip(depths)
                    .filter(|(_, depth)| depth.is_none());
                awaited.fold(0, |bits, (place, _)| bits | place_bit(*place))
            }
            Form::And(parts) | Form::Or(parts) => parts
                .iter()
                .fold(0, |bits, part| bits | self.waiting(*part)),
        };
        self.forms.push(form.clone());
        self.waiting.push(waiting);
        self.index.insert(form, id);
        id
    }
}

/// A waiting literal when its places have met their fates.
fn settle_literal(
    number: u32,
    literal: &Literal<'_>,
    places: &[PlaceId],
    depths: &[Option<u8>],
    pool: &mut Pool,
    program: &Program,
    fate: &dyn Fn(PlaceId) -> Fate,
) -> Result<Form, Error> {
    let mut depths: Box<[Option<u8>]> = depths.into();
    for (place, depth) in places
        .iter()
        .zip(depths.iter_mut())
        .filter(|(_, depth)| depth.is_none())
    {
        match fate(*place) {
            Fate::Waits => {}
            Fate::Here => *depth = Some(0),
            // Absent or short: the comparison itself does not hold, nor does its opposite.
            Fate::Gone { .. } => return Ok(Form::Node(Pool::FALSE)),
        }
    }
    let (found, raw) = depths.split_at(places.len());
    if found.iter().any(Option::is_none) {
        return Ok(Form::Waits(number, depths));
    }
    let depth = |place| {
        places
            .iter()
            .position(|other| *other == place)
            .and_then(|index| found[index])
    };
    Ok(Form::Node(literal.lower(
        pool,
        program,
        &Context {
            depth: &depth,
            raw: raw.first().copied().flatten().unwrap_or(0),
            flat: true,
        },
    )?))
}

/// The bit of a place in a set of places.
pub(super) fn place_bit(place: PlaceId) -> u64 {
    1 << (place.0 & 63)
}

/// Whether a comparison makes raw loads, so that shifts before it matter.
pub(super) fn makes_raw_loads(comparison: &Cond) -> bool {
    let mut names = Names::default();
    names.comparison(comparison);
    names.raw
}

/// The places that a comparison names, and whether it makes raw loads.
#[derive(Default)]
struct Names {
    places: Vec<PlaceId>,
    raw: bool,
}

impl Names {
    fn comparison(&mut self, comparison: &Cond) {
        match comparison {
            Cond::Present(place) => self.places.push(*place),
            Cond::Compare { left, right, .. } => {
                self.number(left);
                self.number(right);
            }
            Cond::In { value, .. } => self.number(value),
            Cond::Wide { field, relation } => {
                self.places.push(field.place);
                if let WideRelation::Field(_, other) = relation {
                    self.places.push(other.place);
                }
            }
            Cond::Not(_) | Cond::And(_) | Cond::Or(_) | Cond::Shift { .. } => {}
        }
    }

    fn number(&mut self, expr: &Expr) {
        match expr {
            Expr::Field(field) => self.places.push(field.place),
            Expr::Load { offset, .. } => {
                self.raw = true;
                self.number(offset);
            }
            Expr::Binary(_, left, right) => {
                self.number(left);
                self.number(right);
            }
            Expr::Number(_) | Expr::Len | Expr::WireLen => {}
        }
    }
}
