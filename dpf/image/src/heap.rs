//! Memory of the compiler: blocks of powers of two, each size with a list of those given back.
//!
//! Problem: what is counted allocates and frees, so the allocator is part of it and must neither
//! grow for ever nor cost much. Method: a block comes from the list of its size, or from what was
//! never used; it goes back to its list. A vector that grows within its block stays where it is.
//! Left out: joining blocks, and memory for anyone but the image.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::ptr::null_mut;

/// The memory, which is nothing else's.
const START: usize = 0x8040_0000;
const END: usize = 0x80e0_0000;
/// Sizes, from this one on, each twice the one before.
const LEAST: usize = 16;
const SIZES: usize = 20;
/// Blocks are aligned to their size up to this.
const MOST_ALIGN: usize = 4096;

#[global_allocator]
static HEAP: Heap = Heap {
    fresh: Cell::new(START),
    free: [const { Cell::new(null_mut()) }; SIZES],
};

struct Heap {
    /// Where memory begins that was never used.
    fresh: Cell<usize>,
    /// The first free block of each size. Its first word is the address of the next.
    free: [Cell<*mut u8>; SIZES],
}

// SAFETY: the machine has one processor, and no interrupt is ever enabled.
unsafe impl Sync for Heap {}

/// The size of the block for a layout, by its number; nothing when there is none so large.
fn size_of(layout: Layout) -> Option<usize> {
    let bytes = layout.size().max(layout.align());
    let mut size = 0;
    while LEAST << size < bytes {
        size += 1;
        if size == SIZES {
            return None;
        }
    }
    Some(size)
}

// SAFETY: a block is in one list or handed out, never both; blocks are disjoint, as long as their
// size says, and aligned to it up to 4096 bytes, more than which is refused.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(size) = size_of(layout).filter(|_| layout.align() <= MOST_ALIGN) else {
            return null_mut();
        };
        let first = self.free[size].get();
        if !first.is_null() {
            // SAFETY: a free block holds the address of the next one.
            self.free[size].set(unsafe { first.cast::<*mut u8>().read() });
            return first;
        }
        let bytes = LEAST << size;
        let start = self.fresh.get().next_multiple_of(bytes.min(MOST_ALIGN));
        if END - start < bytes {
            return null_mut();
        }
        self.fresh.set(start + bytes);
        start as *mut u8
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(size) = size_of(layout) {
            // SAFETY: the caller gives a block back, of 16 bytes or more and aligned to 16.
            unsafe { block.cast::<*mut u8>().write(self.free[size].get()) };
            self.free[size].set(block);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller says that `bytes` makes a layout with this alignment.
        let new = unsafe { Layout::from_size_align_unchecked(bytes, layout.align()) };
        if size_of(layout) == size_of(new) {
            return block;
        }
        // SAFETY: `new` is a layout.
        let moved = unsafe { self.alloc(new) };
        if !moved.is_null() {
            // SAFETY: both blocks hold the smaller of the two sizes, and they are disjoint.
            unsafe { moved.copy_from_nonoverlapping(block, layout.size().min(bytes)) };
            // SAFETY: the caller gives the old block up.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}
