//! The Internet checksum: the ones' complement sum of 16-bit words (RFC 1071).
//!
//! It is the inner loop of everything here, so it takes 32 bits at a time in the machine's own byte
//! order, which gives the same sum with its bytes in place (RFC 1071 §2 B), and returns every carry
//! to the bottom. The parts of what is summed (pseudo header, header, payload) need not be
//! adjacent nor of even length.

use core::net::Ipv4Addr;

/// A sum under way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    /// Two 16-bit lanes whose weights are equal modulo 0xffff.
    lanes: u32,
    /// Whether an odd number of bytes went in: what follows is the other half of a word.
    odd: bool,
}

impl Sum {
    /// Of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Of the pseudo header that UDP checksums begin with (RFC 768).
    #[must_use]
    pub fn pseudo(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, length: u16) -> Self {
        let [high, low] = length.to_be_bytes();
        Self::new()
            .with(&source.octets())
            .with(&destination.octets())
            .with(&[0, protocol, high, low])
    }

    /// And of `bytes`, which follow what was added before.
    #[must_use]
    pub fn with(self, bytes: &[u8]) -> Self {
        let mut sum = 0;
        let (words, rest) = bytes.as_chunks::<4>();
        for word in words {
            sum = plus(sum, u32::from_ne_bytes(*word));
        }
        let mut last = [0; 4];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        sum = plus(sum, u32::from_ne_bytes(last));
        if self.odd {
            sum = sum.rotate_left(8);
        }
        Self {
            lanes: plus(self.lanes, sum),
            odd: self.odd != (bytes.len() % 2 == 1),
        }
    }

    /// The checksum to write, with its field summed as 0; of what holds its checksum, 0.
    #[must_use]
    pub fn finish(self) -> u16 {
        let once = (self.lanes & 0xffff) + (self.lanes >> 16);
        let twice = (once & 0xffff) + (once >> 16);
        !u16::from_be(twice as u16)
    }
}

/// The ones' complement sum.
fn plus(a: u32, b: u32) -> u32 {
    let (sum, carry) = a.overflowing_add(b);
    // With a carry the sum is at most 2³² − 2.
    sum.wrapping_add(u32::from(carry))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1071 §1 as written: 16 bits at a time.
    fn slow(bytes: &[u8]) -> u16 {
        let mut sum = 0_u64;
        for pair in bytes.chunks(2) {
            sum += u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0));
        }
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    #[test]
    fn the_example_of_rfc_1071() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::new().with(&bytes).finish(), !0xddf2);
    }

    #[test]
    fn ones_sum_to_minus_zero() {
        assert_eq!(Sum::new().with(&[0xff; 1500]).finish(), 0);
        assert_eq!(Sum::new().finish(), 0xffff);
    }

    proptest::proptest! {
        #[test]
        fn any_parts_give_the_sum_of_the_whole(bytes: Vec<u8>, cuts: [proptest::sample::Index; 3]) {
            let mut at = cuts.map(|cut| cut.index(bytes.len() + 1));
            at.sort_unstable();
            let sum = Sum::new()
                .with(&bytes[..at[0]])
                .with(&bytes[at[0]..at[1]])
                .with(&bytes[at[1]..at[2]])
                .with(&bytes[at[2]..]);
            proptest::prop_assert_eq!(sum.finish(), slow(&bytes));
        }
    }
}
