//! MIPS-I machine code → the few operations that emitted code may consist of, and → text.
//!
//! One line per instruction: its name, the format of its operands, and what it does. A word with a
//! bit set where its format has none is no instruction. What is known but not allowed, because it
//! traps, calls, reaches the system or depends on where the code stands, has its line too, so
//! that a refusal can name it. Left out: coprocessors, of which only the name is known.

use core::fmt;

/// An operation and its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    /// The register written, or stored; 0 for none.
    pub(super) target: u8,
    pub(super) left: u8,
    pub(super) right: Operand,
}

/// The last operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Register(u8),
    /// As wide as a register.
    Constant(u32),
}

/// What an operation does. `t` is the target, `a` and `b` are left and right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `t = a op b`.
    Binary(Binary),
    /// `HI:LO = a × b`, or quotient and remainder.
    Product(Product),
    /// `t = HI` or `t = LO`.
    From(Half),
    /// `HI = a` or `LO = a`.
    To(Half),
    /// `t = memory at a + b`.
    Load(Access),
    /// `memory at a + b = t`.
    Store(Access),
    /// Go so many words past the next instruction if the condition holds.
    Branch(Condition, i32),
    /// Go where `a` points.
    JumpRegister,
    /// Not allowed.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Subtract,
    And,
    Or,
    Xor,
    Nor,
    /// 1 if `a < b`, signed, else 0.
    LessSigned,
    /// The same, unsigned.
    Less,
    ShiftLeft,
    ShiftRight,
    ShiftRightSigned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    Multiply { signed: bool },
    Divide { signed: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    High,
    Low,
}

/// What of memory is accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Byte,
    ByteSigned,
    Half,
    HalfSigned,
    Word,
    /// From the start of the aligned word up to the address: the upper bytes of a register.
    Left,
    /// From the address to the end of the aligned word: the lower bytes of a register.
    Right,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// `a = b`.
    Equal,
    NotEqual,
    /// `a < 0`, signed.
    Negative,
    NotNegative,
    /// `a ≤ 0`, signed.
    NotPositive,
    Positive,
}

/// Which bits of a word are which operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// `d,s,t`
    Three,
    /// `d,t,count`
    Shift,
    /// `d,t,s`
    ShiftBy,
    /// `s,t`
    Two,
    /// `d`
    To,
    /// `s`
    From,
    /// `d,s`
    Link,
    /// `code`
    Code,
    /// `t,s,constant`, sign-extended
    Signed,
    /// `t,s,constant`
    Unsigned,
    /// `t,constant`, to be shifted
    Upper,
    /// `t,offset(s)`
    Memory,
    /// `s,t,offset` of a branch
    Compare,
    /// `s,offset` of a branch; the place of `t` tells which
    Sign,
    /// `s,offset` of a branch
    Zero,
    /// a place in the same 256 MB
    Place,
    /// for a coprocessor
    Other,
}

/// A line of the list.
struct Row(&'static str, Format, Kind);

/// The operation that `word` stands for, if it is an instruction of MIPS-I.
pub(super) fn operation(word: u32) -> Option<Operation> {
    let Row(_, format, kind) = row(word)?;
    let [s, t, d] = [21, 16, 11].map(|at| field(word, at, 5) as u8);
    let signed = Operand::Constant(i32::from(word as i16).cast_unsigned());
    let (target, left, right) = match format {
        Format::Three => (d, s, Operand::Register(t)),
        Format::Shift => (d, t, Operand::Constant(field(word, 6, 5))),
        Format::ShiftBy => (d, t, Operand::Register(s)),
        Format::Two | Format::Compare => (0, s, Operand::Register(t)),
        Format::To | Format::Link => (d, s, Operand::Constant(0)),
        Format::From | Format::Sign | Format::Zero => (0, s, Operand::Constant(0)),
        Format::Signed | Format::Memory => (t, s, signed),
        Format::Unsigned => (t, s, Operand::Constant(word & 0xffff)),
        Format::Upper => (t, 0, Operand::Constant(word << 16)),
        Format::Code | Format::Place | Format::Other => (0, 0, Operand::Constant(0)),
    };
    Some(Operation {
        kind,
        target,
        left,
        right,
    })
}

/// The line of `word`.
fn row(word: u32) -> Option<Row> {
    let found = match word >> 26 {
        0 => special(word),
        1 => by_sign(word),
        _ => primary(word),
    }?;
    (word & zero(found.1) == 0).then_some(found)
}

/// Instructions told apart by their first six bits.
fn primary(word: u32) -> Option<Row> {
    use Format as F;
    let binary = |name, format, op| Row(name, format, Kind::Binary(op));
    let branch = |name, format, condition| {
        let words = i32::from(word as i16);
        Row(name, format, Kind::Branch(condition, words))
    };
    let load = |name, access| Row(name, F::Memory, Kind::Load(access));
    let store = |name, access| Row(name, F::Memory, Kind::Store(access));
    let refused = |name, format| Row(name, format, Kind::Refused);
    Some(match word >> 26 {
        0x02 => refused("j", F::Place),
        0x03 => refused("jal", F::Place),
        0x04 => branch("beq", F::Compare, Condition::Equal),
        0x05 => branch("bne", F::Compare, Condition::NotEqual),
        0x06 => branch("blez", F::Zero, Condition::NotPositive),
        0x07 => branch("bgtz", F::Zero, Condition::Positive),
        0x08 => refused("addi", F::Signed),
        0x09 => binary("addiu", F::Signed, Binary::Add),
        0x0a => binary("slti", F::Signed, Binary::LessSigned),
        0x0b => binary("sltiu", F::Signed, Binary::Less),
        0x0c => binary("andi", F::Unsigned, Binary::And),
        0x0d => binary("ori", F::Unsigned, Binary::Or),
        0x0e => binary("xori", F::Unsigned, Binary::Xor),
        0x0f => binary("lui", F::Upper, Binary::Or),
        0x10 => refused("cop0", F::Other),
        0x11 => refused("cop1", F::Other),
        0x12 => refused("cop2", F::Other),
        0x13 => refused("cop3", F::Other),
        0x20 => load("lb", Access::ByteSigned),
        0x21 => load("lh", Access::HalfSigned),
        0x22 => load("lwl", Access::Left),
        0x23 => load("lw", Access::Word),
        0x24 => load("lbu", Access::Byte),
        0x25 => load("lhu", Access::Half),
        0x26 => load("lwr", Access::Right),
        0x28 => store("sb", Access::Byte),
        0x29 => store("sh", Access::Half),
        0x2a => store("swl", Access::Left),
        0x2b => store("sw", Access::Word),
        0x2e => store("swr", Access::Right),
        _ => return None,
    })
}

/// Those of first bits 0, told apart by their last six.
fn special(word: u32) -> Option<Row> {
    use Format as F;
    let binary = |name, format, op| Row(name, format, Kind::Binary(op));
    let product = |name, op| Row(name, F::Two, Kind::Product(op));
    let refused = |name, format| Row(name, format, Kind::Refused);
    Some(match word & 0x3f {
        0x00 => binary("sll", F::Shift, Binary::ShiftLeft),
        0x02 => binary("srl", F::Shift, Binary::ShiftRight),
        0x03 => binary("sra", F::Shift, Binary::ShiftRightSigned),
        0x04 => binary("sllv", F::ShiftBy, Binary::ShiftLeft),
        0x06 => binary("srlv", F::ShiftBy, Binary::ShiftRight),
        0x07 => binary("srav", F::ShiftBy, Binary::ShiftRightSigned),
        0x08 => Row("jr", F::From, Kind::JumpRegister),
        0x09 => refused("jalr", F::Link),
        0x0c => refused("syscall", F::Code),
        0x0d => refused("break", F::Code),
        0x10 => Row("mfhi", F::To, Kind::From(Half::High)),
        0x11 => Row("mthi", F::From, Kind::To(Half::High)),
        0x12 => Row("mflo", F::To, Kind::From(Half::Low)),
        0x13 => Row("mtlo", F::From, Kind::To(Half::Low)),
        0x18 => product("mult", Product::Multiply { signed: true }),
        0x19 => product("multu", Product::Multiply { signed: false }),
        0x1a => product("div", Product::Divide { signed: true }),
        0x1b => product("divu", Product::Divide { signed: false }),
        0x20 => refused("add", F::Three),
        0x21 => binary("addu", F::Three, Binary::Add),
        0x22 => refused("sub", F::Three),
        0x23 => binary("subu", F::Three, Binary::Subtract),
        0x24 => binary("and", F::Three, Binary::And),
        0x25 => binary("or", F::Three, Binary::Or),
        0x26 => binary("xor", F::Three, Binary::Xor),
        0x27 => binary("nor", F::Three, Binary::Nor),
        0x2a => binary("slt", F::Three, Binary::LessSigned),
        0x2b => binary("sltu", F::Three, Binary::Less),
        _ => return None,
    })
}

/// Those of first bits 1, told apart by the place of `t`.
fn by_sign(word: u32) -> Option<Row> {
    let words = i32::from(word as i16);
    let branch = |name, condition| Row(name, Format::Sign, Kind::Branch(condition, words));
    Some(match field(word, 16, 5) {
        0x00 => branch("bltz", Condition::Negative),
        0x01 => branch("bgez", Condition::NotNegative),
        0x10 => Row("bltzal", Format::Sign, Kind::Refused),
        0x11 => Row("bgezal", Format::Sign, Kind::Refused),
        _ => return None,
    })
}

/// The bits that are zero in every instruction of a format.
const fn zero(format: Format) -> u32 {
    match format {
        Format::Three | Format::ShiftBy => 0x0000_07c0,
        Format::Shift | Format::Upper => 0x03e0_0000,
        Format::Two => 0x0000_ffc0,
        Format::To => 0x03ff_07c0,
        Format::From => 0x001f_ffc0,
        Format::Link => 0x001f_07c0,
        Format::Zero => 0x001f_0000,
        Format::Sign
        | Format::Code
        | Format::Signed
        | Format::Unsigned
        | Format::Memory
        | Format::Compare
        | Format::Place
        | Format::Other => 0,
    }
}

const fn field(word: u32, at: u32, bits: u32) -> u32 {
    word >> at & ((1 << bits) - 1)
}

/// The name of a register: a general one by number, then `hi` and `lo`.
pub(super) fn name(register: u8) -> &'static str {
    const NAMES: [&str; 34] = [
        "zero", "at", "v0", "v1", "a0", "a1", "a2", "a3", "t0", "t1", "t2", "t3", "t4", "t5", "t6",
        "t7", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "t8", "t9", "k0", "k1", "gp", "sp",
        "fp", "ra", "hi", "lo",
    ];
    NAMES.get(usize::from(register)).copied().unwrap_or("?")
}

/// A word, printed as an assembler would read it; branches say how far they go, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disassembly(pub u32);

impl fmt::Display for Disassembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.0;
        let Some(Row(mnemonic, format, _)) = row(word) else {
            return write!(f, ".word {word:#010x}");
        };
        if word == 0 {
            return f.write_str("nop");
        }
        let [s, t, d] = [21, 16, 11].map(|at| name(field(word, at, 5) as u8));
        let low = word as i16;
        let branch = 4 * i32::from(low) + 4;
        f.write_str(mnemonic)?;
        match format {
            Format::Three => write!(f, " {d},{s},{t}"),
            Format::Shift => write!(f, " {d},{t},{}", field(word, 6, 5)),
            Format::ShiftBy => write!(f, " {d},{t},{s}"),
            Format::Two => write!(f, " {s},{t}"),
            Format::To => write!(f, " {d}"),
            Format::From => write!(f, " {s}"),
            Format::Link => write!(f, " {d},{s}"),
            Format::Signed => write!(f, " {t},{s},{low}"),
            Format::Unsigned => write!(f, " {t},{s},{:#x}", word & 0xffff),
            Format::Upper => write!(f, " {t},{:#x}", word & 0xffff),
            Format::Memory => write!(f, " {t},{low}({s})"),
            Format::Compare => write!(f, " {s},{t},.{branch:+}"),
            Format::Sign | Format::Zero => write!(f, " {s},.{branch:+}"),
            Format::Place => write!(f, " {:#x}", field(word, 0, 26) << 2),
            Format::Code | Format::Other => write!(f, " {:#x}", word & 0x03ff_ffff),
        }
    }
}
