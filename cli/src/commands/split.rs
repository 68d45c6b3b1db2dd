//! `dpf split`: one capture per filter, in one pass.

use anyhow::{Context, Result, bail};

use super::print_results;
use crate::{
    args::Split,
    classifier::Classifier,
    exit::Exit,
    interrupt,
    outputs::Outputs,
    pump::{self, Ending},
    tally::Tally,
};

/// What the capture of the packets that no filter matches is called.
const REST: &str = "rest";

/// Runs the command.
///
/// # Errors
///
/// When the filters, the capture or the folder cannot be used.
pub(super) fn run(args: &Split) -> Result<Exit> {
    let mut classifier = Classifier::load(&args.filters, args.mode)?;
    interrupt::catch()?;
    let mut names: Vec<String> = classifier.names().map(str::to_owned).collect();
    let mut tally = Tally::new(classifier.names());
    let rest = names.len() as u32;
    if args.rest {
        if names.iter().any(|name| name == REST) {
            bail!(
                "a filter is called `{REST}`, and so is the capture that --rest writes: rename the filter"
            );
        }
        names.push(REST.to_owned());
    }
    let input = pump::open(&args.capture)?;
    let ending = match input.reader().map(|reader| reader.format()) {
        // Without a header there is nothing to write, and no format to write it in.
        None => input.pump(|_| Ok(()))?,
        Some(format) => {
            let mut outputs =
                Outputs::create(&args.output, &names, &format, &args.capture, args.force)?;
            let ending = input.pump(|packet| {
                let matched = classifier.classify(packet)?;
                tally.add(packet.data.len(), matched);
                for &filter in matched {
                    outputs.write(filter, packet)?;
                }
                if matched.is_empty() && args.rest {
                    outputs.write(rest, packet)?;
                }
                Ok(())
            })?;
            outputs.finish().context("cannot finish the captures")?;
            ending
        }
    };
    classifier.report();
    print_results(|out| tally.print(args.format.into(), out))?;
    Ok(Ending::report(&ending))
}
