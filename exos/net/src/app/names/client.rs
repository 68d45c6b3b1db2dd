//! The client's side: a request that is sent until it is answered.

use super::wire::{self, LONGEST_VALUE, Message, Operation, Repr, Status};
use crate::{Link, Millis, SocketError, SocketId, Stack};

/// How long the first request is waited for; each further one twice as long.
const PATIENCE: Millis = 200;
/// How many requests are sent.
const MOST_REQUESTS: u32 = 8;

/// A request under way, over a socket that is connected to the server.
#[derive(Clone, Debug)]
pub struct Query {
    socket: SocketId,
    request: [u8; wire::LONGEST],
    length: usize,
    number: u16,
    sent: u32,
    next: Millis,
}

/// What the server answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What came of the request.
    pub status: Status,
    value: [u8; LONGEST_VALUE],
    length: usize,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// The socket is gone.
    Socket(SocketError),
    /// The server's host has no server.
    Refused,
    /// Nobody answered, however often asked.
    Silent,
}

impl Query {
    /// A request with a number that this socket has not used of late; `None` if name or value are
    /// too long, or the name is empty.
    #[must_use]
    pub fn new(
        socket: SocketId,
        number: u16,
        operation: Operation,
        name: &[u8],
        value: &[u8],
    ) -> Option<Self> {
        let mut request = [0; wire::LONGEST];
        let repr = Repr {
            operation,
            status: Status::Request,
            number,
            name,
            value,
        };
        Some(Self {
            socket,
            length: repr.emit(&mut request)?,
            request,
            number,
            sent: 0,
            next: 0,
        })
    }

    /// Sends the request if it is time, and takes the answer if it is there.
    ///
    /// # Errors
    ///
    /// When there will be no answer.
    pub fn poll<L: Link, const SOCKETS: usize>(
        &mut self,
        stack: &mut Stack<'_, L, SOCKETS>,
    ) -> Result<Option<Answer>, QueryError> {
        let mut buffer = [0; wire::LONGEST];
        let received = |stack: &mut Stack<'_, L, SOCKETS>, buffer: &mut [u8]| {
            let received = stack.receive(self.socket, buffer);
            received.map_err(QueryError::Socket)
        };
        while let Some((_, length)) = received(stack, &mut buffer)? {
            let reply = buffer.get(..length);
            if let Some(answer) = reply.and_then(|reply| self.read(reply)) {
                return Ok(Some(answer));
            }
        }
        if stack
            .take_refusal(self.socket)
            .map_err(QueryError::Socket)?
        {
            return Err(QueryError::Refused);
        }
        let now = stack.now();
        if self.sent > 0 && now < self.next {
            return Ok(None);
        }
        if self.sent == MOST_REQUESTS {
            return Err(QueryError::Silent);
        }
        self.next = now + (PATIENCE << self.sent);
        self.sent += 1;
        let request = self.request.get(..self.length).unwrap_or_default();
        // What cannot be sent now is sent again.
        let _ = stack.send(self.socket, request);
        Ok(None)
    }

    /// When the request is sent next.
    #[must_use]
    pub fn deadline(&self) -> Millis {
        self.next
    }

    fn read(&self, reply: &[u8]) -> Option<Answer> {
        let repr = Repr::parse(&Message::new_checked(reply).ok()?).ok()?;
        if repr.status == Status::Request || repr.number != self.number {
            return None;
        }
        let mut value = [0; LONGEST_VALUE];
        value
            .get_mut(..repr.value.len())?
            .copy_from_slice(repr.value);
        Some(Answer {
            status: repr.status,
            value,
            length: repr.value.len(),
        })
    }
}

impl Answer {
    /// The name's value, if it was asked for and there is one.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value[..self.length]
    }
}
