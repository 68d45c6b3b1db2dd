//! The fuzz body on pseudo-random bytes, on its seeds, and on what it once failed on.
//!
//! `UPDATE_EXPECT=1` writes the seeds.

use super::cable::{Cable, Faults};
use crate::fuzzing::run;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The body reads choices: any bytes will do to begin with.
const SEEDS: u64 = 8;

fn bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut random = Cable::new(Faults::default(), seed);
    (0..count).map(|_| random.below(256) as u8).collect()
}

fn folder(kind: &str) -> PathBuf {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    fuzz.join(kind).join("network")
}

/// What `cargo fuzz run network` does without end: 4,096 times from a fixed seed.
#[test]
fn scripts_4096() {
    for seed in 0..4096 {
        run(&bytes(seed, 64 + seed as usize % 3_000));
    }
}

#[test]
fn seeds_and_past_failures() {
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::create_dir_all(folder("seeds")).unwrap();
        for seed in 0..SEEDS {
            let path = folder("seeds").join(format!("random-{seed}"));
            fs::write(path, bytes(seed, 2_000)).unwrap();
        }
    }
    for kind in ["seeds", "regressions"] {
        let entries: Vec<_> = fs::read_dir(folder(kind)).into_iter().flatten().collect();
        assert!(
            kind != "seeds" || entries.len() >= SEEDS as usize,
            "no seeds"
        );
        for entry in entries {
            run(&fs::read(entry.unwrap().path()).unwrap());
        }
    }
    run(&[]);
}
