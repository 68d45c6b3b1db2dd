//! All filters of an exclusive `Demux`, so that a new one is related to all of them by look-ups.
//!
//! Filters of one shape form a *group*. For each pair of groups a [`Plan`] is worked out once, for
//! all values of the keys (`generic`): which bits of the keys must agree for two filters to share
//! a packet, and how filters that agree relate. Each group keeps its filters by the projections of
//! their keys that its plans ask for. So relating a filter of a known shape to all installed ones
//! is one look-up per group, however many filters there are. Where a plan depends on other keys
//! than the shared ones (a port against a range of ports), the filters that agree are related one
//! by one, on the caller's budget.
//!
//! A constant that all filters of a group share is not a key: types and protocols would
//! otherwise look as if they could differ. The first filter that does differ *widens* the group, which works its plans
//! out anew; that, and the first filter of a new shape, costs a plan per group and a pass over the
//! keys of the filters, but no question per filter.
//!
//! Which of two nested filters wins is not for the index to say: containment orders filters, but not
//! shapes, since of two shapes each may have filters inside filters of the other. The caller gives each
//! filter its own rank, from the findings.
//!
//! **Use.** [`Index::survey`] tells how a filter relates to those installed and changes nothing; the
//! caller decides by owner and priority, then either drops the survey or calls [`Index::insert`].

mod group;
mod plan;
#[cfg(test)]
mod tests;

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use core::fmt;

use group::{Group, Layout};
use plan::Plan;

use super::{Budget, CannotTell, Reason, Relation, relate};
use crate::{
    filter::Filter,
    shape::{self, Shape, Template, Templates},
    shared::Shared,
};

/// The most shapes of filters in one index, counting those whose constants the shape took in.
pub const MAX_SHAPES: usize = 64;

/// How a new filter relates to an installed one with which it shares packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// The same packets.
    Equal,
    /// The new one accepts some of the installed one's packets and no others.
    Inside,
    /// The new one accepts all of the installed one's packets and others.
    Around,
    /// Each accepts packets that the other does not.
    Crossing,
}

impl How {
    /// The same, said of the installed filter.
    pub fn mirrored(self) -> How {
        match self {
            How::Inside => How::Around,
            How::Around => How::Inside,
            same => same,
        }
    }
}

/// An installed filter, until it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    group: u32,
    at: u32,
}

/// Installed filters of one group that relate to a new one in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How the new filter relates to each of them.
    pub how: How,
    group: usize,
    selected: Selected,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Selected {
    /// Those in one bucket of a projection, from this one on.
    Bucket {
        projection: usize,
        first: u32,
        count: usize,
    },
    Listed(Vec<u32>),
}

impl Finding {
    /// How many filters.
    pub fn count(&self) -> usize {
        match &self.selected {
            Selected::Bucket { count, .. } => *count,
            Selected::Listed(list) => list.len(),
        }
    }
}

/// How a filter relates to all those installed, and where it belongs among them.
#[derive(Debug)]
pub struct Survey {
    generation: u64,
    findings: Vec<Finding>,
    keys: Box<[u32]>,
    place: Place,
    template: Fitting,
}

impl Survey {
    /// All installed filters that share packets with the new one.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

/// What recognises the filter.
#[derive(Debug)]
enum Fitting {
    /// The template with this number.
    Known(usize),
    /// One that is not yet known.
    New(Template),
    None,
}

#[derive(Debug)]
enum Place {
    /// A filter of a known group.
    Known(usize),
    /// A group that is new or has more keys, with its plans.
    Changed {
        group: usize,
        layout: Layout,
        own: Plan,
        plans: BTreeMap<usize, Plan>,
    },
}

impl Place {
    fn group(&self) -> usize {
        match self {
            Place::Known(group) | Place::Changed { group, .. } => *group,
        }
    }
}

/// The index has changed since the survey was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the index has changed since the filter was surveyed")
    }
}

impl core::error::Error for Stale {}

/// The filters of an exclusive `Demux`, each known to the caller as an `I`.
#[derive(Debug)]
pub struct Index<I> {
    groups: Vec<Option<Group<I>>>,
    /// Between the group with the smaller number and the other.
    plans: BTreeMap<(usize, usize), Plan>,
    templates: Templates<Shared<Shape>>,
    generation: u64,
}

impl<I> Default for Index<I> {
    fn default() -> Self {
        Index {
            groups: Vec::new(),
            plans: BTreeMap::new(),
            templates: Templates::default(),
            generation: 0,
        }
    }
}

impl<I: Copy> Index<I> {
    /// An index of no filters.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many filters are installed.
    pub fn len(&self) -> usize {
        self.groups.iter().flatten().map(Group::len).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many groups there are, each of one shape.
    pub fn shapes(&self) -> usize {
        self.groups.iter().flatten().count()
    }

    /// How `filter` relates to all installed filters. A dead filter relates to none.
    ///
    /// # Errors
    ///
    /// [`CannotTell`] when the budget or another limit was reached first.
    pub fn survey(&self, filter: &Filter, budget: &mut Budget) -> Result<Survey, CannotTell> {
        let (shape, keys, template) = match self.templates.find(filter) {
            Some(template) => {
                let (shape, keys) = self.templates.rule(template, filter);
                (shape.clone(), keys, Fitting::Known(template))
            }
            None => {
                let (rule, template) = shape::analyse(filter);
                let fitting = template.map_or(Fitting::None, Fitting::New);
                (Shared::new(rule.shape), rule.keys, fitting)
            }
        };
        let is_same =
            |known: &Group<I>| Shared::ptr_eq(known.shape(), &shape) || *known.shape() == shape;
        let mut groups = self.groups.iter();
        let known = groups.position(|group| group.as_ref().is_some_and(is_same));
        let place = match known.and_then(|at| self.groups[at].as_ref().map(|group| (at, group))) {
            Some((at, group)) if group.layout().fits(&keys) => Place::Known(at),
            Some((at, group)) => self.change(at, group.layout().widened(&keys), budget)?,
            None => {
                let layout = Layout::new(shape, keys.clone());
                self.change(self.vacant()?, layout, budget)?
            }
        };
        let findings = self.look_up(filter, &keys, &place, budget)?;
        Ok(Survey {
            generation: self.generation,
            findings,
            keys,
            place,
            template,
        })
    }

    /// Installs the filter that was surveyed.
    ///
    /// # Errors
    ///
    /// [`Stale`] when the index has changed since; nothing is installed.
    pub fn insert(&mut self, survey: Survey, id: I) -> Result<Member, Stale> {
        if survey.generation != self.generation {
            return Err(Stale);
        }
        self.generation += 1;
        let group = survey.place.group();
        if let Place::Changed {
            group,
            layout,
            own,
            plans,
        } = survey.place
        {
            self.rearrange(group, layout, own, plans);
        }
        let known = self.groups.get_mut(group).and_then(Option::as_mut);
        let known = known.ok_or(Stale)?;
        match survey.template {
            Fitting::Known(template) => self.templates.prefer(template),
            Fitting::New(template) => self.templates.learn(template, known.shape().clone()),
            Fitting::None => {}
        }
        let at = known.insert(survey.keys, id);
        Ok(Member {
            group: group as u32,
            at,
        })
    }

    /// Removes a filter and gives back what the caller called it; none when it is not there.
    pub fn remove(&mut self, member: Member) -> Option<I> {
        let number = member.group as usize;
        let group = self.groups.get_mut(number)?.as_mut()?;
        let id = group.remove(member.at)?;
        self.generation += 1;
        if group.len() == 0 {
            self.templates.forget(group.shape());
            self.groups[number] = None;
            self.plans.retain(|&(a, b), _| a != number && b != number);
            self.refit();
        }
        Some(id)
    }

    /// The filters of a finding. One that is not of this index's current state gives any or none.
    pub fn members(&self, finding: &Finding) -> Vec<I> {
        let Some(Some(group)) = self.groups.get(finding.group) else {
            return Vec::new();
        };
        let slots = match &finding.selected {
            Selected::Bucket {
                projection,
                first,
                count,
            } => group.bucket(*projection, *first, *count),
            Selected::Listed(list) => list.clone(),
        };
        slots.into_iter().filter_map(|at| group.id(at)).collect()
    }

    fn vacant(&self) -> Result<usize, CannotTell> {
        let at = self
            .groups
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.groups.len());
        if at < MAX_SHAPES {
            return Ok(at);
        }
        let limit = MAX_SHAPES as u64;
        Err(CannotTell {
            reason: Reason::Shapes,
            given: limit + 1,
            limit,
        })
    }

    /// The plans of a group that is new or has more keys.
    fn change(
        &self,
        group: usize,
        layout: Layout,
        budget: &mut Budget,
    ) -> Result<Place, CannotTell> {
        let own = Plan::between(&layout, &layout, budget)?;
        let mut plans = BTreeMap::new();
        for (at, other) in self.groups.iter().enumerate() {
            if let Some(other) = other
                && at != group
            {
                plans.insert(at, Plan::between(&layout, other.layout(), budget)?);
            }
        }
        Ok(Place::Changed {
            group,
            layout,
            own,
            plans,
        })
    }

    /// The installed filters that share packets with one of these keys.
    fn look_up(
        &self,
        filter: &Filter,
        keys: &[u32],
        place: &Place,
        budget: &mut Budget,
    ) -> Result<Vec<Finding>, CannotTell> {
        let mut findings = Vec::new();
        for (at, group) in self.groups.iter().enumerate() {
            let Some(group) = group else { continue };
            let Some(plan) = self.plan(place, at) else {
                continue;
            };
            let Some((first_cut, second_cut)) = plan.cuts() else {
                continue;
            };
            let words = first_cut.apply(keys);
            let Some(selected) = group.select(&second_cut, &words) else {
                continue;
            };
            match plan.how {
                Some(None) => {}
                Some(Some(how)) => findings.push(Finding {
                    how,
                    group: at,
                    selected,
                }),
                None => {
                    let listed = match selected {
                        Selected::Bucket {
                            projection,
                            first,
                            count,
                        } => group.bucket(projection, first, count),
                        Selected::Listed(list) => list,
                    };
                    for (how, list) in one_by_one(filter, group, listed, budget)? {
                        findings.push(Finding {
                            how,
                            group: at,
                            selected: Selected::Listed(list),
                        });
                    }
                }
            }
        }
        Ok(findings)
    }

    /// The plan between the group of `place`, as it will be, and an installed one.
    fn plan(&self, place: &Place, other: usize) -> Option<Plan> {
        match place {
            Place::Changed { group, own, .. } if *group == other => Some(own.clone()),
            Place::Changed { plans, .. } => plans.get(&other).cloned(),
            Place::Known(group) => self.installed_plan(*group, other),
        }
    }

    fn installed_plan(&self, group: usize, other: usize) -> Option<Plan> {
        if group == other {
            return self
                .groups
                .get(group)?
                .as_ref()
                .map(|group| group.own().clone());
        }
        let plan = self.plans.get(&(group.min(other), group.max(other)))?;
        Some(if group < other {
            plan.clone()
        } else {
            plan.mirrored()
        })
    }

    /// Puts a new or widened group and its plans in place.
    fn rearrange(&mut self, group: usize, layout: Layout, own: Plan, plans: BTreeMap<usize, Plan>) {
        if self.groups.len() <= group {
            self.groups.resize_with(group + 1, || None);
        }
        match &mut self.groups[group] {
            Some(known) => known.relay(layout, own),
            vacant => *vacant = Some(Group::new(layout, own)),
        }
        for (other, plan) in plans {
            let plan = if group < other { plan } else { plan.mirrored() };
            self.plans
                .insert((group.min(other), group.max(other)), plan);
        }
        self.refit();
    }

    /// Gives each group the projections that its plans ask for, and no others.
    fn refit(&mut self) {
        for (at, group) in self.groups.iter_mut().enumerate() {
            let Some(group) = group else { continue };
            let mut cuts: Vec<_> = group
                .own()
                .cuts()
                .into_iter()
                .map(|(_, second)| second)
                .collect();
            for (&(a, b), plan) in &self.plans {
                if let Some((first, second)) = plan.cuts() {
                    cuts.extend((a == at).then_some(first));
                    cuts.extend((b == at).then_some(second));
                }
            }
            group.fit(cuts);
        }
    }
}

/// Relates a filter to each of a list, on the budget.
fn one_by_one<I: Copy>(
    filter: &Filter,
    group: &Group<I>,
    list: Vec<u32>,
    budget: &mut Budget,
) -> Result<BTreeMap<How, Vec<u32>>, CannotTell> {
    let mut found: BTreeMap<How, Vec<u32>> = BTreeMap::new();
    for at in list {
        let how = match relate(filter, &group.filter(at), budget) {
            Relation::Disjoint => continue,
            Relation::Equal { .. } => How::Equal,
            Relation::AInB { .. } => How::Inside,
            Relation::BInA { .. } => How::Around,
            Relation::Crossing { .. } => How::Crossing,
            Relation::CannotTell(cannot) => return Err(cannot),
        };
        found.entry(how).or_default().push(at);
    }
    Ok(found)
}
