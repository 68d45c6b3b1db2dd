//! Who may install what: the tree of claims.
//!
//! A claim is a region of packets that belongs to an owner. The root claim is all packets; a grant
//! makes a child claim, a region inside its parent's, for another owner or the same. An install
//! names the claim it rests on. This module keeps the tree; whether one region lies inside another
//! is for `overlap` to say, before [`Claims::grant`] is called.

use crate::filter::Filter;
use alloc::vec::Vec;
use core::fmt;

/// The most claims that may exist at once.
pub const MOST_CLAIMS: usize = 4096;

/// How many times in a row a region may be handed on to another owner.
pub const MOST_DELEGATIONS: u8 = 15;

/// Who a claim belongs to: an environment of the kernel, a tenant of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Owner(pub u32);

/// The name of a claim; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId(pub u32);

impl ClaimId {
    /// All packets; it belongs to the first owner.
    pub const ROOT: ClaimId = ClaimId(0);
}

impl fmt::Display for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "claim {}", self.0)
    }
}

/// A region and whose it is.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whose it is.
    pub owner: Owner,
    /// The claim it was cut from; `None` for the root.
    pub parent: Option<ClaimId>,
    /// The packets it covers; `None` for all.
    pub region: Option<Filter>,
    /// How many times the owner changes between the root and here.
    pub delegations: u8,
}

/// Why a claim cannot be granted or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// There is no such claim, or not any more.
    Unknown(ClaimId),
    /// It belongs to somebody else.
    NotOwner {
        /// The claim named.
        claim: ClaimId,
        /// Whose it is.
        owner: Owner,
    },
    /// The root claim cannot be given back.
    Root,
    /// Too many claims.
    TooMany {
        /// What was asked for.
        given: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Handed on too often.
    TooDeep {
        /// What was asked for.
        given: usize,
        /// What is allowed.
        limit: usize,
    },
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(claim) => write!(f, "there is no {claim}"),
            Self::NotOwner { claim, owner } => write!(f, "{claim} belongs to owner {}", owner.0),
            Self::Root => write!(f, "the root claim cannot be revoked"),
            Self::TooMany { given, limit } => {
                write!(f, "{given} claims where at most {limit} are allowed")
            }
            Self::TooDeep { given, limit } => {
                write!(
                    f,
                    "a region handed on {given} times where at most {limit} are allowed"
                )
            }
        }
    }
}

impl core::error::Error for ClaimError {}

/// All claims there are.
#[derive(Clone, Debug)]
pub struct Claims {
    claims: Vec<(ClaimId, Claim)>,
    next: u32,
}

impl Claims {
    /// The root claim alone, of `first`.
    pub fn new(first: Owner) -> Self {
        let root = Claim {
            owner: first,
            parent: None,
            region: None,
            delegations: 0,
        };
        Self {
            claims: [(ClaimId::ROOT, root)].into(),
            next: 1,
        }
    }

    /// The claim that `id` names.
    ///
    /// # Errors
    ///
    /// [`ClaimError::Unknown`].
    pub fn claim(&self, id: ClaimId) -> Result<&Claim, ClaimError> {
        let index = self.claims.binary_search_by_key(&id, |(id, _)| *id);
        index
            .map(|index| &self.claims[index].1)
            .map_err(|_| ClaimError::Unknown(id))
    }

    /// The claim, when it belongs to `owner`.
    ///
    /// # Errors
    ///
    /// [`ClaimError::Unknown`], [`ClaimError::NotOwner`].
    pub fn held_by(&self, id: ClaimId, owner: Owner) -> Result<&Claim, ClaimError> {
        let claim = self.claim(id)?;
        if claim.owner == owner {
            Ok(claim)
        } else {
            Err(ClaimError::NotOwner {
                claim: id,
                owner: claim.owner,
            })
        }
    }

    /// Cuts `region` out of `parent` for `to`. The caller has shown that it lies inside.
    ///
    /// # Errors
    ///
    /// [`ClaimError::Unknown`], [`ClaimError::TooMany`], [`ClaimError::TooDeep`].
    pub fn grant(
        &mut self,
        parent: ClaimId,
        to: Owner,
        region: Filter,
    ) -> Result<ClaimId, ClaimError> {
        let above = self.claim(parent)?;
        let delegations = above.delegations + u8::from(above.owner != to);
        if delegations > MOST_DELEGATIONS {
            return Err(ClaimError::TooDeep {
                given: delegations.into(),
                limit: MOST_DELEGATIONS.into(),
            });
        }
        if self.claims.len() >= MOST_CLAIMS || self.next == u32::MAX {
            return Err(ClaimError::TooMany {
                given: self.claims.len() + 1,
                limit: MOST_CLAIMS,
            });
        }
        let id = ClaimId(self.next);
        self.next += 1;
        self.claims.push((
            id,
            Claim {
                owner: to,
                parent: Some(parent),
                region: Some(region),
                delegations,
            },
        ));
        Ok(id)
    }

    /// Removes `id` and all that was cut from it; returns them.
    ///
    /// # Errors
    ///
    /// [`ClaimError::Unknown`], [`ClaimError::Root`].
    pub fn revoke(&mut self, id: ClaimId) -> Result<Vec<ClaimId>, ClaimError> {
        self.claim(id)?;
        if id == ClaimId::ROOT {
            return Err(ClaimError::Root);
        }
        // Children have larger ids than their parents, so one pass finds them all.
        let mut gone = Vec::from([id]);
        for (child, claim) in &self.claims {
            if claim.parent.is_some_and(|parent| gone.contains(&parent)) {
                gone.push(*child);
            }
        }
        self.claims.retain(|(id, _)| !gone.contains(id));
        Ok(gone)
    }

    /// The claims of `owner`, but not the root.
    pub fn of(&self, owner: Owner) -> impl Iterator<Item = ClaimId> + '_ {
        let granted = self
            .claims
            .iter()
            .filter(move |(_, claim)| claim.owner == owner && claim.parent.is_some());
        granted.map(|(id, _)| *id)
    }

    /// Whether `inner` rests on a region that `outer`'s owner handed on: some claim between `inner`
    /// and the root, both excluded at the bottom end, belongs to that owner.
    pub fn delegated(&self, outer: ClaimId, inner: ClaimId) -> bool {
        let Ok(owner) = self.claim(outer).map(|claim| claim.owner) else {
            return false;
        };
        let parent = |id: ClaimId| self.claim(id).ok().and_then(|claim| claim.parent);
        let mut above = parent(inner);
        while let Some(id) = above {
            if self.claim(id).is_ok_and(|claim| claim.owner == owner) {
                return true;
            }
            above = parent(id);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Pool;

    fn everything() -> Filter {
        Pool::new().finish(Pool::TRUE).unwrap()
    }

    #[test]
    fn a_region_is_handed_on_and_taken_back_with_all_that_was_cut_from_it() {
        let mut claims = Claims::new(Owner(1));
        let a = claims.grant(ClaimId::ROOT, Owner(2), everything()).unwrap();
        let b = claims.grant(a, Owner(3), everything()).unwrap();
        let c = claims.grant(ClaimId::ROOT, Owner(3), everything()).unwrap();
        assert_eq!(claims.claim(b).unwrap().delegations, 2);
        assert!(claims.delegated(ClaimId::ROOT, b) && claims.delegated(a, b));
        assert!(!claims.delegated(b, a) && !claims.delegated(a, c));
        assert_eq!(
            claims.held_by(b, Owner(2)).unwrap_err(),
            ClaimError::NotOwner {
                claim: b,
                owner: Owner(3)
            }
        );
        assert_eq!(claims.revoke(a).unwrap(), [a, b]);
        assert_eq!(claims.claim(b).unwrap_err(), ClaimError::Unknown(b));
        assert_eq!(claims.of(Owner(3)).collect::<Vec<_>>(), [c]);
        assert_eq!(claims.revoke(ClaimId::ROOT).unwrap_err(), ClaimError::Root);
    }

    #[test]
    fn limits_bite() {
        let mut claims = Claims::new(Owner(0));
        let mut last = ClaimId::ROOT;
        for n in 1..=u32::from(MOST_DELEGATIONS) {
            last = claims.grant(last, Owner(n), everything()).unwrap();
        }
        assert!(matches!(
            claims.grant(last, Owner(0), everything()),
            Err(ClaimError::TooDeep { .. })
        ));
        while claims.claims.len() < MOST_CLAIMS {
            claims.grant(ClaimId::ROOT, Owner(0), everything()).unwrap();
        }
        assert!(matches!(
            claims.grant(ClaimId::ROOT, Owner(0), everything()),
            Err(ClaimError::TooMany { .. })
        ));
    }
}
