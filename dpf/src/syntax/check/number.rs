//! Arithmetic: 32-bit expressions over fields, loads and constants. Constant parts are folded.

use alloc::{boxed::Box, format};

use super::{Checker, bounds, constant::ConstantValue, place::Scope};
use crate::syntax::{
    ast::{self, BinaryOp, ExprKind},
    error::{Diagnostic, ErrorKind},
    program::{ArithmeticOp, Expr, PlaceId},
    span::Span,
};

impl Checker {
    /// A number of at most 32 bits.
    pub(super) fn number(&mut self, expr: &ast::Expr, scope: &mut Scope) -> Option<Expr> {
        match &expr.kind {
            ExprKind::Number(_) | ExprKind::Ipv4(_) | ExprKind::Ipv6(_) | ExprKind::Mac(_) => {
                self.literal_number(expr)
            }
            ExprKind::Path(path) => self.named_number(path, expr, scope),
            ExprKind::Len | ExprKind::WireLen if matches!(scope, Scope::Constant) => self.error(
                ErrorKind::Type,
                "not a constant",
                expr.span,
                "expected a constant",
            ),
            ExprKind::Len => Some(Expr::Len),
            ExprKind::WireLen => Some(Expr::WireLen),
            ExprKind::Load {
                offset,
                bits,
                little,
            } => self.load(offset, bits, *little, expr.span, scope),
            ExprKind::Paren(inner) => self.number(inner, scope),
            ExprKind::Binary(op, left, right) => match arithmetic(*op) {
                Some(op) => {
                    let (left, right) = (self.number(left, scope), self.number(right, scope));
                    Some(fold(op, left?, right?))
                }
                None => self.no_number(expr.span, "a condition"),
            },
            ExprKind::Not(_) => {
                let error = Diagnostic::error(
                    ErrorKind::Type,
                    "expected a number, found a condition",
                    expr.span,
                    "`!` negates a condition",
                );
                self.refuse(
                    error.help("to negate a comparison, put it in parentheses: `!(a == b)`"),
                )
            }
            ExprKind::And(_) | ExprKind::Or(_) => self.no_number(expr.span, "a condition"),
            ExprKind::Shift(_) => self.no_number(expr.span, "a shift"),
            ExprKind::Prefix(..) | ExprKind::Range(..) | ExprKind::Set(_) => {
                self.set_as_number(expr.span)
            }
        }
    }

    fn no_number<T>(&mut self, span: Span, found: &str) -> Option<T> {
        self.error(
            ErrorKind::Type,
            format!("expected a number, found {found}"),
            span,
            "expected a number",
        )
    }

    fn set_as_number<T>(&mut self, span: Span) -> Option<T> {
        let error = Diagnostic::error(
            ErrorKind::Type,
            "expected a number, found a set",
            span,
            "expected a number",
        );
        self.refuse(error.help("membership is written `in`"))
    }

    fn literal_number(&mut self, expr: &ast::Expr) -> Option<Expr> {
        let scalar = self.literal(expr)?;
        match u32::try_from(scalar.value) {
            Ok(value) => Some(Expr::Number(value)),
            Err(_) => self.error(
                ErrorKind::Value,
                "a value of more than 32 bits",
                expr.span,
                "only fields wider than 32 bits are compared with such values",
            ),
        }
    }

    fn named_number(
        &mut self,
        path: &ast::Path,
        expr: &ast::Expr,
        scope: &mut Scope,
    ) -> Option<Expr> {
        if let Some(own) = self.own_name(path, scope) {
            return self.narrow_field(own, expr.span);
        }
        if let Some(constant) = self.constant_named(path) {
            return match constant.value {
                ConstantValue::Scalar(_) => self.literal_number(expr),
                ConstantValue::Set(_) => self.set_as_number(expr.span),
            };
        }
        let (place, header) = self.place(path, expr.span, scope)?;
        let Some(name) = &path.field else {
            return self.no_number(expr.span, "a header");
        };
        let field = self.field(place, header, name)?;
        self.narrow_field(field, expr.span)
    }

    /// In `size` and `where`, a lone name is a field of the header before it is a constant.
    pub(super) fn own_name(
        &self,
        path: &ast::Path,
        scope: &Scope,
    ) -> Option<crate::syntax::program::FieldUse> {
        let Scope::Header(own) = scope else {
            return None;
        };
        if path.headers.len() > 1 || path.field.is_some() {
            return None;
        }
        self.own_field(PlaceId::SELF, *own, &path.headers[0].text)
    }

    fn narrow_field(
        &mut self,
        field: crate::syntax::program::FieldUse,
        span: Span,
    ) -> Option<Expr> {
        if field.width <= 32 {
            return Some(Expr::Field(field));
        }
        let title = format!("a field of {} bits in arithmetic", field.width);
        self.error(
            ErrorKind::Type,
            title,
            span,
            "fields wider than 32 bits take `==`, `!=`, `in` and ordering only",
        )
    }

    fn load(
        &mut self,
        offset: &ast::Expr,
        bits: &ast::Number,
        little: bool,
        span: Span,
        scope: &mut Scope,
    ) -> Option<Expr> {
        if matches!(scope, Scope::Constant) {
            return self.error(
                ErrorKind::Type,
                "not a constant",
                span,
                "expected a constant",
            );
        }
        self.loads += 1;
        let offset = self.number(offset, scope);
        let bytes = match bits.value {
            8 => 1,
            16 => 2,
            32 => 4,
            _ => {
                let title = format!("a load of {} bits", bits.value);
                return self.error(ErrorKind::Value, title, bits.span, "expected 8, 16 or 32");
            }
        };
        Some(Expr::Load {
            offset: Box::new(offset?),
            bytes,
            little,
        })
    }

    /// The distance of a shift, which must not be able to run backwards.
    pub(super) fn distance(&mut self, by: &ast::Expr, scope: &mut Scope) -> Option<Expr> {
        let distance = self.number(by, scope)?;
        if !bounds::may_underflow(&distance) {
            return Some(distance);
        }
        let error = Diagnostic::error(
            ErrorKind::Shift,
            "a shift that can run backwards",
            by.span,
            "this difference can be negative",
        );
        self.refuse(error.help("the base only moves forward: subtract no more than the least value, or test the value without `shift`"))
    }
}

/// Number operators; `None` for comparisons.
fn arithmetic(op: BinaryOp) -> Option<ArithmeticOp> {
    Some(match op {
        BinaryOp::Add => ArithmeticOp::Add,
        BinaryOp::Sub => ArithmeticOp::Sub,
        BinaryOp::Mul => ArithmeticOp::Mul,
        BinaryOp::And => ArithmeticOp::And,
        BinaryOp::Or => ArithmeticOp::Or,
        BinaryOp::Xor => ArithmeticOp::Xor,
        BinaryOp::Shl => ArithmeticOp::Shl,
        BinaryOp::Shr => ArithmeticOp::Shr,
        _ => return None,
    })
}

/// The operation, carried out if both operands are constants. A difference of constants that
/// would wrap is kept, so that a shift by it is seen to run backwards.
fn fold(op: ArithmeticOp, left: Expr, right: Expr) -> Expr {
    let (&Expr::Number(a), &Expr::Number(b)) = (&left, &right) else {
        return Expr::Binary(op, Box::new(left), Box::new(right));
    };
    Expr::Number(match op {
        ArithmeticOp::Add => a.wrapping_add(b),
        ArithmeticOp::Sub if a < b => return Expr::Binary(op, Box::new(left), Box::new(right)),
        ArithmeticOp::Sub => a - b,
        ArithmeticOp::Mul => a.wrapping_mul(b),
        ArithmeticOp::And => a & b,
        ArithmeticOp::Or => a | b,
        ArithmeticOp::Xor => a ^ b,
        ArithmeticOp::Shl => a.checked_shl(b).unwrap_or(0),
        ArithmeticOp::Shr => a.checked_shr(b).unwrap_or(0),
    })
}
