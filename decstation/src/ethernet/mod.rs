//! A simulated Ethernet of 10 Mb/s: one cable, the machines on it, and the host as one more
//! station that can send anything and hears everything.
//!
//! The machines are simulated one after the other, each in slices of [`SLICE`]. What one sends in
//! a slice is arbitrated when all have reached its end. That is early enough: nothing a station
//! can notice about a frame happens before its destination address has passed, which takes longer
//! than a slice. So the order in which the machines are simulated cannot be seen, and a run is the
//! same every time.
//!
//! The medium is that of IEEE 802.3 on a cable of no length. A station that finds it busy waits
//! for the end and the gap; stations that then begin at the same nanosecond collide, jam for 96
//! bit times and back off by the truncated binary exponential rule, with a generator of random
//! numbers that starts the same in every run. [`Ethernet::disturb`] makes collisions on demand.

pub mod frame;
pub mod port;

use core::ops::ControlFlow;
use frame::{BYTE, Frame, GAP, LEAST, PREAMBLE, SLOT};
use port::{Arrival, Outcome, Port, Report};
use std::collections::VecDeque;

/// Nanoseconds that every machine is simulated before the medium is: the preamble, which is 4.8 µs
/// less than it takes until the first six bytes have passed. The difference is more than the
/// longest instruction by which a machine may overshoot.
pub const SLICE: u64 = PREAMBLE;
/// Nanoseconds of a collision: the preamble and 32 bits of jam.
const COLLISION: u64 = PREAMBLE + 4 * BYTE;
/// Tries before a station gives up.
const MOST_TRIES: u32 = 16;
/// Collisions after which the range of backing off grows no more.
const MOST_DOUBLINGS: u32 = 10;

/// A machine on the cable.
pub trait Station {
    /// Its end of the transceiver cable.
    fn port(&mut self) -> &mut Port;

    /// Simulates until the first instruction boundary at or after `nanoseconds`; breaks if the
    /// machine has stopped.
    fn run_until(&mut self, nanoseconds: u64) -> ControlFlow<()>;
}

/// The cable.
#[derive(Debug, Default)]
pub struct Ethernet {
    now: u64,
    /// When the last frame or collision ends.
    quiet: Option<u64>,
    tries: Vec<Tries>,
    injected: VecDeque<Injected>,
    heard: Vec<Heard>,
    /// The station of the last frame; its next one does not defer to it.
    last: Option<usize>,
    disturbances: u32,
    late_disturbances: u32,
}

/// What a station has gone through with the frame it offers.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    collisions: u32,
    deferred: bool,
    not_before: u64,
    random: u32,
}

#[derive(Debug)]
struct Injected {
    not_before: u64,
    frame: Frame,
}

/// A frame that passed on the cable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The frame.
    pub frame: Frame,
    /// When its preamble began, in nanoseconds.
    pub start: u64,
    /// The station that sent it, or `None` for the host.
    pub from: Option<usize>,
}

impl Ethernet {
    /// A quiet cable.
    pub fn new() -> Ethernet {
        Ethernet::default()
    }

    /// The moment up to which the medium is simulated, in nanoseconds.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Sends a frame from the host, as soon as the medium is free at or after `not_before`. Frames
    /// go in the order they were injected; where one would collide, the host lets the others go
    /// first.
    pub fn inject(&mut self, frame: Frame, not_before: u64) {
        self.injected.push_back(Injected { not_before, frame });
    }

    /// Takes every frame that has passed since this was last called.
    pub fn collect(&mut self) -> Vec<Heard> {
        core::mem::take(&mut self.heard)
    }

    /// Makes the next `count` tries of any station collide.
    pub fn disturb(&mut self, count: u32) {
        self.disturbances = count;
    }

    /// Cuts the next `count` frames of stations off by a collision right after the first slot,
    /// where none should be: as a cable that is too long does.
    pub fn disturb_late(&mut self, count: u32) {
        self.late_disturbances = count;
    }

    /// Runs all machines in lock-step until `until` nanoseconds, or until the slice in which one
    /// has stopped. A machine is the same station at every call if it stands at the same index.
    pub fn run(&mut self, stations: &mut [&mut dyn Station], until: u64) -> ControlFlow<()> {
        for station in stations.iter_mut() {
            station.port().connect();
        }
        let mut flow = ControlFlow::Continue(());
        while self.now < until && flow.is_continue() {
            let next = until.min(self.now + SLICE);
            for station in stations.iter_mut() {
                if station.run_until(next).is_break() {
                    flow = ControlFlow::Break(());
                }
            }
            let mut ports: Vec<&mut Port> =
                stations.iter_mut().map(|station| station.port()).collect();
            self.advance(&mut ports, next);
        }
        flow
    }

    /// Lets everything happen that begins on the cable before `until`. What stations will offer
    /// from `until` on cannot change it.
    pub fn advance(&mut self, ports: &mut [&mut Port], until: u64) {
        self.tries.resize(ports.len(), Tries::default());
        while let Some((start, senders)) = self.next_start(ports).filter(|(at, _)| *at < until) {
            match senders.as_slice() {
                [] => self.send_injected(ports, start),
                [sender] if self.disturbances == 0 => self.send(ports, *sender, start),
                _ => self.collide(ports, &senders, start),
            }
        }
        self.now = self.now.max(until);
    }

    /// When something next begins on the cable, and which stations begin it; none means the host.
    fn next_start(&self, ports: &[&mut Port]) -> Option<(u64, Vec<usize>)> {
        let start = |station: usize| {
            let offered = ports[station].offered()?;
            let ready = offered.since.max(self.tries[station].not_before);
            Some(self.free_after(ready))
        };
        let starts: Vec<Option<u64>> = (0..ports.len()).map(start).collect();
        let soonest = starts.iter().flatten().min().copied();
        let injected = self.injected.front();
        let injected = injected.map(|own| self.free_after(own.not_before.max(self.now)));
        match (soonest, injected) {
            (None, None) => None,
            (Some(start), Some(host)) if host < start => Some((host, Vec::new())),
            (None, Some(host)) => Some((host, Vec::new())),
            (Some(start), _) => {
                let senders = (0..ports.len()).filter(|own| starts[*own] == Some(start));
                Some((start, senders.collect()))
            }
        }
    }

    fn free_after(&self, ready: u64) -> u64 {
        self.quiet.map_or(ready, |end| ready.max(end + GAP))
    }

    fn send_injected(&mut self, ports: &mut [&mut Port], start: u64) {
        if let Some(Injected { frame, .. }) = self.injected.pop_front() {
            self.pass(ports, frame, start, None);
        }
    }

    fn send(&mut self, ports: &mut [&mut Port], sender: usize, start: u64) {
        self.note_waiting(ports, sender, start);
        let tries = core::mem::take(&mut self.tries[sender]);
        self.tries[sender].random = tries.random;
        let Some(offered) = ports[sender].offered() else {
            return;
        };
        let mut frame = offered.frame.clone();
        let late = self.late_disturbances > 0 && frame.bytes().len() > LEAST;
        if late {
            self.late_disturbances -= 1;
            frame = Frame::raw(frame.bytes()[..LEAST].to_vec());
        }
        ports[sender].finish(Report {
            end: start + frame.duration(),
            start,
            collisions: tries.collisions,
            deferred: tries.deferred,
            outcome: if late {
                Outcome::LateCollision
            } else {
                Outcome::Sent
            },
        });
        self.pass(ports, frame, start, Some(sender));
    }

    /// A frame passes every station but its sender.
    fn pass(&mut self, ports: &mut [&mut Port], frame: Frame, start: u64, from: Option<usize>) {
        for (station, port) in ports.iter_mut().enumerate() {
            if Some(station) != from {
                port.deliver(Arrival {
                    frame: frame.clone(),
                    start,
                });
            }
        }
        self.quiet = Some(start + frame.duration());
        self.last = from;
        self.heard.push(Heard { frame, start, from });
    }

    fn collide(&mut self, ports: &mut [&mut Port], senders: &[usize], start: u64) {
        let end = start + COLLISION;
        self.disturbances = self.disturbances.saturating_sub(1);
        self.quiet = Some(end);
        self.last = None;
        for &sender in senders {
            self.note_waiting(ports, sender, start);
            let tries = &mut self.tries[sender];
            tries.collisions += 1;
            let retry = ports[sender].offered().is_some_and(|offered| offered.retry);
            if retry && tries.collisions < MOST_TRIES {
                let range = 1 << tries.collisions.min(MOST_DOUBLINGS);
                tries.not_before = end + SLOT * u64::from(tries.draw(sender) % range);
                continue;
            }
            ports[sender].finish(Report {
                end,
                start,
                collisions: tries.collisions,
                deferred: tries.deferred,
                outcome: Outcome::TooManyCollisions,
            });
            *tries = Tries {
                random: tries.random,
                ..Tries::default()
            };
        }
    }

    /// Notes that a first try had to wait for others, if it had.
    fn note_waiting(&mut self, ports: &[&mut Port], sender: usize, start: u64) {
        let waited = ports[sender]
            .offered()
            .is_some_and(|offered| offered.since < start && self.last != Some(sender));
        if self.tries[sender].collisions == 0 {
            self.tries[sender].deferred = waited;
        }
    }
}

impl Tries {
    /// A random number: xorshift, seeded by the station.
    fn draw(&mut self, station: usize) -> u32 {
        if self.random == 0 {
            self.random = 0x9e37_79b9_u32.wrapping_mul(station as u32 + 1) | 1;
        }
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        // The low bits of a xorshift are its weakest.
        self.random >> 16
    }
}

#[cfg(test)]
mod tests;
