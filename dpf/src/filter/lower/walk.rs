//! Down the parse, from header to header, with a condition whose headers are still to be found.
//!
//! At a header, with form `g`, the node is: what `g` says if every place still awaited ends here
//! (absent where all its edges are false), or, for some child, that its edge is taken, and behind
//! the header's length either the child is not there, with what that leaves of `g`, or it is, with
//! the node of `g` there. Equal states give equal nodes, so the parse is a graph.

use alloc::{vec, vec::Vec};

use hashbrown::HashMap;

use super::{
    Lowering, Question,
    form::{Fate, Form, FormId, Forms, place_bit},
};
use crate::{
    filter::{Error, NodeId, Pool, error::MAX_SHIFTS},
    syntax::{HeaderId, PlaceId, Program, Step},
};

/// States of the parse of one filter: a header, how often others occurred, what is awaited.
const MAX_STATES: usize = 1 << 16;

/// How far the search for a place has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Progress {
    /// Which step of the place is next.
    step: usize,
    /// The header that the step looks for.
    target: HeaderId,
    /// Tunnels still to be crossed on that step.
    tunnels: usize,
}

/// Where the parse is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    header: HeaderId,
    /// How often each header occurred since the last tunnel; 0 for those that cannot follow.
    counts: Vec<u8>,
    /// By place; `None` for those not awaited.
    progress: Vec<Option<Progress>>,
    form: FormId,
}

/// Nodes of states on entering a header, and once it is known to be there.
#[derive(Default)]
struct Memo {
    entered: HashMap<State, NodeId, crate::hashing::FixedState>,
    there: HashMap<State, NodeId, crate::hashing::FixedState>,
}

/// For each header, the headers that it is or leads to through exactly `tunnels` tunnels (0 or 1).
pub(super) fn leads(program: &Program, tunnels: usize) -> Vec<Vec<bool>> {
    let count = program.headers.len();
    let from = |start: usize| {
        let mut seen = [vec![false; count], vec![false; count]];
        let mut pending = vec![(start, 0)];
        while let Some((header, crossed)) = pending.pop() {
            if crossed > tunnels || core::mem::replace(&mut seen[crossed][header], true) {
                continue;
            }
            let edges = program.headers[header].edges.iter();
            pending.extend(edges.map(|edge| {
                (
                    usize::from(edge.child.0),
                    crossed + usize::from(edge.tunnel),
                )
            }));
        }
        let [none, one] = seen;
        if tunnels == 0 { none } else { one }
    };
    (0..count).map(from).collect()
}

impl Lowering<'_> {
    /// The node that `form` comes to at the start of the packet.
    pub(super) fn walk(&mut self, forms: &mut Forms<'_>, form: FormId) -> Result<NodeId, Error> {
        if forms.waiting(form) == 0 {
            return forms.resolved(form, &mut self.pool, self.program);
        }
        let root = self.program.root;
        let count = self.program.headers.len();
        let begin =
            |place: &crate::syntax::Place| place.steps.first().map(|step| progress(0, *step));
        let progress = forms.filter.places.iter().map(begin).collect();
        let state = State {
            header: root,
            counts: vec![0; count],
            progress,
            form,
        };
        let entered = self.enter(forms, state, 0, &mut Memo::default())?;
        let declared = &self.program[root];
        if declared.condition.is_none() && declared.size.is_none() {
            return Ok(entered);
        }
        // Where it cannot be told whether the root is there, every name is short. For all other
        // headers that is among the ways of the header before.
        let gone = |_| Fate::Gone {
            absent: Pool::FALSE,
        };
        let short = forms.settle(form, &mut self.pool, self.program, &gone)?;
        let short = forms.resolved(short, &mut self.pool, self.program)?;
        self.pool.or(vec![short, entered])
    }

    /// At the base of a header that may not be there.
    fn enter(
        &mut self,
        forms: &mut Forms<'_>,
        mut state: State,
        level: usize,
        memo: &mut Memo,
    ) -> Result<NodeId, Error> {
        self.prune(forms, &mut state);
        if let Some(known) = memo.entered.get(&state) {
            return Ok(*known);
        }
        let node = self.entered(forms, state.clone(), level, memo)?;
        memo.entered.insert(state, node);
        Ok(node)
    }

    fn entered(
        &mut self,
        forms: &mut Forms<'_>,
        mut state: State,
        level: usize,
        memo: &mut Memo,
    ) -> Result<NodeId, Error> {
        let header = state.header;
        let gone = |_| Fate::Gone { absent: Pool::TRUE };
        let without = forms.settle(state.form, &mut self.pool, self.program, &gone)?;
        let without = forms.resolved(without, &mut self.pool, self.program)?;
        let not_there = self.ask(Question::Present {
            header,
            truth: false,
        })?;
        let absent = self.pool.and(vec![not_there, without])?;

        let count = &mut state.counts[usize::from(header.0)];
        *count = count.saturating_add(1);
        self.arrive(forms, &mut state)?;
        let there = self.ask(Question::Present {
            header,
            truth: true,
        })?;
        let below = self.here(forms, state, level, memo)?;
        let present = self.pool.and(vec![there, below])?;
        self.pool.or(vec![absent, present])
    }

    /// Moves on the places whose step ends at this header.
    fn arrive(&mut self, forms: &mut Forms<'_>, state: &mut State) -> Result<(), Error> {
        let mut found = 0;
        for (index, progress_of) in state.progress.iter_mut().enumerate() {
            let Some(now) = progress_of else { continue };
            let steps = &forms.filter.places[index].steps;
            if now.tunnels > 0 || steps[now.step].header != state.header {
                continue;
            }
            let next = now.step + 1;
            *progress_of = steps.get(next).map(|step| progress(next, *step));
            if progress_of.is_none() {
                found |= place_bit(PlaceId(index as u16));
            }
        }
        if found != 0 {
            let fate = |place| {
                if found & place_bit(place) != 0 {
                    Fate::Here
                } else {
                    Fate::Waits
                }
            };
            state.form = forms.settle(state.form, &mut self.pool, self.program, &fate)?;
        }
        Ok(())
    }

    /// At the base of a header that is there: the node that the state's form comes to.
    fn here(
        &mut self,
        forms: &mut Forms<'_>,
        mut state: State,
        level: usize,
        memo: &mut Memo,
    ) -> Result<NodeId, Error> {
        if forms.waiting(state.form) == 0 {
            return forms.resolved(state.form, &mut self.pool, self.program);
        }
        if let Some((nodes, rest, all)) = self.apart(forms, state.form)? {
            state.form = rest;
            let rest = self.here(forms, state, level, memo)?;
            let parts = vec![nodes, rest];
            return if all {
                self.pool.and(parts)
            } else {
                self.pool.or(parts)
            };
        }
        self.prune(forms, &mut state);
        if let Some(known) = memo.there.get(&state) {
            return Ok(*known);
        }
        if memo.there.len() >= MAX_STATES {
            return Err(Error::limit(
                "states of the parse",
                memo.there.len() + 1,
                MAX_STATES,
            ));
        }
        let node = self.branches(forms, &state, level, memo)?;
        memo.there.insert(state, node);
        Ok(node)
    }

    /// What of a conjunction or disjunction is already a node, what is not, and which of both it is.
    fn apart(
        &mut self,
        forms: &mut Forms<'_>,
        form: FormId,
    ) -> Result<Option<(NodeId, FormId, bool)>, Error> {
        let (parts, all) = match forms.form(form) {
            Form::And(parts) => (parts.clone(), true),
            Form::Or(parts) => (parts.clone(), false),
            _ => return Ok(None),
        };
        let (found, rest): (Vec<FormId>, Vec<FormId>) =
            parts.iter().partition(|part| forms.waiting(**part) == 0);
        if found.is_empty() {
            return Ok(None);
        }
        let found = if all {
            forms.and(found, &mut self.pool)?
        } else {
            forms.or(found, &mut self.pool)?
        };
        let node = forms.resolved(found, &mut self.pool, self.program)?;
        let rest = if all {
            forms.and(rest, &mut self.pool)?
        } else {
            forms.or(rest, &mut self.pool)?
        };
        Ok(Some((node, rest, all)))
    }

    /// Forgets what cannot matter any more, so that equal states are equal.
    fn prune(&self, forms: &Forms<'_>, state: &mut State) {
        let waiting = forms.waiting(state.form);
        for (index, progress) in state.progress.iter_mut().enumerate() {
            if waiting & place_bit(PlaceId(index as u16)) == 0 {
                *progress = None;
            }
        }
        let follows = &self.leads[0][usize::from(state.header.0)];
        for (count, follows) in state.counts.iter_mut().zip(follows) {
            if !follows {
                *count = 0;
            }
        }
    }

    /// All ways on from a header.
    fn branches(
        &mut self,
        forms: &mut Forms<'_>,
        state: &State,
        level: usize,
        memo: &mut Memo,
    ) -> Result<NodeId, Error> {
        let absent = self.absences(state)?;
        let ends = |place: PlaceId| Fate::Gone {
            absent: absent[usize::from(place.0)],
        };
        let ended = forms.settle(state.form, &mut self.pool, self.program, &ends)?;
        let mut ways = vec![forms.resolved(ended, &mut self.pool, self.program)?];
        for (child, tunnel) in self.children(state) {
            ways.push(self.branch(forms, state, (child, tunnel), &absent, level, memo)?);
        }
        self.pool.or(ways)
    }

    /// By place, where it is absent when it ends at this header: where all its edges are false.
    fn absences(&mut self, state: &State) -> Result<Vec<NodeId>, Error> {
        let header = state.header;
        let mut absent = Vec::with_capacity(state.progress.len());
        for progress in state.progress.clone() {
            let Some(progress) = progress else {
                absent.push(Pool::FALSE);
                continue;
            };
            let mut parts = Vec::new();
            for (edge, declared) in self.program[header].edges.iter().enumerate() {
                if self.is_candidate(state, progress, declared.child, declared.tunnel) {
                    parts.push(self.ask(Question::On {
                        header,
                        edge,
                        truth: false,
                    })?);
                }
            }
            absent.push(self.pool.and(parts)?);
        }
        Ok(absent)
    }

    /// The headers that some awaited place may be behind, each once.
    fn children(&self, state: &State) -> Vec<(HeaderId, bool)> {
        let mut children = Vec::new();
        for edge in &self.program[state.header].edges {
            let mut awaited = state.progress.iter().flatten();
            let candidate = awaited
                .any(|progress| self.is_candidate(state, *progress, edge.child, edge.tunnel));
            if candidate && !children.contains(&(edge.child, edge.tunnel)) {
                children.push((edge.child, edge.tunnel));
            }
        }
        children
    }

    /// Whether the search for a place looks at an edge.
    fn is_candidate(
        &self,
        state: &State,
        progress: Progress,
        child: HeaderId,
        tunnel: bool,
    ) -> bool {
        let index = usize::from(child.0);
        let exhausted = !tunnel && state.counts[index] >= self.program[child].max;
        let Some(tunnels) = progress.tunnels.checked_sub(usize::from(tunnel)) else {
            return false;
        };
        !exhausted && self.leads[tunnels][index][usize::from(progress.target.0)]
    }

    /// One way on.
    fn branch(
        &mut self,
        forms: &mut Forms<'_>,
        state: &State,
        (child, tunnel): (HeaderId, bool),
        absent: &[NodeId],
        level: usize,
        memo: &mut Memo,
    ) -> Result<NodeId, Error> {
        if level >= MAX_SHIFTS {
            return Err(Error::limit(
                "shifts inside each other",
                level + 1,
                MAX_SHIFTS,
            ));
        }
        let header = state.header;
        let mut next = State {
            header: child,
            ..state.clone()
        };
        let mut goes_on = 0;
        for (index, progress) in next.progress.iter_mut().enumerate() {
            let Some(now) = *progress else { continue };
            if self.is_candidate(state, now, child, tunnel) {
                goes_on |= place_bit(PlaceId(index as u16));
                *progress = Some(Progress {
                    tunnels: now.tunnels - usize::from(tunnel),
                    ..now
                });
            } else {
                *progress = None;
            }
        }
        if tunnel {
            next.counts.fill(0);
        }
        let fate = |place: PlaceId| {
            if goes_on & place_bit(place) != 0 {
                Fate::Waits
            } else {
                Fate::Gone {
                    absent: absent[usize::from(place.0)],
                }
            }
        };
        let form = forms.settle(state.form, &mut self.pool, self.program, &fate)?;
        if forms.waiting(form) == 0 {
            // Whatever is true without this child is among the other ways.
            return Ok(Pool::FALSE);
        }
        next.form = forms.sink(form, &mut self.pool)?;
        let below = self.enter(forms, next, level + 1, memo)?;
        let size = self.size(header)?;
        let behind = self.pool.shift(size, below)?;
        let mut edges = Vec::new();
        for (edge, declared) in self.program[header].edges.iter().enumerate() {
            if declared.child == child && declared.tunnel == tunnel {
                edges.push(self.ask(Question::On {
                    header,
                    edge,
                    truth: true,
                })?);
            }
        }
        let taken = self.pool.or(edges)?;
        self.pool.and(vec![taken, behind])
    }
}

fn progress(step: usize, next: Step) -> Progress {
    Progress {
        step,
        target: next.header,
        tunnels: usize::from(next.tunnel),
    }
}
