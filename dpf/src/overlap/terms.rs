//! What the filters of one question say, with their bases resolved.
//!
//! Two filters can only be compared where their loads are known to read the same bytes. So every
//! base is named by how it is computed: an *anchor* is the root or a base that a computed shift
//! reaches, and the same computation from the same place is the same anchor; a *place* is an
//! anchor and a constant distance. Loads at one place read the same bytes whatever the shift's
//! value is.
//!
//! Shortness becomes explicit here: a test is `captured ∧ condition`, so its complement is
//! `¬captured ∨ ¬condition`, and formulas have two values. They are unfolded lazily, one node of a
//! filter at one stack of bases at a time: a search that refutes a path never sees what is below.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use super::{CannotTell, Reason, sets};
use crate::filter::{Address, BinaryOp, CompareOp, Expr, Field, Filter, Load, Node, NodeId, Test};

/// Nesting of expressions beyond which the engine declines.
pub(super) const MAX_EXPRESSION_DEPTH: u32 = 64;

pub(super) type AnchorId = usize;
pub(super) type TermId = usize;
pub(super) type FieldId = usize;
pub(super) type CellId = usize;
pub(super) type SetId = usize;
pub(super) type LiteralId = usize;
pub(super) type FormulaId = usize;
/// A constant that stands for any value: of which filter, and which of its slots.
pub(super) type KeyId = usize;
type EnvId = usize;

/// How many bases behind computed shifts one question may involve.
pub(super) const MAX_ANCHORS: usize = 1024;

/// The anchor at byte 0.
pub(super) const ROOT: AnchorId = 0;
/// The captured length, a field over no bytes.
pub(super) const LEN: FieldId = 0;
/// The original length, likewise.
pub(super) const WIRELEN: FieldId = 1;

/// A constant distance from an anchor, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) anchor: AnchorId,
    pub(super) offset: u64,
}

impl Place {
    pub(super) fn plus(self, bytes: u64) -> Place {
        Place {
            offset: self.offset + bytes,
            ..self
        }
    }
}

/// A base that is `by` bytes after `from`. The root is its own origin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anchor {
    pub(super) from: Place,
    pub(super) by: TermId,
}

/// An expression with resolved loads; equal expressions have equal ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Term {
    Const(u32),
    Load { at: Place, bytes: u8, little: bool },
    Len,
    WireLen,
    Binary(BinaryOp, TermId, TermId),
}

/// A field at a place; its set of possible values is a fact of the search. The two lengths are
/// fields too, [`LEN`] and [`WIRELEN`], over no bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldAt {
    pub(super) at: Place,
    pub(super) bytes: u8,
    pub(super) mask: u32,
    pub(super) cells: [CellId; 4],
}

/// An atom of the two-valued formulas.
#[derive(Clone, Copy, Debug)]
pub(super) enum Literal {
    /// The place is at most `len` bytes into the packet.
    Captured(Place),
    /// The field's value is in the first set; the second is its complement.
    Bits { field: FieldId, sets: [SetId; 2] },
    /// The field's value is a key, whatever the key is.
    Key(FieldId, KeyId),
    /// Both are equal.
    Equal(TermId, TermId),
    /// The first is less.
    Less(TermId, TermId),
}

/// A formula; those of `And` and `Or` are a range of [`Terms::children`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Formula {
    True,
    False,
    Literal(LiteralId, bool),
    And(usize, usize),
    Or(usize, usize),
    /// Not unfolded yet: a node of a filter under a stack of bases.
    Folded(usize, NodeId, EnvId),
}

/// A stack of bases, innermost first.
#[derive(Clone, Copy, Debug)]
struct Env {
    base: Place,
    outer: Option<EnvId>,
}

/// Everything that was named while answering one question.
pub(super) struct Terms<'f> {
    filters: Vec<&'f Filter>,
    pub(super) anchors: Vec<Anchor>,
    envs: Vec<Env>,
    env_ids: BTreeMap<(Place, Option<EnvId>), EnvId>,
    pub(super) terms: Vec<Term>,
    term_ids: BTreeMap<Term, TermId>,
    /// For terms that read one big-endian field: which, and how far left it stands.
    pub(super) wired: Vec<Option<(FieldId, u32)>>,
    cell_ids: BTreeMap<Place, CellId>,
    /// The fields over each byte.
    pub(super) cell_fields: Vec<Vec<FieldId>>,
    pub(super) fields: Vec<FieldAt>,
    field_ids: BTreeMap<(Place, u8, u32), FieldId>,
    pub(super) literals: Vec<Literal>,
    formulas: Vec<Formula>,
    children: Vec<FormulaId>,
    folded: BTreeMap<(usize, NodeId, EnvId), FormulaId>,
    sets: Vec<Vec<(u32, u32)>>,
    keyed: BTreeMap<(usize, NodeId), KeyId>,
    /// For each key and each bit of its field as loaded, what names its value: bits with one name
    /// have one value.
    pub(super) names: Vec<[u32; 32]>,
}

impl<'f> Terms<'f> {
    pub(super) fn new(filters: Vec<&'f Filter>) -> Self {
        let root = Place {
            anchor: ROOT,
            offset: 0,
        };
        let length = FieldAt {
            at: root,
            bytes: 0,
            mask: u32::MAX,
            cells: [0; 4],
        };
        let mut terms = Terms {
            filters,
            anchors: vec![Anchor { from: root, by: 0 }],
            envs: Vec::new(),
            env_ids: BTreeMap::new(),
            terms: Vec::new(),
            term_ids: BTreeMap::new(),
            wired: Vec::new(),
            cell_ids: BTreeMap::new(),
            cell_fields: Vec::new(),
            fields: vec![length; 2],
            field_ids: BTreeMap::new(),
            literals: Vec::new(),
            formulas: vec![Formula::True, Formula::False],
            children: Vec::new(),
            folded: BTreeMap::new(),
            sets: Vec::new(),
            keyed: BTreeMap::new(),
            names: Vec::new(),
        };
        terms.intern(Term::Const(0));
        terms.env(root, None);
        terms
    }

    /// Makes the constant of an equality stand for any value.
    pub(super) fn free(&mut self, filter: usize, node: NodeId) {
        let key = self.names.len();
        let first = 32 * key as u32;
        self.names
            .push(core::array::from_fn(|bit| first + bit as u32));
        self.keyed.insert((filter, node), key);
    }

    /// The formula of the whole of one filter.
    pub(super) fn root(&mut self, filter: usize) -> FormulaId {
        let node = self.filters[filter].root();
        self.fold(filter, node, 0)
    }

    /// The formula, unfolded one step.
    pub(super) fn formula(&mut self, id: FormulaId) -> Result<Formula, CannotTell> {
        let Formula::Folded(filter, node, env) = self.formulas[id] else {
            return Ok(self.formulas[id]);
        };
        let formula = self.unfold(filter, node, env)?;
        self.formulas[id] = formula;
        Ok(formula)
    }

    /// The formula as far as it has been unfolded.
    pub(super) fn child(&self, at: usize) -> FormulaId {
        self.children[at]
    }

    pub(super) fn set(&self, id: SetId) -> &sets::Intervals {
        &self.sets[id]
    }

    fn fold(&mut self, filter: usize, node: NodeId, env: EnvId) -> FormulaId {
        if let Some(&id) = self.folded.get(&(filter, node, env)) {
            return id;
        }
        let id = self.add(Formula::Folded(filter, node, env));
        self.folded.insert((filter, node, env), id);
        id
    }

    fn add(&mut self, formula: Formula) -> FormulaId {
        self.formulas.push(formula);
        self.formulas.len() - 1
    }

    fn unfold(&mut self, filter: usize, node: NodeId, env: EnvId) -> Result<Formula, CannotTell> {
        let graph = self.filters[filter];
        match graph.node(node) {
            Node::True => Ok(Formula::True),
            Node::False => Ok(Formula::False),
            Node::Or(children) => {
                let folded: Vec<_> = children
                    .iter()
                    .map(|&child| self.fold(filter, child, env))
                    .collect();
                Ok(self.or(&folded))
            }
            Node::And(children) => {
                let mut parts = Parts::default();
                for &child in children {
                    self.part(&mut parts, filter, child, env)?;
                }
                Ok(self.and(parts))
            }
            Node::Test(_) | Node::Shift { .. } => {
                let mut parts = Parts::default();
                self.part(&mut parts, filter, node, env)?;
                Ok(self.and(parts))
            }
        }
    }

    /// Adds one conjunct to `parts`.
    fn part(
        &mut self,
        parts: &mut Parts,
        filter: usize,
        node: NodeId,
        env: EnvId,
    ) -> Result<(), CannotTell> {
        let graph = self.filters[filter];
        match graph.node(node) {
            Node::Test(test) => {
                let key = self.keyed.get(&(filter, node)).copied();
                self.test(parts, test, key, env)
            }
            Node::Shift { by, then } => {
                let base = self.shifted(parts, by, env)?;
                parts.captured(base);
                let inner = self.env(base, Some(env));
                let then = self.fold(filter, *then, inner);
                parts.rest.push(then);
                Ok(())
            }
            _ => {
                let folded = self.fold(filter, node, env);
                parts.rest.push(folded);
                Ok(())
            }
        }
    }

    /// The place that `by` reaches from the current base.
    fn shifted(&mut self, parts: &mut Parts, by: &Expr, env: EnvId) -> Result<Place, CannotTell> {
        let from = self.envs[env].base;
        let term = self.expression(parts, by, env, 0)?;
        self.anchored(from, term)
    }

    fn anchored(&mut self, from: Place, by: TermId) -> Result<Place, CannotTell> {
        if let Term::Const(bytes) = self.terms[by] {
            return Ok(from.plus(u64::from(bytes)));
        }
        if self.anchors.len() == MAX_ANCHORS {
            let limit = MAX_ANCHORS as u64;
            return Err(CannotTell {
                reason: Reason::Bases,
                given: limit + 1,
                limit,
            });
        }
        let known = self
            .anchors
            .iter()
            .position(|anchor| anchor.from == from && anchor.by == by);
        let anchor = known.filter(|&anchor| anchor != ROOT).unwrap_or_else(|| {
            self.anchors.push(Anchor { from, by });
            self.anchors.len() - 1
        });
        Ok(Place { anchor, offset: 0 })
    }

    fn test(
        &mut self,
        parts: &mut Parts,
        test: &Test,
        key: Option<KeyId>,
        env: EnvId,
    ) -> Result<(), CannotTell> {
        let literal = match test {
            Test::Captured { depth, end } => {
                parts.captured(self.base(env, *depth)?.plus(u64::from(*end)));
                return Ok(());
            }
            Test::Bits { field, set } => {
                let &Field {
                    depth,
                    offset,
                    bytes,
                    mask,
                } = field;
                let at = self.base(env, depth)?.plus(u64::from(offset));
                parts.captured(at.plus(u64::from(bytes)));
                let field = self.field(at, bytes, mask);
                let literal = match key {
                    Some(key) => Literal::Key(field, key),
                    None => Literal::Bits {
                        field,
                        sets: self.both_sets(set.intervals()),
                    },
                };
                (literal, true)
            }
            Test::Len(set) => (
                Literal::Bits {
                    field: LEN,
                    sets: self.both_sets(set.intervals()),
                },
                true,
            ),
            Test::WireLen(set) => (
                Literal::Bits {
                    field: WIRELEN,
                    sets: self.both_sets(set.intervals()),
                },
                true,
            ),
            Test::Compare { op, left, right } => {
                let left = self.expression(parts, left, env, 0)?;
                let right = self.expression(parts, right, env, 0)?;
                let (low, high) = (left.min(right), left.max(right));
                match op {
                    CompareOp::Eq => (Literal::Equal(low, high), true),
                    CompareOp::Ne => (Literal::Equal(low, high), false),
                    CompareOp::Lt => (Literal::Less(left, right), true),
                    CompareOp::Le => (Literal::Less(right, left), false),
                }
            }
        };
        self.literals.push(literal.0);
        let formula = self.add(Formula::Literal(self.literals.len() - 1, literal.1));
        parts.conditions.push(formula);
        Ok(())
    }

    fn both_sets(&mut self, set: &sets::Intervals) -> [SetId; 2] {
        self.sets.push(set.to_vec());
        self.sets.push(sets::complement(set));
        [self.sets.len() - 2, self.sets.len() - 1]
    }

    fn and(&mut self, parts: Parts) -> Formula {
        let start = self.children.len();
        self.children.extend(parts.conditions);
        for place in parts.captured {
            self.literals.push(Literal::Captured(place));
            let formula = self.add(Formula::Literal(self.literals.len() - 1, true));
            self.children.push(formula);
        }
        self.children.extend(parts.rest);
        match self.children.len() - start {
            0 => Formula::True,
            _ => Formula::And(start, self.children.len()),
        }
    }

    fn or(&mut self, parts: &[FormulaId]) -> Formula {
        let start = self.children.len();
        self.children.extend_from_slice(parts);
        Formula::Or(start, self.children.len())
    }

    fn base(&self, env: EnvId, depth: u8) -> Result<Place, CannotTell> {
        let mut at = env;
        for passed in 0..depth {
            let given = u64::from(depth);
            let outer = self.envs[at].outer;
            at = outer.ok_or(CannotTell {
                reason: Reason::Malformed,
                given,
                limit: u64::from(passed),
            })?;
        }
        Ok(self.envs[at].base)
    }

    fn env(&mut self, base: Place, outer: Option<EnvId>) -> EnvId {
        *self.env_ids.entry((base, outer)).or_insert_with(|| {
            self.envs.push(Env { base, outer });
            self.envs.len() - 1
        })
    }

    fn field(&mut self, at: Place, bytes: u8, mask: u32) -> FieldId {
        if let Some(&field) = self.field_ids.get(&(at, bytes, mask)) {
            return field;
        }
        let field = self.fields.len();
        let mut cells = [0; 4];
        for index in 0..bytes.min(4) {
            let cell = self.cell(at.plus(u64::from(index)));
            cells[usize::from(index)] = cell;
            self.cell_fields[cell].push(field);
        }
        self.fields.push(FieldAt {
            at,
            bytes,
            mask,
            cells,
        });
        self.field_ids.insert((at, bytes, mask), field);
        field
    }

    /// The bits of a field: the byte, the bit in it, and the bit of the word loaded.
    pub(super) fn bits(&self, field: FieldId) -> impl Iterator<Item = (CellId, u32, usize)> + '_ {
        let at = &self.fields[field];
        let bits = (0..8 * usize::from(at.bytes)).filter(|bit| at.mask >> bit & 1 == 1);
        bits.map(|bit| {
            (
                at.cells[usize::from(at.bytes) - 1 - bit / 8],
                bit as u32 % 8,
                bit,
            )
        })
    }

    /// The fields that are the top bits of a field, and how many bits it has below them.
    pub(super) fn prefixes(&self, field: FieldId) -> impl Iterator<Item = (FieldId, u32)> + '_ {
        let whole = top_bits(&self.fields[field]);
        let over: &[FieldId] = match whole {
            Some(_) => &self.cell_fields[self.fields[field].cells[0]],
            None => &[],
        };
        over.iter().filter_map(move |&top| {
            let at = &self.fields[top];
            if at.at != self.fields[field].at {
                return None;
            }
            let below = whole?.checked_sub(top_bits(at)?)?;
            (below > 0).then_some((top, below))
        })
    }

    fn cell(&mut self, at: Place) -> CellId {
        *self.cell_ids.entry(at).or_insert_with(|| {
            self.cell_fields.push(Vec::new());
            self.cell_fields.len() - 1
        })
    }

    /// Names an expression; its loads are added to what must be captured.
    fn expression(
        &mut self,
        parts: &mut Parts,
        expr: &Expr,
        env: EnvId,
        depth: u32,
    ) -> Result<TermId, CannotTell> {
        if depth == MAX_EXPRESSION_DEPTH {
            let limit = u64::from(MAX_EXPRESSION_DEPTH);
            return Err(CannotTell {
                reason: Reason::ExpressionDepth,
                given: limit + 1,
                limit,
            });
        }
        let term = match expr {
            Expr::Const(value) => Term::Const(*value),
            Expr::Len => Term::Len,
            Expr::WireLen => Term::WireLen,
            Expr::Load(Load {
                depth: base,
                at,
                bytes,
                little,
            }) => {
                let base = self.base(env, *base)?;
                let at = match at {
                    Address::Fixed(offset) => base.plus(u64::from(*offset)),
                    Address::Computed(offset) => {
                        let by = self.expression(parts, offset, env, depth + 1)?;
                        self.anchored(base, by)?
                    }
                };
                parts.captured(at.plus(u64::from(*bytes)));
                Term::Load {
                    at,
                    bytes: *bytes,
                    little: *little,
                }
            }
            Expr::Binary(op, left, right) => {
                let left = self.expression(parts, left, env, depth + 1)?;
                let right = self.expression(parts, right, env, depth + 1)?;
                self.fold_constants(*op, left, right)
            }
        };
        Ok(self.intern(term))
    }

    fn fold_constants(&self, op: BinaryOp, left: TermId, right: TermId) -> Term {
        match (self.terms[left], self.terms[right]) {
            (Term::Const(a), Term::Const(b)) => Term::Const(op.apply(a, b)),
            _ => Term::Binary(op, left, right),
        }
    }

    fn intern(&mut self, term: Term) -> TermId {
        if let Some(&id) = self.term_ids.get(&term) {
            return id;
        }
        let wired = self.wire(term);
        self.terms.push(term);
        self.wired.push(wired);
        self.term_ids.insert(term, self.terms.len() - 1);
        self.terms.len() - 1
    }

    /// Recognises what is one field, perhaps masked, shifted right to its place or left from it.
    fn wire(&mut self, term: Term) -> Option<(FieldId, u32)> {
        match term {
            Term::Len => Some((LEN, 0)),
            Term::WireLen => Some((WIRELEN, 0)),
            Term::Load { at, bytes, little } if !little || bytes == 1 => {
                let mask = u32::MAX >> (32 - 8 * u32::from(bytes));
                Some((self.field(at, bytes, mask), 0))
            }
            Term::Binary(op, left, right) => {
                let Term::Const(amount) = self.terms[right] else {
                    return None;
                };
                self.rewire(op, self.wired[left]?, amount)
            }
            _ => None,
        }
    }

    /// `field << shift` under one more operator with a constant on its right.
    fn rewire(
        &mut self,
        op: BinaryOp,
        (field, shift): (FieldId, u32),
        amount: u32,
    ) -> Option<(FieldId, u32)> {
        if field == LEN || field == WIRELEN {
            return None;
        }
        let FieldAt {
            at, bytes, mask, ..
        } = self.fields[field];
        let trailing = mask.trailing_zeros();
        match op {
            BinaryOp::And => {
                let kept = mask & (amount.checked_shr(shift)? << trailing);
                let (field, stands) = self.trimmed(at, bytes, kept)?;
                Some((field, stands - trailing + shift))
            }
            BinaryOp::Shr if amount <= shift => Some((field, shift - amount)),
            BinaryOp::Shr => {
                let dropped = (amount - shift).checked_add(trailing)?;
                let kept = mask & u32::MAX.checked_shl(dropped)?;
                let (field, stands) = self.trimmed(at, bytes, kept)?;
                Some((field, stands - dropped))
            }
            BinaryOp::Shl => {
                let widest = 32 - (mask >> trailing).leading_zeros();
                let moved = shift.checked_add(amount)?;
                (moved.checked_add(widest)? <= 32).then_some((field, moved))
            }
            _ => None,
        }
    }

    /// The field of `mask` cut to the bytes that it touches, standing as in the whole load.
    fn trimmed(&mut self, at: Place, bytes: u8, mask: u32) -> Option<(FieldId, u32)> {
        if mask == 0 {
            return None;
        }
        let below = mask.trailing_zeros() / 8;
        let used = 4 - mask.leading_zeros() / 8;
        let skipped = u32::from(bytes) - used;
        let width = (used - below) as u8;
        let field = self.field(at.plus(u64::from(skipped)), width, mask >> (8 * below));
        Some((field, mask.trailing_zeros()))
    }
}

/// How many bits a field has, if they are the first of its bytes without gaps.
fn top_bits(field: &FieldAt) -> Option<u32> {
    let unused = 32 - 8 * u32::from(field.bytes);
    let aligned = field.mask.checked_shl(unused)?;
    let count = aligned.leading_ones();
    (count > 0 && count == aligned.count_ones()).then_some(count)
}

/// The conjuncts of one unfolded node: what must be captured is merged per anchor.
#[derive(Default)]
struct Parts {
    conditions: Vec<FormulaId>,
    captured: Vec<Place>,
    rest: Vec<FormulaId>,
}

impl Parts {
    fn captured(&mut self, place: Place) {
        match self
            .captured
            .iter_mut()
            .find(|known| known.anchor == place.anchor)
        {
            Some(known) => known.offset = known.offset.max(place.offset),
            None => self.captured.push(place),
        }
    }
}
