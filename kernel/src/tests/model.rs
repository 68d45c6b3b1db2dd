//! Random sequences of calls against the plain model: the fuzz body from fixed seeds.

use crate::fuzzing::{self, Report};
use aegis_abi::Syscall;
use std::{env, fs, path::PathBuf};

/// Sequences, and bytes of each.
const SEQUENCES: u32 = if cfg!(miri) { 2 } else { 200 };
const BYTES: usize = if cfg!(miri) { 80 } else { 4096 };

/// Seeds that fuzzing begins with, and their length.
const SEEDS: u32 = 8;
const SEED_BYTES: usize = 1024;

/// Calls that cannot be refused.
const NEVER_REFUSED: [Syscall; 2] = [Syscall::env_self, Syscall::ticks];

#[test]
fn the_kernel_does_what_the_model_says() {
    let mut total = Report::NOTHING;
    for seed in 1..=SEQUENCES {
        total.add(&fuzzing::run(&bytes(seed)));
    }
    if cfg!(miri) {
        return;
    }
    // What is never reached is not tested.
    for &call in Syscall::ALL {
        let [complied, refused] = total.calls[call as usize];
        println!("{:20} {complied:6} {refused:6}", call.name());
        assert!(complied > 0, "{call:?} was never complied with");
        let may_be_refused = !NEVER_REFUSED.contains(&call);
        assert_eq!(
            refused > 0,
            may_be_refused,
            "{call:?} refused {refused} times"
        );
    }
    println!("{total:?}");
    assert!(
        total.steps >= 50_000
            && total.transfers >= 100
            && total.taken >= 100
            && total.destroyed >= 100
    );
}

/// `UPDATE_EXPECT=1` writes the seeds.
#[test]
fn the_body_takes_its_seeds_and_past_failures() {
    if cfg!(miri) {
        return;
    }
    let folder = |kind: &str| {
        let fuzz = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        fuzz.join(kind).join("kernel")
    };
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::create_dir_all(folder("seeds")).expect("a folder for seeds");
        for seed in 1..=SEEDS {
            let path = folder("seeds").join(format!("random-{seed}"));
            fs::write(path, &bytes(1000 + seed)[..SEED_BYTES]).expect("a seed");
        }
    }
    for kind in ["seeds", "regressions"] {
        let entries: Vec<_> = fs::read_dir(folder(kind)).into_iter().flatten().collect();
        assert!(kind != "seeds" || !entries.is_empty(), "no seeds");
        for entry in entries {
            let path = entry.expect("an entry").path();
            fuzzing::run(&fs::read(path).expect("a file"));
        }
    }
}

/// Bytes from a seed, by xorshift.
fn bytes(seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8
    };
    core::iter::repeat_with(next).take(BYTES).collect()
}
