//! The builder of canonical filters: nodes without duplicates, simplified as they are made.
//!
//! Every constructor takes any operands and gives the one node that stands for their meaning, as
//! far as the local rules reach; equal nodes get equal ids, so comparing meaning is comparing ids.
//! The rules:
//!
//! * a test is reduced to the bits that it depends on, and solved for a field where it can be;
//!   bytes that were loaded but do not matter become [`Test::Captured`];
//! * conjunctions and disjunctions are flat, sorted and free of duplicates and of operands that
//!   another implies (`conjunction`, `disjunction`);
//! * what does not depend on a base stands outside the `Shift` to it, and two `Shift`s by the same
//!   distance under one operator are one;
//! * a `Shift` by a constant whose target nobody else uses is folded into offsets (`finish`).
//!
//! A pool only grows. Work is near-linear in the operands; sizes are bounded by the limits in
//! `error`, and an operation that is refused leaves every node that was handed out as it was.

mod assume;
mod conjunction;
mod disjunction;
mod finish;
mod rebase;
#[cfg(test)]
mod tests;

pub(in crate::filter) use self::finish::children;

use alloc::{boxed::Box, vec::Vec};
use core::hash::BuildHasher;

use crate::hashing::FixedState;
use hashbrown::{HashMap, HashTable};

use super::{
    Error,
    bits::{Reduced, compress, expand, reduce},
    error::{
        ErrorKind, MAX_HEIGHT, MAX_INTERVALS, MAX_OFFSET, MAX_POOL_NODES, MAX_SHIFTS, MAX_WIDTH,
    },
    expr::{self, Solved, depth_bit, solve, try_bytes},
    set::low_mask,
    types::{Address, CompareOp, Expr, Field, Filter, IntervalSet, Node, NodeId, Test},
};

/// Hash-consed nodes of any number of filters.
#[derive(Clone, Debug)]
pub struct Pool {
    nodes: Vec<Node>,
    facts: Vec<Facts>,
    index: HashTable<NodeId>,
    hasher: FixedState,
    assumed: HashMap<(NodeId, NodeId, bool), NodeId, FixedState>,
}

/// What is known of a node without looking below it.
#[derive(Clone, Copy, Debug)]
struct Facts {
    /// A bit for each base that the node depends on, 0 the current one.
    depths: u64,
    /// Nodes on the longest path down.
    height: u16,
    /// `Shift`s on the path with most of them.
    shifts: u8,
    /// Whether the captured or original length is asked for.
    lengths: bool,
    /// Whether it is a conjunction with an operand that does not depend on the current base.
    loose: bool,
}

impl Default for Pool {
    fn default() -> Self {
        Self::new()
    }
}

impl Pool {
    /// The node that accepts nothing.
    pub const FALSE: NodeId = NodeId(0);
    /// The node that accepts everything.
    pub const TRUE: NodeId = NodeId(1);

    /// A pool with the two constants.
    pub fn new() -> Self {
        Self::with_seed(0)
    }

    /// A pool whose hash table is keyed by `seed`: for filters from those who would like it slow.
    pub fn with_seed(seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        let (nodes, facts) = (Vec::new(), Vec::new());
        let assumed = HashMap::with_hasher(hasher.clone());
        let mut pool = Pool {
            nodes,
            facts,
            index: HashTable::new(),
            hasher,
            assumed,
        };
        for constant in [Node::False, Node::True] {
            pool.insert(
                constant,
                Facts {
                    depths: 0,
                    height: 1,
                    shifts: 0,
                    lengths: false,
                    loose: false,
                },
            );
        }
        pool
    }

    /// The node that `id` names.
    ///
    /// # Panics
    ///
    /// When `id` is not of this pool.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether only the constants are there.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() <= 2
    }

    /// The bases that the node depends on: bit 0 is the current one, bit 1 the one outside the
    /// nearest `Shift` around the node, and so on.
    ///
    /// # Panics
    ///
    /// When `id` is not of this pool.
    pub fn depths(&self, id: NodeId) -> u64 {
        self.facts(id).depths
    }

    /// A condition on the packet.
    ///
    /// # Errors
    ///
    /// When a load has no meaning, or a limit is passed.
    pub fn test(&mut self, test: Test) -> Result<NodeId, Error> {
        match test {
            Test::Captured { depth, end } => self.captured(depth, end),
            Test::Bits { field, set } => self.bits(field, set),
            Test::Len(set) => self.length(set, Test::Len),
            Test::WireLen(set) => self.length(set, Test::WireLen),
            Test::Compare { op, left, right } => self.compare(op, left, right),
        }
    }

    /// `base(depth) + end ≤ len`.
    ///
    /// # Errors
    ///
    /// When a limit is passed.
    pub fn captured(&mut self, depth: u8, end: u32) -> Result<NodeId, Error> {
        expr::check_place(depth, 1)?;
        if end > MAX_OFFSET {
            return Err(Error::limit(
                "bytes before the end of a load",
                end as usize,
                MAX_OFFSET as usize,
            ));
        }
        if end == 0 {
            return Ok(Self::TRUE);
        }
        self.intern(Node::Test(Test::Captured { depth, end }))
    }

    /// The field's value, right-justified, is in the set; all of the field's bytes are loaded.
    ///
    /// Any mask within the field's bytes will do, also 0 (the value is 0); values that the field
    /// cannot have do not count.
    ///
    /// # Errors
    ///
    /// When the field has no meaning, or a limit is passed.
    pub fn bits(&mut self, field: Field, set: IntervalSet) -> Result<NodeId, Error> {
        expr::check_place(field.depth, field.bytes)?;
        expr::check_offset(field.offset)?;
        if field.mask & !low_mask(8 * u32::from(field.bytes)) != 0 {
            return Err(Error::new(ErrorKind::Malformed));
        }
        let dense = compress(field.value_mask(), &set);
        self.dense(field, dense)
    }

    /// `left op right`.
    ///
    /// # Errors
    ///
    /// When an expression has no meaning, or a limit is passed.
    pub fn compare(&mut self, op: CompareOp, left: Expr, right: Expr) -> Result<NodeId, Error> {
        expr::check(&left)?;
        expr::check(&right)?;
        let (left, right) = (expr::normalize(left), expr::normalize(right));
        match (&left, &right) {
            (Expr::Const(a), Expr::Const(b)) => Ok(if op.holds(*a, *b) {
                Self::TRUE
            } else {
                Self::FALSE
            }),
            (_, Expr::Const(bound)) => self.compare_constant(op, left.clone(), *bound, false),
            (Expr::Const(bound), _) => self.compare_constant(op, right.clone(), *bound, true),
            _ => {
                let swap = matches!(op, CompareOp::Eq | CompareOp::Ne) && right < left;
                let (left, right) = if swap { (right, left) } else { (left, right) };
                self.intern(Node::Test(Test::Compare { op, left, right }))
            }
        }
    }

    /// `expr ∈ set`.
    ///
    /// # Errors
    ///
    /// When the expression has no meaning, or a limit is passed.
    pub fn member(&mut self, expr: Expr, set: IntervalSet) -> Result<NodeId, Error> {
        expr::check(&expr)?;
        let expr = expr::normalize(expr);
        if let Expr::Const(value) = expr {
            return Ok(if set.contains(value) {
                Self::TRUE
            } else {
                Self::FALSE
            });
        }
        match solve(&expr, set.clone()) {
            Some(Solved::Field(field, set)) => self.bits(field, set),
            Some(Solved::Len(set)) => self.length(set, Test::Len),
            Some(Solved::WireLen(set)) => self.length(set, Test::WireLen),
            Some(Solved::Never) => Ok(Self::FALSE),
            Some(Solved::Always)
                if expr
                    .loads()
                    .iter()
                    .all(|load| matches!(load.at, Address::Fixed(_))) =>
            {
                self.loaded(&expr)
            }
            _ => match try_bytes(&expr, &set) {
                Some((field, set)) => self.bits(field, set),
                None => self.member_by_comparison(&expr, &set),
            },
        }
    }

    /// All loads of the expression, which are at constant offsets, succeed.
    fn loaded(&mut self, expr: &Expr) -> Result<NodeId, Error> {
        let mut parts = Vec::new();
        for load in expr.loads() {
            if let Address::Fixed(offset) = load.at {
                parts.push(self.captured(load.depth, offset + u32::from(load.bytes))?);
            }
        }
        self.and(parts)
    }

    /// The test with the same loads that holds where they succeed and `test` does not.
    ///
    /// # Errors
    ///
    /// When the test has no meaning, or a limit is passed.
    pub fn complement_test(&mut self, test: &Test) -> Result<NodeId, Error> {
        match test {
            Test::Captured { .. } => Ok(Self::FALSE),
            Test::Bits { field, set } => {
                let dense = compress(field.value_mask(), set).complement(field.width());
                self.bits(*field, expand(field.value_mask(), &dense))
            }
            Test::Len(set) => self.length(set.complement(32), Test::Len),
            Test::WireLen(set) => self.length(set.complement(32), Test::WireLen),
            Test::Compare { op, left, right } => {
                let (left, right) = (left.clone(), right.clone());
                match op {
                    CompareOp::Eq => self.compare(CompareOp::Ne, left, right),
                    CompareOp::Ne => self.compare(CompareOp::Eq, left, right),
                    CompareOp::Lt => self.compare(CompareOp::Le, right, left),
                    CompareOp::Le => self.compare(CompareOp::Lt, right, left),
                }
            }
        }
    }

    /// All of them hold.
    ///
    /// # Errors
    ///
    /// When a limit is passed.
    pub fn and(&mut self, operands: Vec<NodeId>) -> Result<NodeId, Error> {
        self.conjunction(operands)
    }

    /// At least one of them holds.
    ///
    /// # Errors
    ///
    /// When a limit is passed.
    pub fn or(&mut self, operands: Vec<NodeId>) -> Result<NodeId, Error> {
        self.disjunction(operands)
    }

    /// `then` holds `by` bytes further on, which is not past the end of the packet.
    ///
    /// # Errors
    ///
    /// When the distance has no meaning, or a limit is passed.
    pub fn shift(&mut self, by: Expr, then: NodeId) -> Result<NodeId, Error> {
        expr::check(&by)?;
        let by = expr::normalize(by);
        if then == Self::FALSE {
            return Ok(Self::FALSE);
        }
        let (outside, inside) = self.split_by_base(then);
        let inside = if outside.is_empty() {
            then
        } else {
            self.and(inside)?
        };
        let mut operands = alloc::vec![self.shift_dependent(by, inside)?];
        for operand in outside {
            operands.push(self.hoist(operand)?);
        }
        if operands.len() == 1 {
            Ok(operands[0])
        } else {
            self.and(operands)
        }
    }

    /// The operands of `then` that do not depend on the current base, and the others.
    fn split_by_base(&self, then: NodeId) -> (Vec<NodeId>, Vec<NodeId>) {
        let depends = |id: &NodeId| self.facts(*id).depths & 1 != 0;
        match self.node(then) {
            _ if then == Self::TRUE => (Vec::new(), alloc::vec![then]),
            Node::And(operands) if self.facts(then).loose => {
                operands.iter().partition(|id| !depends(id))
            }
            _ if depends(&then) => (Vec::new(), alloc::vec![then]),
            _ => (alloc::vec![then], Vec::new()),
        }
    }

    /// A `Shift` to a node that depends on its base, or to `True`.
    fn shift_dependent(&mut self, by: Expr, then: NodeId) -> Result<NodeId, Error> {
        match by {
            Expr::Const(0) if then == Self::TRUE => Ok(Self::TRUE),
            Expr::Const(0) => match self.rebase(then, 0)? {
                Some(same) => Ok(same),
                None => self.intern(Node::Shift { by, then }),
            },
            Expr::Const(end) if then == Self::TRUE && end <= MAX_OFFSET => self.captured(0, end),
            _ => self.intern(Node::Shift { by, then }),
        }
    }

    /// All nodes of a filter, and the id of its root here.
    ///
    /// # Errors
    ///
    /// When a limit of the pool is passed.
    pub fn import(&mut self, filter: &Filter) -> Result<NodeId, Error> {
        let mut here: Vec<NodeId> = Vec::with_capacity(filter.nodes.len());
        let at = |here: &[NodeId], id: &NodeId| {
            here.get(id.0 as usize)
                .copied()
                .ok_or(Error::new(ErrorKind::Malformed))
        };
        for node in &filter.nodes {
            let id = match node {
                Node::True => Self::TRUE,
                Node::False => Self::FALSE,
                Node::Test(test) => self.test(test.clone())?,
                Node::And(operands) => {
                    let operands = operands
                        .iter()
                        .map(|id| at(&here, id))
                        .collect::<Result<_, _>>()?;
                    self.and(operands)?
                }
                Node::Or(operands) => {
                    let operands = operands
                        .iter()
                        .map(|id| at(&here, id))
                        .collect::<Result<_, _>>()?;
                    self.or(operands)?
                }
                Node::Shift { by, then } => {
                    let then = at(&here, then)?;
                    self.shift(by.clone(), then)?
                }
            };
            here.push(id);
        }
        at(&here, &filter.root)
    }

    fn facts(&self, id: NodeId) -> &Facts {
        &self.facts[id.0 as usize]
    }

    /// A dense set of a field, reduced.
    fn dense(&mut self, field: Field, dense: IntervalSet) -> Result<NodeId, Error> {
        let (bits, end) = self.dense_without_end(field, dense)?;
        match end {
            None => Ok(bits),
            Some(end) if bits == Self::TRUE => self.captured(field.depth, end),
            Some(end) => {
                let captured = self.captured(field.depth, end)?;
                self.and_pair(bits, captured)
            }
        }
    }

    /// A reduced test, and the end of the original load where the test's own does not reach it.
    fn dense_without_end(
        &mut self,
        field: Field,
        dense: IntervalSet,
    ) -> Result<(NodeId, Option<u32>), Error> {
        Ok(match reduce(field, dense) {
            Reduced::Never => (Self::FALSE, None),
            Reduced::Always => (Self::TRUE, Some(field.end())),
            Reduced::Sometimes(reduced, dense) => {
                let set = expand(reduced.value_mask(), &dense);
                check_set(&set)?;
                let bits = self.intern(Node::Test(Test::Bits {
                    field: reduced,
                    set,
                }))?;
                (bits, (reduced.end() < field.end()).then(|| field.end()))
            }
        })
    }

    /// The conjunction of two different tests that imply nothing of each other.
    fn and_pair(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Error> {
        self.intern(Node::And(Box::new([a.min(b), a.max(b)])))
    }

    fn length(&mut self, set: IntervalSet, test: fn(IntervalSet) -> Test) -> Result<NodeId, Error> {
        if set.is_empty() {
            return Ok(Self::FALSE);
        }
        if set.is_full(32) {
            return Ok(Self::TRUE);
        }
        check_set(&set)?;
        self.intern(Node::Test(test(set)))
    }

    /// `expr op bound`, or `bound op expr` when `flipped`.
    fn compare_constant(
        &mut self,
        op: CompareOp,
        expr: Expr,
        bound: u32,
        flipped: bool,
    ) -> Result<NodeId, Error> {
        let set = match (op, flipped) {
            (CompareOp::Eq, _) => IntervalSet::single(bound),
            (CompareOp::Ne, _) => IntervalSet::single(bound).complement(32),
            (CompareOp::Le, false) => IntervalSet::range(0, bound),
            (CompareOp::Le, true) => IntervalSet::range(bound, u32::MAX),
            (CompareOp::Lt, false) => IntervalSet::range(bound, u32::MAX).complement(32),
            (CompareOp::Lt, true) => IntervalSet::range(0, bound).complement(32),
        };
        self.member(expr, set)
    }

    /// Membership of an expression that cannot be solved: comparisons with the interval ends.
    fn member_by_comparison(&mut self, expr: &Expr, set: &IntervalSet) -> Result<NodeId, Error> {
        if set.is_empty() {
            return Ok(Self::FALSE);
        }
        check_set(set)?;
        // All but one value: one comparison.
        if let Some(hole) = set.complement(32).as_single() {
            return self.comparison(CompareOp::Ne, expr.clone(), Expr::Const(hole));
        }
        let mut operands = Vec::with_capacity(set.intervals().len());
        for &(low, high) in set.intervals() {
            operands.push(self.interval_by_comparison(expr, low, high)?);
        }
        self.or(operands)
    }

    fn interval_by_comparison(
        &mut self,
        expr: &Expr,
        low: u32,
        high: u32,
    ) -> Result<NodeId, Error> {
        if low == high {
            return self.comparison(CompareOp::Eq, expr.clone(), Expr::Const(low));
        }
        let mut operands = Vec::with_capacity(2);
        if low > 0 {
            operands.push(self.comparison(CompareOp::Le, Expr::Const(low), expr.clone())?);
        }
        if high < u32::MAX || low == 0 {
            operands.push(self.comparison(CompareOp::Le, expr.clone(), Expr::Const(high))?);
        }
        self.and(operands)
    }

    fn comparison(&mut self, op: CompareOp, left: Expr, right: Expr) -> Result<NodeId, Error> {
        self.intern(Node::Test(Test::Compare { op, left, right }))
    }

    /// The id of a node whose operands are in order: the one it has, or a new one.
    fn intern(&mut self, node: Node) -> Result<NodeId, Error> {
        let facts = self.derive(&node)?;
        let hash = self.hasher.hash_one(&node);
        if let Some(id) = self
            .index
            .find(hash, |id| self.nodes[id.0 as usize] == node)
        {
            return Ok(*id);
        }
        if self.nodes.len() >= MAX_POOL_NODES {
            return Err(Error::limit(
                "nodes in a pool",
                self.nodes.len() + 1,
                MAX_POOL_NODES,
            ));
        }
        Ok(self.insert(node, facts))
    }

    fn insert(&mut self, node: Node, facts: Facts) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        let hash = self.hasher.hash_one(&node);
        self.nodes.push(node);
        self.facts.push(facts);
        let (nodes, hasher) = (&self.nodes, &self.hasher);
        self.index
            .insert_unique(hash, id, |id| hasher.hash_one(&nodes[id.0 as usize]));
        id
    }

    fn derive(&self, node: &Node) -> Result<Facts, Error> {
        let facts = match node {
            Node::True | Node::False => Facts {
                depths: 0,
                height: 1,
                shifts: 0,
                lengths: false,
                loose: false,
            },
            Node::Test(test) => Facts {
                depths: test_depths(test),
                height: 1,
                shifts: 0,
                lengths: test_lengths(test),
                loose: false,
            },
            Node::And(operands) => {
                let loose = operands.iter().any(|id| self.facts(*id).depths & 1 == 0);
                Facts {
                    loose,
                    ..self.derive_operands(operands)?
                }
            }
            Node::Or(operands) => self.derive_operands(operands)?,
            Node::Shift { by, then } => self.derive_shift(by, *then)?,
        };
        if usize::from(facts.height) > MAX_HEIGHT {
            return Err(Error::limit(
                "levels of nested conditions",
                usize::from(facts.height),
                MAX_HEIGHT,
            ));
        }
        if usize::from(facts.shifts) > MAX_SHIFTS {
            return Err(Error::limit(
                "shifts inside each other",
                usize::from(facts.shifts),
                MAX_SHIFTS,
            ));
        }
        Ok(facts)
    }

    fn derive_operands(&self, operands: &[NodeId]) -> Result<Facts, Error> {
        if operands.len() > MAX_WIDTH {
            return Err(Error::limit(
                "operands of one condition",
                operands.len(),
                MAX_WIDTH,
            ));
        }
        let mut facts = Facts {
            depths: 0,
            height: 0,
            shifts: 0,
            lengths: false,
            loose: false,
        };
        for operand in operands {
            let below = self.facts(*operand);
            facts.depths |= below.depths;
            facts.height = facts.height.max(below.height);
            facts.shifts = facts.shifts.max(below.shifts);
            facts.lengths |= below.lengths;
        }
        facts.height += 1;
        Ok(facts)
    }

    fn derive_shift(&self, by: &Expr, then: NodeId) -> Result<Facts, Error> {
        let below = self.facts(then);
        Ok(Facts {
            depths: 1 | by.depths() | below.depths >> 1,
            height: below.height + 1,
            shifts: below.shifts + 1,
            lengths: below.lengths || expr_lengths(by),
            loose: false,
        })
    }
}

/// The bases that a test's loads name, as bits.
fn test_depths(test: &Test) -> u64 {
    match test {
        Test::Captured { depth, .. } => depth_bit(*depth),
        Test::Bits { field, .. } => depth_bit(field.depth),
        Test::Len(_) | Test::WireLen(_) => 0,
        Test::Compare { left, right, .. } => left.depths() | right.depths(),
    }
}

/// Whether a test asks for a length.
fn test_lengths(test: &Test) -> bool {
    match test {
        Test::Captured { .. } | Test::Bits { .. } => false,
        Test::Len(_) | Test::WireLen(_) => true,
        Test::Compare { left, right, .. } => expr_lengths(left) || expr_lengths(right),
    }
}

fn expr_lengths(expr: &Expr) -> bool {
    match expr {
        Expr::Len | Expr::WireLen => true,
        Expr::Const(_) => false,
        Expr::Load(load) => match &load.at {
            Address::Computed(at) => expr_lengths(at),
            Address::Fixed(_) => false,
        },
        Expr::Binary(_, left, right) => expr_lengths(left) || expr_lengths(right),
    }
}

fn check_set(set: &IntervalSet) -> Result<(), Error> {
    if set.intervals().len() > MAX_INTERVALS {
        return Err(Error::limit(
            "intervals in one set",
            set.intervals().len(),
            MAX_INTERVALS,
        ));
    }
    Ok(())
}
