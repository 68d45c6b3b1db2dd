//! The station address ROM, which Digital's boards share.

/// The station address ROM: the address, its checksum, both backwards, both again, and the test
/// pattern by which drivers know it.
pub(super) fn station(address: [u8; 6]) -> [u8; 32] {
    let mut sum = 0_u32;
    for pair in address.chunks_exact(2) {
        // A sum modulo 65 535, turned left by one for each of its three words.
        sum = fold(sum << 1);
        sum = fold(sum + u32::from(pair[0]) * 256 + u32::from(pair[1]));
    }
    let mut own = [0; 8];
    own[..6].copy_from_slice(&address);
    own[6..].copy_from_slice(&(sum as u16).to_be_bytes());
    let mut backwards = own;
    backwards.reverse();
    let mut rom = [0; 32];
    let pattern = [0xff, 0x00, 0x55, 0xaa, 0xff, 0x00, 0x55, 0xaa];
    for (place, part) in rom.chunks_exact_mut(8).zip([own, backwards, own, pattern]) {
        place.copy_from_slice(&part);
    }
    rom
}

const fn fold(sum: u32) -> u32 {
    if sum > 0xffff { sum - 0xffff } else { sum }
}
