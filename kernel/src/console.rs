//! The console, for those who hold it, and what of the kernel anybody may see.

use crate::{Answer, Kernel, machine::Machine};
use aegis_abi::{
    Error,
    layout::{MOST_PRINTED, PAGE_BYTES},
};

/// What [`Kernel::console_read`] returns if nothing was typed.
const NOTHING: u32 = 256;

/// System calls.
impl<M: Machine> Kernel<M> {
    pub(crate) fn console_write(&mut self, physical: u32, bytes: u32) -> Answer {
        self.console_held()?;
        let caller = self.current();
        if bytes > PAGE_BYTES {
            return Err(Error::BadValue);
        }
        self.buffer(caller, physical, bytes, 1)?;
        let bytes = bytes.min(MOST_PRINTED);
        if self.machine.room() < bytes {
            return Ok((0, 0));
        }
        for at in physical..physical + bytes {
            let word = self.machine.load(at & !3);
            self.machine.put((word >> (8 * (at & 3))) as u8);
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
