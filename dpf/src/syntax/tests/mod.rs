//! Tests of the front end: the language page's examples, every error, printing, and meaning.

mod errors;
mod examples;
mod meaning;
mod printing;

use super::*;

/// The program of `text` on top of the standard protocols.
fn program(text: &str) -> Program {
    match Program::parse(text, "test.dpf", true) {
        Ok(program) => program,
        Err(errors) => panic!("{errors}"),
    }
}
