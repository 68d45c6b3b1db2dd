//! x86-64: portable instructions to machine code, in place.
//!
//! Problem: three-operand instructions on a two-operand machine whose division, multiplication and shifts
//! have fixed registers. Method: each portable instruction becomes one to three machine instructions
//! chosen by which operands coincide; `rax` and `rdx` are never handed out and serve as scratch.
//! Branches are 32-bit relative and patched at the end; jump tables lie behind the code, relative to
//! themselves, so that code may be copied anywhere. Left out: short branches, and any peephole.

mod abi;
#[expect(
    clippy::useless_conversion,
    reason = "dynasm converts register numbers that are bytes already"
)]
mod encode;
mod select;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use self::abi::{RAX, RDX};
use self::encode::{self as x, Condition};
use crate::buffer::{CodeBuffer, Window};
use crate::op::{Align, Binary, Callee, Compare, Offset, Src, Unary};
use crate::{Error, ErrorKind, Frame, Label, Reg, Signature, Target, Ty};

/// The most bytes of code that one function may have by default.
pub const MAX_CODE: usize = 16 << 20;
/// The most labels in one jump table.
pub const MAX_TABLE: usize = 1 << 16;

/// The x86-64 backend, System V convention.
#[derive(Debug)]
pub struct X64 {
    buffer: CodeBuffer,
    returns: Vec<u32>,
    tables: Vec<Table>,
    table_labels: Vec<Label>,
    spans: Vec<TableSpan>,
    /// End of the last instruction that never goes on to the next.
    closed: usize,
}

/// A finished function: position-independent bytes, borrowed from the assembler until its next function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code<'a> {
    bytes: &'a [u8],
    code_len: usize,
    tables: &'a [TableSpan],
}

/// Where a jump table lies: `count` 32-bit offsets, each relative to the table's own start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSpan {
    /// Bytes from the start of the function.
    pub start: u32,
    /// Number of entries.
    pub count: u32,
}

/// A jump table to be written behind the code.
#[derive(Debug, Clone, Copy)]
struct Table {
    /// End of the `lea` that takes the table's address.
    lea_end: u32,
    /// The labels, as a range of `table_labels`.
    first: u32,
    count: u32,
}

impl<'a> Code<'a> {
    /// The function: entry at byte 0, instructions, then jump tables.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes that are instructions.
    #[must_use]
    pub fn instructions(&self) -> &'a [u8] {
        &self.bytes[..self.code_len]
    }

    /// The jump tables behind the instructions.
    #[must_use]
    pub const fn tables(&self) -> &'a [TableSpan] {
        self.tables
    }
}

impl X64 {
    /// A backend whose functions may have [`MAX_CODE`] bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(MAX_CODE)
    }

    /// A backend whose functions may have `limit` bytes, at most [`MAX_CODE`].
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            buffer: CodeBuffer::new(limit.min(MAX_CODE)),
            returns: Vec::new(),
            tables: Vec::new(),
            table_labels: Vec::new(),
            spans: Vec::new(),
            closed: 0,
        }
    }

    #[inline(always)]
    fn emit(&mut self, encode: impl FnOnce(&mut Window<'_>)) -> usize {
        let mut window = self.buffer.window();
        encode(&mut window);
        window.commit()
    }
}

impl Default for X64 {
    fn default() -> Self {
        Self::new()
    }
}

impl Target for X64 {
    const WORD_BITS: u32 = 64;
    const TEMPORARIES: &'static [Reg] = abi::TEMPORARIES;
    const PERSISTENTS: &'static [Reg] = abi::PERSISTENTS;
    const FRAME: Reg = Reg::new(abi::RSP);
    const MAX_ARGUMENTS: usize = abi::ARGUMENTS.len();
    const BRANCH_DELAY: u32 = 0;
    const LOAD_DELAY: u32 = 0;

    type Output<'a> = Code<'a>;

    fn begin(&mut self, signature: &Signature<'_>, params: &[Reg]) {
        self.buffer.begin(abi::PROLOGUE);
        self.returns.clear();
        self.tables.clear();
        self.table_labels.clear();
        self.spans.clear();
        self.closed = 0;
        self.emit(|w| abi::receive(w, signature.params, params));
    }

    fn place_param(index: usize) -> Option<Reg> {
        abi::ARGUMENTS
            .get(index)
            .filter(|&&number| number != RDX)
            .map(|&number| Reg::new(number))
    }

    #[inline(always)]
    fn binary(&mut self, op: Binary, ty: Ty, d: Reg, a: Reg, b: Src) {
        let mut w = self.buffer.window();
        select::binary(&mut w, op, ty, d.number(), a.number(), b);
        w.commit();
    }

    #[inline(always)]
    fn unary(&mut self, op: Unary, ty: Ty, d: Reg, a: Reg) {
        let mut w = self.buffer.window();
        select::unary(&mut w, op, ty, d.number(), a.number());
        w.commit();
    }

    #[inline(always)]
    fn convert(&mut self, from: Ty, to: Ty, d: Reg, a: Reg) {
        let mut w = self.buffer.window();
        select::convert(&mut w, from, to, d.number(), a.number());
        w.commit();
    }

    #[inline(always)]
    fn set(&mut self, ty: Ty, d: Reg, value: i64) {
        let mut w = self.buffer.window();
        x::mov_i(&mut w, d.number(), select::cut(ty, value));
        w.commit();
    }

    #[inline(always)]
    fn load(&mut self, ty: Ty, _: Align, d: Reg, base: Reg, offset: Offset) {
        let mut w = self.buffer.window();
        select::load(&mut w, ty, d.number(), select::mem(base, offset));
        w.commit();
    }

    #[inline(always)]
    fn store(&mut self, ty: Ty, _: Align, a: Reg, base: Reg, offset: Offset) {
        let mut w = self.buffer.window();
        select::store(&mut w, ty, a.number(), select::mem(base, offset));
        w.commit();
    }

    #[inline(always)]
    fn cond_move(&mut self, compare: Compare, ty: Ty, d: Reg, s: Reg, a: Reg, b: Src) {
        let mut w = self.buffer.window();
        select::compare(&mut w, compare, ty, a.number(), b);
        x::cmov(
            &mut w,
            Condition::of(compare, ty.is_signed()),
            d.number(),
            s.number(),
        );
        w.commit();
    }

    #[inline(always)]
    fn label(&mut self) -> Label {
        self.buffer.label()
    }

    #[inline(always)]
    fn bind(&mut self, label: Label) {
        self.buffer.bind(label);
        self.closed = 0;
    }

    #[inline(always)]
    fn jump(&mut self, label: Label) {
        let mut w = self.buffer.window();
        x::jmp(&mut w);
        let end = w.commit();
        self.buffer.refer(end, label);
        self.closed = end;
    }

    #[inline(always)]
    fn branch(&mut self, compare: Compare, ty: Ty, a: Reg, b: Src, label: Label) {
        let mut w = self.buffer.window();
        select::compare(&mut w, compare, ty, a.number(), b);
        x::jcc(&mut w, Condition::of(compare, ty.is_signed()));
        let end = w.commit();
        self.buffer.refer(end, label);
    }

    fn jump_table(&mut self, index: Reg, labels: &[Label]) {
        if labels.len() > MAX_TABLE {
            return self.buffer.fail(Error::new(
                ErrorKind::TableLimit,
                labels.len() as u64,
                MAX_TABLE as u64,
            ));
        }
        let past = self.buffer.label();
        self.branch(
            Compare::Ge,
            Ty::U,
            index,
            Src::Imm(labels.len() as i64),
            past,
        );
        let lea_end = self.emit(|w| x::lea_rip(w, RAX)) as u32;
        self.emit(|w| {
            x::mov(w, false, RDX, index.number());
            x::load_table(w, RDX, RAX, RDX);
            x::add(w, true, RAX, RDX);
            x::jmp_r(w, RAX);
        });
        self.tables.push(Table {
            lea_end,
            first: self.table_labels.len() as u32,
            count: labels.len() as u32,
        });
        self.table_labels.extend_from_slice(labels);
        self.bind(past);
    }

    fn call(&mut self, callee: Callee, arguments: &[Src], result: Option<Reg>) {
        let register = match callee {
            Callee::Reg(reg) => Some(reg),
            Callee::Address(_) => None,
        };
        self.emit(|w| abi::pass(w, arguments, register));
        self.emit(|w| abi::pass_constants(w, arguments));
        self.emit(|w| {
            match callee {
                Callee::Reg(_) => x::call_r(w, abi::CALLEE),
                Callee::Address(address) => {
                    x::mov_i(w, RAX, address);
                    x::call_r(w, RAX);
                }
            }
            if let Some(d) = result {
                x::mov(w, true, d.number(), RAX);
            }
        });
    }

    #[inline(always)]
    fn ret(&mut self, value: Option<(Ty, Src)>) {
        let mut w = self.buffer.window();
        match value {
            Some((ty, Src::Reg(a))) => x::mov(&mut w, ty.is_word(), RAX, a.number()),
            Some((ty, Src::Imm(value))) => x::mov_i(&mut w, RAX, select::cut(ty, value)),
            None => {}
        }
        x::jmp(&mut w);
        let end = w.commit();
        self.returns.push(end as u32);
        self.closed = end;
    }

    fn end(&mut self, frame: &Frame) -> Result<Code<'_>, Error> {
        self.buffer.resolve(patch)?;
        let len = self.buffer.len();
        if self.closed != len {
            return Err(Error::new(ErrorKind::NoReturn, len as u64, len as u64));
        }
        self.finish_returns(frame);
        let entry = self.write_prologue(frame);
        let code_end = self.buffer.len();
        self.write_tables(entry)?;
        self.buffer.check()?;
        Ok(Code {
            bytes: &self.buffer.bytes()[entry..],
            code_len: code_end - entry,
            tables: &self.spans,
        })
    }
}

impl X64 {
    /// Makes every return a `ret` in place where there is no frame, else a jump to one epilogue, which
    /// the last return falls into.
    fn finish_returns(&mut self, frame: &Frame) {
        if abi::is_frameless(frame) {
            self.return_in_place();
            return;
        }
        if self.returns.last() == Some(&(self.buffer.len() as u32)) {
            self.returns.pop();
            self.buffer.truncate(self.buffer.len() - JMP);
        }
        let epilogue = self.buffer.len();
        self.emit(|w| abi::epilogue(w, frame));
        for &end in &self.returns {
            put_i32(
                self.buffer.bytes_mut(),
                end as usize,
                epilogue as i32 - end as i32,
            );
        }
    }

    fn return_in_place(&mut self) {
        let code = self.buffer.bytes_mut();
        for &end in &self.returns {
            if let Some(jump) = (end as usize)
                .checked_sub(JMP)
                .and_then(|start| code.get_mut(start..end as usize))
            {
                jump.copy_from_slice(&[RET, TRAP, TRAP, TRAP, TRAP]);
            }
        }
        if self.returns.last() == Some(&(self.buffer.len() as u32)) {
            self.buffer.truncate(self.buffer.len() - (JMP - 1));
        }
    }

    /// Writes the prologue so that it ends where the body begins; returns where it begins.
    fn write_prologue(&mut self, frame: &Frame) -> usize {
        if abi::is_frameless(frame) {
            return abi::PROLOGUE;
        }
        let end = self.buffer.len();
        let after = self.emit(|w| abi::prologue(w, frame));
        let len = after - end;
        let entry = abi::PROLOGUE - len;
        self.buffer.bytes_mut().copy_within(end..after, entry);
        self.buffer.truncate(end);
        entry
    }

    fn write_tables(&mut self, entry: usize) -> Result<(), Error> {
        for at in 0..self.tables.len() {
            let Table {
                lea_end,
                first,
                count,
            } = self.tables[at];
            let start = self.buffer.len();
            put_i32(
                self.buffer.bytes_mut(),
                lea_end as usize,
                start as i32 - lea_end as i32,
            );
            for label in first..first + count {
                let position = self.buffer.position(self.table_labels[label as usize])?;
                self.emit(|w| w.chunk((position as i32 - start as i32).to_le_bytes()));
            }
            self.spans.push(TableSpan {
                start: (start - entry) as u32,
                count,
            });
        }
        Ok(())
    }
}

/// Bytes of a jump with a 32-bit displacement.
const JMP: usize = 5;
/// `ret`.
const RET: u8 = 0xc3;
/// `int3`, behind a return shorter than the jump that was left room for.
const TRAP: u8 = 0xcc;

fn patch(code: &mut [u8], end: usize, position: u32) -> Result<(), Error> {
    let distance = i64::from(position) - end as i64;
    let reach = i64::from(i32::MAX).unsigned_abs();
    let out_of_range = Error::new(ErrorKind::DisplacementRange, distance.unsigned_abs(), reach);
    put_i32(
        code,
        end,
        i32::try_from(distance).map_err(|_| out_of_range)?,
    );
    Ok(())
}

/// Writes the displacement whose field ends at `end`.
fn put_i32(code: &mut [u8], end: usize, value: i32) {
    if let Some(field) = end
        .checked_sub(4)
        .and_then(|start| code.get_mut(start..end))
    {
        field.copy_from_slice(&value.to_le_bytes());
    }
}
