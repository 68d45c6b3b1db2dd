//! The baselines of the paper and today's peers, beside DPF, in one process.
//!
//! **The problem.** A classifier is fast or slow only beside another one on the same packets. The
//! paper's Table 7 compares DPF with MPF and PATHFINDER; whoever chooses a classifier today has
//! libpcap, a hash table by hand, the kernel's eBPF or DPDK to choose from.
//!
//! **The method.** [`filter`] describes a conjunction once; every engine translates that. The
//! paper's baselines are in [`baseline`] and need neither `std` nor a host, for they are compiled
//! for the DECstation too. Everything else needs feature `std`: `peers` wraps each engine in one
//! trait, `workload` makes packets whose right answer is known, `harness` times the peers in
//! interleaved slices after checking all their answers, `table7` is the whole comparison.
//!
//! **Left out.** Receiving packets: every engine reads bytes that lie in memory.
#![cfg_attr(not(feature = "std"), no_std)]
extern crate alloc;

pub mod baseline;
#[cfg(feature = "std")]
pub mod changes;
#[cfg(feature = "std")]
pub mod classbench;
#[cfg(feature = "std")]
pub mod compile;
pub mod filter;
pub mod flows;
#[cfg(feature = "std")]
pub mod harness;
#[cfg(feature = "std")]
pub mod peers;
#[cfg(feature = "std")]
pub mod plot;
#[cfg(feature = "std")]
pub mod readers;
#[cfg(feature = "std")]
pub mod report;
#[cfg(feature = "std")]
pub mod rulesets;
#[cfg(feature = "std")]
pub mod table7;
#[cfg(feature = "std")]
pub mod workload;
