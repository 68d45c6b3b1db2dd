//! Readers: classification on any number of threads beside the writer.

use super::{FilterId, Packet, version::Version};
use alloc::{sync::Arc, vec::Vec};
use arc_swap::{ArcSwap, Cache};

/// Classifies packets by what a [`Demux`](super::Demux) has installed, on its own thread.
///
/// Cheap to clone; a clone goes to another thread. It never waits for the writer: it holds a
/// version of the code and looks, by one acquire load a call or batch, whether there is a newer
/// one. Filters of a known shape are seen even without a newer version, through the tables.
#[derive(Clone, Debug)]
pub struct Reader {
    version: Cache<Arc<ArcSwap<Version>>, Arc<Version>>,
}

impl Reader {
    pub(crate) fn new(current: Arc<ArcSwap<Version>>) -> Self {
        Self {
            version: Cache::new(current),
        }
    }

    /// The filter that wins the packet, or none.
    #[inline]
    pub fn classify<'p>(&mut self, packet: impl Into<Packet<'p>>) -> Option<FilterId> {
        FilterId::of_result(self.version.load().best(packet.into()))
    }

    /// The winner of each packet, by one version of the code; `winners` is made as long as
    /// `packets`.
    pub fn classify_batch(&mut self, packets: &[Packet<'_>], winners: &mut Vec<Option<FilterId>>) {
        self.version.load().batch(packets, winners);
    }

    /// Every filter that accepts the packet, in the order of installation, into `all`.
    pub fn classify_all<'p>(&mut self, packet: impl Into<Packet<'p>>, all: &mut Vec<FilterId>) {
        self.version.load().all(packet.into(), all);
    }
}
