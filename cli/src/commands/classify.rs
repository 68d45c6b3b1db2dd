//! `dpf classify`: how many packets and bytes each filter matches, or which filters match each.

use std::io::{BufWriter, stdout};

use anyhow::Result;

use super::print_results;
use crate::{
    args::Classify,
    classifier::Classifier,
    exit::Exit,
    interrupt,
    packet_line::PacketLines,
    pump::{self, Ending},
    tally::{Style, Tally},
};

/// Runs the command.
///
/// # Errors
///
/// When the filters or a capture cannot be used.
pub(super) fn run(args: &Classify) -> Result<Exit> {
    let mut classifier = Classifier::load(&args.filters, args.mode)?;
    interrupt::catch()?;
    let mut tally = Tally::new(classifier.names());
    let style = Style::from(args.format);
    let mut lines = args
        .per_packet
        .then(|| PacketLines::new(BufWriter::new(stdout().lock()), style, classifier.names()));
    let mut endings = Vec::new();
    for path in &args.captures {
        let ending = pump::open(path)?.pump(|packet| {
            let matched = classifier.classify(packet)?;
            tally.add(packet.data.len(), matched);
            if let Some(lines) = &mut lines {
                lines.print(packet, matched)?;
            }
            Ok(())
        })?;
        if let Some(lines) = &mut lines {
            lines.flush()?;
        }
        let stopped = matches!(ending, Ending::Stopped);
        endings.push(ending);
        if stopped {
            break;
        }
    }
    classifier.report();
    if !args.per_packet {
        print_results(|out| tally.print(style, out))?;
    }
    // After everything that could be counted.
    Ok(endings.iter().map(Ending::report).max().unwrap_or_default())
}
