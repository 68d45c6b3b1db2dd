//! Mutants by the hundred thousand, from fixed seeds.

use super::*;
use crate::fuzzing::source::random_bytes;

const MUTANTS: u64 = 120_000;
const MISBEHAVING: u32 = 10_000;
const SCRIPTS: u64 = 60;
const FRAME_MUTANTS: u64 = 10_000;

#[test]
fn typical_forms_are_accepted_and_find_something() {
    for sample in samples() {
        let proved = prove(&sample.code, &sample.policy);
        let proved = proved.unwrap_or_else(|refusal| {
            panic!("{}: {refusal}\n{}", sample.name, listing(&sample.code))
        });
        let outcomes = sample
            .watch(&sample.code, proved.report().longest_path)
            .unwrap();
        assert!(
            outcomes.iter().any(|outcome| outcome.result != 0),
            "{} never finds anything",
            sample.name
        );
    }
}

/// Drawing the samples also shows that all real output is accepted, behaves and answers rightly.
#[test]
fn no_mutant_that_misbehaves_is_accepted() {
    let mut samples = samples();
    samples.extend(emitted(0..SCRIPTS, 3));
    let (mut misbehaved, mut forbidden, mut accepted) = (0, 0, 0);
    for seed in 0..MUTANTS {
        let sample = &samples[seed as usize % samples.len()];
        let bytes = random_bytes(seed, 40);
        let mutant = mutate(&sample.code, &mut Source::new(&bytes));
        let verdict = judge(sample, &mutant);
        match verdict.seen {
            Some(Misbehaviour::Forbidden) => forbidden += 1,
            Some(_) => misbehaved += 1,
            None => accepted += u32::from(verdict.accepted),
        }
    }
    std::println!(
        "{MUTANTS} mutants of {} functions: {misbehaved} misbehaved, {forbidden} left the \
         instruction set, {accepted} were harmless and accepted",
        samples.len()
    );
    assert!(
        misbehaved >= MISBEHAVING,
        "only {misbehaved} mutants misbehaved"
    );
    assert!(accepted > 0, "the prover refuses everything");
}

/// Functions that keep numbers in the frame, with the places changed.
#[test]
fn no_mutant_that_errs_in_its_frame_is_accepted() {
    let mut samples = samples();
    samples.extend(emitted(0..SCRIPTS, 3));
    // Without locals the frame is touched by pushes and pops alone.
    samples.retain(|sample| mutate_frame(&sample.code, &mut Source::new(&[])).is_some());
    assert!(samples.len() >= 10, "{} with a frame", samples.len());
    let (mut misbehaved, mut unwritten) = (0, 0);
    for seed in 0..FRAME_MUTANTS {
        let sample = &samples[seed as usize % samples.len()];
        let bytes = random_bytes(0xf4a3e + seed, 40);
        if let Some(mutant) = mutate_frame(&sample.code, &mut Source::new(&bytes)) {
            match judge(sample, &mutant).seen {
                Some(Misbehaviour::Unwritten { .. }) => unwritten += 1,
                Some(_) => misbehaved += 1,
                None => {}
            }
        }
    }
    std::println!(
        "{FRAME_MUTANTS} mutants of {} functions with a frame: {unwritten} read what they had \
         not written, {misbehaved} misbehaved otherwise",
        samples.len()
    );
    assert!(
        unwritten >= 1000 && misbehaved >= 1000,
        "{unwritten}, {misbehaved}"
    );
}

#[test]
fn fixed_seed() {
    for seed in 0..4096 {
        run(&random_bytes(0x5eed + seed, 64));
    }
}
