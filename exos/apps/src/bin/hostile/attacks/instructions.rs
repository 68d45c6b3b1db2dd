//! Instructions that user mode does not have, or not in this way.

use crate::attack::{Attack, Ends, How, attack};
use crate::code::{Code, NOP, SYSCALL, V0};
use crate::scene::Scene;
use exos::abi::layout::{acall_selector, scall_selector};
use exos::abi::{Cause, Error, Syscall};

const fn privileged(name: &'static str, word: u32) -> Attack {
    attack(name, How::Word(word), Ends::By(Cause::COPROCESSOR))
}

const fn reserved(name: &'static str, word: u32) -> Attack {
    attack(name, How::Word(word), Ends::By(Cause::RESERVED))
}

pub const ATTACKS: &[Attack] = &[
    // s0 is the register, a zero there would do the most harm.
    privileged("mfc0-status", 0x4010_6000),
    privileged("mfc0-epc", 0x4010_7000),
    privileged("mtc0-status", 0x4090_6000),
    privileged("mtc0-cause", 0x4090_6800),
    privileged("mtc0-epc", 0x4090_7000),
    privileged("mtc0-entryhi", 0x4090_5000),
    privileged("mtc0-entrylo", 0x4090_1000),
    privileged("mtc0-index", 0x4090_0000),
    privileged("mtc0-context", 0x4090_2000),
    privileged("cfc0", 0x4050_0000),
    privileged("ctc0", 0x40d0_0000),
    privileged("bc0f", 0x4100_0000),
    privileged("tlbr", 0x4200_0001),
    privileged("tlbwi", 0x4200_0002),
    privileged("tlbwr", 0x4200_0006),
    privileged("tlbp", 0x4200_0008),
    privileged("rfe", 0x4200_0010),
    privileged("cop0-nothing", 0x4200_003f),
    privileged("mfc1", 0x4410_0000),
    privileged("mtc1", 0x4490_0000),
    privileged("lwc1", 0xc400_2000),
    privileged("swc1", 0xe400_2000),
    privileged("mfc2", 0x4810_0000),
    privileged("mtc2", 0x4890_0000),
    privileged("lwc2", 0xc800_2000),
    privileged("swc2", 0xe800_2000),
    privileged("cop3", 0x4c00_0000),
    privileged("lwc3", 0xcc00_2000),
    privileged("swc3", 0xec00_2000),
    reserved("reserved-opcode", 0xfc00_2000),
    reserved("reserved-special", 0x0000_003f),
    reserved("reserved-64-bit-load", 0xdc00_2000),
    attack("break", How::Word(0x0000_000d), Ends::By(Cause::BREAKPOINT)),
    attack(
        "overflow-add",
        How::Code(overflow_add),
        Ends::By(Cause::OVERFLOW),
    ),
    attack(
        "overflow-addi",
        How::Code(overflow_addi),
        Ends::By(Cause::OVERFLOW),
    ),
    attack(
        "in-slot-of-stack-call",
        How::Code(in_slot),
        Ends::Refused(Error::InSlot),
    ),
    attack(
        "in-slot-of-primitive",
        How::Code(primitive_in_slot),
        Ends::Refused(Error::InSlot),
    ),
    attack(
        "in-slot-of-fast-call",
        How::Code(fast_in_slot),
        Ends::Status(0),
    ),
    attack(
        "in-slot-of-scall",
        How::Code(scall_in_slot),
        Ends::Refused(Error::NoSuchCall),
    ),
    attack(
        "in-slot-of-acall",
        How::Code(acall_in_slot),
        Ends::Refused(Error::NoSuchCall),
    ),
    attack(
        "coprocessor-1-taken-back",
        How::Code(taken_back),
        Ends::By(Cause::COPROCESSOR),
    ),
];

fn overflow_add(_: &Scene, code: &mut Code) {
    code.li(8, 0x7fff_ffff);
    code.li(9, 1);
    code.word(0x0109_8020); // add s0, t0, t1
    code.end(0);
}

fn overflow_addi(_: &Scene, code: &mut Code) {
    code.li(8, 0x7fff_ffff);
    code.word(0x2110_0001); // addi s0, t0, 1
    code.end(0);
}

/// A branch to what must not be reached, with a call in its slot; behind the slot is what must.
fn slot(code: &mut Code, selector: u32) {
    code.li(V0, selector);
    code.word(0x1000_0001 + 11); // b past the end below
    code.word(SYSCALL);
    code.end_with(V0);
    for _ in 0..4 {
        code.word(NOP);
    }
    code.end(0xbad);
}

fn in_slot(_: &Scene, code: &mut Code) {
    slot(code, Syscall::page_alloc.selector());
}

fn primitive_in_slot(_: &Scene, code: &mut Code) {
    slot(code, Syscall::fpu_modify.selector());
}

/// Comes round once more with the identifier as the selector: `env_self` of it, or a call that is none. Then the
/// branch is not taken.
fn fast_in_slot(_: &Scene, code: &mut Code) {
    code.li(V0, Syscall::env_self.selector());
    code.word(0x1000_0001 + 11);
    code.word(SYSCALL);
    code.end(0);
    for _ in 0..6 {
        code.word(NOP);
    }
    code.end(0xbad);
}

/// To nobody: refused, and its address comes round once more with the error as the selector, another nobody.
fn scall_in_slot(_: &Scene, code: &mut Code) {
    slot(code, scall_selector(95));
}

fn acall_in_slot(_: &Scene, code: &mut Code) {
    slot(code, acall_selector(95));
}

/// Coprocessor 1, taken and given back, and used.
fn taken_back(_: &Scene, code: &mut Code) {
    code.call(Syscall::fpu_modify, &[1]);
    code.must(1, 0);
    code.call(Syscall::fpu_modify, &[0]);
    code.must(2, 0);
    code.word(0x4490_0000); // mtc1
    code.end(0);
}
