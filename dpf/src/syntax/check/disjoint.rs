//! May two headers follow one header at once? The `on` conditions of one parent are proved
//! disjoint, or refused with values that satisfy two of them.
//!
//! A condition becomes a disjunction of conjunctions, each a map from a *term* (a field, or any
//! expression, compared by its form) to the interval set it must lie in. Two conjunctions exclude
//! each other when some term has no value common to both. That is exact for distinct fields
//! against constants, ranges and sets, which is how headers say what follows them; for other
//! expressions it may fail to see that two conditions are disjoint, and then says so.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Checker, constant::all_ones};
use crate::syntax::{
    error::{Diagnostic, ErrorKind},
    program::{CompareOp, Cond, Expr, FieldKind, FieldUse, Header, ValueSet, WideRelation},
};

/// Conjunctions of one condition; more are not compared.
const MAX_CONJUNCTIONS: usize = 64;
/// Steps of all comparisons of a program together, counted in intervals.
const MAX_DISJOINTNESS_STEPS: usize = 1 << 24;

type Intervals = Vec<(u128, u128)>;

/// What a conjunction restricts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Term {
    Field(FieldUse),
    Other(Expr),
}

#[derive(Clone, Default)]
struct Conjunction {
    terms: BTreeMap<Term, Intervals>,
    /// Whether something was left out, so that values for the terms prove nothing.
    partial: bool,
}

/// What comparing two conditions found.
enum Verdict {
    Disjoint,
    /// With values that satisfy both.
    Overlap(Conjunction),
    CannotTell,
}

impl Checker {
    /// Fourth pass: every pair of edges of every header.
    pub(super) fn check_edges(&mut self) {
        let mut budget = MAX_DISJOINTNESS_STEPS;
        let mut refused = Vec::new();
        for header in &self.headers {
            let conditions: Vec<Option<Vec<Conjunction>>> = header
                .edges
                .iter()
                .map(|edge| normal_form(&edge.on, false, &self.sets))
                .collect();
            for (later, b) in conditions.iter().enumerate() {
                let complaints =
                    conditions[..later]
                        .iter()
                        .enumerate()
                        .filter_map(|(earlier, a)| {
                            let verdict = match (a, b) {
                                (Some(a), Some(b)) => compare(a, b, &mut budget),
                                _ => Verdict::CannotTell,
                            };
                            self.complaint(header, earlier, later, verdict)
                        });
                refused.extend(complaints.take(1));
            }
        }
        for diagnostic in refused {
            self.refuse::<()>(diagnostic);
        }
    }

    fn complaint(
        &self,
        parent: &Header,
        earlier: usize,
        later: usize,
        verdict: Verdict,
    ) -> Option<Diagnostic> {
        let (a, b) = (&parent.edges[earlier], &parent.edges[later]);
        let (first, second) = (
            &self.headers[usize::from(a.child.0)].name,
            &self.headers[usize::from(b.child.0)].name,
        );
        let how = match verdict {
            Verdict::Disjoint => return None,
            Verdict::CannotTell => format!(
                "`{first}` and `{second}` are not seen to exclude each other behind `{}`",
                parent.name
            ),
            Verdict::Overlap(_) => {
                format!("`{first}` and `{second}` may both follow `{}`", parent.name)
            }
        };
        let error = Diagnostic::error(
            ErrorKind::Ambiguous,
            how,
            b.span,
            format!("`{second}` follows here"),
        );
        let error = error.also(a.span, format!("`{first}` follows here"));
        Some(match verdict {
            Verdict::Overlap(both) => {
                error.help(format!("both hold {}", self.witness(parent, &both)))
            }
            _ => error.help("conditions on fields against constants and sets can be told apart"),
        })
    }

    /// Values for all terms, the least of each.
    fn witness(&self, parent: &Header, both: &Conjunction) -> String {
        let values: Vec<String> = both
            .terms
            .iter()
            .filter_map(|(term, values)| {
                let Term::Field(field) = term else {
                    return None;
                };
                let declared = &parent.fields[usize::from(field.index)];
                Some(format!(
                    "`{}.{}` = {}",
                    parent.name,
                    declared.name,
                    value(declared.kind, values[0].0)
                ))
            })
            .collect();
        if values.is_empty() {
            "always".to_string()
        } else {
            format!("when {}", values.join(", "))
        }
    }
}

fn value(kind: FieldKind, value: u128) -> String {
    match kind {
        FieldKind::Ipv4 => format!("{}", core::net::Ipv4Addr::from_bits(value as u32)),
        FieldKind::Ipv6 => format!("{}", core::net::Ipv6Addr::from_bits(value)),
        _ if value > 9 => format!("{value:#x}"),
        _ => format!("{value}"),
    }
}

fn compare(a: &[Conjunction], b: &[Conjunction], budget: &mut usize) -> Verdict {
    let mut verdict = Verdict::Disjoint;
    for left in a {
        for right in b {
            let Some(both) = meet(left, right, budget) else {
                continue;
            };
            if *budget == 0 {
                return Verdict::CannotTell;
            }
            let exact =
                !both.partial && both.terms.keys().all(|term| matches!(term, Term::Field(_)));
            if exact {
                return Verdict::Overlap(both);
            }
            verdict = Verdict::CannotTell;
        }
    }
    verdict
}

/// Both at once, `None` if they exclude each other.
fn meet(left: &Conjunction, right: &Conjunction, budget: &mut usize) -> Option<Conjunction> {
    let mut both = left.clone();
    both.partial |= right.partial;
    for (term, values) in &right.terms {
        restrict(&mut both, term.clone(), values.clone(), budget)?;
    }
    Some(both)
}

/// Adds one more restriction, `None` if nothing is left.
fn restrict(to: &mut Conjunction, term: Term, values: Intervals, budget: &mut usize) -> Option<()> {
    let left = match to.terms.get(&term) {
        Some(before) => {
            *budget = budget.saturating_sub(before.len() + values.len());
            intersection(before, &values)
        }
        None => values,
    };
    if left.is_empty() && *budget > 0 {
        return None;
    }
    to.terms.insert(term, left);
    Some(())
}

/// The condition as a disjunction of conjunctions, `None` if there are too many.
fn normal_form(cond: &Cond, negated: bool, sets: &[ValueSet]) -> Option<Vec<Conjunction>> {
    let all = Conjunction::default();
    match cond {
        Cond::Present(_) => Some(if negated {
            Vec::new()
        } else {
            Vec::from([all])
        }),
        Cond::Not(inner) => normal_form(inner, !negated, sets),
        Cond::And(list) if !negated => product(list, negated, sets),
        Cond::Or(list) if negated => product(list, negated, sets),
        Cond::And(list) | Cond::Or(list) => {
            let mut sum = Vec::new();
            for cond in list {
                sum.extend(normal_form(cond, negated, sets)?);
            }
            (sum.len() <= MAX_CONJUNCTIONS).then_some(sum)
        }
        Cond::Shift { .. } => None,
        Cond::Compare { .. } | Cond::In { .. } | Cond::Wide { .. } => {
            let Some((term, values)) = atom(cond, sets) else {
                return Some(Vec::from([Conjunction {
                    partial: true,
                    ..all
                }]));
            };
            let top = greatest(&term);
            let values = if negated {
                complement(&values, top)
            } else {
                intersection(&values, &[(0, top)])
            };
            if values.is_empty() {
                return Some(Vec::new());
            }
            Some(Vec::from([Conjunction {
                terms: BTreeMap::from([(term, values)]),
                partial: false,
            }]))
        }
    }
}

fn product(list: &[Cond], negated: bool, sets: &[ValueSet]) -> Option<Vec<Conjunction>> {
    let mut product = Vec::from([Conjunction::default()]);
    for cond in list {
        let factors = normal_form(cond, negated, sets)?;
        if product.len() * factors.len() > MAX_CONJUNCTIONS {
            return None;
        }
        let mut budget = MAX_DISJOINTNESS_STEPS;
        product = product
            .iter()
            .flat_map(|left| factors.iter().map(move |right| (left, right)))
            .filter_map(|(left, right)| meet(left, right, &mut budget))
            .collect();
    }
    Some(product)
}

/// A term and the values it must have, for what has that form.
fn atom(cond: &Cond, sets: &[ValueSet]) -> Option<(Term, Intervals)> {
    match cond {
        Cond::Compare {
            op,
            left,
            right: Expr::Number(value),
        } => Some((term(left), against(*op, u128::from(*value)))),
        Cond::Compare {
            op: op @ (CompareOp::Eq | CompareOp::Ne),
            left: Expr::Number(value),
            right,
        } => Some((term(right), against(*op, u128::from(*value)))),
        Cond::In {
            value,
            set,
            negated,
        } => Some((term(value), members(&sets[set.0 as usize], *negated))),
        Cond::Wide {
            field,
            relation: WideRelation::Value(op, value),
        } => Some((Term::Field(*field), against(*op, *value))),
        Cond::Wide {
            field,
            relation: WideRelation::In { set, negated },
        } => Some((
            Term::Field(*field),
            members(&sets[set.0 as usize], *negated),
        )),
        _ => None,
    }
}

fn term(expr: &Expr) -> Term {
    match expr {
        Expr::Field(field) => Term::Field(*field),
        other => Term::Other(other.clone()),
    }
}

fn greatest(term: &Term) -> u128 {
    match term {
        Term::Field(field) => all_ones(u32::from(field.width)),
        Term::Other(_) => u128::from(u32::MAX),
    }
}

fn members(set: &ValueSet, negated: bool) -> Intervals {
    if negated {
        complement(set.intervals(), u128::MAX)
    } else {
        set.intervals().to_vec()
    }
}

/// The values that compare so with `value`.
fn against(op: CompareOp, value: u128) -> Intervals {
    let equal = [(value, value)];
    let less: &[(u128, u128)] = if value == 0 { &[] } else { &[(0, value - 1)] };
    match op {
        CompareOp::Eq => equal.to_vec(),
        CompareOp::Ne => complement(&equal, u128::MAX),
        CompareOp::Lt => less.to_vec(),
        CompareOp::Le => Vec::from([(0, value)]),
        CompareOp::Gt => complement(&[(0, value)], u128::MAX),
        CompareOp::Ge => complement(less, u128::MAX),
    }
}

/// The values up to `top` that are in none of the intervals.
fn complement(intervals: &[(u128, u128)], top: u128) -> Intervals {
    let mut gaps = Vec::new();
    let mut next = Some(0);
    for &(low, high) in intervals {
        let Some(from) = next.filter(|&from| from <= top) else {
            break;
        };
        if from < low {
            gaps.push((from, (low - 1).min(top)));
        }
        next = high.checked_add(1);
    }
    if let Some(from) = next.filter(|&from| from <= top) {
        gaps.push((from, top));
    }
    gaps
}

fn intersection(a: &[(u128, u128)], b: &[(u128, u128)]) -> Intervals {
    let (mut i, mut j) = (0, 0);
    let mut common = Vec::new();
    while i < a.len() && j < b.len() {
        let (low, high) = (a[i].0.max(b[j].0), a[i].1.min(b[j].1));
        if low <= high {
            common.push((low, high));
        }
        if a[i].1 < b[j].1 { i += 1 } else { j += 1 }
    }
    common
}
