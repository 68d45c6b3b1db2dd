//! A bounded window on an input: at least so many bytes, or all that are left.
//!
//! Readers of blocks ask for a length, look at it, and move on. The window grows to the largest
//! block asked for, never beyond [`MAX_BLOCK_BYTES`], so a capture of any size takes constant
//! memory, and a length field that lies costs one bounded buffer.

use std::io::{self, Read};

/// The longest packet, in bytes: what libpcap and Wireshark accept.
pub const MAX_PACKET_BYTES: u32 = 262_144;

/// The longest pcapng block, in bytes: what libpcap accepts.
pub const MAX_BLOCK_BYTES: u32 = 16 << 20;

/// How much is read at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// The window.
pub(super) struct Window {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    position: u64,
}

impl Window {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self {
            input,
            buffer: vec![0; CHUNK_BYTES],
            start: 0,
            end: 0,
            position: 0,
        }
    }

    /// Where the window starts in the input.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next `wanted` bytes, fewer only where the input ends before.
    pub(super) fn fill(&mut self, wanted: usize) -> io::Result<&[u8]> {
        debug_assert!(
            wanted <= MAX_BLOCK_BYTES as usize,
            "callers check their limits first"
        );
        if self.end - self.start < wanted {
            self.make_room(wanted);
            while self.end - self.start < wanted {
                match self.input.read(&mut self.buffer[self.end..]) {
                    Ok(0) => break,
                    Ok(count) => self.end += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(self.peek(wanted))
    }

    /// What of the next `wanted` bytes is in the window already.
    pub(super) fn peek(&self, wanted: usize) -> &[u8] {
        &self.buffer[self.start..self.end.min(self.start + wanted)]
    }

    /// Moves on by `count` bytes, which must have been seen.
    pub(super) fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start, "only seen bytes are passed");
        self.start += count;
        self.position += count as u64;
    }

    /// Moves on by `count` bytes and gives them.
    pub(super) fn take(&mut self, count: usize) -> &[u8] {
        self.advance(count);
        &self.buffer[self.start - count..self.start]
    }

    fn make_room(&mut self, wanted: usize) {
        if self.start + wanted > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if wanted > self.buffer.len() {
            self.buffer.resize(wanted, 0);
        }
    }
}
