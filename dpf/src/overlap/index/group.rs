//! The filters of one shape: their keys, and tables of projections of their keys.
//!
//! A table maps the bits that one plan asks for to the filters that have them, which are linked
//! through their entries; so a filter costs a few words for each different projection.

use alloc::{boxed::Box, vec::Vec};

use hashbrown::HashTable;

use super::{
    Selected,
    plan::{Cut, Plan},
};
use crate::{
    filter::{Filter, NodeId},
    shape::Shape,
    shared::Shared,
};

/// No member.
const NONE: u32 = u32::MAX;

/// A shape, a filter of it by its constants, and which of its slots are keys; the others have one constant in all.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    sample: Filter,
    shape: Shared<Shape>,
    constants: Box<[u32]>,
    /// The slots that are keys, ascending.
    pub(super) free: Vec<usize>,
}

impl Layout {
    /// Of one filter: no slot is a key yet.
    pub(super) fn new(shape: Shared<Shape>, constants: Box<[u32]>) -> Self {
        Layout {
            sample: shape.filled(&constants),
            shape,
            constants,
            free: Vec::new(),
        }
    }

    pub(super) fn sample(&self) -> &Filter {
        &self.sample
    }

    /// Whether a filter of the shape differs only in keys.
    pub(super) fn fits(&self, keys: &[u32]) -> bool {
        self.differing(keys).all(|slot| self.free.contains(&slot))
    }

    /// With keys wherever a filter differs.
    pub(super) fn widened(&self, keys: &[u32]) -> Layout {
        let mut free = self.free.clone();
        free.extend(self.differing(keys));
        free.sort_unstable();
        free.dedup();
        Layout {
            free,
            ..self.clone()
        }
    }

    fn differing<'k>(&'k self, keys: &'k [u32]) -> impl Iterator<Item = usize> + 'k {
        (0..keys.len()).filter(|&slot| keys[slot] != self.constants[slot])
    }

    /// All slots of the shape.
    pub(super) fn slots(&self) -> Vec<usize> {
        (0..self.shape.slots().len()).collect()
    }

    /// The nodes of some slots' equalities.
    pub(super) fn nodes(&self, slots: &[usize]) -> Vec<NodeId> {
        slots
            .iter()
            .map(|&slot| self.shape.slots()[slot].node)
            .collect()
    }

    /// The slot, and the bit of its key that is a bit of the word loaded.
    pub(super) fn key_bit(&self, slot: usize, bit: usize) -> (usize, u32) {
        (
            slot,
            bit as u32 - self.shape.slots()[slot].field.mask.trailing_zeros(),
        )
    }
}

/// The filters of one shape.
#[derive(Debug)]
pub(super) struct Group<I> {
    layout: Layout,
    own: Plan,
    members: Vec<Option<Entry<I>>>,
    vacant: Vec<u32>,
    projections: Vec<Projection>,
}

#[derive(Debug)]
struct Entry<I> {
    id: I,
    keys: Box<[u32]>,
}

/// The members by some bits of their keys.
#[derive(Debug)]
struct Projection {
    cut: Cut,
    table: HashTable<Bucket>,
    /// The members before and after each in its bucket.
    links: Vec<(u32, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    first: u32,
    count: u32,
}

impl<I: Copy> Group<I> {
    pub(super) fn new(layout: Layout, own: Plan) -> Self {
        Group {
            layout,
            own,
            members: Vec::new(),
            vacant: Vec::new(),
            projections: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.members.len() - self.vacant.len()
    }

    pub(super) fn shape(&self) -> &Shared<Shape> {
        &self.layout.shape
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The plan between two filters of this group.
    pub(super) fn own(&self) -> &Plan {
        &self.own
    }

    /// Takes a layout with more keys.
    pub(super) fn relay(&mut self, layout: Layout, own: Plan) {
        self.layout = layout;
        self.own = own;
    }

    pub(super) fn id(&self, at: u32) -> Option<I> {
        Some(self.members.get(at as usize)?.as_ref()?.id)
    }

    /// A member's filter; the sample's when there is no such member.
    pub(super) fn filter(&self, at: u32) -> Filter {
        match self.members.get(at as usize) {
            Some(Some(entry)) => self.layout.shape.filled(&entry.keys),
            _ => self.layout.sample.clone(),
        }
    }

    pub(super) fn insert(&mut self, keys: Box<[u32]>, id: I) -> u32 {
        let entry = Some(Entry { id, keys });
        let at = match self.vacant.pop() {
            Some(at) => {
                self.members[at as usize] = entry;
                at
            }
            None => {
                self.members.push(entry);
                self.members.len() as u32 - 1
            }
        };
        for projection in &mut self.projections {
            projection.link(&self.members, at);
        }
        at
    }

    pub(super) fn remove(&mut self, at: u32) -> Option<I> {
        self.members.get(at as usize)?.as_ref()?;
        for projection in &mut self.projections {
            projection.unlink(&self.members, at);
        }
        self.vacant.push(at);
        self.members[at as usize].take().map(|entry| entry.id)
    }

    /// Keeps the projections of these cuts only, and makes those that are missing.
    pub(super) fn fit(&mut self, cuts: Vec<Cut>) {
        self.projections
            .retain(|projection| cuts.contains(&projection.cut));
        for cut in cuts {
            if self
                .projections
                .iter()
                .any(|projection| projection.cut == cut)
            {
                continue;
            }
            let mut projection = Projection {
                cut,
                table: HashTable::new(),
                links: Vec::new(),
            };
            for at in 0..self.members.len() {
                if self.members[at].is_some() {
                    projection.link(&self.members, at as u32);
                }
            }
            self.projections.push(projection);
        }
    }

    /// The members whose bits under the cut are these words.
    pub(super) fn select(&self, cut: &Cut, words: &[u32]) -> Option<Selected> {
        let known = self
            .projections
            .iter()
            .position(|projection| projection.cut == *cut);
        if let Some(projection) = known {
            let Bucket { first, count } =
                self.projections[projection].find(&self.members, words)?;
            return Some(Selected::Bucket {
                projection,
                first,
                count: count as usize,
            });
        }
        let matching = self.members.iter().enumerate().filter(|(_, entry)| {
            entry
                .as_ref()
                .is_some_and(|entry| cut.words(&entry.keys).eq(words.iter().copied()))
        });
        let list: Vec<u32> = matching.map(|(at, _)| at as u32).collect();
        (!list.is_empty()).then_some(Selected::Listed(list))
    }

    /// The members of a bucket, from its first on.
    pub(super) fn bucket(&self, projection: usize, first: u32, count: usize) -> Vec<u32> {
        let Some(projection) = self.projections.get(projection) else {
            return Vec::new();
        };
        let next = |&at: &u32| {
            projection
                .links
                .get(at as usize)
                .map(|link| link.1)
                .filter(|&next| next != NONE)
        };
        core::iter::successors(Some(first), next)
            .take(count)
            .collect()
    }
}

impl Projection {
    fn find<I>(&self, members: &[Option<Entry<I>>], words: &[u32]) -> Option<Bucket> {
        let same = |bucket: &Bucket| self.words(members, bucket.first).eq(words.iter().copied());
        self.table.find(hash(words.iter().copied()), same).copied()
    }

    fn words<'m, I>(
        &'m self,
        members: &'m [Option<Entry<I>>],
        at: u32,
    ) -> impl Iterator<Item = u32> + 'm {
        let keys = members[at as usize].as_ref().map(|entry| &*entry.keys);
        keys.into_iter().flat_map(|keys| self.cut.words(keys))
    }

    fn link<I>(&mut self, members: &[Option<Entry<I>>], at: u32) {
        if self.links.len() <= at as usize {
            self.links.resize(at as usize + 1, (NONE, NONE));
        }
        let words: Vec<u32> = self.words(members, at).collect();
        let hashed = hash(words.iter().copied());
        let Projection { cut, table, links } = self;
        let words_of = |at: u32| {
            members[at as usize]
                .as_ref()
                .map(|entry| cut.apply(&entry.keys))
                .unwrap_or_default()
        };
        let same = |bucket: &Bucket| words_of(bucket.first) == words;
        match table.find_mut(hashed, same) {
            Some(bucket) => {
                links[at as usize] = (NONE, bucket.first);
                links[bucket.first as usize].0 = at;
                *bucket = Bucket {
                    first: at,
                    count: bucket.count + 1,
                };
            }
            None => {
                links[at as usize] = (NONE, NONE);
                let bucket = Bucket {
                    first: at,
                    count: 1,
                };
                table.insert_unique(hashed, bucket, |bucket| {
                    hash(words_of(bucket.first).into_iter())
                });
            }
        }
    }

    fn unlink<I>(&mut self, members: &[Option<Entry<I>>], at: u32) {
        let words: Vec<u32> = self.words(members, at).collect();
        let (before, after) = self.links[at as usize];
        if before != NONE {
            self.links[before as usize].1 = after;
        }
        if after != NONE {
            self.links[after as usize].0 = before;
        }
        let Projection { cut, table, .. } = self;
        let words_of = |at: u32| {
            members[at as usize]
                .as_ref()
                .map(|entry| cut.apply(&entry.keys))
                .unwrap_or_default()
        };
        let same = |bucket: &Bucket| words_of(bucket.first) == words;
        if let Ok(mut found) = table.find_entry(hash(words.iter().copied()), same) {
            let bucket = found.get_mut();
            bucket.count -= 1;
            if bucket.first == at {
                bucket.first = after;
            }
            if bucket.count == 0 {
                found.remove();
            }
        }
    }
}

/// A hash of words; who chooses keys to collide slows only the installs of one shape.
fn hash(words: impl Iterator<Item = u32>) -> u64 {
    let mixed = words.fold(0x9e37_79b9_7f4a_7c15u64, |state, word| {
        (state.rotate_left(23) ^ u64::from(word)).wrapping_mul(0xf135_7aea_2e62_a9c5)
    });
    mixed ^ mixed >> 32
}
