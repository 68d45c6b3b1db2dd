//! Paths to header instances: which header, which field, and which way leads there.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::Checker;
use crate::syntax::{
    ast::{self, ExprKind},
    error::{Diagnostic, ErrorKind},
    limits,
    program::{FieldUse, Header, HeaderId, Place, PlaceId, Step},
    span::Span,
    suggest,
};

/// What the names in an expression may mean.
pub(super) enum Scope {
    /// Constants only.
    Constant,
    /// `size` and `where`: the header's own fields.
    Header(HeaderId),
    /// `on`: the fields of one parent, and its name.
    On(HeaderId),
    /// A filter: any header instance.
    Filter {
        root: HeaderId,
        places: BTreeMap<Place, PlaceId>,
    },
}

impl Scope {
    pub(super) fn filter(root: HeaderId) -> Scope {
        Scope::Filter {
            root,
            places: BTreeMap::new(),
        }
    }

    /// The places named, by their ids.
    pub(super) fn into_places(self) -> Vec<Place> {
        let Scope::Filter { places, .. } = self else {
            return Vec::new();
        };
        let mut places: Vec<(PlaceId, Place)> =
            places.into_iter().map(|(place, id)| (id, place)).collect();
        places.sort();
        places.into_iter().map(|(_, place)| place).collect()
    }
}

/// Which headers lead to which.
#[derive(Default)]
pub(super) struct Reach {
    /// `[from][to]`, by at least one edge, none of them a tunnel.
    plain: Vec<Vec<bool>>,
    /// By edges of which exactly one is a tunnel.
    tunnelled: Vec<Vec<bool>>,
}

impl Reach {
    pub(super) fn of(headers: &[Header]) -> Reach {
        let plain: Vec<Vec<bool>> = (0..headers.len())
            .map(|from| reachable(headers, from))
            .collect();
        let mut tunnelled = vec![vec![false; headers.len()]; headers.len()];
        for (before, row) in tunnelled.iter_mut().enumerate() {
            let ahead = (0..headers.len()).filter(|&mid| mid == before || plain[before][mid]);
            let tunnels =
                ahead.flat_map(|mid| headers[mid].edges.iter().filter(|edge| edge.tunnel));
            let mut entered = vec![false; headers.len()];
            for edge in tunnels {
                entered[usize::from(edge.child.0)] = true;
            }
            for inner in (0..headers.len()).filter(|&inner| entered[inner]) {
                row[inner] = true;
                (0..headers.len()).for_each(|to| row[to] |= plain[inner][to]);
            }
        }
        Reach { plain, tunnelled }
    }

    /// How to get from one header to another behind it, with as few tunnels as possible, if at all.
    fn step(&self, from: HeaderId, to: HeaderId) -> Option<Step> {
        let (from, index) = (usize::from(from.0), usize::from(to.0));
        let tunnel = !self.plain[from][index];
        (!tunnel || self.tunnelled[from][index]).then_some(Step { header: to, tunnel })
    }
}

fn reachable(headers: &[Header], from: usize) -> Vec<bool> {
    let mut seen = vec![false; headers.len()];
    let mut waiting = vec![from];
    while let Some(header) = waiting.pop() {
        for edge in headers[header].edges.iter().filter(|edge| !edge.tunnel) {
            let child = usize::from(edge.child.0);
            if !seen[child] {
                seen[child] = true;
                waiting.push(child);
            }
        }
    }
    seen
}

impl Checker {
    /// The header instance that `path` names.
    pub(super) fn place(
        &mut self,
        path: &ast::Path,
        span: Span,
        scope: &mut Scope,
    ) -> Option<(PlaceId, HeaderId)> {
        let mut headers = Vec::new();
        for name in &path.headers {
            headers.push((self.header_in_path(path, name)?, name.span));
        }
        match scope {
            Scope::Constant => self.error(
                ErrorKind::Type,
                "not a constant",
                span,
                "expected a constant",
            ),
            Scope::Header(own) => self.own_place(
                *own,
                &headers,
                span,
                "`size` and `where` speak of the header's own fields",
            ),
            Scope::On(parent) => self.own_place(
                *parent,
                &headers,
                span,
                "an `on` clause speaks of one header",
            ),
            Scope::Filter { root, places } => {
                let steps = self.steps(*root, &headers)?;
                let header = headers[headers.len() - 1].0;
                let place = Place {
                    steps: steps.into(),
                };
                let count = places.len();
                let id = *places.entry(place).or_insert(PlaceId(count as u16));
                let given = places.len() as u128;
                self.within(
                    "headers in one filter",
                    "MAX_PLACES",
                    given,
                    limits::MAX_PLACES as u128,
                    span,
                )?;
                Some((id, header))
            }
        }
    }

    /// A header's name; a lone one could as well have been meant as a constant's.
    fn header_in_path(&mut self, path: &ast::Path, name: &ast::Name) -> Option<HeaderId> {
        if path.headers.len() > 1
            || path.field.is_some()
            || self.header_names.contains_key(&name.text)
        {
            return self.header_named(name);
        }
        let title = format!("nothing is called `{}`", name.text);
        let error = Diagnostic::error(
            ErrorKind::UnknownName,
            title,
            name.span,
            "expected a header or a constant",
        );
        let names = self
            .header_names
            .keys()
            .chain(self.constants.keys())
            .map(String::as_str);
        let error = suggest::nearest(error, &name.text, names);
        self.refuse(error)
    }

    fn own_place(
        &mut self,
        own: HeaderId,
        headers: &[(HeaderId, Span)],
        span: Span,
        rule: &str,
    ) -> Option<(PlaceId, HeaderId)> {
        if headers.len() == 1 && headers[0].0 == own {
            return Some((PlaceId::SELF, own));
        }
        let title = format!(
            "expected a field of `{}`",
            self.headers[usize::from(own.0)].name
        );
        let help = "write one `on` clause for each header it may follow";
        let error = Diagnostic::error(ErrorKind::Unreachable, title, span, rule);
        self.refuse(if rule.starts_with("an") {
            error.help(help)
        } else {
            error
        })
    }

    fn steps(&mut self, root: HeaderId, headers: &[(HeaderId, Span)]) -> Option<Vec<Step>> {
        let (first, span) = headers[0];
        if first != root && !self.reach.plain[usize::from(root.0)][usize::from(first.0)] {
            self.warn_unreachable(root, first, span);
        }
        let mut steps = Vec::from([Step {
            header: first,
            tunnel: false,
        }]);
        for pair in headers.windows(2) {
            let [(from, _), (to, span)] = *pair else {
                continue;
            };
            match self.reach.step(from, to) {
                Some(step) => steps.push(step),
                None => {
                    let (from, to) = (self.header_name(from), self.header_name(to));
                    let title = format!("`{to}` never follows `{from}`");
                    let label = "no `on` clauses lead there through at most one tunnel";
                    return self.error(ErrorKind::Unreachable, title, span, label);
                }
            }
        }
        Some(steps)
    }

    fn warn_unreachable(&mut self, root: HeaderId, header: HeaderId, span: Span) {
        let (root, name) = (self.header_name(root), self.header_name(header));
        let title = format!("`{name}` is never there when packets start at `{root}`");
        let label = "no `on` clauses lead here without a tunnel";
        let warned = self.warnings.iter().any(|warning| warning.title() == title);
        if !warned {
            self.refuse::<()>(Diagnostic::warning(
                ErrorKind::Unreachable,
                title,
                span,
                label,
            ));
        }
    }

    fn header_name(&self, id: HeaderId) -> String {
        self.headers[usize::from(id.0)].name.to_string()
    }

    /// The field `name` of a header instance.
    pub(super) fn field(
        &mut self,
        place: PlaceId,
        header: HeaderId,
        name: &ast::Name,
    ) -> Option<FieldUse> {
        if let Some(found) = self.own_field(place, header, &name.text) {
            return Some(found);
        }
        let fields = &self.headers[usize::from(header.0)];
        let title = format!("`{}` has no field called `{}`", fields.name, name.text);
        let error = Diagnostic::error(ErrorKind::UnknownName, title, name.span, "unknown field");
        let error = suggest::nearest(
            error,
            &name.text,
            fields.fields.iter().map(|field| field.name.as_str()),
        );
        let error = error.also(fields.span, "the header is declared here");
        self.refuse(error)
    }

    /// The same, silently.
    pub(super) fn own_field(
        &self,
        place: PlaceId,
        header: HeaderId,
        name: &str,
    ) -> Option<FieldUse> {
        let fields = &self.headers[usize::from(header.0)].fields;
        let index = fields.iter().position(|field| field.name == name)?;
        let (bit, width) = (fields[index].bit, fields[index].width);
        Some(FieldUse {
            place,
            header,
            index: index as u16,
            bit,
            width,
        })
    }

    /// The header that an `on` condition is about: the first it names.
    pub(super) fn parent(&mut self, condition: &ast::Expr) -> Option<HeaderId> {
        let mut first = None;
        self.first_header(condition, &mut first);
        match first {
            Some(path) => self.header_in_path(path, &path.headers[0]),
            None => self.error(
                ErrorKind::Unreachable,
                "an `on` clause that names no header",
                condition.span,
                "expected a condition on the header before",
            ),
        }
    }

    fn first_header<'e>(&self, expr: &'e ast::Expr, found: &mut Option<&'e ast::Path>) {
        match &expr.kind {
            _ if found.is_some() => {}
            ExprKind::Path(path) => {
                let constant =
                    path.field.is_none() && self.constants.contains_key(&path.headers[0].text);
                if !constant {
                    *found = Some(path);
                }
            }
            ExprKind::Set(list) | ExprKind::And(list) | ExprKind::Or(list) => {
                list.iter().for_each(|expr| self.first_header(expr, found));
            }
            ExprKind::Binary(_, left, right) | ExprKind::Range(left, right) => {
                self.first_header(left, found);
                self.first_header(right, found);
            }
            ExprKind::Load { offset: inner, .. }
            | ExprKind::Shift(inner)
            | ExprKind::Not(inner)
            | ExprKind::Paren(inner)
            | ExprKind::Prefix(inner, _) => self.first_header(inner, found),
            ExprKind::Number(_)
            | ExprKind::Ipv4(_)
            | ExprKind::Ipv6(_)
            | ExprKind::Mac(_)
            | ExprKind::Len
            | ExprKind::WireLen => {}
        }
    }
}
