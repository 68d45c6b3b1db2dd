//! Memory for the engines: an arena that only grows.
//!
//! What is measured neither allocates nor frees; setting up does, once for each run of the image.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use core::ptr::null_mut;

const BYTES: usize = 1 << 20;

#[global_allocator]
static HEAP: Heap = Heap {
    arena: UnsafeCell::new(Arena([0; BYTES])),
    used: Cell::new(0),
};

struct Heap {
    arena: UnsafeCell<Arena>,
    used: Cell<usize>,
}

#[repr(align(16))]
struct Arena(#[expect(dead_code, reason = "only its address is used")] [u8; BYTES]);

// SAFETY: the machine has one processor, and no interrupt is ever enabled.
unsafe impl Sync for Heap {}

// SAFETY: blocks are disjoint stretches of the arena, aligned as asked for, and never used again.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.used.get().next_multiple_of(layout.align());
        let Some(end) = start.checked_add(layout.size()).filter(|end| *end <= BYTES) else {
            return null_mut();
        };
        if layout.align() > align_of::<Arena>() {
            return null_mut();
        }
        self.used.set(end);
        // SAFETY: `start` lies in the arena.
        unsafe { self.arena.get().cast::<u8>().add(start) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
