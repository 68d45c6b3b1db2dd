//! The installed filters and the trie made of them.

use alloc::{boxed::Box, vec::Vec};

use hashbrown::HashMap;

use super::block::Block;
use super::build::{Built, build};
use super::group::{Fit, Group, ShapeIndex, TrieGroup};
use super::listed::{MAX_LISTED, MIN_GROUPS};
use super::{Error, ErrorKind, SetUse, Step, StepId};
use crate::dispatch::{MAX_ENTRY, MAX_RANK, Machine, Shared};
use crate::filter::Filter;
use crate::hashing::FixedState;
use crate::shape::{self, Shape, Templates};

/// What a change of the set asks of whoever runs its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[must_use]
pub enum Change {
    /// Nothing: the tables of the present code were updated in place.
    Data,
    /// New code, from the new [`Set::trie`]. The present code goes on as before the change.
    Code,
}

/// How much a set may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Groups: shapes, and equal filters beyond the first of each kind.
    pub groups: usize,
    /// From so many groups on whose members may be rules of blocks, they are: [`MIN_GROUPS`], but
    /// in an exclusive `Demux` and in tests. A machine of 32-bit words has no blocks.
    pub blocks_from: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            groups: 1 << 16,
            blocks_from: MIN_GROUPS,
        }
    }
}

/// Installed filters: entries with ranks, by number.
#[derive(Debug)]
pub struct Set {
    machine: Machine,
    limits: Limits,
    seed: u64,
    groups: Vec<Option<Group>>,
    shapes: ShapeIndex,
    templates: Templates<Shared<Shape>>,
    entries: HashMap<u32, Installed, FixedState>,
    /// No entry that ever was in use is as high: most new ones are.
    unused: u32,
    /// How many groups may be listed.
    listable: usize,
    /// The graph is not that of the groups: the next change makes a new one.
    behind: bool,
    trie: Shared<Trie>,
}

/// A merged trie: what a walker walks and code is generated from. It does not change, but for the
/// contents of its tables.
#[derive(Clone, Debug)]
pub struct Trie {
    machine: Machine,
    graph: Shared<Graph>,
    groups: Box<[TrieGroup]>,
    blocks: Shared<[Block]>,
}

#[derive(Debug)]
struct Graph {
    steps: Box<[Step]>,
    sets: Box<[SetUse]>,
    best: StepId,
    each: Box<[StepId]>,
    unlisted: Option<Error>,
}

#[derive(Clone, Debug)]
struct Installed {
    group: u32,
    keys: Box<[u32]>,
    rank: u32,
}

/// What an insertion did, so that it can be undone.
enum Done {
    Added,
    Opened,
    Replaced(Box<Group>),
}

/// What must follow an insertion.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Follows {
    Nothing,
    Tables,
    Graph,
}

impl Set {
    /// An empty set. `seed` starts the hashes; where filters come from strangers it is a secret.
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self::on(Machine::HOST, limits, seed)
    }

    /// An empty set whose tables and code are for a machine.
    pub fn on(machine: Machine, limits: Limits, seed: u64) -> Self {
        let graph = Graph {
            steps: [Step::End].into(),
            sets: [].into(),
            best: StepId(0),
            each: [].into(),
            unlisted: None,
        };
        let trie = Shared::new(Trie {
            machine,
            graph: Shared::new(graph),
            groups: [].into(),
            blocks: [].into(),
        });
        Set {
            machine,
            limits,
            seed,
            groups: Vec::new(),
            shapes: ShapeIndex::new(),
            templates: Templates::default(),
            entries: HashMap::default(),
            unused: 0,
            listable: 0,
            behind: false,
            trie,
        }
    }

    /// The trie of what is installed.
    pub fn trie(&self) -> &Shared<Trie> {
        &self.trie
    }

    /// How many filters are installed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is installed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.groups.iter().flatten().count()
    }

    /// Installs a filter as `entry`. Among the filters that accept a packet the highest `rank` wins.
    ///
    /// # Errors
    ///
    /// When a limit is passed, or the entry is in use. The set is then as before.
    pub fn insert(&mut self, filter: &Filter, entry: u32, rank: u32) -> Result<Change, Error> {
        let (done, follows) = self.place(filter, entry, rank)?;
        self.follow(follows)
            .inspect_err(|_| self.undo([(entry, done)].into()))
    }

    /// Installs filters, all or none, and builds the trie once: `(filter, entry, rank)`.
    ///
    /// # Errors
    ///
    /// As [`Set::insert`].
    pub fn insert_many(&mut self, filters: &[(&Filter, u32, u32)]) -> Result<Change, Error> {
        let mut done = Vec::with_capacity(filters.len());
        let mut follows = Follows::Nothing;
        for &(filter, entry, rank) in filters {
            match self.place(filter, entry, rank) {
                Ok((step, next)) => {
                    done.push((entry, step));
                    follows = follows.max(next);
                }
                Err(error) => {
                    self.undo(done);
                    return Err(error);
                }
            }
        }
        match self.follow(follows) {
            Ok(change) => Ok(change),
            Err(error) => {
                self.undo(done);
                Err(error)
            }
        }
    }

    /// Removes an entry; nothing when it is not installed.
    pub fn remove(&mut self, entry: u32) -> Option<Change> {
        let installed = self.entries.remove(&entry)?;
        let before = self.is_listed(installed.group);
        let listing = self.is_listing();
        let last = self.within(installed.group, |group| group.remove(&installed.keys))?;
        let listed = before || self.is_listed(installed.group) || listing != self.is_listing();
        if !last && !listed && !self.behind {
            return Some(Change::Data);
        }
        let empty = if last {
            self.close(installed.group)
        } else {
            None
        };
        if self.follow(Follows::Graph).is_err() {
            // A smaller set with a larger trie: the old one serves on, without the entry.
            if last {
                self.groups[installed.group as usize] = empty;
            }
            self.behind = true;
            let blocks = self.trie.blocks.iter();
            let without =
                |block: &Block| block.changed(|rule| (rule.entry != entry).then_some(rule.rank));
            self.show(blocks.map(without).collect());
        }
        Some(Change::Code)
    }

    /// Gives an entry another rank; nothing when it is not installed.
    pub fn set_rank(&mut self, entry: u32, rank: u32) -> Option<Change> {
        self.entries
            .contains_key(&entry)
            .then(|| self.set_ranks(&[(entry, rank)]))
    }

    /// Gives entries other ranks, and makes what must be new once. Those not installed are left out.
    pub fn set_ranks(&mut self, ranks: &[(u32, u32)]) -> Change {
        let mut seen = true;
        for &(entry, rank) in ranks {
            let rank = rank.min(MAX_RANK);
            let Some(installed) = self.entries.get_mut(&entry) else {
                continue;
            };
            installed.rank = rank;
            if let Some(group) = self.groups[installed.group as usize].as_mut() {
                seen &= group.set_rank(&installed.keys, rank);
            }
        }
        let new = |block: &Block| {
            block.changed(|rule| Some(self.entries.get(&rule.entry).map_or(0, |entry| entry.rank)))
        };
        let in_block = |block: &Block| {
            let concerned = |entry| ranks.iter().any(|(of, _)| *of == entry);
            block.rules().iter().any(|rule| concerned(rule.entry))
        };
        let blocks = self.trie.blocks.iter();
        if seen && !blocks.clone().any(in_block) {
            return Change::Data;
        }
        let blocks = blocks.map(|block| {
            if in_block(block) {
                new(block)
            } else {
                block.clone()
            }
        });
        self.show(blocks.collect());
        Change::Code
    }

    /// Puts a filter into a group, without making the trie.
    fn place(&mut self, filter: &Filter, entry: u32, rank: u32) -> Result<(Done, Follows), Error> {
        self.check(entry, rank)?;
        match self.templates.find(filter) {
            Some(template) => {
                self.templates.prefer(template);
                let (shape, keys) = self.templates.rule(template, filter);
                self.place_rule(shape.clone(), keys, entry, rank)
            }
            None => self.place_analysed(filter, entry, rank),
        }
    }

    /// Refuses an entry or a rank that cannot be.
    fn check(&self, entry: u32, rank: u32) -> Result<(), Error> {
        let wrong = if entry > MAX_ENTRY {
            (ErrorKind::Entry, entry, MAX_ENTRY)
        } else if rank > MAX_RANK {
            (ErrorKind::Rank, rank, MAX_RANK)
        } else {
            if entry >= self.unused || !self.entries.contains_key(&entry) {
                return Ok(());
            }
            (ErrorKind::EntryInUse, entry, 0)
        };
        Err(Error::limit(wrong.0, wrong.1.into(), wrong.2.into()))
    }

    /// Places a filter that no template fits.
    #[inline(never)]
    fn place_analysed(
        &mut self,
        filter: &Filter,
        entry: u32,
        rank: u32,
    ) -> Result<(Done, Follows), Error> {
        let (rule, template) = shape::analyse(filter);
        let shape = self
            .known(&rule.shape)
            .unwrap_or_else(|| Shared::new(rule.shape));
        let placed = self.place_rule(shape.clone(), rule.keys, entry, rank)?;
        if let Some(template) = template {
            self.templates.learn(template, shape);
        }
        Ok(placed)
    }

    /// The groups' own instance of a shape.
    fn known(&self, shape: &Shape) -> Option<Shared<Shape>> {
        let groups = self.shapes.get(&shape.digest())?.iter();
        let mut shapes = groups
            .filter_map(|group| self.groups[*group as usize].as_ref())
            .map(|group| &group.shape);
        shapes.find(|known| ***known == *shape).cloned()
    }

    /// Puts a rule, whose shape is the groups' own instance if they have one, into a group.
    fn place_rule(
        &mut self,
        shape: Shared<Shape>,
        keys: Box<[u32]>,
        entry: u32,
        rank: u32,
    ) -> Result<(Done, Follows), Error> {
        let Some((group, fit)) = self.fitting(&shape, &keys) else {
            return self.open(shape, keys, entry, rank);
        };
        let before = (self.is_listed(group), self.is_listing());
        let (done, mut follows) = match fit {
            Fit::Item(key) => {
                let seen = self.within(group, |known| known.insert(key, entry, rank));
                match seen {
                    Some(seen) if seen? => (Done::Added, Follows::Nothing),
                    _ => (Done::Added, Follows::Tables),
                }
            }
            Fit::Varying(varying) => {
                let old = self.vary(group, varying, (&keys, entry, rank))?;
                (old, Follows::Graph)
            }
        };
        if before.0 || self.is_listed(group) || before.1 != self.is_listing() {
            follows = Follows::Graph;
        }
        self.enter(entry, Installed { group, keys, rank });
        Ok((done, follows))
    }

    /// The first group of this shape that has no such rule, and how the rule fits there.
    fn fitting(&self, shape: &Shared<Shape>, keys: &[u32]) -> Option<(u32, Fit)> {
        self.shapes.get(&shape.digest())?.iter().find_map(|&group| {
            let known = self.groups[group as usize].as_ref();
            let known = known.filter(|known| Shared::ptr_eq(&known.shape, shape))?;
            Some((group, known.fit(keys)?))
        })
    }

    /// Makes more slots of a group vary, and adds a rule.
    #[inline(never)]
    fn vary(&mut self, group: u32, varying: u32, new: (&[u32], u32, u32)) -> Result<Done, Error> {
        let new = self.regrouped(group, varying, new)?;
        let old = self.replace(group, Some(new));
        Ok(old.map_or(Done::Opened, |old| Done::Replaced(Box::new(old))))
    }

    /// Makes a group of a first member.
    #[inline(never)]
    fn open(
        &mut self,
        shape: Shared<Shape>,
        keys: Box<[u32]>,
        entry: u32,
        rank: u32,
    ) -> Result<(Done, Follows), Error> {
        let free = self
            .groups
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.groups.len());
        if self.groups() >= self.limits.groups {
            return Err(Error::limit(
                ErrorKind::Groups,
                self.groups() as u64 + 1,
                self.limits.groups as u64,
            ));
        }
        let group = free as u32;
        self.shapes.entry(shape.digest()).or_default().push(group);
        if free == self.groups.len() {
            self.groups.push(None);
        }
        let first = Group::new(self.machine, shape, keys.clone(), entry, rank);
        self.replace(group, Some(first));
        self.enter(entry, Installed { group, keys, rank });
        Ok((Done::Opened, Follows::Graph))
    }

    fn enter(&mut self, entry: u32, installed: Installed) {
        self.unused = self.unused.max(entry + 1);
        self.entries.insert(entry, installed);
    }

    fn regrouped(&self, group: u32, varying: u32, new: (&[u32], u32, u32)) -> Result<Group, Error> {
        let mut members: Vec<(&[u32], u32, u32)> = self
            .entries
            .iter()
            .filter(|(_, installed)| installed.group == group)
            .map(|(entry, installed)| (&*installed.keys, *entry, installed.rank))
            .collect();
        members.push(new);
        members.sort_unstable_by_key(|(_, entry, _)| *entry);
        match &self.groups[group as usize] {
            Some(known) => known.regrouped(varying, &members, self.seed),
            None => Err(Error::limit(ErrorKind::Groups, 0, 0)),
        }
    }

    /// Takes back insertions, the last first.
    #[inline(never)]
    fn undo(&mut self, done: Vec<(u32, Done)>) {
        for (entry, step) in done.into_iter().rev() {
            let Some(installed) = self.entries.remove(&entry) else {
                continue;
            };
            match step {
                Done::Added => {
                    self.within(installed.group, |group| group.remove(&installed.keys));
                }
                Done::Opened => {
                    self.close(installed.group);
                }
                Done::Replaced(old) => {
                    self.replace(installed.group, Some(*old));
                }
            }
        }
    }

    /// Forgets a group.
    fn close(&mut self, group: u32) -> Option<Group> {
        let old = self.replace(group, None)?;
        if let Some(list) = self.shapes.get_mut(&old.shape.digest()) {
            list.retain(|known| *known != group);
            if list.is_empty() {
                self.shapes.remove(&old.shape.digest());
            }
        }
        if self.known(&old.shape).is_none() {
            self.templates.forget(&old.shape);
        }
        Some(old)
    }

    /// Makes the trie that must follow a change.
    fn follow(&mut self, follows: Follows) -> Result<Change, Error> {
        match follows {
            Follows::Nothing if !self.behind => return Ok(Change::Data),
            Follows::Tables if !self.behind => self.show(self.trie.blocks.clone()),
            _ => self.rebuild()?,
        }
        Ok(Change::Code)
    }

    /// Makes the graph and the trie.
    #[inline(never)]
    fn rebuild(&mut self) -> Result<(), Error> {
        let (built, unlisted) = match self.built(self.is_listing()) {
            // What does not fit into blocks is looked up group by group.
            Err(error) if self.is_listing() => (self.built(false)?, Some(error)),
            result => (result?, None),
        };
        let graph = Graph {
            steps: built.steps.into(),
            sets: built.sets.into(),
            best: built.best,
            each: built.each.into(),
            unlisted,
        };
        self.behind = false;
        self.trie = Shared::new(Trie {
            machine: self.machine,
            graph: Shared::new(graph),
            groups: self.shown(),
            blocks: built.blocks.into(),
        });
        Ok(())
    }

    /// Builds the graph, the members of listed groups being rules of blocks if so asked.
    fn built(&self, listing: bool) -> Result<Built, Error> {
        let numbers = (0_u32..).zip(&self.groups);
        let groups: Vec<(u32, &Group)> = numbers
            .filter_map(|(number, group)| Some((number, group.as_ref()?)))
            .collect();
        let mut sources: Vec<_> = groups.iter().map(|(_, group)| group.source()).collect();
        let unlisted = |(_, (_, group)): &(u32, &(u32, &Group))| !listing || !group.may_be_listed();
        let mut together: Vec<u32> = (0..)
            .zip(&groups)
            .filter(unlisted)
            .map(|(at, _)| at)
            .collect();
        if listing {
            let mut listed: Vec<(u32, &Installed, &Group)> = Vec::new();
            for (entry, installed) in &self.entries {
                let group = self.groups[installed.group as usize].as_ref();
                let group = group.filter(|group| group.may_be_listed());
                listed.extend(group.map(|group| (*entry, installed, group)));
            }
            listed.sort_unstable_by_key(|(entry, ..)| *entry);
            for (entry, installed, group) in listed {
                together.push(sources.len() as u32);
                sources.push(group.member(&installed.keys, entry, installed.rank));
            }
        }
        let rules = sources.len() - groups.len();
        if rules > MAX_LISTED {
            let (given, limit) = (rules as u64, MAX_LISTED as u64);
            return Err(Error::limit(ErrorKind::Listed, given, limit));
        }
        build(self.machine, &sources, &together, groups.len())
    }

    /// Whether members of groups are rules of blocks: never on machines of 32 bits.
    fn is_listing(&self) -> bool {
        self.machine.has_blocks() && self.listable >= self.limits.blocks_from
    }

    /// Whether the members of this group are.
    fn is_listed(&self, group: u32) -> bool {
        self.is_listing() && may_be_listed(&self.groups[group as usize])
    }

    /// Changes a group, if there is one, and counts again.
    fn within<R>(&mut self, group: u32, change: impl FnOnce(&mut Group) -> R) -> Option<R> {
        let place = &mut self.groups[group as usize];
        self.listable -= usize::from(may_be_listed(place));
        let result = place.as_mut().map(change);
        self.listable += usize::from(may_be_listed(place));
        result
    }

    /// Puts a group into a place, or none.
    fn replace(&mut self, group: u32, new: Option<Group>) -> Option<Group> {
        let place = &mut self.groups[group as usize];
        self.listable -= usize::from(may_be_listed(place));
        self.listable += usize::from(may_be_listed(&new));
        core::mem::replace(place, new)
    }

    /// Makes a trie of the present graph, the groups as they are, and these blocks.
    fn show(&mut self, blocks: Shared<[Block]>) {
        self.trie = Shared::new(Trie {
            machine: self.machine,
            graph: self.trie.graph.clone(),
            groups: self.shown(),
            blocks,
        });
    }

    fn shown(&self) -> Box<[TrieGroup]> {
        self.groups.iter().flatten().map(Group::shown).collect()
    }
}

impl Trie {
    /// What the tables, and code made of it, are for.
    pub fn machine(&self) -> Machine {
        self.machine
    }

    /// The steps, children before parents.
    pub fn steps(&self) -> &[Step] {
        &self.graph.steps
    }

    /// The step that an id names.
    ///
    /// # Panics
    ///
    /// When the id is of another trie.
    pub fn step(&self, id: StepId) -> &Step {
        &self.graph.steps[id.0 as usize]
    }

    /// The tests of sets that steps refer to.
    pub fn sets(&self) -> &[SetUse] {
        &self.graph.sets
    }

    /// Where the search for the winner begins.
    pub fn best(&self) -> StepId {
        self.graph.best
    }

    /// Where the search in each group alone begins, in order of the groups.
    pub fn each(&self) -> &[StepId] {
        &self.graph.each
    }

    /// The groups.
    pub fn groups(&self) -> &[TrieGroup] {
        &self.groups
    }

    /// The blocks of rules that steps refer to.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Why rules that might stand in blocks are looked up group by group instead; nothing where
    /// they do stand in blocks, or are too few for them.
    pub fn unlisted(&self) -> Option<&Error> {
        self.graph.unlisted.as_ref()
    }
}

fn may_be_listed(group: &Option<Group>) -> bool {
    group.as_ref().is_some_and(Group::may_be_listed)
}
