//! The policy of an exclusive `Demux`: who may install what, and who wins.
//!
//! Every pair of installed filters that shares packets must have an answer to "who wins", and it
//! is put into one number, the *rank*, from the most significant bits down: how often the claim
//! was handed on to another owner (what was granted away wins where it lies), the priority (it
//! orders the filters of one owner only), and the *level*: among nested filters of one class, the
//! inner has the higher. Containment is a partial order of filters, so there always are such levels,
//! though not of whole shapes. See `docs/decisions/0003-ranks.md`.

#[cfg(test)]
mod tests;

use super::{
    ClaimError, ClaimId, Claims, Install, InstallError, OverlapKind, Owner, packet::FilterId,
};
use crate::{
    filter::Filter,
    overlap::{self, Budget, How, Index, SURVEY_STEPS, Survey, Verdict},
};
use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

/// The largest absolute value of a priority.
pub const MOST_PRIORITY: i32 = 2047;

/// The most shapes of filters in an exclusive `Demux`.
pub const MOST_SHAPES: usize = overlap::MAX_SHAPES;

/// The highest level: the most filters of one owner and priority, each inside the next, less one.
pub const MOST_LEVEL: u16 = u16::MAX - 1;

/// A filter that the policy lets in: its rank, and whose ranks must rise before.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    pub(crate) entry: u32,
    pub(crate) rank: u32,
    pub(crate) raised: Vec<Raise>,
}

/// An installed filter that gets another rank.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raise {
    pub(crate) entry: u32,
    pub(crate) old: u32,
    pub(crate) new: u32,
}

/// Claims, and the filters that rest on them.
#[derive(Debug)]
pub(crate) struct Exclusive {
    claims: Claims,
    members: BTreeMap<u32, Member>,
    /// The filters of all members, by shape.
    index: Index<u32>,
}

#[derive(Debug)]
struct Member {
    filter: Filter,
    seat: overlap::Member,
    claim: ClaimId,
    owner: Owner,
    class: Class,
    level: u16,
}

/// What stands above the level in a rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    delegations: u8,
    priority: i32,
}

impl Exclusive {
    pub(crate) fn new(first: Owner) -> Self {
        Self {
            claims: Claims::new(first),
            members: BTreeMap::new(),
            index: Index::new(),
        }
    }

    /// Lets `install` in as `entry`, or says why not.
    pub(crate) fn admit(
        &mut self,
        entry: u32,
        install: &Install,
    ) -> Result<Admission, InstallError> {
        let claim = self.claims.held_by(install.claim, install.owner)?;
        if install.priority.unsigned_abs() > MOST_PRIORITY.unsigned_abs() {
            return Err(InstallError::Priority {
                given: install.priority,
                limit: MOST_PRIORITY,
            });
        }
        inside(claim.region.as_ref(), &install.filter)?;
        let class = Class {
            delegations: claim.delegations,
            priority: install.priority,
        };
        let survey = self
            .index
            .survey(&install.filter, &mut Budget::new(SURVEY_STEPS))?;
        let (level, raised) = self.level(install, class, &survey)?;
        let stale = InstallError::Filters {
            given: entry.into(),
            limit: 0,
        };
        let seat = self.index.insert(survey, entry).map_err(|_| stale)?;
        for raise in &raised {
            self.set_level(raise.entry, raise.new);
        }
        let member = Member {
            filter: install.filter.clone(),
            seat,
            claim: install.claim,
            owner: install.owner,
            class,
            level,
        };
        self.members.insert(entry, member);
        Ok(Admission {
            entry,
            rank: class.rank(level),
            raised,
        })
    }

    /// Takes an admission back; the ones after it have been taken back already.
    pub(crate) fn dismiss(&mut self, admission: &Admission) {
        self.remove(admission.entry);
        for raise in admission.raised.iter().rev() {
            self.set_level(raise.entry, raise.old);
        }
    }

    pub(crate) fn remove(&mut self, entry: u32) {
        if let Some(member) = self.members.remove(&entry) {
            self.index.remove(member.seat);
        }
    }

    /// Cuts a region out of a claim of `owner` for `to`.
    pub(crate) fn grant(
        &mut self,
        owner: Owner,
        parent: ClaimId,
        to: Owner,
        region: Filter,
    ) -> Result<ClaimId, InstallError> {
        inside(self.claims.held_by(parent, owner)?.region.as_ref(), &region)?;
        Ok(self.claims.grant(parent, to, region)?)
    }

    /// Takes a claim back; returns the entries that rested on it or on what was cut from it.
    pub(crate) fn revoke(&mut self, claim: ClaimId) -> Result<Vec<u32>, ClaimError> {
        let gone = self.claims.revoke(claim)?;
        Ok(self.entries(|member| gone.contains(&member.claim)))
    }

    /// Takes back the claims of `owner`; returns the entries that are its own or rested on them.
    pub(crate) fn remove_owner(&mut self, owner: Owner) -> Vec<u32> {
        let claims: Vec<ClaimId> = self.claims.of(owner).collect();
        // A claim may have gone with one above it.
        let gone: Vec<ClaimId> = claims
            .into_iter()
            .filter_map(|claim| self.claims.revoke(claim).ok())
            .flatten()
            .collect();
        self.entries(|member| member.owner == owner || gone.contains(&member.claim))
    }

    fn entries(&self, chosen: impl Fn(&Member) -> bool) -> Vec<u32> {
        self.members
            .iter()
            .filter(|(_, member)| chosen(member))
            .map(|(entry, _)| *entry)
            .collect()
    }

    /// The level of a new filter: above all that contain it, below all that it contains. The
    /// latter rise together if need be, which keeps their order.
    fn level(
        &self,
        install: &Install,
        class: Class,
        survey: &Survey,
    ) -> Result<(u16, Vec<Raise>), InstallError> {
        let nested = self.nested(install, class, survey)?;
        let present = |entry: u32| self.members[&entry].level;
        if let Ok((level, risen)) = nested.levels(present) {
            let raised = risen.into_iter().map(|(entry, new)| {
                let old = present(entry);
                self.raise(entry, old, new)
            });
            return Ok((level, raised.collect()));
        }
        // Levels that rose for filters long gone are used up: number those in use from 0.
        let dense = self.dense_levels(class);
        let (level, risen) =
            nested
                .levels(|entry| dense[&entry])
                .map_err(|given| InstallError::Levels {
                    given,
                    limit: MOST_LEVEL.into(),
                })?;
        let closed = dense
            .iter()
            .filter(|(entry, new)| present(**entry) != **new)
            .map(|(&entry, &new)| self.raise(entry, present(entry), new));
        let risen = risen
            .into_iter()
            .map(|(entry, new)| self.raise(entry, dense[&entry], new));
        Ok((level, closed.chain(risen).collect()))
    }

    /// The installed filters of the class that the new one is inside of, and those inside it.
    fn nested(
        &self,
        install: &Install,
        class: Class,
        survey: &Survey,
    ) -> Result<Nested, InstallError> {
        let mut nested = Nested::default();
        for finding in survey.findings() {
            for entry in self.index.members(finding) {
                let member = &self.members[&entry];
                match self.settle(install, class, entry, member, finding.how)? {
                    Settled::Classes => {}
                    Settled::Inside => nested.outer.push(entry),
                    Settled::Contains => nested.inner.push(entry),
                }
            }
        }
        Ok(nested)
    }

    /// The levels of a class without gaps, in the order that they have.
    fn dense_levels(&self, class: Class) -> BTreeMap<u32, u16> {
        let of_class = || {
            self.members
                .iter()
                .filter(move |(_, member)| member.class == class)
        };
        let mut used: Vec<u16> = of_class().map(|(_, member)| member.level).collect();
        used.sort_unstable();
        used.dedup();
        of_class()
            .map(|(entry, member)| {
                (
                    *entry,
                    used.partition_point(|level| *level < member.level) as u16,
                )
            })
            .collect()
    }

    fn raise(&self, entry: u32, old: u16, new: u16) -> Raise {
        let class = self.members[&entry].class;
        Raise {
            entry,
            old: class.rank(old),
            new: class.rank(new),
        }
    }

    fn set_level(&mut self, entry: u32, rank: u32) {
        if let Some(member) = self.members.get_mut(&entry) {
            member.level = (rank & 0xffff) as u16;
        }
    }

    /// Who wins where `install` and `member` overlap, if that is settled.
    fn settle(
        &self,
        install: &Install,
        class: Class,
        entry: u32,
        member: &Member,
        how: How,
    ) -> Result<Settled, InstallError> {
        let same_owner = install.owner == member.owner;
        if same_owner && class != member.class {
            return Ok(Settled::Classes);
        }
        let granted = |outer: ClaimId, inner: ClaimId, above: Class, below: Class| {
            same_owner
                || (self.claims.delegated(outer, inner) && above.delegations < below.delegations)
        };
        let refused = |kind| {
            let none = InstallError::Filters {
                given: entry.into(),
                limit: 0,
            };
            let budget = &mut Budget::default();
            let both = overlap::intersects(&install.filter, &member.filter, budget)?;
            let (Some(with), Some(both)) = (FilterId::of_entry(entry), both) else {
                return Err(none);
            };
            Err(InstallError::Overlap {
                with,
                owner: member.owner,
                how: kind,
                witness: Box::new(both),
            })
        };
        match how {
            How::Inside if granted(member.claim, install.claim, member.class, class) => {
                Ok(if same_owner {
                    Settled::Inside
                } else {
                    Settled::Classes
                })
            }
            How::Around if granted(install.claim, member.claim, class, member.class) => {
                Ok(if same_owner {
                    Settled::Contains
                } else {
                    Settled::Classes
                })
            }
            How::Inside | How::Around => refused(OverlapKind::Foreign),
            How::Equal => refused(OverlapKind::Equal),
            How::Crossing => refused(OverlapKind::Crossing),
        }
    }
}

impl Class {
    fn rank(self, level: u16) -> u32 {
        let priority = (self.priority + MOST_PRIORITY + 1) as u32;
        (u32::from(self.delegations) << 28) | (priority << 16) | u32::from(level)
    }
}

/// Filters of one class around a new one.
#[derive(Debug, Default)]
struct Nested {
    /// Those that contain it.
    outer: Vec<u32>,
    /// Those that it contains.
    inner: Vec<u32>,
}

impl Nested {
    /// The level of the new filter, and the new ones of those inside, where the present ones are as
    /// told; or the highest level that it would take, if that passes [`MOST_LEVEL`].
    fn levels(&self, present: impl Fn(u32) -> u16) -> Result<(u16, Vec<(u32, u16)>), u64> {
        let above = |entry: &u32| u32::from(present(*entry)) + 1;
        let level = self.outer.iter().map(above).max().unwrap_or(0);
        let lowest = self
            .inner
            .iter()
            .map(|entry| u32::from(present(*entry)))
            .min();
        let rise = (level + 1).saturating_sub(lowest.unwrap_or(u32::MAX));
        let fits = |level: u32| match u16::try_from(level) {
            Ok(level) if level <= MOST_LEVEL => Ok(level),
            _ => Err(u64::from(level)),
        };
        let risen = self.inner.iter().filter(|_| rise > 0);
        let risen: Result<Vec<_>, u64> = risen
            .map(|entry| fits(u32::from(present(*entry)) + rise).map(|level| (*entry, level)))
            .collect();
        Ok((fits(level)?, risen?))
    }
}

/// How an overlap is settled.
enum Settled {
    /// By what stands above the level.
    Classes,
    /// The new filter is inside, and wins by its level.
    Inside,
    /// The new filter contains the other, which wins by its level.
    Contains,
}

fn inside(region: Option<&Filter>, filter: &Filter) -> Result<(), InstallError> {
    let Some(region) = region else { return Ok(()) };
    match overlap::contains(region, filter, &mut Budget::default())? {
        Verdict::Holds => Ok(()),
        Verdict::Fails(witness) => Err(InstallError::OutsideClaim {
            witness: Box::new(witness),
        }),
    }
}
