//! A machine in plain memory, for tests and fuzzing.
//!
//! It is stricter than the real one: a write to the TLB that would match twice, a touch of a page that
//! holds an environment, an address that is not there, and a TLB entry that the STLB does not have are
//! panics. Time does not pass; the console is two byte strings; to stop is an unwinding with [`Halted`].

use crate::{
    boot::BootInfo,
    layout::{EnvPage, Record, Records, STLB_ENTRIES, Scratch, Stlb},
    machine::{Label, Machine},
    page::AT_BOOT,
    stlb::slot,
};
use aegis_abi::{
    PageNo,
    bookkeeping::{PageState, Public},
    layout::{ENTRY_VALID, FLAT_MAGIC, PAGE_BYTES, TABLES},
};
use std::{boxed::Box, collections::VecDeque, vec, vec::Vec};

/// What unwinds when the machine stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halted(pub u32);

/// Pages that the kernel has of a fake machine.
pub const KERNEL_PAGES: u16 = 16;
/// Where module 0 is.
pub const MODULE: PageNo = PageNo(12);
/// Where module 0 is mapped, and entered 64 bytes behind.
pub const LOAD: u32 = 0x1000;
/// Pages of module 0: one that it fills in part, and one of zeros.
pub const MODULE_PAGES: u32 = 2;
/// The status of user programs.
pub const USER_STATUS: u32 = 0x240c;
/// The scratch page, as exceptions see it.
pub const KERNEL_SAVE: u32 = 0x8000_5000;

/// Words of a page.
const WORDS: usize = PAGE_BYTES as usize / 4;
/// Entries of the TLB that are not wired.
const TLB_ENTRIES: usize = 56;

/// The machine.
pub struct Fake {
    memory: Vec<Vec<u32>>,
    envs: Vec<Option<Box<EnvPage>>>,
    states: Vec<PageState>,
    public: Box<Public>,
    records: Box<Records>,
    scratch: Box<Scratch>,
    stlb: Box<Stlb>,
    /// EntryHi and EntryLo.
    tlb: Vec<Option<(u32, u32)>>,
    random: u32,
    /// What was printed.
    pub printed: Vec<u8>,
    /// How much can be.
    pub capacity: usize,
    /// What is still to be read.
    pub typed: VecDeque<u8>,
    /// How often each page was made executable.
    pub flushes: Vec<u32>,
}

impl Fake {
    /// A machine with so many pages, and a module 0.
    pub fn new(pages: u16) -> Fake {
        let mut fake = Fake {
            memory: vec![Vec::new(); usize::from(pages)],
            envs: vec![None; usize::from(pages)],
            states: vec![AT_BOOT; usize::from(pages)],
            public: Box::new(Public::NEW),
            records: Box::new(Records {
                syscalls: [Record::default(); 64],
                synchronous: [Record::default(); 96],
                asynchronous: [Record::default(); 96],
            }),
            scratch: Box::default(),
            stlb: Box::new(Stlb {
                tags: [0; STLB_ENTRIES],
                entries: [0; STLB_ENTRIES],
            }),
            tlb: vec![None; TLB_ENTRIES],
            random: 1,
            printed: Vec::new(),
            capacity: usize::MAX,
            typed: VecDeque::new(),
            flushes: vec![0; usize::from(pages)],
        };
        // Memory is not clear when a machine starts.
        for page in &mut fake.memory {
            *page = [0x5a5a_5a5a; WORDS].to_vec();
        }
        let header = [FLAT_MAGIC, LOAD, LOAD + 64, 128, PAGE_BYTES];
        for (offset, word) in (0..).step_by(4).zip(header) {
            fake.store(MODULE.physical() + offset, word);
        }
        fake
    }

    /// What the start-up of this machine tells the kernel.
    pub fn boot_info(&self) -> BootInfo {
        let mut tables = [(PageNo(0), 0); TABLES];
        tables[0] = (PageNo(1), 1);
        tables[1] = (PageNo(2), 8);
        tables[2] = (PageNo(10), 2);
        tables[3] = (MODULE, 2);
        tables[4] = (PageNo(14), 1);
        BootInfo {
            first_free: PageNo(KERNEL_PAGES),
            module: MODULE,
            tables,
            user_status: USER_STATUS,
            key: [0x0123_4567, 0x89ab_cdef, 0xfeed_face, 0x0bad_cafe],
        }
    }

    /// The ASID of the environment that runs.
    pub fn asid_installed(&self) -> u32 {
        self.scratch.current_high >> 6 & 63
    }

    /// EntryLo of a tag, if it is in the TLB.
    pub fn in_tlb(&self, tag: u32) -> Option<u32> {
        let found = self.tlb.iter().flatten().find(|(high, _)| *high == tag);
        found.map(|&(_, low)| low)
    }

    /// EntryLo of a tag, if it is in the STLB or among its victims.
    pub fn in_stlb(&self, tag: u32) -> Option<u32> {
        let slot = slot(tag);
        if self.stlb.tags[slot] == tag {
            return Some(self.stlb.entries[slot]);
        }
        let mut victims = self.scratch.victims.iter();
        victims.find(|victim| victim.0 == tag).map(|&(_, low)| low)
    }

    /// The bindings of the STLB and its victims: tag and EntryLo.
    pub fn bindings(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let pairs = self.stlb.tags.iter().zip(&self.stlb.entries);
        let entries = pairs.map(|(tag, low)| (*tag, *low));
        let all = entries.chain(self.scratch.victims);
        all.filter(|(tag, _)| tag >> 31 == 0)
    }

    /// The STLB includes the TLB.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn check_inclusion(&self) {
        for &(high, low) in self.tlb.iter().flatten() {
            assert_eq!(
                self.in_stlb(high),
                Some(low),
                "the TLB has what the STLB does not"
            );
        }
    }

    fn word(&mut self, physical: u32) -> &mut u32 {
        assert!(
            physical.is_multiple_of(4),
            "a word at an address that is not aligned"
        );
        let page = (physical / PAGE_BYTES) as usize;
        assert!(self.envs[page].is_none(), "an environment taken for memory");
        &mut self.memory[page][physical as usize / 4 % WORDS]
    }
}

impl Machine for Fake {
    fn pages(&self) -> u16 {
        self.memory.len() as u16
    }

    fn page_states(&mut self) -> &mut [PageState] {
        &mut self.states
    }

    fn public(&mut self) -> &mut Public {
        &mut self.public
    }

    fn records(&mut self) -> &mut Records {
        &mut self.records
    }

    fn scratch(&mut self) -> &mut Scratch {
        &mut self.scratch
    }

    fn stlb(&mut self) -> &mut Stlb {
        &mut self.stlb
    }

    fn stlb_address(&self) -> u32 {
        0x8000_8000
    }

    fn env(&mut self, page: PageNo) -> &mut EnvPage {
        self.envs[usize::from(page.0)]
            .as_mut()
            .expect("a page that holds no environment taken for one")
    }

    fn make_env(&mut self, page: PageNo) {
        let place = &mut self.envs[usize::from(page.0)];
        assert!(place.is_none(), "an environment made of an environment");
        *place = Some(Box::new(EnvPage::CLEAR));
    }

    fn clear(&mut self, page: PageNo) {
        self.envs[usize::from(page.0)] = None;
        // A copy is one step of Miri's, unlike a thousand stores.
        self.memory[usize::from(page.0)].copy_from_slice(&[0; WORDS]);
    }

    fn copy(&mut self, from: PageNo, to: PageNo) {
        let own = [from, to].map(|page| &self.envs[usize::from(page.0)]);
        assert!(
            own.iter().all(|env| env.is_none()),
            "an environment taken for memory"
        );
        self.memory[usize::from(to.0)] = self.memory[usize::from(from.0)].clone();
    }

    fn load(&mut self, physical: u32) -> u32 {
        *self.word(physical)
    }

    fn store(&mut self, physical: u32, word: u32) {
        *self.word(physical) = word;
    }

    fn tlb_write_random(&mut self, high: u32, low: u32) {
        assert!(high >> 31 == 0 && low & ENTRY_VALID != 0);
        assert_eq!(self.in_tlb(high), None, "the TLB would match twice");
        self.random = self
            .random
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let place = (self.random >> 16) as usize % TLB_ENTRIES;
        self.tlb[place] = Some((high, low));
    }

    fn tlb_delete(&mut self, high: u32) {
        for entry in &mut self.tlb {
            if entry.is_some_and(|(found, _)| found == high) {
                *entry = None;
            }
        }
    }

    fn tlb_forget(&mut self) {
        self.tlb.fill(None);
    }

    fn forget_code(&mut self, page: PageNo) {
        self.flushes[usize::from(page.0)] += 1;
    }

    fn kernel_save(&self) -> u32 {
        KERNEL_SAVE
    }

    fn label(&self, label: Label) -> u32 {
        0x8000_4000 + 16 * label as u32
    }

    fn room(&mut self) -> u32 {
        (self.capacity - self.printed.len()).min(u32::MAX as usize) as u32
    }

    fn put(&mut self, byte: u8) {
        assert!(self.room() > 0, "printing waits");
        self.printed.push(byte);
    }

    fn get(&mut self) -> Option<u8> {
        self.typed.pop_front()
    }

    fn halt(&mut self, status: u32) -> ! {
        std::panic::resume_unwind(Box::new(Halted(status)))
    }
}
