//! What compiling costs: a thousand hosts joined by `or`, and a filter of a shape not seen before.

use crate::{flows::Family, harness::Nanoseconds, peers::dpf, workload::Random};
use ::dpf::runtime::Demux;
use core::net::Ipv4Addr;
use std::time::Instant;

/// `count` different hosts without pattern.
pub fn hosts(count: usize) -> Vec<Ipv4Addr> {
    let mut random = Random::new(1000);
    let mut hosts: Vec<u32> = (0..count)
        .map(|_| 10 << 24 | random.number() >> 8)
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts.into_iter().map(Ipv4Addr::from).collect()
}

/// The filter for DPF.
pub fn language(hosts: &[Ipv4Addr]) -> String {
    let hosts: Vec<String> = hosts
        .iter()
        .map(|host| format!("ip.src == {host}"))
        .collect();
    format!("filter hosts = {};", hosts.join(" || "))
}

/// The filter for libpcap.
pub fn expression(hosts: &[Ipv4Addr]) -> String {
    let hosts: Vec<String> = hosts
        .iter()
        .map(|host| format!("ip src host {host}"))
        .collect();
    hosts.join(" or ")
}

/// A demultiplexer with that one filter, from the text on.
///
/// # Errors
///
/// When it is refused.
pub fn compile(text: &str) -> Result<Demux, String> {
    let mut demux = Demux::monitoring().map_err(|error| error.to_string())?;
    for filter in dpf::lower(text)? {
        demux.install(filter).map_err(|error| error.to_string())?;
    }
    Ok(demux)
}

/// Filters of which each has its own shape, none overlapping another or the five-tuples.
pub const SHAPES: [&str; 12] = [
    "12:16 == 0x0800 && 14:8 == 0x45 && 23:8 == 17 && 36:16 == 53",
    "12:16 == 0x0800 && 14:8 == 0x45 && 23:8 == 17 && 34:16 == 68 && 36:16 == 67",
    "12:16 == 0x0800 && 14:8 == 0x45 && 23:8 == 1 && 34:8 == 8",
    "12:16 == 0x0806 && 20:16 == 1 && 38:32 == 10.0.0.1",
    "12:16 == 0x86dd && 20:8 == 58 && 54:8 == 135",
    "12:16 == 0x86dd && 20:8 == 6 && 56:16 == 22",
    "12:16 == 0x88cc",
    "12:16 == 0x8100 && 14:16 & 0xfff == 7 && 16:16 == 0x0800 && 27:8 == 6 && 40:16 == 80",
    "12:16 == 0x0800 && 14:8 == 0x45 && 23:8 == 89 && 30:32 == 224.0.0.5",
    "12:16 == 0x0800 && 14:8 == 0x46 && 23:8 == 2",
    "12:16 == 0x8847 && 14:32 & 0xfffff000 == 0x10000",
    "12:16 == 0x0800 && 14:8 == 0x45 && 23:8 == 132 && 34:16 in 1000..2000 && 36:16 == 2905",
];

/// Nanoseconds to install a filter of a new shape beside `count` five-tuples of one shape, over
/// [`SHAPES`], each beside those before it. Parsing is not timed.
///
/// # Errors
///
/// When one is refused.
pub fn new_shapes(count: u32) -> Result<Nanoseconds, String> {
    let mut demux = dpf::install(Family::FiveTuple, count)?;
    let mut samples = Vec::new();
    for shape in SHAPES {
        let filters = dpf::lower(&format!("filter shape = {shape};"))?;
        let [filter] = <[_; 1]>::try_from(filters).map_err(|_| "one filter")?;
        let start = Instant::now();
        demux
            .install(filter)
            .map_err(|error| format!("{shape}: {error}"))?;
        samples.push(start.elapsed().as_nanos() as f64);
    }
    Ok(Nanoseconds::of(samples))
}
