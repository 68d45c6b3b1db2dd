//! What the prover believes of registers, held against what the emulator finds there.
//!
//! Random programs of arithmetic, comparisons, conditional moves and forward branches are proved,
//! then run on many packets. At the return that a run takes, every register must be what the prover
//! says: in its range, with its residue, the same number wherever the same name stands, and within
//! its slack of the packet's end. A wrong rule shows here before any load goes astray.

use alloc::vec::Vec;
use std::collections::HashMap;

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::Policy;
use super::emulator::{Outcome, World, run};
use super::flow::returns;
use crate::check::domain::{LEN, Numbers, Sum, ZERO};
use crate::check::state::{State, Value};
use crate::fuzzing::Random;

const PROGRAMS: u64 = 6_000;
const RUNS: u64 = 12;
/// Bytes that every program makes sure of, and loads from.
const GUARDED: u32 = 64;

const WIDE: [AsmRegister64; 8] = [rax, rcx, rdx, rsi, rdi, r8, r9, r10];
const HALF: [AsmRegister32; 8] = [eax, ecx, edx, esi, edi, r8d, r9d, r10d];
const WORD: [AsmRegister16; 8] = [ax, cx, dx, si, di, r8w, r9w, r10w];
const BYTE: [AsmRegister8; 8] = [al, cl, dl, sil, dil, r8b, r9b, r10b];

#[test]
fn registers_hold_what_is_believed_of_them() {
    let (mut numbers_checked, mut slacks_checked) = (0, 0);
    for seed in 0..PROGRAMS {
        let mut random = Random::new(seed);
        let code = program(&mut random).unwrap();
        let policy = Policy {
            entries: [0].into(),
            frame: 64,
            longest_path: 1000,
            ..Policy::default()
        };
        let (numbers, known) = returns(&code, &policy).expect("no load can go astray");
        for _ in 0..RUNS {
            let packet = random_packet(&mut random);
            let world = World {
                address: 0x2000_0000_0000,
                packet: &packet,
                wirelen: random.bits() as u32,
                tables: &[],
                frame: 64,
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
            let (checked, slacks) = case.verify(&outcome);
            numbers_checked += checked;
            slacks_checked += slacks;
        }
    }
    // Were nothing believed, nothing would be checked.
    assert!(numbers_checked > 200_000, "{numbers_checked}");
    assert!(slacks_checked > 100_000, "{slacks_checked}");
}

struct Case<'a> {
    seed: u64,
    numbers: &'a Numbers,
    state: &'a State<16>,
    world: &'a World<'a>,
}

impl Case<'_> {
    /// How many numbers were checked, and how many of them had a slack that says something.
    fn verify(&self, outcome: &Outcome) -> (u32, u32) {
        let len = self.world.packet.len() as i128;
        let mut values = HashMap::from([(ZERO.number(), 0), (LEN.number(), len)]);
        let (mut checked, mut slacks) = (0, 0);
        for (register, value) in self.state.registers.iter().enumerate() {
            let found = outcome.registers[register];
            let (sum, found) = match *value {
                Value::Number(sum) => (sum, found),
                Value::Low32(sum) => (sum, u64::from(found as u32)),
                Value::Packet(sum) => (sum, found.wrapping_sub(self.world.address)),
                _ => continue,
            };
            let told = self.tell(register, sum, found);
            let variable = i128::from(found) - i128::from(sum.offset);
            let known = *values.entry(sum.var.number()).or_insert(variable);
            assert_eq!(known, variable, "{told}: another number of the same name");
            let range = self.state.facts.range(self.numbers, sum);
            assert!(
                (range.low..=range.high).contains(&found),
                "{told}: {range:?}"
            );
            assert!(self.numbers.residue(sum).holds(found), "{told}: residue");
            if let Some(slack) = self.state.facts.slack(self.numbers, sum) {
                assert!(
                    i128::from(found) + i128::from(slack) <= len,
                    "{told}: slack {slack}"
                );
                slacks += u32::from(range.high < u64::from(u32::MAX) && sum.var != ZERO);
            }
            checked += u32::from(range.high < u64::from(u32::MAX));
        }
        (checked, slacks)
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

/// A guard, some loads, then anything; branches go to labels not far ahead.
fn program(random: &mut Random) -> Result<Vec<u8>, IcedError> {
    let mut a = CodeAssembler::new(64)?;
    let mut short = a.create_label();
    a.mov(r11, rdi)?;
    a.cmp(esi, GUARDED)?;
    a.jb(short)?;
    for register in [rax, rcx, rdx, r8, r9, r10] {
        let at = random.below(GUARDED - 8);
        match random.below(4) {
            0 => a.mov(register, qword_ptr(r11 + at))?,
            1 => a.movzx(register, word_ptr(r11 + at))?,
            _ => a.movzx(register, byte_ptr(r11 + at))?,
        }
    }
    let mut ahead: Vec<(u32, CodeLabel)> = Vec::new();
    for step in 0..10 + random.below(30) {
        ahead.retain_mut(|(due, label)| *due > step || a.set_label(label).is_err());
        if random.one_in(5) {
            let target = a.create_label();
            compare(&mut a, random)?;
            branch(&mut a, random, target)?;
            ahead.push((step + 1 + random.below(6), target));
        } else {
            arithmetic(&mut a, random)?;
        }
        // A label holds one instruction.
        a.nop()?;
    }
    for (_, mut label) in ahead {
        a.set_label(&mut label)?;
        a.nop()?;
    }
    // Apart, or little would be known where it is joined.
    a.ret()?;
    a.set_label(&mut short)?;
    a.ret()?;
    a.assemble(0)
}

fn compare(a: &mut CodeAssembler, random: &mut Random) -> Result<(), IcedError> {
    let (x, y) = (random.below(8) as usize, random.below(8) as usize);
    match random.below(8) {
        0 => a.cmp(WIDE[x], WIDE[y]),
        1 | 2 => a.cmp(HALF[x], HALF[y]),
        3 => a.cmp(HALF[x], small(random)),
        4 => a.cmp(WIDE[x], small(random)),
        5 => a.cmp(HALF[x], esi),
        6 => a.test(HALF[x], HALF[x]),
        _ => a.sub(HALF[x], HALF[y]),
    }
}

fn branch(a: &mut CodeAssembler, random: &mut Random, to: CodeLabel) -> Result<(), IcedError> {
    match random.below(10) {
        0 => a.jb(to),
        1 => a.jae(to),
        2 => a.jbe(to),
        3 => a.ja(to),
        4 => a.je(to),
        5 => a.jne(to),
        6 => a.jl(to),
        7 => a.jge(to),
        8 => a.jle(to),
        _ => a.jg(to),
    }
}

fn small(random: &mut Random) -> i32 {
    *random.pick(&[
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
        -20,
        1 << 16,
        i32::MAX,
    ])
}

fn arithmetic(a: &mut CodeAssembler, random: &mut Random) -> Result<(), IcedError> {
    let (x, y) = (random.below(8) as usize, random.below(8) as usize);
    let by = random.below(9);
    match random.below(36) {
        0 => a.mov(WIDE[x], WIDE[y]),
        1 => a.mov(HALF[x], HALF[y]),
        2 => a.mov(HALF[x], small(random)),
        3 => a.add(HALF[x], HALF[y]),
        4 => a.add(WIDE[x], WIDE[y]),
        5 => a.add(HALF[x], small(random)),
        6 => a.add(WIDE[x], small(random)),
        7 => a.sub(HALF[x], HALF[y]),
        8 => a.sub(WIDE[x], WIDE[y]),
        9 => a.sub(HALF[x], small(random)),
        10 => a.and(HALF[x], small(random)),
        11 => a.and(WIDE[x], WIDE[y]),
        12 => a.or(HALF[x], HALF[y]),
        13 => a.xor(HALF[x], HALF[y]),
        14 => a.shl(HALF[x], by),
        15 => a.shl(WIDE[x], by),
        16 => a.shr(HALF[x], by),
        17 => a.shr(WIDE[x], by),
        18 => a.sar(HALF[x], by),
        19 => a.lea(WIDE[x], ptr(WIDE[y] + small(random))),
        20 => a.lea(HALF[x], ptr(WIDE[y] + small(random))),
        21 => a.lea(WIDE[x], ptr(WIDE[y] + WIDE[x] * 4 + small(random))),
        22 => a.lea(HALF[x], ptr(WIDE[y] + WIDE[x] * 2)),
        23 => a.movzx(HALF[x], BYTE[y]),
        24 => a.movzx(HALF[x], WORD[y]),
        25 => a.movsx(HALF[x], WORD[y]),
        26 => a.movsxd(WIDE[x], HALF[y]),
        27 => a.setb(BYTE[x]),
        28 => a.rol(WORD[x], 8),
        29 => a.imul_3(HALF[x], HALF[y], small(random)),
        30 => a.dec(HALF[x]),
        31 => a.add(BYTE[x], BYTE[y]),
        32 => a.xchg(WIDE[x], WIDE[y]),
        33 => a.bsf(HALF[x], HALF[y]),
        _ => select(a, random, (x, y)),
    }
}

fn select(
    a: &mut CodeAssembler,
    random: &mut Random,
    (x, y): (usize, usize),
) -> Result<(), IcedError> {
    compare(a, random)?;
    match random.below(6) {
        0 => a.cmovb(WIDE[x], WIDE[y]),
        1 => a.cmovae(HALF[x], HALF[y]),
        2 => a.cmove(WIDE[x], WIDE[y]),
        3 => a.cmovne(HALF[x], HALF[y]),
        4 => a.cmova(WIDE[x], WIDE[y]),
        _ => a.cmovbe(HALF[x], HALF[y]),
    }
}
