//! The body of the fuzz target: any frames, any calls, any passing of time, and a stack that keeps its
//! promises.
//!
//! After every step each frame received has met one fate, every frame sent is one that a host may
//! send, and every bound holds; in the end, whatever came before, a well-behaved neighbour is served.

mod source;
mod tape;

pub use source::{Source, with_options};
pub use tape::Tape;

use crate::{
    Addressing, Claim, Config, Endpoint, Event, Fate, Interface, Mac, Memory, Millis, SocketId,
    Stack,
    app::{echo, names, netstat::Netstat, ping},
    neighbour::NEIGHBOURS,
    wire::{
        arp::{self, Operation},
        checksum::Sum,
        ethernet::{self, EtherType, Frame},
        icmp,
        ip::{self, Protocol},
        udp,
    },
};
use core::cell::Cell;
use core::net::Ipv4Addr;
use std::rc::Rc;

/// The host under test.
pub const MAC: Mac = Mac([2, 0, 0, 0, 0xee, 1]);
/// Its address.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// A neighbour that only asks whether it is there.
pub const FRIEND: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 200);
const FRIENDLY: Mac = Mac([2, 0, 0, 0, 0xff, 2]);

const SOCKETS: usize = 4;

/// A stack and what drives it.
struct Bench<'a> {
    stack: Stack<'a, Tape, SOCKETS>,
    tape: Tape,
    clock: Rc<Cell<Millis>>,
    queues: Vec<&'a mut [u8]>,
    open: Vec<SocketId>,
    table: names::Table<4>,
    mtu: usize,
}

/// Runs the script that `data` stands for.
///
/// # Panics
///
/// When the stack breaks a promise.
pub fn run(data: &[u8]) {
    let mut source = Source::new(data);
    let clock = Rc::new(Cell::new(0));
    let tape = Tape::new(MAC, &clock);
    let interface = Interface::new(ADDRESS, 24);
    let config = Config {
        addressing: match source.below(4) {
            0 => Addressing::Rarp,
            _ => Addressing::Fixed(interface),
        },
        mtu: source.pick([1500, 576, 68, 0]),
        seed: u32::from(source.half()),
    };
    let sizes = source.pick([(40_000, 8_192), (4_000, 200), (300, 0), (0, 0)]);
    let (mut fragments, mut parked) = (vec![0; sizes.0], vec![0; sizes.1]);
    let mut queues = [vec![0; 2_000], vec![0; 300], vec![0; 40], Vec::new()];
    let memory = Memory {
        fragments: &mut fragments,
        parked: &mut parked,
    };
    let mut bench = Bench {
        stack: Stack::new(tape.clone(), config, memory),
        tape,
        clock,
        queues: queues.iter_mut().map(Vec::as_mut_slice).collect(),
        open: Vec::new(),
        table: names::Table::new(),
        mtu: config.mtu.clamp(ip::SMALLEST_MTU, ethernet::MTU),
    };
    while !source.is_empty() {
        step(&mut bench, &mut source);
        bench.check();
    }
    bench.serves_a_friend();
}

fn step(bench: &mut Bench<'_>, source: &mut Source<'_>) {
    let address = bench.stack.interface().map_or(ADDRESS, |i| i.address);
    match source.below(16) {
        0 => {
            let length = usize::from(source.byte()) * 8;
            let mut frame = source.bytes(length).to_vec();
            if source.below(2) == 0 {
                frame.splice(0..0, MAC.0);
            }
            bench.tape.arrive(frame);
        }
        1..=8 => {
            let frame = source.frame(MAC, address);
            bench.tape.arrive(frame);
        }
        9 => {
            let wait = source.pick([1, 20, 300, 1_000, 5_000, 31_000, 100_000]);
            bench.clock.set(bench.clock.get() + wait);
        }
        10 => bench.tape.room.set(source.pick([0, 1, 3, usize::MAX])),
        11 => bench.open(source),
        _ => bench.use_socket(source, address),
    }
    bench.stack.poll();
}

impl Bench<'_> {
    fn open(&mut self, source: &mut Source<'_>) {
        let Some(memory) = self.queues.pop() else {
            return;
        };
        let port = u16::from(source.byte() % 8);
        let bound = match source.below(3) {
            0 => self.stack.bind_echo(port, memory),
            _ => self.stack.bind_udp(port, memory),
        };
        self.open.extend(bound);
    }

    fn use_socket(&mut self, source: &mut Source<'_>, address: Ipv4Addr) {
        let Some(&socket) = self.open.get(source.below(SOCKETS)) else {
            return;
        };
        let [a, b, c, _] = address.octets();
        let peer = Endpoint::new(
            [a, b, c, source.byte() % 8].into(),
            u16::from(source.byte() % 8),
        );
        let mut buffer = [0; 2_048];
        match source.below(8) {
            0 => {
                let _ = self.stack.connect(socket, peer);
            }
            1 => {
                self.queues.extend(self.stack.close(socket));
                self.open.retain(|open| *open != socket);
                assert!(
                    self.stack.receive(socket, &mut buffer).is_err(),
                    "it is closed"
                );
            }
            2 => {
                let payload = vec![source.byte(); usize::from(source.byte()) * 32];
                let _ = self.stack.send_to(socket, peer, &payload);
            }
            3 => {
                let _ = self.stack.send(socket, source.bytes(100));
            }
            4 => {
                assert!(echo::serve(&mut self.stack, socket, &mut buffer).is_ok());
            }
            5 => {
                assert!(names::serve(&mut self.stack, socket, &mut self.table).is_ok());
            }
            6 => {
                let plan = ping::Plan {
                    target: peer.address,
                    count: 1,
                    interval: 1,
                    payload: usize::from(source.byte()),
                };
                if let Ok(mut ping) = ping::Ping::new(&mut self.stack, socket, plan) {
                    assert!(ping.poll(&mut self.stack, &mut buffer).is_ok());
                }
            }
            _ => {
                let refused = self.stack.take_refusal(socket);
                assert!(refused.is_ok(), "an open socket is known");
                let claim: Option<Claim> = self.stack.claim(socket).ok();
                assert_eq!(claim.is_some(), self.stack.interface().is_some());
            }
        }
    }

    fn check(&self) {
        let counters = self.stack.counters();
        assert_eq!(counters.event(Event::FramesReceived), counters.accounted());
        assert!(self.stack.neighbours().iter().count() <= NEIGHBOURS);
        assert!(!Netstat(&self.stack).to_string().is_empty());
        let now = self.clock.get();
        if self.tape.arriving.borrow().is_empty() {
            let deadline = self.stack.deadline();
            assert!(
                deadline.is_none_or(|next| next > now),
                "{deadline:?} is left behind at {now}"
            );
        }
        for frame in self.tape.sent() {
            may_be_sent(&frame, self.mtu);
        }
    }

    /// Whatever was before, a neighbour that asks is answered.
    fn serves_a_friend(&mut self) {
        self.tape.room.set(usize::MAX);
        while self.stack.poll().frames > 0 {}
        // Errors and what is parked may still go out.
        self.clock.set(self.clock.get() + 120_000);
        self.stack.poll();
        if self.stack.interface().is_none() {
            self.stack.configure(Interface::new(ADDRESS, 24));
            self.stack.poll();
        }
        let interface = *self.stack.interface().unwrap_or_else(|| unreachable!());
        let [a, b, c, _] = interface.address.octets();
        let [.., d] = FRIEND.octets();
        let friend = Ipv4Addr::new(a, b, c, d);
        if !interface.is_neighbour(friend) {
            return;
        }
        self.check();
        let before = self.stack.counters().clone();
        self.tape.arrive(arp_request(friend, interface.address));
        self.tape.arrive(echo_request(friend, interface.address));
        self.stack.poll();
        let sent = self.tape.sent();
        let after = self.stack.counters();
        assert_eq!(
            after.fate(Fate::Echoed),
            before.fate(Fate::Echoed).wrapping_add(1)
        );
        assert!(
            sent.iter().any(|frame| frame.get(42..46) == Some(b"hail")),
            "{sent:?}"
        );
    }
}

/// Checks that a host may send this frame.
///
/// # Panics
///
/// When it may not.
pub fn may_be_sent(bytes: &[u8], mtu: usize) {
    assert!((ethernet::SHORTEST..=ethernet::LONGEST).contains(&bytes.len()));
    let Ok(frame) = Frame::new_checked(bytes) else {
        panic!("no frame: {bytes:02x?}");
    };
    let header = ethernet::Repr::parse(&frame);
    assert_eq!(header.source, MAC);
    assert_ne!(header.destination, MAC, "a frame to oneself");
    assert_ne!(header.destination, Mac::ZERO, "a frame to nobody");
    match header.kind {
        EtherType::ARP | EtherType::RARP => {
            let packet =
                arp::Packet::new_checked(frame.payload()).and_then(|p| arp::Repr::parse(&p));
            assert_eq!(packet.map(|p| p.source_mac), Ok(MAC));
            assert!(frame.payload()[arp::LENGTH..].iter().all(|byte| *byte == 0));
        }
        EtherType::IP => datagram_may_be_sent(frame.payload(), mtu),
        other => panic!("nobody sends {other:?}"),
    }
}

fn datagram_may_be_sent(bytes: &[u8], mtu: usize) {
    let Ok(packet) = ip::Packet::new_checked(bytes) else {
        panic!("no datagram: {bytes:02x?}");
    };
    let repr = match ip::Repr::parse(&packet) {
        Ok(repr) => repr,
        Err(cause) => panic!("{cause:?}: {bytes:02x?}"),
    };
    let length = packet.header().len() + packet.payload().len();
    assert!(length <= mtu, "{length} bytes on a link of {mtu}");
    assert!(
        bytes[length..].iter().all(|byte| *byte == 0),
        "padding tells nothing"
    );
    assert_ne!(repr.source, repr.destination);
    assert!(!repr.destination.is_unspecified() && !repr.destination.is_loopback());
    if repr.more_fragments {
        assert!(packet.payload().len().is_multiple_of(ip::UNIT));
    }
    if repr.is_fragment() {
        return;
    }
    if repr.protocol == Protocol::ICMP {
        assert_eq!(Sum::new().with(packet.payload()).finish(), 0);
        assert!(packet.payload().len() >= icmp::HEADER);
    } else {
        assert_eq!(repr.protocol, Protocol::UDP);
        let datagram = udp::Datagram::new_checked(packet.payload());
        let parsed = datagram.and_then(|d| udp::Repr::parse(&d, repr.source, repr.destination));
        assert!(parsed.is_ok());
    }
}

/// A frame in which a friend asks for the host.
#[must_use]
pub fn arp_request(friend: Ipv4Addr, address: Ipv4Addr) -> Vec<u8> {
    let request = arp::Repr {
        operation: Operation::REQUEST,
        source_mac: FRIENDLY,
        source: friend,
        target_mac: Mac::ZERO,
        target: address,
    };
    let header = ethernet::Repr {
        destination: Mac::BROADCAST,
        source: FRIENDLY,
        kind: EtherType::ARP,
    };
    [&header.emit()[..], &request.emit()].concat()
}

/// A frame in which a friend asks whether the host is there.
#[must_use]
pub fn echo_request(friend: Ipv4Addr, address: Ipv4Addr) -> Vec<u8> {
    let body = b"hail";
    let message = icmp::Repr::EchoRequest {
        identifier: 1,
        sequence: 2,
    };
    let packet = ip::Repr {
        service: 0,
        payload_length: (icmp::HEADER + body.len()) as u16,
        identification: 0xbeef,
        dont_fragment: false,
        more_fragments: false,
        offset: 0,
        time_to_live: 1,
        protocol: Protocol::ICMP,
        source: friend,
        destination: address,
    };
    let header = ethernet::Repr {
        destination: MAC,
        source: FRIENDLY,
        kind: EtherType::IP,
    };
    let (header, packet) = (header.emit(), packet.emit());
    [&header[..], &packet, &message.emit(body), body].concat()
}
