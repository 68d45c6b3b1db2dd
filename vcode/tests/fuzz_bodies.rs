//! The fuzz body on what is kept for it: `fuzz/seeds`, where fuzzing begins, and
//! `fuzz/regressions`, inputs on which it once failed.
//!
//! `UPDATE_EXPECT=1` writes the seeds.
#![cfg(all(feature = "fuzzing", target_arch = "x86_64"))]

use std::{env, fs, path::PathBuf};

use vcode::fuzzing;

/// Seeds to keep: any bytes are a program, and the fuzzer finds the rest.
const SEEDS: u64 = 12;

fn folder(kind: &str) -> PathBuf {
    let fuzz = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    fuzz.join(kind).join("program")
}

#[test]
fn the_body_takes_its_seeds_and_past_failures() {
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::create_dir_all(folder("seeds")).expect("a folder for seeds");
        for number in 0..SEEDS {
            let path = folder("seeds").join(format!("random-{number}"));
            fs::write(path, fuzzing::bytes(0x5eed5, number)).expect("a seed");
        }
    }
    for kind in ["seeds", "regressions"] {
        let entries: Vec<_> = fs::read_dir(folder(kind)).into_iter().flatten().collect();
        assert!(kind != "seeds" || !entries.is_empty(), "no seeds");
        for entry in entries {
            let path = entry.expect("an entry").path();
            fuzzing::agree(&fs::read(path).expect("a file"));
        }
    }
}
