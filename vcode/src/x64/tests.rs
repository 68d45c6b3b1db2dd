//! The encoder before two strangers: a disassembler, and listings a person can read.
//!
//! Every portable instruction is emitted with every choice of coinciding operands and with constants around
//! every limit of encoding; what iced-x86 decodes must be valid to the last byte, and may write nothing
//! but what the interface allows. The third judge, the processor, is in [`crate::fuzzing`].

use core::fmt::Write as _;
use std::collections::BTreeSet;
use std::string::String;
use std::vec::Vec;

use expect_test::expect_file;
use iced_x86::{
    Code, Decoder, DecoderOptions, Formatter, InstructionInfoFactory, IntelFormatter, OpAccess,
    Register,
};

use super::{X64, abi};
use crate::op::{Binary, Branch, Callee, Entry, Form, LIST, Offset, Op, Scale, Src};
use crate::{Assembler, Class, Reg, Signature, Target, Ty};

type Asm = Assembler<X64>;

const IMMEDIATES: [i64; 17] = [
    0,
    1,
    -1,
    31,
    64,
    127,
    128,
    -128,
    -129,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    -0x8000_0000,
    -0x8000_0001,
    0x1_0000_0000,
    i64::MAX,
    i64::MIN,
];

/// The instruction of the entry with these operands, if it is one that goes on to the next.
fn op(entry: &Entry, [d, a, s]: [Reg; 3], b: Src, offset: Offset) -> Option<Op> {
    Some(match entry.form {
        Form::Binary(op, ty) => Op::Binary(op, ty, d, a, b),
        Form::Unary(op, ty) => Op::Unary(op, ty, d, a),
        Form::Convert(from, to) => Op::Convert(from, to, d, a),
        Form::Set(ty) => match b {
            Src::Imm(value) => Op::Set(ty, d, value),
            Src::Reg(_) => return None,
        },
        Form::Load(ty, align) => Op::Load(ty, align, d, a, offset),
        Form::Store(ty, align) => Op::Store(ty, align, d, a, offset),
        Form::CondMove(compare, ty) => Op::CondMove(compare, ty, d, s, a, b),
        Form::Branch(..) | Form::Return(_) | Form::Control => return None,
    })
}

/// The bytes of a function whose body is what `body` emits.
fn leaf(asm: &mut Asm, body: impl FnOnce(&mut Asm)) -> Vec<u8> {
    let signature = Signature {
        params: &[],
        result: None,
        leaf: true,
    };
    let [] = asm.begin(&signature).expect("no parameters");
    body(asm);
    asm.ret();
    asm.end().expect("a function").bytes().to_vec()
}

/// Decodes all the bytes, checks that each instruction is valid and ends inside, and gives what they write.
fn written(code: &[u8]) -> BTreeSet<Register> {
    let mut factory = InstructionInfoFactory::new();
    let mut written = BTreeSet::new();
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    while decoder.can_decode() {
        let instruction = decoder.decode();
        assert!(!instruction.is_invalid(), "invalid: {code:02x?}");
        let writes = |access| {
            !matches!(
                access,
                OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
            )
        };
        let info = factory.info(&instruction);
        written.extend(
            info.used_registers()
                .iter()
                .filter(|used| writes(used.access()))
                .map(|used| used.register().full_register()),
        );
    }
    assert_eq!(decoder.position(), code.len(), "cut off: {code:02x?}");
    written
}

fn full_register(reg: Reg) -> Register {
    [
        Register::RAX,
        Register::RCX,
        Register::RDX,
        Register::RBX,
        Register::RSP,
        Register::RBP,
        Register::RSI,
        Register::RDI,
        Register::R8,
        Register::R9,
        Register::R10,
        Register::R11,
        Register::R12,
        Register::R13,
        Register::R14,
        Register::R15,
    ][reg.number() as usize]
}

/// Registers that may be handed out.
fn all() -> impl Iterator<Item = Reg> + Clone {
    X64::TEMPORARIES.iter().chain(X64::PERSISTENTS).copied()
}

/// Emits the instruction alone and checks what it decodes to and writes.
fn check(asm: &mut Asm, op: Op) {
    let code = leaf(asm, |asm| asm.op(op));
    let mut allowed = BTreeSet::from([Register::RAX, Register::RDX, Register::RSP]);
    allowed.extend(op.writes().map(full_register));
    if matches!(
        op,
        Op::Binary(Binary::Lsh | Binary::Rsh, _, _, _, Src::Reg(_))
    ) {
        // Saved and restored: the comparison with the oracle would show if it were not.
        allowed.insert(Register::RCX);
    }
    let written = written(&code);
    assert!(
        written.is_subset(&allowed),
        "{op:?} writes {written:?}: {code:02x?}"
    );
}

#[test]
fn every_choice_of_registers_decodes_and_writes_only_its_destination() {
    let mut asm = Asm::new(X64::new());
    for entry in LIST {
        for (at, d) in all().enumerate() {
            for a in all() {
                for s in all().skip(at % 3).step_by(3) {
                    if let Some(op) = op(
                        entry,
                        [d, a, s],
                        Src::Reg(s),
                        Offset::Index(s, Scale::X4, 64),
                    ) {
                        check(&mut asm, op);
                    }
                }
            }
        }
    }
}

#[test]
fn every_constant_decodes_and_writes_only_its_destination() {
    let mut asm = Asm::new(X64::new());
    for entry in LIST {
        for d in all().step_by(2) {
            for a in all().step_by(3).chain([d]) {
                for value in IMMEDIATES {
                    if let Some(op) =
                        op(entry, [d, a, a], Src::Imm(value), Offset::Imm(value as i32))
                    {
                        check(&mut asm, op);
                    }
                }
            }
        }
    }
}

#[test]
fn every_memory_operand_names_its_registers_and_displacement() {
    let mut asm = Asm::new(X64::new());
    let scales = [
        (Scale::X1, 1),
        (Scale::X2, 2),
        (Scale::X4, 4),
        (Scale::X8, 8),
    ];
    for base in all().chain([X64::FRAME]) {
        for index in all() {
            for (scale, factor) in scales {
                for displacement in [0, 127, -128, 128, i32::MAX, i32::MIN] {
                    let code = leaf(&mut asm, |asm| {
                        asm.ldu(index, base, (index, scale, displacement))
                    });
                    let instruction = Decoder::new(64, &code, DecoderOptions::NONE).decode();
                    assert_eq!(instruction.memory_base(), full_register(base));
                    assert_eq!(instruction.memory_index(), full_register(index));
                    assert_eq!(instruction.memory_index_scale(), factor);
                    assert_eq!(
                        instruction.memory_displacement64(),
                        i64::from(displacement) as u64
                    );
                }
            }
        }
    }
}

#[test]
fn branches_reach_their_labels_in_both_directions() {
    let mut asm = Asm::new(X64::new());
    let [a, ..] = [X64::TEMPORARIES[0]];
    let code = leaf(&mut asm, |asm| {
        let (back, forward) = (asm.label(), asm.label());
        asm.bind(back);
        asm.bltu(a, 7, forward);
        asm.jump(back);
        asm.bind(forward);
    });
    let mut decoder = Decoder::new(64, &code, DecoderOptions::NONE);
    let instructions: Vec<_> = decoder.iter().collect();
    assert_eq!(instructions[1].near_branch_target(), instructions[3].ip());
    assert_eq!(instructions[2].near_branch_target(), 0);
}

#[test]
fn a_jump_table_lies_behind_the_code_and_holds_offsets_from_itself() {
    let mut asm = Asm::new(X64::new());
    let signature = Signature {
        params: &[Ty::U],
        result: Some(Ty::U),
        leaf: true,
    };
    let [index] = asm.begin(&signature).expect("one parameter");
    let labels = [asm.label(), asm.label()];
    asm.jump_table(index, &labels);
    asm.retu(9);
    let mut starts = Vec::new();
    for (value, label) in (0..).zip(labels) {
        starts.push(asm.target().buffer.len() - abi::PROLOGUE);
        asm.bind(label);
        asm.retu(value);
    }
    let code = asm.end().expect("a function");
    let [table] = code.tables() else {
        panic!("one table")
    };
    assert_eq!(
        (table.count, table.start as usize),
        (2, code.instructions().len())
    );
    assert_eq!(code.bytes().len(), table.start as usize + 8);
    for (start, entry) in starts
        .iter()
        .zip(code.bytes()[table.start as usize..].chunks_exact(4))
    {
        let offset = i32::from_le_bytes(entry.try_into().expect("four bytes"));
        assert_eq!(i64::from(table.start) + i64::from(offset), *start as i64);
    }
}

#[test]
fn a_leaf_that_saves_nothing_has_no_frame() {
    let mut asm = Asm::new(X64::new());
    assert_eq!(leaf(&mut asm, |_| {}), [0xc3]);
}

#[test]
fn the_longest_prologue_fits_the_room_left_for_it() {
    let mut asm = Asm::new(X64::new());
    let code = leaf(&mut asm, |asm| {
        while asm.getreg(Class::Persistent).is_ok() {}
        asm.local_block(crate::MAX_LOCALS, 8)
            .expect("exactly the limit");
    });
    let mut decoder = Decoder::new(64, &code, DecoderOptions::NONE);
    assert!(
        decoder
            .iter()
            .take(6)
            .all(|push| push.code() == Code::Push_r64)
    );
    assert_eq!(decoder.position(), 12);
    assert_eq!(
        (decoder.decode().code(), decoder.position()),
        (Code::Sub_rm64_imm32, abi::PROLOGUE)
    );
}

#[test]
fn one_instruction_of_each_kind_as_text() {
    let mut asm = Asm::new(X64::new());
    let [d, a, s] = [
        X64::PERSISTENTS[0],
        X64::TEMPORARIES[1],
        X64::TEMPORARIES[4],
    ];
    let mut text = String::new();
    for entry in LIST {
        for (kind, b, offset) in [
            ("reg", Src::Reg(s), Offset::Index(s, Scale::X2, 6)),
            ("imm", Src::Imm(0x1234), Offset::Imm(14)),
        ] {
            let code = leaf(&mut asm, |asm| {
                match (entry.form, op(entry, [d, a, s], b, offset)) {
                    (_, Some(op)) => asm.op(op),
                    (Form::Branch(compare, ty), _) => {
                        let label = asm.label();
                        asm.branch(Branch::Compare(compare, ty, a, b, label));
                        asm.bind(label);
                    }
                    _ => {}
                }
            });
            if code != [0xc3] {
                let _ = writeln!(text, "{} {kind}:", entry.name);
                list(&mut text, &code);
            }
        }
    }
    expect_file!["../../../testdata/vcode/x64-instructions.txt"].assert_eq(&text);
}

#[test]
fn a_function_with_everything_in_its_frame_as_text() {
    let mut asm = Asm::new(X64::new());
    let signature = Signature {
        params: &[Ty::P, Ty::U, Ty::Ul],
        result: Some(Ty::Ul),
        leaf: false,
    };
    let [p, n, key] = asm.begin(&signature).expect("three parameters");
    let sum = asm.getreg(Class::Persistent).expect("a register");
    let local = asm.local(Ty::Ul).expect("room");
    let (again, done) = (asm.label(), asm.label());
    asm.setul(sum, 0);
    asm.bind(again);
    asm.bequ(n, 0, done);
    asm.store_local(Ty::Ul, sum, local);
    asm.call(
        Callee::Address(0x1234_5678_9abc),
        &[key.into(), p.into(), n.into(), Src::Imm(7)],
        Some(sum),
    );
    asm.subu(n, n, 1);
    asm.jump(again);
    asm.bind(done);
    asm.retul(sum);
    let code = asm.end().expect("a function");
    let mut text = String::new();
    list(&mut text, code.instructions());
    expect_file!["../../../testdata/vcode/x64-function.txt"].assert_eq(&text);
}

/// Appends address, bytes and text of each instruction.
fn list(text: &mut String, code: &[u8]) {
    let mut formatter = IntelFormatter::new();
    for instruction in &mut Decoder::new(64, code, DecoderOptions::NONE) {
        let (start, mut line) = (instruction.ip() as usize, String::new());
        formatter.format(&instruction, &mut line);
        let bytes: String = code[start..start + instruction.len()]
            .iter()
            .map(|b| std::format!("{b:02x}"))
            .collect();
        let _ = writeln!(text, "  {start:3x}  {bytes:20}  {line}");
    }
}
