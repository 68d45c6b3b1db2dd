//! Runs x86-64 code without a processor, watching every access: the judge of the prover.
//!
//! It knows the instructions that the prover allows and a little more, from the processor's
//! manual, and shares nothing with the prover but iced's decoder. What a processor leaves
//! unspecified comes from a seed. For tests and fuzzing only: it is slow and allocates.

use alloc::{vec, vec::Vec};

use iced_x86::{ConditionCode, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

/// Where the code stands. Nothing else is near.
const CODE: u64 = 0x7a00_0000_0000;
/// The stack pointer on entry.
const STACK: u64 = 0x7fff_8000_0008;
/// Bytes below the stack pointer that signal handlers leave alone (System V ABI, 3.2.2).
const RED_ZONE: u64 = 128;

/// What a call sees besides its code.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The packet's address.
    pub address: u64,
    /// The packet, as captured.
    pub packet: &'a [u8],
    /// Its original length.
    pub wirelen: u32,
    /// Tables, each with its address.
    pub tables: &'a [(u64, &'a [u8])],
    /// Bytes of stack that may be used.
    pub frame: u32,
    /// Seeds what the caller left in registers and on the stack.
    pub seed: u64,
}

/// What code did that it must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// A load that is not wholly in the packet, in one table or in the frame.
    Load {
        /// The address.
        address: u64,
        /// How many bytes.
        bytes: usize,
    },
    /// A store that is not wholly in the frame.
    Store {
        /// The address.
        address: u64,
        /// How many bytes.
        bytes: usize,
    },
    /// A load from the frame of bytes that were not written, or lie where signal handlers write.
    Unwritten {
        /// The address.
        address: u64,
        /// How many bytes.
        bytes: usize,
    },
    /// A branch to an instruction that is not after it.
    Backward,
    /// Execution outside the code.
    LeftCode,
    /// More instructions than allowed.
    TooLong,
    /// A return with the stack pointer or a preserved register changed.
    BadReturn,
    /// The stack pointer outside the frame.
    StackPointer,
    /// An instruction that emitted code must not contain, or no instruction.
    Forbidden,
}

/// What a call gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its result.
    pub result: u32,
    /// How many instructions it executed, its return included.
    pub steps: u32,
    /// Where it returned, in bytes from the start of the code.
    pub at: usize,
    /// What was in the registers then, by number.
    pub registers: [u64; 16],
}

/// Calls the function at `entry` of `code`, for at most `steps` instructions.
///
/// # Errors
///
/// The first thing it did that it must not do.
pub fn run(
    code: &[u8],
    entry: usize,
    world: &World<'_>,
    steps: u32,
) -> Result<Outcome, Misbehaviour> {
    let mut processor = Processor::new(code, world);
    let mut at = entry;
    for step in 1..=steps {
        match processor.step(at)? {
            Some(next) if next <= at => return Err(Misbehaviour::Backward),
            Some(next) => at = next,
            None => {
                return Ok(Outcome {
                    result: processor.registers[0] as u32,
                    steps: step,
                    at,
                    registers: processor.registers,
                });
            }
        }
    }
    Err(Misbehaviour::TooLong)
}

struct Processor<'a> {
    code: &'a [u8],
    world: &'a World<'a>,
    registers: [u64; 16],
    on_entry: [u64; 16],
    frame: Vec<u8>,
    /// For each byte of the frame, whether it was written.
    written: Vec<bool>,
    carry: bool,
    zero: bool,
    sign: bool,
    overflow: bool,
    parity: bool,
    seed: u64,
}

type Step<T> = Result<T, Misbehaviour>;

impl<'a> Processor<'a> {
    fn new(code: &'a [u8], world: &'a World<'a>) -> Self {
        let mut processor = Self {
            code,
            world,
            registers: [0; 16],
            on_entry: [0; 16],
            frame: vec![0xa5; world.frame as usize],
            written: vec![false; world.frame as usize],
            carry: false,
            zero: false,
            sign: false,
            overflow: false,
            parity: false,
            seed: world.seed,
        };
        for register in 0..16 {
            processor.registers[register] = processor.unspecified();
        }
        let upper = 0xffff_ffff_0000_0000;
        processor.registers[4] = STACK;
        processor.registers[7] = world.address;
        processor.registers[6] = processor.registers[6] & upper | world.packet.len() as u64;
        processor.registers[2] = processor.registers[2] & upper | u64::from(world.wirelen);
        processor.on_entry = processor.registers;
        processor
    }

    /// Executes the instruction at `at`; where the next one is, unless it returned.
    fn step(&mut self, at: usize) -> Step<Option<usize>> {
        let rest = self.code.get(at..).filter(|rest| !rest.is_empty());
        let rest = rest.ok_or(Misbehaviour::LeftCode)?;
        let ip = CODE + at as u64;
        let mut decoder = Decoder::with_ip(64, rest, ip, DecoderOptions::NONE);
        let i = decoder.decode();
        if i.is_invalid() || odd_prefix(&i, rest) {
            return Err(Misbehaviour::Forbidden);
        }
        if let Some(target) = self.branch(&i)? {
            return target.map(|address| self.offset(address)).transpose();
        }
        self.operate(&i)?;
        if !(STACK - u64::from(self.world.frame)..=STACK).contains(&self.registers[4]) {
            return Err(Misbehaviour::StackPointer);
        }
        self.interrupt();
        Ok(Some(at + i.len()))
    }

    /// What a signal handler may do at any time: overwrite what lies below the red zone.
    fn interrupt(&mut self) {
        let stack = STACK - u64::from(self.world.frame);
        let kept = self.registers[4].saturating_sub(RED_ZONE + stack) as usize;
        self.written[..kept.min(self.frame.len())].fill(false);
    }

    fn offset(&self, address: u64) -> Step<usize> {
        let offset = address.wrapping_sub(CODE);
        match usize::try_from(offset.cast_signed()) {
            Ok(offset) if offset < self.code.len() => Ok(offset),
            Ok(_) => Err(Misbehaviour::LeftCode),
            Err(_) => Err(Misbehaviour::Backward),
        }
    }

    /// Jumps and returns: the address to go to, or none after a return.
    fn branch(&mut self, i: &Instruction) -> Step<Option<Option<u64>>> {
        if i.is_jcc_short_or_near() {
            let taken = self.holds(i.condition_code())?;
            return Ok(Some(Some(if taken {
                i.near_branch_target()
            } else {
                i.next_ip()
            })));
        }
        if i.is_jmp_short_or_near() {
            return Ok(Some(Some(i.near_branch_target())));
        }
        if i.is_jmp_near_indirect() && width(i, 0)? == 8 {
            return Ok(Some(Some(self.read(i, 0)?)));
        }
        if i.mnemonic() == Mnemonic::Ret && i.op_count() == 0 {
            let kept = [3, 4, 5, 12, 13, 14, 15];
            let restored = kept.iter().all(|&n| self.registers[n] == self.on_entry[n]);
            return if restored {
                Ok(Some(None))
            } else {
                Err(Misbehaviour::BadReturn)
            };
        }
        Ok(None)
    }

    fn operate(&mut self, i: &Instruction) -> Step<()> {
        use Mnemonic as M;
        match i.mnemonic() {
            M::Nop
            | M::Endbr64
            | M::Prefetcht0
            | M::Prefetcht1
            | M::Prefetcht2
            | M::Prefetchnta => Ok(()),
            M::Mov | M::Movzx => {
                let value = self.read(i, 1)?;
                self.write(i, 0, value)
            }
            M::Movsx | M::Movsxd => {
                let value = self.read(i, 1)?;
                self.write(i, 0, extend(value, width(i, 1)?).cast_unsigned())
            }
            M::Lea => {
                let address = self.effective(i)?;
                self.write(i, 0, address)
            }
            M::Xchg => {
                let (a, b) = (self.read(i, 0)?, self.read(i, 1)?);
                self.write(i, 0, b)?;
                self.write(i, 1, a)
            }
            M::Push | M::Pop => self.stack(i),
            M::Add | M::Adc | M::Sub | M::Sbb | M::Cmp | M::Neg | M::Inc | M::Dec => {
                self.arithmetic(i)
            }
            M::And | M::Or | M::Xor | M::Test | M::Not => self.logic(i),
            M::Imul | M::Mul => self.multiply(i),
            M::Shl | M::Shr | M::Sar | M::Rol | M::Ror => self.shift(i),
            M::Bswap | M::Bsf | M::Bsr | M::Tzcnt | M::Lzcnt | M::Popcnt => self.bits(i),
            _ => self.conditional(i),
        }
    }

    fn conditional(&mut self, i: &Instruction) -> Step<()> {
        let holds = self.holds(i.condition_code())?;
        match i.op_count() {
            1 => self.write(i, 0, holds.into()),
            2 => {
                let (old, new) = (self.read(i, 0)?, self.read(i, 1)?);
                self.write(i, 0, if holds { new } else { old })
            }
            _ => Err(Misbehaviour::Forbidden),
        }
    }

    fn stack(&mut self, i: &Instruction) -> Step<()> {
        if width(i, 0)? != 8 {
            return Err(Misbehaviour::Forbidden);
        }
        if i.mnemonic() == Mnemonic::Push {
            let value = self.read(i, 0)?;
            self.registers[4] = self.registers[4].wrapping_sub(8);
            return self.store(self.registers[4], 8, value);
        }
        let value = self.load(self.registers[4], 8)?;
        self.registers[4] = self.registers[4].wrapping_add(8);
        self.write(i, 0, value)
    }

    fn arithmetic(&mut self, i: &Instruction) -> Step<()> {
        use Mnemonic as M;
        let bits = 8 * width(i, 0)? as u32;
        let first = self.read(i, 0)?;
        let carried = u128::from(self.carry);
        let (a, b, negative) = match i.mnemonic() {
            M::Inc => (first, 1, false),
            M::Dec => (first, 1, true),
            M::Neg => (0, first, true),
            M::Add | M::Adc => (first, self.read(i, 1)?, false),
            _ => (first, self.read(i, 1)?, true),
        };
        let carried = if matches!(i.mnemonic(), M::Adc | M::Sbb) {
            carried
        } else {
            0
        };
        let (wide_a, wide_b) = (u128::from(a), u128::from(b));
        let exact = if negative {
            wide_a.wrapping_sub(wide_b).wrapping_sub(carried)
        } else {
            wide_a + wide_b + carried
        };
        let result = cut(exact as u64, bits);
        let carry = exact >> bits & 1 == 1;
        self.flags_of(result, bits);
        let top = |value: u64| value >> (bits - 1) & 1 == 1;
        self.overflow = if negative {
            top(a) != top(b) && top(result) != top(a)
        } else {
            top(a) == top(b) && top(result) != top(a)
        };
        if !matches!(i.mnemonic(), M::Inc | M::Dec) {
            self.carry = carry;
        }
        if i.mnemonic() == M::Cmp {
            Ok(())
        } else {
            self.write(i, 0, result)
        }
    }

    fn logic(&mut self, i: &Instruction) -> Step<()> {
        let bits = 8 * width(i, 0)? as u32;
        let a = self.read(i, 0)?;
        if i.mnemonic() == Mnemonic::Not {
            return self.write(i, 0, !a);
        }
        let b = self.read(i, 1)?;
        let result = match i.mnemonic() {
            Mnemonic::Or => a | b,
            Mnemonic::Xor => a ^ b,
            _ => a & b,
        };
        self.flags_of(result, bits);
        (self.carry, self.overflow) = (false, false);
        if i.mnemonic() == Mnemonic::Test {
            Ok(())
        } else {
            self.write(i, 0, result)
        }
    }

    fn multiply(&mut self, i: &Instruction) -> Step<()> {
        let bytes = width(i, 0)?;
        let bits = 8 * bytes as u32;
        let signed = i.mnemonic() == Mnemonic::Imul;
        let (a, b) = match i.op_count() {
            1 => (cut(self.registers[0], bits), self.read(i, 0)?),
            2 => (self.read(i, 0)?, self.read(i, 1)?),
            _ => (self.read(i, 1)?, cut(i.immediate(2), bits)),
        };
        let product = if signed {
            (i128::from(extend(a, bytes)) * i128::from(extend(b, bytes))).cast_unsigned()
        } else {
            u128::from(a) * u128::from(b)
        };
        self.flags_unspecified();
        if i.op_count() > 1 {
            return self.write(i, 0, product as u64);
        }
        if bytes < 4 {
            return Err(Misbehaviour::Forbidden);
        }
        self.set_register(0, bytes, product as u64);
        self.set_register(2, bytes, (product >> bits) as u64);
        Ok(())
    }

    fn shift(&mut self, i: &Instruction) -> Step<()> {
        let bits = 8 * width(i, 0)? as u32;
        let value = self.read(i, 0)?;
        let count = self.read(i, 1)? as u32 & if bits == 64 { 63 } else { 31 };
        let turned = count % bits;
        let result = match i.mnemonic() {
            Mnemonic::Shl => value.checked_shl(count).unwrap_or(0),
            Mnemonic::Shr => value >> count,
            Mnemonic::Sar => (extend(value, bits as usize / 8) >> count).cast_unsigned(),
            _ if turned == 0 => value,
            Mnemonic::Rol => value << turned | value >> (bits - turned),
            _ => value >> turned | value << (bits - turned),
        };
        if count != 0 {
            let result = cut(result, bits);
            self.flags_unspecified();
            if !matches!(i.mnemonic(), Mnemonic::Rol | Mnemonic::Ror) {
                self.zero = result == 0;
            }
        }
        self.write(i, 0, result)
    }

    fn bits(&mut self, i: &Instruction) -> Step<()> {
        let bits = 8 * width(i, 0)? as u32;
        if i.mnemonic() == Mnemonic::Bswap {
            let value = self.read(i, 0)?;
            return match bits {
                64 => self.write(i, 0, value.swap_bytes()),
                32 => self.write(i, 0, (value as u32).swap_bytes().into()),
                _ => Err(Misbehaviour::Forbidden),
            };
        }
        let value = self.read(i, 1)?;
        self.flags_unspecified();
        let result = match i.mnemonic() {
            Mnemonic::Popcnt => value.count_ones(),
            Mnemonic::Tzcnt if value == 0 => bits,
            Mnemonic::Lzcnt => value.leading_zeros() - (64 - bits),
            Mnemonic::Bsf | Mnemonic::Bsr if value == 0 => {
                self.zero = true;
                let anything = self.unspecified();
                return self.write(i, 0, anything);
            }
            Mnemonic::Bsr => 63 - value.leading_zeros(),
            _ => value.trailing_zeros(),
        };
        self.write(i, 0, result.into())
    }

    fn flags_of(&mut self, result: u64, bits: u32) {
        let result = cut(result, bits);
        self.zero = result == 0;
        self.sign = result >> (bits - 1) & 1 == 1;
        self.parity = (result as u8).count_ones().is_multiple_of(2);
    }

    fn flags_unspecified(&mut self) {
        let any = self.unspecified();
        let bit = |n: u32| any >> n & 1 == 1;
        (self.carry, self.zero, self.sign) = (bit(40), bit(41), bit(42));
        (self.overflow, self.parity) = (bit(43), bit(44));
    }

    fn holds(&self, condition: ConditionCode) -> Step<bool> {
        use ConditionCode as C;
        Ok(match condition {
            C::None => return Err(Misbehaviour::Forbidden),
            C::o => self.overflow,
            C::no => !self.overflow,
            C::b => self.carry,
            C::ae => !self.carry,
            C::e => self.zero,
            C::ne => !self.zero,
            C::be => self.carry || self.zero,
            C::a => !self.carry && !self.zero,
            C::s => self.sign,
            C::ns => !self.sign,
            C::p => self.parity,
            C::np => !self.parity,
            C::l => self.sign != self.overflow,
            C::ge => self.sign == self.overflow,
            C::le => self.zero || self.sign != self.overflow,
            C::g => !self.zero && self.sign == self.overflow,
        })
    }

    /// An operand, zero-extended.
    fn read(&mut self, i: &Instruction, operand: u32) -> Step<u64> {
        match i.op_kind(operand) {
            OpKind::Register => {
                let register = i.op_register(operand);
                Ok(cut(
                    self.registers[number(register)?],
                    8 * register.size() as u32,
                ))
            }
            OpKind::Memory => {
                let (address, bytes) = (self.effective(i)?, width(i, operand)?);
                if i.mnemonic() == Mnemonic::Movsxd
                    && bytes == 4
                    && let Some(word) = self.jump_entry(address)
                {
                    return Ok(word);
                }
                self.load(address, bytes)
            }
            OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => {
                Err(Misbehaviour::Forbidden)
            }
            _ => match i.try_immediate(operand) {
                // As wide as the first operand.
                Ok(value) => Ok(cut(value, 8 * width(i, 0)? as u32)),
                Err(_) => Err(Misbehaviour::Forbidden),
            },
        }
    }

    fn write(&mut self, i: &Instruction, operand: u32, value: u64) -> Step<()> {
        match i.op_kind(operand) {
            OpKind::Register => {
                let register = i.op_register(operand);
                self.set_register(number(register)?, register.size(), value);
                Ok(())
            }
            OpKind::Memory => {
                let (address, bytes) = (self.effective(i)?, width(i, operand)?);
                self.store(address, bytes, value)
            }
            _ => Err(Misbehaviour::Forbidden),
        }
    }

    fn set_register(&mut self, register: usize, bytes: usize, value: u64) {
        let held = &mut self.registers[register];
        *held = match bytes {
            8 => value,
            4 => u64::from(value as u32),
            2 => *held & !0xffff | value & 0xffff,
            _ => *held & !0xff | value & 0xff,
        };
    }

    fn effective(&self, i: &Instruction) -> Step<u64> {
        let mut address = i.memory_displacement64();
        for (register, scale) in [
            (i.memory_base(), 1),
            (i.memory_index(), i.memory_index_scale()),
        ] {
            match register {
                // Its displacement is the address.
                Register::RIP | Register::None => {}
                _ if register.size() != 8 => return Err(Misbehaviour::Forbidden),
                _ => {
                    let part = self.registers[number(register)?].wrapping_mul(scale.into());
                    address = address.wrapping_add(part);
                }
            }
        }
        Ok(address)
    }

    fn jump_entry(&self, address: u64) -> Option<u64> {
        let offset = usize::try_from(address.checked_sub(CODE)?).ok()?;
        let bytes = self.code.get(offset..offset.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?).into())
    }

    fn load(&self, address: u64, bytes: usize) -> Step<u64> {
        let stack = STACK - u64::from(self.world.frame);
        if let Some(found) = part(stack, self.frame.len(), address, bytes)
            && self.written[found].contains(&false)
        {
            return Err(Misbehaviour::Unwritten { address, bytes });
        }
        let packet = (self.world.address, self.world.packet);
        let places = self
            .world
            .tables
            .iter()
            .copied()
            .chain([packet, (stack, &self.frame[..])]);
        for (start, contents) in places {
            if let Some(found) = part(start, contents.len(), address, bytes) {
                let mut word = [0; 8];
                word[..bytes].copy_from_slice(&contents[found]);
                return Ok(u64::from_le_bytes(word));
            }
        }
        Err(Misbehaviour::Load { address, bytes })
    }

    fn store(&mut self, address: u64, bytes: usize, value: u64) -> Step<()> {
        let stack = STACK - u64::from(self.world.frame);
        let found = part(stack, self.frame.len(), address, bytes);
        let found = found.ok_or(Misbehaviour::Store { address, bytes })?;
        self.frame[found.clone()].copy_from_slice(&value.to_le_bytes()[..bytes]);
        self.written[found].fill(true);
        Ok(())
    }

    fn unspecified(&mut self) -> u64 {
        self.seed = self
            .seed
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        self.seed ^ self.seed >> 29
    }
}

/// Prefixes that change what an instruction does, or that makers read differently on branches.
fn odd_prefix(i: &Instruction, bytes: &[u8]) -> bool {
    let segment = matches!(i.segment_prefix(), Register::FS | Register::GS);
    let repeats = i.has_lock_prefix() || i.has_rep_prefix() || i.has_repne_prefix();
    let resized =
        (i.is_jcc_short_or_near() || i.is_jmp_short_or_near() || i.mnemonic() == Mnemonic::Ret)
            && bytes[0] == 0x66;
    segment || repeats || resized
}

fn part(start: u64, length: usize, address: u64, bytes: usize) -> Option<core::ops::Range<usize>> {
    let offset = usize::try_from(address.checked_sub(start)?).ok()?;
    let end = offset.checked_add(bytes)?;
    (end <= length).then_some(offset..end)
}

fn number(register: Register) -> Step<usize> {
    let high = matches!(
        register,
        Register::AH | Register::CH | Register::DH | Register::BH
    );
    if high || !register.is_gpr() {
        return Err(Misbehaviour::Forbidden);
    }
    Ok(register.full_register().number())
}

/// The width of an operand in bytes.
fn width(i: &Instruction, operand: u32) -> Step<usize> {
    let bytes = match i.op_kind(operand) {
        OpKind::Register => i.op_register(operand).size(),
        OpKind::Memory => i.memory_size().size(),
        _ => return Err(Misbehaviour::Forbidden),
    };
    if matches!(bytes, 1 | 2 | 4 | 8) {
        Ok(bytes)
    } else {
        Err(Misbehaviour::Forbidden)
    }
}

fn cut(value: u64, bits: u32) -> u64 {
    value & u64::MAX >> (64 - bits)
}

fn extend(value: u64, bytes: usize) -> i64 {
    let unused = 64 - 8 * bytes as u32;
    (value << unused).cast_signed() >> unused
}
