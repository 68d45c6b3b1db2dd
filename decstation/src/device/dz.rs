//! The DC7085 serial controller: four lines, one silo for what arrives, one scanner for what may
//! be sent. It is a DZ11 of half the width, and the register names are the DZ11's.
//!
//! A character occupies its line for as long as the line parameters say, so a program that prints
//! through the controller pays what it would have paid: 1.04 ms for each character at 9600 baud.
//! Each line has a holding register before its shift register.
//!
//! The registers stand eight bytes apart (`CSR`, `RBUF`/`LPR`, `TCR`, `MSR`/`TDR`), are 16 bits
//! wide, and were used in this way on GXemul's and MAME's boards. Characters that the host types
//! wait until their line listens. Left out: modem signals, breaks and framing errors.

use super::{BusError, Clock, Device, Width, aligned, driven, earlier, lanes};
use std::collections::VecDeque;

/// The lines of a controller.
pub const LINES: usize = 4;
/// The line of the console on every board here.
pub const CONSOLE: usize = 3;
/// What the silo holds.
const SILO: usize = 64;
/// Characters that raise the silo alarm.
const ALARM: usize = 16;

/// The bits of `CSR`.
mod csr {
    pub(super) const TRDY: u16 = 0x8000;
    pub(super) const TIE: u16 = 0x4000;
    pub(super) const SA: u16 = 0x2000;
    pub(super) const SAE: u16 = 0x1000;
    pub(super) const RDONE: u16 = 0x0080;
    pub(super) const RIE: u16 = 0x0040;
    pub(super) const MSE: u16 = 0x0020;
    pub(super) const CLR: u16 = 0x0010;
    pub(super) const MAINT: u16 = 0x0008;
    /// What keeps its value when it is written.
    pub(super) const KEPT: u16 = TIE | SAE | RIE | MSE | MAINT;
}

const DVAL: u16 = 0x8000;
const OERR: u16 = 0x4000;
const RXENAB: u16 = 0x1000;
/// 9600 baud, eight bits, no parity, receiver on: how a boot ROM leaves the console.
const BOOT_PARAMETERS: u16 = RXENAB | 0x0e00 | 0x18;

/// A tenth of a baud for each speed code of `LPR`.
const DECIBAUDS: [u64; 16] = [
    500, 750, 1100, 1345, 1500, 3000, 6000, 12_000, 18_000, 20_000, 24_000, 36_000, 48_000, 72_000,
    96_000, 192_000,
];

/// The controller.
#[derive(Clone, Debug)]
pub struct Dz {
    clock: Clock,
    csr: u16,
    tcr: u16,
    /// The line that the scanner stopped at because it can take a character.
    ready: Option<usize>,
    /// Where the scanner goes on.
    scan: usize,
    lines: [Line; LINES],
    silo: VecDeque<u16>,
    since_alarm: usize,
    overrun: bool,
}

#[derive(Clone, Debug, Default)]
struct Line {
    parameters: u16,
    holding: Option<u8>,
    /// The character on the line, and the cycle at which its stop bit ends.
    shifting: Option<(u8, u64)>,
    output: Vec<u8>,
    input: VecDeque<u8>,
    /// When the first character of `input` will have arrived.
    arriving: Option<u64>,
}

impl Dz {
    /// A controller as the boot ROM leaves it: the console's parameters set, all else off.
    pub fn new(clock: Clock) -> Dz {
        let mut lines: [Line; LINES] = Default::default();
        lines[CONSOLE].parameters = BOOT_PARAMETERS;
        Dz {
            clock,
            csr: 0,
            tcr: 0,
            ready: None,
            scan: 0,
            lines,
            silo: VecDeque::new(),
            since_alarm: 0,
            overrun: false,
        }
    }

    /// What was sent on `line`, or nothing for a line that does not exist.
    pub fn output(&self, line: usize) -> &[u8] {
        self.lines.get(line).map_or(&[], |line| &line.output)
    }

    /// Takes what was sent on `line` since this was last called.
    pub fn take_output(&mut self, line: usize) -> Vec<u8> {
        let line = self.lines.get_mut(line);
        line.map_or_else(Vec::new, |line| core::mem::take(&mut line.output))
    }

    /// Types `bytes` on the terminal of `line`; they arrive at the line's speed.
    pub fn type_in(&mut self, line: usize, bytes: &[u8], now: u64) {
        if let Some(line) = self.lines.get_mut(line) {
            line.input.extend(bytes);
        }
        self.listen(now);
    }

    /// What the ROM prints on the console without the registers, and without the time.
    pub(crate) fn print(&mut self, byte: u8) {
        self.lines[CONSOLE].output.push(byte);
    }

    /// The next typed character of the console, taken by the ROM from line or silo.
    pub(crate) fn typed(&mut self) -> Option<u8> {
        let own = |entry: &u16| usize::from(entry >> 8 & 3) == CONSOLE;
        if let Some(at) = self.silo.iter().position(own) {
            return self.silo.remove(at).map(|entry| entry as u8);
        }
        self.lines[CONSOLE].arriving = None;
        self.lines[CONSOLE].input.pop_front()
    }

    /// Whether a whole line of the console waits to be taken.
    pub(crate) fn typed_a_line(&self) -> bool {
        let end = |byte: u8| matches!(byte, b'\r' | b'\n');
        let own = |entry: &&u16| usize::from(*entry >> 8 & 3) == CONSOLE;
        self.silo.iter().filter(own).any(|entry| end(*entry as u8))
            || self.lines[CONSOLE].input.iter().any(|byte| end(*byte))
    }

    fn csr(&self) -> u16 {
        let mut value = self.csr;
        if let Some(line) = self.ready {
            value |= csr::TRDY | (line as u16) << 8;
        }
        if !self.silo.is_empty() {
            value |= csr::RDONE;
        }
        if self.since_alarm >= ALARM && self.csr & csr::SAE != 0 {
            value |= csr::SA;
        }
        value
    }

    fn write_csr(&mut self, value: u16) {
        if value & csr::CLR != 0 {
            self.csr = 0;
            self.silo.clear();
            self.since_alarm = 0;
            self.overrun = false;
            for line in &mut self.lines {
                line.parameters &= !RXENAB;
                line.holding = None;
                line.shifting = None;
                line.arriving = None;
            }
        } else {
            self.csr = value & csr::KEPT;
        }
    }

    fn read_rbuf(&mut self) -> u16 {
        self.since_alarm = 0;
        match self.silo.pop_front() {
            Some(entry) => entry | DVAL,
            None => 0,
        }
    }

    fn write_lpr(&mut self, value: u16) {
        // Bit 2 chose among eight lines on the DZ11; this controller has four.
        self.lines[usize::from(value & 3)].parameters = value & 0x1ff8;
    }

    fn write_tdr(&mut self, value: u8, now: u64) {
        let Some(number) = self.ready.take() else {
            return;
        };
        self.scan = (number + 1) % LINES;
        self.lines[number].holding = Some(value);
        self.shift(number, now);
    }

    /// Moves a held character to an idle shift register.
    fn shift(&mut self, number: usize, now: u64) {
        let clock = self.clock;
        let line = &mut self.lines[number];
        if line.shifting.is_none()
            && let Some(byte) = line.holding.take()
        {
            line.shifting = Some((byte, now + clock.cycles(character_time(line.parameters))));
        }
    }

    /// Lets the scanner find a line that may send and can take a character.
    fn look(&mut self) {
        let able = |line: usize| {
            self.csr & csr::MSE != 0
                && self.tcr >> line & 1 != 0
                && self.lines[line].holding.is_none()
        };
        if let Some(line) = self.ready
            && able(line)
        {
            return;
        }
        let from = self.scan;
        self.ready = (0..LINES)
            .map(|step| (from + step) % LINES)
            .find(|line| able(*line));
    }

    /// Starts the next typed character on its way where a line listens.
    fn listen(&mut self, now: u64) {
        if self.csr & csr::MSE == 0 {
            return;
        }
        let clock = self.clock;
        for line in &mut self.lines {
            let listens = line.parameters & RXENAB != 0;
            if listens && line.arriving.is_none() && !line.input.is_empty() {
                line.arriving = Some(now + clock.cycles(character_time(line.parameters)));
            }
        }
    }

    fn arrive(&mut self, number: usize, byte: u8) {
        if self.silo.len() == SILO {
            self.overrun = true;
            return;
        }
        let lost = if core::mem::take(&mut self.overrun) {
            OERR
        } else {
            0
        };
        let entry = lost | (number as u16) << 8 | u16::from(byte);
        self.silo.push_back(entry);
        self.since_alarm += 1;
    }

    /// The end of the character that `number` has been sending.
    fn sent(&mut self, number: usize, byte: u8, at: u64) {
        self.lines[number].shifting = None;
        if self.csr & csr::MAINT != 0 {
            if self.lines[number].parameters & RXENAB != 0 {
                self.arrive(number, byte);
            }
        } else {
            self.lines[number].output.push(byte);
        }
        self.shift(number, at);
    }
}

impl Device for Dz {
    fn read(&mut self, offset: u32, width: Width, now: u64) -> Result<u32, BusError> {
        self.advance(now);
        let value = match offset & !7 {
            _ if !aligned(offset, width) || offset & 4 != 0 => None,
            0x00 => Some(self.csr()),
            0x08 => Some(self.read_rbuf()),
            0x10 => Some(self.tcr),
            // No modem is connected: no ring, no carrier.
            0x18 => Some(0),
            _ => None,
        };
        let value = value.ok_or(BusError {
            address: offset,
            width,
        })?;
        self.look();
        Ok(lanes(u32::from(value), offset, width))
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, now: u64) -> Result<(), BusError> {
        self.advance(now);
        let (value, mask) = driven(value, offset, width);
        let (value, mask) = (value as u16, mask as u16);
        let merged = |old: u16| old & !mask | value & mask;
        match offset & !7 {
            _ if !aligned(offset, width) || offset & 4 != 0 => {
                return Err(BusError {
                    address: offset,
                    width,
                });
            }
            0x00 => self.write_csr(merged(self.csr)),
            0x08 => self.write_lpr(value),
            0x10 => self.tcr = merged(self.tcr) & 0x0f0f,
            0x18 if mask & 0xff != 0 => self.write_tdr(value as u8, now),
            // The break bits, which nothing here would see.
            0x18 => {}
            _ => {
                return Err(BusError {
                    address: offset,
                    width,
                });
            }
        }
        self.look();
        self.listen(now);
        Ok(())
    }

    fn interrupt(&self) -> bool {
        let csr = self.csr();
        let receive = if csr & csr::SAE != 0 {
            csr & csr::SA != 0
        } else {
            csr & csr::RDONE != 0
        };
        (csr & csr::TIE != 0 && csr & csr::TRDY != 0) || (csr & csr::RIE != 0 && receive)
    }

    fn next_event(&self) -> Option<u64> {
        self.lines.iter().fold(None, |soonest, line| {
            let sent = line.shifting.map(|(_, at)| at);
            earlier(soonest, earlier(sent, line.arriving))
        })
    }

    fn advance(&mut self, now: u64) {
        while let Some(at) = self.next_event().filter(|at| *at <= now) {
            for number in 0..LINES {
                if let Some((byte, _)) = self.lines[number].shifting.filter(|(_, end)| *end == at) {
                    self.sent(number, byte, at);
                }
                if self.lines[number].arriving == Some(at) {
                    self.lines[number].arriving = None;
                    if let Some(byte) = self.lines[number].input.pop_front() {
                        self.arrive(number, byte);
                    }
                }
            }
            self.look();
            self.listen(at);
        }
    }
}

/// How long one character occupies a line with these parameters, in nanoseconds.
fn character_time(parameters: u16) -> u64 {
    let bits = 5 + u64::from(parameters >> 3 & 3);
    let stop = 1 + u64::from(parameters >> 5 & 1);
    let parity = u64::from(parameters >> 6 & 1);
    let rate = DECIBAUDS[usize::from(parameters >> 8 & 15)];
    ((1 + bits + parity + stop) * 10_000_000_000).div_ceil(rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::num::NonZeroU32;

    /// 25 MHz: a character at 9600 8N1 lasts 1 041 667 ns, which is 26 042 cycles.
    const CHARACTER: u64 = 26_042;

    fn dz() -> Dz {
        Dz::new(Clock::of_period(NonZeroU32::new(40).expect("not zero")))
    }

    fn read(dz: &mut Dz, offset: u32, now: u64) -> u32 {
        dz.read(offset, Width::Half, now).expect("a register")
    }

    fn write(dz: &mut Dz, offset: u32, value: u32, now: u64) {
        dz.write(offset, Width::Half, value, now)
            .expect("a register");
    }

    #[test]
    fn a_character_is_sent_in_the_time_of_ten_bits() {
        let mut dz = dz();
        write(&mut dz, 0, 0x20, 0);
        assert_eq!(read(&mut dz, 0, 0), 0x20, "no line may send");
        write(&mut dz, 0x10, 8, 0);
        assert_eq!(read(&mut dz, 0, 0), 0x8320, "ready for line 3");
        dz.write(0x18, Width::Byte, u32::from(b'h'), 0)
            .expect("a register");
        assert_eq!(
            read(&mut dz, 0, 0),
            0x8320,
            "the holding register is free again"
        );
        write(&mut dz, 0x18, u32::from(b'i'), 0);
        assert_eq!(read(&mut dz, 0, 0), 0x0020, "both registers are full");
        assert_eq!(dz.next_event(), Some(CHARACTER));
        dz.advance(CHARACTER - 1);
        assert_eq!(dz.output(CONSOLE), b"");
        dz.advance(CHARACTER);
        assert_eq!(dz.output(CONSOLE), b"h");
        assert_eq!(read(&mut dz, 0, CHARACTER), 0x8320);
        dz.advance(2 * CHARACTER);
        assert_eq!(dz.take_output(CONSOLE), b"hi");
        assert_eq!(dz.next_event(), None);
    }

    #[test]
    fn the_transmit_interrupt_follows_trdy() {
        let mut dz = dz();
        write(&mut dz, 0, 0x4020, 0);
        assert!(!dz.interrupt());
        write(&mut dz, 0x10, 8, 0);
        assert!(dz.interrupt());
        write(&mut dz, 0x18, 1, 0);
        write(&mut dz, 0x18, 2, 0);
        assert!(!dz.interrupt(), "full");
        dz.advance(CHARACTER);
        assert!(dz.interrupt());
        write(&mut dz, 0x10, 0, CHARACTER);
        assert!(!dz.interrupt(), "no line may send any more");
    }

    #[test]
    fn typed_characters_arrive_one_by_one() {
        let mut dz = dz();
        dz.type_in(CONSOLE, b"ab", 0);
        assert_eq!(dz.next_event(), None, "the scanner is off");
        write(&mut dz, 0, 0x60, 100);
        assert_eq!(dz.next_event(), Some(100 + CHARACTER));
        assert_eq!(read(&mut dz, 8, 100), 0);
        dz.advance(100 + CHARACTER);
        assert!(dz.interrupt());
        assert_eq!(read(&mut dz, 0, 100 + CHARACTER), 0xe0);
        assert_eq!(read(&mut dz, 8, 100 + CHARACTER), 0x8300 | u32::from(b'a'));
        assert!(!dz.interrupt());
        assert_eq!(
            read(&mut dz, 8, 100 + 2 * CHARACTER),
            0x8300 | u32::from(b'b')
        );
    }

    #[test]
    fn the_silo_overruns_and_says_so() {
        let mut dz = dz();
        write(&mut dz, 0, 0x1060, 0);
        dz.type_in(CONSOLE, &[b'x'; 66], 0);
        dz.advance(15 * CHARACTER);
        assert!(!dz.interrupt(), "the alarm waits for sixteen");
        dz.advance(16 * CHARACTER);
        assert!(dz.interrupt());
        let end = 66 * CHARACTER;
        dz.advance(end);
        for _ in 0..64 {
            assert_eq!(read(&mut dz, 8, end), 0x8300 | u32::from(b'x'));
        }
        assert_eq!(read(&mut dz, 8, end), 0);
        dz.type_in(CONSOLE, b"y", end);
        assert_eq!(read(&mut dz, 8, end + CHARACTER), 0xc300 | u32::from(b'y'));
    }

    #[test]
    fn maintenance_mode_loops_back() {
        let mut dz = dz();
        write(&mut dz, 0, 0x28, 0);
        write(&mut dz, 0x10, 8, 0);
        write(&mut dz, 0x18, 0x5a, 0);
        assert_eq!(read(&mut dz, 8, CHARACTER), 0x835a);
        assert_eq!(dz.output(CONSOLE), b"");
    }

    #[test]
    fn clear_leaves_nothing_behind() {
        let mut dz = dz();
        write(&mut dz, 0, 0x4060, 0);
        write(&mut dz, 0x10, 8, 0);
        write(&mut dz, 0x18, 1, 0);
        write(&mut dz, 0, 0x10, 0);
        assert_eq!(read(&mut dz, 0, 0), 0);
        assert_eq!(dz.next_event(), None);
    }

    #[test]
    fn character_times() {
        let table = [
            (0x1e18, 1_041_667),
            (0x1f18, 520_834),
            (0x1000, 140_000_000),
            (0x1e78, 1_250_000),
        ];
        for (parameters, nanoseconds) in table {
            assert_eq!(character_time(parameters), nanoseconds, "{parameters:#x}");
        }
    }

    #[test]
    fn nothing_answers_between_the_registers() {
        let mut dz = dz();
        for (offset, width) in [
            (4, Width::Half),
            (0x20, Width::Half),
            (1, Width::Half),
            (2, Width::Word),
        ] {
            assert!(dz.read(offset, width, 0).is_err(), "{offset:#x}");
            assert!(dz.write(offset, width, 0, 0).is_err(), "{offset:#x}");
        }
    }
}
