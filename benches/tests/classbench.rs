//! The ClassBench sets of `DPF_TEST_DATA`, `first` semantics: DPF equals a linear scan.

use dpf_benches::{classbench, rulesets, workload::Random};
use std::path::PathBuf;

/// The most bytes of code and tables that a set of a thousand rules may take.
const MOST_BYTES: u64 = 1 << 20;

#[test]
fn every_set_equals_a_linear_scan() {
    let Some(data) = std::env::var_os("DPF_TEST_DATA") else {
        eprintln!("skipped: DPF_TEST_DATA is not set");
        return;
    };
    let folder = PathBuf::from(data).join("classbench");
    let mut sets = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of rule sets") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a text file");
        let rules = classbench::parse(&text).expect("rules");
        let demux = rulesets::install(&rules).expect("an installation");
        assert_eq!(demux.trie().unlisted(), None, "{}", path.display());
        assert!(!demux.trie().blocks().is_empty(), "{}", path.display());
        let memory = rulesets::Memory::of(&demux);
        assert!(
            memory.total() <= MOST_BYTES,
            "{}: {memory:?}",
            path.display()
        );
        let mut matched = 0;
        for packet in rulesets::traffic(&rules, 20_000, &mut Random::new(8)) {
            let first = classbench::first(&rules, &packet);
            let winner = demux.classify(&packet).map(|id| id.entry());
            assert_eq!(winner, first, "{}: {packet:02x?}", path.display());
            matched += usize::from(first.is_some());
        }
        assert!(
            matched > 10_000,
            "{}: {matched} packets matched",
            path.display()
        );
        sets += 1;
    }
    assert_eq!(sets, 7);
}
