//! White space, comments, words and symbols, and what a failed parser says.

use alloc::boxed::Box;

use nom::{
    Parser,
    branch::alt,
    bytes::complete::{tag, take_till, take_until, take_while, take_while1},
    character::complete::{multispace1, satisfy},
    combinator::{map, opt, peek, recognize, verify},
    error::{ContextError, ErrorKind, ParseError},
    multi::fold_many0,
    sequence::{pair, preceded, terminated},
};

use super::{Grammar, Parsed};
use crate::syntax::{
    ast::Name,
    error::{Diagnostic, ErrorKind as Mistake, Limit},
    limits,
};

/// Why a parser failed, and how many bytes were left then.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) rest: usize,
    pub(super) problem: Problem,
}

/// What to say about it.
#[derive(Debug)]
pub(super) enum Problem {
    /// Something else was expected.
    Expected(&'static str),
    /// The whole message.
    Known(Box<Diagnostic>),
}

impl Failure {
    /// `expected` should have stood at the start of `rest`.
    pub(super) fn expected(rest: &str, expected: &'static str) -> Failure {
        Failure {
            rest: rest.len(),
            problem: Problem::Expected(expected),
        }
    }

    /// The same, where no alternative is left.
    pub(super) fn fatal(rest: &str, expected: &'static str) -> nom::Err<Failure> {
        nom::Err::Failure(Failure::expected(rest, expected))
    }
}

impl<'a> ParseError<&'a str> for Failure {
    fn from_error_kind(input: &'a str, _: ErrorKind) -> Failure {
        Failure::expected(input, "something else")
    }

    fn append(_: &'a str, _: ErrorKind, other: Failure) -> Failure {
        other
    }
}

impl<'a> ContextError<&'a str> for Failure {
    fn add_context(input: &'a str, context: &'static str, other: Failure) -> Failure {
        match other.problem {
            Problem::Known(_) => other,
            Problem::Expected(_) => Failure::expected(input, context),
        }
    }
}

/// White space and comments, possibly none.
pub(super) fn blank(input: &str) -> Parsed<'_, ()> {
    let (rest, ()) = fold_many0(alt((multispace1, comment())), || (), |(), _| ()).parse(input)?;
    if rest.starts_with("/*") {
        return Err(Failure::fatal(rest, "`*/` after the comment"));
    }
    Ok((rest, ()))
}

/// A comment with its marks.
pub(super) fn comment<'a>() -> impl Parser<&'a str, Output = &'a str, Error = Failure> {
    let line = recognize(pair(alt((tag("#"), tag("//"))), take_till(|c| c == '\n')));
    let block = recognize((tag("/*"), take_until("*/"), tag("*/")));
    alt((line, block))
}

/// A name or a keyword.
pub(super) fn word(input: &str) -> Parsed<'_, &str> {
    let start = satisfy(|c| c.is_ascii_alphabetic() || c == '_');
    preceded(blank, recognize(pair(start, take_while(is_word)))).parse(input)
}

/// The word `keyword`.
pub(super) fn keyword<'a>(
    keyword: &'static str,
) -> impl Parser<&'a str, Output = &'a str, Error = Failure> {
    verify(word, move |found: &str| found == keyword)
}

/// The symbol `symbol`, which no longer symbol contains at its start.
pub(super) fn symbol<'a>(
    symbol: &'static str,
) -> impl Parser<&'a str, Output = &'a str, Error = Failure> {
    preceded(blank, tag(symbol))
}

/// Whether a letter, digit or `_`.
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Whether `symbol` comes next.
pub(super) fn follows(input: &str, symbol: &'static str) -> bool {
    peek(preceded(blank, tag::<_, _, Failure>(symbol)))
        .parse(input)
        .is_ok()
}

/// The next piece of text as a reader would see it, for messages. Empty at the end.
pub(super) fn token(rest: &str) -> &str {
    const PIECE: usize = 40;
    let words = take_while1::<_, _, Failure>(is_word);
    let symbols = alt((
        tag("&&"),
        tag("||"),
        tag("=="),
        tag("!="),
        tag("<="),
        tag(">="),
        tag("<<"),
        tag(">>"),
        tag(".."),
        tag("/*"),
    ));
    let (_, piece) = alt((words, symbols, recognize(opt(satisfy(|_| true)))))
        .parse(rest)
        .unwrap_or((rest, ""));
    &piece[..piece.floor_char_boundary(PIECE)]
}

impl<'a> Grammar<'a> {
    /// A name that is not a keyword; `expected` says whose.
    pub(super) fn name(&self, input: &'a str, expected: &'static str) -> Parsed<'a, Name> {
        let (rest, text) = word(input)
            .map_err(|error| error.map(|_: Failure| Failure::expected(input, expected)))?;
        let span = self.span(input, rest);
        if RESERVED.contains(&text) || text == "_" {
            let title = alloc::format!("expected {expected}, found the keyword `{text}`");
            return Err(self.reject(Diagnostic::error(
                Mistake::Syntax,
                title,
                span,
                "a keyword is no name",
            )));
        }
        if text.len() > limits::MAX_NAME_BYTES {
            let limit = Limit {
                name: "MAX_NAME_BYTES",
                given: text.len() as u128,
                limit: limits::MAX_NAME_BYTES as u128,
            };
            return Err(self.reject(Diagnostic::limit("bytes in a name", limit, span)));
        }
        Ok((
            rest,
            Name {
                text: text.into(),
                span,
            },
        ))
    }

    /// `symbol`, without which nothing else can stand here.
    pub(super) fn must(
        &self,
        input: &'a str,
        symbol: &'static str,
        expected: &'static str,
    ) -> Parsed<'a, ()> {
        match self::symbol(symbol).parse(input) {
            Ok((rest, _)) => Ok((rest, ())),
            Err(_) => Err(Failure::fatal(input, expected)),
        }
    }

    /// Nothing but white space.
    pub(super) fn end(&self, input: &'a str, expected: &'static str) -> Parsed<'a, ()> {
        let (rest, ()) = blank(input)?;
        if rest.is_empty() {
            Ok((rest, ()))
        } else {
            Err(Failure::fatal(rest, expected))
        }
    }
}

/// Words that no header, field, constant or filter may be called.
pub(super) const RESERVED: [&str; 8] = [
    "const", "filter", "header", "in", "len", "root", "shift", "wirelen",
];

/// A word that must not go on, as `12` in `12abc`.
pub(super) fn bounded<'a, O>(
    parser: impl Parser<&'a str, Output = O, Error = Failure>,
) -> impl Parser<&'a str, Output = O, Error = Failure> {
    terminated(
        parser,
        peek(map(nom::combinator::not(satisfy(is_word)), |()| ())),
    )
}
