//! Expressions: folding, bounds, the loads in them, and solving `expression ∈ set` for a field.
//!
//! Folding never removes a load: an expression that loads past the packet makes its test short,
//! even where the value would not matter.

use alloc::{boxed::Box, vec::Vec};

use super::{
    Error,
    bits::{compress, deposit, extract},
    error::{ErrorKind, MAX_EXPR, MAX_OFFSET, MAX_SHIFTS},
    types::{Address, BinaryOp, CompareOp, Expr, Field, IntervalSet, Load},
};

impl BinaryOp {
    /// The operator on two numbers.
    pub fn apply(self, left: u32, right: u32) -> u32 {
        match self {
            BinaryOp::Add => left.wrapping_add(right),
            BinaryOp::Sub => left.wrapping_sub(right),
            BinaryOp::Mul => left.wrapping_mul(right),
            BinaryOp::And => left & right,
            BinaryOp::Or => left | right,
            BinaryOp::Xor => left ^ right,
            BinaryOp::Shl => left.checked_shl(right).unwrap_or(0),
            BinaryOp::Shr => left.checked_shr(right).unwrap_or(0),
        }
    }

    fn commutes(self) -> bool {
        !matches!(self, BinaryOp::Sub | BinaryOp::Shl | BinaryOp::Shr)
    }

    /// Whether `(x op a) op b` is `x op (a op b)`.
    fn associates(self) -> bool {
        self.commutes()
    }

    /// The right operand that changes nothing.
    fn identity(self) -> u32 {
        match self {
            BinaryOp::Mul => 1,
            BinaryOp::And => u32::MAX,
            _ => 0,
        }
    }
}

impl CompareOp {
    /// The comparison of two numbers.
    pub fn holds(self, left: u32, right: u32) -> bool {
        match self {
            CompareOp::Eq => left == right,
            CompareOp::Ne => left != right,
            CompareOp::Lt => left < right,
            CompareOp::Le => left <= right,
        }
    }
}

impl Expr {
    /// A load of one to four bytes at a constant offset from the current base, big-endian.
    pub fn load(offset: u32, bytes: u8) -> Expr {
        Expr::Load(Load {
            depth: 0,
            at: Address::Fixed(offset),
            bytes,
            little: false,
        })
    }

    /// `left op right`, folded.
    pub fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
        fold(op, left, right)
    }

    /// The loads in it, those in addresses included, outermost first.
    pub fn loads(&self) -> Vec<&Load> {
        let (mut loads, mut pending) = (Vec::new(), alloc::vec![self]);
        while let Some(expr) = pending.pop() {
            match expr {
                Expr::Load(load) => {
                    loads.push(load);
                    if let Address::Computed(at) = &load.at {
                        pending.push(at);
                    }
                }
                Expr::Binary(_, left, right) => pending.extend([&**right, &**left]),
                Expr::Const(_) | Expr::Len | Expr::WireLen => {}
            }
        }
        loads
    }

    /// The largest value it can have, or `u32::MAX` where it may wrap.
    pub fn upper_bound(&self) -> u32 {
        match self {
            Expr::Const(value) => *value,
            Expr::Load(load) if load.bytes < 4 => (1 << (8 * load.bytes)) - 1,
            Expr::Load(_) | Expr::Len | Expr::WireLen => u32::MAX,
            Expr::Binary(op, left, right) => bound(*op, left.upper_bound(), right),
        }
    }

    /// A bit for each base that its loads name: bit 0 is the current one.
    pub fn depths(&self) -> u64 {
        self.loads()
            .iter()
            .fold(0, |depths, load| depths | depth_bit(load.depth))
    }
}

fn bound(op: BinaryOp, left: u32, right: &Expr) -> u32 {
    let most = right.upper_bound();
    match op {
        BinaryOp::Add => left.saturating_add(most),
        BinaryOp::Mul => left.saturating_mul(most),
        BinaryOp::And => left.min(most),
        BinaryOp::Or | BinaryOp::Xor => {
            (left | most)
                .checked_next_power_of_two()
                .map_or(u32::MAX, |power| {
                    if power == left | most {
                        (power - 1) | power
                    } else {
                        power - 1
                    }
                })
        }
        BinaryOp::Sub => u32::MAX,
        BinaryOp::Shl => match right {
            Expr::Const(by) if *by < 32 && left <= u32::MAX >> by => left << by,
            _ => u32::MAX,
        },
        BinaryOp::Shr => match right {
            Expr::Const(by) => op.apply(left, *by),
            _ => left,
        },
    }
}

/// The bit of a depth in a set of depths; depths past the limit share the last bit, and are refused elsewhere.
pub(super) fn depth_bit(depth: u8) -> u64 {
    1 << depth.min(63)
}

/// The expression with all constants folded, operands of commutative operators in order.
pub(super) fn normalize(expr: Expr) -> Expr {
    match expr {
        Expr::Binary(op, left, right) => fold(op, normalize(*left), normalize(*right)),
        Expr::Load(Load {
            depth,
            at: Address::Computed(at),
            bytes,
            little,
        }) => {
            let at = match normalize(*at) {
                Expr::Const(offset) => Address::Fixed(offset),
                at => Address::Computed(Box::new(at)),
            };
            Expr::Load(Load {
                depth,
                at,
                bytes,
                little: little && bytes > 1,
            })
        }
        Expr::Load(load) => Expr::Load(Load {
            little: load.little && load.bytes > 1,
            ..load
        }),
        other => other,
    }
}

/// `left op right` for normalised operands.
fn fold(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    let (left, right) = match (left, right) {
        (Expr::Const(left), Expr::Const(right)) => return Expr::Const(op.apply(left, right)),
        (left, right) if op.commutes() && (rank(&right), &right) < (rank(&left), &left) => {
            (right, left)
        }
        other => other,
    };
    match (left, right) {
        (left, Expr::Const(c)) if c == op.identity() => left,
        (Expr::Binary(inner, x, y), Expr::Const(c)) if inner == op && op.associates() => match *y {
            Expr::Const(b) => fold(op, *x, Expr::Const(op.apply(b, c))),
            y => Expr::Binary(
                op,
                Box::new(Expr::Binary(inner, x, Box::new(y))),
                Box::new(Expr::Const(c)),
            ),
        },
        (left, right) => Expr::Binary(op, Box::new(left), Box::new(right)),
    }
}

/// Constants stand last.
fn rank(expr: &Expr) -> bool {
    matches!(expr, Expr::Const(_))
}

/// Refuses expressions that are too large, or load what has no meaning.
pub(super) fn check(expr: &Expr) -> Result<(), Error> {
    let (mut size, mut pending) = (0, alloc::vec![expr]);
    while let Some(expr) = pending.pop() {
        size += 1;
        if size > MAX_EXPR {
            return Err(Error::limit("operators in one expression", size, MAX_EXPR));
        }
        match expr {
            Expr::Load(load) => {
                check_place(load.depth, load.bytes)?;
                match &load.at {
                    Address::Fixed(offset) => check_offset(*offset)?,
                    Address::Computed(at) => pending.push(at),
                }
            }
            Expr::Binary(_, left, right) => pending.extend([&**left, &**right]),
            Expr::Const(_) | Expr::Len | Expr::WireLen => {}
        }
    }
    Ok(())
}

/// Refuses depths and widths of loads that have no meaning.
pub(super) fn check_place(depth: u8, bytes: u8) -> Result<(), Error> {
    if usize::from(depth) >= MAX_SHIFTS {
        return Err(Error::limit(
            "bases between a load and its own",
            usize::from(depth),
            MAX_SHIFTS - 1,
        ));
    }
    if !(1..=4).contains(&bytes) {
        return Err(Error::new(ErrorKind::Malformed));
    }
    Ok(())
}

/// Refuses offsets past the limit.
pub(super) fn check_offset(offset: u32) -> Result<(), Error> {
    // A load ends at most four bytes later, so that its end is within the limit too.
    if offset > MAX_OFFSET - 4 {
        return Err(Error::limit(
            "bytes before a load",
            offset as usize,
            MAX_OFFSET as usize - 4,
        ));
    }
    Ok(())
}

/// Applies `place` to the depth and address of every load; `None` as soon as it gives none.
pub(super) fn map_loads(
    expr: &Expr,
    place: &impl Fn(u8, &Address) -> Option<(u8, Address)>,
) -> Option<Expr> {
    Some(match expr {
        Expr::Load(load) => {
            let at = match &load.at {
                Address::Computed(at) => Address::Computed(Box::new(map_loads(at, place)?)),
                fixed => fixed.clone(),
            };
            let (depth, at) = place(load.depth, &at)?;
            Expr::Load(Load {
                depth,
                at,
                ..load.clone()
            })
        }
        Expr::Binary(op, left, right) => Expr::Binary(
            *op,
            Box::new(map_loads(left, place)?),
            Box::new(map_loads(right, place)?),
        ),
        other => other.clone(),
    })
}

/// What `expression ∈ set` came to.
pub(super) enum Solved {
    /// A condition on a field: raw, its set right-justified.
    Field(Field, IntervalSet),
    /// A condition on the captured length.
    Len(IntervalSet),
    /// A condition on the original length.
    WireLen(IntervalSet),
    /// It holds where the loads succeed.
    Always,
    /// It holds nowhere.
    Never,
}

/// Solves `expr ∈ set` for a field or a length, where the expression can be inverted.
pub(super) fn solve(expr: &Expr, set: IntervalSet) -> Option<Solved> {
    let (mut expr, mut set) = (expr, set);
    loop {
        if let Some(selection) = Selection::of(expr) {
            return selection.solve(&set);
        }
        let step = match expr {
            Expr::Len => return Some(Solved::Len(set)),
            Expr::WireLen => return Some(Solved::WireLen(set)),
            Expr::Binary(op, left, right) => invert(*op, left, right, &set),
            Expr::Const(_) | Expr::Load(_) => None,
        };
        match step {
            Some((inner, preimage)) if preimage.intervals().len() <= MAX_SOLVED => {
                (expr, set) = (inner, preimage)
            }
            _ => return decide(expr, &set),
        }
    }
}

/// The operand that is not constant, and the set it must be in.
fn invert<'e>(
    op: BinaryOp,
    left: &'e Expr,
    right: &'e Expr,
    set: &IntervalSet,
) -> Option<(&'e Expr, IntervalSet)> {
    match (left, right) {
        (inner, Expr::Const(c)) => Some((inner, preimage(op, inner.upper_bound(), *c, set)?)),
        (Expr::Const(c), inner) if op == BinaryOp::Sub => Some((inner, set.reflect(*c))),
        _ => None,
    }
}

/// What the bounds of an expression say of `expr ∈ set`.
fn decide(expr: &Expr, set: &IntervalSet) -> Option<Solved> {
    let possible = IntervalSet::range(0, expr.upper_bound());
    if possible.is_subset(set) {
        return Some(Solved::Always);
    }
    possible.is_disjoint(set).then_some(Solved::Never)
}

/// `expr ∈ set` where one byte is all that the expression loads: by trying its values.
pub(super) fn try_bytes(expr: &Expr, set: &IntervalSet) -> Option<(Field, IntervalSet)> {
    let loads = expr.loads();
    let (first, rest) = loads.split_first()?;
    let Address::Fixed(offset) = first.at else {
        return None;
    };
    if first.bytes != 1 || rest.iter().any(|load| load != first) {
        return None;
    }
    let field = Field {
        depth: first.depth,
        offset,
        bytes: 1,
        mask: 0xff,
    };
    let passing = (0..=0xff).map(|byte| Some((byte, set.contains(evaluate(expr, byte)?))));
    let passing: Vec<_> = passing.collect::<Option<_>>()?;
    Some((
        field,
        IntervalSet::from_values(
            passing
                .into_iter()
                .filter(|(_, passes)| *passes)
                .map(|(byte, _)| byte),
        ),
    ))
}

/// The value of an expression all of whose loads give `loaded`.
pub(super) fn evaluate(expr: &Expr, loaded: u32) -> Option<u32> {
    Some(match expr {
        Expr::Const(value) => *value,
        Expr::Load(_) => loaded,
        Expr::Binary(op, left, right) => {
            op.apply(evaluate(left, loaded)?, evaluate(right, loaded)?)
        }
        Expr::Len | Expr::WireLen => return None,
    })
}

/// Intervals that inverting an expression may make; beyond, it stays a comparison.
const MAX_SOLVED: usize = 1 << 16;

/// `{ x ≤ most : x op c ∈ set }`, where that is a few intervals for each of the set's.
fn preimage(op: BinaryOp, most: u32, c: u32, set: &IntervalSet) -> Option<IntervalSet> {
    Some(match op {
        BinaryOp::Add => set.rotate(c.wrapping_neg()),
        BinaryOp::Sub => set.rotate(c),
        BinaryOp::Shr if c < 32 => set.multiply(c),
        BinaryOp::Shl if c < 32 && most <= u32::MAX >> c => set.divide(c),
        BinaryOp::Xor if c == u32::MAX => set.reflect(c),
        // Only low bits are cleared: multiples of a power of two, each for all that round down to it.
        BinaryOp::And if c != 0 && (!c & (!c).wrapping_add(1)) == 0 => {
            let low = c.trailing_zeros();
            set.divide(low).multiply(low)
        }
        _ => return None,
    })
}

/// An expression that picks bits of one load at a constant offset and moves them: its value is
/// `(loaded & mask) >> right << left`.
struct Selection<'a> {
    load: &'a Load,
    offset: u32,
    mask: u32,
    right: u32,
    left: u32,
}

impl<'a> Selection<'a> {
    fn of(expr: &'a Expr) -> Option<Self> {
        match expr {
            Expr::Load(load) => {
                let Address::Fixed(offset) = load.at else {
                    return None;
                };
                let mask = super::set::low_mask(8 * u32::from(load.bytes));
                Some(Selection {
                    load,
                    offset,
                    mask,
                    right: 0,
                    left: 0,
                })
            }
            Expr::Binary(op, inner, by) => match (op, &**by) {
                (BinaryOp::And, Expr::Const(c)) => Self::of(inner)?.keep(*c),
                (BinaryOp::Shr, Expr::Const(c)) => Self::of(inner)?.shift_right(*c),
                (BinaryOp::Shl, Expr::Const(c)) => Self::of(inner)?.shift_left(*c),
                _ => None,
            },
            _ => None,
        }
    }

    fn keep(mut self, bits: u32) -> Option<Self> {
        // Moved by 32 or more, nothing is left to keep.
        if self.mask != 0 {
            self.mask &= bits >> self.left << self.right;
        }
        Some(self)
    }

    fn shift_right(mut self, by: u32) -> Option<Self> {
        if by >= 32 {
            self.mask = 0;
            return Some(self);
        }
        let undone = by.min(self.left);
        self.left -= undone;
        self.right += by - undone;
        self.mask = if self.right >= 32 {
            0
        } else {
            self.mask >> self.right << self.right
        };
        Some(self)
    }

    fn shift_left(mut self, by: u32) -> Option<Self> {
        if by >= 32 {
            self.mask = 0;
            return Some(self);
        }
        let undone = by.min(self.right);
        self.right -= undone;
        self.left += by - undone;
        self.mask = if self.left >= 32 {
            0
        } else {
            self.mask << self.left >> self.left
        };
        Some(self)
    }

    /// The condition on the field of the bits that were picked.
    fn solve(&self, set: &IntervalSet) -> Option<Solved> {
        let (load, mask) = (self.load, self.mask);
        let field = Field {
            depth: load.depth,
            offset: self.offset,
            bytes: load.bytes,
            mask,
        };
        if mask == 0 {
            let always = if set.contains(0) {
                IntervalSet::single(0)
            } else {
                IntervalSet::empty()
            };
            return Some(Solved::Field(field, always));
        }
        // The justified value, moved by `places`, is the value of the expression.
        let places = (mask.trailing_zeros() + self.left).checked_sub(self.right)?;
        let set = set.divide(places);
        if load.little {
            swap_bytes(field, &set)
        } else {
            Some(Solved::Field(field, set))
        }
    }
}

/// Values that a condition on a little-endian field may list; beyond, it stays a comparison.
const MAX_SWAPPED: u64 = 1 << 16;

/// A condition on a little-endian field as one on the big-endian field of the same bytes, by
/// listing its values, or those that fail it.
fn swap_bytes(field: Field, set: &IntervalSet) -> Option<Solved> {
    let swap = |word: u32| word.swap_bytes() >> (32 - 8 * u32::from(field.bytes));
    let swapped = Field {
        mask: swap(field.mask),
        ..field
    };
    let dense = compress(field.value_mask(), set);
    let list = |dense: &IntervalSet| {
        IntervalSet::from_values(dense.values().map(|value| {
            let value = swap(deposit(value, field.mask));
            extract(value, swapped.mask)
        }))
    };
    let total = 1u64 << field.width();
    let moved = if dense.count() <= MAX_SWAPPED.min(total / 2) {
        list(&dense)
    } else if total - dense.count() <= MAX_SWAPPED {
        list(&dense.complement(field.width())).complement(field.width())
    } else {
        return None;
    };
    if moved.intervals().len() > MAX_SWAPPED_INTERVALS {
        return None;
    }
    Some(Solved::Field(
        swapped,
        super::bits::expand(swapped.value_mask(), &moved),
    ))
}

/// Intervals that a swapped set may have.
const MAX_SWAPPED_INTERVALS: usize = 1 << 8;
