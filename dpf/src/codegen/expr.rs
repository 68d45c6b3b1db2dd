//! Loads and expressions.
//!
//! Problem: loads of one to eight bytes where the machine has four widths, and expressions whose
//! addresses are computed. Method: bytes are loaded in the packet's order and compared with
//! constants swapped when code is made; odd widths are loaded wider to the front, where there is
//! packet too, or in two parts. Every computed address is compared with the captured length before
//! it is used. Left out: common subexpressions.

use vcode::op::{Binary, Op};
use vcode::{Label, Reg, Target, Ty};

use super::align::most;
use super::emit::Emitter;
use super::{Error, MAX_NARROW_PACKET};
use crate::filter::{BinaryOp, CompareOp, Field};
use crate::trie::{Base, Value};

/// How bytes lie in a register after a load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// How many were loaded.
    pub(super) bytes: u32,
}

impl Window {
    /// All bits of it.
    pub(super) fn whole(self) -> u64 {
        u64::MAX >> (64 - 8 * self.bytes)
    }
}

impl<T: Target> Emitter<'_, T> {
    /// A big-endian number of at most the window's bytes, as it was loaded.
    pub(super) fn native(&self, window: Window, value: u64) -> u64 {
        self.machine.native(value, window.bytes)
    }

    /// Whether no packet has so many bytes.
    pub(super) fn is_beyond(&self, bytes: u32) -> bool {
        self.machine.is_narrow() && bytes > MAX_NARROW_PACKET
    }

    /// On to `no` if a number is larger than any packet, so that sums of it with places in the
    /// packet do not wrap. It is `most` at the most.
    pub(super) fn bound(&mut self, number: Reg, most: u32, no: Label) {
        if self.is_beyond(most) {
            self.asm.bgtu(number, self.len, no);
        }
    }

    /// Loads `bytes` bytes, 1 to 8, known to be captured, perhaps with some before them: a mask
    /// or a shift must follow unless the window is as wide as asked.
    pub(super) fn load(&mut self, into: Reg, base: Base, bytes: u32) -> Result<Window, Error> {
        let wider = bytes.next_power_of_two();
        let extra = wider - bytes;
        if extra <= base.add {
            self.load_exact(
                into,
                Base {
                    add: base.add - extra,
                    ..base
                },
                wider,
            );
            return Ok(Window { bytes: wider });
        }
        // In two parts that overlap or meet: the first half as a power of two, the rest after it.
        let first = wider / 2;
        let rest = bytes - first;
        let second = self.register()?;
        self.load_exact(into, base, first);
        let after = Base {
            add: base.add + first,
            ..base
        };
        let tail = self.load(second, after, rest)?;
        let tail_bits = 8 * rest;
        if self.machine.is_little() {
            // The tail's bytes are the high end of its window.
            if tail.bytes > rest {
                self.asm.rshul(second, second, 8 * (tail.bytes - rest));
            }
            self.asm.lshul(second, second, 8 * first);
        } else {
            if tail.bytes > rest {
                self.asm.andul(second, second, u64::MAX >> (64 - tail_bits));
            }
            self.asm.lshul(into, into, tail_bits);
        }
        self.asm.orul(into, into, second);
        self.free(second)?;
        Ok(Window { bytes })
    }

    /// Loads 1, 2, 4 or 8 bytes in the machine's order.
    pub(super) fn load_exact(&mut self, into: Reg, base: Base, bytes: u32) {
        let at = base.add as i32;
        let packet = self.packet;
        let alignment = self.alignments.address(base);
        if !self.machine.loads_anywhere(alignment, bytes) {
            match (self.base(base.var, into), bytes) {
                (None, 1) => self.asm.lduc(into, packet, at),
                (None, 2) => self.asm.ldus(into, packet, at),
                (None, _) => self.asm.ldu(into, packet, at),
                (Some(var), 1) => self.asm.lduc(into, packet, (var, at)),
                (Some(var), 2) => self.asm.ldus(into, packet, (var, at)),
                (Some(var), _) => self.asm.ldu(into, packet, (var, at)),
            }
            return;
        }
        // A base from the frame passes through the register that the load overwrites.
        match (self.base(base.var, into), bytes) {
            (None, 1) => self.asm.lduc(into, packet, at),
            (None, 2) => self.asm.uldus(into, packet, at),
            (None, 4) => self.asm.uldu(into, packet, at),
            (None, _) => self.asm.uldul(into, packet, at),
            (Some(var), 1) => self.asm.lduc(into, packet, (var, at)),
            (Some(var), 2) => self.asm.uldus(into, packet, (var, at)),
            (Some(var), 4) => self.asm.uldu(into, packet, (var, at)),
            (Some(var), _) => self.asm.uldul(into, packet, (var, at)),
        }
    }

    /// The field as a number under its mask, not yet shifted right.
    pub(super) fn field(&mut self, field: &Field) -> Result<Reg, Error> {
        let value = self.register()?;
        self.field_into(value, field)?;
        Ok(value)
    }

    /// The same, into a register.
    pub(super) fn field_into(&mut self, value: Reg, field: &Field) -> Result<(), Error> {
        self.number(
            value,
            Base {
                var: field.depth,
                add: field.offset,
            },
            field.bytes,
            false,
        )?;
        if field.mask != u32::MAX >> (32 - 8 * u32::from(field.bytes)) {
            self.asm.andu(value, value, field.mask);
        }
        Ok(())
    }

    /// Loads 1 to 4 bytes as a number.
    fn number(&mut self, into: Reg, base: Base, bytes: u8, little: bool) -> Result<(), Error> {
        let bytes = u32::from(bytes);
        if self.machine.is_narrow() && bytes < 4 && little != self.machine.is_little() {
            return self.gather(into, base, bytes);
        }
        let window = self.load(into, base, bytes)?;
        if little == self.machine.is_little() {
            // As the machine has it; the bytes before are at the low end of a little-endian window.
            match (window.bytes > bytes, little) {
                (true, true) => self.asm.rshu(into, into, 8 * (window.bytes - bytes)),
                (true, false) => self.asm.andu(into, into, u32::MAX >> (32 - 8 * bytes)),
                (false, _) => {}
            }
            return Ok(());
        }
        match window.bytes {
            1 => {}
            2 => self.asm.bswapus(into, into),
            _ => self.asm.bswapu(into, into),
        }
        if window.bytes == 3 {
            self.asm.rshu(into, into, 8);
        }
        if window.bytes > bytes {
            if little {
                self.asm.rshu(into, into, 8 * (window.bytes - bytes));
            } else {
                self.asm.andu(into, into, u32::MAX >> (32 - 8 * bytes));
            }
        }
        Ok(())
    }

    /// Loads 1 to 3 bytes as a number, the first byte highest: cheaper than exchanging them.
    fn gather(&mut self, into: Reg, base: Base, bytes: u32) -> Result<(), Error> {
        self.load_exact(into, base, 1);
        for at in 1..bytes {
            let byte = self.register()?;
            let place = Base {
                add: base.add.saturating_add(at),
                ..base
            };
            self.load_exact(byte, place, 1);
            self.asm.lshu(into, into, 8);
            self.asm.oru(into, into, byte);
            self.free(byte)?;
        }
        Ok(())
    }

    /// On to `no` unless the comparison holds.
    pub(super) fn comparison(
        &mut self,
        op: CompareOp,
        left: &Value,
        right: &Value,
        no: Label,
    ) -> Result<(), Error> {
        if let Value::Const(b) = *right {
            let a = self.value(left, no)?;
            match op {
                CompareOp::Eq => self.asm.bneu(a, b, no),
                CompareOp::Ne => self.asm.bequ(a, b, no),
                CompareOp::Lt => self.asm.bgeu(a, b, no),
                CompareOp::Le => self.asm.bgtu(a, b, no),
            }
            return self.free(a);
        }
        let (a, b) = self.both(left, right, no)?;
        match op {
            CompareOp::Eq => self.asm.bneu(a, b, no),
            CompareOp::Ne => self.asm.bequ(a, b, no),
            CompareOp::Lt => self.asm.bgeu(a, b, no),
            CompareOp::Le => self.asm.bgtu(a, b, no),
        }
        self.free(b)?;
        self.free(a)
    }

    /// The value of an expression in a new register, its upper half clear; on to `short` when a
    /// computed address is not inside the packet. As deep as the expression.
    pub(super) fn value(&mut self, value: &Value, short: Label) -> Result<Reg, Error> {
        match value {
            Value::Const(number) => {
                let into = self.register()?;
                self.asm.setu(into, i64::from(*number));
                Ok(into)
            }
            Value::Len | Value::WireLen => {
                let into = self.register()?;
                self.length(into, *value == Value::WireLen);
                Ok(into)
            }
            Value::Load {
                var,
                at,
                index: None,
                bytes,
                little,
            } => {
                let into = self.register()?;
                self.number(
                    into,
                    Base {
                        var: *var,
                        add: *at,
                    },
                    *bytes,
                    *little,
                )?;
                Ok(into)
            }
            Value::Load {
                var,
                at,
                index: Some(index),
                bytes,
                little,
            } => {
                let place = self.value(index, short)?;
                self.bound(place, most(index), short);
                if self.is_beyond(*at) {
                    self.asm.jump(short);
                }
                self.add_base(place, *var)?;
                if *at > 0 {
                    self.asm.addul(place, place, *at);
                }
                self.load_at(place, *bytes, *little, short)?;
                Ok(place)
            }
            Value::Binary(op, left, right) => {
                if let Value::Const(b) = **right {
                    let a = self.value(left, short)?;
                    self.operate_constant(*op, a, b);
                    return Ok(a);
                }
                let (a, b) = self.both(left, right, short)?;
                self.operate(*op, a, b)?;
                self.free(b)?;
                Ok(a)
            }
        }
    }

    /// Two operands, that which needs more registers first: so an expression needs the logarithm of
    /// its size (Sethi and Ullman, JACM 17(4), 1970).
    fn both(&mut self, left: &Value, right: &Value, short: Label) -> Result<(Reg, Reg), Error> {
        if demand(right) > demand(left) {
            let b = self.value(right, short)?;
            return Ok((self.value(left, short)?, b));
        }
        let a = self.value(left, short)?;
        Ok((a, self.value(right, short)?))
    }

    /// The captured or the original length as a number.
    pub(super) fn length(&mut self, into: Reg, wire: bool) {
        let length = match self.wirelen.filter(|_| wire) {
            Some(original) => self.read(original, into),
            None => self.len,
        };
        self.asm.movu(into, length);
    }

    /// Loads a number from a computed place, into the register that held the place.
    fn load_at(&mut self, place: Reg, bytes: u8, little: bool, short: Label) -> Result<(), Error> {
        let end = self.register()?;
        self.asm.addul(end, place, u32::from(bytes));
        self.asm.bgtul(end, self.len, short);
        self.asm.setu(end, 0);
        let number = self.register()?;
        // Byte by byte for three; whole otherwise.
        let packet = self.packet;
        let swapped = little != self.machine.is_little();
        match bytes {
            1 => self.asm.lduc(end, packet, (place, 0)),
            2 => {
                self.asm.uldus(end, packet, (place, 0));
                if swapped {
                    self.asm.bswapus(end, end);
                }
            }
            3 => {
                for byte in 0..3 {
                    let shift = 8 * if little { byte } else { 2 - byte };
                    self.asm.lduc(number, packet, (place, byte));
                    self.asm.lshu(number, number, shift);
                    self.asm.oru(end, end, number);
                }
            }
            _ => {
                self.asm.uldu(end, packet, (place, 0));
                if swapped {
                    self.asm.bswapu(end, end);
                }
            }
        }
        self.asm.movu(place, end);
        self.free(number)?;
        self.free(end)
    }

    fn operate_constant(&mut self, op: BinaryOp, a: Reg, b: u32) {
        match op {
            BinaryOp::Shl | BinaryOp::Shr if b >= 32 => self.asm.setu(a, 0),
            _ => self.asm.op(Op::Binary(binary(op), Ty::U, a, a, b.into())),
        }
    }

    fn operate(&mut self, op: BinaryOp, a: Reg, b: Reg) -> Result<(), Error> {
        self.asm.op(Op::Binary(binary(op), Ty::U, a, a, b.into()));
        if matches!(op, BinaryOp::Shl | BinaryOp::Shr) {
            // The machine's count is modulo 32; ours is not.
            let zero = self.register()?;
            self.asm.setu(zero, 0);
            self.asm.cmovgeu(a, zero, b, 32);
            self.free(zero)?;
        }
        Ok(())
    }
}

/// How many registers the value of an expression takes, roughly. As deep as the expression.
fn demand(value: &Value) -> u32 {
    match value {
        Value::Load {
            index: Some(index), ..
        } => demand(index).max(3),
        Value::Binary(_, left, right) => match (demand(left), &**right) {
            (left, Value::Const(_)) => left,
            (left, right) => match demand(right) {
                right if right == left => left + 1,
                right => left.max(right),
            },
        },
        _ => 1,
    }
}

pub(super) fn binary(op: BinaryOp) -> Binary {
    match op {
        BinaryOp::Add => Binary::Add,
        BinaryOp::Sub => Binary::Sub,
        BinaryOp::Mul => Binary::Mul,
        BinaryOp::And => Binary::And,
        BinaryOp::Or => Binary::Or,
        BinaryOp::Xor => Binary::Xor,
        BinaryOp::Shl => Binary::Lsh,
        BinaryOp::Shr => Binary::Rsh,
    }
}
