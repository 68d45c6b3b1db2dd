//! What an environment is told to be by those who control it: handlers, save areas, entry points,
//! guaranteed mappings (§5.1.2).
//!
//! Problem: exceptions and transfers go where an environment's page says without a check, in assembly.
//! Method: what is set is checked when it is set, and what it was checked against is pinned: a page that
//! is a save area or a guaranteed mapping cannot change hands, a guaranteed mapping that a handler or an
//! entry point lies in can be changed but not taken away. So an exception always finds memory of the
//! environment's own to save at, and a handler whose fetch the kernel can map. Left out: the paths.

use crate::{Answer, Kernel, env::Env, machine::Machine, page::Page, stlb::tag};
use aegis_abi::{
    Cause, EnvId, Error, PageNo,
    layout::{CONTEXTS, ENTRIES, ENTRY_VALID, GUARANTEED_END, PAGE_BYTES},
};

/// Bytes that an exception may save at.
const SAVE_BYTES: u32 = 16;
/// From here on physical memory is seen without translation, cached.
const KSEG0: u32 = 0x8000_0000;

/// System calls.
impl<M: Machine> Kernel<M> {
    pub(crate) fn env_handler(&mut self, env: EnvId, cause: Cause, address: u32) -> Answer {
        let env = self.controlled(env)?;
        let cause = own_cause(cause)?;
        let handler = if address == 0 {
            self.machine.label(crate::machine::Label::Unhandled)
        } else {
            self.entered_at(env, address)?;
            if self.env(env).save[cause] == self.machine.kernel_save() {
                return Err(Error::BadAddress);
            }
            address
        };
        self.env(env).handler[cause] = handler;
        Ok((0, 0))
    }

    pub(crate) fn env_save_area(&mut self, env: EnvId, cause: Cause, physical: u32) -> Answer {
        let env = self.controlled(env)?;
        let of_slices = cause == Cause::INTERRUPT;
        let cause = if of_slices { 0 } else { own_cause(cause)? };
        let none = if of_slices {
            0
        } else {
            self.machine.kernel_save()
        };
        let handled = !of_slices && (self.env(env).handler[cause] as i32) >= 0;
        let new = if physical == 0 {
            if handled {
                return Err(Error::Pinned);
            }
            none
        } else {
            let page = self.buffer(env, physical, SAVE_BYTES, SAVE_BYTES)?;
            self.pin(page);
            KSEG0 | physical
        };
        let state = self.env(env);
        let place = if of_slices {
            &mut state.state.slice_save
        } else {
            &mut state.save[cause]
        };
        let old = core::mem::replace(place, new);
        if old != none {
            self.unpin_at(old & !KSEG0);
        }
        Ok((0, 0))
    }

    pub(crate) fn env_entry(&mut self, env: EnvId, entry: u32, address: u32) -> Answer {
        let env = self.controlled(env)?;
        if entry as usize >= ENTRIES {
            return Err(Error::BadName);
        }
        if address != 0 {
            self.entered_at(env, address)?;
        }
        self.env(env).state.entries[entry as usize % ENTRIES] = address;
        self.write_records(env);
        Ok((0, 0))
    }

    pub(crate) fn env_guarantee(&mut self, env: EnvId, address: u32, entry: u32) -> Answer {
        let env = self.controlled(env)?;
        if address >= GUARANTEED_END || !address.is_multiple_of(PAGE_BYTES) {
            return Err(Error::BadAddress);
        }
        let new = if entry & ENTRY_VALID == 0 {
            None
        } else if Self::well_formed(entry) {
            let number = PageNo::of(entry).ok_or(Error::BadName)?;
            Some(self.owned(env, number)?)
        } else {
            return Err(Error::BadValue);
        };
        self.guarantee(env, address, entry, new)?;
        Ok((0, 0))
    }
}

impl<M: Machine> Kernel<M> {
    /// Sets a guaranteed mapping, or takes it away if `page` is none, and what is bound by it.
    pub(crate) fn guarantee(
        &mut self,
        env: Env,
        address: u32,
        entry: u32,
        page: Option<Page>,
    ) -> Result<(), Error> {
        if page.is_none() && self.is_entered_in(env, address) {
            return Err(Error::Pinned);
        }
        let mappings = &mut self.env(env).state.guaranteed;
        let is_here = |(at, low): &(u32, u32)| low & ENTRY_VALID != 0 && *at == address;
        let place = mappings
            .iter()
            .position(is_here)
            .or_else(|| mappings.iter().position(|(_, low)| low & ENTRY_VALID == 0));
        let place = match place {
            Some(place) => &mut mappings[place],
            None if page.is_none() => return Ok(()),
            None => return Err(Error::Exhausted),
        };
        let new = if page.is_some() { entry } else { 0 };
        let (_, old) = core::mem::replace(place, (address, new));
        if let Some(page) = page {
            self.pin(page);
        }
        if old & ENTRY_VALID != 0 {
            self.unpin_at(old & !(PAGE_BYTES - 1));
        }
        for context in 0..CONTEXTS {
            let asid = self.env(env).state.asids[context];
            if asid != 0 {
                self.remove(tag(address, asid));
            }
        }
        Ok(())
    }

    /// Whether an environment may be entered at an address.
    fn entered_at(&mut self, env: Env, address: u32) -> Result<(), Error> {
        let inside = address < GUARANTEED_END && self.guaranteed(env, address).is_some();
        if inside && address.is_multiple_of(4) {
            Ok(())
        } else {
            Err(Error::BadAddress)
        }
    }

    /// Whether a handler or an entry point lies in a page.
    fn is_entered_in(&mut self, env: Env, page: u32) -> bool {
        let env = self.env(env);
        let handlers = env.handler.iter().filter(|at| (**at as i32) >= 0);
        let entries = env.state.entries.iter().filter(|at| **at != 0);
        handlers
            .chain(entries)
            .any(|at| at & !(PAGE_BYTES - 1) == page)
    }

    /// As [`Kernel::unpin`], of the page that a physical address is in.
    pub(crate) fn unpin_at(&mut self, physical: u32) {
        if let Some(number) = PageNo::of(physical) {
            self.unpin(number);
        }
    }
}

/// The place of a cause whose handler is the application's to set.
fn own_cause(cause: Cause) -> Result<usize, Error> {
    let place = usize::from(cause.0);
    if place >= Cause::COUNT || cause == Cause::INTERRUPT || cause == Cause::SYSCALL {
        return Err(Error::BadName);
    }
    Ok(place)
}
