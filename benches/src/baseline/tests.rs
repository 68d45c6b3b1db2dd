//! Each baseline against the descriptions, on packets that belong to a filter or nearly do.
use super::{bpf::Bpf, mpf::Mpf, pathfinder::Pathfinder, translate};
use crate::{filter::Conjunction, flows::Family};
use alloc::vec::Vec;

/// Numbers without pattern (Marsaglia's xorshift).
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}

#[test]
fn every_baseline_gives_the_described_answers() {
    for family in [Family::Paper, Family::FiveTuple] {
        for count in [1, 2, 10, 300] {
            compare(family, count);
        }
    }
}

#[test]
fn programs_refuse_later_fragments_where_headers_vary() {
    let filter = Family::Paper.filter(0);
    let mut bpf = Bpf::default();
    bpf.install(translate::bpf(&filter).expect("a program"));
    let mut mpf = Mpf::default();
    let program = translate::mpf(&filter).expect("a program");
    assert_eq!(mpf.install(&program), Ok(0));
    let mut packet = Family::Paper.packet(0);
    packet[20] = 0x20; // more fragments, offset 0: the first
    assert_eq!(
        (bpf.classify(&packet), mpf.classify(&packet)),
        (Some(0), Some(0))
    );
    packet[21] = 1;
    assert_eq!((bpf.classify(&packet), mpf.classify(&packet)), (None, None));
}

fn compare(family: Family, count: u32) {
    let filters: Vec<Conjunction> = (0..count).map(|index| family.filter(index)).collect();
    let (mut bpf, mut mpf, mut pathfinder) = <(Bpf, Mpf, Pathfinder)>::default();
    for (index, filter) in filters.iter().enumerate() {
        bpf.install(translate::bpf(filter).expect("a program"));
        let program = translate::mpf(filter).expect("a program");
        assert_eq!(mpf.install(&program), Ok(index as u32));
        assert_eq!(pathfinder.install(filter), Ok(index as u32));
    }
    let mut random = Random(count + 1);
    let (mut accepted, mut rejected) = (0, 0);
    for _ in 0..3000 {
        let packet = packet(family, count, &mut random);
        let position = filters.iter().position(|filter| filter.accepts(&packet));
        let truth = position.map(|index| index as u32);
        *(if truth.is_some() {
            &mut accepted
        } else {
            &mut rejected
        }) += 1;
        assert_eq!(bpf.classify(&packet), truth, "BPF {family:?} {packet:?}");
        assert_eq!(mpf.classify(&packet), truth, "MPF {family:?} {packet:?}");
        assert_eq!(
            pathfinder.classify(&packet),
            truth,
            "PATHFINDER {family:?} {packet:?}"
        );
    }
    assert!(
        accepted > 1000 && rejected > 1000,
        "{accepted} accepted, {rejected} rejected"
    );
}

/// A flow's packet, with options in its IP header, or one bit wrong, or cut short.
fn packet(family: Family, count: u32, random: &mut Random) -> Vec<u8> {
    let index = random.next() % count;
    let choice = random.next();
    match random.next() % 8 {
        0..4 => family.packet(index).to_vec(),
        4 => {
            let mut packet = family.packet(index).to_vec();
            let words = choice as usize % 11;
            packet[14] = 0x45 + words as u8;
            packet.splice(34..34, core::iter::repeat_n(0, words * 4));
            packet
        }
        5 => family.near_miss(index, choice).to_vec(),
        6 => family.shared_miss(index, choice).to_vec(),
        _ => family.packet(index)[..choice as usize % 45].to_vec(),
    }
}
