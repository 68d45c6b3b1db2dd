//! Two machines that run MIPS programs and play ping-pong through their Ethernet controllers.
//!
//! The programs talk to the controller alone; initialization block, rings and buffers are put in
//! place by the host, so one pair of programs serves both boards. What must hold: every frame
//! arrives, the times on the wire are the wire's and the controllers' and the programs', and
//! nobody can see in which order the machines are simulated.

use decstation::board::{Config as Board, Model};
use decstation::cpu::Register;
use decstation::cycles::{Costs, DEC2100, DEC3100, DEC5000_125, DEC5000_200};
use decstation::device::lance::LATENCY;
use decstation::ethernet::frame::{GAP, PREAMBLE};
use decstation::ethernet::{Ethernet, Heard, Station};
use decstation::machine::{Config, Machine, Stop};

/// Where a program lies, physically and for itself.
const PROGRAM: u32 = 0x1_0000;
const PROGRAM_CACHED: u32 = 0x8001_0000;
const ROUNDS: u32 = 8;
/// A frame of 60 bytes with its check sequence.
const WIRE: u64 = PREAMBLE + 64 * 800;

const NOP: u32 = 0;
const T0: u32 = 8;
const T1: u32 = 9;
/// The controller's registers.
const S0: u32 = 16;
/// The status words of the only transmit and the only receive descriptor.
const S1: u32 = 17;
const S2: u32 = 18;
/// Rounds to go.
const S3: u32 = 19;
/// The ROM's halt.
const S4: u32 = 20;

fn i(code: u32, rt: u32, rs: u32, immediate: u32) -> u32 {
    code << 26 | rs << 21 | rt << 16 | immediate & 0xffff
}

fn li(rt: u32, value: u32) -> u32 {
    i(0x0d, rt, 0, value)
}

fn sh(rt: u32, base: u32, offset: u32) -> u32 {
    i(0x29, rt, base, offset)
}

/// Initializes the controller and starts it.
fn start() -> Vec<u32> {
    let mut code = vec![sh(0, S0, 4), li(T0, 0x43), sh(T0, S0, 0)];
    code.extend(wait_for(0x0100));
    code.extend([li(T0, 0x0140), sh(T0, S0, 0)]);
    code
}

/// Waits for bits of CSR0.
fn wait_for(bits: u32) -> [u32; 5] {
    [
        i(0x25, T1, S0, 0),
        NOP,
        i(0x0c, T1, T1, bits),
        i(0x04, T1, 0, 4_u32.wrapping_neg()),
        NOP,
    ]
}

/// Gives the transmit descriptor to the controller and tells it.
fn send() -> [u32; 4] {
    [li(T0, 0x8300), sh(T0, S1, 0), li(T0, 0x48), sh(T0, S0, 0)]
}

/// Acknowledges what has come, and gives the receive descriptor back.
fn accept() -> [u32; 4] {
    [li(T0, 0x0640), sh(T0, S0, 0), li(T0, 0x8000), sh(T0, S2, 0)]
}

/// Sends, waits for the answer, so many times; then halts.
fn ping() -> Vec<u32> {
    let mut code = start();
    let round = code.len();
    code.extend(send());
    code.extend(wait_for(0x0400));
    code.extend(accept());
    code.push(i(0x09, S3, S3, 1_u32.wrapping_neg()));
    let back = (round as u32).wrapping_sub(code.len() as u32 + 1);
    code.extend([i(0x05, S3, 0, back), NOP]);
    code.extend([S4 << 21 | 0x08, NOP]);
    code
}

/// Waits for a frame and answers it, for ever.
fn pong() -> Vec<u32> {
    let mut code = start();
    let round = code.len();
    code.extend(wait_for(0x0400));
    code.extend(accept());
    code.extend(send());
    let back = (round as u32).wrapping_sub(code.len() as u32 + 1);
    code.extend([i(0x04, 0, 0, back), NOP]);
    code
}

/// A machine with a program in memory, and a block, rings of one and a frame to `peer` in its
/// controller's.
fn machine(board: Board, costs: &'static Costs, own: u8, peer: u8, code: &[u32]) -> Machine {
    let mut machine = Machine::new(&Config::new(board, costs)).expect("enough memory");
    for (word, at) in code.iter().zip((PROGRAM..).step_by(4)) {
        assert!(machine.memory_mut().set_word(at, *word));
    }
    let address = |last| [0x08, 0x00, 0x2b, 0, 0, last];
    let memory = machine.board_mut().lance_mut().memory_mut();
    let mut put = |at: usize, words: &[u16]| {
        for (place, word) in memory[at..].chunks_exact_mut(2).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
    };
    let halves = |last: u8| [0x0008, 0x002b, u16::from(last) << 8];
    put(2, &halves(own));
    put(16, &[0x100, 0, 0x200, 0]);
    put(0x100, &[0x1000, 0x8000, 0xf000 | (4096 - 1520), 0]);
    put(0x200, &[0x2000, 0, 0xf000 | (4096 - 60), 0]);
    put(0x2000, &halves(peer));
    assert_eq!(memory[0x2000..0x2006], address(peer));

    let halt = machine.board_mut().boot(&[]).arguments[3] + 0x9c;
    let halt = machine
        .board_mut()
        .read(halt & 0x1fff_ffff, decstation::device::Width::Word, 0);
    let (registers, buffer, stride) = match board.model {
        Model::Kn01 => (0xb800_0000, 0xb900_0000, 2),
        Model::Kn02 => (0xbf90_0000, 0xbf80_0000, 1),
    };
    for (register, value) in [
        (Register::S0, registers),
        (Register::S1, buffer + stride * 0x202),
        (Register::S2, buffer + stride * 0x102),
        (Register::S3, ROUNDS),
        (Register::S4, halt.expect("the vector")),
    ] {
        machine.core_mut().set_register(register, value);
    }
    machine.core_mut().control_mut().status = 0;
    machine.core_mut().set_pc(PROGRAM_CACHED);
    machine
}

/// What passed on the cable until the first machine halted.
fn play(boards: [(Board, &'static Costs); 2], turned: bool) -> Vec<Heard> {
    let [one, two] = boards;
    let mut ping = machine(one.0, one.1, 1, 2, &ping());
    let mut pong = machine(two.0, two.1, 2, 1, &pong());
    let mut cable = Ethernet::new();
    let mut stations: [&mut dyn Station; 2] = [&mut ping, &mut pong];
    if turned {
        stations.reverse();
    }
    assert!(cable.run(&mut stations, 100_000_000).is_break());
    assert!(
        matches!(ping.last_stop(), Some(Stop::Board(_))),
        "{:?}",
        ping.last_stop()
    );
    let mut heard = cable.collect();
    for own in &mut heard {
        own.from = own
            .from
            .map(|station| if turned { 1 - station } else { station });
    }
    heard
}

const MACHINES: [(Board, &Costs); 4] = [
    (Board::DEC2100, &DEC2100),
    (Board::DEC3100, &DEC3100),
    (Board::DEC5000_125, &DEC5000_125),
    (Board::DEC5000_200, &DEC5000_200),
];

#[test]
fn every_pair_of_machines_exchanges_frames() {
    for one in MACHINES {
        for two in MACHINES {
            let heard = play([one, two], false);
            assert_eq!(heard.len() as u32, 2 * ROUNDS);
            for (number, own) in heard.iter().enumerate() {
                assert_eq!(own.from, Some(number % 2));
                assert!(own.frame.is_intact());
            }
            for pair in heard.windows(2) {
                let between = pair[1].start - pair[0].start;
                let hardware = WIRE + 2 * LATENCY;
                // Some twenty instructions, each of which may wait for its device, on the
                // slowest machine.
                assert!(
                    between > hardware && between < hardware + 40_000,
                    "{between}"
                );
                assert!(between > WIRE + GAP);
            }
        }
    }
}

#[test]
fn the_order_of_simulation_cannot_be_seen() {
    for pair in [[MACHINES[0], MACHINES[3]], [MACHINES[3], MACHINES[1]]] {
        let reference = play(pair, false);
        assert_eq!(play(pair, false), reference);
        assert_eq!(play(pair, true), reference);
    }
}
