//! Syntax tree to text: `dpf fmt`, and the other half of the round trip.
//!
//! Items keep their order, their comments and single blank lines between them; everything else is
//! laid out anew in [`WIDTH`] columns. An expression is one line if it fits and has no comment
//! inside; else its outermost chain, set or parenthesis is broken, one operand a line. The lines of
//! a long set or field list end where they did. A comment stays before what it stood before, or
//! behind what it stood behind; one inside an atom moves to the end of that atom's line. What is
//! printed parses to the same tree, spans aside.

mod flat;

use alloc::{format, string::String, string::ToString, vec::Vec};

use super::{
    ast::{Comment, Const, Expr, ExprKind, Field, File, Filter, Header, Item, Root},
    span::Span,
};

/// Columns of a line.
const WIDTH: usize = 100;
/// Columns of one level.
const INDENT: usize = 4;

/// The text of `file`, which was parsed from `source` (only its line breaks are looked at; an
/// empty one will do).
pub fn print(file: &File, source: &str) -> String {
    let mut printer = Printer {
        out: String::new(),
        comments: &file.comments,
        source,
        position: 0,
    };
    for item in &file.items {
        printer.leading(item.span().start, 0);
        if !printer.out.is_empty() && printer.blank_before(item.span().start) {
            printer.out.push('\n');
        }
        printer.item(item);
        printer.reach(item.span());
        printer.newline(0);
    }
    printer.leading(u32::MAX, 0);
    printer.out
}

struct Printer<'a> {
    out: String,
    /// Those not printed yet.
    comments: &'a [Comment],
    source: &'a str,
    /// Where in the source what has been printed ends.
    position: u32,
}

impl Printer<'_> {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Header(header) => self.header(header),
            Item::Const(Const { name, value, .. }) => {
                self.definition(&format!("const {} =", name.text), value);
            }
            Item::Root(Root { name, .. }) => self.out.push_str(&format!("root {};", name.text)),
            Item::Filter(filter) => self.definition(&head(filter), &filter.condition),
        }
    }

    /// `head value;`
    fn definition(&mut self, head: &str, value: &Expr) {
        self.out.push_str(head);
        let before = Span {
            end: value.span.start,
            ..value.span
        };
        let set = matches!(value.kind, ExprKind::Set(_));
        if !self.commented(before) && (set || self.fits(value)) {
            self.out.push(' ');
            self.expr(value, 0);
        } else {
            self.newline(INDENT);
            self.leading(value.span.start, INDENT);
            self.expr(value, INDENT);
        }
        self.out.push(';');
    }

    fn header(&mut self, header: &Header) {
        self.out.push_str(&format!("header {}", header.name.text));
        if let Some(max) = &header.max {
            self.out.push_str(&format!(" max {max}"));
        }
        match &header.fields {
            Some(fields) => {
                self.fields(fields);
                self.clauses(header, true);
            }
            None => {
                let one =
                    header.places.len() == 1 && header.size.is_none() && header.condition.is_none();
                let width = header
                    .places
                    .first()
                    .map_or(0, |place| place.condition.to_string().len());
                let fits = self.column() + width + " on  tunnel;".len() <= WIDTH;
                self.clauses(header, !(one && fits && !self.commented(header.span)));
                self.out.push(';');
            }
        }
    }

    /// ` { … }`: on one line, filled lines, or one a line if there are comments.
    fn fields(&mut self, fields: &[Field]) {
        let Some(last) = fields.last() else {
            return self.out.push_str(" {}");
        };
        let flat: Vec<String> = fields.iter().map(ToString::to_string).collect();
        let commented = self.commented(Span {
            start: self.position,
            ..last.span
        });
        let line = format!(" {{ {} }}", flat.join(", "));
        if !commented && self.column() + line.len() <= WIDTH {
            return self.out.push_str(&line);
        }
        self.out.push_str(" {");
        self.newline(INDENT);
        self.list(
            fields.iter().map(|field| field.span).zip(flat),
            commented,
            INDENT,
        );
        self.newline(0);
        self.out.push('}');
    }

    /// Elements and commas: one a line, or filled lines that end where the source's do.
    fn list(
        &mut self,
        elements: impl Iterator<Item = (Span, String)>,
        commented: bool,
        indent: usize,
    ) {
        for (index, (span, text)) in elements.enumerate() {
            if index > 0 {
                if commented
                    || self.breaks(span.start) > 0
                    || self.column() + text.len() + ", ,".len() > WIDTH
                {
                    self.newline(indent);
                } else {
                    self.out.push(' ');
                }
            }
            self.leading(span.start, indent);
            self.out.push_str(&text);
            self.out.push(',');
            self.reach(span);
        }
    }

    /// `size`, `where` and `on`, each on its line or all on this one.
    fn clauses(&mut self, header: &Header, broken: bool) {
        let size = header.size.as_ref().map(|expr| ("size", expr, false));
        let condition = header.condition.as_ref().map(|expr| ("where", expr, false));
        let places = header
            .places
            .iter()
            .map(|place| ("on", &place.condition, place.tunnel));
        for (keyword, expr, tunnel) in size.into_iter().chain(condition).chain(places) {
            if broken {
                self.newline(INDENT);
                self.leading(expr.span.start, INDENT);
            } else {
                self.out.push(' ');
            }
            self.out.push_str(keyword);
            self.out.push(' ');
            self.expr(expr, 2 * INDENT);
            if tunnel {
                self.out.push_str(" tunnel");
            }
        }
    }

    /// An expression at the current column; lines it goes on in are indented by `indent`.
    fn expr(&mut self, expr: &Expr, indent: usize) {
        if self.fits(expr) {
            self.out.push_str(&expr.to_string());
            return self.reach(expr.span);
        }
        match &expr.kind {
            ExprKind::Or(operands) => self.chain(operands, "|| ", indent),
            ExprKind::And(operands) => self.chain(operands, "&& ", indent),
            ExprKind::Paren(inner) => {
                self.out.push('(');
                self.newline(indent + INDENT);
                self.leading(inner.span.start, indent + INDENT);
                self.expr(inner, indent + INDENT);
                self.newline(indent);
                self.out.push(')');
            }
            ExprKind::Set(elements) if !elements.is_empty() => {
                let commented = self.commented(expr.span);
                self.out.push('{');
                self.newline(indent + INDENT);
                let flat = elements
                    .iter()
                    .map(|element| (element.span, element.to_string()));
                self.list(flat, commented, indent + INDENT);
                self.newline(indent);
                self.out.push('}');
            }
            ExprKind::Not(inner) => {
                self.out.push('!');
                self.expr(inner, indent);
            }
            ExprKind::Binary(op, left, right) => {
                self.expr(left, indent);
                self.out.push_str(&format!(" {} ", op.symbol()));
                self.expr(right, indent);
            }
            _ => self.out.push_str(&expr.to_string()),
        }
        self.reach(expr.span);
    }

    fn chain(&mut self, operands: &[Expr], operator: &str, indent: usize) {
        for (index, operand) in operands.iter().enumerate() {
            if index > 0 {
                self.newline(indent);
                self.leading(operand.span.start, indent);
                self.out.push_str(operator);
            }
            let within = matches!(operand.kind, ExprKind::And(_)) && index > 0;
            self.expr(operand, if within { indent + INDENT } else { indent });
        }
    }

    /// Whether `expr` and a `;` fit on this line, with no comment where it could be broken.
    fn fits(&self, expr: &Expr) -> bool {
        !(breakable(expr) && self.commented(expr.span))
            && self.column() + expr.to_string().len() < WIDTH
    }

    fn commented(&self, span: Span) -> bool {
        self.comments
            .first()
            .is_some_and(|comment| comment.span.start < span.end)
    }

    fn column(&self) -> usize {
        self.out.len() - self.out.rfind('\n').map_or(0, |at| at + 1)
    }

    /// Notes that the source up to the end of `span` is printed.
    fn reach(&mut self, span: Span) {
        self.position = self.position.max(span.end);
    }

    /// Ends the line, with the comments that stood in it, and begins one of `indent` columns.
    fn newline(&mut self, indent: usize) {
        let mut first = true;
        while let Some((comment, rest)) = self.comments.split_first() {
            let inside = comment.span.start < self.position;
            if !inside
                && (!first && comment.text.starts_with(['#', '/'])
                    || self.breaks(comment.span.start) > 0)
            {
                break;
            }
            if !first {
                self.start(indent);
            } else if !self.out.is_empty() {
                self.out.push(' ');
            }
            self.out.push_str(&comment.text);
            self.comments = rest;
            self.reach(comment.span);
            first = false;
        }
        self.start(indent);
    }

    fn start(&mut self, indent: usize) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
        self.out.extend(core::iter::repeat_n(' ', indent));
    }

    /// The comments before `start`, each on lines of its own; the printer is at a line's start.
    fn leading(&mut self, start: u32, indent: usize) {
        while let Some((comment, rest)) = self.comments.split_first() {
            if comment.span.start >= start {
                return;
            }
            if indent == 0 && !self.out.is_empty() && self.breaks(comment.span.start) > 1 {
                self.out.push('\n');
            }
            self.out.push_str(&comment.text);
            self.comments = rest;
            self.reach(comment.span);
            self.start(indent);
        }
    }

    /// How many lines end in the source between what is printed and `start`.
    fn breaks(&self, start: u32) -> usize {
        let between = self
            .source
            .get(self.position as usize..start as usize)
            .unwrap_or("\n");
        between.bytes().filter(|&byte| byte == b'\n').count()
    }

    /// Whether an empty line stands before `start`; without a source, always.
    fn blank_before(&self, start: u32) -> bool {
        self.source.is_empty() || self.breaks(start) > 1
    }
}

/// Whether `expr` can go on in another line.
fn breakable(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Or(_) | ExprKind::And(_) | ExprKind::Paren(_) => true,
        ExprKind::Set(elements) => !elements.is_empty(),
        ExprKind::Not(inner) => breakable(inner),
        ExprKind::Binary(_, left, right) => breakable(left) || breakable(right),
        _ => false,
    }
}

/// A filter up to its `=`.
fn head(filter: &Filter) -> String {
    let mut head = format!("filter {}", filter.name.text);
    if let Some(owner) = &filter.owner {
        head.push_str(&format!(" owner {owner}"));
    }
    if let Some(priority) = &filter.priority {
        let sign = if priority.negative { "-" } else { "" };
        head.push_str(&format!(" priority {sign}{}", priority.magnitude));
    }
    if filter.fragments.is_some() {
        head.push_str(" fragments");
    }
    head + " ="
}
