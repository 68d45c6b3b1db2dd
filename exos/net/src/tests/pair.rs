//! Two hosts, a cable that fails, and conversations that come to their end all the same.

use super::cable::{Cable, Faults, host, leak, numbered};
use crate::{
    Config, Endpoint, Event, Fate, Mac, SendError, Stack,
    app::{
        echo,
        names::{
            self, Query, QueryError, Table,
            wire::{Operation, Status},
        },
        netstat::Netstat,
        ping::{Ping, Plan},
    },
    fuzzing::Tape,
    wire::{arp, ethernet},
};
use core::net::Ipv4Addr;

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

const BAD: Faults = Faults {
    lost: 50,
    repeated: 50,
    jitter: 8,
};

fn payload(length: usize, turn: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at * 7 + at / 256 + turn) as u8)
        .collect()
}

/// A client repeats until the echo is there; every echo must be what was sent.
fn echoes(lengths: &[usize], mtus: [usize; 2], faults: Faults, seed: u64) -> (Cable, usize) {
    let mut cable = Cable::new(faults, seed);
    let mut client = numbered(&mut cable, 1, mtus[0]);
    let mut server = numbered(&mut cable, 2, mtus[1]);
    let service = server.bind_udp(7, leak(40_000)).unwrap();
    let socket = client.bind_udp(0, leak(40_000)).unwrap();
    client.connect(socket, Endpoint::new(B, 7)).unwrap();
    let (mut buffer, mut tries) = (vec![0; 65_536], 0);
    for (turn, length) in lengths.iter().enumerate() {
        let sent = payload(*length, turn);
        let mut next = cable.now();
        'waiting: loop {
            if cable.now() >= next {
                tries += 1;
                assert!(tries < 40 * lengths.len(), "this takes too long");
                client.send(socket, &sent).unwrap();
                next = cable.now() + 40;
            }
            client.poll();
            server.poll();
            echo::serve(&mut server, service, &mut buffer).unwrap();
            cable.step();
            client.poll();
            while let Some((from, length)) = client.receive(socket, &mut buffer).unwrap() {
                assert_eq!(from, Endpoint::new(B, 7));
                // Echoes of earlier turns may come late, but never changed.
                let echo = &buffer[..length];
                let known = lengths.iter().enumerate().take(turn + 1);
                let turns = known.filter(|(_, sent)| **sent == length);
                assert!({ turns }.any(|(turn, length)| payload(*length, turn) == echo));
                if echo == sent {
                    break 'waiting;
                }
            }
        }
    }
    for stack in [&client, &server] {
        let counters = stack.counters();
        assert_eq!(counters.event(Event::FramesReceived), counters.accounted());
        assert_eq!(
            counters.fate(Fate::UdpChecksum) + counters.fate(Fate::Contradiction),
            0
        );
    }
    (cable, tries)
}

#[test]
fn payloads_of_every_kind_both_ways() {
    let lengths: Vec<usize> = (0..=8_000)
        .step_by(97)
        .chain([
            1, 17, 18, 19, 1471, 1472, 1473, 1479, 1480, 1481, 2952, 2953, 7_999, 8_000,
        ])
        .collect();
    let (_, tries) = echoes(&lengths, [1500, 1500], Faults::default(), 1);
    assert_eq!(tries, lengths.len(), "nothing is lost on a good cable");
}

#[test]
fn hosts_of_unequal_links() {
    let lengths = [0, 40, 41, 47, 48, 49, 500, 1472, 1473, 4_000, 8_000];
    for mtus in [[68, 1500], [1500, 68], [576, 69], [577, 1499]] {
        let (_, tries) = echoes(&lengths, mtus, Faults::default(), 1);
        assert_eq!(tries, lengths.len());
    }
}

#[test]
fn a_cable_that_loses_repeats_and_reorders() {
    for seed in 0..8 {
        let lengths: Vec<usize> = (0..=8_000).step_by(500 + seed as usize).collect();
        let (cable, tries) = echoes(&lengths, [1500, 576], BAD, seed);
        assert!(cable.lost > 0 && tries > lengths.len(), "it did lose");
    }
}

#[test]
fn ping_over_a_bad_cable_counts_what_came_back() {
    let mut cable = Cable::new(BAD, 3);
    let mut a = numbered(&mut cable, 1, 1500);
    let mut b = numbered(&mut cable, 2, 1500);
    let socket = a.bind_echo(0, leak(30_000)).unwrap();
    let plan = Plan {
        target: B,
        count: 200,
        interval: 20,
        payload: 3_000,
    };
    let mut ping = Ping::new(&mut a, socket, plan).unwrap();
    let mut buffer = vec![0; 8_192];
    let mut replies = 0;
    while !ping.is_over(cable.now(), 1_000) {
        a.poll();
        b.poll();
        while let Some(reply) = ping.poll(&mut a, &mut buffer).unwrap() {
            assert_eq!(reply.length, 3_000);
            replies += 1;
        }
        cable.step();
    }
    let statistics = ping.statistics();
    assert_eq!((statistics.sent, statistics.spoilt), (200, 0));
    assert_eq!(statistics.answered, replies);
    // Three fragments each way: 0.95⁶ of them come back.
    assert!((110..190).contains(&replies), "{statistics}");
    assert!(
        statistics.shortest >= 2 && statistics.longest < 1_000,
        "{statistics}"
    );
    // Some fragments never came: time gives their datagrams up.
    for _ in 0..31_000 {
        b.poll();
        cable.step();
    }
    let counters = b.counters();
    let given_up =
        counters.event(Event::ReassemblyExpired) + counters.event(Event::ReassemblyEvicted);
    assert!(given_up > 0);
}

#[test]
fn names_and_values_over_a_bad_cable() {
    let mut cable = Cable::new(Faults { lost: 200, ..BAD }, 5);
    let mut client = numbered(&mut cable, 1, 1500);
    let mut server = numbered(&mut cable, 2, 1500);
    let service = server.bind_udp(names::PORT, leak(4_000)).unwrap();
    let socket = client.bind_udp(0, leak(4_000)).unwrap();
    client
        .connect(socket, Endpoint::new(B, names::PORT))
        .unwrap();
    let mut table: Table<2> = Table::new();
    let mut number = 0;
    let mut ask = |operation, name: &[u8], value: &[u8]| {
        number += 1;
        let mut query = Query::new(socket, number, operation, name, value).unwrap();
        loop {
            server.poll();
            names::serve(&mut server, service, &mut table).unwrap();
            cable.step();
            client.poll();
            if let Some(answer) = query.poll(&mut client).unwrap() {
                return (answer.status, answer.value().to_vec());
            }
        }
    };
    assert_eq!(ask(Operation::Get, b"host", b""), (Status::Unknown, vec![]));
    assert_eq!(ask(Operation::Set, b"host", b"10.0.0.2").0, Status::Done);
    assert_eq!(ask(Operation::Set, b"page", &[7; 64]).0, Status::Done);
    assert_eq!(ask(Operation::Set, b"more", b"").0, Status::Full);
    assert_eq!(ask(Operation::Set, b"host", b"10.0.0.3").0, Status::Done);
    assert_eq!(
        ask(Operation::Get, b"host", b""),
        (Status::Done, b"10.0.0.3".to_vec())
    );
    assert_eq!(
        ask(Operation::Get, b"page", b""),
        (Status::Done, vec![7; 64])
    );
    // Asked twice, the second time it is gone.
    assert!(matches!(
        ask(Operation::Remove, b"host", b"").0,
        Status::Done | Status::Unknown
    ));
    assert_eq!(ask(Operation::Get, b"host", b"").0, Status::Unknown);
}

#[test]
fn a_port_without_socket_refuses_and_a_host_that_is_not_there_is_silent() {
    let mut cable = Cable::new(Faults::default(), 1);
    let mut a = numbered(&mut cable, 1, 1500);
    let mut b = numbered(&mut cable, 2, 1500);
    let socket = a.bind_udp(0, leak(100)).unwrap();
    let outcome =
        |cable: &mut Cable, a: &mut Stack<'_, Tape, 4>, b: &mut Stack<'_, Tape, 4>, to| {
            a.connect(socket, to).unwrap();
            let mut query = Query::new(socket, 1, Operation::Get, b"x", b"").unwrap();
            loop {
                a.poll();
                b.poll();
                cable.step();
                if let Err(error) = query.poll(a) {
                    return error;
                }
            }
        };
    let refused = outcome(&mut cable, &mut a, &mut b, Endpoint::new(B, 9));
    assert_eq!(
        (refused, a.counters().fate(Fate::Error)),
        (QueryError::Refused, 1)
    );
    let absent = Endpoint::new([10, 0, 0, 77].into(), 9);
    assert_eq!(
        outcome(&mut cable, &mut a, &mut b, absent),
        QueryError::Silent
    );
    assert_eq!(
        a.send(socket, b"x"),
        Ok(()),
        "it has been silent long enough to ask again"
    );
    for _ in 0..3_100 {
        a.poll();
        cable.step();
    }
    assert_eq!(a.send(socket, b"x"), Err(SendError::Unreachable));
    assert!(a.counters().event(Event::Unresolved) > 0);
    let elsewhere = Endpoint::new([10, 0, 1, 1].into(), 9);
    assert_eq!(a.send_to(socket, elsewhere, b""), Err(SendError::NoRoute));
    let listing = Netstat(&a).to_string();
    assert!(listing.contains("neighbour 10.0.0.77 silent"), "{listing}");
    assert!(
        listing.contains("1 ICMP errors about a datagram of ours"),
        "{listing}"
    );
}

#[test]
fn a_machine_without_address_asks_until_a_server_answers() {
    let mut cable = Cable::new(Faults::default(), 1);
    let server = cable.station(Mac([2, 0, 0, 0, 0, 9]));
    let mut b = numbered(&mut cable, 2, 1500);
    let mac = Mac([2, 0, 0, 0, 0, 1]);
    let mut a = host(cable.station(mac), Config::rarp());
    let socket = a.bind_udp(5, leak(100)).unwrap();
    assert_eq!(
        a.send_to(socket, Endpoint::new(B, 7), b""),
        Err(SendError::NoAddress)
    );
    let mut asked = Vec::new();
    // Nobody answers for ten seconds.
    while a.interface().is_none() {
        a.poll();
        b.poll();
        cable.step();
        for frame in server.arriving.borrow_mut().drain(..) {
            let Ok(packet) = arp::Packet::new_checked(&frame[ethernet::HEADER..]) else {
                continue;
            };
            let request = arp::Repr::parse(&packet).unwrap();
            if frame[12..14] != [0x80, 0x35] {
                continue;
            }
            assert_eq!((request.operation.0, request.target_mac), (3, mac));
            asked.push(cable.now());
            if cable.now() > 10_000 {
                let reply = arp::Repr {
                    operation: arp::Operation::REVERSE_REPLY,
                    source_mac: Mac([2, 0, 0, 0, 0, 9]),
                    source: [10, 0, 0, 9].into(),
                    target_mac: mac,
                    target: A,
                };
                let header = ethernet::Repr {
                    destination: mac,
                    source: reply.source_mac,
                    kind: ethernet::EtherType::RARP,
                };
                let frame = [&header.emit()[..], &reply.emit()].concat();
                server.leaving.borrow_mut().push_back(frame);
            }
        }
        assert!(cable.now() < 60_000);
    }
    assert_eq!(asked, [1, 1_001, 3_001, 7_001, 15_001], "intervals double");
    assert_eq!(a.interface().map(|i| (i.address, i.prefix)), Some((A, 8)));
    assert_eq!(a.counters().fate(Fate::Rarp), 1);
    a.poll();
    assert_eq!(
        a.counters().event(Event::Announced),
        1,
        "the network is told"
    );
    let service = b.bind_udp(7, leak(1_000)).unwrap();
    a.send_to(socket, Endpoint::new(B, 7), b"hello").unwrap();
    let mut buffer = [0; 100];
    for _ in 0..10 {
        a.poll();
        b.poll();
        echo::serve(&mut b, service, &mut buffer).unwrap();
        cable.step();
    }
    a.poll();
    assert_eq!(
        a.receive(socket, &mut buffer),
        Ok(Some((Endpoint::new(B, 7), 5)))
    );
}

/// One that only looks at the time when a deadline says so misses nothing.
#[test]
fn deadlines_are_enough() {
    let mut cable = Cable::new(Faults::default(), 1);
    let mut a = numbered(&mut cable, 1, 1500);
    let socket = a.bind_udp(0, leak(100)).unwrap();
    a.poll();
    a.send_to(socket, Endpoint::new(B, 7), b"x").unwrap();
    let mut polls = 0;
    while let Some(deadline) = a.deadline() {
        assert!(deadline > cable.now());
        cable.clock.set(deadline);
        a.poll();
        polls += 1;
    }
    // Two more requests, silence, and forgetting it.
    assert_eq!((polls, cable.now()), (4, 8_000));
    assert_eq!(a.counters().event(Event::Asked), 3);
}

#[test]
fn broadcasts_reach_who_is_only_bound() {
    let mut cable = Cable::new(Faults::default(), 1);
    let mut a = numbered(&mut cable, 1, 1500);
    let mut b = numbered(&mut cable, 2, 1500);
    let from = a.bind_udp(5, leak(100)).unwrap();
    let bound = b.bind_udp(7, leak(1_000)).unwrap();
    let narrow = b.bind_udp(8, leak(1_000)).unwrap();
    b.connect(narrow, Endpoint::new(A, 5)).unwrap();
    for all in [[10, 0, 0, 255], [255; 4]] {
        for port in [7, 8, 9] {
            a.send_to(from, Endpoint::new(all.into(), port), b"all")
                .unwrap();
        }
    }
    a.poll();
    cable.step();
    b.poll();
    let mut buffer = [0; 8];
    for _ in 0..2 {
        assert_eq!(
            b.receive(bound, &mut buffer),
            Ok(Some((Endpoint::new(A, 5), 3)))
        );
    }
    assert_eq!(b.receive(narrow, &mut buffer), Ok(None));
    assert_eq!(b.counters().fate(Fate::NoSocket), 4);
    assert_eq!(b.counters().event(Event::ErrorsSent), 0);
}

/// More addresses are asked for than are remembered: what waits for those forgotten is let go.
#[test]
fn whoever_is_forgotten_is_not_waited_for() {
    let mut cable = Cable::new(Faults::default(), 1);
    let mut a = numbered(&mut cable, 1, 1500);
    let socket = a.bind_udp(0, leak(100)).unwrap();
    for last in 100..200 {
        let absent = Endpoint::new([10, 0, 0, last].into(), 9);
        a.send_to(socket, absent, b"x").unwrap();
        cable.step();
    }
    a.poll();
    assert_eq!(a.counters().event(Event::Unresolved), 100 - 16);
    for _ in 0..4_000 {
        a.poll();
        cable.step();
    }
    assert_eq!(a.counters().event(Event::Unresolved), 100);
    assert_eq!(a.counters().event(Event::ParkedOut), 0);
}
