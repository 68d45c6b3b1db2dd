//! Executable memory: pages that are writable or executable, never both, and the type says which.
//!
//! Problem: code is installed while other threads run code made earlier, so no page that anybody may be
//! executing can become writable. Method: one long-lived reserved range of addresses, the [`Arena`].
//! [`Arena::writable`] gives fresh whole pages; [`Writable::seal`] consumes them and gives [`Executable`]
//! ones, which are never writable again: dropping them makes them inaccessible before they can be handed
//! out anew. Emission itself goes on in a reused buffer elsewhere. Left out: deciding when nobody runs
//! the code any more; whoever publishes it keeps the `Executable` until then.
//!
//! Coherence: x86 keeps its instruction caches coherent. On other hosts `seal` also cleans the data cache
//! to the point of unification, invalidates the instruction cache, and asks every core to synchronise
//! (`membarrier` with `SYNC_CORE` on Linux).
//!
//! On a machine without an operating system, such as the R3000's, there is nothing here to ask: the kernel owns pages and
//! caches. There `mips::Code::install` copies the words and calls the kernel's flush.
//!
//! This module is the crate's only one with unsafe code, in the files `pages`, `call` and `trial`.

mod call;
mod free;
mod pages;
#[cfg(all(
    any(test, feature = "fuzzing"),
    feature = "x64",
    target_arch = "x86_64"
))]
pub(crate) mod trial;

pub use pages::{Arena, Executable, MAX_ARENA, Writable};
