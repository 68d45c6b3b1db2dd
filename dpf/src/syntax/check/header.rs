//! Header declarations: fields get positions, clauses become conditions and edges.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Checker, items, place::Scope};
use crate::syntax::{
    ast::{self, Item, Width},
    error::{Diagnostic, ErrorKind},
    limits,
    program::{Edge, Expr, Field, FieldKind, Header, HeaderId},
    span::Span,
};

impl Checker {
    /// First pass: every header with a body, its fields and their positions.
    pub(super) fn declare_headers(&mut self, files: &[ast::File]) {
        for item in items(files) {
            let Item::Header(header) = item else { continue };
            let Some(fields) = &header.fields else {
                continue;
            };
            if let Some(&HeaderId(before)) = self.header_names.get(&header.name.text) {
                self.duplicate_header(&header.name, self.headers[usize::from(before)].span);
                continue;
            }
            let count = self.headers.len() as u128 + 1;
            let span = header.name.span;
            if self
                .within(
                    "headers",
                    "MAX_HEADERS",
                    count,
                    limits::MAX_HEADERS as u128,
                    span,
                )
                .is_none()
            {
                return;
            }
            self.header_names.insert(
                header.name.text.clone(),
                HeaderId(self.headers.len() as u16),
            );
            let declared = self.declare(header, fields);
            self.headers.push(declared);
        }
    }

    fn duplicate_header(&mut self, name: &ast::Name, before: Span) {
        let title = format!("a second header called `{}`", name.text);
        let error = Diagnostic::error(ErrorKind::DuplicateName, title, name.span, "declared again");
        let error = error.also(before, "declared first");
        let error = error
            .help("to add places where it may follow, leave the body out: `header NAME on …;`");
        self.refuse::<()>(error);
    }

    fn declare(&mut self, header: &ast::Header, fields: &[ast::Field]) -> Header {
        let mut declared = empty(&header.name.text);
        declared.span = header.name.span;
        declared.max = header.max.as_ref().map_or(1, |max| self.repetition(max));
        let mut names: BTreeMap<&str, Span> = BTreeMap::new();
        let mut bits = 0;
        for field in fields {
            let (width, kind) = self.width(field);
            if let Some(name) = &field.name {
                if let Some(before) = names.insert(&name.text, name.span) {
                    self.duplicate("field", name, before);
                }
                let span = field.span;
                declared.fields.push(Field {
                    name: name.text.clone(),
                    bit: bits,
                    width: width as u8,
                    kind,
                    span,
                });
            }
            bits += width;
            let bytes = u128::from(bits.div_ceil(8));
            let limit = u128::from(limits::MAX_HEADER_BYTES);
            if self
                .within(
                    "bytes in one header",
                    "MAX_HEADER_BYTES",
                    bytes,
                    limit,
                    field.span,
                )
                .is_none()
            {
                break;
            }
        }
        declared.minimum = bits.div_ceil(8);
        if header.size.is_none() && bits % 8 != 0 {
            let missing = 8 - bits % 8;
            let title = format!(
                "`{}` has {bits} bits, not a whole number of bytes",
                header.name.text
            );
            let error = Diagnostic::error(
                ErrorKind::Value,
                title,
                header.name.span,
                "what follows would begin inside a byte",
            );
            self.refuse::<()>(error.help(format!(
                "skip the rest with `_: {missing}`, or give its `size` in bytes"
            )));
        }
        declared
    }

    /// At least 1, so that no arithmetic on it can fail.
    fn repetition(&mut self, max: &ast::Number) -> u8 {
        if max.value == 0 {
            self.error::<()>(
                ErrorKind::Value,
                "`max 0` is no header at all",
                max.span,
                "expected at least 1",
            );
        }
        self.within(
            "repetitions",
            "MAX_REPETITION",
            max.value,
            limits::MAX_REPETITION,
            max.span,
        );
        max.value.clamp(1, limits::MAX_REPETITION) as u8
    }

    /// Bits and notation. A bad width is reported and taken as 8.
    fn width(&mut self, field: &ast::Field) -> (u32, FieldKind) {
        let bits = match &field.width {
            Width::Mac => return (48, FieldKind::Mac),
            Width::Ipv4 => return (32, FieldKind::Ipv4),
            Width::Ipv6 => return (128, FieldKind::Ipv6),
            Width::Bits(bits) => bits,
        };
        let (what, name, limit) = match field.name {
            Some(_) => (
                "bits in a named field",
                "MAX_FIELD_BITS",
                limits::MAX_FIELD_BITS,
            ),
            None => (
                "bits skipped",
                "MAX_HEADER_BYTES",
                u128::from(limits::MAX_HEADER_BYTES) * 8,
            ),
        };
        if bits.value == 0 {
            self.error::<()>(
                ErrorKind::Value,
                "a field of no bits",
                bits.span,
                "expected at least 1",
            );
            return (8, FieldKind::Number);
        }
        match self.within(what, name, bits.value, limit, bits.span) {
            Some(()) => (bits.value as u32, FieldKind::Number),
            None => (8, FieldKind::Number),
        }
    }

    /// Third pass: `size`, `where` and `on`, when all fields and constants are known.
    pub(super) fn check_clauses(&mut self, files: &[ast::File]) {
        for item in items(files) {
            let Item::Header(header) = item else { continue };
            let Some(id) = self.header_named(&header.name) else {
                continue;
            };
            if header.fields.is_some() {
                self.check_body(header, id);
            } else if let Some(span) = body_clause(header) {
                let label = "belongs to the header's declaration";
                self.error::<()>(
                    ErrorKind::Syntax,
                    "a clause without the header's body",
                    span,
                    label,
                );
            }
            for place in &header.places {
                if let Some((parent, edge)) = self.edge(place, id) {
                    self.headers[usize::from(parent.0)].edges.push(edge);
                }
            }
        }
    }

    fn check_body(&mut self, header: &ast::Header, id: HeaderId) {
        if let Some(size) = &header.size {
            let checked = self.number(size, &mut Scope::Header(id));
            let minimum = self.headers[usize::from(id.0)].minimum;
            if let Some(Expr::Number(bytes)) = checked
                && bytes < minimum
            {
                let title = format!(
                    "`{}` can never be there: its fields take {minimum} bytes",
                    header.name.text
                );
                self.error::<()>(
                    ErrorKind::Value,
                    title,
                    size.span,
                    "smaller than the sum of its fields",
                );
            }
            self.headers[usize::from(id.0)].size = checked;
        }
        if let Some(condition) = &header.condition {
            let checked = self.condition(condition, &mut Scope::Header(id));
            self.headers[usize::from(id.0)].condition = checked;
        }
    }

    fn edge(&mut self, place: &ast::Place, child: HeaderId) -> Option<(HeaderId, Edge)> {
        let parent = self.parent(&place.condition)?;
        let on = self.condition(&place.condition, &mut Scope::On(parent))?;
        let count = self.headers[usize::from(parent.0)].edges.len() as u128 + 1;
        self.within(
            "headers that follow one",
            "MAX_EDGES",
            count,
            limits::MAX_EDGES as u128,
            place.span,
        )?;
        Some((
            parent,
            Edge {
                child,
                on,
                tunnel: place.tunnel,
                span: place.span,
            },
        ))
    }
}

/// A header without fields, and nothing after it.
pub(super) fn empty(name: &str) -> Header {
    let name: String = name.to_string();
    let (fields, edges) = (Vec::new(), Vec::new());
    Header {
        name,
        fields,
        minimum: 0,
        max: 1,
        size: None,
        condition: None,
        edges,
        span: Span::default(),
    }
}

/// A clause that only a body may have.
fn body_clause(header: &ast::Header) -> Option<Span> {
    let clause = header
        .size
        .as_ref()
        .or(header.condition.as_ref())
        .map(|expr| expr.span);
    clause.or(header.max.as_ref().map(|max| max.span))
}
