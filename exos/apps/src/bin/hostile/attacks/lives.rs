//! Ends at odd moments, families that eat each other, and what is not given back.

use crate::attack::{Attack, Ends, How, attack, first_wrong, refused};
use crate::code::{A0, CODE, Code, DATA, S0, V0};
use crate::scene::{Bare, Scene};
use exos::abi::layout::{
    ANY, DEATH_REVOKED, ENTRY_REVOKE, ENTRY_SLICE_END, REVOKE_ALL, REVOKE_PAGES, REVOKE_SLICES,
};
use exos::abi::{Capability, EnvId, Error, PageNo, Position, Syscall};
use exos::process::{End, PublicTable, own, sleep};
use exos::vm::{self, Access, Entry};
use exos::{layout, sys};

pub const ATTACKS: &[Attack] = &[
    attack("ends-itself", How::Code(itself), Ends::Status(42)),
    attack(
        "ends-itself-in-a-handler",
        How::Code(in_handler),
        Ends::Status(43),
    ),
    attack(
        "ends-itself-at-slice-end",
        How::Code(at_slice_end),
        Ends::Status(44),
    ),
    attack(
        "ends-itself-when-entered",
        How::Code(entered),
        Ends::Status(45),
    ),
    attack(
        "ends-itself-in-another-context",
        How::Code(in_context),
        Ends::Status(46),
    ),
    attack(
        "ends-itself-as-revoked",
        How::Code(as_revoked),
        Ends::For(DEATH_REVOKED),
    ),
    attack("revokes-its-own-pages", How::Code(own_pages), Ends::Stays),
    attack("revokes-its-own-slice", How::Code(own_slice), Ends::Stays),
    attack(
        "adopts-itself",
        How::Program(adopts_itself),
        Ends::Status(0),
    ),
    attack(
        "adopts-its-parent",
        How::Program(adopts_its_parent),
        Ends::Status(0),
    ),
    attack("adopts-in-a-chain", How::Program(chain), Ends::Status(0)),
    attack("leaves-orphans", How::Program(orphans), Ends::Status(0)),
    attack(
        "does-not-give-pages-back",
        How::Program(keeps_pages),
        Ends::Status(0),
    ),
    attack(
        "takes-more-when-asked-for-less",
        How::Program(takes_more),
        Ends::Status(0),
    ),
    attack(
        "does-not-give-slices-back",
        How::Program(keeps_slices),
        Ends::Status(0),
    ),
    attack(
        "does-not-leave",
        How::Program(does_not_leave),
        Ends::Status(0),
    ),
    attack(
        "revoke-handler-faults",
        How::Program(revoke_faults),
        Ends::Status(0),
    ),
    attack(
        "repossession-vector-lies",
        How::Program(vector_lies),
        Ends::Status(0),
    ),
    attack(
        "pinned-pages-are-asked-for",
        How::Program(pinned),
        Ends::Status(0),
    ),
    attack(
        "reserve-of-the-dead",
        How::Program(reserves),
        Ends::Status(0),
    ),
];

/// Ticks until a deadline.
const SOON: u32 = 3;
/// Pages that a child takes.
const TAKEN: u32 = 6;

fn itself(_: &Scene, code: &mut Code) {
    code.end(42);
}

fn in_handler(scene: &Scene, code: &mut Code) {
    code.handle(9, scene.data << 12, CODE + 0x800);
    code.word(crate::code::BREAK);
    code.seek(0x800);
    code.end(43);
}

fn at_slice_end(scene: &Scene, code: &mut Code) {
    code.call(Syscall::env_save_area, &[scene.own, 0, scene.data << 12]);
    code.call(
        Syscall::env_entry,
        &[scene.own, ENTRY_SLICE_END, CODE + 0x800],
    );
    code.hang();
    code.seek(0x800);
    code.end(44);
}

/// In the middle of a call to itself.
fn entered(scene: &Scene, code: &mut Code) {
    for entry in [0, 1] {
        code.call(Syscall::env_entry, &[scene.own, entry, CODE + 0x800]);
    }
    code.select(exos::abi::layout::acall_selector(scene.own), false, &[]);
    code.end(0xbad);
    code.seek(0x800);
    code.end(45);
}

fn in_context(_: &Scene, code: &mut Code) {
    code.call(Syscall::context_switch, &[3]);
    code.must(1, 0);
    code.end(46);
}

fn as_revoked(scene: &Scene, code: &mut Code) {
    code.yields(scene.data << 12);
    code.call(Syscall::revoke, &[scene.own, REVOKE_ALL, 1, 1]);
    code.must(1, 0);
    code.begin_here();
    code.hang();
}

/// All of its pages are pinned: none is taken.
fn own_pages(scene: &Scene, code: &mut Code) {
    code.yields(scene.data << 12);
    code.call(Syscall::revoke, &[scene.own, REVOKE_PAGES, ANY, 1]);
    code.must(1, 0);
    code.call(Syscall::page_alloc, &[ANY]);
    code.must(2, Error::Exhausted.word());
    code.begin_here();
    code.hang();
}

/// One slice is left.
fn own_slice(scene: &Scene, code: &mut Code) {
    code.yields(scene.data << 12);
    code.call(Syscall::slice_alloc, &[ANY]);
    code.call(Syscall::revoke, &[scene.own, REVOKE_SLICES, ANY, 1]);
    code.must(1, 0);
    code.begin_here();
    code.hang();
}

fn adopts_itself(_: &Scene) -> u32 {
    let Ok(words) = sys::env_capability(own()) else {
        return 99;
    };
    let adopted = sys::env_adopt(Capability::env_name(own()), words.0, words.1);
    first_wrong(&[refused(adopted, Error::BadName)])
}

/// An attacker that ends with the answer to a call with three words, in a child of this process.
fn child_calls(scene: &Scene, call: Syscall, words: [u32; 3]) -> Option<(EnvId, u32)> {
    let bare = Bare::start(scene, |_, code| {
        code.call(call, &words);
        code.end_with(V0);
    })
    .ok()?;
    let table = PublicTable::open().ok()?;
    while bare.lives(&table) {
        sleep().ok()?;
    }
    match table.end(bare.env) {
        End::Exit(status) => Some((bare.env, status)),
        End::Destroyed(_) => None,
    }
}

/// A child may not make itself its parent's parent, but by a capability that somebody gave it: then each controls
/// the other, and when one ends the other is nobody's.
fn adopts_its_parent(scene: &Scene) -> u32 {
    let Ok(words) = sys::env_capability(own()) else {
        return 99;
    };
    let name = Capability::env_name(own());
    let by_guess = child_calls(scene, Syscall::env_adopt, [name, words.0, !words.1]);
    let by_right = child_calls(scene, Syscall::env_adopt, [name, words.0, words.1]);
    // Its parent died meanwhile and left it to this environment's: to itself, that is to nobody.
    let parent = PublicTable::open().map(|table| table.parent(own()));
    first_wrong(&[
        by_guess.is_some_and(|(_, status)| status == Error::Forged.word()),
        by_right.is_some_and(|(_, status)| status == 0),
        parent == Ok(exos::abi::bookkeeping::NOBODY),
    ])
}

/// An environment that does nothing.
fn idle(scene: &Scene) -> Result<Bare, Error> {
    Bare::start(scene, |scene, code| {
        code.yields(scene.data << 12);
        code.begin_here();
        code.hang();
    })
}

/// The third controls the second, which controls the first; then the third is destroyed.
fn chain(scene: &Scene) -> u32 {
    let adopt = |of: EnvId| -> Result<[u32; 3], Error> {
        let words = sys::env_capability(of)?;
        Ok([Capability::env_name(of), words.0, words.1])
    };
    let adopter = |first: Result<[u32; 3], Error>| {
        let words = first?;
        Bare::start(scene, |scene, code| {
            code.yields(scene.data << 12);
            code.call(Syscall::env_adopt, &words);
            code.must(1, 0);
            code.begin_here();
            code.hang();
        })
    };
    let Ok(first) = idle(scene) else {
        return 99;
    };
    let second = adopter(adopt(first.env));
    let rest = sleep().is_ok() && sleep().is_ok();
    let Ok(second) = second else {
        return 98;
    };
    let third = adopter(adopt(second.env));
    let rest = rest && sleep().is_ok() && sleep().is_ok();
    let Ok(third) = third else {
        return 97;
    };
    let Ok(table) = PublicTable::open() else {
        return 96;
    };
    let before = [first, second, third].map(|bare| table.parent(bare.env));
    let gone = refused(sys::env_destroy(first.env, 0), Error::NotOwner);
    let ended = sys::env_destroy(third.env, 0).is_ok();
    let after = [first, second].map(|bare| table.parent(bare.env));
    first_wrong(&[
        rest,
        before == [second.env.0, third.env.0, own().0],
        gone,
        ended,
        after == [second.env.0, own().0],
    ])
}

/// They are its parent's when it ends: its parent ends them.
fn orphans(scene: &Scene) -> u32 {
    let made = (0..5).filter(|_| idle(scene).is_ok()).count();
    first_wrong(&[made == 5])
}

/// A child that takes pages, and does not hear or answer requests; `wild` is what it does in each slice.
fn greedy(scene: &Scene, wild: impl Fn(&Scene, &mut Code)) -> Option<Bare> {
    let bare = Bare::start(scene, |scene, code| {
        code.yields(scene.data << 12);
        for _ in 0..TAKEN {
            code.call(Syscall::page_alloc, &[ANY]);
        }
        code.begin_here();
        wild(scene, code);
        code.hang();
    });
    let slept = sleep().is_ok() && sleep().is_ok();
    bare.ok().filter(|_| slept)
}

/// Waits so many ticks.
fn wait(table: &PublicTable, ticks: u32) {
    let first = table.ticks();
    while table.ticks().wrapping_sub(first) < ticks && sleep().is_ok() {}
}

fn keeps_pages(scene: &Scene) -> u32 {
    let (Some(bare), Ok(table)) = (greedy(scene, |_, _| {}), PublicTable::open()) else {
        return 99;
    };
    let before = table.pages_of(bare.env);
    let asked = sys::revoke(bare.env, REVOKE_PAGES, 4, SOON).is_ok();
    wait(&table, SOON + 8);
    first_wrong(&[
        before == TAKEN + 2,
        asked,
        table.pages_of(bare.env) == before - 4,
        bare.lives(&table),
    ])
}

fn takes_more(scene: &Scene) -> u32 {
    let wild = |_: &Scene, code: &mut Code| {
        let again = code.here() - CODE;
        code.call(Syscall::page_alloc, &[ANY]);
        code.word(2 << 21 | 8 << 11 | 0x2a); // slt t0, v0, zero
        code.branch(true, 8, 0, again);
    };
    let (Some(bare), Ok(table)) = (greedy(scene, |_, _| {}), PublicTable::open()) else {
        return 99;
    };
    bare.end();
    let asked = |bare: &Bare| sys::revoke(bare.env, REVOKE_PAGES, 4, SOON).is_ok();
    let Ok(bare) = Bare::start(scene, |scene, code| {
        code.yields(scene.data << 12);
        for _ in 0..TAKEN {
            code.call(Syscall::page_alloc, &[ANY]);
        }
        code.call(Syscall::yield_to, &[scene.parent]);
        code.hang();
        // A later slice begins at the top again, and asks for more.
        wild(scene, code);
    }) else {
        return 98;
    };
    let slept = sleep().is_ok() && sleep().is_ok();
    let before = table.pages_of(bare.env);
    let asked = asked(&bare);
    wait(&table, SOON + 8);
    let after = table.pages_of(bare.env);
    // The request is met now; what it takes afterwards is its own again.
    first_wrong(&[slept, before >= TAKEN, asked, after <= before + TAKEN * 12])
}

fn keeps_slices(scene: &Scene) -> u32 {
    let (Some(bare), Ok(table)) = (greedy(scene, |_, _| {}), PublicTable::open()) else {
        return 99;
    };
    let mut given = true;
    for _ in 0..3 {
        let position = sys::slice_alloc(ANY).map(|words| Position(words.0 as u8));
        given &= position.is_ok_and(|position| sys::slice_give(position, bare.env).is_ok());
    }
    let slices = || {
        let all = (0..64).map(|position| table.slice(Position(position)));
        all.filter(|slice| slice.owner == bare.env.0).count()
    };
    let before = slices();
    let asked = sys::revoke(bare.env, REVOKE_SLICES, ANY, SOON).is_ok();
    wait(&table, SOON + 4);
    first_wrong(&[given, before == 4, asked, slices() == 1, bare.lives(&table)])
}

fn does_not_leave(scene: &Scene) -> u32 {
    let (Some(bare), Ok(table)) = (greedy(scene, |_, _| {}), PublicTable::open()) else {
        return 99;
    };
    let asked = sys::revoke(bare.env, REVOKE_ALL, 0, SOON).is_ok();
    wait(&table, SOON + 4);
    let end = matches!(table.end(bare.env), End::Destroyed(death) if death.cause == DEATH_REVOKED);
    first_wrong(&[asked, !bare.lives(&table), end])
}

/// The handler that hears the request faults: that is the end of it.
fn revoke_faults(scene: &Scene) -> u32 {
    let Ok(table) = PublicTable::open() else {
        return 99;
    };
    let started = Bare::start(scene, |scene, code| {
        code.yields(scene.data << 12);
        code.call(Syscall::page_alloc, &[ANY]);
        code.call(Syscall::env_entry, &[scene.own, ENTRY_REVOKE, CODE + 0x800]);
        code.begin_here();
        code.hang();
        code.seek(0x800);
        code.word(crate::code::BREAK);
    });
    let slept = sleep().is_ok() && sleep().is_ok();
    let Ok(bare) = started else {
        return 98;
    };
    let asked = sys::revoke(bare.env, REVOKE_PAGES, 1, 20).is_ok();
    wait(&table, 6);
    let end = matches!(table.end(bare.env), End::Destroyed(death) if death.cause == 9);
    first_wrong(&[slept, asked, !bare.lives(&table), end])
}

/// The vector's count says that it is full, or more: nothing is written behind it.
fn vector_lies(scene: &Scene) -> u32 {
    const COUNTS: [u32; 4] = [ANY, 127, 128, 0x8000_0000];
    for (number, count) in (1..).zip(COUNTS) {
        let Ok(table) = PublicTable::open() else {
            return 99;
        };
        let started = Bare::start(scene, |scene, code| {
            code.yields(scene.data << 12 | 0x800);
            code.call(Syscall::page_alloc, &[ANY]);
            code.call(Syscall::page_alloc, &[ANY]);
            // The vector in the page's second quarter, all ones around it.
            code.li(S0, ANY);
            code.li(A0, DATA);
            code.store(S0, A0, 0x3fc);
            for offset in (0x404..0x420).step_by(4) {
                code.store(S0, A0, offset);
            }
            for offset in (0x7e0..0x808).step_by(4) {
                if offset < 0x800 {
                    code.store(S0, A0, offset);
                }
            }
            code.li(S0, count);
            code.store(S0, A0, 0x400);
            code.call(
                Syscall::env_repossession,
                &[scene.own, scene.data << 12 | 0x400],
            );
            code.must(1, 0);
            code.begin_here();
            // Until the count has changed, or was at its end and cannot.
            code.li(A0, DATA);
            code.load(V0, A0, 0xc00);
            code.add(V0, V0, 1);
            code.store(V0, A0, 0xc00);
            code.li(8, 12);
            code.branch(true, V0, 8, 0x500);
            code.call(Syscall::yield_to, &[ANY]);
            code.hang();
            code.seek(0x500);
            code.li(A0, DATA);
            code.load(V0, A0, 0x3fc);
            code.must(2, ANY);
            code.li(A0, DATA);
            code.load(V0, A0, 0x404);
            code.must(3, ANY);
            code.li(A0, DATA);
            code.load(V0, A0, 0x7fc);
            code.must(4, ANY);
            code.li(A0, DATA);
            code.load(S0, A0, 0x400);
            code.end_with(S0);
        });
        let slept = sleep().is_ok() && sleep().is_ok();
        let Ok(bare) = started else {
            return 98;
        };
        let asked = sys::revoke(bare.env, REVOKE_PAGES, 2, SOON).is_ok();
        while bare.lives(&table) {
            if sleep().is_err() {
                return 97;
            }
        }
        let counted = table.end(bare.env) == End::Exit(count.saturating_add(2));
        if first_wrong(&[slept, asked, counted]) != 0 {
            exos::println!("  {count:x}: {:x?}", table.end(bare.env));
            return number;
        }
    }
    0
}

/// Pages that must stay are not taken, however many are asked for.
fn pinned(scene: &Scene) -> u32 {
    let (Some(bare), Ok(table)) = (greedy(scene, |_, _| {}), PublicTable::open()) else {
        return 99;
    };
    let asked = sys::revoke(bare.env, REVOKE_PAGES, ANY, SOON).is_ok();
    wait(&table, SOON + 12);
    first_wrong(&[asked, table.pages_of(bare.env) == 2, bare.lives(&table)])
}

/// A child cannot raise its reserve; what its parent lends it comes back when it dies.
fn reserves(scene: &Scene) -> u32 {
    let Ok(bare) = idle(scene) else {
        return 99;
    };
    let none = refused(sys::env_reserve(bare.env, 1), Error::Exhausted);
    let nothing = sys::env_reserve(bare.env, 0).is_ok() && sys::env_reserve(own(), 0).is_ok();
    let page = vm::allocate();
    let mapped = page.is_ok_and(|page: PageNo| {
        vm::map(layout::ARENA, Entry::mapped(page, Access::Write)).is_ok()
    });
    first_wrong(&[none, nothing, mapped])
}
