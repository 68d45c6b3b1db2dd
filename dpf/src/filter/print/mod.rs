//! Canonical filters as text, in the notation of the paper, and back.
//!
//! ```text
//! 12:16 == 0x0800 && shift(14) && 9:8 == 6 && shift((0:8 & 15) << 2) && 2:16 == 0x0016
//! ```
//!
//! `offset:bits` loads, `shift(e)` moves the base for what stands to its right, up to the end of
//! the parenthesis or the next `||`. What the language has no word for: `^` before a load or
//! `captured` names the base outside the nearest shift, `^^` the next; `captured(n)` asks for `n`
//! bytes; a load may have 24 bits; a node that is used more than once is named first, `@0 = …;`.
//!
//! Text parses back to the filter it was printed from.

mod parse;
#[cfg(test)]
mod tests;

use alloc::{collections::BTreeMap, string::String};
use core::fmt::{self, Write};

use super::{
    pool::children,
    set::low_mask,
    types::{
        Address, BinaryOp, CompareOp, Expr, Field, Filter, IntervalSet, Load, Node, NodeId, Test,
    },
};

/// Intervals of a test that is printed again wherever it is used, instead of by name.
const MAX_REPEATED: usize = 4;

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = names(self);
        for (id, name) in &names {
            write!(f, "@{name} = ")?;
            Printer {
                filter: self,
                names: &names,
                defining: Some(*id),
            }
            .node(f, *id, Place::Alone)?;
            f.write_str(";\n")?;
        }
        Printer {
            filter: self,
            names: &names,
            defining: None,
        }
        .node(f, self.root, Place::Alone)
    }
}

impl core::str::FromStr for Filter {
    type Err = super::Error;

    /// The filter that a text means, whether or not it was printed from a canonical form.
    fn from_str(text: &str) -> Result<Filter, super::Error> {
        parse::filter(text)
    }
}

/// The names of nodes that are printed before use, in the order of the nodes.
fn names(filter: &Filter) -> BTreeMap<NodeId, usize> {
    let mut uses = alloc::vec![0usize; filter.nodes.len()];
    for node in &filter.nodes {
        for child in children(node) {
            uses[child.0 as usize] += 1;
        }
    }
    let named = (0..filter.nodes.len()).filter(|index| {
        let worth_it = match &filter.nodes[*index] {
            Node::True | Node::False => false,
            Node::Test(Test::Bits { set, .. } | Test::Len(set) | Test::WireLen(set)) => {
                set.intervals.len() > MAX_REPEATED
            }
            Node::Test(_) => false,
            Node::And(_) | Node::Or(_) | Node::Shift { .. } => true,
        };
        worth_it && uses[*index] > 1
    });
    named
        .enumerate()
        .map(|(name, index)| (NodeId(index as u32), name))
        .collect()
}

/// What stands around a node, and so whether it needs parentheses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing, or parentheses.
    Alone,
    /// `||` to the left or right.
    InOr,
    /// `&&` to the left only: the last of a conjunction.
    LastOfAnd,
    /// `&&` to the right.
    InAnd,
}

struct Printer<'p> {
    filter: &'p Filter,
    names: &'p BTreeMap<NodeId, usize>,
    defining: Option<NodeId>,
}

impl Printer<'_> {
    fn node(&self, f: &mut fmt::Formatter<'_>, id: NodeId, place: Place) -> fmt::Result {
        if let (Some(name), true) = (self.names.get(&id), self.defining != Some(id)) {
            return write!(f, "@{name}");
        }
        let node = self.filter.node(id);
        let parenthesised = match node {
            Node::Or(_) => matches!(place, Place::InAnd | Place::LastOfAnd),
            Node::And(_) => place == Place::InAnd,
            Node::Shift { .. } => place == Place::InAnd,
            _ => false,
        };
        if parenthesised {
            f.write_char('(')?;
            self.bare(f, node)?;
            return f.write_char(')');
        }
        self.bare(f, node)
    }

    fn bare(&self, f: &mut fmt::Formatter<'_>, node: &Node) -> fmt::Result {
        match node {
            Node::True => f.write_str("true"),
            Node::False => f.write_str("false"),
            Node::Test(test) => print_test(f, test),
            Node::And(operands) => {
                // Shifts stand last: what is to the right of one moves with it.
                let is_shift = |id: &&NodeId| matches!(self.filter.node(**id), Node::Shift { .. });
                let tests = operands.iter().filter(|id| !is_shift(id));
                let ordered = tests.chain(operands.iter().filter(is_shift));
                for (index, operand) in ordered.enumerate() {
                    let last = index + 1 == operands.len();
                    self.node(
                        f,
                        *operand,
                        if last { Place::LastOfAnd } else { Place::InAnd },
                    )?;
                    if !last {
                        f.write_str(" && ")?;
                    }
                }
                Ok(())
            }
            Node::Or(operands) => {
                for (index, operand) in operands.iter().enumerate() {
                    if index > 0 {
                        f.write_str(" || ")?;
                    }
                    self.node(f, *operand, Place::InOr)?;
                }
                Ok(())
            }
            Node::Shift { by, then } => {
                write!(f, "shift({})", Shown(by))?;
                match self.filter.node(*then) {
                    Node::True => Ok(()),
                    _ => {
                        f.write_str(" && ")?;
                        self.node(f, *then, Place::LastOfAnd)
                    }
                }
            }
        }
    }
}

fn print_test(f: &mut fmt::Formatter<'_>, test: &Test) -> fmt::Result {
    match test {
        Test::Captured { depth, end } => write!(f, "{}captured({end})", Carets(*depth)),
        Test::Bits { field, set } => print_bits(f, field, set),
        Test::Len(set) => print_set(f, "len", set, u32::MAX, 0),
        Test::WireLen(set) => print_set(f, "wirelen", set, u32::MAX, 0),
        Test::Compare { op, left, right } => {
            let op = match op {
                CompareOp::Eq => "==",
                CompareOp::Ne => "!=",
                CompareOp::Lt => "<",
                CompareOp::Le => "<=",
            };
            write!(f, "{} {op} {}", Shown(left), Shown(right))
        }
    }
}

fn print_bits(f: &mut fmt::Formatter<'_>, field: &Field, set: &IntervalSet) -> fmt::Result {
    let mut left = String::new();
    let bits = 8 * u32::from(field.bytes);
    write!(left, "{}{}:{bits}", Carets(field.depth), field.offset)?;
    let low = field.mask.trailing_zeros();
    if low > 0 {
        write!(left, " >> {low}")?;
    }
    let most = field.value_mask();
    if most != low_mask(bits - low) {
        write!(left, " & {most:#x}")?;
    }
    // Whole words in hexadecimal, as wide as they are; small fields in decimal.
    let digits = if field.width() >= 12 {
        field.width().div_ceil(4)
    } else {
        0
    };
    print_set(f, &left, set, most, digits as usize)
}

/// `left` compared with a set, in the shortest form.
fn print_set(
    f: &mut fmt::Formatter<'_>,
    left: &str,
    set: &IntervalSet,
    most: u32,
    digits: usize,
) -> fmt::Result {
    let value = |value: u32| Value { value, digits };
    match set.intervals() {
        [(low, high)] if low == high => write!(f, "{left} == {}", value(*low)),
        [(0, high)] => write!(f, "{left} <= {}", value(*high)),
        [(low, high)] if *high == most => write!(f, "{left} >= {}", value(*low)),
        [(low, high)] => write!(f, "{left} in {}..{}", value(*low), value(*high)),
        intervals => {
            let outside = set.complement(32).intersect(&IntervalSet::range(0, most));
            if let Some(hole) = outside.as_single() {
                return write!(f, "{left} != {}", value(hole));
            }
            let shorter = outside.intervals().len() < intervals.len();
            let (open, close) = if shorter { ("!(", ")") } else { ("", "") };
            write!(f, "{open}{left} in {{ ")?;
            for (index, (low, high)) in if shorter {
                outside.intervals()
            } else {
                intervals
            }
            .iter()
            .enumerate()
            {
                let comma = if index > 0 { ", " } else { "" };
                write!(f, "{comma}{}", value(*low))?;
                if low != high {
                    write!(f, "..{}", value(*high))?;
                }
            }
            write!(f, " }}{close}")
        }
    }
}

struct Value {
    value: u32,
    digits: usize,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.digits {
            0 => write!(f, "{}", self.value),
            digits => write!(f, "{:#0width$x}", self.value, width = digits + 2),
        }
    }
}

struct Carets(u8);

impl fmt::Display for Carets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..self.0).try_for_each(|_| f.write_char('^'))
    }
}

/// An expression, with parentheses around every operand that has operands itself.
struct Shown<'e>(&'e Expr);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expr::Const(value) => write!(f, "{value}"),
            Expr::Len => f.write_str("len"),
            Expr::WireLen => f.write_str("wirelen"),
            Expr::Load(Load {
                depth,
                at,
                bytes,
                little,
            }) => {
                let le = if *little { " le" } else { "" };
                let bits = 8 * u32::from(*bytes);
                match at {
                    Address::Fixed(offset) => write!(f, "{}{offset}:{bits}{le}", Carets(*depth)),
                    Address::Computed(at) => {
                        write!(f, "{}({}):{bits}{le}", Carets(*depth), Shown(at))
                    }
                }
            }
            Expr::Binary(op, left, right) => {
                write!(f, "{} {} {}", Operand(left), symbol(*op), Operand(right))
            }
        }
    }
}

struct Operand<'e>(&'e Expr);

impl fmt::Display for Operand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expr::Binary(..) => write!(f, "({})", Shown(self.0)),
            atom => write!(f, "{}", Shown(atom)),
        }
    }
}

fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::And => "&",
        BinaryOp::Or => "|",
        BinaryOp::Xor => "^",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
    }
}
