//! Text to a checked program: the language in which headers and filters are written.
//!
//! Text is parsed to a syntax tree ([`ast`]), names are resolved and everything that can be
//! checked without a packet is checked ([`Program`]), and mistakes come back as caret diagrams
//! ([`Errors`]). The printer turns a tree into text again. [`eval`] is the language's meaning,
//! carried out literally. The language is described in `docs/dpf-language.md`.
//!
//! ```
//! use dpf::syntax::{Program, eval::{Evaluator, Truth}};
//!
//! let program = Program::parse("filter web = tcp.dport in { 80, 443 };", "web.dpf", true)?;
//! let web = program.filter("web").expect("declared above");
//! let packet = [0; 60];
//! assert_eq!(Evaluator::new(&program).evaluate(web, &packet, 60), Truth::False);
//!
//! let errors = Program::parse("filter a = tcp.dprot == 80;", "a.dpf", true).unwrap_err();
//! assert!(errors.to_string().contains("did you mean `dport`?"));
//! # Ok::<(), dpf::syntax::Errors>(())
//! ```

use alloc::{string::String, vec::Vec};

pub mod ast;
mod check;
mod error;
pub mod eval;
pub mod limits;
mod parse;
mod print;
mod program;
mod render;
mod span;
mod suggest;
#[cfg(test)]
mod tests;

pub use error::{Diagnostic, ErrorKind, Errors, Limit, Severity};
pub use print::print;
pub use program::{
    ArithmeticOp, CompareOp, Cond, Edge, Expr, Field, FieldKind, FieldUse, Filter, Header,
    HeaderId, Place, PlaceId, Program, SetId, Step, ValueSet, WideRelation,
};
pub use span::{Source, SourceId, SourceKind, Sources, Span};

impl Program {
    /// Parses and checks one file, on top of the standard protocols or not.
    ///
    /// # Errors
    ///
    /// Every mistake found in the text, as caret diagrams.
    pub fn parse(text: &str, name: &str, with_protocols: bool) -> Result<Program, Errors> {
        Program::load([Source::file(name, text)], with_protocols)
    }

    /// Parses and checks several files and expressions as one program: names declared in one are
    /// known in all.
    ///
    /// # Errors
    ///
    /// Every mistake found; of each source that does not parse, the first.
    pub fn load(
        sources: impl IntoIterator<Item = Source>,
        with_protocols: bool,
    ) -> Result<Program, Errors> {
        let standard = with_protocols.then(|| Source::file("protocols.dpf", PROTOCOLS));
        let sources = Sources {
            list: standard.into_iter().chain(sources).collect(),
        };
        let (mut files, mut list) = (Vec::new(), Vec::new());
        if sources.list.len() > limits::MAX_SOURCES {
            let (given, limit) = (sources.list.len() as u128, limits::MAX_SOURCES as u128);
            list.push(Diagnostic::limit(
                "sources",
                Limit {
                    name: "MAX_SOURCES",
                    given,
                    limit,
                },
                Span::default(),
            ));
            return Err(Errors {
                sources,
                list,
                omitted: 0,
            });
        }
        for (id, source) in sources.iter() {
            match parse::parse(source, id) {
                Ok(file) => files.push(file),
                Err(error) => list.push(*error),
            }
        }
        if list.is_empty() {
            return check::check(sources, &files);
        }
        let omitted = list.len().saturating_sub(limits::MAX_ERRORS);
        list.truncate(limits::MAX_ERRORS);
        Err(Errors {
            sources,
            list,
            omitted,
        })
    }
}

/// Parses one file and checks nothing: for formatters.
///
/// # Errors
///
/// The first mistake in the text.
pub fn parse(text: &str, name: &str) -> Result<ast::File, Errors> {
    let source = Source::file(name, text);
    parse::parse(&source, SourceId(0)).map_err(|error| Errors {
        sources: Sources {
            list: Vec::from([source]),
        },
        list: Vec::from([*error]),
        omitted: 0,
    })
}

/// A file in the standard layout, its comments kept.
///
/// # Errors
///
/// The first mistake in the text.
pub fn format(text: &str, name: &str) -> Result<String, Errors> {
    parse(text, name).map(|file| print(&file, text))
}

/// The standard protocols, in the language itself.
pub const PROTOCOLS: &str = include_str!("../protocols.dpf");
