//! What to do next, made of bytes: most arguments are nearly right.
//!
//! Problem: of calls with arbitrary registers nearly all are refused by their first check, so the states
//! that matter are never reached. Method: each argument is drawn by its type and name in the list of system
//! calls, from what is there now in the kernel's public tables; some are any word at all. When the bytes
//! end, so does the input.

use crate::puppet::{CODE, CODE_BYTES, DATA, Puppets};
use crate::view::View;
use aegis_abi::layout::{ANY, ENTRY_DIRTY, ENTRY_UNCACHED, ENTRY_VALID};
use aegis_abi::{Capability, EnvId, PageNo, Rights, Syscall};

/// Capabilities that are remembered, at most.
const MOST_CAPABILITIES: usize = 16;
/// Where a page that was just allocated is bound.
const FRESH: u32 = 0x0050_0000;
/// Words that stand at some limit.
const LIMITS: [u32; 12] = [
    0,
    1,
    0x7fff_ffff,
    0x8000_0000,
    u32::MAX,
    0xffff_f000,
    0x003f_f000,
    0x0040_0000,
    0x000f_fff0,
    0x0010_0000,
    0x1fff_f000,
    0x0001_0000,
];

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A system call, perhaps in a delay slot.
    Call {
        call: Syscall,
        words: [u32; 4],
        in_slot: bool,
    },
    /// Any selector, with any arguments.
    Any { selector: u32, words: [u32; 4] },
    /// A transfer.
    Transfer { to: u32, synchronous: bool },
    /// A load and a store.
    Touch(u32),
    /// A jump.
    Jump(u32),
    /// Until the clock ticks.
    Spin,
    /// The instruction of this number that raises an exception.
    Trap(u32),
    /// A word of memory of the environment's own.
    Store { at: u32, word: u32 },
}

/// The bytes, and what has been learnt.
pub(crate) struct Draw<'a> {
    bytes: &'a [u8],
    capabilities: Vec<Capability>,
    /// What is next, last first.
    plan: Vec<Step>,
}

impl<'a> Draw<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Draw<'a> {
        Draw {
            bytes,
            capabilities: Vec::new(),
            plan: Vec::new(),
        }
    }

    fn byte(&mut self) -> u8 {
        let (first, rest) = self.bytes.split_first().unwrap_or((&0, &[]));
        self.bytes = rest;
        *first
    }

    fn below(&mut self, limit: u32) -> u32 {
        u32::from(self.byte()) % limit
    }

    fn word(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    /// What the environment `own` does next, unless the bytes have ended.
    ///
    /// If its slice has ended it mostly yields: those that never do die young.
    pub(crate) fn step(&mut self, puppets: &Puppets, own: u8, is_late: bool) -> Option<Step> {
        if self.bytes.is_empty() {
            return None;
        }
        if is_late && self.below(8) != 0 {
            return Some(Step::Call {
                call: Syscall::yield_to,
                words: [ANY, 0, 0, 0],
                in_slot: false,
            });
        }
        if let Some(step) = self.plan.pop() {
            return Some(step);
        }
        let view = puppets.view();
        Some(match self.byte() {
            0..200 => self.call(puppets, view, own, false),
            200..208 => self.call(puppets, view, own, true),
            208..214 => Step::Any {
                selector: self.word(),
                words: [0; 4].map(|_| self.word()),
            },
            214..230 => Step::Transfer {
                to: match self.byte() {
                    most @ 0..240 => u32::from(most % 4),
                    rest => u32::from(rest),
                },
                synchronous: self.below(2) == 0,
            },
            230..236 => Step::Touch(self.address()),
            236..240 => Step::Jump(self.address() ^ self.below(CODE_BYTES / 4) << 2),
            240..244 => Step::Spin,
            244..248 => Step::Trap(self.below(6)),
            _ => Step::Store {
                at: self.own_memory(view, own, 4),
                word: match self.byte() {
                    0..100 => self.word(),
                    100..180 => self.address(),
                    _ => self.entry(view, own),
                },
            },
        })
    }

    fn call(&mut self, puppets: &Puppets, view: View<'_>, own: u8, in_slot: bool) -> Step {
        let mut call = Syscall::ALL[self.below(Syscall::ALL.len() as u32) as usize];
        // An input that ends at once, or in which nobody lives long, shows little.
        let spared = match call {
            Syscall::halt if own == 0 => self.byte() > 8,
            Syscall::env_destroy => self.byte() > 32,
            _ => false,
        };
        if spared {
            call = Syscall::page_alloc;
        }
        let (_, arguments, _) = call.signature();
        let mut words = [0; 4].map(|_| self.byte()).map(u32::from);
        if arguments.iter().any(|(name, _)| *name == "high") {
            let [name, high, low] = self.proof(view, own);
            words = [name, high, low, words[3]];
        } else {
            for (word, (name, kind)) in words.iter_mut().zip(arguments) {
                *word = match self.byte() {
                    0..10 => self.word(),
                    10..20 => LIMITS[self.below(LIMITS.len() as u32) as usize],
                    _ => self.argument(view, own, call, name, kind),
                };
            }
        }
        if matches!(call, Syscall::env_handler | Syscall::env_entry) && self.below(4) != 0 {
            words[2] = puppets.way_in(call, words[1]);
        }
        Step::Call {
            call,
            words,
            in_slot,
        }
    }

    fn argument(&mut self, view: View<'_>, own: u8, call: Syscall, name: &str, kind: &str) -> u32 {
        match (kind, name) {
            ("PageNo", _) => u32::from(self.page(view, own)),
            ("EnvId", _) => self.env(view, own),
            ("Rights", _) => self.below(5),
            ("Cause", _) => self.below(17),
            ("ContextNo", _) => self.below(5),
            ("Position", _) => self.slice(view, own),
            (_, "page") if self.below(4) != 0 => ANY,
            (_, "page") => u32::from(self.page(view, own)),
            (_, "position") if self.below(2) == 0 => ANY,
            (_, "position") => self.below(66),
            (_, "target") if self.below(2) == 0 => ANY,
            (_, "target") => self.env(view, own),
            (_, "address") if matches!(call, Syscall::env_handler | Syscall::env_entry) => {
                self.no_way_in()
            }
            (_, "address") if call == Syscall::env_guarantee => self.below(40) << 12,
            (_, "address") => self.address(),
            (_, "entry") if call == Syscall::env_entry => self.below(6),
            (_, "entry") => self.entry(view, own),
            (_, "physical") => {
                let alignment = match call {
                    Syscall::env_repossession => 1024,
                    Syscall::env_save_area => 16,
                    _ => 1,
                };
                self.own_memory(view, own, alignment)
            }
            (_, "buffer") => self.own_memory(view, own, 8),
            (_, "count") if call == Syscall::revoke => self.below(12),
            (_, "count") => self.below(6) * self.below(26),
            (_, "kind") => self.below(4),
            (_, "ticks") => self.below(20),
            (_, "bytes") => self.below(6),
            (_, "pages") => self.below(12),
            (_, "table") => self.below(6),
            (_, "enable") => self.below(3),
            _ => self.word(),
        }
    }

    /// A page: mostly the environment's own, or another's, or nobody's.
    fn page(&mut self, view: View<'_>, own: u8) -> u16 {
        let count = u32::from(view.tables.count);
        let found = match self.below(16) {
            0..11 => view.page_of(own, self.byte() % 32),
            11..13 => view.page_of(self.env(view, own) as u8 % 96, self.byte() % 8),
            _ => None,
        };
        found.unwrap_or_else(|| (self.word() % (count + 2)) as u16)
    }

    /// An environment: mostly one that lives.
    fn env(&mut self, view: View<'_>, own: u8) -> u32 {
        match self.below(16) {
            0..6 => own.into(),
            6..14 => {
                let place = self.below(5) as usize;
                view.living().nth(place).unwrap_or(own).into()
            }
            _ => self.below(100),
        }
    }

    fn slice(&mut self, view: View<'_>, own: u8) -> u32 {
        let place = self.below(8) as usize;
        let mut slices = view.slices().filter(|(_, owner, _)| *owner == own);
        match slices.nth(place) {
            Some((position, _, _)) => position.into(),
            None => self.below(66),
        }
    }

    /// An address of the application's, or the kernel's.
    fn address(&mut self) -> u32 {
        match self.below(16) {
            0..9 => 0x0040_0000 + (self.below(48) << 12) + (self.below(4) << 2),
            // These and those before share slots of the STLB.
            9..12 => 0x0140_0000 + (self.below(8) << 24) + (self.below(48) << 12),
            12..14 => self.below(8) << 12,
            14 => LIMITS[self.below(LIMITS.len() as u32) as usize],
            _ => self.word(),
        }
    }

    /// None, or an address that is no puppet's label but perhaps code.
    fn no_way_in(&mut self) -> u32 {
        match self.below(4) {
            0 => 0,
            1 => CODE + 0x800 + (self.below(16) << 2),
            2 => DATA + 0x800 + self.below(64),
            _ => self.address() | 0x0800,
        }
    }

    /// Something like an EntryLo.
    fn entry(&mut self, view: View<'_>, own: u8) -> u32 {
        let page = u32::from(self.page(view, own)) << 12;
        let flags = match self.below(12) {
            0..6 => ENTRY_VALID | ENTRY_DIRTY,
            6..9 => ENTRY_VALID,
            9 => ENTRY_VALID | ENTRY_UNCACHED,
            10 => 0,
            _ => self.word() & 0xfff,
        };
        page | flags
    }

    /// A physical address, mostly in a page of the environment's.
    fn own_memory(&mut self, view: View<'_>, own: u8, alignment: u32) -> u32 {
        let page = u32::from(self.page(view, own)) << 12;
        let offset = self.below(256) * 16 + self.below(16);
        let alignment = if self.below(8) == 0 { 1 } else { alignment };
        page | offset & !(alignment - 1)
    }

    /// A capability that was made, sometimes with a bit turned; or none at all.
    fn proof(&mut self, view: View<'_>, own: u8) -> [u32; 3] {
        let place = self.below(MOST_CAPABILITIES as u32) as usize;
        let Some(found) = self
            .capabilities
            .get(place % self.capabilities.len().max(1))
        else {
            let name = Capability::env_name(EnvId(own));
            let page = Capability::page_name(PageNo(self.page(view, own)), Rights::ALL);
            let chosen = if self.below(2) == 0 { name } else { page };
            return [chosen, self.word() >> 1, self.word()];
        };
        let mut words = [found.name, found.high, found.low];
        if self.below(8) == 0 {
            let bit = self.below(96);
            words[bit as usize / 32] ^= 1 << (bit % 32);
        }
        words
    }

    /// Remembers what a call that made a capability answered. A page that was just allocated is perhaps run:
    /// if it was a puppet's code once, what the cache holds of that must be forgotten.
    pub(crate) fn learn(&mut self, call: Syscall, words: [u32; 4], [high, low]: [u32; 2]) {
        let name = match call {
            Syscall::page_alloc => {
                if self.below(4) == 0 {
                    self.plan = vec![
                        Step::Jump(FRESH + (self.below(CODE_BYTES / 4) << 2)),
                        Step::Call {
                            call: Syscall::tlb_write,
                            words: [FRESH, high << 12 | ENTRY_VALID | ENTRY_DIRTY, 0, 0],
                            in_slot: false,
                        },
                    ];
                }
                return;
            }
            Syscall::page_capability => {
                Capability::page_name(PageNo(words[0] as u16), Rights(words[1] as u8))
            }
            Syscall::env_capability => Capability::env_name(EnvId(words[0] as u8)),
            Syscall::console_capability => Capability::console_name(),
            _ => return,
        };
        if self.capabilities.len() == MOST_CAPABILITIES {
            self.capabilities.remove(0);
        }
        self.capabilities.push(Capability { name, high, low });
    }
}
