//! The prover of emitted code against an emulator: what it accepts must not misbehave.
//!
//! An input chooses a sample, code that was really emitted, and damages it; or it is the code. What
//! the prover accepts runs in the emulator, never on the processor, on packets whole, cut off,
//! empty and hostile. A load or store out of place, a branch back, a return that loses what the
//! caller keeps, a path longer than reported: each is a hole in the prover.

mod emitted;
pub mod mips;
mod mutate;
mod sample;
#[cfg(test)]
mod tests;

pub use emitted::emitted;
pub use mutate::{mutate, mutate_frame};
pub use sample::{Sample, samples};

use alloc::vec::Vec;
use std::sync::OnceLock;

use super::Source;
use crate::check::x64::emulator::{Misbehaviour, Outcome, World, run as emulate};
use crate::check::x64::prove;

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
        let bytes = core::iter::from_fn(|| (!source.is_empty()).then(|| source.byte()));
        judge(sample, &bytes.collect::<Vec<u8>>());
    } else {
        judge(sample, &mutate(&sample.code, &mut source));
    }
}

/// Scripts whose output the fuzz body damages.
const SCRIPTS: u64 = 20;

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
/// When it is accepted and misbehaves.
pub fn judge(sample: &Sample, code: &[u8]) -> Verdict {
    let proved = prove(code, &sample.policy);
    let limit = match &proved {
        Ok(proved) => proved.report().longest_path,
        Err(_) => sample.policy.longest_path,
    };
    let seen = sample.watch(code, limit).err();
    if let (Ok(_), Some(seen)) = (&proved, seen) {
        panic!("accepted, but {seen:?}:\n{}", listing(code));
    }
    Verdict {
        accepted: proved.is_ok(),
        seen,
    }
}

impl Sample {
    /// Calls every entry of `code` on every packet; the results in order.
    ///
    /// # Errors
    ///
    /// The first misbehaviour.
    pub fn watch(&self, code: &[u8], steps: u32) -> Result<Vec<Outcome>, Misbehaviour> {
        let tables = self.tables();
        let calls = self.packets.iter().flat_map(|packet| {
            self.policy
                .entries
                .iter()
                .map(move |&entry| (packet, entry))
        });
        let mut seed = 1;
        let outcomes = calls.map(|((packet, wirelen), entry)| {
            seed += 1;
            let world = World {
                // So that what lies just outside is nobody's.
                address: 0x2000_0000_0001 + 0x1_0000_0000 * u64::from(*wirelen & 0xff),
                packet,
                wirelen: *wirelen,
                tables: &tables,
                frame: self.policy.frame,
                seed,
            };
            emulate(code, entry, &world, steps)
        });
        outcomes.collect()
    }
}

/// The code, disassembled from its start.
pub fn listing(code: &[u8]) -> alloc::string::String {
    use core::fmt::Write;
    use iced_x86::Formatter;
    let mut formatter = iced_x86::IntelFormatter::new();
    let mut text = alloc::string::String::new();
    for instruction in iced_x86::Decoder::with_ip(64, code, 0, 0) {
        let mut line = alloc::string::String::new();
        formatter.format(&instruction, &mut line);
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:5} {line}", instruction.ip());
    }
    text
}
