//! Bytes to programs that are safe to run on the bare machine.
//!
//! Method: the bytes are decisions, read in order; when they run out, everything closes. The same bytes give
//! the same program on every target, since only the names of registers differ. Safe by construction: memory
//! is addressed from one pointer that is never overwritten, at constant offsets or masked indices
//! inside [`Memory`](super::engines::Memory), or in the frame; loops count down from a small
//! constant in a register of their own; calls go to one given function. At the end every value is stored
//! to memory, so that a wrong one is seen.

use alloc::vec::Vec;

use crate::op::{Align, Branch, Callee, Entry, Form, LIST, Offset, Op, Scale, Src};
use crate::{Assembler, Class, Error, Label, Local, Reg, Signature, Target, Ty};

/// Bytes of memory that loads and stores reach.
pub(super) const DATA: usize = 256;
/// Most values a program computes with, each stored in 8 bytes behind the data at its end.
pub(super) const VALUES: usize = 8;
/// Statements are nested this deep at most.
const MAX_DEPTH: u32 = 3;
/// Statements in one program at most.
const MAX_STATEMENTS: u32 = 400;
/// Numbers at which arithmetic goes wrong.
const CORNERS: [i64; 16] = [
    0,
    1,
    -1,
    2,
    31,
    32,
    63,
    64,
    0x7f,
    -0x80,
    0x7fff_ffff,
    -0x8000_0000,
    0xffff_ffff,
    0x8000_0000,
    i64::MAX,
    i64::MIN,
];

/// Code that this module made, and that therefore may be run.
#[derive(Debug)]
pub(crate) struct Generated<T>(T);

impl<T> Generated<T> {
    /// What was made.
    pub(crate) const fn code(&self) -> &T {
        &self.0
    }

    /// The same in another place: `f` must only move it.
    pub(super) fn moved<U>(self, f: impl FnOnce(T) -> U) -> Generated<U> {
        Generated(f(self.0))
    }
}

/// Emits the program that the bytes describe. Its parameters are a pointer to memory and two words; its
/// calls go to `callee`, a function of six words.
pub(super) fn emit<'a, T: Target>(
    asm: &'a mut Assembler<T>,
    bytes: &[u8],
    callee: u64,
) -> Result<Generated<T::Output<'a>>, Error> {
    let mut bytes = Bytes(bytes);
    let leaf = bytes.next().is_multiple_of(2);
    let signature = Signature {
        params: &[Ty::P, Ty::Ul, Ty::Ul],
        result: Some(Ty::Ul),
        leaf,
    };
    let params = asm.begin(&signature)?;
    let mut program = Program::open(asm, bytes, params, leaf, callee)?;
    program.block(0)?;
    program.close();
    asm.end().map(Generated)
}

/// Decisions; zeroes when they run out.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(u16::from_le_bytes([self.next(), self.next()])) % limit
    }

    fn word(&mut self) -> i64 {
        i64::from_le_bytes(core::array::from_fn(|_| self.next()))
    }
}

/// A program being emitted.
struct Program<'a, 'b, T> {
    asm: &'a mut Assembler<T>,
    bytes: Bytes<'b>,
    memory: Reg,
    /// Registers computed with; those from `temporaries` on are lost at calls.
    values: Vec<Reg>,
    temporaries: usize,
    scratch: Reg,
    counters: [Reg; 2],
    locals: [Local; 2],
    leaf: bool,
    callee: u64,
    statements: u32,
}

impl<'a, 'b, T: Target> Program<'a, 'b, T> {
    fn open(
        asm: &'a mut Assembler<T>,
        bytes: Bytes<'b>,
        [memory, x, y]: [Reg; 3],
        leaf: bool,
        callee: u64,
    ) -> Result<Self, Error> {
        let (persistent, temporary) = if leaf { (3, 3) } else { (1, 4) };
        let mut values = Vec::from([x, y]);
        for class in core::iter::repeat_n(Class::Persistent, persistent)
            .chain(core::iter::repeat_n(Class::Temporary, temporary))
        {
            values.push(asm.getreg(class)?);
        }
        let scratch = asm.getreg(Class::Temporary)?;
        let counters = [
            asm.getreg(Class::Persistent)?,
            asm.getreg(Class::Persistent)?,
        ];
        let locals = [asm.local(Ty::Ul)?, asm.local_block(24, 8)?];
        let temporaries = values.len() - temporary;
        let mut program = Self {
            asm,
            bytes,
            memory,
            values,
            temporaries,
            scratch,
            counters,
            locals,
            leaf,
            callee,
            statements: 0,
        };
        for at in 2..program.values.len() {
            let value = program.immediate();
            program.asm.setul(program.values[at], value);
        }
        for local in locals {
            program.asm.store_local(Ty::Ul, x, local);
        }
        Ok(program)
    }

    /// Statements until the bytes say so or run out.
    fn block(&mut self, depth: u32) -> Result<(), Error> {
        while !self.bytes.0.is_empty() && self.statements < MAX_STATEMENTS {
            self.statements += 1;
            match self.bytes.next() % 32 {
                0..=13 => self.computation(),
                14..=16 => self.load(),
                17..=19 => self.store(),
                20 => self.local(),
                21..=23 if depth < MAX_DEPTH => self.skip(depth)?,
                24 if depth < MAX_DEPTH => self.repeat(depth)?,
                25 if depth < MAX_DEPTH => self.table(depth)?,
                26 if !self.leaf => self.call(),
                27 if depth > 0 => self.early_return(),
                28..=30 if depth > 0 => return Ok(()),
                _ => self.computation(),
            }
        }
        Ok(())
    }

    /// Stores every value behind the data and returns the first.
    fn close(&mut self) {
        for (at, &value) in self.values.iter().enumerate() {
            self.asm.stul(value, self.memory, (DATA + 8 * at) as i32);
        }
        self.asm.retul(self.values[0]);
    }

    fn computation(&mut self) {
        let op = self.operation();
        self.asm.op(op);
    }

    fn operation(&mut self) -> Op {
        loop {
            let (d, a) = (self.value(), self.value());
            match self.entry().form {
                Form::Binary(op, ty) => break Op::Binary(op, ty, d, a, self.src()),
                Form::Unary(op, ty) => break Op::Unary(op, ty, d, a),
                Form::Convert(from, to) => break Op::Convert(from, to, d, a),
                Form::Set(ty) => break Op::Set(ty, d, self.immediate()),
                Form::CondMove(compare, ty) => {
                    break Op::CondMove(compare, ty, d, self.value(), a, self.src());
                }
                _ if self.bytes.0.is_empty() => break Op::Set(Ty::Ul, d, 0),
                _ => {}
            }
        }
    }

    fn load(&mut self) {
        let d = self.value();
        if let Form::Load(ty, align) = self.entry_where(|form| matches!(form, Form::Load(..))) {
            let offset = self.offset(ty, align);
            match self.bytes.next() % 4 {
                0 => self
                    .asm
                    .raw_load(Op::Load(ty, align, d, self.memory, offset), 0),
                _ => self.asm.op(Op::Load(ty, align, d, self.memory, offset)),
            }
        }
    }

    fn store(&mut self) {
        let a = self.value();
        if let Form::Store(ty, align) = self.entry_where(|form| matches!(form, Form::Store(..))) {
            let offset = self.offset(ty, align);
            self.asm.op(Op::Store(ty, align, a, self.memory, offset));
        }
    }

    /// An offset at which an access of the type lies inside the data, aligned if it must be.
    fn offset(&mut self, ty: Ty, align: Align) -> Offset {
        let bytes = ty.bytes(T::WORD_BITS) as usize;
        let step = if align == Align::Natural { bytes } else { 1 };
        match self.bytes.next() % 3 {
            0 => {
                // Index below 16, times 8 at most, leaves half of the data for the displacement.
                let index = self.value();
                self.asm.andul(self.scratch, index, 15);
                let (scale, factor) = [
                    (Scale::X1, 1),
                    (Scale::X2, 2),
                    (Scale::X4, 4),
                    (Scale::X8, 8),
                ][self.bytes.below(4)];
                if factor < step {
                    return Offset::Index(self.scratch, Scale::X8, 0);
                }
                let displacement = self.bytes.below((DATA / 2 - bytes) / step + 1) * step;
                Offset::Index(self.scratch, scale, displacement as i32)
            }
            _ => Offset::Imm((self.bytes.below((DATA - bytes) / step + 1) * step) as i32),
        }
    }

    fn local(&mut self) {
        let (value, local) = (self.value(), self.locals[self.bytes.below(2)]);
        match self.bytes.next() % 3 {
            0 => self.asm.store_local(Ty::Ul, value, local),
            1 => self.asm.load_local(Ty::Ul, value, local),
            _ => {
                self.asm.local_address(self.scratch, local);
                self.asm.ldul(value, self.scratch, 0);
            }
        }
    }

    /// A block that a branch may pass over.
    fn skip(&mut self, depth: u32) -> Result<(), Error> {
        let past = self.asm.label();
        let branch = self.branch_to(past);
        let slot = self.operation();
        if self.bytes.next().is_multiple_of(4) && !slot.writes().is_some_and(|d| branch.reads(d)) {
            self.asm.schedule_delay(branch, slot);
        } else {
            self.asm.branch(branch);
        }
        self.block(depth + 1)?;
        self.asm.bind(past);
        Ok(())
    }

    fn branch_to(&mut self, label: Label) -> Branch {
        match self.entry_where(|form| matches!(form, Form::Branch(..))) {
            Form::Branch(compare, ty) if !self.bytes.next().is_multiple_of(8) => {
                Branch::Compare(compare, ty, self.value(), self.src(), label)
            }
            _ => Branch::Jump(label),
        }
    }

    /// A block that runs one to four times.
    fn repeat(&mut self, depth: u32) -> Result<(), Error> {
        let Some(&counter) = self.counters.get(depth as usize) else {
            return Ok(());
        };
        self.asm.setu(counter, i64::from(1 + self.bytes.next() % 4));
        let again = self.asm.label();
        self.asm.bind(again);
        self.block(depth + 1)?;
        self.asm.subu(counter, counter, 1);
        self.asm.bneu(counter, 0, again);
        Ok(())
    }

    /// Up to three blocks of which an index chooses one, or none.
    fn table(&mut self, depth: u32) -> Result<(), Error> {
        let cases: Vec<Label> = (0..self.bytes.below(4)).map(|_| self.asm.label()).collect();
        let (past, index) = (self.asm.label(), self.value());
        if self.bytes.next().is_multiple_of(2) {
            self.asm.andu(self.scratch, index, 3);
            self.asm.jump_table(self.scratch, &cases);
        } else {
            self.asm.jump_table(index, &cases);
        }
        for case in cases {
            self.asm.jump(past);
            self.asm.bind(case);
            self.block(depth + 1)?;
        }
        self.asm.bind(past);
        Ok(())
    }

    fn call(&mut self) {
        let arguments: Vec<Src> = (0..6).map(|_| self.src()).collect();
        let result = self.value();
        let callee = if self.bytes.next().is_multiple_of(2) {
            Callee::Address(self.callee)
        } else {
            self.asm.setp(self.scratch, self.callee as i64);
            Callee::Reg(self.scratch)
        };
        let wanted = !self.bytes.next().is_multiple_of(4);
        self.asm.call(callee, &arguments, wanted.then_some(result));
        for at in self.temporaries..self.values.len() {
            if !wanted || self.values[at] != result {
                self.asm.movul(self.values[at], self.values[0]);
            }
        }
    }

    fn early_return(&mut self) {
        let a = self.src();
        match self.bytes.next() % 6 {
            0 => self.asm.reti(a),
            1 => self.asm.retu(a),
            2 => self.asm.retl(a),
            3 => self.asm.retul(a),
            4 => self.asm.retp(a),
            _ => self.close(),
        }
    }

    fn value(&mut self) -> Reg {
        let count = self.values.len();
        self.values[usize::from(self.bytes.next()) % count]
    }

    fn src(&mut self) -> Src {
        if self.bytes.next().is_multiple_of(3) {
            Src::Imm(self.immediate())
        } else {
            Src::Reg(self.value())
        }
    }

    fn immediate(&mut self) -> i64 {
        match self.bytes.next() % 4 {
            0 => CORNERS[self.bytes.below(CORNERS.len())],
            1 => i64::from(self.bytes.next() as i8),
            2 => self.bytes.word() >> 32,
            _ => self.bytes.word(),
        }
    }

    fn entry(&mut self) -> &'static Entry {
        &LIST[self.bytes.below(LIST.len())]
    }

    /// An entry of the wanted form, from a place in the list on.
    fn entry_where(&mut self, wanted: impl Fn(Form) -> bool) -> Form {
        let start = self.bytes.below(LIST.len());
        let form = LIST
            .iter()
            .cycle()
            .skip(start)
            .map(|entry| entry.form)
            .find(|&form| wanted(form));
        form.unwrap_or(Form::Control)
    }
}
