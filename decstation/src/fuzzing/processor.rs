//! Any words from any state: the processor does what a slow interpreter says, instruction by
//! instruction, and never panics or hangs.
//!
//! The words are instructions of the table with drawn fields, or anything; the state is drawn from
//! values at which behaviour changes (ends of ranges, addresses near pages' and memory's ends).
//! With strict mode off both must agree on everything a program can see, until an instruction of
//! which the manual says nothing (`Slow` knows which). With it on, they must agree until it
//! stops.

use super::Source;
use super::slow::{Outcome, RAM, Slow};
use crate::board;
use crate::cpu::strict::Strict;
use crate::cpu::tlb::Entry;
use crate::cpu::{Op, Register};
use crate::cycles::DEC5000_200;
use crate::machine::{Config, Machine, Stop};
use crate::memory::Endian;

/// Instructions that one input runs at most.
const MOST_STEPS: u32 = 200;
/// Where the program stands in physical memory, and how many words it has.
const CODE: u32 = 0x1000;
const MOST_WORDS: u32 = 48;

/// Numbers at which something changes: ends of ranges, addresses in and around each segment.
const VALUES: [u32; 24] = [
    0,
    1,
    2,
    4,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0xffff_fffe,
    0x8000_2000,
    0x8000_2001,
    0x8000_2002,
    0x8000_2003,
    0xa000_2004,
    0x8000_fffc,
    0x8001_0000,
    0x8000_1000,
    0x0000_1000,
    0x0000_1ffe,
    0x0000_2004,
    0x0000_3000,
    0x7fff_f000,
    0xc000_1000,
    0xbfc0_0000,
    0x5555_aaaa,
];

/// Runs the program that `data` stands for, and returns the words that both executed alike.
///
/// # Panics
///
/// When the processor and the slow interpreter differ.
pub fn run(data: &[u8]) -> Vec<u32> {
    let mut agreed = Vec::new();
    let mut source = Source::new(data);
    let choices = source.byte();
    let strict = Strict {
        // The slow interpreter has no cache, so no stale code.
        stale_code: true,
        ..if choices & 1 == 0 {
            Strict::OFF
        } else {
            Strict::ON
        }
    };
    let endian = if choices & 2 == 0 {
        Endian::Little
    } else {
        Endian::Big
    };
    let mut slow = Slow::new(endian == Endian::Big);
    let mut machine = machine(strict, choices & 4 != 0, endian);
    draw_state(&mut source, &mut slow, choices & 8 != 0, choices & 16 != 0);
    copy_state(&slow, &mut machine);
    for _ in 0..MOST_STEPS {
        let before = slow.clone();
        let outcome = slow.step();
        let stop = machine.run(1);
        match stop {
            Stop::Limit => {}
            // The slow interpreter knows no hazards, and has gone on.
            Stop::Hazard(..) => return agreed,
            other => panic!("{other}"),
        }
        if outcome == Outcome::Undefined {
            break;
        }
        compare(&before, &slow, &machine);
        agreed.push(before.current_word());
    }
    if slow.is_defined() {
        compare_memory(&slow, &machine);
    }
    agreed
}

fn machine(strict: Strict, caches: bool, endian: Endian) -> Machine {
    let mut board = board::Config::DEC5000_200;
    board.memory = RAM;
    let config = Config {
        devices: false,
        caches,
        endian,
        strict,
        ..Config::new(board, &DEC5000_200)
    };
    match Machine::new(&config) {
        Ok(machine) => machine,
        Err(error) => panic!("{error}"),
    }
}

fn value(source: &mut Source<'_>) -> u32 {
    match source.below(4) {
        0 => source.word(),
        1 => source.pick(&VALUES).wrapping_add(source.below(16)),
        _ => source.pick(&VALUES),
    }
}

/// A word: mostly an instruction with drawn fields.
fn instruction(source: &mut Source<'_>, ops: &[Op]) -> u32 {
    let choice = source.below(16);
    if choice == 0 {
        return source.word();
    }
    let template = ops[source.byte() as usize % ops.len()].template();
    // Few registers, so that instructions meet each other's results.
    let register = |source: &mut Source<'_>| source.pick(&[0, 2, 3, 4, 5, 8, 9, 31]);
    let near = u32::from(source.byte() as i8 as u16) & 0xffff;
    let fields = register(source) << 21 | register(source) << 16;
    let low = if choice < 4 {
        source.word() & 0xffff
    } else {
        near
    };
    let operands = fields | low;
    // Fields that encode the operation stay as they are.
    template
        | operands
            & match template >> 26 {
                0 => 0x03ff_ffc0,
                1 => 0x03e0_ffff,
                2 | 3 => 0x0000_ffff,
                0x10 if template >> 25 & 1 == 1 => 0,
                0x10 if template >> 21 & 31 == 8 => 0x0000_ffff,
                0x10 => 0x001f_7800,
                0x11 => 0x001f_ffff,
                _ => 0x03ff_ffff,
            }
}

fn draw_state(source: &mut Source<'_>, slow: &mut Slow, user: bool, mapped: bool) {
    let ops: Vec<Op> = Op::all().collect();
    for number in 1..32 {
        slow.registers[number] = value(source);
    }
    (slow.hi, slow.lo) = (value(source), value(source));
    slow.control[12] = u32::from(source.byte()) & 0x3f & !2 | source.word() & 0xf000_0300;
    slow.control[13] = source.word() & 0x300;
    slow.control[10] = source.below(3) << 6;
    slow.control[4] = source.word() & 0xffe0_0000;
    for index in 8..12 {
        let page = source.pick(&[0x1000, 0x2000, 0x3000, 0xc000_1000]);
        let frame = source.pick(&[0x1000, 0x2000, 0xf000, 0x1_0000]);
        let bits = u32::from(source.byte()) << 4 & 0xf00;
        slow.tlb[index] = (page | source.below(3) << 6, frame | bits);
    }
    slow.pc = 0x8000_0000 + CODE;
    if user || mapped {
        slow.tlb[8] = (0x1000, CODE | 0x700);
        slow.pc = 0x1000;
        if user {
            slow.control[12] |= 2;
        }
    }
    for at in 0..MOST_WORDS {
        let word = instruction(source, &ops);
        slow.set_word(CODE + 4 * at, word);
    }
    for at in 0..16 {
        let word = source.word();
        slow.set_word(0x2000 + 4 * at, word);
        // Handlers at the vectors: whatever they are, they run.
        let word = instruction(source, &ops);
        slow.set_word(4 * at, word);
        let word = instruction(source, &ops);
        slow.set_word(0x80 + 4 * at, word);
    }
}

fn copy_state(slow: &Slow, machine: &mut Machine) {
    for at in (0..RAM).step_by(4) {
        let word = slow.word(at);
        if word != 0 {
            machine.memory_mut().set_word(at, word);
        }
    }
    let core = machine.core_mut();
    for register in Register::all() {
        core.set_register(register, slow.registers[usize::from(register.number())]);
    }
    core.set_hi_lo(slow.hi, slow.lo);
    for ((high, low), index) in slow.tlb.into_iter().zip(0..) {
        core.tlb_mut().write(index, Entry { high, low });
    }
    let control = core.control_mut();
    control.status = slow.control[12];
    control.cause = slow.control[13];
    control.entry_high = slow.control[10];
    control.context = slow.control[4];
    core.set_pc(slow.pc);
}

fn compare(before: &Slow, slow: &Slow, machine: &Machine) {
    let core = machine.core();
    let control = core.control();
    let float: [u32; 32] = ::core::array::from_fn(|number| core.float(number as u8));
    assert_eq!(float, slow.float, "after {:#010x}", before.current_word());
    let mut differences = Vec::new();
    let mut check = |name: String, fast: u32, slow: u32| {
        if fast != slow {
            differences.push(format!("{name}: {fast:#010x}, should be {slow:#010x}"));
        }
    };
    for register in Register::all() {
        let expected = slow.arrived(register.number());
        check(register.to_string(), core.register(register), expected);
    }
    let (hi, lo) = core.hi_lo();
    check("hi".into(), hi, slow.hi);
    check("lo".into(), lo, slow.lo);
    check("pc".into(), core.pc(), slow.pc);
    for (name, fast, number) in [
        ("index", control.index, 0),
        ("entrylo", control.entry_low, 2),
        ("context", control.context, 4),
        ("badvaddr", control.bad_address, 8),
        ("entryhi", control.entry_high, 10),
        ("status", control.status, 12),
        ("cause", control.cause, 13),
        ("epc", control.epc, 14),
    ] {
        check(name.into(), fast, slow.control[number]);
    }
    assert!(
        differences.is_empty(),
        "after {:#010x} at {:#010x}:\n{}\n{}",
        before.current_word(),
        before.pc,
        differences.join("\n"),
        core.report()
    );
}

fn compare_memory(slow: &Slow, machine: &Machine) {
    for at in (0..RAM).step_by(4) {
        let (fast, slow) = (machine.memory().word(at), slow.word(at));
        assert_eq!(fast, Some(slow), "memory at {at:#x}");
    }
    for ((high, low), entry) in slow.tlb.iter().zip(machine.core().tlb().entries()) {
        assert_eq!((entry.high, entry.low), (*high, *low));
    }
}

#[cfg(test)]
mod tests {
    use super::super::random_bytes;
    use crate::cpu::{Decoded, Op};
    use std::collections::HashMap;

    /// Enough bytes for a state and a program.
    const BYTES: usize = 1200;

    #[test]
    fn random_programs_agree_with_the_slow_interpreter() {
        let mut seen: HashMap<Op, u32> = HashMap::new();
        for seed in 0..4096 {
            for word in super::run(&random_bytes(seed, BYTES)) {
                *seen.entry(Decoded::new(word).op).or_default() += 1;
            }
        }
        // The comparison means something only if it came to every instruction, often.
        let undefined = [Op::Bc0f, Op::Bc0t, Op::Tlbwr];
        for op in Op::all().filter(|op| !undefined.contains(op)) {
            let times = seen.get(&op).copied().unwrap_or_default();
            assert!(times >= 100, "{} ran {times} times", op.text());
        }
    }

    #[test]
    fn no_bytes_are_a_program_too() {
        super::run(&[]);
    }
}
