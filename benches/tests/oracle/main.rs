//! Verdicts against libpcap's, on every capture of `DPF_TEST_DATA/tcpdump`.
//!
//! A few hundred filters are written down in both languages ([`pairs`]), lowered, and run on every
//! packet; the language's own evaluator must always agree. Left out: native code, which the
//! differential tests hold to the interpreter that is asked here.
//! The packets are what libpcap reads, taken as wholly captured. The verdicts must be equal, but
//! for packets to which one of five named rules applies ([`rules`]), each of them a decision of
//! the language that libpcap takes otherwise.
//!
//! Needs feature `oracle` (Debian: libpcap-dev; 1.10.3 is what the rules were written for) and
//! says so and passes without `DPF_TEST_DATA`.
#![cfg(feature = "oracle")]

mod captures;
mod pairs;
mod rules;

use captures::{Capture, Link};
use dpf::{
    filter::lower,
    interp::accepts,
    syntax::{Program, eval::Evaluator, eval::Truth},
};
use pairs::Pair;
use std::collections::BTreeMap;

#[test]
fn verdicts_are_those_of_libpcap() {
    let Some(captures) = captures::read() else {
        return;
    };
    let pairs = pairs::all(&captures);
    let mut tally = Tally::default();
    for (link, captures) in by_link(&captures) {
        compare(link, &captures, &pairs, &mut tally);
    }
    println!("{tally:#?}");
    assert!(tally.unexplained.is_empty(), "{:#?}", tally.unexplained);
    assert!(pairs.len() >= 300, "{} filters", pairs.len());
    assert!(tally.captures >= 800, "{} captures", tally.captures);
    assert!(
        tally.accepted * 50 > tally.verdicts,
        "too few packets accepted: {tally:#?}"
    );
    assert_eq!(
        tally.explained.len(),
        5,
        "a rule that explains nothing: {tally:#?}"
    );
    assert!(
        tally.differing() * 100 < tally.verdicts,
        "too many differences: {tally:#?}"
    );
}

/// What was compared.
#[derive(Debug, Default)]
struct Tally {
    captures: usize,
    packets: usize,
    verdicts: usize,
    /// Verdicts of acceptance that both gave.
    accepted: usize,
    /// For each rule the differing verdicts that it explains.
    explained: BTreeMap<&'static str, usize>,
    /// The first differing verdicts that no rule explains.
    unexplained: Vec<String>,
}

impl Tally {
    fn differing(&self) -> usize {
        self.explained.values().sum()
    }
}

/// The captures of each link type.
fn by_link(captures: &[Capture]) -> BTreeMap<Link, Vec<&Capture>> {
    let mut links: BTreeMap<Link, Vec<&Capture>> = BTreeMap::new();
    for capture in captures {
        links.entry(capture.link).or_default().push(capture);
    }
    links
}

fn compare(link: Link, captures: &[&Capture], pairs: &[Pair], tally: &mut Tally) {
    let pairs: Vec<&Pair> = pairs.iter().filter(|pair| link.takes(pair)).collect();
    let text = pairs::program(&pairs, link);
    let program = Program::parse(&text, "pairs.dpf", true);
    let program = program.unwrap_or_else(|errors| panic!("{}", errors.render(false)));
    let evaluator = Evaluator::new(&program);
    let lowered = lower(&program).unwrap_or_else(|error| panic!("{}", error.title()));
    let compiled: Vec<_> = pairs
        .iter()
        .map(|pair| link.compile(pair.pcap.as_str()))
        .collect();
    for capture in captures {
        tally.captures += 1;
        for (number, packet) in capture.packets.iter().enumerate() {
            tally.packets += 1;
            let all = pairs
                .iter()
                .zip(&compiled)
                .zip(&program.filters)
                .zip(&lowered);
            for (((pair, theirs), filter), lowered) in all {
                let theirs = theirs.filter(packet);
                let ours = accepts(&lowered.filter, packet, packet.len() as u32);
                let meant = evaluator.evaluate(filter, packet, packet.len() as u32) == Truth::True;
                assert_eq!(
                    ours,
                    meant,
                    "{} packet {}: `{}`",
                    capture.name,
                    number + 1,
                    pair.dpf
                );
                tally.verdicts += 1;
                tally.accepted += usize::from(ours && theirs);
                if ours == theirs {
                    continue;
                }
                match rules::explain(link, packet) {
                    Some(rule) => *tally.explained.entry(rule).or_default() += 1,
                    None if tally.unexplained.len() < 50 => tally.unexplained.push(format!(
                        "{} packet {}: `{}` is {theirs} in libpcap, `{}` is {ours}",
                        capture.name,
                        number + 1,
                        pair.pcap,
                        pair.dpf,
                    )),
                    None => {}
                }
            }
        }
    }
}
