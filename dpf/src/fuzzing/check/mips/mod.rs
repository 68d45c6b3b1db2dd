//! The prover of MIPS code against an emulator: what it accepts must not misbehave.
//!
//! As for x86-64: an input chooses a sample, code that was really emitted, and damages it; or it is the
//! code. What the prover accepts runs in the emulator on packets whole, cut off, empty and hostile, at
//! every address that the policy lets them have. A load or store out of place or not aligned, a
//! branch back, a hazard, a path longer than reported in instructions or cycles: each is a hole in
//! the prover.

mod emitted;
mod mutate;
mod sample;
#[cfg(test)]
mod tests;

pub use emitted::emitted;
pub use mutate::{mutate, mutate_frame};
pub use sample::{Sample, samples};

use alloc::vec::Vec;
use std::sync::OnceLock;

use crate::check::Alignment;
use crate::check::mips::emulator::{Misbehaviour, Outcome, World, run as emulate};
use crate::check::mips::{Disassembly, prove};
use crate::fuzzing::Source;

/// Where packets are, but for what the policy says of their alignment.
const PACKETS: u32 = 0x0080_0000;

/// Damages a sample as `data` says, or takes it for code, and judges it.
///
/// # Panics
///
/// When the prover accepts code that misbehaves.
pub fn run(data: &[u8]) {
    static SAMPLES: OnceLock<Vec<Sample>> = OnceLock::new();
    let samples = SAMPLES.get_or_init(|| {
        let mut all = samples();
        all.extend(emitted(0..SCRIPTS, 2));
        all
    });
    let mut source = Source::new(data);
    let sample = &samples[source.word() as usize % samples.len()];
    if source.below(8) == 0 {
        let words = core::iter::from_fn(|| (!source.is_empty()).then(|| source.word()));
        judge(sample, &words.collect::<Vec<u32>>());
    } else {
        judge(sample, &mutate(&sample.code, &mut source));
    }
}

/// Scripts whose output the fuzz body damages.
const SCRIPTS: u64 = 10;

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The prover accepted it.
    pub accepted: bool,
    /// What it was seen to do.
    pub seen: Option<Misbehaviour>,
}

/// Proves `code` in the place of the sample's, and runs it.
///
/// # Panics
///
/// When it is accepted and misbehaves, or takes longer than was proved.
pub fn judge(sample: &Sample, code: &[u32]) -> Verdict {
    let proved = prove(code, &sample.policy);
    let limit = match &proved {
        Ok(proved) => proved.report().longest_path,
        Err(_) => sample.policy.longest_path,
    };
    let seen = sample.watch(code, limit);
    if let Ok(proved) = &proved {
        let outcomes = match &seen {
            Ok(outcomes) => outcomes,
            Err(seen) => panic!("accepted, but {seen:?}:\n{}", listing(code)),
        };
        let cycles = outcomes.iter().map(|outcome| outcome.cycles).max();
        let most = proved.report().cycles.map(u64::from);
        assert!(
            cycles <= most,
            "{cycles:?} cycles, not {most:?}:\n{}",
            listing(code)
        );
    }
    Verdict {
        accepted: proved.is_ok(),
        seen: seen.err(),
    }
}

impl Sample {
    /// Calls every entry of `code` on every packet; the results in order.
    ///
    /// # Errors
    ///
    /// The first misbehaviour.
    pub fn watch(&self, code: &[u32], steps: u32) -> Result<Vec<Outcome>, Misbehaviour> {
        let tables = self.tables();
        let calls = self.packets.iter().flat_map(|packet| {
            let entries = self.policy.entries.iter();
            entries.map(move |&entry| (packet, entry))
        });
        let outcomes = (1..).zip(calls).map(|(seed, ((packet, wirelen), entry))| {
            let world = World {
                address: self.address(seed),
                packet,
                wirelen: *wirelen,
                tables: &tables,
                frame: self.policy.frame,
                seed: seed.into(),
            };
            emulate(code, entry, &world, steps)
        });
        outcomes.collect()
    }

    /// An address that a packet may have.
    pub fn address(&self, seed: u32) -> u32 {
        PACKETS
            + match self.policy.packet {
                Alignment::Unknown => seed % 4,
                Alignment::Word => 0,
                Alignment::WordPlusTwo => 2,
            }
    }
}

/// The code, disassembled.
pub fn listing(code: &[u32]) -> alloc::string::String {
    let lines = (0..).step_by(4).zip(code);
    lines
        .map(|(at, &word)| alloc::format!("{at:5} {word:08x} {}\n", Disassembly(word)))
        .collect()
}
