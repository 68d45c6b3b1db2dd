//! `cargo xtask readme`: runs the commands of README.md as they stand there.
//!
//! Every fenced block marked `sh` runs by `sh -e` in the root of the repository, with the freshly
//! built `dpf` first on the path. Blocks marked otherwise are not run; the two set-up commands are
//! the gate's own stages and stand in a block marked `console`.

use crate::shell::{self, command, root};
use anyhow::{Context as _, Result, bail};

/// Runs every `sh` block in order.
///
/// # Errors
///
/// When one fails, or there is none.
pub(crate) fn run() -> Result<()> {
    let text =
        std::fs::read_to_string(root().join("README.md")).context("cannot read README.md")?;
    let blocks = blocks(&text, "sh");
    if blocks.is_empty() {
        bail!("README.md has no block of commands");
    }
    shell::run(&mut command(
        "cargo",
        &[
            "build",
            "--release",
            "--package",
            "dpf-cli",
            "--features",
            "bench",
        ],
    ))?;
    let path = std::env::var("PATH").unwrap_or_default();
    let binaries = root().join("target/release");
    let folder = root().join("target/readme");
    std::fs::create_dir_all(&folder)?;
    for block in blocks {
        let mut shell = command("sh", &["-e", "-x", "-c", &block]);
        shell.env("PATH", format!("{}:{path}", binaries.display()));
        shell::run(&mut shell)?;
    }
    Ok(())
}

fn blocks(text: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}");
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        match &mut open {
            Some(block) if line == "```" => {
                found.push(core::mem::take(block));
                open = None;
            }
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
            None if line == opening => open = Some(String::new()),
            None => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn only_marked_blocks_are_taken() {
        let text = "a\n```sh\nls\npwd\n```\n```rust\nfn f() {}\n```\n```sh\ntrue\n```\n";
        assert_eq!(blocks(text, "sh"), ["ls\npwd\n", "true\n"]);
    }
}
