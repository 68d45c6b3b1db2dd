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
use core::hash::{Hash as _, Hasher};
use core::ops::Deref;

use hashbrown::HashTable;

use super::required::equality;
use super::{Shape, take_constant};
use crate::filter::{Filter, Node, NodeId, Test};

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
        let constant = |slot: &NodeId| equality(filter.node(*slot)).map_or(0, |(_, key)| key);
        self.slots.iter().map(constant).collect()
    }
}

/// Whether two nodes are the same, the first of which has the empty set at a slot, as no filter has.
fn same_but_for_key((known, node): (&Node, &Node)) -> bool {
    match known {
        Node::Test(Test::Bits { field, set }) if set.is_empty() => {
            equality(node).is_some_and(|(of, _)| of == field)
        }
        _ => known == node,
    }
}

/// Templates of the shapes that an owner knows, each as an `S`.
#[derive(Debug)]
pub(crate) struct Templates<S> {
    table: HashTable<Known<S>>,
    /// How many there are of each shape, by its digest.
    orders: BTreeMap<u64, u8>,
}

#[derive(Debug)]
struct Known<S> {
    digest: u64,
    template: Template,
    shape: S,
}

impl<S> Default for Templates<S> {
    fn default() -> Self {
        Templates {
            table: HashTable::new(),
            orders: BTreeMap::new(),
        }
    }
}

impl<S: Deref<Target = Shape>> Templates<S> {
    /// The filter's shape and keys, if a template fits it.
    pub(crate) fn recognise(&self, filter: &Filter) -> Option<(&S, Box<[u32]>)> {
        let fits = |known: &Known<S>| known.template.fits(&known.shape, filter);
        let known = self.table.find(digest(filter), fits)?;
        Some((&known.shape, known.template.keys(filter)))
    }

    /// Remembers the template that was made of a filter, which none fitted, and its shape.
    pub(crate) fn learn(&mut self, filter: &Filter, template: Template, shape: S) {
        let orders = self.orders.entry(shape.digest()).or_default();
        if *orders == MAX_ORDERS {
            return;
        }
        *orders += 1;
        let digest = digest(filter);
        let known = Known {
            digest,
            template,
            shape,
        };
        self.table
            .insert_unique(digest, known, |known| known.digest);
    }

    /// Forgets the templates of a shape.
    pub(crate) fn forget(&mut self, shape: &Shape) {
        if self.orders.remove(&shape.digest()).is_some() {
            self.table
                .retain(|known| !core::ptr::eq::<Shape>(&*known.shape, shape));
        }
    }
}

/// Of everything but the values of equalities.
fn digest(filter: &Filter) -> u64 {
    let mut state = Digest(filter.root().0);
    for node in filter.nodes() {
        match equality(node) {
            Some((field, _)) => field.hash(&mut state),
            None => node.hash(&mut state),
        }
    }
    state.finish()
}

/// A sum of words with powers of 31 as weights, which costs a 32-bit machine no multiplication.
struct Digest(u32);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u8(*byte));
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u32(value.into());
    }

    fn write_u32(&mut self, value: u32) {
        self.0 = (self.0 << 5).wrapping_sub(self.0).wrapping_add(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u32(value as u32);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u32(value as u32);
    }

    /// A table takes its bucket from the low bits and a tag from the highest.
    fn finish(&self) -> u64 {
        let mixed = self.0.wrapping_mul(0x9e37_79b9);
        let low = mixed ^ mixed >> 15;
        u64::from(low) | u64::from(low) << 32
    }
}
