//! The medium with ports and no machines: who sends when.

use super::port::Outgoing;
use super::*;

fn ports(count: usize) -> Vec<Port> {
    (0..count)
        .map(|_| {
            let mut port = Port::default();
            port.connect();
            port
        })
        .collect()
}

fn offer(port: &mut Port, since: u64, bytes: usize) {
    port.offer(Outgoing {
        frame: Frame::new(&vec![since as u8; bytes]),
        since,
        retry: true,
    });
}

/// Advances in slices, as the machines would be.
fn advance(cable: &mut Ethernet, ports: &mut [Port], until: u64) {
    let mut ports: Vec<&mut Port> = ports.iter_mut().collect();
    while cable.now() < until {
        let next = until.min(cable.now() + SLICE);
        cable.advance(&mut ports, next);
    }
}

#[test]
fn a_busy_medium_is_waited_for() {
    let mut cable = Ethernet::new();
    let mut ports = ports(3);
    offer(&mut ports[0], 1_000, 60);
    offer(&mut ports[1], 20_000, 60);
    advance(&mut cable, &mut ports, 500_000);
    let starts: Vec<(u64, Option<usize>)> = cable
        .collect()
        .iter()
        .map(|heard| (heard.start, heard.from))
        .collect();
    assert_eq!(
        starts,
        [(1_000, Some(0)), (1_000 + 57_600 + 9_600, Some(1))]
    );
    let first = ports[0].take_report().expect("sent");
    assert_eq!((first.end, first.deferred), (58_600, false));
    assert!(ports[1].take_report().expect("sent").deferred);
    assert_eq!(ports[2].take_arrival().expect("the first").start, 1_000);
    assert_eq!(ports[2].take_arrival().expect("the second").start, 68_200);
    assert_eq!(ports[1].take_arrival().expect("the first").end(), 58_600);
    assert!(ports[1].take_arrival().is_none(), "not its own");
}

#[test]
fn two_that_waited_collide_and_both_get_through() {
    let mut cable = Ethernet::new();
    let mut ports = ports(3);
    offer(&mut ports[0], 0, 60);
    offer(&mut ports[1], 10_000, 60);
    offer(&mut ports[2], 20_000, 60);
    advance(&mut cable, &mut ports, 10_000_000);
    assert_eq!(cable.collect().len(), 3);
    for port in &mut ports[1..] {
        let report = port.take_report().expect("sent");
        assert_eq!(report.outcome, Outcome::Sent);
        assert!(report.collisions >= 1);
    }
}

#[test]
fn sixteen_collisions_are_the_end() {
    for (retry, allowed) in [(true, 16), (false, 1)] {
        let mut cable = Ethernet::new();
        let mut ports = ports(1);
        ports[0].offer(Outgoing {
            frame: Frame::new(&[0; 60]),
            since: 0,
            retry,
        });
        cable.disturb(allowed);
        advance(&mut cable, &mut ports, 500_000_000);
        let report = ports[0].take_report().expect("an end");
        assert_eq!(report.outcome, Outcome::TooManyCollisions);
        assert_eq!(report.collisions, allowed);
        assert_eq!(cable.collect(), []);
        // The next frame starts afresh.
        offer(&mut ports[0], cable.now(), 60);
        let until = cable.now() + 1_000_000;
        advance(&mut cable, &mut ports, until);
        assert_eq!(ports[0].take_report().expect("sent").collisions, 0);
    }
}

#[test]
fn the_hosts_frames_go_in_order_and_give_way() {
    let mut cable = Ethernet::new();
    let mut ports = ports(2);
    cable.inject(Frame::new(&[1; 60]), 5_000);
    cable.inject(Frame::new(&[2; 60]), 0);
    offer(&mut ports[0], 5_000, 60);
    advance(&mut cable, &mut ports, 1_000_000);
    let heard = cable.collect();
    let order: Vec<(u64, Option<usize>)> = heard.iter().map(|own| (own.start, own.from)).collect();
    assert_eq!(order, [(5_000, Some(0)), (72_200, None), (139_400, None)]);
    assert_eq!(heard[1].frame.data(), [1; 60]);
}

#[test]
fn a_slice_changes_nothing() {
    let run = |slice: u64| {
        let mut cable = Ethernet::new();
        let mut ports = ports(4);
        for (index, port) in ports.iter_mut().enumerate() {
            offer(port, 1_000 * index as u64, 100 + index);
        }
        let mut refs: Vec<&mut Port> = ports.iter_mut().collect();
        while cable.now() < 20_000_000 {
            let next = cable.now() + slice;
            cable.advance(&mut refs, next);
        }
        cable.collect()
    };
    let reference = run(SLICE);
    assert_eq!(reference.len(), 4);
    for slice in [100, 777, 5_000] {
        assert_eq!(run(slice), reference);
    }
}

#[test]
fn a_port_without_a_cable_hears_nothing() {
    let mut cable = Ethernet::new();
    let mut ports = ports(2);
    ports[1].disconnect();
    offer(&mut ports[1], 100, 60);
    assert_eq!(
        ports[1].take_report().expect("at once").outcome,
        Outcome::NoCarrier
    );
    cable.inject(Frame::new(&[1; 60]), 0);
    advance(&mut cable, &mut ports, 100_000);
    assert!(ports[0].take_arrival().is_some());
    assert!(ports[1].take_arrival().is_none());
}
