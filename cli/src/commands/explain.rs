//! `dpf explain`: what the filters are compiled to.

use anyhow::{Result, anyhow, bail};
use dpf::{
    filter::{self, Lowered},
    trie::{Dot, Limits, Set},
};
use layout::{backends::svg::SVGWriter, gv};

use super::print_results;
use crate::{
    args::{Explain, View},
    exit::Exit,
    filters::{self, Refused},
};

/// Runs the command.
///
/// # Errors
///
/// When the filters cannot be used.
pub(super) fn run(args: &Explain) -> Result<Exit> {
    let program = filters::load(&args.filters)?;
    let mut lowered =
        filter::lower(&program).map_err(|error| Refused(program.sources.render(&error)))?;
    choose(&mut lowered, &args.only)?;
    let mut set = Set::new(Limits::default(), 0);
    let count = lowered.len() as u32;
    let entries: Vec<_> = lowered
        .iter()
        .zip(0..)
        .map(|(lowered, n)| (&lowered.filter, n, count - n))
        .collect();
    let _ = set
        .insert_many(&entries)
        .map_err(|error| anyhow!("{error}"))?;
    let trie = set.trie();
    let text = match args.view {
        View::Trie => trie.to_string(),
        View::Dot => Dot(trie).to_string(),
        View::Svg => svg(&Dot(trie).to_string())?,
        View::Ops | View::Asm => bail!("not yet"),
    };
    print_results(|out| out.write_all(text.as_bytes()))?;
    Ok(Exit::Done)
}

/// Keeps only the filters with these names, or all if there are none.
fn choose(lowered: &mut Vec<Lowered>, only: &[String]) -> Result<()> {
    for name in only {
        if !lowered.iter().any(|lowered| lowered.name == *name) {
            bail!("no filter is called `{name}`");
        }
    }
    if !only.is_empty() {
        lowered.retain(|lowered| only.contains(&lowered.name));
    }
    Ok(())
}

/// Lays a graph out.
fn svg(dot: &str) -> Result<String> {
    let graph = gv::DotParser::new(dot)
        .process()
        .map_err(|error| anyhow!("cannot draw the trie: {error}"))?;
    let mut builder = gv::GraphBuilder::new();
    builder.visit_graph(&graph);
    let mut writer = SVGWriter::new();
    builder.get().do_it(false, true, false, &mut writer);
    Ok(writer.finalize())
}
