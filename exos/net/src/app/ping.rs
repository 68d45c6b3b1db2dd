//! Asking a host whether it is there: ICMP echo (RFC 792), as `ping` does.
//!
//! Requests go out at an interval, with a payload that says which request it was; replies are
//! matched by sequence number, their payload is compared, and the round trip is taken. The
//! last [`WINDOW`] requests are remembered; a reply to an older one counts as late.

use crate::{Endpoint, Link, Millis, SendError, SocketError, SocketId, Stack};
use core::{fmt, net::Ipv4Addr};

/// Requests whose reply is waited for at once.
pub const WINDOW: usize = 16;
/// The longest payload of a request.
pub const LONGEST: usize = 8_192;

/// What to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The host.
    pub target: Ipv4Addr,
    /// How many requests.
    pub count: u16,
    /// Milliseconds between them.
    pub interval: Millis,
    /// Bytes that each carries, up to [`LONGEST`].
    pub payload: usize,
}

/// Requests under way.
#[derive(Clone, Debug)]
pub struct Ping {
    socket: SocketId,
    plan: Plan,
    next: Millis,
    sent: u16,
    window: [Option<Millis>; WINDOW],
    statistics: Statistics,
}

/// What came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Requests sent.
    pub sent: u32,
    /// Requests that the stack could not send.
    pub failed: u32,
    /// Requests that were answered.
    pub answered: u32,
    /// Answers to a request that was answered before, or is no longer remembered.
    pub late: u32,
    /// Answers that did not give back what was sent.
    pub spoilt: u32,
    /// The shortest round trip.
    pub shortest: Millis,
    /// The longest.
    pub longest: Millis,
    /// All of them together.
    pub total: Millis,
}

/// A reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// To which request.
    pub sequence: u16,
    /// Bytes that it carried.
    pub length: usize,
    /// Milliseconds from request to reply.
    pub round_trip: Millis,
}

impl Ping {
    /// Requests from an echo socket, which is narrowed to the target.
    ///
    /// # Errors
    ///
    /// [`SocketError::Unknown`], [`SocketError::PortTaken`].
    pub fn new<L: Link, const SOCKETS: usize>(
        stack: &mut Stack<'_, L, SOCKETS>,
        socket: SocketId,
        plan: Plan,
    ) -> Result<Self, SocketError> {
        stack.connect(socket, Endpoint::new(plan.target, 0))?;
        Ok(Self {
            socket,
            plan,
            next: stack.now(),
            sent: 0,
            window: [None; WINDOW],
            statistics: Statistics::default(),
        })
    }

    /// Sends a request if it is time, and takes one reply if there is one. `buffer` must hold the payload.
    ///
    /// # Errors
    ///
    /// [`SocketError::Unknown`].
    pub fn poll<L: Link, const SOCKETS: usize>(
        &mut self,
        stack: &mut Stack<'_, L, SOCKETS>,
        buffer: &mut [u8],
    ) -> Result<Option<Reply>, SocketError> {
        let now = stack.now();
        if self.sent < self.plan.count && self.next <= now {
            self.ask(stack, buffer, now)?;
        }
        while let Some((from, length)) = stack.receive(self.socket, buffer)? {
            let payload = buffer.get(..length).unwrap_or_default();
            if let Some(reply) = self.take(from.port, payload, now) {
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }

    /// Whether every request was sent, and answered or waited for so long.
    #[must_use]
    pub fn is_over(&self, now: Millis, patience: Millis) -> bool {
        let waiting = |sent: &Millis| *sent + patience > now;
        self.sent == self.plan.count && !self.window.iter().flatten().any(waiting)
    }

    /// What came of the requests so far.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    fn ask<L: Link, const SOCKETS: usize>(
        &mut self,
        stack: &mut Stack<'_, L, SOCKETS>,
        buffer: &mut [u8],
        now: Millis,
    ) -> Result<(), SocketError> {
        let (sequence, target) = (self.sent, self.plan.target);
        let length = self.plan.payload.min(LONGEST).min(buffer.len());
        let (payload, _) = buffer.split_at_mut(length);
        for (at, byte) in payload.iter_mut().enumerate() {
            *byte = pattern(sequence, at);
        }
        self.sent += 1;
        self.next = now + self.plan.interval;
        let place = &mut self.window[usize::from(sequence) % WINDOW];
        *place = None;
        match stack.send_to(self.socket, Endpoint::new(target, sequence), payload) {
            Ok(()) => {
                *place = Some(now);
                self.statistics.sent += 1;
            }
            Err(SendError::Socket(error)) => return Err(error),
            Err(_) => self.statistics.failed += 1,
        }
        Ok(())
    }

    fn take(&mut self, sequence: u16, payload: &[u8], now: Millis) -> Option<Reply> {
        let statistics = &mut self.statistics;
        let length = self.plan.payload.min(LONGEST);
        let mut bytes = payload.iter().enumerate();
        if payload.len() != length || !bytes.all(|(at, byte)| *byte == pattern(sequence, at)) {
            statistics.spoilt += 1;
            return None;
        }
        let recent = sequence < self.sent && usize::from(self.sent - sequence) <= WINDOW;
        let place = &mut self.window[usize::from(sequence) % WINDOW];
        let Some(sent) = place.take_if(|_| recent) else {
            statistics.late += 1;
            return None;
        };
        let round_trip = now - sent;
        statistics.shortest = match statistics.answered {
            0 => round_trip,
            _ => statistics.shortest.min(round_trip),
        };
        statistics.answered += 1;
        statistics.longest = statistics.longest.max(round_trip);
        statistics.total += round_trip;
        Some(Reply {
            sequence,
            length,
            round_trip,
        })
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sent,
            answered,
            shortest,
            longest,
            total,
            ..
        } = self;
        write!(out, "{sent} sent, {answered} answered")?;
        if self.failed + self.late + self.spoilt > 0 {
            let (failed, late, spoilt) = (self.failed, self.late, self.spoilt);
            write!(out, ", {failed} not sent, {late} late, {spoilt} spoilt")?;
        }
        match total.checked_div(Millis::from(*answered)) {
            Some(mean) => write!(out, "; {shortest}/{mean}/{longest} ms"),
            None => Ok(()),
        }
    }
}

/// What the payload of a request has at a place.
fn pattern(sequence: u16, at: usize) -> u8 {
    (at as u8) ^ (at >> 8) as u8 ^ sequence.to_be_bytes()[at % 2]
}
