//! The instructions of the ROM: for each call a few that hand it to the host.

use super::{BASE, PORT, PORT_CALL, PORT_RESULT};

const V0: u32 = 2;
const A0: u32 = 4;
const T0: u32 = 8;
const T1: u32 = 9;
const SP: u32 = 29;

const fn immediate(opcode: u32, base: u32, register: u32, value: u32) -> u32 {
    opcode << 26 | base << 21 | register << 16 | value & 0xffff
}

/// `j` to an address in the same 256 MB.
pub(super) const fn jump(target: u32) -> u32 {
    2 << 26 | target >> 2 & 0x03ff_ffff
}

/// Stores the arguments, the stack pointer and the number of the call; returns the result.
/// A call that `waits` is made again while its result is 0.
pub(super) fn stub(waits: bool, number: u32) -> Vec<u32> {
    const LUI: u32 = 0x0f;
    const ORI: u32 = 0x0d;
    const LW: u32 = 0x23;
    const SW: u32 = 0x2b;
    const BEQ: u32 = 0x04;
    let port = BASE + PORT;
    let mut code = vec![
        immediate(LUI, 0, T0, port >> 16),
        immediate(ORI, T0, T0, port),
        immediate(ORI, 0, T1, number),
    ];
    code.extend((0..4).map(|index| immediate(SW, T0, A0 + index, 4 * index)));
    code.push(immediate(SW, T0, SP, 16));
    code.push(immediate(SW, T0, T1, PORT_CALL));
    code.push(immediate(LW, T0, V0, PORT_RESULT));
    code.push(0);
    if waits {
        // Back to the store of the number.
        code.push(immediate(BEQ, V0, 0, 4_u32.wrapping_neg()));
        code.push(0);
    }
    code.push(0x03e0_0008);
    code.push(0);
    code
}
