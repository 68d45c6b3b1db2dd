//! `Demux` against the oracle and against its own promises.

use super::*;
use crate::{
    filter::{Filter, lower},
    fuzzing::Random,
    interp,
    syntax::Program,
    trie::Change,
};

fn filter(condition: &str) -> Filter {
    let program = Program::parse(&format!("filter it = {condition};"), "test", true).unwrap();
    lower(&program).unwrap().remove(0).filter
}

fn owned(owner: u32, claim: ClaimId, condition: &str) -> Install {
    Install {
        owner: Owner(owner),
        claim,
        ..Install::from(filter(condition))
    }
}

/// A TCP segment between ports, from 10.0.0.`source` to 10.0.0.`destination`.
fn tcp(source: u8, destination: u8, sport: u16, dport: u16) -> Vec<u8> {
    let mut packet = vec![0; 54];
    packet[12..14].copy_from_slice(&[8, 0]);
    packet[14] = 0x45;
    packet[23] = 6;
    packet[26..34].copy_from_slice(&[10, 0, 0, source, 10, 0, 0, destination]);
    packet[34..36].copy_from_slice(&sport.to_be_bytes());
    packet[36..38].copy_from_slice(&dport.to_be_bytes());
    packet[46] = 0x50;
    packet
}

#[test]
fn the_first_installed_wins_and_all_are_found() {
    let mut demux = Demux::monitoring().unwrap();
    let conditions = [
        "tcp.dport == 80",
        "tcp",
        "ip.src == 10.0.0.1",
        "tcp.dport == 80",
        "udp",
    ];
    let ids: Vec<FilterId> = conditions
        .iter()
        .map(|text| demux.install(filter(text)).unwrap().id)
        .collect();
    let packet = tcp(1, 2, 9, 80);
    let mut all = Vec::new();
    assert_eq!(demux.classify(&packet), Some(ids[0]));
    demux.classify_all(&packet, &mut all);
    assert_eq!(all, [ids[0], ids[1], ids[2], ids[3]]);
    assert!(demux.remove(ids[0]) && !demux.remove(ids[0]));
    assert_eq!(demux.classify(&packet), Some(ids[1]));
    assert!(demux.remove(ids[1]) && demux.remove(ids[2]));
    assert_eq!(demux.classify(&packet), Some(ids[3]));
    let packets = [Packet::from(packet.as_slice()), Packet::from(&[0; 0])];
    let mut winners = Vec::new();
    demux.classify_batch(&packets, &mut winners);
    assert_eq!(winners, [Some(ids[3]), None]);
}

#[test]
fn known_shapes_make_no_code_and_readers_see_them() {
    let mut demux = Demux::monitoring().unwrap();
    let mut reader = demux.reader();
    let flow = |port: u16| filter(&format!("ip.src == 10.0.0.1 && tcp.dport == {port}"));
    let mut changes = Vec::new();
    for port in 0..1000 {
        let installed = demux.install(flow(port)).unwrap();
        changes.push(installed.change);
        assert_eq!(reader.classify(&tcp(1, 2, 9, port)), Some(installed.id));
    }
    let code = changes
        .iter()
        .filter(|change| **change == Change::Code)
        .count();
    assert!(code < 20, "{code} of 1,000 installs made code");
    assert_eq!(demux.groups(), 1);
    assert_eq!(reader.classify(&tcp(2, 2, 9, 5)), None);
}

#[test]
fn the_more_specific_wins_whatever_the_order() {
    let nested = [
        "ip",
        "tcp && ip.dst in 10.0.0.0/24",
        "tcp.dport in 0..99 && ip.dst in 10.0.0.0/24",
        "tcp.dport == 80 && ip.dst == 10.0.0.2",
    ];
    let mut random = Random::new(7);
    for _ in 0..20 {
        let mut order: Vec<usize> = (0..nested.len()).collect();
        (1..order.len()).for_each(|at| order.swap(at, random.below(at as u32 + 1) as usize));
        let mut demux = Demux::exclusive().unwrap();
        let mut ids = [None; 4];
        for index in order {
            ids[index] = Some(demux.install(filter(nested[index])).unwrap().id);
        }
        assert_eq!(demux.classify(&tcp(1, 2, 9, 80)), ids[3]);
        assert_eq!(demux.classify(&tcp(1, 2, 9, 81)), ids[2]);
        assert_eq!(demux.classify(&tcp(1, 2, 9, 100)), ids[1]);
        demux.remove(ids[2].unwrap());
        assert_eq!(demux.classify(&tcp(1, 2, 9, 81)), ids[1]);
        assert_eq!(demux.classify(&tcp(1, 2, 9, 80)), ids[3]);
    }
}

#[test]
fn overlaps_without_an_answer_are_refused_with_a_packet_in_both() {
    let mut demux = Demux::exclusive().unwrap();
    let first = demux.install(filter("tcp.dport == 80")).unwrap().id;
    for (condition, kind) in [
        ("tcp.dport == 80", OverlapKind::Equal),
        ("ip.src == 10.0.0.1", OverlapKind::Crossing),
    ] {
        let refused = filter(condition);
        let Err(InstallError::Overlap {
            with, how, witness, ..
        }) = demux.install(refused.clone())
        else {
            panic!("{condition} was not refused");
        };
        assert_eq!((with, how), (first, kind));
        assert!(interp::accepts(&refused, &witness.bytes, witness.wirelen));
        assert_eq!(
            demux.classify(Packet::new(&witness.bytes, witness.wirelen)),
            Some(first)
        );
        assert_eq!(demux.len(), 1);
    }
    let crossing = Install {
        priority: 1,
        ..Install::from(filter("ip.src == 10.0.0.1"))
    };
    let higher = demux.install(crossing).unwrap().id;
    assert_eq!(demux.classify(&tcp(1, 2, 9, 80)), Some(higher));
    assert_eq!(demux.classify(&tcp(2, 2, 9, 80)), Some(first));
}

#[test]
fn claims_bound_what_owners_install() {
    let mut demux = Demux::exclusive().unwrap();
    let system = demux
        .install(Install {
            priority: 9,
            ..Install::from(filter("ip"))
        })
        .unwrap()
        .id;
    let claim = demux
        .grant(
            Owner(0),
            ClaimId::ROOT,
            Owner(1),
            filter("ip.dst == 10.0.0.2"),
        )
        .unwrap();
    let other = demux
        .grant(
            Owner(0),
            ClaimId::ROOT,
            Owner(2),
            filter("ip.dst == 10.0.0.3"),
        )
        .unwrap();
    assert!(matches!(
        demux.install(owned(1, ClaimId::ROOT, "udp")),
        Err(InstallError::Claim(_))
    ));
    assert!(matches!(
        demux.install(owned(1, other, "udp")),
        Err(InstallError::Claim(_))
    ));
    let greedy = owned(1, claim, "tcp");
    let Err(InstallError::OutsideClaim { witness }) = demux.install(greedy.clone()) else {
        panic!("not refused")
    };
    assert!(interp::accepts(
        &greedy.filter,
        &witness.bytes,
        witness.wirelen
    ));
    let web = demux
        .install(owned(1, claim, "ip.dst == 10.0.0.2 && tcp.dport == 80"))
        .unwrap()
        .id;
    // What was granted away wins where it lies, whatever the grantor's priority.
    assert_eq!(demux.classify(&tcp(1, 2, 9, 80)), Some(web));
    assert_eq!(demux.classify(&tcp(1, 3, 9, 80)), Some(system));
    // The grantor cannot take it back by being more specific.
    let theft = demux.install(owned(
        0,
        ClaimId::ROOT,
        "ip.dst == 10.0.0.2 && tcp.dport == 80 && tcp.sport == 9",
    ));
    assert!(matches!(
        theft,
        Err(InstallError::Overlap {
            how: OverlapKind::Foreign,
            ..
        })
    ));
    assert_eq!(demux.revoke(claim).unwrap(), [web]);
    assert_eq!(demux.classify(&tcp(1, 2, 9, 80)), Some(system));
    demux
        .install(owned(2, other, "ip.dst == 10.0.0.3 && udp"))
        .unwrap();
    assert_eq!(demux.remove_owner(Owner(2)).len(), 1);
    assert!(matches!(
        demux.install(owned(2, other, "ip.dst == 10.0.0.3 && udp")),
        Err(InstallError::Claim(_))
    ));
}

#[test]
fn refused_batches_leave_nothing_behind() {
    let mut demux = Demux::exclusive().unwrap();
    demux.install(filter("tcp.dport in 0..99")).unwrap();
    let batch: Vec<Install> = ["tcp.dport == 5", "tcp.dport == 6", "tcp.sport == 5"]
        .iter()
        .map(|text| filter(text).into())
        .collect();
    let before = demux.classify(&tcp(1, 2, 9, 5));
    let refused = demux.install_all(&batch).unwrap_err();
    assert_eq!(refused.index, Some(2));
    assert_eq!((demux.len(), demux.classify(&tcp(1, 2, 9, 5))), (1, before));
    assert_eq!(demux.install_all(&batch[..2]).unwrap().len(), 2);
    assert!(matches!(
        demux.install(Install {
            priority: MOST_PRIORITY + 1,
            ..Install::from(filter("udp"))
        }),
        Err(InstallError::Priority { .. })
    ));
}

#[test]
fn later_fragments_follow_the_first() {
    let mut demux = Demux::monitoring().unwrap();
    let install = Install {
        fragments: true,
        ..Install::from(filter("udp.dport == 2049"))
    };
    let nfs = demux.install(install).unwrap().id;
    let mut first = tcp(1, 2, 2049, 2049);
    first[23] = 17;
    first[20] = 0x20;
    let mut later = first.clone();
    later[20..22].copy_from_slice(&[0, 5]);
    assert_eq!(demux.deliver(0, &later), Delivery::Undecided);
    assert_eq!(demux.deliver(1, &first), Delivery::Filter(nfs));
    assert_eq!(demux.deliver(2, &later), Delivery::Filter(nfs));
    assert_eq!(
        demux.deliver(2 + FRAGMENT_LIFETIME_US, &later),
        Delivery::Undecided
    );
    demux.deliver(3, &first);
    demux.remove(nfs);
    assert_eq!(demux.deliver(4, &later), Delivery::Nobody);
}

#[test]
fn readers_on_other_threads_never_see_a_wrong_answer() {
    let mut demux = Demux::monitoring().unwrap();
    let base = demux.install(filter("tcp.dport == 7")).unwrap().id;
    let done = core::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (mut reader, done) = (demux.reader(), &done);
            scope.spawn(move || {
                while !done.load(core::sync::atomic::Ordering::Relaxed) {
                    assert_eq!(reader.classify(&tcp(9, 9, 9, 7)), Some(base));
                    assert_eq!(reader.classify(&tcp(9, 9, 9, 8)), None);
                }
            });
        }
        for round in 0..30_u16 {
            let shapes = [
                "udp.dport ==",
                "ip.src == 1.2.3.4 && tcp.dport ==",
                "udp.sport ==",
            ];
            let texts = shapes.map(|shape| format!("{shape} {round}"));
            let ids: Vec<FilterId> = texts
                .iter()
                .map(|text| demux.install(filter(text)).unwrap().id)
                .collect();
            ids.iter()
                .step_by(2)
                .for_each(|id| assert!(demux.remove(*id)));
        }
        done.store(true, core::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn keys_that_move_beside_readers_are_never_missed() {
    let mut demux = Demux::monitoring().unwrap();
    let flow = |number: u16| filter(&format!("ip && tcp.sport == {} && tcp.dport == 7", number));
    let mut ids = Vec::new();
    for number in 0..100 {
        ids.push(demux.install(flow(number)).unwrap().id);
    }
    let done = core::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (mut reader, done, ids) = (demux.reader(), &done, ids.clone());
            scope.spawn(move || {
                while !done.load(core::sync::atomic::Ordering::Relaxed) {
                    for (number, id) in (0..).zip(&ids) {
                        assert_eq!(reader.classify(&tcp(9, 9, number, 7)), Some(*id));
                    }
                }
            });
        }
        // In place, with displacements, through rebuilt and doubled tables; some go again.
        let mut in_place = 0;
        for number in 100..4000 {
            let installed = demux.install(flow(number)).unwrap();
            in_place += u32::from(installed.change == Change::Data);
            if number % 3 == 0 {
                assert!(demux.remove(installed.id));
            }
        }
        assert!(in_place > 3800, "{in_place} installs in place");
        done.store(true, core::sync::atomic::Ordering::Relaxed);
    });
}
