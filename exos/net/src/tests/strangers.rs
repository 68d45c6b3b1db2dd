//! Packets that pnet_packet builds, and what is emitted, judged by it.

use super::cable::{host, leak};
use crate::{
    Config, Endpoint, Event, Fate, Interface, Mac, Stack, fuzzing::Tape, neighbour::State,
    wire::ethernet,
};
use core::cell::Cell;
use core::net::Ipv4Addr;
use pnet_packet::{
    FromPacket, MutablePacket, Packet,
    arp::{ArpHardwareTypes, ArpOperation, ArpOperations, ArpPacket, MutableArpPacket},
    ethernet::{EtherType, EtherTypes, EthernetPacket, MutableEthernetPacket},
    icmp::{self, IcmpPacket, IcmpTypes, echo_reply::EchoReplyPacket, echo_request},
    ip::{IpNextHeaderProtocol, IpNextHeaderProtocols},
    ipv4::{self, Ipv4Flags, Ipv4Packet, MutableIpv4Packet},
    udp::{self, MutableUdpPacket, UdpPacket},
};
use std::rc::Rc;

const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const THERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const OURS: [u8; 6] = [2, 0, 0, 0, 0, 2];
const THEIRS: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn bench() -> (Stack<'static, Tape, 4>, Tape, Rc<Cell<u64>>) {
    let clock = Rc::default();
    let tape = Tape::new(Mac(OURS), &clock);
    let mut stack = host(tape.clone(), Config::fixed(Interface::new(HERE, 24)));
    stack.poll();
    let announcement = tape.sent();
    let frame = EthernetPacket::new(&announcement[0]).unwrap();
    assert!(frame.get_destination().is_broadcast());
    let arp = ArpPacket::new(frame.payload()).unwrap();
    assert_eq!(
        (arp.get_sender_proto_addr(), arp.get_target_proto_addr()),
        (HERE, HERE)
    );
    (stack, tape, clock)
}

fn frame(kind: EtherType, payload: &[u8], destination: [u8; 6]) -> Vec<u8> {
    let mut bytes = vec![0; 14 + payload.len()];
    let mut frame = MutableEthernetPacket::new(&mut bytes).unwrap();
    frame.set_destination(destination.into());
    frame.set_source(THEIRS.into());
    frame.set_ethertype(kind);
    frame.set_payload(payload);
    bytes
}

fn arp(operation: ArpOperation, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut bytes = [0; 28];
    let mut arp = MutableArpPacket::new(&mut bytes).unwrap();
    arp.set_hardware_type(ArpHardwareTypes::Ethernet);
    arp.set_protocol_type(EtherTypes::Ipv4);
    arp.set_hw_addr_len(6);
    arp.set_proto_addr_len(4);
    arp.set_operation(operation);
    arp.set_sender_hw_addr(THEIRS.into());
    arp.set_sender_proto_addr(sender);
    arp.set_target_proto_addr(target);
    frame(EtherTypes::Arp, &bytes, [0xff; 6])
}

/// A datagram with words of options.
fn ip(protocol: IpNextHeaderProtocol, options: &[u8], payload: &[u8], to: Ipv4Addr) -> Vec<u8> {
    let header = 20 + options.len();
    let mut bytes = vec![0; header + payload.len()];
    // pnet wants options as structures; they are bytes here.
    bytes[20..header].copy_from_slice(options);
    bytes[header..].copy_from_slice(payload);
    let length = bytes.len() as u16;
    let mut ip = MutableIpv4Packet::new(&mut bytes).unwrap();
    ip.set_version(4);
    ip.set_header_length((header / 4) as u8);
    ip.set_total_length(length);
    ip.set_identification(77);
    ip.set_ttl(3);
    ip.set_next_level_protocol(protocol);
    ip.set_source(THERE);
    ip.set_destination(to);
    let sum = ipv4::checksum(&ip.to_immutable());
    ip.set_checksum(sum);
    bytes
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 8 + payload.len()];
    let length = bytes.len() as u16;
    let mut udp = MutableUdpPacket::new(&mut bytes).unwrap();
    udp.set_source(4321);
    udp.set_destination(port);
    udp.set_length(length);
    udp.set_payload(payload);
    let sum = udp::ipv4_checksum(&udp.to_immutable(), &THERE, &HERE);
    udp.set_checksum(sum);
    bytes
}

fn echo(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 8 + payload.len()];
    let mut echo = echo_request::MutableEchoRequestPacket::new(&mut bytes).unwrap();
    echo.set_icmp_type(IcmpTypes::EchoRequest);
    echo.set_identifier(0x1234);
    echo.set_sequence_number(9);
    echo.set_payload(payload);
    let sum = icmp::checksum(&IcmpPacket::new(echo.packet_mut()).unwrap());
    echo.set_checksum(sum);
    bytes
}

/// The frames sent, each judged as one of Ethernet; of those that carry IP, the datagrams.
fn judged(tape: &Tape) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    for bytes in tape.sent() {
        let frame = EthernetPacket::new(&bytes).unwrap();
        assert_eq!(frame.get_source(), OURS);
        assert!((60..=1514).contains(&bytes.len()));
        if frame.get_ethertype() == EtherTypes::Ipv4 {
            let ip = Ipv4Packet::new(frame.payload()).unwrap();
            assert_eq!((ip.get_version(), ip.get_header_length()), (4, 5));
            assert_eq!(ip.get_checksum(), ipv4::checksum(&ip));
            assert_eq!((ip.get_source(), ip.get_ttl()), (HERE, 64));
            assert!(usize::from(ip.get_total_length()) <= frame.payload().len());
            datagrams.push(frame.payload()[..usize::from(ip.get_total_length())].to_vec());
        }
    }
    datagrams
}

#[test]
fn arp_is_asked_answered_and_kept() {
    let (mut stack, tape, clock) = bench();
    let socket = stack.bind_udp(7, leak(100)).unwrap();
    stack
        .send_to(socket, Endpoint::new(THERE, 4321), b"waits")
        .unwrap();
    let sent = tape.sent();
    assert_eq!(sent.len(), 1, "the datagram waits");
    let request = EthernetPacket::new(&sent[0]).unwrap();
    assert_eq!(
        (
            request.get_ethertype(),
            request.get_destination().is_broadcast()
        ),
        (EtherTypes::Arp, true)
    );
    let request = ArpPacket::new(request.payload()).unwrap().from_packet();
    assert_eq!(request.operation, ArpOperations::Request);
    assert_eq!(
        (request.hardware_type, request.protocol_type),
        (ArpHardwareTypes::Ethernet, EtherTypes::Ipv4)
    );
    assert_eq!((request.hw_addr_len, request.proto_addr_len), (6, 4));
    assert_eq!(
        (request.sender_hw_addr, request.sender_proto_addr),
        (OURS.into(), HERE)
    );
    assert_eq!(request.target_proto_addr, THERE);

    tape.arrive(arp(ArpOperations::Reply, THERE, HERE));
    stack.poll();
    let sent = judged(&tape);
    let ip = Ipv4Packet::new(&sent[0]).unwrap();
    let datagram = UdpPacket::new(ip.payload()).unwrap();
    assert_eq!(
        (datagram.payload(), datagram.get_destination()),
        (&b"waits"[..], 4321)
    );
    assert_eq!(
        datagram.get_checksum(),
        udp::ipv4_checksum(&datagram, &HERE, &THERE)
    );

    // Asked, it answers, whoever asks.
    tape.arrive(arp(ArpOperations::Request, THERE, HERE));
    tape.arrive(arp(ArpOperations::Request, Ipv4Addr::UNSPECIFIED, HERE));
    tape.arrive(arp(
        ArpOperations::Request,
        THERE,
        Ipv4Addr::new(10, 0, 0, 3),
    ));
    stack.poll();
    let sent = tape.sent();
    assert_eq!(sent.len(), 2);
    for reply in sent {
        let frame = EthernetPacket::new(&reply).unwrap();
        assert_eq!(frame.get_destination(), THEIRS);
        let arp = ArpPacket::new(frame.payload()).unwrap().from_packet();
        assert_eq!(arp.operation, ArpOperations::Reply);
        assert_eq!(
            (arp.sender_hw_addr, arp.sender_proto_addr),
            (OURS.into(), HERE)
        );
        assert_eq!(arp.target_hw_addr, THEIRS);
    }

    // Someone else claims the address: that is counted, and answered every ten seconds.
    for _ in 0..3 {
        tape.arrive(arp(ArpOperations::Request, HERE, HERE));
        stack.poll();
        clock.set(clock.get() + 4_000);
    }
    assert_eq!(
        (stack.counters().fate(Fate::Conflict), tape.sent().len()),
        (3, 1)
    );
    assert!(
        stack
            .neighbours()
            .iter()
            .all(|n| n.address != HERE && matches!(n.state, State::Known { .. }))
    );
}

#[test]
fn an_echo_comes_back_whatever_options_it_had() {
    let (mut stack, tape, _) = bench();
    tape.arrive(arp(ArpOperations::Request, THERE, HERE));
    stack.poll();
    tape.sent();
    // None; router alert; no operation and record route; end and rubbish.
    let options: [&[u8]; 4] = [&[], &[148, 4, 0, 0], &[1, 7, 3, 4], &[0, 9, 9, 9]];
    for (length, options) in [0, 1, 18, 1400].into_iter().zip(options) {
        let payload = vec![0xa5; length];
        let datagram = ip(IpNextHeaderProtocols::Icmp, options, &echo(&payload), HERE);
        tape.arrive(frame(EtherTypes::Ipv4, &datagram, OURS));
        stack.poll();
        let sent = judged(&tape);
        assert_eq!(sent.len(), 1);
        let ip = Ipv4Packet::new(&sent[0]).unwrap();
        assert_eq!(
            (ip.get_destination(), ip.get_next_level_protocol()),
            (THERE, IpNextHeaderProtocols::Icmp)
        );
        let message = IcmpPacket::new(ip.payload()).unwrap();
        assert_eq!(message.get_checksum(), icmp::checksum(&message));
        let reply = EchoReplyPacket::new(ip.payload()).unwrap();
        assert_eq!(reply.get_icmp_type(), IcmpTypes::EchoReply);
        assert_eq!(
            (reply.get_identifier(), reply.get_sequence_number()),
            (0x1234, 9)
        );
        assert_eq!(reply.payload(), payload);
    }
    assert_eq!(stack.counters().fate(Fate::Echoed), 4);
    // An option that leaves the header, and one too short to be one.
    for options in [[148, 5, 0, 0], [148, 1, 0, 0], [1, 1, 1, 148]] {
        let datagram = ip(IpNextHeaderProtocols::Icmp, &options, &echo(b"x"), HERE);
        tape.arrive(frame(EtherTypes::Ipv4, &datagram, OURS));
    }
    stack.poll();
    assert_eq!(
        (stack.counters().fate(Fate::IpOptions), tape.sent().len()),
        (3, 0)
    );
}

#[test]
fn a_port_that_nobody_has_is_unreachable() {
    let (mut stack, tape, clock) = bench();
    tape.arrive(arp(ArpOperations::Request, THERE, HERE));
    stack.poll();
    tape.sent();
    let datagram = ip(
        IpNextHeaderProtocols::Udp,
        &[148, 4, 0, 0],
        &udp(9, b"is anybody there"),
        HERE,
    );
    tape.arrive(frame(EtherTypes::Ipv4, &datagram, OURS));
    stack.poll();
    let sent = judged(&tape);
    let ip_header = Ipv4Packet::new(&sent[0]).unwrap();
    let message = IcmpPacket::new(ip_header.payload()).unwrap();
    assert_eq!(
        (message.get_icmp_type(), message.get_icmp_code().0),
        (IcmpTypes::DestinationUnreachable, 3)
    );
    assert_eq!(message.get_checksum(), icmp::checksum(&message));
    let quoted = &message.payload()[4..];
    assert_eq!(
        quoted,
        &datagram[..24 + 8],
        "the header with options, and eight bytes"
    );

    // A protocol that nobody speaks.
    let datagram = ip(IpNextHeaderProtocols::Tcp, &[], &[0; 20], HERE);
    tape.arrive(frame(EtherTypes::Ipv4, &datagram, OURS));
    stack.poll();
    let sent = judged(&tape);
    let code = IcmpPacket::new(&sent[0][20..]).unwrap().get_icmp_code().0;
    assert_eq!(code, 2);

    // Never about a broadcast, in whichever way it is one; nor in floods.
    let all = ip(
        IpNextHeaderProtocols::Udp,
        &[],
        &[0, 1, 0, 9, 0, 8, 0, 0],
        Ipv4Addr::new(10, 0, 0, 255),
    );
    tape.arrive(frame(EtherTypes::Ipv4, &all, [0xff; 6]));
    tape.arrive(frame(EtherTypes::Ipv4, &datagram, [0xff; 6]));
    stack.poll();
    assert_eq!(tape.sent().len(), 0);
    assert_eq!(stack.counters().fate(Fate::NoSocket), 2);
    clock.set(10_000);
    for _ in 0..100 {
        tape.arrive(frame(EtherTypes::Ipv4, &datagram, OURS));
        stack.poll();
    }
    assert_eq!(judged(&tape).len(), 10);
    assert_eq!(stack.counters().event(Event::ErrorsWithheld), 90);
}

/// Port unreachable about a datagram that went to a host, from a port of ours to one of its own.
fn refusal(from: Ipv4Addr, to: Ipv4Addr, ports: [u16; 2]) -> Vec<u8> {
    let mut quoted = ip(IpNextHeaderProtocols::Udp, &[], &udp(ports[1], b"x"), to);
    quoted[12..16].copy_from_slice(&HERE.octets());
    quoted[20..22].copy_from_slice(&ports[0].to_be_bytes());
    let mut message = vec![0; 8 + 28];
    message[..2].copy_from_slice(&[3, 3]);
    message[8..].copy_from_slice(&quoted[..28]);
    let sum = icmp::checksum(&IcmpPacket::new(&message).unwrap());
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut datagram = ip(IpNextHeaderProtocols::Icmp, &[], &message, HERE);
    datagram[12..16].copy_from_slice(&from.octets());
    let sum = ipv4::checksum(&Ipv4Packet::new(&datagram).unwrap());
    datagram[10..12].copy_from_slice(&sum.to_be_bytes());
    frame(EtherTypes::Ipv4, &datagram, OURS)
}

#[test]
fn only_the_peer_itself_can_refuse() {
    let (mut stack, tape, _) = bench();
    let socket = stack.bind_udp(7, leak(100)).unwrap();
    let bound = stack.bind_udp(8, leak(100)).unwrap();
    stack.connect(socket, Endpoint::new(THERE, 9)).unwrap();
    let third = Ipv4Addr::new(10, 0, 0, 3);
    let forged = [
        refusal(third, THERE, [7, 9]),
        refusal(third, third, [7, 9]),
        refusal(THERE, third, [7, 9]),
        refusal(THERE, THERE, [7, 10]),
        refusal(THERE, THERE, [8, 9]),
    ];
    for forged in forged {
        tape.arrive(forged);
        stack.poll();
    }
    assert_eq!(stack.counters().fate(Fate::OtherIcmp), 5);
    assert_eq!(stack.take_refusal(socket), Ok(false));
    tape.arrive(refusal(THERE, THERE, [7, 9]));
    stack.poll();
    assert_eq!(stack.counters().fate(Fate::Error), 1);
    assert_eq!(stack.take_refusal(socket), Ok(true));
    assert_eq!(stack.take_refusal(socket), Ok(false), "it is told once");
    assert_eq!(stack.take_refusal(bound), Ok(false));
}

#[test]
fn datagrams_arrive_and_the_malformed_do_not() {
    let (mut stack, tape, _) = bench();
    let socket = stack.bind_udp(7, leak(4_000)).unwrap();
    let good = ip(IpNextHeaderProtocols::Udp, &[], &udp(7, b"payload"), HERE);
    let mut send = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = frame(EtherTypes::Ipv4, &good, OURS);
        edit(&mut frame);
        tape.arrive(frame);
        let before = stack.counters().clone();
        stack.poll();
        let fates = Fate::ALL.iter();
        let met: Vec<_> = { fates }
            .filter(|f| stack.counters().fate(**f) != before.fate(**f))
            .collect();
        assert_eq!(met.len(), 1);
        *met[0]
    };
    let header_sum = |frame: &mut Vec<u8>| {
        let sum = ipv4::checksum(&Ipv4Packet::new(&frame[14..]).unwrap());
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
    };
    assert_eq!(send(&|_| ()), Fate::Delivered);
    assert_eq!(
        send(&|f| f.extend([0; 11])),
        Fate::Delivered,
        "padding is nothing"
    );
    assert_eq!(
        send(&|f| f[40..42].fill(0)),
        Fate::Delivered,
        "no checksum is a checksum"
    );
    assert_eq!(send(&|f| f[47] ^= 1), Fate::UdpChecksum);
    assert_eq!(send(&|f| f[24] ^= 1), Fate::IpChecksum);
    assert_eq!(send(&|f| f[14] = 0x65), Fate::IpVersion);
    assert_eq!(send(&|f| f[14] = 0x44), Fate::IpLength);
    assert_eq!(send(&|f| f.truncate(48)), Fate::IpLength);
    assert_eq!(send(&|f| f.truncate(33)), Fate::IpShort);
    assert_eq!(send(&|f| f.truncate(13)), Fate::EthernetShort);
    assert_eq!(
        send(&|f| f.resize(ethernet::LONGEST + 1, 0)),
        Fate::EthernetLong
    );
    assert_eq!(send(&|f| f[39] = 7), Fate::UdpLength);
    assert_eq!(send(&|f| f[39] = 16), Fate::UdpLength);
    assert_eq!(send(&|f| f[0] = 4), Fate::OtherStation);
    assert_eq!(send(&|f| f[12] = 0x86), Fate::OtherType);
    assert_eq!(
        send(&|f| {
            f[33] = 9;
            header_sum(f);
        }),
        Fate::OtherAddress
    );
    assert_eq!(
        send(&|f| {
            f[26] = 127;
            header_sum(f);
        }),
        Fate::Martian
    );
    assert_eq!(
        send(&|f| {
            f[29] = 2;
            header_sum(f);
        }),
        Fate::Conflict
    );
    assert_eq!(
        send(&|f| {
            f[17] = 24;
            f.truncate(38);
            header_sum(f);
        }),
        Fate::UdpShort
    );
    let (mut buffer, from) = ([0; 16], Endpoint::new(THERE, 4321));
    for _ in 0..3 {
        assert_eq!(stack.receive(socket, &mut buffer), Ok(Some((from, 7))));
        assert_eq!(&buffer[..7], b"payload");
    }
    assert_eq!(stack.receive(socket, &mut buffer), Ok(None));
}

#[test]
fn eight_thousand_bytes_in_fragments_as_a_stranger_sees_them() {
    let (mut stack, tape, _) = bench();
    tape.arrive(arp(ArpOperations::Request, THERE, HERE));
    stack.poll();
    let socket = stack.bind_udp(7, leak(100)).unwrap();
    tape.sent();
    let payload: Vec<u8> = (0..8_000).map(|at| (at % 251) as u8).collect();
    stack
        .send_to(socket, Endpoint::new(THERE, 4321), &payload)
        .unwrap();
    let sent = judged(&tape);
    assert_eq!(sent.len(), 6);
    let mut whole = Vec::new();
    for (number, bytes) in sent.iter().enumerate() {
        let ip = Ipv4Packet::new(bytes).unwrap();
        assert_eq!(usize::from(ip.get_fragment_offset()) * 8, whole.len());
        let more = ip.get_flags() & Ipv4Flags::MoreFragments != 0;
        assert_eq!(more, number < 5);
        assert_eq!(
            ip.get_identification(),
            Ipv4Packet::new(&sent[0]).unwrap().get_identification()
        );
        whole.extend(ip.payload());
    }
    let datagram = UdpPacket::new(&whole).unwrap();
    assert_eq!(datagram.payload(), payload);
    assert_eq!(
        datagram.get_checksum(),
        udp::ipv4_checksum(&datagram, &HERE, &THERE)
    );
}
