//! The hardware as the kernel's logic sees it.
//!
//! Problem: a kernel that only runs on its machine cannot be tested by a debugger of hosts, a checker of
//! undefined behaviour or a fuzzer. Method: everything but the logic stands behind this trait; `arch` has
//! the real one, the tests a fake in plain memory. Left out: the hot paths, which are assembly and
//! share memory with the logic (`layout`).

use crate::layout::{EnvPage, Records, Scratch, Stlb};
use aegis_abi::{
    PageNo,
    bookkeeping::{PageState, Public},
};

/// What the kernel needs of a machine. Pages are named by number and exist if below [`Machine::pages`].
pub trait Machine {
    /// Physical pages of memory.
    fn pages(&self) -> u16;
    /// What the kernel knows of each page, [`Machine::pages`] of them; whole pages of memory.
    fn page_states(&mut self) -> &mut [PageState];
    /// The slice vector and the environments' public state; whole pages of memory.
    fn public(&mut self) -> &mut Public;
    /// The record page.
    fn records(&mut self) -> &mut Records;
    /// The scratch page.
    fn scratch(&mut self) -> &mut Scratch;
    /// The software TLB.
    fn stlb(&mut self) -> &mut Stlb;
    /// The physical or kseg0 address of the STLB, as the refill path needs it.
    fn stlb_address(&self) -> u32;
    /// A page that holds an environment. The caller has made sure that it does.
    fn env(&mut self, page: PageNo) -> &mut EnvPage;
    /// Makes an environment's page of a page of memory: [`EnvPage::CLEAR`].
    fn make_env(&mut self, page: PageNo);
    /// Clears a page, which holds no environment afterwards.
    fn clear(&mut self, page: PageNo);
    /// Copies a page.
    fn copy(&mut self, from: PageNo, to: PageNo);
    /// Reads a word of memory at an aligned physical address.
    fn load(&mut self, physical: u32) -> u32;
    /// Writes a word of memory at an aligned physical address.
    fn store(&mut self, physical: u32, word: u32);
    /// Writes an entry of the TLB at a random place. No entry of this EntryHi is in it.
    fn tlb_write_random(&mut self, high: u32, low: u32);
    /// Makes the entry of the TLB that matches EntryHi, if there is one, match nothing.
    fn tlb_delete(&mut self, high: u32);
    /// Empties the TLB but for what is wired.
    fn tlb_forget(&mut self);
    /// Makes what has been written to a page as code executable.
    fn forget_code(&mut self, page: PageNo);
    /// The address in kseg0 of the scratch page, where registers go at exceptions that are the kernel's.
    fn kernel_save(&self) -> u32;
    /// The assembly's address of a label.
    fn label(&self, label: Label) -> u32;
    /// Bytes that can be printed without waiting.
    fn room(&mut self) -> u32;
    /// Prints a byte.
    fn put(&mut self, byte: u8);
    /// A byte that was typed.
    fn get(&mut self) -> Option<u8>;
    /// Stops the machine with a status.
    fn halt(&mut self, status: u32) -> !;
}

/// Places in the assembly that records and handler tables lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    /// A call that is none, or an environment that is not there: returns `NoSuchCall`.
    Dead,
    /// An environment without an ASID: enters Rust, which gives it one, and tries again.
    Asleep,
    /// An asynchronous transfer.
    Asynchronous,
    /// A system call: the selector of its record.
    SystemCall,
    /// An interrupt.
    Interrupt,
    /// An exception that the environment has no handler for: destroys it.
    Unhandled,
    /// An exception in the kernel: stops the machine.
    Fatal,
}
