//! PATHFINDER: declarative patterns merged into one graph, which is interpreted.
//!
//! Source: M. Bailey, B. Gopal, M. Pagels, L. Peterson, P. Sarkar, *PATHFINDER: A Pattern-Based
//! Packet Classifier*, OSDI 1994; G. Varghese, *Network Algorithmics*, §8.5. A *cell* is an
//! offset, a length, a mask and a value; a *line* is a conjunction of cells in one header, with
//! the header's length; a *pattern* is a sequence of lines. Patterns are merged into one composite:
//! common prefixes are shared, cells of one field with different values become one node with a
//! hash from value to successor, and what shares nothing is joined by *or* links that are tried
//! in turn. The longest pattern that matches wins.
//!
//! A one-entry cache holds the pattern that matched last: its way through the graph is gone again
//! before any other. A packet of another pattern pays for both: the *unexpected* column of the
//! paper. On that way, each cell costs its node and edge, the kind of test, the field's bytes one
//! by one within the packet, the mask and the comparison; in the graph, besides, finding the edge
//! by comparison or by hash and chain, and remembering what else could be tried.
//!
//! Left out: loadable cells (which learn a datagram's identifier from its first fragment), since
//! no packet compared here is a fragment; removal.

use crate::filter::{Conjunction, Field, Length};
use alloc::{vec, vec::Vec};

/// The most cells and header steps of one pattern: the depth of the walk.
pub const MAX_CELLS: usize = 64;

/// Patterns merged into one composite.
#[derive(Clone, Debug, Default)]
pub struct Pathfinder {
    /// The graph; a node's successors and *or* links are indices into this.
    nodes: Vec<Node>,
    /// The first node tried.
    root: Option<usize>,
    /// The way of each pattern through the graph: its nodes, and the edge taken in each.
    ways: Vec<Vec<(usize, usize)>>,
    /// The pattern that matched last.
    last: Option<u32>,
    /// Whether two patterns could match one packet, so that a cached match may not be the longest.
    ambiguous: bool,
}

/// Why a pattern was not installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallError {
    /// It has so many cells, where [`MAX_CELLS`] are allowed and one is needed.
    Cells(usize),
    /// The same pattern is there: its number.
    Duplicate(u32),
}

impl Pathfinder {
    /// Installs a pattern and tells its number.
    ///
    /// # Errors
    ///
    /// [`InstallError`]; no answer has changed then.
    pub fn install(&mut self, pattern: &Conjunction) -> Result<u32, InstallError> {
        let steps = steps(pattern);
        let cells = steps.iter().filter(|step| step.test.is_cell()).count();
        if cells == 0 || steps.len() > MAX_CELLS {
            return Err(InstallError::Cells(steps.len()));
        }
        let number = self.ways.len() as u32;
        let mut way = Vec::with_capacity(steps.len());
        let mut chain = Chain::Root;
        for (position, Step { test, value }) in steps.iter().enumerate() {
            let (node, slot) = self.step(chain, *test, *value);
            chain = Chain::After(node, slot);
            way.push((node, slot));
            if position + 1 == steps.len() {
                let edge = &mut self.nodes[node].edges.all[slot];
                if let Some(there) = edge.accepts {
                    return Err(InstallError::Duplicate(there));
                }
                edge.accepts = Some(number);
                self.ambiguous |= edge.next.is_some();
            } else {
                self.ambiguous |= self.nodes[node].edges.all[slot].accepts.is_some();
            }
        }
        self.ways.push(way);
        self.last = None;
        Ok(number)
    }

    /// The number of the longest pattern that matches the packet.
    pub fn classify(&mut self, packet: &[u8]) -> Option<u32> {
        if let Some(last) = self.last
            && self.goes(&self.ways[last as usize], packet)
        {
            return Some(last);
        }
        let found = self.walk(packet)?;
        if !self.ambiguous {
            self.last = Some(found);
        }
        Some(found)
    }

    /// Whether the packet goes this way.
    fn goes(&self, way: &[(usize, usize)], packet: &[u8]) -> bool {
        let mut base = 0;
        way.iter().all(|(node, slot)| {
            let node = &self.nodes[*node];
            match node.test {
                Test::Cell(field, mask) => {
                    let value = field.load(packet, base).map(|value| value & mask);
                    value == Some(node.edges.all[*slot].value)
                }
                Test::Advance(length) => {
                    let length = length.of(packet, base);
                    base += length.unwrap_or(0);
                    length.is_some()
                }
            }
        })
    }

    /// Goes as deep as the packet leads; where it leads no further, back to the last place where
    /// something else could be tried.
    fn walk(&self, packet: &[u8]) -> Option<u32> {
        let (mut next, mut base) = (self.root, 0);
        let mut elsewhere: Vec<Elsewhere> = Vec::new();
        loop {
            let Some(index) = next else {
                let last = elsewhere.pop()?;
                if last.accepts.is_some() {
                    return last.accepts;
                }
                (next, base) = (last.or, last.base);
                continue;
            };
            let node = &self.nodes[index];
            let Some((edge, behind)) = node.follow(packet, base) else {
                next = node.or;
                continue;
            };
            if edge.next.is_none() && edge.accepts.is_some() {
                return edge.accepts;
            }
            if node.or.is_some() {
                elsewhere.push(Elsewhere {
                    or: node.or,
                    base,
                    accepts: None,
                });
            }
            if edge.accepts.is_some() {
                elsewhere.push(Elsewhere {
                    or: None,
                    base,
                    accepts: edge.accepts,
                });
            }
            (next, base) = (edge.next, behind);
        }
    }

    /// Finds or makes the node for `test` in a chain, and in it the edge for `value`.
    fn step(&mut self, chain: Chain, test: Test, value: u32) -> (usize, usize) {
        let mut end = None;
        let mut next = match chain {
            Chain::Root => self.root,
            Chain::After(node, slot) => self.nodes[node].edges.all[slot].next,
        };
        while let Some(index) = next {
            if self.nodes[index].test == test {
                return (index, self.nodes[index].edges.insert(value));
            }
            end = Some(index);
            next = self.nodes[index].or;
        }
        let index = self.nodes.len();
        self.nodes.push(Node {
            test,
            edges: Edges::default(),
            or: None,
        });
        match (end, chain) {
            (Some(end), _) => {
                self.nodes[end].or = Some(index);
                self.ambiguous = true;
            }
            (None, Chain::Root) => self.root = Some(index),
            (None, Chain::After(node, slot)) => self.nodes[node].edges.all[slot].next = Some(index),
        }
        (index, self.nodes[index].edges.insert(value))
    }
}

/// Where a chain of *or* links hangs.
#[derive(Clone, Copy)]
enum Chain {
    Root,
    /// Behind this edge of this node.
    After(usize, usize),
}

/// What is tried when the cells behind an edge do not hold: the pattern that ended there, or an
/// *or* link.
struct Elsewhere {
    or: Option<usize>,
    base: usize,
    accepts: Option<u32>,
}

/// What a node looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    /// A field of the current header, under a mask.
    Cell(Field, u32),
    /// Nothing: it steps to the next header.
    Advance(Length),
}

impl Test {
    fn is_cell(self) -> bool {
        matches!(self, Self::Cell(..))
    }
}

/// One cell of a pattern, or the step to its next line.
#[derive(Clone, Copy, Debug)]
struct Step {
    test: Test,
    /// What the cell must be; 0 for a step.
    value: u32,
}

#[derive(Clone, Debug)]
struct Node {
    test: Test,
    edges: Edges,
    /// What is tried when this node leads nowhere.
    or: Option<usize>,
}

impl Node {
    /// The edge to follow, and the base behind it.
    fn follow(&self, packet: &[u8], base: usize) -> Option<(&Edge, usize)> {
        match self.test {
            Test::Cell(field, mask) => {
                Some((self.edges.find(field.load(packet, base)? & mask)?, base))
            }
            Test::Advance(length) => {
                let base = base + length.of(packet, base)?;
                self.edges.all.first().map(|edge| (edge, base))
            }
        }
    }
}

/// A node's values: one is compared, more are hashed.
#[derive(Clone, Debug, Default)]
struct Edges {
    all: Vec<Edge>,
    /// For each hash the first edge of its chain; empty for one edge.
    buckets: Vec<Option<usize>>,
}

#[derive(Clone, Debug)]
struct Edge {
    value: u32,
    next: Option<usize>,
    accepts: Option<u32>,
    /// The next edge of the same hash.
    chain: Option<usize>,
}

impl Edges {
    fn find(&self, value: u32) -> Option<&Edge> {
        if let [only] = self.all.as_slice() {
            return (only.value == value).then_some(only);
        }
        self.slot(value).map(|slot| &self.all[slot])
    }

    fn slot(&self, value: u32) -> Option<usize> {
        let mut next = self.buckets[self.bucket(value)];
        while let Some(slot) = next {
            if self.all[slot].value == value {
                return Some(slot);
            }
            next = self.all[slot].chain;
        }
        None
    }

    /// The edge for `value`, made if it is not there.
    fn insert(&mut self, value: u32) -> usize {
        if let Some(slot) = self.all.iter().take(2).position(|edge| edge.value == value) {
            return slot;
        }
        if self.all.len() > 1
            && let Some(slot) = self.slot(value)
        {
            return slot;
        }
        self.all.push(Edge {
            value,
            next: None,
            accepts: None,
            chain: None,
        });
        if self.all.len() > self.buckets.len() {
            self.rehash();
        } else {
            self.link(self.all.len() - 1);
        }
        self.all.len() - 1
    }

    /// Doubles the buckets.
    fn rehash(&mut self) {
        self.buckets = vec![None; (self.all.len() * 2).next_power_of_two()];
        for slot in 0..self.all.len() {
            self.link(slot);
        }
    }

    fn link(&mut self, slot: usize) {
        let bucket = self.bucket(self.all[slot].value);
        self.all[slot].chain = self.buckets[bucket].replace(slot);
    }

    fn bucket(&self, value: u32) -> usize {
        // Fibonacci hashing; the upper half is the well-mixed one.
        (value.wrapping_mul(0x9e37_79b9) >> 16) as usize & (self.buckets.len() - 1)
    }
}

/// The cells of a pattern in order, each line but the last followed by a step to the next. The
/// descriptions compared here look at whole fields: every mask is all ones.
fn steps(pattern: &Conjunction) -> Vec<Step> {
    let mut steps = Vec::new();
    for (index, header) in pattern.headers.iter().enumerate() {
        for cell in &header.cells {
            steps.push(Step {
                test: Test::Cell(cell.field, u32::MAX),
                value: cell.value,
            });
        }
        if index + 1 < pattern.headers.len() {
            steps.push(Step {
                test: Test::Advance(header.length),
                value: 0,
            });
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        filter::{Cell, Header},
        flows::Family,
    };

    fn cells(values: &[(u16, u32)]) -> Conjunction {
        let cell = |(offset, value): &(u16, u32)| Cell {
            field: Field {
                offset: *offset,
                bytes: 1,
            },
            value: *value,
            key: false,
        };
        let cells = values.iter().map(cell).collect();
        Conjunction {
            headers: vec![Header {
                cells,
                length: Length::Fixed(0),
            }],
        }
    }

    #[test]
    fn prefixes_are_shared_and_values_coalesce() {
        let mut pathfinder = Pathfinder::default();
        for index in 0..1000 {
            assert_eq!(pathfinder.install(&Family::Paper.filter(index)), Ok(index));
        }
        // type, advance, protocol, source, advance, source port, destination port
        assert_eq!(pathfinder.nodes.len(), 7);
        assert_eq!(
            pathfinder.install(&Family::Paper.filter(5)),
            Err(InstallError::Duplicate(5))
        );
    }

    #[test]
    fn the_longest_match_wins_through_or_links_whatever_came_last() {
        let mut pathfinder = Pathfinder::default();
        assert_eq!(pathfinder.install(&cells(&[(0, 1)])), Ok(0));
        assert_eq!(pathfinder.install(&cells(&[(0, 1), (1, 2), (2, 3)])), Ok(1));
        assert_eq!(pathfinder.install(&cells(&[(0, 1), (2, 4)])), Ok(2));
        assert_eq!(pathfinder.install(&cells(&[(3, 9)])), Ok(3));
        let answers = [
            ([1, 2, 3, 0], Some(1)),
            ([1, 2, 4, 0], Some(2)),
            ([1, 2, 5, 0], Some(0)),
            ([1, 2, 3, 9], Some(1)),
            ([0, 2, 3, 9], Some(3)),
            ([0, 2, 3, 8], None),
        ];
        for (first, _) in answers {
            for (packet, expected) in answers {
                pathfinder.classify(&first);
                assert_eq!(
                    pathfinder.classify(&packet),
                    expected,
                    "{first:?} {packet:?}"
                );
            }
        }
    }
}
