//! The writer: installs, removes, and publishes what readers see.
//!
//! An install is decided by policy (`exclusive`), placed in the merged trie, and, only when its
//! shape is new, compiled, proved and published as a new version beside the old. A step that fails
//! takes back those before it.

use super::{
    ClaimError, ClaimId, CodeError, FilterId, FragmentTable, Framing, InstallError, Owner, Packet,
    Reader,
    exclusive::{Admission, Exclusive, MOST_SHAPES},
    fragment,
    native::{Compiler, Native},
    version::Version,
};
use crate::{
    dispatch::{MAX_ENTRY, MAX_RANK},
    filter::Filter,
    trie::{Change, Limits, Set, Trie},
};
use alloc::{collections::BTreeSet, sync::Arc, vec::Vec};
use arc_swap::ArcSwap;
use core::{fmt, hash::BuildHasher as _};

/// The most groups of a monitoring `Demux`: shapes, and equal filters beyond the first.
pub const MOST_GROUPS: usize = 1 << 16;

/// A filter to be installed, and on what terms.
#[derive(Clone, Debug)]
pub struct Install {
    /// What it accepts.
    pub filter: Filter,
    /// Who installs it.
    pub owner: Owner,
    /// The claim it rests on; it must be the owner's and contain the filter.
    pub claim: ClaimId,
    /// Higher wins among the filters of one owner; within ±[`MOST_PRIORITY`](super::MOST_PRIORITY).
    pub priority: i32,
    /// Whether it also claims the later fragments of datagrams whose first it wins.
    pub fragments: bool,
}

impl From<Filter> for Install {
    /// For the first owner, on the root claim, with priority 0, without fragments.
    fn from(filter: Filter) -> Self {
        Self {
            filter,
            owner: Owner::default(),
            claim: ClaimId::ROOT,
            priority: 0,
            fragments: false,
        }
    }
}

/// What an install did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The filter's name from now on.
    pub id: FilterId,
    /// Whether new code was made, or tables were updated in place.
    pub change: Change,
    /// The most instructions that classifying one packet now takes; 0 if the trie is walked,
    /// because its code would pass a limit of the code generator ([`Demux::walked`] says which).
    pub longest_path: u32,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It belongs to this filter.
    Filter(FilterId),
    /// Nobody wants it.
    Nobody,
    /// A later fragment whose first has not been seen, while filters that claim fragments are
    /// installed: hold it or drop it.
    Undecided,
}

/// Merges filters and classifies packets by them; see the [module](super).
#[derive(Debug)]
pub struct Demux {
    policy: Option<Exclusive>,
    set: Set,
    compiler: Compiler,
    version: Arc<Version>,
    /// Why the trie is walked, if it is.
    walked: Option<CodeError>,
    published: Arc<ArcSwap<Version>>,
    /// A change was taken back after tables had moved: the next one must publish code.
    stale: bool,
    next: u32,
    framing: Framing,
    fragments: FragmentTable,
    claims_fragments: BTreeSet<FilterId>,
}

impl Demux {
    /// A demultiplexer in which every packet has at most one owner; the root claim is
    /// `Owner(0)`'s.
    ///
    /// # Errors
    ///
    /// [`CodeError::Memory`] when no executable memory can be reserved.
    pub fn exclusive() -> Result<Self, CodeError> {
        // Blocks of rules are made anew with every change; here a known shape must cost no code.
        let limits = Limits {
            groups: MOST_SHAPES,
            blocks_from: usize::MAX,
        };
        Self::new(Some(Exclusive::new(Owner::default())), limits)
    }

    /// A monitor: any overlap, no owners; the first filter installed wins.
    ///
    /// # Errors
    ///
    /// [`CodeError::Memory`] when no executable memory can be reserved.
    pub fn monitoring() -> Result<Self, CodeError> {
        let limits = Limits {
            groups: MOST_GROUPS,
            ..Limits::default()
        };
        Self::new(None, limits)
    }

    fn new(policy: Option<Exclusive>, limits: Limits) -> Result<Self, CodeError> {
        let set = Set::new(limits, seed());
        let mut compiler = Compiler::new()?;
        let native = compiler.compile(set.trie(), false)?;
        let version = Arc::new(Version::compiled(set.trie().clone(), native));
        let published = Arc::new(ArcSwap::new(version.clone()));
        let fragments = FragmentTable::default();
        let claims_fragments = BTreeSet::new();
        Ok(Self {
            policy,
            set,
            compiler,
            version,
            walked: None,
            published,
            stale: false,
            next: 0,
            framing: Framing::default(),
            fragments,
            claims_fragments,
        })
    }

    /// Says where packets start, for finding fragments.
    pub fn set_framing(&mut self, framing: Framing) {
        self.framing = framing;
    }

    /// Installs a filter.
    ///
    /// # Errors
    ///
    /// [`InstallError`]; everything is as it was before.
    pub fn install(&mut self, install: impl Into<Install>) -> Result<Installed, InstallError> {
        let install = install.into();
        let installed = self
            .install_all(core::slice::from_ref(&install))
            .map_err(|refused| refused.error)?;
        Ok(installed[0])
    }

    /// Installs all of `installs` or none, making code once.
    ///
    /// # Errors
    ///
    /// The first refusal; everything is as it was before.
    pub fn install_all(&mut self, installs: &[Install]) -> Result<Vec<Installed>, Refused> {
        let first = self.next;
        let refused = match self.admit_all(installs) {
            Ok(admissions) => match self.place(installs, &admissions) {
                Ok(change) => return Ok(self.conclude(installs, first, change)),
                Err(error) => {
                    self.dismiss(&admissions);
                    Refused { index: None, error }
                }
            },
            Err(refused) => refused,
        };
        self.next = first;
        Err(refused)
    }

    /// Removes a filter; returns whether it was installed.
    pub fn remove(&mut self, id: FilterId) -> bool {
        let Some(change) = self.set.remove(id.entry()) else {
            return false;
        };
        if let Some(policy) = &mut self.policy {
            policy.remove(id.entry());
        }
        self.fragments.forget(id);
        self.claims_fragments.remove(&id);
        if let Err(error) = self.publish(change) {
            // No room for the smaller code: the trie is walked until there is.
            self.show(Version::walked(self.set.trie().clone()));
            self.walked = Some(error);
            self.stale = true;
        }
        true
    }

    /// Hands the region that `region` describes, inside `parent`, to `to`.
    ///
    /// # Errors
    ///
    /// [`InstallError::Claim`], [`InstallError::OutsideClaim`], [`InstallError::CannotTell`].
    pub fn grant(
        &mut self,
        owner: Owner,
        parent: ClaimId,
        to: Owner,
        region: Filter,
    ) -> Result<ClaimId, InstallError> {
        self.policy
            .get_or_insert_with(|| Exclusive::new(Owner::default()))
            .grant(owner, parent, to, region)
    }

    /// Takes a claim back, with all that was cut from it and every filter that rests on them.
    /// Returns the filters removed.
    ///
    /// # Errors
    ///
    /// [`InstallError::Claim`].
    pub fn revoke(&mut self, claim: ClaimId) -> Result<Vec<FilterId>, InstallError> {
        let Some(policy) = &mut self.policy else {
            return Err(ClaimError::Unknown(claim).into());
        };
        let gone: Vec<FilterId> = policy
            .revoke(claim)?
            .into_iter()
            .filter_map(FilterId::of_entry)
            .collect();
        gone.iter().for_each(|id| {
            self.remove(*id);
        });
        Ok(gone)
    }

    /// Removes every filter of `owner`, and its claims but the root. Returns the filters removed.
    pub fn remove_owner(&mut self, owner: Owner) -> Vec<FilterId> {
        let Some(policy) = &mut self.policy else {
            return Vec::new();
        };
        let gone: Vec<FilterId> = policy
            .remove_owner(owner)
            .into_iter()
            .filter_map(FilterId::of_entry)
            .collect();
        gone.iter().for_each(|id| {
            self.remove(*id);
        });
        gone
    }

    /// A reader for another thread.
    pub fn reader(&self) -> Reader {
        Reader::new(self.published.clone())
    }

    /// The filter that wins the packet, or none.
    #[inline]
    pub fn classify<'p>(&self, packet: impl Into<Packet<'p>>) -> Option<FilterId> {
        FilterId::of_result(self.version.best(packet.into()))
    }

    /// Every filter that accepts the packet, in the order of installation, into `all`.
    pub fn classify_all<'p>(&self, packet: impl Into<Packet<'p>>, all: &mut Vec<FilterId>) {
        self.version.all(packet.into(), all);
    }

    /// The winner of each packet; `winners` is made as long as `packets`.
    pub fn classify_batch(&self, packets: &[Packet<'_>], winners: &mut Vec<Option<FilterId>>) {
        self.version.batch(packets, winners);
    }

    /// Whose the packet is at `now` (µs, of any clock that does not go back), later fragments
    /// included.
    pub fn deliver<'p>(&mut self, now: u64, packet: impl Into<Packet<'p>>) -> Delivery {
        let packet = packet.into();
        if self.claims_fragments.is_empty() {
            return self
                .classify(packet)
                .map_or(Delivery::Nobody, Delivery::Filter);
        }
        let part = fragment(packet.bytes, self.framing);
        if let Some(later) = part.filter(|part| !part.first)
            && let Some(owner) = self.fragments.owner(now, &later.datagram)
        {
            return Delivery::Filter(owner);
        }
        match (self.classify(packet), part) {
            (Some(winner), Some(part)) => {
                if part.first && self.claims_fragments.contains(&winner) {
                    self.fragments.remember(now, part.datagram, winner);
                }
                Delivery::Filter(winner)
            }
            (Some(winner), None) => Delivery::Filter(winner),
            (None, Some(part)) if !part.first => Delivery::Undecided,
            (None, _) => Delivery::Nobody,
        }
    }

    /// How many filters are installed.
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// How many groups the trie keeps apart.
    pub fn groups(&self) -> usize {
        self.set.groups()
    }

    /// The most instructions that classifying one packet takes.
    pub fn longest_path(&self) -> u32 {
        self.version.longest_path()
    }

    /// The merged trie, for printing.
    pub fn trie(&self) -> &Trie {
        self.set.trie()
    }

    /// The code that runs, for disassembling; nothing where the trie is walked.
    pub fn native(&self) -> Option<&Native> {
        self.version.native()
    }

    /// Why there is no code and the trie is walked, which is slower, never wrong: which limit of the
    /// code generator bit, or that there was no room for the code. Nothing where code runs.
    pub fn walked(&self) -> Option<&CodeError> {
        self.walked.as_ref()
    }

    fn admit_all(&mut self, installs: &[Install]) -> Result<Vec<Admission>, Refused> {
        let mut admissions = Vec::with_capacity(installs.len());
        for (index, install) in installs.iter().enumerate() {
            match self.admit(install) {
                Ok(admission) => admissions.push(admission),
                Err(error) => {
                    self.dismiss(&admissions);
                    return Err(Refused {
                        index: Some(index),
                        error,
                    });
                }
            }
        }
        Ok(admissions)
    }

    fn admit(&mut self, install: &Install) -> Result<Admission, InstallError> {
        if self.next > MAX_ENTRY {
            let given = u64::from(self.next) + 1;
            return Err(InstallError::Filters {
                given,
                limit: u64::from(MAX_ENTRY) + 1,
            });
        }
        let entry = self.next;
        let admission = match &mut self.policy {
            Some(policy) => policy.admit(entry, install)?,
            None => Admission {
                entry,
                rank: MAX_RANK - entry,
                raised: Vec::new(),
            },
        };
        self.next += 1;
        Ok(admission)
    }

    /// Takes back admissions, the last first.
    fn dismiss(&mut self, admissions: &[Admission]) {
        let Some(policy) = &mut self.policy else {
            return;
        };
        admissions
            .iter()
            .rev()
            .for_each(|admission| policy.dismiss(admission));
    }

    /// Puts admitted filters into the trie and publishes it.
    fn place(
        &mut self,
        installs: &[Install],
        admissions: &[Admission],
    ) -> Result<Change, InstallError> {
        let raised = || admissions.iter().flat_map(|admission| &admission.raised);
        let new: Vec<(u32, u32)> = raised().map(|raise| (raise.entry, raise.new)).collect();
        let change = self.set.set_ranks(&new);
        let placed = installs
            .iter()
            .zip(admissions)
            .map(|(install, admission)| (&install.filter, admission.entry, admission.rank));
        let placed: Vec<(&Filter, u32, u32)> = placed.collect();
        let result = match self.set.insert_many(&placed) {
            Ok(inserted) => self.publish(change.max(inserted)).map_err(|error| {
                for (_, entry, _) in &placed {
                    self.set.remove(*entry);
                }
                InstallError::Code(error)
            }),
            Err(error) => Err(InstallError::Trie(error)),
        };
        result.inspect_err(|_| {
            let old = raised().rev().map(|raise| (raise.entry, raise.old));
            let old: Vec<(u32, u32)> = old.collect();
            // Whatever changed: it must be published, as `stale` says.
            let _ = self.set.set_ranks(&old);
            self.stale = true;
        })
    }

    fn conclude(&mut self, installs: &[Install], first: u32, change: Change) -> Vec<Installed> {
        let longest_path = self.version.longest_path();
        let ids = (first..self.next).filter_map(FilterId::of_entry);
        let installed = installs.iter().zip(ids).map(|(install, id)| {
            if install.fragments {
                self.claims_fragments.insert(id);
            }
            Installed {
                id,
                change,
                longest_path,
            }
        });
        installed.collect()
    }

    /// Makes readers see the set: at once through the tables, or by new code.
    fn publish(&mut self, change: Change) -> Result<Change, CodeError> {
        if change == Change::Data && !self.stale {
            return Ok(Change::Data);
        }
        // Only monitors are asked for all filters that accept a packet often.
        let trie = self.set.trie().clone();
        let (version, walked) = match self.compiler.compile(&trie, self.policy.is_none()) {
            Ok(native) => (Version::compiled(trie, native), None),
            // A limit of the code generator is not the installer's fault: the trie is walked.
            Err(error @ CodeError::Emit(_)) => (Version::walked(trie), Some(error)),
            Err(error) => return Err(error),
        };
        self.show(version);
        self.walked = walked;
        self.stale = false;
        Ok(Change::Code)
    }

    fn show(&mut self, version: Version) {
        self.version = Arc::new(version);
        self.published.store(self.version.clone());
    }
}

/// A number that nobody outside can know, so that nobody can choose keys that collide.
fn seed() -> u64 {
    foldhash::quality::RandomState::default().hash_one(0_u64)
}

/// The first of many installs that was refused; none took place.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Its place among them; `None` when they were refused together.
    pub index: Option<usize>,
    /// Why.
    pub error: InstallError,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for Refused {}
