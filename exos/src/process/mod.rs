//! Processes: programs started in environments of their own, and how they ended.
//!
//! Problem: the kernel makes an empty environment; everything that makes it a process is its creator's
//! to put there. Method: a parent builds the child's memory from outside, page by page, through a window
//! ([`spawn`]): trap page, save page with a context that the first slice restores, stacks, page table,
//! program; gives it those pages, names the entries, and gives it a time slice. Nothing of it is left in
//! the parent. A process ends by [`exit`], or is destroyed; its parent reads which in the kernel's public
//! table ([`Child::wait`]).
//!
//! What a child is given beyond that is the [`Options`]': arguments, the console.

pub mod image;
mod spawn;
#[cfg(test)]
mod tests;

pub use crate::sys::exit;
pub use spawn::{Options, SpawnError, spawn};

use crate::module;
use crate::sys::{self, memory, save_page};
use aegis_abi::bookkeeping::{Death, EnvPublic, NO_PAGE, NOBODY, Public, Slice};
use aegis_abi::layout::{ANY, DEATH_CALL, MOST_ENVS, SLICES};
use aegis_abi::{EnvId, Error, Position};
use core::mem::offset_of;

/// A process that this one started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    env: EnvId,
    epoch: u32,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a status, by itself or by who controls it.
    Exit(u32),
    /// The kernel destroyed it.
    Destroyed(Death),
    /// It ended so long ago that its number has been another's since, whose end is what is known.
    Forgotten,
}

impl End {
    /// A status that says it: 255 if it was destroyed or is not known.
    pub fn status(self) -> u32 {
        match self {
            End::Exit(status) => status,
            End::Destroyed(_) | End::Forgotten => 255,
        }
    }
}

impl Child {
    /// Its environment.
    pub fn env(self) -> EnvId {
        self.env
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    ///
    /// Those of the kernel.
    pub fn end(self) -> Result<Option<End>, Error> {
        let public = PublicTable::open()?;
        let ends = public.epoch(self.env).wrapping_sub(self.epoch);
        Ok(match ends {
            0 => None,
            1 => Some(public.end(self.env)),
            _ => Some(End::Forgotten),
        })
    }

    /// Yields until it has ended; how it did.
    ///
    /// # Errors
    ///
    /// Those of the kernel.
    pub fn wait(self) -> Result<End, Error> {
        loop {
            if let Some(end) = self.end()? {
                return Ok(end);
            }
            sleep()?;
        }
    }
}

/// This process's environment.
pub fn own() -> EnvId {
    EnvId(save_page().own.get() as u8)
}

/// Gives the rest of the time slice to whoever is next.
///
/// # Errors
///
/// Those of the kernel.
pub fn sleep() -> Result<(), Error> {
    sys::answer(sys::park(ANY)).map(|_| ())
}

/// Gives the rest of the time slice to an environment.
///
/// # Errors
///
/// If it does not live.
pub fn yield_to(env: EnvId) -> Result<(), Error> {
    sys::answer(sys::park(u32::from(env.0))).map(|_| ())
}

/// The arguments that this process was started with, as far as they fit the room for them.
pub fn arguments(buffer: &mut [u8]) -> &str {
    let page = save_page();
    let length = page.arguments_bytes.get() as usize;
    let mut count = 0;
    for (to, from) in buffer.iter_mut().zip(&page.arguments).take(length) {
        *to = from.get();
        count += 1;
    }
    core::str::from_utf8(buffer.get(..count).unwrap_or_default()).unwrap_or_default()
}

/// The kernel's public table, mapped.
pub struct PublicTable {
    view: u32,
}

impl PublicTable {
    /// Maps it, if it is not yet.
    ///
    /// # Errors
    ///
    /// Those of the kernel.
    pub fn open() -> Result<Self, Error> {
        Ok(PublicTable {
            view: module::public_view()?,
        })
    }

    /// Clock ticks since the machine started.
    pub fn ticks(&self) -> u32 {
        self.word(offset_of!(Public, ticks))
    }

    /// Whether an environment lives.
    pub fn lives(&self, env: EnvId) -> bool {
        self.word(env_offset(env) + offset_of!(EnvPublic, page)) as u16 != NO_PAGE
    }

    /// How often an environment of this number has ended.
    pub fn epoch(&self, env: EnvId) -> u32 {
        self.word(env_offset(env) + offset_of!(EnvPublic, epoch))
    }

    /// How many pages an environment has.
    pub fn pages_of(&self, env: EnvId) -> u32 {
        self.half(env_offset(env) + offset_of!(EnvPublic, pages))
    }

    /// Capabilities that an environment presented and that were none.
    pub fn forgeries(&self, env: EnvId) -> u32 {
        self.half(env_offset(env) + offset_of!(EnvPublic, forgeries))
    }

    /// Slices that an environment used in excess and has not forfeited yet.
    pub fn excess(&self, env: EnvId) -> u32 {
        self.half(env_offset(env) + offset_of!(EnvPublic, parent)) >> 8
    }

    /// Who controls an environment, or `bookkeeping::NOBODY`.
    pub fn parent(&self, env: EnvId) -> u8 {
        self.half(env_offset(env) + offset_of!(EnvPublic, parent)) as u8
    }

    /// Whose a slice is.
    pub fn slice(&self, position: Position) -> Slice {
        let place = usize::from(position.0) % SLICES * size_of::<Slice>();
        let both = self.half(offset_of!(Public, slices) + place);
        Slice {
            owner: both as u8,
            holder: (both >> 8) as u8,
        }
    }

    /// How many slices nobody owns.
    pub fn free_slices(&self) -> u32 {
        let all = (0..SLICES as u8).map(|position| self.slice(Position(position)));
        all.filter(|slice| slice.owner == NOBODY).count() as u32
    }

    /// How many pages are free.
    pub fn free_pages(&self) -> u32 {
        self.half(offset_of!(Public, free_pages))
    }

    /// The number of a free page; `bookkeeping::NO_PAGE` if there is none.
    pub fn first_free(&self) -> u32 {
        self.half(offset_of!(Public, free))
    }

    /// How the last environment of this number ended.
    pub fn end(&self, env: EnvId) -> End {
        let at = env_offset(env) + offset_of!(EnvPublic, death);
        let [cause, epc, bad_address, status] = [0, 4, 8, 12].map(|offset| self.word(at + offset));
        if cause == DEATH_CALL {
            return End::Exit(status);
        }
        End::Destroyed(Death {
            cause,
            epc,
            bad_address,
            status,
        })
    }

    fn word(&self, offset: usize) -> u32 {
        memory::view_word(self.view, offset as u32)
    }

    fn half(&self, offset: usize) -> u32 {
        self.word(offset & !3) >> (offset % 4 * 8) & 0xffff
    }
}

fn env_offset(env: EnvId) -> usize {
    offset_of!(Public, envs) + usize::from(env.0) % MOST_ENVS * size_of::<EnvPublic>()
}

/// The statuses of [`End`] are words; offsets of words must be words'.
const _: () = assert!(offset_of!(EnvPublic, page) == 0 && offset_of!(EnvPublic, parent) == 2);
const _: () = assert!(offset_of!(Slice, owner) == 0 && offset_of!(Slice, holder) == 1);
const _: () = assert!(offset_of!(EnvPublic, epoch).is_multiple_of(4));
const _: () = assert!(offset_of!(EnvPublic, death).is_multiple_of(4));
