//! Where a piece of text stands: the source it is in, and its first and last byte.
//!
//! A program may come from several files and command-line expressions, so a [`Span`] names its
//! source too. Spans are kept by hand: the parser computes an offset from the length of what is
//! left, so that no input type of its own is needed.

use alloc::{string::String, vec::Vec};

/// The index of a source in its [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u16);

/// The bytes `start..end` of one source. Both ends lie on character boundaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Which text.
    pub source: SourceId,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// The span from the start of `self` to the end of `other`, both of one source.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span {
            source: self.source,
            start: self.start,
            end: other.end.max(self.start),
        }
    }
}

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A file of items: headers, constants, a root, filters.
    File,
    /// One expression: the condition of a filter that bears the source's name.
    Expression,
}

/// One text and the name that messages call it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A file's path, or the name of the filter that an expression defines.
    pub name: String,
    /// The text.
    pub text: String,
    /// Items or an expression.
    pub kind: SourceKind,
}

impl Source {
    /// A file of items called `name`.
    pub fn file(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source {
            name: name.into(),
            text: text.into(),
            kind: SourceKind::File,
        }
    }

    /// A single expression, the condition of a filter called `name`.
    pub fn expression(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source {
            name: name.into(),
            text: text.into(),
            kind: SourceKind::Expression,
        }
    }
}

/// All the texts of one program, for messages that show them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    pub(crate) list: Vec<Source>,
}

impl Sources {
    /// The source that `id` names, if there is one.
    pub fn source(&self, id: SourceId) -> Option<&Source> {
        self.list.get(usize::from(id.0))
    }

    /// The text under `span`, empty if it does not fit its source.
    pub fn text(&self, span: Span) -> &str {
        self.source(span.source)
            .and_then(|source| source.text.get(span.start as usize..span.end as usize))
            .unwrap_or("")
    }

    /// The sources, in order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.list
            .iter()
            .enumerate()
            .map(|(index, source)| (SourceId(index as u16), source))
    }
}
