//! Declarations: headers, constants, the root, filters.

use alloc::{format, vec::Vec};

use nom::{Parser, combinator::opt};

use super::{
    Grammar, Parsed,
    text::{Failure, blank, follows, keyword, symbol, word},
};
use crate::syntax::{
    ast::{Const, Expr, Field, Filter, Header, Item, Number, Place, Priority, Root, Width},
    error::{Diagnostic, ErrorKind},
    limits,
    span::Span,
    suggest,
};

impl<'a> Grammar<'a> {
    /// Items to the end of the text.
    pub(super) fn file(&self, input: &'a str) -> Parsed<'a, Vec<Item>> {
        let mut items = Vec::new();
        let mut rest = blank(input)?.0;
        while !rest.is_empty() {
            let (after, item) = self.item(rest)?;
            items.push(item);
            rest = blank(after)?.0;
        }
        Ok((rest, items))
    }

    fn item(&self, input: &'a str) -> Parsed<'a, Item> {
        let Ok((rest, first)) = word(input) else {
            return Err(Failure::fatal(input, EXPECTED_ITEM));
        };
        match first {
            "header" => self
                .header(input, rest)
                .map(|(rest, header)| (rest, Item::Header(header))),
            "const" => self
                .constant(input, rest)
                .map(|(rest, constant)| (rest, Item::Const(constant))),
            "root" => self
                .root(input, rest)
                .map(|(rest, root)| (rest, Item::Root(root))),
            "filter" => self
                .filter(input, rest)
                .map(|(rest, filter)| (rest, Item::Filter(filter))),
            _ => {
                let title = format!("expected {EXPECTED_ITEM}, found `{first}`");
                let error = Diagnostic::error(
                    ErrorKind::Syntax,
                    title,
                    self.span(input, rest),
                    "no declaration",
                );
                Err(self.reject(suggest::nearest(error, first, KEYWORDS.into_iter())))
            }
        }
    }

    fn header(&self, input: &'a str, rest: &'a str) -> Parsed<'a, Header> {
        let (rest, name) = self.declared(rest, "the header's name")?;
        let (rest, max) = self.clause(rest, "max", "how often the header may occur")?;
        let (rest, fields) = if follows(rest, "{") {
            self.fields(rest)?
        } else {
            (rest, None)
        };
        let mut header = Header {
            name,
            max,
            fields,
            size: None,
            condition: None,
            places: Vec::new(),
            span: Span::default(),
        };
        let rest = self.clauses(rest, &mut header)?;
        header.span = self.span(input, rest);
        let rest = match &header.fields {
            Some(_) => opt(symbol(";")).parse(rest)?.0,
            None if header.places.is_empty() => {
                return Err(Failure::fatal(rest, "`{` and the header's fields, or `on`"));
            }
            None => self.must(rest, ";", "an operator, `on` or `;`")?.0,
        };
        Ok((rest, header))
    }

    /// `size`, `where` and `on`, in any order.
    fn clauses(
        &self,
        mut rest: &'a str,
        header: &mut Header,
    ) -> Result<&'a str, nom::Err<Failure>> {
        loop {
            let Ok((after, clause)) = word(rest) else {
                return Ok(rest);
            };
            let span = self.span(rest, after);
            rest = match clause {
                "size" => self.once(&mut header.size, span, after)?,
                "where" => self.once(&mut header.condition, span, after)?,
                "on" => {
                    let (after, place) = self.place(rest, after)?;
                    header.places.push(place);
                    after
                }
                _ => return Ok(rest),
            };
            let count = header.places.len();
            self.fewer("`on` clauses", count, "MAX_EDGES", limits::MAX_EDGES, span)?;
        }
    }

    fn once(
        &self,
        slot: &mut Option<Expr>,
        span: Span,
        rest: &'a str,
    ) -> Result<&'a str, nom::Err<Failure>> {
        let (rest, expr) = self.expression(rest)?;
        match slot.replace(expr) {
            None => Ok(rest),
            Some(_) => Err(self.twice(span)),
        }
    }

    fn twice(&self, span: Span) -> nom::Err<Failure> {
        self.reject(Diagnostic::error(
            ErrorKind::Syntax,
            "a clause twice",
            span,
            "given already",
        ))
    }

    fn place(&self, input: &'a str, rest: &'a str) -> Parsed<'a, Place> {
        let (rest, condition) = self.expression(rest)?;
        let (rest, tunnel) = opt(keyword("tunnel")).parse(rest)?;
        Ok((
            rest,
            Place {
                condition,
                tunnel: tunnel.is_some(),
                span: self.span(input, rest),
            },
        ))
    }

    fn fields(&self, input: &'a str) -> Parsed<'a, Option<Vec<Field>>> {
        let (mut rest, _) = symbol("{").parse(input)?;
        let mut fields = Vec::new();
        while !follows(rest, "}") {
            let (after, field) = self.field(rest)?;
            fields.push(field);
            self.fewer(
                "fields",
                fields.len(),
                "MAX_FIELDS",
                limits::MAX_FIELDS,
                self.span(rest, after),
            )?;
            let (after, comma) = opt(symbol(",")).parse(after)?;
            rest = after;
            if comma.is_none() && !follows(rest, "}") {
                return Err(Failure::fatal(rest, "`,` or `}`"));
            }
        }
        let (rest, ()) = self.must(rest, "}", "`}`")?;
        Ok((rest, Some(fields)))
    }

    fn field(&self, input: &'a str) -> Parsed<'a, Field> {
        let (rest, skipped) = opt(keyword("_")).parse(input)?;
        let (rest, name) = match skipped {
            Some(_) => (rest, None),
            None => {
                let (rest, name) = self.declared(rest, "a field's name, `_` or `}`")?;
                (rest, Some(name))
            }
        };
        let (rest, ()) = self.must(rest, ":", "`:` and the field's width")?;
        let (rest, width) = self.width(rest)?;
        Ok((
            rest,
            Field {
                name,
                width,
                span: self.span(input, rest),
            },
        ))
    }

    fn width(&self, input: &'a str) -> Parsed<'a, Width> {
        const EXPECTED: &str = "a width in bits, `mac`, `ipv4` or `ipv6`";
        match word(input) {
            Ok((rest, "mac")) => Ok((rest, Width::Mac)),
            Ok((rest, "ipv4")) => Ok((rest, Width::Ipv4)),
            Ok((rest, "ipv6")) => Ok((rest, Width::Ipv6)),
            Ok(_) => Err(Failure::fatal(input, EXPECTED)),
            Err(_) => {
                let (rest, bits) = self.required(input, EXPECTED)?;
                Ok((rest, Width::Bits(bits)))
            }
        }
    }

    fn constant(&self, input: &'a str, rest: &'a str) -> Parsed<'a, Const> {
        let (rest, name) = self.declared(rest, "the constant's name")?;
        let (rest, ()) = self.must(rest, "=", "`=`")?;
        let (rest, value) = self.members(rest)?;
        let (rest, ()) = self.must(rest, ";", "an operator or `;`")?;
        Ok((
            rest,
            Const {
                name,
                value,
                span: self.span(input, rest),
            },
        ))
    }

    fn root(&self, input: &'a str, rest: &'a str) -> Parsed<'a, Root> {
        let (rest, name) = self.declared(rest, "the name of the header that packets start with")?;
        let (rest, ()) = self.must(rest, ";", "`;`")?;
        Ok((
            rest,
            Root {
                name,
                span: self.span(input, rest),
            },
        ))
    }

    fn filter(&self, input: &'a str, rest: &'a str) -> Parsed<'a, Filter> {
        let (mut rest, name) = self.declared(rest, "the filter's name")?;
        let (mut owner, mut priority, mut fragments) = (None, None, None);
        while let Ok((after, clause)) = word(rest) {
            let span = self.span(rest, after);
            let (after, repeated) = match clause {
                "owner" => self
                    .required(after, "the owner's number")
                    .map(|(rest, n)| (rest, owner.replace(n).is_some()))?,
                "priority" => self
                    .priority(after)
                    .map(|(rest, n)| (rest, priority.replace(n).is_some()))?,
                "fragments" => (after, fragments.replace(span).is_some()),
                _ => break,
            };
            if repeated {
                return Err(self.twice(span));
            }
            rest = after;
        }
        let (rest, ()) = self.must(rest, "=", "`=`, `owner`, `priority` or `fragments`")?;
        let (rest, condition) = self.expression(rest)?;
        let (rest, ()) = self.must(rest, ";", "an operator or `;`")?;
        Ok((
            rest,
            Filter {
                name,
                owner,
                priority,
                fragments,
                condition,
                span: self.span(input, rest),
            },
        ))
    }

    fn priority(&self, input: &'a str) -> Parsed<'a, Priority> {
        let (rest, minus) = opt(symbol("-")).parse(input)?;
        let (rest, magnitude) = self.required(rest, "the priority")?;
        Ok((
            rest,
            Priority {
                negative: minus.is_some(),
                magnitude,
            },
        ))
    }

    /// `keyword N`, or nothing.
    fn clause(
        &self,
        input: &'a str,
        name: &'static str,
        expected: &'static str,
    ) -> Parsed<'a, Option<Number>> {
        let (rest, found) = opt(keyword(name)).parse(input)?;
        if found.is_none() {
            return Ok((rest, None));
        }
        let (rest, number) = self.required(rest, expected)?;
        Ok((rest, Some(number)))
    }

    /// A number, where nothing else can stand.
    fn required(&self, input: &'a str, expected: &'static str) -> Parsed<'a, Number> {
        match self.number(input) {
            Err(nom::Err::Error(_)) => Err(Failure::fatal(input, expected)),
            number => number,
        }
    }

    /// A name, where nothing else can stand.
    fn declared(
        &self,
        input: &'a str,
        expected: &'static str,
    ) -> Parsed<'a, crate::syntax::ast::Name> {
        match self.name(input, expected) {
            Err(nom::Err::Error(_)) => Err(Failure::fatal(input, expected)),
            name => name,
        }
    }
}

const KEYWORDS: [&str; 4] = ["header", "const", "root", "filter"];
const EXPECTED_ITEM: &str = "`header`, `const`, `root` or `filter`";
