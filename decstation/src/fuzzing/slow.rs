//! The slow interpreter: the processor once more, as a list of masks and meanings, to judge the
//! fast one.
//!
//! It is written from the manual's tables and shares nothing with [`crate::cpu`]: no decoder, no
//! caches, no shortcut in translation. An instruction is a row of mask, pattern and function,
//! looked for from the top; each works on the whole state. It says [`Outcome::Undefined`] where the
//! manual promises nothing that could be compared, or where the answer depends on time.

/// Bytes of memory.
pub(super) const RAM: u32 = 0x1_0000;

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The state is what the manual says.
    Defined,
    /// Nobody knows.
    Undefined,
}

/// An exception: its code, the coprocessor's number, the address, whether it is a refill.
struct Fault {
    code: u32,
    unit: u32,
    address: Option<u32>,
    refill: bool,
}

/// What keeps an instruction from its end.
enum Halt {
    Fault(Fault),
    Undefined,
}

type Result<T> = core::result::Result<T, Halt>;

const fn fault(code: u32) -> Halt {
    Halt::Fault(Fault {
        code,
        unit: 0,
        address: None,
        refill: false,
    })
}

const fn fault_at(code: u32, address: u32, refill: bool) -> Halt {
    Halt::Fault(Fault {
        code,
        unit: 0,
        address: Some(address),
        refill,
    })
}

/// The whole state.
#[derive(Clone)]
pub(super) struct Slow {
    pub(super) registers: [u32; 32],
    pub(super) hi: u32,
    pub(super) lo: u32,
    pub(super) pc: u32,
    pub(super) control: [u32; 16],
    pub(super) tlb: [(u32, u32); 64],
    pub(super) float: [u32; 32],
    float_status: u32,
    big: bool,
    memory: Vec<u8>,
    /// The target of a branch whose slot is next, if there is one.
    slot: Option<u32>,
    /// A load that arrives after the next instruction.
    load: Option<(usize, u32)>,
    /// The register that the current instruction writes.
    result: Option<(usize, u32)>,
    undefined: bool,
}

/// The instruction being executed.
#[derive(Clone, Copy)]
struct Now {
    word: u32,
    at: u32,
    /// The load that arrives when this instruction is done.
    arriving: Option<(usize, u32)>,
}

impl Now {
    fn rs(self) -> usize {
        (self.word >> 21 & 31) as usize
    }
    fn rt(self) -> usize {
        (self.word >> 16 & 31) as usize
    }
    fn rd(self) -> usize {
        (self.word >> 11 & 31) as usize
    }
    fn shift(self) -> u32 {
        self.word >> 6 & 31
    }
    fn unsigned(self) -> u32 {
        self.word & 0xffff
    }
    fn signed(self) -> u32 {
        (self.unsigned() ^ 0x8000).wrapping_sub(0x8000)
    }
}

type Row = (u32, u32, fn(&mut Slow, Now) -> Result<()>);

/// Mask, pattern, meaning.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    (0xfc00_003f, 0x0000_0000, |m, n| m.put(n.rd(), m.get(n.rt()) << n.shift())),
    (0xfc00_003f, 0x0000_0002, |m, n| m.put(n.rd(), m.get(n.rt()) >> n.shift())),
    (0xfc00_003f, 0x0000_0003, |m, n| m.put(n.rd(), sign_fill(m.get(n.rt()), n.shift()))),
    (0xfc00_003f, 0x0000_0004, |m, n| m.put(n.rd(), m.get(n.rt()) << (m.get(n.rs()) % 32))),
    (0xfc00_003f, 0x0000_0006, |m, n| m.put(n.rd(), m.get(n.rt()) >> (m.get(n.rs()) % 32))),
    (0xfc00_003f, 0x0000_0007, |m, n| m.put(n.rd(), sign_fill(m.get(n.rt()), m.get(n.rs()) % 32))),
    (0xfc00_003f, 0x0000_0008, |m, n| m.go(n, true, m.get(n.rs()))),
    (0xfc00_003f, 0x0000_0009, |m, n| { let to = m.get(n.rs()); m.go(n, true, to)?; m.put(n.rd(), n.at.wrapping_add(8)) }),
    (0xfc00_003f, 0x0000_000c, |_, _| Err(fault(8))),
    (0xfc00_003f, 0x0000_000d, |_, _| Err(fault(9))),
    (0xfc00_003f, 0x0000_0010, |m, n| m.put(n.rd(), m.hi)),
    (0xfc00_003f, 0x0000_0011, |m, n| { m.hi = m.get(n.rs()); Ok(()) }),
    (0xfc00_003f, 0x0000_0012, |m, n| m.put(n.rd(), m.lo)),
    (0xfc00_003f, 0x0000_0013, |m, n| { m.lo = m.get(n.rs()); Ok(()) }),
    (0xfc00_003f, 0x0000_0018, |m, n| m.product(wide(m.get(n.rs())).wrapping_mul(wide(m.get(n.rt()))))),
    (0xfc00_003f, 0x0000_0019, |m, n| m.product(i128::from(m.get(n.rs())) * i128::from(m.get(n.rt())))),
    (0xfc00_003f, 0x0000_001a, |m, n| m.quotient(wide(m.get(n.rs())), wide(m.get(n.rt())))),
    (0xfc00_003f, 0x0000_001b, |m, n| m.quotient(m.get(n.rs()).into(), m.get(n.rt()).into())),
    (0xfc00_003f, 0x0000_0020, |m, n| m.put_signed(n.rd(), wide(m.get(n.rs())) + wide(m.get(n.rt())))),
    (0xfc00_003f, 0x0000_0021, |m, n| m.put(n.rd(), (wide(m.get(n.rs())) + wide(m.get(n.rt()))) as u32)),
    (0xfc00_003f, 0x0000_0022, |m, n| m.put_signed(n.rd(), wide(m.get(n.rs())) - wide(m.get(n.rt())))),
    (0xfc00_003f, 0x0000_0023, |m, n| m.put(n.rd(), (wide(m.get(n.rs())) - wide(m.get(n.rt()))) as u32)),
    (0xfc00_003f, 0x0000_0024, |m, n| m.put(n.rd(), m.get(n.rs()) & m.get(n.rt()))),
    (0xfc00_003f, 0x0000_0025, |m, n| m.put(n.rd(), m.get(n.rs()) | m.get(n.rt()))),
    (0xfc00_003f, 0x0000_0026, |m, n| m.put(n.rd(), m.get(n.rs()) ^ m.get(n.rt()))),
    (0xfc00_003f, 0x0000_0027, |m, n| m.put(n.rd(), !m.get(n.rs()) & !m.get(n.rt()))),
    (0xfc00_003f, 0x0000_002a, |m, n| m.put(n.rd(), (wide(m.get(n.rs())) < wide(m.get(n.rt()))).into())),
    (0xfc00_003f, 0x0000_002b, |m, n| m.put(n.rd(), (m.get(n.rs()) < m.get(n.rt())).into())),
    (0xfc1f_0000, 0x0400_0000, |m, n| m.near(n, wide(m.get(n.rs())) < 0)),
    (0xfc1f_0000, 0x0401_0000, |m, n| m.near(n, wide(m.get(n.rs())) >= 0)),
    (0xfc1f_0000, 0x0410_0000, |m, n| { let to = wide(m.get(n.rs())) < 0; m.near(n, to)?; m.put(31, n.at.wrapping_add(8)) }),
    (0xfc1f_0000, 0x0411_0000, |m, n| { let to = wide(m.get(n.rs())) >= 0; m.near(n, to)?; m.put(31, n.at.wrapping_add(8)) }),
    (0xfc00_0000, 0x0800_0000, |m, n| m.far(n)),
    (0xfc00_0000, 0x0c00_0000, |m, n| { m.far(n)?; m.put(31, n.at.wrapping_add(8)) }),
    (0xfc00_0000, 0x1000_0000, |m, n| m.near(n, m.get(n.rs()) == m.get(n.rt()))),
    (0xfc00_0000, 0x1400_0000, |m, n| m.near(n, m.get(n.rs()) != m.get(n.rt()))),
    (0xfc00_0000, 0x1800_0000, |m, n| m.near(n, wide(m.get(n.rs())) <= 0)),
    (0xfc00_0000, 0x1c00_0000, |m, n| m.near(n, wide(m.get(n.rs())) > 0)),
    (0xfc00_0000, 0x2000_0000, |m, n| m.put_signed(n.rt(), wide(m.get(n.rs())) + wide(n.signed()))),
    (0xfc00_0000, 0x2400_0000, |m, n| m.put(n.rt(), (wide(m.get(n.rs())) + wide(n.signed())) as u32)),
    (0xfc00_0000, 0x2800_0000, |m, n| m.put(n.rt(), (wide(m.get(n.rs())) < wide(n.signed())).into())),
    (0xfc00_0000, 0x2c00_0000, |m, n| m.put(n.rt(), (m.get(n.rs()) < n.signed()).into())),
    (0xfc00_0000, 0x3000_0000, |m, n| m.put(n.rt(), m.get(n.rs()) & n.unsigned())),
    (0xfc00_0000, 0x3400_0000, |m, n| m.put(n.rt(), m.get(n.rs()) | n.unsigned())),
    (0xfc00_0000, 0x3800_0000, |m, n| m.put(n.rt(), m.get(n.rs()) ^ n.unsigned())),
    (0xfc00_0000, 0x3c00_0000, |m, n| m.put(n.rt(), n.unsigned() * 0x1_0000)),
    (0xffe0_0000, 0x4000_0000, |m, n| { m.need(0)?; m.read_control(n) }),
    (0xffe0_0000, 0x4080_0000, |m, n| { m.need(0)?; m.write_control(n.rd(), m.get(n.rt())) }),
    // The write buffer is empty whenever this interpreter is asked.
    (0xffff_0000, 0x4100_0000, |m, _| { m.need(0)?; Err(Halt::Undefined) }),
    (0xffff_0000, 0x4101_0000, |m, _| { m.need(0)?; Err(Halt::Undefined) }),
    (0xfe00_003f, 0x4200_0001, |m, _| { m.need(0)?; m.tlb_read() }),
    (0xfe00_003f, 0x4200_0002, |m, _| { m.need(0)?; m.tlb_write() }),
    (0xfe00_003f, 0x4200_0006, |m, _| { m.need(0)?; Err(Halt::Undefined) }),
    (0xfe00_003f, 0x4200_0008, |m, _| { m.need(0)?; m.tlb_probe() }),
    (0xfe00_003f, 0x4200_0010, |m, _| { m.need(0)?; m.control[12] = m.control[12] & !15 | (m.control[12] / 4) & 15; Ok(()) }),
    (0xfc00_0000, 0x4000_0000, |m, _| { m.need(0)?; Err(fault(10)) }),
    (0xffe0_0000, 0x4400_0000, |m, n| { m.need(1)?; m.later(n.rt(), m.float[n.rd()]) }),
    (0xffe0_0000, 0x4440_0000, |m, n| { m.need(1)?; m.later(n.rt(), match n.rd() { 0 => 0x300, 31 => m.float_status, _ => 0 }) }),
    (0xffe0_0000, 0x4480_0000, |m, n| { m.need(1)?; m.float[n.rd()] = m.get(n.rt()); Ok(()) }),
    (0xffe0_0000, 0x44c0_0000, |m, n| { m.need(1)?; if n.rd() == 31 { m.float_status = m.get(n.rt()) & 0x83_ffff; } Ok(()) }),
    (0xfc00_0000, 0x4400_0000, |m, _| { m.need(1)?; Err(fault(10)) }),
    (0xfc00_0000, 0x4800_0000, |m, _| { m.need(2)?; Err(fault(10)) }),
    (0xfc00_0000, 0x4c00_0000, |m, _| { m.need(3)?; Err(fault(10)) }),
    (0xfc00_0000, 0x8000_0000, |m, n| { let b = m.load(n, 1)?; m.later(n.rt(), (b ^ 0x80).wrapping_sub(0x80)) }),
    (0xfc00_0000, 0x8400_0000, |m, n| { let h = m.load(n, 2)?; m.later(n.rt(), (h ^ 0x8000).wrapping_sub(0x8000)) }),
    (0xfc00_0000, 0x8800_0000, |m, n| m.load_part(n, true)),
    (0xfc00_0000, 0x8c00_0000, |m, n| { let w = m.load(n, 4)?; m.later(n.rt(), w) }),
    (0xfc00_0000, 0x9000_0000, |m, n| { let b = m.load(n, 1)?; m.later(n.rt(), b) }),
    (0xfc00_0000, 0x9400_0000, |m, n| { let h = m.load(n, 2)?; m.later(n.rt(), h) }),
    (0xfc00_0000, 0x9800_0000, |m, n| m.load_part(n, false)),
    (0xfc00_0000, 0xa000_0000, |m, n| m.store(n, 1)),
    (0xfc00_0000, 0xa400_0000, |m, n| m.store(n, 2)),
    (0xfc00_0000, 0xa800_0000, |m, n| m.store_part(n, true)),
    (0xfc00_0000, 0xac00_0000, |m, n| m.store(n, 4)),
    (0xfc00_0000, 0xb800_0000, |m, n| m.store_part(n, false)),
    (0xfc00_0000, 0xc400_0000, |m, n| { m.need(1)?; m.float[n.rt()] = m.load(n, 4)?; Ok(()) }),
    (0xfc00_0000, 0xc800_0000, |m, _| { m.need(2)?; Err(fault(10)) }),
    (0xfc00_0000, 0xcc00_0000, |m, _| { m.need(3)?; Err(fault(10)) }),
    (0xfc00_0000, 0xe400_0000, |m, n| { m.need(1)?; let value = m.float[n.rt()]; m.store_value(n, 4, value) }),
    (0xfc00_0000, 0xe800_0000, |m, _| { m.need(2)?; Err(fault(10)) }),
    (0xfc00_0000, 0xec00_0000, |m, _| { m.need(3)?; Err(fault(10)) }),
    (0x0000_0000, 0x0000_0000, |_, _| Err(fault(10))),
];

fn wide(value: u32) -> i128 {
    i128::from(value as i32)
}

fn sign_fill(value: u32, by: u32) -> u32 {
    wide(value).div_euclid(1i128 << by) as u32
}

impl Slow {
    pub(super) fn new(big: bool) -> Slow {
        Slow {
            registers: [0; 32],
            hi: 0,
            lo: 0,
            pc: 0,
            control: [0; 16],
            tlb: core::array::from_fn(|number| (0x8000_0000 + number as u32 * 0x1000, 0)),
            float: [0; 32],
            float_status: 0,
            big,
            memory: vec![0; RAM as usize],
            slot: None,
            load: None,
            result: None,
            undefined: false,
        }
    }

    /// Whether every step so far was.
    pub(super) fn is_defined(&self) -> bool {
        !self.undefined
    }

    /// The value of a register with the load that is on its way to it.
    pub(super) fn arrived(&self, number: u8) -> u32 {
        match self.load {
            Some((register, value)) if register == usize::from(number) => value,
            _ => self.registers[usize::from(number)],
        }
    }

    pub(super) fn word(&self, at: u32) -> u32 {
        (0..4).fold(0, |word, byte| word | self.lane(at, byte, 4))
    }

    pub(super) fn set_word(&mut self, at: u32, word: u32) {
        for byte in 0..4 {
            let lane = if self.big { 3 - byte } else { byte };
            self.memory[(at + byte) as usize] = (word >> (8 * lane)) as u8;
        }
    }

    /// The word at the program counter, for messages.
    pub(super) fn current_word(&self) -> u32 {
        let at = self.pc & 0x1fff_fffc;
        if at < RAM { self.word(at) } else { 0 }
    }

    /// Byte number `byte` of `count` at a physical address, where it belongs in a register.
    fn lane(&self, at: u32, byte: u32, count: u32) -> u32 {
        let lane = if self.big { count - 1 - byte } else { byte };
        u32::from(self.memory[(at + byte) as usize]) << (8 * lane)
    }

    /// Takes a pending interrupt, then executes an instruction or takes its exception.
    pub(super) fn step(&mut self) -> Outcome {
        let pending = self.control[12] & self.control[13] & 0xff00 != 0;
        if pending && self.control[12] & 1 == 1 {
            let at = self.pc;
            let in_slot = self.slot.is_some();
            self.enter(
                at,
                in_slot,
                &Fault {
                    code: 0,
                    unit: 0,
                    address: None,
                    refill: false,
                },
            );
        }
        let at = self.pc;
        let target = self.slot.take();
        match self.execute(at, target) {
            Ok(()) => Outcome::Defined,
            Err(Halt::Fault(fault)) => {
                self.enter(at, target.is_some(), &fault);
                Outcome::Defined
            }
            Err(Halt::Undefined) => {
                self.undefined = true;
                Outcome::Undefined
            }
        }
    }

    fn execute(&mut self, at: u32, target: Option<u32>) -> Result<()> {
        if !at.is_multiple_of(4) {
            return Err(fault_at(4, at, false));
        }
        let physical = self.translate(at, false)?;
        if physical > RAM - 4 {
            return Err(fault(6));
        }
        let word = self.word(physical);
        let now = Now {
            word,
            at,
            arriving: self.load.take(),
        };
        self.pc = target.unwrap_or(at.wrapping_add(4));
        let row = ROWS
            .iter()
            .find(|(mask, pattern, _)| word & mask == *pattern);
        self.result = None;
        // The last row matches every word.
        let done = row.map_or(Ok(()), |(_, _, meaning)| meaning(self, now));
        // What was loaded before arrives first, then what this instruction computed.
        for (register, value) in now.arriving.into_iter().chain(self.result.take()) {
            self.registers[register] = value;
        }
        self.registers[0] = 0;
        done
    }

    fn enter(&mut self, at: u32, in_slot: bool, fault: &Fault) {
        if let Some((register, value)) = self.load.take() {
            self.registers[register] = value;
            self.registers[0] = 0;
        }
        self.slot = None;
        self.control[14] = if in_slot { at.wrapping_sub(4) } else { at };
        let slot_bit = if in_slot { 0x8000_0000 } else { 0 };
        let pending = self.control[13] & 0xff00;
        self.control[13] = slot_bit + fault.unit * 0x1000_0000 + pending + fault.code * 4;
        if let Some(address) = fault.address {
            self.control[8] = address;
            if matches!(fault.code, 1..=3) {
                let page = address / 4096;
                self.control[10] = page * 4096 + self.control[10] % 4096;
                self.control[4] = self.control[4] & 0xffe0_0000 | (page % 0x8_0000 * 4);
            }
        }
        let status = self.control[12];
        self.control[12] = status & !0x3f | ((status & 0xf) * 4);
        self.pc = match (status & 0x0040_0000 != 0, fault.refill) {
            (false, true) => 0x8000_0000,
            (false, false) => 0x8000_0080,
            (true, true) => 0xbfc0_0100,
            (true, false) => 0xbfc0_0180,
        };
    }

    fn is_user(&self) -> bool {
        self.control[12] & 2 != 0
    }
}

// Registers, branches, multiplication.
impl Slow {
    fn get(&self, register: usize) -> u32 {
        self.registers[register]
    }

    fn put(&mut self, register: usize, value: u32) -> Result<()> {
        self.result = Some((register, value));
        Ok(())
    }

    fn put_signed(&mut self, register: usize, value: i128) -> Result<()> {
        match i32::try_from(value) {
            Ok(value) => self.put(register, value as u32),
            Err(_) => Err(fault(12)),
        }
    }

    fn later(&mut self, register: usize, value: u32) -> Result<()> {
        if register != 0 {
            self.load = Some((register, value));
        }
        Ok(())
    }

    /// A branch: the next instruction stands in its slot whether it is taken or not.
    fn go(&mut self, _now: Now, taken: bool, target: u32) -> Result<()> {
        self.slot = Some(if taken {
            target
        } else {
            self.pc.wrapping_add(4)
        });
        Ok(())
    }

    fn near(&mut self, now: Now, taken: bool) -> Result<()> {
        let target = now
            .at
            .wrapping_add(4)
            .wrapping_add(now.signed().wrapping_mul(4));
        self.go(now, taken, target)
    }

    fn far(&mut self, now: Now) -> Result<()> {
        let region = now.at.wrapping_add(4) / 0x1000_0000 * 0x1000_0000;
        self.go(now, true, region + now.word % 0x0400_0000 * 4)
    }

    fn product(&mut self, product: i128) -> Result<()> {
        (self.hi, self.lo) = ((product >> 32) as u32, product as u32);
        Ok(())
    }

    /// By zero, what the chip's division loop leaves: the dividend, and all ones or one.
    fn quotient(&mut self, dividend: i128, divisor: i128) -> Result<()> {
        let quotient = match divisor {
            0 if dividend < 0 => 1,
            0 => -1,
            _ => dividend / divisor,
        };
        let remainder = if divisor == 0 {
            dividend
        } else {
            dividend % divisor
        };
        (self.hi, self.lo) = (remainder as u32, quotient as u32);
        Ok(())
    }
}

// Memory and translation.
impl Slow {
    fn translate(&self, address: u32, store: bool) -> Result<u32> {
        let kind = u32::from(store);
        if address >= 0x8000_0000 && self.is_user() {
            return Err(fault_at(4 + kind, address, false));
        }
        if (0x8000_0000..0xc000_0000).contains(&address) {
            return Ok(address % 0x2000_0000);
        }
        let space = self.control[10] / 64 % 64;
        let mut found = None;
        for (high, low) in self.tlb {
            let here = low & 0x100 != 0 || high / 64 % 64 == space;
            if high / 4096 == address / 4096 && here {
                if found.is_some() {
                    return Err(Halt::Undefined);
                }
                found = Some(low);
            }
        }
        match found {
            None => Err(fault_at(2 + kind, address, address < 0x8000_0000)),
            Some(low) if low & 0x200 == 0 => Err(fault_at(2 + kind, address, false)),
            Some(low) if store && low & 0x400 == 0 => Err(fault_at(1, address, false)),
            Some(low) => Ok(low / 4096 * 4096 + address % 4096),
        }
    }

    fn address(&self, now: Now) -> u32 {
        self.get(now.rs()).wrapping_add(now.signed())
    }

    fn load(&mut self, now: Now, count: u32) -> Result<u32> {
        let address = self.address(now);
        if !address.is_multiple_of(count) {
            return Err(fault_at(4, address, false));
        }
        let at = self.translate(address, false)?;
        if at >= RAM {
            return Err(fault(7));
        }
        Ok((0..count).fold(0, |value, byte| value | self.lane(at, byte, count)))
    }

    fn store(&mut self, now: Now, count: u32) -> Result<()> {
        self.store_value(now, count, self.get(now.rt()))
    }

    fn store_value(&mut self, now: Now, count: u32, value: u32) -> Result<()> {
        let address = self.address(now);
        if !address.is_multiple_of(count) {
            return Err(fault_at(5, address, false));
        }
        let at = self.translate(address, true)?;
        if at >= RAM {
            return Err(fault(7));
        }
        for byte in 0..count {
            let lane = if self.big { count - 1 - byte } else { byte };
            self.memory[(at + byte) as usize] = (value >> (8 * lane)) as u8;
        }
        Ok(())
    }

    /// The bytes of a word that a left or right access moves, as pairs of address and place in the
    /// register, byte 3 the highest.
    fn part(&self, at: u32, left: bool) -> Vec<(u32, u32)> {
        let first = at / 4 * 4;
        // Going from the register's end towards its middle, and in memory from the address
        // towards the word's end that holds the rest.
        let upward = left == self.big;
        let count = if upward {
            first + 4 - at
        } else {
            at - first + 1
        };
        (0..count)
            .map(|step| {
                let address = if upward { at + step } else { at - step };
                (address, if left { 3 - step } else { step })
            })
            .collect()
    }

    fn load_part(&mut self, now: Now, left: bool) -> Result<()> {
        let address = self.address(now);
        let at = self.translate(address, false)?;
        if at >= RAM {
            return Err(fault(7));
        }
        let mut value = match now.arriving {
            Some((register, value)) if register == now.rt() => value,
            _ => self.get(now.rt()),
        };
        for (address, place) in self.part(at, left) {
            let byte = u32::from(self.memory[address as usize]);
            value = value & !(0xff << (8 * place)) | byte << (8 * place);
        }
        self.later(now.rt(), value)
    }

    fn store_part(&mut self, now: Now, left: bool) -> Result<()> {
        let address = self.address(now);
        let at = self.translate(address, true)?;
        if at >= RAM {
            return Err(fault(7));
        }
        let value = self.get(now.rt());
        for (address, place) in self.part(at, left) {
            self.memory[address as usize] = (value >> (8 * place)) as u8;
        }
        Ok(())
    }
}

// Coprocessor 0.
impl Slow {
    fn need(&self, unit: u32) -> Result<()> {
        let enabled = self.control[12] >> (28 + unit) & 1 == 1;
        if enabled || unit == 0 && !self.is_user() {
            return Ok(());
        }
        Err(Halt::Fault(Fault {
            code: 11,
            unit,
            address: None,
            refill: false,
        }))
    }

    fn read_control(&mut self, now: Now) -> Result<()> {
        let value = match now.rd() {
            // It counts cycles.
            1 => return Err(Halt::Undefined),
            15 => 0x220,
            0 | 2 | 4 | 8 | 10 | 12 | 13 | 14 => self.control[now.rd()],
            _ => 0,
        };
        self.later(now.rt(), value)
    }

    fn write_control(&mut self, register: usize, value: u32) -> Result<()> {
        let writable = match register {
            0 => 0x0000_3f00,
            2 => 0xffff_ff00,
            4 => 0xffe0_0000,
            10 => 0xffff_ffc0,
            12 => 0xf047_ff3f,
            13 => 0x0000_0300,
            _ => return Ok(()),
        };
        self.control[register] = self.control[register] & !writable | value & writable;
        // Isolated or swapped caches are not of this interpreter.
        if self.control[12] & 0x0003_0000 != 0 {
            return Err(Halt::Undefined);
        }
        Ok(())
    }

    fn index(&self) -> usize {
        (self.control[0] / 256 % 64) as usize
    }

    fn tlb_read(&mut self) -> Result<()> {
        (self.control[10], self.control[2]) = self.tlb[self.index()];
        Ok(())
    }

    fn tlb_write(&mut self) -> Result<()> {
        let index = self.index();
        self.tlb[index] = (self.control[10], self.control[2]);
        Ok(())
    }

    fn tlb_probe(&mut self) -> Result<()> {
        let own = self.control[10];
        let matches = |(high, low): &(u32, u32)| {
            high / 4096 == own / 4096 && (low & 0x100 != 0 || high / 64 % 64 == own / 64 % 64)
        };
        let mut found = (0u32..).zip(&self.tlb).filter(|(_, entry)| matches(entry));
        self.control[0] = match (found.next(), found.next()) {
            (None, _) => 0x8000_0000,
            (Some((index, _)), None) => index * 256,
            _ => return Err(Halt::Undefined),
        };
        Ok(())
    }
}
