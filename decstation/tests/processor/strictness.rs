//! Strict mode: each hazard stops with its report, the distance that suffices does not, and with
//! the check off the chip's behaviour is there.

use decstation::bare::{BASE, Bare, Options};
use decstation::cpu::Register;
use decstation::cpu::strict::{Hazard, Report, Strict};
use decstation::cpu::tlb::Entry;
use decstation::machine::Stop;

const DATA: u32 = BASE + 0x2000;

fn machine(strict: Strict, words: &[u32]) -> Bare {
    let mut machine = Bare::with(&Options {
        strict,
        ..Options::default()
    });
    machine.load_words(BASE, words);
    machine.load_words(DATA, &[5, 6]);
    machine.set_register(Register::A0, DATA);
    machine.set_register(Register::RA, decstation::bare::RETURN);
    machine
}

/// Runs until strict mode stops.
fn stop(words: &[u32]) -> (Hazard, Report) {
    match machine(Strict::ON, words).run(1000) {
        Stop::Hazard(hazard, report) => (hazard, *report),
        other => panic!("{other}"),
    }
}

/// Runs to the return with every check on.
fn passes(words: &[u32]) {
    let mut all = words.to_vec();
    all.extend([0x03e0_0008, 0]);
    let stop = machine(Strict::ON, &all).run(1000);
    assert_eq!(stop, Stop::Returned, "{stop}");
}

/// Runs to the return with every check off, and returns `v0`.
fn without(words: &[u32]) -> u32 {
    let mut all = words.to_vec();
    all.extend([0x03e0_0008, 0]);
    let mut machine = machine(Strict::OFF, &all);
    let stop = machine.run(1000);
    assert_eq!(stop, Stop::Returned, "{stop}");
    machine.register(Register::V0)
}

#[test]
fn a_register_in_its_loads_delay_slot() {
    let words = [
        0x2402_0001, // li v0, 1
        0x8c82_0000, // lw v0, 0(a0)
        0x2442_000a, // addiu v0, v0, 10
    ];
    let (hazard, report) = stop(&words);
    assert_eq!(hazard, Hazard::LoadDelay(Register::V0));
    assert_eq!(report.pc, BASE + 8);
    assert_eq!(report.last.len(), 3);
    assert_eq!(report.registers[2], 5, "the load's value, as it will be");
    assert_eq!(without(&words), 11, "the chip adds to the old value");
    passes(&[0x8c82_0000, 0, 0x2442_000a]);
}

#[test]
fn every_reader_of_a_loaded_register_is_noticed() {
    for (word, text) in [
        (0x0040_0008, "jr v0"),
        (0x0002_1080, "sll v0, v0, 2"),
        (0x0045_0018, "mult v0, a1"),
        (0xac82_0004, "sw v0, 4(a0)"),
        (0x8c45_0000, "lw a1, 0(v0)"),
        (0x8845_0003, "lwl a1, 3(v0)"),
        (0x1440_0001, "bne v0, zero, 1"),
        (0x0440_0001, "bltz v0, 1"),
        (0x4082_7000, "mtc0 v0, epc"),
        (0x0040_0011, "mthi v0"),
    ] {
        let (hazard, _) = stop(&[0x8c82_0000, word]);
        assert_eq!(hazard, Hazard::LoadDelay(Register::V0), "{text}");
    }
    // lwl and lwr of the register that is on its way merge with what arrives.
    passes(&[0x8c82_0000, 0x8882_0003]);
    // mfc0 has a delay slot too.
    let (hazard, _) = stop(&[0x4002_6000, 0x0040_1021]);
    assert_eq!(hazard, Hazard::LoadDelay(Register::V0));
}

#[test]
fn a_load_in_a_branchs_slot_reaches_the_target_too_late() {
    let (hazard, report) = stop(&[
        0x1000_0002, // b target
        0x8c82_0000, // lw v0, 0(a0)
        0x0000_0000,
        0x0040_1821, // target: addu v1, v0, zero
    ]);
    assert_eq!(hazard, Hazard::LoadDelay(Register::V0));
    assert_eq!(report.pc, BASE + 12);
}

#[test]
fn hi_and_lo_rest_for_two_instructions() {
    for writer in [0x0085_0018, 0x0085_001b, 0x0080_0011, 0x0080_0013] {
        for reader in [0x0000_1010, 0x0000_1012] {
            assert_eq!(stop(&[reader, writer]).0, Hazard::HiLo);
            assert_eq!(stop(&[reader, 0, writer]).0, Hazard::HiLo);
            passes(&[reader, 0, 0, writer]);
        }
    }
    let words = [
        0x0080_0011, // mthi a0
        0x0000_1010, // mfhi v0
        0x0080_0013, // mtlo a0
    ];
    assert_eq!(without(&words), DATA);
}

#[test]
fn control_registers_settle_for_an_instruction() {
    let mtc0 = |number: u32| 0x4080_0000 | number << 11;
    let (index, low, high, status) = (0, 2, 10, 12);
    let (tlbr, tlbwi, tlbwr, tlbp, rfe) = (
        0x4200_0001,
        0x4200_0002,
        0x4200_0006,
        0x4200_0008,
        0x4200_0010,
    );
    for (number, user) in [
        (index, tlbwi),
        (index, tlbr),
        (low, tlbwi),
        (high, tlbwi),
        (low, tlbwr),
        (high, tlbwr),
        (high, tlbp),
        (status, rfe),
        (high, 0x4002_5000), // mfc0 v0, entryhi
    ] {
        // The value is that of zero; the state of modes stays that of the kernel.
        let (hazard, _) = stop(&[mtc0(number), user]);
        assert_eq!(hazard, Hazard::Control(number as u8), "{user:#x}");
        passes(&[mtc0(number), 0, user]);
    }
    // What tlbp and tlbr write is read too soon.
    assert_eq!(stop(&[tlbp, 0x4002_0000]).0, Hazard::Control(0));
    assert_eq!(stop(&[tlbr, 0x4002_5000]).0, Hazard::Control(10));
    passes(&[tlbp, 0, 0x4002_0000]);
}

#[test]
fn a_new_translation_is_used_by_the_third_instruction() {
    // An entry for page 0 of kuseg, frame 2: the data.
    let words = |gap: usize| {
        let mut words = vec![
            0x3c08_0000, // lui t0, 0
            0x3409_2600, // ori t1, zero, 0x2600: frame, valid, dirty
            0x4088_0000, // mtc0 t0, index
            0x4088_5000, // mtc0 t0, entryhi
            0x4089_1000, // mtc0 t1, entrylo
            0x0000_0000,
            0x4200_0002, // tlbwi
        ];
        words.extend(vec![0; gap]);
        words.extend([
            0x8c02_0000, // lw v0, 0(zero)
            0x0000_0000,
        ]);
        words
    };
    assert_eq!(stop(&words(0)).0, Hazard::Translation(0));
    assert_eq!(stop(&words(1)).0, Hazard::Translation(0));
    passes(&words(2));
    assert_eq!(without(&words(0)), 5);
}

#[test]
fn a_new_address_space_is_used_by_the_third_instruction() {
    let words = |gap: usize| {
        let mut words = vec![
            0x2408_0040, // li t0, 0x40: space 1
            0x4088_5000, // mtc0 t0, entryhi
        ];
        words.extend(vec![0; gap]);
        words.extend([
            0x8c02_0000, // lw v0, 0(zero)
            0x0000_0000,
            0x03e0_0008, // jr ra
            0x0000_0000,
        ]);
        words
    };
    for (gap, global, allowed) in [
        (0, false, false),
        (1, false, false),
        (2, false, true),
        (0, true, true),
    ] {
        let mut machine = machine(Strict::ON, &words(gap));
        let low = 0x2600 | if global { 0x100 } else { 0 };
        let entry = Entry { high: 0x40, low };
        machine.machine_mut().core_mut().tlb_mut().write(9, entry);
        let stop = machine.run(1000);
        if allowed {
            assert_eq!(stop, Stop::Returned, "{gap}: {stop}");
        } else {
            assert!(
                matches!(stop, Stop::Hazard(Hazard::Translation(0), _)),
                "{stop}"
            );
        }
    }
}

#[test]
fn two_entries_for_an_address() {
    let program = [
        0x8c02_0000, // lw v0, 0(zero)
        0x0000_0000,
        0x03e0_0008,
        0x0000_0000,
    ];
    let double = |strict| {
        let mut machine = machine(strict, &program);
        let tlb = machine.machine_mut().core_mut().tlb_mut();
        tlb.write(
            3,
            Entry {
                high: 0,
                low: 0x2600,
            },
        );
        tlb.write(
            7,
            Entry {
                high: 0x40,
                low: 0x2700,
            },
        );
        let stop = machine.run(1000);
        (stop, machine.machine_mut().core().control().status)
    };
    let (stop, _) = double(Strict::ON);
    assert!(
        matches!(stop, Stop::Hazard(Hazard::DoubleMatch(0), _)),
        "{stop}"
    );
    let (stop, status) = double(Strict::OFF);
    assert_eq!(stop, Stop::Returned);
    assert_eq!(status & 0x20_0000, 0x20_0000, "the TLB is shut down");
}

#[test]
fn code_that_the_cache_holds_stale() {
    let patched = |flush: bool, strict| {
        let mut words = vec![
            0x2402_0001, // target: li v0, 1
            0x03e0_0008, // jr ra
            0x0000_0000, // nop
        ];
        // Through kseg1, as a flush must run: patch the target, flush it or not, call it again.
        words.extend([
            0x3c08_8000, // lui t0, 0x8000
            0x3c09_2402, // lui t1, 0x2402
            0x3529_0002, // ori t1, t1, 2
            0xad09_0000, // sw t1, 0(t0)
        ]);
        if flush {
            words.extend([
                0x400a_6000, // mfc0 t2, status
                0x3c0b_0003, // lui t3, 3: isolate and swap
                0x016a_5825, // or t3, t3, t2
                0x408b_6000, // mtc0 t3, status
                0x0000_0000, // nop
                0x0000_0000, // nop
                0xa100_0000, // sb zero, 0(t0)
                0x408a_6000, // mtc0 t2, status
                0x0000_0000, // nop
                0x0000_0000, // nop
            ]);
        }
        words.extend([
            0x0100_0008, // jr t0
            0x0000_0000, // nop
        ]);
        let mut machine = machine(strict, &words);
        assert_eq!(
            machine
                .call(BASE, &[], 100)
                .map(|counts| counts.instructions),
            Ok(3)
        );
        machine.set_pc(BASE + 0x2000_000c);
        let stop = machine.run(100);
        assert_eq!(machine.word(BASE), 0x2402_0002);
        (stop, machine.register(Register::V0))
    };
    let (stop, _) = patched(false, Strict::ON);
    let Stop::Hazard(hazard, report) = stop else {
        panic!("{stop}")
    };
    assert_eq!(
        hazard,
        Hazard::StaleCode {
            cached: 0x2402_0001,
            memory: 0x2402_0002
        }
    );
    assert_eq!(report.pc, BASE);
    assert_eq!(
        patched(false, Strict::OFF),
        (Stop::Returned, 1),
        "the chip runs the old word"
    );
    assert_eq!(patched(true, Strict::ON), (Stop::Returned, 2));
}

#[test]
fn cached_code_while_the_caches_are_swapped() {
    let words = [
        0x3c08_0003, // lui t0, 3
        0x4088_6000, // mtc0 t0, status
        0x0000_0000,
        0x4080_6000, // mtc0 zero, status
        0x0000_0000,
    ];
    assert_eq!(stop(&words).0, Hazard::SwappedFetch);
    without(&words);
}

#[test]
fn isolation_settles_for_an_instruction() {
    let run = |gap: usize| {
        let mut words = vec![
            0x3c08_0001, // lui t0, 1: isolate
            0x4088_6000, // mtc0 t0, status
        ];
        words.extend(vec![0; gap]);
        words.extend([
            0xac80_0000, // sw zero, 0(a0)
            0x4080_6000, // mtc0 zero, status
        ]);
        words.extend(vec![0; gap]);
        words.extend([
            0x8c82_0000, // lw v0, 0(a0)
            0x0000_0000,
        ]);
        words
    };
    assert_eq!(stop(&run(0)).0, Hazard::Control(12));
    passes(&run(1));
    assert_eq!(without(&run(1)), 5, "the store stayed in the cache");
}

#[test]
fn a_reserved_instruction_in_the_kernel() {
    assert_eq!(stop(&[0x7c03_e83b]).0, Hazard::Reserved(0x7c03_e83b));
    assert_eq!(stop(&[0x4200_0018]).0, Hazard::Reserved(0x4200_0018));
}

#[test]
fn a_branch_in_a_branchs_slot() {
    let (hazard, report) = stop(&[0x1000_0001, 0x1000_0001]);
    assert_eq!(hazard, Hazard::BranchInSlot);
    assert_eq!(report.pc, BASE + 4);
}

#[test]
fn memory_that_nothing_wrote() {
    let strict = Strict {
        unwritten: true,
        ..Strict::ON
    };
    let program = [
        0xa480_0012, // sh zero, 18(a0)
        0x8c82_0010, // lw v0, 16(a0)
        0x8c82_0000, // lw v0, 0(a0)
        0x8c82_0014, // lw v0, 20(a0)
        0x0000_0000,
    ];
    let stop = machine(strict, &program).run(100);
    let Stop::Hazard(hazard, report) = stop else {
        panic!("{stop}")
    };
    assert_eq!(hazard, Hazard::Unwritten(0x2014));
    assert_eq!(report.pc, BASE + 12);
    passes(&program);
}

#[test]
fn a_report_says_where_and_how_it_came_there() {
    let mut words = vec![0; 40];
    words.extend([0x8c82_0000, 0x0040_1821]);
    let (hazard, report) = stop(&words);
    assert_eq!(report.last.len(), 32);
    let first = report.last.first().map(|past| past.pc);
    assert_eq!(first, Some(report.pc - 31 * 4));
    let text = Stop::Hazard(hazard, Box::new(report)).to_string();
    for part in [
        "strict mode at 0x800000a4: v0 is used in its load's delay slot",
        "  800000a0  8c820000  lw v0, 0(a0)\n",
        "> 800000a4  00401821  addu v1, v0, zero\n",
        "a0 80002000",
        "pc 800000a4  status 00400000",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}
