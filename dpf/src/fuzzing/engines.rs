//! Install and remove scripts on all engines: interp = walk = code.
//!
//! Problem: whatever is installed and removed in whatever order, every engine gives the answer of
//! the oracle. Method: a script is a seed. It draws filters, many of one shape, installs and removes
//! them at random, and compares after each few steps, on packets drawn towards the filters. What
//! the set refuses must leave it as it was.

use alloc::vec::Vec;

use super::{Draw, Packet, Random, filter, packet};
use crate::filter::Filter;
use crate::trie::{Limits, Set};
use crate::{interp, walk};

/// Packets of one comparison: classifying is cheap beside building what classifies.
const PACKETS: u32 = 60;

/// What scripts did, so that a test can ask for enough of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Filters installed.
    pub installed: u64,
    /// Filters that a limit refused.
    pub refused: u64,
    /// Pairs of filter and packet compared.
    pub pairs: u64,
    /// Of these, accepted.
    pub accepted: u64,
    /// Packets classified by tries with blocks of rules.
    pub blocks: u64,
}

/// An engine besides interpreter and walker.
pub trait Engine {
    /// Takes the trie of the set as it is now. False if it must do without this one.
    fn load(&mut self, set: &Set) -> bool;
    /// The winner.
    fn classify(&mut self, packet: &Packet) -> Option<u32>;
    /// All entries that accept.
    fn classify_all(&mut self, packet: &Packet) -> Vec<u32>;
}

/// Runs the script of a seed.
///
/// # Panics
///
/// When two engines differ.
pub fn script(seed: u64, engines: &mut [&mut dyn Engine], tally: &mut Tally) {
    let mut random = Random::new(seed);
    let mut installed: Vec<(u32, u32, Filter)> = Vec::new();
    // Half of the scripts make blocks of rules of what in others is looked up group by group.
    let limits = Limits {
        blocks_from: if random.one_in(2) {
            1 + random.below(6) as usize
        } else {
            Limits::default().blocks_from
        },
        ..Limits::default()
    };
    let mut set = Set::new(limits, random.bits());
    let mut draw = Draw {
        structure: Random::new(random.bits()),
        constants: Random::new(random.bits()),
        depth: random.below(5),
        expressions: random.one_in(2),
    };
    let (mut entry, steps) = (0, 1 + random.below(40));
    for _ in 0..steps {
        if random.one_in(8) && !installed.is_empty() {
            let at = random.below(installed.len() as u32) as usize;
            let (entry, rank, _) = &mut installed[at];
            *rank = random.bits() as u32 % (1 << 20) * 1024 + *entry;
            assert!(
                set.set_rank(*entry, *rank).is_some(),
                "seed {seed}: entry {entry} was not installed"
            );
        } else if random.one_in(4) && !installed.is_empty() {
            let at = random.below(installed.len() as u32) as usize;
            let (gone, ..) = installed.swap_remove(at);
            assert!(
                set.remove(gone).is_some(),
                "seed {seed}: entry {gone} was not installed"
            );
        } else {
            // Often the structure of the last filter again, with other constants.
            let before = draw.structure.clone();
            let Ok(drawn) = filter(&mut draw) else {
                continue;
            };
            if !random.one_in(3) {
                draw.structure = before;
            }
            let rank = entry * 7919 % 1009 * 1024 + entry;
            match set.insert(&drawn, entry, rank) {
                Ok(_) => {
                    tally.installed += 1;
                    installed.push((entry, rank, drawn));
                }
                Err(_) => tally.refused += 1,
            }
            entry += 1;
        }
        if random.one_in(5) {
            compare(seed, &set, &installed, engines, &mut random, tally);
        }
    }
    compare(seed, &set, &installed, engines, &mut random, tally);
}

fn compare(
    seed: u64,
    set: &Set,
    installed: &[(u32, u32, Filter)],
    engines: &mut [&mut dyn Engine],
    random: &mut Random,
    tally: &mut Tally,
) {
    if installed.is_empty() {
        return;
    }
    let loaded: Vec<bool> = engines.iter_mut().map(|engine| engine.load(set)).collect();
    for _ in 0..PACKETS {
        let (_, _, towards) = random.pick(installed);
        let packet = packet(towards, random);
        let accepting = installed
            .iter()
            .filter(|(_, _, filter)| interp::accepts(filter, &packet.bytes, packet.wirelen));
        let accepting: Vec<_> = accepting.collect();
        let winner = accepting
            .iter()
            .max_by_key(|(_, rank, _)| *rank)
            .map(|(entry, ..)| *entry);
        let mut all: Vec<u32> = accepting.iter().map(|(entry, ..)| *entry).collect();
        all.sort_unstable();
        tally.pairs += installed.len() as u64;
        tally.accepted += all.len() as u64;
        let trie = set.trie();
        tally.blocks += u64::from(!trie.blocks().is_empty());
        assert_eq!(
            walk::classify_all(trie, &packet.bytes, packet.wirelen),
            all,
            "seed {seed}: walk, all\n{trie}\n{packet:?}"
        );
        assert_eq!(
            walk::classify(trie, &packet.bytes, packet.wirelen),
            winner,
            "seed {seed}: walk\n{trie}\n{packet:?}"
        );
        for (engine, loaded) in engines.iter_mut().zip(&loaded) {
            if *loaded {
                assert_eq!(
                    engine.classify(&packet),
                    winner,
                    "seed {seed}: code\n{trie}\n{packet:?}"
                );
                assert_eq!(
                    engine.classify_all(&packet),
                    all,
                    "seed {seed}: code, all\n{trie}\n{packet:?}"
                );
            }
        }
    }
}
