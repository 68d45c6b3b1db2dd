//! The installed filters and the trie made of them.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

use super::build::{Built, build};
use super::group::{Fit, Group, ShapeIndex, TrieGroup};
use super::{Error, ErrorKind, SetUse, Step, StepId};
use crate::dispatch::{MAX_ENTRY, MAX_RANK, Machine, Shared};
use crate::filter::Filter;
use crate::shape::{self, Rule};

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
}

impl Default for Limits {
    fn default() -> Self {
        Limits { groups: 1 << 16 }
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
    entries: BTreeMap<u32, Installed>,
    trie: Shared<Trie>,
}

/// A merged trie: what a walker walks and code is generated from. It does not change, but for the
/// contents of its tables.
#[derive(Clone, Debug)]
pub struct Trie {
    machine: Machine,
    graph: Shared<Graph>,
    groups: Box<[TrieGroup]>,
}

#[derive(Debug)]
struct Graph {
    steps: Box<[Step]>,
    sets: Box<[SetUse]>,
    best: StepId,
    each: Box<[StepId]>,
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
        };
        let trie = Shared::new(Trie {
            machine,
            graph: Shared::new(graph),
            groups: [].into(),
        });
        Set {
            machine,
            limits,
            seed,
            groups: Vec::new(),
            shapes: ShapeIndex::new(),
            entries: BTreeMap::new(),
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
        self.insert_many(&[(filter, entry, rank)])
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
            match self.place(shape::rule(filter), entry, rank) {
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
        let group = self.groups[installed.group as usize].as_mut()?;
        if !group.remove(&installed.keys) {
            return Some(Change::Data);
        }
        let empty = self.close(installed.group);
        if self.follow(Follows::Graph).is_err() {
            // A smaller set with a larger trie: the old one serves on, with the group empty.
            self.groups[installed.group as usize] = empty;
            self.trie = Shared::new(Trie {
                machine: self.machine,
                graph: self.trie.graph.clone(),
                groups: self.shown(),
            });
        }
        Some(Change::Code)
    }

    /// Gives an entry another rank; nothing when it is not installed.
    pub fn set_rank(&mut self, entry: u32, rank: u32) -> Option<Change> {
        let rank = rank.min(MAX_RANK);
        let installed = self.entries.get_mut(&entry)?;
        installed.rank = rank;
        if self.groups[installed.group as usize]
            .as_mut()?
            .set_rank(&installed.keys, rank)
        {
            return Some(Change::Data);
        }
        self.trie = Shared::new(Trie {
            machine: self.machine,
            graph: self.trie.graph.clone(),
            groups: self.shown(),
        });
        Some(Change::Code)
    }

    /// Puts a rule into a group, without making the trie.
    fn place(&mut self, rule: Rule, entry: u32, rank: u32) -> Result<(Done, Follows), Error> {
        if entry > MAX_ENTRY {
            return Err(Error::limit(
                ErrorKind::Entry,
                u64::from(entry),
                u64::from(MAX_ENTRY),
            ));
        }
        if rank > MAX_RANK {
            return Err(Error::limit(
                ErrorKind::Rank,
                u64::from(rank),
                u64::from(MAX_RANK),
            ));
        }
        if self.entries.contains_key(&entry) {
            return Err(Error::limit(ErrorKind::EntryInUse, u64::from(entry), 0));
        }
        let same_shape = self
            .shapes
            .get(&rule.shape.digest())
            .cloned()
            .unwrap_or_default();
        for group in same_shape {
            let Some(known) = self.groups[group as usize]
                .as_mut()
                .filter(|known| *known.shape == rule.shape)
            else {
                continue;
            };
            let (done, follows) = match known.fit(&rule.keys) {
                Fit::Taken => continue,
                Fit::Item => {
                    let seen = known.insert(&rule.keys, entry, rank)?;
                    (
                        Done::Added,
                        if seen {
                            Follows::Nothing
                        } else {
                            Follows::Tables
                        },
                    )
                }
                Fit::Varying(varying) => {
                    let new = self.regrouped(group, varying, (&rule.keys, entry, rank))?;
                    let old = self.groups[group as usize].replace(new);
                    (
                        old.map_or(Done::Opened, |old| Done::Replaced(Box::new(old))),
                        Follows::Graph,
                    )
                }
            };
            self.entries.insert(
                entry,
                Installed {
                    group,
                    keys: rule.keys,
                    rank,
                },
            );
            return Ok((done, follows));
        }
        self.open(rule, entry, rank)
    }

    /// Makes a group of a first member.
    fn open(&mut self, rule: Rule, entry: u32, rank: u32) -> Result<(Done, Follows), Error> {
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
        let installed = Installed {
            group: free as u32,
            keys: rule.keys.clone(),
            rank,
        };
        self.shapes
            .entry(rule.shape.digest())
            .or_default()
            .push(free as u32);
        let group = Some(Group::new(self.machine, rule, entry, rank));
        match self.groups.get_mut(free) {
            Some(place) => *place = group,
            None => self.groups.push(group),
        }
        self.entries.insert(entry, installed);
        Ok((Done::Opened, Follows::Graph))
    }

    fn regrouped(&self, group: u32, varying: u32, new: (&[u32], u32, u32)) -> Result<Group, Error> {
        let members = self
            .entries
            .iter()
            .filter(|(_, installed)| installed.group == group);
        let members: Vec<(&[u32], u32, u32)> = members
            .map(|(entry, installed)| (&*installed.keys, *entry, installed.rank))
            .chain(core::iter::once(new))
            .collect();
        match &self.groups[group as usize] {
            Some(known) => known.regrouped(varying, &members, self.seed),
            None => Err(Error::limit(ErrorKind::Groups, 0, 0)),
        }
    }

    /// Takes back insertions, the last first.
    fn undo(&mut self, done: Vec<(u32, Done)>) {
        for (entry, step) in done.into_iter().rev() {
            let Some(installed) = self.entries.remove(&entry) else {
                continue;
            };
            match step {
                Done::Added => {
                    if let Some(group) = self.groups[installed.group as usize].as_mut() {
                        group.remove(&installed.keys);
                    }
                }
                Done::Opened => {
                    self.close(installed.group);
                }
                Done::Replaced(old) => self.groups[installed.group as usize] = Some(*old),
            }
        }
    }

    /// Forgets a group.
    fn close(&mut self, group: u32) -> Option<Group> {
        let old = self.groups[group as usize].take()?;
        if let Some(list) = self.shapes.get_mut(&old.shape.digest()) {
            list.retain(|known| *known != group);
            if list.is_empty() {
                self.shapes.remove(&old.shape.digest());
            }
        }
        Some(old)
    }

    /// Makes the trie that must follow a change.
    fn follow(&mut self, follows: Follows) -> Result<Change, Error> {
        match follows {
            Follows::Nothing => return Ok(Change::Data),
            Follows::Tables => {
                self.trie = Shared::new(Trie {
                    machine: self.machine,
                    graph: self.trie.graph.clone(),
                    groups: self.shown(),
                });
            }
            Follows::Graph => {
                let groups: Vec<&Group> = self.groups.iter().flatten().collect();
                let sources: Vec<_> = groups.iter().map(|group| group.source()).collect();
                let together: Vec<u32> = (0..sources.len() as u32).collect();
                let Built {
                    steps,
                    sets,
                    best,
                    each,
                } = build(self.machine, &sources, &together)?;
                let graph = Graph {
                    steps: steps.into(),
                    sets: sets.into(),
                    best,
                    each: each.into(),
                };
                let shown = groups.iter().map(|group| group.shown()).collect();
                self.trie = Shared::new(Trie {
                    machine: self.machine,
                    graph: Shared::new(graph),
                    groups: shown,
                });
            }
        }
        Ok(Change::Code)
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
}
