//! What the kernel promises, said again in plain data.
//!
//! There is no MAC here, no epoch, list, hint, STLB or ASID: who owns what is a field, a right is a pair of
//! truths that are made false when it ends, a binding is an entry of a map. For each call the model collects
//! every reason to refuse it; the kernel must refuse for one of them, or comply if there is none. Where
//! the kernel may choose (which page, which place) the model checks that the choice was allowed, and follows.

use crate::{
    Kernel,
    fake::{Fake, KERNEL_SAVE, USER_STATUS},
    fuzzing::Report,
    layout::EnvPage,
    machine::Machine as _,
    stlb,
};
use aegis_abi::{
    Error, PageNo,
    bookkeeping::{EnvPublic, NO_PAGE, NOBODY, NOT_DUE},
    layout::{
        ENTRIES, ENTRY_SLICE_START, GUARANTEED_END, MOST_ENVS, PAGE_BYTES, REVOKE_PAGES,
        REVOKE_SLICES, SLICES, USER_END,
    },
};
use std::{collections::BTreeMap, vec, vec::Vec};

/// Whose a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Kernel,
    Public,
    Free,
    Env(u8),
}

/// A capability that was made: its words, and which of its rights are still good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) words: [u32; 3],
    pub(super) good: bool,
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) keep: u32,
    pub(super) deadline: u32,
    pub(super) told: bool,
}

/// An environment.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    /// The page that the kernel keeps it in.
    pub(super) home: u32,
    pub(super) parent: Option<u8>,
    pub(super) excess: u32,
    pub(super) reserve: u32,
    pub(super) forgeries: u32,
    pub(super) console: bool,
    pub(super) fpu: bool,
    pub(super) context: u8,
    pub(super) entries: [u32; ENTRIES],
    pub(super) handlers: BTreeMap<u32, u32>,
    pub(super) saves: BTreeMap<u32, u32>,
    pub(super) guaranteed: BTreeMap<u32, u32>,
    /// Whether it may still read and write.
    pub(super) grants: BTreeMap<u32, [bool; 2]>,
    /// Whether a backing page holds contents.
    pub(super) backing: BTreeMap<u32, bool>,
    pub(super) repossession: u32,
    pub(super) asked: [Option<Asked>; 3],
}

/// Everything.
pub(super) struct Model {
    pub(super) pages: Vec<Owner>,
    pub(super) envs: BTreeMap<u8, Life>,
    pub(super) slices: [Option<(u8, u8)>; SLICES],
    pub(super) made: Vec<Made>,
    pub(super) bindings: BTreeMap<(u8, u8, u32), u32>,
    pub(super) current: u8,
    pub(super) position: usize,
    pub(super) ticks: u32,
    pub(super) ending: Option<u8>,
    /// Whose turn it is.
    pub(super) turn: Option<u8>,
    pub(super) early: bool,
    pub(super) pinned: Option<u8>,
    pub(super) exit: u32,
    pub(super) halted: Option<u32>,
    /// What `a0` to `a2` are for the environment that was entered last.
    pub(super) arguments: [u32; 3],
    pub(super) report: Report,
    /// Where it was entered.
    pub(super) entered: u32,
}

/// Reasons to refuse.
#[derive(Default)]
pub(super) struct Why(pub(super) Vec<Error>);

impl Why {
    pub(super) fn when(&mut self, condition: bool, error: Error) {
        if condition {
            self.0.push(error);
        }
    }

    pub(super) fn extend(&mut self, reasons: Vec<Error>) {
        self.0.extend(reasons);
    }
}

pub(super) type Reply = Result<(u32, u32), Error>;

/// The page that an EntryLo leads to.
pub(super) fn page_of(low: u32) -> u32 {
    low >> 12
}

impl Model {
    /// What a kernel is that has just booted.
    pub(super) fn new(fake: &mut Fake) -> Model {
        let mut model = Model {
            pages: Vec::new(),
            envs: BTreeMap::new(),
            slices: [None; SLICES],
            made: Vec::new(),
            bindings: BTreeMap::new(),
            current: 0,
            position: 0,
            ticks: 0,
            ending: None,
            turn: Some(0),
            early: false,
            pinned: None,
            exit: 0,
            halted: None,
            arguments: [0; 3],
            entered: 0,
            report: Report::NOTHING,
        };
        model.slices[0] = Some((0, 0));
        for state in fake.page_states() {
            model.pages.push(owner(state.owner));
        }
        let free = model.count(Owner::Free) as u32;
        let first = crate::fake::LOAD;
        let mut life = Life {
            reserve: free + crate::fake::MODULE_PAGES,
            console: true,
            home: crate::fake::KERNEL_PAGES.into(),
            ..Life::default()
        };
        life.entries[ENTRY_SLICE_START as usize] = first + 64;
        // The first environment's pages are the first free ones, behind its own.
        for (index, address) in (1..).zip([first, first + PAGE_BYTES]) {
            let page = u32::from(crate::fake::KERNEL_PAGES) + index;
            assert_eq!(model.pages[page as usize], Owner::Env(0));
            life.guaranteed.insert(address, page << 12 | 0x600);
        }
        model.envs.insert(0, life);
        model
    }

    pub(super) fn count(&self, owner: Owner) -> usize {
        self.pages.iter().filter(|&&page| page == owner).count()
    }

    /// Whether who runs was told that its slice is over.
    pub(super) fn is_late(&self) -> bool {
        self.ending == Some(self.current)
    }

    pub(super) fn me(&mut self) -> &mut Life {
        self.envs
            .get_mut(&self.current)
            .expect("the current one lives")
    }

    pub(super) fn life(&mut self, env: u32) -> &mut Life {
        self.envs.get_mut(&(env as u8)).expect("it was checked")
    }

    pub(super) fn lives(&self, env: u32) -> bool {
        env < MOST_ENVS as u32 && self.envs.contains_key(&(env as u8))
    }

    pub(super) fn owner(&self, page: u32) -> Option<Owner> {
        self.pages.get(page as usize).copied()
    }

    pub(super) fn owns(&self, env: u32, page: u32) -> bool {
        self.lives(env) && self.owner(page) == Some(Owner::Env(env as u8))
    }

    pub(super) fn held(&self, env: u8, kind: u32) -> u32 {
        match kind {
            REVOKE_PAGES => self.count(Owner::Env(env)) as u32,
            REVOKE_SLICES => self
                .slices
                .iter()
                .flatten()
                .filter(|slice| slice.0 == env)
                .count() as u32,
            _ => 1,
        }
    }

    /// What refers to a page of an environment.
    pub(super) fn pins(&self, env: u8, page: u32) -> usize {
        let life = &self.envs[&env];
        let in_page = |at: &&u32| **at != 0 && **at / PAGE_BYTES == page;
        life.saves.values().filter(in_page).count()
            + life
                .guaranteed
                .values()
                .filter(|low| page_of(**low) == page)
                .count()
            + [life.repossession].iter().filter(in_page).count()
            + usize::from(life.backing.contains_key(&page))
    }

    pub(super) fn over(&self, env: u8, kind: u32) -> bool {
        let asked = self.envs[&env].asked[kind as usize];
        asked.is_some_and(|asked| self.held(env, kind) + 1 > asked.keep)
    }

    /// Why the caller may not do something to an environment.
    pub(super) fn control(&self, env: u32) -> Vec<Error> {
        if !self.lives(env) {
            return vec![Error::BadName];
        }
        let parent = self.envs[&(env as u8)].parent;
        if env == u32::from(self.current) || parent == Some(self.current) {
            Vec::new()
        } else {
            vec![Error::NotOwner]
        }
    }

    /// Why a page is not one of an environment's.
    pub(super) fn possession(&self, env: u32, page: u32) -> Vec<Error> {
        match self.owner(page) {
            None => vec![Error::BadName],
            Some(owner) if owner == Owner::Env(env as u8) => Vec::new(),
            Some(_) => vec![Error::NotOwner],
        }
    }

    /// Why bytes are not in one of an environment's pages.
    pub(super) fn buffer(&self, env: u32, at: u32, bytes: u32, alignment: u32) -> Vec<Error> {
        let mut why = Vec::new();
        if !at.is_multiple_of(alignment) || at >> 28 != 0 || bytes > PAGE_BYTES - at % PAGE_BYTES {
            why.push(Error::BadAddress);
        }
        why.extend(self.possession(env, at / PAGE_BYTES));
        why
    }

    /// Why one of the caller's pages may not leave it.
    pub(super) fn release(&self, page: u32) -> Vec<Error> {
        let why = self.possession(self.current.into(), page);
        if !why.is_empty() {
            return why;
        }
        let pins = self.pins(self.current, page);
        let backing = self.envs[&self.current].backing.contains_key(&page);
        if pins == 0 || pins == 1 && backing {
            Vec::new()
        } else {
            vec![Error::Pinned]
        }
    }

    /// Why a capability of a kind is none.
    pub(super) fn presented(&self, words: &[u32], kind: u32) -> Vec<Error> {
        let made = self
            .made
            .iter()
            .any(|made| made.good && made.words == words[..3]);
        if !made {
            vec![Error::Forged]
        } else if words[0] >> 28 != kind {
            vec![Error::BadName]
        } else {
            Vec::new()
        }
    }

    pub(super) fn entered_at(&self, env: u32, address: u32) -> Vec<Error> {
        let guaranteed = self.lives(env)
            && self.envs[&(env as u8)]
                .guaranteed
                .contains_key(&(address & !(PAGE_BYTES - 1)));
        if guaranteed && address.is_multiple_of(4) && address < GUARANTEED_END {
            Vec::new()
        } else {
            vec![Error::BadAddress]
        }
    }

    /// Why the caller may not bind an address to an entry.
    pub(super) fn binding(&self, address: u32, entry: u32) -> Vec<Error> {
        let mut why = Vec::new();
        if address >= USER_END {
            why.push(Error::BadAddress);
        }
        if entry & 0x200 == 0 || entry & 0x1ff != 0 {
            why.push(Error::BadValue);
        }
        let write = entry & 0x400 != 0;
        match self.owner(page_of(entry)) {
            None => why.push(Error::BadName),
            Some(Owner::Env(env)) if env == self.current => {}
            Some(Owner::Public) if !write => {}
            Some(Owner::Public) => why.push(Error::Rights),
            Some(Owner::Kernel | Owner::Free) => why.push(Error::NotOwner),
            Some(Owner::Env(_)) => match self.envs[&self.current].grants.get(&page_of(entry)) {
                None => why.push(Error::NotOwner),
                Some([true, true]) => {}
                Some([true, false]) if !write => {}
                Some(_) => why.push(Error::Rights),
            },
        }
        why
    }

    /// Ends every right to a page and every binding.
    pub(super) fn hand(&mut self, page: u32, to: Owner) {
        self.pages[page as usize] = to;
        self.outdate(page, [true, true]);
        self.bindings.retain(|_, low| page_of(*low) != page);
        for life in self.envs.values_mut() {
            life.backing.remove(&page);
        }
    }

    /// Ends the capabilities and grants of a page that give one of the rights.
    pub(super) fn outdate(&mut self, page: u32, ends: [bool; 2]) {
        for made in &mut self.made {
            let [name, ..] = made.words;
            if name >> 28 == 0 && name & 0xffff == page {
                made.good &= !(ends[0] && name >> 24 & 1 != 0 || ends[1] && name >> 24 & 2 != 0);
            }
        }
        for life in self.envs.values_mut() {
            if let Some(rights) = life.grants.get_mut(&page) {
                *rights = [rights[0] && !ends[0], rights[1] && !ends[1]];
            }
            life.grants.retain(|_, rights| *rights != [false; 2]);
        }
    }

    pub(super) fn make(&mut self, name: u32, (high, low): (u32, u32)) {
        assert!((high as i32) >= 0, "the upper word of a proof is negative");
        let words = [name, high, low];
        self.made.retain(|made| made.words != words);
        self.made.push(Made { words, good: true });
    }
}

pub(super) fn owner(number: u8) -> Owner {
    match number {
        aegis_abi::bookkeeping::NOBODY => Owner::Free,
        aegis_abi::bookkeeping::KERNEL => Owner::Kernel,
        aegis_abi::bookkeeping::PUBLIC => Owner::Public,
        env => Owner::Env(env),
    }
}

/// The kernel's state against the model's.
impl Model {
    /// What can be looked at after every step.
    pub(super) fn compare(&self, fake: &mut Fake) {
        for (page, owner_here) in self.pages.iter().enumerate() {
            let there = owner(fake.page_states()[page].owner);
            assert_eq!(there, *owner_here, "page {page} is another's");
        }
        let public = fake.public().clone();
        assert_eq!(public.ticks, self.ticks);
        assert_eq!(usize::from(public.position), self.position);
        assert_eq!(public.early != 0, self.early);
        let ending = (public.ending != NOBODY).then_some(public.ending);
        assert_eq!(ending, self.ending, "another's slice is ending");
        let turn = (public.turn != NOBODY).then_some(public.turn);
        assert_eq!(turn, self.turn, "it is another's turn");
        for (position, slice) in self.slices.iter().enumerate() {
            let there = public.slices[position];
            let (owner, holder) = slice.unwrap_or((NOBODY, NOBODY));
            assert_eq!(
                (there.owner, there.holder),
                (owner, holder),
                "slice {position}"
            );
        }
        let scratch = fake.scratch();
        let pinned = scratch.pinned.checked_sub(1).map(|env| env as u8);
        assert_eq!(pinned, self.pinned, "another is pinned");
        let (low, status) = (scratch.current_low, scratch.status);
        let life = &self.envs[&self.current];
        assert_eq!(low >> 12, life.home, "another runs");
        assert_eq!(status, USER_STATUS | if life.fpu { 0x2000_0000 } else { 0 });
        for number in 0..MOST_ENVS as u8 {
            let there = &public.envs[usize::from(number)];
            match self.envs.get(&number) {
                None => assert_eq!(there.page, NO_PAGE, "the dead live"),
                Some(life) => life.compare(there, fake.env(PageNo(there.page))),
            }
        }
    }

    /// Where the environment that was entered last begins, and with what.
    pub(super) fn compare_beginning(&self, fake: &mut Fake) {
        let scratch = fake.scratch();
        assert_eq!(scratch.epc, self.entered, "entered elsewhere");
        assert_eq!(scratch.arguments, self.arguments);
    }

    /// No binding is in the STLB, or the TLB, that the model does not have.
    pub(super) fn compare_bindings(&self, kernel: &mut Kernel<Fake>) {
        kernel.machine.check_inclusion();
        for (tag, low) in kernel.machine.bindings() {
            let holder = kernel.asids.holder(stlb::asid(tag));
            let (env, context) = holder.expect("a binding has an ASID that is somebody's");
            let key = (env.id().0, context, tag & !(PAGE_BYTES - 1));
            assert_eq!(
                self.bindings.get(&key),
                Some(&low),
                "a binding that should be broken"
            );
        }
    }
}

impl Life {
    fn compare(&self, public: &EnvPublic, page: &EnvPage) {
        assert_eq!(u32::from(public.page), self.home);
        assert_eq!(public.parent, self.parent.unwrap_or(NOBODY));
        assert_eq!(u32::from(public.excess), self.excess);
        assert_eq!(u32::from(public.reserve), self.reserve);
        assert_eq!(u32::from(public.forgeries), self.forgeries.min(0xffff));
        for (asked, due) in self.asked.iter().zip(public.due) {
            match asked {
                None => assert_eq!(due.target, NOT_DUE, "asked for what was not"),
                Some(asked) => {
                    assert_eq!(u32::from(due.target), asked.keep);
                    assert_eq!(due.deadline, asked.deadline);
                    assert_eq!(due.told != 0, asked.told);
                }
            }
        }
        let state = &page.state;
        assert_eq!(state.context, self.context.into());
        assert_eq!(state.console != 0, self.console);
        assert_eq!(state.entries, self.entries);
        assert_eq!(state.repossession, self.repossession);
        for (cause, handler) in (0..).zip(page.handler) {
            let here = self.handlers.get(&cause).copied();
            assert_eq!((handler >> 31 == 0).then_some(handler), here);
        }
        for (cause, save) in (0..).zip(page.save) {
            let there = match cause {
                0 => (state.slice_save != 0).then_some(state.slice_save),
                _ => (save != KERNEL_SAVE).then_some(save),
            };
            let here = self.saves.get(&cause).map(|at| at | 0x8000_0000);
            assert_eq!(there, here);
        }
        let guaranteed = state.guaranteed.iter().filter(|(_, low)| low & 0x200 != 0);
        assert_eq!(
            guaranteed.copied().collect::<BTreeMap<u32, u32>>(),
            self.guaranteed
        );
        let backing = state.backing.iter().filter(|place| place.page != NO_PAGE);
        let backing: BTreeMap<u32, bool> = backing
            .map(|place| (place.page.into(), place.saved != 0))
            .collect();
        assert_eq!(backing, self.backing);
    }
}
