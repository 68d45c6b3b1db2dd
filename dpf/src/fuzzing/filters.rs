//! Random canonical filters.

use alloc::{boxed::Box, vec::Vec};

use super::Random;
use crate::filter::{
    Address, BinaryOp, CompareOp, Error, Expr, Field, Filter, IntervalSet, Load, NodeId, Pool, Test,
};

/// Offsets that fields are drawn from: few, so that filters meet.
const OFFSETS: [u32; 12] = [0, 1, 2, 4, 6, 8, 9, 12, 14, 20, 23, 26];
const MASKS: [u32; 8] = [
    u32::MAX,
    u32::MAX,
    u32::MAX,
    0xf0f0_f0f0,
    0x0f0f_0f0f,
    0xffff_ff00,
    0x1fff_ffff,
    0x8421_1248,
];

/// What random filters are drawn with.
#[derive(Clone, Debug)]
pub struct Draw {
    /// Decides the structure.
    pub structure: Random,
    /// Decides the constants of equalities.
    pub constants: Random,
    /// Decides which conjuncts are left out; with none, nothing is.
    pub omissions: Option<Random>,
    /// How deep the graph is.
    pub depth: u32,
    /// Whether expressions are compared and addresses computed.
    pub expressions: bool,
}

/// A random filter.
///
/// # Errors
///
/// When it passes a limit of the pool.
pub fn filter(draw: &mut Draw) -> Result<Filter, Error> {
    let mut pool = Pool::new();
    let root = node(&mut pool, draw, draw.depth, 1)?;
    pool.finish(root)
}

/// A node under `scope` bases.
fn node(pool: &mut Pool, draw: &mut Draw, depth: u32, scope: u8) -> Result<NodeId, Error> {
    let choice = draw.structure.below(if depth == 0 { 1 } else { 10 });
    match choice {
        0..=1 => test(pool, draw, scope),
        2..=5 => {
            let count = 2 + draw.structure.below(3);
            let parts: Result<Vec<_>, _> = (0..count)
                .map(|_| node(pool, draw, depth - 1, scope))
                .collect();
            let parts = draw.leave_out(parts?);
            pool.and(parts)
        }
        6 => {
            let count = 2 + draw.structure.below(2);
            let parts: Result<Vec<_>, _> = (0..count)
                .map(|_| node(pool, draw, depth - 1, scope))
                .collect();
            pool.or(parts?)
        }
        7 => switch(pool, draw, depth, scope),
        _ => {
            let by = distance(draw, scope);
            let then = node(pool, draw, depth - 1, scope + 1)?;
            let shifted = pool.shift(by, then)?;
            let beside = test(pool, draw, scope)?;
            let parts = draw.leave_out([shifted, beside].into());
            pool.and(parts)
        }
    }
}

impl Draw {
    /// The conjuncts without those left out, but never none.
    fn leave_out(&mut self, mut parts: Vec<NodeId>) -> Vec<NodeId> {
        if let Some(random) = &mut self.omissions {
            while parts.len() > 1 && random.one_in(4) {
                parts.swap_remove(random.below(parts.len() as u32) as usize);
            }
        }
        parts
    }
}

/// One body behind two alternatives that exclude each other, as headers make them.
fn switch(pool: &mut Pool, draw: &mut Draw, depth: u32, scope: u8) -> Result<NodeId, Error> {
    let body = node(pool, draw, depth - 1, scope + 1)?;
    let field = field(draw, scope);
    let mut parts = Vec::new();
    for value in 0..2 + draw.structure.below(2) {
        let kind = pool.bits(field, IntervalSet::single(value & field.value_mask()))?;
        let by = if draw.structure.one_in(3) {
            distance(draw, scope)
        } else {
            Expr::Const(14 + 4 * value)
        };
        let below = pool.shift(by, body)?;
        parts.push(pool.and([kind, below].into())?);
    }
    pool.or(parts)
}

fn field(draw: &mut Draw, scope: u8) -> Field {
    let random = &mut draw.structure;
    let bytes = 1 + random.below(4) as u8;
    let whole = u32::MAX >> (32 - 8 * u32::from(bytes));
    let mask = match *random.pick(&MASKS) & whole {
        0 => whole,
        mask => mask,
    };
    let depth = if random.one_in(4) {
        random.below(u32::from(scope)) as u8
    } else {
        0
    };
    Field {
        depth,
        offset: *random.pick(&OFFSETS),
        bytes,
        mask,
    }
}

fn test(pool: &mut Pool, draw: &mut Draw, scope: u8) -> Result<NodeId, Error> {
    let kind = draw.structure.below(if draw.expressions { 14 } else { 11 });
    match kind {
        0..=6 => {
            let field = field(draw, scope);
            let value = small(&mut draw.constants) & field.value_mask();
            pool.bits(field, IntervalSet::single(value))
        }
        7..=8 => {
            let field = field(draw, scope);
            let count = 1 + draw.structure.below(6);
            let random = &mut draw.structure;
            let ranges: Vec<_> = (0..count)
                .map(|_| {
                    let low = small(random) & field.value_mask();
                    (
                        low,
                        low.saturating_add(random.below(40)).min(field.value_mask()),
                    )
                })
                .collect();
            pool.bits(field, IntervalSet::from_ranges(ranges))
        }
        9 => {
            let (depth, end) = (
                draw.structure.below(u32::from(scope)) as u8,
                draw.structure.below(40),
            );
            pool.captured(depth, end)
        }
        10 => {
            let low = draw.structure.below(60);
            let set = IntervalSet::range(low, low + draw.structure.below(60));
            pool.test(if draw.structure.one_in(2) {
                Test::Len(set)
            } else {
                Test::WireLen(set)
            })
        }
        _ => {
            let (left, right) = (expr(draw, 2, scope), expr(draw, 1, scope));
            let ops = [CompareOp::Eq, CompareOp::Ne, CompareOp::Lt, CompareOp::Le];
            pool.compare(*draw.structure.pick(&ops), left, right)
        }
    }
}

/// Small numbers and some large ones.
fn small(random: &mut Random) -> u32 {
    match random.below(8) {
        0 => random.bits() as u32,
        1 => random.below(70_000),
        _ => random.below(8),
    }
}

fn distance(draw: &mut Draw, scope: u8) -> Expr {
    let random = &mut draw.structure;
    match random.below(5) {
        0..=1 => Expr::Const(random.below(24)),
        2..=3 => {
            let load = Load {
                depth: 0,
                at: Address::Fixed(*random.pick(&OFFSETS)),
                bytes: 1,
                little: false,
            };
            let low = Expr::binary(BinaryOp::And, Expr::Load(load), Expr::Const(0xf));
            Expr::binary(BinaryOp::Shl, low, Expr::Const(2))
        }
        _ if draw.expressions => expr(draw, 1, scope),
        _ => Expr::Const(4),
    }
}

fn expr(draw: &mut Draw, depth: u32, scope: u8) -> Expr {
    let kind = draw.structure.below(if depth == 0 { 4 } else { 9 });
    match kind {
        0 => Expr::Const(small(&mut draw.structure)),
        1 => Expr::Len,
        2 if draw.structure.one_in(2) => Expr::WireLen,
        2 | 3 => Expr::Load(load(draw, scope, Address::Fixed(0))),
        4 => {
            let index = expr(draw, depth - 1, scope);
            let masked = Expr::binary(BinaryOp::And, index, Expr::Const(15));
            Expr::Load(load(draw, scope, Address::Computed(Box::new(masked))))
        }
        _ => {
            let ops = [
                BinaryOp::Add,
                BinaryOp::Sub,
                BinaryOp::Mul,
                BinaryOp::And,
                BinaryOp::Or,
                BinaryOp::Xor,
                BinaryOp::Shl,
                BinaryOp::Shr,
            ];
            let op = *draw.structure.pick(&ops);
            Expr::binary(
                op,
                expr(draw, depth - 1, scope),
                expr(draw, depth - 1, scope),
            )
        }
    }
}

fn load(draw: &mut Draw, scope: u8, at: Address) -> Load {
    let random = &mut draw.structure;
    let at = match at {
        Address::Fixed(_) => Address::Fixed(*random.pick(&OFFSETS)),
        computed => computed,
    };
    Load {
        depth: random.below(u32::from(scope)) as u8,
        at,
        bytes: 1 + random.below(4) as u8,
        little: random.one_in(4),
    }
}
