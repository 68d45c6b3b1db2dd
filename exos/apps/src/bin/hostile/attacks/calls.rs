//! Calls about environments, slices and the console that are another's, or none.

use crate::attack::{Arg, Attack, Ends, How, attack, call};
use crate::code::CODE;
use exos::abi::layout::{
    ANY, ENTRY_DIRTY, ENTRY_VALID, GUARANTEED_END, REVOKE_ALL, REVOKE_PAGES, TABLE_PAGES,
};
use exos::abi::{Error, Syscall};

const V: u32 = ENTRY_VALID;
const D: u32 = ENTRY_DIRTY;
/// The kernel's seat.
const INIT: Arg = Is(0);
/// The number of an environment that does not live, and of one that there cannot be.
const DEAD: Arg = Is(95);
const NONE: Arg = Is(96);
const BREAKPOINT: Arg = Is(9);

use Arg::{At, CodePage, DataPage, Is, Own, Parent, Table, Victim, VictimPage, VictimSlice};
use Error::{
    BadAddress, BadName, BadValue, Exhausted, Forged, NoSuchCall, NotOwner, Pinned, Taken,
};
use Syscall::{
    bookkeeping, console_bind, console_capability, console_read, console_write, context_switch,
    env_adopt, env_backing, env_capability, env_create, env_destroy, env_entry, env_guarantee,
    env_handler, env_repossession, env_reserve, env_save_area, fpu_modify, halt, revoke,
    slice_alloc, slice_free, slice_give, yield_to,
};

const fn select(name: &'static str, selector: u32) -> Attack {
    attack(name, How::Select(selector), Ends::Refused(NoSuchCall))
}

pub const ATTACKS: &[Attack] = &[
    select("call-behind-the-last", (Syscall::ALL.len() as u32) << 4),
    select("call-63", 63 << 4),
    select("transfer-to-nobody", (64 + 95) << 4),
    select("message-to-nobody", (160 + 95) << 4),
    select("selector-of-ones", u32::MAX),
    call("enable-2", fpu_modify, &[Is(2)], BadValue),
    call("context-4", context_switch, &[Is(4)], BadName),
    call("context-wide", context_switch, &[Is(0x100)], BadName),
    call("slice-of-bystander", slice_alloc, &[VictimSlice], Taken),
    call("slice-64", slice_alloc, &[Is(64)], BadName),
    call(
        "free-slice-of-bystander",
        slice_free,
        &[VictimSlice],
        NotOwner,
    ),
    call("free-slice-64", slice_free, &[Is(64)], BadName),
    call(
        "give-slice-of-bystander",
        slice_give,
        &[VictimSlice, Own],
        NotOwner,
    ),
    call(
        "give-slice-to-nobody",
        slice_give,
        &[Arg::OwnSlice, DEAD],
        BadName,
    ),
    call("yield-to-nobody", yield_to, &[DEAD], NoSuchCall),
    call("yield-to-no-number", yield_to, &[NONE], BadName),
    call("yield-to-kernel", yield_to, &[Is(0xfe)], BadName),
    call(
        "create-in-page-of-bystander",
        env_create,
        &[VictimPage],
        NotOwner,
    ),
    call("create-in-page-it-runs-in", env_create, &[CodePage], Pinned),
    call("destroy-bystander", env_destroy, &[Victim, Is(0)], NotOwner),
    call("destroy-parent", env_destroy, &[Parent, Is(0)], NotOwner),
    call("destroy-the-first", env_destroy, &[INIT, Is(0)], NotOwner),
    call("destroy-nobody", env_destroy, &[DEAD, Is(0)], BadName),
    call("destroy-no-number", env_destroy, &[NONE, Is(0)], BadName),
    call("control-bystander", env_capability, &[Victim], NotOwner),
    call("control-parent", env_capability, &[Parent], NotOwner),
    call(
        "adopt-by-guess",
        env_adopt,
        &[Is(0x1100_0000), Is(1), Is(2)],
        Forged,
    ),
    call(
        "adopt-nobody",
        env_adopt,
        &[Is(0x1100_005f), Is(0), Is(0)],
        Forged,
    ),
    call(
        "handler-of-bystander",
        env_handler,
        &[Victim, BREAKPOINT, Is(CODE)],
        NotOwner,
    ),
    call(
        "handler-of-parent",
        env_handler,
        &[Parent, BREAKPOINT, Is(0)],
        NotOwner,
    ),
    call(
        "handler-in-kernel",
        env_handler,
        &[Own, BREAKPOINT, Is(0x8000_0080)],
        BadAddress,
    ),
    call(
        "handler-in-records",
        env_handler,
        &[Own, BREAKPOINT, Is(0xffff_d000)],
        BadAddress,
    ),
    call(
        "handler-odd",
        env_handler,
        &[Own, BREAKPOINT, Is(CODE + 2)],
        BadAddress,
    ),
    call(
        "handler-nowhere",
        env_handler,
        &[Own, BREAKPOINT, Is(0x5000)],
        BadAddress,
    ),
    call(
        "handler-not-guaranteed",
        env_handler,
        &[Own, BREAKPOINT, Is(GUARANTEED_END)],
        BadAddress,
    ),
    call(
        "handler-without-save-area",
        env_handler,
        &[Own, BREAKPOINT, Is(CODE)],
        BadAddress,
    ),
    call(
        "handler-of-interrupts",
        env_handler,
        &[Own, Is(0), Is(CODE)],
        BadName,
    ),
    call(
        "handler-of-system-calls",
        env_handler,
        &[Own, Is(8), Is(CODE)],
        BadName,
    ),
    call(
        "handler-of-cause-16",
        env_handler,
        &[Own, Is(16), Is(CODE)],
        BadName,
    ),
    call(
        "handler-of-wide-cause",
        env_handler,
        &[Own, Is(0x109), Is(CODE)],
        BadName,
    ),
    call(
        "save-area-of-bystander",
        env_save_area,
        &[Victim, BREAKPOINT, At(&VictimPage, 0)],
        NotOwner,
    ),
    call(
        "save-area-in-its-page",
        env_save_area,
        &[Own, BREAKPOINT, At(&VictimPage, 0)],
        NotOwner,
    ),
    call(
        "save-area-in-kernel",
        env_save_area,
        &[Own, BREAKPOINT, Is(0x0003_0000)],
        NotOwner,
    ),
    call(
        "save-area-in-vectors",
        env_save_area,
        &[Own, BREAKPOINT, Is(0x80)],
        NotOwner,
    ),
    call(
        "save-area-in-page-table",
        env_save_area,
        &[Own, BREAKPOINT, At(&Table(TABLE_PAGES), 0)],
        NotOwner,
    ),
    call(
        "save-area-in-home",
        env_save_area,
        &[Own, BREAKPOINT, At(&Arg::HomePage, 0)],
        NotOwner,
    ),
    call(
        "save-area-in-kseg0",
        env_save_area,
        &[Own, BREAKPOINT, At(&DataPage, 0x8000_0000)],
        BadAddress,
    ),
    call(
        "save-area-in-device",
        env_save_area,
        &[Own, BREAKPOINT, Is(0x1d00_0000)],
        BadAddress,
    ),
    call(
        "save-area-odd",
        env_save_area,
        &[Own, BREAKPOINT, At(&DataPage, 8)],
        BadAddress,
    ),
    call(
        "save-area-of-system-calls",
        env_save_area,
        &[Own, Is(8), At(&DataPage, 0)],
        BadName,
    ),
    call(
        "entry-of-bystander",
        env_entry,
        &[Victim, Is(0), Is(CODE)],
        NotOwner,
    ),
    call("entry-5", env_entry, &[Own, Is(5), Is(CODE)], BadName),
    call(
        "entry-in-kernel",
        env_entry,
        &[Own, Is(0), Is(0x8003_0000)],
        BadAddress,
    ),
    call(
        "entry-odd",
        env_entry,
        &[Own, Is(0), Is(CODE + 1)],
        BadAddress,
    ),
    call(
        "entry-wraps",
        env_entry,
        &[Own, Is(0), Is(ANY - 3)],
        BadAddress,
    ),
    call(
        "guarantee-for-bystander",
        env_guarantee,
        &[Victim, Is(0x9000), At(&DataPage, V)],
        NotOwner,
    ),
    call(
        "guarantee-its-page",
        env_guarantee,
        &[Own, Is(0x9000), At(&VictimPage, V)],
        NotOwner,
    ),
    call(
        "guarantee-kernel-page",
        env_guarantee,
        &[Own, Is(0x9000), Is(V | D)],
        NotOwner,
    ),
    call(
        "guarantee-public-page",
        env_guarantee,
        &[Own, Is(0x9000), At(&Table(TABLE_PAGES), V)],
        NotOwner,
    ),
    call(
        "guarantee-above",
        env_guarantee,
        &[Own, Is(GUARANTEED_END), At(&DataPage, V)],
        BadAddress,
    ),
    call(
        "guarantee-in-kernel",
        env_guarantee,
        &[Own, Is(0x8000_0000), At(&DataPage, V)],
        BadAddress,
    ),
    call(
        "guarantee-odd",
        env_guarantee,
        &[Own, Is(0x9010), At(&DataPage, V)],
        BadAddress,
    ),
    call(
        "guarantee-global",
        env_guarantee,
        &[Own, Is(0x9000), At(&DataPage, V | 0x100)],
        BadValue,
    ),
    call(
        "guarantee-device",
        env_guarantee,
        &[Own, Is(0x9000), Is(0x1d00_0000 | V)],
        BadName,
    ),
    call(
        "take-away-where-it-runs",
        env_guarantee,
        &[Own, Is(CODE), Is(0)],
        Pinned,
    ),
    call(
        "backing-of-bystander",
        env_backing,
        &[Victim, DataPage],
        NotOwner,
    ),
    call(
        "backing-in-its-page",
        env_backing,
        &[Own, VictimPage],
        NotOwner,
    ),
    call(
        "backing-where-it-runs",
        env_backing,
        &[Own, CodePage],
        Pinned,
    ),
    call(
        "repossession-of-bystander",
        env_repossession,
        &[Victim, At(&VictimPage, 0)],
        NotOwner,
    ),
    call(
        "repossession-in-its-page",
        env_repossession,
        &[Own, At(&VictimPage, 0)],
        NotOwner,
    ),
    call(
        "repossession-in-kernel",
        env_repossession,
        &[Own, Is(0x0003_0000)],
        NotOwner,
    ),
    call(
        "repossession-odd",
        env_repossession,
        &[Own, At(&DataPage, 0xf00)],
        BadAddress,
    ),
    call(
        "repossession-wraps",
        env_repossession,
        &[Own, Is(0xffff_fc00)],
        BadAddress,
    ),
    call("reserve-more", env_reserve, &[Own, Is(1)], Exhausted),
    call("reserve-all", env_reserve, &[Own, Is(ANY)], Exhausted),
    call("reserve-of-parent", env_reserve, &[Parent, Is(0)], NotOwner),
    call(
        "revoke-from-bystander",
        revoke,
        &[Victim, Is(REVOKE_PAGES), Is(9), Is(1)],
        NotOwner,
    ),
    call(
        "revoke-the-first",
        revoke,
        &[INIT, Is(REVOKE_ALL), Is(1), Is(1)],
        NotOwner,
    ),
    call(
        "revoke-at-once",
        revoke,
        &[Own, Is(REVOKE_PAGES), Is(1), Is(0)],
        BadValue,
    ),
    call(
        "revoke-of-no-kind",
        revoke,
        &[Own, Is(3), Is(1), Is(1)],
        BadValue,
    ),
    call(
        "revoke-for-ever",
        revoke,
        &[Own, Is(REVOKE_PAGES), Is(1), Is(ANY)],
        BadValue,
    ),
    call(
        "console-print",
        console_write,
        &[At(&DataPage, 0), Is(4)],
        NotOwner,
    ),
    call("console-read", console_read, &[], NotOwner),
    call("console-make", console_capability, &[], NotOwner),
    call(
        "console-guess",
        console_bind,
        &[Is(0x2100_0000), Is(0), Is(0)],
        Forged,
    ),
    call("table-5", bookkeeping, &[Is(5)], BadName),
    call("table-wraps", bookkeeping, &[Is(ANY)], BadName),
    call("halt", halt, &[Is(0)], NotOwner),
];
