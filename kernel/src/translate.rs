//! Bindings of virtual to physical pages that applications ask for: table 3 of the paper, and the
//! guaranteed mappings that they start from (§5.4).
//!
//! Problem: the application knows what shall be mapped, the kernel only what may be; and a miss in the
//! application's own miss handler must end somewhere. Method: each primitive checks the address, the
//! entry and the right to the page, then writes STLB and TLB together. A miss below the end of the
//! guaranteed segment is looked up here before the application hears of it. Left out: how the two TLBs are
//! kept (`stlb`).

use crate::{Answer, Kernel, env::Env, machine::Machine, stlb::tag};
use aegis_abi::{
    ContextNo, Error, PageNo,
    layout::{
        CONTEXTS, ENTRY_DIRTY, ENTRY_UNCACHED, ENTRY_VALID, MOST_BATCH, PAGE_BYTES, USER_END,
    },
};

/// Coprocessor 1 in Status.
const STATUS_COPROCESSOR_1: u32 = 0x2000_0000;

/// Primitives.
impl<M: Machine> Kernel<M> {
    pub(crate) fn tlb_write(&mut self, address: u32, entry: u32) -> Answer {
        let caller = self.current();
        self.bind(caller, address, entry)?;
        Ok((0, 0))
    }

    pub(crate) fn tlb_delete(&mut self, address: u32) -> Answer {
        self.unbind(address)?;
        Ok((0, 0))
    }

    pub(crate) fn tlb_write_many(&mut self, buffer: u32, count: u32) -> Answer {
        let caller = self.current();
        if count > MOST_BATCH {
            return Err(Error::BadValue);
        }
        self.buffer(caller, buffer, count * 8, 4)?;
        for pair in 0..count {
            let address = self.machine.load(buffer + pair * 8);
            let entry = self.machine.load(buffer + pair * 8 + 4);
            self.bind(caller, address, entry)?;
        }
        Ok((0, 0))
    }

    pub(crate) fn tlb_delete_many(&mut self, address: u32, count: u32) -> Answer {
        for at in several(address, count)? {
            self.unbind(at)?;
        }
        Ok((0, 0))
    }

    pub(crate) fn tlb_protect(&mut self, address: u32, count: u32) -> Answer {
        let asid = self.running_asid();
        for at in several(address, count)? {
            let tag = tag(at, asid);
            if let Some(low) = self.bound(tag) {
                self.insert(tag, low & !ENTRY_DIRTY);
            }
        }
        Ok((0, 0))
    }

    pub(crate) fn tlb_unprotect(&mut self, address: u32, count: u32) -> Answer {
        let caller = self.current();
        let asid = self.running_asid();
        for at in several(address, count)? {
            let tag = tag(at, asid);
            let Some(low) = self.bound(tag) else { continue };
            let page = self.page(PageNo::of(low).ok_or(Error::BadName)?)?;
            if self.may_map(caller, page, true).is_ok() {
                self.insert(tag, low | ENTRY_DIRTY);
            }
        }
        Ok((0, 0))
    }

    pub(crate) fn fpu_modify(&mut self, enable: u32) -> Answer {
        let caller = self.current();
        self.env(caller).state.status = match enable {
            0 => 0,
            1 => STATUS_COPROCESSOR_1,
            _ => return Err(Error::BadValue),
        };
        self.refresh(caller);
        Ok((0, 0))
    }

    pub(crate) fn context_switch(&mut self, context: ContextNo) -> Answer {
        if usize::from(context.0) >= CONTEXTS {
            return Err(Error::BadName);
        }
        let caller = self.current();
        self.env(caller).state.context = u32::from(context.0);
        self.refresh(caller);
        Ok((0, 0))
    }
}

impl<M: Machine> Kernel<M> {
    /// A miss in the guaranteed segment: binds the guaranteed mapping of the address in the current
    /// context, if the environment that runs has one.
    pub fn guaranteed_miss(&mut self, address: u32) -> bool {
        let caller = self.current();
        match self.guaranteed(caller, address) {
            Some(low) if address < USER_END => {
                let tag = tag(address, self.running_asid());
                self.insert(tag, low);
                true
            }
            _ => false,
        }
    }

    /// EntryLo of the guaranteed mapping that an address is in.
    pub(crate) fn guaranteed(&mut self, env: Env, address: u32) -> Option<u32> {
        let page = address & !(PAGE_BYTES - 1);
        let found = self
            .env(env)
            .state
            .guaranteed
            .iter()
            .find(|(at, low)| *at == page && low & ENTRY_VALID != 0);
        found.map(|&(_, low)| low)
    }

    /// Whether an entry has the form of EntryLo that an application may choose.
    pub(crate) fn well_formed(entry: u32) -> bool {
        const FREE: u32 = !(PAGE_BYTES - 1) | ENTRY_UNCACHED | ENTRY_DIRTY;
        entry & !FREE == ENTRY_VALID
    }

    fn bind(&mut self, env: Env, address: u32, entry: u32) -> Result<(), Error> {
        if address >= USER_END {
            return Err(Error::BadAddress);
        }
        if !Self::well_formed(entry) {
            return Err(Error::BadValue);
        }
        let page = self.page(PageNo::of(entry).ok_or(Error::BadName)?)?;
        // Its own, mostly.
        if self.state(page).owner != env.owner() {
            self.may_map(env, page, entry & ENTRY_DIRTY != 0)?;
        }
        let tag = tag(address, self.running_asid());
        self.insert(tag, entry);
        Ok(())
    }

    fn unbind(&mut self, address: u32) -> Result<(), Error> {
        if address >= USER_END {
            return Err(Error::BadAddress);
        }
        let tag = tag(address, self.running_asid());
        self.remove(tag);
        Ok(())
    }

    /// The ASID of the context that is installed.
    fn running_asid(&mut self) -> u8 {
        crate::stlb::asid(self.machine.scratch().current_high)
    }
}

/// The addresses of pages that follow each other.
fn several(address: u32, count: u32) -> Result<impl Iterator<Item = u32>, Error> {
    if count > MOST_BATCH {
        return Err(Error::BadValue);
    }
    if address >= USER_END || count > (USER_END - address).div_ceil(PAGE_BYTES) {
        return Err(Error::BadAddress);
    }
    let first = address & !(PAGE_BYTES - 1);
    Ok((0..count).map(move |page| first + page * PAGE_BYTES))
}
