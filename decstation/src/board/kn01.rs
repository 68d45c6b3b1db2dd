//! The map of the KN01 board (DECstation 2100 and 3100).
//!
//! Devices stand 16 MB apart from 0x1000_0000; those left out (cursor, colour map, SCSI) do not
//! answer. The station address shares the words of the clock: the clock drives byte 0 of each
//! word, the address ROM byte 1. Exercised on MAME's ds3100.

use super::{Place, Region};

/// Memory of the Ethernet controller. The halfword at its address `a` stands at 2 × `a`.
pub(super) const LANCE_BYTES: usize = 64 << 10;

/// What stands where, outside memory.
pub(super) const MAP: &[Region] = &[
    region(0x1700_0000, 4, Place::ErrorAddress),
    region(0x1800_0000, 8, Place::Lance),
    region(0x1900_0000, 2 * LANCE_BYTES as u32, Place::LanceHalfwords),
    region(0x1c00_0000, 0x20, Place::Dz),
    region(0x1d00_0000, 0x100, Place::ClockAndStation),
    region(0x1e00_0000, 4, Place::System),
    region(0x1fc0_0000, 0x4_0000, Place::Rom),
];

const fn region(start: u32, bytes: u32, place: Place) -> Region {
    Region {
        start,
        bytes,
        place,
    }
}
