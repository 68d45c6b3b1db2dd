//! A word of the page table.
//!
//! An entry that can be used is EntryLo as the kernel takes it, so that the fast way of a miss copies it. One
//! that cannot (V is clear) says in the bits that EntryLo leaves free why not.

use aegis_abi::PageNo;
use aegis_abi::layout::{ENTRY_DIRTY, ENTRY_UNCACHED, ENTRY_VALID};
use core::fmt;

/// What the page of an address is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Entry(u32);

/// What a program may do to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: any access is a fault that a handler hears of.
    None,
    /// Read it, and execute it.
    Read,
    /// Write it too.
    Write,
}

/// What kind of page an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// None.
    Unmapped,
    /// One of zeros that is allocated when it is touched.
    Demanded,
    /// A physical page.
    Mapped(PageNo, Access),
}

impl Entry {
    /// No page.
    pub const UNMAPPED: Entry = Entry(0);
    /// A page of zeros that is allocated when it is touched, and may then be written.
    pub const DEMANDED: Entry = Entry(DEMANDED);

    /// A physical page.
    pub const fn mapped(page: PageNo, access: Access) -> Entry {
        let bits = match access {
            Access::None => HELD,
            Access::Read => ENTRY_VALID,
            Access::Write => ENTRY_VALID | ENTRY_DIRTY,
        };
        Entry(page.physical() | bits)
    }

    /// The same page, not cached, as devices and messages to them need it.
    #[must_use]
    pub const fn uncached(self) -> Entry {
        Entry(self.0 | ENTRY_UNCACHED)
    }

    /// The same page with another access; what is not mapped stays what it is.
    #[must_use]
    pub const fn with(self, access: Access) -> Entry {
        match self.state() {
            State::Mapped(page, _) => {
                let uncached = self.0 & ENTRY_UNCACHED;
                Entry(Entry::mapped(page, access).0 | uncached)
            }
            State::Unmapped | State::Demanded => self,
        }
    }

    /// What it is for.
    pub const fn state(self) -> State {
        let page = PageNo((self.0 >> 12) as u16);
        if self.0 & ENTRY_VALID != 0 {
            let writable = self.0 & ENTRY_DIRTY != 0;
            State::Mapped(
                page,
                if writable {
                    Access::Write
                } else {
                    Access::Read
                },
            )
        } else if self.0 & HELD != 0 {
            State::Mapped(page, Access::None)
        } else if self.0 & DEMANDED != 0 {
            State::Demanded
        } else {
            State::Unmapped
        }
    }

    /// As it is in the page table.
    pub const fn word(self) -> u32 {
        self.0
    }

    /// The entry of a word of the page table.
    pub const fn of(word: u32) -> Entry {
        Entry(word)
    }

    /// Whether the kernel would take it.
    pub const fn is_valid(self) -> bool {
        self.0 & ENTRY_VALID != 0
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.state() {
            State::Unmapped => to.write_str("unmapped"),
            State::Demanded => to.write_str("zeros on demand"),
            State::Mapped(page, access) => {
                let access = match access {
                    Access::None => "no access",
                    Access::Read => "read",
                    Access::Write => "write",
                };
                write!(to, "page {:#x}, {access}", page.0)?;
                if self.0 & ENTRY_UNCACHED != 0 {
                    to.write_str(", uncached")?;
                }
                Ok(())
            }
        }
    }
}

/// V is clear: zeros on demand.
const DEMANDED: u32 = 1;
/// V is clear: there is a page, but no access to it.
const HELD: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_page() {
        for access in [Access::None, Access::Read, Access::Write] {
            let entry = Entry::mapped(PageNo(0x1234), access).uncached();
            assert_eq!(entry.state(), State::Mapped(PageNo(0x1234), access));
            assert_eq!(entry.is_valid(), access != Access::None);
            assert_eq!(
                entry.with(Access::None).with(Access::Write),
                Entry::mapped(PageNo(0x1234), Access::Write).uncached()
            );
            assert_eq!(Entry::of(entry.word()), entry);
        }
        assert_eq!(Entry::DEMANDED.with(Access::Read), Entry::DEMANDED);
        assert_eq!(Entry::default().state(), State::Unmapped);
    }

    #[test]
    fn a_valid_entry_is_what_the_kernel_takes() {
        // Below bit 8 and at G nothing may be set.
        let word = Entry::mapped(PageNo(5), Access::Write).uncached().word();
        assert_eq!(word, 0x5000 | 0xe00);
        assert_eq!(word & 0x1ff, 0);
    }

    #[test]
    fn entries_print() {
        let entry = Entry::mapped(PageNo(0x2a), Access::Read);
        assert_eq!(entry.to_string(), "page 0x2a, read");
        assert_eq!(entry.uncached().to_string(), "page 0x2a, read, uncached");
        assert_eq!(Entry::DEMANDED.to_string(), "zeros on demand");
    }
}
