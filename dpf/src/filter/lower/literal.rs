//! One comparison, once all its headers are found: named fields and raw loads become loads from
//! known bases.

use alloc::{boxed::Box, rc::Rc, vec::Vec};

use crate::{
    filter::{
        Address, BinaryOp, CompareOp, Error, Expr, IntervalSet, Load, NodeId, Pool,
        error::ErrorKind, set::low_mask,
    },
    syntax::{self, ArithmeticOp, Cond, FieldUse, PlaceId, Program, WideRelation},
};

/// A comparison, whether it is to be true or false, and the raw shifts that it stands behind.
#[derive(Clone, Debug)]
pub(super) struct Literal<'f> {
    pub(super) comparison: &'f Cond,
    pub(super) truth: bool,
    pub(super) shifts: Box<[&'f syntax::Expr]>,
    /// The values that the comparison's field must have instead, where several comparisons of one
    /// field with constants were made one.
    pub(super) instead: Option<Rc<[Interval]>>,
}

/// Where things are, seen from the current base.
pub(super) struct Context<'c> {
    /// The depth of a place.
    pub(super) depth: &'c dyn Fn(PlaceId) -> Option<u8>,
    /// The depth of the base that raw loads start from.
    pub(super) raw: u8,
    /// Whether to say shifts by computed addresses, so that the node can be moved.
    pub(super) flat: bool,
}

impl Literal<'_> {
    /// The node that holds where the comparison has its wanted truth.
    pub(super) fn lower(
        &self,
        pool: &mut Pool,
        program: &Program,
        context: &Context<'_>,
    ) -> Result<NodeId, Error> {
        let mut numbers = Numbers {
            context,
            sunk: 0,
            moved: None,
            guards: Vec::new(),
        };
        if !context.flat {
            // The current base is the one that the shifts move: they become `Shift`s.
            let mut distances = Vec::with_capacity(self.shifts.len());
            for by in &self.shifts {
                distances.push(numbers.number(by)?);
                numbers.sunk += 1;
            }
            let mut node = self.compare(pool, program, &mut numbers)?;
            for by in distances.into_iter().rev() {
                node = pool.shift(by, node)?;
            }
            return Ok(node);
        }
        for by in &self.shifts {
            numbers.move_raw(by)?;
        }
        let node = self.compare(pool, program, &mut numbers)?;
        let mut parts = numbers
            .guards
            .into_iter()
            .map(|(low, high)| pool.compare(CompareOp::Le, low, high));
        let mut parts = parts.by_ref().collect::<Result<Vec<_>, _>>()?;
        parts.push(node);
        pool.and(parts)
    }

    fn compare(
        &self,
        pool: &mut Pool,
        program: &Program,
        numbers: &mut Numbers<'_, '_>,
    ) -> Result<NodeId, Error> {
        if let (Some(set), Some(field)) = (&self.instead, constant_field(self.comparison)) {
            return numbers.field_in(pool, &field, &in_or_out(set, self.truth));
        }
        match self.comparison {
            Cond::Present(_) => Ok(if self.truth { Pool::TRUE } else { Pool::FALSE }),
            Cond::Compare { op, left, right } => {
                let op = if self.truth { *op } else { opposite(*op) };
                match (left, right) {
                    (syntax::Expr::Field(field), syntax::Expr::Number(number))
                        if straddles(field) =>
                    {
                        let set = values(op, u128::from(*number));
                        numbers.field_in(pool, field, &set)
                    }
                    _ => {
                        let (left, right) = (numbers.number(left)?, numbers.number(right)?);
                        compare(pool, op, left, right)
                    }
                }
            }
            Cond::In {
                value,
                set,
                negated,
            } => {
                let set = program.set(*set);
                let inside = self.truth != *negated;
                if let syntax::Expr::Field(field) = value
                    && straddles(field)
                {
                    return numbers.field_in(pool, field, &in_or_out(set.intervals(), inside));
                }
                let narrow =
                    IntervalSet::from_ranges(set.intervals().iter().filter_map(|(low, high)| {
                        Some((
                            u32::try_from(*low).ok()?,
                            u32::try_from(*high).unwrap_or(u32::MAX),
                        ))
                    }));
                let value = numbers.number(value)?;
                pool.member(
                    value,
                    if inside {
                        narrow
                    } else {
                        narrow.complement(32)
                    },
                )
            }
            Cond::Wide { field, relation } => match relation {
                WideRelation::Value(op, number) => {
                    let op = if self.truth { *op } else { opposite(*op) };
                    numbers.field_in(pool, field, &values(op, *number))
                }
                WideRelation::Field(op, other) => {
                    let op = if self.truth { *op } else { opposite(*op) };
                    let (left, right) = (numbers.depth(field.place)?, numbers.depth(other.place)?);
                    super::wide::compare(pool, op, (left, field), (right, other))
                }
                WideRelation::In { set, negated } => {
                    let inside = self.truth != *negated;
                    numbers.field_in(
                        pool,
                        field,
                        &in_or_out(program.set(*set).intervals(), inside),
                    )
                }
            },
            Cond::Not(_) | Cond::And(_) | Cond::Or(_) | Cond::Shift { .. } => {
                Err(Error::new(ErrorKind::Malformed))
            }
        }
    }
}

/// An inclusive interval of numbers.
pub(super) type Interval = (u128, u128);

/// The field that a comparison compares with constants, if that is what it does.
pub(super) fn constant_field(comparison: &Cond) -> Option<FieldUse> {
    match comparison {
        Cond::Compare {
            left: syntax::Expr::Field(field),
            right: syntax::Expr::Number(_),
            ..
        }
        | Cond::In {
            value: syntax::Expr::Field(field),
            ..
        }
        | Cond::Wide {
            field,
            relation: WideRelation::Value(..) | WideRelation::In { .. },
        } => Some(*field),
        _ => None,
    }
}

/// The values of [`constant_field`] with which the comparison is true.
fn constant_values(comparison: &Cond, program: &Program) -> Vec<Interval> {
    match comparison {
        Cond::Compare {
            op,
            right: syntax::Expr::Number(number),
            ..
        } => values(*op, u128::from(*number)),
        Cond::Wide {
            relation: WideRelation::Value(op, number),
            ..
        } => values(*op, *number),
        Cond::In { set, negated, .. }
        | Cond::Wide {
            relation: WideRelation::In { set, negated },
            ..
        } => in_or_out(program.set(*set).intervals(), !negated),
        _ => Vec::new(),
    }
}

/// The values with which all of the comparisons, or any of them, are true.
pub(super) fn joint_values(comparisons: &[&Cond], all: bool, program: &Program) -> Rc<[Interval]> {
    let mut joint = Vec::new();
    for comparison in comparisons {
        let values = constant_values(comparison, program);
        joint.extend(if all {
            in_or_out(&values, false)
        } else {
            values
        });
    }
    joint.sort_unstable();
    let mut union: Vec<Interval> = Vec::with_capacity(joint.len());
    for (low, high) in joint {
        match union.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            _ => union.push((low, high)),
        }
    }
    if all {
        in_or_out(&union, false).into()
    } else {
        union.into()
    }
}

/// A number of a header's declaration, at the header's base.
pub(super) fn own_number(expr: &syntax::Expr) -> Result<Expr, Error> {
    let here = |place| (place == PlaceId::SELF).then_some(0);
    let context = Context {
        depth: &here,
        raw: 0,
        flat: true,
    };
    Numbers {
        context: &context,
        sunk: 0,
        moved: None,
        guards: Vec::new(),
    }
    .number(expr)
}

/// Turns numbers of the language into expressions.
struct Numbers<'n, 'c> {
    context: &'n Context<'c>,
    /// How many `Shift`s there will be between the context's current base and the numbers.
    sunk: u8,
    /// How far raw loads have moved, where that could not be said by `Shift`s.
    moved: Option<Expr>,
    /// Pairs of which the left must not exceed the right: what excludes that `moved` has wrapped.
    guards: Vec<(Expr, Expr)>,
}

impl Numbers<'_, '_> {
    fn number(&mut self, expr: &syntax::Expr) -> Result<Expr, Error> {
        Ok(match expr {
            syntax::Expr::Number(number) => Expr::Const(*number),
            syntax::Expr::Field(field) => {
                let depth = self.depth(field.place)?;
                bits(depth, field.bit, u32::from(field.width))
            }
            syntax::Expr::Load {
                offset,
                bytes,
                little,
            } => {
                let offset = self.number(offset)?;
                self.raw_load(offset, *bytes, *little)
            }
            syntax::Expr::Len => Expr::Len,
            syntax::Expr::WireLen => Expr::WireLen,
            syntax::Expr::Binary(op, left, right) => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                Expr::binary(arithmetic(*op), left, right)
            }
        })
    }

    fn raw_load(&mut self, offset: Expr, bytes: u8, little: bool) -> Expr {
        let at = match self.moved.clone() {
            Some(moved) => self.sum(moved, offset),
            None => offset,
        };
        let at = match at {
            Expr::Const(offset) => Address::Fixed(offset),
            at => Address::Computed(Box::new(at)),
        };
        Expr::Load(Load {
            depth: self.raw_depth(),
            at,
            bytes,
            little,
        })
    }

    /// Raw loads start from the current base of the innermost `Shift` of the literal, or, where
    /// there is none, from the packet's start.
    fn raw_depth(&self) -> u8 {
        self.context.raw
    }

    fn depth(&self, place: PlaceId) -> Result<u8, Error> {
        let depth = (self.context.depth)(place).ok_or(Error::new(ErrorKind::Malformed))?;
        Ok(depth.saturating_add(self.sunk))
    }

    fn move_raw(&mut self, by: &syntax::Expr) -> Result<(), Error> {
        let by = self.number(by)?;
        let moved = match self.moved.take() {
            Some(moved) => self.sum(moved, by),
            None => by,
        };
        self.moved = Some(moved);
        Ok(())
    }

    /// A sum that has not wrapped, or a guard fails: what is that far is not in any packet.
    fn sum(&mut self, left: Expr, right: Expr) -> Expr {
        let (most, more) = (left.upper_bound(), right.upper_bound());
        let sum = Expr::binary(BinaryOp::Add, left.clone(), right);
        if most == u32::MAX || more == u32::MAX || most.checked_add(more).is_none() {
            self.guards.push((left, sum.clone()));
        }
        sum
    }

    fn field_in(
        &self,
        pool: &mut Pool,
        field: &FieldUse,
        set: &[(u128, u128)],
    ) -> Result<NodeId, Error> {
        super::wide::member(
            pool,
            self.depth(field.place)?,
            field.bit,
            u32::from(field.width),
            set,
        )
    }
}

/// The bits of a packet as a number: at most 32, from at most five bytes.
pub(super) fn bits(depth: u8, bit: u32, width: u32) -> Expr {
    let (first, skipped) = (bit / 8, bit % 8);
    let bytes = (skipped + width).div_ceil(8);
    let behind = 8 * bytes - skipped - width;
    let load = |offset, bytes| {
        Expr::Load(Load {
            depth,
            at: Address::Fixed(offset),
            bytes,
            little: false,
        })
    };
    let number = if bytes <= 4 {
        Expr::binary(BinaryOp::Shr, load(first, bytes as u8), Expr::Const(behind))
    } else {
        let high = Expr::binary(BinaryOp::Shl, load(first, 4), Expr::Const(8 - behind));
        let low = Expr::binary(BinaryOp::Shr, load(first + 4, 1), Expr::Const(behind));
        Expr::binary(BinaryOp::Or, high, low)
    };
    if skipped == 0 {
        number
    } else {
        Expr::binary(BinaryOp::And, number, Expr::Const(low_mask(width)))
    }
}

/// Whether a field lies in more bytes than a load has.
fn straddles(field: &FieldUse) -> bool {
    field.bit % 8 + u32::from(field.width) > 32
}

fn compare(
    pool: &mut Pool,
    op: syntax::CompareOp,
    left: Expr,
    right: Expr,
) -> Result<NodeId, Error> {
    use syntax::CompareOp as Op;
    match op {
        Op::Eq => pool.compare(CompareOp::Eq, left, right),
        Op::Ne => pool.compare(CompareOp::Ne, left, right),
        Op::Lt => pool.compare(CompareOp::Lt, left, right),
        Op::Le => pool.compare(CompareOp::Le, left, right),
        Op::Gt => pool.compare(CompareOp::Lt, right, left),
        Op::Ge => pool.compare(CompareOp::Le, right, left),
    }
}

fn opposite(op: syntax::CompareOp) -> syntax::CompareOp {
    use syntax::CompareOp as Op;
    match op {
        Op::Eq => Op::Ne,
        Op::Ne => Op::Eq,
        Op::Lt => Op::Ge,
        Op::Ge => Op::Lt,
        Op::Gt => Op::Le,
        Op::Le => Op::Gt,
    }
}

fn arithmetic(op: ArithmeticOp) -> BinaryOp {
    match op {
        ArithmeticOp::Add => BinaryOp::Add,
        ArithmeticOp::Sub => BinaryOp::Sub,
        ArithmeticOp::Mul => BinaryOp::Mul,
        ArithmeticOp::And => BinaryOp::And,
        ArithmeticOp::Or => BinaryOp::Or,
        ArithmeticOp::Xor => BinaryOp::Xor,
        ArithmeticOp::Shl => BinaryOp::Shl,
        ArithmeticOp::Shr => BinaryOp::Shr,
    }
}

/// The numbers that compare so with `bound`: at most two intervals.
fn values(op: syntax::CompareOp, bound: u128) -> Vec<(u128, u128)> {
    use syntax::CompareOp as Op;
    let below = bound.checked_sub(1).map(|high| (0, high));
    let above = bound.checked_add(1).map(|low| (low, u128::MAX));
    match op {
        Op::Eq => alloc::vec![(bound, bound)],
        Op::Ne => below.into_iter().chain(above).collect(),
        Op::Lt => below.into_iter().collect(),
        Op::Gt => above.into_iter().collect(),
        Op::Le => alloc::vec![(0, bound)],
        Op::Ge => alloc::vec![(bound, u128::MAX)],
    }
}

/// A set of intervals, or its complement.
fn in_or_out(intervals: &[(u128, u128)], inside: bool) -> Vec<(u128, u128)> {
    if inside {
        return intervals.to_vec();
    }
    let (mut outside, mut next) = (Vec::with_capacity(intervals.len() + 1), Some(0));
    for &(low, high) in intervals {
        if let Some(start) = next
            && start < low
        {
            outside.push((start, low - 1));
        }
        next = high.checked_add(1);
    }
    outside.extend(next.map(|start| (start, u128::MAX)));
    outside
}
