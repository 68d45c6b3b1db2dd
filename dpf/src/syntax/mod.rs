//! Text to a checked program: the language in which headers and filters are written.
//!
//! Text is parsed to a syntax tree ([`ast`]), names are resolved and everything that can be
//! checked without a packet is checked ([`Program`]), and mistakes come back as caret diagrams
//! ([`Errors`]). The printer turns a tree into text again.

pub mod ast;
mod error;
pub mod limits;
mod program;
mod span;

pub use error::{Diagnostic, ErrorKind, Errors, Limit, Severity};
pub use program::{
    ArithmeticOp, CompareOp, Cond, Edge, Expr, Field, FieldKind, FieldUse, Filter, Header,
    HeaderId, Place, PlaceId, Program, SetId, Step, ValueSet, WideRelation,
};
pub use span::{Source, SourceId, SourceKind, Sources, Span};
