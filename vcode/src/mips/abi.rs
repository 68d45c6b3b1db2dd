//! Registers, prologue, epilogue and calls under the o32 convention.
//!
//! Problem: what must be saved is known only at the end of the function. Method: room for the longest
//! prologue is left at the start and filled from its end backwards, so that the entry is the first
//! instruction needed; a leaf that saves nothing and has no locals has none. `at` and `v0` are the backend's scratch;
//! `gp`, `k0` and `k1` are left alone, and `fp` is one more saved register.
//!
//! ```text
//! old sp + 16   parameters 4 and 5
//! old sp        home of parameters 0 to 3, never used
//!               ra, then s0 … fp, those used
//! sp + 24       locals
//! sp            arguments of calls: six words
//! ```
//!
//! Callees are code that is not position-independent: `t9` is not theirs by right.

use super::encode as m;
use super::select::constant;
use super::words::{Words, bit};
use crate::op::Src;
use crate::{Frame, Reg};

pub(super) const ZERO: u8 = 0;
pub(super) const AT: u8 = 1;
pub(super) const V0: u8 = 2;
pub(super) const SP: u8 = 29;
pub(super) const RA: u8 = 31;

/// Lost at calls: v1, t0 … t9, and the argument registers, which parameters may want, last.
pub(super) const TEMPORARIES: &[Reg] = &[
    Reg::new(3),
    Reg::new(8),
    Reg::new(9),
    Reg::new(10),
    Reg::new(11),
    Reg::new(12),
    Reg::new(13),
    Reg::new(14),
    Reg::new(15),
    Reg::new(24),
    Reg::new(25),
    Reg::new(7),
    Reg::new(6),
    Reg::new(5),
    Reg::new(4),
];
/// Kept across calls: s0 … s7, fp.
pub(super) const PERSISTENTS: &[Reg] = &[
    Reg::new(16),
    Reg::new(17),
    Reg::new(18),
    Reg::new(19),
    Reg::new(20),
    Reg::new(21),
    Reg::new(22),
    Reg::new(23),
    Reg::new(30),
];
/// Where the first arguments are: a0 … a3.
pub(super) const ARGUMENTS: [u8; 4] = [4, 5, 6, 7];
/// The most arguments.
pub(super) const MAX_ARGUMENTS: usize = 6;
/// Bytes below the locals: what callees get.
pub(super) const LOCALS: i32 = 24;
/// Words of the longest prologue: the stack in two steps of one and three, ten registers, two parameters.
pub(super) const PROLOGUE: usize = 16;
/// The largest frame taken in one step: its end is within reach of `sp`, and of parameters beyond.
const MAX_STEP: i32 = 0x7fc0;

/// What a function takes from the stack.
struct Stack {
    /// Bytes taken before registers are saved.
    first: i32,
    /// Bytes taken after.
    second: u32,
    /// Registers saved.
    saved: u32,
}

impl Stack {
    fn of(frame: &Frame) -> Self {
        let mut saved = if frame.leaf { 0 } else { bit(RA) };
        for (at, reg) in PERSISTENTS.iter().enumerate() {
            if frame.persistents >> at & 1 == 1 {
                saved |= bit(reg.number());
            }
        }
        let save_bytes = (4 * saved.count_ones()).next_multiple_of(8) as i32;
        let below = if frame.leaf && frame.locals == 0 {
            0
        } else {
            LOCALS as u32 + frame.locals.next_multiple_of(8)
        };
        let whole = below as i32 + save_bytes;
        if whole <= MAX_STEP {
            return Self {
                first: whole,
                second: 0,
                saved,
            };
        }
        Self {
            first: save_bytes,
            second: below,
            saved,
        }
    }

    /// The saved registers, each with its offset, from the top.
    fn saves(&self) -> impl Iterator<Item = (u8, i16)> + use<> {
        let (saved, first) = (self.saved, self.first);
        let registers = (0..32_u8).rev().filter(move |&r| saved & bit(r) != 0);
        registers
            .zip(1..)
            .map(move |(register, at)| (register, (first - 4 * at) as i16))
    }
}

/// Whether the function leaves the stack alone.
pub(super) const fn is_frameless(frame: &Frame) -> bool {
    frame.leaf && frame.persistents == 0 && frame.locals == 0
}

/// The instructions of a prologue or epilogue.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    words: [u32; PROLOGUE],
    len: usize,
}

impl Sequence {
    fn push(&mut self, word: u32) {
        if let Some(place) = self.words.get_mut(self.len) {
            *place = word;
            self.len += 1;
        }
    }

    /// The instructions, first to last.
    pub(super) fn words(&self) -> &[u32] {
        &self.words[..self.len]
    }

    /// The prologue. `params` are the registers of parameters that come on the stack.
    pub(super) fn prologue(frame: &Frame, params: &[Reg]) -> Self {
        let (stack, mut words) = (Stack::of(frame), Self::default());
        if stack.first != 0 {
            words.push(m::addiu(SP, SP, -stack.first as i16));
        }
        for (register, offset) in stack.saves() {
            words.push(m::sw(register, offset, SP));
        }
        for (param, at) in params.iter().zip(0..) {
            let offset = stack.first + 4 * (ARGUMENTS.len() as i32 + at);
            words.push(m::lw(param.number(), offset as i16, SP));
        }
        if stack.second != 0 {
            constant(AT, stack.second).for_each(|word| words.push(word));
            words.push(m::subu(SP, SP, AT));
        }
        words
    }

    /// The epilogue, with the return. The return address is loaded first, so that another instruction is
    /// between that and the jump.
    pub(super) fn epilogue(frame: &Frame) -> Self {
        let (stack, mut words) = (Stack::of(frame), Self::default());
        if stack.second != 0 {
            constant(AT, stack.second).for_each(|word| words.push(word));
            words.push(m::addu(SP, SP, AT));
        }
        for (register, offset) in stack.saves() {
            words.push(m::lw(register, offset, SP));
        }
        if stack.saved == bit(RA) {
            words.push(m::NOP);
        }
        words.push(m::jr(RA));
        words.push(match stack.first {
            0 => m::NOP,
            bytes => m::addiu(SP, SP, bytes as i16),
        });
        words
    }
}

impl<const WORDS: usize> Words<'_, WORDS> {
    /// Puts arguments where a call wants them.
    pub(super) fn pass(&mut self, arguments: &[Src]) {
        let offsets = (16..).step_by(4);
        for (&argument, offset) in arguments.iter().skip(ARGUMENTS.len()).zip(offsets) {
            match argument {
                Src::Reg(from) => {
                    let from = from.number();
                    self.alone(bit(from), 0, m::sw(from, offset, SP));
                }
                Src::Imm(value) => {
                    let from = self.constant_register(value as u32);
                    self.fixed(0, m::sw(from, offset, SP));
                }
            }
        }
        self.pass_registers(arguments);
        for (argument, to) in arguments.iter().zip(ARGUMENTS) {
            if let Src::Imm(value) = *argument {
                self.set(to, value as u32);
            }
        }
    }

    /// Moves register arguments as if all at once; `at` breaks cycles.
    fn pass_registers(&mut self, arguments: &[Src]) {
        let mut moves = [None; ARGUMENTS.len()];
        for ((slot, argument), to) in moves.iter_mut().zip(arguments).zip(ARGUMENTS) {
            if let Src::Reg(from) = argument {
                *slot = Some((to, from.number())).filter(|(to, from)| to != from);
            }
        }
        while let Some(pending) = moves.iter().position(Option::is_some) {
            let is_source = |to: u8| moves.iter().flatten().any(|&(_, from)| from == to);
            let free = moves
                .iter()
                .position(|m| m.is_some_and(|(to, _)| !is_source(to)));
            if let Some((to, from)) = free.and_then(|at| moves[at].take()) {
                self.copy(to, from);
                continue;
            }
            // Every destination is another's source: free one.
            if let Some((to, _)) = moves[pending] {
                self.fixed(bit(to), m::addu(AT, to, ZERO));
                for (_, from) in moves.iter_mut().flatten().filter(|(_, from)| *from == to) {
                    *from = AT;
                }
            }
        }
    }
}
