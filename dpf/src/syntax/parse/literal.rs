//! Numbers and addresses.
//!
//! A run of hexadecimal digits and colons is a MAC address if it has six groups, an IPv6 address if
//! it has eight or a `::`, and otherwise not an address at all (`12:16` is a load). A run of
//! digits and dots with a dot in it is an IPv4 address; `..` is never part of one.

use alloc::{boxed::Box, format};

use nom::{
    Parser,
    branch::alt,
    bytes::complete::{tag, take_while, take_while1},
    combinator::{map, opt},
    sequence::preceded,
};

use super::{
    Grammar, Parsed,
    text::{Failure, blank, bounded},
};
use crate::syntax::{
    ast::{Expr, ExprKind, Notation, Number},
    error::{Diagnostic, ErrorKind},
};

impl<'a> Grammar<'a> {
    /// A decimal or hexadecimal number of at most 128 bits.
    pub(super) fn number(&self, input: &'a str) -> Parsed<'a, Number> {
        let (start, ()) = blank(input)?;
        let hexadecimal = map(
            preceded(tag("0x"), take_while1(|c: char| c.is_ascii_hexdigit())),
            |digits: &str| {
                (
                    digits,
                    16,
                    Notation::Hexadecimal(digits.len().min(255) as u8),
                )
            },
        );
        let decimal = map(take_while1(|c: char| c.is_ascii_digit()), |digits: &str| {
            (digits, 10, Notation::Decimal)
        });
        let parsed: Parsed<'a, _> = bounded(alt((hexadecimal, decimal))).parse(start);
        let (rest, (digits, radix, notation)) = parsed.map_err(|_| bad_number(start))?;
        let span = self.span(start, rest);
        match u128::from_str_radix(digits, radix) {
            Ok(value) => Ok((
                rest,
                Number {
                    value,
                    notation,
                    span,
                },
            )),
            Err(_) => Err(self.reject(Diagnostic::error(
                ErrorKind::Value,
                "a number of more than 128 bits",
                span,
                "no field is as wide",
            ))),
        }
    }

    /// An address, possibly with a prefix length; fails softly if none begins here.
    pub(super) fn address(&self, input: &'a str) -> Parsed<'a, Expr> {
        let (start, ()) = blank(input)?;
        let (rest, kind) = alt((|i| self.colons(i), |i| self.dots(i))).parse(start)?;
        let address = Expr {
            kind,
            span: self.span(start, rest),
        };
        let parsed: Parsed<'a, _> = opt(preceded(
            tag("/"),
            take_while1(|c: char| c.is_ascii_digit()),
        ))
        .parse(rest);
        let (after, length) = parsed?;
        if length.is_none() {
            return Ok((rest, address));
        }
        let (after_length, length) = self.number(&rest[1..])?;
        debug_assert_eq!(after.len(), after_length.len());
        let span = self.span(start, after_length);
        Ok((
            after_length,
            Expr {
                kind: ExprKind::Prefix(Box::new(address), length),
                span,
            },
        ))
    }

    /// MAC and IPv6 addresses.
    fn colons(&self, start: &'a str) -> Parsed<'a, ExprKind> {
        let (mut rest, run) =
            take_while1(|c: char| c.is_ascii_hexdigit() || c == ':').parse(start)?;
        let colons = run.bytes().filter(|&byte| byte == b':').count();
        if colons < 2 {
            return Err(nom::Err::Error(Failure::expected(start, "an address")));
        }
        if rest.starts_with('.') && !rest.starts_with("..") {
            (rest, _) = dotted(rest)?;
        }
        let run = &start[..start.len() - rest.len()];
        if let Some(mac) = mac(run) {
            return Ok((rest, ExprKind::Mac(mac)));
        }
        match run.parse() {
            Ok(address) => Ok((rest, ExprKind::Ipv6(address))),
            Err(_) => Err(self.bad_address(
                start,
                rest,
                "neither an IPv6 address nor six pairs of a MAC address",
            )),
        }
    }

    /// IPv4 addresses.
    fn dots(&self, start: &'a str) -> Parsed<'a, ExprKind> {
        let (rest, run) = dotted(start)?;
        if !run.contains('.') || !start.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(nom::Err::Error(Failure::expected(start, "an address")));
        }
        match run.parse() {
            Ok(address) => Ok((rest, ExprKind::Ipv4(address))),
            Err(_) => {
                Err(self.bad_address(start, rest, "an IPv4 address is four numbers from 0 to 255"))
            }
        }
    }

    fn bad_address(&self, start: &'a str, rest: &'a str, label: &str) -> nom::Err<Failure> {
        let span = self.span(start, rest);
        let shown = &start[..(start.len() - rest.len()).min(60)];
        self.reject(Diagnostic::error(
            ErrorKind::Syntax,
            format!("`{shown}` is not an address"),
            span,
            label,
        ))
    }
}

/// Digits and dots, up to a `..`.
fn dotted(input: &str) -> Parsed<'_, &str> {
    let end = input
        .char_indices()
        .find(|&(at, c)| {
            !(c.is_ascii_digit()
                || c == '.' && input[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
        })
        .map_or(input.len(), |(at, _)| at);
    Ok((&input[end..], &input[..end]))
}

fn mac(run: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut groups = run.split(':');
    for byte in &mut mac {
        let group = groups.next()?;
        if group.len() > 2 {
            return None;
        }
        *byte = u8::from_str_radix(group, 16).ok()?;
    }
    groups.next().is_none().then_some(mac)
}

/// A number that runs into letters is a mistake; anything else is just no number.
fn bad_number(start: &str) -> nom::Err<Failure> {
    let digits: Parsed<'_, &str> = take_while(|c: char| c.is_ascii_digit()).parse(start);
    match digits {
        Ok((_, digits)) if !digits.is_empty() => Failure::fatal(start, "a number"),
        _ => nom::Err::Error(Failure::expected(start, "a number")),
    }
}
