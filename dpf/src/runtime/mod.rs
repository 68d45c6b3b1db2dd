//! `Demux`: packets to the filters that own them, in native code, while filters come and go.
//!
//! A [`Demux`] is the one writer: it installs and removes. [`Reader`]s classify, on any thread,
//! beside it. There are two forms (`design.md`, "Who wins", "Who may"):
//!
//! * *exclusive*, for a demultiplexer that must never give one owner's packets to another: every
//!   packet has at most one winner, decided by priority and by who is more specific; filters that
//!   overlap without an answer to that are refused, with a packet as witness; what an owner may
//!   install is bounded by the [claims](ClaimId) it was granted;
//! * *monitoring*, for captures and statistics: any overlap is allowed, owners do not count, and
//!   the first filter in order of installation wins, or all that match are asked for.
//!
//! Later fragments of IP datagrams are state, so they stand outside: [`Demux::deliver`] adds them.

mod claim;
mod demux;
mod error;
mod exclusive;
mod fragment;
mod native;
mod packet;
mod reader;
#[cfg(test)]
mod tests;
mod version;

pub use claim::{Claim, ClaimError, ClaimId, Claims, MOST_CLAIMS, MOST_DELEGATIONS, Owner};
pub use demux::{Delivery, Demux, Install, Installed, MOST_GROUPS, Refused};

pub use error::{CodeError, InstallError, OverlapKind};
pub use exclusive::{MOST_LEVEL, MOST_PRIORITY, MOST_SHAPES};
pub use fragment::{
    Datagram, FRAGMENT_LIFETIME_US, Fragment, FragmentTable, Framing, MOST_DATAGRAMS, fragment,
};
pub use native::{CODE_RANGE, Native};
pub use packet::{FilterId, Packet};
pub use reader::Reader;
