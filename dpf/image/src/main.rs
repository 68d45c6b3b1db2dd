//! The filter compiler on the simulated machine: text to filters to trie to code, all there.
//!
//! Problem: a kernel for the R3000 compiles filters itself, without a standard library, atomic
//! words or 64-bit registers. Method: functions that a host calls, one for each stage, so that each
//! can be counted; what they made stays in memory, and the code that comes out is called where it
//! lies.
//!
//! | symbol | arguments | result |
//! |---|---|---|
//! | `read` | text, its length | how many filters it has |
//! | `merge` | the alignment of packets, how many filters | 1 |
//! | `generate` | | the `address` of the code, whose words `length` counts |
//! | `change` | a filter, whether to install it | 1, or 2 where that made new code |
//! | `index` | how many filters | 1 |
//! | `compare` | a filter | 1, after it was compared with those of `index` |
//! | `verify` | | 1, after the code was proved |
//!
//! A result of 0 says that a limit was passed. `measure.s` is that of the image of Table 7. Left out:
//! caches, which whoever calls the code makes forget.

#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

extern crate alloc;

mod heap;

use alloc::{boxed::Box, vec, vec::Vec};
use core::cell::UnsafeCell;

use dpf::check::{self, Policy, mips::prove};
use dpf::codegen::{self, Entry, emit};
use dpf::dispatch::{Alignment, Machine};
use dpf::filter::{Filter, lower};
use dpf::overlap::{Budget, DEFAULT_STEPS, Index};
use dpf::syntax::Program;
use dpf::trie::{Change, Limits, Set};
use vcode::Assembler;
use vcode::mips::Mips;

core::arch::global_asm!(include_str!("../../../benches/mips/src/measure.s"));
core::arch::global_asm!(include_str!("copy.s"));

/// Words of the buffer to emit into.
const BUFFER: usize = 1 << 12;

/// What the stages hand on.
struct State {
    filters: Vec<Filter>,
    set: Option<Set>,
    index: Option<Index<u32>>,
    packet: check::Alignment,
    buffer: Option<Box<[u32; BUFFER]>>,
    code: Vec<u32>,
}

struct Global(UnsafeCell<State>);

// SAFETY: the machine has one processor, and the host calls one function after the other.
unsafe impl Sync for Global {}

static STATE: Global = Global(UnsafeCell::new(State {
    filters: Vec::new(),
    set: None,
    index: None,
    packet: check::Alignment::Unknown,
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

/// Merges the first `count` filters for packets at addresses of this alignment; 1, or 0 if a limit is
/// passed.
#[unsafe(no_mangle)]
extern "C" fn merge(modulus: u32, remainder: u32, count: usize) -> usize {
    let state = state();
    let machine = Machine::r3000(Alignment::of(modulus, remainder));
    let mut set = Set::on(machine, Limits::default(), 1);
    let filters = state.filters.iter().take(count);
    let ranked: Vec<_> = (0..)
        .zip(filters)
        .map(|(entry, filter)| (filter, entry, rank(entry)))
        .collect();
    let done = set.insert_many(&ranked).is_ok();
    state.set = done.then_some(set);
    state.packet = match (modulus, remainder) {
        (4, 0) => check::Alignment::Word,
        (4, 2) => check::Alignment::WordPlusTwo,
        _ => check::Alignment::Unknown,
    };
    usize::from(done)
}

/// Among equal filters the first wins.
fn rank(entry: u32) -> u32 {
    u32::MAX / 2 - entry
}

/// Indexes the first `count` filters, for [`compare`]; 1, or 0 if two meet or that cannot be told.
#[unsafe(no_mangle)]
extern "C" fn index(count: usize) -> usize {
    let state = state();
    let mut index = Index::new();
    let filters = state.filters.iter().take(count);
    let indexed = (0..).zip(filters).all(|(entry, filter)| {
        let survey = index.survey(filter, &mut Budget::new(DEFAULT_STEPS));
        let survey = survey.ok().filter(|survey| survey.findings().is_empty());
        survey.is_some_and(|survey| index.insert(survey, entry).is_ok())
    });
    state.index = indexed.then_some(index);
    usize::from(indexed)
}

/// Makes code of what was merged; its address, or 0 if a limit is passed.
#[unsafe(no_mangle)]
extern "C" fn generate() -> usize {
    let state = state();
    if state.make_code() {
        state.code.as_ptr() as usize
    } else {
        0
    }
}

impl State {
    fn make_code(&mut self) -> bool {
        let Some(set) = &self.set else {
            return false;
        };
        let buffer = self
            .buffer
            .get_or_insert_with(|| match vec![0; BUFFER].try_into() {
                Ok(buffer) => buffer,
                Err(_) => unreachable!("a vector of the array's length"),
            });
        let mut assembler = Assembler::new(Mips::new(buffer));
        let Ok(emitted) = emit(set.trie(), Entry::Best, &mut assembler) else {
            return false;
        };
        self.code.clear();
        self.code.extend(emitted.words());
        true
    }
}

/// Where the code is.
#[unsafe(no_mangle)]
extern "C" fn address() -> usize {
    state().code.as_ptr() as usize
}

/// How many words of code there are.
#[unsafe(no_mangle)]
extern "C" fn length() -> usize {
    state().code.len()
}

/// Installs a filter, and makes new code if that must be; or removes it, and makes none. 1; 2 if code
/// was made; 0 if that cannot be done.
#[unsafe(no_mangle)]
extern "C" fn change(entry: u32, install: u32) -> usize {
    let state = state();
    let (Some(set), Some(filter)) = (&mut state.set, state.filters.get(entry as usize)) else {
        return 0;
    };
    if install == 0 {
        return usize::from(set.remove(entry).is_some());
    }
    match set.insert(filter, entry, rank(entry)) {
        Ok(Change::Data) => 1,
        Ok(Change::Code) => 2 * usize::from(state.make_code()),
        Err(_) => 0,
    }
}

/// Compares a filter with those that were indexed; 1, or 0 if it meets one or that cannot be told.
#[unsafe(no_mangle)]
extern "C" fn compare(entry: u32) -> usize {
    let state = state();
    let (Some(index), Some(filter)) = (&state.index, state.filters.get(entry as usize)) else {
        return 0;
    };
    let survey = index.survey(filter, &mut Budget::new(DEFAULT_STEPS));
    usize::from(survey.is_ok_and(|survey| survey.findings().is_empty()))
}

/// Proves the code; 1, or 0 if it is refused.
#[unsafe(no_mangle)]
extern "C" fn verify() -> usize {
    let state = state();
    let Some(set) = &state.set else {
        return 0;
    };
    let policy = Policy {
        packet: state.packet,
        ..Policy::filter(&codegen::tables(set.trie()))
    };
    usize::from(prove(&state.code, &policy).is_ok())
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        // The host's limit ends this.
    }
}
