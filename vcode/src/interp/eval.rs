//! What operations mean, on mathematical numbers.
//!
//! Problem: wrap, sign and width are where backends go wrong. Method: a value is the number it stands
//! for, in 128 bits; an operation computes the exact result; [`cut`] brings it back into a register.
//! Left out: memory and control.

use crate::Ty;
use crate::op::{Binary, Unary};

/// Bits of a value of the type.
const fn bits<const WORD: u32>(ty: Ty) -> u32 {
    ty.bytes(WORD) * 8
}

/// The low bits of a register as a number of the type.
pub(super) fn extend<const WORD: u32>(ty: Ty, word: u64) -> i128 {
    let bits = bits::<WORD>(ty);
    let value = i128::from(word) & ((1 << bits) - 1);
    if ty.is_signed() && value >> (bits - 1) == 1 {
        value - (1 << bits)
    } else {
        value
    }
}

/// A number as a register holds it: cut to the type, extended to 32 bits by the type if narrower, the rest
/// clear.
pub(super) fn cut<const WORD: u32>(ty: Ty, value: i128) -> u64 {
    let value = extend::<WORD>(ty, value as u64);
    let held = bits::<WORD>(ty).max(32);
    (value & ((1 << held) - 1)) as u64
}

pub(super) fn binary<const WORD: u32>(op: Binary, ty: Ty, a: i128, b: i128) -> i128 {
    let bits = bits::<WORD>(ty);
    let count = (b & i128::from(bits - 1)) as u32;
    match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a.wrapping_mul(b),
        Binary::Div if b == 0 => 0,
        Binary::Div => a / b,
        Binary::Mod if b == 0 => a,
        Binary::Mod => a % b,
        Binary::And => a & b,
        Binary::Or => a | b,
        Binary::Xor => a ^ b,
        Binary::Lsh => a << count,
        Binary::Rsh => a >> count,
        Binary::MulHi => high(bits, a, b, ty.is_signed()),
        Binary::Fold => a.wrapping_mul(b) ^ high(bits, a, b, false),
        Binary::Cksum => (a + b) + ((a + b) >> bits),
    }
}

/// The high half of the product of two numbers of `bits` bits.
fn high(bits: u32, a: i128, b: i128, signed: bool) -> i128 {
    if signed {
        (a * b) >> bits
    } else {
        ((a as u128 * b as u128) >> bits) as i128
    }
}

pub(super) fn unary<const WORD: u32>(op: Unary, ty: Ty, a: i128) -> i128 {
    let bytes = ty.bytes(WORD) as usize;
    match op {
        Unary::Com => !a,
        Unary::Not => i128::from(a == 0),
        Unary::Mov => a,
        Unary::Neg => -a,
        Unary::Bswap => a.to_le_bytes()[..bytes]
            .iter()
            .fold(0, |value, &byte| value << 8 | i128::from(byte)),
    }
}
