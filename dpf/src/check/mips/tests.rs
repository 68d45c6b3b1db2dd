//! What the prover accepts and refuses, form by form.

use alloc::string::{String, ToString};
use alloc::{vec, vec::Vec};

use vcode::mips::encode::LIST;
use vcode::mips::text::Instruction;

use super::decode::{Disassembly, operation};
use super::{MAX_CODE, prove};
use crate::check::report::Reason;
use crate::check::{Alignment, Policy, Refusal, Report, Table};

const TABLE: u32 = 0x8012_0000;

fn policy() -> Policy {
    let table = Table {
        name: "keys".into(),
        address: TABLE.into(),
        length: 64,
    };
    Policy {
        entries: vec![0],
        tables: vec![table],
        frame: 64,
        longest_path: 100,
        packet: Alignment::Word,
    }
}

/// Lines in the syntax of GNU `as`; ends of lines may be `;`. Registers by number: the packet is in
/// `$4`, its captured length in `$5`.
fn assemble(text: &str) -> Vec<u32> {
    let lines = text.split([';', '\n']).map(str::trim);
    lines
        .filter(|line| !line.is_empty())
        .map(|line| match line {
            "nop" => 0,
            _ => {
                let parsed: Result<Instruction, _> = line.parse();
                parsed.unwrap_or_else(|_| panic!("`{line}`")).0
            }
        })
        .collect()
}

fn judge_under(policy: &Policy, text: &str) -> Result<Report, Refusal> {
    prove(&assemble(text), policy).map(|proved| proved.report())
}

fn judge(text: &str) -> Result<Report, Refusal> {
    judge_under(&policy(), text)
}

/// A function of these lines, then a return.
fn body(text: &str) -> Result<Report, Refusal> {
    judge(&(String::from(text) + "; jr $31; nop"))
}

#[track_caller]
fn refused(text: &str) -> Reason {
    body(text).expect_err("accepted").reason
}

/// `load` where the captured length is at least `length`.
fn guarded(length: u32, load: &str) -> String {
    let past = 4 * (load.split(';').count() + 4);
    alloc::format!(
        "sltiu $1,$5,{length}; bne $1,$0,.+{past}; nop; {load}; jr $31; nop; jr $31; nop"
    )
}

#[test]
fn constant_loads_need_a_guard_that_reaches_them() {
    for (length, accepted) in [(15, false), (16, true), (17, true)] {
        let found = judge(&guarded(length, "lw $2,12($4); nop"));
        assert_eq!(found.is_ok(), accepted, "{length}: {found:?}");
    }
    assert_eq!(
        refused("lbu $2,0($4); nop"),
        Reason::PacketLoad {
            bytes: 1,
            low: 0,
            high: 0
        }
    );
    // `len ≥ 16` as `15 < len`, and as `not (len < 16)` in a register.
    let other = "ori $8,$0,0xf; sltu $1,$8,$5; beq $1,$0,.+20; nop; lw $2,12($4); jr $31; nop;
                 jr $31; nop";
    assert!(judge(other).is_ok());
    let twice = "sltiu $1,$5,16; xori $1,$1,1; beq $1,$0,.+20; nop; lw $2,12($4); jr $31; nop;
                 jr $31; nop";
    assert!(judge(twice).is_ok());
    let signed = "slti $1,$5,16; bne $1,$0,.+20; nop; lw $2,12($4); jr $31; nop; jr $31; nop";
    assert!(
        judge(signed).is_ok(),
        "no packet is so long that it matters"
    );
}

#[test]
fn a_slot_is_executed_before_its_branch_tells_anything() {
    let in_slot = "sltiu $1,$5,16; bne $1,$0,.+16; lw $2,12($4); jr $31; nop; jr $31; nop";
    let refusal = judge(in_slot).unwrap_err();
    assert_eq!(refusal.offset(), 8);
    assert_eq!(
        refusal.to_string(),
        "emitted code refused at byte 8, `lw v0,12(a0)`: \
         load of 4 bytes at packet + 12..=12 is not proved to lie inside"
    );
    // An earlier guard reaches it.
    let proved_before = "sltiu $1,$5,16; bne $1,$0,.+32; nop;
                         sltiu $1,$5,20; bne $1,$0,.+20; lw $2,12($4); lw $3,16($4); jr $31; nop;
                         jr $31; nop";
    assert!(judge(proved_before).is_ok(), "{:?}", judge(proved_before));
    // A slot changes what the branch compared; what was compared was before.
    let overwritten = "sltiu $1,$5,16; bne $1,$0,.+20; ori $5,$0,0; lw $2,12($4); jr $31; nop;
                       jr $31; nop";
    assert!(judge(overwritten).is_ok());
    assert_eq!(
        judge("beq $4,$5,.+12; beq $0,$0,.+8; nop; jr $31; nop")
            .unwrap_err()
            .reason,
        Reason::BranchInSlot
    );
    let into_slot = judge("beq $4,$5,.+12; nop; beq $6,$5,.+12; nop; nop; jr $31; nop");
    assert_eq!(into_slot.unwrap_err().reason, Reason::BranchIntoSlot);
    assert_eq!(
        judge("beq $4,$5,.+4; nop; jr $31; nop").unwrap_err().reason,
        Reason::Backward { target: 4 },
        "the slot once more"
    );
    let last = judge("jr $31").unwrap_err();
    assert_eq!(last.reason, Reason::LeavesCode { target: 4 });
}

#[test]
fn what_is_loaded_is_not_used_at_once_on_any_path() {
    let used = judge(&guarded(16, "lw $2,12($4); addu $3,$2,$2"));
    assert_eq!(
        used.unwrap_err().reason,
        Reason::LoadDelay { register: "v0" }
    );
    for next in ["sw $2,0($29)", "lbu $3,0($2)", "bne $2,$0,.+8", "mtlo $2"] {
        let text = guarded(16, &alloc::format!("lw $2,12($4); {next}"));
        let reason = judge(&text).unwrap_err().reason;
        assert_eq!(reason, Reason::LoadDelay { register: "v0" }, "{next}");
    }
    let overwritten = guarded(16, "lw $2,12($4); addu $2,$3,$3");
    assert!(judge(&overwritten).is_ok(), "the later write wins");
    let returned = "sltiu $1,$5,16; bne $1,$0,.+16; nop; jr $31; lw $2,12($4); jr $31; nop";
    assert_eq!(
        judge(returned).unwrap_err().reason,
        Reason::LoadOutlivesCall { register: "v0" }
    );
    // The use is where the branch leads, and nowhere else.
    let far = "sltiu $1,$5,16; bne $1,$0,.+32; nop; bne $6,$0,.+12; lw $2,12($4); nop;
               addu $2,$2,$2; jr $31; nop; jr $31; nop";
    assert_eq!(
        judge(far).unwrap_err().reason,
        Reason::LoadDelay { register: "v0" }
    );
    assert!(judge(&far.replace("bne $6,$0,.+12", "bne $6,$0,.+16")).is_ok());
}

#[test]
fn accesses_are_aligned_wherever_packets_stand() {
    let load = |alignment, text: &str| {
        let policy = Policy {
            packet: alignment,
            ..policy()
        };
        judge_under(&policy, &guarded(64, text)).map_err(|refusal| refusal.reason)
    };
    use Alignment::{Unknown, Word, WordPlusTwo};
    let word = Err(Reason::Misaligned { bytes: 4 });
    let half = Err(Reason::Misaligned { bytes: 2 });
    let strip = |found: Result<Report, Reason>| found.map(|_| ());
    for (alignment, at, whole, halves) in [
        (Word, 12, Ok(()), Ok(())),
        (Word, 14, word, Ok(())),
        (Word, 13, word, half),
        (WordPlusTwo, 14, Ok(()), Ok(())),
        (WordPlusTwo, 12, word, Ok(())),
        (WordPlusTwo, 13, word, half),
        (Unknown, 12, word, half),
    ] {
        let found = load(alignment, &alloc::format!("lw $2,{at}($4); nop"));
        assert_eq!(strip(found), whole, "{alignment:?} {at}");
        let found = load(alignment, &alloc::format!("lhu $2,{at}($4); nop"));
        assert_eq!(strip(found), halves, "{alignment:?} {at}");
    }
    // A header length is a multiple of four only if it is made one.
    let shifted = |count| {
        let base =
            alloc::format!("lbu $2,14($4); nop; andi $2,$2,0x7; sll $2,$2,{count}; addu $2,$2,$4");
        ["lw", "lhu"].map(|load| {
            judge(&guarded(
                64,
                &alloc::format!("{base}; {load} $3,8($2); nop"),
            ))
            .is_ok()
        })
    };
    assert_eq!(shifted(2), [true, true]);
    assert_eq!(shifted(1), [false, true]);
    assert_eq!(shifted(0), [false, false]);
}

#[test]
fn lwl_and_lwr_read_what_they_touch() {
    let load = |alignment, length, text: &str| {
        let policy = Policy {
            packet: alignment,
            ..policy()
        };
        judge_under(&policy, &guarded(length, text)).is_ok()
    };
    use Alignment::{Unknown, Word, WordPlusTwo};
    // A word anywhere: its four bytes, and no more.
    let pair = "lwr $2,9($4); lwl $2,12($4); nop";
    assert!(load(Unknown, 13, pair));
    assert!(!load(Unknown, 12, pair));
    // From 9 to the end of its word at 11, where packets stand so.
    assert!(load(Word, 12, "lwr $2,9($4); nop"));
    assert!(!load(Word, 11, "lwr $2,9($4); nop"));
    assert!(load(WordPlusTwo, 10, "lwr $2,9($4); nop"));
    assert!(!load(Unknown, 12, "lwr $2,9($4); nop"));
    // From the start of its word up to there: before the packet, unless it begins there.
    assert!(load(Word, 3, "lwl $2,2($4); nop"));
    assert!(!load(Word, 2, "lwl $2,2($4); nop"));
    assert!(!load(Unknown, 8, "lwl $2,2($4); nop"));
    assert!(load(Unknown, 4, "lwl $2,3($4); nop"));
    assert!(!load(WordPlusTwo, 8, "lwl $2,1($4); nop"));
    assert!(load(WordPlusTwo, 3, "lwl $2,2($4); nop"));
    assert!(!load(WordPlusTwo, 2, "lwl $2,2($4); nop"));
    assert!(!load(WordPlusTwo, 8, "lwl $2,-1($4); nop"));
}

#[test]
fn variable_offsets_carry_their_guard() {
    let length = "sltiu $1,$5,34; bne $1,$0,.+SHORT; nop; lbu $8,14($4); nop; andi $8,$8,0xf;
                  sll $8,$8,2";
    let variable = |end: u32, compare: &str, load: &str| {
        let text = alloc::format!(
            "{length}; addiu $9,$8,{end}; {compare}; bne $1,$0,.+24; nop; addu $8,$8,$4; {load};
             jr $31; nop; jr $31; nop"
        );
        judge(&text.replace("SHORT", "56")).map(|report| report.longest_path)
    };
    let load = "lhu $2,16($8)";
    assert_eq!(variable(18, "sltu $1,$5,$9", load), Ok(15));
    assert!(variable(17, "sltu $1,$5,$9", load).is_err());
    assert!(variable(18, "sltu $1,$9,$5", load).is_err(), "upside down");
    assert!(variable(18, "sltu $1,$5,$9", "lhu $2,18($8)").is_err());
}

#[test]
fn wrapped_sums_prove_nothing() {
    // The packet's word may be anything: its sum with 4 may be 3.
    let text = "sltiu $1,$5,8; bne $1,$0,.+48; nop; lw $8,4($4); nop; addiu $9,$8,4;
                sltu $1,$5,$9; bne $1,$0,.+24; nop; addu $8,$8,$4; lbu $2,0($8); jr $31; nop;
                jr $31; nop";
    assert!(judge(text).is_err());
    let bounded = text.replace("nop; addiu $9", "nop; andi $8,$8,0xffff; addiu $9");
    let bounded = bounded.replace(".+48", ".+52");
    assert!(judge(&bounded).is_ok(), "{:?}", judge(&bounded));
}

/// A word of the packet as an index: less than 16, read with its sign, it may be negative.
#[test]
fn signs_tell_little() {
    let index = |compare: &str| {
        let load = alloc::format!(
            "lw $8,0($4); nop; {compare}; bne $1,$0,.+32; nop; sll $8,$8,2; lui $1,0x8012;
             addu $8,$8,$1; lw $2,0($8)"
        );
        judge(&guarded(8, &load)).is_ok()
    };
    assert!(index("sltiu $1,$8,16; xori $1,$1,1"));
    assert!(!index("slti $1,$8,16; xori $1,$1,1"));
    assert!(!index("sltiu $1,$8,17; xori $1,$1,1"));
    // What a branch on the sign says is true of the number.
    let signed = "lw $8,0($4); nop; slti $1,$8,16; beq $1,$0,.+40; nop; bltz $8,.+32; nop;
                  sll $8,$8,2; lui $1,0x8012; addu $8,$8,$1; lw $2,0($8)";
    assert!(judge(&guarded(8, signed)).is_err(), "compared too early");
    let signed = "lw $8,0($4); nop; bltz $8,.+44; nop; slti $1,$8,16; beq $1,$0,.+32; nop;
                  sll $8,$8,2; lui $1,0x8012; addu $8,$8,$1; lw $2,0($8)";
    assert!(judge(&guarded(8, signed)).is_ok());
}

#[test]
fn table_loads_are_masked_and_aligned() {
    let load = |mask: u32, offset: i32| {
        let text = alloc::format!(
            "andi $8,$5,{mask:#x}; lui $1,0x8012; addu $8,$8,$1; lw $2,{offset}($8); nop"
        );
        body(&text).map_err(|refusal| refusal.reason)
    };
    assert!(load(0x3c, 0).is_ok());
    assert!(load(0x38, 4).is_ok());
    assert!(matches!(load(0x3c, 4), Err(Reason::TableLoad { .. })));
    assert!(matches!(load(0x7c, 0), Err(Reason::TableLoad { .. })));
    assert!(matches!(load(0x3c, -4), Err(Reason::TableLoad { .. })));
    assert_eq!(load(0x3e, 0), Err(Reason::Misaligned { bytes: 4 }));
    // The upper half too large, the lower one negative.
    let negative = "lui $1,0x8013; andi $8,$5,0x3c; addu $8,$8,$1; lw $2,0($8); nop";
    assert!(body(negative).is_err());
    let table = Table {
        name: "high".into(),
        address: 0x8012_9000,
        length: 64,
    };
    let policy = Policy {
        tables: vec![table],
        ..policy()
    };
    let negative = negative.replace("lw $2,0", "lw $2,-28672") + "; jr $31; nop";
    assert!(judge_under(&policy, &negative).is_ok());
}

#[test]
fn what_traps_calls_or_reaches_the_system_is_refused() {
    for (word, text) in [
        (0x0085_1020, "add v0,a0,a1"),
        (0x0085_1022, "sub v0,a0,a1"),
        (0x2082_0001, "addi v0,a0,1"),
        (0x0000_000c, "syscall 0xc"),
        (0x0000_000d, "break 0xd"),
        (0x0810_0000, "j 0x400000"),
        (0x0c10_0000, "jal 0x400000"),
        (0x0040_f809, "jalr ra,v0"),
        (0x0411_0001, "bgezal zero,.+8"),
        (0x0450_0001, "bltzal v0,.+8"),
        (0x4002_6000, "cop0 0x26000"),
        (0x4082_6000, "cop0 0x826000"),
        (0x4200_0010, "cop0 0x2000010"),
        (0x4600_0000, "cop1 0x2000000"),
    ] {
        let code = [word, 0, 0x03e0_0008, 0];
        let refusal = prove(&code, &policy()).unwrap_err();
        assert_eq!(refusal.reason, Reason::NotAllowed, "{text}");
        assert_eq!(refusal.instruction(), text);
    }
    // Bits where the format has none; instructions of later processors.
    for word in [
        0x0085_1061,
        0x7c00_0000,
        0xc080_0000,
        0x5480_0001,
        0x0000_000f,
        0x7000_0000,
    ] {
        let code = [word, 0, 0x03e0_0008, 0];
        let reason = prove(&code, &policy()).unwrap_err().reason;
        assert_eq!(reason, Reason::NotAnInstruction, "{word:08x}");
    }
    assert_eq!(
        refused("addu $2,$26,$0"),
        Reason::SystemRegister { register: "k0" }
    );
    assert_eq!(
        refused("addu $27,$2,$0"),
        Reason::SystemRegister { register: "k1" }
    );
}

#[test]
fn what_the_caller_keeps_is_restored() {
    let frame = "addiu $29,$29,-8; sw $16,4($29); ori $16,$0,1; lw $16,4($29); jr $31;
                 addiu $29,$29,8";
    assert_eq!(judge(frame).map(|report| report.frame), Ok(8));
    let lost = frame.replace("lw $16,4", "lw $17,4");
    assert_eq!(
        judge(&lost).unwrap_err().reason,
        Reason::Clobbered { register: "s0" }
    );
    let other = frame.replace("lw $16,4", "lw $16,0");
    assert!(matches!(
        judge(&other).unwrap_err().reason,
        Reason::Unwritten { .. }
    ));
    let short = frame.replace("addiu $29,$29,8", "nop");
    assert_eq!(judge(&short).unwrap_err().reason, Reason::UnbalancedReturn);
    assert_eq!(
        refused("addiu $28,$28,1"),
        Reason::Clobbered { register: "gp" }
    );
    assert_eq!(refused("ori $31,$0,0"), Reason::UnboundedJump);
    let moved = "addu $8,$31,$0; ori $31,$0,0; jr $8; nop";
    assert!(judge(moved).is_ok(), "the address may be elsewhere");
    assert!(matches!(refused("addiu $29,$29,-4"), Reason::Frame { .. }));
    assert!(matches!(refused("addiu $29,$29,-72"), Reason::Frame { .. }));
    assert!(matches!(refused("addiu $29,$29,8"), Reason::Frame { .. }));
    assert_eq!(refused("addu $29,$4,$0"), Reason::StackPointer);
}

#[test]
fn stores_go_to_the_frame_only() {
    assert_eq!(refused("sw $5,0($4)"), Reason::Store);
    assert_eq!(refused("lui $1,0x8012; sb $5,0($1)"), Reason::Store);
    assert!(
        matches!(refused("sw $5,-4($29)"), Reason::Frame { .. }),
        "below"
    );
    assert!(
        matches!(refused("sw $5,0($29)"), Reason::Frame { .. }),
        "the caller's"
    );
    let inside = |text: &str| {
        let body = alloc::format!("addiu $29,$29,-8; {text}; nop; jr $31; addiu $29,$29,8");
        judge(&body).map_err(|refusal| refusal.reason)
    };
    assert!(inside("sb $5,3($29); lbu $2,3($29)").is_ok());
    assert!(inside("sh $5,2($29); lbu $2,3($29)").is_ok());
    assert_eq!(inside("sh $5,1($29)"), Err(Reason::Misaligned { bytes: 2 }));
    assert!(inside("sh $5,2($29); lhu $2,0($29)").is_err());
    // From the start of the word to 1, and from 2 to its end.
    assert!(inside("swl $5,1($29); swr $5,2($29); lw $2,0($29)").is_ok());
    assert!(inside("swl $5,1($29); swr $5,3($29); lw $2,0($29)").is_err());
    // What the stack pointer left behind is lost.
    let back = "addiu $29,$29,-8; sw $5,0($29); addiu $29,$29,8; addiu $29,$29,-8; lw $2,0($29);
                nop; jr $31; addiu $29,$29,8";
    assert!(matches!(
        judge(back).unwrap_err().reason,
        Reason::Unwritten { .. }
    ));
    // A pointer survives in the frame.
    let pointer =
        "addiu $29,$29,-8; sw $4,0($29); sltiu $1,$5,4; bne $1,$0,.+20; nop; lw $8,0($29);
                   nop; lw $2,0($8); jr $31; addiu $29,$29,8";
    assert!(judge(pointer).is_ok(), "{:?}", judge(pointer));
}

#[test]
fn code_goes_forward_and_stays_inside() {
    assert_eq!(
        refused("nop; beq $4,$5,.-4; nop"),
        Reason::Backward { target: 0 }
    );
    assert_eq!(
        refused("beq $4,$5,.+400; nop"),
        Reason::LeavesCode { target: 400 }
    );
    assert_eq!(
        judge("addu $2,$0,$0").unwrap_err().reason,
        Reason::LeavesCode { target: 4 }
    );
    assert_eq!(refused("jr $4; nop"), Reason::UnboundedJump);
    // What nothing reaches may be anything; an impossible branch is not followed.
    assert!(judge("beq $0,$0,.+12; nop; .word 0xffffffff; jr $31; nop").is_ok());
    assert!(
        judge("bne $0,$0,.-4; nop; jr $31; nop").is_err(),
        "even if never taken"
    );
    for (entry, accepted) in [(0, true), (4, false), (2, false), (8, false)] {
        let policy = Policy {
            entries: vec![entry],
            ..policy()
        };
        let found = judge_under(&policy, "jr $31; nop");
        assert_eq!(found.is_ok(), accepted, "{entry}");
    }
    let entries = Policy {
        entries: vec![0, 8],
        ..policy()
    };
    assert!(judge_under(&entries, "jr $31; nop; jr $31; nop").is_ok());
}

#[test]
fn hi_and_lo_are_not_written_too_soon() {
    assert_eq!(refused("mflo $2; multu $4,$5"), Reason::HiLoDelay);
    assert_eq!(refused("mfhi $2; nop; mtlo $5"), Reason::HiLoDelay);
    assert!(body("mflo $2; nop; nop; multu $4,$5").is_ok());
    // On one path it is too soon.
    let joined = "beq $4,$5,.+12; mflo $2; nop; nop; nop; divu $0,$4,$5";
    assert!(body(joined).is_ok());
    let joined = "beq $4,$5,.+16; mflo $2; nop; nop; nop; divu $0,$4,$5";
    assert_eq!(refused(joined), Reason::HiLoDelay);
    // The upper half of a product is below its factors; a remainder below its divisor.
    let index = |op: &str, half: &str, bound: u32| {
        let text = alloc::format!(
            "ori $8,$0,{bound:#x}; {op}; {half} $9; sll $9,$9,2; lui $1,0x8012; addu $9,$9,$1; lw $2,0($9); nop"
        );
        body(&text).is_ok()
    };
    assert!(index("multu $6,$8", "mfhi", 16));
    assert!(!index("multu $6,$8", "mfhi", 17));
    assert!(!index("mult $6,$8", "mfhi", 16), "signed");
    assert!(!index("multu $6,$8", "mflo", 16));
    assert!(index("divu $0,$6,$8", "mfhi", 16));
    assert!(!index("divu $0,$6,$8", "mfhi", 17));
}

#[test]
fn paths_are_counted_in_instructions_and_cycles() {
    let text = "beq $4,$5,.+16; nop; multu $4,$5; mflo $2; jr $31; nop";
    let report = judge(text).unwrap();
    assert_eq!((report.longest_path, report.instructions), (6, 6));
    // Eleven wait for the product.
    assert_eq!(report.cycles, Some(17));
    let under = |longest_path| {
        judge_under(
            &Policy {
                longest_path,
                ..policy()
            },
            text,
        )
    };
    assert!(under(6).is_ok());
    assert_eq!(
        under(5).unwrap_err().reason,
        Reason::LongestPath { given: 6, limit: 5 }
    );
}

#[test]
fn limits_are_stated() {
    let long = vec![0; MAX_CODE + 1];
    assert_eq!(
        prove(&long, &policy()).unwrap_err().reason,
        Reason::CodeSize {
            given: 4 * (MAX_CODE + 1),
            limit: 4 * MAX_CODE
        }
    );
    let patient = Policy {
        longest_path: u32::MAX,
        ..policy()
    };
    let repeated = |word| {
        let mut code = vec![word; MAX_CODE - 2];
        code.extend([0x03e0_0008, 0]);
        prove(&code, &patient).map(|proved| proved.report().longest_path as usize)
    };
    // One number each: so many may be.
    assert_eq!(repeated(0x00a6_1026), Ok(MAX_CODE), "xor v0,a1,a2");
    // Three each: no more.
    let products = repeated(0x0085_0019).unwrap_err();
    assert_eq!(products.reason, Reason::Memory, "multu a0,a1");
}

/// The decoder against the emitter's list: the same instructions, the same operands as text.
#[test]
fn the_decoder_knows_mips_i() {
    for row in LIST {
        // Each register and constant another number.
        let word = row.bits | 0x0149_5a84 & !row.mask();
        let text = Disassembly(word).to_string();
        let coprocessor = matches!(row.bits >> 26, 0x10..=0x13);
        let name = text.split(' ').next().unwrap_or_default();
        if coprocessor {
            assert_eq!(name, "cop0");
        } else {
            assert_eq!(name, row.name(), "{word:08x}");
        }
        assert!(operation(word).is_some(), "{}", row.name());
    }
}
