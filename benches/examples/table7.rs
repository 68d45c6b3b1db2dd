//! `cargo run --release -p dpf-benches --example table7 [-- --json] [--plot FILE.svg]`: the
//! comparison without the `dpf` command around it.

use dpf_benches::{plot, table7};
use std::path::Path;

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let report = table7::measure(&table7::Options::default(), |note| eprintln!("{note}"))?;
    if let Some(at) = arguments.iter().position(|argument| argument == "--plot") {
        let file = arguments.get(at + 1).ok_or("--plot needs a file")?;
        plot::write(&report, Path::new(file))?;
    }
    if arguments.iter().any(|argument| argument == "--json") {
        println!("{}", report.json());
    } else {
        print!("{report}");
    }
    Ok(())
}
