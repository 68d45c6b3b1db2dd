//! The rules of the R2000 and R3000 pipeline, on every path of one or two instructions.
//!
//! - A register is not read by the instruction after its load (or `mfc0`).
//! - HI and LO are not written by the two instructions after a move from them.
//! - No branch stands in a branch's delay slot.
//! - Every word is an instruction of MIPS-I, but for what linkers fill gaps with, where control cannot come.
//!
//! Where a register says where control goes, the rules are not followed further.

use super::decode::{Effect, Instruction, decode};
use core::fmt;

/// What lld fills gaps between functions with.
const FILL: u32 = 0x0417_0001;

/// A section of code.
#[derive(Debug)]
pub struct Code {
    /// Of its first word.
    pub address: u32,
    /// Its words.
    pub words: Vec<u32>,
}

/// A broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub kind: Kind,
    /// Of the first of the instructions.
    pub address: u32,
    word: u32,
    /// Of the second, if there are two.
    second: Option<u32>,
}

/// Which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What an instruction loads is used by the next.
    LoadDelay,
    /// HI or LO is written too early after it was read.
    HiLo,
    /// A branch stands in a branch's slot.
    BranchInSlot,
    /// No instruction of MIPS-I.
    NotMips1,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = decode(self.word).map_or("?", |instruction| instruction.name);
        write!(f, "{:08x}: {:08x} {name}: ", self.address, self.word)?;
        match self.kind {
            Kind::LoadDelay => write!(f, "what it loads is used at once"),
            Kind::HiLo => write!(f, "HI or LO is written too early after it"),
            Kind::BranchInSlot => write!(f, "its delay slot holds a branch"),
            Kind::NotMips1 => write!(f, "not an instruction of MIPS-I"),
        }?;
        match self.second {
            Some(second) => write!(f, " at {second:08x}"),
            None => Ok(()),
        }
    }
}

/// Bytes that are no whole number of words, or not aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotWords {
    /// Where they are.
    pub address: u32,
    /// How many they are.
    pub bytes: usize,
}

impl fmt::Display for NotWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotWords { address, bytes } = self;
        write!(f, "{bytes} bytes at {address:#x} are not words")
    }
}

impl core::error::Error for NotWords {}

impl Code {
    /// The bytes as words at the address.
    ///
    /// # Errors
    ///
    /// When they are no whole number of words, or the address is not aligned.
    pub fn new(address: u32, bytes: &[u8], word: fn([u8; 4]) -> u32) -> Result<Self, NotWords> {
        let (words, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() || !address.is_multiple_of(4) {
            return Err(NotWords {
                address,
                bytes: bytes.len(),
            });
        }
        Ok(Self {
            address,
            words: words.iter().copied().map(word).collect(),
        })
    }

    fn instruction(&self, at: usize) -> Option<Instruction> {
        self.words.get(at).copied().and_then(decode)
    }

    fn address_of(&self, at: usize) -> u32 {
        self.address.wrapping_add(4 * at as u32)
    }

    /// The index of the word at an address, if it is in this section.
    fn index_of(&self, address: u32) -> Option<usize> {
        let at = address.wrapping_sub(self.address) as usize / 4;
        (at < self.words.len()).then_some(at)
    }

    /// The effect of the branch whose delay slot this word is.
    fn branch_before(&self, at: usize) -> Option<Effect> {
        let effect = self.instruction(at.checked_sub(1)?)?.effect;
        is_branch(effect).then_some(effect)
    }

    /// What may be executed right after the word at a place. Whoever is called comes back later.
    fn next(&self, at: usize) -> Vec<usize> {
        let relative = |offset: i32| self.index_of(self.address_of(at).wrapping_add_signed(offset));
        let on = (at + 1 < self.words.len()).then_some(at + 1);
        let (target, on) = match self.branch_before(at) {
            Some(Effect::Branch(offset)) => (relative(offset), on),
            Some(Effect::Always(offset)) => (relative(offset), None),
            Some(Effect::Jump(target)) => {
                let target = self.address_of(at) & 0xf000_0000 | target;
                (self.index_of(target), None)
            }
            Some(Effect::Register) => (None, None),
            _ => (None, on),
        };
        target.into_iter().chain(on).collect()
    }
}

/// Every fault of the section, in order.
pub fn check(code: &Code) -> Vec<Fault> {
    (0..code.words.len())
        .filter_map(|at| {
            let (kind, second) = fault(code, at)?;
            Some(Fault {
                kind,
                address: code.address_of(at),
                word: code.words[at],
                second: second.map(|second| code.address_of(second)),
            })
        })
        .collect()
}

fn fault(code: &Code, at: usize) -> Option<(Kind, Option<usize>)> {
    let Some(instruction) = code.instruction(at) else {
        let is_gap = code.words[at] == FILL && !is_reached(code, at);
        return (!is_gap).then_some((Kind::NotMips1, None));
    };
    let next = code.next(at);
    let used = |loaded: u32, part: bool| {
        let found = next.iter().copied().find(|&next| {
            code.instruction(next)
                .is_some_and(|user| match user.effect {
                    // The other half is forwarded what this half loads, but not into its address.
                    Effect::PartLoad(t) if part && t == loaded => base(code.words[next]) == loaded,
                    _ => user.reads >> loaded & 1 == 1,
                })
        });
        found.map(|second| (Kind::LoadDelay, Some(second)))
    };
    match instruction.effect {
        Effect::Load(t) => used(t, false),
        Effect::PartLoad(t) => used(t, true),
        Effect::FromHiLo => {
            let second = next.iter().flat_map(|&next| code.next(next));
            let mut near = next.iter().copied().chain(second);
            let writes = |at: &usize| {
                let instruction = code.instruction(*at);
                instruction.is_some_and(|instruction| instruction.effect == Effect::ToHiLo)
            };
            near.find(writes).map(|second| (Kind::HiLo, Some(second)))
        }
        effect if is_branch(effect) => {
            let slot = code.instruction(at + 1)?;
            is_branch(slot.effect).then_some((Kind::BranchInSlot, Some(at + 1)))
        }
        _ => None,
    }
}

fn is_branch(effect: Effect) -> bool {
    matches!(
        effect,
        Effect::Branch(_) | Effect::Always(_) | Effect::Jump(_) | Effect::Register
    )
}

/// Whether control may come to a word from the one before it.
fn is_reached(code: &Code, at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else {
        return false;
    };
    code.words[before] != FILL && code.next(before).contains(&at)
}

/// The register that an address is relative to.
const fn base(word: u32) -> u32 {
    word >> 21 & 31
}
