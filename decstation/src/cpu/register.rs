//! The general registers by name, and how their numbers print.

use core::fmt;

/// A general register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Register(u8);

const NAMES: [&str; 32] = [
    "zero", "at", "v0", "v1", "a0", "a1", "a2", "a3", "t0", "t1", "t2", "t3", "t4", "t5", "t6",
    "t7", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "t8", "t9", "k0", "k1", "gp", "sp", "s8",
    "ra",
];

macro_rules! names {
    ($($name:ident $number:literal)*) => {
        #[expect(missing_docs, reason = "the name says it all")]
        impl Register {
            $(pub const $name: Register = Register($number);)*
        }
    };
}
names! {
    ZERO 0 AT 1 V0 2 V1 3 A0 4 A1 5 A2 6 A3 7 T0 8 T1 9 T2 10 T3 11 T4 12 T5 13 T6 14 T7 15
    S0 16 S1 17 S2 18 S3 19 S4 20 S5 21 S6 22 S7 23 T8 24 T9 25 K0 26 K1 27 GP 28 SP 29 S8 30 RA 31
}

impl Register {
    /// Register `number`, or `None` past 31.
    pub const fn new(number: u8) -> Option<Register> {
        if number < 32 {
            Some(Register(number))
        } else {
            None
        }
    }

    /// Every register, in order.
    pub fn all() -> impl Iterator<Item = Register> {
        (0..32).map(Register)
    }

    /// Its number, 0 to 31.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its name in the o32 convention.
    pub const fn name(self) -> &'static str {
        NAMES[self.0 as usize]
    }

    /// The register of the low five bits of `field`.
    pub(crate) const fn of_field(field: u32) -> Register {
        Register((field & 31) as u8)
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
