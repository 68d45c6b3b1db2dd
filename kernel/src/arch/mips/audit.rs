//! The kernel looks itself over: its invariants on the real machine, after every call.
//!
//! Problem: what hostile programs do to the kernel shows, if at all, long afterwards. Method: with the feature
//! `audit` every way back to user mode checks what is cheap to check, and whenever an environment has ended,
//! or so many times have passed, everything: the logic's invariants, and that the TLB holds nothing that the STLB
//! does not, which only this machine can tell. What is broken is a panic, which stops the machine. Left
//! out: the paths that never reach Rust; the next that does sees what they did.

use super::Mips;
use crate::Kernel;
use crate::layout::{ENV_ADDRESS, RECORDS_ADDRESS, SCRATCH_ADDRESS};
use crate::machine::Machine as _;
use core::cell::Cell;

core::arch::global_asm!(include_str!("audit.S"));

unsafe extern "C" {
    safe fn read_status() -> u32;
    fn tlb_read(index: u32, to: *mut [u32; 2]);
}

/// Times from one full look to the next.
const FULL_EVERY: u32 = 1000;
/// Entries of the TLB.
const TLB_ENTRIES: u32 = 64;
/// Entries that are wired.
const WIRED: u32 = 8;
/// Status: how a cache answered, which is nobody's.
const CACHE_MISS: u32 = 0x0008_0000;
/// EntryHi of kseg0: an entry that matches nothing.
const KSEG0: u32 = 0x8000_0000;
/// EntryHi without the bits that are always zero.
const TAG: u32 = 0xffff_ffc0;

/// What is remembered from one time to the next.
struct Memory(Cell<u32>);

// SAFETY: there is one processor, and interrupts are off while Rust runs.
unsafe impl Sync for Memory {}

/// Times since the last full look. A host that raises it has the next one be full.
#[unsafe(export_name = "audit_times")]
static TIMES: Memory = Memory(Cell::new(0));
static DEATHS: Memory = Memory(Cell::new(0));

/// Before a call on the stack, whose assembly leaves Status where it is.
pub(super) fn arrive(kernel: &mut Kernel<Mips>) {
    kernel.machine.scratch().status = read_status();
}

/// Looks the kernel over, and stops the machine if something is broken.
#[inline(never)]
pub(super) fn look(kernel: &mut Kernel<Mips>) {
    kernel.machine.scratch().status &= !CACHE_MISS;
    let times = TIMES.0.get() + 1;
    let epochs = kernel.machine.public().envs.iter().map(|env| env.epoch);
    let deaths = epochs.fold(0, u32::wrapping_add);
    let found = if times >= FULL_EVERY || deaths != DEATHS.0.get() {
        TIMES.0.set(0);
        DEATHS.0.set(deaths);
        look_at_tlb(kernel).and_then(|()| kernel.all_invariants())
    } else {
        TIMES.0.set(times);
        kernel.invariants()
    };
    if let Err(broken) = found {
        panic!("invariant: {broken}");
    }
}

/// Whether the wired entries are what they must be, and every other one is in the STLB.
fn look_at_tlb(kernel: &mut Kernel<Mips>) -> Result<(), &'static str> {
    for index in 0..TLB_ENTRIES {
        let mut entry = [0; 2];
        // SAFETY: it writes two words there, and nothing to the TLB.
        unsafe { tlb_read(index << 8, &raw mut entry) };
        let [high, low] = entry;
        let good = match index {
            0 => high & !0xfff == RECORDS_ADDRESS,
            1 | 3 => high & !0xfff == ENV_ADDRESS,
            2 => high & !0xfff == SCRATCH_ADDRESS,
            _ if high & KSEG0 != 0 => high >> 30 == 2,
            _ => index >= WIRED && kernel.binds(high & TAG, low),
        };
        if !good {
            return Err("the TLB holds what the STLB does not");
        }
    }
    Ok(())
}
