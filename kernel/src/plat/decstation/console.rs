//! The console: line 3 of the DC7085 serial controller, 9600 baud, eight bits, no parity, polled.
//!
//! Left out: interrupts of it, and the other three lines.

use super::{Map, read_half, write_half};

/// Registers: control and status; received byte, or line parameters; transmit enable; data to send.
const CSR: u32 = 0x00;
const RBUF: u32 = 0x08;
const LPR: u32 = 0x08;
const TCR: u32 = 0x10;
const TDR: u32 = 0x18;
/// CSR: the scanner runs; the line that it names may send.
const SCAN: u16 = 0x20;
const READY: u16 = 0x8000;
/// RBUF: there is a byte.
const VALID: u16 = 0x8000;
const LINE: u16 = 3;
/// LPR: receiver on, 9600 baud, eight bits, of the line.
const PARAMETERS: u16 = 0x1000 | 0x0e00 | 0x18 | LINE;
/// Looks at the controller before a byte counts as lost. A byte takes a millisecond.
const MOST_LOOKS: u32 = 200_000;
/// Looks at a controller that need not wait: it is looking for the line that may send.
pub(super) const LOOKS_NOW: u32 = 16;
/// Looks in which the last byte has left: more than two milliseconds on every board.
const DRAIN_LOOKS: u32 = 20_000;

/// Sets the line up.
pub(super) fn start(map: &Map) {
    write_half(map.serial + CSR, SCAN);
    write_half(map.serial + LPR, PARAMETERS);
    write_half(map.serial + TCR, 1 << LINE);
}

/// Sends a byte when the line takes one.
pub(super) fn put(map: &Map, byte: u8) {
    // There is nobody to tell of a line that is dead.
    let _ = put_within(map, byte, MOST_LOOKS);
}

/// Sends a byte if the line takes one within so many looks at the controller; whether it did.
pub(super) fn put_within(map: &Map, byte: u8, looks: u32) -> bool {
    for _ in 0..looks {
        let status = read_half(map.serial + CSR);
        if status & READY != 0 && status >> 8 & 3 == LINE {
            write_half(map.serial + TDR, u16::from(byte));
            return true;
        }
    }
    false
}

/// Waits until what was sent has left.
pub(super) fn drain(map: &Map) {
    for _ in 0..DRAIN_LOOKS {
        read_half(map.serial + CSR);
    }
}

/// A byte that was received on the line.
pub(super) fn get(map: &Map) -> Option<u8> {
    let received = read_half(map.serial + RBUF);
    (received & VALID != 0 && received >> 8 & 3 == LINE).then_some(received as u8)
}
