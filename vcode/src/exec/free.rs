//! Which pages of an arena are free.
//!
//! Problem: pages come back in any order and must be found again. Method: a sorted list of free spans,
//! first fit, neighbours joined. Left out: speed beyond that; installs are rare and spans few.

use alloc::vec::Vec;
use core::ops::Range;

/// Free pages, as disjoint ranges of page numbers in ascending order, no two of them adjacent.
#[derive(Debug)]
pub(super) struct FreePages {
    spans: Vec<Range<usize>>,
}

impl FreePages {
    /// Pages `0..pages`, all free.
    pub(super) fn new(pages: usize) -> Self {
        Self {
            spans: core::iter::once(0..pages).collect(),
        }
    }

    /// The first `count` adjacent free pages, now taken.
    pub(super) fn take(&mut self, count: usize) -> Option<Range<usize>> {
        let at = self.spans.iter().position(|span| span.len() >= count)?;
        let start = self.spans[at].start;
        self.spans[at].start += count;
        if self.spans[at].is_empty() {
            self.spans.remove(at);
        }
        Some(start..start + count)
    }

    /// Frees pages that were taken.
    pub(super) fn put(&mut self, pages: Range<usize>) {
        let at = self.spans.partition_point(|span| span.start < pages.start);
        self.spans.insert(at, pages);
        self.join(at);
        if at > 0 {
            self.join(at - 1);
        }
    }

    /// The number of free pages.
    pub(super) fn count(&self) -> usize {
        self.spans.iter().map(Range::len).sum()
    }

    fn join(&mut self, at: usize) {
        if self
            .spans
            .get(at + 1)
            .is_some_and(|next| next.start == self.spans[at].end)
        {
            self.spans[at].end = self.spans.remove(at + 1).end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_returned_in_any_order_are_one_span_again() {
        let mut free = FreePages::new(10);
        let spans: Vec<_> = (0..5).filter_map(|_| free.take(2)).collect();
        assert_eq!(spans.len(), 5);
        assert_eq!(free.take(1), None);
        for at in [3, 0, 4, 2, 1] {
            free.put(spans[at].clone());
        }
        assert_eq!(free.spans.first(), Some(&(0..10)));
        assert_eq!(free.take(11), None);
        assert_eq!(free.take(10), Some(0..10));
        assert_eq!(free.count(), 0);
    }
}
