//! The costs as programs pay them.

use decstation::bare::{BASE, Bare, Options};
use decstation::cpu::Register;
use decstation::cycles::{Costs, DEC2100, DEC3100, DEC5000_125, DEC5000_200};
use decstation::machine::Stop;

const DATA: u32 = BASE + 0x2000;

fn machine(costs: &'static Costs, words: &[u32]) -> Bare {
    let mut machine = Bare::with(&Options {
        caches: true,
        costs,
        ..Options::default()
    });
    machine.load_words(BASE, words);
    machine
}

/// Warm cycles of a function.
fn cycles(costs: &'static Costs, words: &[u32], arguments: &[u32]) -> u64 {
    let mut machine = machine(costs, words);
    machine.call(BASE, arguments, 10_000).unwrap();
    // The write buffer drains between the two.
    machine.set_pc(BASE + 0x1000);
    machine.load_words(BASE + 0x1000, &[0; 64]);
    assert_eq!(machine.run(64), Stop::Limit);
    machine.call(BASE, arguments, 10_000).unwrap().cycles
}

/// Calibration: a null procedure call in a loop is seven cycles, the paper's 0.57, 0.42 and 0.28 µs.
#[test]
fn the_null_procedure_call() {
    let words = [
        0x0c00_0008, // loop: jal null
        0x0000_0000, // nop
        0x2484_ffff, // addiu a0, a0, -1
        0x1480_fffc, // bne a0, zero, loop
        0x0000_0000, // nop
        0x1000_0005, // b out
        0x0000_0000, // nop
        0x0000_0000, // nop
        0x03e0_0008, // null: jr ra
        0x0000_0000, // nop
        0x0000_0000, // nop
        0x0000_0000, // out: nop
    ];
    for (costs, paper) in [(&DEC2100, 0.57), (&DEC3100, 0.42), (&DEC5000_125, 0.28)] {
        let mut machine = machine(costs, &words);
        machine.set_register(Register::A0, 1000);
        let turn = machine.machine_mut().add_meter(BASE, BASE);
        machine.run_to(BASE + 44, 10_000).unwrap();
        let meter = &machine.machine_mut().meters()[turn];
        assert_eq!(meter.passes, 999);
        assert_eq!(meter.last.cycles, 7);
        assert_eq!(meter.last.instructions, 7);
        let time = costs.microseconds(meter.last.cycles);
        assert!(
            (time - paper).abs() < 0.015,
            "{}: {time} for {paper}",
            costs.name
        );
    }
}

#[test]
fn hi_and_lo_make_their_reader_wait() {
    let after = |first: u32, gap: usize| {
        let mut words = vec![first];
        words.extend(vec![0; gap]);
        words.extend([0x0000_1012, 0x03e0_0008, 0]);
        cycles(&DEC5000_200, &words, &[6, 7])
    };
    let (mult, div) = (0x0085_0018, 0x0085_001a);
    // The product is there twelve cycles after the issue, the quotient 35: then mflo, jr, nop.
    assert_eq!(after(mult, 0), 12 + 3);
    assert_eq!(after(mult, 5), 12 + 3);
    assert_eq!(after(mult, 11), 12 + 3);
    assert_eq!(after(mult, 12), 13 + 3);
    assert_eq!(after(div, 0), 35 + 3);
    assert_eq!(after(div, 34), 35 + 3);
    // Nobody waits for a product that nobody reads.
    assert_eq!(cycles(&DEC5000_200, &[mult, 0x03e0_0008, 0], &[6, 7]), 3);
    // The unit takes one operation at a time.
    assert_eq!(
        cycles(&DEC5000_200, &[mult, mult, 0x03e0_0008, 0], &[6, 7]),
        12 + 3
    );
}

#[test]
fn a_burst_of_stores_fills_the_write_buffer() {
    let burst = |stores: u32| {
        let mut words: Vec<u32> = (0..stores).map(|n| 0xac80_0000 | (n * 4)).collect();
        words.extend([0x03e0_0008, 0]);
        words
    };
    let stalls = |costs, stores| cycles(costs, &burst(stores), &[DATA]) - u64::from(stores) - 2;
    // KN01: four places, six cycles each. The fifth store waits for the first to retire.
    assert_eq!(stalls(&DEC3100, 4), 0);
    assert_eq!(stalls(&DEC3100, 5), 2);
    assert_eq!(stalls(&DEC3100, 18), 67);
    // KN02: one cycle each within a page.
    assert_eq!(stalls(&DEC5000_200, 18), 0);
    // The 5000/125 as calibrated.
    assert_eq!(stalls(&DEC5000_125, 18), 11);
}

#[test]
fn an_exception_costs_its_entry() {
    use decstation::board;
    use decstation::machine::{Config, Machine};
    let mut config = Config::new(board::Config::DEC5000_200, &DEC5000_200);
    config.caches = false;
    let mut machine = Machine::new(&config).unwrap();
    // syscall at 0x1000; the handler is nops.
    assert!(machine.memory_mut().set_word(0x1000, 0x0000_000c));
    machine.core_mut().control_mut().status = 0;
    machine.core_mut().set_pc(0x8000_1000);
    assert_eq!(machine.run(5), Stop::Limit);
    let counts = machine.counts();
    assert_eq!(counts.cycles, 5 + DEC5000_200.exception_entry);
    assert_eq!(counts.exceptions, 1);
}

#[test]
fn partial_stores_and_uncached_reads() {
    let hit = [0x8c82_0000, 0xa080_0001, 0x03e0_0008, 0];
    let words = [0x8c82_0000, 0xac80_0000, 0x03e0_0008, 0];
    assert_eq!(
        cycles(&DEC5000_200, &hit, &[DATA]),
        cycles(&DEC5000_200, &words, &[DATA]) + DEC5000_200.partial_store
    );
    let read = [0x8c82_0000, 0x03e0_0008, 0];
    assert_eq!(
        cycles(&DEC5000_200, &read, &[DATA | 0x2000_0000]),
        3 + DEC5000_200.uncached_read
    );
}
