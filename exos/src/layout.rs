//! Where everything of a program lies, and the page that its trap code and its Rust share.
//!
//! Problem: handlers start with three registers and reach memory as `offset(zero)`, so what they use
//! stands at fixed addresses below 32 KB; and a parent prepares a child's memory from outside, so both
//! must know the same places. Method: constants, and one structure whose offsets the assembly gets
//! by [`core::mem::offset_of`].
//!
//! | address | what | mapping |
//! |---|---|---|
//! | `0x0000` | nothing: a null pointer faults | |
//! | `0x1000` | [`SavePage`] | guaranteed |
//! | `0x2000` | trap code, which begins with its [`Vectors`] | guaranteed, no writes |
//! | `0x3000` | what is printed | guaranteed |
//! | `0x4000`–`0x5fff` | handler stack, which exceptions are handled on | guaranteed |
//! | `0x6000`–`0x7fff` | transfer stack, which others' requests are handled on | guaranteed |
//! | `0x8000` | nothing | |
//! | `0x9000`– | the first environment's program, which has no other place | guaranteed |
//! | `0x200000`–`0x3fffff` | linear page table: the word for address `a` stands at `a >> 12` | guaranteed, page by page |
//! | `0x400000`– | program and stack | page table |
//! | [`ARENA`] | memory that Rust knows nothing of, for `vm` | page table |
//! | [`VIEWS`] | windows, the kernel's tables, boot modules | page table |

use aegis_abi::layout::{GUARANTEED_END, PAGE_BYTES, USER_END};
use aegis_abi::{Capability, Cause};
use core::cell::Cell;
use core::mem::offset_of;

/// The page of save areas.
pub const SAVE: u32 = 0x1000;
/// The page of trap code.
pub const TRAP: u32 = 0x2000;
/// The page that `console` prints from.
pub const CONSOLE: u32 = 0x3000;
/// Both stacks that trap code uses, each as large and aligned to its size.
pub const STACKS: u32 = 0x4000;
/// Bytes of each.
pub const STACK_BYTES: u32 = 0x2000;
/// Where the handler stack begins, downwards.
pub const HANDLER_TOP: u32 = STACKS + STACK_BYTES;
/// Where the transfer stack begins, downwards.
pub const TRANSFER_TOP: u32 = STACKS + 2 * STACK_BYTES;
/// The linear page table.
pub const TABLE: u32 = 0x0020_0000;
/// Where programs are linked.
pub const PROGRAM: u32 = GUARANTEED_END;
/// What one page of the page table translates.
pub const REGION_BYTES: u32 = 0x0040_0000;
/// End of the region that a program and its stack share; the stack begins here, downwards.
pub const STACK_TOP: u32 = PROGRAM + REGION_BYTES;
/// Bytes of a program's stack.
pub const MAIN_STACK_BYTES: u32 = 0x0001_0000;
/// End of what a program's segments may take: below the stack lies a page that stays unmapped.
pub const PROGRAM_END: u32 = STACK_TOP - MAIN_STACK_BYTES - PAGE_BYTES;
/// What `vm` maps. The kernel's STLB is direct-mapped, one entry for all pages 16 MB apart, and what stands in
/// each other's place misses more often. So the first 8 MB of each 16 MB are left to trap code and program;
/// arena and views begin behind them.
pub const ARENA: u32 = 0x1080_0000;
/// End of it, and begin of what is mapped to look at other memory.
pub const VIEWS: u32 = 0x6080_0000;

/// Regions of the page table.
pub const REGIONS: usize = (USER_END / REGION_BYTES) as usize;
/// Bytes of a program's arguments, at most.
pub const MOST_ARGUMENTS: usize = 1024;

/// Three registers, and what the handler puts there.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct SaveArea {
    /// `t0`, `t1`, `t2` at the exception.
    pub registers: [Cell<u32>; 3],
    /// Of translation misses: where to go on.
    pub pc: Cell<u32>,
}

/// All that a suspended activity needs to go on.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Context {
    /// By number; 0, 26 and 27 are unused.
    pub registers: [Cell<u32>; 32],
    /// HI and LO.
    pub high: Cell<u32>,
    /// See `high`.
    pub low: Cell<u32>,
    /// Where it goes on.
    pub pc: Cell<u32>,
    /// The context below this one: what goes on when this activity is done.
    pub below: Cell<u32>,
    /// A copy of the save page's volatile words, if `pc` is in trap code.
    pub volatile: [Cell<u32>; VOLATILE_WORDS],
}

/// Words from the save area of cause 1 on that trap code counts on between two of its instructions.
pub const VOLATILE_WORDS: usize = 66;

const _: () = assert!(16 + 4 * VOLATILE_WORDS == offset_of!(SavePage, context));

/// The page that trap code and Rust share, at [`SAVE`].
#[derive(Debug)]
#[repr(C)]
pub struct SavePage {
    /// By cause.
    pub areas: [SaveArea; Cause::COUNT],
    /// `t3` at an exception, while its frame is made.
    pub t3: Cell<u32>,
    /// Where an exception's handler goes on.
    pub pc: Cell<u32>,
    /// Cause of the last translation miss of a load, while its fast way runs.
    pub load_cause: Cell<u32>,
    /// The same of a store.
    pub store_cause: Cell<u32>,
    /// `v0` at the last translation miss of a load, while its fast way runs.
    pub load_v0: Cell<u32>,
    /// The same of a store.
    pub store_v0: Cell<u32>,
    /// Address of the context that the running activity is saved to.
    pub context: Cell<u32>,
    /// Whom a reply is awaited from, with [`REPLY`]; 0 if none is.
    pub awaited: Cell<u32>,
    /// `sp` while a reply is awaited.
    pub awaiting_sp: Cell<u32>,
    /// Where the running context goes on, while it is restored.
    pub slice_pc: Cell<u32>,
    /// Where a slice end that had to wait goes on.
    pub end_pc: Cell<u32>,
    /// Not 0 if requests of other environments are served.
    pub serving: Cell<u32>,
    /// Not 0 if requests to give back are answered.
    pub giving: Cell<u32>,
    /// This environment's number.
    pub own: Cell<u32>,
    /// The page that is the [`CONSOLE`].
    pub console_page: Cell<u32>,
    /// What of the console page is not being printed, as its first free byte.
    pub console_used: Cell<u32>,
    /// A capability for the console, name first; all zeros if there is none.
    pub console: [Cell<u32>; 3],
    /// Length of the arguments in bytes.
    pub arguments_bytes: Cell<u32>,
    /// The program's own activity.
    pub main: Context,
    /// The handling of another's request.
    pub transfer: Context,
    /// The handling of a request to give back.
    pub revoke: Context,
    /// Which pages of the page table are there: 1 or 0, by region.
    pub regions: [Cell<u8>; REGIONS],
    /// The program's arguments.
    pub arguments: [Cell<u8>; MOST_ARGUMENTS],
}

const _: () = assert!(size_of::<SavePage>() <= PAGE_BYTES as usize);
const _: () = assert!(align_of::<SavePage>() == 4);

/// Of a message's tag: it answers one.
pub const REPLY: u32 = 0x100;
/// Of a message's tag: the request was not taken.
pub const REFUSED: u32 = 0x200;
/// Of a message's tag: no answer is awaited.
pub const ONE_WAY: u32 = 0x400;

/// What trap code begins with: where its entries are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Vectors {
    /// [`VECTORS_MAGIC`].
    pub magic: u32,
    /// A translation miss of a load or a fetch.
    pub miss_load: u32,
    /// A translation miss of a store.
    pub miss_store: u32,
    /// Any other exception.
    pub other: u32,
    /// Entry points, in the order of `layout::ENTRY_*`.
    pub entries: [u32; 5],
}

/// What [`Vectors`] begin with. It changes when [`SavePage`] does, so that no parent prepares a page that its
/// child reads otherwise.
pub const VECTORS_MAGIC: u32 = u32::from_le_bytes(*b"ExO1");
/// Words of [`Vectors`].
pub const VECTORS_WORDS: usize = size_of::<Vectors>() / 4;

impl Vectors {
    /// What trap code begins with, if it is that of this library.
    pub fn parse(words: [u32; VECTORS_WORDS]) -> Option<Self> {
        let [magic, miss_load, miss_store, other, entries @ ..] = words;
        let vectors = Vectors {
            magic,
            miss_load,
            miss_store,
            other,
            entries,
        };
        (magic == VECTORS_MAGIC).then_some(vectors)
    }

    /// Where exceptions of a cause go.
    pub fn handler(&self, cause: Cause) -> u32 {
        match cause {
            Cause::MISS_LOAD => self.miss_load,
            Cause::MISS_STORE => self.miss_store,
            _ => self.other,
        }
    }
}

impl SavePage {
    /// The capability for the console, if there is one.
    pub fn console_capability(&self) -> Option<Capability> {
        let [name, high, low] = [0, 1, 2].map(|word: usize| self.console[word].get());
        (name != 0).then_some(Capability { name, high, low })
    }
}

#[cfg(not(target_arch = "mips"))]
impl SavePage {
    /// One that nobody has prepared, for a host, which has no place of its own for it.
    pub(crate) fn unprepared() -> Self {
        fn zeros<const WORDS: usize>() -> [Cell<u32>; WORDS] {
            core::array::from_fn(|_| Cell::default())
        }
        let areas = core::array::from_fn(|_| SaveArea {
            registers: zeros(),
            pc: Cell::default(),
        });
        let [main, transfer, revoke] = core::array::from_fn(|_| Context {
            registers: zeros(),
            high: Cell::default(),
            low: Cell::default(),
            pc: Cell::default(),
            below: Cell::default(),
            volatile: zeros(),
        });
        Self {
            areas,
            t3: Cell::default(),
            pc: Cell::default(),
            load_cause: Cell::default(),
            store_cause: Cell::default(),
            load_v0: Cell::default(),
            store_v0: Cell::default(),
            context: Cell::default(),
            awaited: Cell::default(),
            awaiting_sp: Cell::default(),
            slice_pc: Cell::default(),
            end_pc: Cell::default(),
            serving: Cell::default(),
            giving: Cell::default(),
            own: Cell::default(),
            console_page: Cell::default(),
            console_used: Cell::default(),
            console: zeros(),
            arguments_bytes: Cell::default(),
            main,
            transfer,
            revoke,
            regions: [const { Cell::new(0) }; REGIONS],
            arguments: [const { Cell::new(0) }; MOST_ARGUMENTS],
        }
    }
}
