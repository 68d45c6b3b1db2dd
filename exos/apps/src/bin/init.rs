//! The first program: starts those that the boot arguments name, and stops the machine when they have ended.
//!
//! Words are run one after the other; in a word, names with `+` between them run together. Words with `=` in them
//! are for whoever looks for them. The machine's status is the first that is not 0.
#![no_std]
#![no_main]

use exos::process::{self, Child, End, Options};
use exos::{module, println, sys};

exos::main!(run);

/// Words of the boot arguments that name no program: the kernel's, and what a program reads for itself.
const FOR_THE_KERNEL: &[&str] = &["forgetful"];
/// Programs that run together, at most.
const MOST_TOGETHER: usize = 16;
/// The status if a program cannot be started.
const STATUS_NOT_STARTED: u32 = 254;
/// The status if one was destroyed.
const STATUS_DESTROYED: u32 = 255;
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
    // All are looked at in each round: how an environment ended is known until its number is another's.
    while children.iter().any(Option::is_some) {
        for place in &mut children {
            if let Some((child, name)) = *place
                && let Some(now) = end(child, name)
            {
                status = first_failure(status, now);
                *place = None;
            }
        }
        if process::sleep().is_err() {
            return first_failure(status, STATUS_NOT_STARTED);
        }
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

/// The status of a program, if it has ended; says how.
fn end(child: Child, name: &str) -> Option<u32> {
    match child.end() {
        Ok(None) => return None,
        Ok(Some(End::Exit(status))) => {
            println!("init: {name} ended with {status}");
            return Some(status);
        }
        Ok(Some(end)) => println!("init: {name} was destroyed: {end:x?}"),
        Err(error) => println!("init: {name}: {}", error.about()),
    }
    Some(STATUS_DESTROYED)
}

fn first_failure(before: u32, now: u32) -> u32 {
    if before == 0 { now } else { before }
}
