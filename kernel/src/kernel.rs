//! STAND-IN, replaced by the kernel's logic: one environment from module 0, a second from module 1.
use crate::layout::{ENV_ADDRESS, Frame, Record};
use crate::machine::{Label, Machine};
use aegis_abi::module::{Flat, Module};
use aegis_abi::{Cause, Error, PageNo, Syscall};

pub(crate) struct BootInfo {
    pub(crate) first_free: PageNo,
    pub(crate) modules: (PageNo, u32),
    pub(crate) arguments: PageNo,
}

pub(crate) struct Kernel<M> {
    machine: M,
    boot: BootInfo,
    ticks: u32,
    entries: [u32; 2],
    guaranteed: [(u32, u32, u32); 64],
    count: usize,
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn new(machine: M, boot: BootInfo) -> Self {
        Kernel { machine, boot, ticks: 0, entries: [0; 2], guaranteed: [(0, 0, 0); 64], count: 0 }
    }
    pub(crate) fn machine(&mut self) -> &mut M {
        &mut self.machine
    }
    pub(crate) fn start(&mut self) {
        let mut free = self.boot.first_free;
        let table = self.boot.modules.0.physical();
        let count = self.machine.load(table + 4).min(2);
        for id in 0..count {
            let row = table + 32 * (id + 1) + core::mem::offset_of!(Module, offset) as u32;
            let at = table + self.machine.load(row);
            let length = self.machine.load(row + 4);
            let words = core::array::from_fn(|i| self.machine.load(at + 4 * i as u32));
            let flat = Flat::parse(words, length).unwrap();
            let page = free;
            free.0 += 1;
            self.machine.make_env(page);
            let asid = id + 1;
            let mut offset = 0;
            while offset < flat.memory().unwrap() {
                self.machine.clear(free);
                for word in (0..4096).step_by(4) {
                    if offset + word < flat.bytes {
                        let value = self.machine.load(at + offset + word);
                        self.machine.store(free.physical() + word, value);
                    }
                }
                self.machine.forget_code(free);
                self.guaranteed[self.count] = (asid, flat.base + offset, free.physical() | 0x600);
                self.count += 1;
                free.0 += 1;
                offset += 4096;
            }
            let save = self.machine.scratch() as *mut _ as u32;
            let area = free.physical();
            self.machine.clear(free);
            self.guaranteed[self.count] = (asid, 0x3ff000, area | 0x600);
            self.count += 1;
            free.0 += 1;
            let hash = self.machine.stlb_address() ^ (id << 7);
            let labels = [Label::Interrupt, Label::SystemCall, Label::Unhandled].map(|l| self.machine.label(l));
            let env = self.machine.env(page);
            env.id = id;
            env.hash = hash;
            env.save.fill(save);
            env.handler.fill(labels[2]);
            for cause in 1..13 {
                env.save[cause] = 0x8000_0000 + area + 16 * cause as u32;
                env.handler[cause] = flat.base + 0x20;
            }
            env.save[0] = save;
            env.handler[0] = labels[0];
            env.save[8] = save;
            env.handler[8] = labels[1];
            let high = ENV_ADDRESS | asid << 6;
            let low = page.physical() | 0x600;
            let status = self.machine.status();
            let asynch = self.machine.label(Label::Asynchronous);
            let records = self.machine.records();
            records.synchronous[id as usize] = Record { high, low, status, entry: flat.base + 0x28 };
            records.asynchronous[id as usize] =
                Record { high: (64 + id) << 4, low: asynch, status, entry: flat.base + 0x30 };
            self.entries[id as usize] = flat.entry;
        }
        let first = self.machine.records().synchronous[0];
        let entry = self.entries[0];
        let scratch = self.machine.scratch();
        scratch.current_high = first.high;
        scratch.current_low = first.low;
        scratch.status = first.status;
        scratch.epc = entry;
        scratch.fresh = 1;
        scratch.arguments = [self.boot.arguments.0.into(), count, 0, 0];
    }
    pub(crate) fn ticks(&self) -> u32 {
        self.ticks & 0x7fff_ffff
    }
    pub(crate) fn stack_call(&mut self, call: Syscall, args: [u32; 4]) -> (u32, u32) {
        match call {
            Syscall::halt => self.machine.halt(args[0]),
            Syscall::console_write => {
                for i in 0..args[1] {
                    let byte = self.machine.load((args[0] + i) & !3) >> (8 * ((args[0] + i) & 3));
                    self.machine.put(byte as u8);
                }
                (args[1], 0)
            }
            Syscall::page_alloc => panic!("stand-in panics at {}", args[0]),
            _ => (Error::NoSuchCall.word(), 0),
        }
    }
    pub(crate) fn primitive(&mut self, call: Syscall, t1: u32, t2: u32) -> Result<(), Error> {
        if call != Syscall::tlb_write {
            return Err(Error::NoSuchCall);
        }
        let asid = self.machine.scratch().current_high & 0xfc0;
        let page = t1 & !0xfff;
        let slot = ((page >> 10 & 0x3ffc) ^ (((asid >> 6) - 1) << 7)) / 4;
        let high = page | asid;
        let old = self.machine.stlb().tags[slot as usize];
        self.machine.tlb_delete(old);
        self.machine.tlb_delete(high);
        self.machine.stlb().tags[slot as usize] = high;
        self.machine.stlb().entries[slot as usize] = t2;
        self.machine.tlb_write_random(high, t2);
        Ok(())
    }
    pub(crate) fn tick(&mut self, _: &mut Frame) {
        self.ticks += 1;
    }
    pub(crate) fn wake(&mut self, _: u32) -> bool {
        false
    }
    pub(crate) fn unhandled(&mut self, cause: u32, epc: u32, bad: u32) {
        let _ = Cause(0);
        panic!("unhandled {cause} at {epc:#x} {bad:#x}");
    }
    pub(crate) fn guaranteed_miss(&mut self, address: u32) -> bool {
        let asid = self.machine.scratch().current_high >> 6 & 63;
        let found = self.guaranteed[..self.count].iter().find(|g| g.0 == asid && g.1 == address & !0xfff);
        let Some(&(_, page, low)) = found else { return false };
        self.machine.tlb_write_random(page | asid << 6, low);
        true
    }
}
