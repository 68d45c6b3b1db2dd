//! The oracle: runs portable instructions slowly and obviously.
//!
//! Problem: every backend must mean the same, so something must say what that is. Method: [`Interp`] is a
//! [`Target`] that keeps the instructions as a [`Program`]; [`Program::run`] executes them one by one on a
//! [`Machine`] whose memory is named regions. Registers are words of `WORD` bits, 64 or 32, so that it is the
//! oracle of 32-bit machines too. Arithmetic is done in 128 bits and cut, which no backend does. What
//! a program may not rely on (registers never written, temporaries after a call) is filled with a
//! pattern. Memory is little-endian. Left out: speed.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::op::{Align, Binary, Branch, Callee, Compare, Offset, Op, Scale, Src, Unary};
use crate::{Error, ErrorKind, Frame, Label, Reg, Signature, Target, Ty};

/// What registers hold that nobody has written.
pub const POISON: u64 = 0xdead_beef_5bad_c0de;
/// Address of the frame's locals while a program runs.
pub const FRAME_BASE: u64 = 0x5f00_0000;
/// The most instructions of a program.
pub const MAX_STEPS: usize = 1 << 22;

const TEMPORARIES: usize = 16;
const REGISTERS: usize = 33;

/// The oracle as a target with words of `WORD` bits.
#[derive(Debug, Default)]
pub struct Interp<const WORD: u32> {
    steps: Vec<Step>,
    positions: Vec<Option<usize>>,
    params: Vec<Reg>,
    fault: Option<Error>,
}

/// A finished function, to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program<const WORD: u32> {
    steps: Vec<Step>,
    positions: Vec<usize>,
    params: Vec<Reg>,
    locals: u32,
}

/// One instruction of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Op(Op),
    Branch { branch: Branch, slot: Option<Op> },
    Table(Reg, Box<[Label]>),
    Call(Callee, Box<[Src]>, Option<Reg>),
    Return(Option<(Ty, Src)>),
}

/// What a program runs on.
pub struct Machine<'a> {
    /// The memory it may touch; no two regions overlap.
    pub memory: Vec<Region>,
    /// The most instructions it may execute.
    pub fuel: u64,
    /// What a call does: address and arguments to result, or nothing if there is no such function.
    pub host: &'a mut dyn FnMut(u64, &[u64]) -> Option<u64>,
}

/// Memory at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Address of the first byte.
    pub base: u64,
    /// Its contents.
    pub bytes: Vec<u8>,
    /// Whether stores are allowed.
    pub writable: bool,
}

/// Why a program was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trap {
    /// A load or store outside memory, or a store where none is allowed.
    Access {
        /// Where.
        address: u64,
        /// How many bytes.
        bytes: u32,
    },
    /// A naturally aligned load or store at another address.
    Misaligned {
        /// Where.
        address: u64,
        /// How many bytes.
        bytes: u32,
    },
    /// A call of an address where there is no function.
    NoFunction(u64),
    /// The machine's `fuel` is used up.
    Fuel,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Access { address, bytes } => write!(f, "access of {bytes} bytes at {address:#x}"),
            Self::Misaligned { address, bytes } => write!(f, "misaligned access of {bytes} bytes at {address:#x}"),
            Self::NoFunction(address) => write!(f, "call of {address:#x}, where there is no function"),
            Self::Fuel => write!(f, "too many instructions executed"),
        }
    }
}

impl core::error::Error for Trap {}

impl<const WORD: u32> Program<WORD> {
    /// Number of instructions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there are no instructions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Runs the program and gives its result, a word; 0 if it returns nothing.
    ///
    /// # Errors
    /// The first access, call or limit that stopped it.
    pub fn run(&self, arguments: &[u64], machine: &mut Machine<'_>) -> Result<u64, Trap> {
        let mut state = State::<WORD> { regs: [POISON; REGISTERS], frame: self.frame() };
        for (reg, &value) in self.params.iter().zip(arguments) {
            state.write(*reg, value);
        }
        state.write(Interp::<WORD>::FRAME, FRAME_BASE);
        let mut at = 0;
        while let Some(step) = self.steps.get(at) {
            machine.fuel = machine.fuel.checked_sub(1).ok_or(Trap::Fuel)?;
            at += 1;
            match step {
                Step::Op(op) => state.op(*op, machine)?,
                Step::Branch { branch, slot } => {
                    let taken = state.decide(*branch);
                    if let Some(slot) = slot {
                        state.op(*slot, machine)?;
                    }
                    at = taken.map_or(at, |label| self.positions[label.index()]);
                }
                Step::Table(index, labels) => {
                    let index = state.typed(Ty::U, Src::Reg(*index)) as usize;
                    at = labels.get(index).map_or(at, |label| self.positions[label.index()]);
                }
                Step::Call(callee, arguments, result) => state.call(*callee, arguments, *result, machine)?,
                Step::Return(value) => return Ok(value.map_or(0, |(ty, a)| state.typed(ty, a))),
            }
        }
        unreachable!("`end` refuses a program whose last instruction goes on")
    }

    fn frame(&self) -> Region {
        Region { base: FRAME_BASE, bytes: alloc::vec![0xa5; self.locals as usize], writable: true }
    }
}

/// Registers and frame of a running program.
struct State<const WORD: u32> {
    regs: [u64; REGISTERS],
    frame: Region,
}

impl<const WORD: u32> State<WORD> {
    fn op(&mut self, op: Op, machine: &mut Machine<'_>) -> Result<(), Trap> {
        match op {
            Op::Binary(op, ty, d, a, b) => {
                let value = binary::<WORD>(op, ty, self.number(ty, Src::Reg(a)), self.number(ty, b));
                self.write_typed(ty, d, value);
            }
            Op::Unary(op, ty, d, a) => {
                let value = unary::<WORD>(op, ty, self.number(ty, Src::Reg(a)));
                self.write_typed(ty, d, value);
            }
            Op::Convert(from, to, d, a) => {
                let value = self.number(from, Src::Reg(a));
                self.write_typed(to, d, value);
            }
            Op::Set(ty, d, value) => self.write_typed(ty, d, i128::from(value)),
            Op::Load(ty, align, d, base, offset) => {
                let address = self.address(ty, align, base, offset)?;
                let value = self.load(ty, address, machine)?;
                self.write_typed(ty, d, value);
            }
            Op::Store(ty, align, a, base, offset) => {
                let address = self.address(ty, align, base, offset)?;
                let bytes = self.regs[a.number() as usize].to_le_bytes();
                let place = self.place(address, ty.bytes(WORD), true, machine)?;
                place.copy_from_slice(&bytes[..place.len()]);
            }
            Op::CondMove(compare, ty, d, s, a, b) => {
                if self.holds(compare, ty, a, b) {
                    self.write(d, self.regs[s.number() as usize]);
                }
            }
        }
        Ok(())
    }

    fn decide(&self, branch: Branch) -> Option<Label> {
        match branch {
            Branch::Jump(label) => Some(label),
            Branch::Compare(compare, ty, a, b, label) => self.holds(compare, ty, a, b).then_some(label),
        }
    }

    fn holds(&self, compare: Compare, ty: Ty, a: Reg, b: Src) -> bool {
        let (a, b) = (self.number(ty, Src::Reg(a)), self.number(ty, b));
        match compare {
            Compare::Lt => a < b,
            Compare::Le => a <= b,
            Compare::Gt => a > b,
            Compare::Ge => a >= b,
            Compare::Eq => a == b,
            Compare::Ne => a != b,
        }
    }

    fn call(
        &mut self,
        callee: Callee,
        arguments: &[Src],
        result: Option<Reg>,
        machine: &mut Machine<'_>,
    ) -> Result<(), Trap> {
        let address = match callee {
            Callee::Address(address) => address,
            Callee::Reg(reg) => self.typed(Ty::P, Src::Reg(reg)),
        };
        let arguments: Vec<u64> = arguments.iter().map(|&argument| self.typed(Ty::Ul, argument)).collect();
        let value = (machine.host)(address, &arguments).ok_or(Trap::NoFunction(address))?;
        self.regs[..TEMPORARIES].fill(POISON);
        if let Some(d) = result {
            self.write(d, value);
        }
        Ok(())
    }

    fn address(&self, ty: Ty, align: Align, base: Reg, offset: Offset) -> Result<u64, Trap> {
        let base = self.number(Ty::P, Src::Reg(base));
        let sum = match offset {
            Offset::Imm(displacement) => base + i128::from(displacement),
            Offset::Index(index, scale, displacement) => {
                let factor = match scale {
                    Scale::X1 => 1,
                    Scale::X2 => 2,
                    Scale::X4 => 4,
                    Scale::X8 => 8,
                };
                base + self.number(Ty::P, Src::Reg(index)) * factor + i128::from(displacement)
            }
        };
        let (address, bytes) = (cut::<WORD>(Ty::P, sum), ty.bytes(WORD));
        if align == Align::Natural && !address.is_multiple_of(u64::from(bytes)) {
            return Err(Trap::Misaligned { address, bytes });
        }
        Ok(address)
    }

    fn load(&mut self, ty: Ty, address: u64, machine: &mut Machine<'_>) -> Result<i128, Trap> {
        let place = self.place(address, ty.bytes(WORD), false, machine)?;
        let value = place.iter().rev().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
        Ok(extend::<WORD>(ty, value))
    }

    fn place<'m>(
        &'m mut self,
        address: u64,
        bytes: u32,
        write: bool,
        machine: &'m mut Machine<'_>,
    ) -> Result<&'m mut [u8], Trap> {
        let regions = machine.memory.iter_mut().chain(core::iter::once(&mut self.frame));
        let place = regions.filter(|region| region.writable || !write).find_map(|region| {
            let start = usize::try_from(address.checked_sub(region.base)?).ok()?;
            region.bytes.get_mut(start..start.checked_add(bytes as usize)?)
        });
        place.ok_or(Trap::Access { address, bytes })
    }

    /// The operand as a mathematical number of the type.
    fn number(&self, ty: Ty, src: Src) -> i128 {
        match src {
            Src::Reg(reg) => extend::<WORD>(ty, self.regs[reg.number() as usize]),
            Src::Imm(value) => extend::<WORD>(ty, value as u64),
        }
    }

    /// The operand as a register holds it.
    fn typed(&self, ty: Ty, src: Src) -> u64 {
        cut::<WORD>(ty, self.number(ty, src))
    }

    fn write_typed(&mut self, ty: Ty, d: Reg, value: i128) {
        self.regs[d.number() as usize] = cut::<WORD>(ty, value);
    }

    fn write(&mut self, d: Reg, word: u64) {
        self.write_typed(Ty::Ul, d, i128::from(word));
    }
}

/// Bits of a value of the type.
const fn bits<const WORD: u32>(ty: Ty) -> u32 {
    ty.bytes(WORD) * 8
}

/// The low bits of a register as a number of the type.
fn extend<const WORD: u32>(ty: Ty, word: u64) -> i128 {
    let bits = bits::<WORD>(ty);
    let value = i128::from(word) & ((1 << bits) - 1);
    if ty.is_signed() && value >> (bits - 1) == 1 { value - (1 << bits) } else { value }
}

/// A number as a register holds it: cut to the type, extended to 32 bits by the type if narrower, the rest
/// clear.
fn cut<const WORD: u32>(ty: Ty, value: i128) -> u64 {
    let value = extend::<WORD>(ty, value as u64);
    let held = bits::<WORD>(ty).max(32);
    (value & ((1 << held) - 1)) as u64
}

fn binary<const WORD: u32>(op: Binary, ty: Ty, a: i128, b: i128) -> i128 {
    let bits = bits::<WORD>(ty);
    let count = (b & i128::from(bits - 1)) as u32;
    match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a.wrapping_mul(b),
        Binary::Div if b == 0 => 0,
        Binary::Div => a / b,
        Binary::Mod if b == 0 => a,
        Binary::Mod => a % b,
        Binary::And => a & b,
        Binary::Or => a | b,
        Binary::Xor => a ^ b,
        Binary::Lsh => a << count,
        Binary::Rsh => a >> count,
        Binary::MulHi => high(bits, a, b, ty.is_signed()),
        Binary::Fold => a.wrapping_mul(b) ^ high(bits, a, b, false),
        Binary::Cksum => (a + b) + ((a + b) >> bits),
    }
}

/// The high half of the product of two numbers of `bits` bits.
fn high(bits: u32, a: i128, b: i128, signed: bool) -> i128 {
    if signed { (a * b) >> bits } else { ((a as u128 * b as u128) >> bits) as i128 }
}

fn unary<const WORD: u32>(op: Unary, ty: Ty, a: i128) -> i128 {
    let bytes = ty.bytes(WORD) as usize;
    match op {
        Unary::Com => !a,
        Unary::Not => i128::from(a == 0),
        Unary::Mov => a,
        Unary::Neg => -a,
        Unary::Bswap => a.to_le_bytes()[..bytes].iter().fold(0, |value, &byte| value << 8 | i128::from(byte)),
    }
}

impl<const WORD: u32> Interp<WORD> {
    /// An oracle of machines with words of `WORD` bits: 32 or 64.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(WORD == 32 || WORD == 64, "words have 32 or 64 bits") };
        Self { steps: Vec::new(), positions: Vec::new(), params: Vec::new(), fault: None }
    }

    fn step(&mut self, step: Step) {
        if self.steps.len() < MAX_STEPS {
            self.steps.push(step);
        } else {
            self.fail(Error::new(ErrorKind::BufferLimit, MAX_STEPS as u64 + 1, MAX_STEPS as u64));
        }
    }

    fn fail(&mut self, error: Error) {
        self.fault.get_or_insert(error);
    }

    /// Labels used by a step.
    fn labels(step: &Step) -> &[Label] {
        match step {
            Step::Branch { branch: Branch::Jump(label) | Branch::Compare(.., label), .. } => {
                core::slice::from_ref(label)
            }
            Step::Table(_, labels) => labels,
            _ => &[],
        }
    }

    fn check_labels(&self) -> Result<(), Error> {
        for label in self.steps.iter().flat_map(Self::labels) {
            let count = self.positions.iter().flatten().count() as u64;
            match self.positions.get(label.index()) {
                Some(Some(_)) => {}
                Some(None) => return Err(Error::new(ErrorKind::UnboundLabel, label.index() as u64, count)),
                None => {
                    let limit = self.positions.len() as u64;
                    return Err(Error::new(ErrorKind::ForeignLabel, label.index() as u64, limit));
                }
            }
        }
        Ok(())
    }

    fn check_end(&self) -> Result<(), Error> {
        let len = self.steps.len();
        let closed = matches!(
            self.steps.last(),
            Some(Step::Return(_) | Step::Branch { branch: Branch::Jump(_), .. })
        );
        if closed && !self.positions.contains(&Some(len)) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NoReturn, len as u64, len as u64))
    }
}

const fn numbered<const N: usize>(first: u8) -> [Reg; N] {
    let mut regs = [Reg::new(0); N];
    let mut at = 0;
    while at < N {
        regs[at] = Reg::new(first + at as u8);
        at += 1;
    }
    regs
}

impl<const WORD: u32> Target for Interp<WORD> {
    const WORD_BITS: u32 = WORD;
    const TEMPORARIES: &'static [Reg] = &numbered::<TEMPORARIES>(0);
    const PERSISTENTS: &'static [Reg] = &numbered::<16>(TEMPORARIES as u8);
    const FRAME: Reg = Reg::new(REGISTERS as u8 - 1);
    const MAX_ARGUMENTS: usize = 6;
    const BRANCH_DELAY: u32 = 0;
    const LOAD_DELAY: u32 = 0;

    type Output<'a> = Program<WORD>;

    fn begin(&mut self, _: &Signature<'_>, params: &[Reg]) {
        self.steps.clear();
        self.positions.clear();
        self.fault = None;
        self.params = params.to_vec();
    }

    fn place_param(_: usize) -> Option<Reg> {
        None
    }

    fn binary(&mut self, op: Binary, ty: Ty, d: Reg, a: Reg, b: Src) {
        self.step(Step::Op(Op::Binary(op, ty, d, a, b)));
    }

    fn unary(&mut self, op: Unary, ty: Ty, d: Reg, a: Reg) {
        self.step(Step::Op(Op::Unary(op, ty, d, a)));
    }

    fn convert(&mut self, from: Ty, to: Ty, d: Reg, a: Reg) {
        self.step(Step::Op(Op::Convert(from, to, d, a)));
    }

    fn set(&mut self, ty: Ty, d: Reg, value: i64) {
        self.step(Step::Op(Op::Set(ty, d, value)));
    }

    fn load(&mut self, ty: Ty, align: Align, d: Reg, base: Reg, offset: Offset) {
        self.step(Step::Op(Op::Load(ty, align, d, base, offset)));
    }

    fn store(&mut self, ty: Ty, align: Align, a: Reg, base: Reg, offset: Offset) {
        self.step(Step::Op(Op::Store(ty, align, a, base, offset)));
    }

    fn cond_move(&mut self, compare: Compare, ty: Ty, d: Reg, s: Reg, a: Reg, b: Src) {
        self.step(Step::Op(Op::CondMove(compare, ty, d, s, a, b)));
    }

    fn label(&mut self) -> Label {
        self.positions.push(None);
        Label::new(self.positions.len() as u32 - 1)
    }

    fn bind(&mut self, label: Label) {
        let here = self.steps.len();
        let count = self.positions.len() as u64;
        match self.positions.get_mut(label.index()) {
            Some(position @ None) => *position = Some(here),
            Some(Some(_)) => self.fail(Error::new(ErrorKind::LabelBoundTwice, label.index() as u64, 1)),
            None => self.fail(Error::new(ErrorKind::ForeignLabel, label.index() as u64, count)),
        }
    }

    fn jump(&mut self, label: Label) {
        self.step(Step::Branch { branch: Branch::Jump(label), slot: None });
    }

    fn branch(&mut self, compare: Compare, ty: Ty, a: Reg, b: Src, label: Label) {
        self.step(Step::Branch { branch: Branch::Compare(compare, ty, a, b, label), slot: None });
    }

    fn delayed(&mut self, branch: Branch, slot: Op) {
        self.step(Step::Branch { branch, slot: Some(slot) });
    }

    fn jump_table(&mut self, index: Reg, labels: &[Label]) {
        self.step(Step::Table(index, labels.into()));
    }

    fn call(&mut self, callee: Callee, arguments: &[Src], result: Option<Reg>) {
        self.step(Step::Call(callee, arguments.into(), result));
    }

    fn ret(&mut self, value: Option<(Ty, Src)>) {
        self.step(Step::Return(value));
    }

    fn end(&mut self, frame: &Frame) -> Result<Program<WORD>, Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.check_labels()?;
        self.check_end()?;
        let steps = core::mem::take(&mut self.steps);
        let positions = self.positions.iter().map(|position| position.unwrap_or(steps.len())).collect();
        Ok(Program { steps, positions, params: self.params.clone(), locals: frame.locals })
    }
}
