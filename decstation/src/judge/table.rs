//! The cases of exceptions, protection and the TLB: a line or two for each.
//!
//! They go through what an operating system depends on: every exception in kernel and user mode
//! and in delay slots, what user mode may not touch, address spaces, global and invalid entries,
//! the TLB's instructions, and the isolated cache. `n` stands for an address in `a0`.

use super::word::{
    A0, NOP, RFE, SYSCALL, T0, T1, T2, T3, T4, TLBP, TLBR, TLBWI, TLBWR, V0, ZERO, break_, code, i,
    j, lui, mfc0, mtc0, r, regimm, shift, special,
};
use super::{
    Case, Entry, INVALID, KERNEL_CODE, KERNEL_DATA, MISSING, READ_ONLY, SPACE, USER_CODE, USER_DATA,
};

/// Registers of coprocessor 0.
const INDEX: u32 = 0;
const ENTRY_LOW: u32 = 2;
const CONTEXT: u32 = 4;
const ENTRY_HIGH: u32 = 10;
const STATUS: u32 = 12;
const CAUSE: u32 = 13;

const DIRTY: u32 = 0x400;
const VALID: u32 = 0x200;
const GLOBAL: u32 = 0x100;
/// The frame of the data.
const FRAME: u32 = KERNEL_DATA & 0x1fff_f000;

/// Every case of the table.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for user in [false, true] {
        cases.extend(instructions(user));
        cases.extend(addresses(user));
        cases.extend(slots(user));
        cases.extend(reserved(user));
    }
    cases.extend(privileged());
    cases.extend(spaces());
    cases.extend(control());
    for (number, case) in cases.iter_mut().enumerate() {
        for (at, word) in case.data.iter_mut().enumerate() {
            *word = (number as u32) << 16 | 0x8000 >> (at % 16) | at as u32;
        }
    }
    cases
}

fn case(name: &str, user: bool, code: &[u32]) -> Case {
    let mode = if user { "user" } else { "kernel" };
    let mut code = code.to_vec();
    // What a case that goes on too far ends with.
    code.extend([break_(99), NOP]);
    Case::new(&format!("{name} ({mode})"), user, code)
}

fn with(mut case: Case, register: u32, value: u32) -> Case {
    case.registers[register as usize] = value;
    case
}

fn data(user: bool) -> u32 {
    if user { USER_DATA } else { KERNEL_DATA }
}

/// Instructions that raise by themselves, and those that nearly do.
fn instructions(user: bool) -> Vec<Case> {
    let most = [lui(T0, 0x7fff), i(code::ORI, T0, T0, 0xffff)];
    let least = [lui(T0, 0x8000), i(code::ADDIU, T1, ZERO, 1)];
    let join = |head: &[u32], tail: &[u32]| [head, tail].concat();
    let arithmetic = [
        ("add overflows", join(&most, &[r(special::ADD, T2, T0, T0)])),
        (
            "add does not",
            join(&most, &[r(special::ADD, T2, T0, ZERO)]),
        ),
        (
            "sub overflows",
            join(&least, &[r(special::SUB, T2, T0, T1)]),
        ),
        ("addu wraps", join(&most, &[r(special::ADDU, T2, T0, T0)])),
        ("subu wraps", join(&least, &[r(special::SUBU, T2, T0, T1)])),
        ("addiu wraps", join(&most, &[i(code::ADDIU, T2, T0, 1)])),
        (
            "addi does not overflow",
            join(&most, &[i(code::ADDI, T2, T0, -1)]),
        ),
        ("addi overflows", join(&most, &[i(code::ADDI, T2, T0, 1)])),
        (
            "sub of the least",
            join(&least, &[r(special::SUB, T2, T1, T0)]),
        ),
        (
            "mult",
            join(
                &least,
                &[
                    r(special::MULT, 0, T0, T0),
                    r(special::MFHI, T2, 0, 0),
                    r(special::MFLO, T3, 0, 0),
                ],
            ),
        ),
        (
            "div",
            vec![
                i(code::ADDIU, T0, ZERO, -7),
                i(code::ADDIU, T1, ZERO, 2),
                r(special::DIV, 0, T0, T1),
                r(special::MFHI, T2, 0, 0),
                r(special::MFLO, T3, 0, 0),
            ],
        ),
        ("sltiu extends the sign", vec![i(code::SLTIU, T2, T0, -1)]),
        (
            "register zero",
            vec![
                i(code::ADDIU, ZERO, ZERO, 5),
                r(special::OR, T2, ZERO, ZERO),
            ],
        ),
    ];
    let mut cases: Vec<Case> = arithmetic
        .iter()
        .map(|(name, code)| case(name, user, code))
        .collect();
    cases.push(case("syscall", user, &[SYSCALL]));
    cases.push(case("syscall with a code", user, &[SYSCALL | 0x1234 << 6]));
    cases.push(case("break", user, &[break_(7)]));
    for at in 0..4 {
        let code = [
            i(code::ADDIU, T2, ZERO, -1),
            i(code::ADDIU, T3, ZERO, -1),
            i(code::LWL, T2, A0, at),
            i(code::LWR, T3, A0, at),
            NOP,
            i(code::SWL, T0, A0, 16 + at),
            i(code::SWR, T0, A0, 24 + at),
        ];
        let case = with(
            case(&format!("lwl to swr at {at}"), user, &code),
            A0,
            data(user),
        );
        cases.push(with(case, T0, 0x1234_5678));
    }
    cases
}

/// Loads, stores and jumps to an address.
fn addresses(user: bool) -> Vec<Case> {
    let load = [i(code::LW, T2, A0, 0), NOP];
    let store = [i(code::SW, T2, A0, 0), NOP];
    let go = [r(special::JR, 0, A0, 0), NOP];
    let own = data(user);
    let mut table: Vec<(&str, Vec<u32>, u32)> = vec![
        ("lw", load.to_vec(), own),
        ("sw", store.to_vec(), own),
        ("lw at 2", load.to_vec(), own + 2),
        ("lw at 1", load.to_vec(), own + 1),
        ("sw at 1", store.to_vec(), own + 1),
        ("sw at 2", store.to_vec(), own + 2),
        ("lh at 1", vec![i(code::LH, T2, A0, 1), NOP], own),
        ("lhu at 3", vec![i(code::LHU, T2, A0, 3), NOP], own),
        ("sh at 1", vec![i(code::SH, T2, A0, 1)], own),
        ("lb at 3", vec![i(code::LB, T2, A0, 3), NOP], own),
        ("load, missing", load.to_vec(), MISSING + 4),
        ("store, missing", store.to_vec(), MISSING + 8),
        ("lb, missing", vec![i(code::LB, T2, A0, 3), NOP], MISSING),
        ("swr, missing", vec![i(code::SWR, T2, A0, 3)], MISSING),
        ("load, top of kuseg", load.to_vec(), 0x7fff_fffc),
        ("load, invalid", load.to_vec(), INVALID),
        ("store, invalid", store.to_vec(), INVALID + 0xffc),
        ("load, read-only", load.to_vec(), READ_ONLY),
        ("store, read-only", store.to_vec(), READ_ONLY + 4),
        ("sb, read-only", vec![i(code::SB, T2, A0, 5)], READ_ONLY),
        ("store through the TLB", store.to_vec(), USER_DATA + 12),
        ("jump, missing", go.to_vec(), MISSING),
        ("jump, invalid", go.to_vec(), INVALID),
        ("load, kseg2", load.to_vec(), 0xc012_3454),
        ("store, kseg2", store.to_vec(), 0xe012_3454),
    ];
    if user {
        let kernel = [
            ("load, kseg0", load.to_vec(), KERNEL_DATA),
            ("store, kseg0", store.to_vec(), KERNEL_DATA),
            ("load, kseg1", load.to_vec(), KERNEL_DATA | 0x2000_0000),
            ("store, kseg1", store.to_vec(), KERNEL_DATA | 0x2000_0000),
            ("load, kseg0 untouched", load.to_vec(), 0x8078_0000),
            ("jump, kseg0", go.to_vec(), KERNEL_CODE),
            ("jump, the vector", go.to_vec(), 0x8000_0080),
            ("jump, kseg2", go.to_vec(), 0xc000_0000),
        ];
        table.extend(kernel);
    }
    let mut cases: Vec<Case> = table
        .into_iter()
        .map(|(name, code, address)| {
            let case = with(case(name, user, &code), A0, address);
            with(with(case, T2, 0x0bad_f00d), T3, address)
        })
        .collect();
    // GXemul goes on at the rounded address.
    for (name, offset) in [("jump to 2", 2), ("jump to 1", 1)] {
        let start = if user { USER_CODE } else { KERNEL_CODE };
        let mut case = with(case(name, user, &go), A0, start + offset);
        case.gxemul = false;
        cases.push(case);
    }
    cases
}

/// Exceptions in delay slots, and branches taken and not. MAME sets BD and links only where a
/// branch is taken; the chip does for any branch.
fn slots(user: bool) -> Vec<Case> {
    let own = data(user);
    let start = if user { USER_CODE } else { KERNEL_CODE };
    let most = [lui(T0, 0x7fff), i(code::ORI, T0, T0, 0xffff)];
    let table: Vec<(&str, Vec<u32>, u32)> = vec![
        (
            "syscall in a slot",
            vec![i(code::BEQ, 0, 0, 2), SYSCALL, NOP],
            0,
        ),
        (
            "break in a jal's slot",
            vec![j(code::JAL, start + 16), break_(3), NOP],
            0,
        ),
        (
            "lw at 2 in a slot",
            vec![i(code::BEQ, 0, 0, 2), i(code::LW, T2, A0, 2), NOP],
            own,
        ),
        (
            "missing in a taken slot",
            vec![i(code::BNE, A0, 0, 2), i(code::LW, T2, A0, 0), NOP],
            MISSING,
        ),
        (
            "missing in a slot not taken",
            vec![i(code::BEQ, A0, 0, 2), i(code::LW, T2, A0, 0), NOP],
            MISSING,
        ),
        (
            "read-only in a jr's slot",
            vec![r(special::JR, 0, T4, 0), i(code::SW, T2, A0, 0)],
            READ_ONLY,
        ),
        (
            "add overflows in a slot",
            [
                &most[..],
                &[i(code::BGTZ, 0, T0, 2), r(special::ADD, T2, T0, T0), NOP],
            ]
            .concat(),
            0,
        ),
        (
            "a coprocessor in a slot",
            vec![i(code::BLEZ, 0, ZERO, 2), 0x4408_0000, NOP],
            0,
        ),
        (
            "bltzal links when not taken",
            vec![
                regimm(16, ZERO, 3),
                i(code::ADDIU, T2, ZERO, 1),
                i(code::ADDIU, T3, ZERO, 2),
                NOP,
            ],
            0,
        ),
        (
            "bgezal links when taken",
            vec![
                regimm(17, ZERO, 3),
                i(code::ADDIU, T2, ZERO, 1),
                i(code::ADDIU, T3, ZERO, 2),
                NOP,
            ],
            0,
        ),
        (
            "jalr links in the register it names",
            vec![r(special::JALR, T2, T4, 0), i(code::ADDIU, T3, ZERO, 3)],
            0,
        ),
        (
            "load in a slot arrives",
            vec![i(code::BEQ, 0, 0, 2), i(code::LW, T2, A0, 0), NOP, NOP],
            own,
        ),
    ];
    table
        .into_iter()
        .map(|(name, code, address)| {
            let mut case = with(case(name, user, &code), A0, address);
            case.mame = !name.ends_with("not taken");
            with(case, T4, start + 8)
        })
        .collect()
}

/// Words that are no instruction, and coprocessors that are not there.
fn reserved(user: bool) -> Vec<Case> {
    // Those that GXemul knows; the others end it.
    let table = [
        ("mfc1", 0x4408_0000, true),
        ("lwc1", 0xc500_0000, true),
        ("mfc2", 0x4808_0000, true),
        ("daddu", 0x0109_502d, true),
        ("special3", 0x7c00_0000, true),
        ("mfc3", 0x4c08_0000, false),
        ("lwc3", 0xcc00_0000, false),
        ("swc2", 0xe800_0000, false),
        ("swc3", 0xec00_0000, false),
        ("special 5", 0x0000_0005, false),
    ];
    table
        .into_iter()
        .map(|(name, word, gxemul)| Case {
            gxemul,
            ..case(name, user, &[word, NOP])
        })
        .collect()
}

/// What user mode may not execute.
fn privileged() -> Vec<Case> {
    let table = [
        ("tlbwi", TLBWI, true),
        ("tlbwr", TLBWR, true),
        ("tlbp", TLBP, true),
        ("tlbr", TLBR, true),
        ("rfe", RFE, true),
        // GXemul executes them.
        ("mfc0", mfc0(T2, STATUS), false),
        ("mtc0", mtc0(T2, STATUS), false),
    ];
    table
        .into_iter()
        .map(|(name, word, gxemul)| Case {
            gxemul,
            ..case(name, true, &[word, NOP, NOP])
        })
        .collect()
}

/// Address spaces and entries, seen from user mode.
fn spaces() -> Vec<Case> {
    let page = 0x0070_0000;
    let load = [i(code::LW, T2, A0, 0), NOP, i(code::SW, T3, A0, 4)];
    let low = FRAME | VALID | DIRTY;
    let table: Vec<(&str, Vec<Entry>)> = vec![
        ("its own space", vec![(20, page | SPACE, low)]),
        ("another's space", vec![(20, page | 6 << 6, low)]),
        (
            "both spaces",
            vec![
                (20, page | 6 << 6, (FRAME + 0x1000) | VALID),
                (21, page | SPACE, low),
            ],
        ),
        ("global", vec![(20, page | 6 << 6, low | GLOBAL)]),
        ("not dirty", vec![(20, page | SPACE, FRAME | VALID)]),
        ("not valid", vec![(20, page | SPACE, FRAME | DIRTY)]),
        ("not valid and global", vec![(63, page, FRAME | GLOBAL)]),
        (
            "overwritten",
            vec![(20, page | SPACE, low), (20, (page + 0x1000) | SPACE, low)],
        ),
        (
            "made read-only",
            vec![(20, page | SPACE, low), (20, page | SPACE, FRAME | VALID)],
        ),
        (
            "made writable",
            vec![(20, page | SPACE, FRAME | VALID), (20, page | SPACE, low)],
        ),
    ];
    let uncached = vec![(20, page | SPACE, low | 0x800)];
    let mut cases: Vec<Case> = table
        .into_iter()
        .map(|(name, entries)| Case {
            entries,
            ..with(with(case(name, true, &load), A0, page), T3, 0x5ca1_ab1e)
        })
        .collect();
    // No store: what the data cache holds would stay, and the emulators have none.
    let mut case = with(case("uncached", true, &load[..2]), A0, page);
    case.entries = uncached;
    cases.push(case);
    cases
}

/// Coprocessor 0 from kernel mode.
fn control() -> Vec<Case> {
    let restore = [mtc0(T4, ENTRY_HIGH), NOP, NOP];
    let join = |head: &[u32]| [head, &restore[..]].concat();
    let probe = |address: u32| {
        let head = [
            lui(T0, address >> 16),
            i(code::ORI, T0, T0, (SPACE | address & 0xf000) as i32),
        ];
        let tail = [
            mtc0(T0, ENTRY_HIGH),
            NOP,
            NOP,
            TLBP,
            NOP,
            NOP,
            mfc0(T2, INDEX),
            NOP,
        ];
        let missed = [
            shift(special::SRL, T3, T2, 31),
            shift(special::SRL, T2, T2, 8),
            i(code::ANDI, T2, T2, 63),
        ];
        // The index of a probe that failed is anything.
        let masked = [i(code::ADDIU, T1, T3, -1), r(special::AND, T2, T2, T1)];
        join(&[&head[..], &tail, &missed, &masked].concat())
    };
    let read_entry = [
        i(code::ADDIU, T0, ZERO, 1 << 8),
        mtc0(T0, INDEX),
        NOP,
        NOP,
        TLBR,
        NOP,
        NOP,
        NOP,
        mfc0(T2, ENTRY_HIGH),
        mfc0(T3, ENTRY_LOW),
        NOP,
    ];
    let write_random = [
        lui(T0, 0x0077),
        i(code::ORI, T0, T0, SPACE as i32),
        mtc0(T0, ENTRY_HIGH),
        lui(T1, FRAME >> 16),
        i(code::ORI, T1, T1, (FRAME & 0xf000 | VALID | DIRTY) as i32),
        mtc0(T1, ENTRY_LOW),
        NOP,
        NOP,
        TLBWR,
        NOP,
        NOP,
        NOP,
        TLBP,
        NOP,
        NOP,
        mfc0(T2, INDEX),
        lui(T0, 0x0077),
        i(code::LW, T3, T0, 8),
        // Found, and not among the eight that are wired.
        shift(special::SRL, T2, T2, 8),
        i(code::SLTIU, V0, T2, 8),
        i(code::SLTIU, T1, T2, 64),
        r(special::OR, T2, ZERO, ZERO),
    ];
    let masks = |register: u32| {
        let bits = [
            i(code::ADDIU, T0, ZERO, -1),
            mtc0(T0, register),
            NOP,
            NOP,
            mfc0(T2, register),
            NOP,
        ];
        join(&[&bits[..], &[mtc0(ZERO, register), NOP]].concat())
    };
    let isolation = [
        mfc0(T0, STATUS),
        lui(T1, 1),
        r(special::OR, T1, T1, T0),
        mtc0(T1, STATUS),
        NOP,
        NOP,
        NOP,
        // A byte, which leaves nothing valid in the cache.
        i(code::SB, ZERO, A0, 0),
        NOP,
        mtc0(T0, STATUS),
        NOP,
        NOP,
        NOP,
        i(code::LW, T2, A0, 0),
        NOP,
    ];
    let interrupt = |bit: i32| {
        let mut case = case(
            "a software interrupt",
            false,
            &[
                i(code::ORI, T0, ZERO, bit),
                mtc0(T0, CAUSE),
                i(code::ORI, T0, T0, 1),
                NOP,
                mtc0(T0, STATUS),
                NOP,
                NOP,
                NOP,
                NOP,
            ],
        );
        case.loose = true;
        case
    };
    let masked = [
        i(code::ORI, T0, ZERO, 0x300),
        mtc0(T0, CAUSE),
        i(code::ORI, T1, ZERO, 1),
        NOP,
        mtc0(T1, STATUS),
        NOP,
        NOP,
        NOP,
        mtc0(ZERO, STATUS),
        mtc0(ZERO, CAUSE),
        NOP,
        NOP,
    ];
    let mut cases = vec![
        case("tlbp finds", false, &probe(USER_DATA)),
        case("tlbp finds the invalid", false, &probe(INVALID)),
        case("tlbp does not find", false, &probe(MISSING)),
        case("tlbr", false, &join(&read_entry)),
        case("tlbwr", false, &join(&write_random)),
        case("bits of EntryHi", false, &masks(ENTRY_HIGH)),
        case("bits of EntryLo", false, &masks(ENTRY_LOW)),
        case("an isolated store", false, &isolation),
        interrupt(0x100),
        interrupt(0x200),
        case("masked interrupts", false, &masked),
    ];
    for case in &mut cases {
        case.registers[T4 as usize] = SPACE;
        case.registers[A0 as usize] = KERNEL_DATA;
    }
    // A miss puts its page into Context, below the base that the system keeps there.
    let context = [
        lui(T0, 0xffe0),
        mtc0(T0, CONTEXT),
        NOP,
        NOP,
        i(code::LW, T2, A0, 0),
        NOP,
    ];
    for (name, address) in [
        ("Context of a miss", MISSING),
        ("Context in kseg2", 0xc765_4320),
    ] {
        cases.push(with(case(name, false, &context), A0, address));
    }
    cases
}
