//! MIPS-I, little-endian, o32: portable instructions to machine code, in place.
//!
//! Problem: code for the R2000 and R3000, whose loads and branches take effect one instruction late, made on
//! that very machine at a few instructions an instruction. Method: each portable instruction becomes one to
//! nine machine instructions (`select`), stored through what is left of the client's buffer
//! (`words`); a register is 32 bits wide, so that `l`, `ul` and `p` are `i` and `u`. Code reads its own
//! addresses nowhere, so that it may be copied anywhere.
//!
//! **Delays.** The instruction before a branch, if it is one word and the branch does not read what it writes,
//! moves into the branch's slot; `schedule_delay` is that with the instruction given. No instruction reads what the
//! one before it loads, on any path: where the next would, a `nop` goes between. So `raw_load` needs no promise kept,
//! and none is believed. Nothing writes HI and LO within two instructions of a move from them.
//!
//! **Running it** is the client's: [`Code::install`] copies the words and asks for the one thing that this crate cannot do
//! without an operating system, making the instruction cache forget the old ones.
//!
//! Left out: big-endian code, position-independent callees, floating point.
//!
//! ```
//! use vcode::{Assembler, Class, Signature, Ty, mips::Mips};
//!
//! # fn main() -> Result<(), vcode::Error> {
//! let mut buffer = [0; 1024];
//! let mut asm = Assembler::new(Mips::new(&mut buffer));
//! let signature = Signature { params: &[Ty::P], result: Some(Ty::U), leaf: true };
//! let [packet] = asm.begin(&signature)?;
//! let port = asm.getreg(Class::Temporary)?;
//! asm.ldus(port, packet, 36);
//! asm.rshu(port, port, 8);
//! asm.retu(port);
//! assert_eq!(
//!     asm.end()?.to_string(),
//!     "   0  94830024  lhu     $3,36($4)\n\
//!      \x20  4  00000000  sll     $0,$0,0x0\n\
//!      \x20  8  00031a02  srl     $3,$3,0x8\n\
//!      \x20  c  03e00008  jr      $31\n\
//!      \x20 10  00601021  addu    $2,$3,$0\n"
//! );
//! # Ok(())
//! # }
//! ```

mod abi;
pub mod encode;
mod select;
#[cfg(test)]
mod tests;
pub mod text;
mod words;

use core::cell::Cell;
use core::fmt;

use self::abi::{ARGUMENTS, AT, PROLOGUE, RA, Sequence, V0, ZERO};
use self::text::Instruction;
use self::words::{To, Words, bit};
use crate::op::{Align, Binary, Callee, Compare, Offset, Src, Unary};
use crate::{Error, ErrorKind, Frame, Label, Reg, Signature, Target, Ty};

/// The most labels in one jump table.
pub const MAX_TABLE: usize = 1 << 12;
/// The most parameters that come on the stack.
const STACK_PARAMS: usize = abi::MAX_ARGUMENTS - ARGUMENTS.len();

/// The MIPS-I backend. It emits into a buffer of `WORDS` words, a power of two from 2^10 to 2^15; functions
/// must be shorter than three quarters of it, less 144, and may have a label for each eight words of it.
#[derive(Debug)]
pub struct Mips<'b, const WORDS: usize> {
    words: Words<'b, WORDS>,
    /// The parameters that come on the stack.
    stack_params: [Reg; STACK_PARAMS],
    stack_param_count: usize,
}

/// A finished function: position-independent words, in the assembler's buffer until its next function.
#[derive(Debug, Clone, Copy)]
pub struct Code<'a> {
    words: &'a [Cell<u32>],
}

impl<'a> Code<'a> {
    /// The number of words.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are none; no function is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The instructions, entry first.
    pub fn words(&self) -> impl ExactSizeIterator<Item = u32> + Clone + use<'a> {
        self.words.iter().map(Cell::get)
    }

    /// Copies the function to where it will run and has it made fit to run: `flush` gets exactly the words
    /// written, and must have made the instruction cache forget what it held of them (on the R3000: isolate and
    /// swap the caches and store a byte to each line, from uncached code) before anybody jumps there.
    ///
    /// # Errors
    /// [`ErrorKind::BufferLimit`] if `to` is too short; nothing was written then.
    pub fn install(&self, to: &mut [u32], flush: impl FnOnce(&[u32])) -> Result<(), Error> {
        let limit = to.len();
        let Some(to) = to.get_mut(..self.len()) else {
            let (given, limit) = (4 * self.len() as u64, 4 * limit as u64);
            return Err(Error::new(ErrorKind::BufferLimit, given, limit));
        };
        for (to, word) in to.iter_mut().zip(self.words()) {
            *to = word;
        }
        flush(to);
        Ok(())
    }
}

impl fmt::Display for Code<'_> {
    /// A line per word: offset in bytes, word, assembler.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.words().enumerate() {
            writeln!(f, "{:4x}  {word:08x}  {}", 4 * at, Instruction(word))?;
        }
        Ok(())
    }
}

impl<'b, const WORDS: usize> Mips<'b, WORDS> {
    /// A backend that emits into this buffer.
    #[must_use]
    pub fn new(buffer: &'b mut [u32; WORDS]) -> Self {
        Self {
            words: Words::new(buffer),
            stack_params: [Reg::new(ZERO); STACK_PARAMS],
            stack_param_count: 0,
        }
    }
}

impl<const WORDS: usize> Target for Mips<'_, WORDS> {
    const WORD_BITS: u32 = 32;
    const TEMPORARIES: &'static [Reg] = abi::TEMPORARIES;
    const PERSISTENTS: &'static [Reg] = abi::PERSISTENTS;
    const FRAME: Reg = Reg::new(abi::SP);
    const LOCALS: i32 = abi::LOCALS;
    const MAX_ARGUMENTS: usize = abi::MAX_ARGUMENTS;
    const BRANCH_DELAY: u32 = 1;
    const LOAD_DELAY: u32 = 1;

    type Output<'a>
        = Code<'a>
    where
        Self: 'a;

    #[inline(always)]
    fn begin(&mut self, signature: &Signature<'_>, params: &[Reg]) {
        let stacked = params.get(ARGUMENTS.len()..).unwrap_or_default();
        self.stack_param_count = stacked.len().min(self.stack_params.len());
        for (kept, &param) in self.stack_params.iter_mut().zip(stacked) {
            *kept = param;
        }
        let loaded = stacked.last().map_or(0, |param| bit(param.number()));
        self.words.begin(loaded);
        // A leaf finds its parameters where they arrive.
        if !signature.leaf {
            self.words = receive(self.words, params);
            self.words.reserve();
        }
    }

    fn place_param(index: usize) -> Option<Reg> {
        ARGUMENTS.get(index).map(|&number| Reg::new(number))
    }

    #[inline(always)]
    fn binary(&mut self, op: Binary, ty: Ty, d: Reg, a: Reg, b: Src) {
        self.words.binary(op, ty, d, a, b);
    }

    #[inline(always)]
    fn unary(&mut self, op: Unary, ty: Ty, d: Reg, a: Reg) {
        self.words.unary(op, ty, d, a);
    }

    #[inline(always)]
    fn convert(&mut self, _: Ty, to: Ty, d: Reg, a: Reg) {
        self.words.convert(to, d, a);
    }

    #[inline(always)]
    fn set(&mut self, _: Ty, d: Reg, value: i64) {
        self.words.set(d.number(), value as u32);
    }

    #[inline(always)]
    fn load(&mut self, ty: Ty, align: Align, d: Reg, base: Reg, offset: Offset) {
        self.words.load_op(ty, align, d, base, offset);
    }

    #[inline(always)]
    fn store(&mut self, ty: Ty, align: Align, a: Reg, base: Reg, offset: Offset) {
        self.words.store_op(ty, align, a, base, offset);
    }

    #[inline(always)]
    fn cond_move(&mut self, compare: Compare, ty: Ty, d: Reg, s: Reg, a: Reg, b: Src) {
        self.words.cond_move(compare, ty, d, s, a, b);
    }

    #[inline(always)]
    fn label(&mut self) -> Label {
        self.words.label()
    }

    #[inline(always)]
    fn bind(&mut self, label: Label) {
        self.words.bind(label);
    }

    #[inline(always)]
    fn jump(&mut self, label: Label) {
        self.words
            .go([], encode::beq(ZERO, ZERO, 0), (0, 0), To::Label(label));
        self.words.close();
    }

    #[inline(always)]
    fn branch(&mut self, compare: Compare, ty: Ty, a: Reg, b: Src, label: Label) {
        self.words.branch(compare, ty, a, b, To::Label(label));
    }

    #[inline(always)]
    fn jump_table(&mut self, index: Reg, labels: &[Label]) {
        self.words = jump_table(self.words, index.number(), labels);
        self.words.reserve();
    }

    #[inline(always)]
    fn call(&mut self, callee: Callee, arguments: &[Src], result: Option<Reg>) {
        self.words = call(self.words, callee, arguments, result);
        self.words.reserve();
    }

    #[inline(always)]
    fn ret(&mut self, value: Option<(Ty, Src)>) {
        self.words.ret(value.map(|(_, value)| value));
    }

    #[inline(always)]
    fn end(&mut self, frame: &Frame) -> Result<Code<'_>, Error> {
        finish(self.words, frame, self.stack_params, self.stack_param_count)
    }
}

/// The moves from where parameters arrive to where the client finds them.
#[inline(never)]
fn receive<'b, const WORDS: usize>(
    mut words: Words<'b, WORDS>,
    params: &[Reg],
) -> Words<'b, WORDS> {
    for (param, arrives) in params.iter().zip(ARGUMENTS) {
        if param.number() != arrives {
            words.copy(param.number(), arrives);
        }
    }
    words
}

/// A table of branches, two words apart; a branch that links gives its address. `v0` keeps `ra` meanwhile.
#[inline(never)]
fn jump_table<'b, const WORDS: usize>(
    mut words: Words<'b, WORDS>,
    index: u8,
    labels: &[Label],
) -> Words<'b, WORDS> {
    let count = labels.len();
    if count > MAX_TABLE {
        words.fail_table(count);
    }
    if count == 0 || count > MAX_TABLE {
        return words;
    }
    let count = count as u16;
    words.fixed(bit(index), encode::sltiu(AT, index, count as i16));
    words.fixed(0, encode::beq(AT, ZERO, 2 * count + 6));
    words.fixed(0, encode::addu(V0, RA, ZERO));
    words.fixed(0, encode::bgezal(ZERO, 2 * count + 1));
    words.fixed(0, encode::sll(AT, index, 3));
    for &label in labels {
        words.go([], encode::beq(ZERO, ZERO, 0), (0, 0), To::Label(label));
    }
    words.fixed(0, encode::addu(AT, AT, RA));
    words.fixed(0, encode::jr(AT));
    words.fixed(0, encode::addu(RA, V0, ZERO));
    words.arrive(0);
    words
}

#[inline(never)]
fn call<'b, const WORDS: usize>(
    mut words: Words<'b, WORDS>,
    callee: Callee,
    arguments: &[Src],
    result: Option<Reg>,
) -> Words<'b, WORDS> {
    let callee = match callee {
        Callee::Address(address) => Err(address as u32),
        Callee::Reg(reg) if ARGUMENTS.contains(&reg.number()) => {
            words.copy(V0, reg.number());
            Ok(V0)
        }
        Callee::Reg(reg) => Ok(reg.number()),
    };
    words.pass(arguments);
    words.jump_and_link(callee);
    if let Some(d) = result {
        // It stays here: the next call's address goes through v0.
        words.fixed(0, encode::addu(d.number(), V0, ZERO));
    }
    words
}

/// Lets returns return, and puts the prologue before the body.
#[inline(never)]
fn finish<'b, const WORDS: usize>(
    mut words: Words<'b, WORDS>,
    frame: &Frame,
    stack_params: [Reg; STACK_PARAMS],
    stack_param_count: usize,
) -> Result<Code<'b>, Error> {
    words.finish()?;
    if abi::is_frameless(frame) {
        words.land_returns(Some(encode::jr(RA)));
        if stack_param_count == 0 {
            return Ok(Code {
                words: words.range(PROLOGUE..words.at()),
            });
        }
    } else {
        words.drop_last_return();
        words.land_returns(None);
        for &word in Sequence::epilogue(frame).words() {
            words.fixed(0, word);
        }
    }
    words.check_room()?;
    let prologue = Sequence::prologue(frame, &stack_params[..stack_param_count]);
    let entry = PROLOGUE - prologue.words().len();
    for (at, &word) in (entry..).zip(prologue.words()) {
        words.cell(at).set(word);
    }
    Ok(Code {
        words: words.range(entry..words.at()),
    })
}
