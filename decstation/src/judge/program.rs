//! Random MIPS-I user programs that mean the same on every R2000 and R3000.
//!
//! They use every instruction of user mode, keep the distances after loads and around HI and LO
//! that the hardware asks for, divide only by positive numbers, and loop only by a counter. They
//! end with a system call, or with an exception that they came to on the way.

use super::word::{
    FP, NOP, RA, S0, SYSCALL, T9, ZERO, break_, code, i, j, lui, r, regimm, shift, special,
};
use super::{Case, INVALID, KERNEL_DATA, MISSING, READ_ONLY, USER_CODE, USER_DATA};

/// Registers that programs compute with.
const POOL: [u32; 18] = [
    2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20,
];
/// The base register points to the middle of the data.
const MIDDLE: i32 = 128;

const ARITHMETIC: [u32; 9] = [
    special::ADDU,
    special::SUBU,
    special::AND,
    special::OR,
    special::XOR,
    special::NOR,
    special::SLT,
    special::SLTU,
    special::ADDU,
];
const IMMEDIATE: [u32; 6] = [
    code::ADDIU,
    code::SLTI,
    code::SLTIU,
    code::ANDI,
    code::ORI,
    code::XORI,
];

/// `count` programs of a seed.
pub fn programs(seed: u64, count: u32) -> Vec<Case> {
    (0..count)
        .map(|number| {
            Generator::new(seed.wrapping_mul(1_000_003) + u64::from(number)).program(number)
        })
        .collect()
}

struct Generator {
    random: u64,
    code: Vec<u32>,
    /// Branches whose target is still to come, and in how many instructions.
    pending: Vec<(usize, usize)>,
    /// The register that the last instruction loads.
    loaded: u32,
    /// Instructions since HI or LO was last read.
    since_read: usize,
    /// Whether arithmetic may trap, and whether accesses may be unaligned.
    traps: bool,
    crooked: bool,
    /// Whether there are branches that link though they are not taken, which MAME's do not.
    links: bool,
}

impl Generator {
    fn new(seed: u64) -> Generator {
        Generator {
            random: seed,
            code: Vec::new(),
            pending: Vec::new(),
            loaded: 0,
            since_read: 2,
            traps: false,
            crooked: false,
            links: false,
        }
    }

    fn program(mut self, number: u32) -> Case {
        self.traps = self.below(3) == 0;
        self.crooked = self.below(4) == 0;
        self.links = self.below(4) == 0;
        let length = 30 + self.below(70) as usize;
        while self.code.len() < length {
            self.item();
        }
        self.bind_all();
        self.end();
        let mut case = Case::new(&format!("program {number}"), true, Vec::new());
        for register in POOL {
            case.registers[register as usize] = self.value();
        }
        case.registers[S0 as usize] = USER_DATA + MIDDLE as u32;
        case.hi_lo = (self.value(), self.value());
        case.data = core::array::from_fn(|_| self.value());
        case.mame = !self.links;
        case.code = self.code;
        case
    }

    /// splitmix64.
    fn bits(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.random ^ self.random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn below(&mut self, bound: u32) -> u32 {
        (self.bits() >> 33) as u32 % bound
    }

    fn pick(&mut self, from: &[u32]) -> u32 {
        from[self.below(from.len() as u32) as usize]
    }

    /// A number, often one at an edge.
    fn value(&mut self) -> u32 {
        match self.below(6) {
            0 => self.pick(&[
                0,
                1,
                u32::MAX,
                0x7fff_ffff,
                0x8000_0000,
                0xffff_8000,
                0x0000_7fff,
            ]),
            1 => self.below(256),
            _ => self.bits() as u32,
        }
    }

    fn immediate(&mut self) -> i32 {
        self.below(0x1_0000) as i32
    }

    /// A register to write.
    fn target(&mut self) -> u32 {
        self.pick(&POOL)
    }

    /// A register to read that no load is on its way to.
    fn source(&mut self) -> u32 {
        loop {
            let register = match self.below(12) {
                0 => ZERO,
                1 => 1,
                2 => RA,
                _ => self.pick(&POOL),
            };
            if register == 0 || register != self.loaded {
                return register;
            }
        }
    }

    fn push(&mut self, word: u32) {
        self.code.push(word);
        self.loaded = 0;
        self.since_read += 1;
        let here = self.code.len();
        let due = |(at, ahead): &(usize, usize)| at + ahead <= here;
        let bound: Vec<usize> = self
            .pending
            .iter()
            .filter(|own| due(own))
            .map(|own| own.0)
            .collect();
        self.pending.retain(|own| !due(own));
        for at in bound {
            self.bind(at);
        }
    }

    /// Makes the branch at `at` come here.
    fn bind(&mut self, at: usize) {
        let here = self.code.len();
        let word = self.code[at];
        let address = USER_CODE + 4 * here as u32;
        self.code[at] = match word >> 26 {
            code::J | code::JAL => j(word >> 26, address),
            // The half of an address for a jump through a register.
            code::ORI => word & 0xffff_0000 | address & 0xffff,
            _ => word & 0xffff_0000 | (here - at - 1) as u32 & 0xffff,
        };
    }

    fn bind_all(&mut self) {
        // A branch needs its slot before anything can be its target.
        for (at, _) in core::mem::take(&mut self.pending) {
            self.bind(at);
        }
    }

    fn item(&mut self) {
        match self.below(20) {
            0..=6 => {
                let word = self.plain();
                self.push(word);
            }
            7 if self.traps => self.trapping(),
            7..=10 => self.load(),
            11..=13 => self.store(),
            14..=15 => self.multiply(),
            16..=17 => self.branch(),
            18 => self.call(),
            _ => self.repeat(),
        }
    }

    /// An instruction that may stand anywhere, a delay slot included.
    fn plain(&mut self) -> u32 {
        let (rd, rs, rt) = (self.target(), self.source(), self.source());
        match self.below(5) {
            0..=1 => r(self.pick(&ARITHMETIC), rd, rs, rt),
            2 => {
                let immediate = self.immediate();
                i(self.pick(&IMMEDIATE), rd, rs, immediate)
            }
            3 => {
                let amount = self.below(32);
                match self.below(2) {
                    0 => shift(
                        self.pick(&[special::SLL, special::SRL, special::SRA]),
                        rd,
                        rt,
                        amount,
                    ),
                    _ => r(
                        self.pick(&[special::SLLV, special::SRLV, special::SRAV]),
                        rd,
                        rs,
                        rt,
                    ),
                }
            }
            _ => lui(rd, self.below(0x1_0000)),
        }
    }

    fn trapping(&mut self) {
        let (rd, rs, rt) = (self.target(), self.source(), self.source());
        let immediate = self.immediate();
        let word = match self.below(3) {
            0 => r(special::ADD, rd, rs, rt),
            1 => r(special::SUB, rd, rs, rt),
            _ => i(code::ADDI, rd, rs, immediate),
        };
        self.push(word);
    }

    /// An offset from the base register for an access of `bytes`.
    fn offset(&mut self, bytes: u32) -> i32 {
        let mut offset = (self.below(256) / bytes * bytes) as i32 - MIDDLE;
        if self.crooked && self.below(12) == 0 {
            offset += 1;
        }
        // No access may begin behind the data.
        offset.min(MIDDLE - bytes as i32)
    }

    fn load(&mut self) {
        let target = self.target();
        let (operation, bytes) = [
            (code::LB, 1),
            (code::LBU, 1),
            (code::LH, 2),
            (code::LHU, 2),
            (code::LW, 4),
            (code::LW, 4),
            (code::LWL, 1),
            (code::LWR, 1),
        ][self.below(8) as usize];
        if matches!(operation, code::LWL | code::LWR) {
            // The pair, in which the second may follow at once; it merges with the first.
            let at = self.offset(4).min(MIDDLE - 8) & !3 | self.below(4) as i32;
            self.push(i(code::LWR, target, S0, at));
            if self.below(3) != 0 {
                self.push(i(code::LWL, target, S0, at + 3));
            }
        } else {
            let offset = self.offset(bytes);
            self.push(i(operation, target, S0, offset));
        }
        self.loaded = target;
    }

    fn store(&mut self) {
        let source = self.source();
        let (operation, bytes) = [
            (code::SB, 1),
            (code::SH, 2),
            (code::SW, 4),
            (code::SW, 4),
            (code::SWL, 1),
            (code::SWR, 1),
        ][self.below(6) as usize];
        let offset = self.offset(bytes);
        self.push(i(operation, source, S0, offset));
    }

    fn multiply(&mut self) {
        // Nothing may jump between a divisor and its division.
        self.bind_all();
        while self.since_read < 2 {
            let word = self.plain();
            self.push(word);
        }
        let (rs, rt) = (self.source(), self.source());
        match self.below(6) {
            0 => self.push(r(special::MULT, 0, rs, rt)),
            1 => self.push(r(special::MULTU, 0, rs, rt)),
            2 => self.push(r(special::MTHI, 0, rs, 0)),
            3 => self.push(r(special::MTLO, 0, rs, 0)),
            _ => {
                let divisor = self.target();
                self.push(i(code::ANDI, divisor, rt, 0x7fff));
                self.push(i(code::ORI, divisor, divisor, 1));
                let rs = self.source();
                let operation = self.pick(&[special::DIV, special::DIVU]);
                self.push(r(operation, 0, rs, divisor));
            }
        }
        for function in [special::MFHI, special::MFLO] {
            if self.below(2) == 0 {
                let target = self.target();
                self.push(r(function, target, 0, 0));
                self.since_read = 0;
            }
        }
    }

    /// A branch or jump forward, its slot, and what it may pass over.
    fn branch(&mut self) {
        let (rs, rt) = (self.source(), self.source());
        let word = match self.below(9) {
            0 => i(code::BEQ, rt, rs, 0),
            1 => i(code::BNE, rt, rs, 0),
            2 => i(code::BLEZ, 0, rs, 0),
            3 => i(code::BGTZ, 0, rs, 0),
            4 => regimm(0, rs, 0),
            5 => regimm(1, rs, 0),
            // A link register that is also the source is undefined.
            6 if self.links && rs != RA => regimm(16, rs, 0),
            7 if self.links && rs != RA => regimm(17, rs, 0),
            _ => j(self.pick(&[code::J, code::JAL]), USER_CODE),
        };
        let at = self.code.len();
        self.push(word);
        let slot = self.plain();
        self.push(slot);
        let ahead = 3 + self.below(6) as usize;
        self.pending.push((at, ahead));
    }

    /// A jump forward through a register.
    fn call(&mut self) {
        // Nothing may jump between the halves of the address.
        self.bind_all();
        self.push(lui(T9, USER_CODE >> 16));
        let at = self.code.len();
        self.push(i(code::ORI, T9, T9, 0));
        let word = match self.below(2) {
            0 => r(special::JR, 0, T9, 0),
            _ => r(special::JALR, RA, T9, 0),
        };
        self.push(word);
        let slot = self.plain();
        self.push(slot);
        let ahead = 5 + self.below(4) as usize;
        self.pending.push((at, ahead));
    }

    /// A loop by a counter; nothing jumps into it.
    fn repeat(&mut self) {
        if self.loaded != 0 {
            self.push(NOP);
        }
        self.bind_all();
        let turns = 1 + self.below(5) as i32;
        self.push(i(code::ADDIU, FP, ZERO, turns));
        let start = self.code.len();
        for _ in 0..1 + self.below(4) {
            match self.below(4) {
                0 => self.load(),
                1 => self.store(),
                _ => {
                    let word = self.plain();
                    self.push(word);
                }
            }
        }
        self.push(i(code::ADDIU, FP, FP, -1));
        let back = start as i32 - self.code.len() as i32 - 1;
        self.push(i(code::BNE, ZERO, FP, back));
        let slot = self.plain();
        self.push(slot);
    }

    /// What ends the program.
    fn end(&mut self) {
        self.push(NOP);
        let base = self.target();
        let rt = self.source();
        let own = self.target();
        let mut touch = |address: u32, word: u32| {
            self.push(lui(base, address >> 16));
            self.push(i(code::ORI, base, base, (address & 0xffff) as i32));
            self.push(word);
        };
        match (rt + own) % 11 {
            0 => touch(MISSING, i(code::LW, own, base, 16)),
            1 => touch(MISSING, i(code::SH, rt, base, 2)),
            2 => touch(READ_ONLY, i(code::SB, rt, base, 7)),
            3 => touch(INVALID, i(code::LBU, own, base, 1)),
            4 => touch(KERNEL_DATA, i(code::LW, own, base, 0)),
            5 => touch(KERNEL_DATA, i(code::SW, rt, base, 0)),
            6 => touch(USER_DATA, i(code::LW, own, base, 2)),
            7 => self.push(break_(rt)),
            8 => self.push(0x4400_0000 | own << 16),
            _ => {}
        }
        self.push(NOP);
        self.push(SYSCALL);
        self.push(NOP);
    }
}
