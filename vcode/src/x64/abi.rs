//! Registers, prologue, epilogue and calls on x86-64 under the System V convention.
//!
//! Problem: what must be saved is known only at the end of the function. Method: room for the longest
//! prologue is left at the start and filled from its end backwards, so that the entry point is the first
//! instruction needed; a leaf that saves nothing has none. `rax` and `rdx` are the backend's scratch.
//!
//! ```text
//! rsp + frame + 8·k   return address
//! rsp + frame         k saved registers: rbx, rbp, r12 … r15, those used
//! rsp                 locals, `frame` bytes
//! ```

use super::encode as x;
use crate::buffer::Window;
use crate::op::Src;
use crate::{Frame, Reg, Ty};

pub(super) const RAX: u8 = 0;
pub(super) const RCX: u8 = 1;
pub(super) const RDX: u8 = 2;
pub(super) const RSP: u8 = 4;
/// Where a callee's address waits while arguments are placed: r11.
pub(super) const CALLEE: u8 = 11;

/// Lost at calls; those whose encodings are short, first.
pub(super) const TEMPORARIES: &[Reg] = &[
    Reg::new(1),
    Reg::new(6),
    Reg::new(7),
    Reg::new(8),
    Reg::new(9),
    Reg::new(10),
    Reg::new(11),
];
/// Kept across calls.
pub(super) const PERSISTENTS: &[Reg] = &[
    Reg::new(3),
    Reg::new(5),
    Reg::new(12),
    Reg::new(13),
    Reg::new(14),
    Reg::new(15),
];
/// Where arguments are: rdi, rsi, rdx, rcx, r8, r9.
pub(super) const ARGUMENTS: [u8; 6] = [7, 6, 2, 1, 8, 9];
/// Bytes of the longest prologue: six pushes of two bytes, as dynasm encodes them, and `sub rsp, imm32`.
pub(super) const PROLOGUE: usize = 6 * 2 + 7;

/// Bytes to take from the stack for locals, so that calls find it aligned to 16.
fn stack_bytes(frame: &Frame) -> u32 {
    let pushed = 8 * (1 + frame.persistents.count_ones());
    if frame.leaf {
        return frame.locals.next_multiple_of(8);
    }
    (frame.locals + pushed).next_multiple_of(16) - pushed
}

/// Whether the function touches the stack at all.
pub(super) fn is_frameless(frame: &Frame) -> bool {
    frame.persistents == 0 && stack_bytes(frame) == 0
}

fn saved(frame: &Frame) -> impl DoubleEndedIterator<Item = u8> + use<> {
    let used = frame.persistents;
    PERSISTENTS
        .iter()
        .enumerate()
        .filter(move |(i, _)| used >> i & 1 == 1)
        .map(|(_, reg)| reg.number())
}

/// The instructions of the prologue.
pub(super) fn prologue(w: &mut Window<'_>, frame: &Frame) {
    saved(frame).for_each(|reg| x::push(w, reg));
    match stack_bytes(frame) {
        0 => {}
        bytes => x::sub_i(w, true, RSP, bytes as i32),
    }
}

/// The instructions of the epilogue, with the return.
pub(super) fn epilogue(w: &mut Window<'_>, frame: &Frame) {
    match stack_bytes(frame) {
        0 => {}
        bytes => x::add_i(w, true, RSP, bytes as i32),
    }
    saved(frame).rev().for_each(|reg| x::pop(w, reg));
    x::ret(w);
}

/// The moves from where parameters arrive to where the client finds them.
pub(super) fn receive(w: &mut Window<'_>, types: &[Ty], params: &[Reg]) {
    for ((ty, param), arrives) in types.iter().zip(params).zip(ARGUMENTS) {
        if param.number() != arrives {
            x::mov(w, ty.is_word(), param.number(), arrives);
        }
    }
}

/// Puts arguments where a call wants them, and a callee that is in a register into [`CALLEE`], as if all
/// at once. Uses `rax` to break cycles.
pub(super) fn pass(w: &mut Window<'_>, arguments: &[Src], callee: Option<Reg>) {
    let mut moves = [None; ARGUMENTS.len() + 1];
    let [callee_move, argument_moves @ ..] = &mut moves;
    *callee_move = callee.map(|from| (CALLEE, from.number()));
    for ((slot, argument), to) in argument_moves.iter_mut().zip(arguments).zip(ARGUMENTS) {
        if let Src::Reg(from) = argument {
            *slot = Some((to, from.number()));
        }
    }
    moves
        .iter_mut()
        .filter(|m| m.is_some_and(|(to, from)| to == from))
        .for_each(|m| *m = None);
    while let Some(pending) = moves.iter().position(Option::is_some) {
        let is_source = |to: u8| moves.iter().flatten().any(|&(_, from)| from == to);
        let free = moves
            .iter()
            .position(|m| m.is_some_and(|(to, _)| !is_source(to)));
        match free.and_then(|at| moves[at].take()) {
            Some((to, from)) => x::mov(w, true, to, from),
            None => break_cycle(w, &mut moves, pending),
        }
    }
}

/// Puts constant arguments where a call wants them.
pub(super) fn pass_constants(w: &mut Window<'_>, arguments: &[Src]) {
    for (argument, to) in arguments.iter().zip(ARGUMENTS) {
        if let Src::Imm(value) = *argument {
            x::mov_i(w, to, value as u64);
        }
    }
}

/// Every pending move's destination is another's source: free one by keeping it in `rax`.
fn break_cycle(w: &mut Window<'_>, moves: &mut [Option<(u8, u8)>], pending: usize) {
    let Some((to, _)) = moves[pending] else {
        return;
    };
    x::mov(w, true, RAX, to);
    for (_, from) in moves.iter_mut().flatten().filter(|(_, from)| *from == to) {
        *from = RAX;
    }
}
