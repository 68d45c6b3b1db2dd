//! The kernel's public tables, read in the simulated machine's memory from outside.

use aegis_abi::bookkeeping::{Death, EnvPublic, NO_PAGE, PageState, Public, Slice};
use aegis_abi::layout::{MOST_ENVS, SLICES};
use core::mem::offset_of;
use decstation::memory::Memory;

/// Where the tables are: physical addresses, and how many pages memory has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tables {
    pub(crate) public: u32,
    pub(crate) pages: u32,
    pub(crate) count: u16,
}

/// The tables as they are now.
#[derive(Clone, Copy)]
pub(crate) struct View<'m> {
    pub(crate) memory: &'m Memory,
    pub(crate) tables: Tables,
}

impl View<'_> {
    fn word(self, address: u32) -> u32 {
        self.memory.word(address).unwrap_or(0)
    }

    fn half(self, address: u32) -> u16 {
        (self.word(address) >> (8 * (address & 2))) as u16
    }

    fn byte(self, address: u32) -> u8 {
        self.memory.byte(address).unwrap_or(0)
    }

    fn env(self, env: u8, field: usize) -> u32 {
        let row = size_of::<EnvPublic>() * usize::from(env) + field;
        self.tables.public + (offset_of!(Public, envs) + row) as u32
    }

    fn state(self, page: u16, field: usize) -> u32 {
        self.tables.pages + (size_of::<PageState>() * usize::from(page) + field) as u32
    }

    /// The page that an environment is kept in, if it lives.
    pub(crate) fn home(self, env: u8) -> Option<u16> {
        let page = self.half(self.env(env, offset_of!(EnvPublic, page)));
        (page != NO_PAGE).then_some(page)
    }

    /// Every environment that lives.
    pub(crate) fn living(self) -> impl Iterator<Item = u8> {
        (0..MOST_ENVS as u8).filter(move |&env| self.home(env).is_some())
    }

    /// How many environments of a number have ended.
    pub(crate) fn deaths(self, env: u8) -> u32 {
        self.word(self.env(env, offset_of!(EnvPublic, epoch)))
    }

    /// Why the last one did.
    pub(crate) fn death(self, env: u8) -> u32 {
        self.word(self.env(env, offset_of!(EnvPublic, death) + offset_of!(Death, cause)))
    }

    /// Whether an environment holds a time slice.
    pub(crate) fn has_time(self, env: u8) -> bool {
        self.slices().any(|(_, _, holder)| holder == env)
    }

    /// The place in the vector, owner and holder of each slice.
    pub(crate) fn slices(self) -> impl Iterator<Item = (u8, u8, u8)> {
        let first = self.tables.public + offset_of!(Public, slices) as u32;
        (0..SLICES as u8).map(move |position| {
            let at = first + u32::from(position) * size_of::<Slice>() as u32;
            (position, self.byte(at), self.byte(at + 1))
        })
    }

    /// The owner of a page.
    pub(crate) fn owner(self, page: u16) -> u8 {
        self.byte(self.state(page, offset_of!(PageState, owner)))
    }

    /// Page `place` of an environment's list, or the last if there are fewer.
    pub(crate) fn page_of(self, env: u8, place: u8) -> Option<u16> {
        let first = self.half(self.env(env, offset_of!(EnvPublic, first)));
        let mut page = (first != NO_PAGE).then_some(first)?;
        for _ in 0..place {
            match self.half(self.state(page, offset_of!(PageState, next))) {
                NO_PAGE => break,
                next => page = next,
            }
        }
        Some(page)
    }
}
