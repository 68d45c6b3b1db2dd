//! The clock, a mc146818: one register in the low byte of each word. It interrupts 64 times a second,
//! which is the length of a time slice (§5.1: 15.625 ms).

use super::{Map, read_byte, write_byte};

/// Registers A, B and C, at four bytes a register.
const A: u32 = 4 * 10;
const B: u32 = 4 * 11;
const C: u32 = 4 * 12;
/// A: the time base runs, and 64 interrupts a second.
const RATE_64: u8 = 0x20 | 0x0a;
/// B: periodic interrupts on, binary numbers, 24 hours.
const PERIODIC: u8 = 0x40 | 0x04 | 0x02;
/// C: a periodic interrupt is pending; reading acknowledges it.
const PENDING: u8 = 0x40;

/// Starts the periodic interrupt.
pub(super) fn start(map: &Map) {
    write_byte(map.clock + A, RATE_64);
    write_byte(map.clock + B, PERIODIC);
    read_byte(map.clock + C);
}

/// Acknowledges the interrupt; whether it was the periodic one.
pub(super) fn acknowledge(map: &Map) -> bool {
    read_byte(map.clock + C) & PENDING != 0
}

/// Registers 0, 2, 4 and 7: seconds, minutes, hours and day of the month.
pub(super) fn time(map: &Map) -> u32 {
    let bytes = [0, 2, 4, 7].map(|register| read_byte(map.clock + 4 * register));
    u32::from_le_bytes(bytes)
}
