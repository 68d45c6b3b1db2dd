//! Later fragments of IP datagrams, for filters that claim them (`filter NAME fragments = …`).
//!
//! A later fragment has no ports, so no filter of its own bytes can tell whose it is. It belongs to
//! the filters that matched the datagram's first fragment and claim the rest. Captures from many
//! links start differently, so the caller says with which header a packet starts.

use dpf::{
    runtime::{FilterId, FragmentTable, Framing, fragment},
    syntax::Program,
};

use crate::capture::Packet;

/// What is remembered of datagrams under way; nothing if no filter claims fragments.
#[derive(Default)]
pub struct Fragments {
    /// The filters that claim fragments, and the datagrams each has.
    claimants: Vec<(u32, FragmentTable)>,
    undecided: u64,
}

impl Fragments {
    /// For the filters of a program.
    pub fn new(program: &Program) -> Self {
        let claims = program
            .filters
            .iter()
            .zip(0..)
            .filter(|(filter, _)| filter.fragments);
        Self {
            claimants: claims
                .map(|(_, index)| (index, FragmentTable::default()))
                .collect(),
            undecided: 0,
        }
    }

    /// Corrects `matched`, the filters that match this packet's own bytes. With `all`, the owners of
    /// the datagram join them, else they come before them. `root` is the header that the packet
    /// starts with, `ids` are the filters' names in the engine.
    pub fn correct(
        &mut self,
        packet: &Packet<'_>,
        root: &str,
        ids: &[FilterId],
        all: bool,
        matched: &mut Vec<u32>,
    ) {
        if self.claimants.is_empty() {
            return;
        }
        let Some((bytes, framing)) = network_layer(packet.data, root) else {
            return;
        };
        let Some(part) = fragment(bytes, framing) else {
            return;
        };
        let now = packet.time.as_nanoseconds() / 1_000;
        if part.first {
            for (index, table) in &mut self.claimants {
                if matched.contains(index) {
                    table.remember(now, part.datagram, ids[*index as usize]);
                }
            }
            return;
        }
        let mut owners = Vec::new();
        for (index, table) in &mut self.claimants {
            if table.owner(now, &part.datagram).is_some() {
                owners.push(*index);
            }
        }
        if owners.is_empty() {
            self.undecided += 1;
            return;
        }
        if !all {
            matched.clear();
        }
        matched.extend(owners);
        matched.sort_unstable();
        matched.dedup();
    }

    /// How many later fragments came when the first was not known.
    pub fn undecided(&self) -> u64 {
        self.undecided
    }
}

/// Where a packet's IP header, or its Ethernet header, is.
fn network_layer<'a>(data: &'a [u8], root: &str) -> Option<(&'a [u8], Framing)> {
    match root {
        "ether" => Some((data, Framing::Ethernet)),
        "raw" | "ip" | "ip6" => Some((data, Framing::Ip)),
        "null" => Some((data.get(4..)?, Framing::Ip)),
        "sll" => Some((data.get(16..)?, Framing::Ip)),
        "sll2" => Some((data.get(20..)?, Framing::Ip)),
        _ => None,
    }
}
