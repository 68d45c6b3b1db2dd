//! Protected control transfer where it should not lead, and to whom it should not.

use crate::attack::{Attack, Ends, How, attack, first_wrong, refused};
use crate::code::{A0, CODE, Code, DATA, S0, S1, SYSCALL, V0};
use crate::scene::{Bare, Scene};
use exos::abi::layout::{
    ANY, ENTRY_ASYNCHRONOUS, ENTRY_SYNCHRONOUS, acall_selector, scall_selector,
};
use exos::abi::{EnvId, Error, Syscall};
use exos::process::{End, PublicTable, own, sleep};
use exos::transfer::{self, Failure};
use exos::{process, sys, vm};

pub const ATTACKS: &[Attack] = &[
    attack(
        "transfer-to-itself",
        How::Code(itself),
        Ends::Status(0x600d),
    ),
    attack(
        "transfer-without-entry",
        How::Code(half),
        Ends::Refused(Error::NoSuchCall),
    ),
    attack(
        "message-without-entry",
        How::Code(half_message),
        Ends::Refused(Error::NoSuchCall),
    ),
    attack("requests-without-end", How::Code(requests), Ends::Stays),
    attack("messages-without-end", How::Code(messages), Ends::Stays),
    attack("replies-nobody-awaits", How::Code(replies), Ends::Stays),
    attack("yields-without-end", How::Code(yields), Ends::Stays),
    attack(
        "yields-to-bystander-when-late",
        How::Code(yields_late),
        Ends::Stays,
    ),
    attack(
        "slice-given-away-in-it",
        How::Code(gives_slice),
        Ends::Stays,
    ),
    attack("slice-freed-in-it", How::Code(frees_slice), Ends::Stays),
    attack("call-the-dead", How::Program(dead), Ends::Status(0)),
    attack("call-the-dying", How::Program(dying), Ends::Status(0)),
    attack(
        "call-without-entries",
        How::Program(without_entries),
        Ends::Status(0),
    ),
    attack(
        "callee-keeps-the-slice",
        How::Program(keeps),
        Ends::Status(0),
    ),
    attack(
        "callee-dies-with-the-slice",
        How::Program(dies),
        Ends::Status(0),
    ),
];

/// Entry points at a place.
fn entered_at(scene: &Scene, code: &mut Code, place: u32) {
    for entry in [ENTRY_SYNCHRONOUS, ENTRY_ASYNCHRONOUS] {
        code.call(Syscall::env_entry, &[scene.own, entry, CODE + place]);
    }
}

/// It is told that it called.
fn itself(scene: &Scene, code: &mut Code) {
    entered_at(scene, code, 0x800);
    code.li(S0, 0x600d);
    code.select(scall_selector(scene.own), false, &[]);
    code.end(0xbad);
    code.seek(0x800);
    code.must(1, scene.own);
    code.end_with(S0);
}

/// One entry point is not enough.
fn half(scene: &Scene, code: &mut Code) {
    code.call(Syscall::env_entry, &[scene.own, ENTRY_SYNCHRONOUS, CODE]);
    code.select(scall_selector(scene.own), false, &[]);
    code.end_with(V0);
}

fn half_message(scene: &Scene, code: &mut Code) {
    code.call(Syscall::env_entry, &[scene.own, ENTRY_SYNCHRONOUS, CODE]);
    code.select(acall_selector(scene.own), false, &[]);
    code.end_with(V0);
}

/// Selects the bystander again and again, with what is in the registers as the message.
fn bother(scene: &Scene, code: &mut Code, selector: u32, tag: u32) {
    code.yields(scene.data << 12);
    entered_at(scene, code, 0x800);
    code.begin_here();
    code.go(0x800);
    code.seek(0x800);
    code.li(3, tag);
    code.li(A0, 0xdead_beef);
    code.li(S0, 0x8000_0000);
    code.li(29, 0x8000_0000);
    code.li(V0, selector);
    code.word(SYSCALL);
    code.go(0x800);
}

fn requests(scene: &Scene, code: &mut Code) {
    bother(scene, code, scall_selector(scene.victim), 0);
}

fn messages(scene: &Scene, code: &mut Code) {
    bother(
        scene,
        code,
        acall_selector(scene.victim),
        exos::layout::ONE_WAY,
    );
}

fn replies(scene: &Scene, code: &mut Code) {
    bother(
        scene,
        code,
        scall_selector(scene.victim),
        exos::layout::REPLY,
    );
}

fn yields(scene: &Scene, code: &mut Code) {
    code.yields(scene.data << 12);
    code.call(Syscall::yield_to, &[scene.victim]);
    code.hang();
}

/// Its slice's end is delivered, and it lets the bystander run on its account.
fn yields_late(scene: &Scene, code: &mut Code) {
    code.call(Syscall::env_save_area, &[scene.own, 0, scene.data << 12]);
    code.call(
        Syscall::env_entry,
        &[scene.own, exos::abi::layout::ENTRY_SLICE_END, CODE + 0x800],
    );
    code.hang();
    code.seek(0x800);
    code.call(Syscall::yield_to, &[scene.victim]);
    code.hang();
}

fn gives_slice(scene: &Scene, code: &mut Code) {
    let position = scene.word(crate::attack::Arg::OwnSlice);
    code.yields(scene.data << 12);
    code.call(Syscall::slice_give, &[position, scene.own]);
    code.must(1, 0);
    code.call(Syscall::slice_free, &[position]);
    code.must(2, 0);
    code.call(Syscall::slice_free, &[position]);
    code.must(3, Error::NotOwner.word());
    code.call(Syscall::yield_to, &[ANY]);
    code.hang();
}

fn frees_slice(scene: &Scene, code: &mut Code) {
    let position = scene.word(crate::attack::Arg::OwnSlice);
    code.yields(scene.data << 12);
    code.call(Syscall::slice_free, &[position]);
    code.must(1, 0);
    code.hang();
}

fn request() -> transfer::Message {
    [0; 12]
}

fn dead(scene: &Scene) -> u32 {
    let Ok(bare) = Bare::start(scene, |scene, code| {
        entered_at(scene, code, 0);
        code.begin_here();
        code.call(Syscall::yield_to, &[ANY]);
        code.hang();
    }) else {
        return 99;
    };
    let slept = sleep().is_ok() && sleep().is_ok();
    bare.end();
    let gone = Err(Failure::Kernel(Error::NoSuchCall));
    first_wrong(&[
        slept,
        transfer::call(bare.env, &mut request()) == gone,
        transfer::send(bare.env, &request()) == Err(Error::NoSuchCall),
        process::yield_to(bare.env) == Err(Error::NoSuchCall),
        refused(sys::env_destroy(bare.env, 0), Error::BadName),
        refused(
            sys::page_alloc(u32::from(own().0) | 0x8000_0000),
            Error::BadName,
        ),
    ])
}

/// The callee destroys itself with the caller waiting: the caller goes on, and is told.
fn dying(scene: &Scene) -> u32 {
    let Ok(bare) = Bare::start(scene, |scene, code| {
        entered_at(scene, code, 0x800);
        code.begin_here();
        code.call(Syscall::yield_to, &[ANY]);
        code.hang();
        code.seek(0x800);
        code.end(7);
    }) else {
        return 99;
    };
    let slept = sleep().is_ok() && sleep().is_ok();
    let called = transfer::call(bare.env, &mut request());
    let end = PublicTable::open().map(|table| table.end(bare.env));
    first_wrong(&[
        slept,
        called == Err(Failure::Kernel(Error::NoSuchCall)),
        end == Ok(End::Exit(7)),
    ])
}

fn without_entries(scene: &Scene) -> u32 {
    let Ok(bare) = Bare::start(scene, |_, code| {
        code.begin_here();
        code.call(Syscall::yield_to, &[ANY]);
        code.hang();
    }) else {
        return 99;
    };
    let called = transfer::call(bare.env, &mut request());
    bare.end();
    first_wrong(&[called == Err(Failure::Kernel(Error::NoSuchCall))])
}

/// The callee never answers, has the caller's slices, and does what it wants in them. A parent that has another
/// slice, and control, gets everything back.
fn keeps(scene: &Scene) -> u32 {
    let Ok(second) = sys::slice_alloc(ANY) else {
        return 99;
    };
    let Ok(bare) = Bare::start(scene, |scene, code| {
        code.yields(scene.data << 12 | 0x40);
        entered_at(scene, code, 0x800);
        code.begin_here();
        code.call(Syscall::yield_to, &[ANY]);
        code.hang();
        code.seek(0x800);
        // A count of its own, and its end after some slices of its caller's.
        code.begin_here();
        code.li(A0, DATA);
        code.load(S1, A0, 0);
        code.add(S1, S1, 1);
        code.store(S1, A0, 0);
        code.li(V0, 5);
        code.branch(true, V0, S1, 0xc00);
        code.hang();
        code.seek(0xc00);
        code.end(5);
    }) else {
        return 98;
    };
    let slept = sleep().is_ok() && sleep().is_ok();
    let called = transfer::call(bare.env, &mut request());
    let Ok(table) = PublicTable::open() else {
        return 97;
    };
    let ours = table.slice(exos::abi::Position(second.0 as u8));
    first_wrong(&[
        slept,
        called == Err(Failure::Kernel(Error::NoSuchCall)),
        table.end(bare.env) == End::Exit(5),
        ours.owner == own().0 && ours.holder == own().0,
    ])
}

/// The callee is destroyed for a fault in its caller's slice: the slice is the caller's again.
fn dies(scene: &Scene) -> u32 {
    let Ok(bare) = Bare::start(scene, |scene, code| {
        entered_at(scene, code, 0x800);
        code.begin_here();
        code.call(Syscall::yield_to, &[ANY]);
        code.hang();
        code.seek(0x800);
        code.word(crate::code::BREAK);
    }) else {
        return 99;
    };
    let slept = sleep().is_ok() && sleep().is_ok();
    let called = transfer::call(bare.env, &mut request());
    let Ok(table) = PublicTable::open() else {
        return 97;
    };
    let own = own().0;
    let positions = (0..64).map(exos::abi::Position);
    let held = positions
        .map(|position| table.slice(position))
        .filter(|slice| slice.owner == own && slice.holder == own);
    let _ = vm::entry(0);
    first_wrong(&[
        slept,
        called == Err(Failure::Kernel(Error::NoSuchCall)),
        held.count() == 1,
        table.lives(EnvId(scene.victim as u8)),
    ])
}
