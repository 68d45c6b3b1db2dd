//! Calls without end, with whatever is in the registers.
//!
//! The numbers of calls and transfers are drawn, and the arguments are drawn from words that mean something to the
//! kernel, or are any. An attacker may end itself, lose its slice or make others its heirs; the kernel and the
//! bystanders must be what they were.

use crate::attack::{Attack, Ends, How, attack};
use crate::code::{A0, CODE, Code, DATA, S0, S1, S2, SYSCALL, V0};
use crate::scene::Scene;
use exos::abi::Capability;
use exos::abi::layout::{ANY, ENTRY_DIRTY, ENTRY_VALID};
use exos::abi::{PageNo, Rights, Syscall};

pub const ATTACKS: &[Attack] = &[
    attack("storm-of-calls", How::Code(calls), Ends::Any),
    attack("storm-of-calls-2", How::Code(calls_2), Ends::Any),
    attack("storm-of-calls-3", How::Code(calls_3), Ends::Any),
    attack("storm-of-primitives", How::Code(primitives), Ends::Any),
    attack("storm-of-transfers", How::Code(transfers), Ends::Any),
    attack("storm-of-anything", How::Code(anything), Ends::Any),
    attack("storm-of-null-calls", How::Code(null), Ends::Status(0)),
];

/// Where the seed is kept, in the page of data: slices begin with empty registers.
const SEED: u16 = 0xf00;
/// Where the calls are counted.
const COUNT: u16 = 0xf04;
/// Words that arguments are drawn from.
const WORDS: u32 = 64;
/// Calls of a storm.
const CALLS: u32 = 4000;

fn calls(scene: &Scene, code: &mut Code) {
    storm(scene, code, 1, 0, 38);
}

fn calls_2(scene: &Scene, code: &mut Code) {
    storm(scene, code, 0x1234_5677, 0, 38);
}

fn calls_3(scene: &Scene, code: &mut Code) {
    storm(scene, code, 0x0bad_cafe, 0, 38);
}

fn primitives(scene: &Scene, code: &mut Code) {
    storm(scene, code, 5, 10, 6);
}

fn transfers(scene: &Scene, code: &mut Code) {
    storm(scene, code, 7, 64, 192);
}

fn anything(scene: &Scene, code: &mut Code) {
    storm(scene, code, 9, 0, 256);
}

fn words(scene: &Scene) -> [u32; 32] {
    let name = Capability::page_name(PageNo(scene.shared as u16), Rights::READ);
    let (code, data) = (scene.code, scene.data);
    let valid = ENTRY_VALID | ENTRY_DIRTY;
    [
        0,
        1,
        2,
        3,
        9,
        16,
        scene.own,
        scene.own,
        scene.own,
        code,
        data,
        data + 1,
        scene.home,
        scene.victim_page,
        code << 12,
        data << 12,
        data << 12 | 0x400,
        data << 12 | 0xffc,
        data << 12 | valid,
        code << 12 | ENTRY_VALID,
        scene.victim_page << 12 | ENTRY_VALID,
        CODE,
        DATA,
        0x0040_0000,
        0x7fff_f000,
        0x8000_0000,
        0xffff_f000,
        ANY,
        name,
        scene.high,
        scene.low,
        0x80,
    ]
}

/// A loop that draws a number of `count` from `first` on, and all arguments, and calls.
fn storm(scene: &Scene, code: &mut Code, seed: u32, first: u32, count: u32) {
    code.yields(scene.data << 12 | 0x800);
    code.li(A0, DATA);
    for (offset, word) in (0..).step_by(4).zip(words(scene)) {
        code.li(S0, word);
        code.store(S0, A0, offset);
        code.store(S0, A0, offset + 4 * WORDS as u16 / 2);
    }
    code.li(S0, seed);
    code.store(S0, A0, SEED);
    for entry in [0, 1] {
        code.call(Syscall::env_entry, &[scene.own, entry, CODE + 0x600]);
    }
    code.begin_here();
    code.go(0x600);
    code.seek(0x600);
    let again = 0x600;
    code.li(16, DATA);
    // s1 is drawn anew: s1 * 1664525 + 1013904223, for each use its upper bits.
    code.load(S1, S0, SEED);
    code.load(S2, S0, COUNT);
    code.add(S2, S2, 1);
    code.store(S2, S0, COUNT);
    code.li(V0, CALLS);
    code.branch(true, S2, V0, 0xf00);
    for register in [4, 5, 6, 7, 9, 10, 3] {
        draw(code);
        code.word(S1 << 16 | 8 << 11 | 24 << 6 | 2); // srl t0, s1, 24
        code.word(0x3000_0000 | 8 << 21 | 8 << 16 | 0xfc); // andi t0, t0, 0xfc
        code.word(S0 << 21 | 8 << 16 | 8 << 11 | 0x21); // addu t0, s0, t0
        code.load(register, 8, 0);
        // One in eight is any word.
        code.word(0x3000_0000 | S1 << 21 | 8 << 16 | 0x7000); // andi t0, s1, 0x7000
        let past = code.here() - CODE + 12;
        code.branch(false, 8, 0, past);
        code.copy(register, S1);
    }
    draw(code);
    code.word(S1 << 16 | V0 << 11 | 8 << 6 | 2); // srl v0, s1, 8
    code.li(8, count);
    code.word(V0 << 21 | 8 << 16 | 0x1b); // divu v0, t0
    code.word(0x10 | V0 << 11); // mfhi v0
    code.word(crate::code::NOP);
    code.word(crate::code::NOP);
    code.add(V0, V0, first as i16);
    code.word(V0 << 16 | V0 << 11 | 4 << 6); // sll v0, v0, 4
    code.store(S1, S0, SEED);
    code.word(SYSCALL);
    code.go(again);
    code.seek(0xf00);
    code.end(0);
}

/// `s1` becomes the next of its row.
fn draw(code: &mut Code) {
    code.li(8, 1_664_525);
    code.word(S1 << 21 | 8 << 16 | 0x19); // multu s1, t0
    code.word(0x12 | S1 << 11); // mflo s1
    code.li(8, 1_013_904_223);
    code.word(S1 << 21 | 8 << 16 | S1 << 11 | 0x21); // addu s1, s1, t0
}

/// The null call, over and over.
fn null(_: &Scene, code: &mut Code) {
    code.li(S0, 20_000);
    let again = code.here() - CODE;
    code.li(V0, Syscall::env_self.selector());
    code.word(SYSCALL);
    code.add(S0, S0, -1);
    code.branch(false, S0, 0, again);
    code.end(0);
}
