//! The smallest program: it prints its arguments.
#![no_std]
#![no_main]

use apps::ROOM;
use exos::println;
use exos::process::{arguments, own};

exos::main!(run);

fn run() -> u32 {
    let mut room = [0; ROOM];
    let arguments = arguments(&mut room);
    println!("hello from environment {} with `{arguments}`", own().0);
    0
}
