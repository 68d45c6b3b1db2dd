//! A small server of names and values over UDP, and its client.
//!
//! One request, one reply, each a datagram ([`wire`]). Getting and setting may be repeated without harm,
//! so a client asks again until it is answered, and the server remembers nothing of its clients;
//! a repeated removal may find that the name is gone. Names and values are bytes of bounded length
//! in a table of bounded size. Who may set what is left out: the network is trusted as far as the server's filter reaches.

mod client;
mod table;
pub mod wire;

pub use client::{Answer, Query, QueryError};
pub use table::Table;

use crate::{Link, SendError, SocketError, SocketId, Stack};
use wire::{Message, Operation, Repr, Status};

/// The port that a server takes unless told otherwise.
pub const PORT: u16 = 1995;
/// Requests that one call answers.
pub const MOST_ANSWERS: usize = 16;

/// Answers what `socket` has received, up to [`MOST_ANSWERS`] requests; tells how many. What is
/// malformed is not answered.
///
/// # Errors
///
/// [`SocketError::Unknown`].
pub fn serve<L: Link, const SOCKETS: usize, const ENTRIES: usize>(
    stack: &mut Stack<'_, L, SOCKETS>,
    socket: SocketId,
    table: &mut Table<ENTRIES>,
) -> Result<usize, SocketError> {
    let (mut request, mut reply) = ([0; wire::LONGEST], [0; wire::LONGEST]);
    let mut answers = 0;
    for _ in 0..MOST_ANSWERS {
        let Some((from, length)) = stack.receive(socket, &mut request)? else {
            break;
        };
        let received = request.get(..length);
        let Some(length) = received.and_then(|request| answer(table, request, &mut reply)) else {
            continue;
        };
        let reply = reply.get(..length).unwrap_or_default();
        match stack.send_to(socket, from, reply) {
            Ok(()) => answers += 1,
            Err(SendError::Socket(error)) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(answers)
}

/// Carries out the request in `bytes`; the length of the reply in `out`, if there is one.
pub fn answer<const ENTRIES: usize>(
    table: &mut Table<ENTRIES>,
    bytes: &[u8],
    out: &mut [u8; wire::LONGEST],
) -> Option<usize> {
    let request = Repr::parse(&Message::new_checked(bytes).ok()?).ok()?;
    if request.status != Status::Request {
        return None;
    }
    let mut value: &[u8] = &[];
    let status = match request.operation {
        Operation::Get => match table.find(request.name) {
            Some(found) => {
                value = found;
                Status::Done
            }
            None => Status::Unknown,
        },
        Operation::Set if table.set(request.name, request.value) => Status::Done,
        Operation::Set => Status::Full,
        Operation::Remove if table.remove(request.name) => Status::Done,
        Operation::Remove => Status::Unknown,
    };
    let reply = Repr {
        status,
        value,
        ..request
    };
    reply.emit(out)
}
