//! Time slices: programs that never yield share the processor, lose no register, and pay for what they
//! take too much.
#![no_std]
#![no_main]

use apps::probe::{self, FIRST, Probe};
use apps::{ROOM, Suite};
use exos::abi::layout::{ANY, DEATH_EXCESS};
use exos::abi::{Error, Position};
use exos::process::{self, Child, End, PublicTable, own};
use exos::sys;

exos::main!(run);

/// Passes of a loop of three instructions: some two slices at 25 MHz.
const SPINS: u32 = 250_000;
/// Processes that spin together.
const SPINNERS: usize = 3;
/// For how many ticks each of them does.
const TICKS: u32 = 12;

fn run() -> u32 {
    let mut room = [0; ROOM];
    match process::arguments(&mut room) {
        "slices spinner" => return u32::from(!spin_for(TICKS)),
        "slices sleeper" => return sleeper(),
        "slices greedy" => return greedy(),
        _ => {}
    }
    let mut suite = Suite::new("slices");
    ticking(&mut suite);
    together(&mut suite);
    donation(&mut suite);
    positions(&mut suite);
    excess(&mut suite);
    suite.finish()
}

fn ticks() -> u32 {
    PublicTable::open().map_or(0, |table| table.ticks())
}

/// Runs without yielding; whether every register is as it was.
fn spin() -> bool {
    let before = probe::filled(SPINS, 3);
    let after = probe::run(Probe::Spin, &before);
    after[FIRST] == 0 && probe::same(&before, &after, &[FIRST])
}

/// The same until so many ticks have passed.
fn spin_for(count: u32) -> bool {
    let first = ticks();
    let mut good = true;
    while ticks() - first < count {
        good &= spin();
    }
    good
}

fn ticking(suite: &mut Suite) {
    suite.check("registers over slices", spin_for(TICKS));
    let before = ticks();
    let told = sys::ticks().map_or(0, |words| words.0);
    suite.check(
        "time is what the call says",
        (before..=ticks()).contains(&told),
    );
    let excess = PublicTable::open().map(|table| table.excess(own()));
    suite.equal("no slice was used in excess", excess, Ok(0));
}

fn together(suite: &mut Suite) {
    let mut children = [None; SPINNERS];
    for child in &mut children {
        *child = suite.start("slices spinner");
    }
    suite.check(
        "registers over slices, with others spinning",
        spin_for(TICKS),
    );
    for child in children {
        suite.ended("a spinner's registers", child, 0);
    }
}

fn donation(suite: &mut Suite) {
    let Some(child) = suite.start("slices sleeper") else {
        suite.check("a sleeper", false);
        return;
    };
    let mut good = true;
    for _ in 0..50 {
        if child.end() == Ok(None) {
            good &= process::yield_to(child.env()).is_ok();
        }
    }
    suite.check("yielding to one environment", good);
    suite.ended("it went on each time", Some(child), 0);
    let gone = process::yield_to(child.env());
    suite.equal("yielding to nobody", gone, Err(Error::NoSuchCall));
}

/// Sleeps and goes on, with something to remember.
fn sleeper() -> u32 {
    let mut sum = 0;
    for number in 0..20 {
        if process::sleep().is_err() {
            return 1;
        }
        sum += number;
    }
    u32::from(sum != 190)
}

fn positions(suite: &mut Suite) {
    let Ok(words) = sys::slice_alloc(ANY) else {
        suite.check("another slice", false);
        return;
    };
    let taken = sys::slice_alloc(words.0).err();
    suite.equal("a slice that is taken", taken, Some(Error::Taken));
    suite.check("with two slices", spin_for(TICKS));
    let position = Position(words.0 as u8);
    suite.equal("giving it back", sys::slice_free(position).err(), None);
    let foreign = sys::slice_free(position).err();
    suite.equal("it is not ours any more", foreign, Some(Error::NotOwner));
    let named = sys::slice_alloc(40).map(|words| words.0);
    suite.equal("a slice by position", named, Ok(40));
    suite.equal("back", sys::slice_free(Position(40)).err(), None);
}

/// A program whose slice-end handler does not yield is destroyed, and nobody else notices.
fn excess(suite: &mut Suite) {
    let child: Option<Child> = suite.start("slices greedy");
    suite.check("registers beside a greedy program", spin_for(TICKS));
    let end = child.and_then(|child| child.wait().ok());
    let good = matches!(end, Some(End::Destroyed(death)) if death.cause == DEATH_EXCESS);
    if !good {
        exos::println!("  it ended so: {end:x?}");
    }
    suite.check("the greedy program is destroyed", good);
}

/// Takes its slice-end handler away, and spins.
fn greedy() -> u32 {
    let taken = sys::env_entry(own(), exos::abi::layout::ENTRY_SLICE_END, 0);
    while taken.is_ok() {
        spin();
    }
    1
}
