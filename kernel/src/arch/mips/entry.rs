//! The procedures that the assembly calls: each finds the kernel and hands on.
//!
//! The calls on the stack and the primitives have a procedure each, made from the list of system calls,
//! and their records are filled here. Before they run, the assembly has told scratch who was running; what
//! the logic then says there is installed on the way back.

#[cfg(feature = "audit")]
use super::audit;
use super::{Mips, assembly, boot, wire};
use crate::Kernel;
use crate::layout::{Frame, Record};
use crate::machine::{Label, Machine as _};
use aegis_abi::layout::{ACALL_RECORDS, SCALL_RECORDS};
use aegis_abi::{Cause, EnvId, Error, Syscall, for_each_syscall};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

struct Global(UnsafeCell<MaybeUninit<Kernel<Mips>>>);

// SAFETY: there is one processor, and interrupts are off while Rust runs.
unsafe impl Sync for Global {}

static KERNEL: Global = Global(UnsafeCell::new(MaybeUninit::uninit()));

/// Makes the kernel and starts the first environment.
pub(super) fn start(mut machine: Mips) -> ! {
    fill_records(&mut machine);
    machine.board().start_clock();
    let key = boot::key(&mut machine);
    let info = boot::info(&mut machine, key);
    // SAFETY: nothing uses it yet.
    let kernel = unsafe { (*KERNEL.0.get()).write(Kernel::new(machine, &info)) };
    kernel.start(info.module);
    // SAFETY: the kernel has said in scratch what to enter.
    unsafe { assembly::enter_fresh() }
}

fn kernel() -> &'static mut Kernel<Mips> {
    // SAFETY: `start` made it before any environment ran; each procedure that the assembly calls takes it
    // once, and the assembly calls none while another runs.
    unsafe { (*KERNEL.0.get()).assume_init_mut() }
}

/// Enters afresh what the logic wants entered, if it does.
#[inline(always)]
fn depart(kernel: &mut Kernel<Mips>) {
    #[cfg(feature = "audit")]
    audit::look(kernel);
    if kernel.machine.scratch().fresh != 0 {
        // SAFETY: the logic has said what to enter; nothing on this stack is needed again.
        unsafe { assembly::enter_fresh() }
    }
}

/// The results of a call on the stack, as o32 returns a double word: `v0` is the lower.
const fn results(v0: u32, v1: u32) -> u64 {
    (v1 as u64) << 32 | v0 as u64
}

#[inline(always)]
fn on_stack(call: Syscall, arguments: [u32; 4]) -> u64 {
    let kernel = kernel();
    #[cfg(feature = "audit")]
    audit::arrive(kernel);
    let (v0, v1) = kernel.stack_call(call, arguments);
    depart(kernel);
    results(v0, v1)
}

#[inline(always)]
fn as_primitive(call: Syscall, frame: &mut Frame) {
    if frame.cause.cast_signed() < 0 {
        frame.v0 = Error::InSlot.word();
        frame.epc = frame.epc.wrapping_add(8);
        return;
    }
    frame.epc = frame.epc.wrapping_add(4);
    let kernel = kernel();
    let before = kernel.machine.scratch().current_high;
    let done = kernel.primitive(call, frame.t[1], frame.t[2]);
    frame.v0 = done.map_or_else(Error::word, |()| 0);
    // The caller's page is under another ASID if it changed its context.
    let scratch = kernel.machine.scratch();
    if scratch.current_high != before {
        wire(1, scratch.current_high, scratch.current_low);
    }
    #[cfg(feature = "audit")]
    audit::look(kernel);
}

/// The one call that neither changes nor tells anything but the time: it needs no more than it does.
extern "C" fn ticks() -> u64 {
    let (ticks, none) = kernel().ticks().unwrap_or_default();
    results(ticks, none)
}

#[unsafe(no_mangle)]
extern "C" fn aegis_interrupt(frame: &mut Frame) {
    let kernel = kernel();
    if kernel.machine.board().interrupt(frame.cause) {
        kernel.tick(frame);
    }
    depart(kernel);
}

#[unsafe(no_mangle)]
extern "C" fn aegis_asleep(frame: &mut Frame) {
    let kernel = kernel();
    if !kernel.wake(called(frame.v0)) {
        frame.v0 = Error::NoSuchCall.word();
        frame.epc = frame.epc.wrapping_add(4);
    }
    depart(kernel);
}

#[unsafe(no_mangle)]
extern "C" fn aegis_guaranteed(frame: &mut Frame) {
    let kernel = kernel();
    frame.forward = u32::from(!kernel.guaranteed_miss(frame.bad_address));
    depart(kernel);
}

#[unsafe(no_mangle)]
extern "C" fn aegis_unhandled(frame: &mut Frame) {
    let kernel = kernel();
    kernel.unhandled(
        Cause((frame.cause >> 2 & 31) as u8),
        frame.epc,
        frame.bad_address,
    );
    depart(kernel);
}

/// The environment that a transfer's selector names.
const fn called(selector: u32) -> EnvId {
    let record = selector >> 4;
    let first = if record < ACALL_RECORDS {
        SCALL_RECORDS
    } else {
        ACALL_RECORDS
    };
    EnvId(record.wrapping_sub(first) as u8)
}

/// Fills the records of the system calls; the rest of them lead nowhere yet.
fn fill_records(machine: &mut Mips) {
    let dead = machine.label(Label::Dead);
    let records = machine.records();
    let none = Record {
        low: dead,
        ..Record::default()
    };
    records.syscalls.fill(none);
    records.synchronous.fill(none);
    records.asynchronous.fill(none);
    for (record, &call) in records.syscalls.iter_mut().zip(Syscall::ALL) {
        let (low, procedure) = way(call);
        // The complement of an address in kseg0 is not negative.
        *record = Record {
            high: !procedure,
            low,
            ..Record::default()
        };
    }
}

macro_rules! way {
    (fast env_self) => {
        (&raw const assembly::call_env_self as u32, !0)
    };
    (stack ticks) => {
        (
            &raw const assembly::call_plain as u32,
            ticks as *const () as u32,
        )
    };
    (stack $name:ident) => {{
        extern "C" fn procedure(a0: u32, a1: u32, a2: u32, a3: u32) -> u64 {
            on_stack(Syscall::$name, [a0, a1, a2, a3])
        }
        (
            &raw const assembly::call_clear as u32,
            procedure as *const () as u32,
        )
    }};
    (primitive tlb_write) => {
        (
            &raw const assembly::call_tlb_write as u32,
            way!(primitive(tlb_write)).1,
        )
    };
    (primitive tlb_protect) => {
        (
            &raw const assembly::call_tlb_protect as u32,
            way!(primitive(tlb_protect)).1,
        )
    };
    (primitive tlb_unprotect) => {
        (
            &raw const assembly::call_tlb_unprotect as u32,
            way!(primitive(tlb_unprotect)).1,
        )
    };
    (primitive $name:ident) => {
        way!(primitive($name))
    };
    (primitive ($name:ident)) => {{
        extern "C" fn procedure(frame: &mut Frame) {
            as_primitive(Syscall::$name, frame);
        }
        (
            &raw const assembly::call_primitive as u32,
            procedure as *const () as u32,
        )
    }};
}
macro_rules! ways {
    ($($kind:ident $name:ident($($argument:ident: $type:ty),*) $(-> $result:literal)? $about:literal;)*) => {
        /// A call's assembly, and the address of its procedure.
        fn way(call: Syscall) -> (u32, u32) {
            match call {
                $(Syscall::$name => way!($kind $name),)*
            }
        }
    };
}
for_each_syscall!(ways);
