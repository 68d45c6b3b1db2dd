//! Handlers and save areas that do no good: to the attacker alone.

use crate::attack::{Arg, Attack, Ends, How, attack};
use crate::code::{A0, BREAK, CODE, Code, DATA, NOP, S0, S1, V0};
use crate::scene::Scene;
use exos::abi::layout::{
    DEATH_EXCESS, ENTRY_DIRTY, ENTRY_SLICE_END, ENTRY_SLICE_START, ENTRY_VALID,
};
use exos::abi::{Cause, Error, Syscall};

const V: u32 = ENTRY_VALID;
const D: u32 = ENTRY_DIRTY;
const BREAKPOINT: u32 = 9;
/// Where a handler is, in the page of code.
const HANDLER: u32 = 0x800;
/// A second one.
const SECOND: u32 = 0x900;

const fn excess(name: &'static str, code: fn(&Scene, &mut Code)) -> Attack {
    attack(name, How::Code(code), Ends::For(DEATH_EXCESS))
}

pub const ATTACKS: &[Attack] = &[
    excess("never-yields", never_yields),
    excess("handler-loops", handler_loops),
    excess("handler-faults-at-once", faults_at_once),
    excess("handlers-fault-in-each-other", in_each_other),
    excess("slice-end-loops", slice_end_loops),
    excess("slice-end-faults-for-ever", slice_end_faults),
    excess("slice-end-without-save-area", without_save_area),
    excess("slice-end-calls-for-ever", slice_end_calls),
    excess("slice-end-into-itself", slice_end_into_itself),
    attack("slice-start-at-nothing", How::Code(no_start), Ends::Stays),
    attack(
        "slice-start-is-a-fault",
        How::Code(start_faults),
        Ends::By(Cause::BREAKPOINT),
    ),
    attack(
        "slice-end-is-a-fault",
        How::Code(end_faults),
        Ends::By(Cause::BREAKPOINT),
    ),
    attack(
        "fault-nobody-handles-in-handler",
        How::Code(unhandled),
        Ends::By(Cause::RESERVED),
    ),
    attack(
        "handler-taken-back",
        How::Code(taken_back),
        Ends::By(Cause::BREAKPOINT),
    ),
    attack(
        "handler-page-not-readable",
        How::Code(replaced),
        Ends::Status(0x600d),
    ),
    attack(
        "save-areas-are-one",
        How::Code(one_area),
        Ends::Status(0x600d),
    ),
    attack(
        "save-areas-overlap-data",
        How::Code(in_data),
        Ends::Status(0x600d),
    ),
    attack(
        "save-area-is-the-handler",
        How::Code(in_handler),
        Ends::Status(0x600d),
    ),
    attack(
        "save-area-at-end-of-page",
        How::Code(at_end),
        Ends::Status(0x600d),
    ),
    attack(
        "save-area-taken-while-handled",
        How::Code(while_handled),
        Ends::Refused(Error::Pinned),
    ),
    attack(
        "save-area-page-freed",
        How::Code(freed),
        Ends::Refused(Error::Pinned),
    ),
    attack(
        "save-area-page-given",
        How::Code(given),
        Ends::Refused(Error::Pinned),
    ),
    attack(
        "repossession-page-freed",
        How::Code(repossession),
        Ends::Refused(Error::Pinned),
    ),
    attack(
        "miss-handler-misses",
        How::Code(miss_misses),
        Ends::At(Cause::MISS_LOAD, Arg::Is(0x0070_0000)),
    ),
    attack(
        "kernel-address-in-handler",
        How::Code(kernel_in_handler),
        Ends::By(Cause::ADDRESS_LOAD),
    ),
    attack(
        "registers-at-exception",
        How::Code(registers),
        Ends::Status(0x600d),
    ),
];

fn never_yields(_: &Scene, code: &mut Code) {
    code.hang();
}

/// A handler for breakpoints that saves to the page of data.
fn handle(scene: &Scene, code: &mut Code, handler: u32) {
    code.handle(BREAKPOINT, scene.data << 12 | 0x100, CODE + handler);
}

fn handler_loops(scene: &Scene, code: &mut Code) {
    handle(scene, code, HANDLER);
    code.word(BREAK);
    code.seek(HANDLER);
    code.hang();
}

/// The processor never leaves the dispatch for more than one instruction of user mode.
fn faults_at_once(scene: &Scene, code: &mut Code) {
    handle(scene, code, HANDLER);
    code.word(BREAK);
    code.seek(HANDLER);
    code.word(BREAK);
}

fn in_each_other(scene: &Scene, code: &mut Code) {
    handle(scene, code, HANDLER);
    code.handle(10, scene.data << 12 | 0x200, CODE + SECOND);
    code.word(BREAK);
    code.seek(HANDLER);
    code.word(0xfc00_2000);
    code.seek(SECOND);
    code.word(BREAK);
}

/// Slices end at a place.
fn ends_at(scene: &Scene, code: &mut Code, place: u32) {
    code.call(Syscall::env_save_area, &[scene.own, 0, scene.data << 12]);
    code.call(
        Syscall::env_entry,
        &[scene.own, ENTRY_SLICE_END, CODE + place],
    );
}

fn slice_end_loops(scene: &Scene, code: &mut Code) {
    ends_at(scene, code, HANDLER);
    code.hang();
    code.seek(HANDLER);
    code.hang();
}

fn slice_end_faults(scene: &Scene, code: &mut Code) {
    ends_at(scene, code, HANDLER);
    handle(scene, code, SECOND);
    code.hang();
    code.seek(HANDLER);
    code.word(BREAK);
    code.seek(SECOND);
    code.go(HANDLER);
}

fn without_save_area(scene: &Scene, code: &mut Code) {
    code.call(
        Syscall::env_entry,
        &[scene.own, ENTRY_SLICE_END, CODE + HANDLER],
    );
    code.hang();
    code.seek(HANDLER);
    code.end(0xbad);
}

/// It is on the kernel's time, but it is its own.
fn slice_end_calls(scene: &Scene, code: &mut Code) {
    ends_at(scene, code, HANDLER);
    code.hang();
    code.seek(HANDLER);
    code.call(Syscall::page_alloc, &[0]);
    code.go(HANDLER);
}

/// Goes on where it was, as if nothing had been.
fn slice_end_into_itself(scene: &Scene, code: &mut Code) {
    ends_at(scene, code, HANDLER);
    code.hang();
    code.seek(HANDLER);
    code.jump(8);
}

/// Without a beginning it has no slices; it keeps nobody else from theirs.
fn no_start(scene: &Scene, code: &mut Code) {
    code.call(Syscall::env_entry, &[scene.own, ENTRY_SLICE_START, 0]);
    code.call(Syscall::yield_to, &[u32::MAX]);
    code.hang();
}

fn start_faults(scene: &Scene, code: &mut Code) {
    code.call(
        Syscall::env_entry,
        &[scene.own, ENTRY_SLICE_START, CODE + HANDLER],
    );
    code.call(Syscall::yield_to, &[u32::MAX]);
    code.hang();
    code.seek(HANDLER);
    code.word(BREAK);
}

fn end_faults(scene: &Scene, code: &mut Code) {
    ends_at(scene, code, HANDLER);
    code.hang();
    code.seek(HANDLER);
    code.word(BREAK);
}

fn unhandled(scene: &Scene, code: &mut Code) {
    handle(scene, code, HANDLER);
    code.word(BREAK);
    code.seek(HANDLER);
    code.word(0xfc00_2000);
    code.hang();
}

fn taken_back(scene: &Scene, code: &mut Code) {
    handle(scene, code, HANDLER);
    code.call(Syscall::env_handler, &[scene.own, BREAKPOINT, 0]);
    code.must(1, 0);
    code.word(BREAK);
    code.seek(HANDLER);
    code.end(0xbad);
}

/// The page that the handler lies in is replaced by another of its own: what is there then is what runs.
fn replaced(scene: &Scene, code: &mut Code) {
    // A copy of the handler, in the page of data.
    code.li(A0, DATA + HANDLER);
    code.li(S0, 0x3410_600d); // ori s0, zero, 0x600d
    code.store(S0, A0, 0);
    code.li(S0, 0x0800_0000 | (CODE + SECOND) >> 2); // j
    code.store(S0, A0, 4);
    code.store(0, A0, 8);
    code.call(Syscall::page_code, &[scene.data]);
    code.call(
        Syscall::env_guarantee,
        &[scene.own, 0x9000, scene.code << 12 | V],
    );
    code.handle(BREAKPOINT, scene.data << 12, 0x9000 + HANDLER);
    code.call(
        Syscall::env_guarantee,
        &[scene.own, 0x9000, scene.data << 12 | V],
    );
    code.must(1, 0);
    code.word(BREAK);
    code.seek(HANDLER);
    code.end(0xbad);
    code.seek(SECOND);
    code.end_with(S0);
}

/// All causes save to one place; an exception in a handler finds there what it is told.
fn one_area(scene: &Scene, code: &mut Code) {
    handle(scene, code, HANDLER);
    code.handle(10, scene.data << 12 | 0x100, CODE + SECOND);
    code.li(8, 0x1111);
    code.word(BREAK);
    code.seek(HANDLER);
    code.li(8, 0x600d);
    code.word(0xfc00_2000);
    code.seek(SECOND);
    code.li(A0, DATA + 0x100);
    code.load(S0, A0, 0);
    code.end_with(S0);
}

/// What it has at the save area is overwritten, what is next to it is not.
fn in_data(scene: &Scene, code: &mut Code) {
    code.handle(BREAKPOINT, scene.data << 12 | 0x110, CODE + HANDLER);
    code.li(A0, DATA + 0x100);
    code.li(S0, 0x600d);
    code.store(S0, A0, 0xc);
    code.store(S0, A0, 0x1c);
    code.store(S0, A0, 0x20);
    code.word(BREAK);
    code.seek(HANDLER);
    code.li(A0, DATA + 0x100);
    for (step, offset) in (1..).zip([0xc, 0x1c, 0x20]) {
        code.load(V0, A0, offset);
        code.must(step, 0x600d);
        code.li(A0, DATA + 0x100);
    }
    code.end(0x600d);
}

/// The handler's first three instructions are what three registers hold: nothing.
fn in_handler(scene: &Scene, code: &mut Code) {
    code.handle(BREAKPOINT, scene.code << 12 | HANDLER, CODE + HANDLER);
    for register in 8..11 {
        code.li(register, NOP);
    }
    code.word(BREAK);
    code.seek(HANDLER + 16);
    code.end(0x600d);
}

fn at_end(scene: &Scene, code: &mut Code) {
    code.handle(BREAKPOINT, scene.data << 12 | 0xff0, CODE + HANDLER);
    code.must(1, 0);
    code.li(8, 0x600d);
    code.word(BREAK);
    code.seek(HANDLER);
    code.li(A0, DATA + 0xff0);
    code.load(S0, A0, 0);
    code.end_with(S0);
}

fn while_handled(scene: &Scene, code: &mut Code) {
    handle(scene, code, HANDLER);
    code.call(Syscall::env_save_area, &[scene.own, BREAKPOINT, 0]);
    code.end_with(V0);
}

/// A page of its own that is a save area and nothing else, and what `s0` is its number of.
fn save_page(scene: &Scene, code: &mut Code) {
    code.call(Syscall::page_alloc, &[u32::MAX]);
    code.copy(S0, V0);
    code.word(S0 << 16 | 6 << 11 | 12 << 6); // sll a2, s0, 12
    code.li(A0, scene.own);
    code.li(5, BREAKPOINT);
    code.li(V0, Syscall::env_save_area.selector());
    code.word(crate::code::SYSCALL);
    code.must(1, 0);
    code.copy(A0, S0);
}

fn freed(scene: &Scene, code: &mut Code) {
    save_page(scene, code);
    code.li(V0, Syscall::page_free.selector());
    code.word(crate::code::SYSCALL);
    code.end_with(V0);
}

fn given(scene: &Scene, code: &mut Code) {
    save_page(scene, code);
    code.li(5, scene.parent);
    code.li(V0, Syscall::page_give.selector());
    code.word(crate::code::SYSCALL);
    code.end_with(V0);
}

fn repossession(scene: &Scene, code: &mut Code) {
    code.call(Syscall::page_alloc, &[u32::MAX]);
    code.copy(S0, V0);
    code.word(S0 << 16 | 5 << 11 | 12 << 6); // sll a1, s0, 12
    code.li(A0, scene.own);
    code.li(V0, Syscall::env_repossession.selector());
    code.word(crate::code::SYSCALL);
    code.must(1, 0);
    code.copy(A0, S0);
    code.li(V0, Syscall::page_free.selector());
    code.word(crate::code::SYSCALL);
    code.end_with(V0);
}

/// The handler of misses takes itself away, and misses.
fn miss_misses(scene: &Scene, code: &mut Code) {
    code.handle(2, scene.data << 12 | 0x100, CODE + HANDLER);
    code.li(A0, 0x0060_0000);
    code.load(S0, A0, 0);
    code.end(0xbad);
    code.seek(HANDLER);
    code.call(Syscall::env_handler, &[scene.own, 2, 0]);
    code.li(A0, 0x0070_0000);
    code.load(S0, A0, 0);
    code.end(0xbad);
}

fn kernel_in_handler(scene: &Scene, code: &mut Code) {
    handle(scene, code, HANDLER);
    code.word(BREAK);
    code.seek(HANDLER);
    code.li(A0, 0xffff_f000);
    code.load(S0, A0, 0);
    code.end(0xbad);
}

/// Nothing of the kernel's is in a register when a handler begins: k1 is the handler's own address, k0 its save
/// area's.
fn registers(scene: &Scene, code: &mut Code) {
    handle(scene, code, HANDLER);
    code.li(A0, DATA);
    code.li(S1, V | D);
    code.word(BREAK);
    code.seek(HANDLER);
    code.copy(V0, 27);
    code.must(1, CODE + HANDLER);
    code.end(0x600d);
}
