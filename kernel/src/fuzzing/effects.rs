//! What a call, a tick or a transfer changes.

use super::model::{Asked, Life, Model, Owner, Reply, page_of};
use crate::{fake::Fake, layout::Frame, machine::Machine as _, revoke::MOST_TAKEN_AT_ONCE, stlb};
use aegis_abi::{
    Capability, EnvId, Error, PageNo, Rights, Syscall,
    bookkeeping::{NO_PAGE, NOT_DUE},
    layout::{
        ANY, ENTRY_DIRTY, ENTRY_REVOKE, ENTRY_SLICE_END, ENTRY_SLICE_START, MOST_BATCH,
        MOST_EXCESS, MOST_PRINTED, MOST_REPOSSESSED, PAGE_BYTES, REVOKE_ALL, REVOKE_PAGES,
        REVOKE_PAGES_AT_ONCE, REVOKE_SLICES, REVOKE_TICKS, SLICES, USER_END,
    },
};
use std::vec::Vec;

impl Model {
    /// What became of a call, as the kernel answers it.
    pub(super) fn judge(&mut self, call: Syscall, a: [u32; 4], reply: Reply, fake: &mut Fake) {
        let mut pairs = Vec::new();
        if call == Syscall::tlb_write_many && a[1] <= MOST_BATCH {
            let good = self
                .buffer(self.current.into(), a[0], a[1] * 8, 4)
                .is_empty();
            let count = if good { a[1] } else { 0 };
            pairs.extend((0..count).map(|pair| {
                let at = a[0] + pair * 8;
                (fake.load(at), fake.load(at + 4))
            }));
        }
        let why = self.reasons(call, a, &pairs);
        match reply {
            Err(error) => {
                self.report.calls[call as usize][1] += 1;
                assert!(
                    why.contains(&error),
                    "{call:?} {a:x?} refused: {error:?}, not {why:?}"
                );
                assert!(
                    call.errors().contains(&error),
                    "{call:?}: {error:?} is not in its row"
                );
                if error == Error::Forged {
                    self.me().forgeries += 1;
                }
                if call == Syscall::page_alloc {
                    self.watch_request(fake);
                }
            }
            Ok((v0, v1)) => {
                self.report.calls[call as usize][0] += 1;
                assert!(
                    why.is_empty(),
                    "{call:?} {a:x?} complied with, against {why:?}"
                );
                assert!((v0 as i32) >= 0, "{call:?}: a result that is an error");
                self.comply(call, a, (v0, v1), fake);
            }
        }
        let good = pairs
            .iter()
            .take_while(|&&(at, entry)| self.binding(at, entry).is_empty());
        for (at, entry) in good.copied().collect::<Vec<_>>() {
            self.bind(at, entry);
        }
        for (at, _) in pairs {
            self.look_at(at, fake);
        }
    }

    fn comply(&mut self, call: Syscall, a: [u32; 4], (v0, v1): (u32, u32), fake: &mut Fake) {
        let me = self.current;
        match call {
            Syscall::env_self => assert_eq!(v0, me.into()),
            Syscall::ticks => assert_eq!(v0, self.ticks),
            Syscall::page_alloc => {
                assert!(a[0] == ANY || a[0] == v0, "another page than the one named");
                assert_eq!(self.owner(v0), Some(Owner::Free), "a page that is not free");
                let bytes = (v0 << 12..(v0 + 1) << 12).step_by(4);
                assert!(
                    bytes.map(|at| fake.load(at)).all(|word| word == 0),
                    "a page is not clear"
                );
                self.hand(v0, Owner::Env(me));
            }
            Syscall::page_free => self.hand(a[0], Owner::Free),
            Syscall::page_give => self.hand(a[0], Owner::Env(a[1] as u8)),
            Syscall::page_capability => {
                let name = Capability::page_name(PageNo(a[0] as u16), Rights(a[1] as u8));
                self.make(name, (v0, v1));
            }
            Syscall::page_revoke => {
                self.outdate(a[0], [a[1] & 1 != 0, a[1] & 2 != 0]);
                let page = a[0];
                self.bindings
                    .retain(|(env, ..), low| *env == me || page_of(*low) != page);
            }
            Syscall::page_bind => {
                let rights = self.me().grants.entry(a[0] & 0xffff).or_default();
                rights[0] |= a[0] >> 24 & 1 != 0;
                rights[1] |= a[0] >> 24 & 2 != 0;
            }
            Syscall::page_unbind => {
                self.me().grants.remove(&a[0]);
                let mine = self.owns(me.into(), a[0]);
                let page = a[0];
                self.bindings
                    .retain(|(env, ..), low| mine || *env != me || page_of(*low) != page);
            }
            Syscall::tlb_write => {
                self.bind(a[0], a[1]);
                self.look_at(a[0], fake);
                let tag = a[0] & !(PAGE_BYTES - 1) | fake.asid_installed() << 6;
                assert_eq!(fake.in_tlb(tag), Some(a[1]), "a binding is not in the TLB");
            }
            Syscall::tlb_delete => self.unbind(a[0], fake),
            Syscall::tlb_delete_many => {
                for page in 0..a[1] {
                    self.unbind((a[0] & !(PAGE_BYTES - 1)) + page * PAGE_BYTES, fake);
                }
            }
            Syscall::tlb_protect | Syscall::tlb_unprotect => {
                for page in 0..a[1] {
                    let at = (a[0] & !(PAGE_BYTES - 1)) + page * PAGE_BYTES;
                    self.change_rights(at, call == Syscall::tlb_unprotect);
                    self.look_at(at, fake);
                }
            }
            Syscall::page_code | Syscall::tlb_write_many => {}
            Syscall::fpu_modify => self.me().fpu = a[0] == 1,
            Syscall::context_switch => self.me().context = a[0] as u8,
            Syscall::slice_alloc => {
                assert!(
                    a[0] == ANY || a[0] == v0,
                    "another slice than the one named"
                );
                let slice = &mut self.slices[v0 as usize];
                assert!(slice.is_none(), "a slice that is not free");
                *slice = Some((me, me));
                if v0 as usize == self.position {
                    self.pinned = Some(me);
                }
            }
            Syscall::slice_free => self.slices[a[0] as usize] = None,
            Syscall::slice_give => {
                let to = a[1] as u8;
                self.slices[a[0] as usize] = Some((to, to));
                if a[0] as usize == self.position {
                    self.pinned = Some(to);
                }
            }
            Syscall::yield_to if a[0] == ANY => {
                self.settle();
                self.early = self.ending.is_none();
                self.run_next();
            }
            Syscall::yield_to => {
                self.pinned.get_or_insert(me);
                if self.ending.is_none() {
                    self.turn = Some(a[0] as u8);
                }
                self.enter(a[0] as u8);
            }
            Syscall::env_create => {
                assert!(
                    v0 < 96 && !self.lives(v0),
                    "an environment that lives already"
                );
                self.hand(a[0], Owner::Kernel);
                let life = Life {
                    parent: Some(me),
                    home: a[0],
                    ..Life::default()
                };
                self.envs.insert(v0 as u8, life);
            }
            Syscall::env_destroy => self.destroy(a[0] as u8, a[1]),
            Syscall::env_capability => {
                self.make(Capability::env_name(EnvId(a[0] as u8)), (v0, v1));
            }
            Syscall::env_adopt => self.life(a[0] & 0xffff).parent = Some(me),
            Syscall::env_handler => {
                let handlers = &mut self.life(a[0]).handlers;
                handlers.remove(&a[1]);
                if a[2] != 0 {
                    handlers.insert(a[1], a[2]);
                }
            }
            Syscall::env_save_area => {
                let saves = &mut self.life(a[0]).saves;
                saves.remove(&a[1]);
                if a[2] != 0 {
                    saves.insert(a[1], a[2]);
                }
            }
            Syscall::env_entry => self.life(a[0]).entries[a[1] as usize] = a[2],
            Syscall::env_guarantee => {
                let env = a[0] as u8;
                self.bindings
                    .retain(|(of, _, page), _| *of != env || *page != a[1]);
                let guaranteed = &mut self.life(a[0]).guaranteed;
                guaranteed.remove(&a[1]);
                if a[2] & 0x200 != 0 {
                    guaranteed.insert(a[1], a[2]);
                }
            }
            Syscall::env_backing => {
                let backing = &mut self.life(a[0]).backing;
                backing.insert(a[1], false);
                assert_eq!(v0, backing.len() as u32);
            }
            Syscall::env_repossession => self.life(a[0]).repossession = a[1],
            Syscall::env_reserve => {
                let own = core::mem::replace(&mut self.life(a[0]).reserve, a[1]);
                let from = if a[0] == me.into() {
                    self.me().parent
                } else {
                    Some(me)
                };
                if let Some(from) = from {
                    let from = self.life(from.into());
                    from.reserve = from.reserve + own - a[1];
                }
            }
            Syscall::revoke => {
                let count = if a[1] == REVOKE_ALL { 1 } else { a[2] };
                let keep = self.held(a[0] as u8, a[1]).saturating_sub(count);
                self.ask(a[0] as u8, a[1], keep, a[3]);
            }
            Syscall::console_write => assert_eq!(v0, a[1].min(MOST_PRINTED)),
            Syscall::console_read => assert!(v0 <= 256),
            Syscall::console_capability => self.make(Capability::console_name(), (v0, v1)),
            Syscall::console_bind => self.me().console = true,
            Syscall::bookkeeping => {
                assert!((v0..v0 + v1).all(|page| self.owner(page) == Some(Owner::Public)));
            }
            Syscall::halt => self.halted = Some(a[0]),
        }
    }

    fn bind(&mut self, address: u32, low: u32) {
        let context = self.me().context;
        let page = address & !(PAGE_BYTES - 1);
        self.bindings.insert((self.current, context, page), low);
    }

    /// Whether a page can be written to, if it is bound and its owner allows that.
    fn change_rights(&mut self, page: u32, write: bool) {
        let key = (self.current, self.me().context, page);
        let Some(&low) = self.bindings.get(&key) else {
            return;
        };
        let changed = if write {
            low | ENTRY_DIRTY
        } else {
            low & !ENTRY_DIRTY
        };
        if self.binding(page, changed).is_empty() {
            self.bindings.insert(key, changed);
        }
    }

    fn unbind(&mut self, address: u32, fake: &Fake) {
        let context = self.me().context;
        let page = address & !(PAGE_BYTES - 1);
        self.bindings.remove(&(self.current, context, page));
        self.look_at(address, fake);
    }

    /// What is bound where the application just asked for it must be there, in both, unless another binding
    /// of the context has the same place.
    fn look_at(&mut self, address: u32, fake: &Fake) {
        if address >= USER_END {
            return;
        }
        let key = (self.current, self.me().context, address & !(PAGE_BYTES - 1));
        let tag = |page: u32| page | fake.asid_installed() << 6;
        let here = self.bindings.get(&key).copied();
        let others = self
            .bindings
            .keys()
            .filter(|other| other.0 == key.0 && other.1 == key.1);
        let mut rivals = others
            .filter(|other| other.2 != key.2 && stlb::slot(tag(other.2)) == stlb::slot(tag(key.2)));
        if rivals.next().is_none() || here.is_none() {
            assert_eq!(
                fake.in_stlb(tag(key.2)),
                here,
                "a binding was not made, or not broken"
            );
            // Of a batch a later one may have taken its place in the TLB.
            let there = fake.in_tlb(tag(key.2));
            assert!(
                there.is_none() || there == here,
                "the TLB has not what the STLB has"
            );
        }
    }

    /// A miss in the guaranteed segment.
    pub(super) fn miss(&mut self, address: u32, found: bool, fake: &Fake) {
        let page = address & !(PAGE_BYTES - 1);
        match self.me().guaranteed.get(&page).copied() {
            Some(low) => {
                assert!(found, "a guaranteed mapping was not found");
                self.bind(address, low);
                self.look_at(address, fake);
            }
            None => assert!(!found, "a mapping was found that was not guaranteed"),
        }
    }

    /// A transfer as the assembly makes it; whether it shall take place.
    pub(super) fn transfer(&mut self, to: u32, synchronous: bool) -> Option<u32> {
        let callable = self.lives(to) && self.life(to).entries[..2].iter().all(|entry| *entry != 0);
        if !callable {
            return None;
        }
        if !synchronous {
            self.pinned.get_or_insert(self.current);
        }
        self.report.transfers += 1;
        self.current = to as u8;
        Some(self.me().entries[usize::from(!synchronous)])
    }

    /// An exception without a handler.
    pub(super) fn unhandled(&mut self) {
        self.destroy(self.current, 0);
    }

    /// A clock tick; the frame is what it was before, then what it was made.
    pub(super) fn tick(&mut self, before: &Frame, after: &Frame, fake: &mut Fake) {
        self.ticks = self.ticks.wrapping_add(1);
        self.settle();
        let ran = self.current;
        let alive = self.expire(fake);
        if !alive || self.halted.is_some() {
            return;
        }
        if core::mem::take(&mut self.early) {
            assert_eq!(before, after, "a slice that began early was ended");
            return;
        }
        if let Some(told) = self.ending {
            let late = self.turn.unwrap_or(ran);
            let life = self.life(late.into());
            life.excess += 1;
            if life.excess > MOST_EXCESS {
                self.destroy(late, 0);
                if late == ran {
                    return;
                }
            }
            if told == ran {
                assert_eq!(before, after, "a slice was ended twice");
                return;
            }
        }
        self.ending = Some(ran);
        let life = &self.envs[&ran];
        let entry = life.entries[ENTRY_SLICE_END as usize];
        match life.saves.get(&0) {
            Some(save) if entry != 0 => {
                let saved = [0, 4, 8].map(|offset| fake.load(save + offset));
                assert_eq!(saved, before.t, "the end of a slice lost registers");
                assert_eq!(after.t, [before.epc, 0, before.cause]);
                assert_eq!(after.epc, entry);
            }
            _ => assert_eq!(before, after, "the end of a slice was told to the deaf"),
        }
    }

    fn settle(&mut self) {
        let holder = self.pinned.unwrap_or(self.current);
        if let Some(slice) = &mut self.slices[self.position] {
            slice.1 = holder;
        }
    }

    pub(super) fn can_begin(&self, env: u8) -> bool {
        self.envs[&env].entries[ENTRY_SLICE_START as usize] != 0
    }

    fn run_next(&mut self) {
        let begin = |model: &Model| {
            model
                .slices
                .iter()
                .flatten()
                .any(|slice| model.can_begin(slice.1))
        };
        if !begin(self) {
            self.halted = Some(self.exit);
            return;
        }
        loop {
            self.position = (self.position + 1) % SLICES;
            let Some((_, holder)) = self.slices[self.position] else {
                continue;
            };
            if !self.can_begin(holder) {
                continue;
            }
            let life = self.life(holder.into());
            if life.excess > 0 {
                life.excess -= 1;
                continue;
            }
            self.ending = None;
            self.turn = Some(holder);
            self.pinned = None;
            self.enter(holder);
            return;
        }
    }

    fn enter(&mut self, env: u8) {
        self.current = env;
        let hears = self.me().entries[ENTRY_REVOKE as usize];
        for kind in 0..3 {
            let held = self.held(env, kind);
            let ticks = self.ticks;
            let Some(asked) = &mut self.me().asked[kind as usize] else {
                continue;
            };
            if hears != 0 && !asked.told && held > asked.keep {
                asked.told = true;
                let left = asked.deadline.wrapping_sub(ticks);
                self.arguments = [kind, held - asked.keep, left];
                self.entered = hears;
                return;
            }
        }
        self.arguments = [0; 3];
        self.entered = self.me().entries[ENTRY_SLICE_START as usize];
    }

    fn destroy(&mut self, env: u8, status: u32) {
        for page in 0..self.pages.len() as u32 {
            if self.owns(env.into(), page) {
                self.hand(page, Owner::Free);
            }
        }
        self.report.destroyed += 1;
        let life = self.envs.remove(&env).expect("it lived");
        self.pages[life.home as usize] = Owner::Free;
        self.bindings.retain(|(of, ..), _| *of != env);
        for made in &mut self.made {
            made.good &= made.words[0] >> 28 != 1 || made.words[0] & 0xffff != env.into();
        }
        let heir = life.parent.filter(|heir| *heir != env);
        for (child, orphan) in &mut self.envs {
            if orphan.parent == Some(env) {
                orphan.parent = heir.filter(|heir| heir != child);
            }
        }
        if let Some(heir) = heir {
            self.life(heir.into()).reserve += life.reserve;
        }
        for slice in &mut self.slices {
            match slice {
                Some((owner, _)) if *owner == env => *slice = None,
                Some((owner, holder)) if *holder == env => *holder = *owner,
                _ => {}
            }
        }
        self.ending = self.ending.filter(|ending| *ending != env);
        self.turn = self.turn.filter(|turn| *turn != env);
        if self.pinned == Some(env) {
            self.pinned = self.slices[self.position].map(|(owner, _)| owner);
        }
        if env == 0 {
            self.exit = status;
        }
        if self.current == env {
            self.run_next();
        }
    }

    fn ask(&mut self, env: u8, kind: u32, keep: u32, ticks: u32) {
        let deadline = self.ticks.wrapping_add(ticks);
        let asked = &mut self.life(env.into()).asked[kind as usize];
        *asked = Some(match *asked {
            None => Asked {
                keep,
                deadline,
                told: false,
            },
            Some(before) => Asked {
                keep: keep.min(before.keep),
                deadline: deadline.min(before.deadline),
                told: false,
            },
        });
    }

    /// The kernel may have asked somebody for pages; if so it had reason to.
    fn watch_request(&mut self, fake: &mut Fake) {
        let me = self.current;
        let envs: Vec<u8> = self.envs.keys().copied().collect();
        for env in envs {
            let due = fake.public().envs[usize::from(env)].due[REVOKE_PAGES as usize];
            let known = self.envs[&env].asked[REVOKE_PAGES as usize].is_some();
            if known || due.target == NOT_DUE {
                continue;
            }
            let (mine, theirs) = (self.held(me, REVOKE_PAGES), self.held(env, REVOKE_PAGES));
            let count = theirs - u32::from(due.target);
            assert!(
                mine < self.envs[&me].reserve,
                "pages asked for above the reserve"
            );
            assert!(
                theirs - count >= self.envs[&env].reserve,
                "the reserve asked for"
            );
            assert!((1..=REVOKE_PAGES_AT_ONCE).contains(&count));
            self.ask(env, REVOKE_PAGES, theirs - count, REVOKE_TICKS);
        }
    }

    /// Whether who ran still lives after the deadlines.
    fn expire(&mut self, fake: &mut Fake) -> bool {
        let ran = self.current;
        let envs: Vec<u8> = self.envs.keys().copied().collect();
        let mut alive = true;
        let mut budget = MOST_TAKEN_AT_ONCE;
        for env in envs {
            for kind in 0..3 {
                let Some(life) = self.envs.get(&env) else {
                    continue;
                };
                let passed = life.asked[kind as usize].filter(|asked| self.ticks >= asked.deadline);
                let Some(asked) = passed else {
                    continue;
                };
                match kind {
                    REVOKE_PAGES => self.take_pages(env, asked.keep, &mut budget, fake),
                    REVOKE_SLICES => self.take_slices(env, asked.keep),
                    _ => {
                        self.destroy(env, 0);
                        alive &= env != ran;
                    }
                }
                if self.halted.is_some() {
                    return false;
                }
            }
        }
        alive
    }

    fn take_slices(&mut self, env: u8, keep: u32) {
        for position in (0..SLICES).rev() {
            let own = self.slices[position].is_some_and(|(owner, _)| owner == env);
            if own && self.held(env, REVOKE_SLICES) > keep.max(1) {
                self.slices[position] = None;
            }
        }
        self.life(env.into()).asked[REVOKE_SLICES as usize] = None;
    }

    /// The kernel chose which; that it took as many as it had to, and only what it might.
    fn take_pages(&mut self, env: u8, keep: u32, budget: &mut u32, fake: &mut Fake) {
        let limit = keep.max(self.envs[&env].reserve);
        let held = self.held(env, REVOKE_PAGES);
        let all: Vec<u32> = (0..self.pages.len() as u32)
            .filter(|page| self.owns(env.into(), *page))
            .collect();
        let owner = |fake: &mut Fake, page: u32| {
            super::model::owner(fake.page_states()[page as usize].owner)
        };
        let taken: Vec<u32> = all
            .iter()
            .copied()
            .filter(|&page| owner(fake, page) != Owner::Env(env))
            .collect();
        let (unpinned, pinned): (Vec<u32>, Vec<u32>) =
            all.iter().partition(|page| self.pins(env, **page) == 0);
        let spare =
            |page: &&u32| self.pins(env, **page) == 1 && self.envs[&env].backing.contains_key(page);
        let takeable = unpinned.len() + pinned.iter().filter(spare).count();
        let due = held.saturating_sub(limit).min(*budget).min(takeable as u32);
        *budget -= due;
        if *budget > 0 {
            self.life(env.into()).asked[REVOKE_PAGES as usize] = None;
        }
        if fake.public().envs[usize::from(env)].page == NO_PAGE {
            // It is destroyed at this same tick, and which were taken before that cannot be seen.
            return;
        }
        assert_eq!(
            taken.len() as u32,
            due,
            "more or fewer pages taken than due"
        );
        let from_backing = taken.iter().filter(|page| !unpinned.contains(page)).count();
        assert_eq!(
            from_backing,
            taken.len().saturating_sub(unpinned.len()),
            "backing taken before others"
        );
        let vector = self.envs[&env].repossession;
        // A page that is something else too may have been written since.
        let alone = vector != 0 && self.pins(env, vector / PAGE_BYTES) == 1;
        if alone && !taken.is_empty() {
            let count = fake.load(vector);
            let recorded: Vec<u32> = (0..MOST_REPOSSESSED.min(count))
                .map(|place| fake.load(vector + 4 + 8 * place))
                .collect();
            let full = count > MOST_REPOSSESSED;
            assert!(
                full || taken.iter().all(|page| recorded.contains(page)),
                "a page taken without a word"
            );
        }
        let free = self.envs[&env]
            .backing
            .values()
            .filter(|saved| !**saved)
            .count();
        self.report.taken += due;
        for page in &taken {
            self.hand(*page, Owner::Free);
        }
        // Which backing pages were used is the kernel's choice too.
        let used = free.min(taken.len() - from_backing);
        self.follow_backing(env, used, from_backing, fake);
    }

    fn follow_backing(&mut self, env: u8, used: usize, taken: usize, fake: &mut Fake) {
        let home = PageNo(self.envs[&env].home as u16);
        let places = fake.env(home).state.backing;
        let before = self.envs[&env]
            .backing
            .values()
            .filter(|saved| **saved)
            .count();
        let life = self.life(env.into());
        for place in places {
            if let Some(saved) = life.backing.get_mut(&place.page.into()) {
                *saved = place.saved != 0;
            }
        }
        let after = life.backing.values().filter(|saved| **saved).count();
        assert!(
            taken > 0 || after == before + used,
            "contents not saved where there was room"
        );
    }
}
