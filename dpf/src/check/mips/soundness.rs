//! What the prover believes of registers, held against what the emulator finds there.
//!
//! As for x86-64: random programs of arithmetic, comparisons, products and forward branches, with
//! anything in their slots, are proved, then run on many packets. At the return that a run takes,
//! every register, HI and LO must be what the prover says: in its range, with its residue, the same number
//! wherever the same name stands, and within its slack of the packet's end.

use alloc::vec::Vec;
use std::collections::HashMap;

use super::Policy;
use super::emulator::{Outcome, World, run};
use super::flow::returns;
use super::machine::State;
use crate::check::Alignment;
use crate::check::domain::{LEN, Numbers, Sum, ZERO};
use crate::check::state::Value;
use crate::fuzzing::Random;

const PROGRAMS: u64 = 8_000;
const RUNS: u64 = 12;
/// Bytes that every program makes sure of, and loads from.
const GUARDED: u32 = 64;
/// Registers that programs compute with: v0, v1, a0, a1, t0 to t3.
const WORKING: [u32; 8] = [2, 3, 4, 5, 8, 9, 10, 11];
/// Where the packet's address is kept: t9.
const PACKET: u32 = 25;
const AT: u32 = 1;

#[test]
fn registers_hold_what_is_believed_of_them() {
    let (mut numbers_checked, mut slacks_checked, mut residues_checked) = (0, 0, 0);
    for seed in 0..PROGRAMS {
        let mut random = Random::new(seed);
        let code = Program::random(&mut random);
        let policy = Policy {
            entries: [0].into(),
            longest_path: 1000,
            packet: Alignment::WordPlusTwo,
            ..Policy::default()
        };
        let (numbers, known) = returns(&code, &policy).expect("no load can go astray");
        for _ in 0..RUNS {
            let packet = random_packet(&mut random);
            let world = World {
                address: 0x0800_0002,
                packet: &packet,
                wirelen: random.bits() as u32,
                tables: &[],
                frame: 0,
                seed: random.bits(),
            };
            let outcome = run(&code, 0, &world, 1000).unwrap();
            let at = known.iter().find(|(at, _)| *at == outcome.at);
            let (_, state) = at.expect("a return that nothing reaches");
            let case = Case {
                seed,
                numbers: &numbers,
                state,
                world: &world,
            };
            let (checked, slacks, residues) = case.verify(&outcome);
            numbers_checked += checked;
            slacks_checked += slacks;
            residues_checked += residues;
        }
    }
    // Were nothing believed, nothing would be checked.
    assert!(numbers_checked > 150_000, "{numbers_checked}");
    assert!(slacks_checked > 80_000, "{slacks_checked}");
    assert!(residues_checked > 15_000, "{residues_checked}");
}

struct Case<'a> {
    seed: u64,
    numbers: &'a Numbers,
    state: &'a State,
    world: &'a World<'a>,
}

impl Case<'_> {
    /// How many numbers were checked, and how many of them had a slack or a residue that says something.
    fn verify(&self, outcome: &Outcome) -> (u32, u32, u32) {
        let len = self.world.packet.len() as i128;
        let mut values = HashMap::from([(ZERO.number(), 0), (LEN.number(), len)]);
        let (mut checked, mut slacks, mut residues) = (0, 0, 0);
        for (register, value) in self.state.registers.iter().enumerate() {
            let found = outcome.registers[register];
            let (sum, found) = match *value {
                Value::Number(sum) => (sum, found),
                Value::Packet(sum) => (sum, found.wrapping_sub(self.world.address)),
                _ => continue,
            };
            let found = u64::from(found);
            let range = self.state.facts.range(self.numbers, sum);
            if range.high > u32::MAX.into() {
                continue; // A pointer, of which only what 2³² leaves is seen.
            }
            let told = self.tell(register, sum, found);
            let variable = i128::from(found) - i128::from(sum.offset);
            let known = *values.entry(sum.var.number()).or_insert(variable);
            assert_eq!(known, variable, "{told}: another number of the same name");
            assert!(
                (range.low..=range.high).contains(&found),
                "{told}: {range:?}"
            );
            let residue = self.numbers.residue(sum);
            assert!(residue.holds(found), "{told}: residue");
            residues += u32::from(residue.above_four() != (0, 3) && sum.var != ZERO);
            if let Some(slack) = self.state.facts.slack(self.numbers, sum) {
                assert!(
                    i128::from(found) + i128::from(slack) <= len,
                    "{told}: slack {slack}"
                );
                slacks += u32::from(range.high < u64::from(u32::MAX) && sum.var != ZERO);
            }
            checked += u32::from(range.high < u64::from(u32::MAX));
        }
        (checked, slacks, residues)
    }

    fn tell(&self, register: usize, sum: Sum, found: u64) -> alloc::string::String {
        let len = self.world.packet.len();
        alloc::format!(
            "seed {}: register {register} is {found:#x}, {sum:?}, len {len}",
            self.seed
        )
    }
}

fn random_packet(random: &mut Random) -> Vec<u8> {
    let len = match random.below(4) {
        0 => random.below(GUARDED),
        1 => GUARDED + random.below(8),
        _ => GUARDED + random.below(300),
    };
    // Small numbers pass guards more often.
    let mask = *random.pick(&[0xff, 0xff, 0x3f, 0x07]);
    (0..len).map(|_| random.bits() as u8 & mask).collect()
}

/// A program being written.
struct Program<'a> {
    words: Vec<u32>,
    random: &'a mut Random,
    /// Branches, each with the step before which it lands.
    ahead: Vec<(u32, usize)>,
}

impl Program<'_> {
    /// A guard, some loads, then anything; branches go not far ahead.
    fn random(random: &mut Random) -> Vec<u32> {
        let mut program = Program {
            words: Vec::new(),
            random,
            ahead: Vec::new(),
        };
        program.guarded();
        let steps = 10 + program.random.below(30);
        for step in 0..steps {
            program.land(step);
            if program.random.one_in(4) {
                program.branch(step);
            } else {
                program.arithmetic();
            }
        }
        program.land(u32::MAX);
        // Apart, or little would be known where it is joined.
        program.words.extend([jump(31), 0]);
        let end = program.words.len();
        program.aim(1, end);
        program.words.extend([jump(31), 0]);
        program.words
    }

    fn guarded(&mut self) {
        self.words.extend([
            immediate(11, AT, 5, GUARDED as i16),
            immediate(5, 0, AT, 0),
            three(33, PACKET, 4, 0),
        ]);
        for register in [2, 3, 8, 9, 10, 11] {
            let at = self.random.below(GUARDED - 8) as i16;
            self.words.push(match self.random.below(5) {
                // The packet stands two bytes past a word.
                0 => immediate(35, register, PACKET, (at & !3) + 2),
                1 => immediate(37, register, PACKET, at & !1),
                2 => immediate(38, register, PACKET, at),
                _ => immediate(36, register, PACKET, at),
            });
        }
        self.words.push(0);
    }

    /// Lets the branches that are due land here.
    fn land(&mut self, step: u32) {
        let here = self.words.len();
        let (due, ahead) = self.ahead.iter().partition(|(due, _)| *due <= step);
        self.ahead = ahead;
        for (_, branch) in due {
            self.aim(branch, here);
        }
    }

    fn aim(&mut self, branch: usize, target: usize) {
        self.words[branch] |= (target - branch - 1) as u32;
    }

    fn branch(&mut self, step: u32) {
        let (x, y) = (self.working(), self.working());
        let branch = match self.random.below(8) {
            0 => immediate(4, y, x, 0),
            1 => immediate(5, y, x, 0),
            2 => immediate(1, 0, x, 0),
            3 => immediate(1, 1, x, 0),
            4 => immediate(6, 0, x, 0),
            5 => immediate(7, 0, x, 0),
            other => {
                self.compare(AT);
                immediate(other - 2, 0, AT, 0)
            }
        };
        let due = step + 1 + self.random.below(6);
        self.ahead.push((due, self.words.len()));
        self.words.push(branch);
        self.arithmetic();
        // A slot holds one instruction.
        self.words.truncate(self.slot_end());
        // What it loads might be used where the branch leads.
        if let Some(slot) = self.words.last_mut()
            && *slot >> 31 == 1
        {
            *slot = 0;
        }
        // Products and their halves keep apart.
        self.words.extend([0, 0]);
    }

    /// Behind the slot of the last branch.
    fn slot_end(&self) -> usize {
        self.ahead.last().map_or(0, |(_, branch)| branch + 2)
    }

    fn compare(&mut self, target: u32) {
        let (x, y, constant) = (self.working(), self.working(), self.small());
        let word = match self.random.below(8) {
            0 => three(42, target, x, y),
            1 => three(43, target, x, 5),
            2 => three(43, target, 5, x),
            3 => immediate(10, target, x, constant),
            4 => immediate(11, target, x, constant),
            5 => immediate(11, target, x, 1),
            6 => three(43, target, 0, x),
            _ => three(43, target, x, y),
        };
        self.words.push(word);
    }

    fn working(&mut self) -> u32 {
        *self.random.pick(&WORKING)
    }

    fn small(&mut self) -> i16 {
        *self.random.pick(&[
            0,
            1,
            4,
            14,
            20,
            60,
            64,
            100,
            127,
            255,
            -1,
            -4,
            -20,
            i16::MAX,
            i16::MIN,
        ])
    }

    fn arithmetic(&mut self) {
        let (x, y, z) = (self.working(), self.working(), self.working());
        let (constant, count) = (self.small(), self.random.below(9));
        let word = match self.random.below(26) {
            0 => three(33, x, y, 0),
            1 => immediate(9, x, 0, constant),
            2 | 3 => three(33, x, y, z),
            4..=6 => immediate(9, x, y, constant),
            7 | 8 => three(35, x, y, z),
            9 => three(35, x, 5, y),
            10 => immediate(12, x, y, constant),
            11 => three(36, x, y, z),
            12 => immediate(13, x, y, constant),
            13 => three(37, x, y, z),
            14 => immediate(14, x, y, constant),
            15 => immediate(14, x, y, 1),
            16 => three(39, x, y, z),
            17 => shift(0, x, y, count),
            18 => shift(2, x, y, count),
            19 => shift(3, x, y, count),
            20 => three(4 + 2 * self.random.below(2), x, y, z),
            21 => immediate(15, x, 0, constant),
            22 => {
                let op = 24 + self.random.below(4);
                let half = 16 + 2 * self.random.below(2);
                return self
                    .words
                    .extend([three(op, 0, y, z), three(half, x, 0, 0), 0, 0]);
            }
            23 => immediate(*self.random.pick(&[34, 38]), x, PACKET, 30),
            _ => return self.compare(x),
        };
        let loads = word >> 31 == 1;
        self.words.push(word);
        if loads {
            self.words.push(0);
        }
    }
}

fn three(function: u32, d: u32, s: u32, t: u32) -> u32 {
    s << 21 | t << 16 | d << 11 | function
}

fn shift(function: u32, d: u32, t: u32, count: u32) -> u32 {
    t << 16 | d << 11 | count << 6 | function
}

fn immediate(opcode: u32, t: u32, s: u32, value: i16) -> u32 {
    opcode << 26 | s << 21 | t << 16 | u32::from(value.cast_unsigned())
}

fn jump(s: u32) -> u32 {
    s << 21 | 8
}
