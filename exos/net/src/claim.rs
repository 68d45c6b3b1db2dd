//! Which frames an application is owed, in the filter language.
//!
//! A claim is what a library operating system hands the kernel: the kernel compiles it, merges it with those of
//! others and gives each frame to its owner. Binding a socket makes a claim, connecting it narrows
//! that claim to a part of itself. A claim prints as a condition; [`Claim::declaration`] is a whole
//! declaration, with `fragments` where later fragments belong to it. Stacks take untagged frames only,
//! so claims say what Ethernet type they mean.
//!
//! With the feature `filter`, [`Claim::compile`] makes the canonical binary filter.

use crate::{
    interface::Interface,
    socket::{Endpoint, Socket, Transport},
    wire::Mac,
};
use core::{fmt, net::Ipv4Addr};

/// A set of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Claim {
    /// ARP packets for the host with this address: questions and answers.
    Arp {
        /// The host's.
        address: Ipv4Addr,
    },
    /// RARP answers for this station.
    Rarp {
        /// The station.
        mac: Mac,
    },
    /// UDP datagrams to a port.
    Udp {
        /// The host's address.
        address: Ipv4Addr,
        /// That of all hosts, if broadcasts belong to it.
        broadcast: Option<Ipv4Addr>,
        /// The port.
        port: u16,
        /// The only sender, if there is only one.
        peer: Option<Endpoint>,
    },
    /// Replies to echo requests with an identifier.
    EchoReplies {
        /// The host's address.
        address: Ipv4Addr,
        /// The identifier.
        identifier: u16,
        /// The only host that replies, if there is only one.
        peer: Option<Ipv4Addr>,
    },
    /// Echo requests to this host.
    EchoRequests {
        /// The host's address.
        address: Ipv4Addr,
    },
    /// ICMP errors about what this host sent.
    Errors {
        /// The host's address.
        address: Ipv4Addr,
    },
}

impl Claim {
    /// What a socket of a host is owed.
    #[must_use]
    pub fn of_socket(interface: &Interface, socket: &Socket<'_>) -> Self {
        let (address, peer) = (interface.address, socket.peer());
        match socket.transport() {
            Transport::Udp => Self::Udp {
                address,
                broadcast: match peer {
                    None => Some(interface.broadcast().unwrap_or(Ipv4Addr::BROADCAST)),
                    Some(_) => None,
                },
                port: socket.port(),
                peer,
            },
            Transport::Echo => Self::EchoReplies {
                address,
                identifier: socket.port(),
                peer: peer.map(|peer| peer.address),
            },
        }
    }

    /// The declaration of a filter that accepts what is claimed.
    #[must_use]
    pub fn declaration(&self) -> impl fmt::Display {
        Declaration(*self)
    }

    /// Whether later fragments of datagrams belong to it, which carry no ports.
    #[must_use]
    pub fn fragments(&self) -> bool {
        !matches!(self, Self::Arp { .. } | Self::Rarp { .. })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Arp { .. } => "arp_here",
            Self::Rarp { .. } => "rarp_here",
            Self::Udp { .. } => "udp_socket",
            Self::EchoReplies { .. } => "echo_replies",
            Self::EchoRequests { .. } => "echo_requests",
            Self::Errors { .. } => "icmp_errors",
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arp { address } => {
                write!(out, "ether.type == 0x0806 && arp.tpa == {address}")
            }
            Self::Rarp { mac } => {
                write!(
                    out,
                    "ether.type == 0x8035 && rarp.op == 4 && rarp.tha == {mac}"
                )
            }
            Self::Udp {
                address,
                broadcast,
                port,
                peer,
            } => {
                write!(out, "ether.type == 0x0800 && ")?;
                match broadcast {
                    None => write!(out, "ip.dst == {address}")?,
                    Some(Ipv4Addr::BROADCAST) => {
                        write!(out, "ip.dst in {{ {address}, 255.255.255.255 }}")?;
                    }
                    Some(all) => {
                        write!(out, "ip.dst in {{ {address}, {all}, 255.255.255.255 }}")?;
                    }
                }
                write!(out, " && udp.dport == {port}")?;
                match peer {
                    None => Ok(()),
                    Some(Endpoint { address, port }) => {
                        write!(out, " && ip.src == {address} && udp.sport == {port}")
                    }
                }
            }
            Self::EchoReplies {
                address,
                identifier,
                peer,
            } => {
                let kind = ECHO_REPLY;
                write!(
                    out,
                    "ether.type == 0x0800 && ip.dst == {address} && {kind} && icmp.id == {identifier}"
                )?;
                match peer {
                    None => Ok(()),
                    Some(peer) => write!(out, " && ip.src == {peer}"),
                }
            }
            Self::EchoRequests { address } => {
                let kind = ECHO_REQUEST;
                write!(out, "ether.type == 0x0800 && ip.dst == {address} && {kind}")
            }
            Self::Errors { address } => write!(
                out,
                "ether.type == 0x0800 && ip.dst == {address} && icmp.type in {{ 3..5, 11..12 }}"
            ),
        }
    }
}

struct Declaration(Claim);

impl fmt::Display for Declaration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fragments = if self.0.fragments() { " fragments" } else { "" };
        write!(out, "filter {}{fragments} = {};", self.0.name(), self.0)
    }
}

const ECHO_REPLY: &str = "icmp.type == 0 && icmp.code == 0";
const ECHO_REQUEST: &str = "icmp.type == 8 && icmp.code == 0";

#[cfg(feature = "filter")]
pub use compiled::ClaimError;

#[cfg(feature = "filter")]
mod compiled {
    extern crate alloc;

    use super::Claim;
    use alloc::{string::ToString as _, vec::Vec};
    use dpf::{
        filter,
        syntax::{Diagnostic, Errors, Program},
    };

    /// Why a claim could not be compiled: a limit of the compiler.
    #[derive(Debug)]
    pub enum ClaimError {
        /// Its text was refused.
        Text(Errors),
        /// Its filter was.
        Filter(Diagnostic),
        /// There was none.
        Empty,
    }

    impl Claim {
        /// The canonical binary filter, as the kernel takes it.
        ///
        /// # Errors
        ///
        /// When a limit of the compiler forbids it.
        pub fn compile(&self) -> Result<Vec<u8>, ClaimError> {
            let text = self.declaration().to_string();
            let program = Program::parse(&text, "claim", true).map_err(ClaimError::Text)?;
            let lowered = filter::lower(&program).map_err(ClaimError::Filter)?;
            let lowered = lowered.first().ok_or(ClaimError::Empty)?;
            Ok(lowered.filter.encode())
        }
    }
}
