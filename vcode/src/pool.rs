//! The free registers of a function: `getreg` and `putreg`.
//!
//! Problem: hand out registers in constant time and remember which persistent ones were ever used,
//! since those are what the prologue must save. Method: one bit per register, by its place in the
//! target's list. Left out: spilling, and choosing for the client.

use core::marker::PhantomData;

use crate::{Class, Error, ErrorKind, Reg, Target};

/// Registers free and used, as positions in the target's two lists.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RegPool {
    free: [u32; 2],
    used_persistent: u32,
}

impl RegPool {
    /// Every register of `T` free.
    pub(crate) fn full<T: Target>() -> Self {
        Self {
            free: [mask(T::TEMPORARIES.len()), mask(T::PERSISTENTS.len())],
            used_persistent: 0,
        }
    }

    /// The first free register of the class, now taken.
    #[inline]
    pub(crate) fn take<T: Target>(&mut self, class: Class) -> Result<Reg, Error> {
        let list = list::<T>(class);
        let at = self.free[class as usize].trailing_zeros();
        let Some(&reg) = list.get(at as usize) else {
            return Err(out_of_registers(list.len()));
        };
        self.mark(class, at);
        Ok(reg)
    }

    /// This very register, now taken, if it is free.
    pub(crate) fn take_exact<T: Target>(&mut self, reg: Reg) -> bool {
        let Some((class, at)) = place::<T>(reg) else {
            return false;
        };
        let free = self.free[class as usize] >> at & 1 == 1;
        if free {
            self.mark(class, at);
        }
        free
    }

    /// Frees the register.
    #[inline]
    pub(crate) fn put<T: Target>(&mut self, reg: Reg) -> Result<(), Error> {
        let not_in_use = Error::new(ErrorKind::RegisterNotInUse, u64::from(reg.number()), 0);
        let (class, at) = place::<T>(reg).ok_or(not_in_use)?;
        if self.free[class as usize] >> at & 1 == 1 {
            return Err(not_in_use);
        }
        self.free[class as usize] |= 1 << at;
        Ok(())
    }

    /// The persistent registers ever taken, bit `i` for `T::PERSISTENTS[i]`.
    pub(crate) const fn used_persistent(&self) -> u32 {
        self.used_persistent
    }

    #[inline]
    fn mark(&mut self, class: Class, at: u32) {
        self.free[class as usize] &= !(1 << at);
        if class == Class::Persistent {
            self.used_persistent |= 1 << at;
        }
    }
}

fn list<T: Target>(class: Class) -> &'static [Reg] {
    match class {
        Class::Temporary => T::TEMPORARIES,
        Class::Persistent => T::PERSISTENTS,
    }
}

#[inline]
fn place<T: Target>(reg: Reg) -> Option<(Class, u32)> {
    match Places::<T>::TABLE[reg.number() as usize] {
        NOWHERE => None,
        at if at & PERSISTENT == 0 => Some((Class::Temporary, u32::from(at))),
        at => Some((Class::Persistent, u32::from(at & !PERSISTENT))),
    }
}

/// Where each register of a target stands in its lists.
struct Places<T>(PhantomData<T>);

/// Marks a place in the list of persistent registers.
const PERSISTENT: u8 = 0x80;
/// A register that is never handed out.
const NOWHERE: u8 = 0xff;

impl<T: Target> Places<T> {
    const TABLE: [u8; 256] = {
        assert!(
            T::TEMPORARIES.len() <= 32 && T::PERSISTENTS.len() <= 32,
            "a word of bits per class"
        );
        let mut table = [NOWHERE; 256];
        let mut at = 0;
        while at < T::TEMPORARIES.len() {
            table[T::TEMPORARIES[at].number() as usize] = at as u8;
            at += 1;
        }
        at = 0;
        while at < T::PERSISTENTS.len() {
            table[T::PERSISTENTS[at].number() as usize] = at as u8 | PERSISTENT;
            at += 1;
        }
        table
    };
}

#[cold]
fn out_of_registers(available: usize) -> Error {
    Error::new(
        ErrorKind::OutOfRegisters,
        available as u64 + 1,
        available as u64,
    )
}

const fn mask(count: usize) -> u32 {
    if count >= 32 {
        u32::MAX
    } else {
        (1 << count) - 1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::interp::Interp;

    type Machine = Interp<64>;

    proptest! {
        #[test]
        fn a_register_is_handed_out_once_and_persistent_use_is_remembered(script in any::<[u8; 100]>()) {
            let mut pool = RegPool::full::<Machine>();
            let (mut taken, mut ever) = (BTreeSet::new(), 0_u32);
            for step in script {
                let class = if step & 1 == 0 { Class::Temporary } else { Class::Persistent };
                if step & 6 == 0 {
                    let reg = Reg::new(step >> 3);
                    prop_assert_eq!(pool.put::<Machine>(reg).is_ok(), taken.remove(&reg));
                } else if let Ok(reg) = pool.take::<Machine>(class) {
                    prop_assert!(list::<Machine>(class).contains(&reg));
                    prop_assert!(taken.insert(reg));
                    if class == Class::Persistent {
                        ever |= 1 << (reg.number() - 16);
                    }
                } else {
                    prop_assert!(list::<Machine>(class).iter().all(|reg| taken.contains(reg)));
                }
                prop_assert_eq!(pool.used_persistent(), ever);
            }
        }
    }
}
