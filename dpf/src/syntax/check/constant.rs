//! Constants and sets: scalars, prefixes, ranges, and what may be compared with what.
//!
//! A literal's notation says how wide it means to be: an IPv4 address is 32 bits, whatever its
//! value, so comparing one with a port is a mistake even when it would fit.

use alloc::{format, string::String, vec::Vec};

use super::{Checker, items, place::Scope};
use crate::syntax::{
    ast::{self, ExprKind, Item},
    error::{Diagnostic, ErrorKind},
    limits,
    program::{Expr, SetId, ValueSet},
    span::Span,
};

/// How a value was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Notation {
    #[default]
    Number,
    Ipv4,
    Mac,
    Ipv6,
}

impl Notation {
    /// How many bits it means, `None` if as many as it takes.
    fn bits(self) -> Option<u32> {
        match self {
            Notation::Number => None,
            Notation::Ipv4 => Some(32),
            Notation::Mac => Some(48),
            Notation::Ipv6 => Some(128),
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Notation::Number => "a number",
            Notation::Ipv4 => "an IPv4 address",
            Notation::Mac => "a MAC address",
            Notation::Ipv6 => "an IPv6 address",
        }
    }

    /// The notation of both, unless they differ. A number goes with every other.
    fn with(self, other: Notation) -> Option<Notation> {
        match (self, other) {
            (Notation::Number, other) => Some(other),
            (own, Notation::Number) => Some(own),
            (own, other) => (own == other).then_some(own),
        }
    }
}

/// A value known without a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scalar {
    pub(super) value: u128,
    pub(super) notation: Notation,
}

/// What a constant's name stands for.
#[derive(Clone, Copy)]
pub(super) struct Constant {
    pub(super) value: ConstantValue,
    /// Whether it is one prefix, which takes `==` and `!=` besides `in`.
    prefix: bool,
    pub(super) span: Span,
}

#[derive(Clone, Copy)]
pub(super) enum ConstantValue {
    Scalar(Scalar),
    Set(SetId),
}

/// What a value is compared with, for messages and widths.
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) bits: u32,
}

/// Inclusive intervals as they are gathered.
#[derive(Default)]
struct Gathered {
    intervals: Vec<(u128, u128)>,
    notation: Notation,
}

impl Checker {
    /// Second pass: constants in order; each may use those before it.
    pub(super) fn define_constants(&mut self, files: &[ast::File]) {
        for item in items(files) {
            let Item::Const(constant) = item else {
                continue;
            };
            let name = &constant.name;
            let header = self
                .header_names
                .get(&name.text)
                .map(|id| self.headers[usize::from(id.0)].span);
            if let Some(before) = self
                .constants
                .get(&name.text)
                .map(|before| before.span)
                .or(header)
            {
                self.duplicate("header or constant", name, before);
                continue;
            }
            let Some(value) = self.constant_value(&constant.value) else {
                continue;
            };
            let given = self.constants.len() as u128 + 1;
            if self
                .within(
                    "constants",
                    "MAX_CONSTANTS",
                    given,
                    limits::MAX_CONSTANTS as u128,
                    name.span,
                )
                .is_none()
            {
                return;
            }
            let prefix = self.is_prefix(&constant.value);
            let span = name.span;
            self.constants.insert(
                name.text.clone(),
                Constant {
                    value,
                    prefix,
                    span,
                },
            );
        }
    }

    fn constant_value(&mut self, value: &ast::Expr) -> Option<ConstantValue> {
        match &value.kind {
            ExprKind::Prefix(..) | ExprKind::Range(..) | ExprKind::Set(_) => {
                self.set(value, None).map(ConstantValue::Set)
            }
            ExprKind::Path(path) => match self.constant_named(path) {
                Some(constant) => Some(constant.value),
                None => self.scalar(value).map(ConstantValue::Scalar),
            },
            _ => self.scalar(value).map(ConstantValue::Scalar),
        }
    }

    /// The constant that a lone name stands for.
    pub(super) fn constant_named(&self, path: &ast::Path) -> Option<Constant> {
        if path.headers.len() > 1 || path.field.is_some() {
            return None;
        }
        self.constants.get(&path.headers[0].text).copied()
    }

    /// Whether `expr` is a prefix or the name of one.
    pub(super) fn is_prefix(&self, expr: &ast::Expr) -> bool {
        match &expr.kind {
            ExprKind::Prefix(..) => true,
            ExprKind::Path(path) => self
                .constant_named(path)
                .is_some_and(|constant| constant.prefix),
            _ => false,
        }
    }

    /// The value of a literal or of a constant's name, silently; `None` for anything else.
    pub(super) fn literal(&self, expr: &ast::Expr) -> Option<Scalar> {
        let (value, notation) = match &expr.kind {
            ExprKind::Number(number) => (number.value, Notation::Number),
            ExprKind::Ipv4(address) => (u128::from(address.to_bits()), Notation::Ipv4),
            ExprKind::Ipv6(address) => (address.to_bits(), Notation::Ipv6),
            ExprKind::Mac(bytes) => (
                bytes
                    .iter()
                    .fold(0, |value, &byte| value << 8 | u128::from(byte)),
                Notation::Mac,
            ),
            ExprKind::Paren(inner) => return self.literal(inner),
            ExprKind::Path(path) => match self.constant_named(path)?.value {
                ConstantValue::Scalar(scalar) => return Some(scalar),
                ConstantValue::Set(_) => return None,
            },
            _ => return None,
        };
        Some(Scalar { value, notation })
    }

    /// A constant value, computed in 32 bits where it is not a literal.
    pub(super) fn scalar(&mut self, expr: &ast::Expr) -> Option<Scalar> {
        if let Some(scalar) = self.literal(expr) {
            return Some(scalar);
        }
        match self.number(expr, &mut Scope::Constant)? {
            Expr::Number(value) => Some(Scalar {
                value: u128::from(value),
                notation: Notation::Number,
            }),
            _ => self.error(
                ErrorKind::Type,
                "not a constant",
                expr.span,
                "expected a constant",
            ),
        }
    }

    /// The set that `expr` denotes, each element checked against `subject` if there is one.
    pub(super) fn set(&mut self, expr: &ast::Expr, subject: Option<&Subject>) -> Option<SetId> {
        if let ExprKind::Path(path) = &expr.kind
            && let Some(Constant {
                value: ConstantValue::Set(id),
                span,
                ..
            }) = self.constant_named(path)
        {
            self.set_fits(id, subject, expr.span, span)?;
            return Some(id);
        }
        let mut gathered = Gathered::default();
        match &expr.kind {
            ExprKind::Set(elements) if elements.is_empty() => {
                return self.error(
                    ErrorKind::Value,
                    "an empty set",
                    expr.span,
                    "nothing is in it",
                );
            }
            ExprKind::Set(elements) => {
                let mut good = Some(());
                for element in elements {
                    good = self.element(element, subject, &mut gathered).and(good);
                }
                good?;
            }
            _ => self.element(expr, subject, &mut gathered)?,
        }
        let count = self.set_elements + gathered.intervals.len();
        let limit = limits::MAX_SET_ELEMENTS as u128;
        self.within(
            "elements in all sets",
            "MAX_SET_ELEMENTS",
            count as u128,
            limit,
            expr.span,
        )?;
        self.set_elements = count;
        self.sets.push(ValueSet {
            intervals: merged(gathered.intervals),
        });
        self.set_notations.push(gathered.notation);
        Some(SetId(self.sets.len() as u32 - 1))
    }

    fn element(
        &mut self,
        expr: &ast::Expr,
        subject: Option<&Subject>,
        into: &mut Gathered,
    ) -> Option<()> {
        if let ExprKind::Path(path) = &expr.kind
            && let Some(Constant {
                value: ConstantValue::Set(id),
                span,
                ..
            }) = self.constant_named(path)
        {
            self.set_fits(id, subject, expr.span, span)?;
            self.join(into, self.set_notations[id.0 as usize], expr.span)?;
            let elements = self.sets[id.0 as usize].intervals.len();
            let given = (self.set_elements + into.intervals.len() + elements) as u128;
            let limit = limits::MAX_SET_ELEMENTS as u128;
            self.within(
                "elements in all sets",
                "MAX_SET_ELEMENTS",
                given,
                limit,
                expr.span,
            )?;
            into.intervals
                .extend_from_slice(&self.sets[id.0 as usize].intervals);
            return Some(());
        }
        let (low, high) = self.interval(expr)?;
        self.fits(high, subject, expr.span)?;
        self.join(into, low.notation, expr.span)?;
        self.join(into, high.notation, expr.span)?;
        into.intervals.push((low.value, high.value));
        Some(())
    }

    fn join(&mut self, into: &mut Gathered, notation: Notation, span: Span) -> Option<()> {
        match into.notation.with(notation) {
            Some(both) => {
                into.notation = both;
                Some(())
            }
            None => {
                let title = format!(
                    "{} beside {}",
                    notation.describe(),
                    into.notation.describe()
                );
                self.error(
                    ErrorKind::Type,
                    title,
                    span,
                    "a set has elements of one kind",
                )
            }
        }
    }

    fn interval(&mut self, expr: &ast::Expr) -> Option<(Scalar, Scalar)> {
        match &expr.kind {
            ExprKind::Prefix(address, length) => self.prefix(address, length, expr.span),
            ExprKind::Range(low, high) => {
                let (low, high) = (self.scalar(low), self.scalar(high));
                let (low, high) = (low?, high?);
                if low.value <= high.value {
                    return Some((low, high));
                }
                let error = Diagnostic::error(
                    ErrorKind::Value,
                    "an empty range",
                    expr.span,
                    "the first value is the larger",
                );
                self.refuse(error.help("write the smaller value first; both ends are included"))
            }
            ExprKind::Set(_) => self.error(
                ErrorKind::Type,
                "a set in a set",
                expr.span,
                "expected an element",
            ),
            _ => self.scalar(expr).map(|scalar| (scalar, scalar)),
        }
    }

    fn prefix(
        &mut self,
        address: &ast::Expr,
        length: &ast::Number,
        span: Span,
    ) -> Option<(Scalar, Scalar)> {
        let low = self.literal(address)?;
        let bits = low.notation.bits().unwrap_or(128);
        if length.value > u128::from(bits) {
            let title = format!("{} has {bits} bits", low.notation.describe());
            return self.error(ErrorKind::Value, title, length.span, "the prefix is longer");
        }
        let host = all_ones(bits - length.value as u32);
        if low.value & host != 0 {
            let network = display(Scalar {
                value: low.value & !host,
                ..low
            });
            let error = Diagnostic::error(
                ErrorKind::Value,
                "a prefix with host bits set",
                span,
                "bits behind the prefix are not zero",
            );
            return self.refuse(error.help(format!("the network is `{network}/{}`", length.value)));
        }
        Some((
            low,
            Scalar {
                value: low.value | host,
                ..low
            },
        ))
    }

    /// Checks a value against the width of what it is compared with.
    pub(super) fn fits(
        &mut self,
        scalar: Scalar,
        subject: Option<&Subject>,
        span: Span,
    ) -> Option<()> {
        let Some(subject) = subject else {
            return Some(());
        };
        let label = match scalar.notation.bits() {
            Some(bits) if bits != subject.bits => {
                format!("{} has {bits} bits", scalar.notation.describe())
            }
            _ if scalar.value > all_ones(subject.bits) => {
                format!("at most {}", all_ones(subject.bits))
            }
            _ => return Some(()),
        };
        let title = format!(
            "a value that does not fit {}, which has {} bits",
            subject.name, subject.bits
        );
        self.error(ErrorKind::Value, title, span, &label)
    }

    fn set_fits(
        &mut self,
        id: SetId,
        subject: Option<&Subject>,
        span: Span,
        declared: Span,
    ) -> Option<()> {
        let index = id.0 as usize;
        let value = self.sets[index]
            .intervals
            .last()
            .map_or(0, |&(_, high)| high);
        let errors = self.errors.len();
        let fits = self.fits(
            Scalar {
                value,
                notation: self.set_notations[index],
            },
            subject,
            span,
        );
        if let (None, Some(error)) = (fits, self.errors.get_mut(errors)) {
            *error = error.clone().also(declared, "the set is declared here");
        }
        fits
    }
}

/// Ascending, disjoint, not adjacent.
fn merged(mut intervals: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    intervals.sort_unstable();
    let mut merged: Vec<(u128, u128)> = Vec::with_capacity(intervals.len());
    for (low, high) in intervals {
        match merged.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            _ => merged.push((low, high)),
        }
    }
    merged
}

/// The largest value of so many bits.
pub(super) fn all_ones(bits: u32) -> u128 {
    if bits == 0 {
        0
    } else {
        u128::MAX >> (128 - bits.min(128))
    }
}

fn display(scalar: Scalar) -> String {
    match scalar.notation {
        Notation::Number => format!("{}", scalar.value),
        Notation::Ipv4 => format!("{}", core::net::Ipv4Addr::from_bits(scalar.value as u32)),
        Notation::Ipv6 => format!("{}", core::net::Ipv6Addr::from_bits(scalar.value)),
        Notation::Mac => {
            let bytes = scalar.value.to_be_bytes();
            bytes[10..]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<Vec<_>>()
                .join(":")
        }
    }
}
