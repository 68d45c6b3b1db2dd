//! An instruction word as text.
//!
//! The printer walks the format of the operation; it knows no instruction by itself. Names of
//! registers are those of the o32 convention, targets are addresses, and a word that is no
//! instruction prints as data.

use super::decode::{Decoded, Format, Op};
use super::register::Register;
use core::fmt;

/// A word at an address, printed as an assembler would read it.
///
/// ```
/// use decstation::cpu::Disassembly;
/// let line = Disassembly { word: 0x8fbf_0014, address: 0x8000_0000 };
/// assert_eq!(line.to_string(), "lw ra, 20(sp)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disassembly {
    /// The instruction.
    pub word: u32,
    /// Where it stands; targets of branches are relative to it.
    pub address: u32,
}

/// The registers of coprocessor 0 by number.
const CONTROL: [&str; 32] = [
    "index", "random", "entrylo", "3", "context", "5", "6", "7", "badvaddr", "9", "entryhi", "11",
    "status", "cause", "epc", "prid", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25",
    "26", "27", "28", "29", "30", "31",
];

impl fmt::Display for Disassembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word;
        if word == 0 {
            return f.write_str("nop");
        }
        let Decoded { op, immediate, .. } = Decoded::new(word);
        if op == Op::Reserved {
            return write!(f, ".word {word:#010x}");
        }
        f.write_str(op.text())?;
        let rs = Register::of_field(word >> 21);
        let rt = Register::of_field(word >> 16);
        let rd = Register::of_field(word >> 11);
        let signed = word as u16 as i16;
        let unsigned = word & 0xffff;
        let slot = self.address.wrapping_add(4);
        let near = slot.wrapping_add(immediate);
        let far = slot & 0xf000_0000 | immediate;
        match op.format() {
            Format::Shift => write!(f, " {rd}, {rt}, {immediate:#x}"),
            Format::ShiftVariable => write!(f, " {rd}, {rt}, {rs}"),
            Format::Source => write!(f, " {rs}"),
            Format::LinkSource if rd == Register::RA => write!(f, " {rs}"),
            Format::LinkSource => write!(f, " {rd}, {rs}"),
            Format::Code if word >> 6 == 0 => Ok(()),
            Format::Code => write!(f, " {:#x}", word >> 6 & 0xf_ffff),
            Format::Destination => write!(f, " {rd}"),
            Format::Pair => write!(f, " {rs}, {rt}"),
            Format::Register => write!(f, " {rd}, {rs}, {rt}"),
            Format::BranchSource | Format::BranchLink => write!(f, " {rs}, {near:#x}"),
            Format::BranchPair => write!(f, " {rs}, {rt}, {near:#x}"),
            Format::BranchBare => write!(f, " {near:#x}"),
            Format::Target | Format::TargetLink => write!(f, " {far:#x}"),
            Format::Signed => write!(f, " {rt}, {rs}, {signed}"),
            Format::Unsigned => write!(f, " {rt}, {rs}, {unsigned:#x}"),
            Format::Upper => write!(f, " {rt}, {unsigned:#x}"),
            Format::Load | Format::Store => write!(f, " {rt}, {signed}({rs})"),
            Format::MoveFrom | Format::MoveTo => {
                write!(f, " {rt}, {}", CONTROL[usize::from(rd.number())])
            }
            Format::MoveFromFloat | Format::MoveToFloat => write!(f, " {rt}, {}", rd.number()),
            Format::Nothing => Ok(()),
            Format::Coprocessor => write!(f, " {:#x}", word & 0x01ff_ffff),
            Format::CoprocessorMemory | Format::FloatMemory => {
                write!(f, " {}, {signed}({rs})", rt.number())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_every_format() {
        let lines = [
            (0x0000_0000, "nop"),
            (0x0008_4080, "sll t0, t0, 0x2"),
            (0x012a_4004, "sllv t0, t2, t1"),
            (0x03e0_0008, "jr ra"),
            (0x0320_f809, "jalr t9"),
            (0x0320_4009, "jalr t0, t9"),
            (0x0000_000c, "syscall"),
            (0x0000_004d, "break 0x1"),
            (0x0000_1010, "mfhi v0"),
            (0x0085_0018, "mult a0, a1"),
            (0x0085_1021, "addu v0, a0, a1"),
            (0x1485_0003, "bne a0, a1, 0x80000010"),
            (0x0481_ffff, "bgez a0, 0x80000000"),
            (0x4100_0001, "bc0f 0x80000008"),
            (0x0c00_0040, "jal 0x80000100"),
            (0x27bd_ffe8, "addiu sp, sp, -24"),
            (0x3421_1234, "ori at, at, 0x1234"),
            (0x3c01_8000, "lui at, 0x8000"),
            (0xafbf_0014, "sw ra, 20(sp)"),
            (0x401a_6800, "mfc0 k0, cause"),
            (0x409b_6000, "mtc0 k1, status"),
            (0x4200_0010, "rfe"),
            (0x4600_0000, "cop1 0x0"),
            (0xc7a2_0010, "lwc1 2, 16(sp)"),
            (0x7c03_e83b, ".word 0x7c03e83b"),
        ];
        for (word, text) in lines {
            let line = Disassembly {
                word,
                address: 0x8000_0000,
            };
            assert_eq!(line.to_string(), text);
        }
    }
}
