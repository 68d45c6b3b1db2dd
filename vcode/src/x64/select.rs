//! Which x86-64 instructions a portable instruction becomes.
//!
//! Problem: `d = a op b` where `d` may be `a`, `b` or neither, `b` may be any constant, and some
//! operations have fixed registers. Method: one function per format; the choice depends only on which
//! operands coincide and on the constant. Left out: labels and calls, which are the parent's.

use super::abi::{RAX, RCX, RDX};
use super::encode::{self as x, Mem};
use crate::buffer::Window;
use crate::op::{Binary, Compare, Offset, Src, Unary};
use crate::{Reg, Ty};

/// The constant as a register would hold it.
#[inline(always)]
pub(super) const fn cut(ty: Ty, value: i64) -> u64 {
    if ty.is_word() {
        value as u64
    } else {
        value as u32 as u64
    }
}

/// The memory operand.
#[inline(always)]
pub(super) const fn mem(base: Reg, offset: Offset) -> Mem {
    match offset {
        Offset::Imm(disp) => Mem {
            base: base.number(),
            index: None,
            disp,
        },
        Offset::Index(index, scale, disp) => Mem {
            base: base.number(),
            index: Some((index.number(), scale)),
            disp,
        },
    }
}

/// `d = a op b`.
#[inline(always)]
pub(super) fn binary(w: &mut Window<'_>, op: Binary, ty: Ty, d: u8, a: u8, b: Src) {
    let wide = ty.is_word();
    match op {
        Binary::Add => add(w, wide, d, a, b),
        Binary::Sub => sub(w, wide, d, a, b),
        Binary::And => and(w, wide, d, a, b),
        Binary::Or => commutative(w, wide, d, a, b, x::or, Some(x::or_i)),
        Binary::Xor => commutative(w, wide, d, a, b, x::xor, Some(x::xor_i)),
        Binary::Mul => mul(w, wide, d, a, b),
        Binary::Lsh => shift(w, wide, d, a, b, x::shl_i, x::shl_cl),
        Binary::Rsh if ty.is_signed() => shift(w, wide, d, a, b, x::sar_i, x::sar_cl),
        Binary::Rsh => shift(w, wide, d, a, b, x::shr_i, x::shr_cl),
        Binary::MulHi => {
            product(w, wide, ty.is_signed(), a, b);
            x::mov(w, wide, d, RDX);
        }
        Binary::Fold => {
            product(w, wide, false, a, b);
            x::xor(w, wide, RAX, RDX);
            x::mov(w, wide, d, RAX);
        }
        Binary::Cksum => {
            commutative(w, wide, d, a, b, x::add, Some(x::add_i));
            x::add_carry(w, wide, d);
        }
        Binary::Div => divide(w, ty, d, a, b, RAX),
        Binary::Mod => divide(w, ty, d, a, b, RDX),
    }
}

/// `d = op a`.
#[inline(always)]
pub(super) fn unary(w: &mut Window<'_>, op: Unary, ty: Ty, d: u8, a: u8) {
    let wide = ty.is_word();
    match op {
        Unary::Mov => x::mov(w, wide, d, a),
        Unary::Com => {
            copy(w, d, a);
            x::not(w, wide, d);
        }
        Unary::Neg => {
            copy(w, d, a);
            x::neg(w, wide, d);
        }
        Unary::Not => {
            x::test(w, wide, a, a);
            x::sete(w, d);
            x::movzx_8(w, d, d);
        }
        Unary::Bswap if ty == Ty::Us => {
            x::movzx_16(w, d, a);
            x::rol_16(w, d);
        }
        Unary::Bswap => {
            copy(w, d, a);
            x::bswap(w, wide, d);
        }
    }
}

/// `d = a`, from one type to another.
#[inline(always)]
pub(super) fn convert(w: &mut Window<'_>, from: Ty, to: Ty, d: u8, a: u8) {
    match (from, to) {
        (_, Ty::C) => x::movsx_8(w, d, a),
        (_, Ty::Uc) => x::movzx_8(w, d, a),
        (_, Ty::S) => x::movsx_16(w, d, a),
        (_, Ty::Us) => x::movzx_16(w, d, a),
        (_, Ty::I | Ty::U) => x::mov(w, false, d, a),
        (Ty::I, _) => x::movsxd(w, d, a),
        (Ty::L | Ty::Ul | Ty::P, _) => x::mov(w, true, d, a),
        (_, _) => x::mov(w, false, d, a),
    }
}

/// `d = memory`.
#[inline(always)]
pub(super) fn load(w: &mut Window<'_>, ty: Ty, d: u8, m: Mem) {
    match ty {
        Ty::C => x::load_c(w, d, m),
        Ty::Uc => x::load_uc(w, d, m),
        Ty::S => x::load_s(w, d, m),
        Ty::Us => x::load_us(w, d, m),
        Ty::I | Ty::U => x::load_32(w, d, m),
        Ty::L | Ty::Ul | Ty::P => x::load_64(w, d, m),
    }
}

/// `memory = a`.
#[inline(always)]
pub(super) fn store(w: &mut Window<'_>, ty: Ty, a: u8, m: Mem) {
    match ty {
        Ty::C | Ty::Uc => x::store_8(w, a, m),
        Ty::S | Ty::Us => x::store_16(w, a, m),
        Ty::I | Ty::U => x::store_32(w, a, m),
        Ty::L | Ty::Ul | Ty::P => x::store_64(w, a, m),
    }
}

/// Sets the flags from `a compare b`.
#[inline(always)]
pub(super) fn compare(w: &mut Window<'_>, compare: Compare, ty: Ty, a: u8, b: Src) {
    let wide = ty.is_word();
    match operand(wide, b) {
        Operand::Reg(b) => x::cmp(w, wide, a, b),
        Operand::Short(0) if matches!(compare, Compare::Eq | Compare::Ne) => x::test(w, wide, a, a),
        Operand::Short(imm) => x::cmp_i(w, wide, a, imm),
        Operand::Long(imm) => {
            x::mov_i(w, RAX, imm);
            x::cmp(w, wide, a, RAX);
        }
    }
}

/// A last operand as x86-64 sees it.
enum Operand {
    Reg(u8),
    /// A constant that an instruction takes, sign-extended from 32 bits.
    Short(i32),
    /// A constant that needs a register.
    Long(u64),
}

#[inline(always)]
fn operand(wide: bool, b: Src) -> Operand {
    match b {
        Src::Reg(reg) => Operand::Reg(reg.number()),
        Src::Imm(value) if !wide => Operand::Short(value as i32),
        Src::Imm(value) => match i32::try_from(value) {
            Ok(short) => Operand::Short(short),
            Err(_) => Operand::Long(value as u64),
        },
    }
}

/// `d = a`, nothing if they are one register; for instructions whose result defines the upper half.
#[inline(always)]
fn copy(w: &mut Window<'_>, d: u8, a: u8) {
    if d != a {
        x::mov(w, true, d, a);
    }
}

type Rr = fn(&mut Window<'_>, bool, u8, u8);
type Ri = fn(&mut Window<'_>, bool, u8, i32);

/// `d = a op b` where operands may change places.
#[inline(always)]
fn commutative(w: &mut Window<'_>, wide: bool, d: u8, a: u8, b: Src, rr: Rr, ri: Option<Ri>) {
    match (operand(wide, b), ri) {
        (Operand::Reg(b), _) if d == b => rr(w, wide, d, a),
        (Operand::Reg(b), _) => {
            copy(w, d, a);
            rr(w, wide, d, b);
        }
        (Operand::Short(imm), Some(ri)) => {
            copy(w, d, a);
            ri(w, wide, d, imm);
        }
        (Operand::Short(imm), None) => {
            x::mov_i(w, RAX, imm as i64 as u64);
            copy(w, d, a);
            rr(w, wide, d, RAX);
        }
        (Operand::Long(imm), _) => {
            x::mov_i(w, RAX, imm);
            copy(w, d, a);
            rr(w, wide, d, RAX);
        }
    }
}

#[inline(always)]
fn add(w: &mut Window<'_>, wide: bool, d: u8, a: u8, b: Src) {
    let sum = |index, disp| Mem {
        base: a,
        index,
        disp,
    };
    match b {
        Src::Reg(b) if d != a && d != b.number() => {
            x::lea(w, wide, d, sum(Some((b.number(), crate::op::Scale::X1)), 0))
        }
        Src::Imm(value) if d != a => match operand(wide, Src::Imm(value)) {
            Operand::Short(disp) => x::lea(w, wide, d, sum(None, disp)),
            _ => commutative(w, wide, d, a, b, x::add, Some(x::add_i)),
        },
        _ => commutative(w, wide, d, a, b, x::add, Some(x::add_i)),
    }
}

#[inline(always)]
fn sub(w: &mut Window<'_>, wide: bool, d: u8, a: u8, b: Src) {
    match b {
        Src::Imm(value) => add(w, wide, d, a, Src::Imm(value.wrapping_neg())),
        Src::Reg(b) if d == b.number() && d != a => {
            x::neg(w, wide, d);
            x::add(w, wide, d, a);
        }
        Src::Reg(b) => {
            copy(w, d, a);
            x::sub(w, wide, d, b.number());
        }
    }
}

#[inline(always)]
fn and(w: &mut Window<'_>, wide: bool, d: u8, a: u8, b: Src) {
    match b {
        // A mask without upper half clears it, as the 32-bit instruction does in fewer bytes.
        Src::Imm(mask) if wide && mask as u64 <= u64::from(u32::MAX) => {
            commutative(w, false, d, a, b, x::and, Some(x::and_i));
        }
        _ => commutative(w, wide, d, a, b, x::and, Some(x::and_i)),
    }
}

#[inline(always)]
fn mul(w: &mut Window<'_>, wide: bool, d: u8, a: u8, b: Src) {
    match operand(wide, b) {
        Operand::Short(imm) => x::imul_i(w, wide, d, a, imm),
        _ => commutative(w, wide, d, a, b, x::imul, None),
    }
}

type ShiftBy = fn(&mut Window<'_>, bool, u8, i8);
type ShiftByCl = fn(&mut Window<'_>, bool, u8);

#[inline(always)]
fn shift(w: &mut Window<'_>, wide: bool, d: u8, a: u8, b: Src, by: ShiftBy, by_cl: ShiftByCl) {
    match b {
        Src::Imm(count) => {
            // Even a count of zero writes the result, which clears the upper half.
            copy(w, d, a);
            match (count as u8 & if wide { 63 } else { 31 }, wide) {
                (0, false) => x::mov(w, false, d, d),
                (count, _) => by(w, wide, d, count as i8),
            }
        }
        Src::Reg(count) => shift_by_register(w, wide, d, a, count.number(), by_cl),
    }
}

/// The count must be in `cl`: `rcx` is kept in `rdx` meanwhile, unless it is the destination.
#[inline(always)]
fn shift_by_register(w: &mut Window<'_>, wide: bool, d: u8, a: u8, count: u8, by_cl: ShiftByCl) {
    x::mov(w, wide, RAX, a);
    if count == RCX {
        by_cl(w, wide, RAX);
    } else {
        x::mov(w, true, RDX, RCX);
        x::mov(w, false, RCX, count);
        by_cl(w, wide, RAX);
        x::mov(w, true, RCX, RDX);
    }
    // A 32-bit shift by zero leaves the upper half of its destination: this move does not.
    x::mov(w, wide, d, RAX);
}

/// `rdx:rax = a × b`.
#[inline(always)]
fn product(w: &mut Window<'_>, wide: bool, signed: bool, a: u8, b: Src) {
    let by = match b {
        Src::Reg(b) => b.number(),
        Src::Imm(value) => {
            x::mov_i(
                w,
                RDX,
                if wide {
                    value as u64
                } else {
                    u64::from(value as u32)
                },
            );
            RDX
        }
    };
    x::mov(w, wide, RAX, a);
    if signed {
        x::imul_wide(w, wide, by)
    } else {
        x::mul(w, wide, by)
    }
}

/// `d = quotient` (in `rax`) or remainder (in `rdx`), by cases that the machine would trap on.
fn divide(w: &mut Window<'_>, ty: Ty, d: u8, a: u8, b: Src, result: u8) {
    match b {
        Src::Imm(value) => divide_by_constant(w, ty, d, a, cut(ty, value), result),
        Src::Reg(b) => divide_by_register(w, ty, d, a, b.number(), result),
    }
}

fn divide_by_constant(w: &mut Window<'_>, ty: Ty, d: u8, a: u8, by: u64, result: u8) {
    let wide = ty.is_word();
    let minus_one = cut(ty, -1);
    match (by, result) {
        (0, RAX) => x::mov_i(w, d, 0),
        (0, _) => x::mov(w, wide, d, a),
        (by, RAX) if by == minus_one && ty.is_signed() => {
            copy(w, d, a);
            x::neg(w, wide, d);
        }
        (by, _) if by == minus_one && ty.is_signed() => x::mov_i(w, d, 0),
        (by, _) => {
            // `d` is free once the dividend is in rax: it holds the divisor.
            x::mov(w, wide, RAX, a);
            x::mov_i(w, d, by);
            quotient(w, ty, d);
            x::mov(w, wide, d, result);
        }
    }
}

/// Divides rdx:rax, of which rax is given, by `by`.
fn quotient(w: &mut Window<'_>, ty: Ty, by: u8) {
    let wide = ty.is_word();
    if ty.is_signed() {
        x::cdq(w, wide);
        x::idiv(w, wide, by);
    } else {
        x::xor(w, false, RDX, RDX);
        x::div(w, wide, by);
    }
}

/// A signed division by 0 or −1 and an unsigned one by 0 would trap, or not give what is promised; they
/// take a path of their own.
fn divide_by_register(w: &mut Window<'_>, ty: Ty, d: u8, a: u8, b: u8, result: u8) {
    let wide = ty.is_word();
    x::mov(w, wide, RAX, a);
    let special = if ty.is_signed() {
        x::lea(
            w,
            wide,
            RDX,
            Mem {
                base: b,
                index: None,
                disp: 1,
            },
        );
        x::cmp_i(w, wide, RDX, 1);
        x::jcc_short(w, x::Condition::Be)
    } else {
        x::test(w, wide, b, b);
        x::jcc_short(w, x::Condition::E)
    };
    quotient(w, ty, b);
    let done = x::jmp_short(w);
    w.land(special);
    match (ty.is_signed(), result == RAX) {
        // a ÷ b = a × b for 0 and −1; the remainder is a and not b.
        (true, true) => x::imul(w, wide, RAX, b),
        (true, false) => {
            x::mov(w, wide, RDX, b);
            x::not(w, wide, RDX);
            x::and(w, wide, RDX, RAX);
        }
        (false, true) => x::xor(w, false, RAX, RAX),
        (false, false) => x::mov(w, wide, RDX, RAX),
    }
    w.land(done);
    x::mov(w, wide, d, result);
}
