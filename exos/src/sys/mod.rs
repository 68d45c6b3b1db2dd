//! System calls: a stub for every row of [`for_each_syscall!`], and memory that only this program has.
//!
//! Problem: calls are instructions with arguments in certain registers, and what a library operating
//! system is made of (page tables, save areas, windows) lies at fixed addresses. Both are beyond what
//! Rust can check. Method: one island of unsafe code with a safe face. `machine` is the real one, a
//! few procedures of assembly and accessors of fixed addresses; on any other target `host` takes its
//! place, where every call is refused, so that what needs no machine runs under `cargo test`.
//!
//! Left out: which pages and mappings to ask for; that is policy, and everybody else's here.

#[cfg(target_arch = "mips")]
mod begin;
#[cfg(not(target_arch = "mips"))]
mod host;
#[cfg(target_arch = "mips")]
mod machine;
pub(crate) mod memory;

#[cfg(not(target_arch = "mips"))]
use host as raw;
#[cfg(target_arch = "mips")]
use machine as raw;

use aegis_abi::{
    Cause, ContextNo, EnvId, Error, PageNo, Position, Rights, Syscall, for_each_syscall,
};

pub use raw::Global;
pub(crate) use raw::{call_message, park, save_page, send_message};

/// What a call left in `v0` and `v1`. What they mean says the call's row in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words(pub u32, pub u32);

/// What can be an argument of a call.
pub trait Argument {
    /// As it is in a register.
    fn word(self) -> u32;
}

impl Argument for u32 {
    fn word(self) -> u32 {
        self
    }
}

macro_rules! arguments {
    ($($name:ident),*) => {$(
        impl Argument for $name {
            fn word(self) -> u32 {
                u32::from(self.0)
            }
        }
    )*};
}
arguments!(PageNo, EnvId, Position, ContextNo, Cause, Rights);

macro_rules! stub {
    (primitive $name:ident() $about:literal) => {
        compile_error!("a primitive has arguments");
    };
    (primitive $name:ident($($argument:ident: $type:ty),+) $about:literal) => {
        #[doc = $about]
        ///
        /// # Errors
        ///
        /// Those of the kernel.
        pub fn $name($($argument: $type),+) -> Result<(), Error> {
            let words = fill([$($argument.word()),+]);
            answer(raw::primitive(Syscall::$name.selector(), words[0], words[1])).map(|_| ())
        }
    };
    ($kind:ident $name:ident($($argument:ident: $type:ty),*) $about:literal) => {
        #[doc = $about]
        ///
        /// # Errors
        ///
        /// Those of the kernel.
        pub fn $name($($argument: $type),*) -> Result<Words, Error> {
            let words: [u32; 4] = fill([$($argument.word()),*]);
            let both = raw::stack_call(words, Syscall::$name.selector());
            answer(both as u32).map(|word| Words(word, (both >> 32) as u32))
        }
    };
}

macro_rules! stubs {
    ($($kind:ident $name:ident($($argument:ident: $type:ty),*) $(-> $result:literal)? $about:literal;)*) => {
        $(stub!($kind $name($($argument: $type),*) $about);)*
    };
}
for_each_syscall!(stubs);

/// Ends the program with a status; what it held is free again.
pub fn exit(status: u32) -> ! {
    // Nothing can be done about a refusal but to wait for the end of the slice.
    let _ = env_destroy(EnvId(save_page().own.get() as u8), status);
    raw::hang()
}

/// The arguments of a call, and zeros.
fn fill<const GIVEN: usize>(given: [u32; GIVEN]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, given) in words.iter_mut().zip(given) {
        *word = given;
    }
    words
}

/// `v0` as a result.
pub(crate) fn answer(word: u32) -> Result<u32, Error> {
    if (word as i32) < 0 {
        return Err(Error::from_word(word).unwrap_or(Error::NoSuchCall));
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_told_from_errors() {
        assert_eq!(answer(7), Ok(7));
        assert_eq!(answer(Error::Taken.word()), Err(Error::Taken));
        // No error has this word; it is one all the same.
        assert_eq!(answer(0x8000_0000), Err(Error::NoSuchCall));
    }

    #[test]
    fn without_a_kernel_every_call_is_refused() {
        assert_eq!(page_alloc(5), Err(Error::NoSuchCall));
        assert_eq!(tlb_write(0x1000, 2), Err(Error::NoSuchCall));
        assert_eq!(env_self(), Err(Error::NoSuchCall));
    }
}
