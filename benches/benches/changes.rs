//! `cargo bench -p dpf-benches`: installing, removing and compiling, by criterion.
//!
//! What a packet costs is measured by `dpf bench table7`, whose engines take turns; here are the
//! operations that are worth watching one by one from change to change.

use core::{hint::black_box, time::Duration};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use dpf_benches::{compile, flows::Family, peers::dpf};
use std::time::Instant;

criterion_group!(benches, known_shape, new_shape, hosts, language);
criterion_main!(benches);

/// One more filter of the shape that all have, then its removal.
fn known_shape(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("known shape");
    for count in [1000, 100_000] {
        let mut demux = dpf::install(Family::FiveTuple, count).expect("five-tuples");
        let filters = dpf::filters(Family::FiveTuple, count, 1000).expect("more five-tuples");
        for timed in ["install", "remove"] {
            group.bench_function(BenchmarkId::new(timed, count), |bencher| {
                bencher.iter_custom(|iterations| {
                    let mut spent = Duration::ZERO;
                    for iteration in 0..iterations as usize {
                        let filter = filters[iteration % filters.len()].clone();
                        let start = Instant::now();
                        let installed = demux.install(filter).expect("a new flow");
                        let between = Instant::now();
                        assert!(demux.remove(installed.id));
                        spent += match timed {
                            "install" => between - start,
                            _ => between.elapsed(),
                        };
                    }
                    spent
                });
            });
        }
    }
    group.finish();
}

/// A filter of a shape that the others do not have: new code.
fn new_shape(criterion: &mut Criterion) {
    let mut demux = dpf::install(Family::FiveTuple, 1000).expect("five-tuples");
    let text = format!("filter shape = {};", compile::SHAPES[0]);
    let filters = dpf::lower(&text).expect("a filter");
    criterion.bench_function("new shape/install and remove", |bencher| {
        bencher.iter_batched(
            || filters[0].clone(),
            |filter| {
                let installed = demux.install(filter).expect("a new shape");
                assert!(demux.remove(installed.id));
            },
            BatchSize::SmallInput,
        );
    });
}

/// A thousand hosts joined by `or`: from text to running code.
fn hosts(criterion: &mut Criterion) {
    let text = compile::language(&compile::hosts(1000));
    criterion.bench_function("1,000 hosts/from the text", |bencher| {
        bencher.iter(|| compile::compile(black_box(&text)).expect("a filter"));
    });
}

/// The front end alone.
fn language(criterion: &mut Criterion) {
    let text = format!("filter flow = {};", Family::Paper.filter(0));
    criterion.bench_function(
        "language/one filter and the standard protocols",
        |bencher| {
            bencher.iter(|| dpf::lower(black_box(&text)).expect("a filter"));
        },
    );
}
