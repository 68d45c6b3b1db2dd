//! Which MIPS-I instructions a portable instruction becomes.
//!
//! Problem: three operands fit, but constants have 16 bits, division has cases the machine leaves open, and
//! there is no conditional move, byte swap or carry. Method: one function per format; the choice depends only on
//! the operation and on the constant. A register holds 32 bits, so the types `l`, `ul` and `p` are `i`
//! and `u` here. `at` holds constants and addresses, `v0` what needs a second place. Each function tells
//! [`Words`] which registers an instruction reads, so that loads are kept from their use. Left out: labels and
//! calls, which are the parent's.

use super::abi::{AT, V0, ZERO};
use super::encode as m;
use super::words::{To, Words, bit};
use crate::op::{Align, Binary, Compare, Offset, Scale, Src, Unary};
use crate::{Reg, Ty};

/// The constant as a signed field of 16 bits, if it fits.
#[inline(always)]
const fn signed(value: u32) -> Option<i16> {
    if value as i16 as u32 == value {
        Some(value as i16)
    } else {
        None
    }
}

/// The constant as an unsigned field of 16 bits, if it fits.
#[inline(always)]
const fn unsigned(value: u32) -> Option<u16> {
    if value <= 0xffff {
        Some(value as u16)
    } else {
        None
    }
}

/// The instructions that put a constant into a register: one or two.
pub(super) fn constant(d: u8, value: u32) -> impl Iterator<Item = u32> {
    let (first, second) = constant_words(d, value);
    core::iter::once(first).chain(second)
}

#[inline(always)]
const fn constant_words(d: u8, value: u32) -> (u32, Option<u32>) {
    if let Some(field) = unsigned(value) {
        return (m::ori(d, ZERO, field), None);
    }
    if let Some(field) = signed(value) {
        return (m::addiu(d, ZERO, field), None);
    }
    let upper = m::lui(d, (value >> 16) as u16);
    match value as u16 {
        0 => (upper, None),
        lower => (upper, Some(m::ori(d, d, lower))),
    }
}

impl<const WORDS: usize> Words<'_, WORDS> {
    /// `d = value`.
    #[inline(always)]
    pub(super) fn set(&mut self, d: u8, value: u32) {
        let (first, second) = constant_words(d, value);
        self.alone(0, bit(d), first);
        if let Some(second) = second {
            self.alone(bit(d), bit(d), second);
        }
    }

    /// The register that holds the constant: `zero`, or `at` after a load of it.
    #[inline(always)]
    pub(super) fn constant_register(&mut self, value: u32) -> u8 {
        if value == 0 {
            return ZERO;
        }
        self.constant_in(AT, value);
        AT
    }

    /// Puts the constant into a scratch register.
    #[inline(always)]
    fn constant_in(&mut self, scratch: u8, value: u32) {
        let (first, second) = constant_words(scratch, value);
        self.fixed(0, first);
        if let Some(second) = second {
            self.fixed(0, second);
        }
    }

    /// `d = a`.
    #[inline(always)]
    pub(super) fn copy(&mut self, d: u8, a: u8) {
        self.alone(bit(a), bit(d), m::addu(d, a, ZERO));
    }

    /// `d = a op b`.
    #[inline(always)]
    pub(super) fn binary(&mut self, op: Binary, ty: Ty, d: Reg, a: Reg, b: Src) {
        let (d, a) = (d.number(), a.number());
        match b {
            Src::Reg(b) => self.binary_register(op, ty.is_signed(), d, a, b.number()),
            Src::Imm(b) => self.binary_constant(op, ty.is_signed(), d, a, b as u32),
        }
    }

    #[inline(always)]
    fn binary_register(&mut self, op: Binary, is_signed: bool, d: u8, a: u8, b: u8) {
        let (reads, writes) = (bit(a) | bit(b), bit(d));
        match op {
            Binary::Add => self.alone(reads, writes, m::addu(d, a, b)),
            Binary::Sub => self.alone(reads, writes, m::subu(d, a, b)),
            Binary::And => self.alone(reads, writes, m::and(d, a, b)),
            Binary::Or => self.alone(reads, writes, m::or(d, a, b)),
            Binary::Xor => self.alone(reads, writes, m::xor(d, a, b)),
            Binary::Lsh => self.alone(reads, writes, m::sllv(d, a, b)),
            Binary::Rsh if is_signed => self.alone(reads, writes, m::srav(d, a, b)),
            Binary::Rsh => self.alone(reads, writes, m::srlv(d, a, b)),
            Binary::Mul => {
                self.write_hilo(reads, m::multu(a, b));
                self.read_hilo(m::mflo(d));
            }
            Binary::MulHi => {
                let product = if is_signed { m::mult } else { m::multu };
                self.write_hilo(reads, product(a, b));
                self.read_hilo(m::mfhi(d));
            }
            Binary::Fold => {
                self.write_hilo(reads, m::multu(a, b));
                self.fixed(0, m::mflo(AT));
                self.read_hilo(m::mfhi(V0));
                self.fixed(0, m::xor(d, AT, V0));
            }
            Binary::Cksum => {
                self.fixed(reads, m::addu(AT, a, b));
                self.fixed(0, m::sltu(V0, AT, b));
                self.fixed(0, m::addu(d, AT, V0));
            }
            Binary::Div | Binary::Mod if is_signed => self.divide_signed(op, d, a, b),
            Binary::Div | Binary::Mod => self.divide_unsigned(op, d, a, b),
        }
    }

    #[inline(always)]
    fn binary_constant(&mut self, op: Binary, is_signed: bool, d: u8, a: u8, b: u32) {
        let (reads, writes, count) = (bit(a), bit(d), b & 31);
        match op {
            Binary::Add => self.add_constant(d, a, b),
            Binary::Sub => self.add_constant(d, a, b.wrapping_neg()),
            Binary::And => match unsigned(b) {
                Some(field) => self.alone(reads, writes, m::andi(d, a, field)),
                None => self.with_constant(a, b, |at| m::and(d, a, at)),
            },
            Binary::Or => match unsigned(b) {
                Some(field) => self.alone(reads, writes, m::ori(d, a, field)),
                None => self.with_constant(a, b, |at| m::or(d, a, at)),
            },
            Binary::Xor if b == u32::MAX => self.alone(reads, writes, m::nor(d, a, ZERO)),
            Binary::Xor => match unsigned(b) {
                Some(field) => self.alone(reads, writes, m::xori(d, a, field)),
                None => self.with_constant(a, b, |at| m::xor(d, a, at)),
            },
            Binary::Lsh => self.alone(reads, writes, m::sll(d, a, count)),
            Binary::Rsh if is_signed => self.alone(reads, writes, m::sra(d, a, count)),
            Binary::Rsh => self.alone(reads, writes, m::srl(d, a, count)),
            Binary::Mul if b == 0 => self.set(d, 0),
            Binary::Mul if b.is_power_of_two() => {
                self.alone(reads, writes, m::sll(d, a, b.trailing_zeros()));
            }
            Binary::Mul | Binary::MulHi | Binary::Fold => {
                let at = self.constant_register(b);
                self.binary_register(op, is_signed, d, a, at);
            }
            Binary::Cksum => match signed(b) {
                Some(field) => {
                    self.fixed(reads, m::addiu(AT, a, field));
                    self.fixed(reads, m::sltu(V0, AT, a));
                    self.fixed(0, m::addu(d, AT, V0));
                }
                None => {
                    self.constant_in(V0, b);
                    self.binary_register(op, is_signed, d, a, V0);
                }
            },
            Binary::Div | Binary::Mod => self.divide_constant(op, is_signed, d, a, b),
        }
    }

    #[inline(always)]
    fn add_constant(&mut self, d: u8, a: u8, b: u32) {
        match signed(b) {
            Some(field) => self.alone(bit(a), bit(d), m::addiu(d, a, field)),
            None => self.with_constant(a, b, |at| m::addu(d, a, at)),
        }
    }

    /// An instruction on `a` and a constant that fits no field.
    #[inline(always)]
    fn with_constant(&mut self, a: u8, b: u32, instruction: impl FnOnce(u8) -> u32) {
        let at = self.constant_register(b);
        self.fixed(bit(a), instruction(at));
    }

    #[inline(always)]
    fn divide_constant(&mut self, op: Binary, is_signed: bool, d: u8, a: u8, b: u32) {
        let (reads, writes) = (bit(a), bit(d));
        match (b, op) {
            (0, Binary::Div) => self.set(d, 0),
            (0, _) => self.copy(d, a),
            (u32::MAX, Binary::Div) if is_signed => {
                self.alone(reads, writes, m::subu(d, ZERO, a));
            }
            (u32::MAX, _) if is_signed => self.set(d, 0),
            (b, Binary::Div) if !is_signed && b.is_power_of_two() => {
                self.alone(reads, writes, m::srl(d, a, b.trailing_zeros()));
            }
            (b, Binary::Mod) if !is_signed && b.is_power_of_two() => {
                self.binary_constant(Binary::And, is_signed, d, a, b - 1);
            }
            (b, _) => {
                let at = self.constant_register(b);
                let quotient = if is_signed { m::div } else { m::divu };
                self.write_hilo(reads, quotient(a, at));
                self.read_hilo(result(op, d));
            }
        }
    }

    /// The machine leaves the result of a division by zero open: `v0` gets it from the branch's slot.
    #[inline(always)]
    fn divide_unsigned(&mut self, op: Binary, d: u8, a: u8, b: u8) {
        let by_zero = if op == Binary::Div { ZERO } else { a };
        self.write_hilo(bit(a) | bit(b), m::divu(a, b));
        self.fixed(0, m::beq(b, ZERO, 2));
        self.fixed(0, m::addu(V0, by_zero, ZERO));
        self.read_hilo(result(op, V0));
        self.fixed(0, m::addu(d, V0, ZERO));
    }

    /// Divisors 0 and −1 take a path of their own: the quotient is `-a and b`, the remainder `a and not b`.
    #[inline(always)]
    fn divide_signed(&mut self, op: Binary, d: u8, a: u8, b: u8) {
        let (reads, special, other) = if op == Binary::Div {
            (a, m::subu(V0, ZERO, a), b)
        } else {
            (b, m::nor(V0, b, ZERO), a)
        };
        // Enough stands here between an earlier move from HI or LO and the division.
        self.fixed(bit(reads), special);
        self.fixed(bit(b), m::addiu(AT, b, 1));
        self.fixed(0, m::sltiu(AT, AT, 2));
        self.fixed(0, m::bne(AT, ZERO, 3));
        self.fixed(0, m::and(V0, V0, other));
        self.fixed(0, m::div(a, b));
        self.read_hilo(result(op, V0));
        self.fixed(0, m::addu(d, V0, ZERO));
    }

    /// `d = op a`.
    #[inline(always)]
    pub(super) fn unary(&mut self, op: Unary, ty: Ty, d: Reg, a: Reg) {
        let (d, a) = (d.number(), a.number());
        let (reads, writes) = (bit(a), bit(d));
        match op {
            Unary::Com => self.alone(reads, writes, m::nor(d, a, ZERO)),
            Unary::Not => self.alone(reads, writes, m::sltiu(d, a, 1)),
            Unary::Mov => self.copy(d, a),
            Unary::Neg => self.alone(reads, writes, m::subu(d, ZERO, a)),
            Unary::Bswap if ty == Ty::Us => {
                self.fixed(reads, m::sll(V0, a, 24));
                self.fixed(reads, m::srl(AT, a, 8));
                self.fixed(0, m::srl(V0, V0, 16));
                self.fixed(0, m::andi(AT, AT, 0xff));
                self.fixed(0, m::or(d, AT, V0));
            }
            Unary::Bswap => {
                self.fixed(reads, m::srl(AT, a, 24));
                self.fixed(reads, m::sll(V0, a, 24));
                self.fixed(0, m::or(AT, AT, V0));
                self.fixed(0, m::andi(V0, a, 0xff00));
                self.fixed(0, m::sll(V0, V0, 8));
                self.fixed(0, m::or(AT, AT, V0));
                self.fixed(0, m::srl(V0, a, 8));
                self.fixed(0, m::andi(V0, V0, 0xff00));
                self.fixed(0, m::or(d, AT, V0));
            }
        }
    }

    /// `d = a`, to a type of 32 bits or cut to a narrower one.
    #[inline(always)]
    pub(super) fn convert(&mut self, to: Ty, d: Reg, a: Reg) {
        let (d, a) = (d.number(), a.number());
        let (reads, writes) = (bit(a), bit(d));
        match to {
            Ty::C | Ty::S => {
                let count = if to == Ty::C { 24 } else { 16 };
                self.alone(reads, writes, m::sll(d, a, count));
                self.alone(writes, writes, m::sra(d, d, count));
            }
            Ty::Uc => self.alone(reads, writes, m::andi(d, a, 0xff)),
            Ty::Us => self.alone(reads, writes, m::andi(d, a, 0xffff)),
            _ => self.copy(d, a),
        }
    }

    /// `d = memory`.
    #[inline(always)]
    pub(super) fn load_op(&mut self, ty: Ty, align: Align, d: Reg, base: Reg, offset: Offset) {
        let (d, base) = (d.number(), base.number());
        if align == Align::Natural {
            let instruction = load_instruction(ty);
            match self.near(base, offset, 0) {
                Near::Given(offset) => self.load(bit(base), bit(d), instruction(d, offset, base)),
                Near::At(offset) => self.fixed_load(0, bit(d), instruction(d, offset, AT)),
            }
        } else if matches!(ty, Ty::S | Ty::Us) {
            let (base, offset) = self.near(base, offset, 1).or(base);
            let upper = if ty == Ty::S { m::lb } else { m::lbu };
            self.fixed_load(bit(base), bit(V0), upper(V0, offset + 1, base));
            self.fixed(bit(base), m::lbu(AT, offset, base));
            self.fixed(0, m::sll(V0, V0, 8));
            self.fixed(0, m::or(d, AT, V0));
        } else {
            let (base, offset) = match self.near(base, offset, 3) {
                Near::Given(offset) if base == d => {
                    // The first half would overwrite the address.
                    self.fixed(bit(d), m::addu(AT, d, ZERO));
                    (AT, offset)
                }
                near => near.or(base),
            };
            self.fixed(bit(base) | bit(d), m::lwr(d, offset, base));
            self.fixed_load(0, bit(d), m::lwl(d, offset + 3, base));
        }
    }

    /// `memory = a`.
    #[inline(always)]
    pub(super) fn store_op(&mut self, ty: Ty, align: Align, a: Reg, base: Reg, offset: Offset) {
        let (a, base) = (a.number(), base.number());
        if align == Align::Natural {
            let instruction = match ty {
                Ty::C | Ty::Uc => m::sb,
                Ty::S | Ty::Us => m::sh,
                _ => m::sw,
            };
            match self.near(base, offset, 0) {
                Near::Given(offset) => {
                    self.alone(bit(a) | bit(base), 0, instruction(a, offset, base));
                }
                Near::At(offset) => self.fixed(bit(a), instruction(a, offset, AT)),
            }
        } else if matches!(ty, Ty::S | Ty::Us) {
            let (base, offset) = self.near(base, offset, 1).or(base);
            self.fixed(bit(a) | bit(base), m::sb(a, offset, base));
            self.fixed(0, m::srl(V0, a, 8));
            self.fixed(0, m::sb(V0, offset + 1, base));
        } else {
            let (base, offset) = self.near(base, offset, 3).or(base);
            self.fixed(bit(a) | bit(base), m::swr(a, offset, base));
            self.fixed(0, m::swl(a, offset + 3, base));
        }
    }

    /// The address as a register and an offset that fits its field, up to `reach` bytes further on.
    #[inline(always)]
    fn near(&mut self, base: u8, offset: Offset, reach: i16) -> Near {
        let (indexed, displacement) = match offset {
            Offset::Imm(displacement) => (false, displacement),
            Offset::Index(index, scale, displacement) => {
                self.index(base, index.number(), scale);
                (true, displacement)
            }
        };
        match signed(displacement as u32) {
            Some(offset) if offset <= i16::MAX - reach => {
                return if indexed {
                    Near::At(offset)
                } else {
                    Near::Given(offset)
                };
            }
            _ => {}
        }
        let (far, offset) = if reach == 0 {
            // The low half is added with its sign: the upper half makes up for it.
            let upper = (displacement as u32).wrapping_add(0x8000) & 0xffff_0000;
            (upper, displacement as i16)
        } else {
            (displacement as u32, 0)
        };
        if indexed {
            self.constant_in(V0, far);
            self.fixed(0, m::addu(AT, AT, V0));
        } else {
            let at = self.constant_register(far);
            self.fixed(bit(base), m::addu(AT, base, at));
        }
        Near::At(offset)
    }

    /// `at = base + index × scale`.
    #[inline(always)]
    fn index(&mut self, base: u8, index: u8, scale: Scale) {
        let shift = match scale {
            Scale::X1 => return self.fixed(bit(base) | bit(index), m::addu(AT, base, index)),
            Scale::X2 => 1,
            Scale::X4 => 2,
            Scale::X8 => 3,
        };
        self.fixed(bit(index), m::sll(AT, index, shift));
        self.fixed(bit(base), m::addu(AT, AT, base));
    }

    /// `d = s if a compare b`: a branch over a move.
    #[inline(always)]
    pub(super) fn cond_move(&mut self, compare: Compare, ty: Ty, d: Reg, s: Reg, a: Reg, b: Src) {
        let (d, s) = (d.number(), s.number());
        // What the move reads or writes may not be loaded in the slot just before it.
        self.branch_reading(bit(d) | bit(s), inverse(compare), ty, a, b, To::Ahead(1));
        let loaded = self.loaded();
        self.fixed(bit(s), m::addu(d, s, ZERO));
        self.arrive(loaded);
    }

    /// Branch if `a compare b`.
    #[inline(always)]
    pub(super) fn branch(&mut self, compare: Compare, ty: Ty, a: Reg, b: Src, to: To) {
        self.branch_reading(0, compare, ty, a, b, to);
    }

    #[inline(always)]
    fn branch_reading(&mut self, also: u32, compare: Compare, ty: Ty, a: Reg, b: Src, to: To) {
        let a = a.number();
        match b {
            Src::Reg(b) => self.branch_register(also, compare, ty, a, b.number(), to),
            Src::Imm(b) => self.branch_constant(also, compare, ty, a, b as u32, to),
        }
    }

    #[inline(always)]
    fn branch_register(&mut self, also: u32, compare: Compare, ty: Ty, a: u8, b: u8, to: To) {
        let reads = bit(a) | bit(b);
        let reads = (reads, reads | also);
        let less = if ty.is_signed() { m::slt } else { m::sltu };
        match compare {
            Compare::Eq => self.go([], m::beq(a, b, 0), reads, to),
            Compare::Ne => self.go([], m::bne(a, b, 0), reads, to),
            Compare::Lt => self.go([less(AT, a, b)], m::bne(AT, ZERO, 0), reads, to),
            Compare::Ge => self.go([less(AT, a, b)], m::beq(AT, ZERO, 0), reads, to),
            Compare::Gt => self.go([less(AT, b, a)], m::bne(AT, ZERO, 0), reads, to),
            Compare::Le => self.go([less(AT, b, a)], m::beq(AT, ZERO, 0), reads, to),
        }
    }

    #[inline(always)]
    fn branch_constant(&mut self, also: u32, compare: Compare, ty: Ty, a: u8, b: u32, to: To) {
        let reads = (bit(a), bit(a) | also);
        let is_signed = ty.is_signed();
        match (compare, b) {
            (Compare::Eq, 0) => self.go([], m::beq(a, ZERO, 0), reads, to),
            (Compare::Ne, 0) => self.go([], m::bne(a, ZERO, 0), reads, to),
            (Compare::Le, 0) if !is_signed => self.go([], m::beq(a, ZERO, 0), reads, to),
            (Compare::Gt, 0) if !is_signed => self.go([], m::bne(a, ZERO, 0), reads, to),
            (Compare::Lt, 0) if is_signed => self.go([], m::bltz(a, 0), reads, to),
            (Compare::Ge, 0) if is_signed => self.go([], m::bgez(a, 0), reads, to),
            (Compare::Le, 0) if is_signed => self.go([], m::blez(a, 0), reads, to),
            (Compare::Gt, 0) if is_signed => self.go([], m::bgtz(a, 0), reads, to),
            (Compare::Eq, b) => self.go_constant(b, m::beq(a, AT, 0), reads, to),
            (Compare::Ne, b) => self.go_constant(b, m::bne(a, AT, 0), reads, to),
            (Compare::Lt | Compare::Ge, b) => self.branch_less(compare, is_signed, a, b, reads, to),
            // a ≤ b as a < b + 1, where that is no more than b.
            (Compare::Le, b) if b != greatest(is_signed) => {
                self.branch_less(Compare::Lt, is_signed, a, b.wrapping_add(1), reads, to);
            }
            (Compare::Gt, b) if b != greatest(is_signed) => {
                self.branch_less(Compare::Ge, is_signed, a, b.wrapping_add(1), reads, to);
            }
            (Compare::Le, _) => self.go([], m::beq(ZERO, ZERO, 0), reads, to),
            (Compare::Gt, _) => self.go([], m::bne(ZERO, ZERO, 0), reads, to),
        }
    }

    /// Branches if `a < b`, or if not.
    #[inline(always)]
    fn branch_less(
        &mut self,
        compare: Compare,
        is_signed: bool,
        a: u8,
        b: u32,
        reads: (u32, u32),
        to: To,
    ) {
        let branch = if matches!(compare, Compare::Lt) {
            m::bne(AT, ZERO, 0)
        } else {
            m::beq(AT, ZERO, 0)
        };
        let (less, less_constant) = if is_signed {
            (
                m::slt as fn(u8, u8, u8) -> u32,
                m::slti as fn(u8, u8, i16) -> u32,
            )
        } else {
            (
                m::sltu as fn(u8, u8, u8) -> u32,
                m::sltiu as fn(u8, u8, i16) -> u32,
            )
        };
        if let Some(field) = signed(b) {
            return self.go([less_constant(AT, a, field)], branch, reads, to);
        }
        let less = less(AT, a, AT);
        match constant_words(AT, b) {
            (first, None) => self.go([first, less], branch, (0, reads.1), to),
            (first, Some(second)) => self.go([first, second, less], branch, (0, reads.1), to),
        }
    }

    /// A branch that compares with a constant in `at`.
    #[inline(always)]
    fn go_constant(&mut self, b: u32, branch: u32, (_, reads): (u32, u32), to: To) {
        match constant_words(AT, b) {
            (first, None) => self.go([first], branch, (0, reads), to),
            (first, Some(second)) => self.go([first, second], branch, (0, reads), to),
        }
    }

    /// Leaves the function with a value.
    #[inline(always)]
    pub(super) fn ret(&mut self, value: Option<Src>) {
        let branch = m::beq(ZERO, ZERO, 0);
        match value {
            None => self.go([], branch, (0, 0), To::Return),
            Some(Src::Reg(a)) => {
                let a = a.number();
                self.leave_with(branch, (bit(a), m::addu(V0, a, ZERO)));
            }
            Some(Src::Imm(value)) => match constant_words(V0, value as u32) {
                (only, None) => self.leave_with(branch, (0, only)),
                (first, Some(second)) => {
                    self.fixed(0, first);
                    self.leave_with(branch, (0, second));
                }
            },
        }
        self.close();
    }

    /// Calls what the register or the constant says.
    pub(super) fn jump_and_link(&mut self, callee: Result<u8, u32>) {
        use super::abi::RA;
        match callee {
            Ok(register) => {
                let reads = (bit(register), bit(register));
                self.go([], m::jalr(RA, register), reads, To::Register);
            }
            Err(address) => {
                let jump = m::jalr(RA, V0);
                match constant_words(V0, address) {
                    (first, None) => self.go([first], jump, (0, 0), To::Register),
                    (first, Some(second)) => self.go([first, second], jump, (0, 0), To::Register),
                }
            }
        }
        self.arrive(0);
    }
}

/// A memory operand that fits an instruction.
enum Near {
    /// Relative to the base that was given.
    Given(i16),
    /// Relative to `at`.
    At(i16),
}

impl Near {
    /// The base and the offset, if this is the base given.
    #[inline(always)]
    const fn or(self, base: u8) -> (u8, i16) {
        match self {
            Self::Given(offset) => (base, offset),
            Self::At(offset) => (AT, offset),
        }
    }
}

/// The instruction that fetches a quotient or remainder.
const fn result(op: Binary, d: u8) -> u32 {
    match op {
        Binary::Div => m::mflo(d),
        _ => m::mfhi(d),
    }
}

#[inline(always)]
const fn load_instruction(ty: Ty) -> fn(u8, i16, u8) -> u32 {
    match ty {
        Ty::C => m::lb,
        Ty::Uc => m::lbu,
        Ty::S => m::lh,
        Ty::Us => m::lhu,
        _ => m::lw,
    }
}

#[inline(always)]
const fn inverse(compare: Compare) -> Compare {
    match compare {
        Compare::Lt => Compare::Ge,
        Compare::Le => Compare::Gt,
        Compare::Gt => Compare::Le,
        Compare::Ge => Compare::Lt,
        Compare::Eq => Compare::Ne,
        Compare::Ne => Compare::Eq,
    }
}

/// The greatest number of the type.
#[inline(always)]
const fn greatest(is_signed: bool) -> u32 {
    if is_signed { i32::MAX as u32 } else { u32::MAX }
}
