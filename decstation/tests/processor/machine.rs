//! The whole machine: interrupts of its devices, its console, limits, and watching that disturbs
//! nothing.

use decstation::board;
use decstation::count::Counts;
use decstation::cpu::Register;
use decstation::cycles::DEC5000_200;
use decstation::machine::{Config, Machine, Stop};

const CODE: u32 = 0x8000_1000;

/// Starts the clock at 1024 Hz, allows its interrupt and counts turns in `v0`.
const TICKING: [u32; 9] = [
    0x3c11_bfe8, // lui s1, 0xbfe8
    0x2408_0026, // li t0, 0x26: 1024 Hz
    0xa228_0028, // sb t0, 40(s1): register A
    0x2408_0046, // li t0, 0x46: periodic interrupt
    0xa228_002c, // sb t0, 44(s1): register B
    0x2408_0801, // li t0, 0x801
    0x4088_6000, // mtc0 t0, status
    0x1000_ffff, // loop: b loop
    0x2442_0001, // addiu v0, v0, 1
];

/// Acknowledges the clock and counts ticks in `s0`.
const TICK: [u32; 6] = [
    0x923a_0030, // lbu k0, 48(s1): register C
    0x2610_0001, // addiu s0, s0, 1
    0x401b_7000, // mfc0 k1, epc
    0xa25a_0000, // sb k0, 0(s2)
    0x0360_0008, // jr k1
    0x4200_0010, // rfe
];

/// Prints the string at `a0` on the serial line, waiting for each character.
const PRINTING: [u32; 17] = [
    0x3c11_bfe0, // lui s1, 0xbfe0
    0x2408_0020, // li t0, 0x20
    0xa628_0000, // sh t0, 0(s1): scan
    0x2408_0008, // li t0, 8
    0xa628_0010, // sh t0, 16(s1): line 3
    0x9089_0000, // next: lbu t1, 0(a0)
    0x2484_0001, // addiu a0, a0, 1
    0x1120_0007, // beq t1, zero, done
    0x9628_0000, // wait: lhu t0, 0(s1)
    0x0000_0000, // nop
    0x3108_8000, // andi t0, t0, 0x8000
    0x1100_fffc, // beq t0, zero, wait
    0x0000_0000, // nop
    0x1000_fff7, // b next
    0xa629_0018, // sh t1, 24(s1)
    0x1000_ffff, // done: b done
    0x0000_0000, // nop
];

fn machine(words: &[u32]) -> Machine {
    let config = Config::new(board::Config::DEC5000_200, &DEC5000_200);
    let mut machine = Machine::new(&config).unwrap();
    put(&mut machine, CODE, words);
    put(&mut machine, 0x8000_0080, &TICK);
    let core = machine.core_mut();
    core.control_mut().status = 0;
    core.set_register(Register::S2, 0x8000_2000);
    core.set_pc(CODE);
    machine
}

fn put(machine: &mut Machine, address: u32, words: &[u32]) {
    for (word, at) in words.iter().zip((address & 0x1fff_ffff..).step_by(4)) {
        assert!(machine.memory_mut().set_word(at, *word));
    }
}

#[test]
fn a_machine_goes_back_to_what_it_was_and_does_the_same_again() {
    let mut machine = machine(&TICKING);
    machine.run_until(5_000_000);
    let then = machine.snapshot();
    let state = |machine: &Machine| {
        let core = machine.core();
        let registers: Vec<u32> = Register::all().map(|which| core.register(which)).collect();
        (
            core.pc(),
            registers,
            machine.counts(),
            core.tlb().entries().to_vec(),
        )
    };
    let before = state(&machine);
    machine.run_until(6_000_001);
    let (after, memory) = (state(&machine), machine.board().ram().to_vec());
    assert_ne!(before, after);
    // Whatever happens to memory, devices, caches and the TLB meanwhile.
    put(&mut machine, CODE, &PRINTING);
    machine.empty_caches();
    machine.core_mut().set_pc(CODE);
    machine.run(10_000);
    machine.restore(&then);
    assert_eq!(state(&machine), before);
    machine.run_until(6_000_001);
    assert_eq!(state(&machine), after);
    assert_eq!(machine.board().ram(), memory);
}

#[test]
fn the_clock_interrupts_at_its_rate() {
    let mut machine = machine(&TICKING);
    // A second at 25 MHz.
    assert_eq!(machine.run_until(25_000_000), Stop::Limit);
    let ticks = machine.core().register(Register::S0);
    assert!((1023..=1024).contains(&ticks), "{ticks}");
    assert_eq!(machine.counts().exceptions, u64::from(ticks));
}

#[test]
fn a_run_is_the_same_every_time_and_however_it_is_cut() {
    let whole = |cuts: &[u64]| {
        let mut machine = machine(&TICKING);
        for cut in cuts {
            assert_eq!(machine.run(*cut), Stop::Limit);
        }
        (machine.counts(), machine.core().register(Register::V0))
    };
    let once = whole(&[1_000_000]);
    assert_eq!(once.0.instructions, 1_000_000);
    assert_eq!(once, whole(&[1_000_000]));
    assert_eq!(once, whole(&[1, 2, 399_997, 99_999, 1, 500_000]));
    let single: Vec<u64> = vec![1; 1_000_000];
    assert_eq!(once, whole(&single));
}

#[test]
fn watching_disturbs_nothing() {
    let run = |watch: bool| {
        let mut machine = machine(&TICKING);
        if watch {
            machine.add_meter(CODE + 28, CODE + 28);
            machine.set_trace(Some(Box::new(|_, _| {})));
            machine.set_breakpoint(0x8000_3000);
        }
        assert_eq!(machine.run(200_000), Stop::Limit);
        (machine.counts(), machine.core().report())
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn a_trace_shows_every_instruction_with_its_results() {
    use std::sync::{Arc, Mutex};
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut machine = machine(&TICKING);
    let log = Arc::clone(&seen);
    machine.set_trace(Some(Box::new(move |core, past| {
        let row = (past.pc, past.word, core.register(Register::T0));
        log.lock().unwrap().push(row);
    })));
    assert_eq!(machine.run(3), Stop::Limit);
    let expected = [
        (CODE, TICKING[0], 0),
        (CODE + 4, TICKING[1], 0x26),
        (CODE + 8, TICKING[2], 0x26),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn a_meter_counts_between_two_addresses() {
    let mut machine = machine(&TICKING);
    let turn = machine.add_meter(CODE + 28, CODE + 28);
    let tick = machine.add_meter(0x8000_0080, CODE + 28);
    assert_eq!(machine.run_until(1_000_000), Stop::Limit);
    let turn = &machine.meters()[turn];
    let least = Counts {
        instructions: 2,
        cycles: 2,
        ..Counts::default()
    };
    assert_eq!(turn.least, Some(least));
    let most = turn.most.unwrap();
    assert!(most.instructions >= 2 + 6 && most.exceptions == 1, "{most}");
    let tick = &machine.meters()[tick];
    assert_eq!(tick.passes, machine.counts().exceptions);
    assert_eq!(tick.last.loads, 1);
    assert_eq!(tick.last.stores, 1);
}

#[test]
fn the_console_prints_through_the_serial_line() {
    let mut machine = machine(&PRINTING);
    let text = b"as the hardware would\n\0";
    for (byte, at) in text.iter().zip(0x2000..) {
        assert!(machine.memory_mut().set_byte(at, *byte));
    }
    machine.core_mut().set_register(Register::A0, 0x8000_2000);
    assert_eq!(machine.run_until(25_000_000), Stop::Limit);
    assert_eq!(machine.board_mut().take_console(), text[..text.len() - 1]);
}

#[test]
fn a_breakpoint_stops_before_its_instruction_and_lets_it_run_afterwards() {
    let mut machine = machine(&TICKING);
    machine.set_breakpoint(CODE + 32);
    for turn in 0..3 {
        assert_eq!(machine.run(100), Stop::Breakpoint(CODE + 32));
        assert_eq!(machine.core().register(Register::V0), turn);
    }
    machine.clear_breakpoint(CODE + 32);
    assert_eq!(machine.run(100), Stop::Limit);
}

#[test]
fn a_stopped_program_can_be_sent_on() {
    use decstation::bare::{BASE, Bare, RETURN};
    use decstation::cpu::exception::Cause;
    let mut bare = Bare::new();
    bare.load_words(
        BASE,
        &[
            0x0000_000c, // syscall
            0x8c83_0000, // lw v1, 0(a0)
            0x0062_1021, // addu v0, v1, v0: too early
            0x1000_0001, // b out
            0x0000_000d, // break, in the slot
            0x03e0_0008, // out: jr ra
            0x0000_0000, // nop
        ],
    );
    bare.load_words(BASE + 0x1000, &[5]);
    bare.set_register(Register::A0, BASE + 0x1000);
    bare.set_register(Register::RA, RETURN);
    let Stop::Exception(exception, _) = bare.run(100) else {
        panic!("the system call stops")
    };
    assert_eq!((exception.cause, bare.pc()), (Cause::Syscall, BASE));
    bare.set_register(Register::V0, 1);
    bare.set_pc(BASE + 4);
    assert!(matches!(bare.run(100), Stop::Hazard(..)));
    assert_eq!(bare.pc(), BASE + 8);
    bare.machine_mut().strict_mut().load_delay = false;
    let Stop::Exception(exception, report) = bare.run(100) else {
        panic!("the breakpoint stops")
    };
    assert_eq!((exception.cause, report.pc), (Cause::Breakpoint, BASE + 16));
    // Over it, the branch is still under way.
    bare.load_words(BASE + 16, &[0]);
    assert_eq!(bare.run(100), Stop::Returned);
    assert_eq!(bare.register(Register::V0), 1, "the chip added the old v1");
    assert_eq!(bare.register(Register::V1), 5);
}

#[test]
fn a_reset_machine_starts_in_its_rom() {
    let config = Config::new(board::Config::DEC3100, &decstation::cycles::DEC3100);
    let mut machine = Machine::new(&config).unwrap();
    assert_eq!(machine.core().pc(), 0xbfc0_0000);
    // Whatever the ROM does with nothing to boot, it does without a hazard.
    let stop = machine.run(10_000);
    assert!(matches!(stop, Stop::Limit | Stop::Board(_)), "{stop}");
}

#[test]
fn a_storm_of_exceptions_ends_at_the_limit() {
    let config = Config {
        devices: false,
        ..Config::new(board::Config::DEC5000_200, &DEC5000_200)
    };
    let mut machine = Machine::new(&config).unwrap();
    // Nothing answers at the reset vector, nor at the boot vectors: every fetch is a bus error.
    assert_eq!(machine.run(1000), Stop::Limit);
    assert_eq!(machine.counts().exceptions, 1000);
}
