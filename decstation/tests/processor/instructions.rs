//! Every instruction of the set, by programs of a few words.

use decstation::bare::{BASE, Bare, Options};
use decstation::cpu::{Decoded, Op, Register};
use decstation::memory::Endian;
use std::collections::HashSet;

/// Where the programs stand.
const CODE: u32 = BASE + 0x1000;
/// Where their memory stands.
const DATA: u32 = BASE + 0x2000;

struct Case {
    name: &'static str,
    words: &'static [u32],
    before: &'static [(Register, u32)],
    after: &'static [(Register, u32)],
    memory: &'static [u32],
    memory_after: &'static [u32],
}

/// Runs a case: its words, then a return.
fn check(case: &Case, options: &Options) {
    let mut machine = Bare::with(options);
    machine.load_words(CODE, case.words);
    let end = CODE + 4 * case.words.len() as u32;
    machine.load_words(end, &[0x03e0_0008, 0]);
    machine.load_words(DATA, case.memory);
    for (register, value) in case.before {
        machine.set_register(*register, *value);
    }
    if let Err(stop) = machine.call(CODE, &[], 1000) {
        panic!("{}: {stop}", case.name);
    }
    for (register, value) in case.after {
        let found = machine.register(*register);
        assert_eq!(found, *value, "{}: {register} is {found:#x}", case.name);
    }
    for (word, at) in case.memory_after.iter().zip((DATA..).step_by(4)) {
        let found = machine.word(at);
        assert_eq!(found, *word, "{}: {at:#x} holds {found:#x}", case.name);
    }
}

#[test]
fn every_instruction_does_what_the_manual_says() {
    for case in CASES {
        check(case, &Options::default());
        check(
            case,
            &Options {
                caches: true,
                ..Options::default()
            },
        );
    }
}

#[test]
fn the_bytes_of_a_word_the_other_way_round() {
    for case in BIG {
        for caches in [false, true] {
            check(
                case,
                &Options {
                    endian: Endian::Big,
                    caches,
                    ..Options::default()
                },
            );
        }
    }
}

#[test]
fn no_instruction_is_left_out() {
    let words = CASES.iter().flat_map(|case| case.words);
    let tested: HashSet<Op> = words.map(|word| Decoded::new(*word).op).collect();
    // These raise exceptions and are tested with them.
    let others = [
        Op::Syscall,
        Op::Break,
        Op::Cop1,
        Op::Cop2,
        Op::Cop3,
        Op::Lwc2,
        Op::Lwc3,
        Op::Swc2,
        Op::Swc3,
    ];
    // The return of every program.
    let returns = [Op::Jr];
    for op in Op::all() {
        let known = tested.contains(&op) || others.contains(&op) || returns.contains(&op);
        assert!(known, "{} is in no program", op.text());
    }
}

const BIG: &[Case] = &[
    Case {
        name: "lb",
        words: &[
            0x8082_0000, // lb v0,0(a0)
            0x8083_0003, // lb v1,3(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        after: &[(Register::V0, 0xffffff80), (Register::V1, 1)],
        memory: &[0x80ff7f01],
        memory_after: &[0x80ff7f01],
    },
    Case {
        name: "lbu",
        words: &[
            0x9082_0001, // lbu v0,1(a0)
            0x9083_0002, // lbu v1,2(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        after: &[(Register::V0, 0xff), (Register::V1, 0x7f)],
        memory: &[0x80ff7f01],
        memory_after: &[0x80ff7f01],
    },
    Case {
        name: "lh",
        words: &[
            0x8482_0000, // lh v0,0(a0)
            0x8483_0002, // lh v1,2(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        after: &[(Register::V0, 0xffff80ff), (Register::V1, 0x7f01)],
        memory: &[0x80ff7f01],
        memory_after: &[0x80ff7f01],
    },
    Case {
        name: "lw",
        words: &[
            0x8c82_0000, // lw v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        after: &[(Register::V0, 0x80ff7f01)],
        memory: &[0x80ff7f01],
        memory_after: &[0x80ff7f01],
    },
    Case {
        name: "sb",
        words: &[
            0xa088_0001, // sb t0,1(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0x5a)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0x445a2211],
    },
    Case {
        name: "sh",
        words: &[
            0xa488_0002, // sh t0,2(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xffff5aa5)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0x44335aa5],
    },
    Case {
        name: "lwl at 0",
        words: &[
            0x8882_0000, // lwl v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0x44332211)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "lwr at 0",
        words: &[
            0x9882_0000, // lwr v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0xddccbb44)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "swl at 0",
        words: &[
            0xa888_0000, // swl t0,0(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0xddccbbaa],
    },
    Case {
        name: "swr at 0",
        words: &[
            0xb888_0000, // swr t0,0(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0xaa332211],
    },
    Case {
        name: "lwl at 1",
        words: &[
            0x8882_0001, // lwl v0,1(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0x332211aa)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "lwr at 1",
        words: &[
            0x9882_0001, // lwr v0,1(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0xddcc4433)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "swl at 1",
        words: &[
            0xa888_0001, // swl t0,1(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0x44ddccbb],
    },
    Case {
        name: "swr at 1",
        words: &[
            0xb888_0001, // swr t0,1(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0xbbaa2211],
    },
    Case {
        name: "lwl at 2",
        words: &[
            0x8882_0002, // lwl v0,2(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0x2211bbaa)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "lwr at 2",
        words: &[
            0x9882_0002, // lwr v0,2(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0xdd443322)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "swl at 2",
        words: &[
            0xa888_0002, // swl t0,2(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0x4433ddcc],
    },
    Case {
        name: "swr at 2",
        words: &[
            0xb888_0002, // swr t0,2(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0xccbbaa11],
    },
    Case {
        name: "lwl at 3",
        words: &[
            0x8882_0003, // lwl v0,3(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0x11ccbbaa)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "lwr at 3",
        words: &[
            0x9882_0003, // lwr v0,3(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0x44332211)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "swl at 3",
        words: &[
            0xa888_0003, // swl t0,3(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0x443322dd],
    },
    Case {
        name: "swr at 3",
        words: &[
            0xb888_0003, // swr t0,3(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0xddccbbaa],
    },
];

const CASES: &[Case] = &[
    Case {
        name: "sll",
        words: &[
            0x0008_1100, // sll v0,t0,0x4
        ],
        before: &[(Register::T0, 0x81234567)],
        after: &[(Register::V0, 0x12345670)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "sll by 31",
        words: &[
            0x0008_17c0, // sll v0,t0,0x1f
        ],
        before: &[(Register::T0, 3)],
        after: &[(Register::V0, 0x80000000)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "srl",
        words: &[
            0x0008_1102, // srl v0,t0,0x4
        ],
        before: &[(Register::T0, 0x81234567)],
        after: &[(Register::V0, 0x8123456)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "sra",
        words: &[
            0x0008_1103, // sra v0,t0,0x4
        ],
        before: &[(Register::T0, 0x81234567)],
        after: &[(Register::V0, 0xf8123456)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "sra of a positive",
        words: &[
            0x0008_17c3, // sra v0,t0,0x1f
        ],
        before: &[(Register::T0, 0x7fffffff)],
        after: &[(Register::V0, 0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "sllv takes five bits",
        words: &[
            0x0128_1004, // sllv v0,t0,t1
        ],
        before: &[(Register::T0, 1), (Register::T1, 0xffffffe4)],
        after: &[(Register::V0, 0x10)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "srlv takes five bits",
        words: &[
            0x0128_1006, // srlv v0,t0,t1
        ],
        before: &[(Register::T0, 0x80000000), (Register::T1, 0x3f)],
        after: &[(Register::V0, 1)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "srav takes five bits",
        words: &[
            0x0128_1007, // srav v0,t0,t1
        ],
        before: &[(Register::T0, 0x80000000), (Register::T1, 0x24)],
        after: &[(Register::V0, 0xf8000000)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "add",
        words: &[
            0x0109_1020, // add v0,t0,t1
        ],
        before: &[(Register::T0, 0x7ffffffe), (Register::T1, 1)],
        after: &[(Register::V0, 0x7fffffff)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "add of negatives",
        words: &[
            0x0109_1020, // add v0,t0,t1
        ],
        before: &[(Register::T0, 0xffffffff), (Register::T1, 0x80000001)],
        after: &[(Register::V0, 0x80000000)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "addu wraps",
        words: &[
            0x0109_1021, // addu v0,t0,t1
        ],
        before: &[(Register::T0, 0xffffffff), (Register::T1, 2)],
        after: &[(Register::V0, 1)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "addu past the sign",
        words: &[
            0x0109_1021, // addu v0,t0,t1
        ],
        before: &[(Register::T0, 0x7fffffff), (Register::T1, 1)],
        after: &[(Register::V0, 0x80000000)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "sub",
        words: &[
            0x0109_1022, // sub v0,t0,t1
        ],
        before: &[(Register::T0, 5), (Register::T1, 7)],
        after: &[(Register::V0, 0xfffffffe)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "subu wraps",
        words: &[
            0x0109_1023, // subu v0,t0,t1
        ],
        before: &[(Register::T0, 0x80000000), (Register::T1, 1)],
        after: &[(Register::V0, 0x7fffffff)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "and",
        words: &[
            0x0109_1024, // and v0,t0,t1
        ],
        before: &[(Register::T0, 0xff00ff00), (Register::T1, 0xff00ff0)],
        after: &[(Register::V0, 0xf000f00)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "or",
        words: &[
            0x0109_1025, // or v0,t0,t1
        ],
        before: &[(Register::T0, 0xff00ff00), (Register::T1, 0xff00ff0)],
        after: &[(Register::V0, 0xfff0fff0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "xor",
        words: &[
            0x0109_1026, // xor v0,t0,t1
        ],
        before: &[(Register::T0, 0xff00ff00), (Register::T1, 0xff00ff0)],
        after: &[(Register::V0, 0xf0f0f0f0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "nor",
        words: &[
            0x0109_1027, // nor v0,t0,t1
        ],
        before: &[(Register::T0, 0xff00ff00), (Register::T1, 0xff00ff0)],
        after: &[(Register::V0, 0xf000f)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "slt",
        words: &[
            0x0109_102a, // slt v0,t0,t1
            0x0128_182a, // slt v1,t1,t0
        ],
        before: &[(Register::T0, 0x80000000), (Register::T1, 1)],
        after: &[(Register::V0, 1), (Register::V1, 0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "sltu",
        words: &[
            0x0109_102b, // sltu v0,t0,t1
            0x0128_182b, // sltu v1,t1,t0
        ],
        before: &[(Register::T0, 0x80000000), (Register::T1, 1)],
        after: &[(Register::V0, 0), (Register::V1, 1)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "slt of equals",
        words: &[
            0x0108_102a, // slt v0,t0,t0
            0x0108_182b, // sltu v1,t0,t0
        ],
        before: &[(Register::T0, 9), (Register::V0, 7), (Register::V1, 7)],
        after: &[(Register::V0, 0), (Register::V1, 0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "addi",
        words: &[
            0x2102_ffff, // addi v0,t0,-1
        ],
        before: &[(Register::T0, 0x80000001)],
        after: &[(Register::V0, 0x80000000)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "addiu sign-extends and wraps",
        words: &[
            0x2502_ffff, // addiu v0,t0,-1
            0x2523_7fff, // addiu v1,t1,32767
        ],
        before: &[(Register::T0, 0), (Register::T1, 0x7fffffff)],
        after: &[(Register::V0, 0xffffffff), (Register::V1, 0x80007ffe)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "slti",
        words: &[
            0x2902_ffff, // slti v0,t0,-1
            0x2903_fffd, // slti v1,t0,-3
        ],
        before: &[(Register::T0, 0xfffffffe)],
        after: &[(Register::V0, 1), (Register::V1, 0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "sltiu sign-extends, then compares unsigned",
        words: &[
            0x2d02_ffff, // sltiu v0,t0,-1
            0x2d23_0001, // sltiu v1,t1,1
        ],
        before: &[(Register::T0, 5), (Register::T1, 1)],
        after: &[(Register::V0, 1), (Register::V1, 0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "andi zero-extends",
        words: &[
            0x3102_ff0f, // andi v0,t0,0xff0f
        ],
        before: &[(Register::T0, 0xffffffff)],
        after: &[(Register::V0, 0xff0f)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "ori zero-extends",
        words: &[
            0x3502_8001, // ori v0,t0,0x8001
        ],
        before: &[(Register::T0, 0x12340000)],
        after: &[(Register::V0, 0x12348001)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "xori zero-extends",
        words: &[
            0x3902_ffff, // xori v0,t0,0xffff
        ],
        before: &[(Register::T0, 0x12345678)],
        after: &[(Register::V0, 0x1234a987)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "lui",
        words: &[
            0x3c02_8765, // lui v0,0x8765
        ],
        before: &[],
        after: &[(Register::V0, 0x87650000)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "zero stays zero",
        words: &[
            0x2400_0007, // addiu zero,zero,7
            0x0000_1025, // or v0,zero,zero
        ],
        before: &[(Register::V0, 3)],
        after: &[(Register::V0, 0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "a load to zero is dropped",
        words: &[
            0x8c80_0000, // lw zero,0(a0)
            0x0000_1025, // or v0,zero,zero
            0x0000_1825, // or v1,zero,zero
        ],
        before: &[(Register::A0, DATA), (Register::V0, 3), (Register::V1, 3)],
        after: &[(Register::V0, 0), (Register::V1, 0)],
        memory: &[0xffffffff],
        memory_after: &[0xffffffff],
    },
    Case {
        name: "mult",
        words: &[
            0x0109_0018, // mult t0,t1
            0x0000_1012, // mflo v0
            0x0000_1810, // mfhi v1
        ],
        before: &[(Register::T0, 0xfffffffe), (Register::T1, 3)],
        after: &[(Register::V0, 0xfffffffa), (Register::V1, 0xffffffff)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "mult of the least by itself",
        words: &[
            0x0108_0018, // mult t0,t0
            0x0000_1012, // mflo v0
            0x0000_1810, // mfhi v1
        ],
        before: &[(Register::T0, 0x80000000)],
        after: &[(Register::V0, 0), (Register::V1, 0x40000000)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "multu",
        words: &[
            0x0109_0019, // multu t0,t1
            0x0000_1012, // mflo v0
            0x0000_1810, // mfhi v1
        ],
        before: &[(Register::T0, 0xffffffff), (Register::T1, 0xffffffff)],
        after: &[(Register::V0, 1), (Register::V1, 0xfffffffe)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "div truncates towards zero",
        words: &[
            0x0109_001a, // div zero,t0,t1
            0x0000_1012, // mflo v0
            0x0000_1810, // mfhi v1
        ],
        before: &[(Register::T0, 0xfffffff9), (Register::T1, 2)],
        after: &[(Register::V0, 0xfffffffd), (Register::V1, 0xffffffff)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "div by a negative",
        words: &[
            0x0109_001a, // div zero,t0,t1
            0x0000_1012, // mflo v0
            0x0000_1810, // mfhi v1
        ],
        before: &[(Register::T0, 7), (Register::T1, 0xfffffffe)],
        after: &[(Register::V0, 0xfffffffd), (Register::V1, 1)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "divu",
        words: &[
            0x0109_001b, // divu zero,t0,t1
            0x0000_1012, // mflo v0
            0x0000_1810, // mfhi v1
        ],
        before: &[(Register::T0, 0xfffffff9), (Register::T1, 2)],
        after: &[(Register::V0, 0x7ffffffc), (Register::V1, 1)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "div of a positive by zero",
        words: &[
            0x0100_001a, // div zero,t0,zero
            0x0000_1012, // mflo v0
            0x0000_1810, // mfhi v1
        ],
        before: &[(Register::T0, 7)],
        after: &[(Register::V0, 0xffffffff), (Register::V1, 7)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "div of a negative by zero",
        words: &[
            0x0100_001a, // div zero,t0,zero
            0x0000_1012, // mflo v0
            0x0000_1810, // mfhi v1
        ],
        before: &[(Register::T0, 0xfffffff9)],
        after: &[(Register::V0, 1), (Register::V1, 0xfffffff9)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "divu by zero",
        words: &[
            0x0100_001b, // divu zero,t0,zero
            0x0000_1012, // mflo v0
            0x0000_1810, // mfhi v1
        ],
        before: &[(Register::T0, 7)],
        after: &[(Register::V0, 0xffffffff), (Register::V1, 7)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "div of the least by minus one",
        words: &[
            0x0109_001a, // div zero,t0,t1
            0x0000_1012, // mflo v0
            0x0000_1810, // mfhi v1
        ],
        before: &[(Register::T0, 0x80000000), (Register::T1, 0xffffffff)],
        after: &[(Register::V0, 0x80000000), (Register::V1, 0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "mthi and mtlo",
        words: &[
            0x0100_0011, // mthi t0
            0x0120_0013, // mtlo t1
            0x0000_1010, // mfhi v0
            0x0000_1812, // mflo v1
        ],
        before: &[(Register::T0, 0x1111), (Register::T1, 0x2222)],
        after: &[(Register::V0, 0x1111), (Register::V1, 0x2222)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "beq taken",
        words: &[
            0x1109_0002, // beq t0,t1,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 5), (Register::T1, 5), (Register::V0, 0)],
        after: &[(Register::V0, 5)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "beq not taken",
        words: &[
            0x1109_0002, // beq t0,t1,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 5), (Register::T1, 6), (Register::V0, 0)],
        after: &[(Register::V0, 7)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bne taken",
        words: &[
            0x1509_0002, // bne t0,t1,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 5), (Register::T1, 6), (Register::V0, 0)],
        after: &[(Register::V0, 5)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bne not taken",
        words: &[
            0x1509_0002, // bne t0,t1,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 5), (Register::T1, 5), (Register::V0, 0)],
        after: &[(Register::V0, 7)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "blez of negative",
        words: &[
            0x1900_0002, // blez t0,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 0xffffffff), (Register::V0, 0)],
        after: &[(Register::V0, 5)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bgtz of negative",
        words: &[
            0x1d00_0002, // bgtz t0,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 0xffffffff), (Register::V0, 0)],
        after: &[(Register::V0, 7)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bltz of negative",
        words: &[
            0x0500_0002, // bltz t0,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 0xffffffff), (Register::V0, 0)],
        after: &[(Register::V0, 5)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bgez of negative",
        words: &[
            0x0501_0002, // bgez t0,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 0xffffffff), (Register::V0, 0)],
        after: &[(Register::V0, 7)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "blez of zero",
        words: &[
            0x1900_0002, // blez t0,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 0), (Register::V0, 0)],
        after: &[(Register::V0, 5)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bgtz of zero",
        words: &[
            0x1d00_0002, // bgtz t0,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 0), (Register::V0, 0)],
        after: &[(Register::V0, 7)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bltz of zero",
        words: &[
            0x0500_0002, // bltz t0,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 0), (Register::V0, 0)],
        after: &[(Register::V0, 7)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bgez of zero",
        words: &[
            0x0501_0002, // bgez t0,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 0), (Register::V0, 0)],
        after: &[(Register::V0, 5)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "blez of positive",
        words: &[
            0x1900_0002, // blez t0,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 1), (Register::V0, 0)],
        after: &[(Register::V0, 7)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bgtz of positive",
        words: &[
            0x1d00_0002, // bgtz t0,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 1), (Register::V0, 0)],
        after: &[(Register::V0, 5)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bltz of positive",
        words: &[
            0x0500_0002, // bltz t0,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 1), (Register::V0, 0)],
        after: &[(Register::V0, 7)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bgez of positive",
        words: &[
            0x0501_0002, // bgez t0,100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, 1), (Register::V0, 0)],
        after: &[(Register::V0, 5)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bltzal taken",
        words: &[
            0x03e0_8025, // or s0,ra,zero
            0x0510_0002, // bltzal t0,1010
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
            0x03e0_1825, // or v1,ra,zero
            0x0200_f825, // or ra,s0,zero
        ],
        before: &[(Register::T0, 0xffffffff), (Register::V0, 0)],
        after: &[(Register::V0, 5), (Register::V1, CODE + 12)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bltzal not taken links too",
        words: &[
            0x03e0_8025, // or s0,ra,zero
            0x0510_0002, // bltzal t0,1010
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
            0x03e0_1825, // or v1,ra,zero
            0x0200_f825, // or ra,s0,zero
        ],
        before: &[(Register::T0, 0), (Register::V0, 0)],
        after: &[(Register::V0, 7), (Register::V1, CODE + 12)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bgezal taken",
        words: &[
            0x03e0_8025, // or s0,ra,zero
            0x0511_0002, // bgezal t0,1010
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
            0x03e0_1825, // or v1,ra,zero
            0x0200_f825, // or ra,s0,zero
        ],
        before: &[(Register::T0, 0), (Register::V0, 0)],
        after: &[(Register::V0, 5), (Register::V1, CODE + 12)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bgezal not taken links too",
        words: &[
            0x03e0_8025, // or s0,ra,zero
            0x0511_0002, // bgezal t0,1010
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
            0x03e0_1825, // or v1,ra,zero
            0x0200_f825, // or ra,s0,zero
        ],
        before: &[(Register::T0, 0xffffffff), (Register::V0, 0)],
        after: &[(Register::V0, 7), (Register::V1, CODE + 12)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "a branch back",
        words: &[
            0x2402_0000, // addiu v0,zero,0
            0x2408_0003, // addiu t0,zero,3
            0x2508_ffff, // addiu t0,t0,-1
            0x1500_fffe, // bne t0,zero,1008
            0x2442_0001, // addiu v0,v0,1
        ],
        before: &[],
        after: &[(Register::V0, 3), (Register::T0, 0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "j",
        words: &[
            0x0800_0403, // j 100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::V0, 0)],
        after: &[(Register::V0, 5)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "jal",
        words: &[
            0x03e0_8025, // or s0,ra,zero
            0x0c00_0404, // jal 1010
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
            0x03e0_1825, // or v1,ra,zero
            0x0200_f825, // or ra,s0,zero
        ],
        before: &[(Register::V0, 0)],
        after: &[(Register::V0, 5), (Register::V1, CODE + 12)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "jr",
        words: &[
            0x03e0_8025, // or s0,ra,zero
            0x0100_0008, // jr t0
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
            0x03e0_1825, // or v1,ra,zero
            0x0200_f825, // or ra,s0,zero
        ],
        before: &[(Register::T0, CODE + 16), (Register::V0, 0)],
        after: &[(Register::V0, 5)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "jalr",
        words: &[
            0x03e0_8025, // or s0,ra,zero
            0x0100_f809, // jalr t0
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
            0x03e0_1825, // or v1,ra,zero
            0x0200_f825, // or ra,s0,zero
        ],
        before: &[(Register::T0, CODE + 16), (Register::V0, 0)],
        after: &[(Register::V0, 5), (Register::V1, CODE + 12)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "jalr to another register",
        words: &[
            0x0100_8809, // jalr s1,t0
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::T0, CODE + 12), (Register::V0, 0)],
        after: &[(Register::V0, 5), (Register::S1, CODE + 8)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bc0t: nothing waits in the write buffer",
        words: &[
            0x4101_0002, // bc0t 100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::V0, 0)],
        after: &[(Register::V0, 5)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "bc0f",
        words: &[
            0x4100_0002, // bc0f 100c
            0x3442_0001, // ori v0,v0,0x1
            0x3442_0002, // ori v0,v0,0x2
            0x3442_0004, // ori v0,v0,0x4
        ],
        before: &[(Register::V0, 0)],
        after: &[(Register::V0, 7)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "lb",
        words: &[
            0x8082_0000, // lb v0,0(a0)
            0x8083_0003, // lb v1,3(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        after: &[(Register::V0, 1), (Register::V1, 0xffffff80)],
        memory: &[0x80ff7f01, 0xdeadbeef],
        memory_after: &[0x80ff7f01, 0xdeadbeef],
    },
    Case {
        name: "lbu",
        words: &[
            0x9082_0002, // lbu v0,2(a0)
            0x9083_0003, // lbu v1,3(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        after: &[(Register::V0, 0xff), (Register::V1, 0x80)],
        memory: &[0x80ff7f01, 0xdeadbeef],
        memory_after: &[0x80ff7f01, 0xdeadbeef],
    },
    Case {
        name: "lh",
        words: &[
            0x8482_0000, // lh v0,0(a0)
            0x8483_0002, // lh v1,2(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        after: &[(Register::V0, 0x7f01), (Register::V1, 0xffff80ff)],
        memory: &[0x80ff7f01, 0xdeadbeef],
        memory_after: &[0x80ff7f01, 0xdeadbeef],
    },
    Case {
        name: "lhu",
        words: &[
            0x9482_0000, // lhu v0,0(a0)
            0x9483_0002, // lhu v1,2(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        after: &[(Register::V0, 0x7f01), (Register::V1, 0x80ff)],
        memory: &[0x80ff7f01, 0xdeadbeef],
        memory_after: &[0x80ff7f01, 0xdeadbeef],
    },
    Case {
        name: "lw with a negative offset",
        words: &[
            0x8c82_fffc, // lw v0,-4(a0)
            0x8c83_0000, // lw v1,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA + 4)],
        after: &[(Register::V0, 0x80ff7f01), (Register::V1, 0xdeadbeef)],
        memory: &[0x80ff7f01, 0xdeadbeef],
        memory_after: &[0x80ff7f01, 0xdeadbeef],
    },
    Case {
        name: "lwl at 0",
        words: &[
            0x8882_0000, // lwl v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0x11ccbbaa)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "lwr at 0",
        words: &[
            0x9882_0000, // lwr v0,0(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0x44332211)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "swl at 0",
        words: &[
            0xa888_0000, // swl t0,0(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0x443322dd],
    },
    Case {
        name: "swr at 0",
        words: &[
            0xb888_0000, // swr t0,0(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0xddccbbaa],
    },
    Case {
        name: "lwl at 1",
        words: &[
            0x8882_0001, // lwl v0,1(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0x2211bbaa)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "lwr at 1",
        words: &[
            0x9882_0001, // lwr v0,1(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0xdd443322)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "swl at 1",
        words: &[
            0xa888_0001, // swl t0,1(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0x4433ddcc],
    },
    Case {
        name: "swr at 1",
        words: &[
            0xb888_0001, // swr t0,1(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0xccbbaa11],
    },
    Case {
        name: "lwl at 2",
        words: &[
            0x8882_0002, // lwl v0,2(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0x332211aa)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "lwr at 2",
        words: &[
            0x9882_0002, // lwr v0,2(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0xddcc4433)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "swl at 2",
        words: &[
            0xa888_0002, // swl t0,2(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0x44ddccbb],
    },
    Case {
        name: "swr at 2",
        words: &[
            0xb888_0002, // swr t0,2(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0xbbaa2211],
    },
    Case {
        name: "lwl at 3",
        words: &[
            0x8882_0003, // lwl v0,3(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0x44332211)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "lwr at 3",
        words: &[
            0x9882_0003, // lwr v0,3(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA), (Register::V0, 0xddccbbaa)],
        after: &[(Register::V0, 0xddccbb44)],
        memory: &[0x44332211],
        memory_after: &[0x44332211],
    },
    Case {
        name: "swl at 3",
        words: &[
            0xa888_0003, // swl t0,3(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0xddccbbaa],
    },
    Case {
        name: "swr at 3",
        words: &[
            0xb888_0003, // swr t0,3(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0xaa332211],
    },
    Case {
        name: "an unaligned word by a pair without a gap",
        words: &[
            0x9882_0001, // lwr v0,1(a0)
            0x8882_0004, // lwl v0,4(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        after: &[(Register::V0, 0x88443322)],
        memory: &[0x44332211, 0x88],
        memory_after: &[0x44332211, 0x88],
    },
    Case {
        name: "an unaligned word stored by a pair",
        words: &[
            0xb888_0001, // swr t0,1(a0)
            0xa888_0004, // swl t0,4(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xddccbbaa)],
        after: &[],
        memory: &[0, 0],
        memory_after: &[0xccbbaa00, 0xdd],
    },
    Case {
        name: "sb",
        words: &[
            0xa088_0001, // sb t0,1(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xffffff5a)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0x44335a11],
    },
    Case {
        name: "sh",
        words: &[
            0xa488_0002, // sh t0,2(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xffff5aa5)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0x5aa52211],
    },
    Case {
        name: "sw",
        words: &[
            0xac88_0000, // sw t0,0(a0)
        ],
        before: &[(Register::A0, DATA), (Register::T0, 0xffff5aa5)],
        after: &[],
        memory: &[0x44332211],
        memory_after: &[0xffff5aa5],
    },
    Case {
        name: "mtc0 and mfc0 of EntryHi",
        words: &[
            0x4088_5000, // mtc0 t0,c0_entryhi
            0x0000_0000, // sll zero,zero,0x0
            0x4002_5000, // mfc0 v0,c0_entryhi
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0xffffffff)],
        after: &[(Register::V0, 0xffffffc0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "mtc0 and mfc0 of EntryLo",
        words: &[
            0x4088_1000, // mtc0 t0,c0_entrylo
            0x0000_0000, // sll zero,zero,0x0
            0x4002_1000, // mfc0 v0,c0_entrylo
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0xffffffff)],
        after: &[(Register::V0, 0xffffff00)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "mtc0 and mfc0 of Index",
        words: &[
            0x4088_0000, // mtc0 t0,c0_index
            0x0000_0000, // sll zero,zero,0x0
            0x4002_0000, // mfc0 v0,c0_index
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0xffffffff)],
        after: &[(Register::V0, 0x3f00)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "mtc0 and mfc0 of Context",
        words: &[
            0x4088_2000, // mtc0 t0,c0_context
            0x0000_0000, // sll zero,zero,0x0
            0x4002_2000, // mfc0 v0,c0_context
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0xffffffff)],
        after: &[(Register::V0, 0xffe00000)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "mtc0 and mfc0 of Cause",
        words: &[
            0x4088_6800, // mtc0 t0,c0_cause
            0x0000_0000, // sll zero,zero,0x0
            0x4002_6800, // mfc0 v0,c0_cause
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0xffffffff)],
        after: &[(Register::V0, 0x300)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "BadVAddr and EPC are read-only",
        words: &[
            0x4088_4000, // mtc0 t0,c0_badvaddr
            0x4088_7000, // mtc0 t0,c0_epc
            0x0000_0000, // sll zero,zero,0x0
            0x4002_4000, // mfc0 v0,c0_badvaddr
            0x4003_7000, // mfc0 v1,c0_epc
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0xffffffff)],
        after: &[(Register::V0, 0), (Register::V1, 0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "PRId",
        words: &[
            0x4002_7800, // mfc0 v0,c0_prid
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        after: &[(Register::V0, 0x220)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "tlbwi, then tlbr",
        words: &[
            0x240a_0500, // addiu t2,zero,1280
            0x408a_0000, // mtc0 t2,c0_index
            0x4088_5000, // mtc0 t0,c0_entryhi
            0x4089_1000, // mtc0 t1,c0_entrylo
            0x0000_0000, // sll zero,zero,0x0
            0x4200_0002, // tlbwi
            0x4080_5000, // mtc0 zero,c0_entryhi
            0x4080_1000, // mtc0 zero,c0_entrylo
            0x0000_0000, // sll zero,zero,0x0
            0x4200_0001, // tlbr
            0x0000_0000, // sll zero,zero,0x0
            0x4002_5000, // mfc0 v0,c0_entryhi
            0x4003_1000, // mfc0 v1,c0_entrylo
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0x12345fc0), (Register::T1, 0xabcdef00)],
        after: &[(Register::V0, 0x12345fc0), (Register::V1, 0xabcdef00)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "tlbp finds",
        words: &[
            0x240a_3f00, // addiu t2,zero,16128
            0x408a_0000, // mtc0 t2,c0_index
            0x4088_5000, // mtc0 t0,c0_entryhi
            0x4080_1000, // mtc0 zero,c0_entrylo
            0x0000_0000, // sll zero,zero,0x0
            0x4200_0002, // tlbwi
            0x4080_0000, // mtc0 zero,c0_index
            0x0000_0000, // sll zero,zero,0x0
            0x4200_0008, // tlbp
            0x0000_0000, // sll zero,zero,0x0
            0x4002_0000, // mfc0 v0,c0_index
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0x12345040)],
        after: &[(Register::V0, 0x3f00)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "tlbp fails",
        words: &[
            0x4088_5000, // mtc0 t0,c0_entryhi
            0x0000_0000, // sll zero,zero,0x0
            0x4200_0008, // tlbp
            0x0000_0000, // sll zero,zero,0x0
            0x4002_0000, // mfc0 v0,c0_index
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0x12345040)],
        after: &[(Register::V0, 0x80000000)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "tlbwr writes where Random is",
        words: &[
            0x4088_5000, // mtc0 t0,c0_entryhi
            0x4080_1000, // mtc0 zero,c0_entrylo
            0x4009_0800, // mfc0 t1,c0_random
            0x4200_0006, // tlbwr
            0x0000_0000, // sll zero,zero,0x0
            0x4200_0008, // tlbp
            0x0000_0000, // sll zero,zero,0x0
            0x4002_0000, // mfc0 v0,c0_index
            0x0009_4a02, // srl t1,t1,0x8
            0x2529_ffff, // addiu t1,t1,-1
            0x0002_1202, // srl v0,v0,0x8
            0x0049_1823, // subu v1,v0,t1
        ],
        before: &[(Register::T0, 0x12345040)],
        after: &[(Register::V1, 0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "rfe shifts the stack of modes",
        words: &[
            0x4010_6000, // mfc0 s0,c0_sr
            0x0000_0000, // sll zero,zero,0x0
            0x2408_0034, // addiu t0,zero,52
            0x4088_6000, // mtc0 t0,c0_sr
            0x0000_0000, // sll zero,zero,0x0
            0x4200_0010, // rfe
            0x0000_0000, // sll zero,zero,0x0
            0x4002_6000, // mfc0 v0,c0_sr
            0x0000_0000, // sll zero,zero,0x0
            0x4090_6000, // mtc0 s0,c0_sr
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        after: &[(Register::V0, 0x3d)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "mtc1 and mfc1",
        words: &[
            0x4010_6000, // mfc0 s0,c0_sr
            0x3c19_2000, // lui t9,0x2000
            0x0330_c825, // or t9,t9,s0
            0x4099_6000, // mtc0 t9,c0_sr
            0x0000_0000, // sll zero,zero,0x0
            0x4488_2800, // mtc1 t0,$f5
            0x0000_0000, // sll zero,zero,0x0
            0x4402_2800, // mfc1 v0,$f5
            0x4403_2000, // mfc1 v1,$f4
            0x0000_0000, // sll zero,zero,0x0
            0x4090_6000, // mtc0 s0,c0_sr
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0x12345678), (Register::V1, 7)],
        after: &[(Register::V0, 0x12345678), (Register::V1, 0)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "ctc1 and cfc1",
        words: &[
            0x4010_6000, // mfc0 s0,c0_sr
            0x3c19_2000, // lui t9,0x2000
            0x0330_c825, // or t9,t9,s0
            0x4099_6000, // mtc0 t9,c0_sr
            0x0000_0000, // sll zero,zero,0x0
            0x44c8_f800, // ctc1 t0,c1_fcsr
            0x0000_0000, // sll zero,zero,0x0
            0x4442_f800, // cfc1 v0,c1_fcsr
            0x4443_0000, // cfc1 v1,c1_fir
            0x0000_0000, // sll zero,zero,0x0
            0x4090_6000, // mtc0 s0,c0_sr
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::T0, 0xffffffff)],
        after: &[(Register::V0, 0x83ffff), (Register::V1, 0x300)],
        memory: &[],
        memory_after: &[],
    },
    Case {
        name: "lwc1 and swc1",
        words: &[
            0x4010_6000, // mfc0 s0,c0_sr
            0x3c19_2000, // lui t9,0x2000
            0x0330_c825, // or t9,t9,s0
            0x4099_6000, // mtc0 t9,c0_sr
            0x0000_0000, // sll zero,zero,0x0
            0xc487_0004, // lwc1 $f7,4(a0)
            0x0000_0000, // sll zero,zero,0x0
            0x4402_3800, // mfc1 v0,$f7
            0xe487_0000, // swc1 $f7,0(a0)
            0x4090_6000, // mtc0 s0,c0_sr
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        after: &[(Register::V0, 0xdeadbeef)],
        memory: &[1, 0xdeadbeef],
        memory_after: &[0xdeadbeef, 0xdeadbeef],
    },
    Case {
        name: "the old value in the load delay slot is not needed by a store of another",
        words: &[
            0x8c88_0000, // lw t0,0(a0)
            0xac89_0004, // sw t1,4(a0)
            0x0100_1025, // or v0,t0,zero
        ],
        before: &[(Register::A0, DATA), (Register::T1, 5)],
        after: &[(Register::V0, 0x80ff7f01)],
        memory: &[0x80ff7f01, 0xdeadbeef],
        memory_after: &[0x80ff7f01, 5],
    },
    Case {
        name: "a write in the load delay slot wins",
        words: &[
            0x8c82_0000, // lw v0,0(a0)
            0x2402_0007, // addiu v0,zero,7
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        after: &[(Register::V0, 7)],
        memory: &[0x80ff7f01, 0xdeadbeef],
        memory_after: &[0x80ff7f01, 0xdeadbeef],
    },
    Case {
        name: "a second load of the register wins",
        words: &[
            0x8c82_0000, // lw v0,0(a0)
            0x8c82_0004, // lw v0,4(a0)
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[(Register::A0, DATA)],
        after: &[(Register::V0, 0xdeadbeef)],
        memory: &[0x80ff7f01, 0xdeadbeef],
        memory_after: &[0x80ff7f01, 0xdeadbeef],
    },
    Case {
        name: "a load in the branch delay slot arrives after the target",
        words: &[
            0x1000_0002, // beq zero,zero,100c
            0x8c82_0000, // lw v0,0(a0)
            0x2403_0009, // addiu v1,zero,9
            0x0000_0000, // sll zero,zero,0x0
            0x0040_1825, // or v1,v0,zero
        ],
        before: &[(Register::A0, DATA)],
        after: &[(Register::V0, 0x80ff7f01), (Register::V1, 0x80ff7f01)],
        memory: &[0x80ff7f01, 0xdeadbeef],
        memory_after: &[0x80ff7f01, 0xdeadbeef],
    },
    Case {
        name: "a load in the slot of the return",
        words: &[
            0x1000_0001, // beq zero,zero,0x1008
            0x0000_0000, // sll zero,zero,0x0
            0x0000_0000, // sll zero,zero,0x0
        ],
        before: &[],
        after: &[],
        memory: &[],
        memory_after: &[],
    },
];
