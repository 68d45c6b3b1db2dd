//! Self-authenticating capabilities (§3.2): made, checked, outdated; forgeries counted.
//!
//! Problem: rights travel between applications as plain words, through memory or registers that the
//! kernel never sees. Method: a capability is a name and a keyed code (SipHash-2-4)
//! over the name and the epochs of the resource. A right ends when its epoch does; an epoch that has
//! reached the last number makes no more capabilities, so none ever comes back.
//! Left out: the rights' use, which is checked where a binding is made (`grant`, `env`, `console`).

use crate::{Answer, Kernel, env::Env, machine::Machine};
use aegis_abi::{Capability, EnvId, Error, Kind, PageNo, Rights, bookkeeping::NO_PAGE};
use siphasher::sip::SipHasher24;

/// The key that every proof is made with.
pub(crate) struct Mac(SipHasher24);

impl Mac {
    pub(crate) fn new(key: [u32; 4]) -> Mac {
        let half = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        Mac(SipHasher24::new_with_keys(
            half(key[1], key[0]),
            half(key[3], key[2]),
        ))
    }

    /// The proof of a name: 63 bits, in two words.
    fn proof(&self, name: u32, epochs: [u32; 2]) -> (u32, u32) {
        let mut bytes = [0; 12];
        for (place, word) in bytes.chunks_exact_mut(4).zip([name, epochs[0], epochs[1]]) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let proof = self.0.hash(&bytes);
        ((proof >> 32) as u32 & 0x7fff_ffff, proof as u32)
    }
}

/// System calls.
impl<M: Machine> Kernel<M> {
    pub(crate) fn page_capability(&mut self, page: PageNo, rights: Rights) -> Answer {
        let caller = self.current();
        let page = self.owned(caller, page)?;
        if !some_of_a_page(rights) {
            return Err(Error::BadValue);
        }
        self.mint(Capability::page_name(page.number(), rights))
    }

    pub(crate) fn page_revoke(&mut self, page: PageNo, rights: Rights) -> Answer {
        let caller = self.current();
        let page = self.owned(caller, page)?;
        if !some_of_a_page(rights) {
            return Err(Error::BadValue);
        }
        let state = self.state(page);
        if rights.contains(Rights::READ) {
            state.read_epoch = state.read_epoch.saturating_add(1);
        }
        if rights.contains(Rights::WRITE) {
            state.write_epoch = state.write_epoch.saturating_add(1);
        }
        self.purge_page(page, Some(caller));
        Ok((0, 0))
    }

    pub(crate) fn env_capability(&mut self, env: EnvId) -> Answer {
        let env = self.controlled(env)?;
        self.mint(Capability::env_name(env.id()))
    }

    pub(crate) fn env_adopt(&mut self, name: u32, high: u32, low: u32) -> Answer {
        let caller = self.current();
        let number = self.present(Kind::Env, name, high, low)?.1;
        let env = self.living(EnvId(number as u8))?;
        if env == caller {
            return Err(Error::BadName);
        }
        self.public(env).parent = caller.owner();
        Ok((0, 0))
    }

    pub(crate) fn console_capability(&mut self) -> Answer {
        self.console_held()?;
        self.mint(Capability::console_name())
    }

    pub(crate) fn console_bind(&mut self, name: u32, high: u32, low: u32) -> Answer {
        self.present(Kind::Console, name, high, low)?;
        let caller = self.current();
        self.env(caller).state.console = 1;
        Ok((0, 0))
    }
}

impl<M: Machine> Kernel<M> {
    fn mint(&mut self, name: u32) -> Answer {
        let epochs = self.epochs(name).ok_or(Error::Exhausted)?;
        Ok(self.mac.proof(name, epochs))
    }

    /// The rights and the number of what a capability of a kind names, if it is one.
    pub(crate) fn present(
        &mut self,
        kind: Kind,
        name: u32,
        high: u32,
        low: u32,
    ) -> Result<(Rights, u16), Error> {
        let proof = self.epochs(name).map(|epochs| self.mac.proof(name, epochs));
        if proof != Some((high, low)) {
            let caller = self.current();
            let forgeries = &mut self.public(caller).forgeries;
            *forgeries = forgeries.saturating_add(1);
            return Err(Error::Forged);
        }
        match Capability::parts(name) {
            Some((named, rights, number)) if named == kind => Ok((rights, number)),
            _ => Err(Error::BadName),
        }
    }

    /// The epochs that a capability of this name is good in, unless there is no such resource or they
    /// are at an end.
    fn epochs(&mut self, name: u32) -> Option<[u32; 2]> {
        let (kind, rights, number) = Capability::parts(name)?;
        let epochs = match kind {
            Kind::Page => {
                let page = self.page(PageNo(number)).ok()?;
                let state = self.state(page);
                let of = |right, epoch| if rights.contains(right) { epoch } else { 0 };
                [
                    of(Rights::READ, state.read_epoch),
                    of(Rights::WRITE, state.write_epoch),
                ]
            }
            Kind::Env => {
                let env = self.public(Env::new(u32::from(number))?);
                if env.page == NO_PAGE {
                    return None;
                }
                [env.epoch, 0]
            }
            Kind::Console => [0, 0],
        };
        (!epochs.contains(&u32::MAX)).then_some(epochs)
    }
}

/// Whether these are rights that a page has, and any.
fn some_of_a_page(rights: Rights) -> bool {
    rights != Rights(0) && Rights::ALL.contains(rights)
}
