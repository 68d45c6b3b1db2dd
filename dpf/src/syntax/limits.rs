//! The limits of the text front end, by name. Each is printed when it bites.

/// Bytes of one source.
pub const MAX_SOURCE_BYTES: usize = 32 << 20;
/// Sources of one program.
pub const MAX_SOURCES: usize = 1 << 12;
/// Height of an expression: parentheses, `!`, operators in a row, shifts in a row.
pub const MAX_DEPTH: usize = 64;
/// Operands of one `&&` or `||`.
pub const MAX_OPERANDS: usize = 1 << 16;
/// Bytes of a name.
pub const MAX_NAME_BYTES: usize = 255;
/// Headers of a program, the standard ones included.
pub const MAX_HEADERS: usize = 256;
/// Fields of a header.
pub const MAX_FIELDS: usize = 256;
/// Bits of a named field.
pub const MAX_FIELD_BITS: u128 = 128;
/// Bytes of a header's fields together.
pub const MAX_HEADER_BYTES: u32 = 65_535;
/// The number after `max`.
pub const MAX_REPETITION: u128 = 16;
/// Headers that may follow one header, by any `on`.
pub const MAX_EDGES: usize = 256;
/// Constants of a program.
pub const MAX_CONSTANTS: usize = 1 << 16;
/// Filters of a program.
pub const MAX_FILTERS: usize = 1 << 18;
/// Elements of all sets of a program together, each constant counted where it is used in a set.
pub const MAX_SET_ELEMENTS: usize = 1 << 20;
/// Steps of a path.
pub const MAX_PATH_STEPS: usize = 16;
/// Header instances that one filter names.
pub const MAX_PLACES: usize = 64;
/// Errors that are kept; what follows is counted only.
pub const MAX_ERRORS: usize = 20;
