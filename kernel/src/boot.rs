//! From a machine without owners to the first environment.
//!
//! The kernel keeps the pages below the first free one; its tables among them are public. All the others
//! are free. Module 0, a flat image, is copied into pages of environment 0 and becomes its guaranteed
//! mappings; the environment gets the first slice, the console, and the reserve of all that is free, to share
//! out among its children.

use crate::{
    Answer, Kernel,
    asid::Asids,
    capability::Mac,
    env::Env,
    layout::{STLB_ENTRIES, VICTIMS},
    machine::{Label, Machine},
    page::AT_BOOT,
    stlb::{EMPTY, NOTHING},
};
use aegis_abi::{
    Error, PageNo, Syscall,
    bookkeeping::{NOBODY, PUBLIC, Public, Slice},
    layout::{
        ANY, ENTRY_DIRTY, ENTRY_SLICE_START, ENTRY_VALID, FLAT_MAGIC, GUARANTEED_END,
        MOST_GUARANTEED, PAGE_BYTES, TABLES,
    },
};

/// What the machine's start-up found and laid out.
#[derive(Clone, Copy, Debug)]
pub struct BootInfo {
    /// The first page that is not the kernel's.
    pub first_free: PageNo,
    /// Where module 0 begins.
    pub module: PageNo,
    /// The first page of each table, by `layout::TABLE_*`, and how many there are.
    pub tables: [(PageNo, u16); TABLES],
    /// Status of a user program, as `rfe` shall find it: KUp, IEp, the interrupts in use.
    pub user_status: u32,
    /// The key of capabilities, which nobody may guess.
    pub key: [u32; 4],
}

/// The status that the machine stops with if module 0 is no image.
const NO_IMAGE: u32 = 1;

/// The header of a flat image.
struct Image {
    load: u32,
    entry: u32,
    bytes: u32,
    /// Pages, those of zeros behind the image among them.
    pages: u32,
}

impl<M: Machine> Kernel<M> {
    /// Takes possession of a machine: every table is written, no environment lives yet.
    pub fn new(machine: M, boot: &BootInfo) -> Kernel<M> {
        let mut kernel = Kernel {
            machine,
            mac: Mac::new(boot.key),
            asids: Asids::NEW,
            deadline: None,
            user_status: boot.user_status,
            tables: boot.tables,
        };
        kernel.write_tables(boot);
        kernel
    }

    /// Makes the first environment of module 0, and enters it. Stops the machine if that is no image.
    pub fn start(&mut self, module: PageNo) {
        if self.load(module).is_err() {
            for byte in b"module 0 is no flat image\n" {
                self.machine.put(*byte);
            }
            self.machine.halt(NO_IMAGE);
        }
    }

    fn write_tables(&mut self, boot: &BootInfo) {
        *self.machine.public() = Public::NEW;
        self.machine.page_states().fill(AT_BOOT);
        for (first, count) in boot.tables {
            for number in (first.0..).take(usize::from(count)) {
                if let Ok(page) = self.page(PageNo(number)) {
                    self.state(page).owner = PUBLIC;
                }
            }
        }
        // Backwards, so that the list of the free begins with the first.
        for number in (boot.first_free.0.max(1)..self.machine.pages()).rev() {
            if let Ok(page) = self.page(PageNo(number)) {
                self.state(page).owner = NOBODY;
                self.link(page);
            }
        }
        let stlb = self.machine.stlb();
        for slot in 0..STLB_ENTRIES {
            stlb.tags[slot] = EMPTY;
            stlb.entries[slot] = NOTHING;
        }
        self.machine.scratch().victims = [(EMPTY, NOTHING); VICTIMS];
        let dead = self.leads_to(Label::Dead);
        for env in Env::all() {
            self.bury_records(env);
        }
        let calls = &mut self.machine.records().syscalls;
        for record in calls.iter_mut().skip(Syscall::ALL.len()) {
            *record = dead;
        }
    }

    fn load(&mut self, module: PageNo) -> Answer {
        let image = self.image(module).ok_or(Error::BadValue)?;
        let env = Env::new(0).ok_or(Error::BadName)?;
        let free = self.machine.public().free;
        let home = self.page(PageNo(free))?;
        self.hand(home, aegis_abi::bookkeeping::KERNEL);
        self.begin(env, home.number(), NOBODY);
        let public = self.machine.public();
        public.envs[0].reserve = public.free_pages;
        public.slices[0] = Slice {
            owner: 0,
            holder: 0,
        };
        let page = self.env(env);
        page.state.console = 1;
        page.state.entries[ENTRY_SLICE_START as usize] = image.entry;
        self.machine.scratch().current_low = self.env(env).low;
        for index in 0..image.pages {
            let (page, _) = self.page_alloc(ANY)?;
            let page = self.page(PageNo(page as u16))?;
            if index * PAGE_BYTES < image.bytes {
                let from = PageNo(module.0.wrapping_add(index as u16));
                self.machine.copy(from, page.number());
                self.clear_behind(image.bytes, index, page.number());
                self.machine.forget_code(page.number());
            }
            let address = image.load + index * PAGE_BYTES;
            let entry = page.number().physical() | ENTRY_DIRTY | ENTRY_VALID;
            self.guarantee(env, address, entry, Some(page))?;
        }
        self.machine.public().turn = env.owner();
        self.enter(env);
        Ok((0, 0))
    }

    /// Clears what is behind the image in its last page.
    fn clear_behind(&mut self, bytes: u32, index: u32, page: PageNo) {
        let end = bytes.saturating_sub(index * PAGE_BYTES).min(PAGE_BYTES);
        for offset in (end.next_multiple_of(4)..PAGE_BYTES).step_by(4) {
            self.machine.store(page.physical() + offset, 0);
        }
    }

    fn image(&mut self, module: PageNo) -> Option<Image> {
        let at = module.physical();
        let [magic, load, entry, bytes, bss] =
            [0, 4, 8, 12, 16].map(|offset| self.machine.load(at + offset));
        let total = bytes.checked_add(bss)?.checked_add(PAGE_BYTES - 1)?;
        let pages = total / PAGE_BYTES;
        let end = load.checked_add(pages.checked_mul(PAGE_BYTES)?)?;
        let good = magic == FLAT_MAGIC
            && load.is_multiple_of(PAGE_BYTES)
            && pages as usize <= MOST_GUARANTEED
            && end <= GUARANTEED_END
            && (load..end).contains(&entry)
            && entry != 0
            && entry.is_multiple_of(4);
        good.then_some(Image {
            load,
            entry,
            bytes,
            pages,
        })
    }
}
