//! The echo service over UDP (RFC 862): what comes goes back.

use crate::{Link, SendError, SocketError, SocketId, Stack};

/// Datagrams that one call answers.
pub const MOST_ANSWERS: usize = 16;

/// Sends back what `socket` has received, up to [`MOST_ANSWERS`] datagrams; tells how many. A datagram that
/// is longer than `buffer` is not answered, nor is one that cannot be sent: the sender will ask again.
///
/// # Errors
///
/// [`SocketError::Unknown`].
pub fn serve<L: Link, const SOCKETS: usize>(
    stack: &mut Stack<'_, L, SOCKETS>,
    socket: SocketId,
    buffer: &mut [u8],
) -> Result<usize, SocketError> {
    let mut answers = 0;
    for _ in 0..MOST_ANSWERS {
        let Some((from, length)) = stack.receive(socket, buffer)? else {
            break;
        };
        let Some(payload) = buffer.get(..length) else {
            continue;
        };
        match stack.send_to(socket, from, payload) {
            Ok(()) => answers += 1,
            Err(SendError::Socket(error)) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(answers)
}
