//! Tables against a map.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{
    Alignment, Axis, DE_BRUIJN, Hashed, Item, MAX_KEYS, Machine, Placed, Table, Vectors, slot,
};
use crate::filter::IntervalSet;
use crate::fuzzing::Random;

/// Inserts and removes at random; every look-up agrees with a map.
fn against_a_map(machine: Machine, words: usize, keys: u32, steps: u32) {
    let mut random = Random::new(u64::from(keys) + words as u64);
    let mut map: BTreeMap<Vec<u64>, (u32, u32)> = BTreeMap::new();
    let mut table = Table::new(machine, words, &[], 1).unwrap();
    let (mut in_place, mut rebuilt) = (0, 0);
    for step in 0..steps {
        let key: Vec<u64> = (0..words).map(|_| u64::from(random.below(keys))).collect();
        if random.one_in(3) {
            assert_eq!(table.remove(&key), map.remove(&key).is_some());
        } else if !map.contains_key(&key) {
            let (entry, rank) = (step, random.below(100));
            match table.insert(&Item {
                key: key.clone(),
                entry,
                rank,
            }) {
                Placed::InPlace => in_place += 1,
                Placed::Rebuilt => rebuilt += 1,
                Placed::Full => panic!("no room for {} keys", map.len()),
            }
            map.insert(key.clone(), (entry, rank));
        } else {
            let rank = random.below(100);
            assert!(table.set_rank(&key, rank));
            map.entry(key.clone()).and_modify(|known| known.1 = rank);
        }
        assert_eq!(table.lookup(&key), map.get(&key).copied());
    }
    assert_eq!(table.len(), map.len());
    map.iter()
        .for_each(|(key, value)| assert_eq!(table.lookup(key), Some(*value)));
    assert!(in_place > rebuilt, "{in_place} in place, {rebuilt} rebuilt");
}

#[test]
fn tables_hold_what_a_map_holds() {
    for machine in [Machine::HOST, Machine::r3000(Alignment::UNKNOWN)] {
        against_a_map(machine, 1, 20, 2000);
        against_a_map(machine, 1, 5000, 20_000);
        against_a_map(machine, 2, 40, 5000);
        against_a_map(machine, 5, 3, 5000);
    }
}

#[test]
fn readers_of_the_old_memory_never_see_a_rebuilt_table_half_way() {
    let mut table = Table::new(Machine::HOST, 1, &[], 9).unwrap();
    for key in 0..1000_u64 {
        let before = table.clone();
        let placed = table.insert(&Item {
            key: [key].into(),
            entry: key as u32,
            rank: 0,
        });
        assert_eq!(before.lookup(&[key]).is_some(), placed == Placed::InPlace);
        (0..key).for_each(|old| assert_eq!(before.lookup(&[old]), Some((old as u32, 0))));
    }
}

#[test]
fn tables_fill_to_most_of_their_slots_in_place() {
    let mut table = Hashed::new((Machine::HOST, 1), &[], 3).unwrap();
    let mut random = Random::new(8);
    let (mut rebuilt, mut doubled) = (0, 0);
    for entry in 0..30_000 {
        let item = Item {
            key: [random.bits()].into(),
            entry,
            rank: entry,
        };
        let slots = table.layout().slots();
        match table.insert(&item) {
            Placed::InPlace => {}
            Placed::Rebuilt if entry < 200 => {}
            Placed::Rebuilt if table.layout().slots() == slots => rebuilt += 1,
            Placed::Rebuilt => {
                let keys = entry as usize;
                assert!(10 * keys > 7 * slots, "{keys} keys in {slots} slots");
                doubled += 1;
            }
            Placed::Full => panic!("no room for {entry} keys"),
        }
    }
    assert!(doubled >= 7, "doubled {doubled} times");
    assert!(
        rebuilt <= 3 * doubled,
        "rebuilt {rebuilt} times, doubled {doubled}"
    );
}

#[test]
fn a_displacement_that_comes_back_revives_nothing() {
    // Few slots, so that the keys of one displacement are moved again and again.
    let mut random = Random::new(21);
    for seed in 0..200 {
        let mut table = Table::new(Machine::HOST, 1, &[], seed).unwrap();
        let mut live: BTreeMap<u64, u32> = BTreeMap::new();
        for entry in 0..400 {
            let key = u64::from(random.below(60));
            match live.remove(&key) {
                Some(_) => assert!(table.remove(&[key])),
                None => {
                    let item = Item {
                        key: [key].into(),
                        entry,
                        rank: 0,
                    };
                    assert_ne!(table.insert(&item), Placed::Full);
                    live.insert(key, entry);
                }
            }
            for key in 0..60 {
                let expected = live.get(&key).map(|entry| (*entry, 0));
                assert_eq!(table.lookup(&[key]), expected);
            }
        }
    }
}

/// What the vectors say, read as emitted code reads them, but by words of the memory.
fn first_by_vectors(vectors: &Vectors, values: &[u32]) -> Option<(u32, u32)> {
    let memory = vectors.memory();
    let starts: Vec<usize> = vectors
        .axes()
        .iter()
        .zip(values)
        .map(|(axis, value)| {
            let bounds = (0..axis.bounds).map(|at| memory.load((axis.bounds_at / 4 + at) as usize));
            let piece = if axis.direct {
                *value
            } else {
                bounds.filter(|bound| bound <= value).count() as u32
            };
            let start = memory.load((axis.pieces_at / 4 + piece) as usize);
            assert!(start <= vectors.last_vector());
            start as usize / 4
        })
        .collect();
    let words = (0..vectors.words() as usize).map(|word| {
        let all = starts
            .iter()
            .map(|start| memory.load_pair(start + 2 * word));
        all.fold(u64::MAX, |all, one| all & one)
    });
    let (word, bits) = words.enumerate().find(|(_, bits)| *bits != 0)?;
    let place = 64 * word + slot(bits.trailing_zeros()) as usize;
    let at = vectors.results_at() as usize / 4 + 2 * place;
    memory
        .load(at)
        .checked_sub(1)
        .map(|entry| (entry, memory.load(at + 1) - 1))
}

#[test]
fn every_bit_has_its_slot() {
    let slots: alloc::collections::BTreeSet<u32> = (0..64).map(slot).collect();
    assert_eq!(slots, (0..64).collect());
    assert!(
        (0..64).all(|bit| (1_u64 << bit).wrapping_mul(DE_BRUIJN) >> 58 == u64::from(slot(bit)))
    );
}

#[test]
fn vectors_find_the_first_rule() {
    let mut random = Random::new(5);
    for round in 0..300 {
        let tops: Vec<u32> = (0..1 + random.below(4))
            .map(|_| [1, 200, 255, 256, 5000, u32::MAX][random.below(6) as usize])
            .collect();
        let value = |random: &mut Random, top: u32| {
            let edge = [0, top, top / 2, top.saturating_sub(1)];
            if random.one_in(4) {
                edge[random.below(4) as usize]
            } else {
                (random.bits() % (u64::from(top) + 1)) as u32
            }
        };
        let rules: Vec<Vec<Option<IntervalSet>>> = (0..random.below(200))
            .map(|_| {
                let of = |random: &mut Random, top: u32| {
                    let ranges = (0..1 + random.below(2)).map(|_| {
                        let (a, b) = (value(random, top), value(random, top));
                        (a.min(b), a.max(b))
                    });
                    let ranges: Vec<(u32, u32)> = ranges.collect();
                    (!random.one_in(3)).then(|| IntervalSet::from_ranges(ranges))
                };
                tops.iter().map(|top| of(&mut random, *top)).collect()
            })
            .collect();
        let axes: Vec<Axis<'_>> = tops
            .iter()
            .enumerate()
            .map(|(axis, top)| Axis {
                top: *top,
                sets: rules.iter().map(|rule| rule[axis].as_ref()).collect(),
            })
            .collect();
        let results: Vec<(u32, u32)> = (0..rules.len() as u32)
            .map(|at| (3 * at, 900 - at))
            .collect();
        let vectors = Vectors::new(&axes, &results, u64::MAX).unwrap();
        let bytes = vectors.memory().bytes();
        assert!(Vectors::new(&axes, &results, bytes - 64).is_err());
        for _ in 0..200 {
            let values: Vec<u32> = tops.iter().map(|top| value(&mut random, *top)).collect();
            let holds = |rule: &Vec<Option<IntervalSet>>| {
                let mut tests = rule.iter().zip(&values);
                tests.all(|(set, value)| set.as_ref().is_none_or(|set| set.contains(*value)))
            };
            let first = rules.iter().position(holds).map(|at| results[at]);
            assert_eq!(
                first_by_vectors(&vectors, &values),
                first,
                "round {round}: {values:?}"
            );
        }
    }
}

/// Ten ports, one word with a port that they share: what Table 7 of the paper looks up.
#[test]
fn ports_have_a_window() {
    let mut random = Random::new(5);
    let (mut windows, mut later) = (0, 0);
    for _ in 0..500 {
        let mut port = || u64::from(random.below(1 << 16)) << 16 | 0xd204;
        let item = |key: u64| Item {
            key: [key].into(),
            entry: 0,
            rank: 0,
        };
        let items: BTreeMap<u64, Item> = (0..10)
            .map(|_| port())
            .map(|key| (key, item(key)))
            .collect();
        let items: Vec<Item> = items.into_values().collect();
        let mut table = Table::new(Machine::r3000(Alignment::UNKNOWN), 1, &items, 1).unwrap();
        windows += u32::from(matches!(table, Table::Window(_)));
        let new = port();
        if table.lookup(&[new]).is_none() {
            later += u32::from(table.insert(&item(new)) == Placed::InPlace);
        }
        assert_eq!(table.lookup(&[new]), Some((0, 0)));
    }
    assert!(windows >= 495, "{windows} of 500 have a window");
    assert!(later > 350, "{later} of 500 were added in place");
}

#[test]
fn many_keys_of_a_narrow_machine_are_hashed() {
    let machine = Machine::r3000(Alignment::UNKNOWN);
    let mut table = Table::new(machine, 1, &[], 1).unwrap();
    for key in 0..10_000_u32 {
        assert_eq!(
            matches!(table, Table::Window(_)),
            key as usize <= MAX_KEYS,
            "{key}"
        );
        let item = Item {
            key: [key.wrapping_mul(0x9e37_79b1).into()].into(),
            entry: key,
            rank: 0,
        };
        assert_ne!(table.insert(&item), Placed::Full);
    }
    assert_eq!(table.items().len(), 10_000);
}

#[test]
fn an_alignment_follows_sums_and_choices() {
    let remainders = |alignment: Alignment| -> Vec<u32> {
        let bytes = [1, 2, 4];
        bytes
            .into_iter()
            .filter(|bytes| alignment.is_multiple(*bytes))
            .collect()
    };
    assert_eq!(remainders(Alignment::HALFWORD), [1, 2]);
    assert_eq!(
        remainders(Alignment::HALFWORD.plus(Alignment::of(4, 14))),
        [1, 2, 4]
    );
    assert_eq!(
        remainders(Alignment::HALFWORD.plus(Alignment::of(1 << 31, 3))),
        [1]
    );
    assert_eq!(
        remainders(Alignment::WORD.plus(Alignment::of(2, 0))),
        [1, 2]
    );
    assert_eq!(remainders(Alignment::WORD.or(Alignment::HALFWORD)), [1, 2]);
    assert_eq!(remainders(Alignment::WORD.or(Alignment::UNKNOWN)), [1]);
}
