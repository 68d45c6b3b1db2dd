//! Programs that mean harm, one for each thing that must not work, and bystanders who would notice.
//!
//! Problem: that a kernel protects is shown by what it withstands. Method: a table of attacks ([`attack`], [`attacks`]),
//! each in an environment of its own: a page of machine code ([`code`], [`scene`]), or a process of this program. The parent starts
//! one after the other and looks at how it ended, whether everything that it held is free again, and whether the bystanders
//! ([`bystander`]), who check themselves all the time, go on and find nothing wrong. It prints a line for each.
//! What the kernel itself must not lose, its invariants, the test build of the kernel checks after every call.
//!
//! The boot arguments `only=NAME,…` and `skip=NAME,…` choose among them.
#![no_std]
#![no_main]

mod attack;
mod attacks;
mod bystander;
mod code;
mod crowd;
mod judge;
mod scene;

use apps::{ROOM, numbers};
use attack::{Attack, How};
use exos::process::arguments;
use scene::Scene;

exos::main!(run);

fn run() -> u32 {
    let mut room = [0; ROOM];
    let words = arguments(&mut room);
    match words.split_ascii_whitespace().nth(1) {
        Some("bystander") => {
            let [_, page, high, low] = numbers(words);
            bystander::run(page, high, low)
        }
        Some("attack") => {
            let [_, number, victim, victim_page, parent, shared, high, low] = numbers(words);
            let scene = Scene {
                victim,
                victim_page,
                parent,
                shared,
                high,
                low,
                own: exos::process::own().0.into(),
                ..Scene::default()
            };
            match attacks::all().nth(number as usize) {
                Some(Attack {
                    how: How::Program(program),
                    ..
                }) => program(&scene),
                _ => 1,
            }
        }
        _ => judge::run(),
    }
}
