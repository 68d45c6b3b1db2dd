//! What the LANCE finds in memory: the initialization block, and rings of descriptors.
//!
//! All are 16-bit words, little end first, in memory of the LANCE's own. The bits are the
//! datasheet's (Am7990, "Initialization block", "Receive and transmit descriptor rings").

/// Words of the initialization block.
pub(super) const BLOCK_WORDS: u32 = 12;
/// Bytes of a descriptor.
pub(super) const DESCRIPTOR: u32 = 8;
/// What one buffer holds at most: its length is a 12-bit two's complement.
const MOST_BUFFER: u32 = 4096;

/// Bits of a descriptor's second word, which both kinds share.
pub(super) const OWN: u16 = 0x8000;
pub(super) const ERR: u16 = 0x4000;
pub(super) const STP: u16 = 0x0200;
pub(super) const ENP: u16 = 0x0100;
/// The high byte of the buffer's address.
pub(super) const HIGH: u16 = 0x00ff;

/// Bits of a receive descriptor's second word.
pub(super) mod rmd1 {
    pub(in super::super) const FRAM: u16 = 0x2000;
    pub(in super::super) const OFLO: u16 = 0x1000;
    pub(in super::super) const CRC: u16 = 0x0800;
    pub(in super::super) const BUFF: u16 = 0x0400;
}

/// Bits of a transmit descriptor's second word.
pub(super) mod tmd1 {
    pub(in super::super) const MORE: u16 = 0x1000;
    pub(in super::super) const ONE: u16 = 0x0800;
    pub(in super::super) const DEF: u16 = 0x0400;
}

/// Bits of a transmit descriptor's fourth word.
pub(super) mod tmd3 {
    pub(in super::super) const BUFF: u16 = 0x8000;
    pub(in super::super) const UFLO: u16 = 0x4000;
    pub(in super::super) const LCOL: u16 = 0x1000;
    pub(in super::super) const LCAR: u16 = 0x0800;
    pub(in super::super) const RTRY: u16 = 0x0400;
    /// The time to a fault, in bit times.
    pub(in super::super) const TDR: u16 = 0x03ff;
}

/// A ring of descriptors, and where the chip stands in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ring {
    base: u32,
    /// A power of two, at most 128.
    count: u32,
    next: u32,
}

impl Ring {
    /// The ring that two words of the initialization block describe.
    pub(super) fn new(low: u16, high: u16) -> Ring {
        Ring {
            base: (u32::from(high & HIGH) << 16 | u32::from(low)) & !7,
            count: 1 << (high >> 13),
            next: 0,
        }
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The address of the descriptor `ahead` of where the chip stands.
    pub(super) fn descriptor(&self, ahead: u32) -> u32 {
        self.base + DESCRIPTOR * ((self.next + ahead) & (self.count - 1))
    }

    pub(super) fn step(&mut self, descriptors: u32) {
        self.next = (self.next + descriptors) & (self.count - 1);
    }
}

/// A descriptor as read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    pub(super) address: u32,
    pub(super) status: u16,
    pub(super) length: u32,
}

impl Descriptor {
    /// From its first three words.
    pub(super) fn new(low: u16, status: u16, count: u16) -> Descriptor {
        let length = (MOST_BUFFER - u32::from(count & 0xfff)) & (MOST_BUFFER - 1);
        Descriptor {
            address: u32::from(status & HIGH) << 16 | u32::from(low),
            status,
            // A count of zero comes round to the whole.
            length: if length == 0 { MOST_BUFFER } else { length },
        }
    }

    pub(super) fn is_owned(&self) -> bool {
        self.status & OWN != 0
    }

    /// Its status without what the chip writes.
    pub(super) fn kept(&self) -> u16 {
        self.status & (HIGH | STP | ENP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_come_round() {
        let mut ring = Ring::new(0x1007, 0x6012);
        assert_eq!(ring.count(), 8);
        assert_eq!(ring.descriptor(0), 0x12_1000);
        assert_eq!(ring.descriptor(7), 0x12_1038);
        ring.step(7);
        assert_eq!(ring.descriptor(1), 0x12_1000);
    }

    #[test]
    fn lengths_are_twos_complements() {
        for (count, length) in [(0xf9c4, 1596), (0xffff, 1), (0xf000, 4096), (0xf001, 4095)] {
            assert_eq!(Descriptor::new(0, 0, count).length, length, "{count:#x}");
        }
    }
}
