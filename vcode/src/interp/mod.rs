//! The oracle: runs portable instructions slowly and obviously.
//!
//! Problem: every backend must mean the same, so something must say what that is. Method: [`Interp`] is a
//! [`Target`] that keeps the instructions as a [`Program`]; [`Program::run`] executes them one by one on a
//! [`Machine`] whose memory is named regions. Registers are words of `WORD` bits, 64 or 32, so that it is the
//! oracle of 32-bit machines too. Arithmetic is done in 128 bits and cut, which no backend does. What
//! a program may not rely on (registers never written, temporaries after a call) is filled with a
//! pattern. Memory is little-endian. Left out: speed.

mod eval;

use alloc::vec::Vec;
use core::fmt;

use self::eval::{binary, cut, extend, unary};
use crate::op::{Align, Branch, Callee, Compare, Form, Offset, Op, Scale, Src};
use crate::record::{Engine, REGISTERS, Recorded, Recorder, Step, TEMPORARIES};
use crate::{Error, Frame, Label, Reg, Target, Ty};

/// What registers hold that nobody has written.
pub const POISON: u64 = 0xdead_beef_5bad_c0de;
/// Address of the frame's locals while a program runs.
pub const FRAME_BASE: u64 = 0x5f00_0000;

/// The oracle as a target with words of `WORD` bits.
pub type Interp<const WORD: u32> = Recorder<Oracle<WORD>>;

/// The engine behind [`Interp`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Oracle<const WORD: u32>(());

/// A finished function, to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program<const WORD: u32> {
    function: Recorded,
    locals: u32,
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
            Self::Misaligned { address, bytes } => {
                write!(f, "misaligned access of {bytes} bytes at {address:#x}")
            }
            Self::NoFunction(address) => {
                write!(f, "call of {address:#x}, where there is no function")
            }
            Self::Fuel => write!(f, "too many instructions executed"),
        }
    }
}

impl core::error::Error for Trap {}

impl<const WORD: u32> Program<WORD> {
    /// Number of instructions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.function.steps.len()
    }

    /// Whether there are no instructions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.function.steps.is_empty()
    }

    /// The formats of its instructions, in order.
    pub fn forms(&self) -> impl Iterator<Item = Form> + '_ {
        self.function.steps.iter().flat_map(Step::forms)
    }

    /// Runs the program and gives its result, a word; 0 if it returns nothing.
    ///
    /// # Errors
    /// The first access, call or limit that stopped it.
    pub fn run(&self, arguments: &[u64], machine: &mut Machine<'_>) -> Result<u64, Trap> {
        let mut state = State::<WORD> {
            regs: [POISON; REGISTERS],
            frame: self.frame(),
        };
        for (reg, &value) in self.function.params.iter().zip(arguments) {
            state.write(*reg, value);
        }
        state.write(Interp::<WORD>::FRAME, FRAME_BASE);
        let mut at = 0;
        while let Some(step) = self.function.steps.get(at) {
            machine.fuel = machine.fuel.checked_sub(1).ok_or(Trap::Fuel)?;
            at += 1;
            match step {
                Step::Op(op) => state.op(*op, machine)?,
                Step::Branch { branch, slot } => {
                    let taken = state.decide(*branch);
                    if let Some(slot) = slot {
                        state.op(*slot, machine)?;
                    }
                    at = taken.map_or(at, |label| self.function.position(label));
                }
                Step::Table(index, labels) => {
                    let index = state.typed(Ty::U, Src::Reg(*index)) as usize;
                    at = labels
                        .get(index)
                        .map_or(at, |&label| self.function.position(label));
                }
                Step::Call(callee, arguments, result) => {
                    state.call(*callee, arguments, *result, machine)?
                }
                Step::Return(value) => return Ok(value.map_or(0, |(ty, a)| state.typed(ty, a))),
            }
        }
        unreachable!("`end` refuses a program whose last instruction goes on")
    }

    fn frame(&self) -> Region {
        Region {
            base: FRAME_BASE,
            bytes: alloc::vec![0xa5; self.locals as usize],
            writable: true,
        }
    }
}

/// Registers and frame of a running program. The number of a register of another target wraps around.
struct State<const WORD: u32> {
    regs: [u64; REGISTERS],
    frame: Region,
}

impl<const WORD: u32> State<WORD> {
    fn op(&mut self, op: Op, machine: &mut Machine<'_>) -> Result<(), Trap> {
        match op {
            Op::Binary(op, ty, d, a, b) => {
                let value =
                    binary::<WORD>(op, ty, self.number(ty, Src::Reg(a)), self.number(ty, b));
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
                let bytes = self.regs[a.number() as usize % REGISTERS].to_le_bytes();
                let place = self.place(address, ty.bytes(WORD), true, machine)?;
                place.copy_from_slice(&bytes[..place.len()]);
            }
            Op::CondMove(compare, ty, d, s, a, b) => {
                if self.holds(compare, ty, a, b) {
                    self.write(d, self.regs[s.number() as usize % REGISTERS]);
                }
            }
        }
        Ok(())
    }

    fn decide(&self, branch: Branch) -> Option<Label> {
        match branch {
            Branch::Jump(label) => Some(label),
            Branch::Compare(compare, ty, a, b, label) => {
                self.holds(compare, ty, a, b).then_some(label)
            }
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
        let arguments: Vec<u64> = arguments
            .iter()
            .map(|&argument| self.typed(Ty::Ul, argument))
            .collect();
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
        let value = place
            .iter()
            .rev()
            .fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
        Ok(extend::<WORD>(ty, value))
    }

    fn place<'m>(
        &'m mut self,
        address: u64,
        bytes: u32,
        write: bool,
        machine: &'m mut Machine<'_>,
    ) -> Result<&'m mut [u8], Trap> {
        let regions = machine
            .memory
            .iter_mut()
            .chain(core::iter::once(&mut self.frame));
        let place = regions
            .filter(|region| region.writable || !write)
            .find_map(|region| {
                let start = usize::try_from(address.checked_sub(region.base)?).ok()?;
                region
                    .bytes
                    .get_mut(start..start.checked_add(bytes as usize)?)
            });
        place.ok_or(Trap::Access { address, bytes })
    }

    /// The operand as a mathematical number of the type.
    fn number(&self, ty: Ty, src: Src) -> i128 {
        match src {
            Src::Reg(reg) => extend::<WORD>(ty, self.regs[reg.number() as usize % REGISTERS]),
            Src::Imm(value) => extend::<WORD>(ty, value as u64),
        }
    }

    /// The operand as a register holds it.
    fn typed(&self, ty: Ty, src: Src) -> u64 {
        cut::<WORD>(ty, self.number(ty, src))
    }

    fn write_typed(&mut self, ty: Ty, d: Reg, value: i128) {
        self.regs[d.number() as usize % REGISTERS] = cut::<WORD>(ty, value);
    }

    fn write(&mut self, d: Reg, word: u64) {
        self.write_typed(Ty::Ul, d, i128::from(word));
    }
}

impl<const WORD: u32> Interp<WORD> {
    /// An oracle of machines with words of `WORD` bits: 32 or 64.
    #[must_use]
    pub fn new() -> Self {
        const { assert!(WORD == 32 || WORD == 64, "words have 32 or 64 bits") };
        Self::with(Oracle(()))
    }
}

impl<const WORD: u32> Engine for Oracle<WORD> {
    const WORD_BITS: u32 = WORD;
    type Output = Program<WORD>;

    fn finish(&mut self, function: &Recorded, frame: &Frame) -> Result<Program<WORD>, Error> {
        Ok(Program {
            function: function.clone(),
            locals: frame.locals,
        })
    }
}
