//! Taking all there is: of pages, environments, slices, and of each place in an environment's own tables.

use crate::attack::{Attack, Ends, How, attack, first_wrong, refused};
use crate::code::Code;
use crate::scene::Scene;
use exos::abi::layout::{ANY, ENTRY_VALID, MOST_GUARANTEED, SLICES};
use exos::abi::{Capability, EnvId, Error, PageNo, Rights, Syscall};
use exos::process::own;
use exos::{sys, vm};

use Error::Exhausted;

const fn program(name: &'static str, program: fn(&Scene) -> u32) -> Attack {
    attack(name, How::Program(program), Ends::Status(0))
}

pub const ATTACKS: &[Attack] = &[
    program("all-pages", pages),
    program("all-pages-by-name", pages_by_name),
    program("all-environments", environments),
    program("all-slices", slices),
    program("all-grants", grants),
    program("all-guaranteed-mappings", guaranteed),
    program("all-backing-pages", backing),
    program("pins-of-a-page", pins),
    program("epochs-of-a-page", epochs),
    program("stlb-filled", stlb),
    attack("all-pages-bare", How::Code(bare), Ends::Refused(Exhausted)),
];

/// Pages of the machine, at most.
const MOST_PAGES: u32 = 0x1_0000;
/// Numbers of no page that are tried.
const PAST_THE_END: u32 = 64;
/// Environments, at most, and one.
const MOST_ENVS: usize = 97;

/// Most of the time, so that it is done soon.
fn hurry() -> bool {
    (0..SLICES / 2).all(|_| sys::slice_alloc(ANY).is_ok())
}

fn pages(_: &Scene) -> u32 {
    let hurried = hurry();
    let mut taken = 0;
    while taken < MOST_PAGES && sys::page_alloc(ANY).is_ok() {
        taken += 1;
    }
    first_wrong(&[
        hurried,
        taken > 100,
        refused(sys::page_alloc(ANY), Exhausted),
        // Who has nothing in reserve gets nothing by force.
        refused(sys::page_alloc(ANY), Exhausted),
        sys::env_self().is_ok(),
    ])
}

/// Each by its number: it gets those that are free, and only those.
fn pages_by_name(_: &Scene) -> u32 {
    let hurried = hurry();
    let mut others = 0;
    for number in 0..MOST_PAGES - 1 {
        match sys::page_alloc(number) {
            Ok(_) | Err(Error::Taken) => {}
            Err(Error::BadName) => others += 1,
            Err(_) => return 1,
        }
        if others == PAST_THE_END {
            break;
        }
    }
    first_wrong(&[
        hurried,
        others > 0,
        refused(sys::page_alloc(ANY), Exhausted),
    ])
}

fn environments(_: &Scene) -> u32 {
    let mut made = [None; MOST_ENVS];
    let mut last = None;
    for place in &mut made {
        let Ok(page) = vm::allocate() else {
            return 1;
        };
        match sys::env_create(page) {
            Ok(words) => *place = Some(EnvId(words.0 as u8)),
            Err(error) => {
                last = Some(error);
                break;
            }
        }
    }
    let count = made.iter().flatten().count();
    let first = made[0];
    let freed = first.is_some_and(|env| sys::env_destroy(env, 0).is_ok());
    // The others are its parent's to deal with.
    first_wrong(&[last == Some(Exhausted), count > 80, freed])
}

fn slices(_: &Scene) -> u32 {
    let mut taken = 0;
    while taken <= SLICES && sys::slice_alloc(ANY).is_ok() {
        taken += 1;
    }
    first_wrong(&[
        (10..SLICES).contains(&taken),
        refused(sys::slice_alloc(ANY), Exhausted),
        exos::process::sleep().is_ok(),
    ])
}

fn grants(_: &Scene) -> u32 {
    let bind = || -> Result<PageNo, Error> {
        let page = vm::allocate()?;
        let words = sys::page_capability(page, Rights::READ)?;
        sys::page_bind(Capability::page_name(page, Rights::READ), words.0, words.1)?;
        Ok(page)
    };
    let mut first = None;
    let mut bound = 0;
    let last = loop {
        match bind() {
            Ok(page) => {
                first = first.or(Some(page));
                bound += 1;
            }
            Err(error) => break error,
        }
    };
    let again = first.is_some_and(|page| sys::page_free(page).is_ok());
    // The place of a grant that died is free.
    first_wrong(&[last == Exhausted, bound == 64, again, bind().is_ok()])
}

fn guaranteed(_: &Scene) -> u32 {
    let mut made = 0;
    let last = loop {
        let Ok(page) = vm::allocate() else {
            return 1;
        };
        let address = 0x0010_0000 + 0x1000 * made as u32;
        match sys::env_guarantee(own(), address, page.physical() | ENTRY_VALID) {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
    };
    let taken = sys::env_guarantee(own(), 0x0010_0000, 0);
    first_wrong(&[last == Exhausted, made < MOST_GUARANTEED, taken.is_ok()])
}

fn backing(_: &Scene) -> u32 {
    let preload = || -> Result<u32, Error> {
        let page = vm::allocate()?;
        sys::env_backing(own(), page).map(|words| words.0)
    };
    let mut count = 0;
    let last = loop {
        match preload() {
            Ok(words) => count = words,
            Err(error) => break error,
        }
    };
    first_wrong(&[last == Exhausted, count == 64])
}

/// As many reasons to stay as there can be, and none when all are taken back.
fn pins(_: &Scene) -> u32 {
    let Ok(page) = vm::allocate() else {
        return 99;
    };
    let (own, physical) = (own(), page.physical());
    let mut all = true;
    for place in 0..10 {
        let entry = physical | ENTRY_VALID;
        all &= sys::env_guarantee(own, 0x0010_0000 + 0x1000 * place, entry).is_ok();
    }
    for cause in [13, 14, 15] {
        all &= sys::env_save_area(own, exos::abi::Cause(cause), physical).is_err()
            || sys::page_free(page).is_err();
    }
    all &= sys::env_repossession(own, physical).is_ok();
    let held = refused(sys::page_free(page), Error::Pinned)
        && refused(sys::page_give(page, own), Error::Pinned)
        && refused(sys::env_create(page), Error::Pinned);
    for place in 0..10 {
        all &= sys::env_guarantee(own, 0x0010_0000 + 0x1000 * place, 0).is_ok();
    }
    all &= sys::env_repossession(own, 0).is_ok();
    // Three save areas are left, with handlers.
    let still = refused(sys::page_free(page), Error::Pinned);
    first_wrong(&[all, held, still])
}

/// Capabilities die and come, and none comes back.
fn epochs(_: &Scene) -> u32 {
    let Ok(page) = vm::allocate() else {
        return 99;
    };
    let name = Capability::page_name(page, Rights::ALL);
    let mut before: Option<sys::Words> = None;
    for _ in 0..500 {
        let Ok(words) = sys::page_capability(page, Rights::ALL) else {
            return 1;
        };
        if let Some(old) = before
            && !refused(sys::page_bind(name, old.0, old.1), Error::Forged)
        {
            return 2;
        }
        before = Some(words);
        if sys::page_revoke(page, Rights::ALL).is_err() {
            return 3;
        }
    }
    0
}

/// More bindings than the STLB has places, all to one page, which is freed then.
fn stlb(_: &Scene) -> u32 {
    let (Ok(first), Ok(second)) = (vm::allocate(), vm::allocate()) else {
        return 99;
    };
    for page in 0..5000_u32 {
        let number = if page % 2 == 0 { first } else { second };
        let address = 0x3000_0000 + page * 0x1000;
        if sys::tlb_write(address, number.physical() | ENTRY_VALID).is_err() {
            return 1;
        }
    }
    first_wrong(&[
        sys::page_free(first).is_ok(),
        sys::page_free(second).is_ok(),
    ])
}

fn bare(scene: &Scene, code: &mut Code) {
    code.yields(scene.data << 12);
    for _ in 0..SLICES / 2 {
        code.call(Syscall::slice_alloc, &[ANY]);
    }
    code.begin_here();
    let again = code.here() - crate::code::CODE;
    code.call(Syscall::page_alloc, &[ANY]);
    code.word(2 << 21 | 8 << 11 | 0x2a); // slt t0, v0, zero
    code.branch(true, 8, 0, again);
    code.end_with(2);
}
