//! The range of values an expression can take, to find differences that can be negative.

use crate::syntax::program::{ArithmeticOp, Expr};

/// Whether some difference inside `expr` can be negative for some packet.
pub(super) fn may_underflow(expr: &Expr) -> bool {
    match expr {
        Expr::Binary(op, left, right) => {
            let negative = *op == ArithmeticOp::Sub && bounds(left).0 < bounds(right).1;
            negative || may_underflow(left) || may_underflow(right)
        }
        Expr::Load { offset, .. } => may_underflow(offset),
        Expr::Number(_) | Expr::Field(_) | Expr::Len | Expr::WireLen => false,
    }
}

/// The least and the greatest value; everything if a result can wrap.
fn bounds(expr: &Expr) -> (u32, u32) {
    const ANY: (u32, u32) = (0, u32::MAX);
    match expr {
        Expr::Number(value) => (*value, *value),
        Expr::Field(field) => (0, ones(u32::from(field.width))),
        Expr::Load { bytes, .. } => (0, ones(8 * u32::from(*bytes))),
        Expr::Len | Expr::WireLen => ANY,
        Expr::Binary(op, left, right) => binary(*op, bounds(left), bounds(right)).unwrap_or(ANY),
    }
}

/// `None` if a result can wrap.
fn binary(op: ArithmeticOp, left: (u32, u32), right: (u32, u32)) -> Option<(u32, u32)> {
    Some(match op {
        ArithmeticOp::Add => (left.0.checked_add(right.0)?, left.1.checked_add(right.1)?),
        ArithmeticOp::Sub => (left.0.checked_sub(right.1)?, left.1.checked_sub(right.0)?),
        ArithmeticOp::Mul => (left.0.checked_mul(right.0)?, left.1.checked_mul(right.1)?),
        ArithmeticOp::And => (0, left.1.min(right.1)),
        ArithmeticOp::Or => (left.0.max(right.0), filled(left.1 | right.1)),
        ArithmeticOp::Xor => (0, filled(left.1 | right.1)),
        ArithmeticOp::Shl => {
            let high = u64::from(left.1)
                .checked_shl(right.1)
                .filter(|_| right.1 < 32)?;
            (left.0.checked_shl(right.0)?, u32::try_from(high).ok()?)
        }
        ArithmeticOp::Shr => (
            left.0.checked_shr(right.1).unwrap_or(0),
            left.1.checked_shr(right.0).unwrap_or(0),
        ),
    })
}

/// Ones from the highest one down.
fn filled(value: u32) -> u32 {
    u32::MAX.checked_shr(value.leading_zeros()).unwrap_or(0)
}

fn ones(bits: u32) -> u32 {
    u32::MAX >> (32 - bits.clamp(1, 32))
}
