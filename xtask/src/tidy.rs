//! `cargo xtask tidy`: the rules of CONTRIBUTING that no compiler checks.
//!
//! Each rule is a function from the tree to complaints; all are printed, then tidy fails. What
//! counts as the tree is what git tracks.

use crate::shell::{output, root};
use anyhow::{Context as _, Result, bail};
use std::path::Path;

/// Lines of a source file without its tests.
const MOST_LINES: usize = 700;
/// Lines of a fuzz target: a shell around a body elsewhere.
const MOST_FUZZ_LINES: usize = 15;

/// Where `unsafe` may stand; everywhere else the lint denies it, and this list holds the lint.
const UNSAFE_ISLANDS: &[&str] = &[
    "vcode/src/exec/",
    "dpf/src/runtime/native.rs",
    "cli/src/ring.rs",
    "benches/src/peers/",
    // Images, which own their machine.
    "decstation/judge/src/",
    "dpf/image/src/",
    "benches/mips/src/",
    // The library operating system's calls, memory at fixed addresses, and trap code.
    "exos/src/sys/",
    "exos/src/trap/code.rs",
    // Instructions that raise exceptions.
    "exos/apps/src/probe/",
    "kernel/image/src/",
    "kernel/probe/src/",
    "kernel/puppet/src/",
    // The processor and the board, on whose registers everything safe rests.
    "kernel/src/arch/",
    "kernel/src/plat/",
    // Tests that run the code they made, and one that opens a TAP interface.
    "dpf/src/fuzzing/native.rs",
    "exos/net/tests/live/tap.rs",
];

/// Stages of `dpf`, upstream first: a stage imports only from those before it.
const DPF_STAGES: &[&str] = &[
    "syntax", "filter", "interp", "shape", "overlap", "dispatch", "trie", "walk", "codegen",
    "check", "runtime",
];
/// What may be imported against that order, with the reason in ARCHITECTURE.md.
const DPF_EXCEPTIONS: &[(&str, &str)] = &[];

/// Lines of the kernel, at most, that are neither blank nor comments: Rust, and assembly.
const MOST_KERNEL_LINES: [usize; 2] = [4000, 600];
/// What is not counted of it: boards, tests, and what only tests build in.
const NOT_THE_KERNEL: &[&str] = &[
    "kernel/src/plat/",
    "kernel/src/fuzzing/",
    "kernel/src/tests/",
    "kernel/src/fake.rs",
    "kernel/src/invariant.rs",
    "kernel/src/arch/mips/audit.rs",
];

/// A file that git tracks.
struct Source {
    path: String,
    text: String,
}

/// Checks every rule.
///
/// # Errors
///
/// When one is broken, after all complaints are printed.
pub(crate) fn run() -> Result<()> {
    let sources = sources()?;
    let rules = [
        opens_with_purpose,
        is_short,
        is_finished,
        keeps_unsafe_on_islands,
        imports_downstream,
        speaks_of_itself,
        links,
    ];
    let complaints: Vec<String> = sources
        .iter()
        .flat_map(|source| rules.iter().flat_map(|rule| rule(source)))
        .chain(kernel_is_small(&sources))
        .collect();
    for complaint in &complaints {
        eprintln!("tidy: {complaint}");
    }
    if !complaints.is_empty() {
        bail!("{} complaints", complaints.len());
    }
    eprintln!("tidy: {} files, nothing to complain of", sources.len());
    Ok(())
}

fn sources() -> Result<Vec<Source>> {
    let list = output(
        "git",
        &["ls-files", "--cached", "--others", "--exclude-standard"],
    )?;
    let mut sources = Vec::new();
    for path in list.lines() {
        // A link to a folder is listed as a file; what it leads to is listed itself.
        if root().join(path).is_dir() {
            continue;
        }
        let bytes = match std::fs::read(root().join(path)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
        };
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source {
                path: path.to_owned(),
                text,
            });
        }
    }
    Ok(sources)
}

impl Source {
    /// What stands before its tests.
    fn code(&self) -> &str {
        let tests = self.text.split("#[cfg(test)]\nmod tests").next();
        tests.unwrap_or_default()
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn is_test(&self) -> bool {
        self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/tests_")
    }
}

fn opens_with_purpose(source: &Source) -> Vec<String> {
    let missing = source.is_rust()
        && !source
            .text
            .lines()
            .take(8)
            .any(|line| line.starts_with("//!"))
        && !source.path.starts_with("fuzz/targets/");
    if missing {
        vec![format!(
            "{}: does not open with `//!`, what it is and why",
            source.path
        )]
    } else {
        Vec::new()
    }
}

fn is_short(source: &Source) -> Vec<String> {
    if !source.is_rust() || source.is_test() {
        return Vec::new();
    }
    let own = source
        .text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let most = if source.path.starts_with("fuzz/targets/") {
        MOST_FUZZ_LINES
    } else {
        MOST_LINES
    };
    let lines = own.lines().count();
    if lines > most {
        vec![format!("{}: {lines} lines, more than {most}", source.path)]
    } else {
        Vec::new()
    }
}

fn is_finished(source: &Source) -> Vec<String> {
    // Put together here, so that this file does not complain of itself.
    let words = [
        ["to", "do!("].concat(),
        ["unimple", "mented!("].concat(),
        ["#[ig", "nore"].concat(),
        ["#[al", "low("].concat(),
    ];
    if source.is_rust() {
        find(source, &words, "is not finished work")
    } else {
        Vec::new()
    }
}

fn keeps_unsafe_on_islands(source: &Source) -> Vec<String> {
    let allowed = UNSAFE_ISLANDS
        .iter()
        .any(|island| source.path.starts_with(island));
    if !source.is_rust() || allowed {
        return Vec::new();
    }
    let words = [
        ["uns", "afe {"].concat(),
        ["uns", "afe impl"].concat(),
        ["uns", "afe fn"].concat(),
        ["expect(uns", "afe_code"].concat(),
    ];
    find(source, &words, "is off the islands")
}

/// The paper's claim is a small kernel, so its size is kept, and told.
fn kernel_is_small(sources: &[Source]) -> Vec<String> {
    let counted = |end: &str, comment: &str| -> usize {
        let part = sources.iter().filter(|source| {
            let path = source.path.as_str();
            let own = path.starts_with("kernel/src/") || path.starts_with("kernel/abi/src/");
            own && path.ends_with(end) && !NOT_THE_KERNEL.iter().any(|not| path.starts_with(not))
        });
        let lines = part.flat_map(|source| source.code().lines().map(str::trim));
        lines
            .filter(|line| !line.is_empty() && !line.starts_with(comment))
            .count()
    };
    let lines = [counted(".rs", "//"), counted(".S", "#")];
    let [rust, assembly] = lines;
    eprintln!("tidy: the kernel has {rust} lines of Rust and {assembly} of assembly");
    let most = MOST_KERNEL_LINES;
    let fits = lines.iter().zip(&most).all(|(lines, most)| lines <= most);
    if fits {
        Vec::new()
    } else {
        vec![format!(
            "the kernel has {lines:?} lines, more than {most:?}"
        )]
    }
}

fn imports_downstream(source: &Source) -> Vec<String> {
    let Some(rest) = source.path.strip_prefix("dpf/src/") else {
        return Vec::new();
    };
    let stage = rest.split(['/', '.']).next().unwrap_or_default();
    let Some(own) = DPF_STAGES.iter().position(|name| *name == stage) else {
        return Vec::new();
    };
    if source.is_test() || source.path.ends_with("/lower.rs") || source.path.contains("/lower/") {
        return Vec::new();
    }
    let imported = imported(source.code());
    let later = DPF_STAGES
        .iter()
        .skip(own + 1)
        .filter(|name| !DPF_EXCEPTIONS.contains(&(stage, name)));
    later
        .filter(|name| imported.iter().any(|import| import == *name))
        .map(|name| {
            format!(
                "{}: `{stage}` imports `{name}`, which is downstream of it",
                source.path
            )
        })
        .collect()
}

/// The modules of its own crate that code names, alone (`crate::a`) or in a list (`crate::{a, b::C}`).
fn imported(code: &str) -> Vec<&str> {
    let bare: Vec<&str> = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let mut names = Vec::new();
    let mut depth = None;
    for line in bare {
        for word in line.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let name =
                word.trim_end_matches(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            match depth {
                None if name == "crate::" && word.ends_with('{') => depth = Some(1),
                None => names.extend(name.strip_prefix("crate::").and_then(first_of_path)),
                Some(1) => names.extend(first_of_path(name)),
                Some(_) => {}
            }
            depth = match (depth, word.as_bytes().last()) {
                (Some(1), Some(b'{')) if name == "crate::" => Some(1),
                (Some(open), Some(b'{')) => Some(open + 1),
                (Some(1), Some(b'}')) => None,
                (Some(open), Some(b'}')) => Some(open - 1),
                (depth, _) => depth,
            };
        }
    }
    names
}

fn first_of_path(path: &str) -> Option<&str> {
    path.split("::").next().filter(|name| !name.is_empty())
}

fn speaks_of_itself(source: &Source) -> Vec<String> {
    if source.path.ends_with(".lock") || source.path == "deny.toml" {
        return Vec::new();
    }
    let words = [
        ["/wo", "rk/"].concat(),
        ["/ro", "ot/"].concat(),
        ["/tm", "p/bash_jobs"].concat(),
        ["static.crates", ".io"].concat(),
        ["index.crates", ".io"].concat(),
        ["deb.debian", ".org"].concat(),
    ];
    find(source, &words, "belongs to one machine, not to the project")
}

fn links(source: &Source) -> Vec<String> {
    if !source.path.ends_with(".md") {
        return Vec::new();
    }
    let folder = Path::new(&source.path).parent().unwrap_or(Path::new(""));
    let targets = source
        .text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    targets
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|target| {
            !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:")
        })
        .filter(|target| !root().join(folder).join(target).exists())
        .map(|target| format!("{}: the link to `{target}` leads nowhere", source.path))
        .collect()
}

fn find(source: &Source, words: &[String], reason: &str) -> Vec<String> {
    let code = |line: &str| !line.trim_start().starts_with("//");
    let prose = !source.is_rust();
    let lines = source
        .text
        .lines()
        .enumerate()
        .filter(|(_, line)| prose || code(line));
    lines
        .filter(|(_, line)| words.iter().any(|word| line.contains(word.as_str())))
        .map(|(number, line)| format!("{}:{}: `{}` {reason}", source.path, number + 1, line.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::imported;

    #[test]
    fn imports_alone_and_in_lists_are_seen() {
        let code = "use crate::filter::Filter;\nuse crate::{\n    shape::{Rule, deep::er},\n    walk,\n};\n\
                    // crate::nothing\nfn f() { crate::trie::g(); }\nuse other::{check};";
        assert_eq!(imported(code), ["filter", "shape", "walk", "trie"]);
    }
}
