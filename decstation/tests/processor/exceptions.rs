//! Every exception: what it latches and where it goes, in both modes and in delay slots.

use decstation::board;
use decstation::cpu::Register;
use decstation::cpu::exception::Cause;
use decstation::cpu::strict::Strict;
use decstation::cpu::tlb::Entry;
use decstation::cycles::DEC5000_200;
use decstation::machine::{Config, Machine, Stop};

/// Where a program stands: a user's, and the kernel's (the same words, through kseg0).
const CODE: u32 = 0x0040_0000;
const KERNEL: u32 = 0x8000_3000;
/// Pages of user space, each as its name says.
const DATA: u32 = 0x0040_1000;
const CLEAN: u32 = 0x0040_2000;
const INVALID: u32 = 0x0040_3000;
const FOREIGN: u32 = 0x0040_4000;
const GLOBAL: u32 = 0x0040_5000;
const PAGES: [(u32, u32, u32); 6] = [
    (CODE, 1, 0x3000 | 0x600),
    (DATA, 1, 0x4000 | 0x600),
    (CLEAN, 1, 0x5000 | 0x200),
    (INVALID, 1, 0x6000 | 0x400),
    (FOREIGN, 2, 0x7000 | 0x600),
    (GLOBAL, 2, 0x8000 | 0x700),
];
/// The address space of the programs, and the table base in Context.
const SPACE: u32 = 1 << 6;
const TABLE: u32 = 0xc040_0000;

/// Vectors.
const REFILL: u32 = 0x8000_0000;
const GENERAL: u32 = 0x8000_0080;
const BOOT_REFILL: u32 = 0xbfc0_0100;
const BOOT_GENERAL: u32 = 0xbfc0_0180;

struct Case {
    name: &'static str,
    words: &'static [u32],
    before: &'static [(Register, u32)],
    user: bool,
    /// Bits of Status besides the modes.
    status: u32,
    cause: Cause,
    epc: u32,
    bad: Option<u32>,
    vector: u32,
    in_slot: bool,
    coprocessor: u32,
    /// A register that keeps its value.
    keeps: Option<(Register, u32)>,
}

impl Case {
    const USER: Case = Case {
        name: "",
        words: &[],
        before: &[],
        user: true,
        status: 0,
        cause: Cause::Syscall,
        epc: 0,
        bad: None,
        vector: GENERAL,
        in_slot: false,
        coprocessor: 0,
        keeps: None,
    };

    /// Status before the exception: the mode is current, previous is kernel with interrupts.
    fn status(&self) -> u32 {
        self.status | 0x04 | if self.user { 0x02 } else { 0 }
    }
}

fn machine(strict: Strict) -> Machine {
    let mut config = Config::new(board::Config::DEC5000_200, &DEC5000_200);
    config.board.memory = 1 << 20;
    config.devices = false;
    config.strict = strict;
    let mut machine = Machine::new(&config).unwrap();
    for (index, (page, space, low)) in (8..).zip(PAGES) {
        let high = page | space << 6;
        machine
            .core_mut()
            .tlb_mut()
            .write(index, Entry { high, low });
    }
    let control = machine.core_mut().control_mut();
    control.entry_high = SPACE;
    control.context = TABLE;
    for vector in [REFILL, GENERAL, BOOT_REFILL, BOOT_GENERAL] {
        machine.set_breakpoint(vector);
    }
    machine
}

fn load(machine: &mut Machine, words: &[u32]) {
    for (word, at) in words.iter().zip((KERNEL & 0x1fff_ffff..).step_by(4)) {
        assert!(machine.memory_mut().set_word(at, *word));
    }
}

fn check(case: &Case, boot: bool) {
    // Reserved instructions in the kernel are an exception only when strict mode lets them be.
    let strict = Strict {
        reserved_in_kernel: false,
        ..Strict::ON
    };
    let mut machine = machine(strict);
    load(&mut machine, case.words);
    for (register, value) in case.before {
        machine.core_mut().set_register(*register, *value);
    }
    let boot_bit = if boot { 0x0040_0000 } else { 0 };
    let status = case.status() | boot_bit;
    machine.core_mut().control_mut().status = status;
    machine
        .core_mut()
        .set_pc(if case.user { CODE } else { KERNEL });
    let stop = machine.run(100);

    let name = case.name;
    let vector = match (boot, case.vector) {
        (false, vector) => vector,
        (true, REFILL) => BOOT_REFILL,
        (true, _) => BOOT_GENERAL,
    };
    assert_eq!(stop, Stop::Breakpoint(vector), "{name}");
    let core = machine.core();
    let control = core.control();
    let cause =
        (case.cause as u32) << 2 | case.coprocessor << 28 | if case.in_slot { 1 << 31 } else { 0 };
    assert_eq!(control.cause, cause, "{name}: {:#x}", control.cause);
    let epc = if !case.user && case.epc & 0xffff_f000 == CODE {
        case.epc - CODE + KERNEL
    } else {
        case.epc
    };
    assert_eq!(control.epc, epc, "{name}: {:#x}", control.epc);
    let shifted = status & !0x3f | status << 2 & 0x3f;
    assert_eq!(control.status, shifted, "{name}");
    assert_eq!(control.bad_address, case.bad.unwrap_or(0), "{name}");
    let translation = matches!(
        case.cause,
        Cause::TlbLoad | Cause::TlbStore | Cause::Modified
    );
    let (page, context) = match case.bad {
        Some(bad) if translation => (bad & 0xffff_f000, bad >> 12 << 2 & 0x001f_fffc),
        _ => (0, 0),
    };
    assert_eq!(control.entry_high, page | SPACE, "{name}");
    assert_eq!(control.context, TABLE | context, "{name}");
    if let Some((register, value)) = case.keeps {
        assert_eq!(core.register(register), value, "{name}");
    }
}

#[test]
fn every_exception_latches_what_the_chip_does() {
    for case in CASES {
        check(case, false);
    }
}

#[test]
fn the_boot_vectors_are_in_the_rom() {
    for case in CASES {
        check(case, true);
    }
}

#[test]
fn every_cause_but_the_interrupt_is_in_the_table() {
    for code in 1..=12 {
        let found = CASES.iter().any(|case| case.cause as u32 == code);
        assert!(found, "cause {code}");
    }
}

#[test]
fn a_software_interrupt_is_taken_before_the_next_instruction() {
    let mut machine = machine(Strict::ON);
    load(
        &mut machine,
        &[
            0x4088_6800, // mtc0 t0, cause
            0x0000_0000, // nop
            0x4089_6000, // mtc0 t1, status
            0x2442_0001, // addiu v0, v0, 1
        ],
    );
    let core = machine.core_mut();
    core.set_register(Register::T0, 0x200);
    core.set_register(Register::T1, 0x201);
    core.control_mut().status = 0;
    core.set_pc(KERNEL);
    assert_eq!(machine.run(100), Stop::Breakpoint(GENERAL));
    let control = machine.core().control();
    assert_eq!(control.cause, 0x200);
    assert_eq!(control.epc, KERNEL + 12);
    assert_eq!(control.status, 0x204);
    assert_eq!(machine.core().register(Register::V0), 0);
}

#[test]
fn an_interrupt_between_a_branch_and_its_slot_goes_back_to_the_branch() {
    let mut machine = machine(Strict::ON);
    load(
        &mut machine,
        &[
            0x1000_0002, // beq zero, zero, 2
            0x4089_6000, // mtc0 t1, status
            0x0000_0000,
            0x1000_0001, // the target: beq zero, zero, 1
            0x2442_0001, // addiu v0, v0, 1
            0x2442_0002, // addiu v0, v0, 2
        ],
    );
    let core = machine.core_mut();
    core.set_register(Register::T1, 0x101);
    core.control_mut().status = 0;
    core.control_mut().cause = 0x100;
    core.set_pc(KERNEL);
    assert_eq!(machine.run(100), Stop::Breakpoint(GENERAL));
    assert_eq!(
        machine.core().control().epc,
        KERNEL + 12,
        "after the slot, at the target"
    );
    assert_eq!(machine.core().control().cause, 0x100);

    // One instruction into the branch, so that its slot is next.
    let core = machine.core_mut();
    core.control_mut().status = 0;
    core.set_pc(KERNEL + 12);
    assert_eq!(machine.run(1), Stop::Limit);
    machine.core_mut().control_mut().status = 0x101;
    assert_eq!(machine.run(100), Stop::Breakpoint(GENERAL));
    assert_eq!(machine.core().control().epc, KERNEL + 12);
    assert_eq!(machine.core().control().cause, 0x8000_0100);
    assert_eq!(machine.core().register(Register::V0), 0);
}

#[test]
fn a_load_on_its_way_arrives_before_the_handler() {
    let mut machine = machine(Strict::ON);
    load(
        &mut machine,
        &[
            0x8c82_0000, // lw v0, 0(a0)
            0x0000_000c, // syscall
        ],
    );
    // The handler uses v0 at once: addu v1, v0, v0.
    assert!(machine.memory_mut().set_word(0x80, 0x0042_1821));
    assert!(machine.memory_mut().set_word(0x4000, 21));
    let core = machine.core_mut();
    core.set_register(Register::A0, DATA);
    core.control_mut().status = 2;
    core.set_pc(CODE);
    assert_eq!(machine.run(100), Stop::Breakpoint(GENERAL));
    assert_eq!(machine.run(1), Stop::Limit);
    assert_eq!(machine.core().register(Register::V1), 42);
}

#[test]
fn a_fault_that_is_mended_runs_again() {
    let mut machine = machine(Strict::ON);
    load(
        &mut machine,
        &[
            0x8c82_0000, // lw v0, 0(a0)
            0x0000_0000, // nop
            0x0000_000c, // syscall
        ],
    );
    // The refill handler: mfc0 k1, epc; tlbwr; jr k1; rfe.
    for (word, at) in [0x401b_7000, 0x4200_0006, 0x0360_0008, 0x4200_0010]
        .into_iter()
        .zip((0u32..).step_by(4))
    {
        assert!(machine.memory_mut().set_word(at, word));
    }
    assert!(machine.memory_mut().set_word(0x9004, 99));
    machine.clear_breakpoint(REFILL);
    let core = machine.core_mut();
    core.set_register(Register::A0, 0x0070_0004);
    core.control_mut().entry_low = 0x9600;
    core.control_mut().status = 2;
    core.set_pc(CODE);
    assert_eq!(machine.run(100), Stop::Breakpoint(GENERAL));
    assert_eq!(machine.core().register(Register::V0), 99);
    assert_eq!(machine.counts().exceptions, 2);
    let wired = machine.core().tlb().entries().iter().take(8);
    assert!(wired.into_iter().all(|entry| entry.high >> 12 != 0x700));
}

const CASES: &[Case] = &[
    Case {
        name: "syscall",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x0000_000c, // syscall
        ],
        before: &[],
        cause: Cause::Syscall,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "syscall, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x0000_000c, // syscall
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::Syscall,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "syscall in kernel mode",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x0000_000c, // syscall
        ],
        before: &[],
        user: false,
        cause: Cause::Syscall,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "syscall in kernel mode, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x0000_000c, // syscall
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        user: false,
        cause: Cause::Syscall,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "break",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x0005_000d, // break 0x5
        ],
        before: &[],
        cause: Cause::Breakpoint,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "break, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x0005_000d, // break 0x5
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::Breakpoint,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "add",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x0109_1020, // add v0,t0,t1
        ],
        before: &[
            (Register::T0, 0x7fffffff),
            (Register::T1, 0x1),
            (Register::V0, 0x4d),
        ],
        cause: Cause::Overflow,
        epc: CODE + 4,
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "add, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x0109_1020, // add v0,t0,t1
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[
            (Register::T0, 0x7fffffff),
            (Register::T1, 0x1),
            (Register::V0, 0x4d),
        ],
        cause: Cause::Overflow,
        epc: CODE + 4,
        in_slot: true,
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "add of negatives",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x0109_1020, // add v0,t0,t1
        ],
        before: &[
            (Register::T0, 0x80000000),
            (Register::T1, 0xffffffff),
            (Register::V0, 0x4d),
        ],
        cause: Cause::Overflow,
        epc: CODE + 4,
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "add of negatives, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x0109_1020, // add v0,t0,t1
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[
            (Register::T0, 0x80000000),
            (Register::T1, 0xffffffff),
            (Register::V0, 0x4d),
        ],
        cause: Cause::Overflow,
        epc: CODE + 4,
        in_slot: true,
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "addi",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x2102_0001, // addi v0,t0,1
        ],
        before: &[(Register::T0, 0x7fffffff), (Register::V0, 0x4d)],
        cause: Cause::Overflow,
        epc: CODE + 4,
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "addi, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x2102_0001, // addi v0,t0,1
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0x7fffffff), (Register::V0, 0x4d)],
        cause: Cause::Overflow,
        epc: CODE + 4,
        in_slot: true,
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "sub",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x0109_1022, // sub v0,t0,t1
        ],
        before: &[
            (Register::T0, 0x7fffffff),
            (Register::T1, 0xffffffff),
            (Register::V0, 0x4d),
        ],
        cause: Cause::Overflow,
        epc: CODE + 4,
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "sub, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x0109_1022, // sub v0,t0,t1
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[
            (Register::T0, 0x7fffffff),
            (Register::T1, 0xffffffff),
            (Register::V0, 0x4d),
        ],
        cause: Cause::Overflow,
        epc: CODE + 4,
        in_slot: true,
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "sub of the least from zero",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x0009_1022, // neg v0,t1
        ],
        before: &[(Register::T1, 0x80000000), (Register::V0, 0x4d)],
        cause: Cause::Overflow,
        epc: CODE + 4,
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "sub of the least from zero, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x0009_1022, // neg v0,t1
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T1, 0x80000000), (Register::V0, 0x4d)],
        cause: Cause::Overflow,
        epc: CODE + 4,
        in_slot: true,
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "lh unaligned",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x8482_0001, // lh v0,1(a0)
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0x4d)],
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(DATA + 1),
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "lh unaligned, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x8482_0001, // lh v0,1(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0x4d)],
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(DATA + 1),
        in_slot: true,
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "lhu unaligned",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x9482_0001, // lhu v0,1(a0)
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0x4d)],
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(DATA + 1),
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "lhu unaligned, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x9482_0001, // lhu v0,1(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0x4d)],
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(DATA + 1),
        in_slot: true,
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "lw unaligned",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x8c82_0002, // lw v0,2(a0)
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0x4d)],
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(DATA + 2),
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "lw unaligned, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x8c82_0002, // lw v0,2(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0x4d)],
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(DATA + 2),
        in_slot: true,
        keeps: Some((Register::V0, 0x4d)),
        ..Case::USER
    },
    Case {
        name: "sh unaligned",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xa482_0003, // sh v0,3(a0)
        ],
        before: &[(Register::A0, DATA)],
        cause: Cause::AddressStore,
        epc: CODE + 4,
        bad: Some(DATA + 3),
        ..Case::USER
    },
    Case {
        name: "sh unaligned, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xa482_0003, // sh v0,3(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        cause: Cause::AddressStore,
        epc: CODE + 4,
        bad: Some(DATA + 3),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "sw unaligned",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xac82_0001, // sw v0,1(a0)
        ],
        before: &[(Register::A0, DATA)],
        cause: Cause::AddressStore,
        epc: CODE + 4,
        bad: Some(DATA + 1),
        ..Case::USER
    },
    Case {
        name: "sw unaligned, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xac82_0001, // sw v0,1(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        cause: Cause::AddressStore,
        epc: CODE + 4,
        bad: Some(DATA + 1),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user loads kseg0",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x8c82_0000, // lw v0,0(a0)
        ],
        before: &[(Register::A0, 0x80000000)],
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(0x80000000),
        ..Case::USER
    },
    Case {
        name: "a user loads kseg0, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x8c82_0000, // lw v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, 0x80000000)],
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(0x80000000),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user loads kseg1",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x9082_0000, // lbu v0,0(a0)
        ],
        before: &[(Register::A0, 0xbfc00000)],
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(0xbfc00000),
        ..Case::USER
    },
    Case {
        name: "a user loads kseg1, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x9082_0000, // lbu v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, 0xbfc00000)],
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(0xbfc00000),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user loads kseg2",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x8882_0001, // lwl v0,1(a0)
        ],
        before: &[(Register::A0, 0xc0000000)],
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(0xc0000001),
        ..Case::USER
    },
    Case {
        name: "a user loads kseg2, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x8882_0001, // lwl v0,1(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, 0xc0000000)],
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(0xc0000001),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user stores to kseg0",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xa082_0000, // sb v0,0(a0)
        ],
        before: &[(Register::A0, 0x80000007)],
        cause: Cause::AddressStore,
        epc: CODE + 4,
        bad: Some(0x80000007),
        ..Case::USER
    },
    Case {
        name: "a user stores to kseg0, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xa082_0000, // sb v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, 0x80000007)],
        cause: Cause::AddressStore,
        epc: CODE + 4,
        bad: Some(0x80000007),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user stores to kseg2",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xb882_0000, // swr v0,0(a0)
        ],
        before: &[(Register::A0, 0xfffffff3)],
        cause: Cause::AddressStore,
        epc: CODE + 4,
        bad: Some(0xfffffff3),
        ..Case::USER
    },
    Case {
        name: "a user stores to kseg2, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xb882_0000, // swr v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, 0xfffffff3)],
        cause: Cause::AddressStore,
        epc: CODE + 4,
        bad: Some(0xfffffff3),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user jumps to kseg0",
        words: &[
            0x0100_0008, // jr t0
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0x80000500)],
        cause: Cause::AddressLoad,
        epc: 0x8000_0500,
        bad: Some(0x80000500),
        ..Case::USER
    },
    Case {
        name: "a jump to an unaligned address",
        words: &[
            0x0100_0008, // jr t0
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, CODE + 2)],
        cause: Cause::AddressLoad,
        epc: CODE + 2,
        bad: Some(CODE + 2),
        ..Case::USER
    },
    Case {
        name: "a jump to an odd address in kernel mode",
        words: &[
            0x0100_0008, // jr t0
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, KERNEL + 1)],
        user: false,
        cause: Cause::AddressLoad,
        epc: KERNEL + 1,
        bad: Some(KERNEL + 1),
        ..Case::USER
    },
    Case {
        name: "a load that misses",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x8c82_0004, // lw v0,4(a0)
        ],
        before: &[(Register::A0, 0x500000)],
        cause: Cause::TlbLoad,
        epc: CODE + 4,
        bad: Some(0x500004),
        vector: REFILL,
        ..Case::USER
    },
    Case {
        name: "a load that misses, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x8c82_0004, // lw v0,4(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, 0x500000)],
        cause: Cause::TlbLoad,
        epc: CODE + 4,
        bad: Some(0x500004),
        vector: REFILL,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a load that misses in kernel mode",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x8c82_0004, // lw v0,4(a0)
        ],
        before: &[(Register::A0, 0x500000)],
        user: false,
        cause: Cause::TlbLoad,
        epc: CODE + 4,
        bad: Some(0x500004),
        vector: REFILL,
        ..Case::USER
    },
    Case {
        name: "a load that misses in kernel mode, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x8c82_0004, // lw v0,4(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, 0x500000)],
        user: false,
        cause: Cause::TlbLoad,
        epc: CODE + 4,
        bad: Some(0x500004),
        vector: REFILL,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "lwr that misses",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x9882_0005, // lwr v0,5(a0)
        ],
        before: &[(Register::A0, 0x7ffff000)],
        cause: Cause::TlbLoad,
        epc: CODE + 4,
        bad: Some(0x7ffff005),
        vector: REFILL,
        ..Case::USER
    },
    Case {
        name: "lwr that misses, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x9882_0005, // lwr v0,5(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, 0x7ffff000)],
        cause: Cause::TlbLoad,
        epc: CODE + 4,
        bad: Some(0x7ffff005),
        vector: REFILL,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a store that misses",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xa082_0007, // sb v0,7(a0)
        ],
        before: &[(Register::A0, 0x500000)],
        cause: Cause::TlbStore,
        epc: CODE + 4,
        bad: Some(0x500007),
        vector: REFILL,
        ..Case::USER
    },
    Case {
        name: "a store that misses, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xa082_0007, // sb v0,7(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, 0x500000)],
        cause: Cause::TlbStore,
        epc: CODE + 4,
        bad: Some(0x500007),
        vector: REFILL,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a jump that misses",
        words: &[
            0x0100_0008, // jr t0
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0x500008)],
        cause: Cause::TlbLoad,
        epc: 0x0050_0008,
        bad: Some(0x500008),
        vector: REFILL,
        ..Case::USER
    },
    Case {
        name: "a load of kseg2 that misses",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x8c82_0000, // lw v0,0(a0)
        ],
        before: &[(Register::A0, 0xc0000000)],
        user: false,
        cause: Cause::TlbLoad,
        epc: CODE + 4,
        bad: Some(0xc0000000),
        ..Case::USER
    },
    Case {
        name: "a load of kseg2 that misses, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x8c82_0000, // lw v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, 0xc0000000)],
        user: false,
        cause: Cause::TlbLoad,
        epc: CODE + 4,
        bad: Some(0xc0000000),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a store to kseg2 that misses",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xac82_0000, // sw v0,0(a0)
        ],
        before: &[(Register::A0, 0xfffff000)],
        user: false,
        cause: Cause::TlbStore,
        epc: CODE + 4,
        bad: Some(0xfffff000),
        ..Case::USER
    },
    Case {
        name: "a store to kseg2 that misses, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xac82_0000, // sw v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, 0xfffff000)],
        user: false,
        cause: Cause::TlbStore,
        epc: CODE + 4,
        bad: Some(0xfffff000),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a load through an invalid entry",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x8c82_0000, // lw v0,0(a0)
        ],
        before: &[(Register::A0, INVALID)],
        cause: Cause::TlbLoad,
        epc: CODE + 4,
        bad: Some(INVALID),
        ..Case::USER
    },
    Case {
        name: "a load through an invalid entry, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x8c82_0000, // lw v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, INVALID)],
        cause: Cause::TlbLoad,
        epc: CODE + 4,
        bad: Some(INVALID),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a store through an invalid entry",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xac82_0000, // sw v0,0(a0)
        ],
        before: &[(Register::A0, INVALID)],
        cause: Cause::TlbStore,
        epc: CODE + 4,
        bad: Some(INVALID),
        ..Case::USER
    },
    Case {
        name: "a store through an invalid entry, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xac82_0000, // sw v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, INVALID)],
        cause: Cause::TlbStore,
        epc: CODE + 4,
        bad: Some(INVALID),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a store to a clean page",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xac82_0008, // sw v0,8(a0)
        ],
        before: &[(Register::A0, CLEAN)],
        cause: Cause::Modified,
        epc: CODE + 4,
        bad: Some(CLEAN + 8),
        ..Case::USER
    },
    Case {
        name: "a store to a clean page, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xac82_0008, // sw v0,8(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, CLEAN)],
        cause: Cause::Modified,
        epc: CODE + 4,
        bad: Some(CLEAN + 8),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a load from the page of another space",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x8c82_0000, // lw v0,0(a0)
        ],
        before: &[(Register::A0, FOREIGN)],
        cause: Cause::TlbLoad,
        epc: CODE + 4,
        bad: Some(FOREIGN),
        vector: REFILL,
        ..Case::USER
    },
    Case {
        name: "a load from the page of another space, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x8c82_0000, // lw v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, FOREIGN)],
        cause: Cause::TlbLoad,
        epc: CODE + 4,
        bad: Some(FOREIGN),
        vector: REFILL,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "loads from a clean page and a global page are allowed",
        words: &[
            0x8c82_0000, // lw v0,0(a0)
            0x8ca3_0000, // lw v1,0(a1)
            0x0000_0000, // sll zero,zero,0x0
            0x0000_000c, // syscall
        ],
        before: &[(Register::A0, CLEAN), (Register::A1, GLOBAL)],
        cause: Cause::Syscall,
        epc: CODE + 12,
        ..Case::USER
    },
    Case {
        name: "a user executes mfc0 v0,12",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4002_6000, // mfc0 v0,c0_sr
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "a user executes mfc0 v0,12, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x4002_6000, // mfc0 v0,c0_sr
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user executes mtc0 v0,12",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4082_6000, // mtc0 v0,c0_sr
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "a user executes mtc0 v0,12, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x4082_6000, // mtc0 v0,c0_sr
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user executes tlbr",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4200_0001, // tlbr
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "a user executes tlbr, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x4200_0001, // tlbr
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user executes tlbwi",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4200_0002, // tlbwi
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "a user executes tlbwi, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x4200_0002, // tlbwi
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user executes tlbwr",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4200_0006, // tlbwr
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "a user executes tlbwr, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x4200_0006, // tlbwr
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user executes tlbp",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4200_0008, // tlbp
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "a user executes tlbp, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x4200_0008, // tlbp
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user executes rfe",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4200_0010, // rfe
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "a user executes rfe, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x4200_0010, // rfe
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user executes bc0f .+8",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4100_0001, // bc0f 0xc
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "a user executes bc0f .+8, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x4100_0001, // bc0f 0x10
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user executes .word 0x42000018",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4200_0018, // c0 0x18
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "a user executes .word 0x42000018, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x4200_0018, // c0 0x18
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user executes .word 0x40200000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4020_0000, // .word 0x40200000
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "a user executes .word 0x40200000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x4020_0000, // .word 0x40200000
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a user with coprocessor 0 reads Cause",
        words: &[
            0x4002_6800, // mfc0 v0,c0_cause
            0x0000_0000, // sll zero,zero,0x0
            0x0000_000c, // syscall
        ],
        before: &[],
        status: 0x10000000,
        cause: Cause::Syscall,
        epc: CODE + 8,
        keeps: Some((Register::V0, 0x0)),
        ..Case::USER
    },
    Case {
        name: "coprocessor 1, .word 0x44000000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4400_0000, // mfc1 zero,$f0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        coprocessor: 1,
        ..Case::USER
    },
    Case {
        name: "coprocessor 1, .word 0x44000000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x4400_0000, // mfc1 zero,$f0
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        coprocessor: 1,
        ..Case::USER
    },
    Case {
        name: "coprocessor 1 in kernel mode, .word 0x44000000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4400_0000, // mfc1 zero,$f0
        ],
        before: &[],
        user: false,
        cause: Cause::CoprocessorUnusable,
        epc: KERNEL + 4,
        coprocessor: 1,
        ..Case::USER
    },
    Case {
        name: "coprocessor 1, .word 0xc4820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xc482_0000, // lwc1 $f2,0(a0)
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        coprocessor: 1,
        ..Case::USER
    },
    Case {
        name: "coprocessor 1, .word 0xc4820000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xc482_0000, // lwc1 $f2,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        coprocessor: 1,
        ..Case::USER
    },
    Case {
        name: "coprocessor 1 in kernel mode, .word 0xc4820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xc482_0000, // lwc1 $f2,0(a0)
        ],
        before: &[],
        user: false,
        cause: Cause::CoprocessorUnusable,
        epc: KERNEL + 4,
        coprocessor: 1,
        ..Case::USER
    },
    Case {
        name: "coprocessor 1, .word 0xe4820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xe482_0000, // swc1 $f2,0(a0)
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        coprocessor: 1,
        ..Case::USER
    },
    Case {
        name: "coprocessor 1, .word 0xe4820000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xe482_0000, // swc1 $f2,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        coprocessor: 1,
        ..Case::USER
    },
    Case {
        name: "coprocessor 1 in kernel mode, .word 0xe4820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xe482_0000, // swc1 $f2,0(a0)
        ],
        before: &[],
        user: false,
        cause: Cause::CoprocessorUnusable,
        epc: KERNEL + 4,
        coprocessor: 1,
        ..Case::USER
    },
    Case {
        name: "coprocessor 2, .word 0x48000000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4800_0000, // mfc2 zero,$0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        coprocessor: 2,
        ..Case::USER
    },
    Case {
        name: "coprocessor 2, .word 0x48000000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x4800_0000, // mfc2 zero,$0
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        coprocessor: 2,
        ..Case::USER
    },
    Case {
        name: "coprocessor 2 in kernel mode, .word 0x48000000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4800_0000, // mfc2 zero,$0
        ],
        before: &[],
        user: false,
        cause: Cause::CoprocessorUnusable,
        epc: KERNEL + 4,
        coprocessor: 2,
        ..Case::USER
    },
    Case {
        name: "coprocessor 2 enabled but absent, .word 0x48000000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4800_0000, // mfc2 zero,$0
        ],
        before: &[],
        status: 0x40000000,
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "coprocessor 2, .word 0xc8820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xc882_0000, // lwc2 $2,0(a0)
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        coprocessor: 2,
        ..Case::USER
    },
    Case {
        name: "coprocessor 2, .word 0xc8820000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xc882_0000, // lwc2 $2,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        coprocessor: 2,
        ..Case::USER
    },
    Case {
        name: "coprocessor 2 in kernel mode, .word 0xc8820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xc882_0000, // lwc2 $2,0(a0)
        ],
        before: &[],
        user: false,
        cause: Cause::CoprocessorUnusable,
        epc: KERNEL + 4,
        coprocessor: 2,
        ..Case::USER
    },
    Case {
        name: "coprocessor 2 enabled but absent, .word 0xc8820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xc882_0000, // lwc2 $2,0(a0)
        ],
        before: &[],
        status: 0x40000000,
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "coprocessor 2, .word 0xe8820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xe882_0000, // swc2 $2,0(a0)
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        coprocessor: 2,
        ..Case::USER
    },
    Case {
        name: "coprocessor 2, .word 0xe8820000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xe882_0000, // swc2 $2,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        coprocessor: 2,
        ..Case::USER
    },
    Case {
        name: "coprocessor 2 in kernel mode, .word 0xe8820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xe882_0000, // swc2 $2,0(a0)
        ],
        before: &[],
        user: false,
        cause: Cause::CoprocessorUnusable,
        epc: KERNEL + 4,
        coprocessor: 2,
        ..Case::USER
    },
    Case {
        name: "coprocessor 2 enabled but absent, .word 0xe8820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xe882_0000, // swc2 $2,0(a0)
        ],
        before: &[],
        status: 0x40000000,
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "coprocessor 3, .word 0x4c000000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4c00_0000, // mfc3 zero,$0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        coprocessor: 3,
        ..Case::USER
    },
    Case {
        name: "coprocessor 3, .word 0x4c000000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x4c00_0000, // mfc3 zero,$0
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        coprocessor: 3,
        ..Case::USER
    },
    Case {
        name: "coprocessor 3 in kernel mode, .word 0x4c000000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4c00_0000, // mfc3 zero,$0
        ],
        before: &[],
        user: false,
        cause: Cause::CoprocessorUnusable,
        epc: KERNEL + 4,
        coprocessor: 3,
        ..Case::USER
    },
    Case {
        name: "coprocessor 3 enabled but absent, .word 0x4c000000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4c00_0000, // mfc3 zero,$0
        ],
        before: &[],
        status: 0x80000000,
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "coprocessor 3, .word 0xcc820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xcc82_0000, // lwc3 $2,0(a0)
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        coprocessor: 3,
        ..Case::USER
    },
    Case {
        name: "coprocessor 3, .word 0xcc820000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xcc82_0000, // lwc3 $2,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        coprocessor: 3,
        ..Case::USER
    },
    Case {
        name: "coprocessor 3 in kernel mode, .word 0xcc820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xcc82_0000, // lwc3 $2,0(a0)
        ],
        before: &[],
        user: false,
        cause: Cause::CoprocessorUnusable,
        epc: KERNEL + 4,
        coprocessor: 3,
        ..Case::USER
    },
    Case {
        name: "coprocessor 3 enabled but absent, .word 0xcc820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xcc82_0000, // lwc3 $2,0(a0)
        ],
        before: &[],
        status: 0x80000000,
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "coprocessor 3, .word 0xec820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xec82_0000, // swc3 $2,0(a0)
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        coprocessor: 3,
        ..Case::USER
    },
    Case {
        name: "coprocessor 3, .word 0xec820000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xec82_0000, // swc3 $2,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::CoprocessorUnusable,
        epc: CODE + 4,
        in_slot: true,
        coprocessor: 3,
        ..Case::USER
    },
    Case {
        name: "coprocessor 3 in kernel mode, .word 0xec820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xec82_0000, // swc3 $2,0(a0)
        ],
        before: &[],
        user: false,
        cause: Cause::CoprocessorUnusable,
        epc: KERNEL + 4,
        coprocessor: 3,
        ..Case::USER
    },
    Case {
        name: "coprocessor 3 enabled but absent, .word 0xec820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xec82_0000, // swc3 $2,0(a0)
        ],
        before: &[],
        status: 0x80000000,
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "arithmetic of coprocessor 1",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x4602_0000, // add.s $f0,$f0,$f2
        ],
        before: &[],
        status: 0x20000000,
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "lwc1 unaligned",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xc482_0002, // lwc1 $f2,2(a0)
        ],
        before: &[(Register::A0, DATA)],
        status: 0x20000000,
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(DATA + 2),
        ..Case::USER
    },
    Case {
        name: "lwc1 unaligned, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xc482_0002, // lwc1 $f2,2(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        status: 0x20000000,
        cause: Cause::AddressLoad,
        epc: CODE + 4,
        bad: Some(DATA + 2),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "swc1 to a clean page",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xe482_0004, // swc1 $f2,4(a0)
        ],
        before: &[(Register::A0, CLEAN)],
        status: 0x20000000,
        cause: Cause::Modified,
        epc: CODE + 4,
        bad: Some(CLEAN + 4),
        ..Case::USER
    },
    Case {
        name: "swc1 to a clean page, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xe482_0004, // swc1 $f2,4(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, CLEAN)],
        status: 0x20000000,
        cause: Cause::Modified,
        epc: CODE + 4,
        bad: Some(CLEAN + 4),
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "reserved .word 0xc0820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xc082_0000, // lwc0 c0_entrylo,0(a0)
        ],
        before: &[],
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "reserved .word 0xc0820000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xc082_0000, // lwc0 c0_entrylo,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "reserved .word 0x7c03e83b",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x7c03_e83b, // .word 0x7c03e83b
        ],
        before: &[],
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "reserved .word 0x7c03e83b, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x7c03_e83b, // .word 0x7c03e83b
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "reserved .word 0x00000005",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x0000_0005, // .word 0x5
        ],
        before: &[],
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "reserved .word 0x00000005, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x0000_0005, // .word 0x5
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "reserved .word 0x64000000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x6400_0000, // .word 0x64000000
        ],
        before: &[],
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "reserved .word 0x64000000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x6400_0000, // .word 0x64000000
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "reserved .word 0x04080000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x0408_0000, // .word 0x4080000
        ],
        before: &[],
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "reserved .word 0x04080000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x0408_0000, // .word 0x4080000
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "reserved .word 0xdc820000",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0xdc82_0000, // .word 0xdc820000
        ],
        before: &[],
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "reserved .word 0xdc820000, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0xdc82_0000, // .word 0xdc820000
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "reserved in kernel mode",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x7c03_e83b, // .word 0x7c03e83b
        ],
        before: &[],
        user: false,
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "reserved in kernel mode, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x7c03_e83b, // .word 0x7c03e83b
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        user: false,
        cause: Cause::ReservedInstruction,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a bus error on a load",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x8c82_0000, // lw v0,0(a0)
        ],
        before: &[(Register::A0, 0xbf000000)],
        user: false,
        cause: Cause::BusData,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "a bus error on a load, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x8c82_0000, // lw v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, 0xbf000000)],
        user: false,
        cause: Cause::BusData,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a bus error on a load, cached",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x9082_0003, // lbu v0,3(a0)
        ],
        before: &[(Register::A0, 0x8f000000)],
        user: false,
        cause: Cause::BusData,
        epc: CODE + 4,
        ..Case::USER
    },
    Case {
        name: "a bus error on a load, cached, in a delay slot",
        words: &[
            0x0000_0000, // sll zero,zero,0x0
            0x1000_0001, // beq zero,zero,0xc
            0x9082_0003, // lbu v0,3(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, 0x8f000000)],
        user: false,
        cause: Cause::BusData,
        epc: CODE + 4,
        in_slot: true,
        ..Case::USER
    },
    Case {
        name: "a bus error on a fetch",
        words: &[
            0x0100_0008, // jr t0
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0xbf000000)],
        user: false,
        cause: Cause::BusFetch,
        epc: 0xbf00_0000,
        ..Case::USER
    },
];
