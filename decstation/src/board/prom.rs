//! The boot ROM: what an image finds in its registers, and the calls it may make back.
//!
//! DEC's firmware is not ours to ship, so the ROM is made here. Its entries are real code: each
//! stores the argument registers into a port at the end of the ROM, and the host performs the
//! call when the last store arrives. The core thus needs to know nothing of the ROM.
//!
//! An image is started as a TURBOchannel DECstation starts one: `a0` counts the arguments, `a1`
//! points to them, `a2` holds [`MAGIC`], `a3` points to a vector of calls. The offsets, results
//! and initial values are those that GXemul's 3max was seen to give; the KN01 has them too, and
//! the older table of jumps at the start of the ROM besides, where entry `n` stands at 8 × `n`.
//! Printing takes no simulated time. Left out: disks, netboot and the environment's writing.

use super::{Board, Config, Model};
use crate::device::Width;
use crate::device::lanes;

/// What `a2` holds when the vector of `a3` is there.
pub(super) const MAGIC: u32 = 0x3046_4354;
/// The ROM in uncached memory.
const BASE: u32 = 0xbfc0_0000;
const BYTES: usize = 0x4_0000;
/// The code of the calls, `STUB` bytes for each.
const STUBS: u32 = 0x1000;
const STUB: u32 = 0x40;
/// The vector of calls, one address for each word.
const VECTOR: u32 = 0x4000;
const VECTOR_WORDS: u32 = 64;
/// Pointers to the arguments, and the arguments.
const ARGUMENTS: u32 = 0x1_0000;
const ARGUMENT_BYTES: usize = 0x8000;
const MOST_ARGUMENTS: usize = 64;
/// The environment.
const ENVIRONMENT: u32 = 0x2_0000;
/// The bitmap of memory: the size of a page, then a bit for each.
const BITMAP: u32 = 0x3_0000;
/// What `gettcinfo` points to.
const CHANNEL: u32 = 0x3_e000;
/// The port: four argument registers, the stack pointer, the call, the result.
const PORT: u32 = 0x3_f000;
const PORT_CALL: u32 = 20;
const PORT_RESULT: u32 = 24;
const PORT_WORDS: usize = 7;

/// Exception vectors while BEV is set.
const BEV_VECTORS: [u32; 2] = [0x100, 0x180];
/// The stack an image starts with.
const STACK: u32 = 0xa000_7f00;
/// Coprocessors 0 and 1 usable, interrupts off, BEV clear.
const STATUS: u32 = 0x3000_0000;
/// The longest string a call reads or prints.
const MOST_STRING: usize = 4096;
/// The longest line `gets` returns.
const MOST_LINE: usize = 255;
/// The widest field of `printf`.
const MOST_FIELD: usize = 64;

/// The calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Getchar,
    Gets,
    Puts,
    Printf,
    Getenv,
    SlotAddress,
    ClearCache,
    Getsysid,
    Getbitmap,
    Halt,
    Gettcinfo,
    Rex,
    Putchar,
    /// Any other entry.
    Missing,
    /// An exception with BEV set.
    Exception,
}

/// One call: its place in the vector, and in the KN01's table of jumps.
struct Entry {
    call: Call,
    vector: Option<u32>,
    jump: Option<u32>,
}

const fn entry(call: Call, vector: Option<u32>, jump: Option<u32>) -> Entry {
    Entry { call, vector, jump }
}

const ENTRIES: &[Entry] = &[
    entry(Call::Missing, None, None),
    entry(Call::Exception, None, None),
    entry(Call::Getchar, Some(0x24), Some(12)),
    entry(Call::Gets, Some(0x28), Some(15)),
    entry(Call::Puts, Some(0x2c), Some(16)),
    entry(Call::Printf, Some(0x30), Some(17)),
    entry(Call::Getenv, Some(0x64), Some(33)),
    entry(Call::SlotAddress, Some(0x6c), None),
    entry(Call::ClearCache, Some(0x7c), None),
    entry(Call::Getsysid, Some(0x80), None),
    entry(Call::Getbitmap, Some(0x84), None),
    entry(Call::Halt, Some(0x9c), Some(2)),
    entry(Call::Gettcinfo, Some(0xa4), None),
    entry(Call::Rex, Some(0xac), None),
    entry(Call::Putchar, None, Some(13)),
];

/// The registers an image starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boot {
    /// `a0` to `a3`: the count of arguments, their pointers, the magic number, the calls.
    pub arguments: [u32; 4],
    /// The stack pointer.
    pub sp: u32,
    /// The Status register.
    pub status: u32,
}

/// Why the ROM stopped the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The program halted, with this in `a0`.
    Halt(u32),
    /// The program asked to be booted again.
    Reboot,
    /// The program made a call that this ROM does not have.
    MissingCall,
    /// An exception came while its vectors were in the ROM.
    Exception,
}

/// The ROM and the state of its port.
#[derive(Debug)]
pub(super) struct Prom {
    rom: Vec<u8>,
    port: [u32; PORT_WORDS],
    station: [u8; 32],
    environment: Vec<(String, u32)>,
    stop: Option<Stop>,
}

impl Prom {
    pub(super) fn new(config: &Config) -> Prom {
        let mut prom = Prom {
            rom: vec![0; BYTES],
            port: [0; PORT_WORDS],
            station: station(config.station),
            environment: Vec::new(),
            stop: None,
        };
        prom.write_code(config.model);
        let bitmap = prom.write_bitmap(config.memory);
        if config.model == Model::Kn02 {
            // Revision, 40 ns, 4 MB a slot, then time-out, range and burst of transfers.
            let information = [0, 40, 4, 10, 1, 128, 0, 0];
            for (at, word) in (CHANNEL..).step_by(4).zip(information) {
                prom.put(at, word);
            }
        }
        prom.write_environment(&[
            ("osconsole", "2".to_owned()),
            ("boot", "6/tftp/image".to_owned()),
            ("haltaction", "h".to_owned()),
            ("bitmap", format!("{:#x}", BASE + BITMAP + 4)),
            ("bitmaplen", format!("{bitmap:#x}")),
        ]);
        prom
    }

    /// The word of the ROM or the port that holds `offset`.
    pub(super) fn read(&self, offset: u32) -> u32 {
        if let Some(word) = port_word(offset) {
            return self.port[word];
        }
        let at = (offset & !3) as usize;
        self.rom.get(at..at + 4).map_or(0, super::little_endian)
    }

    /// Byte `index` of the station address ROM, which repeats itself.
    pub(super) fn station(&self, index: u32) -> u8 {
        self.station[index as usize % self.station.len()]
    }

    pub(super) fn stopped(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// Writes the arguments; those that do not fit are left out.
    pub(super) fn boot(&mut self, arguments: &[&str]) -> Boot {
        let mut text = ARGUMENTS + 4 * (MOST_ARGUMENTS as u32 + 1);
        let end = ARGUMENTS + ARGUMENT_BYTES as u32;
        let mut count = 0;
        for argument in arguments.iter().take(MOST_ARGUMENTS) {
            if argument.len() >= (end - text) as usize {
                break;
            }
            self.put(ARGUMENTS + 4 * count, BASE + text);
            text = self.put_string(text, argument);
            count += 1;
        }
        self.put(ARGUMENTS + 4 * count, 0);
        Boot {
            arguments: [count, BASE + ARGUMENTS, MAGIC, BASE + VECTOR],
            sp: STACK,
            status: STATUS,
        }
    }

    fn put(&mut self, offset: u32, word: u32) {
        let at = offset as usize;
        self.rom[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }

    /// Writes a string and its end; the offset after them.
    fn put_string(&mut self, offset: u32, text: &str) -> u32 {
        let at = offset as usize;
        self.rom[at..at + text.len()].copy_from_slice(text.as_bytes());
        self.rom[at + text.len()] = 0;
        offset + text.len() as u32 + 1
    }

    fn write_code(&mut self, model: Model) {
        let stub = |call: Call| {
            let own = ENTRIES.iter().position(|entry| entry.call == call);
            STUBS + STUB * own.unwrap_or(0) as u32
        };
        for (number, entry) in ENTRIES.iter().enumerate() {
            let code = code::stub(entry.call == Call::Gets, number as u32);
            for (at, word) in (stub(entry.call)..).step_by(4).zip(code) {
                self.put(at, word);
            }
        }
        for word in 0..VECTOR_WORDS {
            self.put(VECTOR + 4 * word, BASE + stub(Call::Missing));
        }
        for entry in ENTRIES {
            if let Some(offset) = entry.vector {
                self.put(VECTOR + offset, BASE + stub(entry.call));
            }
        }
        if model == Model::Kn01 {
            for number in 0..(STUBS / 8) {
                self.put(8 * number, code::jump(BASE + stub(Call::Missing)));
            }
            for entry in ENTRIES {
                if let Some(number) = entry.jump {
                    self.put(8 * number, code::jump(BASE + stub(entry.call)));
                }
            }
        }
        for vector in BEV_VECTORS {
            self.put(vector, code::jump(BASE + stub(Call::Exception)));
        }
    }

    /// A bit for each whole page of memory; the bytes of the bitmap.
    fn write_bitmap(&mut self, memory: u32) -> u32 {
        self.put(BITMAP, 4096);
        let bytes = memory / 4096 / 8;
        let at = (BITMAP + 4) as usize;
        self.rom[at..at + bytes as usize].fill(0xff);
        bytes
    }

    fn write_environment(&mut self, variables: &[(&str, String)]) {
        let mut at = ENVIRONMENT;
        for (name, value) in variables {
            self.environment.push(((*name).to_owned(), BASE + at));
            at = self.put_string(at, value);
        }
    }
}

/// The word of the port at `offset` of the ROM.
fn port_word(offset: u32) -> Option<usize> {
    let word = (offset.wrapping_sub(PORT) / 4) as usize;
    (word < PORT_WORDS).then_some(word)
}

/// A write to the ROM: to its port, or refused. The write of the call performs it.
pub(super) fn write(board: &mut Board, offset: u32, width: Width, value: u32) -> Option<()> {
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

/// The station address ROM: the address, its checksum, both backwards, both again, and the test
/// pattern by which drivers know it.
fn station(address: [u8; 6]) -> [u8; 32] {
    let mut sum = 0_u32;
    for pair in address.chunks_exact(2) {
        // A sum modulo 65 535, turned left by one for each of its three words.
        sum = fold(sum << 1);
        sum = fold(sum + u32::from(pair[0]) * 256 + u32::from(pair[1]));
    }
    let mut own = [0; 8];
    own[..6].copy_from_slice(&address);
    own[6..].copy_from_slice(&(sum as u16).to_be_bytes());
    let mut backwards = own;
    backwards.reverse();
    let mut rom = [0; 32];
    let pattern = [0xff, 0x00, 0x55, 0xaa, 0xff, 0x00, 0x55, 0xaa];
    for (place, part) in rom.chunks_exact_mut(8).zip([own, backwards, own, pattern]) {
        place.copy_from_slice(&part);
    }
    rom
}

const fn fold(sum: u32) -> u32 {
    if sum > 0xffff { sum - 0xffff } else { sum }
}

/// The instructions of the ROM.
mod code {
    use super::{BASE, PORT, PORT_CALL, PORT_RESULT};

    const V0: u32 = 2;
    const A0: u32 = 4;
    const T0: u32 = 8;
    const T1: u32 = 9;
    const SP: u32 = 29;

    const fn immediate(opcode: u32, base: u32, register: u32, value: u32) -> u32 {
        opcode << 26 | base << 21 | register << 16 | value & 0xffff
    }

    /// `j` to an address in the same 256 MB.
    pub(super) const fn jump(target: u32) -> u32 {
        2 << 26 | target >> 2 & 0x03ff_ffff
    }

    /// Stores the arguments, the stack pointer and the number of the call; returns the result.
    /// A call that `waits` is made again while its result is 0.
    pub(super) fn stub(waits: bool, number: u32) -> Vec<u32> {
        const LUI: u32 = 0x0f;
        const ORI: u32 = 0x0d;
        const LW: u32 = 0x23;
        const SW: u32 = 0x2b;
        const BEQ: u32 = 0x04;
        let port = BASE + PORT;
        let mut code = vec![
            immediate(LUI, 0, T0, port >> 16),
            immediate(ORI, T0, T0, port),
            immediate(ORI, 0, T1, number),
        ];
        code.extend((0..4).map(|index| immediate(SW, T0, A0 + index, 4 * index)));
        code.push(immediate(SW, T0, SP, 16));
        code.push(immediate(SW, T0, T1, PORT_CALL));
        code.push(immediate(LW, T0, V0, PORT_RESULT));
        code.push(0);
        if waits {
            // Back to the store of the number.
            code.push(immediate(BEQ, V0, 0, 4_u32.wrapping_neg()));
            code.push(0);
        }
        code.push(0x03e0_0008);
        code.push(0);
        code
    }
}
