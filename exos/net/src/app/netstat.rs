//! What `netstat` prints: sockets, neighbours, and every counter that is not zero.

use crate::{Link, Stack, Transport, neighbour::State};
use core::fmt;

/// A stack, as a listing.
#[derive(Debug)]
pub struct Netstat<'s, 'a, L, const SOCKETS: usize>(pub &'s Stack<'a, L, SOCKETS>);

impl<L: Link, const SOCKETS: usize> fmt::Display for Netstat<'_, '_, L, SOCKETS> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stack = self.0;
        write!(out, "station {}", stack.link().mac())?;
        match stack.interface() {
            None => writeln!(out, ", no address")?,
            Some(interface) => {
                write!(out, ", address {}/{}", interface.address, interface.prefix)?;
                match interface.gateway {
                    None => writeln!(out)?,
                    Some(gateway) => writeln!(out, ", gateway {gateway}")?,
                }
            }
        }
        for socket in stack.sockets() {
            let transport = match socket.transport() {
                Transport::Udp => "udp",
                Transport::Echo => "echo",
            };
            write!(out, "{transport} {}", socket.port())?;
            if let Some(peer) = socket.peer() {
                write!(out, " to {peer}")?;
            }
            match socket.dropped() {
                0 => writeln!(out)?,
                dropped => writeln!(out, ", {dropped} dropped")?,
            }
        }
        for neighbour in stack.neighbours().iter() {
            let address = neighbour.address;
            match neighbour.state {
                State::Known { mac, .. } => writeln!(out, "neighbour {address} at {mac}")?,
                State::Asked { .. } => writeln!(out, "neighbour {address} asked for")?,
                State::Silent { .. } => writeln!(out, "neighbour {address} silent")?,
            }
        }
        let counted = stack.counters().iter().filter(|(_, count)| *count > 0);
        for (description, count) in counted {
            writeln!(out, "{count:>10} {description}")?;
        }
        Ok(())
    }
}
