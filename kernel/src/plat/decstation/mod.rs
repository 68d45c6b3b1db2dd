//! The DECstations: board KN01 (2100, 3100) and KN02 (5000/200), told apart by the processor.
//!
//! Both have the same serial controller and the same clock at other addresses and on other interrupt
//! lines, so a board is a row of a table. Left out: the Ethernet controller, TURBOchannel, and lines for
//! memory errors, which stay masked.

mod clock;
mod console;
mod rom;

pub use rom::Rom;

/// Where a board's devices stand, as addresses of kseg1, and which lines of Cause they pull.
#[derive(Debug)]
struct Map {
    serial: u32,
    serial_line: u32,
    /// A register and the bit of it that lets the serial controller pull its line.
    serial_enable: Option<(u32, u32)>,
    clock: u32,
    clock_line: u32,
}

const KN01: Map = Map {
    serial: 0xbc00_0000,
    serial_line: 0x1000,
    serial_enable: None,
    clock: 0xbd00_0000,
    clock_line: 0x2000,
};

const KN02: Map = Map {
    serial: 0xbfe0_0000,
    serial_line: 0x0400,
    serial_enable: Some((0xbff0_0000, 0x0080_0000)),
    clock: 0xbfe8_0000,
    clock_line: 0x0800,
};

/// The first implementation and revision that stands on a KN02: the R3000.
const R3000: u32 = 0x0220;
/// A host without a ROM watches for a store to this address, whose value is the status.
const HOST_END: u32 = 0xbf00_0004;

/// The board that the kernel runs on.
#[derive(Debug)]
pub struct Board {
    map: &'static Map,
    rom: Option<Rom>,
}

impl Board {
    /// The board of a processor (PRId), with or without a ROM.
    pub fn new(processor: u32, rom: Option<Rom>) -> Board {
        let map = if processor & 0xffff < R3000 {
            &KN01
        } else {
            &KN02
        };
        console::start(map);
        Board { map, rom }
    }

    /// Starts the clock.
    pub fn start_clock(&mut self) {
        clock::start(self.map);
    }

    /// Seconds, minutes, hours and day, as the clock has them.
    pub fn time(&mut self) -> u32 {
        clock::time(self.map)
    }

    /// Lines of Status that are in use.
    pub fn interrupts(&self) -> u32 {
        self.map.clock_line | self.map.serial_line
    }

    /// Does what the interrupts of Cause ask for; whether the clock has ticked.
    pub fn interrupt(&mut self, cause: u32) -> bool {
        if cause & self.map.serial_line != 0 {
            console::interrupt(self.map);
        }
        cause & self.map.clock_line != 0 && clock::acknowledge(self.map)
    }

    /// Bytes that can be printed without waiting.
    pub fn room(&self) -> u32 {
        console::room(self.map)
    }

    /// Prints a byte; waits until there is room.
    pub fn put(&mut self, byte: u8) {
        console::put(self.map, byte);
    }

    /// A byte that was typed.
    pub fn get(&mut self) -> Option<u8> {
        console::get(self.map)
    }

    /// Stops the machine. What it ends with is printed too, for emulators that cannot hand it on.
    pub fn halt(&mut self, status: u32) -> ! {
        for byte in b"##EXIT " {
            self.put(*byte);
        }
        let digits = [100, 10, 1].map(|unit| b'0' + (status / unit % 10) as u8);
        for byte in digits.into_iter().chain(*b"\n") {
            self.put(byte);
        }
        console::drain(self.map);
        loop {
            match self.rom {
                Some(rom) => rom.halt(status),
                None => write_word(HOST_END, status),
            }
        }
    }
}

fn read_byte(address: u32) -> u8 {
    // SAFETY: the addresses are those of the board's registers, in kseg1.
    unsafe { (address as *const u8).read_volatile() }
}

fn write_byte(address: u32, value: u8) {
    // SAFETY: as above.
    unsafe { (address as *mut u8).write_volatile(value) };
}

fn read_half(address: u32) -> u16 {
    // SAFETY: as above.
    unsafe { (address as *const u16).read_volatile() }
}

fn write_half(address: u32, value: u16) {
    // SAFETY: as above.
    unsafe { (address as *mut u16).write_volatile(value) };
}

fn read_word(address: u32) -> u32 {
    // SAFETY: as above.
    unsafe { (address as *const u32).read_volatile() }
}

fn write_word(address: u32, value: u32) {
    // SAFETY: as above; where nothing is, the store is lost.
    unsafe { (address as *mut u32).write_volatile(value) };
}
