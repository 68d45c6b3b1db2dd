//! Any sequence of accesses to a board, with time passing and frames arriving between them.
//!
//! A board may answer with bus errors and interrupts, and must keep its promises to the core: no
//! panic, no event left behind when time has passed it, interrupt lines that are the hardware's,
//! and memory that holds what was written.

use super::Source;
use crate::board::{Board, Config, Model};
use crate::device::Width;
use crate::ethernet::frame::Frame;
use crate::ethernet::port::Port;
use crate::ethernet::{Ethernet, Station};
use core::ops::ControlFlow;

/// Cycles that one step lets pass at most: four seconds would be many ticks and add nothing.
const MOST_CYCLES: u32 = 1 << 22;
/// The lines of Cause that hardware pulls.
const LINES: u32 = 0xfc00;
/// Where something stands on either board, so that most accesses meet it.
const PLACES: [u32; 16] = [
    0x0000_1000,
    0x1700_0000,
    0x1800_0000,
    0x1900_0000,
    0x1c00_0000,
    0x1d00_0000,
    0x1e00_0000,
    0x1f80_0000,
    0x1f90_0000,
    0x1f9c_0000,
    0x1fc0_0000,
    0x1fc3_f000,
    0x1fd0_0000,
    0x1fd8_0000,
    0x1fe8_0000,
    0x1ff0_0000,
];

/// A board and the moment up to which it is simulated.
struct Bench {
    board: Board,
    now: u64,
}

impl Station for Bench {
    fn port(&mut self) -> &mut Port {
        self.board.lance_mut().port()
    }

    fn run_until(&mut self, nanoseconds: u64) -> ControlFlow<()> {
        self.now = self.now.max(self.board.config().clock.cycles(nanoseconds));
        self.board.advance(self.now);
        ControlFlow::Continue(())
    }
}

/// Runs the accesses that `data` stands for.
///
/// # Panics
///
/// When the board breaks a promise.
pub fn run(data: &[u8]) {
    let mut source = Source::new(data);
    let mut config = source.pick(&[
        Config::DEC2100,
        Config::DEC3100,
        Config::DEC5000_125,
        Config::DEC5000_200,
    ]);
    config.memory = 1 << 20;
    let Ok(board) = Board::new(config) else {
        panic!("a megabyte is not too much");
    };
    let mut bench = Bench { board, now: 0 };
    let mut cable = Ethernet::new();
    while !source.is_empty() {
        step(&mut source, &mut bench, &mut cable);
        bench.board.advance(bench.now);
        let (board, now) = (&bench.board, bench.now);
        if let Some(event) = board.next_event() {
            assert!(event > now, "the event of {event} is left behind at {now}");
        }
        let lines = board.interrupts();
        assert_eq!(lines & !LINES, 0, "{lines:#x} are not hardware's");
    }
}

fn step(source: &mut Source<'_>, bench: &mut Bench, cable: &mut Ethernet) {
    let now = bench.now;
    let board = &mut bench.board;
    match source.below(12) {
        0..=2 => {
            let (address, width) = target(source);
            if let Ok(value) = board.read(address, width, now) {
                assert_eq!(value & !width.mask(), 0, "more lanes than asked for");
            }
        }
        3..=6 => {
            let (address, width) = target(source);
            let value = source.word();
            board.write(address, width, value, now);
            if address < board.config().memory && address.is_multiple_of(width.bytes()) {
                assert_eq!(board.read(address, width, now), Ok(value & width.mask()));
            }
        }
        7 => bench.now += u64::from(source.word() % MOST_CYCLES),
        8 => {
            let until = cable.now() + u64::from(source.word() % 300_000);
            assert!(cable.run(&mut [bench], until).is_continue());
        }
        9 => {
            let bytes = usize::from(source.byte()) * 8;
            let mut data = vec![source.byte(); bytes];
            if let Some(destination) = data.first_chunk_mut() {
                *destination = board.config().station;
            }
            let frame = match source.below(4) {
                0 => Frame::raw(data),
                1 => Frame::raw(data).dribbling(),
                _ => Frame::new(&data),
            };
            cable.inject(frame, 0);
        }
        10 => start_lance(source, board, now),
        _ => match source.below(6) {
            0 => board.type_in(&[source.byte(), b'\r'], now),
            1 => board.lance_mut().starve(source.below(4)),
            2 => board.lance_mut().set_heartbeat(source.below(2) == 0),
            3 => cable.disturb(source.below(20)),
            4 => cable.disturb_late(source.below(3)),
            _ => bench.board.lance_mut().port().disconnect(),
        },
    }
}

/// An address, mostly one where something stands.
fn target(source: &mut Source<'_>) -> (u32, Width) {
    let width = source.pick(&Width::ALL);
    let address = match source.below(8) {
        0 => source.word(),
        1 => source.pick(&PLACES).wrapping_add(source.word() & 0x3_ffff),
        _ => source.pick(&PLACES) + source.below(64) * 4,
    };
    (address, width)
}

/// Rings of the shortest lengths with descriptors that may be anything, and a start.
fn start_lance(source: &mut Source<'_>, board: &mut Board, now: u64) {
    let registers = match board.config().model {
        Model::Kn01 => 0x1800_0000,
        Model::Kn02 => 0x1f90_0000,
    };
    let station = board.config().station;
    let memory = board.lance_mut().memory_mut();
    let mut block = vec![source.byte() & 0x7f, source.byte() & 0x80];
    block.extend(station);
    block.extend([source.byte(); 8]);
    for ring in [0x100_u16, 0x200] {
        block.extend(ring.to_le_bytes());
        block.extend((u16::from(source.byte() & 3) << 13).to_le_bytes());
    }
    memory[..block.len()].copy_from_slice(&block);
    for descriptor in (0x100..0x120).chain(0x200..0x220).step_by(8) {
        let status = u16::from(source.byte()) << 8 | u16::from(source.below(16) == 15);
        let count = 0_u16.wrapping_sub(u16::from(source.byte()) * 8);
        for (at, word) in [(0, 0x1000), (2, status), (4, count), (6, 0)] {
            let place = descriptor + at;
            memory[place..place + 2].copy_from_slice(&word.to_le_bytes());
        }
    }
    for (register, value) in [(0, 4), (1, 0), (2, 0), (0, 0x43)] {
        board.write(registers + 4, Width::Half, register, now);
        board.write(registers, Width::Half, value, now);
    }
}

#[cfg(test)]
mod tests {
    use super::super::random_bytes;
    use super::run;

    #[test]
    fn boards_keep_their_promises() {
        for seed in 0..4096 {
            let length = 16 + seed as usize % 500;
            run(&random_bytes(seed, length));
        }
    }
}
