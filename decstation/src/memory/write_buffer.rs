//! The write buffer: when its writes retire, and how long the processor waits for it.
//!
//! Memory is changed at once; only time is buffered. Each write is kept as the moment it retires.
//! Writes retire in order, so a full buffer makes the processor wait for the oldest, and a read
//! that finds a write on its way to memory waits for that one and goes before the others (CB93).

use crate::cycles::Costs;

/// The deepest buffer of a table.
const MOST: usize = 8;
/// A word that nobody writes.
const NO_WORD: u32 = 1;

/// The moments at which buffered writes retire.
#[derive(Clone, Debug)]
pub(crate) struct WriteBuffer {
    /// Retirements, oldest first from `next` on, of the last `depth` writes.
    retires: [u64; MOST],
    /// What each of them costs once begun.
    costs: [u64; MOST],
    next: usize,
    depth: usize,
    last_word: u32,
}

impl WriteBuffer {
    pub(crate) fn new(costs: &Costs) -> WriteBuffer {
        WriteBuffer {
            retires: [0; MOST],
            costs: [0; MOST],
            next: 0,
            depth: costs.write_buffer.clamp(1, MOST),
            last_word: NO_WORD,
        }
    }

    /// Buffers a write of `word` at `now`, and returns how long the processor waits for a place.
    pub(crate) fn push(&mut self, now: u64, word: u32, cost: u64, merges: bool) -> u64 {
        let last = self.retires[self.newest()];
        let waits = last > now && last - self.costs[self.newest()] > now;
        if merges && waits && word == self.last_word {
            return 0;
        }
        let stall = self.retires[self.next].saturating_sub(now);
        self.retires[self.next] = last.max(now + stall) + cost;
        self.costs[self.next] = cost;
        self.next = (self.next + 1) % self.depth;
        self.last_word = word;
        stall
    }

    /// A read that takes memory for `cost` at `now`: how long it waits before it begins.
    pub(crate) fn read(&mut self, now: u64, cost: u64) -> u64 {
        if self.is_empty(now) {
            return 0;
        }
        let mut wait = 0;
        for slot in 0..self.depth {
            let begins = self.retires[slot].saturating_sub(self.costs[slot]);
            if begins <= now && self.retires[slot] > now {
                wait = self.retires[slot] - now;
            }
        }
        for slot in 0..self.depth {
            let begins = self.retires[slot].saturating_sub(self.costs[slot]);
            if begins > now {
                self.retires[slot] += cost;
            }
        }
        wait
    }

    /// The word last buffered, for the question whether the next is in the same page.
    pub(crate) fn last_word(&self) -> u32 {
        self.last_word
    }

    /// Whether every write has retired.
    pub(crate) fn is_empty(&self, now: u64) -> bool {
        self.retires[self.newest()] <= now
    }

    fn newest(&self) -> usize {
        (self.next + self.depth - 1) % self.depth
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cycles::DEC3100;

    #[test]
    fn a_burst_waits_once_the_buffer_is_full() {
        let mut buffer = WriteBuffer::new(&DEC3100);
        let stalls: Vec<u64> = (0..6)
            .scan(0, |now, word| {
                let stall = buffer.push(*now, word * 8, 6, true);
                *now += stall + 1;
                Some(stall)
            })
            .collect();
        // Retire at 6, 12, 18, 24: the fifth, at 4, waits for the first.
        assert_eq!(stalls, [0, 0, 0, 0, 2, 5]);
    }

    #[test]
    fn a_word_that_waits_is_joined_but_not_one_on_its_way() {
        let mut buffer = WriteBuffer::new(&DEC3100);
        buffer.push(0, 4, 6, true);
        buffer.push(1, 4, 6, true);
        buffer.push(2, 4, 6, true);
        assert!(!buffer.is_empty(11));
        assert!(
            buffer.is_empty(12),
            "the first was on its way, the others joined"
        );
    }

    #[test]
    fn a_read_waits_only_for_the_write_on_its_way() {
        let mut buffer = WriteBuffer::new(&DEC3100);
        buffer.push(0, 0, 6, false);
        buffer.push(1, 4, 6, false);
        assert_eq!(buffer.read(2, 5), 4);
        assert!(!buffer.is_empty(16));
        assert!(buffer.is_empty(17), "the second waited for the read");
    }
}
