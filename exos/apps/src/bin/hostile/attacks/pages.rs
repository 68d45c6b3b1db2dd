//! Calls about pages that are another's, the kernel's, or none; and mapping what may not be.

use crate::attack::{Arg, Attack, Ends, How, attack, call};
use crate::code::{CODE, Code, DATA, S0};
use crate::scene::Scene;
use exos::abi::layout::{
    ANY, ENTRY_DIRTY, ENTRY_VALID, MOST_BATCH, TABLE_PUBLIC, TABLE_STLB, USER_END,
};
use exos::abi::{Cause, Error, Syscall};

const V: u32 = ENTRY_VALID;
const D: u32 = ENTRY_DIRTY;
const GLOBAL: u32 = 0x100;
/// Where nothing is mapped.
const NOWHERE: Arg = Arg::Is(0x0040_0000);
/// More than there are.
const TOO_MANY: Arg = Arg::Is(0xfff0);

use Arg::{At, Changed, CodePage, DataPage, FreePage, HomePage, Is, Table, Victim, VictimPage};
use Error::{BadAddress, BadName, BadValue, NotOwner, Pinned, Rights, Taken};
use Syscall::{
    page_alloc, page_capability, page_code, page_free, page_give, page_revoke, page_unbind,
    tlb_delete, tlb_delete_many, tlb_write, tlb_write_many,
};

pub const ATTACKS: &[Attack] = &[
    call("alloc-kernel-page", page_alloc, &[Is(0)], Taken),
    call("alloc-page-of-bystander", page_alloc, &[VictimPage], Taken),
    call("alloc-no-page", page_alloc, &[TOO_MANY], BadName),
    call("alloc-wide-number", page_alloc, &[Is(0x0001_0000)], BadName),
    call("free-page-of-bystander", page_free, &[VictimPage], NotOwner),
    call("free-kernel-page", page_free, &[Is(0x30)], NotOwner),
    call(
        "free-public-page",
        page_free,
        &[Table(TABLE_STLB)],
        NotOwner,
    ),
    call("free-own-home", page_free, &[HomePage], NotOwner),
    call("free-free-page", page_free, &[FreePage], NotOwner),
    call("free-page-it-runs-in", page_free, &[CodePage], Pinned),
    call(
        "free-wide-number",
        page_free,
        &[Changed(&VictimPage, 0x0001_0000)],
        BadName,
    ),
    call(
        "give-page-of-bystander",
        page_give,
        &[VictimPage, Arg::Own],
        NotOwner,
    ),
    call(
        "give-page-it-runs-in",
        page_give,
        &[CodePage, Victim],
        Pinned,
    ),
    call("give-to-nobody", page_give, &[DataPage, Is(95)], BadName),
    call("give-to-kernel", page_give, &[DataPage, Is(0xfe)], BadName),
    call(
        "capability-of-bystander",
        page_capability,
        &[VictimPage, Is(3)],
        NotOwner,
    ),
    call(
        "capability-of-kernel",
        page_capability,
        &[Is(0), Is(1)],
        NotOwner,
    ),
    call(
        "capability-without-rights",
        page_capability,
        &[DataPage, Is(0)],
        BadValue,
    ),
    call(
        "capability-of-more-rights",
        page_capability,
        &[DataPage, Is(7)],
        BadValue,
    ),
    call(
        "revoke-page-of-bystander",
        page_revoke,
        &[VictimPage, Is(3)],
        NotOwner,
    ),
    call("code-of-bystander", page_code, &[VictimPage], NotOwner),
    call(
        "unbind-what-is-not-bound",
        page_unbind,
        &[VictimPage],
        NotOwner,
    ),
    call(
        "map-page-of-bystander",
        tlb_write,
        &[NOWHERE, At(&VictimPage, V)],
        NotOwner,
    ),
    call("map-kernel-vectors", tlb_write, &[NOWHERE, Is(V)], NotOwner),
    call(
        "map-kernel-page",
        tlb_write,
        &[NOWHERE, Is(0x0003_0000 | V | D)],
        NotOwner,
    ),
    call(
        "map-own-home",
        tlb_write,
        &[NOWHERE, At(&HomePage, V)],
        NotOwner,
    ),
    call(
        "map-free-page",
        tlb_write,
        &[NOWHERE, At(&FreePage, V | D)],
        NotOwner,
    ),
    call(
        "map-public-to-write",
        tlb_write,
        &[NOWHERE, At(&Table(TABLE_PUBLIC), V | D)],
        Rights,
    ),
    call(
        "map-stlb-to-write",
        tlb_write,
        &[NOWHERE, At(&Table(TABLE_STLB), V | D)],
        Rights,
    ),
    call(
        "map-device",
        tlb_write,
        &[NOWHERE, Is(0x1d00_0000 | V | D)],
        BadName,
    ),
    call(
        "map-rom",
        tlb_write,
        &[NOWHERE, Is(0x1fc0_0000 | V)],
        BadName,
    ),
    call(
        "map-no-memory",
        tlb_write,
        &[NOWHERE, Is(0x0fff_0000 | V)],
        BadName,
    ),
    call(
        "map-global",
        tlb_write,
        &[NOWHERE, At(&DataPage, V | GLOBAL)],
        BadValue,
    ),
    call(
        "map-not-valid",
        tlb_write,
        &[NOWHERE, At(&DataPage, D)],
        BadValue,
    ),
    call(
        "map-low-bits",
        tlb_write,
        &[NOWHERE, At(&DataPage, V | 0x3f)],
        BadValue,
    ),
    call(
        "map-at-kseg0",
        tlb_write,
        &[Is(USER_END), At(&DataPage, V)],
        BadAddress,
    ),
    call(
        "map-at-records",
        tlb_write,
        &[Is(0xffff_d000), At(&DataPage, V | D)],
        BadAddress,
    ),
    call(
        "map-at-kernel-page",
        tlb_write,
        &[Is(0xffff_f000), At(&DataPage, V | D)],
        BadAddress,
    ),
    call("delete-records", tlb_delete, &[Is(0xffff_d000)], BadAddress),
    call(
        "delete-kernel-page",
        tlb_delete,
        &[Is(0xffff_f000)],
        BadAddress,
    ),
    call(
        "delete-past-the-end",
        tlb_delete_many,
        &[Is(0x7fff_f000), Is(2)],
        BadAddress,
    ),
    call(
        "delete-too-many",
        tlb_delete_many,
        &[NOWHERE, Is(MOST_BATCH + 1)],
        BadValue,
    ),
    call("delete-all", tlb_delete_many, &[Is(0), Is(ANY)], BadValue),
    call(
        "batch-in-page-of-bystander",
        tlb_write_many,
        &[At(&VictimPage, 0), Is(1)],
        NotOwner,
    ),
    call(
        "batch-across-pages",
        tlb_write_many,
        &[At(&DataPage, 0xffc), Is(1)],
        BadAddress,
    ),
    call(
        "batch-odd",
        tlb_write_many,
        &[At(&DataPage, 2), Is(1)],
        BadAddress,
    ),
    call(
        "batch-wraps",
        tlb_write_many,
        &[Is(0xffff_fff8), Is(2)],
        BadAddress,
    ),
    call(
        "batch-in-kseg0",
        tlb_write_many,
        &[At(&DataPage, USER_END), Is(1)],
        BadAddress,
    ),
    call(
        "batch-too-many",
        tlb_write_many,
        &[At(&DataPage, 0), Is(ANY)],
        BadValue,
    ),
    attack(
        "batch-with-foreign-pages",
        How::Code(batch),
        Ends::Status(0),
    ),
    attack(
        "address-with-asid",
        How::Code(with_asid),
        Ends::At(Cause::MISS_LOAD, NOWHERE),
    ),
];

/// The second pair names a page of the bystander's: the first stands, the second and third do not.
fn batch(scene: &Scene, code: &mut Code) {
    let pairs = [
        (0x0040_0000, scene.data << 12 | V),
        (0x0041_0000, scene.victim_page << 12 | V),
        (0x0042_0000, scene.data << 12 | V),
    ];
    code.li(4, DATA);
    for (offset, (address, entry)) in (0..).step_by(8).zip(pairs) {
        code.li(S0, address);
        code.store(S0, 4, offset);
        code.li(S0, entry);
        code.store(S0, 4, offset + 4);
    }
    code.call(tlb_write_many, &[scene.data << 12, 3]);
    code.must(1, NotOwner.word());
    code.li(4, 0x0040_0000);
    code.load(2, 4, 0);
    code.must(2, 0x0040_0000);
    // The third would be a miss, which nobody handles: a handler that says so.
    code.handle(
        Cause::MISS_LOAD.0.into(),
        scene.data << 12 | 0x100,
        CODE + 0x400,
    );
    code.li(4, 0x0042_0000);
    code.load(S0, 4, 0);
    code.end(3);
    code.seek(0x400);
    code.end(0);
}

/// The low bits of an address hold no ASID: what it binds is its own.
fn with_asid(scene: &Scene, code: &mut Code) {
    code.call(tlb_write, &[0x0050_0fc0, scene.data << 12 | V]);
    code.must(1, 0);
    code.li(4, 0x0050_0000);
    code.load(2, 4, 0);
    code.must(2, 0);
    code.li(4, 0x0040_0000);
    code.load(S0, 4, 0);
    code.end(2);
}
