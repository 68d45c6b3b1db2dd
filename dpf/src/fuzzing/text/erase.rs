//! Syntax trees without their spans, so that trees of different texts can be compared.

use crate::syntax::{
    Span,
    ast::{Expr, ExprKind, Field, File, Filter, Header, Item, Name, Number, Path, Width},
};

/// The tree with every span zero and without comments.
pub(super) fn file(mut file: File) -> File {
    file.comments.clear();
    file.items.iter_mut().for_each(item);
    file
}

fn item(item: &mut Item) {
    match item {
        Item::Header(declared) => header(declared),
        Item::Const(constant) => {
            constant.span = Span::default();
            name(&mut constant.name);
            expr(&mut constant.value);
        }
        Item::Root(root) => {
            root.span = Span::default();
            name(&mut root.name);
        }
        Item::Filter(declared) => filter(declared),
    }
}

fn header(header: &mut Header) {
    header.span = Span::default();
    name(&mut header.name);
    header.max.iter_mut().for_each(number);
    header.fields.iter_mut().flatten().for_each(field);
    header
        .size
        .iter_mut()
        .chain(&mut header.condition)
        .for_each(expr);
    for place in &mut header.places {
        place.span = Span::default();
        expr(&mut place.condition);
    }
}

fn field(field: &mut Field) {
    field.span = Span::default();
    field.name.iter_mut().for_each(name);
    if let Width::Bits(bits) = &mut field.width {
        number(bits);
    }
}

fn filter(filter: &mut Filter) {
    filter.span = Span::default();
    name(&mut filter.name);
    filter.owner.iter_mut().for_each(number);
    filter
        .priority
        .iter_mut()
        .for_each(|priority| number(&mut priority.magnitude));
    filter.fragments = filter.fragments.map(|_| Span::default());
    expr(&mut filter.condition);
}

fn expr(tree: &mut Expr) {
    tree.span = Span::default();
    match &mut tree.kind {
        ExprKind::Number(value) => number(value),
        ExprKind::Prefix(address, length) => {
            expr(address);
            number(length);
        }
        ExprKind::Range(left, right) | ExprKind::Binary(_, left, right) => {
            expr(left);
            expr(right);
        }
        ExprKind::Set(list) | ExprKind::And(list) | ExprKind::Or(list) => {
            list.iter_mut().for_each(expr)
        }
        ExprKind::Path(Path { headers, field }) => headers.iter_mut().chain(field).for_each(name),
        ExprKind::Load { offset, bits, .. } => {
            expr(offset);
            number(bits);
        }
        ExprKind::Shift(inner) | ExprKind::Not(inner) | ExprKind::Paren(inner) => expr(inner),
        ExprKind::Ipv4(_)
        | ExprKind::Ipv6(_)
        | ExprKind::Mac(_)
        | ExprKind::Len
        | ExprKind::WireLen => {}
    }
}

fn name(name: &mut Name) {
    name.span = Span::default();
}

fn number(number: &mut Number) {
    number.span = Span::default();
}
