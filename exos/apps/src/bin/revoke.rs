//! Revocation (§3.3): a program that is asked for pages gives some back and goes on; one that does not know how
//! ends.
#![no_std]
#![no_main]

use apps::{ROOM, Suite};
use exos::abi::EnvId;
use exos::abi::layout::REVOKE_PAGES;
use exos::layout::ARENA;
use exos::process::{self, Child, PublicTable};
use exos::sys::{self, Global};
use exos::{transfer, trap, vm};

exos::main!(run);

const PAGE: u32 = 4096;
/// Pages that the giver has to give.
const PAGES: u32 = 20;
/// Pages that it is asked for, and in how many ticks.
const ASKED: u32 = 6;
const TICKS: u32 = 40;
/// Rounds of slices that something may take.
const PATIENCE: u32 = 500;

/// Pages of the giver's that are left, and were asked for.
static LEFT: Global<u32> = Global::new(0);
static GIVEN: Global<u32> = Global::new(0);

fn run() -> u32 {
    let mut room = [0; ROOM];
    match process::arguments(&mut room) {
        "revoke giver" => return giver(),
        "revoke deaf" => return deaf(),
        _ => {}
    }
    let mut suite = Suite::new("revoke");
    given(&mut suite);
    taken_from_the_deaf(&mut suite);
    let own = sys::revoke(EnvId(200), REVOKE_PAGES, 1, TICKS);
    suite.check("nobody cannot be asked", own.is_err());
    suite.finish()
}

fn pages_of(env: EnvId) -> u32 {
    PublicTable::open().map_or(0, |table| table.pages_of(env))
}

/// Yields until something holds; whether it does.
fn until(holds: impl Fn() -> bool) -> bool {
    (0..PATIENCE).any(|_| holds() || process::sleep().is_err()) && holds()
}

fn given(suite: &mut Suite) {
    let Some(child) = suite.start("revoke giver") else {
        suite.check("a giver", false);
        return;
    };
    let env = child.env();
    // It takes calls when it is ready.
    let ready = until(|| transfer::call(env, &mut [0; 12]).is_ok());
    let before = pages_of(env);
    suite.check("it has pages to give", ready && before > PAGES);
    let asked = sys::revoke(env, REVOKE_PAGES, ASKED, TICKS);
    suite.equal("asking for pages", asked.err(), None);
    let gave = until(|| pages_of(env) <= before - ASKED);
    suite.check("it gives them", gave);
    suite.ended("and goes on", Some(child), ASKED);
}

fn taken_from_the_deaf(suite: &mut Suite) {
    let child: Option<Child> = suite.start("revoke deaf");
    let asked = child.map(|child| sys::revoke(child.env(), REVOKE_PAGES, 1, TICKS));
    suite.check(
        "asking a program that cannot give",
        asked.is_some_and(|asked| asked.is_ok()),
    );
    suite.ended("it ends", child, trap::STATUS_REVOKED);
}

/// Has pages, and gives them back when asked; its status is how many that were.
fn giver() -> u32 {
    fn give(kind: u32, count: u32, _ticks: u32) {
        if kind != REVOKE_PAGES {
            return;
        }
        for _ in 0..count {
            let left = LEFT.get();
            if left > 0 && vm::free(ARENA + (left - 1) * PAGE, 1).is_ok() {
                LEFT.set(left - 1);
                GIVEN.set(GIVEN.get() + 1);
            }
        }
    }
    let mut good = trap::set_giver(Some(give)).is_ok() && vm::demand(ARENA, PAGES).is_ok();
    good &= (0..PAGES).all(|page| vm::store(ARENA + page * PAGE, page).is_ok());
    LEFT.set(PAGES);
    good &= transfer::serve(Some(|_, _| {})).is_ok();
    good &= until(|| GIVEN.get() >= ASKED);
    let kept = (0..LEFT.get()).all(|page| vm::load(ARENA + page * PAGE) == Ok(page));
    if good && kept { GIVEN.get() } else { 99 }
}

/// Does nothing, for long.
fn deaf() -> u32 {
    until(|| false);
    0
}
