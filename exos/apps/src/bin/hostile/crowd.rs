//! Environments that take every number but one, so that who comes next gets that.
//!
//! The kernel gives a new environment the number that was used least; an attack on a number's next holder
//! would otherwise wait long for it.

use exos::abi::layout::MOST_ENVS;
use exos::abi::{EnvId, Error};
use exos::{sys, vm};

/// Environments that do nothing.
pub struct Crowd([Option<EnvId>; MOST_ENVS]);

impl Crowd {
    /// Takes every number that is free, but leaves this one, which is.
    pub fn but(free: EnvId) -> Result<Crowd, Error> {
        let mut crowd = [None; MOST_ENVS];
        for place in &mut crowd {
            let page = vm::allocate()?;
            match sys::env_create(page) {
                Ok(words) => *place = Some(EnvId(words.0 as u8)),
                Err(Error::Exhausted) => {
                    sys::page_free(page)?;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        for place in &mut crowd {
            if *place == Some(free) {
                sys::env_destroy(free, 0)?;
                *place = None;
            }
        }
        Ok(Crowd(crowd))
    }

    /// Ends them all.
    pub fn disperse(self) -> Result<(), Error> {
        for env in self.0.into_iter().flatten() {
            sys::env_destroy(env, 0)?;
        }
        Ok(())
    }
}
