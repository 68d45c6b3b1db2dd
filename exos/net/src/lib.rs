//! ExOS networking: Ethernet, ARP, RARP, IPv4, ICMP and UDP, as a library with no server.
//!
//! The exokernel's part of a network is to give each frame to the application whose filter it
//! matches (SOSP'95 paper, §3.2); what a frame means is nobody's business but that application's
//! (§6.3). So a protocol stack is a value of the application's own: a [`Stack`] over a
//! [`Link`], in fixed memory, doing nothing unless it is called. Any part can be used alone, and
//! any can be replaced by an application that knows better.
//!
//! Read [`wire`] first: views and values of everything on the wire. Then [`neighbour`] (which station
//! has an address), [`reassembly`], [`socket`], and [`stack`], which ties them together. [`claim`]
//! says in the filter language which frames a socket is owed. [`app`] are small applications as
//! functions. [`counters`] tell what became of every frame.
//!
//! Input from outside is never trusted: malformed packets are counted by cause and dropped, every
//! table is bounded, no allocation is made. TCP, IPv6, multicast groups, forwarding and
//! datagrams to oneself are left out.
//!
//! ```
//! use exos_net::{Config, Endpoint, Interface, Link, LinkError, Mac, Memory, Millis, Stack};
//! # struct Nowhere;
//! # impl Link for Nowhere {
//! #     fn mac(&self) -> Mac { Mac([2, 0, 0, 0, 0, 1]) }
//! #     fn now(&self) -> Millis { 0 }
//! #     fn receive<R>(&mut self, _take: impl FnOnce(&[u8]) -> R) -> Option<R> { None }
//! #     fn send(&mut self, _frame: &[u8]) -> Result<(), LinkError> { Ok(()) }
//! # }
//! # let link = Nowhere;
//! let interface = Interface::new([10, 0, 0, 2].into(), 24);
//! let (mut fragments, mut parked, mut queue) = ([0; 40_000], [0; 8_192], [0; 4_096]);
//! let memory = Memory { fragments: &mut fragments, parked: &mut parked };
//! let mut stack: Stack<'_, _, 4> = Stack::new(link, Config::fixed(interface), memory);
//!
//! let socket = stack.bind_udp(7, &mut queue)?;
//! let filter = stack.claim(socket)?.to_string();
//! assert!(filter.ends_with("&& udp.dport == 7"));
//! stack.send_to(socket, Endpoint::new([10, 0, 0, 1].into(), 9), b"hello")?;
//! stack.poll();
//! # Ok::<(), exos_net::SendError>(())
//! ```
#![cfg_attr(not(any(test, feature = "fuzzing")), no_std)]

pub mod app;
pub mod claim;
pub mod counters;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod interface;
pub mod link;
pub mod neighbour;
mod parking;
mod queue;
pub mod rarp;
pub mod reassembly;
pub mod socket;
pub mod stack;
#[cfg(test)]
mod tests;
pub mod wire;

pub use claim::Claim;
pub use counters::{Counters, Event, Fate};
pub use interface::Interface;
pub use link::{Link, LinkError, Millis};
pub use queue::OVERHEAD as DATAGRAM_OVERHEAD;
pub use socket::{Endpoint, Socket, SocketError, SocketId, Transport};
pub use stack::{Addressing, Config, Memory, Progress, SendError, Stack};
pub use wire::Mac;
