//! What is emitted parses to what it was made of; what parses emits the same meaning again.

use crate::{
    app::names::wire::{self as names, Message, Operation, Status},
    fuzzing::with_options,
    wire::{
        Mac, arp,
        ethernet::{self, EtherType},
        icmp::{self, Unreachable},
        ip::{self, Protocol},
        udp,
    },
};
use core::net::Ipv4Addr;
use proptest::prelude::*;

fn mac() -> impl Strategy<Value = Mac> {
    any::<[u8; 6]>().prop_map(Mac)
}

fn address() -> impl Strategy<Value = Ipv4Addr> {
    any::<[u8; 4]>().prop_map(Ipv4Addr::from)
}

fn error() -> impl Strategy<Value = icmp::Error> {
    prop_oneof![
        any::<u8>().prop_map(|code| icmp::Error::Unreachable(Unreachable(code))),
        Just(icmp::Error::SourceQuench),
        any::<u8>().prop_map(icmp::Error::Redirect),
        any::<u8>().prop_map(icmp::Error::TimeExceeded),
        any::<u8>().prop_map(icmp::Error::Parameter),
    ]
}

fn icmp_repr() -> impl Strategy<Value = icmp::Repr> {
    prop_oneof![
        any::<(u16, u16)>().prop_map(|(identifier, sequence)| icmp::Repr::EchoRequest {
            identifier,
            sequence
        }),
        any::<(u16, u16)>().prop_map(|(identifier, sequence)| icmp::Repr::EchoReply {
            identifier,
            sequence
        }),
        error().prop_map(icmp::Repr::Error),
        (13_u8..).prop_map(icmp::Repr::Other),
    ]
}

prop_compose! {
    fn ip_repr(payload_length: u16)(
        service: u8, identification: u16, flags: [bool; 2], unit in 0_u16..8192,
        time_to_live: u8, protocol: u8, source in address(), destination in address(),
    ) -> ip::Repr {
        ip::Repr {
            service, payload_length, identification,
            dont_fragment: flags[0], more_fragments: flags[1], offset: unit * 8,
            time_to_live, protocol: Protocol(protocol), source, destination,
        }
    }
}

proptest! {
    #[test]
    fn ethernet(destination in mac(), source in mac(), kind: u16, payload in prop::collection::vec(any::<u8>(), 0..1500)) {
        let repr = ethernet::Repr { destination, source, kind: EtherType(kind) };
        let bytes = [&repr.emit()[..], &payload].concat();
        let frame = ethernet::Frame::new_checked(&bytes).unwrap();
        prop_assert_eq!(ethernet::Repr::parse(&frame), repr);
        prop_assert_eq!(frame.payload(), &payload);
    }

    #[test]
    fn arp(operation: u16, source_mac in mac(), source in address(), target_mac in mac(), target in address()) {
        let operation = arp::Operation(operation);
        let repr = arp::Repr { operation, source_mac, source, target_mac, target };
        let bytes = repr.emit();
        let parsed = arp::Repr::parse(&arp::Packet::new_checked(&bytes).unwrap());
        if source_mac.is_station() && !source.is_multicast() && !source.is_broadcast() {
            prop_assert_eq!(parsed, Ok(repr));
        } else {
            prop_assert!(parsed.is_err());
        }
    }

    #[test]
    fn ip(repr in ip_repr(20), payload: [u8; 20], words in 0_usize..=10, padding in 0_usize..20) {
        let mut bytes = [&repr.emit()[..], &payload].concat();
        // Options that are nothing change nothing.
        bytes = with_options(&bytes, &vec![1; words * 4]);
        bytes.extend(vec![0xee; padding]);
        let packet = ip::Packet::new_checked(&bytes).unwrap();
        prop_assert_eq!(packet.payload(), &payload);
        prop_assert_eq!(packet.header().len(), 20 + words * 4);
        prop_assert_eq!(packet.options().count(), 0);
        prop_assert_eq!(ip::Repr::parse(&packet), Ok(repr));
        for cut in 0..bytes.len() - padding {
            prop_assert!(ip::Packet::new_checked(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn one_wrong_bit_in_a_header_is_noticed(repr in ip_repr(0), bit in 0_usize..160) {
        let mut bytes = repr.emit();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let parsed = ip::Packet::new_checked(&bytes).and_then(|packet| ip::Repr::parse(&packet));
        prop_assert!(parsed.is_err());
    }

    #[test]
    fn options(list in prop::collection::vec((2_u8.., prop::collection::vec(any::<u8>(), 0..6)), 0..5)) {
        let mut bytes = Vec::new();
        for (kind, data) in &list {
            bytes.extend([*kind, data.len() as u8 + 2]);
            bytes.extend(data);
        }
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        prop_assume!(bytes.len() <= 40);
        let header = ip::Repr {
            service: 0, payload_length: 0, identification: 0, dont_fragment: false, more_fragments: false,
            offset: 0, time_to_live: 1, protocol: Protocol::UDP,
            source: Ipv4Addr::LOCALHOST, destination: Ipv4Addr::LOCALHOST,
        };
        let bytes = with_options(&header.emit(), &bytes);
        let packet = ip::Packet::new_checked(&bytes).unwrap();
        let parsed: Vec<_> = packet.options().map(|o| o.map(|o| (o.kind, o.data.to_vec()))).collect();
        let expected: Vec<_> = list.into_iter().map(Ok).collect();
        prop_assert_eq!(parsed, expected);
    }

    #[test]
    fn icmp(repr in icmp_repr(), payload in prop::collection::vec(any::<u8>(), 0..100)) {
        let bytes = [&repr.emit(&payload)[..], &payload].concat();
        let message = icmp::Message::new_checked(&bytes).unwrap();
        prop_assert_eq!(icmp::Repr::parse(&message), Ok(repr));
        prop_assert_eq!(message.payload(), &payload);
    }

    #[test]
    fn quotation(repr in ip_repr(100), first: [u8; 8]) {
        let bytes = [&repr.emit()[..], &first].concat();
        let quoted = icmp::Quotation { ip: repr, first };
        prop_assert_eq!(icmp::Quotation::parse(&bytes), Some(quoted));
        prop_assert_eq!(icmp::Quotation::parse(&bytes[..27]), None);
    }

    #[test]
    fn udp(ports: [u16; 2], between in (address(), address()), payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let repr = udp::Repr { source: ports[0], destination: ports[1] };
        let (source, destination) = between;
        let mut bytes = [&repr.emit(source, destination, &payload)[..], &payload].concat();
        prop_assert_ne!(&bytes[6..8], &[0, 0], "there is a checksum");
        bytes.push(0xee);
        let datagram = udp::Datagram::new_checked(&bytes).unwrap();
        prop_assert_eq!(datagram.payload(), &payload);
        prop_assert_eq!(udp::Repr::parse(&datagram, source, destination), Ok(repr));
    }

    #[test]
    fn names(operation in 0_usize..3, status in 0_usize..4, number: u16,
             name in prop::collection::vec(any::<u8>(), 0..40), value in prop::collection::vec(any::<u8>(), 0..70)) {
        let operation = [Operation::Get, Operation::Set, Operation::Remove][operation];
        let status = [Status::Request, Status::Done, Status::Unknown, Status::Full][status];
        let repr = names::Repr { operation, status, number, name: &name, value: &value };
        let mut out = [0; names::LONGEST];
        match repr.emit(&mut out) {
            None => prop_assert!(name.is_empty() || name.len() > 32 || value.len() > 64),
            Some(length) => {
                let message = Message::new_checked(&out[..length]).unwrap();
                prop_assert_eq!(names::Repr::parse(&message), Ok(repr));
                prop_assert!(Message::new_checked(&out[..length - 1]).is_err());
            }
        }
    }

    /// No bytes make a view panic, and what a header says is said again by the one emitted for it.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(packet) = arp::Packet::new_checked(&bytes)
            && let Ok(repr) = arp::Repr::parse(&packet) {
            prop_assert_eq!(&repr.emit()[..], &bytes[..28]);
        }
        let _ = icmp::Quotation::parse(&bytes);
        let _ = Message::new_checked(&bytes).and_then(|message| names::Repr::parse(&message));
        if let Ok(packet) = ip::Packet::new_checked(&bytes) {
            prop_assert!(packet.options().count() <= 40);
            let _ = ip::Repr::parse(&packet);
        }
        if let Ok(datagram) = udp::Datagram::new_checked(&bytes) {
            let _ = udp::Repr::parse(&datagram, Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST);
        }
    }
}
