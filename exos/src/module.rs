//! Boot modules and boot arguments: what came with the kernel's image, for anybody to read.
//!
//! The kernel names the pages (`bookkeeping`), everybody may map them, so no program needs another to start
//! one. They are mapped when they are first asked for, and stay.

use crate::sys::{self, memory};
use crate::vm;
use aegis_abi::layout::{TABLE_ARGUMENTS, TABLE_MODULES, TABLE_PUBLIC};
use aegis_abi::module::{MOST_MODULES, NAME_BYTES, ROW_WORDS, TABLE_MAGIC};
use aegis_abi::{Error, PageNo};

/// Which megabyte of views holds which table.
const PUBLIC_VIEW: u32 = 1;
const ARGUMENTS_VIEW: u32 = 2;
/// The last: the modules may need more than one.
const MODULES_VIEW: u32 = 3;

/// The boot module of a name.
///
/// # Errors
///
/// [`Error::BadName`] if there is none; those of the kernel.
pub fn find(name: &str) -> Result<&'static [u8], Error> {
    let table = table()?;
    row(table, name).ok_or(Error::BadName)
}

/// What the machine was started with.
///
/// # Errors
///
/// Those of the kernel.
pub fn boot_arguments() -> Result<&'static str, Error> {
    let bytes = view(TABLE_ARGUMENTS, ARGUMENTS_VIEW)?;
    let end = bytes.iter().position(|byte| *byte == 0);
    let text = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    core::str::from_utf8(text).map_err(|_| Error::BadValue)
}

/// Where the public table of environments and slices is mapped.
pub(crate) fn public_view() -> Result<u32, Error> {
    let words = sys::bookkeeping(TABLE_PUBLIC)?;
    vm::view(PUBLIC_VIEW, PageNo(words.0 as u16), words.1)
}

fn table() -> Result<&'static [u8], Error> {
    view(TABLE_MODULES, MODULES_VIEW)
}

/// All bytes of a table of the kernel's.
fn view(table: u32, number: u32) -> Result<&'static [u8], Error> {
    let words = sys::bookkeeping(table)?;
    let pages = words.1;
    let address = vm::view(number, PageNo(words.0 as u16), pages)?;
    Ok(memory::view_bytes(
        address,
        pages * aegis_abi::layout::PAGE_BYTES,
    ))
}

/// The module of a name in a table of modules and what lies behind it.
fn row<'a>(table: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let word = |number: usize| {
        let bytes = table.get(4 * number..4 * number + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    if word(0)? != TABLE_MAGIC {
        return None;
    }
    let count = (word(1)? as usize).min(MOST_MODULES);
    for first in (1..=count).map(|row| row * ROW_WORDS) {
        let field = table.get(4 * first..4 * first + NAME_BYTES)?;
        let end = field.iter().position(|byte| *byte == 0);
        if field.get(..end.unwrap_or(NAME_BYTES))? == name.as_bytes() {
            let offset = word(first + NAME_BYTES / 4)? as usize;
            let bytes = word(first + NAME_BYTES / 4 + 1)? as usize;
            return table.get(offset..offset.checked_add(bytes)?);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A table of modules, and behind it what is in them.
    fn packed(modules: &[(&str, &[u8])]) -> Vec<u8> {
        let mut table = vec![0; 4096];
        table[..4].copy_from_slice(&TABLE_MAGIC.to_le_bytes());
        table[4..8].copy_from_slice(&(modules.len() as u32).to_le_bytes());
        for (row, (name, bytes)) in (1..).zip(modules) {
            let at = row * ROW_WORDS * 4;
            let offset = table.len() as u32;
            table[at..at + name.len()].copy_from_slice(name.as_bytes());
            table[at + NAME_BYTES..][..4].copy_from_slice(&offset.to_le_bytes());
            table[at + NAME_BYTES + 4..][..4].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
            table.extend_from_slice(bytes);
        }
        table
    }

    #[test]
    fn modules_are_found_by_name() {
        let table = packed(&[("init", b"flat"), ("hello", b"elf"), ("hell", b"")]);
        assert_eq!(row(&table, "hello"), Some(&b"elf"[..]));
        assert_eq!(row(&table, "hell"), Some(&b""[..]));
        assert_eq!(row(&table, "help"), None);
        assert_eq!(row(&table[..4], "hello"), None);
        assert_eq!(row(&[], "hello"), None);
    }

    proptest! {
        #[test]
        fn any_table_can_be_read(mut bytes in proptest::collection::vec(any::<u8>(), 0..600), magic: bool) {
            if magic && bytes.len() >= 4 {
                bytes[..4].copy_from_slice(&TABLE_MAGIC.to_le_bytes());
            }
            let found = row(&bytes, "a");
            prop_assert!(found.is_none_or(|found| found.len() <= bytes.len()));
        }
    }
}
