//! The fuzz bodies on what is kept for them: `fuzz/seeds`, where fuzzing begins, and
//! `fuzz/regressions`, inputs on which a body once failed.
//!
//! `UPDATE_EXPECT=1` writes the seeds that are made rather than written by hand.
#![cfg(all(feature = "fuzzing", target_arch = "x86_64"))]

use std::{env, fs, path::PathBuf};

use dpf::{
    filter::{Filter, lower},
    fuzzing::{Random, binary, check, meaning, overlap, script, text},
    syntax::Program,
};

type Body = fn(&[u8]);

const BODIES: [(&str, Body); 7] = [
    ("binary", binary::run),
    ("check", check::run),
    ("check_mips", check::mips::run),
    ("meaning", meaning::run),
    ("overlap", overlap::run),
    ("script", script::run),
    ("text", text::run),
];

/// Seeds of a body that reads its input as choices: any bytes will do.
const RANDOM_SEEDS: u64 = 8;

fn folder(kind: &str, target: &str) -> PathBuf {
    let fuzz = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    fuzz.join(kind).join(target)
}

/// The files of a folder; none if there is no folder.
fn inputs(folder: PathBuf) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| fs::read(entry.expect("an entry").path()).expect("a file"))
        .collect()
}

#[test]
fn every_body_takes_its_seeds_and_past_failures() {
    if env::var_os("UPDATE_EXPECT").is_some() {
        make_seeds();
    }
    for (target, body) in BODIES {
        let seeds = inputs(folder("seeds", target));
        assert!(!seeds.is_empty(), "{target} has no seeds");
        seeds.iter().for_each(|seed| body(seed));
        let failures = inputs(folder("regressions", target));
        failures.iter().for_each(|failure| body(failure));
    }
}

/// Once a generator never ended on the empty input.
#[test]
fn every_body_ends_on_an_input_that_ends_at_once() {
    for (_, body) in BODIES {
        body(&[]);
        body(&[0]);
    }
}

/// Seeds that the decoder refuses at once would seed nothing.
#[test]
fn the_seeds_of_the_decoder_are_filters() {
    for seed in inputs(folder("seeds", "binary")) {
        assert!(Filter::decode(&seed).is_ok(), "make the seeds again");
    }
}

fn make_seeds() {
    let write = |target: &str, name: String, bytes: &[u8]| {
        let folder = folder("seeds", target);
        fs::create_dir_all(&folder).expect("a folder for seeds");
        fs::write(folder.join(name), bytes).expect("a seed");
    };
    for text in inputs(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/filters")) {
        let text = String::from_utf8(text).expect("a filter file");
        let program = Program::parse(&text, "seeds.dpf", true).expect("a program");
        for lowered in lower(&program).expect("filters") {
            write("binary", lowered.name, &lowered.filter.encode());
        }
    }
    for (index, sample) in check::samples().iter().enumerate() {
        // The sample, then that code follows.
        let mut input = (index as u32).to_be_bytes().to_vec();
        input.push(0);
        input.extend(&sample.code);
        write("check", sample.name.to_owned(), &input);
    }
    for (index, sample) in check::mips::samples().iter().enumerate() {
        let mut input = (index as u32).to_be_bytes().to_vec();
        input.push(0);
        input.extend(sample.code.iter().flat_map(|word| word.to_be_bytes()));
        write("check_mips", sample.name.to_owned(), &input);
    }
    for (target, length) in [
        ("check", 40),
        ("check_mips", 48),
        ("meaning", 400),
        ("overlap", 100),
        ("script", 120),
    ] {
        let mut random = Random::new(length);
        for number in 0..RANDOM_SEEDS {
            let bytes = (0..length).map(|_| random.bits() as u8);
            write(
                target,
                format!("random-{number}"),
                &bytes.collect::<Vec<u8>>(),
            );
        }
    }
}
