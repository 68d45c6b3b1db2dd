//! The R2000 and R3000: the real [`Machine`], and the memory that it shares with the assembly.
//!
//! Problem: the kernel's logic must not know that there is a TLB index, a cache to flush, or an order
//! of bytes in a register. Method: the assembly in `hot.S`, `slow.S` and `boot.S` owns the processor;
//! [`Mips`] owns memory and reaches the TLB through [`control`]. The ways in from the
//! assembly are [`entry`], the way from the ROM is [`boot`], the end is [`fatal`].
//! With the feature `audit` the kernel checks its invariants on each way out (`audit`).
//!
//! | section | what | when |
//! |---|---|---|
//! | `hot.S` | vectors, transfers, fast calls | each at most 31 instructions |
//! | `slow.S` | into Rust and back | calls on the stack, primitives, interrupts |
//! | `boot.S` | start, caches | rarely |
//!
//! **Wired entries of the TLB.** 0 is the record page, 2 the scratch page, both global. 1 is the page of
//! the environment that runs, under its ASID; 3 the kernel's own page at the same address, under ASID 0.
//! So one write of EntryHi changes between them. Index holds 1 whenever Rust does not change the TLB.

#[cfg(feature = "audit")]
mod audit;
mod boot;
mod control;
mod entry;
mod fatal;

pub use fatal::panic;

use crate::layout::{
    ENV_ADDRESS, EnvPage, Frame, RECORDS_ADDRESS, Record, Records, SCRATCH_ADDRESS, STLB_ENTRIES,
    Scratch, Stlb,
};
use crate::machine::{Label, Machine};
use crate::plat::decstation::Board;
use aegis_abi::bookkeeping::{PageState, Public};
use aegis_abi::layout::{ENTRY_DIRTY, MOST_BATCH, PAGE_BYTES};
use aegis_abi::{Error, PageNo, Syscall};
use core::cell::UnsafeCell;
use core::mem::offset_of;

/// Bits of EntryLo: writable, valid, in every address space.
const WRITABLE: u32 = 0x700;
/// The same for one address space.
const WRITABLE_HERE: u32 = 0x600;
const _: () = assert!(size_of::<PageState>() == 16);

/// Words of a page that are copied at once.
const COPIED: usize = 8;

/// Where a procedure's stack leaves room for its four arguments.
const FRAME: usize = 16;
/// From the empty stack to the end of the frame, a multiple of 8.
const FRAME_END: usize = (FRAME + size_of::<Frame>()).next_multiple_of(8);

const fn records(offset: usize) -> i32 {
    RECORDS_ADDRESS as i32 + offset as i32
}
const fn scratch(offset: usize) -> i32 {
    SCRATCH_ADDRESS as i32 + offset as i32
}
const fn env(offset: usize) -> i32 {
    ENV_ADDRESS as i32 + offset as i32
}

core::arch::global_asm!(
    include_str!("hot.S"),
    include_str!("slow.S"),
    include_str!("boot.S"),
    HASH = const env(offset_of!(EnvPage, hash)),
    ID = const env(offset_of!(EnvPage, id)),
    OWN_LOW = const env(offset_of!(EnvPage, low)),
    SAVE = const env(offset_of!(EnvPage, save)),
    HANDLER = const env(offset_of!(EnvPage, handler)),
    ENTRIES = const 4 * STLB_ENTRIES,
    HIGH = const records(offset_of!(Record, high)),
    LOW = const records(offset_of!(Record, low)),
    STATUS = const records(offset_of!(Record, status)),
    ENTRY = const records(offset_of!(Record, entry)),
    ASYNC_ENTRY = const records(
        offset_of!(Records, asynchronous) - offset_of!(Records, synchronous) + offset_of!(Record, entry)
    ),
    STATES = const scratch(offset_of!(Scratch, states)),
    PAGES = const scratch(offset_of!(Scratch, pages)),
    OWNER = const offset_of!(PageState, owner),
    MOST_BATCH = const MOST_BATCH,
    DIRTY = const ENTRY_DIRTY,
    TLB_UNPROTECT = const Syscall::tlb_unprotect.selector(),
    DISPLACED = const scratch(offset_of!(Scratch, displaced)),
    KEPT = const scratch(offset_of!(Scratch, kept)),
    T0 = const scratch(offset_of!(Scratch, t0)),
    T1 = const scratch(offset_of!(Scratch, t1)),
    K0 = const scratch(offset_of!(Scratch, k0)),
    PINNED = const scratch(offset_of!(Scratch, pinned)),
    CURRENT_HIGH = const scratch(offset_of!(Scratch, current_high)),
    CURRENT_LOW = const scratch(offset_of!(Scratch, current_low)),
    SP = const scratch(offset_of!(Scratch, sp)),
    RA = const scratch(offset_of!(Scratch, ra)),
    GP = const scratch(offset_of!(Scratch, gp)),
    SCRATCH_STATUS = const scratch(offset_of!(Scratch, status)),
    FRESH = const scratch(offset_of!(Scratch, fresh)),
    EPC = const scratch(offset_of!(Scratch, epc)),
    ARGUMENTS = const scratch(offset_of!(Scratch, arguments)),
    STACK = const scratch(offset_of!(Scratch, stack)),
    FRAME = const FRAME,
    FRAME_END = const FRAME_END,
    F_T = const FRAME + offset_of!(Frame, t),
    F_V0 = const FRAME + offset_of!(Frame, v0),
    F_K0 = const FRAME + offset_of!(Frame, k0),
    F_OTHERS = const FRAME + offset_of!(Frame, others),
    F_EPC = const FRAME + offset_of!(Frame, epc),
    F_CAUSE = const FRAME + offset_of!(Frame, cause),
    F_BAD = const FRAME + offset_of!(Frame, bad_address),
    F_FORWARD = const FRAME + offset_of!(Frame, forward),
    NO_SUCH_CALL = const Error::NoSuchCall.word() as i32,
    IN_SLOT = const Error::InSlot.word() as i32,
);

/// Procedures and labels of the assembly.
mod assembly {
    unsafe extern "C" {
        pub(super) fn flush_code(address: u32, blocks: u32);
        pub(super) fn clear_page(page: *mut [u8; 4096]);
        pub(super) fn enter_fresh() -> !;

        pub(super) static vector_source: [u32; 0];
        pub(super) static vector_source_end: [u32; 0];
        pub(super) static exits: [u32; 0];
        pub(super) static exits_end: [u32; 0];
        pub(super) static kernel_stack: [u32; 0];
        pub(super) static stacks_end: [u32; 0];
        pub(super) static text_end: [u32; 0];
        pub(super) static modules: [u32; 0];
        pub(super) static modules_end: [u32; 0];
        pub(super) static image_end: [u32; 0];

        pub(super) static system_call: [u32; 0];
        pub(super) static call_env_self: [u32; 0];
        pub(super) static call_plain: [u32; 0];
        pub(super) static call_clear: [u32; 0];
        pub(super) static call_primitive: [u32; 0];
        pub(super) static call_tlb_write: [u32; 0];
        pub(super) static call_tlb_protect: [u32; 0];
        pub(super) static call_tlb_unprotect: [u32; 0];
        pub(super) static dead: [u32; 0];
        pub(super) static asynchronous: [u32; 0];
        pub(super) static asleep: [u32; 0];
        pub(super) static interrupt: [u32; 0];
        pub(super) static unhandled: [u32; 0];
        pub(super) static fatal: [u32; 0];
        pub(super) static forgetful_k0: [u32; 0];
        pub(super) static forgetful_k1: [u32; 0];
    }
}

/// Memory that begins as zeros, in pages, and is the kernel's for ever.
#[repr(C, align(4096))]
struct Memory<T>(UnsafeCell<core::mem::MaybeUninit<T>>);

// SAFETY: there is one processor, and interrupts are off while Rust runs.
unsafe impl<T> Sync for Memory<T> {}

impl<T> Memory<T> {
    const fn new() -> Self {
        Memory(UnsafeCell::new(core::mem::MaybeUninit::zeroed()))
    }

    fn address(&self) -> u32 {
        self.0.get() as u32
    }
}

static RECORDS: Memory<Records> = Memory::new();
static SCRATCH: Memory<Scratch> = Memory::new();
static KERNEL_PAGE: Memory<EnvPage> = Memory::new();
static STLB: Memory<Stlb> = Memory::new();
static PUBLIC: Memory<Public> = Memory::new();

/// The machine. There is one, which the kernel owns.
#[derive(Debug)]
pub struct Mips {
    board: Board,
    pages: u16,
}

impl Mips {
    /// Sets up the TLB, the vectors and the memory that the assembly reads.
    ///
    /// # Safety
    ///
    /// It must be called once, before anything else uses that memory, with as many pages as there are.
    unsafe fn new(board: Board, pages: u16, forgetful: bool) -> Mips {
        // SAFETY: as the caller says; zeros are a value of every field.
        unsafe {
            let scratch = &mut *SCRATCH.0.get().cast::<Scratch>();
            scratch.stack = assembly::kernel_stack.as_ptr() as u32;
            let own = &mut *KERNEL_PAGE.0.get().cast::<EnvPage>();
            own.save.fill(&raw const own.state as u32);
            own.handler.fill(assembly::fatal.as_ptr() as u32);
            own.hash = STLB.address();
        }
        forget_from(0);
        wire(0, RECORDS_ADDRESS, physical(RECORDS.address()) | WRITABLE);
        wire(
            1,
            ENV_ADDRESS | 0xfc0,
            physical(KERNEL_PAGE.address()) | WRITABLE_HERE,
        );
        wire(2, SCRATCH_ADDRESS, physical(SCRATCH.address()) | WRITABLE);
        wire(
            3,
            ENV_ADDRESS,
            physical(KERNEL_PAGE.address()) | WRITABLE_HERE,
        );
        boot::install_vectors(forgetful);
        let mut machine = Mips { board, pages };
        let states = machine.page_states().as_mut_ptr();
        for page in 0..usize::from(pages) {
            // SAFETY: there is one for each page.
            unsafe { states.add(page).write(crate::page::AT_BOOT) };
        }
        let scratch = machine.scratch();
        scratch.states = states as u32;
        scratch.pages = pages.into();
        machine
    }

    /// The board.
    pub fn board(&mut self) -> &mut Board {
        &mut self.board
    }

    fn page(&self, page: PageNo) -> *mut [u8; PAGE_BYTES as usize] {
        assert!(page.0 < self.pages, "no such page");
        (0x8000_0000 + page.physical()) as *mut _
    }

    fn word(&self, physical: u32) -> *mut u32 {
        assert!(
            physical.is_multiple_of(4) && physical / PAGE_BYTES < u32::from(self.pages),
            "no such word"
        );
        (0x8000_0000 + physical) as *mut u32
    }
}

impl Machine for Mips {
    fn pages(&self) -> u16 {
        self.pages
    }

    fn page_states(&mut self) -> &mut [PageState] {
        let first = boot::first_page() << 12 | 0x8000_0000;
        // SAFETY: `Mips::new` set them; they are behind the image, below the first free page.
        unsafe { core::slice::from_raw_parts_mut(first as *mut PageState, usize::from(self.pages)) }
    }

    fn public(&mut self) -> &mut Public {
        // SAFETY: as for the records.
        unsafe { &mut *PUBLIC.0.get().cast() }
    }

    fn records(&mut self) -> &mut Records {
        // SAFETY: `Mips::new` made it; there is one `Mips`, which is borrowed meanwhile.
        unsafe { &mut *RECORDS.0.get().cast() }
    }

    fn scratch(&mut self) -> &mut Scratch {
        // SAFETY: as for the records.
        unsafe { &mut *SCRATCH.0.get().cast() }
    }

    fn stlb(&mut self) -> &mut Stlb {
        // SAFETY: as for the records.
        unsafe { &mut *STLB.0.get().cast() }
    }

    fn stlb_address(&self) -> u32 {
        STLB.address()
    }

    fn env(&mut self, page: PageNo) -> &mut EnvPage {
        // SAFETY: the page exists, and the caller has made sure that it holds an environment.
        unsafe { &mut *self.page(page).cast() }
    }

    fn make_env(&mut self, page: PageNo) {
        self.clear(page);
    }

    fn clear(&mut self, page: PageNo) {
        // SAFETY: the page exists; no reference leads into it, for those of `env` borrow the machine.
        unsafe { assembly::clear_page(self.page(page)) };
    }

    fn copy(&mut self, from: PageNo, to: PageNo) {
        let [from, to] = [from, to].map(|page| self.page(page).cast::<[u32; COPIED]>());
        for at in 0..PAGE_BYTES as usize / size_of::<[u32; COPIED]>() {
            // SAFETY: as for `clear`; the same page may be both.
            unsafe { to.add(at).write(from.add(at).read()) };
        }
    }

    fn load(&mut self, physical: u32) -> u32 {
        // SAFETY: the word exists, and is aligned.
        unsafe { self.word(physical).read_volatile() }
    }

    fn store(&mut self, physical: u32, word: u32) {
        // SAFETY: as for `load`; the kernel does not store to its own code.
        unsafe { self.word(physical).write_volatile(word) };
    }

    fn tlb_write_random(&mut self, high: u32, low: u32) {
        // SAFETY: the caller says that no entry matches `high`; random ones are never wired.
        unsafe { control::tlb_write_random(high, low) };
    }

    fn tlb_delete(&mut self, high: u32) {
        // SAFETY: only addresses of applications are deleted, which no wired entry has.
        unsafe { control::tlb_delete(high) };
    }

    fn tlb_forget(&mut self) {
        forget_from(WIRED);
    }

    fn forget_code(&mut self, page: PageNo) {
        flush(self.page(page) as u32, PAGE_BYTES);
    }

    fn kernel_save(&self) -> u32 {
        SCRATCH.address()
    }

    fn label(&self, label: Label) -> u32 {
        let label = match label {
            Label::Dead => &raw const assembly::dead,
            Label::Asleep => &raw const assembly::asleep,
            Label::Asynchronous => &raw const assembly::asynchronous,
            Label::SystemCall => &raw const assembly::system_call,
            Label::Interrupt => &raw const assembly::interrupt,
            Label::Unhandled => &raw const assembly::unhandled,
            Label::Fatal => &raw const assembly::fatal,
        };
        label as u32
    }

    fn room(&mut self) -> u32 {
        self.board.room()
    }

    fn put(&mut self, byte: u8) {
        self.board.put(byte);
    }

    fn get(&mut self) -> Option<u8> {
        self.board.get()
    }

    fn halt(&mut self, status: u32) -> ! {
        self.board.halt(status)
    }
}

/// The physical address of one in kseg0.
const fn physical(address: u32) -> u32 {
    address & 0x1fff_ffff
}

/// Entries of the TLB, and how many of them are never written at random.
const TLB_ENTRIES: u32 = 64;
const WIRED: u32 = 8;

/// Makes entries of the TLB, from one on, lead from pages of kseg0, which it is never asked for, to nowhere.
fn forget_from(first: u32) {
    for index in first..TLB_ENTRIES {
        wire(index, control::NOWHERE + (index << 12), 0);
    }
}

/// Writes an entry of the TLB.
fn wire(index: u32, high: u32, low: u32) {
    // SAFETY: the callers write what the module's documentation says of each entry.
    unsafe { control::tlb_write(index, high, low) };
}

/// The instruction cache forgets so many bytes, or some more, from an address in kseg0 on.
fn flush(address: u32, bytes: u32) {
    let uncached = (assembly::flush_code as *const () as u32 | 0x2000_0000) as *const ();
    // SAFETY: the same procedure, at its address past the caches; the words are memory.
    unsafe {
        let flush: unsafe extern "C" fn(u32, u32) = core::mem::transmute(uncached);
        flush(address, bytes.div_ceil(256));
    }
}
