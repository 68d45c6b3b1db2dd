//! What it costs to install a filter, and to remove it, beside so many others.
//!
//! Engines whose filters are data (DPF with a known shape, hash tables) are given a few hundred
//! more filters one by one, each timed; then these are removed one by one. What can be prepared
//! before (parsing, keys) is not timed. `rte_acl` has no installation: its cost is a new build.
//!
//! Left out: engines that can neither remove (PATHFINDER as built here) nor share (BPF).

use crate::{
    flows::Family,
    harness::Nanoseconds,
    peers::{dpf, ebpf, hand},
};
use ::dpf::{
    filter::Filter,
    runtime::{Demux, FilterId},
};
use std::time::Instant;

/// Filters installed and removed at each size.
pub const CHANGES: u32 = 512;

/// An engine that takes filters while it runs.
pub trait Changing {
    /// Prepares `count` filters from number `first` on, none of them installed.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    fn prepare(&mut self, first: u32, count: u32) -> Result<(), String>;

    /// Installs one of the prepared filters; whether it was taken.
    fn install(&mut self, which: usize) -> bool;

    /// Removes one of them; whether it was there.
    fn remove(&mut self, which: usize) -> bool;
}

/// An engine that takes filters while it runs, by name.
pub struct Candidate {
    /// Its name in every result.
    pub name: &'static str,
    /// Installs the first filters of a family.
    pub build: fn(Family, u32) -> Result<Box<dyn Changing>, String>,
}

/// The engines of this build.
pub fn candidates() -> Vec<Candidate> {
    vec![
        Candidate {
            name: "dpf",
            build: |family, count| Ok(Box::new(Known::new(family, count)?)),
        },
        Candidate {
            name: "hashbrown",
            build: hand::changing,
        },
        Candidate {
            name: "ebpf-map",
            build: ebpf::changing,
        },
        #[cfg(feature = "dpdk")]
        Candidate {
            name: "dpdk-hash",
            build: crate::peers::dpdk::changing,
        },
    ]
}

/// Nanoseconds of one installation and one removal.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Of an installation.
    pub install: Nanoseconds,
    /// Of a removal.
    pub remove: Nanoseconds,
}

/// Measures one engine beside `count` filters.
///
/// # Errors
///
/// When it cannot be built, or refuses a change.
pub fn measure(candidate: &Candidate, count: u32) -> Result<Cost, String> {
    let mut engine = (candidate.build)(Family::FiveTuple, count)?;
    engine.prepare(count, CHANGES)?;
    let install = timed(|which| engine.install(which)).ok_or("an installation was refused")?;
    let remove = timed(|which| engine.remove(which)).ok_or("a removal was refused")?;
    Ok(Cost { install, remove })
}

fn timed(mut change: impl FnMut(usize) -> bool) -> Option<Nanoseconds> {
    let mut samples = Vec::with_capacity(CHANGES as usize);
    for which in 0..CHANGES as usize {
        let start = Instant::now();
        let taken = change(which);
        samples.push(start.elapsed().as_nanos() as f64);
        if !taken {
            return None;
        }
    }
    Some(Nanoseconds::of(samples))
}

/// DPF with filters of one shape.
struct Known {
    demux: Demux,
    family: Family,
    filters: Vec<Option<Filter>>,
    installed: Vec<Option<FilterId>>,
}

impl Known {
    fn new(family: Family, count: u32) -> Result<Self, String> {
        let demux = dpf::install(family, count)?;
        Ok(Self {
            demux,
            family,
            filters: Vec::new(),
            installed: Vec::new(),
        })
    }
}

impl Changing for Known {
    fn prepare(&mut self, first: u32, count: u32) -> Result<(), String> {
        self.filters = dpf::filters(self.family, first, count)?
            .into_iter()
            .map(Some)
            .collect();
        self.installed = vec![None; self.filters.len()];
        Ok(())
    }

    fn install(&mut self, which: usize) -> bool {
        let Some(filter) = self.filters[which].take() else {
            return false;
        };
        let installed = self.demux.install(filter);
        self.installed[which] = installed.ok().map(|installed| installed.id);
        self.installed[which].is_some()
    }

    fn remove(&mut self, which: usize) -> bool {
        self.installed[which]
            .take()
            .is_some_and(|id| self.demux.remove(id))
    }
}
