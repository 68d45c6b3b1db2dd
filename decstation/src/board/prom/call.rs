//! What the host does for each call of the ROM.
//!
//! Addresses that a program hands over are those of kseg0 and kseg1; where there is no memory
//! behind one, a read finds zero and a write is lost. Strings end after a named limit at the latest.

use super::{BASE, BITMAP, BYTES, CHANNEL, Call, ENTRIES, PORT_CALL, PORT_RESULT, Stop, port_word};
use crate::board::{Board, Model};
use crate::device::{Width, lanes};

/// The longest string a call reads or prints.
const MOST_STRING: usize = 4096;
/// The longest line `gets` returns.
const MOST_LINE: usize = 255;
/// The widest field of `printf`.
const MOST_FIELD: usize = 64;

/// A write to the ROM: to its port, or refused. The write of the call performs it.
pub(in crate::board) fn write(
    board: &mut Board,
    offset: u32,
    width: Width,
    value: u32,
) -> Option<()> {
    let word = port_word(offset).filter(|_| width == Width::Word)?;
    board.prom.port[word] = value;
    if word as u32 * 4 == PORT_CALL {
        let entry = ENTRIES.get(value as usize);
        let result = perform(board, entry.map_or(Call::Missing, |entry| entry.call));
        board.prom.port[PORT_RESULT as usize / 4] = result;
    }
    Some(())
}

fn perform(board: &mut Board, call: Call) -> u32 {
    let [a0, a1, ..] = board.prom.port;
    match call {
        Call::Getchar => board.dz.typed().map_or(u32::MAX, u32::from),
        Call::Gets => gets(board, a0),
        Call::Puts => {
            let text = string(board, a0);
            print(board, &text);
            0
        }
        Call::Printf => {
            let text = printf(board);
            print(board, &text);
            text.len() as u32
        }
        Call::Putchar => {
            print(board, &[a0 as u8]);
            0
        }
        Call::Getenv => {
            let name = string(board, a0);
            let own = |(own, _): &&(String, u32)| own.as_bytes() == name;
            let found = board.prom.environment.iter().find(own);
            found.map_or(0, |(_, value)| *value)
        }
        Call::SlotAddress => 0x9e00_0000_u32.wrapping_add(a0.wrapping_mul(4 << 20)),
        Call::ClearCache => 0,
        Call::Getsysid => match board.config.model {
            Model::Kn01 => 0x8201_0300,
            Model::Kn02 => 0x8202_0300,
        },
        Call::Getbitmap => {
            let bytes = board.config.memory / 4096 / 8;
            for offset in (0..bytes + 4).step_by(4) {
                let word = board.prom.read(BITMAP + offset);
                store(board, a0.wrapping_add(offset), &word.to_le_bytes());
            }
            bytes
        }
        Call::Gettcinfo => match board.config.model {
            Model::Kn01 => 0,
            Model::Kn02 => BASE + CHANNEL,
        },
        Call::Halt => stop(board, Stop::Halt(a0)),
        Call::Rex if a0 == u32::from(b'b') => stop(board, Stop::Reboot),
        Call::Rex => stop(board, Stop::Halt(a1)),
        Call::Missing => stop(board, Stop::MissingCall),
        Call::Exception => stop(board, Stop::Exception),
    }
}

fn stop(board: &mut Board, stop: Stop) -> u32 {
    board.prom.stop.get_or_insert(stop);
    0
}

fn print(board: &mut Board, text: &[u8]) {
    for byte in text {
        board.dz.print(*byte);
    }
}

/// A line of the console into `buffer`: its address, or 0 while none has been typed; the code of
/// the call then asks again.
fn gets(board: &mut Board, buffer: u32) -> u32 {
    if !board.dz.typed_a_line() {
        return 0;
    }
    let mut line = Vec::new();
    while let Some(byte) = board.dz.typed() {
        if matches!(byte, b'\r' | b'\n') {
            break;
        }
        if line.len() < MOST_LINE {
            line.push(byte);
        }
    }
    line.push(0);
    store(board, buffer, &line);
    buffer
}

/// The byte at an unmapped virtual address, 0 where there is none.
fn byte(board: &Board, address: u32) -> u8 {
    let physical = address & 0x1fff_ffff;
    match address >> 29 {
        4 | 5 if (physical as usize) < board.ram.len() => board.ram[physical as usize],
        4 | 5 => {
            let offset = physical.wrapping_sub(BASE & 0x1fff_ffff);
            if (offset as usize) < BYTES {
                lanes(board.prom.read(offset), offset, Width::Byte) as u8
            } else {
                0
            }
        }
        _ => 0,
    }
}

fn word(board: &Board, address: u32) -> u32 {
    let bytes = [0, 1, 2, 3].map(|at| byte(board, address.wrapping_add(at)));
    u32::from_le_bytes(bytes)
}

/// Stores bytes in memory, those that lie in it.
fn store(board: &mut Board, address: u32, bytes: &[u8]) {
    for (at, value) in bytes.iter().enumerate() {
        let address = address.wrapping_add(at as u32);
        let physical = (address & 0x1fff_ffff) as usize;
        if matches!(address >> 29, 4 | 5)
            && let Some(place) = board.ram.get_mut(physical)
        {
            *place = *value;
        }
    }
}

fn string(board: &Board, address: u32) -> Vec<u8> {
    (0..MOST_STRING as u32)
        .map(|at| byte(board, address.wrapping_add(at)))
        .take_while(|byte| *byte != 0)
        .collect()
}

/// The text of `printf`: `%c %d %u %x %o %s %%`, with a width and a leading zero for padding.
fn printf(board: &Board) -> Vec<u8> {
    let format = string(board, board.prom.port[0]);
    let stack = board.prom.port[4];
    let mut values = (1..).map(|index: u32| match index {
        1..=3 => board.prom.port[index as usize],
        _ => word(board, stack.wrapping_add(4 * index)),
    });
    let mut text = Vec::new();
    let mut rest = format.iter().copied();
    while let Some(byte) = rest.next() {
        if text.len() >= MOST_STRING {
            break;
        }
        if byte != b'%' {
            text.push(byte);
            continue;
        }
        let mut width = 0;
        let mut padding = b' ';
        let mut kind = rest.next();
        while let Some(digit @ b'0'..=b'9' | digit @ b'l') = kind {
            match digit {
                b'0' if width == 0 => padding = b'0',
                b'l' => {}
                _ => width = (width * 10 + usize::from(digit - b'0')).min(MOST_FIELD),
            }
            kind = rest.next();
        }
        let field = match kind {
            Some(b'%') => b"%".to_vec(),
            Some(kind) => field(board, kind, values.next().unwrap_or(0)),
            None => break,
        };
        text.extend(core::iter::repeat_n(
            padding,
            width.saturating_sub(field.len()),
        ));
        text.extend(field);
    }
    text
}

fn field(board: &Board, kind: u8, value: u32) -> Vec<u8> {
    match kind {
        b'c' => vec![value as u8],
        b'd' => value.cast_signed().to_string().into_bytes(),
        b'u' => value.to_string().into_bytes(),
        b'x' => format!("{value:x}").into_bytes(),
        b'o' => format!("{value:o}").into_bytes(),
        b's' => string(board, value),
        other => vec![b'%', other],
    }
}
