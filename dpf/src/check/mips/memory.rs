//! Addresses, loads and stores: where the proof obligations of MIPS code arise.
//!
//! Halves and words must be aligned. `lwr` at an address takes the bytes from there to the end of
//! the aligned word, `lwl` those from its start to there; so many may come from memory, one to
//! four, and all of them must be the packet's, one table's or the frame's. The processor fetches the
//! aligned word whole, which the policy's caller promises to be harmless.

use super::decode::Access;
use super::machine::{Machine, STACK_POINTER};
use crate::check::domain::{Range, Residue, Sum, ZERO};
use crate::check::report::Reason;
use crate::check::state::Value;

/// Bytes of a word of the frame.
const WORD: i64 = 4;
/// What the stack pointer is a multiple of (o32).
const STACK_ALIGNMENT: i64 = 8;

/// Bytes that an access may touch, from so many before its address on.
#[derive(Clone, Copy, Debug)]
struct Extent {
    before: i64,
    bytes: u32,
}

impl Access {
    const fn bytes(self) -> u32 {
        match self {
            Self::Byte | Self::ByteSigned => 1,
            Self::Half | Self::HalfSigned => 2,
            Self::Word | Self::Left | Self::Right => 4,
        }
    }

    /// The most that is touched at an address of which this is known.
    fn extent(self, address: Residue) -> Result<Extent, Reason> {
        let bytes = self.bytes();
        let (least, most) = address.above_four();
        match self {
            Self::Left => Ok(Extent {
                before: most.into(),
                bytes: u32::from(most) + 1,
            }),
            Self::Right => Ok(Extent {
                before: 0,
                bytes: 4 - u32::from(least),
            }),
            _ if address.divides(bytes) => Ok(Extent { before: 0, bytes }),
            _ => Err(Reason::Misaligned { bytes }),
        }
    }
}

impl Machine<'_> {
    /// The value that a load from `address` gives, if the load is safe.
    pub(super) fn load(&mut self, address: Value, access: Access) -> Result<Value, Reason> {
        let Extent { before, bytes } = access.extent(self.residue(address))?;
        match address {
            Value::Packet(sum) => {
                let first = before_by(sum, before);
                let (low, high) = self.state.facts.distance(&self.numbers, first);
                let slack = self.state.facts.slack(&self.numbers, first);
                if low < 0 || slack < Some(bytes.into()) {
                    return Err(Reason::PacketLoad { bytes, low, high });
                }
            }
            Value::Number(sum) => {
                let first = before_by(sum, before);
                let (least, _) = self.state.facts.distance(&self.numbers, first);
                let Range { low, high } = self.state.facts.range(&self.numbers, first);
                if least < 0 || !self.tables.hold(low, high, bytes) {
                    return Err(Reason::TableLoad { bytes, low, high });
                }
            }
            Value::Frame(sum) => return self.load_frame(sum, access),
            _ => return Err(Reason::Load { bytes }),
        }
        Ok(self.loaded(access))
    }

    /// Stores into the frame; anywhere else is refused.
    pub(super) fn store(
        &mut self,
        address: Value,
        access: Access,
        value: Value,
    ) -> Result<(), Reason> {
        let Value::Frame(sum) = address else {
            return Err(Reason::Store);
        };
        let (slot, bytes, whole) = self.place(sum, access)?;
        let held = if whole { value } else { Value::Unknown };
        self.state.set_slot(slot, held, bytes);
        Ok(())
    }

    /// Takes `value` for the stack pointer, if it points into the frame or to its top.
    pub(super) fn set_stack_pointer(&mut self, value: Value) -> Result<(), Reason> {
        let Value::Frame(Sum { var: ZERO, offset }) = value else {
            return Err(Reason::StackPointer);
        };
        let size = self.policy.frame;
        if offset > 0 || offset < -i64::from(size) || offset % STACK_ALIGNMENT != 0 {
            return Err(Reason::Frame {
                offset: offset.into(),
                size,
            });
        }
        // What lies below may be overwritten at any time.
        self.state.frame.truncate((-offset / WORD) as usize);
        self.deepest = self.deepest.min(offset);
        self.put(STACK_POINTER, value);
        Ok(())
    }

    /// Anything that such a load may give.
    fn loaded(&mut self, access: Access) -> Value {
        let range = match access {
            Access::Byte => Range::up_to(u8::MAX.into()),
            Access::Half => Range::up_to(u16::MAX.into()),
            _ => return self.arithmetic().any(),
        };
        self.arithmetic().within(range, Residue::ANY)
    }

    fn load_frame(&mut self, sum: Sum, access: Access) -> Result<Value, Reason> {
        let (slot, bytes, whole) = self.place(sum, access)?;
        let word = self.state.slot(slot);
        if bytes & !word.written != 0 {
            let offset = -WORD * (slot as i64 + 1) + i64::from(bytes.trailing_zeros());
            return Err(Reason::Unwritten { offset });
        }
        match word.held {
            Value::Unknown => Ok(self.loaded(access)),
            held if whole => Ok(held),
            _ => Ok(self.loaded(access)),
        }
    }

    /// The word of the frame that an access touches, which of its bytes, and whether it is read or
    /// written as one.
    fn place(&mut self, sum: Sum, access: Access) -> Result<(usize, u8, bool), Reason> {
        let (low, high) = self.state.facts.distance(&self.numbers, sum);
        let size = self.policy.frame;
        let refused = Reason::Frame { offset: low, size };
        let Value::Frame(Sum { offset: stack, .. }) = self.held(STACK_POINTER) else {
            return Err(Reason::StackPointer);
        };
        let offset = i64::try_from(low).map_err(|_| refused)?;
        if low != high {
            return Err(refused);
        }
        // Exact, as the offset is.
        let Extent { before, bytes } = access.extent(Residue::exact(offset))?;
        let first = offset - before;
        // No word is parted by the stack pointer.
        if first < stack || first > -i64::from(bytes) {
            return Err(refused);
        }
        let ones = (1_u8 << bytes) - 1;
        let slot = ((-1 - first) / WORD) as usize;
        let touched = ones << first.rem_euclid(WORD);
        Ok((slot, touched, access == Access::Word))
    }
}

/// The place so many bytes before `sum`.
fn before_by(sum: Sum, before: i64) -> Sum {
    Sum {
        offset: sum.offset.saturating_sub(before),
        ..sum
    }
}
