//! The syntax tree of a filter file: what was written, with spans, before any name has a meaning.
//!
//! One expression type serves conditions and arithmetic alike: the grammar follows Rust's
//! precedence, and the checker tells a condition from a number, so that the parser never has to
//! guess what an opening parenthesis begins. Parentheses and the notation of numbers are kept,
//! because the printer is also a formatter.
//!
//! Chains of `&&` and `||` are lists; chains of arithmetic nest to the left, and the parser bounds
//! their height (`limits::MAX_DEPTH`), so every walk over a tree may recurse.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::net::{Ipv4Addr, Ipv6Addr};

use super::span::Span;

/// One source, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// The items in order.
    pub items: Vec<Item>,
    /// The comments in order, for the printer.
    pub comments: Vec<Comment>,
}

/// A comment, with its `#`, `//` or `/* */`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Where it stands.
    pub span: Span,
    /// Its text, without trailing white space.
    pub text: String,
}

/// A declaration of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `header NAME …`
    Header(Header),
    /// `const NAME = …;`
    Const(Const),
    /// `root NAME;`
    Root(Root),
    /// `filter NAME … = …;`
    Filter(Filter),
}

impl Item {
    /// The whole item, from its keyword to its last character.
    pub fn span(&self) -> Span {
        match self {
            Item::Header(header) => header.span,
            Item::Const(constant) => constant.span,
            Item::Root(root) => root.span,
            Item::Filter(filter) => filter.span,
        }
    }
}

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Letters, digits and `_`, not beginning with a digit.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// `header NAME max N { fields } size E where C on C tunnel`, or, without a body, further places
/// where a header declared elsewhere may follow: `header NAME on C;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is called.
    pub name: Name,
    /// How often it may occur, if said.
    pub max: Option<Number>,
    /// Its fields, `None` for the form without a body.
    pub fields: Option<Vec<Field>>,
    /// Its length in bytes, if said.
    pub size: Option<Expr>,
    /// What must hold for it to be there at all, if said.
    pub condition: Option<Expr>,
    /// Where it may follow.
    pub places: Vec<Place>,
    /// From `header` to the last clause.
    pub span: Span,
}

/// `on CONDITION`, `on CONDITION tunnel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What must hold in the header before it.
    pub condition: Expr,
    /// Whether only a path crosses here.
    pub tunnel: bool,
    /// From `on` to the end.
    pub span: Span,
}

/// A field, or bits that are skipped (`_`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `None` for `_`.
    pub name: Option<Name>,
    /// How wide it is.
    pub width: Width,
    /// From the name to the width.
    pub span: Span,
}

/// The width of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Width {
    /// So many bits.
    Bits(Number),
    /// `mac`, 48 bits.
    Mac,
    /// `ipv4`, 32 bits.
    Ipv4,
    /// `ipv6`, 128 bits.
    Ipv6,
}

/// `const NAME = VALUE;`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Const {
    /// What it is called.
    pub name: Name,
    /// A number, an address, a prefix, a range or a set.
    pub value: Expr,
    /// From `const` to `;`.
    pub span: Span,
}

/// `root NAME;`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The header that a packet starts with.
    pub name: Name,
    /// From `root` to `;`.
    pub span: Span,
}

/// `filter NAME owner N priority N fragments = CONDITION;`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What it is called.
    pub name: Name,
    /// `owner N`
    pub owner: Option<Number>,
    /// `priority N`
    pub priority: Option<Priority>,
    /// Where `fragments` stands.
    pub fragments: Option<Span>,
    /// What it accepts.
    pub condition: Expr,
    /// From `filter` to `;`.
    pub span: Span,
}

/// The number after `priority`, which may be negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priority {
    /// Whether a `-` stands before it.
    pub negative: bool,
    /// Its magnitude.
    pub magnitude: Number,
}

/// An unsigned number and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// Its value.
    pub value: u128,
    /// Decimal, or so many hexadecimal digits.
    pub notation: Notation,
    /// Where.
    pub span: Span,
}

/// How a number was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// `2048`
    Decimal,
    /// `0x0800`, with the number of digits.
    Hexadecimal(u8),
}

/// An expression: a condition, a number or a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// The forms of expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExprKind {
    /// `80`, `0x0800`
    Number(Number),
    /// `192.12.69.1`
    Ipv4(Ipv4Addr),
    /// `fe80::1`
    Ipv6(Ipv6Addr),
    /// `00:11:22:33:44:55`
    Mac([u8; 6]),
    /// `10.0.0.0/8`: an address and how many of its bits count.
    Prefix(Box<Expr>, Number),
    /// `a..b`, inclusive.
    Range(Box<Expr>, Box<Expr>),
    /// `{ a, b..c, D }`
    Set(Vec<Expr>),
    /// `tcp`, `tcp.dport`, `gre/ip/tcp.dport`, `WEB`
    Path(Path),
    /// `len`
    Len,
    /// `wirelen`
    WireLen,
    /// `offset:bits`, `offset:bits le`
    Load {
        /// Bytes from the base.
        offset: Box<Expr>,
        /// How many bits.
        bits: Number,
        /// Whether `le` follows.
        little: bool,
    },
    /// `shift(e)`
    Shift(Box<Expr>),
    /// `!e`
    Not(Box<Expr>),
    /// `a && b && c`: two or more.
    And(Vec<Expr>),
    /// `a || b || c`: two or more.
    Or(Vec<Expr>),
    /// Two operands.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `(e)`
    Paren(Box<Expr>),
}

/// Header names, and the field of the last if one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The names between the `/`s; one or more.
    pub headers: Vec<Name>,
    /// The name after the `.`.
    pub field: Option<Name>,
}

/// Operators with two operands, but for `&&` and `||`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `in`
    In,
    /// `|`
    Or,
    /// `^`
    Xor,
    /// `&`
    And,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
}

impl BinaryOp {
    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Eq => "==",
            BinaryOp::Ne => "!=",
            BinaryOp::Lt => "<",
            BinaryOp::Le => "<=",
            BinaryOp::Gt => ">",
            BinaryOp::Ge => ">=",
            BinaryOp::In => "in",
            BinaryOp::Or => "|",
            BinaryOp::Xor => "^",
            BinaryOp::And => "&",
            BinaryOp::Shl => "<<",
            BinaryOp::Shr => ">>",
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
        }
    }

    /// How tightly it binds, as in Rust: a comparison 1, `*` 7.
    pub fn precedence(self) -> u8 {
        match self {
            BinaryOp::Or => 2,
            BinaryOp::Xor => 3,
            BinaryOp::And => 4,
            BinaryOp::Shl | BinaryOp::Shr => 5,
            BinaryOp::Add | BinaryOp::Sub => 6,
            BinaryOp::Mul => 7,
            _ => 1,
        }
    }
}
