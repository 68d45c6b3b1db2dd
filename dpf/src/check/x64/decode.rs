//! x86-64 machine code → the few operations that emitted code may consist of.
//!
//! Everything not listed here is refused: calls, system calls, string and vector instructions,
//! anything with a lock, repeat or segment prefix, 32-bit addresses, the high byte registers.
//! Branches with a redundant prefix are refused too: processors of two makers read them
//! differently.

use iced_x86::{ConditionCode, Instruction, Mnemonic, OpKind, Register};

use crate::check::facts::Relation;

/// An operation, its width and its operands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) width: Width,
    pub(super) target: Place,
    pub(super) source: Place,
}

/// What an operation does. `t` is the target, `s` the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing, nor do prefetches.
    Nop,
    /// `t = s`.
    Move,
    /// `t = s`, zero-extended from this width.
    ZeroExtend(Width),
    /// `t = s`, sign-extended from this width.
    SignExtend(Width),
    /// `t = address of s`.
    Address,
    /// `t = t op s`.
    Binary(Binary),
    /// `t = s × this`, the low half.
    MultiplyBy(i64),
    /// Flags of `t - s`.
    Compare,
    /// Flags of `t & s`.
    Test,
    /// `t = t shifted or rotated by s`.
    Shift(Shift),
    /// `t = op t`.
    Unary,
    /// `t += 1` or `t -= 1`: all flags but carry.
    Step(i64),
    /// `rdx:rax = rax × t`.
    WideMultiply,
    /// `t = number of the lowest or highest set bit of s`, unspecified where there is none.
    BitScan,
    /// `t = number of set bits of s`.
    PopulationCount,
    /// `t = 1 if the condition holds, else 0`.
    Set(Condition),
    /// `t = s if the condition holds`.
    Select(Condition),
    /// `t` and `s` change places.
    Exchange,
    /// Push `t`.
    Push,
    /// Pop into `t`.
    Pop,
    /// Go to this offset.
    Jump(u64),
    /// Go to this offset if the condition holds.
    Branch(Condition, u64),
    /// Go where `t` points.
    JumpIndirect,
    /// Return.
    Return,
}

/// Operations on two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Subtract,
    /// With carry or borrow: the result is not tracked.
    Carried,
    And,
    Or,
    Xor,
    Multiply,
}

/// Shifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    Left,
    Right,
    /// Arithmetic shifts and rotations.
    Other,
}

/// When a conditional operation acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// The operands of the comparison are so related, unsigned.
    Unsigned(Relation),
    /// The same, signed.
    Signed(Relation),
    /// A condition on one flag.
    Other,
}

/// The width of an operation in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Width {
    W8 = 1,
    W16 = 2,
    W32 = 4,
    W64 = 8,
}

impl Width {
    pub(super) const fn bytes(self) -> u32 {
        self as u32
    }

    pub(super) const fn bits(self) -> u32 {
        8 * self.bytes()
    }

    /// The greatest number so wide.
    pub(super) const fn max(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }

    fn of_bytes(bytes: usize) -> Option<Self> {
        match bytes {
            1 => Some(Self::W8),
            2 => Some(Self::W16),
            4 => Some(Self::W32),
            8 => Some(Self::W64),
            _ => None,
        }
    }
}

/// Where an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    None,
    /// General register number, as encoded.
    Register(u8),
    Memory(Memory),
    /// Sign-extended to 64 bits.
    Immediate(i64),
}

/// `base + (index << scale) + displacement`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) base: Base,
    pub(super) index: Option<u8>,
    pub(super) scale: u32,
    pub(super) displacement: i64,
}

/// What an address starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    None,
    Register(u8),
    /// The code itself: the displacement is the offset of the byte meant.
    Code,
}

/// The operation that `instruction`, found as `bytes`, stands for, if emitted code may contain it.
pub(super) fn operation(instruction: &Instruction, bytes: &[u8]) -> Option<Operation> {
    if has_refused_prefix(instruction) {
        return None;
    }
    if let Some(control) = control(instruction) {
        return plain_branch(bytes).then_some(control);
    }
    let kind = kind(instruction)?;
    if kind == Kind::Nop {
        return Some(Operation {
            kind,
            width: Width::W64,
            target: Place::None,
            source: Place::None,
        });
    }
    let target = place(instruction, 0)?;
    let source = source(instruction, kind)?;
    let width = operand_width(instruction, 0)?;
    Some(Operation {
        kind,
        width,
        target,
        source,
    })
}

fn has_refused_prefix(instruction: &Instruction) -> bool {
    instruction.has_lock_prefix()
        || instruction.has_rep_prefix()
        || instruction.has_repne_prefix()
        || matches!(instruction.segment_prefix(), Register::FS | Register::GS)
}

/// Jumps and returns.
fn control(instruction: &Instruction) -> Option<Operation> {
    let nowhere = |kind| Operation {
        kind,
        width: Width::W64,
        target: Place::None,
        source: Place::None,
    };
    let near = instruction.op0_kind() == OpKind::NearBranch64;
    match instruction.mnemonic() {
        Mnemonic::Jmp if near => Some(nowhere(Kind::Jump(instruction.near_branch_target()))),
        Mnemonic::Jmp => {
            let target = place(instruction, 0)?;
            let wide = operand_width(instruction, 0)? == Width::W64;
            wide.then(|| Operation {
                target,
                ..nowhere(Kind::JumpIndirect)
            })
        }
        Mnemonic::Ret if instruction.op_count() == 0 => Some(nowhere(Kind::Return)),
        _ if near => {
            let condition = condition(instruction.condition_code())?;
            Some(nowhere(Kind::Branch(
                condition,
                instruction.near_branch_target(),
            )))
        }
        _ => None,
    }
}

/// Whether a branch starts with its opcode, or with the one prefix that widens register numbers.
fn plain_branch(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0x70..=0x7f | 0xeb | 0xe9 | 0xc3 | 0xff, ..]
            | [0x0f, 0x80..=0x8f, ..]
            | [0x40..=0x4f, 0xff, ..]
    )
}

fn kind(instruction: &Instruction) -> Option<Kind> {
    use Mnemonic as M;
    Some(match instruction.mnemonic() {
        M::Nop | M::Endbr64 | M::Prefetcht0 | M::Prefetcht1 | M::Prefetcht2 | M::Prefetchnta => {
            Kind::Nop
        }
        M::Mov => Kind::Move,
        M::Movzx => Kind::ZeroExtend(operand_width(instruction, 1)?),
        M::Movsx => Kind::SignExtend(operand_width(instruction, 1)?),
        // In 16 bits two makers' processors read a different number of bytes.
        M::Movsxd if operand_width(instruction, 0)? != Width::W16 => {
            Kind::SignExtend(operand_width(instruction, 1)?)
        }
        M::Lea => Kind::Address,
        M::Add => Kind::Binary(Binary::Add),
        M::Sub => Kind::Binary(Binary::Subtract),
        M::Adc | M::Sbb => Kind::Binary(Binary::Carried),
        M::And => Kind::Binary(Binary::And),
        M::Or => Kind::Binary(Binary::Or),
        M::Xor => Kind::Binary(Binary::Xor),
        M::Imul => match instruction.op_count() {
            1 => Kind::WideMultiply,
            2 => Kind::Binary(Binary::Multiply),
            _ => Kind::MultiplyBy(instruction.immediate(2).cast_signed()),
        },
        M::Mul => Kind::WideMultiply,
        M::Cmp => Kind::Compare,
        M::Test => Kind::Test,
        M::Shl => Kind::Shift(Shift::Left),
        M::Shr => Kind::Shift(Shift::Right),
        M::Sar | M::Rol | M::Ror => Kind::Shift(Shift::Other),
        // The result is undefined in 16 bits.
        M::Bswap if operand_width(instruction, 0)? == Width::W16 => return None,
        M::Neg | M::Not | M::Bswap => Kind::Unary,
        M::Inc => Kind::Step(1),
        M::Dec => Kind::Step(-1),
        M::Bsf | M::Bsr | M::Tzcnt | M::Lzcnt => Kind::BitScan,
        M::Popcnt => Kind::PopulationCount,
        M::Xchg => Kind::Exchange,
        M::Push => Kind::Push,
        M::Pop => Kind::Pop,
        _ => conditional(instruction)?,
    })
}

fn conditional(instruction: &Instruction) -> Option<Kind> {
    let condition = condition(instruction.condition_code())?;
    match instruction.op_count() {
        1 => Some(Kind::Set(condition)),
        2 => Some(Kind::Select(condition)),
        _ => None,
    }
}

fn condition(code: ConditionCode) -> Option<Condition> {
    use ConditionCode as C;
    Some(match code {
        C::None => return None,
        C::e => Condition::Unsigned(Relation::Equal),
        C::ne => Condition::Unsigned(Relation::NotEqual),
        C::b => Condition::Unsigned(Relation::Less),
        C::be => Condition::Unsigned(Relation::LessEqual),
        C::a => Condition::Unsigned(Relation::Greater),
        C::ae => Condition::Unsigned(Relation::GreaterEqual),
        C::l => Condition::Signed(Relation::Less),
        C::le => Condition::Signed(Relation::LessEqual),
        C::g => Condition::Signed(Relation::Greater),
        C::ge => Condition::Signed(Relation::GreaterEqual),
        C::o | C::no | C::s | C::ns | C::p | C::np => Condition::Other,
    })
}

/// The last operand, and none where there is but one.
fn source(instruction: &Instruction, kind: Kind) -> Option<Place> {
    match instruction.op_count() {
        1 => Some(Place::None),
        2 => place(instruction, 1),
        3 if matches!(kind, Kind::MultiplyBy(_)) => place(instruction, 1),
        _ => None,
    }
}

fn place(instruction: &Instruction, operand: u32) -> Option<Place> {
    match instruction.op_kind(operand) {
        OpKind::Register => register(instruction.op_register(operand)).map(Place::Register),
        OpKind::Memory => memory(instruction).map(Place::Memory),
        OpKind::Immediate8
        | OpKind::Immediate16
        | OpKind::Immediate32
        | OpKind::Immediate64
        | OpKind::Immediate8to16
        | OpKind::Immediate8to32
        | OpKind::Immediate8to64
        | OpKind::Immediate32to64 => Some(Place::Immediate(
            instruction.immediate(operand).cast_signed(),
        )),
        _ => None,
    }
}

/// The number of a general register; not of the high byte of one.
fn register(register: Register) -> Option<u8> {
    use Register as R;
    let general = match register {
        R::AH | R::CH | R::DH | R::BH => return None,
        _ => register.full_register(),
    };
    general.is_gpr64().then(|| general.number() as u8)
}

fn memory(instruction: &Instruction) -> Option<Memory> {
    let displacement = instruction.memory_displacement64().cast_signed();
    let index = match instruction.memory_index() {
        Register::None => None,
        index if index.is_gpr64() => Some(index.number() as u8),
        _ => return None,
    };
    let base = match instruction.memory_base() {
        // Without a base the displacement must still be a 64-bit address.
        Register::None if instruction.memory_displ_size() == 8 || index.is_some() => Base::None,
        Register::RIP => Base::Code,
        base if base.is_gpr64() => Base::Register(base.number() as u8),
        _ => return None,
    };
    let scale = instruction.memory_index_scale().trailing_zeros();
    Some(Memory {
        base,
        index,
        scale,
        displacement,
    })
}

fn operand_width(instruction: &Instruction, operand: u32) -> Option<Width> {
    match instruction.op_kind(operand) {
        OpKind::Register => Width::of_bytes(instruction.op_register(operand).size()),
        OpKind::Memory => Width::of_bytes(instruction.memory_size().size()),
        _ => None,
    }
}
