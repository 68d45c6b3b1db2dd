//! What the command says of every packet of every capture, against the meaning of the language: an
//! evaluator that shares nothing with it but the checked program.

mod common;

use std::path::{Path, PathBuf};

use clap::Parser;
use common::{captures, test_data};
use dpf::syntax::{
    Program,
    eval::{Evaluator, Truth},
};
use dpf_cli::{
    args::{Cli, Command, FilterArgs, Mode},
    capture::Reader,
    classifier::Classifier,
    demo, filters,
};

fn filter_args(files: &[&str]) -> FilterArgs {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/filters");
    let files: Vec<PathBuf> = files.iter().map(|file| folder.join(file)).collect();
    let files = files.iter().flat_map(|file| ["-f", file.to_str().unwrap()]);
    let words = ["dpf", "classify"].into_iter().chain(files).chain(["-"]);
    match Cli::try_parse_from(words).unwrap().command {
        Command::Classify(args) => args.filters,
        _ => unreachable!("that is what was parsed"),
    }
}

/// One set of filters, in the command's two modes, and as the language means it.
struct Judge {
    all: Classifier,
    first: Classifier,
    program: Program,
    packets: u64,
    matching: u64,
}

impl Judge {
    fn new(files: &[&str]) -> Self {
        let args = filter_args(files);
        Self {
            all: Classifier::load(&args, Mode::All).unwrap(),
            first: Classifier::load(&args, Mode::First).unwrap(),
            program: filters::load(&args).unwrap(),
            packets: 0,
            matching: 0,
        }
    }

    /// Compares every packet of a capture.
    fn compare(&mut self, mut reader: Reader, name: &str) {
        while let Ok(Some(packet)) = reader.next_packet() {
            self.packets += 1;
            let expected = match packet.interface().link.root() {
                None => Vec::new(),
                Some(root) => {
                    self.program.root = self.program.header(root).unwrap();
                    truth(&self.program, packet.data, packet.wire_len)
                }
            };
            let found = self.all.classify(&packet).unwrap();
            assert_eq!(found, expected, "{name}, packet {}", self.packets);
            let winner = self.first.classify(&packet).unwrap();
            assert_eq!(
                winner,
                &expected[..expected.len().min(1)],
                "{name}, packet {}",
                self.packets
            );
            self.matching += u64::from(!expected.is_empty());
        }
    }
}

fn truth(program: &Program, bytes: &[u8], wire_len: u32) -> Vec<u32> {
    let evaluator = Evaluator::new(program);
    let filters = program.filters.iter().zip(0..);
    filters
        .filter(|(filter, _)| evaluator.evaluate(filter, bytes, wire_len) == Truth::True)
        .map(|(_, n)| n)
        .collect()
}

#[test]
fn made_up_traffic() {
    let mut capture = Vec::new();
    demo::write(&mut capture, 3_000).unwrap();
    for (file, least) in [
        ("demo.dpf", 1_500),
        ("intrusion.dpf", 1_000),
        ("server.dpf", 0),
    ] {
        let mut judge = Judge::new(&[file]);
        let input = Box::new(std::io::Cursor::new(capture.clone()));
        judge.compare(Reader::new(input).unwrap(), file);
        assert_eq!(judge.packets, 3_000);
        assert!(judge.matching >= least, "{file}: {}", judge.matching);
    }
}

#[test]
fn every_packet_of_strangers() {
    let Some(data) = test_data() else { return };
    let mut judge = Judge::new(&["demo.dpf"]);
    for path in captures(&data) {
        if let Ok(reader) = Reader::open(&path) {
            judge.compare(reader, &path.display().to_string());
        }
    }
    let Judge {
        packets, matching, ..
    } = judge;
    eprintln!("{packets} packets, of which filters match {matching}");
    assert!(
        packets > 10_000 && matching > 2_000,
        "{packets}, {matching}"
    );
}
