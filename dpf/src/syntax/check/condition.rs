//! Conditions: comparisons, presence, connectives, and the scope of `shift`.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use super::{
    Checker,
    constant::{ConstantValue, Scalar, Subject},
    place::Scope,
};
use crate::syntax::{
    ast::{self, BinaryOp, ExprKind},
    error::ErrorKind,
    limits,
    program::{CompareOp, Cond, Expr, FieldUse, WideRelation},
    span::Span,
};

/// One side of a comparison.
enum Operand {
    /// At most 32 bits.
    Narrow(Expr),
    /// A constant.
    Scalar(Scalar),
    /// A field of more.
    Wide(FieldUse),
}

impl Checker {
    /// A condition; what stands beside it is outside the scope of its shifts.
    pub(super) fn condition(&mut self, expr: &ast::Expr, scope: &mut Scope) -> Option<Cond> {
        match &expr.kind {
            ExprKind::Paren(inner) => self.condition(inner, scope),
            ExprKind::Not(inner) => Some(Cond::Not(Box::new(self.condition(inner, scope)?))),
            ExprKind::And(operands) => self.conjunction(operands, scope),
            ExprKind::Or(operands) => {
                let checked: Vec<Option<Cond>> = operands
                    .iter()
                    .map(|operand| self.condition(operand, scope))
                    .collect();
                Some(Cond::Or(checked.into_iter().collect::<Option<_>>()?))
            }
            ExprKind::Shift(_) => self.conjunction(core::slice::from_ref(expr), scope),
            ExprKind::Path(path)
                if path.field.is_none() && self.own_name(path, scope).is_none() =>
            {
                self.presence(path, expr.span, scope)
            }
            ExprKind::Binary(op, left, right) => match op {
                BinaryOp::In => self.membership(left, right, false, scope),
                BinaryOp::Eq | BinaryOp::Ne if self.is_prefix(right) => {
                    self.membership(left, right, *op == BinaryOp::Ne, scope)
                }
                _ => match comparison(*op) {
                    Some(op) => self.comparison(op, left, right, scope),
                    None => self.no_condition(expr, "a number"),
                },
            },
            ExprKind::Prefix(..) | ExprKind::Range(..) | ExprKind::Set(_) => {
                self.no_condition(expr, "a set")
            }
            _ => self.no_condition(expr, "a number"),
        }
    }

    fn no_condition<T>(&mut self, expr: &ast::Expr, found: &str) -> Option<T> {
        let title = format!("expected a condition, found {found}");
        self.error(
            ErrorKind::Type,
            title,
            expr.span,
            "expected a comparison or a header's name",
        )
    }

    fn presence(&mut self, path: &ast::Path, span: Span, scope: &mut Scope) -> Option<Cond> {
        match self.constant_named(path).map(|constant| constant.value) {
            Some(ConstantValue::Scalar(_)) => self.error(
                ErrorKind::Type,
                "expected a condition, found a number",
                span,
                "a constant",
            ),
            Some(ConstantValue::Set(_)) => self.error(
                ErrorKind::Type,
                "expected a condition, found a set",
                span,
                "a constant",
            ),
            None => Some(Cond::Present(self.place(path, span, scope)?.0)),
        }
    }

    /// Operands of one `&&`, where each shift governs what stands to its right.
    fn conjunction(&mut self, operands: &[ast::Expr], scope: &mut Scope) -> Option<Cond> {
        let open = self.shifts;
        let mut parts = Vec::with_capacity(operands.len());
        for operand in operands {
            let part = match &operand.kind {
                ExprKind::Shift(by) => self.shift(by, operand.span, scope).map(Part::Shift),
                _ => self.condition(operand, scope).map(Part::Cond),
            };
            parts.push((part, self.loads, operand.span));
        }
        self.shifts = open;
        let loads = self.loads;
        for (part, before, span) in &parts {
            if matches!(part, Some(Part::Shift(_))) && *before == loads {
                let label = "its scope ends with the innermost parenthesis, `||` or `!`";
                self.error::<()>(
                    ErrorKind::Shift,
                    "a shift after which nothing is loaded",
                    *span,
                    label,
                );
            }
        }
        let parts: Option<Vec<Part>> = parts.into_iter().map(|(part, ..)| part).collect();
        Some(scoped(parts?))
    }

    fn shift(&mut self, by: &ast::Expr, span: Span, scope: &mut Scope) -> Option<Expr> {
        if !matches!(scope, Scope::Filter { .. }) {
            return self.error(
                ErrorKind::Shift,
                "a shift in a header's declaration",
                span,
                "give the header's `size` instead",
            );
        }
        self.shifts += 1;
        let given = self.shifts as u128;
        let distance = self.distance(by, scope);
        self.within(
            "shifts in a row",
            "MAX_DEPTH",
            given,
            limits::MAX_DEPTH as u128,
            span,
        )?;
        distance
    }

    fn comparison(
        &mut self,
        op: CompareOp,
        left: &ast::Expr,
        right: &ast::Expr,
        scope: &mut Scope,
    ) -> Option<Cond> {
        let (a, b) = (self.operand(left, scope), self.operand(right, scope));
        match (a?, b?) {
            (Operand::Scalar(a), Operand::Scalar(b)) => {
                let (left, right) = (
                    self.narrow_scalar(a, left.span)?,
                    self.narrow_scalar(b, right.span)?,
                );
                Some(Cond::Compare { op, left, right })
            }
            (Operand::Narrow(left_expr), Operand::Scalar(scalar)) => {
                let subject = self.subject(&left_expr, left);
                self.fits(scalar, Some(&subject), right.span)?;
                let right = self.narrow_scalar(scalar, right.span)?;
                Some(Cond::Compare {
                    op,
                    left: left_expr,
                    right,
                })
            }
            (Operand::Scalar(scalar), Operand::Narrow(right_expr)) => {
                let subject = self.subject(&right_expr, right);
                self.fits(scalar, Some(&subject), left.span)?;
                let left = self.narrow_scalar(scalar, left.span)?;
                Some(Cond::Compare {
                    op,
                    left,
                    right: right_expr,
                })
            }
            (Operand::Narrow(left), Operand::Narrow(right)) => {
                Some(Cond::Compare { op, left, right })
            }
            (Operand::Wide(field), Operand::Scalar(scalar)) => {
                self.wide_value(field, op, scalar, left, right.span)
            }
            (Operand::Scalar(scalar), Operand::Wide(field)) => {
                self.wide_value(field, op.swapped(), scalar, right, left.span)
            }
            (Operand::Wide(a), Operand::Wide(b)) if a.width == b.width => Some(Cond::Wide {
                field: a,
                relation: WideRelation::Field(op, b),
            }),
            (Operand::Wide(a), Operand::Wide(b)) => {
                self.unequal(u32::from(a.width), u32::from(b.width), right.span)
            }
            (Operand::Wide(field), Operand::Narrow(_)) => {
                self.unequal(u32::from(field.width), 32, right.span)
            }
            (Operand::Narrow(_), Operand::Wide(field)) => {
                self.unequal(u32::from(field.width), 32, left.span)
            }
        }
    }

    fn wide_value(
        &mut self,
        field: FieldUse,
        op: CompareOp,
        scalar: Scalar,
        subject: &ast::Expr,
        span: Span,
    ) -> Option<Cond> {
        let subject = Subject {
            name: format!("`{}`", spelled(subject)),
            bits: u32::from(field.width),
        };
        self.fits(scalar, Some(&subject), span)?;
        Some(Cond::Wide {
            field,
            relation: WideRelation::Value(op, scalar.value),
        })
    }

    fn unequal<T>(&mut self, wide: u32, other: u32, span: Span) -> Option<T> {
        let title = format!("a field of {wide} bits compared with one of {other}");
        let label = "fields wider than 32 bits compare with constants and with fields as wide";
        self.error(ErrorKind::Type, title, span, label)
    }

    fn operand(&mut self, expr: &ast::Expr, scope: &mut Scope) -> Option<Operand> {
        if let ExprKind::Paren(inner) = &expr.kind {
            return self.operand(inner, scope);
        }
        if let ExprKind::Path(path) = &expr.kind {
            if let Some(own) = self.own_name(path, scope) {
                return Some(sized(own));
            }
            if let Some(name) = &path.field {
                let (place, header) = self.place(path, expr.span, scope)?;
                return Some(sized(self.field(place, header, name)?));
            }
        }
        if let Some(scalar) = self.literal(expr) {
            return Some(Operand::Scalar(scalar));
        }
        self.number(expr, scope).map(Operand::Narrow)
    }

    fn narrow_scalar(&mut self, scalar: Scalar, span: Span) -> Option<Expr> {
        match u32::try_from(scalar.value) {
            Ok(value) => Some(Expr::Number(value)),
            Err(_) => self.error(
                ErrorKind::Value,
                "a value of more than 32 bits",
                span,
                "too wide",
            ),
        }
    }

    /// `value in set`, or its complement.
    fn membership(
        &mut self,
        value: &ast::Expr,
        set: &ast::Expr,
        negated: bool,
        scope: &mut Scope,
    ) -> Option<Cond> {
        let operand = match self.operand(value, scope)? {
            Operand::Scalar(scalar) => Operand::Narrow(self.narrow_scalar(scalar, value.span)?),
            operand => operand,
        };
        match operand {
            Operand::Wide(field) => {
                let subject = Subject {
                    name: format!("`{}`", spelled(value)),
                    bits: u32::from(field.width),
                };
                let set = self.set(set, Some(&subject))?;
                Some(Cond::Wide {
                    field,
                    relation: WideRelation::In { set, negated },
                })
            }
            Operand::Narrow(expr) => {
                let subject = self.subject(&expr, value);
                let set = self.set(set, Some(&subject))?;
                Some(Cond::In {
                    value: expr,
                    set,
                    negated,
                })
            }
            Operand::Scalar(_) => None,
        }
    }

    /// What a constant beside `expr` must fit.
    fn subject(&self, expr: &Expr, written: &ast::Expr) -> Subject {
        match expr {
            Expr::Field(field) => Subject {
                name: format!("`{}`", spelled(written)),
                bits: u32::from(field.width),
            },
            Expr::Load { bytes, .. } => Subject {
                name: String::from("the load"),
                bits: 8 * u32::from(*bytes),
            },
            _ => Subject {
                name: String::from("the expression"),
                bits: 32,
            },
        }
    }
}

/// An operand of `&&`.
enum Part {
    Cond(Cond),
    Shift(Expr),
}

/// Folds from the right: each shift takes what is behind it.
fn scoped(parts: Vec<Part>) -> Cond {
    let mut behind: Vec<Cond> = Vec::with_capacity(parts.len());
    for part in parts.into_iter().rev() {
        match part {
            Part::Cond(cond) => behind.push(cond),
            Part::Shift(by) => {
                let then = Box::new(conjoined(core::mem::take(&mut behind)));
                behind.push(Cond::Shift { by, then });
            }
        }
    }
    conjoined(behind)
}

/// The conjunction of conditions given last first.
fn conjoined(mut reversed: Vec<Cond>) -> Cond {
    match reversed.pop() {
        Some(only) if reversed.is_empty() => only,
        Some(first) => {
            reversed.push(first);
            reversed.reverse();
            Cond::And(reversed)
        }
        None => Cond::And(reversed),
    }
}

fn sized(field: FieldUse) -> Operand {
    if field.width <= 32 {
        Operand::Narrow(Expr::Field(field))
    } else {
        Operand::Wide(field)
    }
}

/// A field as it was written.
fn spelled(expr: &ast::Expr) -> String {
    let ExprKind::Path(path) = &expr.kind else {
        return String::from("the field");
    };
    let mut text = path
        .headers
        .iter()
        .map(|name| name.text.as_str())
        .collect::<Vec<_>>()
        .join("/");
    if let Some(field) = &path.field {
        text.push('.');
        text.push_str(&field.text);
    }
    text
}

fn comparison(op: BinaryOp) -> Option<CompareOp> {
    Some(match op {
        BinaryOp::Eq => CompareOp::Eq,
        BinaryOp::Ne => CompareOp::Ne,
        BinaryOp::Lt => CompareOp::Lt,
        BinaryOp::Le => CompareOp::Le,
        BinaryOp::Gt => CompareOp::Gt,
        BinaryOp::Ge => CompareOp::Ge,
        _ => return None,
    })
}

impl CompareOp {
    /// The operator with its operands swapped.
    fn swapped(self) -> CompareOp {
        match self {
            CompareOp::Lt => CompareOp::Gt,
            CompareOp::Le => CompareOp::Ge,
            CompareOp::Gt => CompareOp::Lt,
            CompareOp::Ge => CompareOp::Le,
            same => same,
        }
    }
}
