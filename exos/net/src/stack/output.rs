//! Sending: datagrams in as many fragments as they need, each to its next station.
//!
//! A datagram is given in two parts, header and payload, which are copied once: into the frame. All
//! fragments but the last are as long as the MTU allows, in multiples of 8 bytes. A frame whose
//! station is not known yet is parked while ARP asks.

use super::{Config, SendError, input::Answer, limiter::Limiter};
use crate::{
    counters::{Counters, Event},
    interface::{Hop, Interface},
    link::{Link, LinkError, Millis},
    neighbour::{Lookup, Neighbours},
    parking::Parking,
    wire::{
        Mac,
        arp::{self, Operation},
        ethernet::{self, EtherType},
        ip::{self, Protocol},
    },
};
use core::net::Ipv4Addr;

/// Routers that a datagram may pass (RFC 1700).
const TIME_TO_LIVE: u8 = 64;
/// How long a host does not defend its address again (RFC 5227 §2.4).
const DEFENCE: Millis = 10_000;

/// What sending needs.
#[derive(Debug)]
pub(super) struct Output<'a> {
    pub(super) mac: Mac,
    pub(super) interface: Option<Interface>,
    pub(super) neighbours: Neighbours,
    pub(super) counters: Counters,
    pub(super) random: Random,
    mtu: usize,
    parking: Parking<'a>,
    errors: Limiter,
    identification: u16,
    /// When the network is to be told of the address.
    announcement: Option<Millis>,
    defended: Option<Millis>,
    frame: [u8; ethernet::LONGEST],
}

impl<'a> Output<'a> {
    pub(super) fn new(
        mac: Mac,
        interface: Option<Interface>,
        config: Config,
        parked: &'a mut [u8],
        now: Millis,
    ) -> Self {
        let mut random = Random::new(config.seed);
        Self {
            mac,
            interface,
            neighbours: Neighbours::new(),
            counters: Counters::new(),
            mtu: config.mtu.clamp(ip::SMALLEST_MTU, ethernet::MTU),
            parking: Parking::new(parked),
            errors: Limiter::new(now),
            identification: random.next() as u16,
            random,
            announcement: interface.map(|_| now),
            defended: None,
            frame: [0; ethernet::LONGEST],
        }
    }

    pub(super) fn address(&self) -> Option<Ipv4Addr> {
        self.interface.as_ref().map(|interface| interface.address)
    }

    pub(super) fn announcement(&self) -> Option<Millis> {
        self.announcement
    }

    pub(super) fn configure(&mut self, interface: Interface, now: Millis) {
        self.interface = Some(interface);
        self.neighbours = Neighbours::new();
        self.sweep();
        self.announcement = Some(now);
        self.defended = None;
    }

    /// Sends a datagram whose payload is `parts`, one behind the other.
    pub(super) fn datagram<L: Link>(
        &mut self,
        link: &mut L,
        protocol: Protocol,
        destination: Ipv4Addr,
        parts: [&[u8]; 2],
    ) -> Result<(), SendError> {
        let interface = self.interface.as_ref().ok_or(SendError::NoAddress)?;
        let Some(hop) = interface.next_hop(destination) else {
            self.counters.count(Event::Unroutable);
            return Err(SendError::NoRoute);
        };
        let [first, second] = parts;
        let (length, limit) = (first.len() + second.len(), ip::LONGEST - ip::HEADER);
        if length > limit {
            let given = length;
            return Err(SendError::TooLong { given, limit });
        }
        let mut repr = ip::Repr {
            service: 0,
            payload_length: 0,
            identification: self.identification,
            dont_fragment: false,
            more_fragments: false,
            offset: 0,
            time_to_live: TIME_TO_LIVE,
            protocol,
            source: interface.address,
            destination,
        };
        self.identification = self.identification.wrapping_add(1);
        let most = (self.mtu - ip::HEADER) / ip::UNIT * ip::UNIT;
        let whole = length <= self.mtu - ip::HEADER;
        let mut from = 0;
        loop {
            let size = if whole {
                length
            } else {
                most.min(length - from)
            };
            repr.offset = from as u16;
            repr.payload_length = size as u16;
            repr.more_fragments = from + size < length;
            let body = ethernet::HEADER + ip::HEADER;
            self.frame[ethernet::HEADER..body].copy_from_slice(&repr.emit());
            copy_parts(parts, from, &mut self.frame[body..body + size]);
            self.transmit(link, hop, body + size)?;
            from += size;
            if from == length {
                break;
            }
        }
        self.counters.count(Event::DatagramsSent);
        if !whole {
            self.counters.count(Event::Fragmented);
        }
        Ok(())
    }

    /// Asks for the station that has `address`: all stations, or the one that had it.
    pub(super) fn ask<L: Link>(&mut self, link: &mut L, address: Ipv4Addr, station: Mac) {
        let Some(source) = self.address() else { return };
        let request = arp::Repr {
            operation: Operation::REQUEST,
            source_mac: self.mac,
            source,
            target_mac: Mac::ZERO,
            target: address,
        };
        self.counters.count(Event::Asked);
        let _ = self.arp(link, EtherType::ARP, station, &request);
    }

    /// Sends an ARP reply, or an announcement in defence of the address.
    pub(super) fn answer<L: Link>(&mut self, link: &mut L, reply: &arp::Repr) {
        let station = match reply.operation {
            Operation::REPLY => reply.target_mac,
            _ => Mac::BROADCAST,
        };
        let event = match reply.operation {
            Operation::REPLY => Event::Answered,
            _ => Event::Announced,
        };
        self.counters.count(event);
        let _ = self.arp(link, EtherType::ARP, station, reply);
    }

    /// The announcement of this host's address (gratuitous ARP, RFC 5227 §2.3).
    pub(super) fn announcement_of(&self, address: Ipv4Addr) -> arp::Repr {
        arp::Repr {
            operation: Operation::REQUEST,
            source_mac: self.mac,
            source: address,
            target_mac: Mac::ZERO,
            target: address,
        }
    }

    pub(super) fn announce_if_due<L: Link>(&mut self, link: &mut L, now: Millis) {
        let due = self.announcement.is_some_and(|at| at <= now);
        if let (true, Some(address)) = (due, self.address()) {
            self.announcement = None;
            self.answer(link, &self.announcement_of(address));
        }
    }

    /// Another station claims this host's address: what to say to that, now and then.
    pub(super) fn defend(&mut self, now: Millis) -> Option<arp::Repr> {
        let rested = self.defended.is_none_or(|last| last + DEFENCE <= now);
        let address = self.address().filter(|_| rested)?;
        self.defended = Some(now);
        Some(self.announcement_of(address))
    }

    pub(super) fn ask_reverse<L: Link>(&mut self, link: &mut L, request: &arp::Repr) {
        self.counters.count(Event::ReverseAsked);
        let _ = self.arp(link, EtherType::RARP, Mac::BROADCAST, request);
    }

    /// Sends what waited for `address`.
    pub(super) fn release<L: Link>(&mut self, link: &mut L, address: Ipv4Addr, mac: Mac) {
        let counters = &mut self.counters;
        self.parking.release(address, |frame| {
            if let Some(destination) = frame.first_chunk_mut() {
                *destination = mac.0;
            }
            // Nobody is left to hear of an error.
            let _ = send(link, counters, frame);
        });
    }

    /// Drops what waits for an address that is not asked for (any more).
    pub(super) fn sweep(&mut self) {
        let neighbours = &self.neighbours;
        let dropped = self.parking.sweep(|hop| neighbours.is_asked(hop));
        self.counters.count_many(Event::Unresolved, dropped);
    }

    /// Sends an ICMP message in answer to a datagram. What goes wrong is counted: whoever asked
    /// will ask again.
    pub(super) fn message<L: Link>(
        &mut self,
        link: &mut L,
        to: Ipv4Addr,
        parts: [&[u8]; 2],
        error: bool,
    ) {
        let sent = self.datagram(link, Protocol::ICMP, to, parts);
        if sent.is_ok() && error {
            self.counters.count(Event::ErrorsSent);
        }
    }

    /// Whether an answer may go out: errors are few.
    pub(super) fn may_answer(&mut self, answer: &Answer, now: Millis) -> bool {
        match answer {
            Answer::Nothing => false,
            Answer::Echo { .. } => true,
            Answer::Error(_) => self.take_token(now),
        }
    }

    /// Whether an error may be sent to `to`.
    pub(super) fn may_complain(&mut self, to: Ipv4Addr, now: Millis) -> bool {
        let host = self.interface.as_ref().is_some_and(|i| i.is_host(to));
        host && self.take_token(now)
    }

    fn take_token(&mut self, now: Millis) -> bool {
        let may = self.errors.take(now);
        if !may {
            self.counters.count(Event::ErrorsWithheld);
        }
        may
    }

    /// Sends the frame that lies ready, but for its Ethernet header, or parks it.
    fn transmit<L: Link>(
        &mut self,
        link: &mut L,
        hop: Hop,
        length: usize,
    ) -> Result<(), SendError> {
        let mut destination = Mac::ZERO;
        let mut parked = None;
        match hop {
            Hop::Group(mac) => destination = mac,
            Hop::Station(address) => match self.neighbours.look_up(address, link.now()) {
                Lookup::Known(mac) => destination = mac,
                Lookup::Renew(mac) => {
                    destination = mac;
                    self.ask(link, address, mac);
                }
                Lookup::Ask => {
                    parked = Some(address);
                    self.ask(link, address, Mac::BROADCAST);
                }
                Lookup::Wait => parked = Some(address),
                Lookup::Silent => {
                    self.counters.count(Event::Unresolved);
                    return Err(SendError::Unreachable);
                }
            },
        }
        let header = ethernet::Repr {
            destination,
            source: self.mac,
            kind: EtherType::IP,
        };
        self.frame[..ethernet::HEADER].copy_from_slice(&header.emit());
        let padded = length.max(ethernet::SHORTEST);
        self.frame[length..padded].fill(0);
        let frame = &self.frame[..padded];
        match parked {
            None => send(link, &mut self.counters, frame).map_err(SendError::Link),
            Some(address) if self.parking.park(address, frame) => Ok(()),
            Some(_) => {
                self.counters.count(Event::ParkedOut);
                Err(SendError::ParkedOut)
            }
        }
    }

    fn arp<L: Link>(
        &mut self,
        link: &mut L,
        kind: EtherType,
        destination: Mac,
        repr: &arp::Repr,
    ) -> Result<(), LinkError> {
        let header = ethernet::Repr {
            destination,
            source: self.mac,
            kind,
        };
        let mut frame = [0; ethernet::SHORTEST];
        let (head, rest) = frame.split_at_mut(ethernet::HEADER);
        head.copy_from_slice(&header.emit());
        rest[..arp::LENGTH].copy_from_slice(&repr.emit());
        send(link, &mut self.counters, &frame)
    }
}

/// Pseudo-random numbers that nobody must be unable to guess: xorshift (Marsaglia 2003).
#[derive(Clone, Copy, Debug)]
pub(super) struct Random(u32);

impl Random {
    fn new(seed: u32) -> Self {
        // Zero would stay zero.
        Self(seed ^ 0x9e37_79b9).or_one()
    }

    fn or_one(self) -> Self {
        Self(self.0.max(1))
    }

    pub(super) fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}

fn send<L: Link>(link: &mut L, counters: &mut Counters, frame: &[u8]) -> Result<(), LinkError> {
    let sent = link.send(frame);
    counters.count(match sent {
        Ok(()) => Event::FramesSent,
        Err(LinkError::Full) => Event::LinkFull,
        Err(LinkError::Refused) => Event::LinkRefused,
    });
    sent
}

/// Copies what lies `from` bytes into the parts, one behind the other, and fills `out`.
fn copy_parts([first, second]: [&[u8]; 2], from: usize, out: &mut [u8]) {
    let of_first = first.get(from..).unwrap_or_default();
    let count = of_first.len().min(out.len());
    let (head, tail) = out.split_at_mut(count);
    head.copy_from_slice(&of_first[..count]);
    let from = (from + count).saturating_sub(first.len());
    if let Some(of_second) = second.get(from..from + tail.len()) {
        tail.copy_from_slice(of_second);
    }
}
