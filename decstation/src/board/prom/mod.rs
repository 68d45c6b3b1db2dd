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

mod call;
mod code;
mod station;

pub(super) use call::write;

use super::{Config, Model};

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
#[derive(Clone, Debug)]
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
            station: station::station(config.station),
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
        self.rom
            .get(at..at + 4)
            .map_or(0, crate::board::little_endian)
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
