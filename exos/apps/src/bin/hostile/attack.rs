//! What an attack is, and how it must end.

use crate::code::Code;
use crate::scene::Scene;
use exos::abi::{Cause, Error, Syscall};

/// A number that an attacker learns when it is made.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// This one.
    Is(u32),
    /// Its own environment.
    Own,
    /// A bystander's environment.
    Victim,
    /// The environment that made it.
    Parent,
    /// A page of the bystander's.
    VictimPage,
    /// The page that its code is in.
    CodePage,
    /// The page that it may write to.
    DataPage,
    /// The page that the kernel keeps it in.
    HomePage,
    /// A page that nobody owns.
    FreePage,
    /// A slice of the bystander's.
    VictimSlice,
    /// The only slice of its own.
    OwnSlice,
    /// The first page of a table of the kernel's.
    Table(u32),
    /// The name of a capability to read a page of its parent's.
    ReadName,
    /// The upper word of its proof.
    ReadHigh,
    /// The lower word.
    ReadLow,
    /// The physical address of the page that the first is the number of, and so many bytes, or bits of an entry.
    At(&'static Arg, u32),
    /// The first, with bits changed.
    Changed(&'static Arg, u32),
}

/// What it does.
#[derive(Clone, Copy)]
pub enum How {
    /// Executes a word.
    Word(u32),
    /// Loads a word.
    Load(Arg),
    /// Stores one.
    Store(Arg),
    /// Jumps.
    Jump(Arg),
    /// Makes a call and ends with its answer.
    Call(Syscall, &'static [Arg]),
    /// The same with a selector that is none of a call.
    Select(u32),
    /// Runs this code.
    Code(fn(&Scene, &mut Code)),
    /// Is a process of this program, and ends with 0 if everything went as it must, else with the step that
    /// did not.
    Program(fn(&Scene) -> u32),
}

/// How it must end.
#[derive(Clone, Copy, Debug)]
pub enum Ends {
    /// By itself, with this status.
    Status(u32),
    /// By itself, with the error that a call was refused with.
    Refused(Error),
    /// Destroyed for an exception.
    By(Cause),
    /// Destroyed for an exception, with this BadVAddr.
    At(Cause, Arg),
    /// Destroyed by the kernel for another reason.
    For(u32),
    /// Not at all: it takes what is its own until its parent ends it.
    Stays,
    /// However it likes; what it did to its own is not looked at.
    Any,
}

/// An attack.
#[derive(Clone, Copy)]
pub struct Attack {
    /// Its name, without a space.
    pub name: &'static str,
    /// What it does.
    pub how: How,
    /// How it ends.
    pub ends: Ends,
}

/// An attack, as a row of a table.
pub const fn attack(name: &'static str, how: How, ends: Ends) -> Attack {
    Attack { name, how, ends }
}

/// A system call that must be refused.
pub const fn call(
    name: &'static str,
    call: Syscall,
    arguments: &'static [Arg],
    error: Error,
) -> Attack {
    attack(name, How::Call(call, arguments), Ends::Refused(error))
}

/// The first that is not so, counted from 1, or 0.
pub fn first_wrong(steps: &[bool]) -> u32 {
    steps
        .iter()
        .position(|good| !good)
        .map_or(0, |at| at as u32 + 1)
}

/// Whether a call was refused for this reason.
pub fn refused<T>(answer: Result<T, Error>, reason: Error) -> bool {
    answer.err() == Some(reason)
}
