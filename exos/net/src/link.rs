//! What carries frames: the network as this library sees it.
//!
//! On Aegis a link is a receive ring in pages that the kernel shares and a transmit call; in tests it is a
//! simulated cable; on Linux a TAP. Time comes from the link too, so that a stack has one clock
//! and a simulation decides how fast it runs.

use crate::wire::Mac;

/// Milliseconds since some moment that does not change.
pub type Millis = u64;

/// Carries frames, without their check sequence.
pub trait Link {
    /// The address of this station.
    fn mac(&self) -> Mac;

    /// The time. It never goes back.
    fn now(&self) -> Millis;

    /// Gives the oldest frame that has arrived to `take`, in place, and then lets go of it; `None` when
    /// none is there.
    fn receive<R>(&mut self, take: impl FnOnce(&[u8]) -> R) -> Option<R>;

    /// Sends a frame of 60 to 1514 bytes, or takes a copy to send it soon.
    ///
    /// # Errors
    ///
    /// When the frame was not taken; nothing of it will be sent.
    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError>;
}

/// Why a link takes no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// It has no room now.
    Full,
    /// This sender may not send such a frame: no transmit filter of its own matches it.
    Refused,
}

impl<L: Link> Link for &mut L {
    fn mac(&self) -> Mac {
        (**self).mac()
    }

    fn now(&self) -> Millis {
        (**self).now()
    }

    fn receive<R>(&mut self, take: impl FnOnce(&[u8]) -> R) -> Option<R> {
        (**self).receive(take)
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        (**self).send(frame)
    }
}
