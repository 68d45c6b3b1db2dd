//! Addresses, sizes and bits that the kernel and applications share.
//!
//! **Virtual memory of an application**: the first 4 MB are the guaranteed segment: a miss there is
//! looked up among the environment's guaranteed mappings before the application hears of it. They
//! stand at the bottom so that handlers reach their save areas as `offset(zero)`. The rest of kuseg is
//! the application's to translate.

/// End of the segment that guaranteed mappings lie in.
pub const GUARANTEED_END: u32 = 0x0040_0000;
/// End of what an application can address.
pub const USER_END: u32 = 0x8000_0000;
/// Bytes of a page.
pub const PAGE_BYTES: u32 = 4096;
/// Guaranteed mappings of an environment, at most.
pub const MOST_GUARANTEED: usize = 32;
/// Address contexts of an environment.
pub const CONTEXTS: usize = 4;

/// `v0` for a synchronous protected control transfer (Scall) to environment `id`: the callee gets this time
/// slice and all its later instances. Every register arrives as it was, but `v0`, which the kernel sets to the
/// caller's identifier, and `k0` and `k1`.
pub const fn scall_selector(id: u32) -> u32 {
    (SCALL_RECORDS + id) << 4
}

/// `v0` for an asynchronous one (Acall): the callee gets the rest of this time slice alone. Registers as
/// with [`scall_selector`].
pub const fn acall_selector(id: u32) -> u32 {
    (ACALL_RECORDS + id) << 4
}

/// Selectors below this are system calls.
pub const SCALL_RECORDS: u32 = 64;
/// The selectors behind those of synchronous transfers.
pub const ACALL_RECORDS: u32 = SCALL_RECORDS + MOST_ENVS as u32;
/// Environments, at most.
pub const MOST_ENVS: usize = 96;

/// Bits of EntryLo: the page may not be cached, may be written, is there.
pub const ENTRY_UNCACHED: u32 = 0x800;
/// The page may be written.
pub const ENTRY_DIRTY: u32 = 0x400;
/// The entry is valid.
pub const ENTRY_VALID: u32 = 0x200;

/// Entry points: synchronous and asynchronous protected control transfer, the beginning and the end of a
/// time slice, and the call that asks for resources back.
pub const ENTRY_SYNCHRONOUS: u32 = 0;
/// Asynchronous protected control transfer.
pub const ENTRY_ASYNCHRONOUS: u32 = 1;
/// The beginning of a time slice. No register but `k0` and `k1` tells anything; the application loads its own.
pub const ENTRY_SLICE_START: u32 = 2;
/// The end of a time slice: as an exception whose save area is that of interrupts (cause 0).
pub const ENTRY_SLICE_END: u32 = 3;
/// A request to give resources back, delivered in place of the beginning of a slice: `a0` is the kind, `a1`
/// how many, `a2` in how many ticks.
pub const ENTRY_REVOKE: u32 = 4;
/// Entry points of an environment.
pub const ENTRIES: usize = 5;

/// Kinds of resources that are revoked.
pub const REVOKE_PAGES: u32 = 0;
/// Time slices.
pub const REVOKE_SLICES: u32 = 1;
/// The environment itself, with what is never taken of it: the emergency (§3.4). It saves what it can
/// elsewhere; when the time is up, it is destroyed.
pub const REVOKE_ALL: u32 = 2;
/// Kinds of requests.
pub const REVOKE_KINDS: usize = 3;
/// Ticks that the kernel gives an environment that it asks for pages itself.
pub const REVOKE_TICKS: u32 = 16;
/// Pages that the kernel asks for at once.
pub const REVOKE_PAGES_AT_ONCE: u32 = 16;
/// Ticks that a request may allow, at most.
pub const MOST_REVOKE_TICKS: u32 = 1 << 20;

/// The repossession vector. Word 0 counts what was taken and is the application's to set back; then pairs of
/// words: the number of a page, or of a slice with bit 31 set; and the backing page that the contents are
/// in, or all ones. What does not fit is counted only.
pub const REPOSSESSION_BYTES: u32 = 1024;
/// Pairs that fit the repossession vector.
pub const MOST_REPOSSESSED: u32 = (REPOSSESSION_BYTES - 4) / 8;

/// Time slices in the vector.
pub const SLICES: usize = 64;
/// Milliseconds times 1000 of a time slice (15.625 ms: the clock at 64 Hz).
pub const SLICE_MICROSECONDS: u32 = 15_625;
/// The excess time, in slices, past which an environment is destroyed.
pub const MOST_EXCESS: u32 = 8;

/// `Death::cause`: the environment was destroyed by a call.
pub const DEATH_CALL: u32 = 32;
/// It used more slices in excess than [`MOST_EXCESS`].
pub const DEATH_EXCESS: u32 = 33;
/// It was revoked as a whole.
pub const DEATH_REVOKED: u32 = 34;

/// What the first environment's image begins with; module 0 of the boot modules. Words: this; the address
/// that the image is mapped at, header and all, a page's in the guaranteed segment; where it is entered; its
/// bytes; and the bytes of zeros behind them.
pub const FLAT_MAGIC: u32 = 0x7461_6c66;

/// Pairs or pages of one call of `tlb_write_many`, `tlb_delete_many`, `tlb_protect` or `tlb_unprotect`, at most.
pub const MOST_BATCH: u32 = 128;
/// Bytes that one call of `console_write` takes, at most.
pub const MOST_PRINTED: u32 = 128;

/// Tables that anybody may read: page ownership, an array of `PageState`.
pub const TABLE_PAGES: u32 = 0;
/// The STLB: 4096 tags, then 4096 entries.
pub const TABLE_STLB: u32 = 1;
/// The slice vector and the environments' public state: one `Public`.
pub const TABLE_PUBLIC: u32 = 2;
/// The boot modules.
pub const TABLE_MODULES: u32 = 3;
/// The boot arguments, a string that ends in a zero byte.
pub const TABLE_ARGUMENTS: u32 = 4;
/// Tables that anybody may read.
pub const TABLES: usize = 5;

/// All ones: any page, any slice, the next environment.
pub const ANY: u32 = u32::MAX;
