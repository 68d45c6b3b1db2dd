//! `cargo run --release -p dpf-benches --features dpdk --example rulesets`: the ClassBench sets of
//! `DPF_TEST_DATA`, `first` semantics: DPF, `rte_acl` and a linear scan in one process, in turns.

use dpf_benches::{classbench, rulesets, workload::Random};
use std::path::PathBuf;

fn main() -> Result<(), String> {
    let data = std::env::var_os("DPF_TEST_DATA").ok_or("DPF_TEST_DATA is not set")?;
    let mut random = Random::new(9);
    println!("{}", rulesets::HEADER);
    for path in rulesets::files(&PathBuf::from(data))? {
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let set = rulesets::measure(&classbench::parse(&text)?, &mut random)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        println!("{}", set.row(&name));
    }
    Ok(())
}
