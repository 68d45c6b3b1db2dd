//! Pages: by name or any, zeros on demand, protection and its handlers, and sharing by capability.
//!
//! The second process is this program with a capability in its arguments: it has nothing else in common with the
//! first, so what it can read it can read by the three words.
#![no_std]
#![no_main]

use apps::{ROOM, Suite, numbers};
use core::fmt::Write as _;
use exos::abi::{Capability, Cause, Error, PageNo, Rights};
use exos::layout::ARENA;
use exos::process::{PublicTable, arguments, own};
use exos::sys::{self, Global};
use exos::trap::{self, Frame};
use exos::vm::{self, Access, Entry, State};

exos::main!(run);

/// Pages that are protected together, as many as the paper's (table 9).
const MANY: u32 = 100;
const PAGE: u32 = 4096;
/// What the second process must find, and put there.
const WORD: u32 = 0x600d_cafe;
const ANSWER: u32 = 0x0dd_ba11;

static FAULTS: Global<u32> = Global::new(0);

fn run() -> u32 {
    let mut room = [0; ROOM];
    let words = arguments(&mut room);
    let mut suite = Suite::new("pages");
    match words.split_ascii_whitespace().next() {
        Some("reader") => return reader(numbers(words)),
        Some("writer") => return writer(numbers(words)),
        Some("forger") => return forger(numbers(words)),
        _ => {}
    }
    by_name(&mut suite);
    on_demand(&mut suite);
    protection(&mut suite);
    uncached(&mut suite);
    sharing(&mut suite);
    suite.finish()
}

fn by_name(suite: &mut Suite) {
    let count = || PublicTable::open().map_or(0, |table| table.pages_of(own()));
    // The region's page of the page table is allocated with its first mapping.
    suite.equal("a region", vm::map(ARENA, Entry::UNMAPPED), Ok(()));
    let before = count();
    let any = vm::allocate();
    let Ok(page) = any else {
        suite.equal("any page", any, Ok(PageNo(0)));
        return;
    };
    suite.equal("the table counts it", count(), before + 1);
    let taken = sys::page_alloc(u32::from(page.0));
    suite.equal("a page that is taken", taken.err(), Some(Error::Taken));
    let given = sys::page_free(page);
    suite.equal("freeing it", given.err(), None);
    let Some(page) = named(page) else {
        suite.check("a page by name", false);
        return;
    };
    suite.equal("a page by name", count(), before + 1);
    let mapped = vm::map(ARENA, Entry::mapped(page, Access::Write));
    suite.equal("mapping it", mapped, Ok(()));
    suite.equal("a new page is zeros", vm::load(ARENA + PAGE - 4), Ok(0));
    suite.equal("freeing mapping and page", vm::free(ARENA, 1), Ok(()));
    suite.equal("as many as before", count(), before);
    let foreign = sys::page_free(PageNo(0));
    suite.equal(
        "the kernel's page is not ours to free",
        foreign.err(),
        Some(Error::NotOwner),
    );
    let kernel = Entry::mapped(PageNo(0), Access::Read);
    suite.equal(
        "nor to map",
        vm::map(ARENA, kernel).err(),
        Some(Error::NotOwner),
    );
    suite.equal("forgetting that", vm::unmap(ARENA, 1), Ok(()));
}

/// Allocates this page by its name, or one near it: other programs may be faster.
fn named(page: PageNo) -> Option<PageNo> {
    let near = (page.0..page.0.saturating_add(200)).map(PageNo);
    near.into_iter().find(|page| {
        sys::page_alloc(u32::from(page.0)).is_ok_and(|words| words.0 == u32::from(page.0))
    })
}

fn on_demand(suite: &mut Suite) {
    let first = ARENA + 0x10_0000;
    let count = || PublicTable::open().map_or(0, |table| table.pages_of(own()));
    let demanded = vm::demand(first, MANY);
    suite.equal("demanding pages", demanded, Ok(()));
    let before = count();
    let zeros = (0..MANY).all(|page| vm::load(first + page * PAGE + 8) == Ok(0));
    suite.check("they are zeros", zeros);
    suite.equal("and allocated when touched", count() - before, MANY);
    for page in 0..MANY {
        // A failure shows when it is read.
        let _ = vm::store(first + page * PAGE, page ^ WORD);
    }
    let kept = (0..MANY).all(|page| vm::load(first + page * PAGE) == Ok(page ^ WORD));
    suite.check("they keep what is stored", kept);
    let mut colours = 0;
    for page in 0..MANY {
        if let State::Mapped(page, Access::Write) = vm::entry(first + page * PAGE).state() {
            colours |= 1 << (page.0 % 16);
        }
    }
    suite.check("their names show their colours", colours == 0xffff_u32);
    suite.equal("freeing them", vm::free(first, MANY), Ok(()));
    suite.equal("all are free", count(), before);
    trap::set_handler(Cause::MISS_LOAD, Some(skip));
    FAULTS.set(0);
    let gone = vm::load(first);
    trap::set_handler(Cause::MISS_LOAD, None);
    suite.check(
        "touching one of them is a fault",
        gone.is_ok() && FAULTS.get() == 1,
    );
}

/// Counts, and goes on behind the instruction.
fn skip(frame: &mut Frame) -> bool {
    FAULTS.set(FAULTS.get() + 1);
    frame.skip()
}

/// Counts, lets the page be written, and lets the store run again.
fn allow(frame: &mut Frame) -> bool {
    FAULTS.set(FAULTS.get() + 1);
    vm::protect(frame.bad_address & !(PAGE - 1), 1, Access::Write).is_ok()
}

fn protection(suite: &mut Suite) {
    let first = ARENA + 0x20_0000;
    let touch = |page: u32| vm::store(first + page * PAGE, page + 1);
    let mut good = vm::demand(first, MANY).is_ok();
    good &= (0..MANY).all(|page| touch(page).is_ok());
    let table = PublicTable::open();
    let pages = table.map_or(0, |table| table.pages_of(own()));
    suite.check("pages to protect", good && pages > MANY);
    trap::set_handler(Cause::MODIFIED, Some(allow));
    for (what, times) in [("protecting 100 pages", MANY), ("one", 1)] {
        FAULTS.set(0);
        suite.equal(what, vm::protect(first, times, Access::Read), Ok(()));
        let read = (0..MANY).all(|page| vm::load(first + page * PAGE) == Ok(page + 1));
        suite.check("reading is no fault", read && FAULTS.get() == 0);
        let written = (0..MANY).all(|page| touch(page).is_ok());
        suite.check("writing is", written);
        suite.equal("faults", FAULTS.get(), times);
        FAULTS.set(0);
        let again = (0..MANY).all(|page| touch(page).is_ok());
        suite.check("and then no more", again && FAULTS.get() == 0);
    }
    trap::set_handler(Cause::MODIFIED, None);
    suite.equal(
        "taking all access away",
        vm::protect(first, MANY, Access::None),
        Ok(()),
    );
    trap::set_handler(Cause::MISS_LOAD, Some(skip));
    FAULTS.set(0);
    for page in 0..MANY {
        // What it loads is nothing: the handler goes on behind it.
        let _ = vm::load(first + page * PAGE);
    }
    trap::set_handler(Cause::MISS_LOAD, None);
    suite.equal("every load is a fault", FAULTS.get(), MANY);
    suite.equal(
        "giving it back",
        vm::protect(first, MANY, Access::Write),
        Ok(()),
    );
    let kept = (0..MANY).all(|page| vm::load(first + page * PAGE) == Ok(page + 1));
    suite.check("nothing was lost", kept);
    suite.equal("freeing them", vm::free(first, MANY), Ok(()));
}

fn uncached(suite: &mut Suite) {
    let two = (ARENA + 0x30_0000, ARENA + 0x30_1000);
    let Ok(page) = vm::allocate() else {
        suite.check("a page", false);
        return;
    };
    let cached = Entry::mapped(page, Access::Write);
    let mut good = vm::map(two.0, cached).is_ok();
    good &= vm::map(two.1, cached.uncached()).is_ok();
    good &= vm::store(two.0, WORD).is_ok() && vm::load(two.1) == Ok(WORD);
    suite.check("the same page twice, once uncached", good);
    good = vm::unmap(two.1, 1).is_ok() && vm::free(two.0, 1).is_ok();
    suite.check("and none", good);
}

fn sharing(suite: &mut Suite) {
    let at = ARENA + 0x31_0000;
    let Ok(page) = vm::allocate() else {
        suite.check("a page to share", false);
        return;
    };
    let mapped = vm::map(at, Entry::mapped(page, Access::Write)).is_ok();
    suite.check("a page to share", mapped && vm::store(at + 8, WORD).is_ok());
    let start = |suite: &mut Suite, what: &str, rights: Rights| {
        let mut text = Text::new();
        let words = sys::page_capability(page, rights).ok()?;
        let name = Capability::page_name(page, rights);
        write!(text, "{what} {name} {} {}", words.0, words.1).ok()?;
        suite.start(text.as_str())
    };
    let child = start(suite, "reader", Rights::READ);
    suite.ended(
        "another reads it by a capability, and cannot write",
        child,
        0,
    );
    let child = start(suite, "writer", Rights::ALL);
    suite.ended("another writes to it", child, 0);
    suite.equal("what it wrote is there", vm::load(at + 12), Ok(ANSWER));
    let child = start(suite, "forger", Rights::READ);
    suite.ended("no other three words do", child, 0);
    // A capability of before, presented afterwards.
    let mut text = Text::new();
    let old = sys::page_capability(page, Rights::READ);
    let name = Capability::page_name(page, Rights::READ);
    let mut good =
        old.is_ok_and(|words| write!(text, "reader {name} {} {}", words.0, words.1).is_ok());
    good &= sys::page_revoke(page, Rights::ALL).is_ok();
    suite.check("revoking", good);
    let child = suite.start(text.as_str());
    suite.ended("the old capability is none", child, FORGED);
    suite.equal("freeing it", vm::free(at, 1), Ok(()));
}

/// The status of a reader whose capability is none.
const FORGED: u32 = 100;

fn capability(words: [u32; 3]) -> Option<(PageNo, [u32; 3])> {
    let (_, _, number) = Capability::parts(words[0])?;
    Some((PageNo(number), words))
}

/// Reads what the first process wrote; how many things were not as they must be.
fn reader(words: [u32; 3]) -> u32 {
    let Some((page, [name, high, low])) = capability(words) else {
        return 99;
    };
    match sys::page_bind(name, high, low) {
        Err(Error::Forged) => return FORGED,
        Err(_) => return 98,
        Ok(_) => {}
    }
    let read = vm::map(ARENA, Entry::mapped(page, Access::Read)).is_ok();
    let found = vm::load(ARENA + 8) == Ok(WORD);
    let write = vm::map(ARENA, Entry::mapped(page, Access::Write));
    let refused = write == Err(Error::Rights);
    let given = sys::page_free(page).err() == Some(Error::NotOwner);
    let mut good = vm::unmap(ARENA, 1).is_ok() && sys::page_unbind(page).is_ok();
    good &= vm::map(ARENA, Entry::mapped(page, Access::Read)) == Err(Error::NotOwner);
    [read, found, refused, given, good]
        .into_iter()
        .filter(|good| !good)
        .count() as u32
}

/// Writes, by a capability.
fn writer(words: [u32; 3]) -> u32 {
    let Some((page, [name, high, low])) = capability(words) else {
        return 99;
    };
    let mut good = sys::page_bind(name, high, low).is_ok();
    good &= vm::map(ARENA, Entry::mapped(page, Access::Write)).is_ok();
    good &= vm::load(ARENA + 8) == Ok(WORD) && vm::store(ARENA + 12, ANSWER).is_ok();
    u32::from(!good)
}

/// Tries words that are no capability; how many were taken for one.
fn forger([name, high, low]: [u32; 3]) -> u32 {
    let all = name | (u32::from(Rights::ALL.0) << 24);
    let other = name ^ 1;
    let tries = [
        [all, high, low],
        [other, high, low],
        [name, high ^ 1, low],
        [name, high, low ^ 0x8000_0000],
        [name, 0, 0],
        [name, low, high],
    ];
    let taken = tries.into_iter().filter(|[name, high, low]| {
        let answer = sys::page_bind(*name, *high, *low).err();
        answer != Some(Error::Forged)
    });
    taken.count() as u32
}

/// A short text that is put together.
struct Text {
    bytes: [u8; ROOM],
    length: usize,
}

impl Text {
    fn new() -> Self {
        Text {
            bytes: [0; ROOM],
            length: 0,
        }
    }

    fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl core::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.length + text.len();
        let room = self
            .bytes
            .get_mut(self.length..end)
            .ok_or(core::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
