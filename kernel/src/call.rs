//! The way in: a call's number and registers become a method with typed arguments.
//!
//! Everything here expands from [`aegis_abi::for_each_syscall!`]. A word that does not fit its argument's
//! type is [`Error::BadName`], whatever the call; what a name means is the methods' to check.

use crate::{Answer, Kernel, machine::Machine};
use aegis_abi::{
    Cause, ContextNo, EnvId, Error, PageNo, Position, Rights, Syscall, for_each_syscall,
};

/// What a register can hold for an argument.
trait Argument: Sized {
    fn of(word: u32) -> Result<Self, Error>;
}

impl Argument for u32 {
    fn of(word: u32) -> Result<u32, Error> {
        Ok(word)
    }
}

macro_rules! arguments {
    ($($name:ident($type:ty);)*) => {$(
        impl Argument for $name {
            fn of(word: u32) -> Result<$name, Error> {
                <$type>::try_from(word).map($name).map_err(|_| Error::BadName)
            }
        }
    )*};
}

arguments! {
    EnvId(u8);
    PageNo(u16);
    Position(u8);
    ContextNo(u8);
    Cause(u8);
    Rights(u8);
}

/// The first word as an argument, and the words behind it.
fn first<T: Argument>([first, second, third, fourth]: [u32; 4]) -> Result<(T, [u32; 4]), Error> {
    Ok((T::of(first)?, [second, third, fourth, 0]))
}

macro_rules! dispatch {
    ($($kind:ident $name:ident($($argument:ident: $type:ty),*) $(-> $result:literal)? $about:literal;)*) => {
        impl<M: Machine> Kernel<M> {
            /// Carries a call out: the method of its name, with what is in the registers of its arguments.
            #[inline]
            fn call(&mut self, call: Syscall, words: [u32; 4]) -> Answer {
                match call {$(
                    Syscall::$name => {
                        $(let ($argument, words) = first::<$type>(words)?;)*
                        let _ = words;
                        self.$name($($argument),*)
                    }
                )*}
            }
        }

        /// Whether a call is a primitive.
        const fn is_primitive(call: Syscall) -> bool {
            match call { $(Syscall::$name => is!($kind)),* }
        }
    };
}

macro_rules! is {
    (primitive) => {
        true
    };
    ($other:ident) => {
        false
    };
}

for_each_syscall!(dispatch);

impl<M: Machine> Kernel<M> {
    /// A call on the stack, with `a0` to `a3`: what `v0` and `v1` shall be. If `scratch.fresh` is set then,
    /// the caller does not go on and another environment begins.
    #[inline]
    pub fn stack_call(&mut self, call: Syscall, words: [u32; 4]) -> (u32, u32) {
        let answer = if is_primitive(call) {
            Err(Error::NoSuchCall)
        } else {
            self.call(call, words)
        };
        answer.unwrap_or_else(|error| (error.word(), 0))
    }

    /// A primitive, with `t1` and `t2`.
    ///
    /// # Errors
    ///
    /// What `v0` shall say; it is left alone otherwise.
    #[inline]
    pub fn primitive(&mut self, call: Syscall, t1: u32, t2: u32) -> Result<(), Error> {
        if !is_primitive(call) {
            return Err(Error::NoSuchCall);
        }
        self.call(call, [t1, t2, 0, 0]).map(drop)
    }
}
