//! The map of the KN02 board (DECstation 5000/200).
//!
//! TURBOchannel slot `n` stands at 0x1e00_0000 + 4 MB × `n`. Slots 0 to 2 are empty and slot 5
//! has no SCSI here, so they do not answer; slot 6 is the Ethernet interface; slot 7 is the system
//! itself, in steps of 512 KB. Exercised on GXemul's 3max.

use super::{Place, Region};

/// Memory of the Ethernet controller.
pub(super) const LANCE_BYTES: usize = 128 << 10;

/// What stands where, outside memory.
pub(super) const MAP: &[Region] = &[
    region(0x1f80_0000, LANCE_BYTES as u32, Place::LanceMemory),
    region(0x1f90_0000, 8, Place::Lance),
    region(0x1f9c_0000, 0x80, Place::Station),
    region(0x1fc0_0000, 0x4_0000, Place::Rom),
    region(0x1fd0_0000, 4, Place::Syndrome),
    region(0x1fd8_0000, 4, Place::ErrorAddress),
    region(0x1fe0_0000, 0x20, Place::Dz),
    region(0x1fe8_0000, 0x100, Place::Clock),
    region(0x1ff0_0000, 4, Place::System),
];

const fn region(start: u32, bytes: u32, place: Place) -> Region {
    Region {
        start,
        bytes,
        place,
    }
}
