//! Expressions, with Rust's precedence.
//!
//! Every parser of a tree gives its height too ([`Tall`]), so that a long chain of operators, which
//! nests to the left, meets the same limit as a deep nest of parentheses.

use alloc::{boxed::Box, vec::Vec};

use nom::{
    Parser,
    branch::alt,
    bytes::complete::tag,
    character::complete::satisfy,
    combinator::{opt, peek, value},
    sequence::{pair, preceded},
};

use super::{
    Grammar, Parsed,
    text::{Failure, RESERVED, blank, follows, keyword, symbol, word},
};
use crate::syntax::{
    ast::{BinaryOp, Expr, ExprKind, Path},
    error::{Diagnostic, ErrorKind},
    limits,
    span::Span,
};

/// A tree and its height.
pub(super) struct Tall {
    expr: Expr,
    height: usize,
}

impl<'a> Grammar<'a> {
    /// A source that is one expression.
    pub(super) fn whole_expression(&self, input: &'a str) -> Parsed<'a, Expr> {
        let (rest, expr) = self.expression(input)?;
        let (rest, ()) = self.end(rest, "an operator or the end of the expression")?;
        Ok((rest, expr))
    }

    /// Any expression but a bare range or set.
    pub(super) fn expression(&self, input: &'a str) -> Parsed<'a, Expr> {
        let (rest, tall) = self.disjunction(input)?;
        Ok((rest, tall.expr))
    }

    /// What stands behind `in` and in a constant's declaration: a set, or one element of one.
    pub(super) fn members(&self, input: &'a str) -> Parsed<'a, Expr> {
        let (rest, tall) = self.set_or_element(input)?;
        Ok((rest, tall.expr))
    }

    fn disjunction(&self, input: &'a str) -> Parsed<'a, Tall> {
        self.chain(input, "||", ExprKind::Or, |input| self.conjunction(input))
    }

    fn conjunction(&self, input: &'a str) -> Parsed<'a, Tall> {
        self.chain(input, "&&", ExprKind::And, |input| self.comparison(input))
    }

    /// Operands between `operator`s: one stands for itself, more make a node.
    fn chain(
        &self,
        input: &'a str,
        operator: &'static str,
        node: impl Fn(Vec<Expr>) -> ExprKind,
        operand: impl Fn(&'a str) -> Parsed<'a, Tall>,
    ) -> Parsed<'a, Tall> {
        // What stands before is skipped once, not once for every operator that looks back at it.
        let (input, ()) = blank(input)?;
        let (mut rest, first) = operand(input)?;
        if !follows(rest, operator) {
            return Ok((rest, first));
        }
        let mut height = first.height;
        let mut operands = Vec::from([first.expr]);
        while let (after, Some(_)) = opt(symbol(operator)).parse(rest)? {
            let (after, next) = operand(after)?;
            height = height.max(next.height);
            operands.push(next.expr);
            rest = after;
            if operands.len() > limits::MAX_OPERANDS {
                let span = self.span(input, rest);
                self.fewer(
                    "operands",
                    operands.len(),
                    "MAX_OPERANDS",
                    limits::MAX_OPERANDS,
                    span,
                )?;
            }
        }
        self.tall(node(operands), self.span(input, rest), height, rest)
    }

    fn comparison(&self, input: &'a str) -> Parsed<'a, Tall> {
        let (input, ()) = blank(input)?;
        let (rest, left) = self.arithmetic(input, BinaryOp::Or.precedence())?;
        let (after, operator) = opt(comparison_operator).parse(rest)?;
        let Some(operator) = operator else {
            return Ok((rest, left));
        };
        let (rest, right) = match operator {
            BinaryOp::In => self.set_or_element(after)?,
            _ => self.arithmetic(after, BinaryOp::Or.precedence())?,
        };
        let parsed: Parsed<'a, _> = peek(comparison_operator).parse(rest);
        if parsed.is_ok() {
            let (after, _) = comparison_operator(rest)?;
            let message = Diagnostic::error(
                ErrorKind::Syntax,
                "comparisons do not chain",
                self.span(rest, after),
                "expected `&&`, `||` or the end of the condition",
            );
            return Err(self.reject(message.help("write both comparisons, joined by `&&`")));
        }
        self.binary(operator, left, right, self.span(input, rest), rest)
    }

    /// Precedence climbing over the operators that bind at least as tightly as `minimum`.
    fn arithmetic(&self, input: &'a str, minimum: u8) -> Parsed<'a, Tall> {
        let (input, ()) = blank(input)?;
        let (mut rest, mut left) = self.unary(input)?;
        while let (after, Some(operator)) = opt(arithmetic_operator).parse(rest)? {
            if operator.precedence() < minimum {
                break;
            }
            let (after, right) = self.arithmetic(after, operator.precedence() + 1)?;
            rest = after;
            (rest, left) = self.binary(operator, left, right, self.span(input, rest), rest)?;
        }
        Ok((rest, left))
    }

    fn unary(&self, input: &'a str) -> Parsed<'a, Tall> {
        let (after, not) = opt(symbol("!")).parse(input)?;
        if not.is_none() {
            return self.loaded(input);
        }
        let (rest, operand) = self.nested(after, |input| self.unary(input))?;
        let kind = ExprKind::Not(Box::new(operand.expr));
        self.tall(kind, self.span(input, rest), operand.height, rest)
    }

    /// A primary, or the load it is the offset of.
    fn loaded(&self, input: &'a str) -> Parsed<'a, Tall> {
        let (rest, offset) = self.primary(input)?;
        let (after, colon) = opt(symbol(":")).parse(rest)?;
        if colon.is_none() {
            return Ok((rest, offset));
        }
        let (rest, bits) = match self.number(after) {
            Err(nom::Err::Error(_)) => {
                return Err(Failure::fatal(after, "how many bits to load: 8, 16 or 32"));
            }
            number => number?,
        };
        let (rest, little) = opt(keyword("le")).parse(rest)?;
        let kind = ExprKind::Load {
            offset: Box::new(offset.expr),
            bits,
            little: little.is_some(),
        };
        self.tall(kind, self.span(input, rest), offset.height, rest)
    }

    fn primary(&self, input: &'a str) -> Parsed<'a, Tall> {
        if follows(input, "(") {
            return self.parenthesised(input);
        }
        alt((
            |i| self.address(i),
            |i| self.plain_number(i),
            |i| self.named(i),
        ))
        .parse(input)
        .map(|(rest, expr)| (rest, Tall { expr, height: 1 }))
        .or_else(|error| match error {
            nom::Err::Error(_) => self.shift(input),
            error => Err(error),
        })
    }

    fn parenthesised(&self, input: &'a str) -> Parsed<'a, Tall> {
        let (after, _) = symbol("(").parse(input)?;
        let (rest, inner) = self.nested(after, |input| self.disjunction(input))?;
        let (rest, ()) = self.must(rest, ")", "an operator or `)`")?;
        self.tall(
            ExprKind::Paren(Box::new(inner.expr)),
            self.span(input, rest),
            inner.height,
            rest,
        )
    }

    fn plain_number(&self, input: &'a str) -> Parsed<'a, Expr> {
        let (rest, number) = self.number(input)?;
        let span = number.span;
        Ok((
            rest,
            Expr {
                kind: ExprKind::Number(number),
                span,
            },
        ))
    }

    /// `len`, `wirelen` or a path. Fails softly at other keywords.
    fn named(&self, input: &'a str) -> Parsed<'a, Expr> {
        let (rest, first) = word(input)?;
        let span = self.span(input, rest);
        match first {
            "len" => {
                return Ok((
                    rest,
                    Expr {
                        kind: ExprKind::Len,
                        span,
                    },
                ));
            }
            "wirelen" => {
                return Ok((
                    rest,
                    Expr {
                        kind: ExprKind::WireLen,
                        span,
                    },
                ));
            }
            _ if RESERVED.contains(&first) => {
                return Err(nom::Err::Error(Failure::expected(input, "an expression")));
            }
            _ => {}
        }
        self.path(input)
    }

    /// `a/b/c.field`, without white space inside.
    fn path(&self, input: &'a str) -> Parsed<'a, Expr> {
        let (mut rest, first) = self.name(input, "a name")?;
        let mut headers = Vec::from([first]);
        while let (after, Some(_)) = opt(joint("/")).parse(rest)? {
            let (after, next) = self.name(after, "a header's name")?;
            headers.push(next);
            rest = after;
            let span = self.span(input, rest);
            self.fewer(
                "steps in a path",
                headers.len(),
                "MAX_PATH_STEPS",
                limits::MAX_PATH_STEPS,
                span,
            )?;
        }
        let mut field = None;
        if rest.starts_with('.') && !rest.starts_with("..") {
            let (after, name) = match self.name(&rest[1..], "a field's name") {
                Err(nom::Err::Error(_)) => {
                    return Err(Failure::fatal(&rest[1..], "a field's name"));
                }
                name => name?,
            };
            (rest, field) = (after, Some(name));
        }
        Ok((
            rest,
            Expr {
                kind: ExprKind::Path(Path { headers, field }),
                span: self.span(input, rest),
            },
        ))
    }

    /// `shift(e)`; the last alternative of a primary, so it says what was expected.
    fn shift(&self, input: &'a str) -> Parsed<'a, Tall> {
        let (after, found) = opt(keyword("shift")).parse(input)?;
        if found.is_none() {
            return Err(Failure::fatal(input, "an expression"));
        }
        let (after, ()) = self.must(after, "(", "`(` and how many bytes to shift by")?;
        let (rest, by) = self.nested(after, |input| self.disjunction(input))?;
        let (rest, ()) = self.must(rest, ")", "an operator or `)`")?;
        self.tall(
            ExprKind::Shift(Box::new(by.expr)),
            self.span(input, rest),
            by.height,
            rest,
        )
    }

    fn set_or_element(&self, input: &'a str) -> Parsed<'a, Tall> {
        let (after, brace) = opt(symbol("{")).parse(input)?;
        if brace.is_none() {
            return self.element(input);
        }
        let mut elements = Vec::new();
        let mut height = 0;
        let mut rest = after;
        while !follows(rest, "}") {
            let (after, element) = self.nested(rest, |input| self.element(input))?;
            height = height.max(element.height);
            elements.push(element.expr);
            let span = self.span(rest, after);
            let limit = limits::MAX_SET_ELEMENTS;
            self.fewer(
                "elements in a set",
                elements.len(),
                "MAX_SET_ELEMENTS",
                limit,
                span,
            )?;
            let (after, comma) = opt(symbol(",")).parse(after)?;
            rest = after;
            if comma.is_none() && !follows(rest, "}") {
                return Err(Failure::fatal(rest, "`,` or `}`"));
            }
        }
        let (rest, ()) = self.must(rest, "}", "`}`")?;
        self.tall(
            ExprKind::Set(elements),
            self.span(input, rest),
            height,
            rest,
        )
    }

    /// `a` or `a..b`.
    fn element(&self, input: &'a str) -> Parsed<'a, Tall> {
        let (rest, low) = self.arithmetic(input, BinaryOp::Or.precedence())?;
        let (after, dots) = opt(symbol("..")).parse(rest)?;
        if dots.is_none() {
            return Ok((rest, low));
        }
        let (rest, high) = self.arithmetic(after, BinaryOp::Or.precedence())?;
        let height = low.height.max(high.height);
        let kind = ExprKind::Range(Box::new(low.expr), Box::new(high.expr));
        self.tall(kind, self.span(input, rest), height, rest)
    }

    fn binary(
        &self,
        operator: BinaryOp,
        left: Tall,
        right: Tall,
        span: Span,
        rest: &'a str,
    ) -> Parsed<'a, Tall> {
        let height = left.height.max(right.height);
        let kind = ExprKind::Binary(operator, Box::new(left.expr), Box::new(right.expr));
        self.tall(kind, span, height, rest)
    }

    /// A node over children of height `below`.
    fn tall(&self, kind: ExprKind, span: Span, below: usize, rest: &'a str) -> Parsed<'a, Tall> {
        self.deeper(rest, below + 1)?;
        Ok((
            rest,
            Tall {
                expr: Expr { kind, span },
                height: below + 1,
            },
        ))
    }
}

/// `separator` directly before a name.
fn joint<'a>(separator: &'static str) -> impl Parser<&'a str, Output = &'a str, Error = Failure> {
    let name = peek(satisfy(|c| c.is_ascii_alphabetic() || c == '_'));
    nom::combinator::map(pair(tag(separator), name), |(separator, _)| separator)
}

fn comparison_operator(input: &str) -> Parsed<'_, BinaryOp> {
    let symbols = alt((
        value(BinaryOp::Eq, tag("==")),
        value(BinaryOp::Ne, tag("!=")),
        value(BinaryOp::Le, tag("<=")),
        value(BinaryOp::Ge, tag(">=")),
        value(BinaryOp::Lt, tag("<")),
        value(BinaryOp::Gt, tag(">")),
    ));
    alt((preceded(blank, symbols), value(BinaryOp::In, keyword("in")))).parse(input)
}

fn arithmetic_operator(input: &str) -> Parsed<'_, BinaryOp> {
    // `&&` and `||` are no arithmetic: a soft failure, so that the chain above reads them.
    if follows(input, "&&") || follows(input, "||") {
        return Err(nom::Err::Error(Failure::expected(input, "an operator")));
    }
    let symbols = alt((
        value(BinaryOp::Shl, tag("<<")),
        value(BinaryOp::Shr, tag(">>")),
        value(BinaryOp::Or, tag("|")),
        value(BinaryOp::Xor, tag("^")),
        value(BinaryOp::And, tag("&")),
        value(BinaryOp::Add, tag("+")),
        value(BinaryOp::Sub, tag("-")),
        value(BinaryOp::Mul, tag("*")),
    ));
    preceded(blank, symbols).parse(input)
}
