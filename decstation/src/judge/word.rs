//! Instruction words for the cases, put together field by field.
//!
//! This is the judge's own knowledge of the encoding: it shares nothing with the decoder that it
//! judges.

pub(super) const ZERO: u32 = 0;
pub(super) const V0: u32 = 2;
pub(super) const A0: u32 = 4;
pub(super) const T0: u32 = 8;
pub(super) const T1: u32 = 9;
pub(super) const T2: u32 = 10;
pub(super) const T3: u32 = 11;
pub(super) const T4: u32 = 12;
pub(super) const S0: u32 = 16;
pub(super) const T9: u32 = 25;
pub(super) const FP: u32 = 30;
pub(super) const RA: u32 = 31;

pub(super) const NOP: u32 = 0;
pub(super) const SYSCALL: u32 = 0x0000_000c;
pub(super) const TLBR: u32 = 0x4200_0001;
pub(super) const TLBWI: u32 = 0x4200_0002;
pub(super) const TLBWR: u32 = 0x4200_0006;
pub(super) const TLBP: u32 = 0x4200_0008;
pub(super) const RFE: u32 = 0x4200_0010;

/// Function codes of SPECIAL with three registers.
pub(super) mod special {
    pub(in super::super) const SLL: u32 = 0;
    pub(in super::super) const SRL: u32 = 2;
    pub(in super::super) const SRA: u32 = 3;
    pub(in super::super) const SLLV: u32 = 4;
    pub(in super::super) const SRLV: u32 = 6;
    pub(in super::super) const SRAV: u32 = 7;
    pub(in super::super) const JR: u32 = 8;
    pub(in super::super) const JALR: u32 = 9;
    pub(in super::super) const MFHI: u32 = 16;
    pub(in super::super) const MTHI: u32 = 17;
    pub(in super::super) const MFLO: u32 = 18;
    pub(in super::super) const MTLO: u32 = 19;
    pub(in super::super) const MULT: u32 = 24;
    pub(in super::super) const MULTU: u32 = 25;
    pub(in super::super) const DIV: u32 = 26;
    pub(in super::super) const DIVU: u32 = 27;
    pub(in super::super) const ADD: u32 = 32;
    pub(in super::super) const ADDU: u32 = 33;
    pub(in super::super) const SUB: u32 = 34;
    pub(in super::super) const SUBU: u32 = 35;
    pub(in super::super) const AND: u32 = 36;
    pub(in super::super) const OR: u32 = 37;
    pub(in super::super) const XOR: u32 = 38;
    pub(in super::super) const NOR: u32 = 39;
    pub(in super::super) const SLT: u32 = 42;
    pub(in super::super) const SLTU: u32 = 43;
}

/// Operation codes.
pub(super) mod code {
    pub(in super::super) const J: u32 = 2;
    pub(in super::super) const JAL: u32 = 3;
    pub(in super::super) const BEQ: u32 = 4;
    pub(in super::super) const BNE: u32 = 5;
    pub(in super::super) const BLEZ: u32 = 6;
    pub(in super::super) const BGTZ: u32 = 7;
    pub(in super::super) const ADDI: u32 = 8;
    pub(in super::super) const ADDIU: u32 = 9;
    pub(in super::super) const SLTI: u32 = 10;
    pub(in super::super) const SLTIU: u32 = 11;
    pub(in super::super) const ANDI: u32 = 12;
    pub(in super::super) const ORI: u32 = 13;
    pub(in super::super) const XORI: u32 = 14;
    pub(in super::super) const LUI: u32 = 15;
    pub(in super::super) const LB: u32 = 32;
    pub(in super::super) const LH: u32 = 33;
    pub(in super::super) const LWL: u32 = 34;
    pub(in super::super) const LW: u32 = 35;
    pub(in super::super) const LBU: u32 = 36;
    pub(in super::super) const LHU: u32 = 37;
    pub(in super::super) const LWR: u32 = 38;
    pub(in super::super) const SB: u32 = 40;
    pub(in super::super) const SH: u32 = 41;
    pub(in super::super) const SWL: u32 = 42;
    pub(in super::super) const SW: u32 = 43;
    pub(in super::super) const SWR: u32 = 46;
}

/// A SPECIAL instruction on registers.
pub(super) const fn r(function: u32, rd: u32, rs: u32, rt: u32) -> u32 {
    rs << 21 | rt << 16 | rd << 11 | function
}

/// A shift by a constant.
pub(super) const fn shift(function: u32, rd: u32, rt: u32, amount: u32) -> u32 {
    rt << 16 | rd << 11 | amount << 6 | function
}

/// An instruction with an immediate.
pub(super) const fn i(code: u32, rt: u32, rs: u32, immediate: i32) -> u32 {
    code << 26 | rs << 21 | rt << 16 | immediate.cast_unsigned() & 0xffff
}

/// A jump.
pub(super) const fn j(code: u32, target: u32) -> u32 {
    code << 26 | target >> 2 & 0x03ff_ffff
}

/// `bltz`, `bgez`, `bltzal`, `bgezal` by their number (0, 1, 16, 17).
pub(super) const fn regimm(number: u32, rs: u32, offset: i32) -> u32 {
    1 << 26 | rs << 21 | number << 16 | offset.cast_unsigned() & 0xffff
}

pub(super) const fn break_(number: u32) -> u32 {
    number << 16 | 0x0d
}

pub(super) const fn lui(rt: u32, value: u32) -> u32 {
    code::LUI << 26 | rt << 16 | value & 0xffff
}

pub(super) const fn mfc0(rt: u32, register: u32) -> u32 {
    0x4000_0000 | rt << 16 | register << 11
}

pub(super) const fn mtc0(rt: u32, register: u32) -> u32 {
    0x4080_0000 | rt << 16 | register << 11
}
