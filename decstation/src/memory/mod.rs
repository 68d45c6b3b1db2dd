//! Physical memory as the processor sees it: RAM through caches and a write buffer, and the board
//! behind them.
//!
//! RAM is the board's slice of bytes and starts at physical address 0; an access to it is one bounds
//! check. The core moves whole words and picks lanes out of them, so the order of bytes is a matter
//! of two functions ([`Endian`]). What is not RAM goes to the board.

mod cache;
mod write_buffer;

use crate::board::Board;
use crate::count::Counts;
use crate::cycles::Costs;
use crate::device::{BusError, Width};
use cache::{DataCache, InstructionCache};
pub(crate) use cache::{Line, STALE, VALID};
use write_buffer::WriteBuffer;

/// Where both boards have their boot ROM.
const BOOT_ROM: u32 = 0x1fc0_0000;

/// The order of bytes in a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endian {
    /// The first byte is the lowest: every DECstation.
    #[default]
    Little,
    /// The first byte is the highest.
    Big,
}

impl Endian {
    /// How far the lane of an access lies from bit 0, in bits.
    #[inline]
    pub(crate) fn shift(self, address: u32, width: Width) -> u32 {
        let turn = match self {
            Endian::Little => 0,
            Endian::Big => 4 - width.bytes(),
        };
        ((address ^ turn) & 3) * 8
    }

    /// A word of four bytes.
    #[inline]
    pub fn word(self, bytes: [u8; 4]) -> u32 {
        match self {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        }
    }

    /// The four bytes of a word.
    #[inline]
    pub fn bytes(self, word: u32) -> [u8; 4] {
        match self {
            Endian::Little => word.to_le_bytes(),
            Endian::Big => word.to_be_bytes(),
        }
    }
}

/// How the core runs: known at compile time, so that what is off costs nothing.
pub(crate) trait Mode {
    /// Whether caches and write buffer cost time.
    const CACHES: bool;
    /// Whether every instruction and access is looked at.
    const WATCH: bool;
}

/// RAM, caches, the write buffer and the board.
#[derive(Clone, Debug)]
pub struct Memory {
    pub(crate) board: Board,
    /// Whether the board's devices answer.
    devices: bool,
    /// A bit for each word that something wrote, while that is watched.
    written: Vec<u64>,
    pub(crate) instructions: InstructionCache,
    pub(crate) data: DataCache,
    buffer: WriteBuffer,
    pub(crate) costs: &'static Costs,
    pub(crate) endian: Endian,
}

impl Memory {
    pub(crate) fn new(
        board: Board,
        devices: bool,
        costs: &'static Costs,
        endian: Endian,
    ) -> Memory {
        let words = board.ram().len() / 4;
        Memory {
            board,
            devices,
            written: vec![0; words.div_ceil(64)],
            instructions: InstructionCache::new(costs.instruction_cache),
            data: DataCache::new(costs.data_cache),
            buffer: WriteBuffer::new(costs),
            costs,
            endian,
        }
    }

    /// Takes another's state over, in the space that is there.
    pub(crate) fn become_like(&mut self, other: &Memory) {
        let Memory {
            board,
            devices,
            written,
            instructions,
            data,
            buffer,
            costs,
            endian,
        } = other;
        self.board.become_like(board);
        self.devices = *devices;
        self.written.clone_from(written);
        self.instructions.become_like(instructions);
        self.data.become_like(data);
        self.buffer.clone_from(buffer);
        self.costs = costs;
        self.endian = *endian;
    }

    /// Bytes of RAM.
    pub fn ram_bytes(&self) -> u32 {
        self.board.ram().len() as u32
    }

    /// The word of RAM at a physical address, without touching caches or time.
    #[inline]
    pub fn word(&self, address: u32) -> Option<u32> {
        let at = (address & !3) as usize;
        let (bytes, _) = self.board.ram().get(at..)?.split_first_chunk()?;
        Some(self.endian.word(*bytes))
    }

    #[inline]
    fn put(&mut self, address: u32, value: u32, mask: u32) -> Option<u32> {
        let at = (address & !3) as usize;
        let endian = self.endian;
        let (bytes, _) = self
            .board
            .ram_mut()
            .get_mut(at..)?
            .split_first_chunk_mut()?;
        let word = endian.word(*bytes) & !mask | value & mask;
        *bytes = endian.bytes(word);
        Some(word)
    }

    /// The byte of RAM at a physical address, without touching caches or time.
    pub fn byte(&self, address: u32) -> Option<u8> {
        let word = self.word(address)?;
        Some((word >> self.endian.shift(address, Width::Byte)) as u8)
    }

    /// Sets a word of RAM from outside: caches forget it. Returns whether there is RAM.
    pub fn set_word(&mut self, address: u32, word: u32) -> bool {
        self.change(address, word, u32::MAX)
    }

    /// Sets a byte of RAM from outside: caches forget its word. Returns whether there is RAM.
    pub fn set_byte(&mut self, address: u32, byte: u8) -> bool {
        let shift = self.endian.shift(address, Width::Byte);
        self.change(address, u32::from(byte) << shift, 0xff << shift)
    }

    fn change(&mut self, address: u32, value: u32, mask: u32) -> bool {
        if self.put(address, value, mask).is_none() {
            return false;
        }
        self.mark_written(address);
        self.instructions.invalidate(address);
        self.data.invalidate(address);
        true
    }

    fn mark_written(&mut self, address: u32) {
        let index = (address >> 2) as usize;
        if let Some(bits) = self.written.get_mut(index / 64) {
            *bits |= 1 << (index % 64);
        }
    }

    /// Empties both caches, as nothing but the reset of the board does.
    pub(crate) fn invalidate(&mut self) {
        self.instructions.invalidate_all();
        self.data.invalidate_all();
    }

    /// Whether something wrote the word at a physical address of RAM.
    pub(crate) fn was_written(&self, address: u32) -> bool {
        let index = (address >> 2) as usize;
        self.written
            .get(index / 64)
            .is_none_or(|bits| bits >> (index % 64) & 1 == 1)
    }

    /// The word that a load of RAM finds, through the data cache if `cached`; `None` past RAM.
    #[inline]
    pub(crate) fn load<M: Mode>(
        &mut self,
        address: u32,
        cached: bool,
        counts: &mut Counts,
    ) -> Option<u32> {
        let word = self.word(address)?;
        if !M::CACHES {
            return Some(word);
        }
        if !cached {
            self.read_memory(self.costs.uncached_read, counts);
            return Some(word);
        }
        if let Some(word) = self.data.find(address) {
            return Some(word);
        }
        counts.data_misses += 1;
        self.read_memory(self.costs.miss, counts);
        self.refill(address, |memory, address, word| {
            memory.data.fill(address, word);
        });
        Some(word)
    }

    /// Stores the bits of `mask` to RAM, through the data cache if `cached`; `None` past RAM.
    #[inline]
    pub(crate) fn store<M: Mode>(
        &mut self,
        address: u32,
        value: u32,
        mask: u32,
        cached: bool,
        counts: &mut Counts,
    ) -> Option<()> {
        let word = self.put(address, value, mask)?;
        if M::WATCH {
            // A part of a word makes the whole word written: the check is by words.
            self.mark_written(address);
        }
        self.instructions.written(address, word);
        if M::CACHES {
            if cached {
                if mask == u32::MAX {
                    self.data.fill(address, word);
                } else if let Some(old) = self.data.find(address) {
                    self.data.fill(address, old & !mask | value & mask);
                    counts.cycles += self.costs.partial_store;
                }
            }
            let page = Costs::PAGE_BYTES;
            let cost = if self.buffer.last_word() / page == address / page {
                self.costs.write_same_page
            } else {
                self.costs.write
            };
            self.buffer_write(address, cost, counts);
        }
        Some(())
    }

    /// A read of what is not RAM, and its time.
    pub(crate) fn device_read<M: Mode>(
        &mut self,
        address: u32,
        width: Width,
        counts: &mut Counts,
    ) -> Result<u32, BusError> {
        if M::CACHES {
            let slow = self.costs.slow_devices.iter();
            let cost = slow
                .filter(|(first, last, _)| (*first..=*last).contains(&address))
                .map(|(_, _, cost)| *cost)
                .next()
                .unwrap_or(self.costs.device_read);
            self.read_memory(cost, counts);
        }
        if self.devices {
            self.board.read(address, width, counts.cycles)
        } else {
            Err(BusError { address, width })
        }
    }

    /// A write of what is not RAM, and its time.
    pub(crate) fn device_write<M: Mode>(
        &mut self,
        address: u32,
        width: Width,
        value: u32,
        counts: &mut Counts,
    ) -> Result<(), BusError> {
        if M::CACHES {
            self.buffer_write(address, self.costs.device_write, counts);
        }
        if self.devices {
            // The board latches a write that nothing answers and pulls its error line.
            self.board.write(address, width, value, counts.cycles);
            if M::CACHES && address >> 22 == BOOT_ROM >> 22 {
                // A call of the ROM may have put something into RAM.
                self.data.invalidate_all();
            }
            Ok(())
        } else {
            Err(BusError { address, width })
        }
    }

    /// Brings the block of `address` into the instruction cache; `None` past RAM.
    pub(crate) fn fetch_block<M: Mode>(
        &mut self,
        address: u32,
        counts: &mut Counts,
    ) -> Option<Line> {
        let word = self.word(address)?;
        counts.instruction_misses += 1;
        if M::CACHES {
            self.read_memory(self.costs.miss, counts);
        }
        self.refill(address, |memory, address, word| {
            memory.instructions.fill(Line::new(address, word));
        });
        Some(Line::new(address, word))
    }

    /// Time of an uncached fetch of RAM, and the word.
    pub(crate) fn fetch_uncached<M: Mode>(
        &mut self,
        address: u32,
        counts: &mut Counts,
    ) -> Option<u32> {
        let word = self.word(address)?;
        if M::CACHES {
            self.read_memory(self.costs.uncached_read, counts);
        }
        Some(word)
    }

    /// A load while the data cache is isolated, or the instruction cache if `swapped`: the word in
    /// the cache and whether its tag matched.
    pub(crate) fn load_isolated(&self, address: u32, swapped: bool) -> (u32, bool) {
        if swapped {
            let line = self.instructions.line(address);
            (
                line.word,
                (line.tag ^ address) & !3 == 0 && line.tag & 3 != 0,
            )
        } else {
            self.data.peek(address)
        }
    }

    /// A store while the cache is isolated: a whole word becomes a valid line, less invalidates it.
    pub(crate) fn store_isolated(&mut self, address: u32, value: u32, mask: u32, swapped: bool) {
        match (swapped, mask == u32::MAX) {
            (true, false) => self.instructions.invalidate(address),
            (false, false) => self.data.invalidate(address),
            (false, true) => self.data.fill(address, value),
            (true, true) => {
                self.instructions.fill(Line::new(address, value));
                if let Some(word) = self.word(address) {
                    self.instructions.written(address, word);
                }
            }
        }
    }

    /// Whether every buffered write has reached memory.
    pub(crate) fn buffer_is_empty(&self, now: u64) -> bool {
        self.buffer.is_empty(now)
    }

    fn refill(&mut self, address: u32, mut fill: impl FnMut(&mut Memory, u32, u32)) {
        let bytes = self.costs.refill_words * 4;
        let first = address & !(bytes - 1);
        for address in (first..first + bytes).step_by(4) {
            if let Some(word) = self.word(address) {
                fill(self, address, word);
            }
        }
    }

    fn read_memory(&mut self, cost: u64, counts: &mut Counts) {
        let wait = self.buffer.read(counts.cycles, cost);
        counts.cycles += wait + cost;
    }

    fn buffer_write(&mut self, address: u32, cost: u64, counts: &mut Counts) {
        let merges = self.costs.write_merges;
        let stall = self.buffer.push(counts.cycles, address & !3, cost, merges);
        counts.cycles += stall;
        counts.write_stalls += stall;
    }
}
