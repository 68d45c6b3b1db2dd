//! What the portable instructions mean, as numbers worked out by hand: the oracle's own judge, at both
//! widths of a word.

use vcode::interp::{Interp, Machine, POISON, Program, Region, Trap};
use vcode::op::{Binary, Branch, Callee, Compare, Op, Src, Unary};
use vcode::{Assembler, Class, Reg, Signature, Target, Ty};

const NO_CALLS: fn(u64, &[u64]) -> Option<u64> = |_, _| None;

/// A function of two words, of which `body` makes a third, in the register it is given first.
fn function<const WORD: u32>(
    body: impl FnOnce(&mut Assembler<Interp<WORD>>, [Reg; 3]),
) -> Program<WORD> {
    let mut asm = Assembler::new(Interp::<WORD>::new());
    let signature = Signature {
        params: &[Ty::Ul, Ty::Ul],
        result: Some(Ty::Ul),
        leaf: false,
    };
    let [a, b] = asm.begin(&signature).expect("two parameters");
    let d = asm.getreg(Class::Persistent).expect("a register");
    asm.setul(d, 0);
    body(&mut asm, [d, a, b]);
    asm.retul(d);
    asm.end().expect("a program")
}

fn run<const WORD: u32>(
    program: &Program<WORD>,
    a: u64,
    b: u64,
    memory: &[Region],
) -> Result<u64, Trap> {
    let mut machine = Machine {
        memory: memory.to_vec(),
        fuel: 1000,
        host: &mut NO_CALLS.clone(),
    };
    program.run(&[a, b], &mut machine)
}

fn binary<const WORD: u32>(op: Binary, ty: Ty, a: u64, b: u64) -> u64 {
    let program = function::<WORD>(|asm, [d, a, b]| asm.op(Op::Binary(op, ty, d, a, Src::Reg(b))));
    let in_register = run(&program, a, b, &[]).expect("arithmetic does not trap");
    let program =
        function::<WORD>(|asm, [d, a, _]| asm.op(Op::Binary(op, ty, d, a, Src::Imm(b as i64))));
    assert_eq!(
        run(&program, a, 0, &[]),
        Ok(in_register),
        "{op:?} {ty:?} by a constant"
    );
    in_register
}

fn unary<const WORD: u32>(op: Unary, ty: Ty, a: u64) -> u64 {
    let program = function::<WORD>(|asm, [d, a, _]| asm.op(Op::Unary(op, ty, d, a)));
    run(&program, a, 0, &[]).expect("arithmetic does not trap")
}

fn convert<const WORD: u32>(from: Ty, to: Ty, a: u64) -> u64 {
    let program = function::<WORD>(|asm, [d, a, _]| asm.op(Op::Convert(from, to, d, a)));
    run(&program, a, 0, &[]).expect("conversion does not trap")
}

const MIN: u64 = 1 << 63;
const MIN32: u64 = 1 << 31;
const ALL: u64 = u64::MAX;
const ALL32: u64 = 0xffff_ffff;

#[test]
fn arithmetic_on_32_bits_ignores_upper_halves_and_clears_them() {
    let high = 0xabcd_ef01_0000_0000;
    for (op, ty, a, b, expected) in [
        (Binary::Add, Ty::U, ALL32, 1, 0),
        (Binary::Add, Ty::I, 5, ALL32, 4),
        (Binary::Sub, Ty::I, 0, 1, ALL32),
        (Binary::Mul, Ty::U, 0x1_0001, 0x1_0001, 0x0002_0001),
        (Binary::Div, Ty::I, 7, ALL32 - 1, ALL32 - 2),
        (Binary::Div, Ty::U, 7, ALL32 - 1, 0),
        (Binary::Div, Ty::I, 7, 0, 0),
        (Binary::Div, Ty::U, 7, 0, 0),
        (Binary::Div, Ty::I, MIN32, ALL32, MIN32),
        (Binary::Mod, Ty::I, ALL32 - 6, 3, ALL32),
        (Binary::Mod, Ty::U, ALL32, 16, 15),
        (Binary::Mod, Ty::I, 7, 0, 7),
        (Binary::Mod, Ty::U, 7, 0, 7),
        (Binary::Mod, Ty::I, MIN32, ALL32, 0),
        (Binary::And, Ty::U, 0b1100, 0b1010, 0b1000),
        (Binary::Or, Ty::U, 0b1100, 0b1010, 0b1110),
        (Binary::Xor, Ty::U, 0b1100, 0b1010, 0b0110),
        (Binary::Lsh, Ty::U, 1, 31, MIN32),
        (Binary::Lsh, Ty::U, 1, 33, 2),
        (Binary::Lsh, Ty::U, 3, 0, 3),
        (Binary::Rsh, Ty::U, MIN32, 31, 1),
        (Binary::Rsh, Ty::I, MIN32, 31, ALL32),
        (Binary::Rsh, Ty::I, MIN32, 63, ALL32),
        (Binary::MulHi, Ty::U, ALL32, ALL32, ALL32 - 1),
        (Binary::MulHi, Ty::I, ALL32, ALL32, 0),
        (Binary::MulHi, Ty::I, MIN32, 2, ALL32),
        (Binary::Fold, Ty::U, ALL32, ALL32, ALL32),
        (Binary::Cksum, Ty::U, ALL32, 1, 1),
        (Binary::Cksum, Ty::U, 1, 2, 3),
        (Binary::Cksum, Ty::U, ALL32, ALL32, ALL32),
    ] {
        assert_eq!(
            binary::<64>(op, ty, high | a, high | b),
            expected,
            "{op:?} {ty:?} {a:#x} {b:#x}"
        );
        assert_eq!(
            binary::<32>(op, ty, a, b),
            expected,
            "{op:?} {ty:?} {a:#x} {b:#x} on 32 bits"
        );
    }
}

#[test]
fn arithmetic_on_words_of_64_bits() {
    for (op, ty, a, b, expected) in [
        (Binary::Add, Ty::P, ALL, 2, 1),
        (Binary::Sub, Ty::Ul, 0, 1, ALL),
        (Binary::Mul, Ty::L, ALL, 5, ALL - 4),
        (Binary::Div, Ty::L, MIN, ALL, MIN),
        (Binary::Div, Ty::L, ALL, 2, 0),
        (Binary::Div, Ty::Ul, ALL, 2, ALL >> 1),
        (Binary::Div, Ty::Ul, ALL, 0, 0),
        (Binary::Mod, Ty::L, MIN, ALL, 0),
        (Binary::Mod, Ty::L, ALL - 4, 3, ALL - 1),
        (Binary::Mod, Ty::Ul, MIN, 0, MIN),
        (Binary::Lsh, Ty::Ul, 1, 63, MIN),
        (Binary::Lsh, Ty::Ul, 1, 65, 2),
        (Binary::Rsh, Ty::L, MIN, 63, ALL),
        (Binary::Rsh, Ty::Ul, MIN, 63, 1),
        (Binary::MulHi, Ty::Ul, ALL, ALL, ALL - 1),
        (Binary::MulHi, Ty::L, ALL, ALL, 0),
        (Binary::MulHi, Ty::L, MIN, MIN, 1 << 62),
        (Binary::Fold, Ty::Ul, ALL, ALL, ALL),
        (Binary::Fold, Ty::Ul, 1 << 40, 1 << 40, 1 << 16),
        (Binary::Cksum, Ty::Ul, ALL, 2, 2),
    ] {
        assert_eq!(
            binary::<64>(op, ty, a, b),
            expected,
            "{op:?} {ty:?} {a:#x} {b:#x}"
        );
    }
    // On a machine of 32 bits a word is 32 bits.
    assert_eq!(binary::<32>(Binary::Add, Ty::L, ALL32, 1), 0);
    assert_eq!(binary::<32>(Binary::MulHi, Ty::Ul, ALL32, ALL32), ALL32 - 1);
}

#[test]
fn operations_on_one_operand() {
    for (op, ty, a, expected) in [
        (Unary::Com, Ty::U, 0xabcd_0000_ffff_0000, 0xffff),
        (Unary::Com, Ty::L, 0, ALL),
        (Unary::Not, Ty::U, 1 << 32, 1),
        (Unary::Not, Ty::Ul, 1 << 32, 0),
        (Unary::Mov, Ty::I, ALL, ALL32),
        (Unary::Mov, Ty::P, ALL, ALL),
        (Unary::Neg, Ty::I, 1, ALL32),
        (Unary::Neg, Ty::L, MIN, MIN),
        (Unary::Bswap, Ty::Us, 0xffff_1234, 0x3412),
        (Unary::Bswap, Ty::U, 0xffff_0000_1234_5678, 0x7856_3412),
        (
            Unary::Bswap,
            Ty::Ul,
            0x0102_0304_0506_0708,
            0x0807_0605_0403_0201,
        ),
    ] {
        assert_eq!(unary::<64>(op, ty, a), expected, "{op:?} {ty:?} {a:#x}");
    }
    assert_eq!(unary::<32>(Unary::Bswap, Ty::Ul, 0x0102_0304), 0x0403_0201);
}

#[test]
fn conversions_cut_and_extend() {
    for (from, to, a, expected) in [
        (Ty::I, Ty::C, 0x1ff, ALL32),
        (Ty::I, Ty::C, 0x17f, 0x7f),
        (Ty::I, Ty::Uc, 0x1ff, 0xff),
        (Ty::I, Ty::S, 0x1_8000, 0xffff_8000),
        (Ty::I, Ty::Us, 0x1_8000, 0x8000),
        (Ty::I, Ty::L, ALL32, ALL),
        (Ty::I, Ty::Ul, MIN32, 0xffff_ffff_8000_0000),
        (Ty::U, Ty::L, ALL, ALL32),
        (Ty::U, Ty::Ul, ALL, ALL32),
        (Ty::L, Ty::I, ALL, ALL32),
        (Ty::Ul, Ty::U, MIN | 7, 7),
        (Ty::L, Ty::Ul, ALL, ALL),
        (Ty::Ul, Ty::P, ALL, ALL),
    ] {
        assert_eq!(
            convert::<64>(from, to, a),
            expected,
            "{from:?} to {to:?} {a:#x}"
        );
    }
}

#[test]
fn comparisons_see_sign_and_width() {
    for (compare, ty, a, b, expected) in [
        (Compare::Lt, Ty::I, ALL32, 0, true),
        (Compare::Lt, Ty::U, ALL32, 0, false),
        (Compare::Lt, Ty::L, ALL32, 0, false),
        (Compare::Gt, Ty::Ul, MIN, 1, true),
        (Compare::Gt, Ty::L, MIN, 1, false),
        (Compare::Le, Ty::U, 1 << 32, 0, true),
        (Compare::Ge, Ty::P, 5, 5, true),
        (Compare::Eq, Ty::U, 1 << 32, 0, true),
        (Compare::Ne, Ty::Ul, 1 << 32, 0, true),
    ] {
        let branch = function::<64>(|asm, [d, a, b]| {
            let past = asm.label();
            asm.setu(d, 1);
            asm.branch(Branch::Compare(compare, ty, a, Src::Reg(b), past));
            asm.setu(d, 0);
            asm.bind(past);
        });
        assert_eq!(
            run(&branch, a, b, &[]),
            Ok(u64::from(expected)),
            "{compare:?} {ty:?} {a:#x} {b:#x}"
        );
        let cond_move = function::<64>(|asm, [d, a, b]| {
            asm.op(Op::CondMove(compare, ty, d, a, a, Src::Reg(b)))
        });
        assert_eq!(run(&cond_move, a, b, &[]), Ok(if expected { a } else { 0 }));
    }
}

#[test]
fn memory_is_little_endian_and_its_bounds_and_alignment_hold() {
    let memory = [Region {
        base: 64,
        bytes: (0x80..0x90).collect(),
        writable: false,
    }];
    let load = |ty, align, at: u64| {
        let program = function::<64>(|asm, [d, a, _]| asm.op(Op::Load(ty, align, d, a, 0.into())));
        run(&program, at, 0, &memory)
    };
    use vcode::op::Align::{Any, Natural};
    assert_eq!(load(Ty::C, Natural, 64), Ok(0xffff_ff80));
    assert_eq!(load(Ty::Uc, Natural, 65), Ok(0x81));
    assert_eq!(load(Ty::S, Natural, 66), Ok(0xffff_8382));
    assert_eq!(load(Ty::Us, Natural, 66), Ok(0x8382));
    assert_eq!(load(Ty::I, Natural, 68), Ok(0x8786_8584));
    assert_eq!(load(Ty::L, Natural, 72), Ok(0x8f8e_8d8c_8b8a_8988));
    assert_eq!(load(Ty::U, Any, 65), Ok(0x8483_8281));
    assert_eq!(
        load(Ty::U, Natural, 65),
        Err(Trap::Misaligned {
            address: 65,
            bytes: 4
        })
    );
    assert_eq!(
        load(Ty::U, Any, 77),
        Err(Trap::Access {
            address: 77,
            bytes: 4
        })
    );
    assert_eq!(
        load(Ty::Uc, Natural, 63),
        Err(Trap::Access {
            address: 63,
            bytes: 1
        })
    );
    let store = function::<64>(|asm, [_, a, b]| asm.stuc(b, a, 0));
    assert_eq!(
        run(&store, 64, 1, &memory),
        Err(Trap::Access {
            address: 64,
            bytes: 1
        })
    );
}

#[test]
fn a_delay_slot_runs_whether_or_not_the_branch_is_taken() {
    for (a, expected) in [(0, 11), (1, 111)] {
        let program = function::<64>(|asm, [d, a, _]| {
            let past = asm.label();
            let slot = Op::Binary(Binary::Add, Ty::Ul, d, d, Src::Imm(11));
            asm.schedule_delay(
                Branch::Compare(Compare::Eq, Ty::U, a, Src::Imm(0), past),
                slot,
            );
            asm.addul(d, d, 100);
            asm.bind(past);
        });
        assert_eq!(run(&program, a, 0, &[]), Ok(expected));
    }
}

#[test]
fn a_table_goes_to_the_label_of_its_index_or_on() {
    for (a, expected) in [(0, 10), (1, 11), (2, 99), (1 << 32, 10), (ALL, 99)] {
        let program = function::<64>(|asm, [_, a, _]| {
            let cases = [asm.label(), asm.label()];
            asm.jump_table(a, &cases);
            asm.retu(99);
            for (value, case) in (10..).zip(cases) {
                asm.bind(case);
                asm.retu(value);
            }
        });
        assert_eq!(run(&program, a, 0, &[]), Ok(expected), "index {a:#x}");
    }
}

#[test]
fn calls_reach_the_host_and_lose_temporary_registers() {
    let program = function::<64>(|asm, [d, a, b]| {
        let temporary = asm.getreg(Class::Temporary).expect("a register");
        asm.setul(temporary, 5);
        asm.call(
            Callee::Address(0x1000),
            &[a.into(), b.into(), Src::Imm(-1)],
            Some(d),
        );
        asm.xorul(d, d, temporary);
    });
    let mut host =
        |address, arguments: &[u64]| (address == 0x1000 && arguments == [7, 8, ALL]).then_some(9);
    let mut machine = Machine {
        memory: Vec::new(),
        fuel: 100,
        host: &mut host,
    };
    assert_eq!(program.run(&[7, 8], &mut machine), Ok(9 ^ POISON));
    assert_eq!(
        program.run(&[7, 9], &mut machine),
        Err(Trap::NoFunction(0x1000))
    );
}

#[test]
fn an_endless_loop_uses_up_its_fuel() {
    let program = function::<32>(|asm, _| {
        let again = asm.label();
        asm.bind(again);
        asm.jump(again);
    });
    assert_eq!(run(&program, 0, 0, &[]), Err(Trap::Fuel));
}

#[test]
fn locals_are_aligned_and_do_not_overlap() {
    let program = function::<64>(|asm, [d, a, b]| {
        let byte = asm.local(Ty::Uc).expect("room");
        let words = [
            asm.local(Ty::Ul).expect("room"),
            asm.local(Ty::Ul).expect("room"),
        ];
        asm.store_local(Ty::Uc, a, byte);
        asm.store_local(Ty::Ul, a, words[0]);
        asm.store_local(Ty::Ul, b, words[1]);
        asm.local_address(d, words[0]);
        asm.ldul(d, d, 8);
        asm.load_local(Ty::Ul, a, words[0]);
        asm.lshul(a, a, 8);
        asm.orul(d, d, a);
        asm.load_local(Ty::Uc, a, byte);
        asm.lshul(a, a, 16);
        asm.orul(d, d, a);
    });
    assert_eq!(run(&program, 3, 7, &[]), Ok(0x0003_0307));
    assert_eq!(<Interp<64> as Target>::WORD_BITS, 64);
}
