//! The text front end on any bytes: no panic, and what parses comes back from the printer.
//!
//! Bytes that start as ASCII text does are a text as they are, so that filter files are seeds.
//! Otherwise the first byte says how the rest becomes one: as a row of tokens, as a syntax tree that
//! is printed, or as such a text with one byte changed. Raw bytes try the edges of the lexer, tokens
//! the grammar, trees the printer and the checker.

mod erase;
mod tree;

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::Source;
use crate::syntax::{
    self, Program,
    ast::{File, Item},
    eval::{Evaluator, Truth},
};

pub use tree::file;

/// Makes a text of `data` and holds the front end to its promises.
///
/// # Panics
///
/// When one is broken.
pub fn run(data: &[u8]) {
    let mut source = Source::new(data);
    match source.byte() {
        0..0x80 => check(&String::from_utf8_lossy(data)),
        kind if kind % 3 == 0 => check(&tokens(&mut source)),
        kind if kind % 3 == 1 => round_trip(&file(&mut source)),
        _ => check(&damaged(&mut source)),
    }
}

/// Parses, prints, parses again; checks and, if all is well, evaluates.
///
/// # Panics
///
/// When the printed text differs from the tree, loses a comment, or does not settle.
pub fn check(text: &str) {
    if let Ok(parsed) = syntax::parse(text, "fuzz.dpf") {
        let printed = syntax::print(&parsed, text);
        let again = reparsed(&printed);
        assert_eq!(
            erase::file(again.clone()),
            erase::file(parsed.clone()),
            "{text:?}\n{printed}"
        );
        let comments = |file: &File| {
            file.comments
                .iter()
                .map(|comment| comment.text.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(comments(&again), comments(&parsed), "{text:?}\n{printed}");
    }
    match Program::parse(text, "fuzz.dpf", true) {
        Ok(program) => {
            let declared = syntax::parse(text, "fuzz.dpf").map(|file| filters(&file));
            assert_eq!(declared.ok(), Some(program.filters.len()), "{text}");
            evaluate(&program, text.as_bytes());
        }
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
}

/// Prints a tree and parses it back.
///
/// # Panics
///
/// When something else comes back.
pub fn round_trip(tree: &File) {
    let printed = syntax::print(tree, "");
    let parsed = reparsed(&printed);
    assert_eq!(erase::file(parsed), erase::file(tree.clone()), "{printed}");
    assert_eq!(
        syntax::format(&printed, "fuzz.dpf").as_deref().ok(),
        Some(printed.as_str())
    );
    check(&printed);
}

fn filters(file: &File) -> usize {
    let filters = file.items.iter();
    filters
        .filter(|item| matches!(item, Item::Filter(_)))
        .count()
}

fn reparsed(printed: &str) -> File {
    match syntax::parse(printed, "printed.dpf") {
        Ok(file) => file,
        Err(errors) => panic!("the printer's text is refused\n{errors}\n{printed}"),
    }
}

/// Every filter on a packet of any bytes, at a few lengths: negation keeps short, swaps the rest.
fn evaluate(program: &Program, bytes: &[u8]) {
    let evaluator = Evaluator::new(program);
    for filter in program.filters.iter().take(8) {
        let mut negated = filter.clone();
        negated.condition = syntax::Cond::Not(filter.condition.clone().into());
        for len in [0, 14, 34, 38, bytes.len()] {
            let packet = bytes.get(..len).unwrap_or(bytes);
            let truth = evaluator.evaluate(filter, packet, 100);
            let expected = match truth {
                Truth::True => Truth::False,
                Truth::Short => Truth::Short,
                Truth::False => Truth::True,
            };
            assert_eq!(evaluator.evaluate(&negated, packet, 100), expected);
        }
    }
}

/// Tokens in any order.
fn tokens(source: &mut Source<'_>) -> String {
    let mut text = String::new();
    while !source.is_empty() {
        text.push_str(TOKENS[source.below(TOKENS.len() as u32) as usize]);
        if source.below(4) > 0 {
            text.push(' ');
        }
    }
    text
}

/// A printed tree with one byte replaced, removed or doubled.
fn damaged(source: &mut Source<'_>) -> String {
    let (at, how, byte) = (source.word(), source.below(3), source.byte());
    let mut text = syntax::print(&file(source), "").into_bytes();
    if !text.is_empty() {
        let at = at as usize % text.len();
        match how {
            0 => text[at] = byte,
            1 => drop(text.remove(at)),
            _ => text.insert(at, text[at]),
        }
    }
    format!("{}", String::from_utf8_lossy(&text))
}

const TOKENS: [&str; 72] = [
    "filter",
    "header",
    "const",
    "root",
    "a",
    "b",
    "tcp",
    "ip",
    "ether",
    "vlan",
    "gre",
    "WEB",
    "=",
    ";",
    ";",
    "{",
    "}",
    "(",
    ")",
    ",",
    ":",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "&&",
    "||",
    "!",
    "+",
    "-",
    "*",
    "&",
    "|",
    "^",
    "<<",
    ">>",
    "..",
    "/",
    ".",
    "tcp.dport",
    "ip.src",
    "ip6.src",
    "ether.src",
    "gre/ip/tcp.dport",
    "12:16",
    "0:8",
    "le",
    "shift(",
    "shift(4)",
    "len",
    "wirelen",
    "on",
    "size",
    "where",
    "max",
    "tunnel",
    "owner",
    "priority",
    "fragments",
    "80",
    "0x0800",
    "10.0.0.0/8",
    "192.12.69.1",
    "fe80::/10",
    "::1",
    "00:11:22:33:44:55",
    "# c\n",
    "/* c */",
    "\n",
];

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::fuzzing::source::random_bytes;

    #[test]
    fn four_thousand_executions() {
        for seed in 0..4096_u64 {
            run(&random_bytes(
                seed.wrapping_mul(7919),
                1 + seed as usize % 400,
            ));
        }
    }

    /// The generator is worth its time: many of its trees are programs.
    #[test]
    fn many_trees_pass_the_checker() {
        let accepted = (0..1024_u64).filter(|seed| {
            let bytes = random_bytes(seed.wrapping_mul(104_729), 60);
            let text = syntax::print(&file(&mut Source::new(&bytes)), "");
            Program::parse(&text, "fuzz.dpf", true).is_ok_and(|program| !program.filters.is_empty())
        });
        assert!(accepted.count() > 100);
    }

    #[test]
    fn files_of_the_crate() {
        check(syntax::PROTOCOLS);
        check("filter a = tcp;\n/**/");
    }

    proptest! {
        #[test]
        fn trees_round_trip(bytes in vec(any::<u8>(), 0..600)) {
            round_trip(&file(&mut Source::new(&bytes)));
        }
    }
}
