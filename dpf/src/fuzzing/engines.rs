//! Install and remove scripts on all engines: interp = walk = code.
//!
//! Problem: whatever is installed and removed in whatever order, every engine gives the answer of
//! the oracle. Method: a script is read from bytes. It draws filters, installs and removes them, and
//! compares after each few steps. What the set refuses must leave it as it was.
//!
//! Sets are of two kinds. *Rivals* share a shape and differ in constants, so that at most one of
//! many accepts a packet. *Kin* are one filter with different conjuncts left out, so that a packet
//! of the whole one is accepted by all of them, and a bit that one of them misses others do not
//! look at. The packets are witnesses, drawn until the filter they are drawn towards accepts them,
//! and what is one flipped bit away from each. Left out: policy, which `runtime` adds.

use alloc::vec::Vec;

use super::{Draw, Packet, Random, Source, Witness, filter, witness};
use crate::dispatch::Machine;
use crate::filter::Filter;
use crate::trie::{Limits, Set};
use crate::{interp, walk};

/// The most steps of a script.
const MOST_STEPS: usize = 40;
/// Witnesses of one comparison: classifying is cheap beside building what classifies.
const WITNESSES: u32 = 10;
/// Filters drawn for one that has a witness.
const TRIES: u32 = 8;
/// Packets made from a witness, each by one flipped bit.
const MISSES: u32 = 6;

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
    /// Of these, near misses: rejected, and one flipped bit away from a packet that was compared
    /// too and that the filter accepts. Others may be as near; they are not counted.
    pub near_misses: u64,
    /// Pairs compared by tries with blocks of rules.
    pub blocks: u64,
}

/// An installed filter: its entry, its rank, and what it accepts.
pub type Installed = (u32, u32, Filter);

/// An engine besides interpreter and walker.
pub trait Engine {
    /// What sets must be laid out for: the same for all engines of a script.
    fn machine(&self) -> Machine {
        Machine::HOST
    }
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
    let length = 8 + random.below(150) as usize;
    let words = core::iter::repeat_with(|| random.bits());
    let data: Vec<u8> = words.flat_map(u64::to_le_bytes).take(length).collect();
    perform(&data, engines, tally);
}

/// Performs the script that these bytes are.
///
/// # Panics
///
/// When two engines differ.
pub fn perform(data: &[u8], engines: &mut [&mut dyn Engine], tally: &mut Tally) {
    let mut source = Source::new(data);
    let mut performance = Performance::new(data, machine(engines), &mut source);
    for _ in 0..MOST_STEPS {
        performance.step(&mut source, tally);
        if source.below(5) == 0 {
            performance.compare(engines, tally);
        }
        if source.is_empty() {
            break;
        }
    }
    performance.compare(engines, tally);
}

/// Compares every engine that is loaded with the oracle on one packet; the entries that accept it,
/// in ascending order.
///
/// # Panics
///
/// When two differ.
pub fn agree(
    set: &Set,
    installed: &[Installed],
    engines: &mut [&mut dyn Engine],
    packet: &Packet,
) -> Vec<u32> {
    let accepts = |filter: &Filter| interp::accepts(filter, &packet.bytes, packet.wirelen);
    let (mut winner, mut all) = (None::<(u32, u32)>, Vec::new());
    for (entry, rank, filter) in installed {
        if accepts(filter) {
            winner = winner.max(Some((*rank, *entry)));
            all.push(*entry);
        }
    }
    let winner = winner.map(|(_, entry)| entry);
    all.sort_unstable();
    let trie = set.trie();
    assert_eq!(
        walk::classify_all(trie, &packet.bytes, packet.wirelen),
        all,
        "walk, all\n{trie}\n{packet:?}"
    );
    assert_eq!(
        walk::classify(trie, &packet.bytes, packet.wirelen),
        winner,
        "walk\n{trie}\n{packet:?}"
    );
    for engine in engines {
        let (one, every) = (engine.classify(packet), engine.classify_all(packet));
        assert_eq!(one, winner, "code\n{trie}\n{packet:?}");
        assert_eq!(every, all, "code, all\n{trie}\n{packet:?}");
    }
    all
}

/// What the engines run on.
fn machine(engines: &[&mut dyn Engine]) -> Machine {
    engines
        .first()
        .map_or(Machine::HOST, |engine| engine.machine())
}

/// A script being performed.
struct Performance<'a> {
    data: &'a [u8],
    random: Random,
    draw: Draw,
    /// Whether the filters are kin.
    kin: bool,
    set: Set,
    installed: Vec<Installed>,
    /// The filter that the next kin are parts of.
    whole: Option<Filter>,
    next: u32,
}

impl<'a> Performance<'a> {
    fn new(data: &'a [u8], machine: Machine, source: &mut Source<'_>) -> Self {
        let kin = source.below(5) != 0;
        let mut random = Random::new(source.word().into());
        // Half of the scripts make blocks of rules of what in others is looked up group by group.
        let mut limits = Limits::default();
        if source.below(2) == 0 {
            limits.blocks_from = 1 + source.below(6) as usize;
        }
        Performance {
            data,
            draw: Draw {
                structure: Random::new(random.bits()),
                constants: Random::new(random.bits()),
                omissions: None,
                depth: source.below(4) + u32::from(kin),
                expressions: source.below(2) == 0,
            },
            set: Set::on(machine, limits, random.bits()),
            random,
            kin,
            installed: Vec::new(),
            whole: None,
            next: 0,
        }
    }

    /// Installs or removes a filter, or gives one another rank.
    fn step(&mut self, source: &mut Source<'_>, tally: &mut Tally) {
        if source.below(4) == 0 && !self.installed.is_empty() {
            let at = source.below(self.installed.len() as u32) as usize;
            let (gone, ..) = self.installed.swap_remove(at);
            assert!(
                self.set.remove(gone).is_some(),
                "script {:02x?}: entry {gone} was not installed",
                self.data
            );
            return;
        }
        if source.below(8) == 0 && !self.installed.is_empty() {
            let at = source.below(self.installed.len() as u32) as usize;
            let (entry, rank, _) = &mut self.installed[at];
            *rank = source.word() % (1 << 20) * 1024 + *entry;
            assert!(
                self.set.set_rank(*entry, *rank).is_some(),
                "script {:02x?}: entry {entry} was not installed",
                self.data
            );
            return;
        }
        // Mostly the structure of the last filter again.
        if source.below(if self.kin { 40 } else { 3 }) == 0 {
            self.draw.structure = Random::new(source.word().into());
            self.whole = None;
        }
        let Some(drawn) = self.drawn(source) else {
            return;
        };
        let rank = self.next * 7919 % 1009 * 1024 + self.next;
        match self.set.insert(&drawn, self.next, rank) {
            Ok(_) => {
                tally.installed += 1;
                self.installed.push((self.next, rank, drawn));
            }
            Err(_) => tally.refused += 1,
        }
        self.next += 1;
    }

    /// The next filter; nothing if it passes a limit.
    fn drawn(&mut self, source: &mut Source<'_>) -> Option<Filter> {
        if !self.kin {
            let mut draw = self.draw.clone();
            let drawn = filter(&mut draw).ok();
            self.draw.constants = draw.constants;
            return drawn;
        }
        if self.whole.is_none() {
            self.draw_whole();
        }
        let mut draw = self.draw.clone();
        draw.omissions = Some(Random::new(source.byte().into()));
        filter(&mut draw).ok()
    }

    /// Draws the filter that the next ones are parts of: the first that has a witness.
    fn draw_whole(&mut self) {
        for _ in 0..TRIES {
            let whole = filter(&mut self.draw.clone()).ok();
            let has_witness = whole.as_ref().is_some_and(|whole| {
                let packet = witness(whole, &mut self.random).packet;
                interp::accepts(whole, &packet.bytes, packet.wirelen)
            });
            self.whole = whole;
            if has_witness {
                return;
            }
            self.draw.structure = Random::new(self.random.bits());
        }
        // So that the next filters are parts of something.
        self.whole = filter(&mut self.draw.clone()).ok();
    }

    /// Compares all engines on witnesses and their misses.
    fn compare(&mut self, engines: &mut [&mut dyn Engine], tally: &mut Tally) {
        if self.installed.is_empty() {
            return;
        }
        let mut loaded: Vec<&mut dyn Engine> = Vec::new();
        for engine in engines {
            if engine.load(&self.set) {
                loaded.push(&mut **engine);
            }
        }
        for _ in 0..WITNESSES {
            let random = &mut self.random;
            let towards = match &self.whole {
                Some(whole) if !random.one_in(3) => whole,
                _ => &random.pick(&self.installed).2,
            };
            let witness = witness(towards, random);
            self.compare_around(&witness, &mut loaded, tally);
        }
    }

    /// Compares all engines on a witness, on what is one bit away, and on what is left of it.
    fn compare_around(
        &mut self,
        witness: &Witness,
        engines: &mut [&mut dyn Engine],
        tally: &mut Tally,
    ) {
        let mut judge = |packet: &Packet| {
            let all = agree(&self.set, &self.installed, engines, packet);
            tally.pairs += self.installed.len() as u64;
            tally.accepted += all.len() as u64;
            if !self.set.trie().blocks().is_empty() {
                tally.blocks += self.installed.len() as u64;
            }
            all
        };
        let accepting = judge(&witness.packet);
        let mut turned: Vec<u32> = Vec::new();
        let mut near_misses = 0;
        for _ in 0..MISSES {
            let Some(missed) = witness.miss(&mut self.random) else {
                break;
            };
            let still = judge(&missed);
            let without = |a: &[u32], b: &[u32]| -> Vec<u32> {
                a.iter()
                    .filter(|entry| b.binary_search(entry).is_err())
                    .copied()
                    .collect()
            };
            near_misses += without(&accepting, &still).len();
            turned.extend(without(&still, &accepting));
        }
        turned.sort_unstable();
        turned.dedup();
        judge(&witness.cut(&mut self.random));
        tally.near_misses += (near_misses + turned.len()) as u64;
    }
}
