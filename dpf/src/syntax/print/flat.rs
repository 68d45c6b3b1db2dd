//! Every node of the syntax tree on one line.

use core::fmt::{self, Display, Formatter};

use crate::syntax::ast::{Expr, ExprKind, Field, Notation, Number, Path, Width};

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.notation {
            Notation::Decimal => write!(f, "{}", self.value),
            Notation::Hexadecimal(digits) => {
                write!(f, "0x{:0width$x}", self.value, width = usize::from(digits))
            }
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name.as_ref().map_or("_", |name| &name.text))?;
        match &self.width {
            Width::Bits(bits) => bits.fmt(f),
            Width::Mac => f.write_str("mac"),
            Width::Ipv4 => f.write_str("ipv4"),
            Width::Ipv6 => f.write_str("ipv6"),
        }
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, header) in self.headers.iter().enumerate() {
            f.write_str(if index > 0 { "/" } else { "" })?;
            f.write_str(&header.text)?;
        }
        self.field
            .as_ref()
            .map_or(Ok(()), |field| write!(f, ".{}", field.text))
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number) => number.fmt(f),
            ExprKind::Ipv4(address) => write!(f, "{address}"),
            ExprKind::Ipv6(address) => write!(f, "{address}"),
            ExprKind::Mac([a, b, c, d, e, g]) => {
                write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
            }
            ExprKind::Prefix(address, length) => write!(f, "{address}/{length}"),
            ExprKind::Range(low, high) => write!(f, "{low}..{high}"),
            ExprKind::Set(elements) if elements.is_empty() => f.write_str("{}"),
            ExprKind::Set(elements) => {
                f.write_str("{ ")?;
                joined(f, elements, ", ")?;
                f.write_str(" }")
            }
            ExprKind::Path(path) => path.fmt(f),
            ExprKind::Len => f.write_str("len"),
            ExprKind::WireLen => f.write_str("wirelen"),
            ExprKind::Load {
                offset,
                bits,
                little,
            } => {
                write!(f, "{offset}:{bits}{}", if *little { " le" } else { "" })
            }
            ExprKind::Shift(by) => write!(f, "shift({by})"),
            ExprKind::Not(inner) => write!(f, "!{inner}"),
            ExprKind::And(operands) => joined(f, operands, " && "),
            ExprKind::Or(operands) => joined(f, operands, " || "),
            ExprKind::Binary(op, left, right) => write!(f, "{left} {} {right}", op.symbol()),
            ExprKind::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

fn joined(f: &mut Formatter<'_>, list: &[Expr], separator: &str) -> fmt::Result {
    for (index, expr) in list.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        expr.fmt(f)?;
    }
    Ok(())
}
