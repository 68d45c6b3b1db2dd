//! Small applications as functions: whoever has a stack calls them as often as it likes.
//!
//! None of them waits: each does what can be done now and says what it did, so that one program can
//! be several of them at once.

pub mod echo;
pub mod names;
pub mod netstat;
pub mod ping;
