//! Runs MIPS-I code without a processor, watching every access: the judge of the prover.
//!
//! It knows the instructions that the prover allows, from the processor's manual, and shares nothing
//! with the prover. An interrupt happens behind every instruction: it spoils k0 and k1 and whatever lies
//! below the stack pointer. Use of a register in its load's delay slot, of HI and LO too soon, and
//! branches in slots stop the run. For tests and fuzzing only: it is slow and allocates.

use alloc::{vec, vec::Vec};

/// Where the code stands. Nothing else is near.
const CODE: u32 = 0x0040_0000;
/// The stack pointer on entry.
const STACK: u32 = 0x7fff_0000;
/// Where calls return to.
const RETURN: u32 = 0x6fff_fff0;
/// Instructions that stand between a move from HI or LO and the next write.
const HILO_DISTANCE: u32 = 2;
/// Cycles of a multiplication and of a division.
const LATENCIES: [u64; 2] = [12, 35];

/// What a call sees besides its code.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The packet's address.
    pub address: u32,
    /// The packet, as captured.
    pub packet: &'a [u8],
    /// Its original length.
    pub wirelen: u32,
    /// Tables, each with its address.
    pub tables: &'a [(u32, &'a [u8])],
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
        /// The first byte that the register gets.
        address: u32,
        /// How many bytes it gets.
        bytes: u32,
    },
    /// A store that is not wholly in the frame.
    Store {
        /// The first byte that is written.
        address: u32,
        /// How many bytes are written.
        bytes: u32,
    },
    /// A load from the frame of bytes that were not written, or lie below the stack pointer.
    Unwritten {
        /// The first byte that the register gets.
        address: u32,
        /// How many bytes it gets.
        bytes: u32,
    },
    /// An address that is not a multiple of the access's size.
    Misaligned {
        /// The address.
        address: u32,
    },
    /// A branch to an instruction that is not after its slot.
    Backward,
    /// Execution outside the code.
    LeftCode,
    /// More instructions than allowed.
    TooLong,
    /// A return with the stack pointer or a preserved register changed.
    BadReturn,
    /// The stack pointer outside the frame, or not a multiple of eight.
    StackPointer,
    /// Use of what is not there yet: a register being loaded, HI or LO.
    Hazard,
    /// A branch in the slot of a branch.
    BranchInSlot,
    /// An instruction that emitted code must not contain, or no instruction.
    Forbidden,
}

/// What a call gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its result.
    pub result: u32,
    /// How many instructions it executed, up to the slot of its return.
    pub steps: u32,
    /// How many cycles they took where nothing waits for memory.
    pub cycles: u64,
    /// Where its return stands, in bytes from the start of the code.
    pub at: usize,
    /// What was in the registers then, by number; last HI and LO.
    pub registers: [u32; 34],
}

/// Calls the function at `entry` of `code`, for at most `steps` instructions.
///
/// # Errors
///
/// The first thing it did that it must not do.
pub fn run(
    code: &[u32],
    entry: usize,
    world: &World<'_>,
    steps: u32,
) -> Result<Outcome, Misbehaviour> {
    let mut processor = Processor::new(code, world);
    let (mut at, mut pending) = (entry as i64, None);
    for step in 1..=steps {
        let branch = processor.step(at)?;
        let next = match (pending.take(), branch) {
            (Some(_), Some(_)) => return Err(Misbehaviour::BranchInSlot),
            (Some(Target::Return), None) => return processor.finish(at, step),
            (Some(Target::Offset(target)), None) => target,
            (None, branch) => {
                pending = branch;
                at + 4
            }
        };
        if next <= at {
            return Err(Misbehaviour::Backward);
        }
        at = next;
    }
    Err(Misbehaviour::TooLong)
}

/// Where to go behind the slot.
#[derive(Clone, Copy)]
enum Target {
    Offset(i64),
    Return,
}

struct Processor<'a> {
    code: &'a [u32],
    world: &'a World<'a>,
    registers: [u32; 32],
    on_entry: [u32; 32],
    hi: u32,
    lo: u32,
    /// The register that the instruction before loads.
    loading: Option<usize>,
    executed: u32,
    cycles: u64,
    /// When HI or LO was read last, in instructions, and when they are ready, in cycles.
    hilo_read: Option<u32>,
    hilo_ready: u64,
    frame: Vec<u8>,
    /// For each byte of the frame, whether it was written.
    written: Vec<bool>,
    seed: u64,
}

type Step<T> = Result<T, Misbehaviour>;

impl<'a> Processor<'a> {
    fn new(code: &'a [u32], world: &'a World<'a>) -> Self {
        let mut processor = Self {
            code,
            world,
            registers: [0; 32],
            on_entry: [0; 32],
            hi: 0,
            lo: 0,
            loading: None,
            executed: 0,
            cycles: 0,
            hilo_read: None,
            hilo_ready: 0,
            frame: vec![0xa5; world.frame as usize],
            written: vec![false; world.frame as usize],
            seed: world.seed,
        };
        for register in 1..32 {
            processor.registers[register] = processor.unspecified();
        }
        (processor.hi, processor.lo) = (processor.unspecified(), processor.unspecified());
        processor.registers[4] = world.address;
        processor.registers[5] = world.packet.len() as u32;
        processor.registers[6] = world.wirelen;
        processor.registers[29] = STACK;
        processor.registers[31] = RETURN;
        processor.on_entry = processor.registers;
        processor
    }

    /// Executes the instruction at `at`; if it is a branch, where that goes.
    fn step(&mut self, at: i64) -> Step<Option<Target>> {
        let index = usize::try_from(at / 4).ok();
        let word = index.and_then(|index| self.code.get(index));
        let &word = word.ok_or(Misbehaviour::LeftCode)?;
        self.executed += 1;
        self.cycles += 1;
        let loading = self.loading.take();
        let i = Instruction { word, loading };
        let branch = self.branch(i, at)?;
        if branch.is_none() {
            self.operate(i)?;
        }
        self.registers[0] = 0;
        let stack = self.registers[29];
        if !(STACK - self.world.frame..=STACK).contains(&stack) || !stack.is_multiple_of(8) {
            return Err(Misbehaviour::StackPointer);
        }
        self.interrupt();
        Ok(branch)
    }

    /// The end of a call, whose return has its slot at `slot`.
    fn finish(&self, slot: i64, steps: u32) -> Step<Outcome> {
        if self.loading.is_some_and(|register| register != 0) {
            return Err(Misbehaviour::Hazard);
        }
        let kept = [16, 17, 18, 19, 20, 21, 22, 23, 28, 29, 30];
        if kept.iter().any(|&n| self.registers[n] != self.on_entry[n]) {
            return Err(Misbehaviour::BadReturn);
        }
        let mut registers = [0; 34];
        registers[..32].copy_from_slice(&self.registers);
        registers[32..].copy_from_slice(&[self.hi, self.lo]);
        Ok(Outcome {
            result: self.registers[2],
            steps,
            cycles: self.cycles,
            at: slot as usize - 4,
            registers,
        })
    }

    /// What an interrupt may do at any time.
    fn interrupt(&mut self) {
        let below = self.registers[29] - (STACK - self.world.frame);
        self.written[..below as usize].fill(false);
        for register in [26, 27] {
            self.registers[register] = self.unspecified();
        }
    }

    fn branch(&self, i: Instruction, at: i64) -> Step<Option<Target>> {
        let on = at + 8;
        let to = at + 4 + 4 * i64::from(i.immediate());
        let taken = match (i.opcode(), i.t()) {
            (0, _) if i.function() == 8 => {
                let address = self.read(i, i.s())?;
                return match address {
                    RETURN => Ok(Some(Target::Return)),
                    _ if !address.is_multiple_of(4) => Err(Misbehaviour::Misaligned { address }),
                    _ => Ok(Some(Target::Offset(i64::from(address) - i64::from(CODE)))),
                };
            }
            (1, 0) => self.read_signed(i)? < 0,
            (1, 1) => self.read_signed(i)? >= 0,
            (4, _) => self.read(i, i.s())? == self.read(i, i.t())?,
            (5, _) => self.read(i, i.s())? != self.read(i, i.t())?,
            (6, 0) => self.read_signed(i)? <= 0,
            (7, 0) => self.read_signed(i)? > 0,
            _ => return Ok(None),
        };
        Ok(Some(Target::Offset(if taken { to } else { on })))
    }

    fn operate(&mut self, i: Instruction) -> Step<()> {
        match i.opcode() {
            0 => self.operate_special(i),
            9..=14 => {
                let a = self.read(i, i.s())?;
                let signed = i32::from(i.immediate());
                let unsigned = i.word & 0xffff;
                let result = match i.opcode() {
                    9 => a.wrapping_add(signed.cast_unsigned()),
                    10 => (a.cast_signed() < signed).into(),
                    11 => (a < signed.cast_unsigned()).into(),
                    12 => a & unsigned,
                    13 => a | unsigned,
                    _ => a ^ unsigned,
                };
                self.write(i.t(), result)
            }
            15 => self.write(i.t(), i.word << 16),
            32..=38 => self.load(i),
            40..=43 | 46 => self.store(i),
            _ => Err(Misbehaviour::Forbidden),
        }
    }

    fn operate_special(&mut self, i: Instruction) -> Step<()> {
        let function = i.function();
        match function {
            16 | 18 => {
                self.await_hilo();
                self.hilo_read = Some(self.executed);
                let value = if function == 16 { self.hi } else { self.lo };
                return self.write(i.d(), value);
            }
            17 | 19 | 24..=27 => return self.write_hilo(i),
            _ => {}
        }
        let b = self.read(i, i.t())?;
        if function <= 3 {
            let count = i.word >> 6 & 31;
            return self.write(i.d(), shifted(function, b, count)?);
        }
        let a = self.read(i, i.s())?;
        let result = match function {
            4..=7 => shifted(function - 4, b, a & 31)?,
            33 => a.wrapping_add(b),
            35 => a.wrapping_sub(b),
            36 => a & b,
            37 => a | b,
            38 => a ^ b,
            39 => !(a | b),
            42 => (a.cast_signed() < b.cast_signed()).into(),
            43 => (a < b).into(),
            _ => return Err(Misbehaviour::Forbidden),
        };
        self.write(i.d(), result)
    }

    fn write_hilo(&mut self, i: Instruction) -> Step<()> {
        let soon = |read: u32| self.executed - read <= HILO_DISTANCE;
        if self.hilo_read.is_some_and(soon) {
            return Err(Misbehaviour::Hazard);
        }
        self.await_hilo();
        let a = self.read(i, i.s())?;
        let function = i.function();
        if function < 24 {
            self.hilo_ready = self.cycles;
            *(if function == 17 {
                &mut self.hi
            } else {
                &mut self.lo
            }) = a;
            return Ok(());
        }
        let b = self.read(i, i.t())?;
        let divides = function > 25;
        self.hilo_ready = self.cycles - 1 + LATENCIES[usize::from(divides)];
        let (signed_a, signed_b) = (a.cast_signed(), b.cast_signed());
        (self.hi, self.lo) = match function {
            24 => {
                let product = (i64::from(signed_a) * i64::from(signed_b)).cast_unsigned();
                ((product >> 32) as u32, product as u32)
            }
            25 => {
                let product = u64::from(a) * u64::from(b);
                ((product >> 32) as u32, product as u32)
            }
            _ if b == 0 => (self.unspecified(), self.unspecified()),
            26 => (
                signed_a.wrapping_rem(signed_b).cast_unsigned(),
                signed_a.wrapping_div(signed_b).cast_unsigned(),
            ),
            _ => (a % b, a / b),
        };
        Ok(())
    }

    fn await_hilo(&mut self) {
        self.cycles += self.hilo_ready.saturating_sub(self.cycles - 1);
    }

    fn load(&mut self, i: Instruction) -> Step<()> {
        let address = self.effective(i)?;
        let value = match i.opcode() {
            32 => i32::from(self.fetch(address, 1)? as i8).cast_unsigned(),
            33 => i32::from(self.fetch(address, 2)? as i16).cast_unsigned(),
            35 => self.fetch(address, 4)?,
            36 => self.fetch(address, 1)?,
            37 => self.fetch(address, 2)?,
            // Theirs they get even from the load before.
            34 => {
                let bytes = address % 4 + 1;
                let kept = self.registers[i.t()] & ones(4 - bytes);
                self.bytes(address - address % 4, bytes)? << (32 - 8 * bytes) | kept
            }
            _ => {
                let bytes = 4 - address % 4;
                let kept = self.registers[i.t()] & !ones(bytes);
                self.bytes(address, bytes)? | kept
            }
        };
        self.write(i.t(), value)?;
        self.loading = Some(i.t());
        Ok(())
    }

    fn store(&mut self, i: Instruction) -> Step<()> {
        let address = self.effective(i)?;
        let value = self.read(i, i.t())?;
        let (first, bytes, value) = match i.opcode() {
            40 => (address, 1, value),
            41 => (aligned(address, 2)?, 2, value),
            43 => (aligned(address, 4)?, 4, value),
            42 => {
                let bytes = address % 4 + 1;
                (address - address % 4, bytes, value >> (32 - 8 * bytes))
            }
            _ => (address, 4 - address % 4, value),
        };
        let stack = STACK - self.world.frame;
        let found = part(stack, self.frame.len(), first, bytes);
        let outside = Misbehaviour::Store {
            address: first,
            bytes,
        };
        let found = found.ok_or(outside)?;
        self.frame[found.clone()].copy_from_slice(&value.to_le_bytes()[..bytes as usize]);
        self.written[found].fill(true);
        Ok(())
    }

    fn effective(&self, i: Instruction) -> Step<u32> {
        let base = self.read(i, i.s())?;
        Ok(base.wrapping_add_signed(i.immediate().into()))
    }

    fn fetch(&self, address: u32, bytes: u32) -> Step<u32> {
        self.bytes(aligned(address, bytes)?, bytes)
    }

    /// So many bytes of memory, which may be read.
    fn bytes(&self, address: u32, bytes: u32) -> Step<u32> {
        let stack = STACK - self.world.frame;
        if let Some(found) = part(stack, self.frame.len(), address, bytes)
            && self.written[found].contains(&false)
        {
            return Err(Misbehaviour::Unwritten { address, bytes });
        }
        let places = [
            (self.world.address, self.world.packet),
            (stack, &self.frame[..]),
        ];
        for (start, contents) in self.world.tables.iter().copied().chain(places) {
            if let Some(found) = part(start, contents.len(), address, bytes) {
                let mut word = [0; 4];
                word[..bytes as usize].copy_from_slice(&contents[found]);
                return Ok(u32::from_le_bytes(word));
            }
        }
        Err(Misbehaviour::Load { address, bytes })
    }

    fn read(&self, i: Instruction, register: usize) -> Step<u32> {
        if i.loading == Some(register) && register != 0 {
            return Err(Misbehaviour::Hazard);
        }
        if matches!(register, 26 | 27) {
            return Err(Misbehaviour::Forbidden);
        }
        Ok(self.registers[register])
    }

    fn read_signed(&self, i: Instruction) -> Step<i32> {
        self.read(i, i.s()).map(u32::cast_signed)
    }

    fn write(&mut self, register: usize, value: u32) -> Step<()> {
        if matches!(register, 26 | 27) {
            return Err(Misbehaviour::Forbidden);
        }
        self.registers[register] = value;
        Ok(())
    }

    fn unspecified(&mut self) -> u32 {
        self.seed = self
            .seed
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (self.seed >> 24) as u32
    }
}

/// A word, and the register that the instruction before loads.
#[derive(Clone, Copy)]
struct Instruction {
    word: u32,
    loading: Option<usize>,
}

impl Instruction {
    fn opcode(self) -> u32 {
        self.word >> 26
    }

    fn function(self) -> u32 {
        self.word & 63
    }

    fn s(self) -> usize {
        (self.word >> 21 & 31) as usize
    }

    fn t(self) -> usize {
        (self.word >> 16 & 31) as usize
    }

    fn d(self) -> usize {
        (self.word >> 11 & 31) as usize
    }

    fn immediate(self) -> i16 {
        self.word as i16
    }
}

/// Left, right, or right with the sign.
fn shifted(kind: u32, value: u32, count: u32) -> Step<u32> {
    match kind {
        0 => Ok(value << count),
        2 => Ok(value >> count),
        3 => Ok((value.cast_signed() >> count).cast_unsigned()),
        _ => Err(Misbehaviour::Forbidden),
    }
}

fn aligned(address: u32, bytes: u32) -> Step<u32> {
    if address.is_multiple_of(bytes) {
        Ok(address)
    } else {
        Err(Misbehaviour::Misaligned { address })
    }
}

/// So many bytes of ones, at most four.
fn ones(bytes: u32) -> u32 {
    u32::MAX.checked_shr(32 - 8 * bytes).unwrap_or(0)
}

fn part(start: u32, length: usize, address: u32, bytes: u32) -> Option<core::ops::Range<usize>> {
    let offset = address.checked_sub(start)? as usize;
    let end = offset + bytes as usize;
    (end <= length).then_some(offset..end)
}
