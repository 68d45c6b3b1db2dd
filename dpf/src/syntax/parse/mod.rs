//! Text to syntax tree, by nom.
//!
//! The grammar needs no backtracking beyond one token, but for addresses, which are recognised
//! whole before numbers and names are tried (`12:16` is a load, `00:11:22:33:44:55` an address).
//! Recursion happens at parentheses, `!`, sets and the operands of `shift` only, and is counted;
//! so is the height of every tree, see [`Grammar::deeper`]. The first error of a source ends it.
//!
//! Files: [`text`] (white space, words, symbols), `literal` (numbers, addresses), `expr`
//! (precedence), `item` (declarations).

mod expr;
mod item;
mod literal;
mod text;

use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::cell::Cell;

use nom::Parser as _;

use self::text::{Failure, Problem};
use super::{
    ast::{Comment, Expr, File, Filter, Item, Name},
    error::{Diagnostic, ErrorKind, Limit},
    limits,
    span::{Source, SourceId, SourceKind, Span},
};

/// Parses a source of either kind. An expression becomes a file of one filter.
///
/// # Errors
///
/// The first mistake in the text.
pub(super) fn parse(source: &Source, id: SourceId) -> Result<File, Box<Diagnostic>> {
    let start = Span {
        source: id,
        start: 0,
        end: 0,
    };
    if source.text.len() > limits::MAX_SOURCE_BYTES {
        let given = source.text.len() as u128;
        let limit = Limit {
            name: "MAX_SOURCE_BYTES",
            given,
            limit: limits::MAX_SOURCE_BYTES as u128,
        };
        return Err(Box::new(Diagnostic::limit(
            "bytes in one source",
            limit,
            start,
        )));
    }
    let grammar = Grammar {
        source: id,
        text: &source.text,
        depth: Cell::new(0),
    };
    let items = match source.kind {
        SourceKind::File => grammar.file(&source.text).map(|(_, items)| items),
        SourceKind::Expression => grammar
            .whole_expression(&source.text)
            .map(|(_, condition)| Vec::from([anonymous(&source.name, condition, start)])),
    };
    match items {
        Ok(items) => Ok(File {
            items,
            comments: grammar.comments(),
        }),
        Err(nom::Err::Error(failure) | nom::Err::Failure(failure)) => {
            Err(grammar.diagnose(failure))
        }
        Err(nom::Err::Incomplete(_)) => Err(grammar.diagnose(Failure::expected("", "more text"))),
    }
}

fn anonymous(name: &str, condition: Expr, start: Span) -> Item {
    let name = Name {
        text: String::from(name),
        span: condition.span,
    };
    let span = Span {
        end: condition.span.end,
        ..start
    };
    Item::Filter(Filter {
        name,
        owner: None,
        priority: None,
        fragments: None,
        condition,
        span,
    })
}

/// The text being parsed. Its methods are nom parsers: they take what is left and give what they
/// read with what is left then.
struct Grammar<'a> {
    source: SourceId,
    text: &'a str,
    /// How many recursive constructs are open.
    depth: Cell<usize>,
}

type Parsed<'a, T> = nom::IResult<&'a str, T, Failure>;

impl<'a> Grammar<'a> {
    /// The offset at which `rest` begins.
    fn offset(&self, rest: &str) -> u32 {
        (self.text.len() - rest.len()) as u32
    }

    /// From the start of `from`, without the white space there, to the start of `to`.
    fn span(&self, from: &'a str, to: &'a str) -> Span {
        let from = text::blank(from).map_or(from, |(rest, ())| rest);
        let start = self.offset(from);
        Span {
            source: self.source,
            start,
            end: self.offset(to).max(start),
        }
    }

    /// Runs `parser` one level down.
    fn nested<T>(
        &self,
        input: &'a str,
        parser: impl FnOnce(&'a str) -> Parsed<'a, T>,
    ) -> Parsed<'a, T> {
        self.deeper(input, self.depth.get() + 1)?;
        self.depth.set(self.depth.get() + 1);
        let result = parser(input);
        self.depth.set(self.depth.get() - 1);
        result
    }

    /// Refuses a tree of more than [`limits::MAX_DEPTH`] levels.
    fn deeper(&self, input: &'a str, height: usize) -> Result<(), nom::Err<Failure>> {
        if height <= limits::MAX_DEPTH {
            return Ok(());
        }
        let limit = Limit {
            name: "MAX_DEPTH",
            given: height as u128,
            limit: limits::MAX_DEPTH as u128,
        };
        Err(self.reject(Diagnostic::limit(
            "levels in one expression",
            limit,
            self.span(input, input),
        )))
    }

    /// Refuses a list of more than `limit` elements.
    fn fewer(
        &self,
        what: &str,
        count: usize,
        name: &'static str,
        limit: usize,
        span: Span,
    ) -> Result<(), nom::Err<Failure>> {
        if count <= limit {
            return Ok(());
        }
        let limit = Limit {
            name,
            given: count as u128,
            limit: limit as u128,
        };
        Err(self.reject(Diagnostic::limit(what, limit, span)))
    }

    /// A mistake that no alternative can mend.
    fn reject(&self, diagnostic: Diagnostic) -> nom::Err<Failure> {
        nom::Err::Failure(Failure {
            rest: 0,
            problem: Problem::Known(Box::new(diagnostic)),
        })
    }

    /// Says what stands where something else was expected.
    fn diagnose(&self, failure: Failure) -> Box<Diagnostic> {
        let expected = match failure.problem {
            Problem::Known(diagnostic) => return diagnostic,
            Problem::Expected(expected) => expected,
        };
        let rest = &self.text[self.text.len() - failure.rest.min(self.text.len())..];
        let rest = text::blank(rest).map_or(rest, |(rest, ())| rest);
        let found = text::token(rest);
        let start = self.offset(rest);
        let span = Span {
            source: self.source,
            start,
            end: start + found.len() as u32,
        };
        let title = match found {
            "" => format!("expected {expected}, found the end of the text"),
            "/*" => format!("expected {expected}, found none"),
            _ => format!("expected {expected}, found `{found}`"),
        };
        let error = Diagnostic::error(
            ErrorKind::Syntax,
            title,
            span,
            format!("expected {expected}"),
        );
        Box::new(match foreign(found) {
            Some(ours) => error.help(format!("this is written `{ours}` here")),
            None => error,
        })
    }

    /// Every comment of the text. There are no string literals, so a comment is one wherever it
    /// begins, and collecting them apart keeps them out of the grammar.
    fn comments(&self) -> Vec<Comment> {
        let mut comments = Vec::new();
        let mut rest = self.text;
        while let Some(at) = rest.find(['#', '/']) {
            rest = &rest[at..];
            match text::comment().parse(rest) {
                Ok((after, text)) => {
                    let start = self.offset(rest);
                    let text = text.trim_end();
                    let span = Span {
                        source: self.source,
                        start,
                        end: start + text.len() as u32,
                    };
                    comments.push(Comment {
                        span,
                        text: String::from(text),
                    });
                    rest = after;
                }
                Err(_) => rest = &rest[1..],
            }
        }
        comments
    }
}

/// What other languages' operators are called here.
fn foreign(found: &str) -> Option<&'static str> {
    match found {
        "=" | "eq" => Some("=="),
        "ne" => Some("!="),
        "and" => Some("&&"),
        "or" => Some("||"),
        _ => None,
    }
}
