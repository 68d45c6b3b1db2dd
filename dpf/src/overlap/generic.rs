//! How all filters of one shape relate to all filters of another, whatever their keys.
//!
//! A shape's filters differ in the constants of a few equalities. Here those constants stand for
//! any value (`Literal::Key`), so that what the search refutes is refuted for all values, and a
//! packet counts only if its bytes under the keys are free to take every value. First it is found
//! which bits of the keys must *agree* for the filters to share a packet: those that in every
//! branch stand at the same place. Then, with these taken as equal, one question each tells whether filters that
//! agree share packets, and whether either has packets of its own. Most shapes share no packet at all, as
//! some constants of theirs show at once (`exclude`).

use alloc::{collections::BTreeMap, vec::Vec};

use super::{
    Budget, CannotTell, How, Reason, exclude, facts::Facts, ground, guess, search::Search,
    terms::Terms,
};
use crate::filter::{Filter, NodeId};

/// A filter of which some constants stand for any value.
#[derive(Clone, Copy)]
pub(super) struct Pattern<'f> {
    pub(super) filter: &'f Filter,
    /// The equalities' nodes, in order.
    pub(super) free: &'f [NodeId],
}

/// A bit of a key: the index of its equality in [`Pattern::free`], and the bit of the word loaded.
pub(super) type KeyBit = (usize, usize);

/// How filters of two patterns relate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Generic {
    /// Bits that are equal in both when the filters share a packet, ascending by the first; `None`
    /// when they never do.
    pub(super) shared: Option<Vec<(KeyBit, KeyBit)>>,
    /// How filters relate that agree in those; `None` inside when they are disjoint all the same,
    /// and outside when that depends on their other keys.
    pub(super) how: Option<Option<How>>,
}

/// Compares two patterns.
///
/// # Errors
///
/// When a limit is passed.
pub(super) fn compare(a: Pattern, b: Pattern, budget: &mut Budget) -> Result<Generic, CannotTell> {
    if exclude::visibly(a, b) {
        return Ok(Generic {
            shared: None,
            how: Some(None),
        });
    }
    if a.free.is_empty() && core::ptr::eq(a.filter, b.filter) {
        return same(a.filter, budget);
    }
    let mut terms = Terms::new(Vec::from([a.filter, b.filter]));
    for (filter, pattern) in [a, b].iter().enumerate() {
        for &node in pattern.free {
            terms.free(filter, node);
        }
    }
    let Some(shared) = shared(&mut terms, a.free.len(), budget)? else {
        return Ok(Generic {
            shared: None,
            how: Some(None),
        });
    };
    for &((a_key, a_bit), (b_key, b_bit)) in &shared {
        terms.names[a.free.len() + b_key][b_bit] = terms.names[a_key][a_bit];
    }
    Ok(Generic {
        shared: Some(shared),
        how: how(&mut terms, budget)?,
    })
}

/// How a filter without keys relates to itself: it is equal, unless it accepts nothing.
fn same(filter: &Filter, budget: &mut Budget) -> Result<Generic, CannotTell> {
    let how = if guess::accepts_one(filter) {
        Some(true)
    } else {
        exists(&mut Terms::new(Vec::from([filter])), &[true], budget)?
    };
    Ok(Generic {
        shared: Some(Vec::new()),
        how: how.map(|accepts| accepts.then_some(How::Equal)),
    })
}

/// The bits of the keys of filter 0 and filter 1 that meet in every branch; `None` when there is
/// no branch.
fn shared(
    terms: &mut Terms,
    keys_of_a: usize,
    budget: &mut Budget,
) -> Result<Option<Vec<(KeyBit, KeyBit)>>, CannotTell> {
    let goals = Vec::from([(terms.root(0), true), (terms.root(1), true)]);
    let mut common: Option<BTreeMap<KeyBit, KeyBit>> = None;
    Search::new(terms, budget, goals).run(|terms, facts, _| {
        let here = meetings(terms, facts, keys_of_a);
        match &mut common {
            None => common = Some(here),
            Some(common) => common.retain(|a, b| here.get(a) == Some(b)),
        }
        Ok(None::<()>)
    })?;
    Ok(common.map(|common| common.into_iter().collect()))
}

/// Which bit of the second filter's keys stands at the place of each of the first's.
fn meetings(terms: &Terms, facts: &Facts, keys_of_a: usize) -> BTreeMap<KeyBit, KeyBit> {
    let mut of_b = BTreeMap::new();
    for keyed in facts
        .keys
        .iter()
        .filter(|keyed| keyed.equal && keyed.key >= keys_of_a)
    {
        for (cell, at, bit) in terms.bits(keyed.field) {
            of_b.insert((cell, at), (keyed.key - keys_of_a, bit));
        }
    }
    let mut meetings = BTreeMap::new();
    for keyed in facts
        .keys
        .iter()
        .filter(|keyed| keyed.equal && keyed.key < keys_of_a)
    {
        for (cell, at, bit) in terms.bits(keyed.field) {
            if let Some(&other) = of_b.get(&(cell, at)) {
                meetings.insert((keyed.key, bit), other);
            }
        }
    }
    meetings
}

/// How filters relate whose shared keys are equal; `None` when that depends on the others.
fn how(terms: &mut Terms, budget: &mut Budget) -> Result<Option<Option<How>>, CannotTell> {
    let Some(both) = exists(terms, &[true, true], budget)? else {
        return Ok(None);
    };
    if !both {
        return Ok(Some(None));
    }
    let Some(only_a) = exists(terms, &[true, false], budget)? else {
        return Ok(None);
    };
    let Some(only_b) = exists(terms, &[false, true], budget)? else {
        return Ok(None);
    };
    Ok(Some(Some(match (only_a, only_b) {
        (false, false) => How::Equal,
        (false, true) => How::Inside,
        (true, false) => How::Around,
        (true, true) => How::Crossing,
    })))
}

/// Whether there is a packet that each filter, by number, accepts or rejects as said: for all keys, for none,
/// or, when that depends, `None`.
fn exists(
    terms: &mut Terms,
    accepts: &[bool],
    budget: &mut Budget,
) -> Result<Option<bool>, CannotTell> {
    let accepts = accepts.iter().enumerate();
    let goals = accepts
        .map(|(filter, accepts)| (terms.root(filter), *accepts))
        .collect();
    match Search::new(terms, budget, goals).run(ground::solve_for_all_keys) {
        Ok(found) => Ok(Some(found.is_some())),
        Err(cannot) if matches!(cannot.reason, Reason::Keys | Reason::Compare) => Ok(None),
        Err(cannot) => Err(cannot),
    }
}
