//! The console: line 3 of the DC7085 serial controller, 9600 baud, eight bits, no parity.
//!
//! Problem: a byte takes a millisecond to leave, and interrupts are off in the kernel. Method: bytes wait in a
//! ring, and the controller interrupts when it can take the next one. Who prints faster than they leave
//! is told when the ring is full; only the machine's end waits. Bytes that are
//! typed are polled. Left out: the other three lines.

use super::{Map, read_half, read_word, write_half, write_word};
use core::cell::UnsafeCell;

/// Registers: control and status; received byte, or line parameters; transmit enable; data to send.
const CSR: u32 = 0x00;
const RBUF: u32 = 0x08;
const LPR: u32 = 0x08;
const TCR: u32 = 0x10;
const TDR: u32 = 0x18;
/// CSR: the scanner runs; it interrupts when a line may send; the line that it names may.
const SCAN: u16 = 0x20;
const INTERRUPT: u16 = 0x4000;
const READY: u16 = 0x8000;
/// RBUF: there is a byte.
const VALID: u16 = 0x8000;
const LINE: u16 = 3;
/// LPR: receiver on, 9600 baud, eight bits, of the line.
const PARAMETERS: u16 = 0x1000 | 0x0e00 | 0x18 | LINE;
/// Looks at the controller before a byte counts as lost. A byte takes a millisecond.
const MOST_LOOKS: u32 = 200_000;
/// Looks in which the last byte has left: more than two milliseconds on every board.
const DRAIN_LOOKS: u32 = 20_000;

/// Bytes that can wait.
const RING: usize = 4096;
/// Room that is little, and bytes that are sent then, at most.
const FEW: usize = 256;
const MOST_SENT: usize = 16;

/// Bytes that wait to be sent.
struct Ring {
    bytes: [u8; RING],
    first: usize,
    count: usize,
}

/// It is the machine's, not the kernel's, so that a kernel that has gone wrong finds it.
struct Shared(UnsafeCell<Ring>);

// SAFETY: there is one processor, and interrupts are off in the kernel.
unsafe impl Sync for Shared {}

static WAITING: Shared = Shared(UnsafeCell::new(Ring {
    bytes: [0; RING],
    first: 0,
    count: 0,
}));

fn waiting() -> &'static mut Ring {
    // SAFETY: each function here takes it once, and hands it to none of the others.
    unsafe { &mut *WAITING.0.get() }
}

impl Ring {
    fn push(&mut self, byte: u8) {
        if self.count < RING {
            self.bytes[(self.first + self.count) % RING] = byte;
            self.count += 1;
        }
    }

    fn pop(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.first).filter(|_| self.count > 0)?;
        self.first = (self.first + 1) % RING;
        self.count -= 1;
        Some(byte)
    }
}

/// Sets the line up.
pub(super) fn start(map: &Map) {
    write_half(map.serial + CSR, SCAN);
    write_half(map.serial + LPR, PARAMETERS);
    write_half(map.serial + TCR, 1 << LINE);
    if let Some((register, bit)) = map.serial_enable {
        write_word(register, read_word(register) | bit);
    }
}

/// Bytes that can be printed without waiting. When they get few, what the line takes at once is sent here:
/// on the emulators no interrupt comes for it.
pub(super) fn room(map: &Map) -> u32 {
    let ring = waiting();
    for _ in 0..MOST_SENT {
        if ring.count <= RING - FEW || !is_ready(map) {
            break;
        }
        send(map, ring);
    }
    (RING - ring.count) as u32
}

/// Prints a byte, in its turn; if there is no room, when there is.
pub(super) fn put(map: &Map, byte: u8) {
    let ring = waiting();
    if ring.count == RING {
        send(map, ring);
    }
    ring.push(byte);
    write_half(map.serial + CSR, SCAN | INTERRUPT);
}

/// The controller can take a byte.
pub(super) fn interrupt(map: &Map) {
    let ring = waiting();
    if is_ready(map) {
        send(map, ring);
    }
    if ring.count == 0 {
        write_half(map.serial + CSR, SCAN);
    }
}

/// Waits until all that was printed has left.
pub(super) fn drain(map: &Map) {
    let ring = waiting();
    while ring.count > 0 {
        send(map, ring);
    }
    for _ in 0..DRAIN_LOOKS {
        read_half(map.serial + CSR);
    }
}

/// A byte that was received on the line.
pub(super) fn get(map: &Map) -> Option<u8> {
    let received = read_half(map.serial + RBUF);
    (received & VALID != 0 && received >> 8 & 3 == LINE).then_some(received as u8)
}

/// Sends the first byte, if there is one, when the line takes it.
fn send(map: &Map, ring: &mut Ring) {
    let Some(byte) = ring.pop() else { return };
    for _ in 0..MOST_LOOKS {
        if is_ready(map) {
            write_half(map.serial + TDR, u16::from(byte));
            return;
        }
    }
}

fn is_ready(map: &Map) -> bool {
    let status = read_half(map.serial + CSR);
    status & READY != 0 && status >> 8 & 3 == LINE
}
