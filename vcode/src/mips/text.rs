//! Instructions as text and back, after the list of [`encode`](super::encode).
//!
//! Problem: listings for people, and a form that an assembler takes, so that it can judge. Method: the operands
//! of a line of the list are walked once to print and once to parse; the syntax is that of GNU `as`, registers
//! by number, branches relative to the instruction itself (`.+8`). Left out: pseudo-instructions and labels.

use core::fmt;
use core::str::FromStr;

use super::encode::{Field, Kind, LIST, Row};

/// An instruction word that prints as assembler, and parses back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instruction(pub u32);

/// The text is no instruction of MIPS-I, or a number in it does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnInstruction;

impl fmt::Display for NotAnInstruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an instruction of MIPS-I")
    }
}

impl core::error::Error for NotAnInstruction {}

impl fmt::Display for Instruction {
    /// A word that is no instruction prints as data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(row) = Row::of(self.0) else {
            return write!(f, "{:<8}{:#010x}", ".word", self.0);
        };
        if row.operands.is_empty() {
            return f.write_str(row.name());
        }
        write!(f, "{:<8}", row.name())?;
        for letter in row.operands.chars() {
            match Field::of(letter) {
                Some(field) => print(field, self.0, f)?,
                None => write!(f, "{letter}")?,
            }
        }
        Ok(())
    }
}

fn print(field: Field, word: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let value = field.get(word);
    match field.kind {
        Kind::Register => write!(f, "${value}"),
        Kind::Unsigned => write!(f, "{value:#x}"),
        Kind::Signed => write!(f, "{}", value as i16),
        Kind::Branch => write!(f, ".{:+}", i64::from(value as i16) * 4 + 4),
        Kind::Jump => write!(f, "{:#x}", value << 2),
    }
}

impl FromStr for Instruction {
    type Err = NotAnInstruction;

    fn from_str(text: &str) -> Result<Self, NotAnInstruction> {
        let (name, mut rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if name == ".word" {
            let word = number(rest.trim()).and_then(|word| u32::try_from(word).ok());
            return word.map(Self).ok_or(NotAnInstruction);
        }
        let row = LIST.iter().find(|row| row.name() == name);
        let row = row.ok_or(NotAnInstruction)?;
        let mut word = row.bits;
        rest = rest.trim_start();
        for letter in row.operands.chars() {
            match Field::of(letter) {
                Some(field) => {
                    let end = rest.find([',', '(', ')']).unwrap_or(rest.len());
                    let (operand, after) = rest.split_at(end);
                    word |= parse(field, operand.trim()).ok_or(NotAnInstruction)?;
                    rest = after;
                }
                None => rest = rest.strip_prefix(letter).ok_or(NotAnInstruction)?,
            }
        }
        if rest.is_empty() {
            Ok(Self(word))
        } else {
            Err(NotAnInstruction)
        }
    }
}

/// The operand in its place, if it fits.
fn parse(field: Field, text: &str) -> Option<u32> {
    let value = match field.kind {
        Kind::Register => number(text.strip_prefix('$')?)?,
        Kind::Unsigned | Kind::Signed => number(text)?,
        Kind::Branch => words(number(text.strip_prefix('.')?)?.checked_sub(4)?)?,
        Kind::Jump => words(number(text)?)?,
    };
    let placed = field.put(value as u32);
    let back = i64::from(field.get(placed));
    let fits = match field.kind {
        Kind::Signed | Kind::Branch => i64::from(back as i16) == value,
        Kind::Register | Kind::Unsigned | Kind::Jump => back == value,
    };
    fits.then_some(placed)
}

fn words(bytes: i64) -> Option<i64> {
    (bytes % 4 == 0).then_some(bytes / 4)
}

fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
