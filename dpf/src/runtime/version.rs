//! Versions: how new code replaces old beside running readers.
//!
//! A [`Version`] is a trie with its tables and the code made of it. Readers hold one by a reference
//! count, so old code and tables are reclaimed when the last reader has moved on, and no reader
//! ever waits. A version without code, where none can be made, is walked: slower, never wrong.

use super::{FilterId, Packet, native::Native};
use crate::{dispatch::Shared, trie::Trie, walk};
use alloc::vec::Vec;

/// One generation of trie, tables and code; it changes only through its tables.
#[derive(Debug)]
pub(crate) struct Version {
    trie: Shared<Trie>,
    native: Option<Native>,
}

impl Version {
    /// A version that runs code made of `trie`.
    pub(crate) fn compiled(trie: Shared<Trie>, native: Native) -> Self {
        Self {
            trie,
            native: Some(native),
        }
    }

    /// A version without code.
    pub(crate) fn walked(trie: Shared<Trie>) -> Self {
        Self { trie, native: None }
    }

    /// The winner's entry and 1, or 0.
    #[inline]
    pub(crate) fn best(&self, packet: Packet<'_>) -> u32 {
        match &self.native {
            Some(native) => native.best(packet),
            None => walk::classify(&self.trie, packet.bytes, packet.wire_len)
                .map_or(0, |entry| entry + 1),
        }
    }

    /// Every filter that accepts the packet, ascending, into `all`.
    pub(crate) fn all(&self, packet: Packet<'_>, all: &mut Vec<FilterId>) {
        all.clear();
        match self.native.as_ref().and_then(|native| native.each(packet)) {
            Some(each) => all.extend(each.filter_map(FilterId::of_result)),
            None => {
                let entries = walk::classify_all(&self.trie, packet.bytes, packet.wire_len);
                all.extend(entries.into_iter().filter_map(FilterId::of_entry));
            }
        }
        all.sort_unstable();
    }

    /// The winner of each packet.
    pub(crate) fn batch(&self, packets: &[Packet<'_>], winners: &mut Vec<Option<FilterId>>) {
        winners.clear();
        winners.extend(
            packets
                .iter()
                .map(|packet| FilterId::of_result(self.best(*packet))),
        );
    }

    /// The most instructions of one call; 0 without code.
    pub(crate) fn longest_path(&self) -> u32 {
        self.native.as_ref().map_or(0, Native::longest_path)
    }

    pub(crate) fn native(&self) -> Option<&Native> {
        self.native.as_ref()
    }
}
