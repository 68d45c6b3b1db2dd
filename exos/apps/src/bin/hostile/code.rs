//! An assembler of a few instructions, for attackers that are nothing but machine code.
//!
//! Problem: a program of the library operating system faults, calls and resumes as that library does; an attacker
//! does not. Method: words, one page of them, put together here at run time for an environment that has nothing
//! else. Registers are by number. Every load has its delay slot filled, so what such code does is the same on every
//! machine.

use exos::abi::Syscall;
use exos::abi::layout::{ANY, ENTRY_SLICE_END, ENTRY_SLICE_START};

/// Where the code is mapped, and entered at the beginning of its first slice.
pub const CODE: u32 = 0x1000;
/// Where a page to write to is mapped.
pub const DATA: u32 = 0x2000;

/// Results.
pub const V0: u32 = 2;
/// The first argument; the others follow.
pub const A0: u32 = 4;
/// The second argument.
const A1: u32 = 5;
/// A temporary that calls on the stack lose.
const T0: u32 = 8;
/// The first argument of a primitive.
const T1: u32 = 9;
/// The first of those that calls keep.
pub const S0: u32 = 16;
/// The second.
pub const S1: u32 = 17;
/// The third.
pub const S2: u32 = 18;

/// `syscall`.
pub const SYSCALL: u32 = 0x0000_000c;
/// `break`.
pub const BREAK: u32 = 0x0000_000d;
/// `nop`.
pub const NOP: u32 = 0;

/// Words of a page.
const WORDS: usize = 1024;

/// A page of code.
pub struct Code {
    words: [u32; WORDS],
    at: usize,
    own: u32,
}

impl Code {
    /// An empty page of the environment of a number.
    pub fn new(own: u32) -> Self {
        Code {
            words: [NOP; WORDS],
            at: 0,
            own,
        }
    }

    /// All its words.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// The address of what comes next.
    pub fn here(&self) -> u32 {
        CODE + 4 * self.at as u32
    }

    /// Goes on at a place of the page, in bytes.
    pub fn seek(&mut self, offset: u32) {
        self.at = offset as usize / 4;
    }

    /// A word.
    pub fn word(&mut self, word: u32) {
        if let Some(place) = self.words.get_mut(self.at) {
            *place = word;
        }
        self.at += 1;
    }

    /// Loads a constant: two instructions.
    pub fn li(&mut self, register: u32, value: u32) {
        self.word(0x3c00_0000 | register << 16 | value >> 16);
        self.word(0x3400_0000 | register << 21 | register << 16 | value & 0xffff);
    }

    /// Copies a register.
    pub fn copy(&mut self, to: u32, from: u32) {
        self.word(from << 21 | to << 11 | 0x21);
    }

    /// `addiu`.
    pub fn add(&mut self, to: u32, from: u32, value: i16) {
        self.word(0x2400_0000 | from << 21 | to << 16 | u32::from(value as u16));
    }

    /// `lw`, and its delay slot.
    pub fn load(&mut self, to: u32, base: u32, offset: u16) {
        self.word(0x8c00_0000 | base << 21 | to << 16 | u32::from(offset));
        self.word(NOP);
    }

    /// `sw`.
    pub fn store(&mut self, from: u32, base: u32, offset: u16) {
        self.word(0xac00_0000 | base << 21 | from << 16 | u32::from(offset));
    }

    /// `jr`, and its delay slot.
    pub fn jump(&mut self, register: u32) {
        self.word(register << 21 | 8);
        self.word(NOP);
    }

    /// Goes to a place of the page, in bytes.
    pub fn go(&mut self, offset: u32) {
        self.word(0x0800_0000 | (CODE + offset) >> 2);
        self.word(NOP);
    }

    /// Goes there unless two registers are the same; or if they are.
    pub fn branch(&mut self, equal: bool, one: u32, other: u32, offset: u32) {
        let distance = (offset as i32 / 4) - (self.at as i32 + 1);
        let operation = if equal { 0x1000_0000 } else { 0x1400_0000 };
        self.word(operation | one << 21 | other << 16 | distance as u32 & 0xffff);
        self.word(NOP);
    }

    /// For ever nothing.
    pub fn hang(&mut self) {
        self.word(0x1000_ffff);
        self.word(NOP);
    }

    /// A call with a selector, and arguments where calls of its kind have them.
    pub fn select(&mut self, selector: u32, primitive: bool, arguments: &[u32]) {
        let first = if primitive { T1 } else { A0 };
        for (register, argument) in (first..).zip(arguments) {
            self.li(register, *argument);
        }
        self.li(V0, selector);
        self.word(SYSCALL);
    }

    /// A call.
    pub fn call(&mut self, call: Syscall, arguments: &[u32]) {
        self.select(call.selector(), is_primitive(call), arguments);
    }

    /// Ends with what is in a register as the status.
    pub fn end_with(&mut self, register: u32) {
        self.copy(A1, register);
        self.li(A0, self.own);
        self.li(V0, Syscall::env_destroy.selector());
        self.word(SYSCALL);
        self.hang();
    }

    /// Ends with a status.
    pub fn end(&mut self, status: u32) {
        self.li(S0, status);
        self.end_with(S0);
    }

    /// Ends with a step's number, with bit 31 set, unless `v0` is what it must be.
    pub fn must(&mut self, step: u32, value: u32) {
        self.li(T0, value);
        let past = 4 * (self.at as u32 + 2 + END_WORDS);
        self.branch(true, V0, T0, past);
        self.end(step | WRONG);
    }

    /// From now on slices begin behind this.
    pub fn begin_here(&mut self) {
        let next = self.here() + 4 * CALL_OF_3_WORDS;
        let own = self.own;
        self.call(Syscall::env_entry, &[own, ENTRY_SLICE_START, next]);
    }

    /// Yields at the end of its slices, where nothing of it is left but memory; three registers go to the
    /// physical address `save`.
    pub fn yields(&mut self, save: u32) {
        let own = self.own;
        self.call(Syscall::env_save_area, &[own, 0, save]);
        self.call(Syscall::env_entry, &[own, ENTRY_SLICE_END, CODE + YIELD]);
        let at = core::mem::replace(&mut self.at, YIELD as usize / 4);
        self.call(Syscall::yield_to, &[ANY]);
        self.hang();
        self.at = at;
    }

    /// Makes a page a handler's: a save area for a cause in it, and the handler's address.
    pub fn handle(&mut self, cause: u32, save: u32, handler: u32) {
        self.call(Syscall::env_save_area, &[self.own, cause, save]);
        self.call(Syscall::env_handler, &[self.own, cause, handler]);
    }
}

/// Set in the status of a step that went wrong.
pub const WRONG: u32 = 0x8000_0000;
/// Words of a call with three arguments.
const CALL_OF_3_WORDS: u32 = 9;
/// Where the code is that yields, in bytes.
const YIELD: u32 = 0xf80;
/// Words of [`Code::end`].
const END_WORDS: u32 = 10;

/// Whether arguments go to `t1` and `t2`.
pub fn is_primitive(call: Syscall) -> bool {
    matches!(
        call,
        Syscall::tlb_write
            | Syscall::tlb_delete
            | Syscall::tlb_write_many
            | Syscall::tlb_delete_many
            | Syscall::fpu_modify
            | Syscall::context_switch
    )
}
