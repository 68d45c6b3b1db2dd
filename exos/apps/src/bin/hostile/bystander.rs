//! A bystander: it minds its own business, and notices whether anybody touches it.
//!
//! It has registers, pages and a slice, and goes through them again and again: every register over a loop that
//! slices end in, every word of its pages, its own code, what the kernel's table says it has. What it finds it writes to
//! a page of its parent's, by capability.

use apps::probe::{self, FIRST, Probe};
use exos::abi::layout::{PAGE_BYTES, SLICES};
use exos::abi::{Capability, PageNo, Position, Rights};
use exos::layout::{ARENA, PROGRAM};
use exos::process::{PublicTable, own};
use exos::vm::{self, Access, Entry, State};
use exos::{abi, sys};

/// Pages that it watches.
pub const PAGES: u32 = 4;
/// Passes of its loop of three instructions: a part of a slice.
const SPINS: u32 = 20_000;
/// Where its report goes.
const REPORT: u32 = ARENA;
/// Where its first page of code is seen once more.
const OWN_CODE: u32 = ARENA + PAGE_BYTES;
/// Where its pages are.
const OWN: u32 = ARENA + 2 * PAGE_BYTES;

/// Words of a report.
pub const REPORT_PASSES: u32 = 0;
/// What went wrong, as bits.
pub const REPORT_WRONG: u32 = 4;
/// A page of its own.
pub const REPORT_PAGE: u32 = 8;

/// What can be wrong, as bits of [`REPORT_WRONG`].
pub const WRONGS: &[&str] = &["registers", "pages", "code", "count of pages", "slices"];

/// Runs until its parent ends it: with the page that the report goes to, and the proof of a capability for it.
pub fn run(page: u32, high: u32, low: u32) -> u32 {
    let name = Capability::page_name(PageNo(page as u16), Rights::ALL);
    let mapped = sys::page_bind(name, high, low).is_ok()
        && vm::map(REPORT, Entry::mapped(PageNo(page as u16), Access::Write)).is_ok()
        && vm::demand(OWN, PAGES).is_ok();
    if !mapped {
        return 1;
    }
    let Some(seed) = fill() else {
        return 2;
    };
    let State::Mapped(first, _) = vm::entry(OWN).state() else {
        return 3;
    };
    let State::Mapped(code, _) = vm::entry(PROGRAM).state() else {
        return 3;
    };
    if vm::map(OWN_CODE, Entry::mapped(code, Access::Read)).is_err() {
        return 3;
    }
    let code = code_sum();
    let Ok(table) = PublicTable::open() else {
        return 4;
    };
    // From here on nothing is allocated any more.
    let pages = table.pages_of(own());
    let mut passes = 0_u32;
    let mut wrong = 0;
    let told = vm::store(REPORT + REPORT_PAGE, first.0.into());
    loop {
        let good = [
            registers(seed),
            sum(seed) == Some(0),
            code_sum() == code,
            table.pages_of(own()) == pages,
            slices(&table) == 1,
            told.is_ok(),
        ];
        wrong |= (0..)
            .zip(good)
            .fold(0, |bits, (bit, good)| bits | u32::from(!good) << bit);
        passes = passes.wrapping_add(1);
        let told = vm::store(REPORT + REPORT_WRONG, wrong)
            .and_then(|()| vm::store(REPORT + REPORT_PASSES, passes));
        if told.is_err() {
            return 5;
        }
    }
}

/// Fills its pages with what depends on who it is.
fn fill() -> Option<u32> {
    let seed = 0x9e37_79b9_u32.wrapping_mul(u32::from(own().0) + 1);
    for word in 0..PAGES * PAGE_BYTES / 4 {
        vm::store(OWN + 4 * word, expected(seed, word)).ok()?;
    }
    Some(seed)
}

const fn expected(seed: u32, word: u32) -> u32 {
    seed ^ word.wrapping_mul(0x0101_0101)
}

/// What all words of its pages differ by from what they must be.
fn sum(seed: u32) -> Option<u32> {
    let mut differ = 0;
    for word in 0..PAGES * PAGE_BYTES / 4 {
        differ |= vm::load(OWN + 4 * word).ok()? ^ expected(seed, word);
    }
    Some(differ)
}

fn registers(seed: u32) -> bool {
    let mut before = probe::filled(SPINS, seed);
    before.iter_mut().for_each(|word| *word ^= seed);
    before[FIRST] = SPINS;
    let after = probe::run(Probe::Spin, &before);
    after[FIRST] == 0 && probe::same(&before, &after, &[FIRST])
}

/// A sum over the first page of this program.
fn code_sum() -> Option<u32> {
    (OWN_CODE..OWN_CODE + PAGE_BYTES)
        .step_by(4)
        .try_fold(0_u32, |sum, at| {
            Some(sum.rotate_left(1).wrapping_add(vm::load(at).ok()?))
        })
}

/// Slices of its own that it holds.
fn slices(table: &PublicTable) -> u32 {
    let own = own().0;
    let all = (0..SLICES as u8).map(|position| table.slice(Position(position)));
    all.filter(|slice| {
        *slice
            == (abi::bookkeeping::Slice {
                owner: own,
                holder: own,
            })
    })
    .count() as u32
}
