//! `dpf explain`: what the filters are compiled to.
//!
//! The filters are merged into one trie, in the order of the files, as every other command merges
//! them; what is shown is the way to the first that matches. Code is shown only after it has been
//! proved safe, with what the proof found out: the most instructions that one packet can cost.

use anyhow::{Context, Result, anyhow, bail};
use dpf::{
    check::{Policy, x64::prove},
    codegen::{Entry, emit, tables},
    filter::{self, Lowered},
    trie::{Dot, Limits, Set, Trie},
};
use vcode::{Assembler, Lister, x64::X64};

use super::print_results;
use crate::{
    args::{Explain, View},
    disassembly::disassemble,
    exit::Exit,
    filters::{self, Refused},
    picture,
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
    let set = merge(&lowered)?;
    let names: Vec<&str> = lowered
        .iter()
        .map(|lowered| lowered.name.as_str())
        .collect();
    let trie = set.trie();
    let text = match args.view {
        View::Trie => format!(
            "{}{}\n",
            name_filters(&trie.to_string(), &names),
            summary(trie)?
        ),
        View::Dot => format!(
            "{}// {}\n",
            name_filters(&Dot(trie).to_string(), &names),
            summary(trie)?
        ),
        View::Svg => {
            let picture = picture::svg(trie, |text| name_filters(text, &names))?;
            format!("{picture}\n<!-- {} -->\n", summary(trie)?)
        }
        View::Ops => format!("{}; {}\n", operations(trie)?, summary(trie)?),
        View::Asm => assembly(trie, &names)?,
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

/// The merged trie; filter n is entry n, and the first wins.
fn merge(lowered: &[Lowered]) -> Result<Set> {
    let mut set = Set::new(Limits::default(), 0);
    let count = lowered.len() as u32;
    let entries: Vec<_> = lowered
        .iter()
        .zip(0..)
        .map(|(lowered, n)| (&lowered.filter, n, count - n))
        .collect();
    // Whether tables or code changed does not matter: there was nothing before.
    let _ = set
        .insert_many(&entries)
        .map_err(|error| anyhow!("{error}"))?;
    Ok(set)
}

/// What the code for the trie costs, in a line.
fn summary(trie: &Trie) -> Result<String> {
    let mut asm = Assembler::new(X64::new());
    let code = emit(trie, Entry::Best, &mut asm).context("no code")?;
    let proved = prove(code.bytes(), &Policy::filter(&tables(trie)))
        .map_err(|refusal| anyhow!("{refusal}"))?;
    let report = proved.report();
    let (steps, bytes) = (trie.steps().len(), code.bytes().len());
    let (longest, instructions) = (report.longest_path, report.instructions);
    Ok(format!(
        "{steps} steps; {instructions} instructions in {bytes} bytes; longest path {longest} instructions"
    ))
}

/// The portable instructions.
fn operations(trie: &Trie) -> Result<String> {
    emit(trie, Entry::Best, &mut Assembler::new(Lister::new())).context("no code")
}

/// The proved machine code, disassembled.
fn assembly(trie: &Trie, names: &[&str]) -> Result<String> {
    let tables = tables(trie);
    let mut asm = Assembler::new(X64::new());
    let code = emit(trie, Entry::Best, &mut asm).context("no code")?;
    let proved =
        prove(code.bytes(), &Policy::filter(&tables)).map_err(|refusal| anyhow!("{refusal}"))?;
    let report = proved.report();
    let mut text = format!(
        "; {} instructions in {} bytes; longest path {} instructions; {} bytes of stack\n\
         ; rdi: packet; esi: captured length; edx: original length; returns eax: 0 for none, or\n",
        report.instructions,
        code.bytes().len(),
        report.longest_path,
        report.frame
    );
    for (number, name) in names.iter().enumerate() {
        text += &format!(";   {} for {name}\n", number + 1);
    }
    let tables = tables
        .iter()
        .map(|table| (table.memory.address(), table.name.clone()))
        .collect();
    text += &disassemble(code.bytes(), tables);
    Ok(text)
}

/// Puts names for numbers: `filter 3` becomes `filter ssh`.
fn name_filters(text: &str, names: &[&str]) -> String {
    const WORD: &str = "filter ";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(WORD) {
        let (before, after) = rest.split_at(at + WORD.len());
        let digits = after
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(after.len());
        out += before;
        let number = after[..digits].parse::<usize>().ok();
        out += number
            .and_then(|number| names.get(number).copied())
            .unwrap_or(&after[..digits]);
        rest = &after[digits..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_get_their_names() {
        let names = ["ssh", "web"];
        assert_eq!(
            name_filters("a filter 1, filter 0", &names),
            "a filter web, filter ssh"
        );
        assert_eq!(
            name_filters("filter 12 filter x", &names),
            "filter 12 filter x"
        );
    }
}
