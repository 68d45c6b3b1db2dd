//! What the programs of the suite share: checks that print a line each, and processes of the same program.
//!
//! A program of the suite is its own judge: it says of each thing it tried whether that went as it must, and its
//! status is how many did not. A program that needs a second process starts itself again with other
//! arguments.
#![no_std]
#![feature(asm_experimental_arch)]

pub mod probe;

use exos::process::{self, Child, End, Options};
use exos::{module, println};

/// Room for a program's arguments.
pub const ROOM: usize = 128;

/// The checks of a program.
#[derive(Debug)]
pub struct Suite {
    name: &'static str,
    checks: u32,
    failures: u32,
}

impl Suite {
    /// Of the program of a name.
    pub fn new(name: &'static str) -> Self {
        Suite {
            name,
            checks: 0,
            failures: 0,
        }
    }

    /// Says whether something went as it must.
    pub fn check(&mut self, what: &str, good: bool) {
        self.checks += 1;
        self.failures += u32::from(!good);
        println!(
            "{}: {what}: {}",
            self.name,
            if good { "ok" } else { "FAILED" }
        );
    }

    /// Says whether something is what it must be.
    pub fn equal<T: PartialEq + core::fmt::Debug>(&mut self, what: &str, is: T, must: T) {
        if is != must {
            println!("{}: {what} is {is:x?}, must be {must:x?}", self.name);
        }
        self.check(what, is == must);
    }

    /// Starts another process of the same program.
    pub fn start(&mut self, arguments: &str) -> Option<Child> {
        let options = Options {
            arguments,
            console: true,
        };
        let file = module::find(self.name).ok()?;
        match process::spawn(file, &options) {
            Ok(child) => Some(child),
            Err(error) => {
                println!("{}: cannot start `{arguments}`: {error}", self.name);
                None
            }
        }
    }

    /// Waits for a process that must end with a status.
    pub fn ended(&mut self, what: &str, child: Option<Child>, status: u32) {
        let end = child.and_then(|child| child.wait().ok());
        self.equal(what, end, Some(End::Exit(status)));
    }

    /// The status: how many checks failed.
    pub fn finish(self) -> u32 {
        println!(
            "{}: {} of {} checks went as they must",
            self.name,
            self.checks - self.failures,
            self.checks
        );
        self.failures
    }
}

/// The numbers in a text, behind its first word; what is none is 0.
pub fn numbers<const COUNT: usize>(text: &str) -> [u32; COUNT] {
    let mut words = text.split_ascii_whitespace().skip(1);
    core::array::from_fn(|_| words.next().and_then(|word| word.parse().ok()).unwrap_or(0))
}
