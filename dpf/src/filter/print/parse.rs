//! The text of canonical filters, parsed through a [`Pool`]: whatever is written becomes canonical.
//!
//! One pass, one byte of look-ahead, precedence as in Rust. Parentheses hold a condition or a
//! number; which, is known when they close.

use alloc::{boxed::Box, vec::Vec};

use super::symbol;
use crate::filter::{
    Address, BinaryOp, CompareOp, Error, ErrorKind, Expr, Filter, IntervalSet, Load, MAX_HEIGHT,
    NodeId, Pool,
};

/// Operators of numbers by how tightly they bind, loosest first.
const LEVELS: [&[BinaryOp]; 6] = [
    &[BinaryOp::Or],
    &[BinaryOp::Xor],
    &[BinaryOp::And],
    &[BinaryOp::Shl, BinaryOp::Shr],
    &[BinaryOp::Add, BinaryOp::Sub],
    &[BinaryOp::Mul],
];

/// The filter that a text means.
pub(super) fn filter(text: &str) -> Result<Filter, Error> {
    let mut parser = Parser {
        text,
        at: 0,
        pool: Pool::new(),
        named: Vec::new(),
        nesting: 0,
    };
    while parser.eats("@") {
        // Either the definition of the next name, or the root begins with a name.
        let (start, name) = (parser.at - 1, parser.integer()? as usize);
        if name == parser.named.len() && parser.eats("=") {
            let node = parser.disjunction()?;
            parser.expect(";", "`;`")?;
            parser.named.push(node);
        } else {
            parser.at = start;
            break;
        }
    }
    let root = parser.disjunction()?;
    parser.space();
    if parser.at < text.len() {
        return Err(parser.error("an operator or the end"));
    }
    parser.pool.finish(root)
}

/// What parentheses may hold.
enum Item {
    Condition(NodeId),
    Number(Expr),
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    pool: Pool,
    named: Vec<NodeId>,
    nesting: usize,
}

impl Parser<'_> {
    fn error(&self, expected: &'static str) -> Error {
        Error::new(ErrorKind::Text {
            at: self.at,
            expected,
        })
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eats(&mut self, token: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn expect(&mut self, token: &str, expected: &'static str) -> Result<(), Error> {
        if self.eats(token) {
            Ok(())
        } else {
            Err(self.error(expected))
        }
    }

    fn integer(&mut self) -> Result<u32, Error> {
        self.space();
        let rest = self.rest();
        let (digits, radix) = match rest.strip_prefix("0x") {
            Some(digits) => (digits, 16),
            None => (rest, 10),
        };
        let end = digits
            .find(|c: char| !c.is_digit(radix))
            .unwrap_or(digits.len());
        let value = u32::from_str_radix(digits.get(..end).unwrap_or(""), radix);
        let value = value.map_err(|_| self.error("a number of 32 bits"))?;
        self.at += rest.len() - digits.len() + end;
        Ok(value)
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.nesting += 1;
        if self.nesting > MAX_HEIGHT {
            return Err(Error::limit(
                "levels of nested conditions",
                self.nesting,
                MAX_HEIGHT,
            ));
        }
        let parsed = parse(self);
        self.nesting -= 1;
        parsed
    }

    fn condition(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<Item, Error>,
    ) -> Result<NodeId, Error> {
        let start = self.at;
        match parse(self)? {
            Item::Condition(node) => Ok(node),
            Item::Number(_) => {
                self.at = start;
                Err(self.error("a condition"))
            }
        }
    }

    fn number(&mut self) -> Result<Expr, Error> {
        let start = self.at;
        match self.nested(|parser| parser.operators(0))? {
            Item::Number(expr) => Ok(expr),
            Item::Condition(_) => {
                self.at = start;
                Err(self.error("a number"))
            }
        }
    }

    fn disjunction(&mut self) -> Result<NodeId, Error> {
        self.condition(|parser| parser.nested(Self::disjunction_or_number))
    }

    fn disjunction_or_number(&mut self) -> Result<Item, Error> {
        let first = self.conjunction()?;
        let Item::Condition(first) = first else {
            return Ok(first);
        };
        let mut operands = alloc::vec![first];
        while self.eats("||") {
            operands.push(self.condition(Self::conjunction)?);
        }
        Ok(Item::Condition(self.pool.or(operands)?))
    }

    fn conjunction(&mut self) -> Result<Item, Error> {
        let mut operands = Vec::new();
        loop {
            if self.eats("shift(") {
                operands.push(self.shift()?);
                break;
            }
            match self.comparison()? {
                Item::Condition(node) => operands.push(node),
                number if operands.is_empty() => return Ok(number),
                Item::Number(_) => return Err(self.error("a condition before this")),
            }
            if !self.eats("&&") {
                break;
            }
        }
        Ok(Item::Condition(self.pool.and(operands)?))
    }

    /// The rest of a conjunction from a shift on, which moves it all.
    fn shift(&mut self) -> Result<NodeId, Error> {
        let by = self.number()?;
        self.expect(")", "`)`")?;
        let then = if self.eats("&&") {
            self.condition(|parser| parser.nested(Self::conjunction))?
        } else {
            Pool::TRUE
        };
        self.pool.shift(by, then)
    }

    fn comparison(&mut self) -> Result<Item, Error> {
        if self.eats("!(") {
            let left = self.number()?;
            self.expect("in", "`in`")?;
            let set = self.set()?.complement(32);
            self.expect(")", "`)`")?;
            return Ok(Item::Condition(self.pool.member(left, set)?));
        }
        let left = match self.operators(0)? {
            Item::Number(expr) => expr,
            condition => return Ok(condition),
        };
        let node = if self.eats("==") {
            let right = self.number()?;
            self.pool.compare(CompareOp::Eq, left, right)?
        } else if self.eats("!=") {
            let right = self.number()?;
            self.pool.compare(CompareOp::Ne, left, right)?
        } else if self.eats("<=") {
            let right = self.number()?;
            self.pool.compare(CompareOp::Le, left, right)?
        } else if self.eats(">=") {
            let right = self.number()?;
            self.pool.compare(CompareOp::Le, right, left)?
        } else if self.eats("<") {
            let right = self.number()?;
            self.pool.compare(CompareOp::Lt, left, right)?
        } else if self.eats(">") {
            let right = self.number()?;
            self.pool.compare(CompareOp::Lt, right, left)?
        } else if self.eats("in") {
            let set = self.set()?;
            self.pool.member(left, set)?
        } else {
            return Ok(Item::Number(left));
        };
        Ok(Item::Condition(node))
    }

    fn set(&mut self) -> Result<IntervalSet, Error> {
        let several = self.eats("{");
        let mut ranges = Vec::new();
        loop {
            let low = self.integer()?;
            ranges.push((
                low,
                if self.eats("..") {
                    self.integer()?
                } else {
                    low
                },
            ));
            if !several || !self.eats(",") {
                break;
            }
        }
        if several {
            self.expect("}", "`}`")?;
        }
        Ok(IntervalSet::from_ranges(ranges))
    }

    /// Operands joined by the operators of `level` and tighter ones, or a condition.
    fn operators(&mut self, level: usize) -> Result<Item, Error> {
        let Some(operators) = LEVELS.get(level) else {
            return self.primary();
        };
        let mut left = match self.operators(level + 1)? {
            Item::Number(expr) => expr,
            condition => return Ok(condition),
        };
        while let Some(op) = self.operator(operators) {
            let Item::Number(right) = self.operators(level + 1)? else {
                return Err(self.error("a number"));
            };
            left = Expr::binary(op, left, right);
            // Expressions are checked for size where they are used; a long chain must not nest first.
            crate::filter::expr::check(&left)?;
        }
        Ok(Item::Number(left))
    }

    fn operator(&mut self, operators: &[BinaryOp]) -> Option<BinaryOp> {
        self.space();
        let rest = self.rest();
        if rest.starts_with("&&") || rest.starts_with("||") {
            return None;
        }
        let op = operators
            .iter()
            .copied()
            .find(|op| rest.starts_with(symbol(*op)))?;
        self.at += symbol(op).len();
        Some(op)
    }

    fn primary(&mut self) -> Result<Item, Error> {
        let mut depth = 0u8;
        while self.eats("^") {
            depth = depth.saturating_add(1);
        }
        if self.eats("captured(") {
            let end = self.integer()?;
            self.expect(")", "`)`")?;
            return Ok(Item::Condition(self.pool.captured(depth, end)?));
        }
        let item = if self.eats("(") {
            let inner = self.nested(Self::disjunction_or_number)?;
            self.expect(")", "`)`")?;
            inner
        } else if self.rest().starts_with(|c: char| c.is_ascii_digit()) {
            Item::Number(Expr::Const(self.integer()?))
        } else if depth > 0 {
            return Err(self.error("a load"));
        } else {
            return self.word();
        };
        match item {
            Item::Number(at) if self.eats(":") => Ok(Item::Number(self.load(depth, at)?)),
            _ if depth > 0 => Err(self.error("a load")),
            item => Ok(item),
        }
    }

    fn load(&mut self, depth: u8, at: Expr) -> Result<Expr, Error> {
        let bits = self.integer()?;
        if !matches!(bits, 8 | 16 | 24 | 32) {
            return Err(self.error("8, 16, 24 or 32 bits before this"));
        }
        let at = match at {
            Expr::Const(offset) => Address::Fixed(offset),
            at => Address::Computed(Box::new(at)),
        };
        let little = self.eats("le");
        Ok(Expr::Load(Load {
            depth,
            at,
            bytes: (bits / 8) as u8,
            little,
        }))
    }

    fn word(&mut self) -> Result<Item, Error> {
        if self.eats("@") {
            let name = self.integer()?;
            let node = self.named.get(name as usize).copied();
            return Ok(Item::Condition(
                node.ok_or(self.error("a name defined before"))?,
            ));
        }
        for (word, node) in [("true", Pool::TRUE), ("false", Pool::FALSE)] {
            if self.eats(word) {
                return Ok(Item::Condition(node));
            }
        }
        for (word, expr) in [("len", Expr::Len), ("wirelen", Expr::WireLen)] {
            if self.eats(word) {
                return Ok(Item::Number(expr));
            }
        }
        Err(self.error("a condition or a number"))
    }
}
