//! Claims against deliveries: what a socket gets is what its filter accepts.

use super::cable::{host, leak};
use crate::{
    Claim, Config, Endpoint, Fate, Interface,
    fuzzing::{ADDRESS, FRIEND, MAC, Source, Tape},
    wire::{ethernet, ip},
};
use core::net::Ipv4Addr;
use dpf::{
    filter::{self, Filter, Lowered},
    interp,
    overlap::{self, Budget, Relation},
    syntax::Program,
};

fn compiled(claim: Claim) -> Lowered {
    let text = claim.declaration().to_string();
    let program = Program::parse(&text, "claim", true).unwrap_or_else(|e| panic!("{text}: {e}"));
    let mut filters = filter::lower(&program).unwrap();
    assert_eq!(filters.len(), 1);
    assert_eq!(filters[0].fragments, claim.fragments());
    filters.remove(0)
}

const PEER: Endpoint = Endpoint::new(FRIEND, 9);

fn all() -> Vec<Claim> {
    let (address, broadcast) = (ADDRESS, Some(Ipv4Addr::new(10, 0, 0, 255)));
    let (port, identifier) = (7, 3);
    vec![
        Claim::Arp { address },
        Claim::Rarp { mac: MAC },
        Claim::Udp {
            address,
            broadcast,
            port,
            peer: None,
        },
        Claim::Udp {
            address,
            broadcast: Some(Ipv4Addr::BROADCAST),
            port,
            peer: None,
        },
        Claim::Udp {
            address,
            broadcast: None,
            port,
            peer: Some(PEER),
        },
        Claim::EchoReplies {
            address,
            identifier,
            peer: None,
        },
        Claim::EchoReplies {
            address,
            identifier,
            peer: Some(FRIEND),
        },
        Claim::EchoRequests { address },
        Claim::Errors { address },
    ]
}

#[test]
fn the_text_of_every_claim() {
    let list: String = all()
        .iter()
        .map(|claim| format!("{}\n", claim.declaration()))
        .collect();
    expect_test::expect![[r#"
        filter arp_here = ether.type == 0x0806 && arp.tpa == 10.0.0.2;
        filter rarp_here = ether.type == 0x8035 && rarp.op == 4 && rarp.tha == 02:00:00:00:ee:01;
        filter udp_socket fragments = ether.type == 0x0800 && ip.dst in { 10.0.0.2, 10.0.0.255, 255.255.255.255 } && udp.dport == 7;
        filter udp_socket fragments = ether.type == 0x0800 && ip.dst in { 10.0.0.2, 255.255.255.255 } && udp.dport == 7;
        filter udp_socket fragments = ether.type == 0x0800 && ip.dst == 10.0.0.2 && udp.dport == 7 && ip.src == 10.0.0.200 && udp.sport == 9;
        filter echo_replies fragments = ether.type == 0x0800 && ip.dst == 10.0.0.2 && icmp.type == 0 && icmp.code == 0 && icmp.id == 3;
        filter echo_replies fragments = ether.type == 0x0800 && ip.dst == 10.0.0.2 && icmp.type == 0 && icmp.code == 0 && icmp.id == 3 && ip.src == 10.0.0.200;
        filter echo_requests fragments = ether.type == 0x0800 && ip.dst == 10.0.0.2 && icmp.type == 8 && icmp.code == 0;
        filter icmp_errors fragments = ether.type == 0x0800 && ip.dst == 10.0.0.2 && icmp.type in { 3..5, 11..12 };
    "#]].assert_eq(&list);
}

fn relation(a: &Filter, b: &Filter) -> Relation {
    overlap::relate(a, b, &mut Budget::new(1 << 20))
}

#[test]
fn connecting_narrows_and_claims_of_different_kinds_are_disjoint() {
    let filters: Vec<Filter> = all()
        .into_iter()
        .map(|claim| compiled(claim).filter)
        .collect();
    for (a, one) in filters.iter().enumerate() {
        for (b, other) in filters.iter().enumerate().skip(a + 1) {
            let relation = relation(one, other);
            match (a, b) {
                (2, 3 | 4) | (3, 4) | (5, 6) => {
                    assert!(
                        matches!(relation, Relation::BInA { .. }),
                        "{a} {b}: {relation:?}"
                    );
                }
                _ => assert!(
                    matches!(relation, Relation::Disjoint),
                    "{a} {b}: {relation:?}"
                ),
            }
        }
    }
}

/// Frames that are nearly right: whole datagrams are delivered to a socket exactly if its filter
/// accepts them, unless something is malformed.
#[test]
fn what_is_delivered_is_what_the_filter_accepts() {
    let clock = std::rc::Rc::default();
    let tape = Tape::new(MAC, &clock);
    let mut stack = host(tape.clone(), Config::fixed(Interface::new(ADDRESS, 24)));
    let bound = stack.bind_udp(1, leak(4_000)).unwrap();
    let connected = stack.bind_udp(2, leak(4_000)).unwrap();
    stack
        .connect(connected, Endpoint::new([10, 0, 0, 3].into(), 2))
        .unwrap();
    let echo = stack.bind_echo(3, leak(4_000)).unwrap();
    let sockets = [bound, connected, echo];
    let claims = sockets.map(|socket| compiled(stack.claim(socket).unwrap()).filter);
    let (mut delivered, mut data) = ([0; 3], vec![0; 600]);
    let mut state = 1995_u64;
    for _ in 0..40_000 {
        for byte in &mut data {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (state >> 40) as u8;
        }
        let frame = Source::new(&data).frame(MAC, ADDRESS);
        let whole = ethernet::Frame::new_checked(&frame)
            .and_then(|frame| ip::Packet::new_checked(frame.payload()))
            .and_then(|packet| ip::Repr::parse(&packet))
            .is_ok_and(|repr| !repr.is_fragment());
        if !whole {
            continue;
        }
        let before = stack.counters().clone();
        tape.arrive(frame.clone());
        stack.poll();
        let counters = stack.counters();
        let mut met = Fate::ALL
            .iter()
            .filter(|f| counters.fate(**f) != before.fate(**f));
        let fate = *met.next().unwrap();
        let is_delivered = fate == Fate::Delivered;
        let owner = sockets.map(|socket| stack.receive(socket, &mut [0; 2_000]).unwrap().is_some());
        assert_eq!(owner.iter().any(|got| *got), is_delivered);
        for ((claim, got), count) in claims.iter().zip(owner).zip(&mut delivered) {
            let accepts = interp::accepts(claim, &frame, frame.len() as u32);
            assert!(accepts || !got, "delivered, but not claimed: {frame:02x?}");
            // A filter does not see checksums, stations and addresses that no host has.
            let why = [
                Fate::OtherStation,
                Fate::OtherAddress,
                Fate::Martian,
                Fate::Conflict,
                Fate::UdpLength,
                Fate::UdpChecksum,
                Fate::IcmpChecksum,
            ];
            if accepts && !got {
                assert!(why.contains(&fate), "claimed, but {fate:?}: {frame:02x?}");
            }
            *count += u32::from(got);
        }
    }
    assert!(
        delivered[0] > 100 && delivered[1] > 0 && delivered[2] > 20,
        "{delivered:?}"
    );
}

#[cfg(feature = "filter")]
#[test]
fn the_binary_form_is_that_of_the_text() {
    for claim in all() {
        let binary = claim.compile().unwrap();
        let decoded = Filter::decode(&binary).unwrap();
        assert!(matches!(
            relation(&decoded, &compiled(claim).filter),
            Relation::Equal { .. }
        ));
        assert_eq!(decoded.encode(), binary);
    }
}
