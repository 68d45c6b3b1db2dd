//! Receiving: what becomes of a frame, and what to answer.
//!
//! Nothing is sent here, for the frame still lies in the link: a [`Response`] says what is to be
//! sent, and an ICMP message that answers a frame is composed in `staging` meanwhile. Each step checks what the
//! next relies on: link, address, fragments, transport.
//!
//! Errors are sent as RFC 1122 §3.2.2 has it: never about errors, broadcasts, later fragments, or
//! to what can be no host.

use super::output::Output;
use crate::{
    counters::{Event, Fate},
    interface::Interface,
    link::Millis,
    neighbour::Learned,
    rarp,
    reassembly::{Added, Assembled, PlaceNo, Reassembler},
    socket::{Delivery, Endpoint, Sockets, Transport},
    wire::{
        Mac,
        arp::{self, Operation},
        ethernet::{self, EtherType},
        icmp::{self, Quotation, Unreachable},
        ip::{self, Protocol},
        udp,
    },
};
use core::net::Ipv4Addr;

/// The most that an error quotes.
pub(super) const QUOTATION: usize = ip::LONGEST_HEADER + icmp::QUOTED;

/// What receiving needs.
#[derive(Debug)]
pub(super) struct Input<'a, const SOCKETS: usize> {
    pub(super) sockets: Sockets<'a, SOCKETS>,
    pub(super) reassembler: Reassembler<'a>,
    /// An ICMP message that is to be sent.
    pub(super) staging: [u8; ethernet::MTU],
}

/// What is to be sent when the link is free.
#[derive(Clone, Copy, Debug)]
pub(super) enum Response {
    Nothing,
    /// An ARP packet; and frames that waited for this address.
    Arp {
        reply: Option<arp::Repr>,
        news: Option<(Ipv4Addr, Mac)>,
    },
    /// This is the host's address.
    Address(Ipv4Addr),
    /// So many bytes of `staging`.
    Staged {
        to: Ipv4Addr,
        length: usize,
        error: bool,
    },
    /// What the datagram that is complete now asks for.
    Assembled(PlaceNo),
}

/// A datagram that is whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming<'p> {
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
    pub(super) protocol: Protocol,
    /// With its options.
    pub(super) header: &'p [u8],
    pub(super) payload: &'p [u8],
    /// Whether it is for more hosts than this one.
    pub(super) broadcast: bool,
}

/// What a datagram is to be answered with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Nothing,
    Echo { identifier: u16, sequence: u16 },
    Error(icmp::Error),
}

impl<'a, const SOCKETS: usize> Input<'a, SOCKETS> {
    pub(super) fn new(fragments: &'a mut [u8]) -> Self {
        Self {
            sockets: Sockets::new(),
            reassembler: Reassembler::new(fragments),
            staging: [0; ethernet::MTU],
        }
    }

    /// Judges a frame. `asking` if the host asks for its address.
    pub(super) fn frame(
        &mut self,
        output: &mut Output<'_>,
        bytes: &[u8],
        asking: bool,
        now: Millis,
    ) -> (Fate, Response) {
        let frame = match ethernet::Frame::new_checked(bytes) {
            Ok(frame) => frame,
            Err(cause) => return (cause.into(), Response::Nothing),
        };
        let header = ethernet::Repr::parse(&frame);
        let to_all = header.destination == Mac::BROADCAST;
        if header.destination != output.mac && !to_all {
            return (Fate::OtherStation, Response::Nothing);
        }
        match header.kind {
            EtherType::ARP => arp_packet(output, frame.payload(), now),
            EtherType::RARP => rarp_packet(output.mac, frame.payload(), asking),
            EtherType::IP => self.ip_packet(output, frame.payload(), to_all, now),
            _ => (Fate::OtherType, Response::Nothing),
        }
    }

    fn ip_packet(
        &mut self,
        output: &mut Output<'_>,
        bytes: &[u8],
        to_all: bool,
        now: Millis,
    ) -> (Fate, Response) {
        let parsed = ip::Packet::new_checked(bytes).and_then(|p| Ok((p, ip::Repr::parse(&p)?)));
        let (packet, repr) = match parsed {
            Ok(parsed) => parsed,
            Err(cause) => return (cause.into(), Response::Nothing),
        };
        let Some(interface) = output.interface else {
            return (Fate::NoAddress, Response::Nothing);
        };
        if let Some(fate) = misaddressed(&interface, &repr, to_all) {
            return (fate, Response::Nothing);
        }
        if repr.is_fragment() {
            let (header, payload) = (packet.header(), packet.payload());
            let (added, evicted) = self.reassembler.add(&repr, header, payload, now);
            if evicted {
                output.counters.count(Event::ReassemblyEvicted);
            }
            return held(added);
        }
        let incoming = Incoming {
            source: repr.source,
            destination: repr.destination,
            protocol: repr.protocol,
            header: packet.header(),
            payload: packet.payload(),
            broadcast: repr.destination != interface.address,
        };
        let (fate, answer) = transport(&mut self.sockets, &interface, &incoming);
        if !output.may_answer(&answer, now) {
            return (fate, Response::Nothing);
        }
        (fate, self.stage(&answer, &incoming))
    }

    /// Composes an answer, out of the frame that asks for it.
    fn stage(&mut self, answer: &Answer, incoming: &Incoming<'_>) -> Response {
        let mut quotation = [0; QUOTATION];
        let Some((header, body)) = answer.parts(incoming, &mut quotation) else {
            return Response::Nothing;
        };
        match compose(&header, body, &mut self.staging) {
            Some(length) => Response::Staged {
                to: incoming.source,
                length,
                error: answer.is_error(),
            },
            None => Response::Nothing,
        }
    }
}

impl Answer {
    pub(super) fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// The header and body of the ICMP message.
    pub(super) fn parts<'p>(
        &self,
        incoming: &Incoming<'p>,
        quotation: &'p mut [u8; QUOTATION],
    ) -> Option<([u8; icmp::HEADER], &'p [u8])> {
        let (repr, body) = match *self {
            Self::Nothing => return None,
            Self::Echo {
                identifier,
                sequence,
            } => {
                let repr = icmp::Repr::EchoReply {
                    identifier,
                    sequence,
                };
                (repr, incoming.payload.get(icmp::HEADER..)?)
            }
            Self::Error(error) => {
                let body = quote(incoming.header, incoming.payload, quotation);
                (icmp::Repr::Error(error), body)
            }
        };
        Some((repr.emit(body), body))
    }
}

/// Gives a whole datagram to its protocol.
pub(super) fn transport<const SOCKETS: usize>(
    sockets: &mut Sockets<'_, SOCKETS>,
    interface: &Interface,
    incoming: &Incoming<'_>,
) -> (Fate, Answer) {
    let answerable = !incoming.broadcast && interface.is_host(incoming.source);
    let (fate, answer) = match incoming.protocol {
        Protocol::UDP => udp_datagram(sockets, incoming),
        Protocol::ICMP => icmp_message(sockets, interface, incoming),
        _ => {
            let error = icmp::Error::Unreachable(Unreachable::PROTOCOL);
            (Fate::OtherProtocol, Answer::Error(error))
        }
    };
    match (fate, answer, answerable) {
        (_, answer, true) => (fate, answer),
        (Fate::Echoed, _, false) => (Fate::OtherIcmp, Answer::Nothing),
        (_, _, false) => (fate, Answer::Nothing),
    }
}

/// The error about a datagram that did not become whole: to whom, and its length in `staging`. There is
/// none unless its first fragment came.
pub(super) fn expired(
    datagram: &Assembled<'_>,
    staging: &mut [u8; ethernet::MTU],
) -> Option<(Ipv4Addr, usize)> {
    let about_error = datagram.key.protocol == Protocol::ICMP && !icmp::is_query(datagram.payload);
    if datagram.header.is_empty() || about_error {
        return None;
    }
    let mut quotation = [0; QUOTATION];
    let body = quote(datagram.header, datagram.payload, &mut quotation);
    let error = icmp::Error::TimeExceeded(icmp::Error::REASSEMBLY);
    let header = icmp::Repr::Error(error).emit(body);
    Some((datagram.key.source, compose(&header, body, staging)?))
}

/// Why a datagram is not for this host, or from no host.
fn misaddressed(interface: &Interface, repr: &ip::Repr, to_all: bool) -> Option<Fate> {
    if repr.source == interface.address {
        return Some(Fate::Conflict);
    }
    // A host that does not know its address yet may broadcast.
    if !interface.is_host(repr.source) && !repr.source.is_unspecified() {
        return Some(Fate::Martian);
    }
    let broadcast = interface.is_broadcast(repr.destination);
    // RFC 1122 §3.3.6: what all stations get must be for all hosts.
    let for_us = broadcast || repr.destination == interface.address && !to_all;
    (!for_us).then_some(Fate::OtherAddress)
}

fn held(added: Added) -> (Fate, Response) {
    let fate = match added {
        Added::Complete(place) => return (Fate::Held, Response::Assembled(place)),
        Added::Held => Fate::Held,
        Added::Repeated => Fate::Repeated,
        Added::Contradiction => Fate::Contradiction,
        Added::Poisoned => Fate::Poisoned,
        Added::Length => Fate::FragmentLength,
        Added::TooLong => Fate::NoAssembly,
    };
    (fate, Response::Nothing)
}

fn arp_packet(output: &mut Output<'_>, bytes: &[u8], now: Millis) -> (Fate, Response) {
    let parsed = arp::Packet::new_checked(bytes).and_then(|packet| arp::Repr::parse(&packet));
    let packet = match parsed {
        Ok(packet) => packet,
        Err(cause) => return (cause.into(), Response::Nothing),
    };
    let known = matches!(packet.operation, Operation::REQUEST | Operation::REPLY);
    let (Some(interface), true) = (output.interface, known) else {
        return (Fate::OtherArp, Response::Nothing);
    };
    if packet.source_mac == output.mac {
        return (Fate::OtherArp, Response::Nothing);
    }
    if packet.source == interface.address {
        let reply = output.defend(now);
        return (Fate::Conflict, Response::Arp { reply, news: None });
    }
    let meant = packet.target == interface.address;
    let learned = if interface.is_neighbour(packet.source) {
        let neighbours = &mut output.neighbours;
        neighbours.learn(packet.source, packet.source_mac, meant, now)
    } else {
        Learned::Nothing
    };
    let asked = meant && packet.operation == Operation::REQUEST;
    let reply = asked.then_some(arp::Repr {
        operation: Operation::REPLY,
        source_mac: output.mac,
        source: interface.address,
        target_mac: packet.source_mac,
        target: packet.source,
    });
    let fate = match learned {
        Learned::Nothing if !asked => Fate::OtherArp,
        _ => Fate::Arp,
    };
    let news = (learned == Learned::News).then_some((packet.source, packet.source_mac));
    (fate, Response::Arp { reply, news })
}

fn rarp_packet(mac: Mac, bytes: &[u8], asking: bool) -> (Fate, Response) {
    let parsed = arp::Packet::new_checked(bytes).and_then(|packet| arp::Repr::parse(&packet));
    match parsed.map(|packet| rarp::answer(&packet, mac)) {
        Err(cause) => (cause.into(), Response::Nothing),
        Ok(Some(address)) if asking => (Fate::Rarp, Response::Address(address)),
        Ok(_) => (Fate::OtherArp, Response::Nothing),
    }
}

fn udp_datagram<const SOCKETS: usize>(
    sockets: &mut Sockets<'_, SOCKETS>,
    incoming: &Incoming<'_>,
) -> (Fate, Answer) {
    let (source, destination) = (incoming.source, incoming.destination);
    let parsed = udp::Datagram::new_checked(incoming.payload)
        .and_then(|d| Ok((d, udp::Repr::parse(&d, source, destination)?)));
    let (datagram, repr) = match parsed {
        Ok(parsed) => parsed,
        Err(cause) => return (cause.into(), Answer::Nothing),
    };
    let from = Endpoint::new(source, repr.source);
    let (port, payload) = (repr.destination, datagram.payload());
    let delivery = sockets.deliver(Transport::Udp, port, from, incoming.broadcast, payload);
    match delivery {
        Delivery::Delivered => (Fate::Delivered, Answer::Nothing),
        Delivery::Full => (Fate::SocketFull, Answer::Nothing),
        Delivery::Nobody => {
            let error = icmp::Error::Unreachable(Unreachable::PORT);
            (Fate::NoSocket, Answer::Error(error))
        }
    }
}

fn icmp_message<const SOCKETS: usize>(
    sockets: &mut Sockets<'_, SOCKETS>,
    interface: &Interface,
    incoming: &Incoming<'_>,
) -> (Fate, Answer) {
    let parsed =
        icmp::Message::new_checked(incoming.payload).and_then(|m| Ok((m, icmp::Repr::parse(&m)?)));
    let (message, repr) = match parsed {
        Ok(parsed) => parsed,
        Err(cause) => return (cause.into(), Answer::Nothing),
    };
    let fate = match repr {
        icmp::Repr::EchoRequest {
            identifier,
            sequence,
        } => {
            let answer = Answer::Echo {
                identifier,
                sequence,
            };
            return (Fate::Echoed, answer);
        }
        icmp::Repr::EchoReply {
            identifier,
            sequence,
        } if !incoming.broadcast => {
            let from = Endpoint::new(incoming.source, sequence);
            let payload = message.payload();
            match sockets.deliver(Transport::Echo, identifier, from, false, payload) {
                Delivery::Delivered => Fate::Delivered,
                Delivery::Full => Fate::SocketFull,
                Delivery::Nobody => Fate::NoSocket,
            }
        }
        icmp::Repr::Error(error) => {
            match refused(interface, incoming.source, error, message.payload()) {
                Some((port, to)) if sockets.refuse(port, to) => Fate::Error,
                _ => Fate::OtherIcmp,
            }
        }
        // A reply to all is to no request of this host.
        icmp::Repr::EchoReply { .. } | icmp::Repr::Other(_) => Fate::OtherIcmp,
    };
    (fate, Answer::Nothing)
}

/// The port of ours and the endpoint that it sent to, if a host says that it has no such port.
fn refused(
    interface: &Interface,
    source: Ipv4Addr,
    error: icmp::Error,
    payload: &[u8],
) -> Option<(u16, Endpoint)> {
    let quoted = Quotation::parse(payload)?;
    let unreachable = matches!(
        error,
        icmp::Error::Unreachable(Unreachable::PORT | Unreachable::PROTOCOL)
    );
    let ours = quoted.ip.source == interface.address
        && quoted.ip.destination == source
        && quoted.ip.protocol == Protocol::UDP
        && quoted.ip.offset == 0;
    let ports = udp::Repr::ports(&quoted.first);
    (unreachable && ours).then_some((ports.source, Endpoint::new(source, ports.destination)))
}

/// The header and the first bytes behind it.
fn quote<'q>(header: &[u8], payload: &[u8], quotation: &'q mut [u8; QUOTATION]) -> &'q [u8] {
    let first = &payload[..payload.len().min(icmp::QUOTED)];
    let mut length = 0;
    for (to, from) in quotation.iter_mut().zip(header.iter().chain(first)) {
        *to = *from;
        length += 1;
    }
    &quotation[..length]
}

fn compose(header: &[u8], body: &[u8], out: &mut [u8]) -> Option<usize> {
    let length = header.len() + body.len();
    let (head, tail) = out.get_mut(..length)?.split_at_mut(header.len());
    head.copy_from_slice(header);
    tail.copy_from_slice(body);
    Some(length)
}
