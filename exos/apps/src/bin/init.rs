//! The first program: starts those that the boot arguments name, and stops the machine when they have ended.
//!
//! Words are run one after the other; in a word, names with `+` between them run together. Words with `=` in them
//! are for whoever looks for them. The machine's status is the first that is not 0.
#![no_std]
#![no_main]

use exos::process::{self, Child, End, Options};
use exos::{module, println, sys};

exos::main!(run);

/// Words that are the kernel's.
const FOR_THE_KERNEL: &[&str] = &["forgetful"];
/// Programs that run together, at most.
const MOST_TOGETHER: usize = 16;
/// The status if a program cannot be started.
const STATUS_NOT_STARTED: u32 = 254;
/// The status if nothing is to be run.
const STATUS_NOTHING: u32 = 253;

fn run() -> u32 {
    let status = match module::boot_arguments() {
        Ok(words) if words.split_ascii_whitespace().next().is_some() => words
            .split_ascii_whitespace()
            .filter(|word| !word.contains('=') && !FOR_THE_KERNEL.contains(word))
            .map(together)
            .fold(0, first_failure),
        Ok(_) => {
            println!("init: no program is named");
            STATUS_NOTHING
        }
        Err(error) => {
            println!("init: the boot arguments: {}", error.about());
            STATUS_NOTHING
        }
    };
    let error = sys::halt(status);
    println!("init: {error:?}");
    status
}

/// Runs the programs of a word; the first status that is not 0.
fn together(word: &str) -> u32 {
    let mut children = [None; MOST_TOGETHER];
    let mut status = 0;
    for (child, name) in children.iter_mut().zip(word.split('+')) {
        *child = start(name).map(|child| (child, name));
        if child.is_none() {
            status = first_failure(status, STATUS_NOT_STARTED);
        }
    }
    for (child, name) in children.into_iter().flatten() {
        status = first_failure(status, end(child, name));
    }
    status
}

fn start(name: &str) -> Option<Child> {
    let options = Options {
        arguments: name,
        console: true,
    };
    let file = match module::find(name) {
        Ok(file) => file,
        Err(error) => {
            println!("init: {name} is no module: {}", error.about());
            return None;
        }
    };
    match process::spawn(file, &options) {
        Ok(child) => Some(child),
        Err(error) => {
            println!("init: {name} cannot be started: {error}");
            None
        }
    }
}

fn end(child: Child, name: &str) -> u32 {
    match child.wait() {
        Ok(end @ End::Exit(status)) => {
            println!("init: {name} ended with {status}");
            end.status()
        }
        Ok(end @ End::Destroyed(death)) => {
            println!("init: {name} was destroyed: {death:x?}");
            end.status()
        }
        Err(error) => {
            println!("init: {name}: {}", error.about());
            STATUS_NOT_STARTED
        }
    }
}

fn first_failure(before: u32, now: u32) -> u32 {
    if before == 0 { now } else { before }
}
