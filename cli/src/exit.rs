//! How a command ended, and what the shell is told.

use std::process::ExitCode;

use crate::interrupt;

/// How a command that could do its work ended. Errors end with [`FAILED`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All is done.
    #[default]
    Done,
    /// What was looked for was found wanting: a badly formatted file, filters that conflict.
    Found,
    /// A capture is damaged; what came before the damage is done.
    Damaged,
    /// The user stopped it; what came before is done.
    Interrupted,
}

/// The exit code for a command line, filter or file that cannot be used.
pub const FAILED: u8 = 1;

impl Exit {
    /// The number for the shell.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Found => FAILED,
            Self::Damaged => 2,
            Self::Interrupted => interrupt::EXIT_CODE,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
