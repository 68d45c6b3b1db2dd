//! Mutants by the hundred thousand, from fixed seeds; and the emulator against the simulator.

use decstation::bare::{BASE, Bare, Options};
use decstation::cpu::Register;

use super::*;
use crate::fuzzing::source::random_bytes;

const MUTANTS: u64 = 120_000;
const MISBEHAVING: u32 = 10_000;
const FRAME_MUTANTS: u64 = 10_000;
const SCRIPTS: u64 = 60;

#[test]
fn typical_forms_are_accepted_and_find_something() {
    let samples = samples();
    assert_eq!(samples.len(), 9, "a form was not emitted");
    for sample in samples {
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
        let bytes = random_bytes(seed, 48);
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

/// Functions that keep numbers in the frame, with the places changed. Of the written and the crowded
/// sets no function does: a R3000 has registers for all that they keep.
#[test]
fn no_mutant_that_errs_in_its_frame_is_accepted() {
    let mut samples = samples();
    samples.retain(|sample| mutate_frame(&sample.code, &mut Source::new(&[])).is_some());
    assert_eq!(samples.len(), 2, "with a frame");
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

/// What judges the prover is itself held against the simulator: what is accepted, mutants too, stops a
/// strict R3000 nowhere, and emitted code gives the same result there in as many instructions and
/// cycles.
#[test]
fn the_simulator_runs_what_is_accepted_as_the_emulator_does() {
    let mut machine = Bare::with(&Options {
        ram_bytes: 16 << 20,
        ..Options::default()
    });
    let samples = samples();
    let mut compared = 0;
    for seed in 0..SIMULATED {
        let sample = &samples[seed as usize % samples.len()];
        let intact = seed < samples.len() as u64;
        let bytes = random_bytes(seed, 48);
        let code = if intact {
            sample.code.clone()
        } else {
            mutate(&sample.code, &mut Source::new(&bytes))
        };
        if !judge(sample, &code).accepted {
            continue;
        }
        let outcomes = sample.watch(&code, sample.policy.longest_path).unwrap();
        machine.load_words(CODE, &code);
        let table = &sample.policy.tables[0];
        machine.load_bytes(table.address as u32, &sample.contents[0]);
        for ((at, outcome), (packet, wirelen)) in (1..).zip(outcomes).zip(&sample.packets) {
            let address = BASE + sample.address(at);
            machine.load_bytes(address, packet);
            let arguments = [address, packet.len() as u32, *wirelen];
            let before = machine.register(Register::SP);
            let counts = machine
                .call(CODE, &arguments, 1000)
                .unwrap_or_else(|stop| panic!("{stop}\n{}", listing(&code)));
            assert_eq!(machine.register(Register::SP), before);
            // What a caller left may decide between two harmless ends of a mutant.
            if intact {
                assert_eq!(
                    (
                        machine.register(Register::V0),
                        counts.instructions,
                        counts.cycles
                    ),
                    (outcome.result, outcome.steps.into(), outcome.cycles),
                    "{}",
                    sample.name
                );
            }
            compared += 1;
        }
    }
    assert!(compared > 10_000, "{compared}");
}

/// Functions that the simulator is given.
const SIMULATED: u64 = 4_000;
/// Where it has their code.
const CODE: u32 = BASE + 0x1_0000;
