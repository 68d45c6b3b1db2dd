//! What two records of a case must have in common.
//!
//! All of the registers, HI, LO, the data, and of coprocessor 0 what the exception defines. Left
//! out are bits that differ between the boards (pending lines, coprocessors) and what the manual
//! leaves undefined. GXemul's known errors in a record are named here, each with its condition.

use super::{Case, Judge, Record, word};

/// KU and IE bits, interrupt mask, isolation, BEV.
const STATUS: u32 = 0x0043_ff3f;
/// BD and the exception's number.
const CAUSE: u32 = 0x8000_007c;
/// The number of the coprocessor, of which only a coprocessor exception speaks.
const COPROCESSOR: u32 = 0x3000_0000;
const ADDRESS_ERRORS: [u32; 2] = [4, 5];
/// Mod, TLBL, TLBS, AdEL, AdES: those that write BadVAddr.
const OF_ADDRESSES: [u32; 5] = [1, 2, 3, 4, 5];
const COPROCESSOR_UNUSABLE: u32 = 11;
const OVERFLOW: u32 = 12;
/// Mod, TLBL, TLBS: those that write the page into Context.
const OF_PAGES: [u32; 3] = [1, 2, 3];

/// The differences between the simulator's record and a judge's, each as a line; none if they
/// agree. `None` if the judge is known to be wrong here.
pub fn differences(case: &Case, own: &Record, judge: Judge, its: &Record) -> Option<Vec<String>> {
    if judge == Judge::Gxemul && misses_overflow(case, own) {
        return None;
    }
    let mut lines = Vec::new();
    let mut check = |what: &str, own: u32, its: u32| {
        if own != its {
            lines.push(format!("{what}: {own:#010x}, {judge:?} has {its:#010x}"));
        }
    };
    // k0 and k1 are the monitor's.
    for number in (1..26).chain(28..32) {
        check(
            &format!("register {number}"),
            own.register(number),
            its.register(number),
        );
    }
    check("HI", own.hi_lo().0, its.hi_lo().0);
    check("LO", own.hi_lo().1, its.hi_lo().1);
    check("Status", own.status() & STATUS, its.status() & STATUS);
    check("Cause", own.cause() & CAUSE, its.cause() & CAUSE);
    if own.exception() == COPROCESSOR_UNUSABLE {
        check("CE", own.cause() & COPROCESSOR, its.cause() & COPROCESSOR);
    }
    if !case.loose {
        check("EPC", own.epc(), its.epc());
    }
    if OF_ADDRESSES.contains(&own.exception()) {
        // GXemul rounds the address of an access to part of a word.
        let rounded = judge == Judge::Gxemul && instruction(case, own).is_some_and(is_partial);
        let mask = if rounded { !3 } else { !0 };
        check(
            "BadVAddr",
            own.bad_address() & mask,
            its.bad_address() & mask,
        );
    }
    // GXemul changes EntryHi at address errors, where the chip leaves it.
    if judge != Judge::Gxemul || !ADDRESS_ERRORS.contains(&own.exception()) {
        check("EntryHi", own.entry_high(), its.entry_high());
    }
    if OF_PAGES.contains(&own.exception()) {
        check("Context", own.context(), its.context());
    }
    check("vector", own.vector(), its.vector());
    for (at, (own, its)) in own.data().iter().zip(its.data()).enumerate() {
        check(&format!("data {at}"), *own, *its);
    }
    Some(lines)
}

/// The instructions that GXemul counts where the simulator counts `own`: one that could not be
/// fetched was begun, as the simulator has it, but GXemul does not count it.
pub fn counted(record: &Record, own: u64) -> u64 {
    let fetch = OF_ADDRESSES.contains(&record.exception()) && record.bad_address() == record.epc();
    own - u64::from(fetch)
}

/// Whether the case ended in an overflow that GXemul does not see: ADDI's, and SUB's of the most
/// negative number.
fn misses_overflow(case: &Case, own: &Record) -> bool {
    if own.exception() != OVERFLOW {
        return false;
    }
    let Some(instruction) = instruction(case, own) else {
        return false;
    };
    let subtracted = own.register((instruction >> 16 & 31) as usize);
    let is_sub = instruction >> 26 == 0 && instruction & 0x3f == word::special::SUB;
    instruction >> 26 == word::code::ADDI || is_sub && subtracted == 0x8000_0000
}

/// The instruction of the case that raised the exception.
fn instruction(case: &Case, own: &Record) -> Option<u32> {
    let slot = if own.cause() >> 31 != 0 { 4 } else { 0 };
    let base = if case.user {
        super::USER_CODE
    } else {
        super::KERNEL_CODE
    };
    let at = own.epc().wrapping_add(slot).wrapping_sub(base) / 4;
    case.code.get(at as usize).copied()
}

/// Whether an instruction loads or stores part of a word that may lie across its border.
fn is_partial(instruction: u32) -> bool {
    use word::code::{LWL, LWR, SWL, SWR};
    [LWL, LWR, SWL, SWR].contains(&(instruction >> 26))
}
