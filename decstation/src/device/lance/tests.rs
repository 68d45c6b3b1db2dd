//! The chip driven as a program drives it: through its two addresses and its memory.

use super::*;
use crate::ethernet::frame::{Frame, GAP};
use crate::ethernet::{Ethernet, Station};
use core::num::NonZeroU32;
use core::ops::ControlFlow;

const MEMORY: usize = 64 << 10;
const RX_RING: u32 = 0x100;
const TX_RING: u32 = 0x200;
const RX_BUFFERS: u32 = 0x1000;
const TX_BUFFERS: u32 = 0x8000;
const BUFFER: u32 = 1520;
const OWN_ADDRESS: [u8; 6] = [8, 0, 0x2b, 1, 2, 3];
const OTHER_ADDRESS: [u8; 6] = [8, 0, 0x2b, 9, 9, 9];

/// 25 MHz.
const CLOCK: Clock = Clock::of_period(match NonZeroU32::new(40) {
    Some(period) => period,
    None => NonZeroU32::MIN,
});

/// A chip with a program that does what a test tells it.
struct Rig {
    lance: Lance,
    now: u64,
}

impl Rig {
    /// A chip with four descriptors in each ring, started in `mode`.
    fn new(mode: u16) -> Rig {
        Rig::with(mode, OWN_ADDRESS, 0)
    }

    fn with(mode: u16, address: [u8; 6], groups: u64) -> Rig {
        let mut rig = Rig {
            lance: Lance::new(CLOCK, MEMORY),
            now: 0,
        };
        rig.set(0, mode);
        for (at, pair) in (2..).step_by(2).zip(address.chunks_exact(2)) {
            rig.set(at, u16::from_le_bytes([pair[0], pair[1]]));
        }
        for (at, shift) in [(8, 0), (10, 16), (12, 32), (14, 48)] {
            rig.set(at, (groups >> shift) as u16);
        }
        for (at, word) in [
            (16, RX_RING as u16),
            (18, 2 << 13),
            (20, TX_RING as u16),
            (22, 2 << 13),
        ] {
            rig.set(at, word);
        }
        for index in 0..4 {
            rig.offer(index, BUFFER);
        }
        for (register, value) in [(1, 0), (2, 0), (3, 0)] {
            rig.write(register, value);
        }
        rig.write(0, csr0::INIT);
        rig.run(CLOCK.cycles(7_200));
        assert_eq!(rig.read(0), 0x0181, "IDON, INTR and INIT");
        rig.write(0, csr0::IDON | csr0::STRT | csr0::INEA);
        rig
    }

    fn set(&mut self, at: u32, word: u16) {
        let at = at as usize;
        self.lance.memory_mut()[at..at + 2].copy_from_slice(&word.to_le_bytes());
    }

    fn at(&self, at: u32) -> u16 {
        let at = at as usize;
        u16::from_le_bytes([self.lance.memory()[at], self.lance.memory()[at + 1]])
    }

    fn read(&mut self, register: u32) -> u16 {
        let (lance, now) = (&mut self.lance, self.now);
        lance.write(4, Width::Half, register, now).expect("RAP");
        lance.read(0, Width::Half, now).expect("RDP") as u16
    }

    fn write(&mut self, register: u32, value: u16) {
        let (lance, now) = (&mut self.lance, self.now);
        lance.write(4, Width::Half, register, now).expect("RAP");
        lance
            .write(0, Width::Half, u32::from(value), now)
            .expect("RDP");
    }

    fn run(&mut self, cycles: u64) {
        self.now += cycles;
        self.lance.advance(self.now);
    }

    /// Runs to the next event and returns its cycle.
    fn step(&mut self) -> u64 {
        self.now = self.lance.next_event().expect("an event");
        self.lance.advance(self.now);
        self.now
    }

    /// Gives receive descriptor `index` to the chip, with a buffer of `bytes`.
    fn offer(&mut self, index: u32, bytes: u32) {
        let at = RX_RING + 8 * index;
        self.set(at, (RX_BUFFERS + BUFFER * index) as u16);
        self.set(at + 4, 0xf000 | (4096 - bytes) as u16);
        self.set(at + 6, 0);
        self.set(at + 2, ring::OWN);
    }

    /// Fills transmit descriptor `index` with `data` and gives it to the chip.
    fn fill(&mut self, index: u32, flags: u16, data: &[u8]) {
        let (at, buffer) = (TX_RING + 8 * index, TX_BUFFERS + 2048 * index);
        let place = buffer as usize;
        self.lance.memory_mut()[place..place + data.len()].copy_from_slice(data);
        self.set(at, buffer as u16);
        self.set(at + 4, 0xf000 | (4096 - data.len()) as u16);
        self.set(at + 6, 0);
        self.set(at + 2, ring::OWN | flags);
    }

    fn demand(&mut self) {
        self.write(0, csr0::TDMD | csr0::INEA);
    }

    /// The status words of a descriptor of the ring at `ring`.
    fn status(&self, ring: u32, index: u32) -> (u16, u16) {
        (self.at(ring + 8 * index + 2), self.at(ring + 8 * index + 6))
    }

    fn buffer(&self, index: u32, bytes: usize) -> &[u8] {
        let at = (RX_BUFFERS + BUFFER * index) as usize;
        &self.lance.memory()[at..at + bytes]
    }
}

impl Station for Rig {
    fn port(&mut self) -> &mut Port {
        self.lance.port()
    }

    fn run_until(&mut self, nanoseconds: u64) -> ControlFlow<()> {
        self.now = CLOCK.cycles(nanoseconds);
        self.lance.advance(self.now);
        ControlFlow::Continue(())
    }
}

const STP: u16 = ring::STP;
const ENP: u16 = ring::ENP;

/// A frame's data: where to, from another station, then numbers.
fn data(destination: [u8; 6], bytes: usize) -> Vec<u8> {
    let head = destination.into_iter().chain(OTHER_ADDRESS);
    head.chain((0..).map(|byte: u32| byte as u8))
        .take(bytes)
        .collect()
}

#[test]
fn the_registers_obey_stop() {
    let mut lance = Rig {
        lance: Lance::new(CLOCK, MEMORY),
        now: 0,
    };
    assert_eq!(lance.read(0), csr0::STOP);
    lance.write(1, 0x1235);
    lance.write(2, 0xff56);
    lance.write(3, 0xffff);
    assert_eq!(
        [lance.read(1), lance.read(2), lance.read(3)],
        [0x1234, 0x56, 7]
    );
    lance.write(0, csr0::INEA);
    assert_eq!(lance.read(0), csr0::STOP, "INEA waits for the end of STOP");
    let mut started = Rig::new(0);
    assert_eq!(started.read(0), 0x0073);
    assert_eq!(started.read(1), 0, "no answer while it runs");
    started.write(1, 0x1111);
    started.write(0, csr0::STOP | csr0::STRT | csr0::INIT);
    assert_eq!(started.read(0), csr0::STOP, "STOP prevails");
    assert_eq!(started.read(1), 0, "the write while it ran was lost");
    assert_eq!(started.lance.next_event(), None);
}

#[test]
fn drx_and_dtx_keep_their_halves_off() {
    for (mode, on) in [(0, 0x30), (mode::DRX, 0x10), (mode::DTX, 0x20), (3, 0)] {
        assert_eq!(Rig::new(mode).read(0) & 0x30, on, "mode {mode:#x}");
    }
}

#[test]
fn interrupts_follow_inea_and_are_acknowledged() {
    let mut rig = Rig::new(mode::LOOP | mode::INTL);
    assert!(!rig.lance.interrupt());
    rig.fill(0, STP | ENP, &data(OWN_ADDRESS, 28));
    rig.demand();
    rig.step();
    assert_eq!(rig.read(0), 0x02f3, "TINT, INTR");
    assert!(rig.lance.interrupt());
    rig.write(0, 0);
    assert!(!rig.lance.interrupt(), "masked");
    assert_eq!(rig.read(0), 0x02b3);
    rig.write(0, csr0::TINT | csr0::INEA);
    assert_eq!(rig.read(0), 0x0073);
    rig.step();
    assert_eq!(rig.read(0), 0x04f3, "RINT, INTR");
}

#[test]
fn memory_that_does_not_answer_is_merr() {
    let outside = 0x01;
    // Initialization block, receive ring, receive buffer, transmit ring, transmit buffer.
    for case in 0..5 {
        let mut rig = Rig::new(0);
        rig.write(0, csr0::STOP);
        match case {
            0 => rig.write(2, outside),
            1 => rig.set(18, 2 << 13 | outside),
            2 => rig.set(RX_RING + 2, ring::OWN | outside),
            3 => rig.set(22, 2 << 13 | outside),
            _ => {
                rig.fill(0, STP | ENP, &data(OTHER_ADDRESS, 60));
                rig.set(TX_RING + 2, 0x8300 | outside);
            }
        }
        rig.write(0, csr0::INIT | csr0::STRT | csr0::INEA);
        let mut cable = Ethernet::new();
        cable.inject(Frame::new(&data(OWN_ADDRESS, 60)), 20_000);
        assert!(cable.run(&mut [&mut rig], 200_000).is_continue());
        assert_eq!(rig.read(0) & 0x8830, 0x8800, "case {case}");
        assert!(rig.lance.interrupt());
        rig.write(0, csr0::MERR | csr0::INEA);
        assert!(rig.read(0) & csr0::MERR == 0, "acknowledged");
    }
}

#[test]
fn transmit_statuses() {
    struct Case {
        what: &'static str,
        /// Flags and bytes of each descriptor.
        chain: &'static [(u16, usize)],
        mode: u16,
        disturbed: u32,
        late: u32,
        starved: u32,
        /// The first status words of the ring after it.
        statuses: &'static [(u16, u16)],
        csr0: u16,
        /// Bytes of data on the cable, if a whole frame went out.
        heard: Option<usize>,
    }
    const PLAIN: Case = Case {
        what: "",
        chain: &[(STP | ENP, 60)],
        mode: 0,
        disturbed: 0,
        late: 0,
        starved: 0,
        statuses: &[(STP | ENP, 0)],
        csr0: 0x02f3,
        heard: Some(60),
    };
    let cases = [
        Case {
            what: "one buffer",
            ..PLAIN
        },
        Case {
            what: "three chained",
            chain: &[(STP, 100), (0, 200), (ENP, 7)],
            statuses: &[(STP, 0), (0, 0), (ENP, 0)],
            heard: Some(307),
            ..PLAIN
        },
        Case {
            what: "a stray buffer before the frame",
            chain: &[(ENP, 60), (STP | ENP, 61)],
            statuses: &[(ENP, 0), (STP | ENP, 0)],
            heard: Some(61),
            ..PLAIN
        },
        Case {
            what: "a chain without an end",
            chain: &[(STP, 100)],
            statuses: &[(STP | ring::ERR, 0xc000)],
            csr0: 0x02e3,
            heard: None,
            ..PLAIN
        },
        Case {
            what: "a chain through the whole ring",
            chain: &[(STP, 20), (0, 20), (0, 20), (0, 20)],
            statuses: &[(STP, 0), (0, 0), (0, 0), (ring::ERR, 0xc000)],
            csr0: 0x02e3,
            heard: None,
            ..PLAIN
        },
        Case {
            what: "underflow",
            starved: 1,
            statuses: &[(STP | ENP | ring::ERR, 0x4000)],
            csr0: 0x02e3,
            heard: None,
            ..PLAIN
        },
        Case {
            what: "babble",
            chain: &[(STP | ENP, 1600)],
            csr0: 0xc2f3,
            heard: Some(1600),
            ..PLAIN
        },
        Case {
            what: "the longest frame is no babble",
            chain: &[(STP | ENP, 1514)],
            heard: Some(1514),
            ..PLAIN
        },
        Case {
            what: "one retry",
            disturbed: 1,
            statuses: &[(STP | ENP | 0x0800, 0)],
            ..PLAIN
        },
        Case {
            what: "fifteen retries",
            disturbed: 15,
            statuses: &[(STP | ENP | 0x1000, 0)],
            ..PLAIN
        },
        Case {
            what: "sixteen collisions",
            disturbed: 16,
            chain: &[(STP, 100), (ENP, 100)],
            statuses: &[(STP | ring::ERR, 0x0400 | 96), (ENP, 0)],
            heard: None,
            ..PLAIN
        },
        Case {
            what: "no retries wanted",
            mode: mode::DRTY,
            disturbed: 1,
            statuses: &[(STP | ENP | ring::ERR, 0x0400 | 96)],
            heard: None,
            ..PLAIN
        },
        Case {
            what: "a late collision",
            chain: &[(STP | ENP, 100)],
            late: 1,
            statuses: &[(STP | ENP | ring::ERR, 0x1000)],
            heard: None,
            ..PLAIN
        },
    ];
    for case in cases {
        let mut rig = Rig::new(case.mode);
        for (index, (flags, bytes)) in (0..).zip(case.chain) {
            rig.fill(index, *flags, &data(OTHER_ADDRESS, *bytes));
        }
        rig.lance.starve(case.starved);
        let mut cable = Ethernet::new();
        cable.disturb(case.disturbed);
        cable.disturb_late(case.late);
        rig.lance.port().connect();
        rig.demand();
        assert!(cable.run(&mut [&mut rig], 500_000_000).is_continue());
        for (index, status) in (0..).zip(case.statuses) {
            assert_eq!(
                rig.status(TX_RING, index),
                *status,
                "{}: {index}",
                case.what
            );
        }
        assert_eq!(rig.read(0), case.csr0, "{}", case.what);
        let heard = cable.collect();
        let whole = heard.iter().find(|heard| heard.frame.is_intact());
        let bytes = whole.map(|heard| heard.frame.data().len());
        assert_eq!(bytes, case.heard, "{}", case.what);
    }
}

#[test]
fn an_unplugged_cable_has_no_carrier() {
    let mut rig = Rig::new(0);
    rig.fill(0, STP | ENP, &data(OTHER_ADDRESS, 60));
    rig.demand();
    rig.step();
    assert_eq!(rig.status(TX_RING, 0), (STP | ENP | ring::ERR, 0x0800));
    assert_eq!(rig.read(0), 0x02f3);
}

#[test]
fn a_silent_transceiver_is_cerr_without_an_interrupt() {
    let mut rig = Rig::new(0);
    rig.lance.set_heartbeat(false);
    rig.lance.port().connect();
    rig.fill(0, STP | ENP, &data(OTHER_ADDRESS, 60));
    rig.demand();
    let mut cable = Ethernet::new();
    assert!(cable.run(&mut [&mut rig], 1_000_000).is_continue());
    rig.write(0, csr0::TINT | csr0::INEA);
    assert_eq!(rig.read(0), 0xa073, "ERR and CERR");
    assert!(!rig.lance.interrupt());
}

#[test]
fn the_transmitter_recovers_after_it_was_turned_off() {
    let mut rig = Rig::new(0);
    rig.lance.port().connect();
    rig.lance.starve(1);
    rig.fill(0, STP | ENP, &data(OTHER_ADDRESS, 60));
    rig.fill(1, STP | ENP, &data(OTHER_ADDRESS, 60));
    rig.demand();
    let mut cable = Ethernet::new();
    assert!(cable.run(&mut [&mut rig], 5_000_000).is_continue());
    assert_eq!(rig.read(0) & 0x30, 0x20, "the transmitter is off");
    assert_eq!(rig.status(TX_RING, 1).0 & ring::OWN, ring::OWN);
    rig.write(0, csr0::STOP);
    rig.fill(0, STP | ENP, &data(OTHER_ADDRESS, 61));
    rig.write(0, csr0::INIT | csr0::STRT | csr0::INEA);
    assert!(cable.run(&mut [&mut rig], 6_000_000).is_continue());
    assert_eq!(rig.status(TX_RING, 0), (STP | ENP, 0));
    assert_eq!(rig.status(TX_RING, 1), (STP | ENP, 0));
    let sizes: Vec<usize> = cable
        .collect()
        .iter()
        .map(|heard| heard.frame.data().len())
        .collect();
    assert_eq!(sizes[1..], [61, 60]);
}

#[test]
fn receive_statuses() {
    struct Case {
        what: &'static str,
        /// Bytes of each buffer that the chip owns.
        buffers: &'static [u32],
        frame: Frame,
        starved: u32,
        /// The status words after it.
        statuses: &'static [(u16, u16)],
        csr0: u16,
    }
    let own = |bytes| Frame::new(&data(OWN_ADDRESS, bytes));
    let damaged = || {
        let mut bytes = own(60).bytes().to_vec();
        bytes[30] ^= 0x10;
        Frame::raw(bytes)
    };
    let cases = [
        Case {
            what: "a minimal frame",
            buffers: &[BUFFER],
            frame: own(60),
            starved: 0,
            statuses: &[(STP | ENP, 64)],
            csr0: 0x04f3,
        },
        Case {
            what: "a maximal frame fills its buffer",
            buffers: &[1518],
            frame: own(1514),
            starved: 0,
            statuses: &[(STP | ENP, 1518)],
            csr0: 0x04f3,
        },
        Case {
            what: "three buffers",
            buffers: &[100, 100, 100, 100],
            frame: own(260),
            starved: 0,
            statuses: &[(STP, 0), (0, 0), (ENP, 264), (ring::OWN, 0)],
            csr0: 0x04f3,
        },
        Case {
            what: "buffers that end before the frame",
            buffers: &[100, 100],
            frame: own(260),
            starved: 0,
            statuses: &[(STP, 0), (ring::ERR | 0x0400, 0)],
            csr0: 0x04f3,
        },
        Case {
            what: "no buffer",
            buffers: &[],
            frame: own(60),
            starved: 0,
            statuses: &[(0, 0)],
            csr0: 0x90f3,
        },
        Case {
            what: "overflow",
            buffers: &[BUFFER],
            frame: own(60),
            starved: 1,
            statuses: &[(STP | ring::ERR | 0x1000, 0)],
            csr0: 0x04f3,
        },
        Case {
            what: "a wrong check sequence",
            buffers: &[BUFFER],
            frame: damaged(),
            starved: 0,
            statuses: &[(STP | ENP | ring::ERR | 0x0800, 64)],
            csr0: 0x04f3,
        },
        Case {
            what: "wrong, with bits behind it",
            buffers: &[BUFFER],
            frame: damaged().dribbling(),
            starved: 0,
            statuses: &[(STP | ENP | ring::ERR | 0x2800, 64)],
            csr0: 0x04f3,
        },
        Case {
            what: "right, with bits behind it",
            buffers: &[BUFFER],
            frame: own(60).dribbling(),
            starved: 0,
            statuses: &[(STP | ENP, 64)],
            csr0: 0x04f3,
        },
        Case {
            what: "a runt",
            buffers: &[BUFFER],
            frame: own(59),
            starved: 0,
            statuses: &[(ring::OWN, 0)],
            csr0: 0x0073,
        },
        Case {
            what: "a scrap",
            buffers: &[BUFFER],
            frame: Frame::raw(vec![8]),
            starved: 0,
            statuses: &[(ring::OWN, 0)],
            csr0: 0x0073,
        },
    ];
    for case in cases {
        let mut rig = Rig::new(0);
        for index in 0..4 {
            rig.set(RX_RING + 8 * index + 2, 0);
        }
        for (index, bytes) in (0..).zip(case.buffers) {
            rig.offer(index, *bytes);
        }
        rig.lance.starve(case.starved);
        let mut cable = Ethernet::new();
        cable.inject(case.frame.clone(), 0);
        assert!(cable.run(&mut [&mut rig], 2_000_000).is_continue());
        for (index, status) in (0..).zip(case.statuses) {
            assert_eq!(
                rig.status(RX_RING, index),
                *status,
                "{}: {index}",
                case.what
            );
        }
        assert_eq!(rig.read(0), case.csr0, "{}", case.what);
        if case.csr0 & csr0::RINT != 0 && case.starved == 0 {
            let mut rest = case.frame.bytes();
            for (index, bytes) in (0..).zip(case.buffers) {
                let (now, later) = rest.split_at(rest.len().min(*bytes as usize));
                assert_eq!(rig.buffer(index, now.len()), now, "{}", case.what);
                rest = later;
            }
        }
    }
}

#[test]
fn the_address_filter() {
    let group = [1, 0, 0x5e, 0, 0, 1];
    let bit = 1 << (crate::ethernet::frame::crc(&group) >> 26);
    for (what, mode, groups, destination, accepted) in [
        ("own", 0, 0, OWN_ADDRESS, true),
        ("another's", 0, u64::MAX, OTHER_ADDRESS, false),
        ("everyone", 0, 0, [0xff; 6], true),
        ("another's, promiscuous", mode::PROM, 0, OTHER_ADDRESS, true),
        ("a group", 0, bit, group, true),
        ("no group", 0, !bit, group, false),
        ("a group, promiscuous", mode::PROM, 0, group, true),
        (
            "receiver off",
            mode::DRX | mode::PROM,
            0,
            OWN_ADDRESS,
            false,
        ),
    ] {
        let mut rig = Rig::with(mode, OWN_ADDRESS, groups);
        let mut cable = Ethernet::new();
        cable.inject(Frame::new(&data(destination, 60)), 0);
        assert!(cable.run(&mut [&mut rig], 200_000).is_continue());
        let taken = rig.status(RX_RING, 0).0 & ring::OWN == 0;
        assert_eq!(taken, accepted, "{what}");
    }
}

/// The first rows of the datasheet's table of addresses and filter bits: the address is the byte
/// and five zeros.
#[test]
fn the_group_hash_is_the_datasheets() {
    let rows = [
        0x85, 0xa5, 0xe5, 0xc5, 0x45, 0x65, 0x25, 0x05, 0x2b, 0x0b, 0x4b, 0x6b, 0xeb, 0xcb, 0x8b,
        0xbb,
    ];
    for (bit, byte) in (0..).zip(rows) {
        let group = [byte, 0, 0, 0, 0, 0];
        for (groups, accepted) in [(1 << bit, true), (!(1 << bit), false)] {
            let mut rig = Rig::with(0, OWN_ADDRESS, groups);
            let mut cable = Ethernet::new();
            cable.inject(Frame::new(&data(group, 60)), 0);
            assert!(cable.run(&mut [&mut rig], 200_000).is_continue());
            let taken = rig.status(RX_RING, 0).0 & ring::OWN == 0;
            assert_eq!(taken, accepted, "{byte:#x}");
        }
    }
}

#[test]
fn missed_frames_do_not_stop_the_receiver() {
    let mut rig = Rig::new(0);
    let mut cable = Ethernet::new();
    for bytes in 60..66 {
        cable.inject(Frame::new(&data(OWN_ADDRESS, bytes)), 0);
    }
    assert!(cable.run(&mut [&mut rig], 1_000_000).is_continue());
    assert_eq!(rig.read(0) & 0x9000, 0x9000, "two found no buffer");
    for index in 0..4 {
        assert_eq!(rig.status(RX_RING, index), (STP | ENP, 64 + index as u16));
        rig.offer(index, BUFFER);
    }
    rig.write(0, csr0::MISS | csr0::RINT | csr0::INEA);
    cable.inject(Frame::new(&data(OWN_ADDRESS, 70)), 0);
    assert!(cable.run(&mut [&mut rig], 2_000_000).is_continue());
    assert_eq!(rig.status(RX_RING, 0), (STP | ENP, 74));
    assert_eq!(rig.read(0), 0x04f3);
}

#[test]
fn loopbacks() {
    for (what, mode, received) in [
        ("internal", mode::LOOP | mode::INTL, true),
        ("external", mode::LOOP, true),
        ("collisions", mode::LOOP | mode::INTL | mode::COLL, false),
        ("none", 0, false),
    ] {
        let mut rig = Rig::new(mode);
        rig.lance.port().connect();
        let sent = data(OWN_ADDRESS, 28);
        rig.fill(0, STP | ENP, &sent);
        rig.demand();
        let mut cable = Ethernet::new();
        assert!(cable.run(&mut [&mut rig], 1_000_000).is_continue());
        let taken = rig.status(RX_RING, 0) == (STP | ENP, 32);
        assert_eq!(taken, received, "{what}");
        if received {
            assert_eq!(rig.buffer(0, 28), sent);
        }
        let outside = usize::from(mode & mode::INTL == 0);
        assert_eq!(cable.collect().len(), outside, "{what}");
        let retries = mode & mode::COLL != 0;
        assert_eq!(rig.status(TX_RING, 0).1 & 0x0400 != 0, retries, "{what}");
    }
    // With DTCR the program's own check sequence is judged.
    for (flip, status) in [(0, STP | ENP), (1, STP | ENP | ring::ERR | 0x0800)] {
        let mut rig = Rig::new(mode::LOOP | mode::INTL | mode::DTCR);
        let mut bytes = Frame::new(&data(OWN_ADDRESS, 28)).bytes().to_vec();
        bytes[20] ^= flip;
        rig.fill(0, STP | ENP, &bytes);
        rig.demand();
        rig.run(100_000);
        assert_eq!(rig.status(RX_RING, 0), (status, 32));
    }
}

#[test]
fn bswp_swaps_buffers_and_not_descriptors() {
    let mut rig = Rig::new(mode::LOOP | mode::INTL);
    rig.write(0, csr0::STOP);
    rig.write(3, BSWP);
    let swapped: Vec<u8> = data(OWN_ADDRESS, 28)
        .chunks_exact(2)
        .flat_map(|pair| [pair[1], pair[0]])
        .collect();
    rig.fill(0, STP | ENP, &swapped);
    rig.write(0, csr0::INIT | csr0::STRT);
    rig.run(100_000);
    assert_eq!(rig.status(RX_RING, 0), (STP | ENP, 32));
    assert_eq!(rig.buffer(0, 28), swapped);
}

#[test]
fn a_frame_between_two_stations_takes_what_the_wire_takes() {
    for bytes in [60, 1514] {
        let mut sender = Rig::with(0, OTHER_ADDRESS, 0);
        let mut receiver = Rig::new(0);
        let mut cable = Ethernet::new();
        assert!(
            cable
                .run(&mut [&mut sender, &mut receiver], 100_000)
                .is_continue()
        );
        sender.fill(0, STP | ENP, &data(OWN_ADDRESS, bytes));
        let demanded = CLOCK.nanoseconds(sender.now);
        sender.demand();
        let wire = 800 * (8 + bytes as u64 + 4);
        let arrived = demanded + LATENCY + wire + LATENCY;
        let until = |cable: &mut Ethernet, pair: &mut [Rig; 2], time| {
            let [sender, receiver] = pair;
            assert!(cable.run(&mut [sender, receiver], time).is_continue());
        };
        let mut pair = [sender, receiver];
        until(&mut cable, &mut pair, demanded + LATENCY + wire + 1_160);
        assert_eq!(pair[0].read(0), 0x0073, "the status is not yet written");
        until(&mut cable, &mut pair, demanded + LATENCY + wire + 1_240);
        assert_eq!(pair[0].read(0), 0x02f3);
        until(&mut cable, &mut pair, arrived - 40);
        assert_eq!(pair[1].read(0), 0x0073);
        until(&mut cable, &mut pair, arrived + 40);
        assert_eq!(pair[1].read(0), 0x04f3, "{bytes} bytes");
        assert_eq!(pair[1].status(RX_RING, 0), (STP | ENP, bytes as u16 + 4));
        let heard = cable.collect();
        assert_eq!(heard[0].start, demanded + LATENCY);
        assert_eq!(heard[0].from, Some(0));
    }
}

#[test]
fn queued_frames_follow_each_other_after_the_gap() {
    let mut sender = Rig::with(0, OTHER_ADDRESS, 0);
    let mut receiver = Rig::new(0);
    sender.lance.port().connect();
    for index in 0..4 {
        sender.fill(index, STP | ENP, &data(OWN_ADDRESS, 60 + index as usize));
    }
    sender.demand();
    let mut cable = Ethernet::new();
    assert!(
        cable
            .run(&mut [&mut sender, &mut receiver], 1_000_000)
            .is_continue()
    );
    let heard = cable.collect();
    assert_eq!(heard.len(), 4);
    for pair in heard.windows(2) {
        assert_eq!(
            pair[1].start,
            pair[0].start + pair[0].frame.duration() + GAP
        );
    }
    for index in 0..4 {
        assert_eq!(
            sender.status(TX_RING, index),
            (STP | ENP, 0),
            "not deferred"
        );
        assert_eq!(
            receiver.status(RX_RING, index),
            (STP | ENP, 64 + index as u16)
        );
    }
}

#[test]
fn both_rings_come_round_in_both_directions() {
    let mut one = Rig::with(0, OTHER_ADDRESS, 0);
    let mut two = Rig::new(0);
    one.lance.port().connect();
    two.lance.port().connect();
    let mut cable = Ethernet::new();
    let mut time = 0;
    for round in 0..10_u32 {
        let index = round % 4;
        let bytes = 60 + round as usize;
        one.fill(index, STP | ENP, &data(OWN_ADDRESS, bytes));
        two.fill(index, STP | ENP, &data(OTHER_ADDRESS, bytes + 100));
        one.demand();
        two.demand();
        time += 10_000_000;
        assert!(cable.run(&mut [&mut one, &mut two], time).is_continue());
        for (rig, length) in [(&mut one, bytes + 104), (&mut two, bytes + 4)] {
            assert_eq!(
                rig.status(RX_RING, index),
                (STP | ENP, length as u16),
                "round {round}"
            );
            assert_eq!(rig.status(TX_RING, index).1, 0);
            rig.offer(index, BUFFER);
            rig.write(0, csr0::RINT | csr0::TINT | csr0::INEA);
            assert_eq!(rig.read(0), 0x0073);
        }
    }
}

#[test]
fn without_a_demand_the_ring_is_looked_at_every_1600_microseconds() {
    let mut rig = Rig::new(0);
    rig.lance.port().connect();
    let first = rig.now;
    assert_eq!(rig.step(), first);
    assert_eq!(rig.step(), first + 40_000);
    rig.fill(0, STP | ENP, &data(OTHER_ADDRESS, 60));
    assert!(rig.lance.port().offered().is_none());
    assert_eq!(rig.step(), first + 80_000);
    assert!(rig.lance.port().offered().is_some());
}

#[test]
fn only_two_addresses_answer() {
    let mut lance = Lance::new(CLOCK, MEMORY);
    for (offset, width) in [
        (8, Width::Half),
        (1, Width::Half),
        (2, Width::Word),
        (u32::MAX, Width::Byte),
    ] {
        assert!(lance.read(offset, width, 0).is_err());
        assert!(lance.write(offset, width, 0, 0).is_err());
    }
    assert_eq!(lance.read(0, Width::Word, 0), Ok(4));
    assert_eq!(lance.read(1, Width::Byte, 0), Ok(0));
}
