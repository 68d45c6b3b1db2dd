//! Filters of known shapes, recognised without being taken apart.
//!
//! Problem: finding a filter's shape looks at its whole graph several times over, and nearly every
//! filter that is installed has the shape of one before it. Method: a [`Template`] is a filter whose
//! shape was found, without the constants of its slots. A filter with the same nodes in the same
//! order, and with one value at each slot, has the same shape, and those values are its keys: nodes,
//! their order and the constants that are structure decide what `analyse` finds. Where a slot's constant
//! may decide too (it tells alternatives apart, or its node is also a test that is structure) there is
//! no template, and what no template fits is analysed.
//!
//! A shape may have several templates, since nodes stand in an order that constants decide too: a
//! port beside other tests of its field. [`MAX_ORDERS`] of them are kept, found by a digest of all
//! that is in a filter but the values of equalities. Left out: what belongs to a shape, which the
//! owner of [`Templates`] knows.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use core::hash::{BuildHasher as _, Hash as _, Hasher as _};
use core::ops::Deref;

use hashbrown::HashTable;

use super::required::equality;
use super::{Shape, take_constant};
use crate::filter::{Filter, IntervalSet, Node, NodeId, Test};
use crate::hashing::FixedState;

/// The most templates of one shape.
const MAX_ORDERS: u8 = 8;

/// A filter without the constants of its slots.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// The nodes in the order of the filter; nothing if that is the order of the shape.
    nodes: Option<Box<[Node]>>,
    root: NodeId,
    /// For each slot of the shape, its node in the filter.
    slots: Box<[NodeId]>,
    /// The digest of the filters that it fits.
    digest: u64,
}

impl Template {
    /// Of a filter. Its shape's slots are the nodes `slots` of a filter whose nodes are the nodes `from`
    /// of this one, or of itself; `moved`: the shape's nodes are not this filter's. Nothing if a slot's
    /// node is elsewhere in the shape, too.
    pub(super) fn of(
        filter: &Filter,
        mut slots: Vec<NodeId>,
        from: Option<Vec<NodeId>>,
        moved: bool,
    ) -> Option<Self> {
        if let Some(from) = from {
            for slot in &mut slots {
                *slot = from[slot.0 as usize];
                if from.iter().filter(|node| *node == slot).count() > 1 {
                    return None;
                }
            }
        }
        let nodes = moved.then(|| {
            let mut nodes = filter.nodes.clone();
            for slot in &slots {
                take_constant(&mut nodes[slot.0 as usize]);
            }
            nodes
        });
        Some(Template {
            nodes,
            root: filter.root(),
            slots: slots.into(),
            digest: digest(filter),
        })
    }

    /// Whether a filter differs from the one of this shape at its slots only.
    fn fits(&self, shape: &Shape, filter: &Filter) -> bool {
        let nodes = self.nodes.as_ref().unwrap_or(&shape.nodes);
        self.root == filter.root()
            && nodes.len() == filter.nodes().len()
            && nodes.iter().zip(filter.nodes()).all(same_but_for_key)
    }

    fn keys(&self, filter: &Filter) -> Box<[u32]> {
        let constant = |slot: &NodeId| match filter.node(*slot) {
            Node::Test(Test::Bits { set, .. }) => IntervalSet::min(set).unwrap_or_default(),
            _ => 0,
        };
        self.slots.iter().map(constant).collect()
    }
}

/// Whether two nodes are the same, the first of which has the empty set at a slot, as no filter has.
fn same_but_for_key((known, node): (&Node, &Node)) -> bool {
    match known {
        Node::Test(Test::Bits { field, set }) if set.is_empty() => {
            equality(node).is_some_and(|(of, _)| of == field)
        }
        Node::And(operands) => matches!(node, Node::And(others) if others == operands),
        _ => known == node,
    }
}

/// Templates of the shapes that an owner knows, each as an `S`.
#[derive(Debug)]
pub(crate) struct Templates<S> {
    known: Vec<Known<S>>,
    /// Their numbers, by digest.
    table: HashTable<usize>,
    /// The one to be tried first: filters of one shape often come one after the other.
    recent: usize,
    /// How many there are of each shape, by its digest.
    orders: BTreeMap<u64, u8>,
}

#[derive(Debug)]
struct Known<S> {
    template: Template,
    shape: S,
}

impl<S> Default for Templates<S> {
    fn default() -> Self {
        Templates {
            known: Vec::new(),
            table: HashTable::new(),
            recent: 0,
            orders: BTreeMap::new(),
        }
    }
}

impl<S: Deref<Target = Shape>> Templates<S> {
    /// The number of the template that fits the filter.
    pub(crate) fn find(&self, filter: &Filter) -> Option<usize> {
        let fits = |known: &Known<S>| known.template.fits(&known.shape, filter);
        if self.known.get(self.recent).is_some_and(fits) {
            return Some(self.recent);
        }
        self.search(filter)
    }

    #[inline(never)]
    fn search(&self, filter: &Filter) -> Option<usize> {
        let known = |at: &usize| &self.known[*at];
        let fits = |at: &usize| known(at).template.fits(&known(at).shape, filter);
        self.table.find(digest(filter), fits).copied()
    }

    /// Tries this template first from now on.
    pub(crate) fn prefer(&mut self, at: usize) {
        self.recent = at;
    }

    /// The shape and keys of a filter that this template fits.
    ///
    /// # Panics
    ///
    /// When there is no such template.
    pub(crate) fn rule(&self, at: usize, filter: &Filter) -> (&S, Box<[u32]>) {
        let known = &self.known[at];
        (&known.shape, known.template.keys(filter))
    }

    /// Remembers the template that was made of a filter, which none fitted, and its shape.
    pub(crate) fn learn(&mut self, template: Template, shape: S) {
        let orders = self.orders.entry(shape.digest()).or_default();
        if *orders == MAX_ORDERS {
            return;
        }
        *orders += 1;
        self.known.push(Known { template, shape });
        self.enter(self.known.len() - 1);
    }

    /// Forgets the templates of a shape.
    pub(crate) fn forget(&mut self, shape: &Shape) {
        if self.orders.remove(&shape.digest()).is_some() {
            self.known
                .retain(|known| !core::ptr::eq::<Shape>(&*known.shape, shape));
            self.table.clear();
            (0..self.known.len()).for_each(|at| self.enter(at));
        }
    }

    /// Enters a template into the table.
    fn enter(&mut self, at: usize) {
        let digest = |at: &usize| self.known[*at].template.digest;
        self.table.insert_unique(digest(&at), at, digest);
    }
}

/// Of everything but the values of equalities.
fn digest(filter: &Filter) -> u64 {
    let mut state = FixedState::default().build_hasher();
    filter.root().hash(&mut state);
    for node in filter.nodes() {
        match equality(node) {
            Some((field, _)) => field.hash(&mut state),
            None => node.hash(&mut state),
        }
    }
    state.finish()
}
