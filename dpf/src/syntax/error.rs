//! What is wrong with a text: kind, place, message; and its caret diagram.
//!
//! A [`Diagnostic`] knows spans, not text; [`Sources::render`] draws it over the text. Later stages (lowering, overlap) report through the
//! same type when what they refuse has a place in a source.

use alloc::{string::String, vec::Vec};
use core::fmt;

use super::span::{Sources, Span};

/// What sort of mistake a [`Diagnostic`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text does not follow the grammar.
    Syntax,
    /// A name that nothing bears.
    UnknownName,
    /// A name that something bears already.
    DuplicateName,
    /// A number where a condition belongs, and the like.
    Type,
    /// A value that its field, or the grammar, cannot hold.
    Value,
    /// A shift that can run backwards, or after which nothing is loaded.
    Shift,
    /// Two headers that may follow one header at once.
    Ambiguous,
    /// A header that cannot be where the text looks for it.
    Unreachable,
    /// A limit passed.
    Limit,
    /// Filters that cannot stand beside each other, or can never match.
    Filter,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The program is refused.
    Error,
    /// The program stands.
    Warning,
}

/// A limit that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The name of the constant.
    pub name: &'static str,
    /// What the text asked for; a lower bound where counting stopped at the limit.
    pub given: u128,
    /// What is allowed.
    pub limit: u128,
}

/// One message, with the places it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    kind: ErrorKind,
    pub(super) severity: Severity,
    pub(super) title: String,
    pub(super) labels: Vec<(Span, String)>,
    pub(super) help: Option<String>,
    limit: Option<Limit>,
}

impl Diagnostic {
    /// An error of `kind` at `span`: `title` says what is wrong, `label` what was expected there.
    pub fn error(
        kind: ErrorKind,
        title: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic {
            kind,
            severity: Severity::Error,
            title: title.into(),
            labels: Vec::from([(span, label.into())]),
            help: None,
            limit: None,
        }
    }

    /// A warning, in the same terms.
    pub fn warning(
        kind: ErrorKind,
        title: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error(kind, title, span, label)
        }
    }

    /// A limit passed at `span`; `what` is counted.
    pub fn limit(what: &str, limit: Limit, span: Span) -> Diagnostic {
        let title = alloc::format!(
            "too many {what}: {} given, {} allowed",
            limit.given,
            limit.limit
        );
        let label = alloc::format!("the limit is {}", limit.name);
        Diagnostic {
            limit: Some(limit),
            ..Diagnostic::error(ErrorKind::Limit, title, span, label)
        }
    }

    /// Adds a second place.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Diagnostic {
        self.labels.push((span, label.into()));
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// What sort of mistake it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What is wrong, in one line.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The place it is about first of all.
    pub fn span(&self) -> Span {
        self.labels[0].0
    }

    /// The limit that was passed, for [`ErrorKind::Limit`].
    pub fn passed(&self) -> Option<Limit> {
        self.limit
    }
}

/// Why a program was refused: at least one error, with the texts they point into.
#[derive(Clone, Debug)]
pub struct Errors {
    pub(crate) sources: Sources,
    pub(crate) list: Vec<Diagnostic>,
    /// How many more there were.
    pub(crate) omitted: usize,
}

impl Errors {
    /// The errors in the order they were found, at most `limits::MAX_ERRORS`.
    pub fn list(&self) -> &[Diagnostic] {
        &self.list
    }

    /// The texts.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// All diagrams, one after the other, in a terminal's colours or not.
    pub fn render(&self, styled: bool) -> String {
        let mut text = String::new();
        for diagnostic in &self.list {
            let diagram = if styled {
                self.sources.render_styled(diagnostic)
            } else {
                self.sources.render(diagnostic)
            };
            text.push_str(&diagram);
            text.push_str("\n\n");
        }
        if self.omitted > 0 {
            text.push_str(&alloc::format!("and {} more errors\n", self.omitted));
        }
        text.truncate(text.trim_end().len());
        text
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl core::error::Error for Errors {}
