//! Syntax trees to a checked program: names get meanings, and what can be known to be wrong
//! without a packet is refused.
//!
//! Passes, each over all sources: headers and their fields are declared; constants are evaluated,
//! in order; the clauses of headers are checked and become edges; edges of one parent are proved
//! disjoint; the root is chosen; filters are checked. Errors are collected, not only the first:
//! a part that is wrong yields `None`, and what depends on it says nothing more.

mod bounds;
mod condition;
mod constant;
mod disjoint;
mod header;
mod number;
mod place;

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use self::{
    constant::{Constant, Notation},
    place::{Reach, Scope},
};
use super::{
    ast::{self, Item},
    error::{Diagnostic, ErrorKind, Errors, Limit, Severity},
    limits,
    program::{Filter, Header, HeaderId, Program, ValueSet},
    span::{Sources, Span},
    suggest,
};

/// Checks the trees of `sources` together.
///
/// # Errors
///
/// Every mistake found, up to `limits::MAX_ERRORS`.
pub(super) fn check(sources: Sources, files: &[ast::File]) -> Result<Program, Errors> {
    let mut checker = Checker::default();
    checker.declare_headers(files);
    checker.define_constants(files);
    checker.check_clauses(files);
    checker.check_edges();
    let root = checker.choose_root(files);
    checker.check_filters(files, root);
    checker.finish(sources, root)
}

/// What is known so far.
#[derive(Default)]
struct Checker {
    headers: Vec<Header>,
    header_names: BTreeMap<String, HeaderId>,
    constants: BTreeMap<String, Constant>,
    sets: Vec<ValueSet>,
    /// How the elements of each set were written.
    set_notations: Vec<Notation>,
    set_elements: usize,
    filters: Vec<Filter>,
    root_declared: bool,
    reach: Reach,
    /// How many raw loads have been checked: a shift compares counts before and after.
    loads: usize,
    /// How many shifts are open.
    shifts: usize,
    errors: Vec<Diagnostic>,
    omitted: usize,
    warnings: Vec<Diagnostic>,
}

impl Checker {
    /// Records a mistake. Always `None`, the value of the part that is wrong.
    fn refuse<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        let (list, omitted) = match diagnostic.severity() {
            Severity::Error => (&mut self.errors, &mut self.omitted),
            Severity::Warning => (&mut self.warnings, &mut 0),
        };
        if list.len() < limits::MAX_ERRORS {
            list.push(diagnostic);
        } else {
            *omitted += 1;
        }
        None
    }

    fn error<T>(
        &mut self,
        kind: ErrorKind,
        title: impl Into<String>,
        span: Span,
        label: &str,
    ) -> Option<T> {
        self.refuse(Diagnostic::error(kind, title, span, label))
    }

    /// Refuses more than `limit` of `what`.
    fn within(
        &mut self,
        what: &str,
        name: &'static str,
        given: u128,
        limit: u128,
        span: Span,
    ) -> Option<()> {
        if given <= limit {
            return Some(());
        }
        self.refuse(Diagnostic::limit(what, Limit { name, given, limit }, span))
    }

    fn choose_root(&mut self, files: &[ast::File]) -> HeaderId {
        let mut chosen: Option<(HeaderId, Span)> = None;
        for item in items(files) {
            let Item::Root(root) = item else { continue };
            let Some(id) = self.header_named(&root.name) else {
                continue;
            };
            if let Some((_, before)) = chosen {
                let error = Diagnostic::error(
                    ErrorKind::DuplicateName,
                    "two roots",
                    root.span,
                    "a second root",
                );
                self.refuse::<()>(error.also(before, "the first root"));
            }
            chosen = Some((id, root.span));
            self.root_declared = true;
        }
        if let Some((id, _)) = chosen {
            return id;
        }
        match self.header_names.get(DEFAULT_ROOT) {
            Some(&id) => id,
            None => self.implied_root(),
        }
    }

    /// Without a root and without `ether`: a program of raw loads needs neither, one with headers
    /// must say where packets start.
    fn implied_root(&mut self) -> HeaderId {
        if let Some(first) = self.headers.first() {
            let error = Diagnostic::error(
                ErrorKind::UnknownName,
                "no header is the root",
                first.span,
                "headers are declared, but none says where a packet starts",
            );
            self.refuse::<()>(error.help(format!("write `root {};`", first.name)));
            return HeaderId(0);
        }
        self.headers.push(header::empty("packet"));
        HeaderId(0)
    }

    /// The header that `name` names.
    fn header_named(&mut self, name: &ast::Name) -> Option<HeaderId> {
        if let Some(&id) = self.header_names.get(&name.text) {
            return Some(id);
        }
        let title = format!("no header is called `{}`", name.text);
        let error = Diagnostic::error(
            ErrorKind::UnknownName,
            title,
            name.span,
            "expected the name of a header",
        );
        let error = suggest::nearest(
            error,
            &name.text,
            self.header_names.keys().map(String::as_str),
        );
        self.refuse(error)
    }

    fn check_filters(&mut self, files: &[ast::File], root: HeaderId) {
        self.reach = Reach::of(&self.headers);
        let mut names: BTreeMap<&str, Span> = BTreeMap::new();
        for item in items(files) {
            let Item::Filter(filter) = item else { continue };
            if let Some(&before) = names.get(filter.name.text.as_str()) {
                self.duplicate("filter", &filter.name, before);
            }
            names.insert(&filter.name.text, filter.name.span);
            if let Some(filter) = self.filter(filter, root) {
                self.filters.push(filter);
            }
            let count = self.filters.len() as u128;
            if self
                .within(
                    "filters",
                    "MAX_FILTERS",
                    count,
                    limits::MAX_FILTERS as u128,
                    filter.span,
                )
                .is_none()
            {
                return;
            }
        }
    }

    fn filter(&mut self, filter: &ast::Filter, root: HeaderId) -> Option<Filter> {
        let owner = filter
            .owner
            .as_ref()
            .map(|owner| self.narrow(owner, "an owner"));
        let priority = filter
            .priority
            .as_ref()
            .map(|priority| self.priority(priority));
        let mut scope = Scope::filter(root);
        let condition = self.condition(&filter.condition, &mut scope);
        let owner = match owner {
            Some(owner) => Some(owner?),
            None => None,
        };
        let priority = priority.unwrap_or(Some(0))?;
        Some(Filter {
            name: filter.name.text.clone(),
            owner,
            priority,
            fragments: filter.fragments.is_some(),
            places: scope.into_places(),
            condition: condition?,
            span: filter.name.span,
        })
    }

    fn narrow(&mut self, number: &ast::Number, what: &str) -> Option<u32> {
        match u32::try_from(number.value) {
            Ok(value) => Some(value),
            Err(_) => self.error(
                ErrorKind::Value,
                format!("{what} has 32 bits"),
                number.span,
                "too large",
            ),
        }
    }

    fn priority(&mut self, priority: &ast::Priority) -> Option<i32> {
        let magnitude = i128::try_from(priority.magnitude.value).unwrap_or(i128::MAX);
        match i32::try_from(if priority.negative {
            -magnitude
        } else {
            magnitude
        }) {
            Ok(value) => Some(value),
            Err(_) => {
                let span = priority.magnitude.span;
                self.error(
                    ErrorKind::Value,
                    "a priority has 31 bits and a sign",
                    span,
                    "too large",
                )
            }
        }
    }

    fn duplicate(&mut self, what: &str, name: &ast::Name, before: Span) {
        let title = format!("a second {what} called `{}`", name.text);
        let error = Diagnostic::error(ErrorKind::DuplicateName, title, name.span, "declared again");
        self.refuse::<()>(error.also(before, "declared first"));
    }

    fn finish(self, sources: Sources, root: HeaderId) -> Result<Program, Errors> {
        if !self.errors.is_empty() {
            return Err(Errors {
                sources,
                list: self.errors,
                omitted: self.omitted,
            });
        }
        Ok(Program {
            sources,
            headers: self.headers,
            root,
            root_declared: self.root_declared,
            filters: self.filters,
            sets: self.sets,
            warnings: self.warnings,
        })
    }
}

fn items(files: &[ast::File]) -> impl Iterator<Item = &Item> {
    files.iter().flat_map(|file| &file.items)
}

/// Where a packet starts unless a file or a link type says otherwise.
const DEFAULT_ROOT: &str = "ether";
