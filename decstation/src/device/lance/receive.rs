//! From the wire to the receive ring.
//!
//! A frame is looked at twice: when its destination has passed, the chip decides whether it is
//! for this station and whether there is a buffer to put it in; when it has ended, its bytes go to
//! memory, chained from buffer to buffer where one does not hold them. Runts are dropped, and a
//! frame without a buffer is counted by MISS.

use super::ring::{Descriptor, ENP, ERR, HIGH, STP, rmd1};
use super::{LATENCY, Lance, MemoryError, csr0, mode};
use crate::ethernet::frame::{BYTE, Frame, LEAST, PREAMBLE, crc};
use crate::ethernet::port::Arrival;

/// Nanoseconds from the beginning of a frame until its destination has passed.
const DESTINATION: u64 = PREAMBLE + 6 * BYTE;

/// What the receiver is at.
#[derive(Clone, Debug, Default)]
pub(super) struct Receiving {
    /// Whether the frame that comes in was found to be for this station.
    accepted: bool,
    /// The chip's own frame, in a loopback.
    pub(super) looped: Option<Arrival>,
}

impl Lance {
    /// When the receiver next has something to do.
    pub(super) fn arrival_at(&self) -> Option<u64> {
        if let Some(looped) = &self.receiving.looped {
            return Some(self.clock.cycles(looped.end() + LATENCY));
        }
        let arriving = self.port.arriving()?;
        Some(self.clock.cycles(if self.receiving.accepted {
            arriving.end() + LATENCY
        } else {
            arriving.start + DESTINATION
        }))
    }

    /// Does it.
    pub(super) fn arrived(&mut self) {
        if let Some(looped) = self.receiving.looped.take() {
            if self.listens() && self.is_for_us(&looped.frame) && self.has_buffer() {
                self.take(&looped.frame);
            }
        } else if self.receiving.accepted {
            self.receiving.accepted = false;
            if let Some(arrival) = self.port.take_arrival()
                && self.listens()
                && arrival.frame.bytes().len() >= LEAST
            {
                self.take(&arrival.frame);
            }
        } else {
            let ours = self
                .port
                .arriving()
                .is_some_and(|arrival| self.is_for_us(&arrival.frame));
            // In an internal loopback the wire is not listened to.
            let listens = self.listens() && !self.is_internal();
            self.receiving.accepted = listens && ours && self.has_buffer();
            if !self.receiving.accepted {
                self.port.take_arrival();
            }
        }
    }

    fn listens(&self) -> bool {
        self.csr0 & csr0::RXON != 0
    }

    /// The address filter.
    fn is_for_us(&self, frame: &Frame) -> bool {
        let Some(destination) = frame.destination() else {
            return false;
        };
        let promiscuous = self.mode & mode::PROM != 0;
        let group = destination[0] & 1 != 0;
        promiscuous
            || destination == [0xff; 6]
            || if group {
                self.groups >> (crc(&destination) >> 26) & 1 != 0
            } else {
                destination == self.station
            }
    }

    /// Whether the next descriptor is the chip's; if not, the frame is missed.
    fn has_buffer(&mut self) -> bool {
        match self.receive_descriptor(0) {
            Ok(descriptor) if descriptor.is_owned() => true,
            Ok(_) => {
                self.csr0 |= csr0::MISS;
                false
            }
            Err(error) => {
                self.fail(error);
                false
            }
        }
    }

    fn receive_descriptor(&self, ahead: u32) -> Result<Descriptor, MemoryError> {
        let at = self.receive_ring.descriptor(ahead);
        let words = (self.word(at)?, self.word(at + 2)?, self.word(at + 4)?);
        Ok(Descriptor::new(words.0, words.1, words.2))
    }

    /// Puts a frame into memory.
    fn take(&mut self, frame: &Frame) {
        let starved = self.is_starved();
        match self.store(frame, starved) {
            Ok(()) => self.csr0 |= csr0::RINT,
            Err(error) => self.fail(error),
        }
    }

    fn store(&mut self, frame: &Frame, starved: bool) -> Result<(), MemoryError> {
        let total = frame.bytes().len();
        let mut rest = frame.bytes();
        let mut start = STP;
        // Each round gives one descriptor back, so the ring is gone round at most once.
        loop {
            let descriptor = self.receive_descriptor(0)?;
            let length = rest.len().min(descriptor.length as usize);
            let (now, later) = rest.split_at(length);
            for (byte, address) in now.iter().zip(descriptor.address..) {
                let place = self.place(address);
                *self.memory.get_mut(place).ok_or(MemoryError)? = *byte;
            }
            rest = later;
            let status = if starved {
                ERR | rmd1::OFLO
            } else if rest.is_empty() {
                ENP | frame_errors(frame)
            } else if self.next_is_owned()? {
                0
            } else {
                ERR | rmd1::BUFF
            };
            let at = self.receive_ring.descriptor(0);
            if status & ENP != 0 {
                self.set_word(at + 6, total as u16 & 0xfff)?;
            }
            self.set_word(at + 2, descriptor.status & HIGH | start | status)?;
            self.receive_ring.step(1);
            if status != 0 {
                return Ok(());
            }
            start = 0;
        }
    }

    /// Whether a chain can go on: in a ring of one there is no next.
    fn next_is_owned(&self) -> Result<bool, MemoryError> {
        let more = self.receive_ring.count() > 1;
        Ok(more && self.receive_descriptor(1)?.is_owned())
    }
}

/// The bits of a whole frame that was damaged on its way.
fn frame_errors(frame: &Frame) -> u16 {
    match (frame.is_intact(), frame.dribbles()) {
        (true, _) => 0,
        (false, false) => ERR | rmd1::CRC,
        (false, true) => ERR | rmd1::CRC | rmd1::FRAM,
    }
}
