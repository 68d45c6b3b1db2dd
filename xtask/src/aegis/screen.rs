//! What comes over the console: text for people, the status at the end, and addresses to be named.
//!
//! The kernel prints `##EXIT n` when it stops, for emulators that cannot hand a status on, and lines
//! `at 0x…` when it has gone wrong, behind which the names of the procedures are put here.

use decstation::elf::Symbols;
use std::io::Write;

const EXIT: &str = "##EXIT ";
const AT: &str = "  at 0x";

/// The console, read by lines.
pub(crate) struct Screen<'a> {
    symbols: &'a Symbols,
    rest: Vec<u8>,
    text: String,
    status: Option<u32>,
    quiet: bool,
}

impl<'a> Screen<'a> {
    /// A screen that shows every line, or only keeps it.
    pub(crate) fn new(symbols: &'a Symbols, quiet: bool) -> Screen<'a> {
        Screen {
            symbols,
            rest: Vec::new(),
            text: String::new(),
            status: None,
            quiet,
        }
    }

    /// Takes what has been printed since.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.rest.extend(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        }
    }

    /// Shows what is left of a line without an end.
    pub(crate) fn finish(&mut self) {
        if !self.rest.is_empty() {
            let line = core::mem::take(&mut self.rest);
            self.line(&String::from_utf8_lossy(&line));
        }
    }

    /// The status that was printed.
    pub(crate) fn status(&self) -> Option<u32> {
        self.status
    }

    /// All lines, without the status.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn line(&mut self, line: &str) {
        if let Some((_, status)) = line.split_once(EXIT) {
            self.status = status.trim().parse().ok();
            return;
        }
        let mut line = line.to_owned();
        if let Some(name) = line.strip_prefix(AT).and_then(|rest| self.name(rest)) {
            line = format!("{line}  {name}");
        }
        if !self.quiet {
            // A closed terminal is no reason to stop.
            let _ = writeln!(std::io::stdout(), "{line}");
        }
        self.text += &line;
        self.text.push('\n');
    }

    fn name(&self, rest: &str) -> Option<String> {
        let digits = rest.get(..8)?;
        let address = u32::from_str_radix(digits, 16).ok()?;
        let (name, past) = self.symbols.nearest(address)?;
        Some(format!("{:#}+{past:#x}", rustc_demangle::demangle(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_no_line() {
        let symbols = Symbols::default();
        let mut screen = Screen::new(&symbols, true);
        screen.take(b"one\r\ntw");
        screen.take(b"o\n##EXIT 007\nthree");
        screen.finish();
        assert_eq!(screen.text(), "one\ntwo\nthree\n");
        assert_eq!(screen.status(), Some(7));
    }
}
