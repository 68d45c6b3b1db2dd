//! `cargo run --release -p dpf-benches --features libpcap,dpdk --example goals`: the goals for
//! x86-64, measured, as the table of `results/x86-64.md`. About two minutes.
//!
//! Every ratio is between things measured in this one process, in turns.

use dpf_benches::{
    changes, classbench, compile,
    harness::Nanoseconds,
    readers,
    report::Report,
    rulesets,
    table7::{self, COUNTS, ratio},
    workload::{Random, Workload},
};
use std::{path::PathBuf, time::Instant};

fn main() -> Result<(), String> {
    let report = table7::measure(&table7::Options::default(), |note| eprintln!("{note}"))?;
    println!("machine: {}\n", report.machine);
    println!("| work | goal | measured |\n|---|---|---|");
    per_packet(&report);
    installing()?;
    compiling()?;
    reading()?;
    println!("\n### Installing and removing one filter, ns (median)\n");
    changing()?;
    println!("\n### ClassBench, `first`\n");
    rule_sets()?;
    println!("\n### The comparison that the ratios are from\n\n```text\n{report}```");
    Ok(())
}

fn per_packet(report: &Report) {
    let [hot, random, batch] = [Workload::Hot, Workload::Random, Workload::Batch32];
    let times = |peer: &str, count, workload| {
        let both = report
            .time(peer, count, workload)
            .zip(report.time("dpf", count, workload));
        both.map_or("not measured".into(), |(peer, dpf)| {
            format!("{:.2}", ratio(peer, dpf))
        })
    };
    for (peer, goal) in [("libpcap", 20), ("mpf", 20), ("pathfinder", 10)] {
        let (hot, random) = (times(peer, 10, hot), times(peer, 10, random));
        row(
            &format!("N = 10, {peer}'s time ÷ DPF's, hot / random"),
            &format!("≥ {goal}"),
            &format!("{hot} / {random}"),
        );
        let of = |peer: &str, workload| {
            report
                .table7
                .iter()
                .find(|row| row.peer == peer && row.workload == workload)
                .map(|row| row.time)
        };
        let paper = [Workload::Hot, Workload::Unexpected].map(|workload| {
            let both = of(peer, workload).zip(of("dpf", workload));
            both.map_or("not measured".into(), |(peer, dpf)| {
                format!("{:.2}", ratio(peer, dpf))
            })
        });
        row(
            &format!("the paper's ten filters, {peer}'s time ÷ DPF's, expected / unexpected"),
            &format!("≥ {goal}"),
            &paper.join(" / "),
        );
    }
    let perfect = report
        .time("dpf", 10, random)
        .zip(report.time("perfect-hash", 10, random));
    let perfect = perfect.map_or(String::new(), |(dpf, hash)| {
        format!("{:.2}", ratio(dpf, hash))
    });
    row(
        "N = 10 random, DPF's time ÷ the perfect hash's",
        "≤ 1.3",
        &perfect,
    );
    let all = COUNTS.map(|count| times("hashbrown", count, random));
    row(
        "random, hashbrown's time ÷ DPF's, N = 1 … 100,000",
        "> 1 at every N",
        &all.join(", "),
    );
    let growth = report
        .time("dpf", 100_000, random)
        .zip(report.time("dpf", 10, random));
    let growth = growth.map_or(String::new(), |(many, few)| {
        format!("{:.2}", ratio(many, few))
    });
    row("random, N = 100,000 ÷ N = 10", "≤ 2", &growth);
    row(
        "batch of 32, N = 100,000, rte_hash's time ÷ DPF's",
        "≥ 2",
        &times("dpdk-hash", 100_000, batch),
    );
}

fn installing() -> Result<(), String> {
    let candidates = changes::candidates();
    let dpf = candidates
        .iter()
        .find(|candidate| candidate.name == "dpf")
        .ok_or("no DPF")?;
    let [few, many] = [1000, 100_000].map(|count| changes::measure(dpf, count));
    let (few, many) = (few?.install, many?.install);
    row(
        "install of a known shape (one shape) at N = 100,000 ÷ at N = 1,000; its time",
        "≤ 2; ≤ 2 µs order",
        &format!("{:.2}; {} µs", ratio(many, few), micro(many)),
    );
    let new = compile::new_shapes(1000)?;
    row(
        "install of a new shape beside 1,000 filters",
        "≤ 100 µs order",
        &format!("{} µs", micro(new)),
    );
    Ok(())
}

fn compiling() -> Result<(), String> {
    let text = compile::language(&compile::hosts(1000));
    let mut samples = Vec::new();
    for _ in 0..21 {
        let start = Instant::now();
        compile::compile(&text)?;
        samples.push(start.elapsed().as_nanos() as f64);
    }
    let dpf = Nanoseconds::of(samples);
    let measured = format!("{:.1} ms{}", dpf.median / 1e6, libpcap_hosts());
    row(
        "compile 1,000 OR-ed hosts, from the text",
        "≤ 10 ms order",
        &measured,
    );
    Ok(())
}

/// libpcap's compiler on fewer hosts: a thousand take it most of a minute.
#[cfg(feature = "libpcap")]
fn libpcap_hosts() -> String {
    let times = [100, 200, 400].map(|count| {
        let expression = compile::expression(&compile::hosts(count));
        let start = Instant::now();
        match dpf_benches::peers::pcap::compile(&expression) {
            Ok(_) => format!("{count}: {:.0} ms", start.elapsed().as_secs_f64() * 1e3),
            Err(error) => format!("{count}: {error}"),
        }
    });
    format!("; libpcap {}", times.join(", "))
}

#[cfg(not(feature = "libpcap"))]
fn libpcap_hosts() -> String {
    String::new()
}

fn reading() -> Result<(), String> {
    for count in [10, 1000, 10_000] {
        let scaling = readers::measure(count, 15)?;
        let pace = scaling.changes as f64 / scaling.seconds;
        let measured = format!(
            "{:.2} ({:.0} and {:.0} million packets a second; {pace:.0} changes a second)",
            ratio(scaling.two, scaling.one),
            scaling.two.median,
            scaling.one.median,
        );
        row(
            &format!("two readers ÷ one, beside 1,000 changes a second, N = {count}"),
            "≥ 1.8",
            &measured,
        );
    }
    Ok(())
}

fn changing() -> Result<(), String> {
    println!("| engine | N | install | remove |\n|---|---|---|---|");
    for candidate in changes::candidates() {
        for count in COUNTS {
            match changes::measure(&candidate, count) {
                Ok(cost) => println!(
                    "| {} | {count} | {:.0} | {:.0} |",
                    candidate.name, cost.install.median, cost.remove.median
                ),
                Err(reason) => println!("| {} | {count} | {reason} | |", candidate.name),
            }
        }
    }
    Ok(())
}

fn rule_sets() -> Result<(), String> {
    let Some(data) = std::env::var_os("DPF_TEST_DATA") else {
        println!("not measured: DPF_TEST_DATA is not set");
        return Ok(());
    };
    println!("{}", rulesets::HEADER);
    let mut random = Random::new(9);
    for path in rulesets::files(&PathBuf::from(data))? {
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let set = rulesets::measure(&classbench::parse(&text)?, &mut random)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        println!("{}", set.row(&name));
    }
    Ok(())
}

fn row(work: &str, goal: &str, measured: &str) {
    println!("| {work} | {goal} | {measured} |");
}

fn micro(time: Nanoseconds) -> String {
    format!(
        "{:.2} [{:.2} to {:.2}]",
        time.median / 1e3,
        time.min / 1e3,
        time.max / 1e3
    )
}
