//! From a checked program to canonical filters.
//!
//! The checked tree names headers; the canonical form knows bases and loads. Lowering carries a
//! filter's condition down the parse of the packet (`walk`): at each header it asks only for the
//! edges that lead to a header still to be found, and continues behind a `Shift` by the header's
//! length. The condition travels as a [`form`]: a negation normal form whose leaves say
//! *true here*, *absent*, or wait for their header. A comparison is lowered when all headers that
//! it names are found (`literal`, `wide`).
//!
//! Three values become two by asking twice: *true* is what a filter accepts, *false* is what `!`
//! of it accepts; what is short is neither, and so needs no node.
//!
//! The judge of all this is `syntax::eval`.

mod form;
mod literal;
#[cfg(test)]
mod tests;
mod walk;
mod wide;

use alloc::{string::String, vec::Vec};

use hashbrown::HashMap;

use self::{
    form::Forms,
    literal::{Context, Literal},
};
use super::{Error, ErrorKind, Filter, NodeId, Pool};
use crate::syntax::{self, Cond, Diagnostic, HeaderId, Limit, PlaceId, Program, Span};

/// A filter and what stands beside its condition in a declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// Its name.
    pub name: String,
    /// Whose it is, if said.
    pub owner: Option<u32>,
    /// Default 0; a higher one wins.
    pub priority: i32,
    /// Whether it also claims the later fragments of datagrams whose first it matched.
    pub fragments: bool,
    /// What it accepts.
    pub filter: Filter,
    /// Where its name stands in the program's sources.
    pub span: Span,
}

/// Lowers all filters of a program, in order.
///
/// # Errors
///
/// When one of them passes a limit; the diagnostic is at its name.
pub fn lower(program: &Program) -> Result<Vec<Lowered>, Diagnostic> {
    let mut lowering = Lowering::new(program);
    program
        .filters
        .iter()
        .map(|filter| lowering.filter(filter))
        .collect()
}

/// Lowers filters of one program one by one, sharing what they have in common.
#[derive(Debug)]
pub struct Lowering<'p> {
    program: &'p Program,
    pool: Pool,
    /// `[tunnels][from][to]`: whether `from` is `to`, or leads to it, through so many tunnels.
    leads: [Vec<Vec<bool>>; 2],
    /// What is asked of headers, by header and question.
    questions: HashMap<Question, NodeId, crate::hashing::FixedState>,
}

/// A condition on one header, at its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Question {
    /// Whether the `on` of this edge is `truth`.
    On {
        header: HeaderId,
        edge: usize,
        truth: bool,
    },
    /// Whether `where` and `size` together are `truth`.
    Present { header: HeaderId, truth: bool },
}

/// Nodes of the pool beyond which lowering starts a new one.
const POOL_REFRESH: usize = 1 << 18;

impl<'p> Lowering<'p> {
    /// Prepares for a program.
    pub fn new(program: &'p Program) -> Self {
        let leads = [walk::leads(program, 0), walk::leads(program, 1)];
        Lowering {
            program,
            pool: Pool::new(),
            leads,
            questions: HashMap::default(),
        }
    }

    /// Lowers one filter of the program.
    ///
    /// # Errors
    ///
    /// When it passes a limit; the diagnostic is at its name.
    pub fn filter(&mut self, filter: &syntax::Filter) -> Result<Lowered, Diagnostic> {
        if self.pool.len() > POOL_REFRESH {
            self.pool = Pool::new();
            self.questions.clear();
        }
        let lowered = self
            .condition(filter)
            .map_err(|error| diagnostic(error, filter.span))?;
        Ok(Lowered {
            name: filter.name.clone(),
            owner: filter.owner,
            priority: filter.priority,
            fragments: filter.fragments,
            filter: lowered,
            span: filter.span,
        })
    }

    fn condition(&mut self, filter: &syntax::Filter) -> Result<Filter, Error> {
        let mut forms = Forms::new(filter);
        let truth = forms.of_condition(&filter.condition, true, &mut self.pool, self.program)?;
        let root = self.walk(&mut forms, truth)?;
        self.pool.finish(root)
    }

    /// A question to a header, answered once.
    fn ask(&mut self, question: Question) -> Result<NodeId, Error> {
        if let Some(known) = self.questions.get(&question) {
            return Ok(*known);
        }
        let program = self.program;
        let node = match question {
            Question::On {
                header,
                edge,
                truth,
            } => self.own(&program[header].edges[edge].on, truth)?,
            Question::Present { header, truth } => {
                let declared = &program[header];
                let mut parts = Vec::new();
                if let Some(condition) = &declared.condition {
                    parts.push(self.own(condition, truth)?);
                }
                if let Some(size) = &declared.size {
                    let enough = Cond::Compare {
                        op: syntax::CompareOp::Ge,
                        left: size.clone(),
                        right: syntax::Expr::Number(declared.minimum),
                    };
                    parts.push(self.own(&enough, truth)?);
                }
                if truth {
                    self.pool.and(parts)?
                } else {
                    self.pool.or(parts)?
                }
            }
        };
        self.questions.insert(question, node);
        Ok(node)
    }

    /// A condition of a header's declaration, at the header's base.
    fn own(&mut self, condition: &Cond, truth: bool) -> Result<NodeId, Error> {
        self.own_shifted(condition, truth, &mut Vec::new())
    }

    fn own_shifted<'c>(
        &mut self,
        condition: &'c Cond,
        truth: bool,
        shifts: &mut Vec<&'c syntax::Expr>,
    ) -> Result<NodeId, Error> {
        match condition {
            Cond::Not(inner) => self.own_shifted(inner, !truth, shifts),
            Cond::And(list) | Cond::Or(list) => {
                let all = matches!(condition, Cond::And(_)) == truth;
                let parts = list
                    .iter()
                    .map(|part| self.own_shifted(part, truth, shifts));
                let parts = parts.collect::<Result<Vec<_>, _>>()?;
                if all {
                    self.pool.and(parts)
                } else {
                    self.pool.or(parts)
                }
            }
            Cond::Shift { by, then } => {
                shifts.push(by);
                let node = self.own_shifted(then, truth, shifts);
                shifts.pop();
                node
            }
            comparison => {
                let shifts = if form::makes_raw_loads(comparison) {
                    shifts.as_slice()
                } else {
                    &[]
                };
                let literal = Literal {
                    comparison,
                    truth,
                    shifts: shifts.into(),
                    instead: None,
                };
                let here = |place| (place == PlaceId::SELF).then_some(0);
                literal.lower(
                    &mut self.pool,
                    self.program,
                    &Context {
                        depth: &here,
                        raw: 0,
                        flat: true,
                    },
                )
            }
        }
    }

    /// A header's length at its base.
    fn size(&self, header: HeaderId) -> Result<super::Expr, Error> {
        let declared = &self.program[header];
        match &declared.size {
            None => Ok(super::Expr::Const(declared.minimum)),
            Some(size) => literal::own_number(size),
        }
    }
}

fn diagnostic(error: Error, span: Span) -> Diagnostic {
    match error.kind() {
        ErrorKind::Limit { what, given, limit } => {
            let limit = Limit {
                name: limit_name(what),
                given: u128::from(given),
                limit: u128::from(limit),
            };
            Diagnostic::limit(what, limit, span)
        }
        _ => Diagnostic::error(
            syntax::ErrorKind::Filter,
            alloc::format!("the filter has no canonical form: {error}"),
            span,
            "in this filter",
        ),
    }
}

/// The constant behind a limit's description.
fn limit_name(what: &'static str) -> &'static str {
    match what {
        "nodes in a filter" => "MAX_NODES",
        "nodes in a pool" => "MAX_POOL_NODES",
        "operands of one condition" => "MAX_WIDTH",
        "intervals in one set" => "MAX_INTERVALS",
        "levels of nested conditions" => "MAX_HEIGHT",
        "shifts inside each other" => "MAX_SHIFTS",
        "ways through the shifts of a filter" => "MAX_PATHS",
        "operators in one expression" => "MAX_EXPR",
        "states of the parse" => "MAX_STATES",
        "steps of lowering" => "MAX_STEPS",
        _ => "MAX_OFFSET",
    }
}
