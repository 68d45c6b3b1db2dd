//! Memory that the kernel's Rust and its assembly share.
//!
//! Wired entries of the TLB put three pages at the top of kseg2, where any instruction reaches them as
//! `offset(zero)`: the record page and the scratch page, the same for all, and the page of the current
//! environment, which an entry of the TLB written by each transfer selects (docs/kernel.md tells why).
//! Every offset that the assembly uses is a constant here and is checked against the structure it is in.

use aegis_abi::{
    bookkeeping::NO_PAGE,
    layout::{ACALL_RECORDS, CONTEXTS, ENTRIES, MOST_ENVS, MOST_GUARANTEED, SCALL_RECORDS},
};

/// Where the record page is mapped (wired entry 0).
pub const RECORDS_ADDRESS: u32 = 0xffff_d000;
/// Where the scratch page is mapped (wired entry 2).
pub const SCRATCH_ADDRESS: u32 = 0xffff_e000;
/// Where the current environment's page is mapped (wired entry 1).
pub const ENV_ADDRESS: u32 = 0xffff_f000;

/// What the assembly does with a selector: 16 bytes.
///
/// A system call's record has a `high` that is not negative, and is entered at `low` with the
/// exception's address in `k0` and `high` in `k1`. An environment that can be entered has its EntryHi
/// (VPN of [`ENV_ADDRESS`] and its ASID, so it is negative) and the EntryLo of its page, which is not
/// global: under ASID 0 that address is the kernel's own page. The record of an environment that sleeps
/// has in `high` its own offset. The record of an asynchronous transfer is entered like a call's: `low` is the assembly for it, `high` the offset of the
/// synchronous record in the page, `status` and `entry` are what they are in any. An environment has
/// either both records or none: it can be called once it has set both entry points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Record {
    /// EntryHi; of a system call, the complement of its procedure's address.
    pub high: u32,
    /// EntryLo; of a system call, the address of its assembly.
    pub low: u32,
    /// Status, as `rfe` shall find it.
    pub status: u32,
    /// Where it goes on.
    pub entry: u32,
}

/// The record page.
#[derive(Clone, Debug)]
#[repr(C, align(4096))]
pub struct Records {
    /// Of system calls.
    pub syscalls: [Record; SCALL_RECORDS as usize],
    /// Of synchronous transfers to each environment.
    pub synchronous: [Record; MOST_ENVS],
    /// Of asynchronous ones.
    pub asynchronous: [Record; MOST_ENVS],
}

const _: () = assert!(size_of::<Records>() == 4096 && ACALL_RECORDS == 160);

/// Words that the assembly keeps between instructions, and its stack's top.
#[derive(Clone, Debug, Default)]
#[repr(C, align(4096))]
pub struct Scratch {
    /// `t0` and `t1` at the last exception that is the kernel's.
    pub t0: u32,
    /// See `t0`.
    pub t1: u32,
    /// `k0` at the last exception.
    pub k0: u32,
    /// The environment whose the time slice stays after asynchronous transfers, plus 1; 0 if there was
    /// none since the last clock tick.
    pub pinned: u32,
    /// EntryHi and EntryLo of wired entry 1 for the environment that runs: its page's `high` and `low`.
    /// The assembly sets them on its way to Rust, for transfers do not; Rust reads from `current_low` who
    /// the caller is, and changes both when another shall run.
    pub current_high: u32,
    /// See `current_high`.
    pub current_low: u32,
    /// The caller's `sp`, `ra` and where it goes on, while a stack call runs.
    pub sp: u32,
    /// See `sp`.
    pub ra: u32,
    /// See `sp`.
    pub epc: u32,
    /// Status of the environment that runs, as `rfe` shall find it.
    pub status: u32,
    /// Where the states of pages are, and how many pages there are.
    pub states: u32,
    /// See `states`.
    pub pages: u32,
    /// What `sp` is when the kernel's stack is empty: room for a callee's four arguments, then a [`Frame`].
    pub stack: u32,
    /// Bindings that have lost their place in the STLB and are in the TLB still, perhaps: tag and EntryLo.
    pub victims: [(u32, u32); VICTIMS],
    /// The one that goes next.
    pub victim: u32,
    /// Negative if there may be any.
    pub displaced: u32,
    /// 1 if Rust chose that an environment begins at `epc` with `status`, with `arguments` in `a0` to `a2`
    /// and every other register clear, whatever was saved. The assembly sets it back.
    pub fresh: u32,
    /// See `fresh`.
    pub arguments: [u32; 3],
    /// `t2` to `t5`, while a call of the assembly uses them.
    pub kept: [u32; 4],
    /// The caller's `gp`, while a stack call runs.
    pub gp: u32,
}

/// What an environment is to the kernel: one page that its creator gave.
#[derive(Clone, Debug)]
#[repr(C, align(4096))]
pub struct EnvPage {
    /// Where three registers are saved, by cause: addresses in kseg0.
    pub save: [u32; 16],
    /// Where each cause goes: in kuseg a handler of the application's, else the kernel's.
    pub handler: [u32; 16],
    /// Address of the STLB, exclusive-or the hash of the current context times 4.
    pub hash: u32,
    /// The environment's number.
    pub id: u32,
    /// EntryHi and EntryLo of wired entry 1 for its current context; EntryHi 0 while that has no ASID.
    pub high: u32,
    /// See `high`.
    pub low: u32,
    /// The rest is Rust's alone.
    pub state: EnvState,
}

/// What only Rust reads of an environment. What is no secret is in `aegis_abi::bookkeeping`.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct EnvState {
    /// ASIDs of its contexts, 0 if a context has none just now.
    pub asids: [u8; CONTEXTS],
    /// The context that is installed.
    pub context: u32,
    /// Status bits: coprocessor 1.
    pub status: u32,
    /// 1 if it may use the console.
    pub console: u32,
    /// Its entry points, 0 where none is set.
    pub entries: [u32; ENTRIES],
    /// Where three registers are saved at the end of a slice, in kseg0; 0 for nowhere.
    pub slice_save: u32,
    /// Guaranteed mappings: virtual page address and EntryLo; an EntryLo without V is none.
    pub guaranteed: [(u32, u32); MOST_GUARANTEED],
    /// Grants: rights to pages of others. Rights of 0 are none.
    pub grants: [Grant; MOST_GRANTS],
    /// Backing pages preloaded.
    pub backing: [Backing; MOST_BACKING],
    /// Physical address of the repossession vector, 0 for none.
    pub repossession: u32,
}

/// Grants of an environment, at most.
pub const MOST_GRANTS: usize = 64;
/// Backing pages of an environment, at most.
pub const MOST_BACKING: usize = 64;

/// A right to map another's page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Grant {
    /// The page.
    pub page: u16,
    /// The rights; 0 is no grant.
    pub rights: u16,
    /// The page's epochs for reading and writing when it was made.
    pub read_epoch: u32,
    /// See `read_epoch`.
    pub write_epoch: u32,
}

/// What was in the processor when an interrupt or a primitive came, and will be when it is over. The
/// registers that procedures of o32 keep are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Frame {
    /// `t0`, `t1`, `t2`.
    pub t: [u32; 3],
    /// EPC: where it goes on.
    pub epc: u32,
    /// Cause.
    pub cause: u32,
    /// BadVAddr.
    pub bad_address: u32,
    /// Not 0 if the exception shall be handed on to the application as it came.
    pub forward: u32,
    /// `k0`, which the kernel keeps over interrupts.
    pub k0: u32,
    /// `v0`.
    pub v0: u32,
    /// The others: `at`, `v1`, `a0` to `a3`, `t3` to `t9`, `sp`, `ra`, HI, LO, `gp`.
    pub others: [u32; 18],
}

impl EnvPage {
    /// What a page holds before it is an environment.
    pub const CLEAR: EnvPage = EnvPage {
        save: [0; 16],
        handler: [0; 16],
        hash: 0,
        id: 0,
        high: 0,
        low: 0,
        state: EnvState {
            asids: [0; CONTEXTS],
            context: 0,
            status: 0,
            console: 0,
            entries: [0; ENTRIES],
            slice_save: 0,
            guaranteed: [(0, 0); MOST_GUARANTEED],
            grants: [Grant {
                page: 0,
                rights: 0,
                read_epoch: 0,
                write_epoch: 0,
            }; MOST_GRANTS],
            backing: [Backing::NONE; MOST_BACKING],
            repossession: 0,
        },
    };
}

/// A page that contents are saved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Backing {
    /// The page; `NO_PAGE` is none.
    pub page: u16,
    /// 1 if it holds the contents of a page that was taken.
    pub saved: u16,
}

impl Backing {
    /// None.
    pub const NONE: Backing = Backing {
        page: NO_PAGE,
        saved: 0,
    };
}

const _: () = assert!(size_of::<EnvPage>() == 4096);

/// The software TLB: 4096 entries of 8 bytes, direct-mapped (§5.4), as two arrays, so that one
/// address and one offset reach both. A tag has the form of EntryHi.
#[derive(Clone, Debug)]
#[repr(C, align(32768))]
pub struct Stlb {
    /// VPN and ASID; a tag with bit 31 set is no entry.
    pub tags: [u32; STLB_ENTRIES],
    /// EntryLo.
    pub entries: [u32; STLB_ENTRIES],
}

/// Bindings that outlive their place in the STLB.
pub const VICTIMS: usize = 8;

/// Entries of the STLB.
pub const STLB_ENTRIES: usize = 4096;
