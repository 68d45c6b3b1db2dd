//! The MC146818 clock: time of day, an alarm, and the periodic interrupt that is a DECstation's
//! only timer.
//!
//! All its events lie on edges of a 32 768 Hz crystal that runs from switch-on. Edge `k` is at
//! `k / 32 768` seconds, rounded up to a cycle of the processor, so that no rounding adds up.
//! The rate table and registers are the datasheet's; the boards put one register in the low byte
//! of every word. Left out: daylight saving, the square wave, and battery failure.

use super::{BusError, Clock, Device, Width, aligned, lanes};

/// Edges of the crystal in a second.
const CRYSTAL: u64 = 32_768;
/// Edges before a second ends during which `UIP` is set: 244 µs.
const UPDATE: u64 = 8;
/// Registers: fourteen of the clock and fifty of memory.
const REGISTERS: usize = 64;

const SECONDS: usize = 0;
const MINUTES: usize = 2;
const HOURS: usize = 4;
const WEEKDAY: usize = 6;
const DAY: usize = 7;
const MONTH: usize = 8;
const YEAR: usize = 9;
const A: usize = 10;
const B: usize = 11;
const C: usize = 12;
const D: usize = 13;

const UIP: u8 = 0x80;
/// Divider bits of register A: `010` runs from this crystal.
const DIVIDER: u8 = 0x70;
const RUNNING: u8 = 0x20;

const SET: u8 = 0x80;
/// PIE, AIE and UIE in register B, and PF, AF and UF in C, stand in the same places.
const PERIODIC: u8 = 0x40;
const ALARM: u8 = 0x20;
const ENDED: u8 = 0x10;
const BINARY: u8 = 0x04;
const HOURS_24: u8 = 0x02;
const IRQF: u8 = 0x80;
/// The two top bits of an alarm register: any value matches.
const ANY: u8 = 0xc0;
/// Register D: time and memory are valid.
const VRT: u8 = 0x80;

/// The clock.
#[derive(Clone, Debug)]
pub struct Rtc {
    clock: Clock,
    registers: [u8; REGISTERS],
    /// Edges that have been dealt with.
    edges: u64,
    /// The edge at which the divider was last let go; seconds and periods count from it.
    origin: u64,
}

impl Rtc {
    /// A clock at midnight of 3 December, the first day of the conference of the paper. Its year
    /// reads 72, as DEC's systems keep it.
    pub fn new(clock: Clock) -> Rtc {
        let mut registers = [0; REGISTERS];
        registers[WEEKDAY] = 1;
        registers[DAY] = 3;
        registers[MONTH] = 12;
        registers[YEAR] = 72;
        registers[A] = RUNNING;
        registers[B] = BINARY | HOURS_24;
        registers[D] = VRT;
        Rtc {
            clock,
            registers,
            edges: 0,
            origin: 0,
        }
    }

    /// Edges between two periodic interrupts, or `None` if there are none at this rate.
    fn period(&self) -> Option<u64> {
        // Codes 1 and 2 repeat the rates of 8 and 9 with this crystal.
        match self.registers[A] & 15 {
            0 => None,
            code @ 1..=2 => Some(1 << (code + 6)),
            code => Some(1 << (code - 1)),
        }
    }

    fn running(&self) -> bool {
        self.registers[A] & DIVIDER == RUNNING
    }

    /// The last edge at or before the cycle `now`.
    fn edge(&self, now: u64) -> u64 {
        let nanoseconds = u128::from(now) * u128::from(self.clock.period());
        (nanoseconds * u128::from(CRYSTAL) / 1_000_000_000) as u64
    }

    /// The first cycle at or after `edge`.
    fn cycle(&self, edge: u64) -> u64 {
        let unit = u128::from(CRYSTAL) * u128::from(self.clock.period());
        (u128::from(edge) * 1_000_000_000).div_ceil(unit) as u64
    }

    /// The first multiple of `period` edges after the one dealt with last.
    fn next_multiple(&self, period: u64) -> u64 {
        self.origin + ((self.edges - self.origin) / period + 1) * period
    }

    /// The next edge at which `flags` of register C may be set.
    fn next_edge(&self, flags: u8) -> Option<u64> {
        if !self.running() {
            return None;
        }
        let periodic = self
            .period()
            .filter(|_| flags & PERIODIC != 0)
            .map(|period| self.next_multiple(period));
        let second = (flags & (ALARM | ENDED) != 0).then(|| self.next_multiple(CRYSTAL));
        super::earlier(periodic, second)
    }

    fn read_register(&mut self, register: usize) -> u8 {
        let value = self.registers[register];
        match register {
            A if self.updating() => value | UIP,
            C => {
                let pending = value & self.registers[B] & (PERIODIC | ALARM | ENDED) != 0;
                self.registers[C] = 0;
                value | if pending { IRQF } else { 0 }
            }
            _ => value,
        }
    }

    fn write_register(&mut self, register: usize, value: u8) {
        match register {
            A => {
                let stood = !self.running();
                self.registers[A] = value & !UIP;
                if stood && self.running() {
                    // The first update follows half a second after the divider is let go.
                    self.origin = self.edges.saturating_sub(CRYSTAL / 2);
                }
            }
            B => {
                // SET ends an update's interrupt.
                let held = if value & SET != 0 { ENDED } else { 0 };
                self.registers[B] = value & !held;
            }
            C | D => {}
            _ => self.registers[register] = value,
        }
    }

    fn updating(&self) -> bool {
        let left = self.next_multiple(CRYSTAL) - self.edges;
        self.running() && self.registers[B] & SET == 0 && left <= UPDATE
    }

    /// The end of a second: the time goes on and is compared with the alarm.
    fn second(&mut self) {
        if self.registers[B] & SET != 0 {
            return;
        }
        self.tick();
        self.registers[C] |= ENDED;
        let matches = [SECONDS, MINUTES, HOURS].iter().all(|time| {
            let alarm = self.registers[time + 1];
            alarm & ANY == ANY || alarm == self.registers[*time]
        });
        if matches {
            self.registers[C] |= ALARM;
        }
    }

    fn tick(&mut self) {
        if !self.carry(SECONDS, 0, 59) || !self.carry(MINUTES, 0, 59) || !self.carry_hour() {
            return;
        }
        self.carry(WEEKDAY, 1, 7);
        let last = days(self.value(MONTH), self.value(YEAR));
        if self.carry(DAY, 1, last) && self.carry(MONTH, 1, 12) {
            self.carry(YEAR, 0, 99);
        }
    }

    /// Counts a register up; whether it came round from `last` to `first`.
    fn carry(&mut self, register: usize, first: u8, last: u8) -> bool {
        let value = self.value(register);
        let round = value >= last;
        self.store(register, if round { first } else { value + 1 });
        round
    }

    fn carry_hour(&mut self) -> bool {
        const AFTERNOON: u8 = 0x80;
        if self.registers[B] & HOURS_24 != 0 {
            return self.carry(HOURS, 0, 23);
        }
        let half = self.registers[HOURS] & AFTERNOON;
        self.registers[HOURS] &= !AFTERNOON;
        self.carry(HOURS, 1, 12);
        let turned = self.value(HOURS) == 12;
        self.registers[HOURS] |= if turned { half ^ AFTERNOON } else { half };
        turned && half != 0
    }

    fn value(&self, register: usize) -> u8 {
        let raw = self.registers[register];
        if self.registers[B] & BINARY != 0 {
            raw
        } else {
            (raw >> 4).wrapping_mul(10).wrapping_add(raw & 15)
        }
    }

    fn store(&mut self, register: usize, value: u8) {
        self.registers[register] = if self.registers[B] & BINARY != 0 {
            value
        } else {
            ((value / 10 % 10) << 4) | (value % 10)
        };
    }
}

impl Device for Rtc {
    fn read(&mut self, offset: u32, width: Width, now: u64) -> Result<u32, BusError> {
        let register = (offset / 4) as usize;
        if !aligned(offset, width) || offset & 3 != 0 || register >= REGISTERS {
            return Err(BusError {
                address: offset,
                width,
            });
        }
        self.advance(now);
        Ok(lanes(
            u32::from(self.read_register(register)),
            offset,
            width,
        ))
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, now: u64) -> Result<(), BusError> {
        let register = (offset / 4) as usize;
        if !aligned(offset, width) || offset & 3 != 0 || register >= REGISTERS {
            return Err(BusError {
                address: offset,
                width,
            });
        }
        self.advance(now);
        self.write_register(register, value as u8);
        Ok(())
    }

    fn interrupt(&self) -> bool {
        self.registers[C] & self.registers[B] & (PERIODIC | ALARM | ENDED) != 0
    }

    /// Only what can interrupt is an event: the rest is worked out when it is read.
    fn next_event(&self) -> Option<u64> {
        let wanted = self.registers[B] & !self.registers[C] & (PERIODIC | ALARM | ENDED);
        self.next_edge(wanted).map(|edge| self.cycle(edge))
    }

    fn advance(&mut self, now: u64) {
        let last = self.edge(now);
        while let Some(edge) = self.next_edge(ALARM | ENDED).filter(|edge| *edge <= last) {
            self.note_period(edge);
            self.edges = edge;
            self.second();
        }
        self.note_period(last);
        self.edges = self.edges.max(last);
    }
}

impl Rtc {
    /// Sets PF if a period ends after the edge dealt with last and not after `edge`.
    fn note_period(&mut self, edge: u64) {
        if self.next_edge(PERIODIC).is_some_and(|next| next <= edge) {
            self.registers[C] |= PERIODIC;
        }
    }
}

/// The days of a month; every fourth year is a leap year, as the chip has it.
fn days(month: u8, year: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::num::NonZeroU32;

    const HERTZ: u64 = 25_000_000;

    fn rtc() -> Rtc {
        Rtc::new(Clock::of_period(NonZeroU32::new(40).expect("not zero")))
    }

    fn read(rtc: &mut Rtc, register: usize, now: u64) -> u8 {
        let value = rtc.read(4 * register as u32, Width::Byte, now);
        value.expect("a register") as u8
    }

    fn write(rtc: &mut Rtc, register: usize, value: u8, now: u64) {
        rtc.write(4 * register as u32, Width::Byte, u32::from(value), now)
            .expect("a register");
    }

    #[test]
    fn every_rate_interrupts_at_its_period() {
        let rates = [
            (1, 256),
            (2, 128),
            (3, 8192),
            (4, 4096),
            (5, 2048),
            (6, 1024),
            (7, 512),
            (8, 256),
            (9, 128),
            (10, 64),
            (11, 32),
            (12, 16),
            (13, 8),
            (14, 4),
            (15, 2),
        ];
        for (code, hertz) in rates {
            let mut rtc = rtc();
            write(&mut rtc, A, 0x20 | code, 0);
            write(&mut rtc, B, 0x46, 0);
            for tick in 1..=5 {
                let at = (tick * HERTZ).div_ceil(hertz);
                assert_eq!(rtc.next_event(), Some(at), "rate {code}, tick {tick}");
                rtc.advance(at - 1);
                assert!(!rtc.interrupt());
                rtc.advance(at);
                assert!(rtc.interrupt());
                assert_eq!(read(&mut rtc, C, at) & 0xc0, 0xc0);
                assert!(!rtc.interrupt());
            }
        }
    }

    #[test]
    fn a_missed_tick_is_one_interrupt() {
        let mut rtc = rtc();
        write(&mut rtc, A, 0x26, 0);
        write(&mut rtc, B, 0x46, 0);
        rtc.advance(HERTZ);
        assert_eq!(read(&mut rtc, C, HERTZ) & 0xc0, 0xc0);
        assert_eq!(read(&mut rtc, C, HERTZ), 0);
    }

    #[test]
    fn the_flag_is_set_without_the_interrupt() {
        let mut rtc = rtc();
        write(&mut rtc, A, 0x26, 0);
        assert_eq!(rtc.next_event(), None);
        assert_eq!(read(&mut rtc, C, HERTZ / 1000), 0x40);
        assert!(!rtc.interrupt());
    }

    #[test]
    fn time_goes_on_through_a_leap_day() {
        for (mode, before, after) in [
            (0x06, [59, 59, 23, 28, 2, 72], [0, 0, 0, 29, 2, 72]),
            (0x06, [59, 59, 23, 31, 12, 99], [0, 0, 0, 1, 1, 0]),
            (
                0x02,
                [0x59, 0x59, 0x23, 0x30, 0x11, 0x95],
                [0, 0, 0, 1, 0x12, 0x95],
            ),
            (0x04, [59, 59, 0x80 | 11, 30, 4, 73], [0, 0, 12, 1, 5, 73]),
            (0x04, [59, 59, 11, 30, 4, 73], [0, 0, 0x80 | 12, 30, 4, 73]),
            (0x04, [59, 59, 12, 30, 4, 73], [0, 0, 1, 30, 4, 73]),
        ] {
            let registers = [SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR];
            let mut rtc = rtc();
            write(&mut rtc, B, SET | mode, 0);
            for (register, value) in registers.into_iter().zip(before) {
                write(&mut rtc, register, value, 0);
            }
            write(&mut rtc, B, mode, 0);
            let now = registers.map(|register| read(&mut rtc, register, HERTZ));
            assert_eq!(now, after);
        }
    }

    #[test]
    fn the_alarm_and_the_update_interrupt() {
        let mut rtc = rtc();
        write(&mut rtc, SECONDS + 1, 2, 0);
        write(&mut rtc, MINUTES + 1, ANY, 0);
        write(&mut rtc, HOURS + 1, ANY, 0);
        write(&mut rtc, B, ALARM | 0x06, 0);
        rtc.advance(HERTZ);
        assert!(!rtc.interrupt());
        rtc.advance(2 * HERTZ);
        assert!(rtc.interrupt());
        assert_eq!(read(&mut rtc, C, 2 * HERTZ), 0xb0);
        write(&mut rtc, B, ENDED | 0x06, 2 * HERTZ);
        assert_eq!(rtc.next_event(), Some(3 * HERTZ));
    }

    #[test]
    fn an_update_announces_itself() {
        let mut rtc = rtc();
        assert_eq!(read(&mut rtc, A, HERTZ - HERTZ / 4000), 0x20);
        assert_eq!(read(&mut rtc, A, HERTZ - HERTZ / 5000), 0xa0);
        assert_eq!(read(&mut rtc, A, HERTZ), 0x20);
        assert_eq!(read(&mut rtc, SECONDS, HERTZ), 1);
    }

    #[test]
    fn a_held_divider_stops_the_clock() {
        let mut rtc = rtc();
        write(&mut rtc, A, 0x76, 0);
        write(&mut rtc, B, 0x46, 0);
        assert_eq!(rtc.next_event(), None);
        assert_eq!(read(&mut rtc, SECONDS, 5 * HERTZ), 0);
        write(&mut rtc, A, 0x26, 5 * HERTZ);
        assert_eq!(read(&mut rtc, SECONDS, 6 * HERTZ), 1);
    }

    #[test]
    fn memory_keeps_its_bytes_and_the_rest_is_a_bus_error() {
        let mut rtc = rtc();
        write(&mut rtc, 20, 0x5a, 0);
        assert_eq!(read(&mut rtc, 20, 0), 0x5a);
        assert_eq!(read(&mut rtc, D, 0), 0x80);
        for offset in [1, 2, 0x100, u32::MAX] {
            assert!(rtc.read(offset, Width::Byte, 0).is_err());
            assert!(rtc.write(offset, Width::Byte, 0, 0).is_err());
        }
    }
}
