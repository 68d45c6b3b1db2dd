//! From the transmit ring to the wire, and the status back.
//!
//! A frame begins at a descriptor with STP and gathers buffers until ENP; descriptors of the
//! chip's that begin no frame are given back. If a chain runs into a descriptor that the chip does
//! not own, what was gathered is sent without a check sequence, and BUFF and UFLO turn the
//! transmitter off, as the datasheet has it. While one frame is sent the chip looks ahead, so the
//! next one follows after the gap alone.

use super::ring::{Descriptor, ENP, ERR, STP, tmd1, tmd3};
use super::{BUS_CYCLE, LATENCY, Lance, MemoryError, POLL, csr0, mode};
use crate::ethernet::frame::{Frame, MOST};
use crate::ethernet::port::{Arrival, Outcome, Outgoing, Report};

/// Bus cycles in which the chip writes the status back: two words of a descriptor.
const STATUS_CYCLES: u64 = 2;
/// Nanoseconds of a bit, the unit of TDR.
const BIT: u64 = 100;
/// The longest frame that is no babble, in bytes: the datasheet's 1519.
const MOST_QUIET: usize = MOST + 1;

/// A frame that is being sent.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    /// Descriptors it was gathered from.
    descriptors: u32,
    /// Errors of TMD3 that were found while gathering.
    errors: u16,
    babbles: bool,
    /// A copy for the receiver, in a loopback.
    loopback: Option<Frame>,
    /// How it will have gone, where that is decided inside the chip.
    inside: Option<Report>,
}

impl Lance {
    /// Looks at the transmit ring.
    pub(super) fn poll(&mut self, now: u64) {
        self.look(now, LATENCY);
    }

    /// Looks at the transmit ring; a frame there is on the wire after `latency` nanoseconds.
    fn look(&mut self, now: u64, latency: u64) {
        self.poll_at = None;
        if self.csr0 & csr0::TXON == 0 || self.sending.is_some() {
            return;
        }
        match self.find_start() {
            Ok(true) => {
                if let Err(error) = self.begin(now, latency) {
                    self.fail(error);
                }
            }
            Ok(false) => self.poll_at = Some(self.after(now, POLL)),
            Err(error) => self.fail(error),
        }
    }

    /// Steps to a descriptor of the chip's that begins a frame, if there is one.
    fn find_start(&mut self) -> Result<bool, MemoryError> {
        for _ in 0..self.transmit_ring.count() {
            let at = self.transmit_ring.descriptor(0);
            let status = self.word(at + 2)?;
            let descriptor = Descriptor::new(0, status, 0);
            if !descriptor.is_owned() || status & STP != 0 {
                return Ok(descriptor.is_owned());
            }
            self.set_word(at + 2, descriptor.kept())?;
            self.transmit_ring.step(1);
        }
        Ok(false)
    }

    fn begin(&mut self, now: u64, latency: u64) -> Result<(), MemoryError> {
        let (mut bytes, descriptors, mut errors) = self.gather()?;
        if self.is_starved() {
            // What the FIFO held went out; then it was empty.
            bytes.truncate(bytes.len().min(48));
            errors |= tmd3::UFLO;
        }
        let whole = errors == 0 && self.mode & mode::DTCR == 0;
        let frame = if whole {
            Frame::new(&bytes)
        } else {
            Frame::raw(bytes)
        };
        let looped = self.mode & mode::LOOP != 0;
        let since = self.clock.nanoseconds(now) + latency;
        let inside = self.is_internal();
        self.sending = Some(Sending {
            descriptors,
            errors,
            babbles: frame.bytes().len() > MOST_QUIET,
            loopback: looped.then(|| frame.clone()),
            inside: inside.then(|| self.report_inside(&frame, since)),
        });
        if !inside {
            self.port.offer(Outgoing {
                frame,
                since,
                retry: self.mode & mode::DRTY == 0,
            });
        }
        Ok(())
    }

    /// The buffers of a frame: its bytes, how many descriptors, and errors of TMD3.
    fn gather(&self) -> Result<(Vec<u8>, u32, u16), MemoryError> {
        let mut bytes = Vec::new();
        for taken in 0..self.transmit_ring.count() {
            let at = self.transmit_ring.descriptor(taken);
            let words = (self.word(at)?, self.word(at + 2)?, self.word(at + 4)?);
            let descriptor = Descriptor::new(words.0, words.1, words.2);
            if taken > 0 && !descriptor.is_owned() {
                return Ok((bytes, taken, tmd3::BUFF | tmd3::UFLO));
            }
            for address in (descriptor.address..).take(descriptor.length as usize) {
                let byte = self.memory.get(self.place(address));
                bytes.push(*byte.ok_or(MemoryError)?);
            }
            if descriptor.status & ENP != 0 {
                return Ok((bytes, taken + 1, 0));
            }
        }
        // The ring came round: the next descriptor is the first, and that is given back.
        let all = self.transmit_ring.count();
        Ok((bytes, all, tmd3::BUFF | tmd3::UFLO))
    }

    /// How sending inside the chip goes, where only COLL makes collisions.
    fn report_inside(&self, frame: &Frame, since: u64) -> Report {
        let fails = self.mode & mode::COLL != 0;
        let retries = self.mode & mode::DRTY == 0;
        Report {
            end: since + frame.duration(),
            start: since,
            collisions: match (fails, retries) {
                (false, _) => 0,
                (true, false) => 1,
                (true, true) => 16,
            },
            deferred: false,
            outcome: if fails {
                Outcome::TooManyCollisions
            } else {
                Outcome::Sent
            },
        }
    }

    /// When the status of the frame that is being sent is written, if that is known.
    pub(super) fn sent_at(&self) -> Option<u64> {
        let inside = self.sending.as_ref()?.inside.as_ref();
        let report = inside.or(self.port.report())?;
        Some(self.clock.cycles(report.end + STATUS_CYCLES * BUS_CYCLE))
    }

    /// The end of sending a frame: writes its status and looks for the next.
    pub(super) fn sent(&mut self, now: u64) {
        let Some(sending) = self.sending.take() else {
            return;
        };
        let Some(report) = sending.inside.or_else(|| self.port.take_report()) else {
            return;
        };
        if let Err(error) = self.write_status(&report, &sending) {
            return self.fail(error);
        }
        self.csr0 |= csr0::TINT;
        if sending.babbles {
            self.csr0 |= csr0::BABL;
        }
        if !self.heartbeat && sending.inside.is_none() {
            self.csr0 |= csr0::CERR;
        }
        if sending.errors & tmd3::UFLO != 0 {
            self.csr0 &= !csr0::TXON;
        }
        if let Some(frame) = sending.loopback.filter(|_| report.outcome == Outcome::Sent) {
            self.receiving.looped = Some(Arrival {
                frame,
                start: report.start,
            });
        }
        self.look(now, 0);
    }

    /// Gives the descriptors of a frame back. A failed try stops at the first, and those behind
    /// it are given back when they are found to begin no frame.
    fn write_status(&mut self, report: &Report, sending: &Sending) -> Result<(), MemoryError> {
        let (errors, descriptors) = match report.outcome {
            Outcome::Sent => (sending.errors, sending.descriptors),
            Outcome::NoCarrier => (sending.errors | tmd3::LCAR, sending.descriptors),
            Outcome::LateCollision => (tmd3::LCOL, 1),
            Outcome::TooManyCollisions => {
                let bits = (report.end - report.start) / BIT;
                (tmd3::RTRY | bits as u16 & tmd3::TDR, 1)
            }
        };
        let tries = match report.collisions {
            0 => 0,
            _ if report.outcome == Outcome::TooManyCollisions => 0,
            1 => tmd1::ONE,
            _ => tmd1::MORE,
        };
        let deferred = if report.deferred { tmd1::DEF } else { 0 };
        for taken in 0..descriptors {
            let at = self.transmit_ring.descriptor(taken);
            let kept = Descriptor::new(0, self.word(at + 2)?, 0).kept();
            let last = taken + 1 == descriptors;
            let error = if errors != 0 { ERR } else { 0 };
            let status = if last { error | tries | deferred } else { 0 };
            if last {
                self.set_word(at + 6, errors)?;
            }
            self.set_word(at + 2, kept | status)?;
        }
        self.transmit_ring.step(descriptors);
        Ok(())
    }
}
