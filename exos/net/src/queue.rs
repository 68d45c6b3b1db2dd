//! A ring of datagrams in memory of the caller: what a socket has received.
//!
//! Each record is its sender, its length and its bytes, in order of arrival; what does not fit is
//! refused whole. A record may wrap around the end of the memory.

use crate::socket::Endpoint;
use core::net::Ipv4Addr;

/// Bytes that each datagram takes beside its own.
pub const OVERHEAD: usize = 8;

/// Datagrams that wait to be received.
#[derive(Debug)]
pub(crate) struct Queue<'a> {
    memory: &'a mut [u8],
    start: usize,
    used: usize,
}

impl<'a> Queue<'a> {
    pub(crate) fn new(memory: &'a mut [u8]) -> Self {
        Self {
            memory,
            start: 0,
            used: 0,
        }
    }

    pub(crate) fn into_memory(self) -> &'a mut [u8] {
        self.memory
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.used == 0
    }

    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }

    /// Appends a datagram; tells whether there was room.
    pub(crate) fn push(&mut self, from: Endpoint, payload: &[u8]) -> bool {
        let Ok(length) = u16::try_from(payload.len()) else {
            return false;
        };
        if self.memory.len() - self.used < OVERHEAD + payload.len() {
            return false;
        }
        let [a, b, c, d] = from.address.octets();
        let [port_high, port_low] = from.port.to_be_bytes();
        let [high, low] = length.to_be_bytes();
        self.write(&[a, b, c, d, port_high, port_low, high, low]);
        self.write(payload);
        true
    }

    /// Takes the oldest datagram: as much as fits goes to `buffer`, its whole length is told.
    pub(crate) fn pop(&mut self, buffer: &mut [u8]) -> Option<(Endpoint, usize)> {
        if self.is_empty() {
            return None;
        }
        let mut header = [0; OVERHEAD];
        self.read(0, &mut header);
        let [a, b, c, d, port_high, port_low, high, low] = header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let fits = length.min(buffer.len());
        self.read(OVERHEAD, buffer.split_at_mut(fits).0);
        let whole = OVERHEAD + length;
        self.start = self.wrapped(self.start + whole);
        self.used -= whole;
        let from = Endpoint {
            address: Ipv4Addr::new(a, b, c, d),
            port: u16::from_be_bytes([port_high, port_low]),
        };
        Some((from, length))
    }

    /// A place that is less than one round too far. (Division is slow on the machine this runs on.)
    fn wrapped(&self, at: usize) -> usize {
        match at.checked_sub(self.memory.len()) {
            Some(wrapped) => wrapped,
            None => at,
        }
    }

    /// Appends bytes that fit.
    fn write(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let at = self.wrapped(self.start + self.used);
        let first = bytes.len().min(self.memory.len() - at);
        let (now, later) = bytes.split_at(first);
        self.memory[at..at + first].copy_from_slice(now);
        self.memory[..later.len()].copy_from_slice(later);
        self.used += bytes.len();
    }

    /// Reads bytes that are there, `skip` behind the start.
    fn read(&self, skip: usize, out: &mut [u8]) {
        if out.is_empty() {
            return;
        }
        let at = self.wrapped(self.start + skip);
        let first = out.len().min(self.memory.len() - at);
        let (now, later) = out.split_at_mut(first);
        now.copy_from_slice(&self.memory[at..at + first]);
        later.copy_from_slice(&self.memory[..later.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    proptest::proptest! {
        /// Against a queue of the standard library.
        #[test]
        fn what_goes_in_comes_out(
            size in 0_usize..200,
            steps in proptest::collection::vec((0_usize..60, proptest::bool::weighted(0.6)), 0..200),
        ) {
            let mut memory = vec![0; size];
            let mut queue = Queue::new(&mut memory);
            let mut model: VecDeque<(u16, Vec<u8>)> = VecDeque::new();
            let mut used = 0;
            for (turn, (length, push)) in steps.into_iter().enumerate() {
                let port = turn as u16;
                if push {
                    let payload: Vec<u8> = (0..length).map(|i| (turn + i) as u8).collect();
                    let from = Endpoint { address: Ipv4Addr::LOCALHOST, port };
                    let fits = used + OVERHEAD + length <= size;
                    proptest::prop_assert_eq!(queue.push(from, &payload), fits);
                    if fits {
                        used += OVERHEAD + length;
                        model.push_back((port, payload));
                    }
                } else {
                    // The buffer is sometimes too short.
                    let mut buffer = vec![0; 40];
                    let popped = queue.pop(&mut buffer);
                    let expected = model.pop_front();
                    proptest::prop_assert_eq!(popped.map(|(from, n)| (from.port, n)),
                        expected.as_ref().map(|(port, payload)| (*port, payload.len())));
                    if let Some((_, payload)) = expected {
                        used -= OVERHEAD + payload.len();
                        let fits = payload.len().min(40);
                        proptest::prop_assert_eq!(&buffer[..fits], &payload[..fits]);
                    }
                }
                proptest::prop_assert_eq!(queue.is_empty(), model.is_empty());
            }
        }
    }
}
