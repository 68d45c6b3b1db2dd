//! Random syntax trees, of the shapes that the grammar has.
//!
//! Most names and constants are real ones, so that many trees pass the checker too. Operands are
//! put in parentheses where the grammar needs them. Each level costs one of `height`, so that no tree is
//! deeper than the grammar takes.

use alloc::{boxed::Box, string::ToString, vec::Vec};
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::{
    fuzzing::Source,
    syntax::{
        Span,
        ast::{
            BinaryOp, Const, Expr, ExprKind, Field, File, Filter, Header, Item, Name, Notation,
            Number, Path, Place, Priority, Root, Width,
        },
    },
};

/// A file of a few items, without comments.
pub fn file(source: &mut Source<'_>) -> File {
    let count = 1 + source.below(4);
    File {
        items: (0..count).map(|index| item(source, index)).collect(),
        comments: Vec::new(),
    }
}

fn item(source: &mut Source<'_>, index: u32) -> Item {
    let span = Span::default();
    let fresh = |prefix: &str| name(&alloc::format!("{prefix}{index}"));
    match source.below(8) {
        0 => Item::Const(Const {
            name: fresh("C"),
            value: members(source, 3),
            span,
        }),
        1 => Item::Root(Root {
            name: name(source.pick(&HEADERS)),
            span,
        }),
        2 => Item::Header(header(source, fresh("h"))),
        _ => Item::Filter(Filter {
            name: fresh("f"),
            owner: maybe(source, number),
            priority: maybe(source, |source| Priority {
                negative: source.below(2) == 0,
                magnitude: number(source),
            }),
            fragments: maybe(source, |_| span),
            condition: condition(source, 4),
            span,
        }),
    }
}

fn header(source: &mut Source<'_>, fresh: Name) -> Header {
    let span = Span::default();
    let declared = source.below(4) > 0;
    let fields = declared.then(|| list(source, 0, 6, field));
    let least = u32::from(!declared);
    Header {
        name: if declared {
            fresh
        } else {
            name(source.pick(&HEADERS))
        },
        max: if declared {
            maybe(source, number)
        } else {
            None
        },
        fields,
        size: if declared {
            maybe(source, |source| arithmetic(source, 3, 2))
        } else {
            None
        },
        condition: if declared {
            maybe(source, |source| condition(source, 3))
        } else {
            None
        },
        places: list(source, least, 3, |source| Place {
            condition: condition(source, 3),
            tunnel: source.below(4) == 0,
            span,
        }),
        span,
    }
}

fn field(source: &mut Source<'_>) -> Field {
    let width = match source.below(6) {
        0 => Width::Mac,
        1 => Width::Ipv4,
        2 => Width::Ipv6,
        _ => Width::Bits(decimal(u128::from(8 * (1 + source.below(4))))),
    };
    let named = maybe(source, |source| name(source.pick(&FIELDS)));
    Field {
        name: named,
        width,
        span: Span::default(),
    }
}

fn condition(source: &mut Source<'_>, height: u32) -> Expr {
    if height == 0 {
        return comparison(source, 1);
    }
    match source.below(8) {
        0 => tree(ExprKind::Or(list(source, 2, 4, |source| {
            conjunction(source, height - 1)
        }))),
        1 | 2 => conjunction(source, height),
        3 => tree(ExprKind::Not(Box::new(negand(source, height - 1)))),
        4 => parenthesised(condition(source, height - 1)),
        5 => path(source, false),
        _ => comparison(source, height),
    }
}

/// `a && b`, with shifts among the operands.
fn conjunction(source: &mut Source<'_>, height: u32) -> Expr {
    tree(ExprKind::And(list(source, 2, 4, |source| {
        match source.below(6) {
            0 => tree(ExprKind::Shift(Box::new(arithmetic(
                source,
                height.min(2),
                2,
            )))),
            1 => tree(ExprKind::Not(Box::new(negand(
                source,
                height.saturating_sub(1),
            )))),
            2 if height > 0 => parenthesised(condition(source, height - 1)),
            _ => comparison(source, height.min(2)),
        }
    })))
}

fn negand(source: &mut Source<'_>, height: u32) -> Expr {
    if source.below(3) == 0 {
        path(source, false)
    } else {
        parenthesised(condition(source, height))
    }
}

fn comparison(source: &mut Source<'_>, height: u32) -> Expr {
    let height = height.min(3);
    let ops = [
        BinaryOp::Eq,
        BinaryOp::Ne,
        BinaryOp::Lt,
        BinaryOp::Le,
        BinaryOp::Gt,
        BinaryOp::Ge,
    ];
    match source.below(8) {
        0 => {
            let left = arithmetic(source, height, 2);
            binary(BinaryOp::In, left, members(source, height))
        }
        1 | 2 => {
            let field = known(source.pick(&["ip.src", "ip.dst", "gre/ip.src", "arp.spa"]));
            let address = tree(ExprKind::Ipv4(Ipv4Addr::new(10, source.byte(), 0, 0)));
            let length = decimal(u128::from(16 + source.below(8)));
            binary(
                source.pick(&[BinaryOp::In, BinaryOp::Ne]),
                field,
                tree(ExprKind::Prefix(Box::new(address), length)),
            )
        }
        3 => {
            let (field, other) = source.pick(&[("ether.src", "ether.dst"), ("ip6.src", "ip6.dst")]);
            binary(source.pick(&ops), known(field), known(other))
        }
        4 => binary(
            source.pick(&ops[..2]),
            known("ether.src"),
            tree(ExprKind::Mac([0; 6].map(|_: u8| source.byte()))),
        ),
        _ => {
            let left = arithmetic(source, height, 2);
            binary(source.pick(&ops), left, arithmetic(source, height, 2))
        }
    }
}

/// A set or an element of one.
fn members(source: &mut Source<'_>, height: u32) -> Expr {
    if source.below(2) == 0 {
        tree(ExprKind::Set(list(source, 0, 12, |source| {
            element(source, height)
        })))
    } else {
        element(source, height)
    }
}

fn element(source: &mut Source<'_>, height: u32) -> Expr {
    let range = |low, high| tree(ExprKind::Range(Box::new(low), Box::new(high)));
    match source.below(16) {
        0 => {
            let low = arithmetic(source, height.min(1), 2);
            range(low, arithmetic(source, height.min(1), 2))
        }
        1 => {
            let length = decimal(u128::from(source.below(130)));
            tree(ExprKind::Prefix(Box::new(address(source)), length))
        }
        2 => arithmetic(source, height.min(1), 2),
        3..=7 => {
            let (a, b) = (u128::from(source.byte()), u128::from(source.byte()));
            let number = |value| tree(ExprKind::Number(decimal(value)));
            range(number(a.min(b)), number(a.max(b)))
        }
        _ => tree(ExprKind::Number(number(source))),
    }
}

/// Operators that bind at least as tightly as `precedence`.
fn arithmetic(source: &mut Source<'_>, height: u32, precedence: u8) -> Expr {
    if height == 0 || source.below(2) == 0 {
        return primary(source, height);
    }
    let op = source.pick(&[
        BinaryOp::Add,
        BinaryOp::Sub,
        BinaryOp::Mul,
        BinaryOp::And,
        BinaryOp::Or,
        BinaryOp::Xor,
        BinaryOp::Shl,
        BinaryOp::Shr,
    ]);
    if op.precedence() < precedence {
        return parenthesised(arithmetic(source, height - 1, 2));
    }
    let left = arithmetic(source, height - 1, op.precedence());
    let right = arithmetic(source, height - 1, op.precedence() + 1);
    binary(op, left, right)
}

fn primary(source: &mut Source<'_>, height: u32) -> Expr {
    match source.below(16) {
        0 => tree(ExprKind::Len),
        1 => tree(ExprKind::WireLen),
        2..=4 => load(source, height),
        5 if height > 0 => parenthesised(arithmetic(source, height - 1, 2)),
        6 if source.below(4) == 0 => address(source),
        6..=11 => path(source, true),
        _ => tree(ExprKind::Number(number(source))),
    }
}

fn load(source: &mut Source<'_>, height: u32) -> Expr {
    let offset = match source.below(4) {
        0 if height > 0 => parenthesised(arithmetic(source, height - 1, 2)),
        1 => path(source, true),
        _ => tree(ExprKind::Number(decimal(u128::from(source.byte())))),
    };
    let bits = decimal(u128::from(
        source.pick(&[8_u8, 16, 32, 8, 16, 32, 8, 16, 32, 24]),
    ));
    tree(ExprKind::Load {
        offset: Box::new(offset),
        bits,
        little: source.below(4) == 0,
    })
}

fn address(source: &mut Source<'_>) -> Expr {
    tree(match source.below(4) {
        0 => ExprKind::Mac([0; 6].map(|_: u8| source.byte())),
        1 => ExprKind::Ipv6(Ipv6Addr::from(
            [0; 8].map(|_: u16| source.pick(&[0, 0, 1, 0xffff, 0x2001])),
        )),
        2 => ExprKind::Ipv6(Ipv4Addr::from(source.word()).to_ipv6_mapped()),
        _ => ExprKind::Ipv4(Ipv4Addr::from(source.word())),
    })
}

fn path(source: &mut Source<'_>, field: bool) -> Expr {
    if source.below(8) > 0 {
        return known(if field {
            source.pick(&KNOWN)
        } else {
            source.pick(&HEADERS[..6])
        });
    }
    let steps = 1 + source.below(3);
    let headers = (0..steps).map(|_| name(source.pick(&HEADERS))).collect();
    let field = field.then(|| name(source.pick(&FIELDS)));
    tree(ExprKind::Path(Path { headers, field }))
}

/// The path that `text` spells.
fn known(text: &str) -> Expr {
    let (headers, field) = match text.split_once('.') {
        Some((headers, field)) => (headers, Some(name(field))),
        None => (text, None),
    };
    tree(ExprKind::Path(Path {
        headers: headers.split('/').map(name).collect(),
        field,
    }))
}

fn number(source: &mut Source<'_>) -> Number {
    let value = match source.below(32) {
        0 => u128::from(source.word()),
        1 => u128::from(source.word()) << 96 | u128::from(source.word()),
        _ => u128::from(source.byte()),
    };
    if source.below(2) == 0 {
        return decimal(value);
    }
    let digits = (128 - value.leading_zeros()).div_ceil(4).max(1) as u8 + source.below(3) as u8;
    Number {
        value,
        notation: Notation::Hexadecimal(digits),
        span: Span::default(),
    }
}

fn decimal(value: u128) -> Number {
    Number {
        value,
        notation: Notation::Decimal,
        span: Span::default(),
    }
}

fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    tree(ExprKind::Binary(op, Box::new(left), Box::new(right)))
}

fn parenthesised(inner: Expr) -> Expr {
    tree(ExprKind::Paren(Box::new(inner)))
}

fn tree(kind: ExprKind) -> Expr {
    Expr {
        kind,
        span: Span::default(),
    }
}

fn name(text: &str) -> Name {
    Name {
        text: text.to_string(),
        span: Span::default(),
    }
}

fn maybe<T>(source: &mut Source<'_>, make: impl FnOnce(&mut Source<'_>) -> T) -> Option<T> {
    (source.below(2) == 1).then(|| make(source))
}

fn list<T>(
    source: &mut Source<'_>,
    least: u32,
    below: u32,
    mut make: impl FnMut(&mut Source<'_>) -> T,
) -> Vec<T> {
    let count = least + source.below(below);
    (0..count).map(|_| make(source)).collect()
}

const HEADERS: [&str; 8] = ["tcp", "ip", "ether", "vlan", "ip6", "gre", "h0", "nothing"];
const FIELDS: [&str; 8] = [
    "src", "dst", "dport", "sport", "type", "proto", "next", "unknown",
];
const KNOWN: [&str; 8] = [
    "tcp.dport",
    "tcp.flags",
    "ip.ttl",
    "ip.src",
    "vlan/vlan.vid",
    "gre/ip/tcp.sport",
    "ip6.next",
    "vxlan/udp.dport",
];
