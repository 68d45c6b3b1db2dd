//! A cable with simulated time, which may lose, repeat and reorder frames.

use crate::{Config, Interface, Mac, Memory, Millis, Stack, fuzzing::Tape};
use core::cell::Cell;
use std::rc::Rc;

/// What goes wrong, of a thousand frames.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) lost: u64,
    pub(super) repeated: u64,
    /// How many milliseconds a frame may be late, so that others pass it.
    pub(super) jitter: u64,
}

/// Carries frames between tapes.
pub(super) struct Cable {
    pub(super) clock: Rc<Cell<Millis>>,
    pub(super) faults: Faults,
    tapes: Vec<Tape>,
    /// When, for whom, what.
    flying: Vec<(Millis, usize, Vec<u8>)>,
    random: u64,
    pub(super) carried: usize,
    pub(super) lost: usize,
}

impl Cable {
    pub(super) fn new(faults: Faults, seed: u64) -> Self {
        Self {
            clock: Rc::default(),
            faults,
            tapes: Vec::new(),
            flying: Vec::new(),
            random: seed,
            carried: 0,
            lost: 0,
        }
    }

    pub(super) fn station(&mut self, mac: Mac) -> Tape {
        let tape = Tape::new(mac, &self.clock);
        self.tapes.push(tape.clone());
        tape
    }

    pub(super) fn now(&self) -> Millis {
        self.clock.get()
    }

    /// Takes what was sent, lets a millisecond pass and delivers what is due.
    pub(super) fn step(&mut self) {
        let now = self.now();
        for from in 0..self.tapes.len() {
            for frame in self.tapes[from].sent() {
                self.carried += 1;
                for to in (0..self.tapes.len()).filter(|to| *to != from) {
                    self.fly(now, to, &frame);
                }
            }
        }
        self.clock.set(now + 1);
        let (due, later) = self.flying.drain(..).partition(|(at, ..)| *at <= now + 1);
        self.flying = later;
        let mut due: Vec<_> = due;
        due.sort_by_key(|(at, ..)| *at);
        for (_, to, frame) in due {
            self.tapes[to].arrive(frame);
        }
    }

    fn fly(&mut self, now: Millis, to: usize, frame: &[u8]) {
        if self.below(1000) < self.faults.lost {
            self.lost += 1;
            return;
        }
        let copies = 1 + u64::from(self.below(1000) < self.faults.repeated);
        for _ in 0..copies {
            let at = now + 1 + self.below(self.faults.jitter + 1);
            self.flying.push((at, to, frame.to_vec()));
        }
    }

    /// splitmix64.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.random ^ self.random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ x >> 31) % bound
    }
}

/// Memory for any test, never given back: tests are short.
pub(super) fn leak(bytes: usize) -> &'static mut [u8] {
    Box::leak(vec![0; bytes].into_boxed_slice())
}

/// A host with room for everything.
pub(super) fn host(tape: Tape, config: Config) -> Stack<'static, Tape, 4> {
    let memory = Memory {
        fragments: leak(40_000),
        parked: leak(20_000),
    };
    Stack::new(tape, config, memory)
}

/// The host 10.0.0.`last` and its station.
pub(super) fn numbered(cable: &mut Cable, last: u8, mtu: usize) -> Stack<'static, Tape, 4> {
    let config = Config {
        mtu,
        seed: u32::from(last),
        ..Config::fixed(Interface::new([10, 0, 0, last].into(), 24))
    };
    host(cable.station(Mac([2, 0, 0, 0, 0, last])), config)
}
