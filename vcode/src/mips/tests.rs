//! The encoder before three strangers: GNU `as`, a simulated R3000, and listings a person can read.
//!
//! `testdata/vcode/mips-instructions.txt` holds every instruction as `mipsel-linux-gnu-as` encodes it; blessing asks the
//! assembler again. Whole functions run on `decstation`, strict mode on; random ones do in [`crate::fuzzing`].

use core::fmt::Write as _;
use std::process::Command;
use std::string::{String, ToString};
use std::vec::Vec;

use decstation::bare::{BASE, Bare};
use decstation::cpu::Register;
use expect_test::expect_file;
use proptest::prelude::{any, prop_assert_eq, proptest};

use super::encode::{self as m, Field, LIST, NOP, Row};
use super::text::Instruction;
use super::{Code, Mips};
use crate::op::{
    Align, Binary, Branch, Callee, Compare, Entry, Form, LIST as OPS, Offset, Op, Scale, Src,
};
use crate::{Assembler, Class, Error, ErrorKind, MAX_LOCALS, Reg, Signature, Target, Ty};

const WORDS: usize = 4096;
type Asm<'b> = Assembler<Mips<'b, WORDS>>;

const LEAF: Signature<'_> = Signature {
    params: &[],
    result: None,
    leaf: true,
};

/// Words of the instruction whose fields are all small, all large, and mixed; none that `as` refuses.
fn samples(row: &'static Row) -> impl Iterator<Item = u32> {
    let patterns = [0, u32::MAX, 0x5a5a_5a5a, 0x1234_5678];
    patterns.into_iter().map(|pattern| {
        row.operands.chars().fold(row.bits, |word, letter| {
            let value = match (letter, row.operands, pattern) {
                // `.+131072` is out of its range.
                ('b', _, u32::MAX) => 0x7ffe,
                // An instruction that links may not read what it writes.
                ('s', "s,b", u32::MAX) => 30,
                ('d', "d,s", _) => !pattern,
                _ => pattern,
            };
            word | Field::of(letter).map_or(0, |field| field.put(value))
        })
    })
}

/// The instructions as GNU `as` encodes them.
fn assemble(source: &str) -> Vec<u32> {
    let folder = std::env::temp_dir().join(std::format!("vcode-mips-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let [input, object, output] = ["in.s", "out.o", "out.bin"].map(|name| folder.join(name));
    let header = ".set noreorder\n.set noat\n.set nomacro\n.text\n";
    std::fs::write(&input, std::format!("{header}{source}\n")).expect("a file");
    let run = |command: &mut Command| {
        let status = command.status().expect("binutils for mipsel-linux-gnu");
        assert!(status.success(), "{command:?}");
    };
    let as_flags = ["-EL", "-mips1", "-32", "-o"];
    run(Command::new("mipsel-linux-gnu-as")
        .args(as_flags)
        .arg(&object)
        .arg(&input));
    let copy_flags = ["-O", "binary", "-j", ".text"];
    run(Command::new("mipsel-linux-gnu-objcopy")
        .args(copy_flags)
        .arg(&object)
        .arg(&output));
    let bytes = std::fs::read(&output).expect("code");
    std::fs::remove_dir_all(&folder).expect("our own folder");
    let words = bytes.chunks_exact(4);
    words
        .map(|word| u32::from_le_bytes(word.try_into().expect("four bytes")))
        .collect()
}

#[test]
fn every_instruction_is_encoded_as_the_assembler_does() {
    let words: Vec<u32> = LIST.iter().flat_map(samples).collect();
    let texts: Vec<String> = words
        .iter()
        .map(|&word| Instruction(word).to_string())
        .collect();
    let words = if std::env::var_os("UPDATE_EXPECT").is_some() {
        let mut encoded = assemble(&texts.join("\n"));
        // A section ends at a multiple of 16 bytes.
        encoded.truncate(words.len());
        encoded
    } else {
        words
    };
    let lines = words
        .iter()
        .zip(&texts)
        .map(|(word, text)| std::format!("{word:08x}  {text}\n"));
    expect_file!["../../../testdata/vcode/mips-instructions.txt"]
        .assert_eq(&lines.collect::<String>());
}

#[test]
fn text_parses_back_and_encoders_agree_with_it() {
    for word in LIST.iter().flat_map(samples) {
        assert_eq!(Instruction(word).to_string().parse(), Ok(Instruction(word)));
    }
    for (word, text) in [
        (m::addu(9, 8, 31), "addu    $9,$8,$31"),
        (m::sll(9, 8, 31), "sll     $9,$8,0x1f"),
        (m::sllv(9, 8, 7), "sllv    $9,$8,$7"),
        (m::lw(9, -4, 29), "lw      $9,-4($29)"),
        (m::lui(9, 0x8000), "lui     $9,0x8000"),
        (m::bne(9, 8, 3), "bne     $9,$8,.+16"),
        (m::bltz(9, 0xffff), "bltz    $9,.+0"),
        (m::jalr(31, 25), "jalr    $31,$25"),
        (m::multu(9, 8), "multu   $9,$8"),
        (m::mflo(9), "mflo    $9"),
        (m::mtlo(9), "mtlo    $9"),
        (m::mtc0(9, 12), "mtc0    $9,$12"),
        (m::j(3), "j       0xc"),
        (m::syscall(7), "syscall 0x7"),
        (m::break_(1, 2), "break   0x1,0x2"),
        (m::rfe(), "rfe"),
    ] {
        assert_eq!(Instruction(word).to_string(), text);
        assert_eq!(text.parse(), Ok(Instruction(word)));
    }
    for wrong in [
        "",
        "frob",
        "addu $1,$2",
        "addu $1,$2,$32",
        "addiu $1,$2,40000",
        "lw $1,4 $2",
        "beq $1,$2,.+6",
        "rfe $1",
        "sll $1,$2,32",
        "j 3",
    ] {
        assert!(wrong.parse::<Instruction>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn any_word_prints_and_parses_back(word in any::<u32>()) {
        prop_assert_eq!(Instruction(word).to_string().parse(), Ok(Instruction(word)));
    }
}

/// The words of a leaf whose body is what `body` emits.
fn leaf(body: impl FnOnce(&mut Asm<'_>)) -> Vec<u32> {
    let mut buffer = [0; WORDS];
    let mut asm = Assembler::new(Mips::new(&mut buffer));
    let [] = asm.begin(&LEAF).expect("no parameters");
    body(&mut asm);
    asm.ret();
    asm.end().expect("a function").words().collect()
}

fn text(words: &[u32]) -> Vec<String> {
    words
        .iter()
        .map(|&word| Instruction(word).to_string())
        .collect()
}

const T: &[Reg] = <Mips<'_, WORDS> as Target>::TEMPORARIES;

#[test]
fn a_leaf_that_saves_nothing_has_no_frame() {
    assert_eq!(leaf(|_| {}), [m::jr(31), NOP]);
}

#[test]
fn the_instruction_before_a_branch_moves_into_its_slot_if_it_may() {
    let [a, b, d] = [T[0], T[1], T[2]];
    let skip = |asm: &mut Asm<'_>, before: &dyn Fn(&mut Asm<'_>)| {
        let label = asm.label();
        before(asm);
        asm.bequ(a, b, label);
        asm.bind(label);
    };
    // It may.
    let words = leaf(|asm| skip(asm, &|asm| asm.addu(d, a, b)));
    assert_eq!(words[..2], [m::beq(3, 8, 1), m::addu(9, 3, 8)]);
    // The branch reads what it writes.
    let words = leaf(|asm| skip(asm, &|asm| asm.addu(a, a, b)));
    assert_eq!(words[..3], [m::addu(3, 3, 8), m::beq(3, 8, 1), NOP]);
    // It stands between a load and the branch that uses it at once.
    let words = leaf(|asm| {
        skip(asm, &|asm| {
            asm.ldu(a, d, 0);
            asm.addu(d, d, 1);
        })
    });
    assert_eq!(
        words[..4],
        [m::lw(3, 0, 9), m::addiu(9, 9, 1), m::beq(3, 8, 1), NOP]
    );
    // It is reached from elsewhere too, without the branch.
    let words = leaf(|asm| {
        skip(asm, &|asm| {
            let here = asm.label();
            asm.addu(d, a, b);
            asm.bind(here);
        })
    });
    assert_eq!(words[..3], [m::addu(9, 3, 8), m::beq(3, 8, 1), NOP]);
    // It is part of a longer instruction.
    let words = leaf(|asm| skip(asm, &|asm| asm.addu(d, a, 0x12345)));
    assert_eq!(words[3..5], [m::beq(3, 8, 1), NOP]);
}

#[test]
fn a_load_in_a_slot_is_kept_from_its_use_on_both_paths() {
    let [a, b, d] = [T[0], T[1], T[2]];
    let load = Op::Load(Ty::U, Align::Natural, d, b, Offset::Imm(4));
    let branch = |label| Branch::Compare(Compare::Eq, Ty::U, a, Src::Imm(0), label);
    // Behind the branch, and at its label.
    let words = leaf(|asm| {
        let label = asm.label();
        asm.schedule_delay(branch(label), load);
        asm.addu(d, d, 1);
        asm.bind(label);
        asm.addu(d, d, 2);
    });
    let expected = [
        m::beq(3, 0, 3),
        m::lw(9, 4, 8),
        NOP,
        m::addiu(9, 9, 1),
        NOP,
        m::jr(31),
        m::addiu(9, 9, 2),
    ];
    assert_eq!(words, expected, "{:#?}", text(&words));
    // Backwards to an instruction that reads it: not in the slot.
    let words = leaf(|asm| {
        let label = asm.label();
        asm.bind(label);
        asm.addu(d, d, 1);
        asm.subu(a, a, b);
        asm.schedule_delay(branch(label), load);
    });
    assert_eq!(words[2..5], [m::lw(9, 4, 8), m::beq(3, 0, 0xfffc), NOP]);
}

#[test]
fn what_is_loaded_last_is_returned_through_the_slot_or_after_a_nop() {
    let [a, b] = [T[0], T[1]];
    let words = leaf(|asm| {
        asm.ldu(a, b, 0);
        asm.retu(a);
    });
    assert_eq!(words[..3], [m::lw(3, 0, 8), m::jr(31), m::addu(2, 3, 0)]);
    // With a frame the last return falls into the epilogue.
    let mut buffer = [0; WORDS];
    let mut asm = Assembler::new(Mips::new(&mut buffer));
    let [] = asm.begin(&LEAF).expect("no parameters");
    asm.local(Ty::U).expect("room");
    asm.ldu(a, b, 0);
    asm.retu(a);
    let words: Vec<u32> = asm.end().expect("a function").words().collect();
    assert_eq!(words[..2], [m::addiu(29, 29, -32), m::lw(3, 0, 8)]);
    assert_ne!(words[2], m::addu(2, 3, 0), "{:#?}", text(&words));
}

#[test]
fn writes_of_hi_and_lo_keep_their_distance() {
    let [a, b, d] = [T[0], T[1], T[2]];
    let words = leaf(|asm| {
        asm.mulu(d, a, b);
        asm.mulu(d, d, b);
        asm.addu(a, a, 1);
        asm.mulu(d, d, b);
        asm.addu(a, a, 1);
        asm.addu(a, a, 1);
        asm.mulu(d, d, b);
    });
    let nops = words.iter().filter(|&&word| word == NOP).count();
    // Two, one, none, and the return's slot.
    assert_eq!(
        (nops, &words[1..5]),
        (4, &[m::mflo(9), NOP, NOP, m::multu(9, 8)][..])
    );
}

#[test]
fn a_jump_table_is_branches_behind_a_branch_that_links() {
    let words = leaf(|asm| {
        let labels = [asm.label(), asm.label()];
        asm.jump_table(T[0], &labels);
        for label in labels {
            asm.bind(label);
            asm.ret();
        }
    });
    assert_eq!(
        words[..12],
        [
            m::sltiu(1, 3, 2),
            m::beq(1, 0, 10),
            m::addu(2, 31, 0),
            m::bgezal(0, 5),
            m::sll(1, 3, 3),
            m::beq(0, 0, 6),
            NOP,
            m::beq(0, 0, 6),
            NOP,
            m::addu(1, 1, 31),
            m::jr(1),
            m::addu(31, 2, 0),
        ]
    );
}

#[test]
fn one_instruction_of_each_kind_as_text() {
    let [d, a, s] = [T[1], T[2], T[3]];
    let mut listing = String::new();
    for entry in OPS {
        for (kind, b, offset) in [
            ("reg", Src::Reg(s), Offset::Index(s, Scale::X2, 6)),
            ("short", Src::Imm(0x1234), Offset::Imm(14)),
            ("long", Src::Imm(0x8765_4321), Offset::Imm(0x1_8000)),
            ("zero", Src::Imm(0), Offset::Imm(0)),
        ] {
            let words = leaf(|asm| emit_one(asm, entry, [d, a, s], b, offset));
            if words.len() > 2 {
                let _ = writeln!(listing, "{} {kind}:", entry.name);
                let body = text(&words).into_iter();
                body.for_each(|line| listing.push_str(&std::format!("    {line}\n")));
            }
        }
    }
    expect_file!["../../../testdata/vcode/mips-selection.txt"].assert_eq(&listing);
}

fn emit_one(asm: &mut Asm<'_>, entry: &Entry, [d, a, s]: [Reg; 3], b: Src, offset: Offset) {
    match (entry.form, b) {
        (Form::Binary(op, ty), _) => asm.op(Op::Binary(op, ty, d, a, b)),
        (Form::Unary(op, ty), Src::Reg(_)) => asm.op(Op::Unary(op, ty, d, a)),
        (Form::Convert(from, to), Src::Reg(_)) => asm.op(Op::Convert(from, to, d, a)),
        (Form::Set(ty), Src::Imm(value)) => asm.op(Op::Set(ty, d, value)),
        (Form::Load(ty, align), _) => asm.op(Op::Load(ty, align, d, a, offset)),
        (Form::Store(ty, align), _) => asm.op(Op::Store(ty, align, d, a, offset)),
        (Form::CondMove(compare, ty), _) => asm.op(Op::CondMove(compare, ty, d, s, a, b)),
        (Form::Branch(compare, ty), _) => {
            let label = asm.label();
            asm.branch(Branch::Compare(compare, ty, a, b, label));
            asm.bind(label);
        }
        _ => return,
    }
    // So that the return has something for its slot and what is shown is the instruction alone.
    asm.setu(T[0], 7);
}

#[test]
fn the_papers_filter_as_text() -> Result<(), Error> {
    let mut buffer = [0; WORDS];
    let mut asm = Assembler::new(Mips::new(&mut buffer));
    let signature = Signature {
        params: &[Ty::P, Ty::U],
        result: Some(Ty::U),
        leaf: true,
    };
    let [packet, len] = asm.begin(&signature)?;
    let [a, b] = [asm.getreg(Class::Temporary)?, asm.getreg(Class::Temporary)?];
    let reject = asm.label();
    // The packet lies at 2 modulo 4: its IP header is aligned to words. Each field is loaded in the slot of the
    // branch on the one before.
    let load = |ty, d, offset| Op::Load(ty, Align::Natural, d, packet, Offset::Imm(offset));
    let differs = |a, value| Branch::Compare(Compare::Ne, Ty::U, a, Src::Imm(value), reject);
    let too_short = Branch::Compare(Compare::Lt, Ty::U, len, Src::Imm(38), reject);
    asm.schedule_delay(too_short, load(Ty::Us, a, 12));
    asm.schedule_delay(differs(a, 0x0008), load(Ty::Uc, b, 23));
    asm.schedule_delay(differs(b, 6), load(Ty::U, a, 26));
    asm.schedule_delay(differs(a, 0x0145_0cc0), load(Ty::U, b, 34));
    asm.bneu(b, 0xe110_d204_u32, reject);
    asm.retu(1);
    asm.bind(reject);
    asm.retu(0);
    let code = asm.end()?;
    expect_file!["../../../testdata/vcode/mips-filter.txt"].assert_eq(&code.to_string());
    let mut packet = [0_u8; 40];
    packet[12..14].copy_from_slice(&[8, 0]);
    packet[23] = 6;
    packet[26..30].copy_from_slice(&[192, 12, 69, 1]);
    packet[34..38].copy_from_slice(&[0x04, 0xd2, 0x10, 0xe1]);
    let mut machine = machine(&code);
    machine.load_bytes(DATA + 2, &packet);
    let accept = machine.call(BASE, &[DATA + 2, 38], 100).expect("a filter");
    assert_eq!(
        (machine.register(Register::V0), accept.instructions),
        (1, 19)
    );
    machine.call(BASE, &[DATA + 2, 37], 100).expect("a filter");
    assert_eq!(machine.register(Register::V0), 0);
    Ok(())
}

/// Where tests keep data on the machine.
const DATA: u32 = BASE + 0x10_0000;

fn machine(code: &Code<'_>) -> Bare {
    let mut machine = Bare::new();
    let mut words = std::vec![0; code.len()];
    let mut flushed = 0;
    code.install(&mut words, |written| flushed = written.len())
        .expect("room for it");
    assert_eq!(flushed, code.len());
    machine.load_words(BASE, &words);
    machine
}

#[test]
fn a_function_with_everything_in_its_frame_runs_and_prints() -> Result<(), Error> {
    let mut buffer = [0; WORDS];
    let mut asm = Assembler::new(Mips::new(&mut buffer));
    let signature = Signature {
        params: &[Ty::U; 6],
        result: Some(Ty::U),
        leaf: false,
    };
    // f(n, x, …) calls itself with its parameters turned until n is 0, and then weighs them.
    let [n, params @ ..]: [Reg; 6] = asm.begin(&signature)?;
    let sum = asm.getreg(Class::Persistent)?;
    let local = asm.local_block(MAX_LOCALS - 8, 8)?;
    let last = asm.local(Ty::U)?;
    let done = asm.label();
    asm.store_local(Ty::U, params[0], last);
    asm.store_local(Ty::U, params[1], local);
    asm.bequ(n, 0, done);
    asm.subu(n, n, 1);
    let [a, b, c, d, e] = params;
    let turned = [n, b, c, d, e, a].map(Src::Reg);
    asm.call(Callee::Address(BASE.into()), &turned, Some(sum));
    asm.load_local(Ty::U, a, last);
    asm.addu(sum, sum, a);
    asm.retu(sum);
    asm.bind(done);
    asm.setu(sum, 0);
    for param in params {
        asm.mulu(sum, sum, 10);
        asm.addu(sum, sum, param);
    }
    asm.retu(sum);
    let code = asm.end()?;
    expect_file!["../../../testdata/vcode/mips-function.txt"].assert_eq(&code.to_string());
    let mut machine = machine(&code);
    let saved: Vec<Register> = [16, 17, 18, 19, 20, 21, 22, 23, 30].map(register).to_vec();
    for (register, value) in saved.iter().zip(100..) {
        machine.set_register(*register, value);
    }
    let stack = machine.register(Register::SP) - 24;
    machine.set_register(Register::SP, stack);
    machine.load_words(stack + 16, &[4, 5]);
    machine
        .call(BASE, &[2, 1, 2, 3], 10_000)
        .expect("it returns");
    // Turned twice: 3 4 5 1 2, and on the way back 2 and 1.
    assert_eq!(machine.register(Register::V0), 34_512 + 2 + 1);
    assert_eq!(machine.register(Register::SP), stack);
    for (register, value) in saved.iter().zip(100..) {
        assert_eq!(machine.register(*register), value);
    }
    Ok(())
}

fn register(number: u8) -> Register {
    Register::new(number).expect("a number below 32")
}

#[test]
fn accesses_reach_any_offset_with_any_alignment() {
    let bytes: Vec<u8> = (0..64)
        .map(|at: u8| at.wrapping_mul(3).wrapping_add(0x81))
        .collect();
    for entry in OPS {
        let Form::Load(ty, align) = entry.form else {
            continue;
        };
        let width = ty.bytes(32);
        let places = if align == Align::Natural { 0..1 } else { 0..4 };
        for (place, far) in places.flat_map(|place| {
            [
                0, 0x7fff, 0x8000, -0x8000, -0x8004, 0x7ffc, 0x1_2345, -0x12_3456,
            ]
            .map(|far| (place, far))
        }) {
            let far: i32 = far & !3;
            let address = 32 + place;
            for indexed in [false, true] {
                let mut buffer = [0; WORDS];
                let mut asm = Assembler::new(Mips::new(&mut buffer));
                let signature = Signature {
                    params: &[Ty::P, Ty::Ul],
                    result: Some(Ty::U),
                    leaf: true,
                };
                let [base, index] = asm.begin(&signature).expect("two parameters");
                let offset = far + place;
                let offset = if indexed {
                    Offset::Index(index, Scale::X4, offset)
                } else {
                    Offset::Imm(offset)
                };
                // Into its own base, which is the hardest case.
                asm.op(Op::Load(ty, align, base, base, offset));
                asm.retu(base);
                let mut machine = machine(&asm.end().expect("a function"));
                machine.load_bytes(DATA, &bytes);
                let base = (DATA + 32).wrapping_sub(far as u32);
                let base = if indexed {
                    base.wrapping_sub(4 * 5)
                } else {
                    base
                };
                machine.call(BASE, &[base, 5], 100).expect("a load");
                let raw = bytes[address as usize..][..width as usize].iter().rev();
                let raw = raw.fold(0_u32, |value, &byte| value << 8 | u32::from(byte));
                let shift = 32 - 8 * width;
                let expected = if ty.is_signed() {
                    ((raw << shift) as i32 >> shift) as u32
                } else {
                    raw
                };
                assert_eq!(
                    machine.register(Register::V0),
                    expected,
                    "{} at {far:#x}",
                    entry.name
                );
            }
        }
    }
}

#[test]
fn a_function_may_use_the_whole_buffer_and_no_more() {
    let mut buffer = [0; 1024];
    let mut asm = Assembler::new(Mips::new(&mut buffer));
    // Three quarters, less the sink and the prologue's room.
    let most = 768 - 128 - 16;
    for (words, fits) in [(most - 5, true), (most - 4, false), (5000, false)] {
        let [] = asm.begin(&LEAF).expect("no parameters");
        let label = asm.label();
        (0..words).for_each(|_| asm.comu(T[0], T[0]));
        asm.bequ(T[0], 0, label);
        asm.bind(label);
        asm.ret();
        let result = asm.end();
        let kind = result.as_ref().map(Code::len).map_err(Error::kind);
        if fits {
            assert_eq!(kind, Ok(words + 4));
        } else {
            assert_eq!(kind, Err(ErrorKind::BufferLimit));
        }
    }
    let [] = asm.begin(&LEAF).expect("no parameters");
    let labels: Vec<_> = (0..129).map(|_| asm.label()).collect();
    labels.into_iter().for_each(|label| asm.bind(label));
    asm.ret();
    let error = asm.end().map(|_| ()).expect_err("one label too many");
    assert_eq!(
        (error.kind(), error.given(), error.limit()),
        (ErrorKind::LabelLimit, 129, 128)
    );
}

#[test]
fn installing_needs_room() {
    let mut buffer = [0; WORDS];
    let mut asm = Assembler::new(Mips::new(&mut buffer));
    let [] = asm.begin(&LEAF).expect("no parameters");
    asm.ret();
    let code = asm.end().expect("a function");
    let error = code.install(&mut [0], |_| panic!("nothing was written"));
    assert_eq!(
        error.map_err(|error| (error.given(), error.limit())),
        Err((8, 4))
    );
}

#[test]
fn every_binary_operation_is_right_by_a_constant() {
    for (op, b, expected) in [
        (Binary::Mul, 8, 56),
        (Binary::Mul, 0, 0),
        (Binary::Mul, 0xffff_fff9, 0xffff_ffcf),
        (Binary::Div, 4, 1),
        (Binary::Mod, 4, 3),
        (Binary::Cksum, 0xffff_ffff, 7),
        (Binary::Cksum, 0x8765_4321, 0x8765_4328),
        (Binary::Fold, 0x8000_0000, 0x8000_0003),
        (Binary::Xor, 0xffff_ffff, 0xffff_fff8),
    ] {
        let mut buffer = [0; WORDS];
        let mut asm = Assembler::new(Mips::new(&mut buffer));
        let signature = Signature {
            params: &[Ty::U],
            result: Some(Ty::U),
            leaf: true,
        };
        let [a] = asm.begin(&signature).expect("a parameter");
        asm.op(Op::Binary(op, Ty::U, a, a, Src::Imm(b)));
        asm.retu(a);
        let mut machine = machine(&asm.end().expect("a function"));
        machine.call(BASE, &[7], 100).expect("arithmetic");
        assert_eq!(machine.register(Register::V0), expected, "{op:?} {b:#x}");
    }
}
