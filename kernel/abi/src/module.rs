//! Boot modules: programs and files that stand behind the kernel in its image.
//!
//! The image builder writes them, the kernel starts the first, applications read the others, so all
//! three expand this layout. The modules begin with a page that is their table; each of them begins
//! on a page of its own. The first is the program of environment 0, a flat image (`layout::FLAT_MAGIC`) that the
//! kernel can start without knowing a file format; what the others are is between applications.

/// The first word of the table of modules.
pub const TABLE_MAGIC: u32 = u32::from_le_bytes(*b"AEGM");
/// Bytes of a module's name, at most; the rest of the field is zero.
pub const NAME_BYTES: usize = 24;
/// Modules that fit into the table.
pub const MOST_MODULES: usize = 127;
/// Words of a row, and of what stands before the first: the magic, the count, zeros.
pub const ROW_WORDS: usize = 8;

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Module {
    /// Its name.
    pub name: [u8; NAME_BYTES],
    /// Where it begins, in bytes from the table; a whole number of pages.
    pub offset: u32,
    /// Its length in bytes.
    pub bytes: u32,
}

const _: () = assert!(size_of::<Module>() == 4 * ROW_WORDS);
