//! A host's protocols, tied together over one link.
//!
//! [`Stack::poll`] takes frames from the link and does what time demands; everything else is a call of the
//! application. A frame is handled where it lies: `input` judges it and says what to answer, and when the
//! link has let go of it, `output` sends that. One call of `poll` handles a bounded number of
//! frames, so that whoever floods a host does not hold its program.
//!
//! Memory for fragments, for frames that wait for ARP and for each socket's queue is the
//! application's; without it, what needs it is dropped and counted.

mod input;
mod limiter;
mod output;

use crate::{
    claim::Claim,
    counters::{Counters, Event, Fate},
    interface::Interface,
    link::{Link, LinkError, Millis},
    neighbour::{Due, Learned, Neighbours},
    rarp::{self, Asking},
    reassembly::PlaceNo,
    socket::{Endpoint, Socket, SocketError, SocketId, Transport},
    wire::{
        Mac, ethernet, icmp,
        ip::{self, Protocol},
        udp,
    },
};
use core::net::Ipv4Addr;
use input::{Incoming, Input, Response};
use output::Output;

/// How many frames one [`Stack::poll`] takes.
pub const MOST_FRAMES: usize = 32;
/// The longest payload of a UDP datagram.
pub const LONGEST_PAYLOAD: usize = ip::LONGEST - ip::HEADER - udp::HEADER;

/// What a stack is told about its host.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Where its address comes from.
    pub addressing: Addressing,
    /// The most that a frame carries: 68 to 1500 bytes.
    pub mtu: usize,
    /// Where identifications and ephemeral ports begin: something that differs each time.
    pub seed: u32,
}

/// Where a host's address comes from.
#[derive(Clone, Copy, Debug)]
pub enum Addressing {
    /// It is known.
    Fixed(Interface),
    /// A RARP server is asked.
    Rarp,
}

/// What a stack works in.
#[derive(Debug)]
pub struct Memory<'a> {
    /// For datagrams in fragments: a quarter each, so 33,000 bytes for payloads of 8,000.
    pub fragments: &'a mut [u8],
    /// For frames that wait for ARP.
    pub parked: &'a mut [u8],
}

/// What a poll did, and when the next one is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Frames handled; of [`MOST_FRAMES`] there may be more.
    pub frames: usize,
    /// When to poll again even if no frame comes.
    pub deadline: Option<Millis>,
}

/// Why a datagram was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The socket cannot send it.
    Socket(SocketError),
    /// It is longer than a datagram can be.
    TooLong {
        /// Bytes given.
        given: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// This host has no address yet.
    NoAddress,
    /// Nothing leads to its destination.
    NoRoute,
    /// Its next station does not answer.
    Unreachable,
    /// Too much waits for ARP.
    ParkedOut,
    /// The link did not take it, or not all of its fragments.
    Link(LinkError),
}

impl From<SocketError> for SendError {
    fn from(error: SocketError) -> Self {
        Self::Socket(error)
    }
}

/// The protocols of one host over one link, with up to `SOCKETS` sockets.
#[derive(Debug)]
pub struct Stack<'a, L, const SOCKETS: usize> {
    link: L,
    input: Input<'a, SOCKETS>,
    output: Output<'a>,
    asking: Option<Asking>,
}

impl<'a, L: Link, const SOCKETS: usize> Stack<'a, L, SOCKETS> {
    /// A stack over `link`. With a fixed address, the network is told of it at the first poll.
    pub fn new(link: L, config: Config, memory: Memory<'a>) -> Self {
        let now = link.now();
        let (interface, asking) = match config.addressing {
            Addressing::Fixed(interface) => (Some(interface), None),
            Addressing::Rarp => (None, Some(Asking::new(now))),
        };
        Self {
            input: Input::new(memory.fragments),
            output: Output::new(link.mac(), interface, config, memory.parked, now),
            link,
            asking,
        }
    }

    /// Handles frames that have arrived, and what is due.
    pub fn poll(&mut self) -> Progress {
        let now = self.link.now();
        self.do_what_is_due(now);
        let mut frames = 0;
        while frames < MOST_FRAMES && self.take_frame(now) {
            frames += 1;
        }
        // One of them may have brought the address.
        self.output.announce_if_due(&mut self.link, now);
        Progress {
            frames,
            deadline: self.deadline(),
        }
    }

    /// When something is due even if no frame comes.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let asking = self.asking.as_ref().map(Asking::deadline);
        let neighbours = self.output.neighbours.deadline();
        let fragments = self.input.reassembler.deadline();
        let announcement = self.output.announcement();
        let all = [asking, neighbours, fragments, announcement];
        all.into_iter().flatten().min()
    }

    /// The host's place in the network, once it is known.
    #[must_use]
    pub fn interface(&self) -> Option<&Interface> {
        self.output.interface.as_ref()
    }

    /// Gives the host another place: what was known of the network is forgotten, and the network is
    /// told of the address at the next poll.
    pub fn configure(&mut self, interface: Interface) {
        self.asking = None;
        self.input.reassembler.clear();
        self.output.configure(interface, self.link.now());
    }

    /// A UDP socket on `port`, or on a free one for 0, that queues datagrams in `memory`: each takes
    /// [`crate::DATAGRAM_OVERHEAD`] bytes more than its payload.
    ///
    /// # Errors
    ///
    /// [`SocketError::PortTaken`], [`SocketError::TooMany`].
    pub fn bind_udp(&mut self, port: u16, memory: &'a mut [u8]) -> Result<SocketId, SocketError> {
        let hint = self.output.random.next() as u16;
        self.input.sockets.bind(Transport::Udp, port, hint, memory)
    }

    /// A socket for echo requests with `identifier`, or a free one for 0.
    ///
    /// # Errors
    ///
    /// [`SocketError::PortTaken`], [`SocketError::TooMany`].
    pub fn bind_echo(
        &mut self,
        identifier: u16,
        memory: &'a mut [u8],
    ) -> Result<SocketId, SocketError> {
        let hint = self.output.random.next() as u16;
        let sockets = &mut self.input.sockets;
        sockets.bind(Transport::Echo, identifier, hint, memory)
    }

    /// Narrows a socket to one peer, which is also where [`Stack::send`] sends; of an echo
    /// socket's peer only the address matters. What it had queued is dropped.
    ///
    /// # Errors
    ///
    /// [`SocketError::Unknown`], [`SocketError::PortTaken`].
    pub fn connect(&mut self, socket: SocketId, peer: Endpoint) -> Result<(), SocketError> {
        self.input.sockets.connect(socket, peer)
    }

    /// Ends a socket; its memory comes back.
    ///
    /// # Errors
    ///
    /// [`SocketError::Unknown`].
    pub fn close(&mut self, socket: SocketId) -> Result<&'a mut [u8], SocketError> {
        self.input.sockets.close(socket)
    }

    /// Sends a datagram: from a UDP socket `payload` to a port, from an echo socket a request with
    /// the port as its sequence number. It may have to wait for ARP.
    ///
    /// # Errors
    ///
    /// When it cannot be sent.
    pub fn send_to(
        &mut self,
        socket: SocketId,
        to: Endpoint,
        payload: &[u8],
    ) -> Result<(), SendError> {
        let socket = self.input.sockets.find(socket)?;
        if payload.len() > LONGEST_PAYLOAD {
            return Err(SendError::TooLong {
                given: payload.len(),
                limit: LONGEST_PAYLOAD,
            });
        }
        let source = self.output.address().ok_or(SendError::NoAddress)?;
        let (protocol, header) = match socket.transport() {
            Transport::Udp => {
                let repr = udp::Repr {
                    source: socket.port(),
                    destination: to.port,
                };
                (Protocol::UDP, repr.emit(source, to.address, payload))
            }
            Transport::Echo => {
                let repr = icmp::Repr::EchoRequest {
                    identifier: socket.port(),
                    sequence: to.port,
                };
                (Protocol::ICMP, repr.emit(payload))
            }
        };
        let (link, parts) = (&mut self.link, [&header, payload]);
        self.output.datagram(link, protocol, to.address, parts)
    }

    /// Sends a datagram to a connected socket's peer.
    ///
    /// # Errors
    ///
    /// [`SocketError::NotConnected`], and those of [`Stack::send_to`].
    pub fn send(&mut self, socket: SocketId, payload: &[u8]) -> Result<(), SendError> {
        let peer = self.input.sockets.find(socket)?.peer();
        self.send_to(socket, peer.ok_or(SocketError::NotConnected)?, payload)
    }

    /// Takes the oldest datagram of a socket: as much of it as fits into `buffer`. Tells who sent
    /// it and how long it is.
    ///
    /// # Errors
    ///
    /// [`SocketError::Unknown`].
    pub fn receive(
        &mut self,
        socket: SocketId,
        buffer: &mut [u8],
    ) -> Result<Option<(Endpoint, usize)>, SocketError> {
        self.input.sockets.receive(socket, buffer)
    }

    /// Whether the peer of a connected socket said, since this was last asked, that it has no such
    /// port.
    ///
    /// # Errors
    ///
    /// [`SocketError::Unknown`].
    pub fn take_refusal(&mut self, socket: SocketId) -> Result<bool, SocketError> {
        self.input.sockets.take_refusal(socket)
    }

    /// The frames that a socket is owed, for the kernel.
    ///
    /// # Errors
    ///
    /// [`SocketError::Unknown`], [`SendError::NoAddress`].
    pub fn claim(&self, socket: SocketId) -> Result<Claim, SendError> {
        let socket = self.input.sockets.find(socket)?;
        let interface = self.interface().ok_or(SendError::NoAddress)?;
        Ok(Claim::of_socket(interface, socket))
    }

    /// The sockets there are.
    pub fn sockets(&self) -> impl Iterator<Item = &Socket<'a>> {
        self.input.sockets.iter()
    }

    /// What is known of the stations around.
    #[must_use]
    pub fn neighbours(&self) -> &Neighbours {
        &self.output.neighbours
    }

    /// Tells of a neighbour without ARP having asked: from another application of this host, say.
    pub fn learn(&mut self, address: Ipv4Addr, mac: Mac) {
        let now = self.link.now();
        if self.output.neighbours.learn(address, mac, true, now) == Learned::News {
            self.output.release(&mut self.link, address, mac);
        }
    }

    /// What became of every frame, and what else happened.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.output.counters
    }

    /// The link.
    #[must_use]
    pub fn link(&self) -> &L {
        &self.link
    }

    /// The link, for what it can do besides carrying frames.
    pub fn link_mut(&mut self) -> &mut L {
        &mut self.link
    }

    /// The link's time.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.link.now()
    }

    /// Takes one frame; tells whether there was one.
    fn take_frame(&mut self, now: Millis) -> bool {
        let (input, output) = (&mut self.input, &mut self.output);
        let asking = self.asking.is_some();
        let taken = self
            .link
            .receive(|frame| input.frame(output, frame, asking, now));
        let Some((fate, response)) = taken else {
            return false;
        };
        self.output.counters.count(Event::FramesReceived);
        let fate = self.respond(fate, response, now);
        self.output.counters.meets(fate);
        true
    }

    /// Sends what a frame asked for, now that the link is free; what becomes of a frame that
    /// completed a datagram shows only here.
    fn respond(&mut self, fate: Fate, response: Response, now: Millis) -> Fate {
        let (link, output) = (&mut self.link, &mut self.output);
        match response {
            Response::Nothing => {}
            Response::Arp { reply, news } => {
                if let Some(reply) = reply {
                    output.answer(link, &reply);
                }
                if let Some((address, mac)) = news {
                    output.release(link, address, mac);
                }
            }
            Response::Address(address) => {
                let prefix = rarp::class_prefix(address);
                self.configure(Interface::new(address, prefix));
            }
            Response::Staged { to, length, error } => {
                let message = self.input.staging.get(..length).unwrap_or_default();
                output.message(link, to, [message, &[]], error);
            }
            Response::Assembled(place) => return self.assembled(place, now),
        }
        fate
    }

    /// A datagram is complete.
    fn assembled(&mut self, place: PlaceNo, now: Millis) -> Fate {
        let (link, input, output) = (&mut self.link, &mut self.input, &mut self.output);
        output.counters.count(Event::Reassembled);
        let Some(finished) = input.reassembler.finish(place) else {
            return Fate::Poisoned;
        };
        let (Some(datagram), Some(interface)) = (finished.datagram(), output.interface) else {
            return Fate::Poisoned;
        };
        let incoming = Incoming {
            source: datagram.key.source,
            destination: datagram.key.destination,
            protocol: datagram.key.protocol,
            header: datagram.header,
            payload: datagram.payload,
            broadcast: datagram.key.destination != interface.address,
        };
        let (fate, answer) = input::transport(&mut input.sockets, &interface, &incoming);
        if output.may_answer(&answer, now) {
            let mut quotation = [0; input::QUOTATION];
            if let Some((header, body)) = answer.parts(&incoming, &mut quotation) {
                output.message(link, incoming.source, [&header, body], answer.is_error());
            }
        }
        fate
    }

    fn do_what_is_due(&mut self, now: Millis) {
        let (link, output) = (&mut self.link, &mut self.output);
        if let Some(request) = self.asking.as_mut().and_then(|a| a.due(output.mac, now)) {
            output.ask_reverse(link, &request);
        }
        output.announce_if_due(link, now);
        while let Some(due) = output.neighbours.due(now) {
            match due {
                Due::Ask(address) => output.ask(link, address, Mac::BROADCAST),
                Due::Forget => output.sweep(),
            }
        }
        let (reassembler, staging) = (&mut self.input.reassembler, &mut self.input.staging);
        loop {
            let mut error = None;
            let over = reassembler.expire(now, |datagram| {
                error = input::expired(&datagram, staging);
            });
            if !over {
                break;
            }
            output.counters.count(Event::ReassemblyExpired);
            if let Some((to, length)) = error.filter(|(to, _)| output.may_complain(*to, now)) {
                let message = staging.get(..length).unwrap_or_default();
                output.message(link, to, [message, &[]], true);
            }
        }
    }
}

impl Config {
    /// A host with a known address.
    #[must_use]
    pub const fn fixed(interface: Interface) -> Self {
        Self {
            addressing: Addressing::Fixed(interface),
            mtu: ethernet::MTU,
            seed: 0,
        }
    }

    /// A host that asks for its address.
    #[must_use]
    pub const fn rarp() -> Self {
        Self {
            addressing: Addressing::Rarp,
            mtu: ethernet::MTU,
            seed: 0,
        }
    }
}
