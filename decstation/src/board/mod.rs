//! A board: what stands at each physical address, and which interrupt line each device pulls.
//!
//! The core sees a board as memory that it may index directly ([`Board::ram`], physical address 0
//! upward), as [`Board::read`] and [`Board::write`] for everything else, and as six interrupt
//! lines. Devices act by themselves only at [`Board::next_event`]; until then, and as long as the
//! core touches nothing outside memory, [`Board::interrupts`] keeps its value. After every access
//! outside memory the core asks for both again.
//!
//! An address where nothing answers is a bus error. Reads raise the exception at once; writes
//! have left through the write buffer, so the board latches the address and pulls its error line,
//! as both boards do (KN01: system CSR and `IP6`; KN02: error address register and `IP5`).
//!
//! The maps (`kn01.rs`, `kn02.rs`) were exercised on GXemul's 3max and MAME's ds3100; names of bits
//! are those of the boards' functional specifications as Linux and Sprite keep them. The 5000/125
//! is the KN02 board with another clock, which the real one was not.

mod kn01;
mod kn02;
mod prom;
mod system;

pub use prom::{Boot, Stop};

use crate::device::dz::{self, Dz};
use crate::device::lance::Lance;
use crate::device::rtc::Rtc;
use crate::device::{BusError, Clock, Device as _, Width, aligned, driven, earlier, lanes};
use core::fmt;
use core::num::NonZeroU32;
use prom::Prom;

/// The boards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// DECstation 2100 and 3100.
    Kn01,
    /// DECstation 5000/200, and here the 5000/125.
    Kn02,
}

impl Model {
    /// The most memory the board takes, in bytes: 24 MB in six pairs of modules on the KN01, and
    /// up to the first slot on the KN02.
    pub const fn most_memory(self) -> u32 {
        match self {
            Model::Kn01 => 24 << 20,
            Model::Kn02 => 480 << 20,
        }
    }
}

/// What a board is built of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The board.
    pub model: Model,
    /// The processor's clock.
    pub clock: Clock,
    /// Bytes of memory.
    pub memory: u32,
    /// The Ethernet address in the station ROM.
    pub station: [u8; 6],
}

impl Config {
    /// A DECstation 2100: 12.5 MHz.
    pub const DEC2100: Config = Config::new(Model::Kn01, 80);
    /// A DECstation 3100: 16.67 MHz.
    pub const DEC3100: Config = Config::new(Model::Kn01, 60);
    /// A DECstation 5000/125: 25 MHz.
    pub const DEC5000_125: Config = Config::new(Model::Kn02, 40);
    /// A DECstation 5000/200: 25 MHz.
    pub const DEC5000_200: Config = Config::new(Model::Kn02, 40);

    const fn new(model: Model, period: u32) -> Config {
        let period = match NonZeroU32::new(period) {
            Some(period) => period,
            None => NonZeroU32::MIN,
        };
        Config {
            model,
            clock: Clock::of_period(period),
            memory: match model {
                Model::Kn01 => 24 << 20,
                Model::Kn02 => 64 << 20,
            },
            // 08-00-2B is Digital's.
            station: [0x08, 0x00, 0x2b, 0x01, 0x02, 0x03],
        }
    }
}

/// More memory than the board takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuchMemory {
    /// The bytes asked for.
    pub given: u32,
    /// The bytes the board takes.
    pub limit: u32,
}

impl fmt::Display for TooMuchMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (given, limit) = (self.given, self.limit);
        write!(
            f,
            "{given} bytes of memory; the board takes at most {limit}"
        )
    }
}

impl core::error::Error for TooMuchMemory {}

/// A board with its memory and devices.
#[derive(Clone, Debug)]
pub struct Board {
    config: Config,
    ram: Vec<u8>,
    dz: Dz,
    rtc: Rtc,
    lance: Lance,
    system: system::System,
    prom: Prom,
}

/// A range of physical addresses and what stands there.
struct Region {
    start: u32,
    bytes: u32,
    place: Place,
}

/// What can stand at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The boot ROM, with the port by which its code calls the host.
    Rom,
    /// The serial controller.
    Dz,
    /// The clock, one register in the low byte of a word.
    Clock,
    /// The clock, with a byte of the station address in the second lane of each word.
    ClockAndStation,
    /// The registers of the Ethernet controller.
    Lance,
    /// Its memory, byte by byte.
    LanceMemory,
    /// Its memory, a halfword in the low half of each word.
    LanceHalfwords,
    /// The station address ROM, a byte on every lane of a word.
    Station,
    /// The system's control and status register.
    System,
    /// Where the last failed access went.
    ErrorAddress,
    /// The check bits of the last failed access.
    Syndrome,
}

impl Board {
    /// A board at switch-on, its ROM in place.
    ///
    /// # Errors
    ///
    /// When `config` asks for more memory than the board takes.
    pub fn new(config: Config) -> Result<Board, TooMuchMemory> {
        let (given, limit) = (config.memory, config.model.most_memory());
        if given > limit {
            return Err(TooMuchMemory { given, limit });
        }
        Ok(Board {
            config,
            ram: vec![0; given as usize],
            dz: Dz::new(config.clock),
            rtc: Rtc::new(config.clock),
            lance: Lance::new(
                config.clock,
                match config.model {
                    Model::Kn01 => kn01::LANCE_BYTES,
                    Model::Kn02 => kn02::LANCE_BYTES,
                },
            ),
            system: system::System::new(config.model),
            prom: Prom::new(&config),
        })
    }

    /// Takes another's state over, memory in the space that is there.
    pub(crate) fn become_like(&mut self, other: &Board) {
        let Board {
            config,
            ram,
            dz,
            rtc,
            lance,
            system,
            prom,
        } = other;
        self.config = *config;
        self.ram.clone_from(ram);
        self.dz.clone_from(dz);
        self.rtc.clone_from(rtc);
        self.lance.clone_from(lance);
        self.system.clone_from(system);
        self.prom.clone_from(prom);
    }

    /// What the board is built of.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Memory, from physical address 0.
    pub fn ram(&self) -> &[u8] {
        &self.ram
    }

    /// Memory, to write. No device of these boards keeps a copy of it.
    pub fn ram_mut(&mut self) -> &mut [u8] {
        &mut self.ram
    }

    /// Prepares what the ROM hands a booted image, and tells the registers to start it with.
    pub fn boot(&mut self, arguments: &[&str]) -> Boot {
        self.prom.boot(arguments)
    }

    /// Reads `width` at a physical address, memory or not.
    ///
    /// # Errors
    ///
    /// When nothing answers there: the core raises a bus error exception.
    pub fn read(&mut self, physical: u32, width: Width, now: u64) -> Result<u32, BusError> {
        let at = physical as usize;
        if let Some(bytes) = self.ram.get(at..at + width.bytes() as usize) {
            return Ok(little_endian(bytes));
        }
        let answer = match self.locate(physical, width) {
            Some((place, offset)) => self.read_place(place, offset, width, now),
            None => None,
        };
        answer.ok_or_else(|| {
            self.system.read_failed(physical);
            BusError {
                address: physical,
                width,
            }
        })
    }

    /// Writes the low bytes of `value` at a physical address, memory or not. A write that nothing
    /// answers pulls the error line.
    pub fn write(&mut self, physical: u32, width: Width, value: u32, now: u64) {
        let at = physical as usize;
        if store(&mut self.ram, at, width, value).is_some() {
            return;
        }
        let answer = match self.locate(physical, width) {
            Some((place, offset)) => self.write_place(place, offset, width, value, now),
            None => None,
        };
        if answer.is_none() {
            self.system.write_failed(physical);
        }
    }

    /// The hardware interrupt lines as they stand in the Cause register: bit 10 is `IP2`, bit 15
    /// is `IP7`.
    pub fn interrupts(&self) -> u32 {
        self.system.interrupts(&self.lines())
    }

    /// When a device will next act by itself, or `None` if none will.
    pub fn next_event(&self) -> Option<u64> {
        let slow = earlier(self.dz.next_event(), self.rtc.next_event());
        earlier(slow, self.lance.next_event())
    }

    /// Does everything that is due by `now`.
    pub fn advance(&mut self, now: u64) {
        self.dz.advance(now);
        self.rtc.advance(now);
        self.lance.advance(now);
    }

    /// Whether the program told the ROM to stop the machine, and how.
    pub fn stopped(&self) -> Option<&Stop> {
        self.prom.stopped()
    }

    /// What the console has printed, through the serial line or the ROM.
    pub fn console(&self) -> &[u8] {
        self.dz.output(dz::CONSOLE)
    }

    /// Takes what the console has printed since this was last called.
    pub fn take_console(&mut self) -> Vec<u8> {
        self.dz.take_output(dz::CONSOLE)
    }

    /// Types on the console.
    pub fn type_in(&mut self, bytes: &[u8], now: u64) {
        self.dz.type_in(dz::CONSOLE, bytes, now);
    }

    /// The serial controller.
    pub fn dz_mut(&mut self) -> &mut Dz {
        &mut self.dz
    }

    /// The Ethernet controller.
    pub fn lance(&self) -> &Lance {
        &self.lance
    }

    /// The Ethernet controller, to give it a cable.
    pub fn lance_mut(&mut self) -> &mut Lance {
        &mut self.lance
    }

    fn lines(&self) -> system::Lines {
        system::Lines {
            dz: self.dz.interrupt(),
            rtc: self.rtc.interrupt(),
            lance: self.lance.interrupt(),
        }
    }

    fn locate(&self, physical: u32, width: Width) -> Option<(Place, u32)> {
        let map = match self.config.model {
            Model::Kn01 => kn01::MAP,
            Model::Kn02 => kn02::MAP,
        };
        let inside = |region: &&Region| physical.wrapping_sub(region.start) < region.bytes;
        let region = map.iter().find(inside)?;
        aligned(physical, width).then_some((region.place, physical - region.start))
    }

    fn read_place(&mut self, place: Place, offset: u32, width: Width, now: u64) -> Option<u32> {
        let word = match place {
            Place::Rom => self.prom.read(offset),
            Place::Dz => return self.dz.read(offset, width, now).ok(),
            Place::Clock => return self.rtc.read(offset, width, now).ok(),
            Place::ClockAndStation => {
                // A cycle that does not reach the clock's lane does not read its register, for
                // reading one of them acknowledges.
                let clock = match offset & 3 {
                    0 => self.rtc.read(offset, Width::Byte, now).ok()?,
                    _ => 0,
                };
                clock | u32::from(self.prom.station(offset / 4)) << 8
            }
            Place::System => self.system.read(&self.lines()),
            Place::Lance => return self.lance.read(offset, width, now).ok(),
            Place::LanceMemory => {
                let at = (offset & !3) as usize;
                little_endian(self.lance.memory().get(at..at + 4)?)
            }
            Place::LanceHalfwords => {
                let at = (offset / 4 * 2) as usize;
                little_endian(self.lance.memory().get(at..at + 2)?)
            }
            Place::Station => u32::from(self.prom.station(offset / 4)) * 0x0101_0101,
            Place::ErrorAddress => self.system.error_address(),
            Place::Syndrome => 0,
        };
        Some(lanes(word, offset, width))
    }

    fn write_place(
        &mut self,
        place: Place,
        offset: u32,
        width: Width,
        value: u32,
        now: u64,
    ) -> Option<()> {
        let (word, mask) = driven(value, offset, width);
        match place {
            Place::Rom => return prom::write(self, offset, width, value),
            Place::Dz => return self.dz.write(offset, width, value, now).ok(),
            Place::Clock => return self.rtc.write(offset, width, value, now).ok(),
            Place::ClockAndStation if mask & 0xff != 0 => {
                return self.rtc.write(offset, Width::Byte, value, now).ok();
            }
            // The station address is read-only, as the syndrome is.
            Place::ClockAndStation | Place::Station | Place::Syndrome => {}
            Place::Lance => return self.lance.write(offset, width, value, now).ok(),
            Place::LanceMemory => store(self.lance.memory_mut(), offset as usize, width, value)?,
            Place::LanceHalfwords => {
                // Only the low half of a word has memory behind it.
                let at = (offset / 4 * 2 + offset % 4) as usize;
                match (offset % 4, width) {
                    (0, Width::Word) => store(self.lance.memory_mut(), at, Width::Half, value)?,
                    (0 | 1, _) => store(self.lance.memory_mut(), at, width, value)?,
                    _ => {}
                }
            }
            Place::System => self.system.write(word, mask),
            Place::ErrorAddress => self.system.clear_error(),
        }
        Some(())
    }
}

/// Stores the low bytes of `value`, if they all fit.
fn store(memory: &mut [u8], at: usize, width: Width, value: u32) -> Option<()> {
    let bytes = width.bytes() as usize;
    let place = memory.get_mut(at..at + bytes)?;
    place.copy_from_slice(&value.to_le_bytes()[..bytes]);
    Some(())
}

fn little_endian(bytes: &[u8]) -> u32 {
    let fold = |value, byte: &u8| value << 8 | u32::from(*byte);
    bytes.iter().rev().fold(0, fold)
}

#[cfg(test)]
mod tests;
