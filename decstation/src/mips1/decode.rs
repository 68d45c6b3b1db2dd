//! MIPS-I words as what the checker needs: a name, the registers, what kind of thing it is.
//!
//! Method: the opcode maps of the manual, as they are printed there (Kane and Heinrich, appendix A),
//! rows of eight. Left out: floating-point arithmetic and other operations of coprocessors 1 to 3, which
//! the images do not use; their moves, loads and branches are here.

/// What an instruction does to control or to what the pipeline shows late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing special.
    Plain,
    /// The register is loaded: the next instruction does not see it yet.
    Load(u32),
    /// The same, but half of the word comes from the register itself, which the chip forwards to the
    /// other half's load.
    PartLoad(u32),
    /// HI or LO is read.
    FromHiLo,
    /// HI or LO is written.
    ToHiLo,
    /// Goes there if a condition holds, and on otherwise; bytes from the delay slot.
    Branch(i32),
    /// Always goes there, bytes from the delay slot.
    Always(i32),
    /// Goes to a word of the same 256 MB.
    Jump(u32),
    /// Goes where a register says.
    Register,
}

/// A decoded word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// As assemblers call it.
    pub name: &'static str,
    /// The registers it reads, a bit each; not register 0.
    pub reads: u32,
    /// What it does besides.
    pub effect: Effect,
}

const NONE: &str = "";

const PRIMARY: [[&str; 8]; 8] = [
    [NONE, NONE, "j", "jal", "beq", "bne", "blez", "bgtz"],
    [
        "addi", "addiu", "slti", "sltiu", "andi", "ori", "xori", "lui",
    ],
    [NONE; 8],
    [NONE; 8],
    ["lb", "lh", "lwl", "lw", "lbu", "lhu", "lwr", NONE],
    ["sb", "sh", "swl", "sw", NONE, NONE, "swr", NONE],
    [NONE, "lwc1", "lwc2", "lwc3", NONE, NONE, NONE, NONE],
    [NONE, "swc1", "swc2", "swc3", NONE, NONE, NONE, NONE],
];

const SPECIAL: [[&str; 8]; 8] = [
    ["sll", NONE, "srl", "sra", "sllv", NONE, "srlv", "srav"],
    ["jr", "jalr", NONE, NONE, "syscall", "break", NONE, NONE],
    ["mfhi", "mthi", "mflo", "mtlo", NONE, NONE, NONE, NONE],
    ["mult", "multu", "div", "divu", NONE, NONE, NONE, NONE],
    ["add", "addu", "sub", "subu", "and", "or", "xor", "nor"],
    [NONE, NONE, "slt", "sltu", NONE, NONE, NONE, NONE],
    [NONE; 8],
    [NONE; 8],
];

/// Moves of coprocessors 0 to 3: from and to its registers, from and to its control registers.
const MOVES: [[&str; 4]; 4] = [
    ["mfc0", "mtc0", NONE, NONE],
    ["mfc1", "mtc1", "cfc1", "ctc1"],
    ["mfc2", "mtc2", "cfc2", "ctc2"],
    ["mfc3", "mtc3", "cfc3", "ctc3"],
];

/// Branches on the condition of coprocessors 0 to 3: false, true.
const CONDITIONS: [[&str; 2]; 4] = [
    ["bc0f", "bc0t"],
    ["bc1f", "bc1t"],
    ["bc2f", "bc2t"],
    ["bc3f", "bc3t"],
];

/// The instruction, if the word is one.
pub fn decode(word: u32) -> Option<Instruction> {
    let instruction = match word >> 26 {
        0 => special(word),
        1 => register_immediate(word),
        16..=19 => coprocessor(word),
        _ => primary(word),
    }?;
    (instruction.name != NONE).then_some(instruction)
}

const fn field(word: u32, low: u32) -> u32 {
    word >> low & 31
}

/// The set of the registers.
fn set(registers: &[u32]) -> u32 {
    registers
        .iter()
        .fold(0, |set, register| set | 1 << register)
        & !1
}

fn row(map: &[[&'static str; 8]; 8], code: u32) -> &'static str {
    map[(code >> 3 & 7) as usize][(code & 7) as usize]
}

const fn offset(word: u32) -> i32 {
    (word as u16 as i16 as i32) * 4
}

fn special(word: u32) -> Option<Instruction> {
    let (s, t, d, shift) = (
        field(word, 21),
        field(word, 16),
        field(word, 11),
        field(word, 6),
    );
    // Fields that an instruction does not use are zero.
    let (unused, reads, effect) = match word & 63 {
        0 | 2 | 3 => (s, set(&[t]), Effect::Plain),
        8 => (t | d | shift, set(&[s]), Effect::Register),
        9 => (t | shift, set(&[s]), Effect::Register),
        12 | 13 => (0, 0, Effect::Plain),
        16 | 18 => (s | t | shift, 0, Effect::FromHiLo),
        17 | 19 => (t | d | shift, set(&[s]), Effect::ToHiLo),
        24..=27 => (d | shift, set(&[s, t]), Effect::ToHiLo),
        _ => (shift, set(&[s, t]), Effect::Plain),
    };
    (unused == 0).then_some(Instruction {
        name: row(&SPECIAL, word & 63),
        reads,
        effect,
    })
}

fn register_immediate(word: u32) -> Option<Instruction> {
    let (s, offset) = (field(word, 21), offset(word));
    let (name, holds_for_zero) = match field(word, 16) {
        0 => ("bltz", false),
        1 => ("bgez", true),
        16 => ("bltzal", false),
        17 => ("bgezal", true),
        _ => return None,
    };
    let effect = if s == 0 && holds_for_zero {
        Effect::Always(offset)
    } else {
        Effect::Branch(offset)
    };
    Some(Instruction {
        name,
        reads: set(&[s]),
        effect,
    })
}

fn coprocessor(word: u32) -> Option<Instruction> {
    let (unit, t) = ((word >> 26 & 3) as usize, field(word, 16));
    let name = match (field(word, 21), t) {
        (code @ (0 | 2 | 4 | 6), _) if word & 0x7ff == 0 => {
            MOVES[unit][usize::from(code > 3) + usize::from(code & 2 != 0) * 2]
        }
        (8, condition @ (0 | 1)) => CONDITIONS[unit][condition as usize],
        _ if unit == 0 => match word {
            0x4200_0001 => "tlbr",
            0x4200_0002 => "tlbwi",
            0x4200_0006 => "tlbwr",
            0x4200_0008 => "tlbp",
            0x4200_0010 => "rfe",
            _ => return None,
        },
        _ => return None,
    };
    let (reads, effect) = match field(word, 21) {
        0 | 2 => (0, Effect::Load(t)),
        4 | 6 => (set(&[t]), Effect::Plain),
        8 => (0, Effect::Branch(offset(word))),
        _ => (0, Effect::Plain),
    };
    Some(Instruction {
        name,
        reads,
        effect,
    })
}

fn primary(word: u32) -> Option<Instruction> {
    let (code, s, t) = (word >> 26, field(word, 21), field(word, 16));
    let (reads, effect) = match code {
        2 | 3 => (0, Effect::Jump((word & 0x03ff_ffff) << 2)),
        4 if s == t => (0, Effect::Always(offset(word))),
        4 | 5 => (set(&[s, t]), Effect::Branch(offset(word))),
        6 | 7 if t != 0 => return None,
        6 | 7 => (set(&[s]), Effect::Branch(offset(word))),
        15 if s != 0 => return None,
        34 | 38 => (set(&[s, t]), Effect::PartLoad(t)),
        32..=37 => (set(&[s]), Effect::Load(t)),
        40..=46 => (set(&[s, t]), Effect::Plain),
        _ => (set(&[s]), Effect::Plain),
    };
    Some(Instruction {
        name: row(&PRIMARY, code),
        reads,
        effect,
    })
}
