//! The trap page: its assembly, the offsets that it uses, and the way up into Rust.
#![expect(unsafe_code, reason = "the island: assembly, and what it calls")]

use super::Frame;
use crate::layout::{
    Context, HANDLER_TOP, ONE_WAY, REFUSED, REPLY, SAVE, STACK_BYTES, STACKS, SavePage, TABLE,
    TRANSFER_TOP, TRAP, VECTORS_MAGIC,
};
use crate::transfer::{self, Message};
use aegis_abi::Syscall;
use aegis_abi::layout::{ENTRY_VALID, PAGE_BYTES, SCALL_RECORDS};
use core::mem::offset_of;

macro_rules! save {
    ($($field:tt)+) => {
        SAVE as usize + offset_of!(SavePage, $($field)+)
    };
}

/// Bytes of a frame on the handler stack, with the callee's arguments in front.
const FRAME_BYTES: usize = 168;
/// Bytes that must be left on a handler stack for one more frame.
const ROOM: usize = 1024;
/// `sp` of the handling of a request: arguments 16, message 48, sender, tag.
const TRANSFER_SP: u32 = TRANSFER_TOP - 72;

const _: () = assert!(FRAME_BYTES >= 16 + size_of::<Frame>() && FRAME_BYTES.is_multiple_of(8));
const _: () = assert!(TRANSFER_TOP <= 0x8000 && save!(arguments) < 0x8000);

core::arch::global_asm!(
    include_str!("entry.S"),
    include_str!("slices.S"),
    include_str!("transfer.S"),
    ".text",
    VECTORS_MAGIC = const VECTORS_MAGIC,
    SAVE = const SAVE,
    TRAP = const TRAP,
    PAGE_BYTES = const PAGE_BYTES,
    TABLE_HIGH = const TABLE >> 16,
    VALID = const ENTRY_VALID,
    LOAD_AREA = const SAVE + 2 * 16,
    LOAD_PC = const SAVE + 2 * 16 + 12,
    STORE_AREA = const SAVE + 3 * 16,
    STORE_PC = const SAVE + 3 * 16 + 12,
    LOAD_CAUSE = const save!(load_cause),
    STORE_CAUSE = const save!(store_cause),
    LOAD_V0 = const save!(load_v0),
    STORE_V0 = const save!(store_v0),
    REGIONS = const save!(regions),
    T3 = const save!(t3),
    PC = const save!(pc),
    OWN = const save!(own),
    CONTEXT = const save!(context),
    AWAITED = const save!(awaited),
    AWAITING_SP = const save!(awaiting_sp),
    SLICE_PC = const save!(slice_pc),
    END_PC = const save!(end_pc),
    SERVING = const save!(serving),
    GIVING = const save!(giving),
    MAIN = const save!(main),
    TRANSFER = const save!(transfer),
    REVOKE = const save!(revoke),
    REVOKE_BELOW = const save!(revoke.below),
    CONTEXT_HIGH = const offset_of!(Context, high),
    CONTEXT_LOW = const offset_of!(Context, low),
    CONTEXT_PC = const offset_of!(Context, pc),
    CONTEXT_VOLATILE = const offset_of!(Context, volatile),
    VOLATILE = const SAVE + 16,
    VOLATILE_END = const save!(context),
    STACKS = const STACKS,
    STACKS_BYTES = const 2 * STACK_BYTES,
    STACK_MASK = const STACK_BYTES - 1,
    ROOM = const ROOM,
    HANDLER_TOP = const HANDLER_TOP,
    TRANSFER_TOP = const TRANSFER_TOP,
    TRANSFER_SP = const TRANSFER_SP,
    FRAME_BYTES = const FRAME_BYTES,
    FRAME_HIGH = const offset_of!(Frame, high),
    FRAME_LOW = const offset_of!(Frame, low),
    FRAME_PC = const offset_of!(Frame, pc),
    FRAME_BAD = const offset_of!(Frame, bad_address),
    FRAME_CAUSE = const offset_of!(Frame, cause),
    TLB_WRITE = const Syscall::tlb_write.selector(),
    YIELD_TO = const Syscall::yield_to.selector(),
    ENV_DESTROY = const Syscall::env_destroy.selector(),
    SCALL_RECORDS = const SCALL_RECORDS,
    REPLY = const REPLY,
    REFUSED = const REFUSED,
    ONE_WAY = const ONE_WAY,
    STATUS_OVERFLOW = const super::STATUS_OVERFLOW,
    STATUS_REVOKED = const super::STATUS_REVOKED,
);

// SAFETY: `entry.S` alone calls it, with the frame that it has just made and that nobody else knows of.
#[unsafe(no_mangle)]
extern "C" fn exos_trap(frame: &mut Frame) {
    super::handle(frame);
}

// SAFETY: `transfer.S` alone calls it, with the message that it has just stored and that nobody else knows of.
#[unsafe(no_mangle)]
extern "C" fn exos_serve(message: &mut Message, from: u32) {
    transfer::handle(message, from);
}

// SAFETY: `transfer.S` alone calls it.
#[unsafe(no_mangle)]
extern "C" fn exos_give(kind: u32, count: u32, ticks: u32) {
    super::give(kind, count, ticks);
}
