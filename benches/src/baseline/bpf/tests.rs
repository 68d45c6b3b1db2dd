//! Every instruction against its definition, and the programs that must be refused.
use super::*;
use alloc::vec;

const fn op(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
    Instruction { code, jt, jf, k }
}

fn value(instructions: &[Instruction], packet: &[u8]) -> u32 {
    let mut program = instructions.to_vec();
    program.push(op(code::RET_A, 0, 0, 0));
    let program = Program::new(program).expect("a well-formed program");
    match program.run(packet, 1500, &mut [0; SCRATCH_WORDS]) {
        Outcome::Return(value) => value,
        Outcome::Match(_) => unreachable!("no MATCH_IMM in a plain program"),
    }
}

#[test]
fn loads_are_big_endian_and_reject_outside_the_packet() {
    let packet = [1, 2, 3, 4, 0x45];
    assert_eq!(value(&[op(code::LD_W_ABS, 0, 0, 0)], &packet), 0x0102_0304);
    assert_eq!(value(&[op(code::LD_H_ABS, 0, 0, 3)], &packet), 0x0445);
    assert_eq!(value(&[op(code::LD_B_ABS, 0, 0, 4)], &packet), 0x45);
    assert_eq!(
        value(
            &[op(code::LDX_MSH, 0, 0, 4), op(code::TXA, 0, 0, 0)],
            &packet
        ),
        20
    );
    assert_eq!(value(&[op(code::LD_LEN, 0, 0, 0)], &packet), 1500);
    let indexed = [op(code::LDX_IMM, 0, 0, 2), op(code::LD_H_IND, 0, 0, 1)];
    assert_eq!(value(&indexed, &packet), 0x0445);
    for k in [2, 5, u32::MAX] {
        let first = op(code::LD_IMM, 0, 0, 7);
        assert_eq!(value(&[first, op(code::LD_W_ABS, 0, 0, k)], &packet), 0);
        assert_eq!(
            value(
                &[
                    first,
                    op(code::LDX_IMM, 0, 0, 5),
                    op(code::LD_B_IND, 0, 0, k)
                ],
                &packet
            ),
            0
        );
    }
}

#[test]
fn arithmetic_wraps_and_shifts_out() {
    let cases = [
        (code::ADD_K, code::ADD_X, u32::MAX, 2, 1),
        (code::SUB_K, code::SUB_X, 1, 2, u32::MAX),
        (code::MUL_K, code::MUL_X, 0x8000_0001, 2, 2),
        (code::DIV_K, code::DIV_X, 17, 5, 3),
        (code::OR_K, code::OR_X, 0b1100, 0b1010, 0b1110),
        (code::AND_K, code::AND_X, 0b1100, 0b1010, 0b1000),
        (code::LSH_K, code::LSH_X, 3, 31, 0x8000_0000),
        (code::LSH_K, code::LSH_X, 3, 32, 0),
        (code::RSH_K, code::RSH_X, 0x8000_0000, 31, 1),
    ];
    for (with_k, with_x, a, operand, expected) in cases {
        let start = [op(code::LD_IMM, 0, 0, a), op(code::LDX_IMM, 0, 0, operand)];
        let [a, x] = start;
        assert_eq!(
            value(&[a, x, op(with_k, 0, 0, operand)], &[]),
            expected,
            "{with_k:#x}"
        );
        assert_eq!(
            value(&[a, x, op(with_x, 0, 0, 0)], &[]),
            expected,
            "{with_x:#x}"
        );
    }
    assert_eq!(
        value(&[op(code::LD_IMM, 0, 0, 1), op(code::NEG, 0, 0, 0)], &[]),
        u32::MAX
    );
    assert_eq!(
        value(&[op(code::LD_IMM, 0, 0, 9), op(code::DIV_X, 0, 0, 0)], &[]),
        0,
        "X is zero"
    );
}

#[test]
fn jumps_choose_and_memory_keeps() {
    let cases = [
        (code::JEQ_K, 5, 5, true),
        (code::JEQ_K, 5, 6, false),
        (code::JGT_K, 5, 5, false),
        (code::JGT_K, 6, 5, true),
        (code::JGE_K, 5, 5, true),
        (code::JGE_K, 4, 5, false),
        (code::JSET_K, 6, 4, true),
        (code::JSET_K, 6, 1, false),
    ];
    for (jump, a, k, taken) in cases {
        let program = [
            op(code::LD_IMM, 0, 0, a),
            op(code::LDX_IMM, 0, 0, k),
            op(jump, 1, 0, k),
            op(code::JA, 0, 0, 1),
            op(code::RET_K, 0, 0, 1),
            op(code::LD_IMM, 0, 0, 0),
        ];
        assert_eq!(value(&program, &[]), u32::from(taken), "{jump:#x} {a} {k}");
        let mut by_x = program;
        by_x[2] = op(jump | 8, 1, 0, 0);
        assert_eq!(value(&by_x, &[]), u32::from(taken), "{jump:#x}, X");
    }
    let program = [
        op(code::LD_IMM, 0, 0, 7),
        op(code::ST, 0, 0, 15),
        op(code::LDX_MEM, 0, 0, 15),
        op(code::STX, 0, 0, 0),
        op(code::LD_IMM, 0, 0, 0),
        op(code::LD_MEM, 0, 0, 0),
    ];
    assert_eq!(value(&program, &[]), 7);
}

#[test]
fn programs_that_could_run_away_are_refused() {
    let end = op(code::RET_K, 0, 0, 1);
    let refused = [
        (vec![], ProgramError::Length(0)),
        (
            vec![end; MAX_INSTRUCTIONS + 1],
            ProgramError::Length(MAX_INSTRUCTIONS + 1),
        ),
        (vec![op(code::LD_LEN, 0, 0, 0)], ProgramError::Jump(0)),
        (vec![op(code::JA, 0, 0, 1), end], ProgramError::Jump(0)),
        (vec![op(code::JEQ_K, 0, 1, 0), end], ProgramError::Jump(0)),
        (
            vec![op(code::JA, 0, 0, u32::MAX), end],
            ProgramError::Jump(0),
        ),
        (
            vec![op(code::ST, 0, 0, 16), end],
            ProgramError::Instruction(0),
        ),
        (
            vec![op(code::DIV_K, 0, 0, 0), end],
            ProgramError::Instruction(0),
        ),
        (
            vec![end, op(0xffff, 0, 0, 0), end],
            ProgramError::Instruction(1),
        ),
        (
            vec![op(code::MATCH_IMM, 1, 0, 0), op(code::KEY_IMM, 0, 0, 1)],
            ProgramError::Instruction(0),
        ),
    ];
    for (program, error) in refused {
        assert_eq!(Program::new(program), Err(error));
    }
    let keys = |count| {
        [
            vec![op(code::MATCH_IMM, count, 0, 1)],
            vec![op(code::KEY_IMM, 0, 0, 1); 4],
        ]
        .concat()
    };
    assert!(Program::with_match(keys(4)).is_ok());
    assert_eq!(
        Program::with_match(keys(5)),
        Err(ProgramError::Instruction(0))
    );
    assert_eq!(
        Program::with_match(keys(0)),
        Err(ProgramError::Instruction(0))
    );
}
