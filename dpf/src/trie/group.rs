//! A group: the installed filters of one shape.
//!
//! Problem: constants that all members share should be immediates, the others keys. Method: the
//! first member's constants stand for all; a slot *varies* once a member differs in it. One member
//! alone is no table at all. Left out: equal filters, which go to groups of their own (`set`).

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

use super::build::Source;
use super::{Error, ErrorKind, instantiate, listed};
use crate::dispatch::{Item, KeyPlan, Machine, Placed, Shared, Table};
use crate::shape::Shape;

/// A group as the trie shows it.
#[derive(Clone, Debug)]
pub struct TrieGroup {
    /// The structure that its members share.
    pub shape: Shared<Shape>,
    /// How their varying slots make a key.
    pub plan: Shared<KeyPlan>,
    /// Where the key is looked up.
    pub lookup: Lookup,
}

/// How a group's member is found.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// There is none: a group that was emptied since the graph was built.
    None,
    /// There is one, and the graph has compared its constants.
    One {
        /// The member.
        entry: u32,
        /// Its rank.
        rank: u32,
    },
    /// By its key.
    Table(Table),
}

impl Lookup {
    /// The entry and rank for a key.
    pub fn find(&self, key: &[u64]) -> Option<(u32, u32)> {
        match self {
            Lookup::None => None,
            Lookup::One { entry, rank } => Some((*entry, *rank)),
            Lookup::Table(table) => table.lookup(key),
        }
    }
}

/// A group as the set keeps it.
#[derive(Clone, Debug)]
pub(super) struct Group {
    machine: Machine,
    pub(super) shape: Shared<Shape>,
    depths: Shared<[u8]>,
    pub(super) constants: Box<[u32]>,
    pub(super) varying: u32,
    /// Whether few members may be rules of a block.
    listable: bool,
    pub(super) plan: Shared<KeyPlan>,
    pub(super) lookup: Lookup,
}

/// How a rule fits into a group.
pub(super) enum Fit {
    /// As an item of the table, with this key.
    Item(Vec<u64>),
    /// If more slots vary: bit `i` for slot `i`, the old ones included.
    Varying(u32),
}

impl Group {
    pub(super) fn new(
        machine: Machine,
        shape: Shared<Shape>,
        keys: Box<[u32]>,
        entry: u32,
        rank: u32,
    ) -> Self {
        Group {
            machine,
            depths: instantiate::depths(shape.nodes()).into(),
            plan: Shared::new(KeyPlan::new(machine, shape.slots(), 0)),
            listable: machine.has_blocks() && listed::is_conjunction(&shape),
            shape,
            constants: keys,
            varying: 0,
            lookup: Lookup::One { entry, rank },
        }
    }

    pub(super) fn source(&self) -> Source<'_> {
        Source {
            shape: &self.shape,
            constants: &self.constants,
            varying: self.varying,
            depths: &self.depths,
            listed: None,
        }
    }

    /// A member as a rule of its own.
    pub(super) fn member<'a>(&'a self, keys: &'a [u32], entry: u32, rank: u32) -> Source<'a> {
        Source {
            constants: keys,
            varying: 0,
            listed: Some((entry, rank)),
            ..self.source()
        }
    }

    /// Whether its members may be rules of a block: few conjunctions, where there are blocks.
    pub(super) fn may_be_listed(&self) -> bool {
        if !self.listable {
            return false;
        }
        let members = match &self.lookup {
            Lookup::None => 0,
            Lookup::One { .. } => 1,
            Lookup::Table(table) => table.len(),
        };
        (1..=listed::MAX_MEMBERS).contains(&members)
    }

    pub(super) fn shown(&self) -> TrieGroup {
        TrieGroup {
            shape: self.shape.clone(),
            plan: self.plan.clone(),
            lookup: self.lookup.clone(),
        }
    }

    /// How a rule fits; nothing if its keys are there already.
    pub(super) fn fit(&self, keys: &[u32]) -> Option<Fit> {
        let differs = |(at, (mine, theirs)): (usize, (&u32, &u32))| u32::from(mine != theirs) << at;
        let different = self.constants.iter().zip(keys).enumerate().map(differs);
        let varying = different.fold(self.varying, |bits, bit| bits | bit);
        if varying != self.varying {
            return Some(Fit::Varying(varying));
        }
        let Lookup::Table(table) = &self.lookup else {
            return None;
        };
        let key = self.plan.pack(keys);
        let is_new = table.lookup(&key).is_none();
        is_new.then_some(Fit::Item(key))
    }

    /// Adds a rule that fits as an item with this key. True when readers see it already.
    pub(super) fn insert(&mut self, key: Vec<u64>, entry: u32, rank: u32) -> Result<bool, Error> {
        let item = Item { key, entry, rank };
        let Lookup::Table(table) = &mut self.lookup else {
            return Err(Error::limit(ErrorKind::Memory, 1, 0));
        };
        match table.insert(&item) {
            Placed::InPlace => Ok(true),
            Placed::Rebuilt => Ok(false),
            Placed::Full => Err(Error::limit(
                ErrorKind::Memory,
                table.len() as u64 + 1,
                table.len() as u64,
            )),
        }
    }

    /// The same group with more slots varying, holding these members: keys, entry, rank.
    pub(super) fn regrouped(
        &self,
        varying: u32,
        members: &[(&[u32], u32, u32)],
        seed: u64,
    ) -> Result<Self, Error> {
        let slots = self.shape.slots();
        let varying = KeyPlan::widened(self.machine, slots, varying);
        let plan = KeyPlan::new(self.machine, slots, varying);
        let items: Vec<Item> = members
            .iter()
            .map(|(keys, entry, rank)| Item {
                key: plan.pack(keys),
                entry: *entry,
                rank: *rank,
            })
            .collect();
        let table = Table::new(self.machine, plan.words(), &items, seed).ok_or(Error::limit(
            ErrorKind::Memory,
            items.len() as u64,
            items.len() as u64,
        ))?;
        Ok(Group {
            plan: Shared::new(plan),
            varying,
            lookup: Lookup::Table(table),
            ..self.clone()
        })
    }

    /// Removes a member. True when none is left.
    pub(super) fn remove(&mut self, keys: &[u32]) -> bool {
        if let Lookup::Table(table) = &mut self.lookup {
            table.remove(&self.plan.pack(keys));
            if !table.is_empty() {
                return false;
            }
        }
        self.lookup = Lookup::None;
        true
    }

    /// Changes a member's rank. True when readers see it already.
    pub(super) fn set_rank(&mut self, keys: &[u32], new: u32) -> bool {
        match &mut self.lookup {
            Lookup::One { rank, .. } => {
                *rank = new;
                false
            }
            Lookup::Table(table) => table.set_rank(&self.plan.pack(keys), new),
            Lookup::None => true,
        }
    }
}

/// Where each shape's groups are, by digest of the shape.
pub(super) type ShapeIndex = BTreeMap<u64, Vec<u32>>;
