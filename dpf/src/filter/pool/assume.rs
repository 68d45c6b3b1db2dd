//! Partial evaluation: what is left of a node once the outcome of a test is known.
//!
//! A trie asks one test for many filters; each filter then needs only what that test does not
//! already say. A known set of a field decides tests of the same bits, cuts down sets of fields
//! that share bits with it, makes shorter `Captured`s true, and turns expressions of known bits
//! into constants, so that the header length after `ihl == 5` is 20.
//!
//! That a test is *false* means that it does not hold, perhaps because the packet is too short.
//! To learn that a field was loaded and its value is not in a set, assume the complement.

use alloc::{boxed::Box, vec::Vec};

use super::{Error, Pool};
use crate::filter::{
    bits::{Cube, common_bits, compress, extract},
    expr::{Solved, evaluate, solve},
    types::{Address, CompareOp, Expr, Field, IntervalSet, Load, Node, NodeId, Test},
};

impl Pool {
    /// What `node` comes to where `test`, at the node's base, is known to hold (`truth`) or known
    /// not to hold.
    ///
    /// The answer is exact where the assumption is right, and means nothing elsewhere. Answers
    /// are kept, so that asking again is a look-up.
    ///
    /// # Errors
    ///
    /// When the test has no meaning, or a limit of the pool is passed.
    pub fn assume(&mut self, node: NodeId, test: &Test, truth: bool) -> Result<NodeId, Error> {
        let fact = self.intern(Node::Test(test.clone()))?;
        self.assumed(node, fact, truth)
    }

    fn assumed(&mut self, id: NodeId, fact: NodeId, truth: bool) -> Result<NodeId, Error> {
        if !self.concerns(fact, id) {
            return Ok(id);
        }
        if id == fact {
            return Ok(if truth { Self::TRUE } else { Self::FALSE });
        }
        if let Some(done) = self.assumed.get(&(id, fact, truth)) {
            return Ok(*done);
        }
        let Node::Test(known) = self.node(fact).clone() else {
            return Ok(id);
        };
        let left = match self.node(id).clone() {
            Node::True | Node::False => id,
            Node::Test(test) => self.test_given(id, &test, &known, truth)?,
            Node::And(operands) => {
                let left = self.assumed_all(&operands, fact, truth)?;
                if left == *operands {
                    id
                } else {
                    self.and(left)?
                }
            }
            Node::Or(operands) => {
                let left = self.assumed_all(&operands, fact, truth)?;
                if left == *operands {
                    id
                } else {
                    self.or(left)?
                }
            }
            Node::Shift { by, then } => self.shift_given(id, &by, then, &known, fact, truth)?,
        };
        self.assumed.insert((id, fact, truth), left);
        Ok(left)
    }

    /// Whether the fact can say anything of the node.
    fn concerns(&self, fact: NodeId, id: NodeId) -> bool {
        let (fact, facts) = (self.facts(fact), self.facts(id));
        facts.depths & fact.depths != 0 || facts.lengths && fact.lengths
    }

    fn assumed_all(
        &mut self,
        operands: &[NodeId],
        fact: NodeId,
        truth: bool,
    ) -> Result<Vec<NodeId>, Error> {
        operands
            .iter()
            .map(|operand| self.assumed(*operand, fact, truth))
            .collect()
    }

    fn shift_given(
        &mut self,
        id: NodeId,
        by: &Expr,
        then: NodeId,
        known: &Test,
        fact: NodeId,
        truth: bool,
    ) -> Result<NodeId, Error> {
        let past_end = matches!((known, by), (Test::Captured { depth: 0, end }, Expr::Const(by)) if !truth && by >= end);
        if past_end || is_short(&[by], known, truth) {
            return Ok(Self::FALSE);
        }
        let fact_inside = self.sink(fact)?;
        let left = self.assumed(then, fact_inside, truth)?;
        match substitute(by, known, truth) {
            Some(distance) => self.shift(distance, left),
            None if left == then => Ok(id),
            None => self.shift(by.clone(), left),
        }
    }

    fn test_given(
        &mut self,
        id: NodeId,
        test: &Test,
        known: &Test,
        truth: bool,
    ) -> Result<NodeId, Error> {
        let constant = |value: bool| if value { Self::TRUE } else { Self::FALSE };
        match (test, known) {
            (
                Test::Captured { depth, end },
                Test::Captured {
                    depth: known,
                    end: reached,
                },
            ) if depth == known => {
                let decided = if truth {
                    end <= reached
                } else {
                    end >= reached
                };
                Ok(if decided { constant(truth) } else { id })
            }
            (Test::Captured { depth, end }, Test::Bits { field, .. }) if *depth == field.depth => {
                Ok(if truth && *end <= field.end() {
                    Self::TRUE
                } else {
                    id
                })
            }
            (Test::Bits { field, .. }, Test::Captured { depth, end }) if field.depth == *depth => {
                Ok(if !truth && field.end() >= *end {
                    Self::FALSE
                } else {
                    id
                })
            }
            (
                Test::Bits { field, set },
                Test::Bits {
                    field: known,
                    set: values,
                },
            ) if field.depth == known.depth => {
                let dense = compress(field.value_mask(), set);
                let values = compress(known.value_mask(), values);
                if truth {
                    self.bits_given(id, field, dense, known, &values)
                } else {
                    self.bits_denied(id, field, dense, known, &values)
                }
            }
            (Test::Len(set), Test::Len(known)) => {
                self.length_given(id, set, known, truth, Test::Len)
            }
            (Test::WireLen(set), Test::WireLen(known)) => {
                self.length_given(id, set, known, truth, Test::WireLen)
            }
            (Test::Compare { op, left, right }, _) => {
                self.compare_given(id, (*op, left, right), known, truth)
            }
            _ => Ok(id),
        }
    }

    /// A test of `field` where `known` has one of `values`.
    fn bits_given(
        &mut self,
        id: NodeId,
        field: &Field,
        dense: IntervalSet,
        known: &Field,
        values: &IntervalSet,
    ) -> Result<NodeId, Error> {
        let mut cube = Cube::default();
        let (mask, value) = common_bits(known.mask, values);
        cube.learn(known, mask, value);
        let (rest, left) = cube.restrict(field, dense.clone());
        let (in_rest, in_known) = (shared_bits(&rest, known), shared_bits(known, &rest));
        let possible = project(known.mask, values, in_known);
        if !left.is_empty()
            && in_rest != 0
            && project(rest.mask, &left, in_rest).is_disjoint(&possible)
        {
            return Ok(Self::FALSE);
        }
        let left = if in_rest == rest.mask {
            within(left, &possible, rest.width())
        } else {
            left
        };
        if rest == *field && left == dense {
            return Ok(id);
        }
        let (bits, end) = self.dense_without_end(rest, left)?;
        match end.filter(|end| *end > known.end() && bits != Self::FALSE) {
            None => Ok(bits),
            Some(end) => {
                let captured = self.captured(field.depth, end)?;
                self.and(alloc::vec![bits, captured])
            }
        }
    }

    /// A test of `field` where `known` has none of `values`, or cannot be loaded.
    fn bits_denied(
        &mut self,
        id: NodeId,
        field: &Field,
        dense: IntervalSet,
        known: &Field,
        values: &IntervalSet,
    ) -> Result<NodeId, Error> {
        if field == known {
            let left = within(
                dense.clone(),
                &values.complement(known.width()),
                field.width(),
            );
            return if left == dense {
                Ok(id)
            } else {
                self.dense(*field, left)
            };
        }
        let in_field = shared_bits(field, known);
        let whole = shared_bits(known, field) == known.mask;
        // Where the test loads, it loads all that `known` does.
        if whole
            && field.end() >= known.end()
            && project(field.mask, &dense, in_field).is_subset(values)
        {
            return Ok(Self::FALSE);
        }
        Ok(id)
    }

    fn length_given(
        &mut self,
        id: NodeId,
        set: &IntervalSet,
        known: &IntervalSet,
        truth: bool,
        test: fn(IntervalSet) -> Test,
    ) -> Result<NodeId, Error> {
        let possible = if truth {
            known.clone()
        } else {
            known.complement(32)
        };
        let left = within(set.clone(), &possible, 32);
        if left == *set {
            Ok(id)
        } else {
            self.length(left, test)
        }
    }

    fn compare_given(
        &mut self,
        id: NodeId,
        (op, left, right): (CompareOp, &Expr, &Expr),
        known: &Test,
        truth: bool,
    ) -> Result<NodeId, Error> {
        if is_short(&[left, right], known, truth) {
            return Ok(Self::FALSE);
        }
        if let Test::Compare {
            op: other,
            left: a,
            right: b,
        } = known
            && truth
        {
            let same = (left == a && right == b).then_some(false);
            let turned = (left == b && right == a).then_some(true);
            let decided = same
                .or(turned)
                .and_then(|turned| implied(*other, op, turned));
            return Ok(decided.map_or(id, |value| if value { Self::TRUE } else { Self::FALSE }));
        }
        let (new_left, new_right) = (
            substitute(left, known, truth),
            substitute(right, known, truth),
        );
        if new_left.is_none() && new_right.is_none() {
            return Ok(id);
        }
        self.compare(
            op,
            new_left.unwrap_or_else(|| left.clone()),
            new_right.unwrap_or_else(|| right.clone()),
        )
    }
}

/// A set cut down to what is possible: full or empty where that decides it, and otherwise itself
/// when cutting would only make it longer.
fn within(set: IntervalSet, possible: &IntervalSet, width: u32) -> IntervalSet {
    if possible.is_subset(&set) {
        return IntervalSet::full(width);
    }
    let cut = set.intersect(possible);
    if cut.intervals().len() <= set.intervals().len() {
        cut
    } else {
        set
    }
}

/// The bits of `field` that `other` has too, as a part of `field`'s mask.
fn shared_bits(field: &Field, other: &Field) -> u32 {
    let distance = i64::from(other.end()) - i64::from(field.end());
    let mask = u64::from(other.mask);
    let moved = match u32::try_from(8 * distance.unsigned_abs()) {
        Ok(places) if places < 32 && distance >= 0 => mask >> places,
        Ok(places) if places < 32 => mask << places,
        _ => 0,
    };
    (moved & u64::from(field.mask)) as u32
}

/// A dense set under `mask`, as dense values of the part `keep` of that mask.
fn project(mask: u32, dense: &IntervalSet, keep: u32) -> IntervalSet {
    let kept = extract(keep, mask);
    let mut dense = dense.clone();
    for bit in (0..mask.count_ones()).rev() {
        if kept >> bit & 1 == 0 {
            dense = dense.cofactor(bit, false).union(&dense.cofactor(bit, true));
        }
    }
    dense
}

/// Whether, given that `known` is so, one of the expressions loads past the end of the packet.
fn is_short(exprs: &[&Expr], known: &Test, truth: bool) -> bool {
    let Test::Captured { depth, end } = known else {
        return false;
    };
    let past = |load: &&Load| match load.at {
        Address::Fixed(offset) => {
            load.depth == *depth && offset.saturating_add(u32::from(load.bytes)) >= *end
        }
        Address::Computed(_) => false,
    };
    !truth && exprs.iter().any(|expr| expr.loads().iter().any(past))
}

/// The expression with what is known of a field put in; `None` where that changes nothing.
fn substitute(expr: &Expr, known: &Test, truth: bool) -> Option<Expr> {
    let Test::Bits { field, set } = known else {
        return None;
    };
    if !truth || expr.depths() & super::depth_bit(field.depth) == 0 {
        return None;
    }
    let mut cube = Cube::default();
    let (mask, value) = common_bits(field.mask, &compress(field.value_mask(), set));
    cube.learn(field, mask, value);
    put_in(expr, &cube, field.end())
}

/// The expression with parts whose bits are all known, and loaded, as constants.
fn put_in(expr: &Expr, cube: &Cube, reached: u32) -> Option<Expr> {
    if let Some(value) = known_value(expr, cube, reached) {
        return Some(Expr::Const(value));
    }
    match expr {
        Expr::Const(_) | Expr::Len | Expr::WireLen => None,
        Expr::Load(Load {
            at: Address::Fixed(_),
            ..
        }) => None,
        Expr::Load(load) => {
            let Address::Computed(at) = &load.at else {
                return None;
            };
            let at = match put_in(at, cube, reached)? {
                Expr::Const(offset) => Address::Fixed(offset),
                at => Address::Computed(Box::new(at)),
            };
            Some(Expr::Load(Load { at, ..load.clone() }))
        }
        Expr::Binary(op, left, right) => {
            match (put_in(left, cube, reached), put_in(right, cube, reached)) {
                (None, None) => None,
                (new_left, new_right) => Some(Expr::binary(
                    *op,
                    new_left.unwrap_or_else(|| (**left).clone()),
                    new_right.unwrap_or_else(|| (**right).clone()),
                )),
            }
        }
    }
}

/// The value of an expression that picks known bits of one load.
fn known_value(expr: &Expr, cube: &Cube, reached: u32) -> Option<u32> {
    let [load] = expr.loads()[..] else {
        return None;
    };
    let Address::Fixed(offset) = load.at else {
        return None;
    };
    if offset.saturating_add(u32::from(load.bytes)) > reached {
        return None;
    }
    // Solving for membership of everything names the bits that the expression picks.
    let Some(Solved::Field(field, _)) = solve(expr, IntervalSet::full(32)) else {
        return None;
    };
    let (mask, value) = cube.known(&field);
    if mask & field.mask != field.mask {
        return None;
    }
    let loaded = if load.little {
        value.swap_bytes() >> (32 - 8 * u32::from(load.bytes))
    } else {
        value
    };
    evaluate(expr, loaded)
}

/// What `known` says of `asked` on the same operands, or on the same ones turned round.
fn implied(known: CompareOp, asked: CompareOp, turned: bool) -> Option<bool> {
    use CompareOp::{Eq, Le, Lt, Ne};
    match (known, asked, turned) {
        (Eq, Eq | Le, _)
        | (Ne, Ne, _)
        | (Lt, Lt | Le | Ne, false)
        | (Lt, Ne, true)
        | (Le, Le, false) => Some(true),
        (Eq, Ne | Lt, _) | (Ne, Eq, _) | (Lt, Eq, _) | (Lt, Lt | Le, true) | (Le, Lt, true) => {
            Some(false)
        }
        _ => None,
    }
}
