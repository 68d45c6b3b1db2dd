//! x86-64 instructions, one line each, encoded by dynasm.
//!
//! Problem: the encoder must be somebody else's, and fast. Method: dynasm computes each encoding at
//! compile time but for register numbers and immediates; the bytes go through a
//! [`Window`](crate::buffer::Window) of the code buffer. `wide` selects 64-bit operands over 32-bit ones,
//! which clear the upper half. Left out: what to emit for a portable instruction, which is [`super`]'s.

use dynasmrt::{AssemblyOffset, DynasmApi, dynasm};

use crate::buffer::Window;
use crate::op::{Compare, Scale};

impl Extend<u8> for Window<'_> {
    #[inline(always)]
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        bytes.into_iter().for_each(|byte| self.byte(byte));
    }
}

impl<'b> Extend<&'b u8> for Window<'_> {
    #[inline(always)]
    fn extend<I: IntoIterator<Item = &'b u8>>(&mut self, bytes: I) {
        bytes.into_iter().for_each(|&byte| self.byte(byte));
    }
}

impl DynasmApi for Window<'_> {
    #[inline(always)]
    fn offset(&self) -> AssemblyOffset {
        AssemblyOffset(self.end())
    }

    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.byte(byte);
    }

    fn align(&mut self, alignment: usize, with: u8) {
        while !self.end().is_multiple_of(alignment) {
            self.byte(with);
        }
    }

    #[inline(always)]
    fn push_i32(&mut self, value: i32) {
        self.chunk(value.to_le_bytes());
    }

    #[inline(always)]
    fn push_i64(&mut self, value: i64) {
        self.chunk(value.to_le_bytes());
    }

    #[inline(always)]
    fn push_u32(&mut self, value: u32) {
        self.chunk(value.to_le_bytes());
    }

    #[inline(always)]
    fn push_u64(&mut self, value: u64) {
        self.chunk(value.to_le_bytes());
    }
}

/// Instructions on one register.
macro_rules! r {
    ($( $name:ident $op:ident; )+) => { $(
        #[inline(always)]
        pub(super) fn $name(w: &mut Window<'_>, wide: bool, d: u8) {
            if wide { dynasm!(w; .arch x64; $op Rq(d)) } else { dynasm!(w; .arch x64; $op Rd(d)) }
        }
    )+ };
}

/// Instructions on two registers, the first also the destination.
macro_rules! rr {
    ($( $name:ident $op:ident; )+) => { $(
        #[inline(always)]
        pub(super) fn $name(w: &mut Window<'_>, wide: bool, d: u8, s: u8) {
            if wide { dynasm!(w; .arch x64; $op Rq(d), Rq(s)) } else { dynasm!(w; .arch x64; $op Rd(d), Rd(s)) }
        }
    )+ };
}

/// Instructions on a register and a 32-bit immediate, sign-extended; short where it fits a byte.
macro_rules! ri {
    ($( $name:ident $op:ident; )+) => { $(
        #[inline(always)]
        pub(super) fn $name(w: &mut Window<'_>, wide: bool, d: u8, imm: i32) {
            match (wide, i8::try_from(imm)) {
                (true, Ok(short)) => dynasm!(w; .arch x64; $op Rq(d), BYTE short),
                (true, Err(_)) => dynasm!(w; .arch x64; $op Rq(d), DWORD imm),
                (false, Ok(short)) => dynasm!(w; .arch x64; $op Rd(d), BYTE short),
                (false, Err(_)) => dynasm!(w; .arch x64; $op Rd(d), DWORD imm),
            }
        }
    )+ };
}

/// Shifts by a constant count.
macro_rules! shift {
    ($( $name:ident $by_cl:ident $op:ident; )+) => { $(
        #[inline(always)]
        pub(super) fn $name(w: &mut Window<'_>, wide: bool, d: u8, count: i8) {
            if wide { dynasm!(w; .arch x64; $op Rq(d), BYTE count) } else { dynasm!(w; .arch x64; $op Rd(d), BYTE count) }
        }
        #[inline(always)]
        pub(super) fn $by_cl(w: &mut Window<'_>, wide: bool, d: u8) {
            if wide { dynasm!(w; .arch x64; $op Rq(d), cl) } else { dynasm!(w; .arch x64; $op Rd(d), cl) }
        }
    )+ };
}

/// Instructions between a register of the family `$reg` and memory: a constant offset or an index.
macro_rules! mem {
    ($( $name:ident ($($pre:tt)+) ($($post:tt)*); )+) => { $(
        #[inline(always)]
        pub(super) fn $name(w: &mut Window<'_>, r: u8, m: Mem) {
            let Mem { base, index, disp } = m;
            match (index, i8::try_from(disp)) {
                (None, Ok(short)) => mem!(@emit w, r, [BYTE Rq(base) + short], ($($pre)+), ($($post)*)),
                (None, Err(_)) => mem!(@emit w, r, [DWORD Rq(base) + disp], ($($pre)+), ($($post)*)),
                (Some((i, Scale::X1)), Ok(short)) => mem!(@emit w, r, [BYTE Rq(base) + Rq(i) * 1 + short], ($($pre)+), ($($post)*)),
                (Some((i, Scale::X2)), Ok(short)) => mem!(@emit w, r, [BYTE Rq(base) + Rq(i) * 2 + short], ($($pre)+), ($($post)*)),
                (Some((i, Scale::X4)), Ok(short)) => mem!(@emit w, r, [BYTE Rq(base) + Rq(i) * 4 + short], ($($pre)+), ($($post)*)),
                (Some((i, Scale::X8)), Ok(short)) => mem!(@emit w, r, [BYTE Rq(base) + Rq(i) * 8 + short], ($($pre)+), ($($post)*)),
                (Some((i, Scale::X1)), Err(_)) => mem!(@emit w, r, [DWORD Rq(base) + Rq(i) * 1 + disp], ($($pre)+), ($($post)*)),
                (Some((i, Scale::X2)), Err(_)) => mem!(@emit w, r, [DWORD Rq(base) + Rq(i) * 2 + disp], ($($pre)+), ($($post)*)),
                (Some((i, Scale::X4)), Err(_)) => mem!(@emit w, r, [DWORD Rq(base) + Rq(i) * 4 + disp], ($($pre)+), ($($post)*)),
                (Some((i, Scale::X8)), Err(_)) => mem!(@emit w, r, [DWORD Rq(base) + Rq(i) * 8 + disp], ($($pre)+), ($($post)*)),
            }
        }
    )+ };
    (@emit $w:ident, $r:ident, $mem:tt, (load $op:ident $reg:ident $($size:ident)?), ()) => {
        dynasm!($w; .arch x64; $op $reg($r), $($size)? $mem)
    };
    (@emit $w:ident, $r:ident, $mem:tt, (store $op:ident $reg:ident), ()) => {
        dynasm!($w; .arch x64; $op $mem, $reg($r))
    };
}

/// A memory operand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mem {
    pub(super) base: u8,
    pub(super) index: Option<(u8, Scale)>,
    pub(super) disp: i32,
}

r! { not not; neg neg; mul mul; imul_wide imul; div div; idiv idiv; bswap bswap; }
rr! { mov mov; add add; sub sub; and and; or or; xor xor; cmp cmp; test test; imul imul; }
ri! { add_i add; sub_i sub; and_i and; or_i or; xor_i xor; }
shift! { shl_i shl_cl shl; shr_i shr_cl shr; sar_i sar_cl sar; }
mem! {
    load_c (load movsx Rd BYTE) ();
    load_uc (load movzx Rd BYTE) ();
    load_s (load movsx Rd WORD) ();
    load_us (load movzx Rd WORD) ();
    load_32 (load mov Rd) ();
    load_64 (load mov Rq) ();
    store_8 (store mov Rb) ();
    store_16 (store mov Rw) ();
    store_32 (store mov Rd) ();
    store_64 (store mov Rq) ();
    lea_32 (load lea Rd) ();
    lea_64 (load lea Rq) ();
}

/// Compares with an immediate. dynasm reaches only the long form: the short one is written out here.
#[inline(always)]
pub(super) fn cmp_i(w: &mut Window<'_>, wide: bool, a: u8, imm: i32) {
    match (wide, i8::try_from(imm)) {
        (true, Ok(short)) => w.chunk([0x48 | a >> 3, 0x83, 0xf8 | a & 7, short as u8]),
        (false, Ok(short)) if a < 8 => w.chunk([0x83, 0xf8 | a, short as u8]),
        (false, Ok(short)) => w.chunk([0x41, 0x83, 0xf8 | a & 7, short as u8]),
        (true, Err(_)) => dynasm!(w; .arch x64; cmp Rq(a), DWORD imm),
        (false, Err(_)) => dynasm!(w; .arch x64; cmp Rd(a), DWORD imm),
    }
}

/// `d = d + carry`.
#[inline(always)]
pub(super) fn add_carry(w: &mut Window<'_>, wide: bool, d: u8) {
    if wide {
        dynasm!(w; .arch x64; adc Rq(d), BYTE 0);
    } else {
        dynasm!(w; .arch x64; adc Rd(d), BYTE 0);
    }
}

/// `d = the address` that the memory operand names.
#[inline(always)]
pub(super) fn lea(w: &mut Window<'_>, wide: bool, d: u8, m: Mem) {
    if wide {
        lea_64(w, d, m)
    } else {
        lea_32(w, d, m)
    }
}

/// `d = a * imm`.
#[inline(always)]
pub(super) fn imul_i(w: &mut Window<'_>, wide: bool, d: u8, a: u8, imm: i32) {
    match (wide, i8::try_from(imm)) {
        (true, Ok(short)) => dynasm!(w; .arch x64; imul Rq(d), Rq(a), BYTE short),
        (true, Err(_)) => dynasm!(w; .arch x64; imul Rq(d), Rq(a), DWORD imm),
        (false, Ok(short)) => dynasm!(w; .arch x64; imul Rd(d), Rd(a), BYTE short),
        (false, Err(_)) => dynasm!(w; .arch x64; imul Rd(d), Rd(a), DWORD imm),
    }
}

/// `d = imm`, in as few bytes as will do. Flags are kept.
#[inline(always)]
pub(super) fn mov_i(w: &mut Window<'_>, d: u8, imm: u64) {
    if let Ok(small) = u32::try_from(imm) {
        dynasm!(w; .arch x64; mov Rd(d), DWORD small as i32);
    } else if let Ok(signed) = i32::try_from(imm as i64) {
        dynasm!(w; .arch x64; mov Rq(d), DWORD signed);
    } else {
        dynasm!(w; .arch x64; mov Rq(d), QWORD imm as i64);
    }
}

/// `d = low 8 bits of a`, sign-extended to 32.
#[inline(always)]
pub(super) fn movsx_8(w: &mut Window<'_>, d: u8, a: u8) {
    dynasm!(w; .arch x64; movsx Rd(d), Rb(a));
}

/// `d = low 8 bits of a`.
#[inline(always)]
pub(super) fn movzx_8(w: &mut Window<'_>, d: u8, a: u8) {
    dynasm!(w; .arch x64; movzx Rd(d), Rb(a));
}

/// `d = low 16 bits of a`, sign-extended to 32.
#[inline(always)]
pub(super) fn movsx_16(w: &mut Window<'_>, d: u8, a: u8) {
    dynasm!(w; .arch x64; movsx Rd(d), Rw(a));
}

/// `d = low 16 bits of a`.
#[inline(always)]
pub(super) fn movzx_16(w: &mut Window<'_>, d: u8, a: u8) {
    dynasm!(w; .arch x64; movzx Rd(d), Rw(a));
}

/// `d = low 32 bits of a`, sign-extended.
#[inline(always)]
pub(super) fn movsxd(w: &mut Window<'_>, d: u8, a: u8) {
    dynasm!(w; .arch x64; movsxd Rq(d), Rd(a));
}

/// `d = sign-extended 32 bits at base + 4 × index`.
#[inline(always)]
pub(super) fn load_table(w: &mut Window<'_>, d: u8, base: u8, index: u8) {
    dynasm!(w; .arch x64; movsxd Rq(d), DWORD [Rq(base) + Rq(index) * 4]);
}

/// Swaps the bytes of the low 16 bits of `d`.
#[inline(always)]
pub(super) fn rol_16(w: &mut Window<'_>, d: u8) {
    dynasm!(w; .arch x64; rol Rw(d), BYTE 8);
}

/// Sign of rax into rdx (of eax into edx).
#[inline(always)]
pub(super) fn cdq(w: &mut Window<'_>, wide: bool) {
    if wide {
        dynasm!(w; .arch x64; cqo);
    } else {
        dynasm!(w; .arch x64; cdq);
    }
}

/// `d = 1` if the last comparison found equality, else 0; `d` is one byte.
#[inline(always)]
pub(super) fn sete(w: &mut Window<'_>, d: u8) {
    dynasm!(w; .arch x64; sete Rb(d));
}

/// `d = s`, all 64 bits, on the condition.
#[inline(always)]
pub(super) fn cmov(w: &mut Window<'_>, condition: Condition, d: u8, s: u8) {
    match condition {
        Condition::B => dynasm!(w; .arch x64; cmovb Rq(d), Rq(s)),
        Condition::Ae => dynasm!(w; .arch x64; cmovae Rq(d), Rq(s)),
        Condition::E => dynasm!(w; .arch x64; cmove Rq(d), Rq(s)),
        Condition::Ne => dynasm!(w; .arch x64; cmovne Rq(d), Rq(s)),
        Condition::Be => dynasm!(w; .arch x64; cmovbe Rq(d), Rq(s)),
        Condition::A => dynasm!(w; .arch x64; cmova Rq(d), Rq(s)),
        Condition::L => dynasm!(w; .arch x64; cmovl Rq(d), Rq(s)),
        Condition::Ge => dynasm!(w; .arch x64; cmovge Rq(d), Rq(s)),
        Condition::Le => dynasm!(w; .arch x64; cmovle Rq(d), Rq(s)),
        Condition::G => dynasm!(w; .arch x64; cmovg Rq(d), Rq(s)),
    }
}

/// Conditional branch with a 32-bit displacement, which is its last four bytes.
#[inline(always)]
pub(super) fn jcc(w: &mut Window<'_>, condition: Condition) {
    w.chunk([0x0f, 0x80 | condition as u8, 0, 0, 0, 0]);
}

/// Jump with a 32-bit displacement, which is its last four bytes.
#[inline(always)]
pub(super) fn jmp(w: &mut Window<'_>) {
    w.chunk([0xe9, 0, 0, 0, 0]);
}

/// Conditional branch to where the window [lands](Window::land), at most 127 bytes on.
#[inline(always)]
pub(super) fn jcc_short(w: &mut Window<'_>, condition: Condition) -> usize {
    w.chunk([0x70 | condition as u8, 0]);
    w.end()
}

/// Jump to where the window [lands](Window::land), at most 127 bytes on.
#[inline(always)]
pub(super) fn jmp_short(w: &mut Window<'_>) -> usize {
    w.chunk([0xeb, 0]);
    w.end()
}

/// `d = address of` a place given by a 32-bit displacement, which is the last four bytes.
#[inline(always)]
pub(super) fn lea_rip(w: &mut Window<'_>, d: u8) {
    dynasm!(w; .arch x64; lea Rq(d), [rip + 0]);
}

/// Jump to the address in `d`.
#[inline(always)]
pub(super) fn jmp_r(w: &mut Window<'_>, d: u8) {
    dynasm!(w; .arch x64; jmp Rq(d));
}

/// Call the address in `d`.
#[inline(always)]
pub(super) fn call_r(w: &mut Window<'_>, d: u8) {
    dynasm!(w; .arch x64; call Rq(d));
}

/// Push all of `s`.
#[inline(always)]
pub(super) fn push(w: &mut Window<'_>, s: u8) {
    dynasm!(w; .arch x64; push Rq(s));
}

/// Pop all of `d`.
#[inline(always)]
pub(super) fn pop(w: &mut Window<'_>, d: u8) {
    dynasm!(w; .arch x64; pop Rq(d));
}

/// Return.
#[inline(always)]
pub(super) fn ret(w: &mut Window<'_>) {
    dynasm!(w; .arch x64; ret);
}

/// Condition codes, with their numbers in encodings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Condition {
    B = 2,
    Ae = 3,
    E = 4,
    Ne = 5,
    Be = 6,
    A = 7,
    L = 12,
    Ge = 13,
    Le = 14,
    G = 15,
}

impl Condition {
    /// The condition that a comparison of a signed or unsigned type leaves in the flags.
    #[inline(always)]
    pub(super) const fn of(compare: Compare, signed: bool) -> Self {
        match (compare, signed) {
            (Compare::Lt, false) => Self::B,
            (Compare::Le, false) => Self::Be,
            (Compare::Gt, false) => Self::A,
            (Compare::Ge, false) => Self::Ae,
            (Compare::Lt, true) => Self::L,
            (Compare::Le, true) => Self::Le,
            (Compare::Gt, true) => Self::G,
            (Compare::Ge, true) => Self::Ge,
            (Compare::Eq, _) => Self::E,
            (Compare::Ne, _) => Self::Ne,
        }
    }
}
