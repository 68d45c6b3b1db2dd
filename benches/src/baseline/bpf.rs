//! The BPF virtual machine, and a classifier that runs one program per filter in turn.
//!
//! Source: S. McCanne, V. Jacobson, *The BSD Packet Filter*, USENIX Winter 1993, §3. The machine
//! has an accumulator A, an index X and sixteen scratch words. A load outside the packet rejects
//! it; so does division by zero; every jump goes forward, so every program ends.
//!
//! One instruction of the Mach packet filter is known here too, because it extends the same
//! machine: [`code::MATCH_IMM`]. Plain programs may not contain it.
//!
//! Left out: an optimiser (the programs given are already minimal) and a compiler to native code.

use alloc::{boxed::Box, vec::Vec};

/// Words of scratch memory.
pub const SCRATCH_WORDS: usize = 16;

/// The longest program taken, as in BSD.
pub const MAX_INSTRUCTIONS: usize = 512;

/// The most key constants after a `MATCH_IMM`.
pub const MAX_KEYS: usize = 4;

/// Instruction codes, in the encoding of BSD's `bpf.h`.
pub mod code {
    /// A ← 32 bits at k.
    pub const LD_W_ABS: u16 = 0x20;
    /// A ← 16 bits at k.
    pub const LD_H_ABS: u16 = 0x28;
    /// A ← byte at k.
    pub const LD_B_ABS: u16 = 0x30;
    /// A ← 32 bits at X + k.
    pub const LD_W_IND: u16 = 0x40;
    /// A ← 16 bits at X + k.
    pub const LD_H_IND: u16 = 0x48;
    /// A ← byte at X + k.
    pub const LD_B_IND: u16 = 0x50;
    /// A ← k.
    pub const LD_IMM: u16 = 0x00;
    /// A ← scratch word k.
    pub const LD_MEM: u16 = 0x60;
    /// A ← original length of the packet.
    pub const LD_LEN: u16 = 0x80;
    /// X ← k.
    pub const LDX_IMM: u16 = 0x01;
    /// X ← scratch word k.
    pub const LDX_MEM: u16 = 0x61;
    /// X ← original length of the packet.
    pub const LDX_LEN: u16 = 0x81;
    /// X ← 4 × (byte at k & 15): the length of the IP header at k.
    pub const LDX_MSH: u16 = 0xb1;
    /// Scratch word k ← A.
    pub const ST: u16 = 0x02;
    /// Scratch word k ← X.
    pub const STX: u16 = 0x03;
    /// A ← A + k.
    pub const ADD_K: u16 = 0x04;
    /// A ← A + X.
    pub const ADD_X: u16 = 0x0c;
    /// A ← A − k.
    pub const SUB_K: u16 = 0x14;
    /// A ← A − X.
    pub const SUB_X: u16 = 0x1c;
    /// A ← A × k.
    pub const MUL_K: u16 = 0x24;
    /// A ← A × X.
    pub const MUL_X: u16 = 0x2c;
    /// A ← A ÷ k; k is not zero.
    pub const DIV_K: u16 = 0x34;
    /// A ← A ÷ X; rejects if X is zero.
    pub const DIV_X: u16 = 0x3c;
    /// A ← A | k.
    pub const OR_K: u16 = 0x44;
    /// A ← A | X.
    pub const OR_X: u16 = 0x4c;
    /// A ← A & k.
    pub const AND_K: u16 = 0x54;
    /// A ← A & X.
    pub const AND_X: u16 = 0x5c;
    /// A ← A « k.
    pub const LSH_K: u16 = 0x64;
    /// A ← A « X.
    pub const LSH_X: u16 = 0x6c;
    /// A ← A » k.
    pub const RSH_K: u16 = 0x74;
    /// A ← A » X.
    pub const RSH_X: u16 = 0x7c;
    /// A ← −A.
    pub const NEG: u16 = 0x84;
    /// Skip k instructions.
    pub const JA: u16 = 0x05;
    /// Skip `jt` instructions if A = k, else `jf`.
    pub const JEQ_K: u16 = 0x15;
    /// Skip `jt` instructions if A = X, else `jf`.
    pub const JEQ_X: u16 = 0x1d;
    /// Skip `jt` instructions if A > k, else `jf`.
    pub const JGT_K: u16 = 0x25;
    /// Skip `jt` instructions if A > X, else `jf`.
    pub const JGT_X: u16 = 0x2d;
    /// Skip `jt` instructions if A ≥ k, else `jf`.
    pub const JGE_K: u16 = 0x35;
    /// Skip `jt` instructions if A ≥ X, else `jf`.
    pub const JGE_X: u16 = 0x3d;
    /// Skip `jt` instructions if A & k, else `jf`.
    pub const JSET_K: u16 = 0x45;
    /// Skip `jt` instructions if A & X, else `jf`.
    pub const JSET_X: u16 = 0x4d;
    /// Return k.
    pub const RET_K: u16 = 0x06;
    /// Return A.
    pub const RET_A: u16 = 0x16;
    /// X ← A.
    pub const TAX: u16 = 0x07;
    /// A ← X.
    pub const TXA: u16 = 0x87;
    /// Mach: end with the keys in scratch words 0 to `jt`; `jt` [`KEY_IMM`]s follow.
    pub const MATCH_IMM: u16 = 0x1e;
    /// Mach: not executed; k is one key constant of the `MATCH_IMM` before.
    pub const KEY_IMM: u16 = 0x26;
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The operation, one of [`code`].
    pub code: u16,
    /// Instructions to skip when the condition holds.
    pub jt: u8,
    /// Instructions to skip when it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

/// Why a program was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramError {
    /// It has no instruction, or more than [`MAX_INSTRUCTIONS`]; how many it has.
    Length(usize),
    /// The instruction at this index has an unknown code, or an operand that is not allowed.
    Instruction(usize),
    /// A jump at this index, or running past it, leaves the program.
    Jump(usize),
}

/// A program whose jumps, scratch words and divisors have been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    instructions: Box<[Instruction]>,
}

/// How a run of a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned a number of bytes to keep; 0 rejects the packet.
    Return(u32),
    /// It reached a `MATCH_IMM` with so many keys in scratch memory.
    Match(usize),
}

/// Filters of which each is run in turn until one accepts.
#[derive(Clone, Debug, Default)]
pub struct Bpf {
    programs: Vec<Program>,
}

impl Bpf {
    /// Adds a filter behind all others; its number is how many there were.
    pub fn install(&mut self, program: Program) {
        self.programs.push(program);
    }

    /// Removes the filter behind all others.
    pub fn remove_last(&mut self) -> Option<Program> {
        self.programs.pop()
    }

    /// The number of the first filter that accepts the packet.
    pub fn classify(&self, packet: &[u8]) -> Option<u32> {
        let length = packet.len() as u32;
        // One scratch memory for all: no program can tell, since BPF leaves open what it holds at first.
        let mut scratch = [0; SCRATCH_WORDS];
        let first = self.programs.iter().position(|program| {
            !matches!(
                program.run(packet, length, &mut scratch),
                Outcome::Return(0)
            )
        });
        first.map(|index| index as u32)
    }
}

impl Program {
    /// Checks a plain BPF program.
    ///
    /// # Errors
    ///
    /// [`ProgramError`] when it could not be run safely to an end, or has Mach's instructions.
    pub fn new(instructions: Vec<Instruction>) -> Result<Self, ProgramError> {
        let mach = |op: &Instruction| matches!(op.code, code::MATCH_IMM | code::KEY_IMM);
        match instructions.iter().position(mach) {
            Some(index) => Err(ProgramError::Instruction(index)),
            None => Self::with_match(instructions),
        }
    }

    /// Checks a program that may end in `MATCH_IMM`.
    ///
    /// # Errors
    ///
    /// [`ProgramError`] when it could not be run safely to an end.
    pub fn with_match(instructions: Vec<Instruction>) -> Result<Self, ProgramError> {
        let count = instructions.len();
        if count == 0 || count > MAX_INSTRUCTIONS {
            return Err(ProgramError::Length(count));
        }
        for (index, op) in instructions.iter().enumerate() {
            check(&instructions, index, op)?;
        }
        Ok(Self {
            instructions: instructions.into_boxed_slice(),
        })
    }

    /// The instructions.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// Whether the program returns anything but 0. `length` is the packet's original length.
    pub fn accepts(&self, packet: &[u8], length: u32) -> bool {
        let mut scratch = [0; SCRATCH_WORDS];
        !matches!(self.run(packet, length, &mut scratch), Outcome::Return(0))
    }

    /// Interprets the program. `length` is the packet's original length.
    pub fn run(&self, packet: &[u8], length: u32, scratch: &mut [u32; SCRATCH_WORDS]) -> Outcome {
        let (mut a, mut x, mut next) = (0_u32, 0_u32, 0_usize);
        // `check` made sure that execution cannot pass the last instruction.
        while let Some(op) = self.instructions.get(next) {
            next += 1;
            let k = op.k;
            let mut skip = |condition| next += usize::from(if condition { op.jt } else { op.jf });
            match op.code {
                code::LD_W_ABS | code::LD_H_ABS | code::LD_B_ABS => match load(packet, op, 0) {
                    Some(value) => a = value,
                    None => return Outcome::Return(0),
                },
                code::LD_W_IND | code::LD_H_IND | code::LD_B_IND => match load(packet, op, x) {
                    Some(value) => a = value,
                    None => return Outcome::Return(0),
                },
                code::LDX_MSH => match packet.get(k as usize) {
                    Some(byte) => x = u32::from(byte & 0xf) << 2,
                    None => return Outcome::Return(0),
                },
                code::LD_IMM => a = k,
                code::LD_MEM => a = scratch[k as usize % SCRATCH_WORDS],
                code::LD_LEN => a = length,
                code::LDX_IMM => x = k,
                code::LDX_MEM => x = scratch[k as usize % SCRATCH_WORDS],
                code::LDX_LEN => x = length,
                code::ST => scratch[k as usize % SCRATCH_WORDS] = a,
                code::STX => scratch[k as usize % SCRATCH_WORDS] = x,
                code::JA => next += k as usize,
                code::JEQ_K => skip(a == k),
                code::JEQ_X => skip(a == x),
                code::JGT_K => skip(a > k),
                code::JGT_X => skip(a > x),
                code::JGE_K => skip(a >= k),
                code::JGE_X => skip(a >= x),
                code::JSET_K => skip(a & k != 0),
                code::JSET_X => skip(a & x != 0),
                code::RET_K => return Outcome::Return(k),
                code::RET_A => return Outcome::Return(a),
                code::MATCH_IMM => return Outcome::Match(usize::from(op.jt)),
                code::TAX => x = a,
                code::TXA => a = x,
                code::DIV_X if x == 0 => return Outcome::Return(0),
                _ => a = arithmetic(op, a, x),
            }
        }
        Outcome::Return(0)
    }
}

/// The load that `op` names, moved by `index`; nothing if it leaves the packet.
#[inline(always)]
fn load(packet: &[u8], op: &Instruction, index: u32) -> Option<u32> {
    let start = (op.k as usize).checked_add(index as usize)?;
    match op.code {
        code::LD_W_ABS | code::LD_W_IND => {
            let bytes = packet.get(start..start.checked_add(4)?)?;
            Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        }
        code::LD_H_ABS | code::LD_H_IND => {
            let bytes = packet.get(start..start.checked_add(2)?)?;
            Some(u32::from(u16::from_be_bytes([bytes[0], bytes[1]])))
        }
        _ => packet.get(start).map(|byte| u32::from(*byte)),
    }
}

fn arithmetic(op: &Instruction, a: u32, x: u32) -> u32 {
    let k = op.k;
    match op.code {
        code::ADD_K => a.wrapping_add(k),
        code::ADD_X => a.wrapping_add(x),
        code::SUB_K => a.wrapping_sub(k),
        code::SUB_X => a.wrapping_sub(x),
        code::MUL_K => a.wrapping_mul(k),
        code::MUL_X => a.wrapping_mul(x),
        code::DIV_K => a.checked_div(k).unwrap_or(0),
        code::DIV_X => a.checked_div(x).unwrap_or(0),
        code::OR_K => a | k,
        code::OR_X => a | x,
        code::AND_K => a & k,
        code::AND_X => a & x,
        code::LSH_K => a.checked_shl(k).unwrap_or(0),
        code::LSH_X => a.checked_shl(x).unwrap_or(0),
        code::RSH_K => a.checked_shr(k).unwrap_or(0),
        code::RSH_X => a.checked_shr(x).unwrap_or(0),
        _ => a.wrapping_neg(),
    }
}

/// That `op`, at `index`, is known, its operand allowed, and what follows it inside the program.
fn check(program: &[Instruction], index: usize, op: &Instruction) -> Result<(), ProgramError> {
    let k = op.k as usize;
    let skips = match op.code {
        code::LD_W_ABS | code::LD_H_ABS | code::LD_B_ABS | code::LD_W_IND | code::LD_H_IND => 0,
        code::LD_B_IND | code::LD_IMM | code::LD_LEN | code::LDX_IMM | code::LDX_LEN => 0,
        code::LDX_MSH | code::TAX | code::TXA | code::NEG => 0,
        code::ADD_K | code::ADD_X | code::SUB_K | code::SUB_X | code::MUL_K | code::MUL_X => 0,
        code::OR_K | code::OR_X | code::AND_K | code::AND_X | code::DIV_X => 0,
        code::LSH_K | code::LSH_X | code::RSH_K | code::RSH_X => 0,
        code::DIV_K if k != 0 => 0,
        code::LD_MEM | code::LDX_MEM | code::ST | code::STX if k < SCRATCH_WORDS => 0,
        code::JA => k,
        code::JEQ_K | code::JEQ_X | code::JGT_K | code::JGT_X | code::JGE_K | code::JGE_X => {
            jump(op)
        }
        code::JSET_K | code::JSET_X => jump(op),
        code::RET_K | code::RET_A => return Ok(()),
        code::MATCH_IMM => return check_match(program, index, op),
        code::KEY_IMM => 0,
        _ => return Err(ProgramError::Instruction(index)),
    };
    // A key constant may end the program; anything else must be followed by an instruction.
    let last = index + 1 == program.len();
    match program.len() - index - 1 > skips || (op.code == code::KEY_IMM && last) {
        true => Ok(()),
        false => Err(ProgramError::Jump(index)),
    }
}

/// The further of the two instructions a conditional jump can skip to.
fn jump(op: &Instruction) -> usize {
    usize::from(op.jt.max(op.jf))
}

fn check_match(
    program: &[Instruction],
    index: usize,
    op: &Instruction,
) -> Result<(), ProgramError> {
    let keys = usize::from(op.jt);
    let following = program.get(index + 1..index + 1 + keys).unwrap_or(&[]);
    let all = following.len() == keys && following.iter().all(|op| op.code == code::KEY_IMM);
    match all && (1..=MAX_KEYS).contains(&keys) {
        true => Ok(()),
        false => Err(ProgramError::Instruction(index)),
    }
}

#[cfg(test)]
mod tests;
