//! The filters that the user gave, as one checked program.

use core::fmt;
use std::{
    fs,
    io::{IsTerminal, Read, stderr, stdin},
    path::Path,
};

use anyhow::{Context, Result, bail};
use dpf::syntax::{Program, Source};

use crate::args::FilterArgs;

/// The longest filter file, in bytes.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// Filters that the compiler refuses: what is wrong, as caret diagrams.
#[derive(Debug)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl core::error::Error for Refused {}

/// Reads and checks the filters; prints warnings on the standard error.
///
/// # Errors
///
/// When a file cannot be read, or the compiler refuses what it says ([`Refused`]).
pub fn load(args: &FilterArgs) -> Result<Program> {
    let mut sources = Vec::new();
    for path in &args.files {
        sources.push(Source::file(path.display().to_string(), read_text(path)?));
    }
    for (index, expression) in args.expressions.iter().enumerate() {
        let (name, text) = match split_name(expression) {
            Some((name, text)) => (name.to_owned(), text),
            None => (format!("expr{}", index + 1), expression.as_str()),
        };
        sources.push(Source::expression(name, text));
    }
    if sources.is_empty() {
        bail!("there are no filters: name files with -f FILE, or give expressions with -e EXPR");
    }
    let styled = stderr().is_terminal();
    let program = match Program::load(sources, !args.no_protocols) {
        Ok(program) => program,
        Err(errors) => return Err(Refused(errors.render(styled)).into()),
    };
    for warning in &program.warnings {
        let render = if styled {
            program.sources.render_styled(warning)
        } else {
            program.sources.render(warning)
        };
        eprintln!("{render}\n");
    }
    if program.filters.is_empty() {
        bail!("there are no filters in what was given");
    }
    Ok(program)
}

/// Reads a text file, `-` for the standard input, of at most [`MAX_FILE_BYTES`].
///
/// # Errors
///
/// When it cannot be read, is too long, or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    let context = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        stdin()
            .take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .with_context(context)?;
    } else {
        let file = fs::File::open(path).with_context(context)?;
        file.take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .with_context(context)?;
    }
    if bytes.len() as u64 > MAX_FILE_BYTES {
        bail!(
            "{} has more than {MAX_FILE_BYTES} bytes, which is the limit",
            path.display()
        );
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            bail!("{} is not text in UTF-8: see byte {at}", path.display())
        }
    }
}

/// `NAME=EXPR`. No expression begins so, for equality is `==`.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('=')?;
    let name = name.trim();
    let mut letters = name.chars();
    let first = letters.next()?;
    let is_name = (first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    (is_name && !rest.starts_with('=')).then_some((name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_may_be_named() {
        assert_eq!(
            split_name("ssh=tcp.dport == 22"),
            Some(("ssh", "tcp.dport == 22"))
        );
        assert_eq!(split_name("a_1 = tcp"), Some(("a_1", " tcp")));
        for text in [
            "tcp",
            "tcp.dport == 22",
            "len==4",
            "len <= 4",
            "a.b=c",
            "1=2",
            "=tcp",
        ] {
            assert_eq!(split_name(text), None, "{text}");
        }
    }
}
