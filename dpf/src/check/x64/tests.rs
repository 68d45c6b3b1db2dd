//! What the prover accepts and refuses, form by form.

use alloc::string::ToString;
use alloc::{vec, vec::Vec};

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::super::report::Reason;
use super::{Policy, Proved, prove};
use crate::check::{Refusal, Table};

const TABLE: u64 = 0x1234_5000_0000;

fn policy() -> Policy {
    let table = Table {
        name: "keys".into(),
        address: TABLE,
        length: 64,
    };
    Policy {
        entries: vec![0],
        tables: vec![table],
        frame: 64,
        longest_path: 100,
        ..Policy::default()
    }
}

fn assemble(body: impl FnOnce(&mut CodeAssembler) -> Result<(), IcedError>) -> Vec<u8> {
    let mut assembler = CodeAssembler::new(64).unwrap();
    body(&mut assembler).unwrap();
    assembler.assemble(0).unwrap()
}

fn judge(body: impl FnOnce(&mut CodeAssembler) -> Result<(), IcedError>) -> Result<u32, Refusal> {
    let code = assemble(body);
    prove(&code, &policy()).map(|proved: Proved<'_>| proved.report().longest_path)
}

#[track_caller]
fn refused(body: impl FnOnce(&mut CodeAssembler) -> Result<(), IcedError>) -> Reason {
    judge(body).expect_err("accepted").reason
}

/// A function that loads through `address` only where `guard` did not branch to its label.
fn guarded(
    guard: impl FnOnce(&mut CodeAssembler, CodeLabel) -> Result<(), IcedError>,
    load: impl FnOnce(&mut CodeAssembler) -> Result<(), IcedError>,
) -> Result<u32, Refusal> {
    judge(|a| {
        let mut short = a.create_label();
        guard(a, short)?;
        load(a)?;
        a.ret()?;
        a.set_label(&mut short)?;
        a.xor(eax, eax)?;
        a.ret()
    })
}

#[test]
fn constant_loads_need_a_guard_that_reaches_them() {
    for (length, accepted) in [(17, false), (18, true), (19, true)] {
        let below = guarded(
            |a, l| {
                a.cmp(esi, length)?;
                a.jb(l)
            },
            |a| a.mov(eax, dword_ptr(rdi + 14)),
        );
        assert_eq!(below.is_ok(), accepted, "{length}");
        let at_most = guarded(
            |a, l| {
                a.cmp(esi, length - 1)?;
                a.jbe(l)
            },
            |a| a.mov(eax, dword_ptr(rdi + 14)),
        );
        assert_eq!(at_most.is_ok(), accepted, "{length}");
    }
    let swapped = guarded(
        |a, l| {
            a.mov(ecx, 18)?;
            a.cmp(ecx, esi)?;
            a.ja(l)
        },
        |a| a.mov(eax, dword_ptr(rdi + 14)),
    );
    assert_eq!(swapped, Ok(5));
}

#[test]
fn the_wrong_side_of_a_guard_proves_nothing() {
    let inverted = guarded(
        |a, l| {
            a.cmp(esi, 18)?;
            a.jae(l)
        },
        |a| a.mov(eax, dword_ptr(rdi + 14)),
    );
    let refusal = inverted.unwrap_err();
    assert_eq!(
        refusal.reason,
        Reason::PacketLoad {
            bytes: 4,
            low: 14,
            high: 14
        }
    );
    assert_eq!(refusal.offset(), 5);
    assert_eq!(
        refusal.to_string(),
        "emitted code refused at byte 5, `mov eax,[rdi+0Eh]`: \
         load of 4 bytes at packet + 14..=14 is not proved to lie inside"
    );
    let signed = guarded(
        |a, l| {
            a.cmp(esi, 18)?;
            a.jl(l)
        },
        |a| a.mov(eax, dword_ptr(rdi + 14)),
    );
    assert!(signed.is_err(), "a length of 2^31 is less than 18, signed");
    let wide = guarded(
        |a, l| {
            a.cmp(rsi, 18)?;
            a.jb(l)
        },
        |a| a.mov(eax, dword_ptr(rdi + 14)),
    );
    assert!(
        wide.is_err(),
        "the upper half of a 32-bit argument is unspecified"
    );
    let narrow = guarded(
        |a, l| {
            a.cmp(sil, 18)?;
            a.jb(l)
        },
        |a| a.mov(eax, dword_ptr(rdi + 14)),
    );
    assert!(narrow.is_err());
}

/// `ecx` = length of the IP header at 14, as the packet says.
fn header_length(a: &mut CodeAssembler) -> Result<(), IcedError> {
    a.movzx(ecx, byte_ptr(rdi + 14))?;
    a.and(ecx, 15)?;
    a.shl(ecx, 2)
}

#[test]
fn variable_offsets_carry_their_guard() {
    let load = |a: &mut CodeAssembler| a.movzx(eax, word_ptr(rdi + rcx + 16));
    let accepted = guarded(
        |a, l| {
            a.cmp(esi, 34)?;
            a.jb(l)?;
            header_length(a)?;
            a.lea(eax, dword_ptr(rcx + 18))?;
            a.cmp(eax, esi)?;
            a.ja(l)
        },
        load,
    );
    assert_eq!(accepted, Ok(10));
    let one_short = guarded(
        |a, l| {
            a.cmp(esi, 34)?;
            a.jb(l)?;
            header_length(a)?;
            a.lea(eax, dword_ptr(rcx + 17))?;
            a.cmp(eax, esi)?;
            a.ja(l)
        },
        load,
    );
    assert!(one_short.is_err());
    let by_range = guarded(
        |a, l| {
            a.cmp(esi, 78)?;
            a.jb(l)?;
            header_length(a)
        },
        load,
    );
    assert!(by_range.is_ok(), "no header is longer than 60");
    let by_range = guarded(
        |a, l| {
            a.cmp(esi, 77)?;
            a.jb(l)?;
            header_length(a)
        },
        load,
    );
    assert!(by_range.is_err());
}

#[test]
fn bases_in_registers_are_numbers_or_pointers() {
    let pointer = guarded(
        |a, l| {
            a.cmp(esi, 34)?;
            a.jb(l)?;
            header_length(a)?;
            a.add(rcx, 14)?;
            a.mov(r8d, esi)?;
            a.cmp(rcx, r8)?;
            a.ja(l)?;
            a.lea(rdx, ptr(rdi + rcx))?;
            a.sub(r8d, ecx)?;
            a.cmp(r8d, 4)?;
            a.jb(l)
        },
        |a| a.mov(eax, dword_ptr(rdx)),
    );
    assert_eq!(pointer, Ok(15), "what remains was compared");
    let remaining_before_guard = guarded(
        |a, l| {
            a.cmp(esi, 34)?;
            a.jb(l)?;
            header_length(a)?;
            a.mov(r8d, esi)?;
            a.sub(r8d, ecx)?;
            a.cmp(r8d, 4)?;
            a.jb(l)
        },
        |a| a.mov(eax, dword_ptr(rdi + rcx)),
    );
    assert!(
        remaining_before_guard.is_err(),
        "len - base may have wrapped"
    );
}

#[test]
fn two_variables_add_up_under_one_guard() {
    let accepted = guarded(
        |a, l| {
            a.cmp(esi, 34)?;
            a.jb(l)?;
            header_length(a)?;
            a.mov(r8d, esi)?;
            a.lea(rdx, ptr(rcx + 1))?;
            a.cmp(rdx, r8)?;
            a.ja(l)?;
            a.movzx(eax, byte_ptr(rdi + rcx))?;
            a.add(rcx, rax)?;
            a.lea(rdx, ptr(rcx + 4))?;
            a.cmp(rdx, r8)?;
            a.ja(l)
        },
        |a| a.mov(eax, dword_ptr(rdi + rcx)),
    );
    assert_eq!(accepted, Ok(16));
}

#[test]
fn wrapped_sums_prove_nothing() {
    let wrapped = guarded(
        |a, l| {
            a.cmp(esi, 34)?;
            a.jb(l)?;
            a.mov(ecx, dword_ptr(rdi + 14))?;
            a.lea(eax, dword_ptr(rcx + 4))?;
            a.cmp(eax, esi)?;
            a.ja(l)
        },
        |a| a.mov(eax, dword_ptr(rdi + rcx)),
    );
    assert!(wrapped.is_err());
    let exact = guarded(
        |a, l| {
            a.cmp(esi, 34)?;
            a.jb(l)?;
            a.mov(ecx, dword_ptr(rdi + 14))?;
            a.lea(rax, ptr(rcx + 4))?;
            a.mov(edx, esi)?;
            a.cmp(rax, rdx)?;
            a.ja(l)
        },
        |a| a.mov(eax, dword_ptr(rdi + rcx)),
    );
    assert_eq!(exact, Ok(9), "the same in 64 bits");
}

#[test]
fn table_loads_are_masked() {
    let probe = |mask: i32| {
        judge(|a| {
            a.mov(rdx, TABLE)?;
            a.mov(eax, esi)?;
            a.imul_3(eax, eax, 0x9e37)?;
            a.and(eax, mask)?;
            a.mov(eax, dword_ptr(rdx + rax * 8 + 4))?;
            a.ret()
        })
    };
    assert!(probe(7).is_ok());
    assert!(probe(8).is_err());
    assert!(probe(15).is_err());
    assert!(probe(-1).is_err());
}

#[test]
fn conditional_moves_clamp() {
    let clamp = |highest: u32| {
        judge(|a| {
            a.mov(rdx, TABLE)?;
            a.mov(eax, dword_ptr(rdx))?;
            a.mov(ecx, highest)?;
            a.cmp(eax, ecx)?;
            a.cmova(eax, ecx)?;
            a.mov(eax, dword_ptr(rdx + rax * 4))?;
            a.ret()
        })
    };
    assert!(clamp(15).is_ok());
    assert!(clamp(16).is_err());
}

#[test]
fn binary_search_over_data_stays_in_its_table() {
    let search = |steps: &[u32]| {
        judge(|a| {
            a.mov(rdx, TABLE)?;
            a.xor(ecx, ecx)?;
            for &step in steps {
                a.lea(r8, ptr(rcx + step))?;
                a.cmp(esi, dword_ptr(rdx + r8 * 4))?;
                a.cmovae(rcx, r8)?;
            }
            a.mov(eax, ecx)?;
            a.ret()
        })
    };
    assert!(search(&[8, 4, 2, 1]).is_ok());
    assert!(search(&[8, 4, 2, 1, 1]).is_err());
}

#[test]
fn stores_go_to_the_frame_only() {
    assert!(
        judge(|a| {
            a.mov(dword_ptr(rsp - 8), esi)?;
            a.ret()
        })
        .is_ok()
    );
    assert_eq!(
        refused(|a| {
            a.mov(dword_ptr(rdi), esi)?;
            a.ret()
        }),
        Reason::Store
    );
    assert_eq!(
        refused(|a| {
            a.mov(rax, TABLE)?;
            a.mov(dword_ptr(rax), esi)?;
            a.ret()
        }),
        Reason::Store
    );
    let address = Reason::Frame {
        offset: 0,
        size: 64,
    };
    assert_eq!(
        refused(|a| {
            a.mov(qword_ptr(rsp), rsi)?;
            a.ret()
        }),
        address
    );
    let above = Reason::Frame {
        offset: -4,
        size: 64,
    };
    assert_eq!(
        refused(|a| {
            a.mov(qword_ptr(rsp - 4), rsi)?;
            a.ret()
        }),
        above
    );
    let below = Reason::Frame {
        offset: -72,
        size: 64,
    };
    assert_eq!(
        refused(|a| {
            a.mov(qword_ptr(rsp - 72), rsi)?;
            a.ret()
        }),
        below
    );
}

#[test]
fn what_the_caller_keeps_is_restored() {
    let saved = |restore: bool| {
        judge(|a| {
            a.push(rbx)?;
            a.push(r12)?;
            a.sub(rsp, 16)?;
            a.mov(ebx, esi)?;
            a.mov(dword_ptr(rsp + 8), ebx)?;
            a.xor(r12d, r12d)?;
            a.add(rsp, 16)?;
            a.pop(r12)?;
            if restore {
                a.pop(rbx)?;
            } else {
                a.pop(rcx)?;
            }
            a.ret()
        })
    };
    assert_eq!(saved(true), Ok(10));
    assert_eq!(
        saved(false).unwrap_err().reason,
        Reason::Clobbered { register: "rbx" }
    );
    let swapped = refused(|a| {
        a.push(rbx)?;
        a.push(r12)?;
        a.pop(rbx)?;
        a.pop(r12)?;
        a.ret()
    });
    assert_eq!(swapped, Reason::Clobbered { register: "rbx" });
    assert_eq!(
        refused(|a| {
            a.push(rbx)?;
            a.ret()
        }),
        Reason::UnbalancedReturn
    );
    assert_eq!(
        refused(|a| {
            a.mov(rsp, rdi)?;
            a.ret()
        }),
        Reason::StackPointer
    );
    let deep = Reason::Frame {
        offset: -128,
        size: 64,
    };
    assert_eq!(
        refused(|a| {
            a.sub(rsp, 128)?;
            a.add(rsp, 128)?;
            a.ret()
        }),
        deep
    );
}

#[test]
fn code_goes_forward_and_stays_inside() {
    let looped = refused(|a| {
        let mut top = a.create_label();
        a.set_label(&mut top)?;
        a.dec(esi)?;
        a.jne(top)?;
        a.ret()
    });
    assert_eq!(looped, Reason::Backward { target: 0 });
    assert_eq!(refused(|a| a.nop()), Reason::LeavesCode { target: 1 });
    let outside = prove(&[0xeb, 0x10, 0xc3], &policy()).unwrap_err();
    assert_eq!(outside.reason, Reason::LeavesCode { target: 18 });
    // jz into the immediate of the mov that follows.
    let inside = prove(&[0x74, 0x01, 0xb8, 1, 2, 3, 4, 0xc3], &policy()).unwrap_err();
    assert_eq!(
        (inside.offset, inside.reason),
        (2, Reason::BranchInto { target: 3 })
    );
    let cut = prove(&[0xb8, 1, 2], &policy()).unwrap_err();
    assert_eq!(cut.reason, Reason::NotAnInstruction);
}

#[test]
fn whatever_is_not_listed_is_refused() {
    let forbidden: &[&[u8]] = &[
        &[0x0f, 0x05, 0xc3],                   // syscall
        &[0xe8, 0, 0, 0, 0, 0xc3],             // call
        &[0xcc],                               // int3
        &[0xf3, 0xa4, 0xc3],                   // rep movsb
        &[0xa4, 0xc3],                         // movsb
        &[0xfd, 0xc3],                         // std
        &[0xf4],                               // hlt
        &[0x64, 0x8b, 0x04, 0x24, 0xc3],       // mov eax, fs:[rsp]
        &[0xf0, 0x01, 0x44, 0x24, 0xf8, 0xc3], // lock add [rsp-8], eax
        &[0x67, 0x8b, 0x44, 0x24, 0xf8, 0xc3], // mov eax, [esp-8]
        &[0x88, 0xe0, 0xc3],                   // mov al, ah
        &[0x66, 0xeb, 0x00, 0xc3],             // jmp with a prefix that cuts rip on some processors
        &[0xf3, 0xc3],                         // rep ret
        &[0xc2, 8, 0],                         // ret 8
        &[0xe2, 0, 0xc3],                      // loop
        &[0xe3, 0, 0xc3],                      // jrcxz
        &[0xf7, 0xf6, 0xc3],                   // div esi
        &[0x0f, 0x10, 0x07, 0xc3],             // movups xmm0, [rdi]
        &[0xff, 0xe0],                         // jmp rax
        &[0xff, 0x27],                         // jmp [rdi]
        &[0x87, 0x44, 0x24, 0xf8, 0xc3],       // xchg [rsp-8], eax
        &[0x66, 0x50, 0x66, 0x58, 0xc3],       // push ax; pop ax
    ];
    for code in forbidden {
        assert!(prove(code, &policy()).is_err(), "{code:02x?}");
    }
}

/// A jump through a table of `targets`, placed behind the code, after `guard` on `esi`.
fn switch(bound: i32, targets: usize) -> (Vec<u8>, usize) {
    let code = assemble(|a| {
        let mut table = a.create_label();
        let mut default = a.create_label();
        a.cmp(esi, bound)?;
        a.jae(default)?;
        a.lea(rax, ptr(table))?;
        a.mov(ecx, esi)?;
        a.movsxd(rcx, dword_ptr(rax + rcx * 4))?;
        a.add(rax, rcx)?;
        a.jmp(rax)?;
        a.set_label(&mut default)?;
        a.xor(eax, eax)?;
        a.ret()?;
        for arm in 0..targets as u32 {
            a.mov(eax, arm)?;
            a.ret()?;
        }
        a.set_label(&mut table)?;
        a.db(&[0])
    });
    let table = code.len() - 1;
    let mut code = code[..table].to_vec();
    let arm = 6 * targets;
    for number in 0..targets {
        let distance = -((arm - 6 * number) as i32);
        code.extend(distance.to_le_bytes());
    }
    (code, table)
}

#[test]
fn jump_tables_are_bounded_and_lead_forward() {
    let (code, _) = switch(3, 3);
    assert_eq!(prove(&code, &policy()).unwrap().report().longest_path, 9);
    let (code, _) = switch(4, 3);
    assert!(
        prove(&code, &policy()).is_err(),
        "the fourth entry is not in the code"
    );
    let (mut code, table) = switch(3, 3);
    let mut to = |distance: i32| {
        code[table..table + 4].copy_from_slice(&distance.to_le_bytes());
        prove(&code, &policy())
            .map(|proved| proved.report())
            .map_err(|refusal| refusal.reason)
    };
    assert_eq!(to(-(table as i32)), Err(Reason::Backward { target: 0 }));
    assert_eq!(to(-11), Err(Reason::BranchInto { target: table - 11 }));
    assert_eq!(
        to(0x1000),
        Err(Reason::LeavesCode {
            target: table as u64 + 0x1000
        })
    );
}

#[test]
fn where_paths_meet_only_common_knowledge_is_kept() {
    let merged = |guards: [i32; 2]| {
        judge(|a| {
            let (mut other, mut join, mut short) =
                (a.create_label(), a.create_label(), a.create_label());
            a.test(edx, edx)?;
            a.je(other)?;
            a.cmp(esi, guards[0])?;
            a.jb(short)?;
            a.mov(ecx, 14)?;
            a.jmp(join)?;
            a.set_label(&mut other)?;
            a.cmp(esi, guards[1])?;
            a.jb(short)?;
            a.mov(ecx, 18)?;
            a.set_label(&mut join)?;
            a.mov(eax, dword_ptr(rdi + rcx))?;
            a.set_label(&mut short)?;
            a.ret()
        })
    };
    assert!(
        merged([18, 22]).is_ok(),
        "on each path the guard fits its base"
    );
    assert!(merged([17, 22]).is_err());
    assert!(merged([18, 21]).is_err());
}

#[test]
fn the_longest_path_is_counted_and_limited() {
    let path = |limit| {
        let code = assemble(|a| {
            let mut end = a.create_label();
            a.cmp(esi, 1)?;
            a.jb(end)?;
            a.nop()?;
            a.nop()?;
            a.set_label(&mut end)?;
            a.ret()
        });
        prove(
            &code,
            &Policy {
                longest_path: limit,
                ..policy()
            },
        )
        .map(|proved| proved.report())
    };
    let report = path(5).unwrap();
    assert_eq!((report.longest_path, report.instructions), (5, 5));
    assert_eq!(
        path(4).unwrap_err().reason,
        Reason::LongestPath { given: 5, limit: 4 }
    );
}

#[test]
fn the_frame_is_written_before_it_is_read() {
    let read_after = |write: bool, bytes: u32| {
        judge(|a| {
            a.sub(rsp, 16)?;
            if write && bytes == 8 {
                a.mov(qword_ptr(rsp + 8), rdi)?;
            } else if write {
                a.mov(dword_ptr(rsp + 8), esi)?;
            }
            a.mov(rax, qword_ptr(rsp + 8))?;
            a.add(rsp, 16)?;
            a.ret()
        })
    };
    assert_eq!(read_after(true, 8), Ok(5));
    let unwritten = Reason::Unwritten { offset: -8 };
    for (write, bytes) in [(false, 8), (true, 4)] {
        assert_eq!(read_after(write, bytes).unwrap_err().reason, unwritten);
    }
    // On one of two paths is not enough, on both it is.
    let joined = |both: bool| {
        judge(|a| {
            let (mut other, mut join) = (a.create_label(), a.create_label());
            a.cmp(esi, 4)?;
            a.jb(other)?;
            a.mov(qword_ptr(rsp - 8), 1)?;
            a.jmp(join)?;
            a.set_label(&mut other)?;
            a.mov(qword_ptr(rsp - if both { 8 } else { 16 }), 2)?;
            a.set_label(&mut join)?;
            a.mov(rax, qword_ptr(rsp - 8))?;
            a.ret()
        })
    };
    assert!(joined(true).is_ok());
    assert_eq!(joined(false).unwrap_err().reason, unwritten);
    // A word cut in two, each half written.
    let halves = judge(|a| {
        a.mov(dword_ptr(rsp - 12), esi)?;
        a.mov(dword_ptr(rsp - 8), esi)?;
        a.mov(rax, qword_ptr(rsp - 12))?;
        a.ret()
    });
    assert_eq!(halves, Ok(4));
}

#[test]
fn what_lies_below_the_red_zone_is_lost() {
    let read_at = |depth: i32| {
        let mut large = policy();
        large.frame = 256;
        let code = assemble(|a| {
            a.sub(rsp, 64)?;
            a.mov(qword_ptr(rsp - depth), rdi)?;
            a.add(rsp, 64)?;
            a.mov(rax, qword_ptr(rsp - 64 - depth))?;
            a.ret()
        });
        prove(&code, &large).map(|proved| proved.report().frame)
    };
    assert_eq!(read_at(64), Ok(128));
    assert!(read_at(72).is_err());
}

#[test]
fn a_number_survives_in_the_frame() {
    // A base kept in the frame is still known to lie inside the packet.
    let kept = |slot: i32| {
        guarded(
            |a, short| {
                a.mov(esi, esi)?;
                a.cmp(esi, 20)?;
                a.jb(short)?;
                a.movzx(eax, byte_ptr(rdi))?;
                a.and(eax, 15)?;
                a.mov(qword_ptr(rsp - 16), rax)?;
                a.mov(qword_ptr(rsp - 24), rsi)?;
                a.mov(rcx, qword_ptr(rsp - slot))
            },
            |a| a.mov(eax, dword_ptr(rdi + rcx)),
        )
    };
    assert!(kept(16).is_ok());
    // The slot beside it holds the length, which leads out of the packet.
    assert!(kept(24).is_err());
}
