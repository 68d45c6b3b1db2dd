//! From a described conjunction to programs of the BPF machine.
//!
//! Plain BPF compares every cell with a constant in the instruction. MPF tests the constants that
//! all filters share in the same way, but leaves each key in a scratch word and ends in
//! `MATCH_IMM` with the key constants behind it. Headers behind one of variable length are reached
//! through the index register, as `tcpdump -d` shows for any TCP port.
//!
//! Behind an IPv4 header of variable length, only a datagram's first fragment has the headers that
//! cells there are about. A program of this machine has nobody to tell it, so it tests the fragment
//! offset before it loads a port, as `tcpdump -d` shows too: two instructions more than the
//! description says, which refuse later fragments.
//!
//! Left out: more than one header of variable length, which the machine's one index register
//! makes awkward and no filter here has.

use super::bpf::{Instruction, MAX_KEYS, Program, ProgramError, code};
use crate::filter::{Cell, Conjunction, Length};
use alloc::vec::Vec;

/// Where an IPv4 header has the offset of its fragment, and the bits of that word.
const FRAGMENT_OFFSET: u32 = 6;
const FRAGMENT_MASK: u32 = 0x1fff;

/// Why a conjunction has no program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TranslateError {
    /// More than one header of variable length before others.
    VariableHeaders,
    /// A cell that is not 1, 2 or 4 bytes wide.
    Width(u8),
    /// No key, or more than [`MAX_KEYS`]; how many.
    Keys(usize),
    /// A comparison this many instructions before the end, where a jump spans at most 255.
    Distance(usize),
    /// The program was refused.
    Program(ProgramError),
}

impl From<ProgramError> for TranslateError {
    fn from(error: ProgramError) -> Self {
        Self::Program(error)
    }
}

/// A program that accepts what the conjunction accepts.
///
/// # Errors
///
/// [`TranslateError`] when the machine cannot say it.
pub fn bpf(filter: &Conjunction) -> Result<Program, TranslateError> {
    let mut writer = Writer::default();
    writer.headers(filter, |writer, cell| writer.compare(cell.value))?;
    writer.emit(code::RET_K, u32::MAX);
    Ok(Program::new(writer.resolve()?)?)
}

/// A program that tests what is not a key, and ends in `MATCH_IMM` with the keys.
///
/// # Errors
///
/// [`TranslateError`] when the machine cannot say it, or there are too many keys.
pub fn mpf(filter: &Conjunction) -> Result<Program, TranslateError> {
    let mut writer = Writer::default();
    let mut keys = Vec::new();
    writer.headers(filter, |writer, cell| {
        if cell.key {
            writer.emit(code::ST, keys.len() as u32);
            keys.push(cell.value);
        } else {
            writer.compare(cell.value);
        }
    })?;
    if !(1..=MAX_KEYS).contains(&keys.len()) {
        return Err(TranslateError::Keys(keys.len()));
    }
    writer.emit(code::MATCH_IMM, u32::MAX);
    if let Some(last) = writer.code.last_mut() {
        last.jt = keys.len() as u8;
    }
    for key in keys {
        writer.emit(code::KEY_IMM, key);
    }
    Ok(Program::with_match(writer.resolve()?)?)
}

#[derive(Default)]
struct Writer {
    code: Vec<Instruction>,
    /// The comparisons of which one outcome goes to the end, and which.
    rejects: Vec<(usize, bool)>,
}

impl Writer {
    fn headers(
        &mut self,
        filter: &Conjunction,
        mut test: impl FnMut(&mut Self, &Cell),
    ) -> Result<(), TranslateError> {
        let (mut base, mut indexed) = (0_u32, false);
        for (number, header) in filter.headers.iter().enumerate() {
            for cell in &header.cells {
                self.load(cell, base, indexed)?;
                test(self, cell);
            }
            match header.length {
                Length::Fixed(length) => base += u32::from(length),
                Length::InternetHeader if number + 1 == filter.headers.len() => {}
                Length::InternetHeader if !indexed => {
                    self.emit(code::LD_H_ABS, base + FRAGMENT_OFFSET);
                    self.refuse(FRAGMENT_MASK);
                    self.emit(code::LDX_MSH, base);
                    indexed = true;
                }
                Length::InternetHeader => return Err(TranslateError::VariableHeaders),
            }
        }
        Ok(())
    }

    fn load(&mut self, cell: &Cell, base: u32, indexed: bool) -> Result<(), TranslateError> {
        let code = match (cell.field.bytes, indexed) {
            (1, false) => code::LD_B_ABS,
            (1, true) => code::LD_B_IND,
            (2, false) => code::LD_H_ABS,
            (2, true) => code::LD_H_IND,
            (4, false) => code::LD_W_ABS,
            (4, true) => code::LD_W_IND,
            (bytes, _) => return Err(TranslateError::Width(bytes)),
        };
        self.emit(code, base + u32::from(cell.field.offset));
        Ok(())
    }

    fn compare(&mut self, value: u32) {
        self.rejects.push((self.code.len(), false));
        self.emit(code::JEQ_K, value);
    }

    /// Rejects if the word just loaded has one of these bits.
    fn refuse(&mut self, bits: u32) {
        self.rejects.push((self.code.len(), true));
        self.emit(code::JSET_K, bits);
    }

    fn emit(&mut self, code: u16, k: u32) {
        self.code.push(Instruction {
            code,
            jt: 0,
            jf: 0,
            k,
        });
    }

    /// Appends the rejecting return and points every failed comparison at it.
    fn resolve(mut self) -> Result<Vec<Instruction>, TranslateError> {
        let end = self.code.len();
        for (reject, outcome) in self.rejects {
            let distance = end - reject - 1;
            let skip = u8::try_from(distance).map_err(|_| TranslateError::Distance(distance))?;
            let op = &mut self.code[reject];
            *(if outcome { &mut op.jt } else { &mut op.jf }) = skip;
        }
        self.code.push(Instruction {
            code: code::RET_K,
            jt: 0,
            jf: 0,
            k: 0,
        });
        Ok(self.code)
    }
}
