//! Reassembly against a slow one: a byte map without units, which keeps all fragments.

use crate::{
    link::Millis,
    reassembly::{Added, LIFETIME, PLACES, Reassembler},
    wire::ip::{self, Protocol},
};
use core::net::Ipv4Addr;
use proptest::prelude::*;

fn repr(identification: u16, from: usize, more: bool) -> ip::Repr {
    ip::Repr {
        service: 0,
        payload_length: 0,
        identification,
        dont_fragment: false,
        more_fragments: more,
        offset: from as u16,
        time_to_live: 1,
        protocol: Protocol::UDP,
        source: Ipv4Addr::new(10, 0, 0, 1),
        destination: Ipv4Addr::new(10, 0, 0, 2),
    }
}

/// What fragments of one datagram say together; `None` once they contradict each other.
#[derive(Clone, Debug, Default)]
struct Slow {
    bytes: Vec<Option<u8>>,
    end: Option<usize>,
    /// More follows behind this.
    beyond: usize,
}

impl Slow {
    fn add(&mut self, from: usize, payload: &[u8], more: bool) -> bool {
        let to = from + payload.len();
        self.bytes.resize(self.bytes.len().max(to), None);
        for (held, new) in self.bytes[from..to].iter_mut().zip(payload) {
            if held.is_some_and(|held| held != *new) {
                return false;
            }
            *held = Some(*new);
        }
        if more {
            self.beyond = self.beyond.max(to + 1);
        } else if self.end.is_some_and(|end| end != to) {
            return false;
        } else {
            self.end = Some(to);
        }
        self.end
            .is_none_or(|end| self.bytes.len() <= end && self.beyond <= end)
    }

    fn whole(&self) -> Option<Vec<u8>> {
        let bytes: Option<Vec<u8>> = self.bytes.iter().copied().collect();
        bytes.filter(|bytes| self.end == Some(bytes.len()))
    }
}

proptest! {
    /// Any fragments, most of which are of one datagram.
    #[test]
    fn agrees_with_a_slow_one(
        pieces in prop::collection::vec((0_usize..12, 1_usize..40, any::<bool>(), prop::bool::weighted(0.05), prop::bool::weighted(0.1)), 1..24),
        length in prop_oneof![1_usize..120, (1_usize..15).prop_map(|units| units * 8)],
    ) {
        let mut memory = vec![0xdd; 4 * 65 * 4];
        let mut fast = Reassembler::new(&mut memory);
        let mut slow = Some(Slow::default());
        for (unit, size, honest, wrong, otherwise) in pieces {
            let from = unit * 8;
            let (to, more) = match honest {
                true if from < length => ((from + size.next_multiple_of(8)).min(length), from + size.next_multiple_of(8) < length),
                _ => (from + size, size % 3 > 0),
            };
            let more = more != otherwise;
            let mut payload: Vec<u8> = (from..to).map(|at| at as u8).collect();
            if wrong {
                payload[0] ^= 0xff;
            }
            let (added, evicted) = fast.add(&repr(1, from, more), &[0x45; 20], &payload, 0);
            prop_assert!(!evicted);
            if more && !payload.len().is_multiple_of(8) {
                prop_assert_eq!(added, Added::Length);
                continue;
            }
            let Some(model) = &mut slow else {
                prop_assert_eq!(added, Added::Poisoned);
                continue;
            };
            if !model.add(from, &payload, more) {
                prop_assert_eq!(added, Added::Contradiction);
                slow = None;
                continue;
            }
            match (added, model.whole()) {
                (Added::Complete(place), Some(whole)) => {
                    let finished = fast.finish(place).unwrap();
                    prop_assert_eq!(finished.datagram().unwrap().payload, &whole);
                    prop_assert_eq!(finished.datagram().unwrap().header, &[0x45; 20]);
                    drop(finished);
                    prop_assert_eq!(fast.under_way(), 0);
                    slow = Some(Slow::default());
                }
                (Added::Held | Added::Repeated, None) => {}
                (added, whole) => prop_assert!(false, "{:?} for {:?}", added, whole),
            }
        }
    }
}

fn expired(fragments: &mut Reassembler<'_>, now: Millis) -> Vec<(u16, usize)> {
    let mut list = Vec::new();
    while fragments.expire(now, |datagram| {
        list.push((datagram.key.identification, datagram.payload.len()));
    }) {}
    list.sort_unstable();
    list
}

#[test]
fn bounds_in_number_bytes_and_time() {
    let mut memory = vec![0; 4 * 65 * 2];
    let mut fragments = Reassembler::new(&mut memory);
    assert_eq!(fragments.room(), 128);
    assert_eq!(
        fragments.add(&repr(1, 128, true), &[], &[0; 8], 0),
        (Added::TooLong, false)
    );
    assert_eq!(
        fragments.add(&repr(1, 65_528, false), &[], &[0; 8], 0),
        (Added::Length, false)
    );
    assert_eq!(
        fragments.add(&repr(1, 0, true), &[], &[], 0),
        (Added::Length, false)
    );
    assert_eq!(fragments.under_way(), 0);
    for number in 0..PLACES as u16 {
        let now = Millis::from(number);
        assert_eq!(
            fragments.add(&repr(number, 0, true), &[], &[0; 16], now),
            (Added::Held, false)
        );
        assert_eq!(
            fragments.add(&repr(number, 0, true), &[], &[0; 16], now),
            (Added::Repeated, false)
        );
    }
    // The oldest makes room.
    assert_eq!(
        fragments.add(&repr(9, 8, true), &[], &[0; 8], 50),
        (Added::Held, true)
    );
    assert_eq!(fragments.under_way(), PLACES);
    assert_eq!(fragments.deadline(), Some(LIFETIME + 1));
    assert_eq!(expired(&mut fragments, LIFETIME), []);
    assert_eq!(expired(&mut fragments, LIFETIME + 2), [(1, 16), (2, 16)]);
    // Its first bytes never came.
    assert_eq!(expired(&mut fragments, LIFETIME + 50), [(3, 16), (9, 0)]);
}

#[test]
fn a_discarded_datagram_stays_so_until_its_time_is_over() {
    let mut memory = vec![0; 4 * 65];
    let mut fragments = Reassembler::new(&mut memory);
    assert_eq!(
        fragments.add(&repr(1, 0, true), &[], &[1; 16], 0).0,
        Added::Held
    );
    assert_eq!(
        fragments.add(&repr(1, 8, false), &[], &[2; 8], 0).0,
        Added::Contradiction
    );
    assert_eq!(
        fragments.add(&repr(1, 16, false), &[], &[2; 8], 9).0,
        Added::Poisoned
    );
    assert_eq!(expired(&mut fragments, LIFETIME), [], "nobody hears of it");
    assert_eq!(fragments.under_way(), 0);
    assert_eq!(
        fragments.add(&repr(1, 0, true), &[], &[1; 16], LIFETIME).0,
        Added::Held
    );
}

#[test]
fn without_memory_nothing_is_taken() {
    let mut fragments = Reassembler::new(&mut []);
    assert_eq!(
        fragments.add(&repr(1, 0, true), &[], &[1; 8], 0).0,
        Added::TooLong
    );
}

#[test]
fn an_end_with_something_behind_it_is_a_contradiction() {
    let mut memory = vec![0; 4 * 65];
    let mut fragments = Reassembler::new(&mut memory);
    // The end, then that more follows; and the other way round.
    assert_eq!(
        fragments.add(&repr(1, 8, false), &[], &[1; 8], 0).0,
        Added::Held
    );
    assert_eq!(
        fragments.add(&repr(1, 8, true), &[], &[1; 8], 0).0,
        Added::Contradiction
    );
    assert_eq!(
        fragments.add(&repr(2, 8, true), &[], &[1; 8], 0).0,
        Added::Held
    );
    assert_eq!(
        fragments.add(&repr(2, 8, false), &[], &[1; 8], 0).0,
        Added::Contradiction
    );
}
