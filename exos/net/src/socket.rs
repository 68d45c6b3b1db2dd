//! Sockets: ports of UDP, and identifiers of ICMP echo, that an application holds.
//!
//! A socket is bound to a port and has a queue in memory that its owner gives. Bound, it takes what
//! comes to its port from anyone, broadcasts included; connected, only what its peer sends to this
//! host. Which filter stands for either is [`crate::claim`]'s business. A connected socket wins over one that
//! is only bound, as the more specific filter wins over the other.
//!
//! An *echo* socket is the same with an identifier for a port: what is sent are echo requests, what is received
//! are replies, and the port of the other end is the sequence number.
//!
//! The set has a fixed number of places. Names of sockets are never used again.

use crate::queue::Queue;
use core::{fmt, net::Ipv4Addr};

/// The first of the ports that are chosen for whoever asks for port 0.
pub const FIRST_EPHEMERAL: u16 = 49_152;

/// An address and a port of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The host.
    pub address: Ipv4Addr,
    /// The port; of an echo, the sequence number.
    pub port: u16,
}

impl Endpoint {
    /// A port of a host.
    #[must_use]
    pub const fn new(address: Ipv4Addr, port: u16) -> Self {
        Self { address, port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.address, self.port)
    }
}

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// UDP.
    Udp,
    /// ICMP echo, from the asking side.
    Echo,
}

/// A socket's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(u32);

/// Why something cannot be done with a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketError {
    /// There is no such socket (any more).
    Unknown,
    /// All places are taken: the limit is in the stack's type.
    TooMany,
    /// Another socket would get the same datagrams.
    PortTaken,
    /// It has no peer to send to.
    NotConnected,
}

/// A socket.
#[derive(Debug)]
pub struct Socket<'a> {
    id: SocketId,
    transport: Transport,
    port: u16,
    peer: Option<Endpoint>,
    queue: Queue<'a>,
    refused: bool,
    dropped: u32,
}

impl Socket<'_> {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.id
    }

    /// What it speaks.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The port that it is bound to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The only one it hears, if it is connected.
    #[must_use]
    pub fn peer(&self) -> Option<Endpoint> {
        self.peer
    }

    /// Datagrams dropped for want of room in its queue.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Whether something waits to be received.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        !self.queue.is_empty()
    }
}

/// The sockets of a stack.
#[derive(Debug)]
pub(crate) struct Sockets<'a, const SOCKETS: usize> {
    places: [Option<Socket<'a>>; SOCKETS],
    /// How many there have ever been: the next name.
    named: u32,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Delivered,
    Full,
    Nobody,
}

impl<'a, const SOCKETS: usize> Sockets<'a, SOCKETS> {
    pub(crate) const fn new() -> Self {
        Self {
            places: [const { None }; SOCKETS],
            named: 0,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Socket<'a>> {
        self.places.iter().flatten()
    }

    pub(crate) fn find(&self, id: SocketId) -> Result<&Socket<'a>, SocketError> {
        let mut sockets = self.places.iter().flatten();
        let socket = sockets.find(|socket| socket.id == id);
        socket.ok_or(SocketError::Unknown)
    }

    /// Makes a socket; port 0 asks for a free one, from `hint` on.
    pub(crate) fn bind(
        &mut self,
        transport: Transport,
        port: u16,
        hint: u16,
        memory: &'a mut [u8],
    ) -> Result<SocketId, SocketError> {
        let port = match port {
            0 => self.free_port(transport, hint)?,
            port => port,
        };
        if self.clashes(None, transport, port, None) {
            return Err(SocketError::PortTaken);
        }
        let free = self.places.iter_mut().find(|place| place.is_none());
        let place = free.ok_or(SocketError::TooMany)?;
        let id = SocketId(self.named);
        self.named = self.named.checked_add(1).ok_or(SocketError::TooMany)?;
        *place = Some(Socket {
            id,
            transport,
            port,
            peer: None,
            queue: Queue::new(memory),
            refused: false,
            dropped: 0,
        });
        Ok(id)
    }

    /// Narrows a socket to one peer. What others sent and was not received is dropped.
    pub(crate) fn connect(&mut self, id: SocketId, peer: Endpoint) -> Result<(), SocketError> {
        let socket = self.find(id)?;
        if self.clashes(Some(id), socket.transport, socket.port, Some(peer)) {
            return Err(SocketError::PortTaken);
        }
        let socket = self.find_mut(id)?;
        if socket.peer != Some(peer) {
            socket.queue.clear();
        }
        socket.peer = Some(peer);
        socket.refused = false;
        Ok(())
    }

    /// Ends a socket, and gives its memory back.
    pub(crate) fn close(&mut self, id: SocketId) -> Result<&'a mut [u8], SocketError> {
        let own = |place: &&mut Option<Socket<'_>>| place.as_ref().is_some_and(|s| s.id == id);
        let socket = self.places.iter_mut().find(own).and_then(Option::take);
        Ok(socket.ok_or(SocketError::Unknown)?.queue.into_memory())
    }

    /// Takes the oldest datagram of a socket.
    pub(crate) fn receive(
        &mut self,
        id: SocketId,
        buffer: &mut [u8],
    ) -> Result<Option<(Endpoint, usize)>, SocketError> {
        Ok(self.find_mut(id)?.queue.pop(buffer))
    }

    /// Whether the peer said that nobody there has the port, since this was last asked.
    pub(crate) fn take_refusal(&mut self, id: SocketId) -> Result<bool, SocketError> {
        Ok(core::mem::take(&mut self.find_mut(id)?.refused))
    }

    /// Gives a datagram to the socket it is for.
    pub(crate) fn deliver(
        &mut self,
        transport: Transport,
        port: u16,
        from: Endpoint,
        broadcast: bool,
        payload: &[u8],
    ) -> Delivery {
        let takes = |socket: &&mut Socket<'_>| {
            socket.transport == transport
                && socket.port == port
                && socket
                    .peer
                    .is_none_or(|peer| socket.hears(peer, from) && !broadcast)
        };
        let sockets = self.places.iter_mut().flatten().filter(takes);
        let Some(socket) = sockets.max_by_key(|socket| socket.peer.is_some()) else {
            return Delivery::Nobody;
        };
        if socket.queue.push(from, payload) {
            return Delivery::Delivered;
        }
        socket.dropped = socket.dropped.wrapping_add(1);
        Delivery::Full
    }

    /// Tells the socket that sent a datagram from `port` to `to` that nobody is there; tells
    /// whether there is such a socket. As ever, only a connected one hears of it.
    pub(crate) fn refuse(&mut self, port: u16, to: Endpoint) -> bool {
        let mut sockets = self.places.iter_mut().flatten();
        let sent = sockets.find(|socket| {
            socket.transport == Transport::Udp && socket.port == port && socket.peer == Some(to)
        });
        if let Some(socket) = sent {
            socket.refused = true;
            return true;
        }
        false
    }

    fn find_mut(&mut self, id: SocketId) -> Result<&mut Socket<'a>, SocketError> {
        let mut sockets = self.places.iter_mut().flatten();
        let socket = sockets.find(|socket| socket.id == id);
        socket.ok_or(SocketError::Unknown)
    }

    fn clashes(
        &self,
        but: Option<SocketId>,
        transport: Transport,
        port: u16,
        peer: Option<Endpoint>,
    ) -> bool {
        self.iter().any(|socket| {
            Some(socket.id) != but
                && socket.transport == transport
                && socket.port == port
                && match (socket.peer, peer) {
                    (Some(theirs), Some(ours)) => {
                        socket.hears(theirs, ours) || socket.hears(ours, theirs)
                    }
                    (theirs, ours) => theirs.is_none() && ours.is_none(),
                }
        })
    }

    fn free_port(&self, transport: Transport, hint: u16) -> Result<u16, SocketError> {
        let span = u16::MAX - FIRST_EPHEMERAL;
        // One more than there are sockets is enough to try.
        let tries = (0..=SOCKETS.min(usize::from(span)) as u16)
            .map(|step| FIRST_EPHEMERAL + (hint % span).wrapping_add(step) % span);
        let taken = |port: u16| {
            self.iter()
                .any(|s| s.transport == transport && s.port == port)
        };
        tries
            .into_iter()
            .find(|port| !taken(*port))
            .ok_or(SocketError::TooMany)
    }
}

impl Socket<'_> {
    /// Whether a datagram from `from` is from `peer`; an echo's peer is a host.
    fn hears(&self, peer: Endpoint, from: Endpoint) -> bool {
        match self.transport {
            Transport::Udp => peer == from,
            Transport::Echo => peer.address == from.address,
        }
    }
}
