//! Steps from bytes.

use super::model::{Made, Model};
use crate::fake::{KERNEL_PAGES, LOAD, MODULE_PAGES};
use aegis_abi::{
    Syscall, for_each_syscall,
    layout::{ANY, GUARANTEED_END, PAGE_BYTES},
};
use std::{collections::VecDeque, vec::Vec};

/// What happens next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Call(Syscall, [u32; 4]),
    Tick,
    Transfer(u32, bool),
    Miss(u32),
    Unhandled,
    /// The application writes a word of its memory.
    Store(u32, u32),
}

/// Bytes, and how far they have been read.
pub(super) struct Draw<'a> {
    bytes: core::slice::Iter<'a, u8>,
    /// Steps that come first.
    first: VecDeque<Step>,
}

/// Environments that a sequence begins with, if it begins with any.
const CHILDREN: u32 = 3;
/// Pages that each is given.
const PAGES: u32 = 6;

impl Draw<'_> {
    pub(super) fn new(bytes: &[u8]) -> Draw<'_> {
        let mut bytes = bytes.iter();
        let alone = bytes.next().is_none_or(|byte| *byte < 32);
        Draw {
            bytes,
            first: if alone { VecDeque::new() } else { family() },
        }
    }

    /// The next step, until the bytes are used up.
    pub(super) fn step(&mut self, model: &Model) -> Option<Step> {
        if let Some(step) = self.first.pop_front() {
            return Some(step);
        }
        let kind = *self.bytes.next()?;
        Some(match kind {
            0..=9 => Step::Tick,
            // Who does not yield is destroyed; sequences shall be long.
            0..=127 if model.is_late() && kind % 4 != 3 => {
                Step::Call(Syscall::yield_to, [ANY, 0, 0, 0])
            }
            10..=39 => Step::Transfer(self.env(model), kind % 2 == 0),
            40..=49 => Step::Miss(self.address()),
            50 if model.current != 0 || self.byte() == 0 => Step::Unhandled,
            50 => Step::Tick,
            51..=69 => self.store(model),
            // What makes most of what is done later possible is drawn more often.
            70..=99 => Step::Call(Syscall::page_alloc, [ANY, 0, 0, 0]),
            100..=107 => self.set_up_call(model),
            _ => {
                let call = Syscall::ALL[usize::from(kind) % Syscall::ALL.len()];
                let words = self.arguments(call, model);
                // The machine need not stop so often.
                let stops = match call {
                    Syscall::halt => model.current == 0,
                    Syscall::env_destroy => words[0] == 0,
                    Syscall::slice_free => model.current == 0 && words[0] == 0,
                    _ => false,
                };
                if stops && self.byte() != 0 {
                    return Some(Step::Tick);
                }
                Step::Call(call, words)
            }
        })
    }

    /// The application writes what a batch of bindings may read.
    fn store(&mut self, model: &Model) -> Step {
        let page = self.own_page(model);
        let place = u32::from(self.byte()) % 8;
        let word = match place % 2 {
            0 => self.address(),
            _ => self.entry(model),
        };
        if model.owns(model.current.into(), page) {
            Step::Store(page << 12 | place << 2, word)
        } else {
            Step::Tick
        }
    }

    /// A call that makes an environment more alive.
    fn set_up_call(&mut self, model: &Model) -> Step {
        let env = self.env(model);
        let life = model.envs.get(&(env as u8));
        let inside = life.and_then(|life| life.guaranteed.keys().next().copied());
        let owned = (0..model.pages.len() as u32).find(|page| model.owns(env, *page));
        match (inside, owned) {
            (Some(address), _) => {
                let entry = u32::from(self.byte()) % 5;
                Step::Call(Syscall::env_entry, [env, entry, address + 8, 0])
            }
            (None, Some(page)) => {
                Step::Call(Syscall::env_guarantee, [env, 0x2000, page << 12 | 0x600, 0])
            }
            (None, None) => Step::Call(Syscall::page_give, [self.own_page(model), env, 0, 0]),
        }
    }

    fn arguments(&mut self, call: Syscall, model: &Model) -> [u32; 4] {
        let mut words = [0; 4];
        for (word, name) in words.iter_mut().zip(names(call)) {
            *word = match *name {
                "page" if call == Syscall::page_alloc => self.page(model),
                "page" if call == Syscall::page_unbind => self.granted_page(model),
                "page" => self.own_page(model),
                "rights" => u32::from(self.byte()) % 5,
                "env" | "to" | "target" => self.env(model),
                "address" => self.address(),
                "entry" if call == Syscall::env_entry => u32::from(self.byte()) % 6,
                "entry" => self.entry(model),
                "buffer" | "physical" => self.physical(model),
                "enable" | "table" => (u32::from(self.byte()) % 9).saturating_sub(3),
                "count" if call == Syscall::tlb_write_many => u32::from(self.byte()) % 5,
                "position" => match self.byte() {
                    255 => ANY,
                    byte => u32::from(byte) % 66,
                },
                "cause" => u32::from(self.byte()) % 18,
                "pages" => u32::from(self.byte()) % 40,
                "context" => u32::from(self.byte()) % 5,
                "kind" => u32::from(self.byte()) % 9 / 2,
                "ticks" => u32::from(self.byte()) % 8,
                "count" | "bytes" => u32::from(self.byte()) % 140,
                _ => u32::from(self.byte()),
            };
        }
        if names(call).first() == Some(&"name") {
            words = self.capability(call, model);
        }
        words
    }

    fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    fn page(&mut self, model: &Model) -> u32 {
        match self.byte() {
            byte @ 0..=199 => u32::from(byte) % (model.pages.len() as u32 + 1),
            200..=250 => ANY,
            byte => u32::from(byte) << 8,
        }
    }

    /// Mostly one of the caller's.
    fn own_page(&mut self, model: &Model) -> u32 {
        let byte = self.byte();
        if byte >= 224 {
            return self.page(model);
        }
        let own = |page: &u32| model.owns(model.current.into(), *page);
        let pages: Vec<u32> = (0..model.pages.len() as u32).filter(own).collect();
        match pages.len() {
            0 => byte.into(),
            count => pages[usize::from(byte) % count],
        }
    }

    /// Mostly one of others that the caller may map.
    fn granted_page(&mut self, model: &Model) -> u32 {
        let byte = self.byte();
        let mut grants = model.envs[&model.current].grants.keys();
        match grants.nth(usize::from(byte) % 4) {
            Some(page) if byte < 224 => *page,
            _ => self.page(model),
        }
    }

    /// Mostly one that lives.
    fn env(&mut self, model: &Model) -> u32 {
        match self.byte() {
            255 => ANY,
            byte @ 240.. => u32::from(byte),
            byte => {
                let place = usize::from(byte) % model.envs.len();
                model.envs.keys().nth(place).copied().unwrap_or(0).into()
            }
        }
    }

    fn address(&mut self) -> u32 {
        let byte = u32::from(self.byte());
        let page = match byte {
            0..=127 => (byte % 8) * PAGE_BYTES,
            128..=199 => GUARANTEED_END + (byte % 16) * PAGE_BYTES,
            // These share their places in the STLB with others.
            200..=239 => GUARANTEED_END + (byte % 4 * 4096 + byte % 3 * 64) * PAGE_BYTES,
            240..=247 => 0x7fff_f000,
            _ => byte << 24,
        };
        match self.byte() {
            byte @ 0..=63 => page + u32::from(byte) * 4,
            byte @ 64..=70 => page + u32::from(byte),
            _ => page,
        }
    }

    fn entry(&mut self, model: &Model) -> u32 {
        let page = match self.byte() {
            0..=31 => self.page(model) & 0x1ff,
            32..=127 => self.granted_page(model) & 0x1ff,
            _ => self.own_page(model) & 0x1ff,
        };
        let bits = match self.byte() {
            0..=99 => 0x600,
            100..=180 => 0x200,
            181..=200 => 0xa00,
            201..=224 => 0,
            byte => u32::from(byte) << 4,
        };
        page << 12 | bits & 0xfff
    }

    fn physical(&mut self, model: &Model) -> u32 {
        let page = self.own_page(model) & 0xfffff;
        let offset = match self.byte() {
            byte @ 0..=99 => u32::from(byte) * 16,
            100..=199 => 0,
            byte @ 200..=229 => u32::from(byte) % 4 * 1024,
            byte => 4096 - u32::from(byte) % 20,
        };
        (page << 12).wrapping_add(offset)
    }

    /// Mostly a good one of the kind that the call takes.
    fn capability(&mut self, call: Syscall, model: &Model) -> [u32; 4] {
        let kind = match call {
            Syscall::page_bind => 0,
            Syscall::env_adopt => 1,
            _ => 2,
        };
        let any = self.byte() >= 224;
        let fits = |made: &&Made| any || made.good && made.words[0] >> 28 == kind;
        let fitting: Vec<&Made> = model.made.iter().filter(fits).collect();
        let place = usize::from(self.byte());
        let words = match fitting.len() {
            0 => [u32::from(self.byte()); 3],
            count => fitting[place % count].words,
        };
        let mut words = [words[0], words[1], words[2], 0];
        if let byte @ 240.. = self.byte() {
            words[usize::from(byte) % 3] ^= 1 << (self.byte() % 32);
        }
        words
    }
}

/// Calls of the first environment that make others, which can do everything.
fn family() -> VecDeque<Step> {
    let mut steps = VecDeque::new();
    let mut call = |call, words: [u32; 4]| steps.push_back(Step::Call(call, words));
    // The free list begins with the first page, and each call takes its head.
    let mut page = u32::from(KERNEL_PAGES) + 1 + MODULE_PAGES;
    for child in 1..=CHILDREN {
        call(Syscall::page_alloc, [ANY, 0, 0, 0]);
        call(Syscall::env_create, [page, 0, 0, 0]);
        page += 1;
        for _ in 0..PAGES {
            call(Syscall::page_alloc, [ANY, 0, 0, 0]);
        }
        for given in page..page + PAGES {
            call(Syscall::page_give, [given, child, 0, 0]);
        }
        call(
            Syscall::env_guarantee,
            [child, 0x2000, page << 12 | 0x600, 0],
        );
        for entry in 0..5 {
            call(Syscall::env_entry, [child, entry, 0x2000 + 8 * entry, 0]);
        }
        for cause in [0, 2, 10] {
            let save = (page + 1) << 12 | cause << 4;
            call(Syscall::env_save_area, [child, cause, save, 0]);
        }
        call(Syscall::env_handler, [child, 2, 0x2100, 0]);
        call(
            Syscall::env_repossession,
            [child, (page + 1) << 12 | 1024, 0, 0],
        );
        call(Syscall::env_backing, [child, page + 2, 0, 0]);
        call(Syscall::env_reserve, [child, 5, 0, 0]);
        call(Syscall::slice_alloc, [child * 7, 0, 0, 0]);
        call(Syscall::slice_give, [child * 7, child, 0, 0]);
        page += PAGES;
    }
    for entry in 0..5 {
        call(Syscall::env_entry, [0, entry, LOAD + 64 + 4 * entry, 0]);
    }
    let own = (u32::from(KERNEL_PAGES) + 2) << 12;
    call(Syscall::env_save_area, [0, 0, own, 0]);
    steps
}

macro_rules! argument_names {
    ($($kind:ident $name:ident($($argument:ident: $type:ty),*) $(-> $result:literal)? $about:literal;)*) => {
        fn names(call: Syscall) -> &'static [&'static str] {
            match call { $(Syscall::$name => &[$(stringify!($argument)),*]),* }
        }
    };
}
for_each_syscall!(argument_names);
