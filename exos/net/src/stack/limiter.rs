//! How often ICMP errors may be sent (RFC 1812 §4.3.2.8): a bucket of tokens.
//!
//! Without a bound, forged packets would make a host shower others with errors.

use crate::link::Millis;

/// Errors that may go out at once.
const MOST: u32 = 10;
/// After how long one more may.
const INTERVAL: Millis = 100;

/// The bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limiter {
    tokens: u32,
    /// When the last token was added.
    filled: Millis,
}

impl Limiter {
    pub(super) fn new(now: Millis) -> Self {
        Self {
            tokens: MOST,
            filled: now,
        }
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Millis) -> bool {
        // At most `MOST` turns: no division, which is slow on the machine this runs on.
        while self.tokens < MOST && self.filled + INTERVAL <= now {
            self.tokens += 1;
            self.filled += INTERVAL;
        }
        if self.tokens == MOST {
            self.filled = now;
        }
        let may = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_at_once_then_ten_a_second() {
        let mut limiter = Limiter::new(0);
        let mut count = |from, to| (from..to).filter(|now| limiter.take(*now)).count();
        assert_eq!(count(0, 50), 10);
        assert_eq!(count(50, 1050), 10);
        assert_eq!(count(10_000, 10_050), 10);
    }
}
