//! A frame as it stands on the wire, and how long it stands there.
//!
//! Times are IEEE 802.3's for 10 Mb/s: 100 ns for a bit, eight bytes of preamble, 9.6 µs between
//! frames. A minimal frame of 64 bytes thus takes 57.6 µs.

/// Nanoseconds of a byte.
pub const BYTE: u64 = 800;
/// Nanoseconds of the preamble with its delimiter.
pub const PREAMBLE: u64 = 8 * BYTE;
/// Nanoseconds of silence before a frame.
pub const GAP: u64 = 9_600;
/// Nanoseconds of a slot: 512 bits, the unit of backing off.
pub const SLOT: u64 = 51_200;
/// The shortest whole frame with its check sequence, in bytes; a shorter one is a runt.
pub const LEAST: usize = 64;
/// The longest whole frame with its check sequence, in bytes.
pub const MOST: usize = 1518;
/// The bytes of the frame check sequence.
pub const FCS: usize = 4;

/// What stands between preamble and silence: destination, source, type, data, check sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    bytes: Vec<u8>,
    dribbles: bool,
}

impl Frame {
    /// A frame of `data`, destination first, with the right check sequence behind it. It is not
    /// padded.
    pub fn new(data: &[u8]) -> Frame {
        let mut bytes = data.to_vec();
        bytes.extend((!crc(data)).to_le_bytes());
        Frame::raw(bytes)
    }

    /// A frame of exactly these bytes, of which the last four are taken for the check sequence.
    pub fn raw(bytes: Vec<u8>) -> Frame {
        Frame {
            bytes,
            dribbles: false,
        }
    }

    /// The frame with some bits behind its last byte, as a bad transceiver leaves them.
    pub fn dribbling(self) -> Frame {
        Frame {
            dribbles: true,
            ..self
        }
    }

    /// Everything, check sequence included.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Everything but the check sequence.
    pub fn data(&self) -> &[u8] {
        &self.bytes[..self.bytes.len().saturating_sub(FCS)]
    }

    /// The address it is for, or `None` if it ends before.
    pub fn destination(&self) -> Option<[u8; 6]> {
        self.bytes.first_chunk().copied()
    }

    /// Whether the check sequence is right.
    pub fn is_intact(&self) -> bool {
        let sent = self.bytes.last_chunk().copied().map(u32::from_le_bytes);
        sent == Some(!crc(self.data()))
    }

    /// Whether bits follow the last byte.
    pub fn dribbles(&self) -> bool {
        self.dribbles
    }

    /// Nanoseconds on the wire, preamble included.
    pub fn duration(&self) -> u64 {
        PREAMBLE + BYTE * self.bytes.len() as u64
    }
}

/// The CRC register of IEEE 802.3 after `bytes`, before it is inverted; bit 0 holds the highest
/// power.
pub fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let feedback = if crc & 1 != 0 { 0xedb8_8320 } else { 0 };
            crc >> 1 ^ feedback
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sequence_is_the_standards() {
        assert_eq!(!crc(b"123456789"), 0xcbf4_3926);
        let frame = Frame::new(b"123456789");
        assert!(frame.is_intact());
        let mut bytes = frame.bytes().to_vec();
        bytes[3] ^= 1;
        assert!(!Frame::raw(bytes).is_intact());
        assert!(!Frame::raw(vec![1, 2]).is_intact());
    }

    #[test]
    fn minimal_and_maximal_frames_take_their_time() {
        assert_eq!(Frame::new(&[0; 60]).duration(), 57_600);
        assert_eq!(Frame::new(&[0; 1514]).duration(), 1_220_800);
    }
}
