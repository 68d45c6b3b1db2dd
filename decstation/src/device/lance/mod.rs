//! The Am7990 LANCE, the Ethernet controller of every DECstation of the paper.
//!
//! The chip works from memory of its own: the program leaves an initialization block, rings of
//! descriptors and buffers there, and talks through four registers behind two addresses, RDP and
//! RAP. It owns a descriptor from the moment its OWN bit is set until it clears it.
//!
//! Simulated are both rings with chained buffers, every bit of CSR0 and of the descriptors'
//! status, the address filter, and the loopbacks. A frame is taken from memory at the moment the
//! chip finds its descriptor, and put there at the end of its reception, each in one piece;
//! ownership is looked at when the datasheet says the chip looks. Memory that does not answer is
//! MERR. The bus of these boards is always granted in time; [`Lance::starve`] withholds it, so that
//! a driver's handling of underflow and overflow can be tried.
//!
//! *Times.* Bits take what they take on the wire. The chip's own latency is set so that four
//! passes of a controller make the 51 µs which Thekkath and Levy (TOCS 11(2), 1993) charge it for
//! a round trip between two 5000/200s. Left out: the 32-byte limit of loopback frames, and the
//! pins that CSR3 describes but for BSWP.

mod receive;
mod ring;
mod transmit;

use super::{BusError, Clock, Device, Width, aligned, driven, earlier, lanes};
use crate::ethernet::port::Port;
use receive::Receiving;
use ring::Ring;
use transmit::Sending;

/// Nanoseconds that a frame spends in the chip between memory and wire, each way.
pub const LATENCY: u64 = 12_750;
/// Nanoseconds of one bus cycle, which moves a word.
const BUS_CYCLE: u64 = 600;
/// Nanoseconds between two looks at the transmit ring.
const POLL: u64 = 1_600_000;

/// Bits of CSR0.
mod csr0 {
    pub(super) const ERR: u16 = 0x8000;
    pub(super) const BABL: u16 = 0x4000;
    pub(super) const CERR: u16 = 0x2000;
    pub(super) const MISS: u16 = 0x1000;
    pub(super) const MERR: u16 = 0x0800;
    pub(super) const RINT: u16 = 0x0400;
    pub(super) const TINT: u16 = 0x0200;
    pub(super) const IDON: u16 = 0x0100;
    pub(super) const INTR: u16 = 0x0080;
    pub(super) const INEA: u16 = 0x0040;
    pub(super) const RXON: u16 = 0x0020;
    pub(super) const TXON: u16 = 0x0010;
    pub(super) const TDMD: u16 = 0x0008;
    pub(super) const STOP: u16 = 0x0004;
    pub(super) const STRT: u16 = 0x0002;
    pub(super) const INIT: u16 = 0x0001;
    /// Bits that make ERR.
    pub(super) const ERRORS: u16 = BABL | CERR | MISS | MERR;
    /// Bits that make INTR.
    pub(super) const CAUSES: u16 = BABL | MISS | MERR | RINT | TINT | IDON;
    /// Bits that are cleared by writing one.
    pub(super) const ACKNOWLEDGED: u16 = ERRORS | CAUSES;
}

/// CSR3: bytes of buffers change places, for processors that keep the big end first.
const BSWP: u16 = 0x0004;
/// CSR3: all its bits.
const CSR3: u16 = 0x0007;

/// Bits of the mode word.
mod mode {
    pub(super) const PROM: u16 = 0x8000;
    pub(super) const INTL: u16 = 0x0040;
    pub(super) const DRTY: u16 = 0x0020;
    pub(super) const COLL: u16 = 0x0010;
    pub(super) const DTCR: u16 = 0x0008;
    pub(super) const LOOP: u16 = 0x0004;
    pub(super) const DTX: u16 = 0x0002;
    pub(super) const DRX: u16 = 0x0001;
}

/// The chip and its memory.
#[derive(Clone, Debug)]
pub struct Lance {
    clock: Clock,
    memory: Vec<u8>,
    port: Port,
    rap: u16,
    csr0: u16,
    block: u32,
    csr3: u16,
    mode: u16,
    station: [u8; 6],
    groups: u64,
    receive_ring: Ring,
    transmit_ring: Ring,
    /// When the initialization block has been read.
    initialized_at: Option<u64>,
    /// When the transmit ring is looked at.
    poll_at: Option<u64>,
    sending: Option<Sending>,
    receiving: Receiving,
    starved: u32,
    heartbeat: bool,
}

/// Memory did not answer.
struct MemoryError;

impl Lance {
    /// A chip after reset with `bytes` of memory.
    pub fn new(clock: Clock, bytes: usize) -> Lance {
        Lance {
            clock,
            memory: vec![0; bytes],
            port: Port::default(),
            rap: 0,
            csr0: csr0::STOP,
            block: 0,
            csr3: 0,
            mode: 0,
            station: [0; 6],
            groups: 0,
            receive_ring: Ring::new(0, 0),
            transmit_ring: Ring::new(0, 0),
            initialized_at: None,
            poll_at: None,
            sending: None,
            receiving: Receiving::default(),
            starved: 0,
            heartbeat: true,
        }
    }

    /// Its end of the transceiver cable.
    pub fn port(&mut self) -> &mut Port {
        &mut self.port
    }

    /// The memory that it shares with the processor.
    pub fn memory(&self) -> &[u8] {
        &self.memory
    }

    /// The memory that it shares with the processor, to write.
    pub fn memory_mut(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    /// Withholds the bus during the next `frames` frames, sent or received: each underflows or
    /// overflows.
    pub fn starve(&mut self, frames: u32) {
        self.starved = frames;
    }

    /// Whether the transceiver proves after each frame that it could have told of a collision;
    /// without this proof CERR is set.
    pub fn set_heartbeat(&mut self, heartbeat: bool) {
        self.heartbeat = heartbeat;
    }

    fn csr(&self) -> u16 {
        match self.rap {
            0 => self.csr0(),
            // The others answer only while the chip is stopped.
            _ if self.csr0 & csr0::STOP == 0 => 0,
            1 => self.block as u16,
            2 => (self.block >> 16) as u16,
            _ => self.csr3,
        }
    }

    fn csr0(&self) -> u16 {
        let flag = |bits: u16, flag: u16| if self.csr0 & bits != 0 { flag } else { 0 };
        self.csr0 | flag(csr0::ERRORS, csr0::ERR) | flag(csr0::CAUSES, csr0::INTR)
    }

    fn write_csr(&mut self, value: u16, now: u64) {
        match self.rap {
            0 => self.write_csr0(value, now),
            _ if self.csr0 & csr0::STOP == 0 => {}
            1 => self.block = self.block & 0xff_0000 | u32::from(value & !1),
            2 => self.block = self.block & 0xffff | u32::from(value & 0xff) << 16,
            _ => self.csr3 = value & CSR3,
        }
    }

    fn write_csr0(&mut self, value: u16, now: u64) {
        if value & csr0::STOP != 0 {
            self.stop();
            return;
        }
        self.csr0 &= !(value & csr0::ACKNOWLEDGED);
        let begun = self.csr0 & (csr0::INIT | csr0::STRT);
        if value & csr0::INIT & !begun != 0 {
            self.csr0 = self.csr0 & !csr0::STOP | csr0::INIT;
            let cycles = BUS_CYCLE * u64::from(ring::BLOCK_WORDS);
            self.initialized_at = Some(self.after(now, cycles));
        }
        if value & csr0::STRT & !begun != 0 {
            self.csr0 = self.csr0 & !csr0::STOP | csr0::STRT;
            if self.initialized_at.is_none() {
                self.start(now);
            }
        }
        if self.csr0 & csr0::STOP != 0 {
            return;
        }
        self.csr0 = self.csr0 & !csr0::INEA | value & csr0::INEA;
        let idle = self.csr0 & csr0::TXON != 0 && self.sending.is_none();
        if value & csr0::TDMD != 0 && idle {
            self.poll_at = Some(now);
            self.advance(now);
        }
    }

    /// Everything ends; what the chip knows stays.
    fn stop(&mut self) {
        self.csr0 = csr0::STOP;
        self.initialized_at = None;
        self.poll_at = None;
        self.sending = None;
        self.receiving = Receiving::default();
        self.port.withdraw();
    }

    fn start(&mut self, now: u64) {
        if self.mode & mode::DRX == 0 {
            self.csr0 |= csr0::RXON;
        }
        if self.mode & mode::DTX == 0 {
            self.csr0 |= csr0::TXON;
            self.poll_at = Some(now);
        }
    }

    /// The end of reading the initialization block.
    fn initialize(&mut self, now: u64) {
        self.initialized_at = None;
        let mut words = [0; ring::BLOCK_WORDS as usize];
        for (word, address) in words.iter_mut().zip((self.block..).step_by(2)) {
            match self.word(address) {
                Ok(value) => *word = value,
                Err(error) => return self.fail(error),
            }
        }
        self.mode = words[0];
        for (place, word) in self.station.chunks_exact_mut(2).zip(&words[1..4]) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let fold = |groups, word: &u16| groups << 16 | u64::from(*word);
        self.groups = words[4..8].iter().rev().fold(0, fold);
        self.receive_ring = Ring::new(words[8], words[9]);
        self.transmit_ring = Ring::new(words[10], words[11]);
        self.csr0 |= csr0::IDON;
        if self.csr0 & csr0::STRT != 0 {
            self.start(now);
        }
    }

    /// Turns the chip off after memory did not answer.
    fn fail(&mut self, MemoryError: MemoryError) {
        self.csr0 |= csr0::MERR;
        self.csr0 &= !(csr0::RXON | csr0::TXON);
        self.poll_at = None;
        self.sending = None;
        self.receiving = Receiving::default();
        self.port.withdraw();
    }

    /// Whether the bus is withheld during this frame.
    fn is_starved(&mut self) -> bool {
        let starved = self.starved > 0;
        self.starved = self.starved.saturating_sub(1);
        starved
    }

    fn is_internal(&self) -> bool {
        self.mode & mode::LOOP != 0 && self.mode & mode::INTL != 0
    }

    /// The word at an address of 24 bits.
    fn word(&self, address: u32) -> Result<u16, MemoryError> {
        let at = (address & 0xff_fffe) as usize;
        match self.memory.get(at..at + 2) {
            Some(bytes) => Ok(u16::from_le_bytes([bytes[0], bytes[1]])),
            None => Err(MemoryError),
        }
    }

    fn set_word(&mut self, address: u32, value: u16) -> Result<(), MemoryError> {
        let at = (address & 0xff_fffe) as usize;
        let place = self.memory.get_mut(at..at + 2).ok_or(MemoryError)?;
        place.copy_from_slice(&value.to_le_bytes());
        Ok(())
    }

    /// Where the chip finds the byte of a buffer at `address`.
    fn place(&self, address: u32) -> usize {
        let swap = u32::from(self.csr3 & BSWP != 0);
        ((address & 0xff_ffff) ^ swap) as usize
    }

    /// The cycle `nanoseconds` after the cycle `now`.
    fn after(&self, now: u64, nanoseconds: u64) -> u64 {
        now + self.clock.cycles(nanoseconds)
    }
}

impl Device for Lance {
    fn read(&mut self, offset: u32, width: Width, now: u64) -> Result<u32, BusError> {
        self.advance(now);
        let value = match offset & !3 {
            0 if aligned(offset, width) => self.csr(),
            4 if aligned(offset, width) => self.rap,
            _ => {
                return Err(BusError {
                    address: offset,
                    width,
                });
            }
        };
        Ok(lanes(u32::from(value), offset, width))
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, now: u64) -> Result<(), BusError> {
        self.advance(now);
        // The chip sees 16 data lines; those that a byte does not drive read as zero.
        let (value, _) = driven(value, offset, width);
        match offset & !3 {
            0 if aligned(offset, width) => self.write_csr(value as u16, now),
            4 if aligned(offset, width) => self.rap = value as u16 & 3,
            _ => {
                return Err(BusError {
                    address: offset,
                    width,
                });
            }
        }
        Ok(())
    }

    fn interrupt(&self) -> bool {
        self.csr0 & csr0::INEA != 0 && self.csr0 & csr0::CAUSES != 0
    }

    fn next_event(&self) -> Option<u64> {
        let own = earlier(self.initialized_at, self.poll_at);
        let wire = earlier(self.sent_at(), self.arrival_at());
        earlier(own, wire)
    }

    fn advance(&mut self, now: u64) {
        while let Some(at) = self.next_event().filter(|at| *at <= now) {
            if self.initialized_at == Some(at) {
                self.initialize(at);
            } else if self.sent_at() == Some(at) {
                self.sent(at);
            } else if self.arrival_at() == Some(at) {
                self.arrived();
            } else {
                self.poll(at);
            }
        }
    }
}

#[cfg(test)]
mod tests;
