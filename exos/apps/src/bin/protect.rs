//! Protection of 100 pages at once, as table 10 of the paper has it: for whoever counts what that takes.
//!
//! A way begins with the function of its name and ends where [`measured`] does. How the pages stand before is how
//! a collector of garbage leaves them: all were just used.
#![no_std]
#![no_main]

use apps::Suite;
use exos::layout::ARENA;
use exos::sys::Global;
use exos::vm::{self, Access};

exos::main!(run);

const PAGES: u32 = 100;
const PAGE: u32 = 4096;
const ROUNDS: u32 = 8;
/// Of each round in which nothing else comes between, for what caches hold.
const TURNS: u32 = 3;

static MEASURED: Global<u32> = Global::new(0);

fn run() -> u32 {
    let mut suite = Suite::new("protect");
    let mut good = vm::demand(ARENA, PAGES).is_ok();
    for round in 0..ROUNDS {
        good &= (0..PAGES).all(|page| vm::store(ARENA + page * PAGE, round ^ page).is_ok());
        for _ in 0..TURNS {
            good &= prot100() && unprot100();
        }
        good &= prot100() && read(round) && unprot100();
        good &= prot100_all() && unprot100() && read(round);
    }
    suite.check("pages keep what they hold", good);
    suite.equal("measured", MEASURED.get(), (4 + 2 * TURNS) * ROUNDS);
    suite.finish()
}

fn read(round: u32) -> bool {
    (0..PAGES).all(|page| vm::load(ARENA + page * PAGE) == Ok(round ^ page))
}

/// No page can be written to.
#[inline(never)]
fn prot100() -> bool {
    let good = vm::protect(ARENA, PAGES, Access::Read).is_ok();
    measured();
    good
}

/// Nor read.
#[inline(never)]
fn prot100_all() -> bool {
    let good = vm::protect(ARENA, PAGES, Access::None).is_ok();
    measured();
    good
}

/// Every page can be.
#[inline(never)]
fn unprot100() -> bool {
    let good = vm::protect(ARENA, PAGES, Access::Write).is_ok();
    measured();
    good
}

#[inline(never)]
fn measured() {
    MEASURED.set(MEASURED.get() + 1);
}
