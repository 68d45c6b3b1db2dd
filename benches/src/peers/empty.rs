//! The floor: the loop that every engine runs in, around a function that does nothing.

use super::{NONE, Peer, through_pointer};
use crate::flows::Family;

/// Answers [`NONE`] without looking; its answers are not checked.
///
/// # Errors
///
/// Never.
pub fn empty(_: Family, _: u32) -> Result<Box<dyn Peer>, String> {
    Ok(Box::new(Empty))
}

struct Empty;

impl Peer for Empty {
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        through_pointer(self, |_, _| NONE, packets, answers);
    }
}
