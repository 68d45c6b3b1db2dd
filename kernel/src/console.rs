//! The console, for those who hold it, and what of the kernel anybody may see.

use crate::{Answer, Kernel, machine::Machine};
use aegis_abi::{Error, layout::PAGE_BYTES};

/// What [`Kernel::console_read`] returns if nothing was typed.
const NOTHING: u32 = 256;
/// Ticks in which whoever has printed a part goes on before others print.
const PATIENCE: u32 = 64;

/// System calls.
impl<M: Machine> Kernel<M> {
    pub(crate) fn console_write(&mut self, physical: u32, bytes: u32) -> Answer {
        self.console_held()?;
        let caller = self.current();
        if bytes > PAGE_BYTES {
            return Err(Error::BadValue);
        }
        self.buffer(caller, physical, bytes, 1)?;
        let ticks = self.machine.public().ticks;
        if let Some((first, end)) = self.printing
            && first != caller
            && !Self::reached(ticks, end)
        {
            return Ok((0, 0));
        }
        self.printing = None;
        for written in 0..bytes {
            let at = physical + written;
            let word = self.machine.load(at & !3);
            // A byte takes the line a millisecond, and interrupts are off: the caller waits, not the kernel.
            if !self.machine.put((word >> (8 * (at & 3))) as u8) {
                self.printing = Some((caller, ticks.wrapping_add(PATIENCE)));
                return Ok((written, 0));
            }
        }
        Ok((bytes, 0))
    }

    pub(crate) fn console_read(&mut self) -> Answer {
        self.console_held()?;
        Ok((self.machine.get().map_or(NOTHING, u32::from), 0))
    }

    pub(crate) fn bookkeeping(&mut self, table: u32) -> Answer {
        let (page, count) = self.tables.get(table as usize).ok_or(Error::BadName)?;
        Ok((u32::from(page.0), u32::from(*count)))
    }

    pub(crate) fn halt(&mut self, status: u32) -> Answer {
        if self.current().index() != 0 {
            return Err(Error::NotOwner);
        }
        self.machine.halt(status)
    }

    /// Whether the caller holds the console.
    pub(crate) fn console_held(&mut self) -> Result<(), Error> {
        let caller = self.current();
        match self.env(caller).state.console {
            0 => Err(Error::NotOwner),
            _ => Ok(()),
        }
    }
}
