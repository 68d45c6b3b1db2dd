//! From an instruction word to the operation and its operands.
//!
//! Decoding happens once per word brought into the instruction cache, so that running a loop costs
//! no decoding. A [`Decoded`] names only registers that the instruction reads or writes; the other
//! fields are register 0, and so the check for load delays is two comparisons.

use super::table::for_each_instruction;

/// Where the code of an instruction stands in its word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Space {
    /// Bits 31:26.
    Primary,
    /// Bits 5:0 under primary 0.
    Special,
    /// Bits 20:16 under primary 1.
    Regimm,
    /// Bits 25:21 under primary 0x10.
    Cop0,
    /// Bits 20:16 under primary 0x10 with 8 in bits 25:21.
    Cop0Branch,
    /// Bits 5:0 under primary 0x10 with bit 25 set.
    Cop0Function,
    /// Bits 25:21 under primary 0x11.
    Cop1,
}

/// How an instruction's operands stand in its word: the fields it reads (S, T), the field it writes
/// (D), and its immediate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `rd, rt, shamt`.
    Shift,
    /// `rd, rt, rs`.
    ShiftVariable,
    /// `rs`.
    Source,
    /// `rd, rs`.
    LinkSource,
    /// A code for the handler in bits 25:6.
    Code,
    /// `rd`.
    Destination,
    /// `rs, rt`.
    Pair,
    /// `rd, rs, rt`.
    Register,
    /// `rs, target`.
    BranchSource,
    /// `rs, target`; writes `ra`.
    BranchLink,
    /// `rs, rt, target`.
    BranchPair,
    /// `target`.
    BranchBare,
    /// A target in the same 256 megabytes.
    Target,
    /// A target in the same 256 megabytes; writes `ra`.
    TargetLink,
    /// `rt, rs, immediate`, sign extended.
    Signed,
    /// `rt, rs, immediate`, zero extended.
    Unsigned,
    /// `rt, immediate`.
    Upper,
    /// `rt, offset(rs)`, writes `rt`.
    Load,
    /// `rt, offset(rs)`, reads both.
    Store,
    /// `rt, register of coprocessor 0`, writes `rt`.
    MoveFrom,
    /// `rt, register of coprocessor 0`, reads `rt`.
    MoveTo,
    /// `rt, register of coprocessor 1`, writes `rt`.
    MoveFromFloat,
    /// `rt, register of coprocessor 1`, reads `rt`.
    MoveToFloat,
    /// `register of coprocessor 1, offset(rs)`; the register stands as the destination.
    FloatMemory,
    /// No operands.
    Nothing,
    /// An operation of a coprocessor, bits 24:0.
    Coprocessor,
    /// `register of the coprocessor, offset(rs)`.
    CoprocessorMemory,
}

/// A word taken apart. What the instruction does not read or write is register 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The operation.
    pub op: Op,
    /// The first register read.
    pub s: u8,
    /// The second register read.
    pub t: u8,
    /// The register written.
    pub d: u8,
    /// The immediate, extended as the format says.
    pub immediate: u32,
}

/// One row of the table, without what it does.
#[derive(Clone, Copy)]
struct Row {
    op: Op,
    text: &'static str,
    space: Space,
    code: u8,
    format: Format,
}

macro_rules! define {
    ($($op:ident $text:literal $space:ident $code:literal $format:ident |$c:ident, $x:ident| $do:expr;)*) => {
        /// An operation of the instruction set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Op {
            /// A word that is no instruction of the set.
            Reserved,
            $(#[doc = concat!("`", $text, "`")] $op,)*
        }

        const ROWS: &[Row] = &[
            // Never found by its encoding: it stands here so that rows are numbered as `Op` is.
            Row { op: Op::Reserved, text: ".word", space: Space::Special, code: 0x3f, format: Format::Nothing },
            $(Row { op: Op::$op, text: $text, space: Space::$space, code: $code, format: Format::$format },)*
        ];
    };
}
for_each_instruction!(define);

impl Op {
    /// Every operation, in the table's order.
    pub fn all() -> impl Iterator<Item = Op> {
        ROWS.iter().skip(1).map(|row| row.op)
    }

    /// The name an assembler knows it by.
    pub fn text(self) -> &'static str {
        ROWS[self as usize].text
    }

    /// How its operands stand in the word.
    pub fn format(self) -> Format {
        ROWS[self as usize].format
    }

    /// The word of the operation with every operand field zero.
    pub fn template(self) -> u32 {
        let row = ROWS[self as usize];
        let code = u32::from(row.code);
        match row.space {
            // Bit 25 tells an operation of a coprocessor from a move.
            Space::Primary if row.format == Format::Coprocessor => code << 26 | 1 << 25,
            Space::Primary => code << 26,
            Space::Special => code,
            Space::Regimm => 1 << 26 | code << 16,
            Space::Cop0 => 0x10 << 26 | code << 21,
            Space::Cop0Branch => 0x10 << 26 | 8 << 21 | code << 16,
            Space::Cop1 => 0x11 << 26 | code << 21,
            Space::Cop0Function => 0x10 << 26 | 1 << 25 | code,
        }
    }
}

impl Decoded {
    /// Takes `word` apart.
    pub fn new(word: u32) -> Decoded {
        let op = operation(word);
        let (rs, rt, rd) = (field(word, 21), field(word, 16), field(word, 11));
        let low = word & 0xffff;
        let signed = low as u16 as i16 as u32;
        let displacement = signed << 2;
        let (s, t, d, immediate) = match op.format() {
            Format::Shift => (0, rt, rd, word >> 6 & 31),
            Format::ShiftVariable | Format::Register => (rs, rt, rd, 0),
            Format::Source => (rs, 0, 0, 0),
            Format::LinkSource => (rs, 0, rd, 0),
            Format::Destination => (0, 0, rd, 0),
            Format::Pair => (rs, rt, 0, 0),
            Format::BranchSource => (rs, 0, 0, displacement),
            Format::BranchLink => (rs, 0, 31, displacement),
            Format::BranchPair => (rs, rt, 0, displacement),
            Format::BranchBare => (0, 0, 0, displacement),
            Format::Target => (0, 0, 0, (word & 0x03ff_ffff) << 2),
            Format::TargetLink => (0, 0, 31, (word & 0x03ff_ffff) << 2),
            Format::Signed | Format::Load | Format::FloatMemory => (rs, 0, rt, signed),
            Format::Unsigned => (rs, 0, rt, low),
            Format::Upper => (0, 0, rt, low),
            Format::Store => (rs, rt, 0, signed),
            Format::MoveFrom | Format::MoveFromFloat => (0, 0, rt, rd.into()),
            Format::MoveTo | Format::MoveToFloat => (0, rt, 0, rd.into()),
            Format::Code | Format::Nothing | Format::Coprocessor | Format::CoprocessorMemory => {
                (0, 0, 0, 0)
            }
        };
        Decoded {
            op,
            s,
            t,
            d,
            immediate,
        }
    }
}

/// The operation that `word` encodes.
fn operation(word: u32) -> Op {
    let code = |shift: u32, mask: u32| (word >> shift & mask) as usize;
    match code(26, 63) {
        0x00 => SPECIAL[code(0, 63)],
        0x01 => REGIMM[code(16, 31)],
        0x10 if word >> 25 & 1 == 1 => COP0_FUNCTION[code(0, 63)],
        0x10 if code(21, 31) == 8 => COP0_BRANCH[code(16, 31)],
        0x10 => COP0[code(21, 31)],
        0x11 if COP1[code(21, 31)] != Op::Reserved => COP1[code(21, 31)],
        primary => PRIMARY[primary],
    }
}

fn field(word: u32, shift: u32) -> u8 {
    (word >> shift & 31) as u8
}

const PRIMARY: [Op; 64] = codes(Space::Primary);
const SPECIAL: [Op; 64] = codes(Space::Special);
const REGIMM: [Op; 64] = codes(Space::Regimm);
const COP0: [Op; 64] = codes(Space::Cop0);
const COP1: [Op; 64] = codes(Space::Cop1);
const COP0_BRANCH: [Op; 64] = codes(Space::Cop0Branch);
const COP0_FUNCTION: [Op; 64] = codes(Space::Cop0Function);

const fn codes(space: Space) -> [Op; 64] {
    let mut table = [Op::Reserved; 64];
    let mut row = 1;
    while row < ROWS.len() {
        if ROWS[row].space as u8 == space as u8 {
            table[ROWS[row].code as usize] = ROWS[row].op;
        }
        row += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_decode_to_their_operation() {
        assert!(Op::all().count() >= 70);
        for op in Op::all() {
            assert_eq!(Decoded::new(op.template()).op, op);
        }
    }

    #[test]
    fn unlisted_words_are_reserved() {
        // ll, sdc1, special 5, regimm 2, daddiu, eret's code, an unknown cop0 move.
        for word in [
            0xc000_0000,
            0xf400_0000,
            0x0000_0005,
            0x0402_0000,
            0x6400_0000,
            0x4200_0018,
            0x4020_0000,
        ] {
            assert_eq!(Decoded::new(word).op, Op::Reserved, "{word:#x}");
        }
    }
}
