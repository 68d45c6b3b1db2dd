//! What strangers recorded, as hostile traffic: every packet of `DPF_TEST_DATA`.
//!
//! Each is fed in four ways: as it is, whatever its link type; as if it were for this host, its
//! headers' checksums set right so that it comes further; as the payload of an Ethernet frame;
//! and, a hundred times, with a few bytes changed. The stack must keep its promises and serve its neighbour.

use super::cable::{Cable, Faults, leak};
use crate::{
    Config, Event, Fate, Interface, Memory, Stack,
    fuzzing::{ADDRESS, FRIEND, MAC, Tape, arp_request, echo_request, may_be_sent},
    wire::checksum::Sum,
};
use pcap_file::{
    pcap::PcapReader,
    pcapng::{Block, PcapNgReader},
};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn test_data() -> Option<PathBuf> {
    let folder = env::var_os("DPF_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        assert_ne!(
            env::var("CI").as_deref(),
            Ok("true"),
            "in CI nothing is skipped"
        );
        eprintln!("skipped: DPF_TEST_DATA is not set");
    }
    folder
}

fn packets(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let mut packets = Vec::new();
    if let Ok(mut reader) = PcapReader::new(&bytes[..]) {
        while let Some(Ok(packet)) = reader.next_packet() {
            packets.push(packet.data.into_owned());
        }
    } else if let Ok(mut reader) = PcapNgReader::new(&bytes[..]) {
        while let Some(Ok(block)) = reader.next_block() {
            match block {
                Block::EnhancedPacket(packet) => packets.push(packet.data.into_owned()),
                Block::SimplePacket(packet) => packets.push(packet.data.into_owned()),
                _ => {}
            }
        }
    }
    packets
}

fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension {
            _ if path.is_dir() => captures(&path, found),
            Some("pcap" | "pcapng") => found.push(path),
            _ => {}
        }
    }
    found.sort();
}

/// The frame as if it were for this host, with the IP checksum that it should have.
fn readdressed(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    if frame.len() >= 34 {
        frame[..6].copy_from_slice(&MAC.0);
        frame[12..14].copy_from_slice(&[0x08, 0x00]);
        frame[30..34].copy_from_slice(&ADDRESS.octets());
        let end = 14 + usize::from(frame[14] & 15) * 4;
        frame[24..26].fill(0);
        if let Some(header) = frame.get(14..end) {
            let sum = Sum::new().with(header).finish();
            frame[24..26].copy_from_slice(&sum.to_be_bytes());
        }
    }
    frame
}

#[test]
fn every_capture_as_hostile_traffic() {
    let Some(data) = test_data() else { return };
    let mut files = Vec::new();
    captures(&data, &mut files);
    assert!(files.len() > 900, "{}", files.len());
    let mut cable = Cable::new(Faults::default(), 1995);
    let tape: Tape = cable.station(MAC);
    let memory = Memory {
        fragments: leak(40_000),
        parked: leak(8_000),
    };
    let config = Config::fixed(Interface::new(ADDRESS, 24));
    let mut stack: Stack<'_, Tape, 4> = Stack::new(tape.clone(), config, memory);
    for port in [53, 69, 161] {
        stack.bind_udp(port, leak(3_000)).unwrap();
    }
    let (mut fed, mut served) = (0, 0);
    for path in files {
        for packet in packets(&path) {
            let ours = readdressed(&packet);
            let wrapped = [&MAC.0[..], &[2, 0, 0, 0, 0, 7, 8, 0], &packet].concat();
            let mutate = |cable: &mut Cable, frame: &[u8]| {
                let mut frame = frame.to_vec();
                for _ in 0..1 + cable.below(4) {
                    let at = cable.below(frame.len().clamp(1, 80) as u64) as usize;
                    let value = cable.below(256) as u8;
                    if let Some(byte) = frame.get_mut(at) {
                        *byte = value;
                    }
                }
                frame
            };
            let mutants: Vec<Vec<u8>> = (0..100)
                .map(|turn| mutate(&mut cable, if turn % 2 == 0 { &ours } else { &wrapped }))
                .map(|mutant| {
                    if mutant.len() % 2 == 0 {
                        readdressed(&mutant)
                    } else {
                        mutant
                    }
                })
                .collect();
            for frame in [packet, ours, readdressed(&wrapped), wrapped]
                .into_iter()
                .chain(mutants)
            {
                tape.arrive(frame);
                stack.poll();
                fed += 1;
            }
            for frame in tape.sent() {
                may_be_sent(&frame, 1500);
            }
            let next = cable.now() + cable.below(200);
            cable.clock.set(next);
        }
        // What is due goes out first.
        stack.poll();
        tape.sent();
        tape.arrive(arp_request(FRIEND, ADDRESS));
        tape.arrive(echo_request(FRIEND, ADDRESS));
        stack.poll();
        served += 1;
        assert_eq!(tape.sent().len(), 2, "{}", path.display());
        let counters = stack.counters();
        assert_eq!(counters.event(Event::FramesReceived), counters.accounted());
    }
    let counters = stack.counters();
    assert!(fed > 1_000_000, "{fed}");
    assert_eq!(counters.event(Event::FramesReceived), fed + 2 * served);
    // It was not all dropped at the door.
    let met = Fate::ALL
        .iter()
        .filter(|fate| counters.fate(**fate) > 0)
        .count();
    eprintln!(
        "{fed} frames met {met} fates\n{}",
        crate::app::netstat::Netstat(&stack)
    );
    assert!(met >= 25, "{met}");
}
