//! The filter compiler on the simulated machine: text to filters to trie to code, all there.
//!
//! Problem: a kernel for the R3000 compiles filters itself, without a standard library, atomic
//! words or 64-bit registers. Method: three functions that a host calls, one for each stage, so
//! that each can be counted; what they made stays in memory, and the code that comes out is called
//! where it lies. Left out: caches, which whoever calls the code makes forget; freeing memory.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::{boxed::Box, vec, vec::Vec};
use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};

use dpf::codegen::{Entry, emit};
use dpf::dispatch::{Alignment, Machine};
use dpf::filter::{Filter, lower};
use dpf::syntax::Program;
use dpf::trie::{Limits, Set};
use vcode::Assembler;
use vcode::mips::Mips;

/// Words of the buffer to emit into.
const BUFFER: usize = 1 << 12;
/// Memory for everything that is made.
const HEAP: (usize, usize) = (0x8040_0000, 0x80e0_0000);

/// What the stages hand on.
struct State {
    filters: Vec<Filter>,
    set: Option<Set>,
    buffer: Option<Box<[u32; BUFFER]>>,
    code: Vec<u32>,
}

struct Global(UnsafeCell<State>);

// SAFETY: the machine has one processor, and the host calls one function after the other.
unsafe impl Sync for Global {}

static STATE: Global = Global(UnsafeCell::new(State {
    filters: Vec::new(),
    set: None,
    buffer: None,
    code: Vec::new(),
}));

fn state() -> &'static mut State {
    // SAFETY: each function of the host's takes it once; none calls another.
    unsafe { &mut *STATE.0.get() }
}

/// Reads filters from `len` bytes of text; how many there are, or 0 if they are not right.
#[unsafe(no_mangle)]
extern "C" fn read(text: *const u8, len: usize) -> usize {
    // SAFETY: the host put so many bytes there.
    let text = unsafe { core::slice::from_raw_parts(text, len) };
    let program = core::str::from_utf8(text)
        .ok()
        .and_then(|text| Program::parse(text, "memory", true).ok());
    let lowered = program.and_then(|program| lower(&program).ok());
    let filters = lowered.into_iter().flatten();
    state().filters = filters.map(|lowered| lowered.filter).collect();
    state().filters.len()
}

/// Merges the filters for packets at addresses of this alignment; 1, or 0 if a limit is passed.
#[unsafe(no_mangle)]
extern "C" fn merge(modulus: u32, remainder: u32) -> usize {
    let state = state();
    let machine = Machine::r3000(Alignment::of(modulus, remainder));
    let mut set = Set::on(machine, Limits::default(), 1);
    let ranked: Vec<_> = (0u32..)
        .zip(&state.filters)
        .map(|(entry, filter)| (filter, entry, u32::MAX / 2 - entry))
        .collect();
    let done = set.insert_many(&ranked).is_ok();
    state.set = done.then_some(set);
    usize::from(done)
}

/// Makes code of what was merged; its address, or 0 if a limit is passed.
#[unsafe(no_mangle)]
extern "C" fn generate() -> usize {
    let State {
        set: Some(set),
        buffer,
        code,
        ..
    } = state()
    else {
        return 0;
    };
    let buffer = buffer.get_or_insert_with(|| match vec![0; BUFFER].try_into() {
        Ok(buffer) => buffer,
        Err(_) => unreachable!("a vector of the array's length"),
    });
    let mut assembler = Assembler::new(Mips::new(buffer));
    match emit(set.trie(), Entry::Best, &mut assembler) {
        Ok(emitted) => {
            *code = emitted.words().collect();
            code.as_ptr() as usize
        }
        Err(_) => 0,
    }
}

/// How many words of code there are.
#[unsafe(no_mangle)]
extern "C" fn length() -> usize {
    state().code.len()
}

/// Hands memory out and never takes it back, but for the last that was given.
struct Heap(Cell<usize>);

// SAFETY: as for `Global`.
unsafe impl Sync for Heap {}

#[global_allocator]
static ALLOCATOR: Heap = Heap(Cell::new(HEAP.0));

// SAFETY: what is handed out lies in memory that is nothing else's, aligned as asked, and no two
// overlap.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.0.get().next_multiple_of(layout.align());
        let end = start + layout.size();
        if end > HEAP.1 {
            return core::ptr::null_mut();
        }
        self.0.set(end);
        start as *mut u8
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        if start as usize + layout.size() == self.0.get() {
            self.0.set(start as usize);
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        // The host's limit ends this.
    }
}
