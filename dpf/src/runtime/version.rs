//! Code versions: how new code replaces old beside running readers.
//!
//! A [`Version`] is sealed code with the tables it reads; readers hold one by a reference count, so
//! old code and tables are reclaimed when the last reader has moved on, and no reader ever waits.
//! A reader's look at whether there is a newer one is one acquire load.

use super::native::Native;
use alloc::sync::Arc;
use arc_swap::ArcSwap;

/// What readers share with the `Demux` that they came from.
pub(crate) type Current = Arc<ArcSwap<Version>>;

/// One generation of code and tables; never changed but through its tables.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) native: Native,
    /// Entries that are the same packet set as an earlier one, in lists by that one.
    pub(crate) longest_path: u32,
}
