//! From a virtual address to memory: segments, the TLB, and loads and stores of every width.

use super::control::status;
use super::exception::{Cause, Done, Exception, Trap};
use super::step::{Operands, Step};
use super::strict::{Hazard, TRANSLATION_DISTANCE};
use super::tlb::{DIRTY, Found, GLOBAL, NOT_CACHED, VALID};
use crate::device::Width;
use crate::memory::Mode;

impl<M: Mode> Step<'_, M> {
    /// The physical address of `address`, and whether it is cached.
    #[inline]
    pub(super) fn translate(&mut self, address: u32, write: bool) -> Result<(u32, bool), Trap> {
        let user = self.core.control.is_user();
        if address >= 0x8000_0000 {
            if user {
                let cause = by_access(write, Cause::AddressLoad, Cause::AddressStore);
                return Err(Exception::at(cause, address).into());
            }
            if address < 0xc000_0000 {
                return Ok((address & 0x1fff_ffff, address < 0xa000_0000));
            }
        }
        match self.core.recent.find(address) {
            Some(low) if !write || low & DIRTY != 0 => Ok(physical(address, low)),
            _ => self.search(address, write),
        }
    }

    #[cold]
    #[inline(never)]
    fn search(&mut self, address: u32, write: bool) -> Result<(u32, bool), Trap> {
        let core = &mut *self.core;
        let cause = by_access(write, Cause::TlbLoad, Cause::TlbStore);
        let index = match core.tlb.search(address, core.control.entry_high) {
            Found::One(index) => index,
            Found::More(_) if core.strict.double_match => {
                return Err(Trap::Hazard(Hazard::DoubleMatch(address)));
            }
            Found::More(index) => {
                core.control.status |= status::TLB_SHUTDOWN;
                index
            }
            Found::Nothing => {
                return Err(Trap::Exception(Exception {
                    refill: address < 0x8000_0000,
                    ..Exception::at(cause, address)
                }));
            }
        };
        let low = core.tlb.entries()[index].low;
        let written = index == core.entry && core.is_soon(core.entry_written, TRANSLATION_DISTANCE);
        let moved = low & GLOBAL == 0 && core.is_soon(core.space_changed, TRANSLATION_DISTANCE);
        if core.strict.control && (written || moved) {
            return Err(Trap::Hazard(Hazard::Translation(address)));
        }
        if low & VALID == 0 {
            return Err(Exception::at(cause, address).into());
        }
        if write && low & DIRTY == 0 {
            return Err(Exception::at(Cause::Modified, address).into());
        }
        core.recent.keep(address, low);
        Ok(physical(address, low))
    }

    /// Loads the lanes of `width` at the operands' address; `extend` makes a word of them.
    #[inline]
    pub(super) fn load(&mut self, x: Operands, width: Width, extend: impl Fn(u32) -> u32) -> Done {
        let value = self.load_value(x, width)?;
        self.delay(x.d, extend(value))
    }

    /// The lanes of `width` at the operands' address.
    #[inline]
    pub(super) fn load_value(&mut self, x: Operands, width: Width) -> Result<u32, Trap> {
        let address = x.s.wrapping_add(x.i);
        if address & (width.bytes() - 1) != 0 {
            return Err(Exception::at(Cause::AddressLoad, address).into());
        }
        self.read(address, width)
    }

    /// Loads the bytes from the address to the end of their word into the top of the register.
    pub(super) fn load_left(&mut self, x: Operands) -> Done {
        let (address, free) = self.ends(x);
        let word = self.read(address, Width::Word)?;
        let old = self.core.registers[usize::from(x.d & 31)];
        let keep = (1u32 << free) - 1;
        self.delay(x.d, word << free | old & keep)
    }

    /// Loads the bytes from the start of the word to the address into the bottom of the register.
    pub(super) fn load_right(&mut self, x: Operands) -> Done {
        let (address, free) = self.ends(x);
        let shift = 24 - free;
        let word = self.read(address, Width::Word)?;
        let old = self.core.registers[usize::from(x.d & 31)];
        self.delay(x.d, word >> shift | old & !(u32::MAX >> shift))
    }

    /// Stores the lanes of `width`.
    #[inline]
    pub(super) fn store(&mut self, x: Operands, width: Width) -> Done {
        let address = x.s.wrapping_add(x.i);
        if address & (width.bytes() - 1) != 0 {
            return Err(Exception::at(Cause::AddressStore, address).into());
        }
        let (physical, cached) = self.translate(address, true)?;
        self.core.counts.stores += 1;
        let shift = self.memory.endian.shift(address, width);
        let mask = width.mask() << shift;
        if self.put(physical, cached, x.t << shift, mask)? {
            return Ok(());
        }
        let value = x.t & width.mask();
        self.put_device(physical, width, value)
    }

    /// Stores the top of the register to the bytes that [`Step::load_left`] would load.
    pub(super) fn store_left(&mut self, x: Operands) -> Done {
        let (address, free) = self.ends(x);
        self.store_part(address, x.t >> free, u32::MAX >> free)
    }

    /// Stores the bottom of the register to the bytes that [`Step::load_right`] would load.
    pub(super) fn store_right(&mut self, x: Operands) -> Done {
        let (address, free) = self.ends(x);
        let shift = 24 - free;
        self.store_part(address, x.t << shift, u32::MAX << shift)
    }

    fn store_part(&mut self, address: u32, value: u32, mask: u32) -> Done {
        // The chip reports the address as it is, not that of its word.
        let (physical, cached) = self.translate(address, true)?;
        self.core.counts.stores += 1;
        let word = physical & !3;
        if self.put(word, cached, value, mask)? {
            return Ok(());
        }
        if mask == u32::MAX {
            return self.put_device(word, Width::Word, value);
        }
        for lane in 0..4 {
            let shift = self.memory.endian.shift(lane, Width::Byte);
            if mask >> shift & 0xff != 0 {
                self.put_device(word + lane, Width::Byte, value >> shift & 0xff)?;
            }
        }
        Ok(())
    }

    /// The address of an unaligned access, and the bits of a register that its left part leaves
    /// free.
    fn ends(&self, x: Operands) -> (u32, u32) {
        let address = x.s.wrapping_add(x.i);
        (address, 24 - self.memory.endian.shift(address, Width::Byte))
    }

    /// The lanes of `width` that hold `address`.
    #[inline]
    fn read(&mut self, address: u32, width: Width) -> Result<u32, Trap> {
        let (physical, cached) = self.translate(address, false)?;
        let physical = physical & !(width.bytes() - 1);
        let core = &mut *self.core;
        core.counts.loads += 1;
        if core.counts.instructions <= core.isolated_until
            && let Some(word) = self.read_isolated(physical, cached)?
        {
            return Ok(self.lanes(word, physical, width));
        }
        let core = &mut *self.core;
        if M::WATCH && core.strict.unwritten && !self.memory.was_written(physical) {
            return Err(Trap::Hazard(Hazard::Unwritten(physical)));
        }
        match self.memory.load::<M>(physical, cached, &mut core.counts) {
            Some(word) => Ok(self.lanes(word, physical, width)),
            None => self.read_device(physical, width),
        }
    }

    #[inline]
    fn lanes(&self, word: u32, address: u32, width: Width) -> u32 {
        word >> self.memory.endian.shift(address, width) & width.mask()
    }

    #[cold]
    #[inline(never)]
    fn read_device(&mut self, physical: u32, width: Width) -> Result<u32, Trap> {
        let counts = &mut self.core.counts;
        let answer = self.memory.device_read::<M>(physical, width, counts);
        self.core.attention = 0;
        answer.map_err(|_| Exception::bare(Cause::BusData).into())
    }

    /// Stores to RAM or to an isolated cache; false past RAM.
    #[inline]
    fn put(&mut self, physical: u32, cached: bool, value: u32, mask: u32) -> Result<bool, Trap> {
        let core = &mut *self.core;
        if core.counts.instructions <= core.isolated_until
            && let Some(swapped) = self.isolation(cached)?
        {
            self.memory.store_isolated(physical, value, mask, swapped);
            return Ok(true);
        }
        let counts = &mut self.core.counts;
        let stored = self
            .memory
            .store::<M>(physical, value, mask, cached, counts);
        Ok(stored.is_some())
    }

    #[cold]
    #[inline(never)]
    fn put_device(&mut self, physical: u32, width: Width, value: u32) -> Done {
        let counts = &mut self.core.counts;
        let answer = self
            .memory
            .device_write::<M>(physical, width, value, counts);
        self.core.attention = 0;
        answer.map_err(|_| Exception::bare(Cause::BusData).into())
    }

    #[cold]
    fn read_isolated(&mut self, physical: u32, cached: bool) -> Result<Option<u32>, Trap> {
        let Some(swapped) = self.isolation(cached)? else {
            return Ok(None);
        };
        let (word, hit) = self.memory.load_isolated(physical, swapped);
        let status = &mut self.core.control.status;
        *status &= !status::CACHE_MISS;
        if !hit {
            *status |= status::CACHE_MISS;
        }
        Ok(Some(word))
    }

    /// Whether this access stays in a cache, and in which.
    #[cold]
    fn isolation(&mut self, cached: bool) -> Result<Option<bool>, Trap> {
        use super::control::number::STATUS;
        self.check_control(STATUS)?;
        let status = self.core.control.status;
        let isolated = cached && status & status::ISOLATE != 0;
        Ok(isolated.then_some(status & status::SWAP != 0))
    }
}

fn by_access(write: bool, load: Cause, store: Cause) -> Cause {
    if write { store } else { load }
}

#[inline]
fn physical(address: u32, low: u32) -> (u32, bool) {
    (low & 0xffff_f000 | address & 0xfff, low & NOT_CACHED == 0)
}
