//! What Aegis and its applications agree on: system calls, errors, shared memory.
//!
//! Problem: the kernel's dispatch, the applications' stubs and the reference must tell the same
//! story. Method: [`for_each_syscall!`] lists each call once; the number, the kernel's dispatch
//! table, the stubs of `exos` and docs/syscalls.md expand from it. Addresses and layouts that both
//! sides read are constants of [`layout`].
//!
//! **Registers.** `v0` holds the selector: the number of the call times 16, or what
//! [`layout::scall_selector`] and [`layout::acall_selector`] give for a protected control transfer. Bits
//! above 11 and below 4 are ignored. Afterwards `v0` is the result if it is not negative, else the [`Error`]. A call must not
//! stand in a branch delay slot: it is refused, and the branch is not taken.
//!
//! A call has one of three kinds:
//!
//! - *fast*: a few instructions of assembly, no stack. It changes `v0` alone, unless its row says more.
//! - *stack*: on the kernel's stack, like a procedure of o32: arguments in `a0` to `a3`, results in `v0` and
//!   `v1`; `at`, `a0`–`a3`, `t0`–`t9`, HI and LO are lost.
//! - *primitive*: a pseudo-instruction (paper, §5.1, table 3): arguments in `t1` and `t2`. It changes
//!   no register but `v0`, which is 0 afterwards or the error.
//!
//! No call takes a virtual address to read or write memory at: buffers are named by physical page and
//! offset, and the page must be the caller's. So the kernel never takes a translation miss.
#![no_std]

pub mod bookkeeping;
mod capability;
mod error;
pub mod layout;
pub mod module;
mod name;

pub use capability::{Capability, Kind, Rights};
pub use error::Error;
pub use name::{Cause, ContextNo, EnvId, PageNo, Position};

/// Calls the macro `$m` with the whole list of system calls, in the order of their numbers, and what stands
/// before it.
///
/// A row: the kind, the name, the arguments in the order of their registers, what the result is, the errors
/// (any call that is in a delay slot is refused with `InSlot`), and what it does.
#[macro_export]
macro_rules! syscall_table {
    ($m:ident $($before:tt)*) => {
        $crate::$m! {
            $($before)*
            fast env_self() -> "the caller's identifier" ! []
                "Tells who the caller is. The null system call.";
            stack ticks() -> "clock ticks since the machine started, modulo 2^31" ! []
                "Reads the clock. The null system call with a stack.";
            stack page_alloc(page: u32) -> "the page" ! [BadName, Taken, Exhausted]
                "Allocates a physical page: the one named, or any if `page` is all ones. Its contents are cleared.";
            stack page_free(page: PageNo) -> "0" ! [BadName, NotOwner, Pinned]
                "Gives a page back. Every capability, mapping and grant of it dies.";
            stack page_give(page: PageNo, to: EnvId) -> "0" ! [BadName, NotOwner, Pinned]
                "Makes `to` the owner. Every capability, mapping and grant of it dies.";
            stack page_capability(page: PageNo, rights: Rights) -> "the upper word of the proof; the lower in `v1`" ! [BadName, NotOwner, BadValue, Exhausted]
                "Makes a capability for one of the caller's pages, to be handed to others.";
            stack page_revoke(page: PageNo, rights: Rights) -> "0" ! [BadName, NotOwner, BadValue]
                "Changes what capabilities of a page for these rights must be: those made before, and what was granted through them, die.";
            stack page_bind(name: u32, high: u32, low: u32) -> "the number of the grant" ! [Forged, BadName, Exhausted]
                "Presents a capability; from then on the caller may map the page within the capability's rights.";
            stack page_unbind(page: PageNo) -> "0" ! [BadName, NotOwner]
                "Gives a grant back.";
            stack page_code(page: PageNo) -> "0" ! [BadName, NotOwner]
                "Makes what was written to one of the caller's pages executable: forgets what the instruction cache holds of it. \
                 A page that was just allocated needs none.";
            primitive tlb_write(address: u32, entry: u32) ! [BadAddress, BadValue, BadName, NotOwner, Rights]
                "TLBwr (table 3): binds the page of `address` in the current context to `entry`, in TLB and STLB. \
                 `entry` has the form of EntryLo; G must be clear, V set.";
            primitive tlb_delete(address: u32) ! [BadAddress]
                "TLBvadelete (table 3): takes the binding of a virtual address out of TLB and STLB.";
            primitive tlb_write_many(buffer: u32, count: u32) ! [BadAddress, BadValue, BadName, NotOwner, Rights]
                "TLBwr for `count` pairs {address, entry} at the physical address `buffer`, in one page of the caller's. \
                 Stops at the first that is refused; those before it stand.";
            primitive tlb_delete_many(address: u32, count: u32) ! [BadAddress, BadValue]
                "TLBvadelete for `count` pages from `address`.";
            primitive fpu_modify(enable: u32) ! [BadValue]
                "FPUmod (table 3): makes coprocessor 1 usable or not.";
            primitive context_switch(context: ContextNo) ! [BadName]
                "CIDswitch (table 3): installs one of the caller's address contexts.";
            stack slice_alloc(position: u32) -> "the position" ! [BadName, Taken, Exhausted]
                "Allocates a time slice: the one named, or the first free one if all ones.";
            stack slice_free(position: Position) -> "0" ! [BadName, NotOwner]
                "Gives a time slice back.";
            stack slice_give(position: Position, to: EnvId) -> "0" ! [BadName, NotOwner]
                "Makes `to` the owner and holder of a slice of the caller's. Its first slice starts an environment.";
            stack yield_to(target: u32) -> "does not return: the caller goes on at its slice-start handler" ! [BadName, NoSuchCall]
                "Yield: gives the rest of the current slice to `target`, or to the next slice's holder if all ones.";
            stack env_create(page: PageNo) -> "the new environment" ! [BadName, NotOwner, Pinned, Exhausted]
                "Makes an environment; `page`, the caller's, becomes the kernel's to keep it in.";
            stack env_destroy(env: EnvId, status: u32) -> "0; does not return if it is the caller" ! [BadName, NotOwner]
                "Destroys the caller or an environment that it controls. What it held is free, its bindings are broken.";
            stack env_capability(env: EnvId) -> "the upper word of the proof; the lower in `v1`" ! [BadName, NotOwner, Exhausted]
                "Makes a capability to control an environment.";
            stack env_adopt(name: u32, high: u32, low: u32) -> "0" ! [Forged, BadName]
                "Presents a capability of an environment; the caller then controls it.";
            stack env_handler(env: EnvId, cause: Cause, address: u32) -> "0" ! [BadName, NotOwner, BadAddress]
                "Sets where exceptions of a cause go. The address must be aligned and inside a guaranteed mapping.";
            stack env_save_area(env: EnvId, cause: Cause, physical: u32) -> "0" ! [BadName, NotOwner, BadAddress, Pinned]
                "Sets where the three registers are saved at an exception of a cause: 16 bytes, aligned to them, in a page of the environment's.";
            stack env_entry(env: EnvId, entry: u32, address: u32) -> "0" ! [BadName, NotOwner, BadAddress]
                "Sets an entry point, by `layout::ENTRY_*`. The address must be aligned and inside a guaranteed mapping.";
            stack env_guarantee(env: EnvId, address: u32, entry: u32) -> "0" ! [BadName, NotOwner, BadAddress, BadValue, Pinned, Exhausted]
                "Adds or changes a guaranteed mapping of a page below `layout::GUARANTEED_END`, or takes it away if V is clear.";
            stack env_backing(env: EnvId, page: PageNo) -> "the number of backing pages" ! [BadName, NotOwner, Pinned, Exhausted]
                "Preloads a page that contents are saved to when pages are taken by force.";
            stack env_repossession(env: EnvId, physical: u32) -> "0" ! [BadName, NotOwner, BadAddress]
                "Sets where the repossession vector is: `layout::REPOSSESSION_BYTES`, aligned to them, in a page of the environment's.";
            stack env_reserve(env: EnvId, pages: u32) -> "0" ! [BadName, NotOwner, Exhausted]
                "Sets how many pages of an environment are never taken, within what the caller's own reserve leaves.";
            stack revoke(env: EnvId, kind: u32, count: u32, ticks: u32) -> "0" ! [BadName, NotOwner, BadValue]
                "Asks an environment that the caller controls to give back so many pages or slices within so many ticks; takes them by force afterwards.";
            stack console_write(physical: u32, bytes: u32) -> "the bytes written" ! [BadName, NotOwner, BadAddress, BadValue]
                "Prints bytes of one page of the caller's. The caller must hold the console.";
            stack console_read() -> "the byte, or 256 if none was typed" ! [NotOwner]
                "Reads a byte that was typed. The caller must hold the console.";
            stack console_capability() -> "the upper word of the proof; the lower in `v1`" ! [NotOwner]
                "Makes a capability to use the console.";
            stack console_bind(name: u32, high: u32, low: u32) -> "0" ! [Forged, BadName]
                "Presents a capability of the console; the caller then holds it too.";
            stack bookkeeping(table: u32) -> "the first page; in `v1` how many" ! [BadName]
                "Names the pages of a table of the kernel's, by `layout::TABLE_*`: anybody may map them to read.";
            stack halt(status: u32) -> "does not return" ! [NotOwner]
                "Stops the machine. Only the first environment may.";
        }
    };
}

/// Calls the macro `$m` with the list of system calls, but for their errors.
#[macro_export]
macro_rules! for_each_syscall {
    ($m:ident) => {
        $crate::syscall_table! { without_errors $m; }
    };
}

/// Of [`syscall_table!`], what [`for_each_syscall!`] hands on.
#[doc(hidden)]
#[macro_export]
macro_rules! without_errors {
    ($m:ident; $($kind:ident $name:ident($($argument:ident: $type:ty),*) $(-> $result:literal)? ! [$($error:ident),*] $about:literal;)*) => {
        $m! { $($kind $name($($argument: $type),*) $(-> $result)? $about;)* }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! number_syscalls {
    ($($kind:ident $name:ident($($argument:ident: $type:ty),*) $(-> $result:literal)? ! [$($error:ident),*] $about:literal;)*) => {
        /// The system calls, by number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[expect(non_camel_case_types, reason = "the names are those of the stubs")]
        pub enum Syscall {
            $(#[doc = $about] $name,)*
        }

        impl Syscall {
            /// Every call, in the order of their numbers.
            pub const ALL: &[Syscall] = &[$(Syscall::$name),*];

            /// Why the call may be refused.
            pub const fn errors(self) -> &'static [Error] {
                match self { $(Syscall::$name => &[$(Error::$error),*]),* }
            }

            /// The reference's row of the call: its kind, its arguments with their types, its result.
            pub const fn signature(self) -> (&'static str, &'static [(&'static str, &'static str)], &'static str) {
                match self {$(
                    Syscall::$name => (
                        stringify!($kind),
                        &[$((stringify!($argument), stringify!($type))),*],
                        concat!($($result)?),
                    ),
                )*}
            }

            /// The name of the call.
            pub const fn name(self) -> &'static str {
                match self { $(Syscall::$name => stringify!($name)),* }
            }

            /// What the call does.
            pub const fn about(self) -> &'static str {
                match self { $(Syscall::$name => $about),* }
            }

            /// What `v0` is before the call.
            pub const fn selector(self) -> u32 {
                (self as u32) << 4
            }
        }
    };
}
syscall_table!(number_syscalls);
