//! The cable between a controller and the medium.
//!
//! The controller offers one frame at a time and is told how it went; what others send is queued
//! here with the moment at which it began. Both sides work at moments of their own, so everything
//! in the queue carries its time, in nanoseconds since switch-on.

use super::frame::Frame;
use std::collections::VecDeque;

/// Frames that a port holds for a controller that does not take them; more are lost. A controller
/// that runs takes each within a frame's time.
const MOST_ARRIVALS: usize = 1024;

/// One end of a transceiver cable.
#[derive(Clone, Debug, Default)]
pub struct Port {
    connected: bool,
    outgoing: Option<Outgoing>,
    report: Option<Report>,
    arrivals: VecDeque<Arrival>,
}

/// A frame that waits to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The frame.
    pub frame: Frame,
    /// When it was there to be sent.
    pub since: u64,
    /// Whether it is sent again after a collision.
    pub retry: bool,
}

/// A frame on its way in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The frame.
    pub frame: Frame,
    /// When its preamble began.
    pub start: u64,
}

impl Arrival {
    /// When its last bit has come.
    pub fn end(&self) -> u64 {
        self.start + self.frame.duration()
    }
}

/// How sending a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// When it was over.
    pub end: u64,
    /// When the last try began.
    pub start: u64,
    /// Tries that ended in a collision.
    pub collisions: u32,
    /// Whether the first try had to wait for other traffic.
    pub deferred: bool,
    /// Whether it was sent.
    pub outcome: Outcome,
}

/// Whether a frame was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was.
    Sent,
    /// Every allowed try collided.
    TooManyCollisions,
    /// A collision came after the first slot, where no retry is allowed.
    LateCollision,
    /// No carrier was seen: the cable hangs loose.
    NoCarrier,
}

impl Port {
    /// Plugs the cable in. An unplugged port sends into nothing and hears nothing.
    pub fn connect(&mut self) {
        self.connected = true;
    }

    /// Pulls the cable out; what was under way is lost.
    pub fn disconnect(&mut self) {
        self.connected = false;
        self.arrivals.clear();
    }

    /// Whether the cable is plugged in.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Offers a frame. Without a cable it is reported lost when it would have been sent.
    pub fn offer(&mut self, outgoing: Outgoing) {
        if self.connected {
            self.outgoing = Some(outgoing);
            return;
        }
        self.report = Some(Report {
            end: outgoing.since + outgoing.frame.duration(),
            start: outgoing.since,
            collisions: 0,
            deferred: false,
            outcome: Outcome::NoCarrier,
        });
    }

    /// Withdraws what was offered and not yet sent, and forgets what was reported.
    pub fn withdraw(&mut self) {
        self.outgoing = None;
        self.report = None;
    }

    /// What is offered.
    pub fn offered(&self) -> Option<&Outgoing> {
        self.outgoing.as_ref()
    }

    /// Ends the sending of what is offered, and returns it.
    pub fn finish(&mut self, report: Report) -> Option<Outgoing> {
        let outgoing = self.outgoing.take()?;
        self.report = Some(report);
        Some(outgoing)
    }

    /// How the last offer went, if it is decided.
    pub fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }

    /// Takes the report of the last offer.
    pub fn take_report(&mut self) -> Option<Report> {
        self.report.take()
    }

    /// Puts a frame on its way in.
    pub fn deliver(&mut self, arrival: Arrival) {
        if self.connected && self.arrivals.len() < MOST_ARRIVALS {
            self.arrivals.push_back(arrival);
        }
    }

    /// The frame that comes in next.
    pub fn arriving(&self) -> Option<&Arrival> {
        self.arrivals.front()
    }

    /// Takes the frame that comes in next.
    pub fn take_arrival(&mut self) -> Option<Arrival> {
        self.arrivals.pop_front()
    }
}
