//! Every engine behind one trait, so that one loop can drive them all.
//!
//! A call through a pointer costs more than some of these engines do. So the trait takes whole
//! runs of packets, and each engine is exactly one call through a pointer away from its own loop:
//! the hand-written ones through a helper here, DPF and the foreign ones through the
//! pointer that they have anyway. [`empty`] is that loop around a function that does nothing.
//!
//! `unsafe` is needed to call what Rust cannot check, and is confined to [`rbpf`], [`ebpf`] and
//! `dpdk`.

pub mod baselines;
pub mod dpf;
pub mod ebpf;
pub mod empty;
pub mod hand;
pub mod rbpf;

#[cfg(feature = "dpdk")]
pub mod dpdk;
#[cfg(feature = "libpcap")]
pub mod pcap;

use crate::flows::Family;
use core::hint::black_box;

/// The answer for a packet that no filter accepts.
pub const NONE: u32 = u32::MAX;

/// Packets in one call of a batch interface.
pub const BATCH: usize = 32;

/// The most packets in one call of a [`Peer`].
pub const RUN: usize = 2048;

/// An engine with filters 0 to n − 1 of a family installed.
pub trait Peer {
    /// Makes the packets available to the engine where that is not part of classifying: outside
    /// the timed part. The next call of the others is with the same packets.
    fn prepare(&mut self, _packets: &[&[u8]]) {}

    /// For every packet by itself the number of its filter, or [`NONE`].
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]);

    /// The same in batches of [`BATCH`], by the engine's own interface where it has one.
    fn batches(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        self.each(packets, answers);
    }
}

/// Builds an engine; an error says why it takes no part.
pub type Build = fn(Family, u32) -> Result<Box<dyn Peer>, String>;

/// An engine that can take part.
#[derive(Clone, Copy)]
pub struct Contender {
    /// Its name in every result.
    pub name: &'static str,
    /// The most filters that it is measured with.
    pub limit: u32,
    /// Installs the first filters of a family.
    pub build: Build,
}

/// The most filters for engines that run one after the other.
pub const SEQUENTIAL_LIMIT: u32 = 1000;

/// The most filters of all.
pub const LIMIT: u32 = 100_000;

/// The engines of this build, in the order of the result tables.
pub fn contenders() -> Vec<Contender> {
    let contender = |name, limit, build| Contender { name, limit, build };
    vec![
        contender("dpf", LIMIT, dpf::demux as Build),
        contender("mpf", LIMIT, baselines::mpf),
        contender("pathfinder", LIMIT, baselines::pathfinder),
        contender("bpf", SEQUENTIAL_LIMIT, baselines::bpf),
        #[cfg(feature = "libpcap")]
        contender("libpcap", SEQUENTIAL_LIMIT, pcap::in_turn),
        #[cfg(feature = "libpcap")]
        contender("libpcap-or", pcap::MERGED_LIMIT, pcap::merged),
        contender("rbpf", SEQUENTIAL_LIMIT, rbpf::in_turn),
        contender("hashbrown", LIMIT, hand::hashbrown),
        contender("perfect-hash", hand::PERFECT_LIMIT, hand::perfect),
        contender("ebpf-map", LIMIT, ebpf::map),
        #[cfg(feature = "dpdk")]
        contender("dpdk-acl", LIMIT, dpdk::acl),
        #[cfg(feature = "dpdk")]
        contender("dpdk-hash", LIMIT, dpdk::hash),
        contender("empty", LIMIT, empty::empty),
    ]
}

/// Calls `classify` for every packet through a pointer that the compiler cannot see through.
pub(crate) fn through_pointer<S>(
    state: &mut S,
    classify: fn(&mut S, &[u8]) -> u32,
    packets: &[&[u8]],
    answers: &mut [u32],
) {
    let classify = black_box(classify);
    for (packet, answer) in packets.iter().zip(answers) {
        *answer = classify(state, packet);
    }
}
